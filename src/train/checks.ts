/** What a program is given, checked where it enters: numbers of the right kind, as many as there must be. */
import { InputError } from "../graph/input-error.ts";
import type { Model } from "../nn/model.ts";

/** @throws InputError, with the place, for what is not tokens (T,B) or vectors (T,B,D) that the model can read */
export function checkInputs(
  { input, layers: [first] }: Model,
  inputs: ArrayLike<number>,
  { batch, steps }: { readonly batch: number; readonly steps: number },
  where: string,
): void {
  const features = input === "tokens" ? 1 : input;
  checkLength(where, "inputs", inputs.length, { steps, batch, features });
  if (first?.kind === "embedding") checkIndices(`${where}: token`, inputs, first.inputDim, timeFirst(batch));
  else checkFinite(`${where}: the input`, inputs, features, timeFirst(batch));
}

export function checkLength(
  where: string,
  what: string,
  got: number,
  { steps, batch, features }: { readonly steps: number; readonly batch: number; readonly features: number },
): void {
  const wanted = steps * batch * features;
  if (got === wanted) return;
  throw new InputError(
    `${where}: needs ${wanted} ${what}, ${steps === 1 ? "" : `${steps} steps of `}${batch} examples` +
      `${features === 1 ? "" : ` of ${features}`}, got ${got}. Pad sequences of unequal length to one length first.`,
  );
}

/** Where a row of an array is, in words. */
export type Place = (row: number) => string;
const place = (step: number, example: number): string => `at step ${step} of example ${example}`;
/** Of (T,B), and of (N,T); of (N) where there is one row an example. */
export const timeFirst =
  (batch: number): Place =>
  (row) =>
    place(Math.floor(row / batch), row % batch);
export const examplesFirst =
  (steps: number): Place =>
  (row) =>
    steps === 1 ? `of example ${row}` : place(row % steps, Math.floor(row / steps));

export function checkIndices(what: string, values: ArrayLike<number>, count: number, at: Place): void {
  for (let k = 0; k < values.length; k++) {
    const value = values[k] as number;
    if (Number.isInteger(value) && value >= 0 && value < count) continue;
    throw new InputError(`${what} ${value} ${at(k)} is none: they are whole numbers from 0 to ${count - 1}`);
  }
}

/** Finite as 32-bit floats, which is what they become. */
export function checkFinite(what: string, values: ArrayLike<number>, features: number, at: Place): void {
  for (let k = 0; k < values.length; k++) {
    if (Number.isFinite(Math.fround(values[k] as number))) continue;
    throw new InputError(`${what} ${at(Math.floor(k / features))} is ${values[k]}; it must be a finite 32-bit number`);
  }
}

/** @throws InputError for what is no whole number from `least` on */
export function checkWhole(where: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw new InputError(`${where} must be a whole number of at least ${least}, got ${value}`);
}

/** The number that fills masked steps; undefined where no step can be masked. */
export function maskedValue({ layers: [first] }: Model): number | undefined {
  if (first?.kind === "masking") return Math.fround(first.maskValue);
  return first?.kind === "embedding" && first.maskZero ? 0 : undefined;
}
