/**
 * The tensors of a saved value by name, as `state_dict()` names them: of a state dictionary, of one within a checkpoint, or of a whole
 * module, whose parts are read as data. Knows nothing about layers.
 */
import { excerpt } from "../../graph/excerpt.ts";
import { globalName, isRecord, type PickleObject, type PickleValue } from "../containers/pickle.ts";
import { FormatError } from "../safetensors.ts";
import { itemsOf, type TorchArchive, walk } from "./archive.ts";
import type { NamedTensor, NoTensor } from "./tensors.ts";

/** Tensors by name, and what is known of the modules that they belong to. */
export type TensorTable = {
  readonly tensors: ReadonlyMap<string, NamedTensor | NoTensor>;
  /** Modules by the beginning of their tensors' names; empty where the file has tensors alone. */
  readonly modules: ReadonlyMap<string, TorchModule>;
  /** Whether the tensors stand in the order in which their module was made. */
  readonly ordered: boolean;
  /** The beginnings of the names of several states that a checkpoint has; empty where there is one. */
  readonly states: readonly string[];
  /** What a reader of the file might not expect. */
  readonly notes: readonly string[];
};
/** A module of which a file holds everything but its code. */
export type TorchModule = {
  /** Its class: "torch.nn.modules.rnn.LSTM". */
  readonly type: string;
  /** Its plain attributes: numbers, texts and flags. */
  readonly attributes: ReadonlyMap<string, number | string | boolean | null>;
  /** The names of its parts, in their order. */
  readonly parts: readonly string[];
};

/** How deep modules and dictionaries may lie in each other. */
const deepest = 64;

/**
 * The tensors of what `torch.save` wrote.
 * @param name the file's name, for messages
 * @throws FormatError for a file without tensors
 */
export function tensorsIn({ value, tensorOf }: TorchArchive, name: string, fileBytes: number): TensorTable {
  const tensors = new Map<string, NamedTensor | NoTensor>();
  const modules = new Map<string, TorchModule>();
  const notes: string[] = [];
  // Modules and parameters that have their names, and what has been looked through for others.
  const seen = new Set<PickleValue>();
  const attributes: [path: string, value: PickleValue][] = [];
  // What several refer to is walked once for each, so that a small file could name very many.
  let left = fileBytes;
  const visit = (depth: number, cost = 1): void => {
    left -= cost;
    if (left < 0 || depth > deepest) {
      throw new FormatError(`${name}: its values lie in each other without end, or deeper than ${deepest}.`);
    }
  };
  const add = (path: string, tensor: NamedTensor | NoTensor): void => {
    if (tensors.has(path)) throw new FormatError(`${name}: it has two tensors named ${excerpt(path, 60)}.`);
    tensors.set(path, tensor);
  };

  const addModule = (module: PickleObject, path: string, depth: number): void => {
    const fields = fieldsOf(module) as Entries;
    const parts = [...(entriesOf(fields.get("_modules")) ?? [])];
    const passing = new Set(itemsIn(fields.get("_non_persistent_buffers_set")));
    visit(depth, fields.size + parts.length + passing.size);
    seen.add(module);
    modules.set(path, { type: classOf(module.type), attributes: plainOf(fields), parts: parts.map(([part]) => part) });
    for (const kind of ["_parameters", "_buffers"]) {
      for (const [own, one] of entriesOf(fields.get(kind)) ?? []) {
        visit(depth);
        if (one === null) continue;
        seen.add(one);
        const tensor = tensorOf(one) ?? { problem: "is of a kind that is not read" };
        if (!(kind === "_buffers" && passing.has(own))) add(join(path, own), tensor);
      }
    }
    for (const [part, one] of parts) {
      if (isModule(one)) addModule(one, join(path, part), depth + 1);
      else if (one !== null) add(join(path, part), { problem: "is a module of a kind that is not read" });
    }
    for (const [own, one] of fields) {
      if (!["_parameters", "_buffers", "_modules"].includes(own)) attributes.push([join(path, own), one]);
    }
  };
  /** Weights in the attributes of modules that are none of their parameters, buffers and modules. */
  const addAttributes = (): void => {
    for (const [path, value] of attributes) {
      let problem: string | undefined;
      const look = (one: PickleValue): void => {
        if (isPacked(one)) problem = packed;
        else if (isModule(one) || isParameter(one)) {
          problem ??= "holds layers or parameters that its module does not have as its own, which are not read";
        }
      };
      walk(value, look, seen);
      if (problem !== undefined) add(path, { problem });
    }
  };
  /** Why an entry of a state that is no tensor cannot be read, if it has weights. */
  const unreadable = (key: string, value: PickleValue): string | undefined => {
    if (isWeight(key) && isArray(value)) return "is an array of NumPy, which is not read within a pickle";
    let problem: string | undefined;
    const look = (one: PickleValue): void => {
      const tensor = problem === packed ? undefined : tensorOf(one);
      if (isPacked(one)) problem = packed;
      else if (tensor !== undefined && "problem" in tensor) problem = tensor.problem;
      else if (tensor !== undefined) problem ??= "holds tensors within another value, which are not read";
    };
    walk(value, look, seen);
    return problem;
  };
  const addDictionary = (entries: Entries, path: string, depth: number): void => {
    for (const [key, one] of entries) {
      visit(depth);
      const tensor = tensorOf(one);
      const inner = tensor === undefined ? entriesOf(one) : undefined;
      if (tensor !== undefined) add(join(path, key), tensor);
      else if (isModule(one)) addModule(one, join(path, key), depth + 1);
      else if (inner === undefined) {
        const problem = unreadable(key, one);
        if (problem !== undefined) add(join(path, key), { problem });
      } else if (!isOptimiser(inner)) addDictionary(inner, join(path, key), depth + 1);
    }
  };
  /** Whether tensors of a dictionary are a state of a module, not the loss or the step of a training beside one. */
  const isState = (entries: Entries): boolean => {
    visit(0, entries.size);
    return [...entries].some(([key, one]) => isWeight(key) && tensorOf(one) !== undefined);
  };
  /** Whether a state is that of a loss beside the model. */
  const ofLoss = ([path, state]: readonly [string, PickleValue]): boolean =>
    isModule(state)
      ? isLossType(classOf(state.type))
      : isLoss(
          path,
          [...(entriesOf(state) as Entries)].map(([key, one]): [string, unknown] => [key, tensorOf(one)]),
        );
  /** Where states are in a checkpoint: dictionaries and modules, by the path to them. */
  const statesIn = (entries: Entries, path: string, depth: number): [path: string, state: PickleValue][] => {
    visit(depth);
    return [...entries].flatMap(([key, one]): [string, PickleValue][] => {
      visit(depth);
      if (isModule(one)) return [[join(path, key), one]];
      const inner = entriesOf(one);
      if (inner === undefined || isOptimiser(inner)) return [];
      return isState(inner) ? [[join(path, key), one]] : statesIn(inner, join(path, key), depth + 1);
    });
  };
  const addState = (state: PickleValue, path: string): void => {
    if (isModule(state)) addModule(state, path, 0);
    else addDictionary(entriesOf(state) as Entries, path, 0);
  };

  let states: readonly [path: string, state: PickleValue][] = [];
  const entries = entriesOf(value);
  const alone = tensorOf(value);
  if (alone !== undefined) add("tensor", alone);
  else if (isModule(value)) addModule(value, "", 0);
  else if (entries !== undefined) {
    const found = isState(entries) ? [] : statesIn(entries, "", 0);
    const models = found.filter((one) => !ofLoss(one));
    states = models.length > 0 ? models : found;
    const [first, ...more] = states;
    if (first === undefined) addDictionary(entries, "", 0);
    else if (more.length === 0) addState(first[1], "");
    else for (const [path, state] of states) addState(state, path);
    if (first !== undefined) {
      const roots = new Set(states.map(([path]) => path.split(".")[0]));
      const unread = [...entries.keys()].filter((key) => !roots.has(key));
      const where = states.map(([path]) => `"${excerpt(path, 60)}"`).join(", ");
      notes.push(`The tensors are those of ${where}${unread.length > 0 ? `; beside them are ${listed(unread)}` : ""}.`);
    }
  }
  addAttributes();
  if (tensors.size === 0) throw new FormatError(`${name}: it holds no tensors of a model.`);
  return { tensors, modules, ordered: true, states: states.length > 1 ? states.map(([path]) => path) : [], notes };
}

/**
 * The same tensors without what PyTorch's wrappers put before every name: "module." (DataParallel) and "_orig_mod." (`torch.compile`).
 * Also without what they count beside it: `n_averaged` (AveragedModel).
 */
export function unwrapped(table: TensorTable): TensorTable {
  const names = [...table.tensors.keys()].filter((name) => name !== "n_averaged");
  const wrapper = ["module.", "_orig_mod."].find((start) => names.every((name) => name.startsWith(start)));
  if (wrapper === undefined || names.length === 0) return table;
  const inner = <T>(all: ReadonlyMap<string, T>): Map<string, T> =>
    new Map(
      [...all].flatMap(([name, one]) => (`${name}.`.startsWith(wrapper) ? [[name.slice(wrapper.length), one]] : [])),
    );
  const states = table.states.map((path) => path.slice(wrapper.length));
  return unwrapped({ ...table, tensors: inner(table.tensors), modules: inner(table.modules), states });
}

/** A list of names for a line, cut where it gets long. */
export const listed = (names: readonly string[], most = 12): string =>
  [
    ...names.slice(0, most).map((name) => excerpt(name, 60)),
    ...(names.length > most ? [`and ${names.length - most} more`] : []),
  ].join(", ");

type Entries = ReadonlyMap<string, PickleValue>;

const join = (path: string, name: string): string => (path === "" ? name : `${path}.${name}`);

/** What has been made of dictionaries: one may stand in very many places. */
const known = new WeakMap<object, Entries>();
/** The entries of a dictionary, or of one of the classes that are one, by names; numbers are names too. */
export function entriesOf(value: PickleValue | undefined): Entries | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const before = known.get(value);
  if (before !== undefined) return before;
  const entries = new Map<string, PickleValue>();
  const add = (key: PickleValue | undefined, one: PickleValue | undefined): void => {
    if (one === undefined) return;
    if (typeof key === "string" || typeof key === "number") entries.set(String(key), one);
    else if (key instanceof Uint8Array) entries.set(String.fromCharCode(...key.subarray(0, 4096)), one);
  };
  if (isRecord(value, "dict")) for (const [key, one] of value.entries) add(key, one);
  else if (
    isRecord(value, "object") &&
    /^(collections\.(OrderedDict|defaultdict)|builtins\.dict|__builtin__\.dict)$/.test(globalName(value.type) ?? "")
  ) {
    // Python 2 gives the entries as pairs to the constructor.
    for (const pair of itemsIn(itemsOf(value.args)?.[0])) {
      const [key, one] = itemsOf(pair) ?? [];
      add(key, one);
    }
    for (const [key, one] of value.entries) add(key, one);
  } else return undefined;
  known.set(value, entries);
  return entries;
}

/** The items of a list, a tuple or a set; none of anything else. */
export const itemsIn = (value: PickleValue | undefined): readonly PickleValue[] => {
  if (isRecord(value, "set")) return value.items;
  // Protocol 2 makes a set by calling it with a list.
  if (isRecord(value, "object") && /^(builtins|__builtin__)\.(set|frozenset)$/.test(globalName(value.type) ?? "")) {
    return itemsOf(itemsOf(value.args)?.[0]) ?? [];
  }
  return itemsOf(value) ?? [];
};

/** The attributes of an object, by name. */
export function fieldsOf(object: PickleObject): Entries | undefined {
  // With slots, the state is a pair of attributes and slots.
  const state = isRecord(object.state, "tuple") ? object.state.items[0] : object.state;
  return entriesOf(state);
}

/** Whether it is a module, by the parts that each has. */
export const isModule = (value: PickleValue | undefined): value is PickleObject => {
  if (!isRecord(value, "object")) return false;
  const fields = fieldsOf(value);
  return fields?.has("_parameters") === true && fields.has("_modules");
};

/** The name of an object's class. A stream names it with the file and the text of its source. */
function classOf(type: PickleValue): string {
  const parts = isRecord(type, "persistent") ? (itemsOf(type.id) ?? []) : [type];
  return parts.map(globalName).find((called) => called !== undefined) ?? "";
}

function plainOf(fields: Entries): TorchModule["attributes"] {
  const plain = new Map<string, number | string | boolean | null>();
  for (const [name, value] of fields) {
    if (value === null || ["number", "string", "boolean"].includes(typeof value)) plain.set(name, value as number);
  }
  return plain;
}

/** Whether a key is that of a weight in a state. */
const isWeight = (key: string): boolean => /(^|[._])(weight|bias)/.test(key);

/** Whether a class is one of PyTorch's losses, which act in training alone. */
export const isLossType = (type: string | undefined): boolean => type?.startsWith("torch.nn.modules.loss.") === true;

/** Whether tensors are the weights of the classes in a loss, by their names and shapes. */
export const isLoss = (path: string, tensors: Iterable<readonly [own: string, tensor: unknown]>): boolean =>
  /(criterion|loss)[^.]*$/i.test(path) &&
  [...tensors].every(([own, tensor]) => /^(pos_)?weight$/.test(own) && (tensor as NamedTensor)?.shape?.length === 1);

/** Why an object cannot be read that has the weights of a quantised layer in a form of its own. */
const packed = "is packed, as a quantised layer is, which is not read";
const typeOf = (value: PickleValue): string => (isRecord(value, "object") && globalName(value.type)) || "";
const isPacked = (value: PickleValue): boolean => typeOf(value) === "torch.ScriptObject";
const isParameter = (value: PickleValue): boolean =>
  /^torch\.(_utils\._rebuild_parameter|nn\.parameter\.Parameter$)/.test(typeOf(value));
const isArray = (value: PickleValue): boolean => /^numpy\._?core\.multiarray\._reconstruct$/.test(typeOf(value));

/** What `optimizer.state_dict()` gives: its tensors have the shapes of the weights and are none. */
const isOptimiser = (entries: Entries): boolean => entries.has("param_groups") && entries.has("state");
