/** Checks of the numbers that are given to a program: their kind, range and count. */
import { lengthOf, type Steps } from "../graph/graph.ts";
import { InputError } from "../graph/input-error.ts";
import {
  alias,
  anArray,
  checkValue,
  either,
  formatValue,
  isIndex,
  isList,
  isPlain,
  listOf,
  type Rule,
  required,
  type Schema,
} from "../graph/schema.ts";
import { size } from "../nn/layers.ts";
import type { Model, ModelInput } from "../nn/model.ts";
import type { Padding } from "../nn/recurrent.ts";
import type { Program } from "../runtime/program.ts";

/** The numbers of a model's one input, or those of each of its inputs by name. */
export type Inputs = ArrayLike<number> | Readonly<Record<string, ArrayLike<number>>>;
type Sizes = { readonly batch: number; readonly steps: Steps };
/** The sizes of a program: examples per batch, and time steps, of all sequences or of each time of the model. */
export const sizesRules: Schema<Sizes> = {
  batch: required(alias(size, "batchSize", "lanes")),
  steps: required(alias(either(size, listOf(size, 1)), "sequenceLength", "timesteps", "bptt")),
};
/** The same of a model with one time. */
export const oneTimeRules: Schema<Sizes> = {
  ...sizesRules,
  steps: required(alias(size, "sequenceLength", "timesteps", "bptt")),
};

/**
 * Match a model's inputs with the given arrays: one array, or arrays by name.
 * @throws InputError if one is missing or unknown
 */
export function byInput<T extends object>(
  { inputs }: Model,
  given: T | Readonly<Record<string, T>>,
  where: string,
): readonly (readonly [ModelInput, T])[] {
  const all = inputs.map(({ name }) => name).join(", ");
  if (!isPlain(given) || isList(given) || ("data" in given && "shape" in given)) {
    if (inputs.length === 1) return [[inputs[0] as ModelInput, given as T]];
    throw new InputError(`${where}: the model has the inputs ${all}. Give an object with an array for each of them.`);
  }
  const byName = given as Readonly<Record<string, T>>;
  const unknown = Object.keys(byName).find((name) => !inputs.some((input) => input.name === name));
  if (unknown !== undefined) throw new InputError(`${where}: the model has no input "${unknown}"; it has ${all}`);
  return inputs.map((input) => {
    const own = Object.hasOwn(byName, input.name) ? byName[input.name] : undefined;
    if (own === undefined) throw new InputError(`${where}: input "${input.name}" is missing; the model has ${all}`);
    return [input, own];
  });
}

/** Numbers per step, or per example for an input that is not a sequence. */
export const widthOf = ({ features }: ModelInput): number => (typeof features === "number" ? features : 1);

/** How errors call an input: by name if the model has several. */
export const inputPlace = ({ inputs }: Model, { name }: ModelInput, where: string, between = ": "): string =>
  inputs.length === 1 ? where : `${where}${between}${name}`;

/** Numbers of one input, or of several by name. The reader checks what they contain. */
export const someInputs: Rule = {
  expected: "numbers in an array, or arrays by the names of the inputs",
  accepts: (value) => typeof value === "object" && value !== null,
};

/** @throws InputError, with the place, unless the inputs are tokens (T,B) or vectors (T,B,D) that the model can read */
export function checkInputs(model: Model, inputs: Inputs, { batch, steps }: Sizes, where: string): void {
  checkValue(`${where}: inputs`, inputs, someInputs);
  for (const [input, values] of byInput(model, inputs, where)) {
    const own = inputPlace(model, input, where);
    checkValue(own, values, anArray);
    const count = input.sequence ? lengthOf(steps, input.time) : 1;
    checkLength(own, "inputs", values.length, { steps: count, batch, features: widthOf(input) });
    checkNumbers(own, input, values, timeFirst(batch));
  }
}

/** How many outputs a model has for sequences of so many steps. */
export const outputStepsOf = ({ returnsSequences, time, strides }: Model, steps: Steps): number =>
  returnsSequences ? Math.ceil(lengthOf(steps, time) / strides) : 1;

export function checkNumbers(where: string, input: ModelInput, values: ArrayLike<number>, at: Place): void {
  if (input.features === "tokens") checkIndices(`${where}: token`, values, input.count ?? Number.POSITIVE_INFINITY, at);
  else checkFinite(`${where}: the input`, values, widthOf(input), at);
}

/** Set inputs that have been checked, or what is taken of each. */
export function setInputs(
  model: Model,
  program: Program,
  inputs: Inputs,
  where: string,
  take: (input: ModelInput, values: ArrayLike<number>) => ArrayLike<number> = (_, values) => values,
): void {
  for (const [input, given] of byInput(model, inputs, where)) {
    const [{ name }, values] = [input, take(input, given)];
    // An input that nothing reads is not in the plan.
    if (program.plan.indices[name] !== undefined) program.setIndex(name, values);
    else if (program.plan.inputs[name] !== undefined) program.setInput(name, values);
  }
}

export function checkLength(
  where: string,
  what: string,
  got: number,
  { steps, batch, features }: Readonly<Record<"steps" | "batch" | "features", number>>,
): void {
  const wanted = steps * batch * features;
  if (got === wanted) return;
  throw new InputError(
    `${where}: needs ${wanted} ${what}, ${steps === 1 ? "" : `${steps} steps of `}${batch} examples` +
      `${features === 1 ? "" : ` of ${features}`}, got ${got}. Pad sequences of unequal length to one length first.`,
  );
}

/** Where a row of an array is, in words: "(example 2, step 3)". */
export type Place = (row: number) => string;
export const placeAt = (step: number, example: number): string => `(example ${example}, step ${step})`;
/** The place in an array (T,B); below, in one (N,T) or (N). */
export const timeFirst =
  (batch: number): Place =>
  (row) =>
    placeAt(Math.floor(row / batch), row % batch);
export const examplesFirst =
  (steps: number): Place =>
  (row) =>
    steps === 1 ? `(example ${row})` : placeAt(row % steps, Math.floor(row / steps));

export function checkIndices(what: string, values: ArrayLike<number>, count: number, at: Place): void {
  for (let k = 0; k < values.length; k++) {
    const value = values[k] as number;
    if (isIndex(value, count)) continue;
    throw new InputError(`${what} ${formatValue(value)} ${at(k)} is out of range: expected 0 to ${count - 1}`);
  }
}

/** Numbers below this round to a finite 32-bit float: 2^128 less half of the last bit. */
const outOfFloats = 2 ** 128 - 2 ** 103;
/** Whether it is a number that is finite as a 32-bit float. */
export const isFloat = (value: unknown): boolean => typeof value === "number" && Math.abs(value) < outOfFloats;

export function checkFinite(what: string, values: ArrayLike<number>, features: number, at: Place): void {
  for (let k = 0; k < values.length; k++) {
    if (isFloat(values[k])) continue;
    const got = formatValue(values[k]);
    throw new InputError(`${what} ${at(Math.floor(k / features))} is ${got}; it must be a finite 32-bit number`);
  }
}

/** Whether the numbers of a step from `at` on are not all padding. */
export function counts(values: ArrayLike<number>, at: number, width: number, { value }: Padding): boolean {
  const padding = Math.fround(value);
  for (let j = at; j < at + width; j++) if (Math.fround(values[j] as number) !== padding) return true;
  return false;
}
