/** Read data sets in the users' order, examples first, and check them as a whole. */
import { type FlatArray, flatten, isFlat, type NestedNumbers } from "../data/arrays.ts";
import type { Steps } from "../graph/graph.ts";
import { InputError } from "../graph/input-error.ts";
import { finiteNumber, formatValue, isIndex, isList, type Rule, recordOf } from "../graph/schema.ts";
import type { Model } from "../nn/model.ts";
import { cellsOf } from "../nn/model-states.ts";
import {
  byInput,
  checkFinite,
  checkIndices,
  checkNumbers,
  examplesFirst,
  inputPlace,
  outputStepsOf,
  type Place,
  placeAt,
  widthOf,
} from "./checks.ts";
import { type Loss, type LossName, lossOf, targetSizeOf } from "./losses.ts";
import type { Filling } from "./padding.ts";

/** An array of examples: nested lists of numbers, where any list may be a typed array; or `{ data, shape }`, flat, row-major. */
export type ExampleArray = NestedNumbers | FlatArray<ArrayLike<number>>;

/** The numbers of one input or target (N,T,D), flat: examples, steps, features. */
export type Examples = {
  readonly data: ArrayLike<number>;
  readonly count: number;
  readonly steps: number;
  readonly features: number;
  /** For examples of unequal length; `steps` is the longest. */
  readonly ragged?: Ragged | undefined;
};
/**
 * Example n has the steps from `starts[n]` to `starts[n + 1]`; in a batch it is padded with `fill`, before or after it. Each is one for
 * `strides` steps of the batch.
 */
type Ragged = {
  readonly starts: Int32Array;
  readonly fill: number;
  readonly pre: boolean;
  readonly strides: number;
  /** The number of their time in the model. */
  readonly time: number;
};

/** The inputs of a model by name, with the same number of examples each. */
export type InputSet = {
  readonly inputs: Readonly<Record<string, Examples>>;
  readonly count: number;
  /** Time steps of the inputs that are sequences: of the model's one time, or of each. */
  readonly steps: Steps;
  /** The length of each example in the first of these, if they differ; and that of its outputs, if not `steps`. */
  readonly lengths?: Int32Array;
  readonly outputLengths?: Int32Array | undefined;
};
/** The array of a model with one input, or an object of arrays by the names of the inputs. */
export type InputArrays = ExampleArray | Readonly<Record<string, ExampleArray>>;

/** Data; the reader checks what they contain. */
export const someData: Rule = {
  expected: "numbers in lists of lists, or { data, shape }",
  accepts: (value) => typeof value === "object" && value !== null,
};
export const statesRule: Rule = recordOf(someData);
export const classWeightRule: Rule = recordOf(finiteNumber);

export type DataSet = InputSet & {
  readonly targets: Examples;
  /** The weight of each output. */
  readonly weights: Examples | undefined;
};

export type DataSetOptions = {
  /** "fit", "evaluate". */
  readonly where: string;
  readonly loss: LossName | Loss;
  readonly sampleWeight?: ExampleArray | undefined;
  readonly filling?: Filling | undefined;
};

/**
 * Read tokens (N,T) or vectors (N,T,D); with a filling, sequences of any length.
 * @throws InputError, with the place, if there are no examples, if sequences differ in length, or if a number does not fit
 */
export function readInputs(model: Model, x: InputArrays, where: string, filling?: Filling): InputSet {
  const given = byInput(model, x as ExampleArray | Readonly<Record<string, ExampleArray>>, `${where}: x`);
  const all = given.map(([input, array]) => {
    const what = inputPlace(model, input, `${where}: x`, ".");
    const fill = filling && {
      fill: filling.values[input.name] as number,
      pre: filling.pre,
      strides: 1,
      time: input.time ?? 0,
    };
    const wanted = { steps: input.sequence ? "any" : "one", features: widthOf(input) } as const;
    const examples =
      fill && input.sequence ? readRagged(what, array, wanted.features, fill) : readArray(what, array, wanted);
    if (examples.count === 0) throw new InputError(`${what} has no examples`);
    if (examples.steps === 0) throw new InputError(`${what}: the sequences have no steps. Leave empty sequences out.`);
    checkNumbers(what, input, examples.data, placeIn(examples));
    return { input, what, examples };
  });
  const [first] = all as [(typeof all)[number]];
  type One = (typeof all)[number];
  const isOf = (time: number) => (one: One) => one.input.sequence && (one.input.time ?? 0) === time;
  /** By time: its steps, if a layer fixes them. */
  const fixed = model.times.map((_, time) => (time === 0 ? model.steps : undefined));
  for (const { input, what, examples } of all) {
    if (examples.count !== first.examples.count) {
      throw new InputError(
        `${what} has ${examples.count} examples, and x.${first.input.name} has ${first.examples.count}`,
      );
    }
    if (!input.sequence) continue;
    const { time = 0 } = input;
    const sequence = all.find(isOf(time)) as One;
    const wanted = fixed[time] ?? (filling ? examples.steps : sequence.examples.steps);
    if (filling ? examples.steps > wanted : examples.steps !== wanted) {
      throw new InputError(
        `${what} has ${examples.steps} steps, expected ${fixed[time] ?? `${wanted}, as ${sequence.input.name}`}`,
      );
    }
  }
  const inputs = Object.fromEntries(all.map(({ input, examples }) => [input.name, examples]));
  const { count } = first.examples;
  const most = model.times.map(
    (_, time) => fixed[time] ?? Math.max(1, ...all.filter(isOf(time)).map((one) => one.examples.steps)),
  );
  const steps = most.length === 1 ? (most[0] as number) : most;
  if (filling === undefined) return { inputs, count, steps };
  const lengths = longest(
    all.filter(isOf(0)).map((one) => one.examples),
    count,
    1,
  );
  const outputLengths =
    filling.output.length === 0
      ? undefined
      : longest(
          filling.output.map((name) => inputs[name] as Examples),
          count,
          0,
        ).map((length) => Math.ceil(length / model.strides));
  return { inputs, count, steps, lengths, outputLengths };
}

const lengthOf = ({ ragged, steps }: Examples, n: number): number =>
  ragged === undefined ? steps : (ragged.starts[n + 1] as number) - (ragged.starts[n] as number);
/** The length of the longest sequence of each example. */
const longest = (all: readonly Examples[], count: number, least: number): Int32Array =>
  Int32Array.from({ length: count }, (_, n) => Math.max(least, ...all.map((one) => lengthOf(one, n))));

/**
 * Read initial states (N,H), by name.
 * @throws InputError unless there is one row of finite numbers per example
 */
export function readStates(
  given: Readonly<Record<string, ExampleArray>>,
  count: number,
  where: string,
): InputSet["inputs"] {
  const read = Object.entries(given).map(([name, array]) => {
    const what = `${where}: initialState ${name}`;
    const { data, shape } = flatten(array, what);
    const [rows = 0, features = 1] = shape;
    if (shape.length > 2 || rows !== count) {
      throw new InputError(`${what}: needs a vector for each of the ${count} examples, got ${shape.join(" x ")}`);
    }
    checkFinite(what, data, features, examplesFirst(1));
    return [name, { data, count, steps: 1, features }] as const;
  });
  return Object.fromEntries(read);
}

/**
 * Read inputs, targets and sample weights: targets are classes (N,T) or vectors (N,T,V), V as the loss has it, without T
 * if the model has one output per sequence; sample weights are (N), or (N,T) for single steps.
 */
export function readDataSet(model: Model, x: InputArrays, y: ExampleArray, options: DataSetOptions): DataSet {
  const { where, loss, sampleWeight, filling } = options;
  const inputs = readInputs(model, x, where, filling);
  const classes = lossOf(loss).target === "index";
  const { outputSize, returnsSequences, time, strides, backwards } = model;
  /** Read an array with one row per output step, or one per example. */
  const read = (
    name: string,
    array: ExampleArray,
    { features, perStep }: { features: number; perStep: boolean },
  ): Examples => {
    const what = `${where}: ${name}`;
    const lengths = perStep ? inputs.outputLengths : undefined;
    const examples =
      lengths === undefined
        ? readArray(what, array, { steps: perStep ? outputStepsOf(model, inputs.steps) : "one", features })
        : readRagged(what, array, features, { fill: 0, pre: (filling?.pre === true) !== backwards, strides, time });
    checkCount(what, examples, inputs);
    lengths?.forEach((length, n) => {
      const got = lengthOf(examples, n);
      if (got === length) return;
      const has = model.strides === 1 ? `x has ${length}` : `the output for x has ${length}`;
      throw new InputError(`${what}: example ${n} has ${got} steps, and ${has}`);
    });
    return examples;
  };
  const width = targetSizeOf(loss, outputSize);
  const targets = read("y", y, { features: width, perStep: returnsSequences });
  if (classes) checkIndices(`${where}: y: class`, targets.data, outputSize, placeIn(targets));
  else checkFinite(`${where}: y: the target`, targets.data, width, placeIn(targets));
  if (sampleWeight === undefined) return { targets, weights: undefined, ...inputs };

  const perStep = returnsSequences && depthOf(sampleWeight) > 1;
  const given = read("sampleWeight", sampleWeight, { features: 1, perStep });
  checkFinite(`${where}: sampleWeight: the weight`, given.data, 1, placeIn(given));
  return { targets, weights: weightsOf(targets, (k, n) => given.data[perStep ? k : n] as number), ...inputs };
}

/** Multiply the weights of outputs by those of their classes, of which there are this many; one that is not given has 1. */
export function weighByClass(data: DataSet, classWeight: Readonly<Record<number, number>>, classes: number): DataSet {
  const { targets, weights } = data;
  const of = readClassWeight(classWeight, Math.max(2, classes));
  const product = (k: number): number =>
    (weights === undefined ? 1 : (weights.data[k] as number)) * of(classOf(targets, k));
  return { ...data, weights: weightsOf(targets, product) };
}

function weightsOf(targets: Examples, weightOf: (output: number, example: number) => number): Examples {
  const data = new Float32Array(targets.data.length / targets.features);
  for (let n = 0, k = 0; n < targets.count; n++) {
    for (const end = k + lengthOf(targets, n); k < end; k++) data[k] = weightOf(k, n);
  }
  return { ...targets, data, features: 1 };
}

type Wanted = {
  /** "any" number of steps, exactly this number, or "one": no axis of steps. */
  readonly steps: "any" | "one" | number;
  readonly features: number;
  /** Whether the first axis is examples (N) or the steps of one example (T). */
  readonly first?: "N" | "T";
};

function readArray(what: string, given: ExampleArray, { steps: wanted, features, first = "N" }: Wanted): Examples {
  checkEqualSteps(given, what);
  const { data, shape } = flatten(given, what);
  const axes = [...shape];
  // One feature may have an axis or none.
  const depth = 1 + (wanted === "one" ? 0 : 1) + (features > 1 ? 1 : 0);
  if (features === 1 && axes.length === depth + 1 && axes.at(-1) === 1) axes.pop();
  const count = axes[0] ?? 0;
  const steps = wanted === "one" ? 1 : (axes[1] ?? 0);
  const fits = axes.length === depth && (features === 1 || axes.at(-1) === features);
  const empty = count === 0 || (wanted === "any" && axes[1] === 0);
  if (!empty && !(fits && (typeof wanted === "string" || steps === wanted))) {
    const form = [first, ...(wanted === "one" ? [] : [wanted === "any" ? "T" : wanted])];
    throw new InputError(
      `${what}: needs the shape (${[...form, ...(features > 1 ? [features] : [])]})` +
        `${first === "N" ? ", examples first," : ""} got (${shape})`,
    );
  }
  return { data, count, steps, features };
}

/** Read sequences of any length, each example as `readArray` does. */
function readRagged(what: string, given: ExampleArray, features: number, how: Omit<Ragged, "starts">): Examples {
  if (isFlat(given)) {
    const array = readArray(what, given, { steps: "any", features });
    const starts = Int32Array.from({ length: array.count + 1 }, (_, n) => n * array.steps);
    return { ragged: { starts, ...how }, ...array };
  }
  if (!isList(given)) throw new InputError(`${what}: needs a list of sequences, got ${formatValue(given)}`);
  const all = Array.from(given, (one, n) => {
    if (!isList(one)) throw new InputError(`${what}[${n}]: needs a sequence, got ${formatValue(one)}`);
    return one.length === 0
      ? []
      : readArray(`${what}[${n}]`, one as NestedNumbers, { steps: "one", features, first: "T" }).data;
  });
  const starts = new Int32Array(all.length + 1);
  all.forEach((one, n) => {
    starts[n + 1] = (starts[n] as number) + one.length / features;
  });
  const data = new Float64Array((starts[all.length] as number) * features);
  all.forEach((one, n) => {
    data.set(one, (starts[n] as number) * features);
  });
  const steps = starts.reduce((most, start, n) => Math.max(most, start - (starts[n - 1] ?? 0)), 1);
  return { data, count: all.length, steps, features, ragged: { starts, ...how } };
}

/** The place of a row, in words. */
function placeIn({ ragged, steps }: Examples): Place {
  if (ragged === undefined) return examplesFirst(steps);
  return (row) => {
    const n = ragged.starts.findLastIndex((start) => start <= row);
    return placeAt(row - (ragged.starts[n] as number), n);
  };
}

const depthOf = (given: ExampleArray): number =>
  isFlat(given) ? given.shape.length : isList(given[0]) ? 2 + (isList(given[0][0]) ? 1 : 0) : 1;

/** @throws InputError for sequences of unequal length, with advice */
function checkEqualSteps(given: ExampleArray, what: string): void {
  if (isFlat(given) || !isList(given) || !isList(given[0])) return;
  const { length } = given[0];
  for (let n = 0; n < given.length; n++) {
    const one: unknown = given[n];
    if (!isList(one) || one.length === length) continue;
    throw new InputError(
      `${what}: example ${n} has ${one.length} steps, example 0 has ${length}. ` +
        'Give pad: "post", or pad them with padSequences and mask the padding in the model.',
    );
  }
}

function checkCount(what: string, { count }: Examples, inputs: InputSet): void {
  if (count === inputs.count) return;
  throw new InputError(`${what} has ${count} examples, and x has ${inputs.count}`);
}

function readClassWeight(given: Readonly<Record<number, number>>, classes: number): (one: number) => number {
  const what = "fit: classWeight";
  const weights = new Float64Array(classes).fill(1);
  for (const [key, weight] of Object.entries(given)) {
    const one = Number(key);
    if (!isIndex(one, classes)) {
      throw new InputError(`${what}: class "${key}" is out of range: expected 0 to ${classes - 1}`);
    }
    weights[one] = weight;
  }
  return (one) => weights[one] ?? 1;
}

/** The class of target k: an index; the index of the largest number of a vector; or a single number, rounded. */
function classOf({ data, features }: Examples, k: number): number {
  if (features === 1) return Math.round(data[k] as number);
  let best = 0;
  for (let j = 1; j < features; j++)
    if ((data[k * features + j] as number) > (data[k * features + best] as number)) best = j;
  return best;
}

/** The name of the first stateful layer. */
export const statefulLayer = ({ layers }: Model): string | undefined =>
  layers.flatMap(cellsOf).find(([, { stateful }]) => stateful)?.[0];

/** @throws InputError for batches that a stateful layer cannot have: shuffled ones, or ones of unequal size */
export function checkWholeBatches(
  model: Model,
  { count, batch, shuffle = false }: { readonly count: number; readonly batch: number; readonly shuffle?: boolean },
  where: string,
): void {
  const name = statefulLayer(model);
  if (name === undefined) return;
  if (count % batch > 0) {
    throw new InputError(
      `${where}: ${name} is stateful, so all batches need the same size: ${count} examples are not a multiple of ${batch}`,
    );
  }
  if (shuffle && count > batch) {
    throw new InputError(`${where}: ${name} is stateful, so the order of batches matters. Give shuffle: false.`);
  }
}
