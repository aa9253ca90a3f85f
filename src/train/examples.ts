/**
 * Data as its users have it, examples first, checked as a whole; and batches of it as programs read them, time first.
 * Knows nothing about programs.
 */
import { InputError } from "../graph/input-error.ts";
import { cellsOf, type Model } from "../nn/model.ts";
import { byInput, checkFinite, checkIndices, checkNumbers, examplesFirst, inputPlace, widthOf } from "./checks.ts";
import { type Loss, type LossName, lossOf } from "./losses.ts";

export interface Nested extends ArrayLike<number | Nested> {}
/** Lists of lists of numbers, where any list may be a typed array; or all numbers in one run with their shape. */
export type ExampleArray = Nested | { readonly data: ArrayLike<number>; readonly shape: readonly number[] };

/** The numbers of one input or target, (N,T,D) in one run: for each example so many steps of so many features. */
export type Examples = {
  readonly data: ArrayLike<number>;
  readonly count: number;
  readonly steps: number;
  readonly features: number;
};

/** What a model reads, by the names of its inputs: as many examples of each. */
export type InputSet = {
  readonly inputs: Readonly<Record<string, Examples>>;
  readonly count: number;
  /** Time steps of those that are sequences. */
  readonly steps: number;
};
/** For a model of one input its array, for others an array for each of their names. */
export type InputArrays = ExampleArray | Readonly<Record<string, ExampleArray>>;

export type DataSet = InputSet & {
  readonly targets: Examples;
  /** What each output counts. */
  readonly weights: Examples | undefined;
};

export type DataSetOptions = {
  /** "fit", "evaluate". */
  readonly where: string;
  readonly loss: LossName | Loss;
  readonly sampleWeight?: ExampleArray | undefined;
};

/**
 * Tokens (N,T) or vectors (N,T,D).
 * @throws InputError where there is nothing, sequences differ in length, or a number does not fit; with its place
 */
export function readInputs(model: Model, x: InputArrays, where: string): InputSet {
  const given = byInput(model, x as ExampleArray | Readonly<Record<string, ExampleArray>>, `${where}: x`);
  const all = given.map(([input, array]) => {
    const what = inputPlace(model, input, `${where}: x`, ".");
    const examples = readArray(what, array, { steps: input.sequence ? "any" : "one", features: widthOf(input) });
    if (examples.count === 0) throw new InputError(`${what} has no examples`);
    if (examples.steps === 0) throw new InputError(`${what}: its sequences have no steps; leave empty ones out`);
    checkNumbers(what, input, examples.data, examplesFirst(examples.steps));
    return { input, what, examples };
  });
  const [first] = all as [(typeof all)[number]];
  const sequence = all.find(({ input }) => input.sequence);
  const steps = sequence?.examples.steps ?? model.steps ?? 1;
  for (const { input, what, examples } of all) {
    if (examples.count !== first.examples.count) {
      throw new InputError(
        `${what} has ${examples.count} examples, and x.${first.input.name} has ${first.examples.count}`,
      );
    }
    if (input.sequence && examples.steps !== (model.steps ?? steps)) {
      throw new InputError(
        `${what} has ${examples.steps} steps, and the model ${model.steps ?? `reads ${steps} of ${sequence?.input.name}`}`,
      );
    }
  }
  const inputs = Object.fromEntries(all.map(({ input, examples }) => [input.name, examples]));
  return { inputs, count: first.examples.count, steps };
}

/**
 * What states start from (N,H), by their names.
 * @throws InputError for what is not so many rows of finite numbers
 */
export function readStates(
  given: Readonly<Record<string, ExampleArray>>,
  count: number,
  where: string,
): InputSet["inputs"] {
  const read = Object.entries(given).map(([name, array]) => {
    const what = `${where}: initialState ${name}`;
    const { data, shape } = isFlat(array) ? checkFlat(what, array) : flatten(what, array);
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
 * Examples with their targets, classes (N,T) or vectors (N,T,V), without T where the model gives one output a sequence,
 * and what each of them counts: sample weights (N), or (N,T) for single steps.
 */
export function readDataSet(model: Model, x: InputArrays, y: ExampleArray, options: DataSetOptions): DataSet {
  const { where, loss, sampleWeight } = options;
  const inputs = readInputs(model, x, where);
  const classes = lossOf(loss).target === "index";
  const { outputSize, returnsSequences } = model;
  const steps = returnsSequences ? inputs.steps : 1;
  const targets = readArray(`${where}: y`, y, {
    steps: returnsSequences ? steps : "one",
    features: classes ? 1 : outputSize,
  });
  checkCount(`${where}: y`, targets, inputs);
  if (classes) checkIndices(`${where}: y: class`, targets.data, outputSize, examplesFirst(steps));
  else checkFinite(`${where}: y: the target`, targets.data, outputSize, examplesFirst(steps));
  if (sampleWeight === undefined) return { ...inputs, targets, weights: undefined };

  const what = `${where}: sampleWeight`;
  const perStep = returnsSequences && depthOf(sampleWeight) > 1;
  const given = readArray(what, sampleWeight, { steps: perStep ? steps : "one", features: 1 });
  checkCount(what, given, inputs);
  checkFinite(`${what}: the weight`, given.data, 1, examplesFirst(given.steps));
  return {
    ...inputs,
    targets,
    weights: weightsOf(targets, (k) => given.data[perStep ? k : Math.floor(k / steps)] as number),
  };
}

/** What each output counts times what its class does: 1 for a class that is not given. */
export function weighByClass(
  data: DataSet,
  classWeight: Readonly<Record<number, number>>,
  outputSize: number,
): DataSet {
  const { targets, weights } = data;
  const of = readClassWeight(classWeight, Math.max(2, outputSize));
  const product = (k: number): number =>
    (weights === undefined ? 1 : (weights.data[k] as number)) * of(classOf(targets, k));
  return { ...data, weights: weightsOf(targets, product) };
}

function weightsOf({ count, steps }: Examples, weightOf: (output: number) => number): Examples {
  return { data: Float32Array.from({ length: count * steps }, (_, k) => weightOf(k)), count, steps, features: 1 };
}

type Wanted = {
  /** Any number of steps, exactly so many, or no axis for them. */
  readonly steps: "any" | "one" | number;
  readonly features: number;
};

function readArray(what: string, given: ExampleArray, { steps: wanted, features }: Wanted): Examples {
  const { data, shape } = isFlat(given) ? checkFlat(what, given) : flatten(what, given);
  const axes = [...shape];
  // One feature may have an axis or none.
  const depth = 1 + (wanted === "one" ? 0 : 1) + (features > 1 ? 1 : 0);
  if (features === 1 && axes.length === depth + 1 && axes.at(-1) === 1) axes.pop();
  const count = axes[0] ?? 0;
  const steps = wanted === "one" ? 1 : (axes[1] ?? 0);
  const fits = axes.length === depth && (features === 1 || axes.at(-1) === features);
  const empty = count === 0 || (wanted === "any" && axes[1] === 0);
  if (!empty && !(fits && (typeof wanted === "string" || steps === wanted))) {
    const form = ["N", ...(wanted === "one" ? [] : [wanted === "any" ? "T" : wanted])];
    throw new InputError(
      `${what}: needs the shape (${[...form, ...(features > 1 ? [features] : [])]}), examples first, got (${shape})`,
    );
  }
  return { data, count, steps, features };
}

const isFlat = (given: ExampleArray): given is Exclude<ExampleArray, Nested> =>
  typeof given === "object" && given !== null && "data" in given && "shape" in given;
const isList = (value: unknown): value is ArrayLike<unknown> =>
  Array.isArray(value) || (ArrayBuffer.isView(value) && "length" in value);
const depthOf = (given: ExampleArray): number =>
  isFlat(given) ? given.shape.length : isList(given[0]) ? 2 + (isList(given[0][0]) ? 1 : 0) : 1;

function checkFlat(what: string, given: Exclude<ExampleArray, Nested>): Exclude<ExampleArray, Nested> {
  const { data, shape } = given;
  const size = shape.reduce((a, b) => a * b, 1);
  if (size === data.length) return given;
  throw new InputError(`${what}: its shape (${shape}) has ${size} numbers, and its data has ${data.length}`);
}

function flatten(what: string, given: Nested): { readonly data: ArrayLike<number>; readonly shape: readonly number[] } {
  const shape: number[] = [];
  for (let part: unknown = given; typeof part !== "number"; part = part[0]) {
    if (!isList(part))
      throw new InputError(`${what}: needs numbers in lists, got ${part === null ? part : typeof part}`);
    shape.push(part.length);
    if (part.length === 0) break;
  }
  const data = new Float64Array(shape.reduce((a, b) => a * b, 1));
  let filled = 0;
  const visit = (part: unknown, depth: number, place: readonly number[]): void => {
    const length = shape[depth] as number;
    if (!isList(part) || part.length !== length) throw unequal(what, place, part, length);
    for (let k = 0; k < length; k++) {
      const one = part[k];
      if (depth < shape.length - 1) visit(one, depth + 1, [...place, k]);
      else if (typeof one === "number") data[filled++] = one;
      else
        throw new InputError(`${what}${shown([...place, k])}: needs a number, got ${one === null ? one : typeof one}`);
    }
  };
  visit(given, 0, []);
  return { data, shape };
}
const shown = (place: readonly number[]): string => place.map((k) => `[${k}]`).join("");

function unequal(what: string, place: readonly number[], part: unknown, length: number): InputError {
  if (!isList(part)) return new InputError(`${what}${shown(place)}: needs a list of ${length}, got ${typeof part}`);
  if (place.length > 1) return new InputError(`${what}${shown(place)}: needs ${length} numbers, got ${part.length}`);
  return new InputError(
    `${what}: example ${place[0]} has ${part.length} steps, example 0 has ${length}. ` +
      "Make them equally long: see padSequences, with a layer that masks the padding.",
  );
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
    if (!(Number.isInteger(one) && one >= 0 && one < classes)) {
      throw new InputError(`${what}: "${key}" is no class; they are 0 to ${classes - 1}`);
    }
    if (!Number.isFinite(weight)) throw new InputError(`${what}: class ${key} needs a finite weight, got ${weight}`);
    weights[one] = weight;
  }
  return (one) => weights[one] ?? 1;
}

/** The class of target k: an index, the largest of a vector, or, of one number, 0 or 1, whichever is nearer. */
function classOf({ data, features }: Examples, k: number): number {
  if (features === 1) return Math.round(data[k] as number);
  let best = 0;
  for (let j = 1; j < features; j++)
    if ((data[k * features + j] as number) > (data[k * features + best] as number)) best = j;
  return best;
}

/** @throws InputError for batches that a layer whose states go on from one to the next cannot have */
export function checkWholeBatches(
  { layers }: Model,
  { count, batch, shuffle = false }: { readonly count: number; readonly batch: number; readonly shuffle?: boolean },
  where: string,
): void {
  const found = layers.flatMap(cellsOf).find(([, { stateful }]) => stateful);
  if (found === undefined) return;
  const [name] = found;
  if (count % batch > 0) {
    throw new InputError(
      `${where}: ${name} is stateful, so all batches have as many examples: ${count} are not a multiple of ${batch}`,
    );
  }
  if (shuffle && count > batch) {
    throw new InputError(
      `${where}: ${name} is stateful, and shuffle breaks what goes on from batch to batch. Give shuffle: false.`,
    );
  }
}

export type Batch = {
  readonly inputs: Buffers;
  readonly targets: ArrayLike<number>;
  readonly weights: ArrayLike<number> | undefined;
  /** So many examples count; the others, copies of the first one, fill up the batch. */
  readonly examples: number;
  /** Which examples they are. */
  readonly rows: Int32Array;
};
/** Doubles hold indices and vectors alike. */
type Buffers = Readonly<Record<string, Float64Array>>;

/** Batches from examples in any order. Two sets of buffers take turns: a batch lasts until the one after the next. */
export function createBatches(
  { inputs, targets, weights }: DataSet,
  batch: number,
): (order: Int32Array, from: number) => Batch {
  const buffers = [0, 1].map(() => ({
    inputs: buffersOf(inputs, batch),
    targets: bufferOf(targets, batch),
    weights: weights && bufferOf(weights, batch),
    rows: new Int32Array(batch),
  }));
  let turn = 0;
  return (order, from) => {
    turn = 1 - turn;
    const own = buffers[turn] as (typeof buffers)[number];
    const examples = takeRows(order, from, own.rows);
    takeInputs(inputs, own.rows, own.inputs);
    takeBatch(targets, own.rows, own.targets);
    if (weights && own.weights) takeBatch(weights, own.rows, own.weights);
    return { ...own, examples };
  };
}

const bufferOf = ({ steps, features }: Examples, batch: number): Float64Array =>
  new Float64Array(steps * batch * features);
export const buffersOf = (inputs: InputSet["inputs"], batch: number): Buffers =>
  Object.fromEntries(Object.entries(inputs).map(([name, examples]) => [name, bufferOf(examples, batch)]));

export function takeInputs(inputs: InputSet["inputs"], rows: Int32Array, into: Buffers): void {
  for (const [name, examples] of Object.entries(inputs)) takeBatch(examples, rows, into[name] as Float64Array);
}

/** The next examples in order, then the first of them again; gives how many there are. */
export function takeRows(order: Int32Array, from: number, into: Int32Array): number {
  const examples = Math.min(into.length, order.length - from);
  for (let b = 0; b < into.length; b++) into[b] = order[from + (b < examples ? b : 0)] as number;
  return examples;
}

/** Examples (N,T,D) -> a batch (T,B,D). */
function takeBatch({ data, steps, features }: Examples, rows: Int32Array, into: Float64Array): void {
  const batch = rows.length;
  for (let b = 0; b < batch; b++) {
    const from = (rows[b] as number) * steps * features;
    for (let t = 0; t < steps; t++) {
      const [source, target] = [from + t * features, (t * batch + b) * features];
      for (let j = 0; j < features; j++) into[target + j] = data[source + j] as number;
    }
  }
}

/** 0, 1, 2 ... */
export const rowsBetween = (from: number, to: number): Int32Array =>
  Int32Array.from({ length: to - from }, (_, k) => from + k);
