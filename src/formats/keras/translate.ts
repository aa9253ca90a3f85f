/**
 * The layers of a Keras model as ours: data from data. What our layers cannot say is refused, with the layer's name and class and the
 * reason, before any weight is looked at. Knows nothing about files.
 */
import { excerpt } from "../../graph/excerpt.ts";
import { InputError } from "../../graph/input-error.ts";
import {
  activations,
  bidirectional,
  type CellSpec,
  dropout,
  embedding,
  globalAveragePooling1d,
  globalMaxPooling1d,
  input,
  isLayerName,
  type LayerSpec,
  type MergeMode,
  masking,
  mergeModes,
  recurrent,
  repeatVector,
} from "../../nn/layers.ts";
import type { Layer, Model } from "../../nn/model.ts";
import { convolution } from "../../nn/sequence-cells.ts";
import { type Activation, activationOf, activationOfLayer } from "./activations.ts";
import {
  activationCell,
  affineCell,
  denseCell,
  normalizationCell,
  type RecurrentForm,
  recurrentCell,
  sameCell,
} from "./cells.ts";
import {
  type Config,
  ConfigError,
  type KerasCall,
  type KerasLayer,
  type KerasModel,
  nested,
  type Reference,
} from "./config.ts";
import type { WeightForm, WeightGroup } from "./weights.ts";

/** What of a version of Keras matters to its configs. */
export type Dialect = {
  /** 1, 2 or 3. */
  readonly major: number;
  /** Whether recurrent layers hand masks on: up to 3.15. */
  readonly handsMasksOn: boolean;
};

/** A Keras model in our layers, without its values. */
export type Translated = {
  /** For each output of the model, in its order. */
  readonly outputs: readonly {
    readonly name: string;
    readonly layers: readonly Layer[];
    readonly input: Model["input"];
  }[];
  /** The parts of each layer that has arrays, by its name, in the order of the config. */
  readonly weights: ReadonlyMap<string, readonly WeightGroup[]>;
  readonly notes: readonly string[];
};

/** An output of a call of a layer. */
type Value = {
  /** The name that our layers read. Makes the layer, where only few models need it. */
  readonly flow: () => string;
  readonly sequence: boolean;
  readonly tokens?: true;
  /** Which steps count: a text for each mask; undefined where all do. */
  mask: string | undefined;
  /** The mask that it had, had the layer handed it on; and what makes it do so. */
  readonly ended?: { readonly mask: string; readonly undo: () => void };
  /** Whether a layer that looks at masks has read it. */
  looked?: boolean;
  /** The input whose steps it has. */
  readonly time: string | undefined;
  /** Of a final state: whose it is, which, and of how many. */
  readonly state?: {
    readonly of: string;
    readonly name: string;
    readonly half?: "forward" | "backward";
    readonly all: number;
  };
  /** Of a concatenation: what it joins. */
  readonly parts?: readonly Value[];
};
type Entry = { spec: LayerSpec & { readonly name: string } };

/** Why classes that people do have cannot be said. */
const reasons: Readonly<Record<string, string>> = {
  ConvLSTM1D: "its states have an axis of space",
  ConvLSTM2D: "its states are images",
  ConvLSTM3D: "its states have three axes of space",
  Lambda: "it holds code, which is not run",
  TextVectorization: "it reads texts; give the model what comes behind it",
  StringLookup: "it reads texts; give the model what comes behind it",
  Sequential: "it is a model within the model",
  Functional: "it is a model within the model",
  Conv2D: "it reads images",
  Reshape: "our sequences are of any length",
  Permute: "it exchanges time and features",
};

/**
 * Translate a model.
 * @throws ConfigError for the first layer that our layers cannot say; InputError where they do not fit together
 */
export function translate(model: KerasModel, dialect: Dialect): Translated {
  const { major } = dialect;
  const entries: Entry[] = [];
  const weights = new Map<string, readonly WeightGroup[]>();
  const notes: string[] = [];
  const note = (text: string): void => {
    if (!notes.includes(text)) notes.push(text);
  };
  const values = new Map<string, readonly Value[]>();
  const key = ([layer, call]: readonly [string, number, ...unknown[]]): string => `${call} ${layer}`;

  // Names.
  const taken = new Set<string>();
  const ours = new Map<string, string>();
  const free = (wanted: string): string => {
    const cleaned = wanted.replace(/[^\p{L}\p{N}_]/gu, "_").replace(/^(?![\p{L}_])/u, "_");
    const usable = isLayerName(cleaned) ? cleaned : `${cleaned}_`;
    let name = usable;
    for (let k = 2; taken.has(name); k++) name = `${usable}_${k}`;
    taken.add(name);
    return name;
  };
  for (const { name, operation } of model.layers) if (!operation && isLayerName(name)) taken.add(name);
  for (const { name, operation } of model.layers) {
    if (!operation) ours.set(name, isLayerName(name) ? name : free(name));
  }
  const changed = [...ours].filter(([theirs, name]) => theirs !== name);
  if (changed.length > 0) {
    const all = changed.map(([theirs, name]) => `${JSON.stringify(theirs)} is ${name}`);
    note(`Names of layers have letters, digits and underscores here: ${all.join(", ")}.`);
  }
  const emit = (spec: LayerSpec, name: string): Entry => {
    const entry = { spec: { ...spec, name } };
    entries.push(entry);
    return entry;
  };

  // Inputs: those that an embedding reads are tokens.
  const readBy = new Map<string, Set<string>>();
  for (const layer of model.layers) {
    for (const one of layer.calls.flatMap((call) => call.inputs)) {
      readBy.set(one[0], (readBy.get(one[0]) ?? new Set()).add(layer.operation ? "operation" : layer.className));
    }
  }
  const addInput = (layer: KerasLayer): Value => {
    const readers = readBy.get(layer.name) ?? new Set<string>();
    const tokens = readers.has("Embedding");
    if (tokens && [...readers].some((one) => one !== "Embedding" && one !== "operation")) {
      refuse(layer, "an Embedding and another layer read it");
    }
    const shape = layer.config.batch_shape ?? layer.config.batch_input_shape ?? layer.config.shape;
    if (!Array.isArray(shape)) return refuse(layer, "it has no shape");
    const axes = (
      Array.isArray(layer.config.shape) && shape === layer.config.shape ? shape : shape.slice(1)
    ) as unknown[];
    const [steps, features] = tokens ? [axes, undefined] : [axes.slice(0, -1), axes.at(-1)];
    if (steps.length > 1)
      return refuse(
        layer,
        `it has the shape (${shape.map((n) => n ?? "any").join(", ")}); sequences of vectors have three axes`,
      );
    if (!tokens && !(typeof features === "number" && features >= 1))
      return refuse(layer, "the number of its features is open");
    const sequence = steps.length === 1;
    const name = ours.get(layer.name) as string;
    emit(input(tokens ? "tokens" : (features as number), { sequence }), name);
    const length = steps[0];
    if (typeof length === "number") lengths.set(name, length);
    if (typeof shape[0] === "number" && shape === layer.config.batch_shape) {
      note(`Its batches had ${shape[0]} examples; here they have any number.`);
    }
    if (sequence) times.set(name, name);
    return {
      flow: () => name,
      sequence,
      ...(tokens && { tokens }),
      mask: undefined,
      time: sequence ? name : undefined,
    };
  };
  const lengths = new Map<string, number>();
  /** Inputs whose steps are the same, by the input that stands for all of them. */
  const times = new Map<string, string>();
  const root = (time: string): string => {
    const next = times.get(time);
    return next === undefined || next === time ? time : root(next);
  };
  const join = (all: readonly Value[]): string | undefined => {
    const given = all.flatMap(({ time }) => (time === undefined ? [] : [root(time)]));
    for (const one of given.slice(1)) times.set(root(one), given[0] as string);
    return given[0];
  };

  // Masks.
  const unmaskedOf = new Map<string, string>();
  /** What a layer reads that ignores masks, or has none. */
  const unmasked = (value: Value): string => {
    if (value.mask === undefined) return value.flow();
    const from = value.flow();
    const made = unmaskedOf.get(from) ?? free(`${from.replace(".", "_")}_unmasked`);
    if (!unmaskedOf.has(from)) emit(recurrent(sameCell, { label: "unmasked", reads: from, endsMask: true }), made);
    unmaskedOf.set(from, made);
    return made;
  };
  /** What a layer reads that looks at masks; and the mask that it has there. */
  const masked = (
    layer: KerasLayer,
    call: KerasCall,
    value: Value,
  ): { readonly reads: string; readonly mask: string | undefined } => {
    const wanted = call.mask === undefined ? value.mask : call.mask === null ? undefined : maskOf(layer, call.mask);
    if (wanted !== undefined && wanted !== value.mask) {
      const { ended } = value;
      if (ended?.mask !== wanted || value.looked) return refuse(layer, "its mask is not that of what it reads");
      ended.undo();
      value.mask = wanted;
    }
    value.looked = true;
    return { reads: wanted === undefined ? unmasked(value) : value.flow(), mask: wanted };
  };
  const operations = new Map(model.layers.filter(({ operation }) => operation).map((layer) => [layer.name, layer]));
  /** The mask that operations of the config make: which steps of an input are not a value. */
  const maskOf = (layer: KerasLayer, [name, call]: Reference): string => {
    const found = operations.get(name);
    const given = found?.calls[call];
    const [from] = given?.inputs ?? [];
    if (found === undefined || given === undefined || from === undefined)
      return refuse(layer, "its mask is an input of the model");
    if (found.className === "Any") return maskOf(layer, from);
    const [value] = given.constants;
    if (
      found.className !== "NotEqual" ||
      given.inputs.length !== 1 ||
      typeof value !== "number" ||
      !ours.has(from[0])
    ) {
      return refuse(layer, `its mask is made by the operation ${excerpt(found.className)}`);
    }
    return maskName(ours.get(from[0]) as string, value);
  };
  const maskName = (of: string, value: number): string => `${of} is not ${value}`;

  /** Whether an axis is that of the features. */
  const isLast = (axis: unknown, { sequence }: Value): boolean => {
    const [one, ...more] = Array.isArray(axis) ? axis : [axis ?? -1];
    return more.length === 0 && (one === -1 || one === (sequence ? 2 : 1));
  };

  /** Options of our recurrent layers, and the form of the cell. */
  const readRecurrent = (layer: KerasLayer, className: string, config: Config) => {
    const kind = { LSTM: "lstm", GRU: "gru", SimpleRNN: "simple_rnn" }[
      className.replace(/^CuDNN/, "").replace(/Cell$/, "")
    ] as RecurrentForm["kind"] | undefined;
    if (kind === undefined) return refuse(layer, `its cell is of the class ${excerpt(className)}`);
    const cudnn = className.startsWith("CuDNN");
    const { units } = config;
    if (typeof units !== "number" || !(units >= 1)) return refuse(layer, "it has no number of units");
    if (config.time_major === true) return refuse(layer, "it reads arrays with the time first (time_major)");
    const usual = cudnn || major >= 3 ? "sigmoid" : "hard_sigmoid";
    const activation = functionOf(layer, cudnn ? "tanh" : (config.activation ?? "tanh"));
    const gate = functionOf(layer, cudnn ? "sigmoid" : (config.recurrent_activation ?? usual));
    const bias = config.use_bias !== false;
    const resetAfter = kind === "gru" && (cudnn || ((config.reset_after ?? major >= 3) as boolean));
    const form = { kind, activation, recurrent: gate, bias, resetAfter };
    const weightForm: WeightForm = { kind: "recurrent", cell: kind, units, bias, resetAfter, cudnn };
    const rates = {
      dropout: rateOf(config.dropout),
      recurrentDropout: rateOf(config.recurrent_dropout),
    };
    const options = {
      returnSequences: config.return_sequences === true,
      goBackwards: config.go_backwards === true,
      stateful: config.stateful === true,
      zeroOutputForMask: config.zero_output_for_mask === true,
    };
    const states = kind === "lstm" ? ["h", "c"] : ["h"];
    return { form, weightForm, units, label: kind, options, rates, states, returnState: config.return_state === true };
  };
  const functionOf = (layer: KerasLayer, given: unknown): Activation => {
    const found = activationOf(given, major);
    if (typeof found === "string") {
      return refuse(
        layer,
        `our equations cannot say the activation ${excerpt(found)}${found === "gelu" ? ", which needs the error function" : ""}`,
      );
    }
    return found;
  };

  /** Where states start: the final states of one layer; or a vector for each, from layers with the states' names. */
  const startsOf = (
    states: readonly string[],
    given: readonly Value[],
    layer: KerasLayer,
  ): { readonly names: [string, string]; readonly from?: string | readonly string[] } => {
    const usual: [string, string] = ["h", "c"];
    if (given.length === 0) return { names: usual };
    if (given.length !== states.length)
      return refuse(layer, `it starts from ${given.length} values and has ${states.length} states`);
    if (given.some(({ sequence, tokens }) => sequence || tokens)) return refuse(layer, "it starts from a sequence");
    const of = given[0]?.state?.of ?? given[0]?.parts?.[0]?.state?.of;
    const isState = (value: Value | undefined, name: string, half?: string): boolean =>
      value?.state?.of === of &&
      value?.state?.name === name &&
      value?.state?.half === half &&
      value?.state?.all === states.length;
    const whole = given.every((value, k) => isState(value, states[k] as string));
    const joined = given.every(
      ({ parts }, k) =>
        parts?.length === 2 &&
        isState(parts[0], states[k] as string, "forward") &&
        isState(parts[1], states[k] as string, "backward"),
    );
    if (of !== undefined && (whole || joined)) return { names: usual, from: of };
    const flows = given.map((value) => value.flow());
    // A recurrent layer would give its final states in place of its output.
    const recurrentOnes = new Set(entries.filter(({ spec }) => hasStates(spec)).map(({ spec }) => spec.name));
    const direct = flows.every((flow, k) => flow === states[k] && !recurrentOnes.has(flow));
    if (direct || (flows.length === 1 && !recurrentOnes.has(flows[0] as string))) return { names: usual, from: flows };
    // So there are layers of the states' names between; where a name is taken, the states have another.
    const own = states.map((state) => (taken.has(state) ? free(`${ours.get(layer.name)}_${state}`) : free(state)));
    own.forEach((name, k) => {
      emit(recurrent(sameCell, { label: "state", reads: flows[k] as string }), name);
    });
    return { names: [own[0] as string, own[1] ?? "c"], from: own };
  };

  type Copy = (state: string, half: "forward" | "backward" | undefined, name: string) => void;
  /** The final states of a layer as values; as layers of their own only where something reads them so. */
  const statesOf = (
    of: string,
    names: readonly string[],
    half: "forward" | "backward" | undefined,
    copy: Copy,
  ): Value[] =>
    names.map((name) => {
      let made: string | undefined;
      return {
        flow: () => {
          if (made === undefined) {
            made = free(`${of}${half === undefined ? "" : `_${half}`}_${name}`);
            copy(name, half, made);
          }
          return made;
        },
        ...{ sequence: false, mask: undefined, time: undefined },
        state: { of, name, all: names.length, ...(half !== undefined && { half }) },
      };
    });
  /** The parameters of one cell for another. */
  const sharedWith = (spec: CellSpec, of: string): Record<string, string> =>
    Object.fromEntries(spec.cell.parameters.map(({ name }) => [name, `${of}.${name}`]));

  /** How many of the layer's calls were made: the first has its parameters. */
  const nameOfCall = (layer: KerasLayer, call: number): string =>
    call === 0 ? (ours.get(layer.name) as string) : free(`${ours.get(layer.name)}_call_${call + 1}`);

  const outputMask = (mask: string | undefined, returnSequences: boolean) => {
    const kept = returnSequences ? mask : undefined;
    return { mask: dialect.handsMasksOn ? kept : undefined, ends: kept !== undefined && !dialect.handsMasksOn, kept };
  };
  const endedBy = (entry: Entry, kept: string | undefined): Pick<Value, "ended"> =>
    kept === undefined
      ? {}
      : {
          ended: {
            mask: kept,
            undo: () => {
              const clear = <T extends object>(spec: T): T => {
                const { endsMask: _, ...rest } = spec as T & { endsMask?: true };
                return rest as T;
              };
              const { spec } = entry;
              entry.spec =
                spec.kind === "bidirectional"
                  ? { ...spec, forward: clear(spec.forward), backward: clear(spec.backward) }
                  : clear(spec);
            },
          },
        };

  const addRecurrent = (
    layer: KerasLayer,
    index: number,
    call: KerasCall,
    given: readonly Value[],
    starts: readonly Value[],
  ): readonly Value[] => {
    const [x] = given as [Value];
    const { className, config } = layer;
    const wrapped = className === "RNN" ? nested(config.cell) : { className, config };
    if (className === "RNN" && wrapped === undefined) {
      const list = Array.isArray(config.cell) ? "a list of cells" : "no cell of Keras";
      return refuse(layer, `it runs over ${list}`);
    }
    const { className: cellClass, config: cellConfig } = wrapped as NonNullable<typeof wrapped>;
    if (cellClass === "StackedRNNCells") return addStacked(layer, index, call, x, starts, cellConfig);
    const read = readRecurrent(layer, cellClass, className === "RNN" ? { ...config, ...cellConfig } : config);
    const name = nameOfCall(layer, index);
    const { names, from } = startsOf(read.states, starts, layer);
    const { reads, mask } = masked(layer, call, x);
    checkReversed(layer, mask, read.options);
    const { ends, kept, mask: handed } = outputMask(mask, read.options.returnSequences);
    const make = (output?: string): CellSpec =>
      recurrent(recurrentCell({ ...read.form, states: names, output }), {
        ...{
          units: read.units,
          label: read.label,
          reads,
          ...read.options,
          ...read.rates,
          returnState: read.returnState,
        },
        ...(from !== undefined && { initialState: { from }, stateful: false }),
      });
    const spec = make();
    const owner = ours.get(layer.name) as string;
    const shared = { shared: sharedWith(spec, owner) };
    const entry = emit({ ...spec, ...(ends && { endsMask: true }), ...(index > 0 && shared) }, name);
    if (index === 0) {
      weights.set(layer.name, [{ form: read.weightForm, to: name, path: "cell" }]);
    }
    const main: Value = {
      ...{ flow: () => name, sequence: read.options.returnSequences, mask: handed },
      time: read.options.returnSequences ? x.time : undefined,
      ...endedBy(entry, ends ? kept : undefined),
    };
    if (!read.returnState) return [main];
    const copy: Copy = (state, _, made) => {
      const output = names[read.states.indexOf(state)] as string;
      const one = make(state === "h" ? undefined : output);
      emit({ ...one, returnSequences: false, returnState: false, ...shared }, made);
    };
    return [main, ...statesOf(name, read.states, undefined, copy)];
  };
  const checkReversed = (
    layer: KerasLayer,
    mask: string | undefined,
    { goBackwards, returnSequences }: { goBackwards: boolean; returnSequences: boolean },
  ): void => {
    if (mask !== undefined && goBackwards && returnSequences && dialect.handsMasksOn) {
      refuse(layer, "it reverses a masked sequence, and Keras hands the mask on as it was");
    }
  };

  /** Cells one on the other are layers one on the other, of which all but the last return sequences and hand masks on. */
  const addStacked = (
    layer: KerasLayer,
    index: number,
    call: KerasCall,
    x: Value,
    starts: readonly Value[],
    config: Config,
  ): readonly Value[] => {
    if (!Array.isArray(config.cells) || config.cells.length === 0) return refuse(layer, "it has no cells");
    if (starts.length > 0) return refuse(layer, "its stacked cells start from given states");
    if (index > 0) return refuse(layer, "it is called twice");
    const cells = config.cells.map((one) => nested(one) ?? refuse(layer, "one of its cells has no class and options"));
    const { reads, mask } = masked(layer, call, x);
    const own = ours.get(layer.name) as string;
    const counts = new Map<string, number>();
    const groups: WeightGroup[] = [];
    let from = reads;
    let last: Entry | undefined;
    let returnSequences = false;
    let handed: ReturnType<typeof outputMask> = { mask: undefined, ends: false, kept: undefined };
    cells.forEach(({ className, config: one }, k) => {
      const end = k === cells.length - 1;
      const read = readRecurrent(layer, className, { ...layer.config, ...one });
      const folder = snakeCase(className);
      const count = counts.get(folder) ?? 0;
      counts.set(folder, count + 1);
      const name = end ? own : free(`${own}_${k + 1}`);
      checkReversed(layer, mask, read.options);
      returnSequences = read.options.returnSequences;
      handed = outputMask(mask, returnSequences);
      const spec = recurrent(recurrentCell({ ...read.form, states: ["h", "c"] }), {
        ...{ units: read.units, label: read.label, reads: from, ...read.options, ...read.rates },
        // The cells after the first read in the order of the first's outputs.
        ...(k > 0 && { goBackwards: false }),
        ...(!end && { returnSequences: true }),
        ...(end && handed.ends && { endsMask: true }),
      });
      last = emit(spec, name);
      groups.push({ form: read.weightForm, to: name, path: `cell/cells/${folder}${count === 0 ? "" : `_${count}`}` });
      from = name;
    });
    weights.set(layer.name, groups);
    const main: Value = {
      ...{ flow: () => own, sequence: returnSequences, mask: handed.mask, time: returnSequences ? x.time : undefined },
      ...endedBy(last as Entry, handed.ends ? handed.kept : undefined),
    };
    const unsaid = (): never => refuse(layer, "the states of its stacked cells are read");
    const state: Value = { flow: unsaid, sequence: false, mask: undefined, time: undefined };
    return layer.config.return_state === true ? [main, ...cells.flatMap(() => [state, state])] : [main];
  };

  const addBidirectional = (
    layer: KerasLayer,
    index: number,
    call: KerasCall,
    x: Value,
    starts: readonly Value[],
  ): readonly Value[] => {
    const { config } = layer;
    const there = nested(config.layer);
    if (there === undefined) return refuse(layer, "it has no layer");
    const back = nested(config.backward_layer) ?? there;
    if (starts.length > 0) return refuse(layer, "its directions start from given states");
    const mode = config.merge_mode === null ? "none" : (config.merge_mode ?? "concat");
    const mergeMode = [...mergeModes, "none" as const].find((one) => one === mode);
    if (mergeMode === undefined) return refuse(layer, `its merge_mode is ${excerpt(String(mode))}`);
    const name = nameOfCall(layer, index);
    const { reads, mask } = masked(layer, call, x);
    const [forward, backward] = [there, back].map(({ className, config: own }) =>
      readRecurrent(layer, className, own),
    ) as [ReturnType<typeof readRecurrent>, ReturnType<typeof readRecurrent>];
    const { returnSequences, goBackwards } = forward.options;
    checkReversed(layer, mask, forward.options);
    const { ends, kept, mask: handed } = outputMask(mask, returnSequences);
    if (mask !== undefined && returnSequences && major < 3) {
      note(
        `${name}: masked steps of a Bidirectional are zeros here, as since Keras 2.4; earlier versions repeat the step before.`,
      );
    }
    const make = (read: typeof forward, output?: string): CellSpec =>
      recurrent(recurrentCell({ ...read.form, states: ["h", "c"], output }), {
        ...{ units: read.units, label: read.label, ...read.options, ...read.rates, goBackwards: false },
        returnState: read.returnState,
      });
    const owner = ours.get(layer.name) as string;
    const direction = (read: typeof forward, which: "forward" | "backward"): CellSpec => {
      const spec = make(read);
      return {
        ...{ ...spec, goBackwards: which === "forward" && goBackwards },
        ...(ends && { endsMask: true }),
        ...(index > 0 && { shared: sharedWith(spec, `${owner}.${which}`) }),
      };
    };
    const made = bidirectional(direction(forward, "forward"), {
      backward: direction(backward, "backward"),
      mergeMode,
      reads,
    });
    const entry = emit(made, name);
    if (index === 0) {
      weights.set(layer.name, [
        { form: forward.weightForm, to: `${name}.forward`, path: "forward_layer/cell" },
        { form: backward.weightForm, to: `${name}.backward`, path: "backward_layer/cell" },
      ]);
    }
    const flowOf = (flow: string): Value => ({
      ...{ flow: () => flow, sequence: returnSequences, mask: handed, time: returnSequences ? x.time : undefined },
      ...endedBy(entry, ends ? kept : undefined),
    });
    const outputs = mergeMode === "none" ? [flowOf(`${name}.forward`), flowOf(`${name}.backward`)] : [flowOf(name)];
    if (!forward.returnState) return outputs;
    const copy =
      (read: typeof forward): Copy =>
      (state, half, to) => {
        const one = make(read, state === "h" ? undefined : state);
        const backwards = (half === "backward") !== goBackwards;
        const shared = sharedWith(one, `${owner}.${half}`);
        emit({ ...one, reads, goBackwards: backwards, returnSequences: false, returnState: false, shared }, to);
      };
    return [
      ...outputs,
      ...statesOf(name, forward.states, "forward", copy(forward)),
      ...statesOf(name, backward.states, "backward", copy(backward)),
    ];
  };

  const mergeOf = (layer: KerasLayer, mergeMode: MergeMode, given: readonly Value[]): Value => {
    const name = ours.get(layer.name) ?? free(layer.name);
    if (given.length < 2) return refuse(layer, "it merges fewer than two values");
    if (given.some(({ tokens }) => tokens)) return refuse(layer, "it merges tokens");
    if (given.some(({ sequence }) => sequence !== given[0]?.sequence)) {
      return refuse(layer, "it merges sequences with what is one vector for all steps");
    }
    const masks = new Set(given.map(({ mask }) => mask));
    const all = [...masks].filter((mask) => mask !== undefined);
    let made = false;
    const flow = (): string => {
      if (!made) emit({ kind: "merge", of: given.map((value) => value.flow()), mergeMode }, name);
      made = true;
      return name;
    };
    const parts = mergeMode === "concat" ? { parts: given } : {};
    const value: Value = {
      ...{
        flow,
        sequence: (given[0] as Value).sequence,
        mask: all.length === 0 ? undefined : all.sort().join(" and "),
      },
      ...{ time: join(given), ...parts },
    };
    // Joined states are needed as a layer only where another layer than a decoder reads them.
    if (!given.every(({ state }) => state !== undefined)) flow();
    return value;
  };

  /** A layer that reads one value and does the same at each step; `path` is where its arrays are. */
  const addSimple = (
    layer: KerasLayer,
    className: string,
    config: Config,
    at: { readonly index: number; readonly path: string; readonly x: Value; readonly call: KerasCall },
  ): Value | undefined => {
    const { index, path, x, call } = at;
    const name = nameOfCall(layer, index);
    const owner = ours.get(layer.name) as string;
    const cellLayer = (spec: CellSpec, form?: WeightForm, value: Partial<Value> = {}): Value => {
      emit({ ...spec, ...(index > 0 && form !== undefined && { shared: sharedWith(spec, owner) }) }, name);
      if (index === 0 && form !== undefined) weights.set(layer.name, [{ form, to: name, path }]);
      return { flow: () => name, sequence: x.sequence, mask: x.mask, time: x.time, ...value };
    };
    const vectors = (): void => {
      if (x.tokens) refuse(layer, "it reads tokens");
    };
    const asFunction = activationOfLayer(className, config, major);
    if (asFunction !== undefined) {
      vectors();
      if (className === "Softmax" && !isLast(config.axis, x))
        return refuse(layer, "its axis is not that of the features");
      return cellLayer(recurrent(activationCell(asFunction), { label: snakeCase(className), reads: x.flow() }));
    }
    switch (className) {
      case "Dense":
      case "TimeDistributedDense": {
        vectors();
        const { units } = config;
        if (typeof units !== "number" || !(units >= 1)) return refuse(layer, "it has no number of units");
        const bias = config.use_bias !== false;
        const of = denseCell(functionOf(layer, config.activation), bias);
        return cellLayer(recurrent(of, { units, label: "dense", reads: x.flow() }), { kind: "dense", bias });
      }
      case "Activation": {
        vectors();
        const of = activationCell(functionOf(layer, config.activation));
        return cellLayer(recurrent(of, { label: "activation", reads: x.flow() }));
      }
      case "LayerNormalization": {
        vectors();
        if (!isLast(config.axis, x)) return refuse(layer, "its axis is not that of the features");
        if (config.rms_scaling === true) return refuse(layer, "it scales by the root of the mean square (rms_scaling)");
        const [scale, center] = [config.scale !== false, config.center !== false];
        const of = normalizationCell(epsilonOf(layer, config), scale, center);
        return cellLayer(recurrent(of, { label: "layer_normalization", reads: x.flow() }), {
          ...{ kind: "normalization", scale, center },
        });
      }
      case "BatchNormalization": {
        vectors();
        if (!isLast(config.axis, x) || (config.mode ?? 0) !== 0)
          return refuse(layer, "its axis is not that of the features");
        const [scale, center] = [config.scale !== false, config.center !== false];
        note(
          `${name}: as it is at inference, a factor and a shift for each feature; training here leaves out what it does with batches.`,
        );
        return cellLayer(recurrent(affineCell, { label: "batch_normalization", reads: x.flow() }), {
          ...{ kind: "batch", scale, center, epsilon: epsilonOf(layer, config) },
        });
      }
      case "Dropout":
      case "SpatialDropout1D": {
        vectors();
        const shape = Array.isArray(config.noise_shape) ? config.noise_shape.slice(1) : undefined;
        const locked = className === "SpatialDropout1D" || (shape?.length === 2 && shape[0] === 1);
        if (shape?.some((n, k) => n !== null && n !== undefined && !(locked && k === 0)))
          return refuse(layer, "its noise_shape has fixed sizes");
        emit(dropout(rateOf(config.rate), { locked, reads: x.flow() }), name);
        return { flow: () => name, sequence: x.sequence, mask: x.mask, time: x.time };
      }
      case "GaussianNoise":
      case "GaussianDropout":
      case "AlphaDropout":
      case "ActivityRegularization":
        note(`${name} (${className}) is left out: outside training it does nothing.`);
        return x;
      case "Embedding": {
        const { input_dim: count, units, output_dim: features = units, mask_zero: maskZero } = config;
        if (!x.tokens) return refuse(layer, "it reads what is no input of the model");
        if (index > 0) return refuse(layer, "it is called twice");
        emit(embedding(count as number, features as number, { maskZero: maskZero === true, reads: x.flow() }), name);
        weights.set(layer.name, [{ form: { kind: "embedding" }, to: name, path }]);
        const mask = maskZero === true ? maskName(x.flow(), 0) : undefined;
        return { flow: () => name, sequence: x.sequence, mask, time: x.time };
      }
      case "Masking": {
        vectors();
        const value = typeof config.mask_value === "number" ? config.mask_value : 0;
        const from = x.flow();
        emit(masking({ maskValue: value, reads: from }), name);
        return { flow: () => name, sequence: x.sequence, mask: maskName(from, value), time: x.time };
      }
      case "RepeatVector": {
        const { n } = config;
        if (x.sequence) return refuse(layer, "it reads a sequence");
        const [first] = times.keys();
        const length = first === undefined ? undefined : lengths.get(first);
        if (length !== undefined && length !== n) {
          return refuse(layer, `it makes ${n} steps of a sequence of ${length}, and ours are of one length`);
        }
        if (first !== undefined && length === undefined)
          note(`${name}: sequences have ${n} steps here, as many as it makes.`);
        emit(repeatVector(n as number, { reads: x.flow() }), name);
        return { flow: () => name, sequence: true, mask: undefined, time: first };
      }
      case "GlobalAveragePooling1D":
      case "GlobalMaxPooling1D": {
        vectors();
        if (!x.sequence) return refuse(layer, "it reads one vector");
        if (config.keepdims === true) return refuse(layer, "it keeps the axis of time (keepdims)");
        if (config.data_format === "channels_first") return refuse(layer, "it pools features (channels_first)");
        const average = className === "GlobalAveragePooling1D";
        const reads = average ? masked(layer, call, x).reads : unmasked(x);
        return cellLayer((average ? globalAveragePooling1d : globalMaxPooling1d)({ reads }), undefined, {
          ...{ sequence: false, mask: undefined, time: undefined },
        });
      }
      case "Conv1D": {
        vectors();
        const { filters, padding } = config;
        const [size, strides, dilation] = [config.kernel_size, config.strides, config.dilation_rate].map((one) =>
          Array.isArray(one) ? one[0] : (one ?? 1),
        );
        if (typeof filters !== "number" || typeof size !== "number" || typeof strides !== "number")
          return refuse(layer, "its sizes are missing");
        if (size > 99 || strides > 99) return refuse(layer, "it is wider than 99 steps");
        if (!x.sequence) return refuse(layer, "it reads one vector");
        if (padding !== "causal" && !(size === 1 && strides === 1))
          return refuse(layer, `its padding is ${excerpt(String(padding ?? "valid"))}; ours is causal`);
        if (dilation !== 1 || (config.groups ?? 1) !== 1) return refuse(layer, "it has dilations or groups");
        if (config.data_format === "channels_first")
          return refuse(layer, "it has the features before the steps (channels_first)");
        const bias = config.use_bias !== false;
        const activation = config.activation ?? "linear";
        if (!(activations as readonly unknown[]).includes(activation) || (activation === "hard_sigmoid" && major < 3)) {
          return refuse(layer, `its activation is ${excerpt(JSON.stringify(activation))}`);
        }
        const of = convolution(size, activation as string, strides);
        const spec = recurrent(of, {
          units: filters,
          label: "conv1d",
          returnSequences: true,
          strides,
          reads: unmasked(x),
        });
        return cellLayer(spec, { kind: "convolution", size, bias }, { mask: undefined });
      }
      case "Flatten":
        if (x.sequence) return refuse(layer, "it joins all steps of a sequence, and ours are of any length");
        return x;
      default:
        return undefined;
    }
  };

  const addCall = (layer: KerasLayer, index: number, call: KerasCall): readonly Value[] => {
    const find = (reference: Reference): Value => {
      const found = values.get(key(reference))?.[reference[2]];
      return (
        found ??
        refuse(layer, `it reads output ${reference[2]} of ${excerpt(JSON.stringify(reference[0]))}, which there is not`)
      );
    };
    const { className, config, operation } = layer;
    if (operation && (className === "NotEqual" || className === "Any")) return [];
    const given = call.inputs.map(find);
    const recurrentLayer = !operation && /^(CuDNN)?(LSTM|GRU)$|^(SimpleRNN|RNN|Bidirectional)$/.test(className);
    // Keras 2 writes initial states as further inputs.
    const starts = recurrentLayer ? [...given.slice(1), ...call.initial.map(find)] : [];
    const [odd] = call.constants;
    if (odd !== undefined && !operation)
      return refuse(layer, `it is called with ${excerpt(JSON.stringify(odd))}, which is no output of a layer`);
    const [x] = given;
    if (x === undefined) return refuse(layer, "it reads no layer");
    if (recurrentLayer) {
      if (x.tokens || !x.sequence) return refuse(layer, "it reads what is no sequence of vectors");
      return className === "Bidirectional"
        ? addBidirectional(layer, index, call, x, starts)
        : addRecurrent(layer, index, call, given, starts);
    }
    const mergeMode = merges[className] ?? (className === "Merge" ? mergeModeOfKeras1(config.mode) : undefined);
    if (mergeMode !== undefined && (operation ? odd === undefined && className !== "Concatenate" : true)) {
      if (index > 0) return refuse(layer, "it is called twice");
      if (mergeMode === "concat" && !isLast(config.axis ?? config.concat_axis, x))
        return refuse(layer, "its axis is not that of the features");
      return [mergeOf(layer, mergeMode, given)];
    }
    if (operation) return refuse(layer, "it is an operation on arrays");
    if (given.length > 1) return refuse(layer, reasons[className] ?? "there is no layer of ours for its class");
    if (className === "TimeDistributed") {
      const inner = nested(config.layer);
      if (inner === undefined) return refuse(layer, "it has no layer");
      if (!x.sequence) return refuse(layer, "it reads one vector");
      const stepwise =
        /^(Dense|Activation|Dropout|LayerNormalization|BatchNormalization|ReLU|LeakyReLU|ELU|ThresholdedReLU|Softmax)$/;
      const value = stepwise.test(inner.className)
        ? addSimple(layer, inner.className, inner.config, { index, path: "layer", x, call })
        : undefined;
      if (value === undefined) return refuse(layer, `it applies a ${excerpt(inner.className)} at each step`);
      if (dialect.handsMasksOn || value.mask === undefined) return [value];
      const made = unmasked(value);
      return [{ ...value, flow: () => made, mask: undefined }];
    }
    const value = addSimple(layer, className, config, { index, path: "", x, call });
    if (value === undefined) return refuse(layer, reasons[className] ?? "there is no layer of ours for its class");
    return [value];
  };

  // Calls in an order in which each comes after what it reads.
  const waiting = model.layers.flatMap((layer) => layer.calls.map((call, index) => ({ layer, call, index })));
  for (const { layer } of waiting) {
    if (layer.operation || layer.className === "InputLayer") continue;
    checkClass(layer);
    const policy = nested(layer.config.dtype)?.config.name ?? layer.config.dtype;
    if (typeof policy === "string" && /float(16|64)/.test(policy)) {
      note(`Keras computed it in ${excerpt(policy)}; here it is computed in float32.`);
    }
  }
  while (waiting.length > 0) {
    const next = waiting.findIndex(({ layer, call, index }) => {
      const needs = [...call.inputs, ...call.initial, ...(call.mask ? [call.mask] : [])];
      // A second call shares what the first has made.
      const first = index === 0 || values.has(key([layer.name, index - 1]));
      return first && needs.every((one) => values.has(key(one)));
    });
    if (next < 0) {
      throw new ConfigError(
        `the layer ${quote((waiting[0] as { layer: KerasLayer }).layer.name)} reads a layer that there is not, or reads itself`,
      );
    }
    const [{ layer, call, index }] = waiting.splice(next, 1) as [(typeof waiting)[number]];
    const made = saying(layer, () =>
      layer.className === "InputLayer" ? [addInput(layer)] : addCall(layer, index, call),
    );
    values.set(key([layer.name, index]), made);
  }

  const outputs = model.outputs.map((reference) => {
    const value = values.get(key(reference))?.[reference[2]];
    if (value === undefined) throw new ConfigError(`its output ${quote(reference[0])} is none of its layers`);
    return { value, name: outputName(value, reference) };
  });
  const names = outputs.map(({ name }) => name);
  // Outputs that are no layers are given one; before the list is complete.
  const ends = outputs.map(({ value }) => {
    const flow = value.flow();
    const entry = entries.find(({ spec }) => spec.name === flow);
    if (entry !== undefined && entry.spec.kind !== "input") return flow;
    const made = free(`${flow.replace(".", "_")}_output`);
    emit(recurrent(sameCell, { label: "output", reads: flow }), made);
    return made;
  });
  const roots = new Set([...times.keys()].map(root));
  const named = entries.map(({ spec }): Layer => {
    if (spec.kind !== "input" || !spec.sequence || roots.size < 2) return spec;
    return { ...spec, time: root(spec.name) };
  });
  return {
    outputs: ends.map((end, k) => ({ name: names[k] as string, ...upTo(named, end, model.sequential) })),
    ...{ weights, notes },
  };
}

/** The layers that one of them needs, itself the last; a sequential model does without the layer of its input. */
function upTo(
  all: readonly Layer[],
  end: string,
  sequential: boolean,
): { readonly layers: readonly Layer[]; readonly input: Model["input"] } {
  const needed = new Set([end]);
  const layerOf = (name: string): string => name.split(".")[0] as string;
  for (const layer of [...all].reverse()) {
    if (needed.has(layer.name)) for (const one of readsOf(layer)) needed.add(layerOf(one));
  }
  const kept = all.filter(({ name }) => needed.has(name));
  const [first] = kept as [Layer];
  const features = (first as Extract<Layer, { kind: "input" }>).features;
  const alone = sequential && first.kind === "input" && first.sequence && kept.length > 1;
  const list = alone ? kept.slice(1) : kept;
  const before = alone ? (features === "tokens" ? "tokens" : "x") : undefined;
  const again = (name: string): string => (alone && name === first.name ? (before as string) : name);
  const layers = list.map((layer, k): Layer => {
    const { reads, ...rest } = layer;
    if (reads === undefined) return layer;
    const previous = k === 0 ? before : (list[k - 1] as Layer).name;
    return again(reads) === previous ? (rest as Layer) : { ...layer, reads: again(reads) };
  });
  return { layers, input: features };
}

function readsOf(layer: Layer): string[] {
  const cells = layer.kind === "cell" ? [layer] : layer.kind === "bidirectional" ? [layer.forward, layer.backward] : [];
  return [
    ...(layer.reads === undefined ? [] : [layer.reads]),
    ...(layer.kind === "merge" ? layer.of : []),
    ...cells.flatMap(({ shared, initialState }) => [
      ...Object.values(shared ?? {}),
      ...(typeof initialState === "object" ? [initialState.from].flat() : []),
    ]),
  ];
}

const outputName = ({ state }: Value, [layer, , output]: Reference): string =>
  state === undefined
    ? output === 0
      ? layer
      : `${layer} ${output + 1}`
    : [layer, state.half, state.name].filter((part) => part !== undefined).join(".");

const merges: Readonly<Record<string, MergeMode>> = {
  Concatenate: "concat",
  Add: "sum",
  Multiply: "mul",
  Average: "ave",
};
const mergeModeOfKeras1 = (mode: unknown): MergeMode | undefined => mergeModes.find((one) => one === mode);

const rateOf = (value: unknown): number => (typeof value === "number" ? value : 0);
const hasStates = (spec: LayerSpec): boolean =>
  spec.kind === "bidirectional" || (spec.kind === "cell" && spec.cell.states.length > 0);

function epsilonOf(layer: KerasLayer, { epsilon = 0.001 }: Config): number {
  return typeof epsilon === "number" && epsilon > 0 ? epsilon : refuse(layer, "its epsilon is not above 0");
}

/** Classes that are never said, before anything else is looked at. */
function checkClass(layer: KerasLayer): void {
  const dtype = nested(layer.config.dtype);
  const quantized = (dtype !== undefined && /Quantized/.test(dtype.className)) || layer.config.quantization_config;
  if (quantized) refuse(layer, "its weights are quantized");
  if (Object.hasOwn(reasons, layer.className)) refuse(layer, reasons[layer.className] as string);
}

const quote = (name: string): string => excerpt(JSON.stringify(name), 60);
function refuse(layer: KerasLayer, reason: string): never {
  throw new ConfigError(`the layer ${quote(layer.name)} (${excerpt(layer.className)}) cannot be said: ${reason}`);
}
/** What our layers say against it is said with the layer's name. */
function saying<T>(layer: KerasLayer, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof InputError) return refuse(layer, error.message.replace(/\.$/, ""));
    throw error;
  }
}

/** Keras's names of folders: `LayerNormalization` is layer_normalization. */
export const snakeCase = (name: string): string =>
  name
    .replace(/\W+/g, "")
    .replace(/(.)([A-Z][a-z]+)/g, "$1_$2")
    .replace(/([a-z])([A-Z])/g, "$1_$2")
    .toLowerCase();
