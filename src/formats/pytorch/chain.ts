/**
 * Find how the parts of a model are wired, where names, shapes and the classes of modules leave one answer: a chain, in which each part
 * reads the one before it. Gives a mapping; where there is none, or more than one, it says what stands in the way.
 */
import { excerpt } from "../../graph/excerpt.ts";
import { FormatError } from "../safetensors.ts";
import type { MappedLayer, PytorchMapping } from "./mapping.ts";
import { isLoss, isLossType, listed, type TensorTable, type TorchModule } from "./state.ts";
import type { NamedTensor } from "./tensors.ts";
import { type Activation, activations, type RecurrentKind, recurrentKinds, recurrentMaps } from "./weights.ts";

/** A part of a model, as one of the layers that it may be. */
type Reading = {
  readonly layer: MappedLayer;
  /** What it reads and what it gives: numbers of features, or tokens. */
  readonly reads: number | "tokens";
  readonly gives: number;
};
type Part = {
  /** The beginning of its tensors' names. */
  readonly prefix: string;
  readonly readings: readonly Reading[];
};

/** Orders of parts that are tried. */
const mostTries = 10_000;

/**
 * The mapping of a chain.
 * @param name the file's name, for messages
 * @returns the mapping, and what was assumed
 * @throws FormatError of one line with everything that is against it
 */
export function chainOf(
  table: TensorTable,
  name: string,
): { readonly mapping: PytorchMapping; readonly notes: readonly string[] } {
  const { parts, problems, notes, ignore } = partsOf(table, name);
  const copy = copyIn(table);
  if (copy !== undefined) problems.push(copy);
  if (parts.length === 0 && problems.length === 0) problems.push("it has no layer that is read");
  if (problems.length === 0) {
    const ordered = keepsOrder(table, parts);
    const chains = ordered ? chainsInOrder(parts) : chainsInAnyOrder(parts);
    const [chain, ...others] = chains;
    if (chain !== undefined && others.length === 0) {
      const twice = linearTwice(chain, table);
      if (twice === undefined) {
        const mapping = { layers: chain.map(({ layer }) => layer), ...(ignore.length > 0 && { ignore }) };
        return { mapping, notes: [...notes, ...wiring(chain)] };
      }
      problems.push(twice);
    } else if (chain !== undefined) {
      const orders = chains.map((one) => excerpt(one.map(({ layer }) => prefixOf(layer)).join(", "), 120));
      problems.push(`its shapes allow several orders, such as ${orders.join(" and ")}`);
    } else problems.push(...breaks(parts, ordered));
  }
  const more = problems.length > 12 ? `; and ${problems.length - 12} more` : "";
  const what = `${problems.slice(0, 12).join("; ")}${more}`;
  const [state, ...rest] = table.states.map((path) => excerpt(`${path}.`, 60));
  if (state === undefined) {
    throw new FormatError(
      `${name}: ${what}. Without a mapping, which says how tensors are wired, only a chain of layers is read.`,
    );
  }
  const others = rest.slice(0, 6).map((start) => `"${start}"`);
  if (rest.length > others.length) others.push("...");
  throw new FormatError(
    `${name}: it holds ${rest.length + 1} state dictionaries, which make no chain together: ${what}. A mapping says which it takes: for the first alone, prefixes that begin with "${state}" and an "ignore" of [${others.join(", ")}].`,
  );
}

/** Which of several states is a copy of another, such as a mean of the weights or the best of them: no part of one chain with it. */
function copyIn({ tensors, states }: TensorTable): string | undefined {
  const known = new Map<string, string>();
  // Tensors stand in the order of their states.
  const all = [...tensors];
  let at = 0;
  for (const path of states) {
    const own: string[] = [];
    for (; all[at]?.[0].startsWith(`${path}.`); at++) {
      const [tensor, of] = all[at] as (typeof all)[number];
      own.push(`${tensor.slice(path.length)} ${"shape" in of ? of.shape.join() : ""}`);
    }
    const same = own.join("; ");
    const before = known.get(same);
    if (before === undefined) known.set(same, path);
    else if (withoutNumbers(before) !== withoutNumbers(path)) {
      return `${excerpt(path, 60)} has the same tensors as ${excerpt(before, 60)}`;
    }
  }
  return undefined;
}

/** A name that those have in common that differ by their numbers alone. */
const withoutNumbers = (name: string): string => name.replace(/\d+/g, "#");

/**
 * Whether the order of tensors tells that of their layers. PyTorch never gives those of one layer sorted by name: where all are, a program
 * has sorted them.
 */
function keepsOrder({ tensors, modules, ordered }: TensorTable, parts: readonly Part[]): boolean {
  const names = [...tensors.keys()];
  const sorted = names.every((tensor, k) => k === 0 || (names[k - 1] as string) < tensor);
  return modules.size > 0 || (ordered && !(sorted && names.length > parts.length));
}

/** What is assumed of a chain: one note. */
function wiring(chain: readonly Reading[]): string[] {
  const names = chain.map(({ layer }) => ("prefix" in layer && layer.prefix ? excerpt(layer.prefix, 60) : layer.kind));
  const steps = chain.some(({ layer }) => isRecurrent(layer.kind)) ? ", with an output at every step" : "";
  return [`The file does not say how its parts are wired; they are read in a chain: ${names.join(", ")}${steps}.`];
}

const isRecurrent = (kind: string): kind is RecurrentKind => (recurrentKinds as readonly string[]).includes(kind);
const prefixOf = (layer: MappedLayer): string => ("prefix" in layer ? (layer.prefix ?? "") : "");

/** The parts of a table in the order of their first tensors, or in that of the modules. */
function partsOf(
  table: TensorTable,
  name: string,
): {
  readonly parts: readonly Part[];
  readonly problems: string[];
  readonly notes: readonly string[];
  /** Beginnings of the names of tensors that are of no layer. */
  readonly ignore: readonly string[];
} {
  const problems: string[] = [];
  const ignore: string[] = [];
  const notes: string[] = [];
  const unread: string[] = [];
  const owners = new Map<string, Map<string, NamedTensor>>();
  for (const [tensor, found] of table.tensors) {
    const dot = tensor.lastIndexOf(".");
    const [prefix, own] = [tensor.slice(0, Math.max(0, dot)), tensor.slice(dot + 1)];
    if ("problem" in found) {
      unread.push(`${excerpt(tensor, 60)} ${found.problem}`);
      continue;
    }
    const group = owners.get(prefix) ?? new Map<string, NamedTensor>();
    owners.set(prefix, group.set(own, found));
  }
  if (unread.length > 0) throw new FormatError(`${name}: ${unread.slice(0, 12).join("; ")}.`);
  // Modules without tensors, such as activations, have a place in the order too.
  const prefixes =
    table.modules.size > 0 ? [...new Set([...table.modules.keys(), ...owners.keys()])] : [...owners.keys()];
  /** Modules with tensors of their own or of their parts, which stand behind them. */
  const whole = new Set<string>();
  for (const [path, { parts }] of [...table.modules].reverse()) {
    if (owners.has(path) || parts.some((part) => whole.has(path === "" ? part : `${path}.${part}`))) whole.add(path);
  }
  const parts: Part[] = [];
  for (const prefix of prefixes) {
    const module = table.modules.get(prefix);
    const group = owners.get(prefix) ?? new Map<string, NamedTensor>();
    const label = excerpt(prefix, 60) || "the model";
    const type = module?.type.startsWith("torch.nn.modules.")
      ? module.type.slice(module.type.lastIndexOf(".") + 1)
      : undefined;
    if (isLossType(module?.type) || (module === undefined && isLoss(prefix, group))) {
      notes.push(`${label} is left out: it is a loss, which acts in training alone.`);
      if (group.size > 0) ignore.push(`${prefix}.`);
      continue;
    }
    if (group.size === 0 && type === undefined) {
      // A module of one's own: a whole of its parts, or a function.
      if (module !== undefined && !whole.has(prefix)) {
        problems.push(`${label} is a ${excerpt(module.type, 60)} without tensors, whose code is not in the file`);
      }
      continue;
    }
    if (group.size === 0) {
      if (type !== undefined && !containers.includes(type)) withoutTensors(prefix, type, module as TorchModule);
      continue;
    }
    const readings = readingsOf(prefix, group, type, module, notes);
    if (typeof readings === "string") problems.push(`${label} ${readings}`);
    else parts.push({ prefix, readings });
  }
  return { parts, problems, notes, ignore };

  /** An activation in a Sequential follows the part before it; anywhere else only the code says where it is used. */
  function withoutTensors(prefix: string, type: string, module: TorchModule): void {
    const parent = prefix.slice(0, Math.max(0, prefix.lastIndexOf(".")));
    const sequential = isSequential(table.modules.get(parent));
    if (type === "Dropout" || type === "Identity") {
      if (type === "Dropout" && module.attributes.get("p") !== 0)
        notes.push(`${prefix} (Dropout) is left out: it acts in training alone.`);
      return;
    }
    const activation = (Object.keys(activations) as Activation[]).find((one) => activations[one].module === type);
    const before = parts.at(-1);
    const follows =
      before !== undefined && (parent === "" ? before.prefix.indexOf(".") < 0 : before.prefix.startsWith(`${parent}.`));
    const [reading] = before?.readings ?? [];
    const other = unlikeOurs(type, module);
    if (activation === undefined) problems.push(`${prefix} is a ${type}, which is not read`);
    else if (!sequential) problems.push(`${prefix} is a ${type}, and where it is used is not in the file`);
    else if (other !== undefined) problems.push(`${prefix} is a ${type} ${other}`);
    else if (!follows || reading === undefined || !canActivate(reading.layer)) {
      problems.push(`${prefix} is a ${type} that follows no linear layer`);
    } else {
      const layer = { ...reading.layer, activation } as MappedLayer;
      parts[parts.length - 1] = { ...before, readings: [{ ...reading, layer }] };
    }
  }
}

/** What makes a function another one than ours of its name. */
function unlikeOurs(type: string, { attributes }: TorchModule): string | undefined {
  const [beta, threshold, dim] = ["beta", "threshold", "dim"].map((own) => attributes.get(own));
  // From 20 on the sum with what is left out is the same number in f32.
  if (type === "Softplus" && !(beta === 1 && typeof threshold === "number" && threshold >= 20)) {
    return `with beta ${beta} and threshold ${threshold}, and only one with 1 and 20 is read`;
  }
  if ((type === "Softmax" || type === "LogSoftmax") && dim !== -1 && dim !== 2) {
    return `with dim ${dim ?? "None"}, and only one over the features (dim -1, or 2) is read`;
  }
  return undefined;
}

/** Whether a function may follow within the layer. */
const canActivate = (layer: MappedLayer): boolean =>
  (layer.kind === "linear" || layer.kind === "batch_norm") && layer.activation === undefined;

/** Modules that only hold others. */
const containers: readonly string[] = ["Sequential", "ModuleList", "ModuleDict"];
const isSequential = (module: TorchModule | undefined): boolean =>
  module?.type === "torch.nn.modules.container.Sequential";
/** What other tensors beside `weight` give away. */
const giveaways: readonly (readonly [own: string, what: string])[] = [
  ["in_proj_weight", "is an attention, which is not read"],
  ["weight_g", "has its weight in two parts (weight_norm), which are not read"],
  ["weight_orig", "has its weight in two parts (pruning or spectral_norm), which are not read"],
];
/** The classes of recurrent modules. */
const recurrentTypes: Readonly<Record<string, RecurrentKind>> = Object.assign(Object.create(null), {
  ...{ LSTM: "lstm", GRU: "gru", RNN: "rnn", LSTMCell: "lstm", GRUCell: "gru", RNNCell: "rnn" },
});
/** Other classes whose tensors are read. */
const otherTypes: readonly string[] = ["Linear", "Embedding", "LayerNorm", "BatchNorm1d", "SyncBatchNorm"];

/** The layers that the tensors of one prefix may be, or what is against it. */
function readingsOf(
  prefix: string,
  group: ReadonlyMap<string, NamedTensor>,
  type: string | undefined,
  module: TorchModule | undefined,
  notes: string[],
): readonly Reading[] | string {
  if (type !== undefined && recurrentTypes[type] === undefined && !otherTypes.includes(type)) {
    return `is a ${type}, which is not read`;
  }
  if (module !== undefined && type === undefined) {
    return `is a ${excerpt(module.type, 60)} with tensors of its own (${listed([...group.keys()])}), whose code is not in the file`;
  }
  if (group.has("weight_ih_l0") || group.has("weight_ih")) return recurrentReading(prefix, group, type, module, notes);
  if (type !== undefined && /BatchNorm/.test(type) && !group.has("running_mean")) {
    return `is a ${type} without a running mean, which has another at every batch`;
  }
  if (group.has("running_mean")) return batchNormReading(prefix, group, module, notes);
  const [, what] = giveaways.find(([own]) => group.has(own)) ?? [];
  if (what !== undefined) return what;
  const odd = [...group.keys()].filter((own) => own !== "weight" && own !== "bias");
  if (odd.length > 0) return `has tensors that are of no layer that is read: ${listed(odd)}`;
  const [weight, bias] = [group.get("weight"), group.get("bias")];
  const axes = weight?.shape.length;
  if (weight === undefined) return "has a bias and no weight";
  if (axes === 1 && bias === undefined && type !== "LayerNorm") {
    return "has a weight vector and no bias: whether it is a normalisation, a function or the weights of a loss is not in the file";
  }
  if (type === "LayerNorm" && axes !== 1) return `is a LayerNorm over ${axes} axes, which is not read`;
  if (axes === 1) {
    const [width] = weight.shape as [number];
    const epsilon = module?.attributes.get("eps");
    if (epsilon === undefined) notes.push(`${prefix} is read as a layer normalisation with PyTorch's eps, 0.00001.`);
    const layer: MappedLayer = { kind: "layer_norm", prefix, ...(typeof epsilon === "number" && { epsilon }) };
    return [{ layer, reads: width, gives: width }];
  }
  if (axes !== 2) return `has a weight of ${axes} axes, as a convolution has, which is not read`;
  const [rows, columns] = weight.shape as [number, number];
  const linear: Reading = { layer: { kind: "linear", prefix }, reads: columns, gives: rows };
  const table: Reading = { layer: { kind: "embedding", prefix }, reads: "tokens", gives: columns };
  if (type === "Embedding") {
    if (typeof module?.attributes.get("max_norm") === "number")
      return "is an Embedding with max_norm, which is not read";
    if (typeof module?.attributes.get("padding_idx") === "number") {
      notes.push(`${prefix} has a padding_idx, which tells only training something: its steps count, as in PyTorch.`);
    }
    return [table];
  }
  return type === "Linear" || bias !== undefined ? [linear] : /emb|wte/i.test(prefix) ? [table] : [table, linear];
}

function batchNormReading(
  prefix: string,
  group: ReadonlyMap<string, NamedTensor>,
  module: TorchModule | undefined,
  notes: string[],
): readonly Reading[] | string {
  const known = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"];
  const odd = [...group.keys()].filter((own) => !known.includes(own));
  if (odd.length > 0) return `has tensors that are of no layer that is read: ${listed(odd)}`;
  const [width, ...more] = group.get("running_mean")?.shape ?? [];
  if (width === undefined || more.length > 0) return "has a running_mean that is no vector";
  const epsilon = module?.attributes.get("eps");
  if (epsilon === undefined) notes.push(`${prefix} is read as a batch normalisation with PyTorch's eps, 0.00001.`);
  const layer: MappedLayer = { kind: "batch_norm", prefix, ...(typeof epsilon === "number" && { epsilon }) };
  return [{ layer, reads: width, gives: width }];
}

function recurrentReading(
  prefix: string,
  group: ReadonlyMap<string, NamedTensor>,
  type: string | undefined,
  module: TorchModule | undefined,
  notes: string[],
): readonly Reading[] | string {
  const single = group.has("weight_ih");
  const suffix = single ? "" : "_l0";
  const [ih, hh, hr] = ["weight_ih", "weight_hh", "weight_hr"].map((own) => group.get(own + suffix)) as [
    NamedTensor,
    NamedTensor | undefined,
    NamedTensor | undefined,
  ];
  if (hh === undefined) return `has no weight_hh${suffix}`;
  if (ih.shape.length !== 2 || hh.shape.length !== 2) return `has weights that are no matrices`;
  // How many blocks of gates there are: the recurrent matrix has as many columns as units.
  const blocks = (ih.shape[0] as number) / (hr === undefined ? (hh.shape[1] as number) : (hr.shape[1] ?? 0));
  const kind =
    type === undefined
      ? recurrentKinds.find((one) => recurrentMaps[one].weight_ih.length === blocks)
      : recurrentTypes[type];
  if (kind === undefined) {
    return `has a weight_ih${suffix} of ${ih.shape[0]} rows and a weight_hh${suffix} of ${hh.shape[1]} columns, which is no LSTM, GRU or RNN`;
  }
  const odd = [...group.keys()].filter((own) => !/^(weight|bias)_(ih|hh|hr)(_l\d+(_reverse)?)?$/.test(own));
  if (odd.length > 0) return `has tensors that are of no layer that is read: ${listed(odd)}`;
  const both = group.has("weight_ih_l0_reverse");
  const attribute = (own: string) => module?.attributes.get(own);
  const layers = attribute("num_layers");
  const found = single ? 1 : [...group.keys()].filter((own) => /^weight_ih_l\d+$/.test(own)).length;
  if (typeof layers === "number" && layers !== found) return `has num_layers ${layers}, and tensors of ${found} layers`;
  let nonlinearity: "tanh" | "relu" = "tanh";
  if (kind === "rnn") {
    const said = [attribute("mode"), attribute("nonlinearity")].find((one) => typeof one === "string");
    if (said === undefined)
      notes.push(`${prefix || "The RNN"} is read with tanh: whether it is relu is not in the file.`);
    else if (/relu$/i.test(String(said))) nonlinearity = "relu";
    else if (!/tanh$/i.test(String(said))) return `has the nonlinearity ${excerpt(String(said))}, which is not known`;
  }
  const rate = attribute("dropout");
  const layer: MappedLayer = {
    kind,
    prefix,
    ...(nonlinearity === "relu" && { nonlinearity }),
    ...(typeof rate === "number" && rate > 0 && rate < 1 && found > 1 && { dropout: rate }),
  };
  return [{ layer, reads: ih.shape[1] as number, gives: (hh.shape[1] as number) * (both ? 2 : 1) }];
}

/** Whether a part can stand behind what gives `width`. */
const fits = (width: number | undefined, { reads }: Reading): boolean => width === undefined || reads === width;

/** The readings of parts that make a chain in their own order. */
function chainsInOrder(parts: readonly Part[]): readonly (readonly Reading[])[] {
  let chains: readonly (readonly Reading[])[] = [[]];
  for (const [k, { readings }] of parts.entries()) {
    chains = chains.flatMap((chain) =>
      readings
        .filter((one) => (k === 0 || one.reads !== "tokens") && fits(chain.at(-1)?.gives, one))
        .map((one) => [...chain, one]),
    );
  }
  return parts.length === 0 ? [] : chains;
}

/**
 * The chains in any order, at most two: of parts that are alike but for the numbers in their names, such as lstm1 and lstm2, the one with
 * the lower number comes first.
 */
function chainsInAnyOrder(parts: readonly Part[]): readonly (readonly Reading[])[] {
  const sorted = [...parts].sort((a, b) => a.prefix.localeCompare(b.prefix, "en", { numeric: true }));
  const alike = new Map(
    parts
      .flatMap(({ readings }) => readings)
      .map((one) => [one, [one.layer.kind, one.reads, one.gives, withoutNumbers(prefixOf(one.layer))].join(" ")]),
  );
  const chains: (readonly Reading[])[] = [];
  let tries = 0;
  const go = (chain: readonly Reading[], rest: readonly Part[]): void => {
    if (rest.length === 0 && chain.length > 0) chains.push(chain);
    const seen = new Set<string>();
    for (const part of rest) {
      for (const one of part.readings) {
        if (chains.length > 1 || ++tries > mostTries) return;
        if (
          (chain.length > 0 && one.reads === "tokens") ||
          !fits(chain.at(-1)?.gives, one) ||
          seen.has(alike.get(one) as string)
        )
          continue;
        seen.add(alike.get(one) as string);
        go(
          [...chain, one],
          rest.filter((other) => other !== part),
        );
      }
    }
  };
  go([], sorted);
  return tries > mostTries ? [] : chains;
}

/** Two linear layers in a row without a function between make no sense: what is between them is missing. */
function linearTwice(chain: readonly Reading[], { modules }: TensorTable): string | undefined {
  for (const [k, { layer }] of chain.entries()) {
    if (layer.kind !== "linear") continue;
    // A batch normalisation is a linear layer, too.
    const own = chain.slice(0, k).map((reading) => reading.layer);
    const first = own.findLastIndex((one) => one.kind !== "batch_norm" || one.activation !== undefined);
    const before = own[first];
    if (before?.kind !== "linear" || before.activation !== undefined) continue;
    const [a, b] = [prefixOf(before), prefixOf(layer)];
    const parent = a.slice(0, Math.max(0, a.lastIndexOf(".")));
    // In a Sequential there would be a module for it.
    if (b.startsWith(parent) && isSequential(modules.get(parent))) continue;
    return `what stands between the linear layers ${excerpt(a, 60)} and ${excerpt(b, 60)} is not in it`;
  }
  return undefined;
}

/** Where parts do not follow each other. */
function breaks(parts: readonly Part[], ordered: boolean): string[] {
  if (!ordered) {
    const found = parts.map(({ prefix, readings: [one] }) => `${excerpt(prefix, 60)} (${one?.reads} to ${one?.gives})`);
    return [`no order of its parts fits: ${listed(found)}`];
  }
  return parts.flatMap(({ prefix, readings }, k) => {
    const before = parts[k - 1];
    if (before === undefined) return [];
    const gives = [...new Set(before.readings.map((one) => one.gives))];
    const reads = [...new Set(readings.map((one) => one.reads))];
    if (readings.some((one) => one.reads !== "tokens" && gives.includes(one.reads))) return [];
    const label = excerpt(prefix, 60);
    return [
      `${label} reads ${reads.join(" or ")}${reads.includes("tokens") ? "" : " features"}, and ${excerpt(before.prefix, 60)} before it gives ${gives.join(" or ")}`,
    ];
  });
}
