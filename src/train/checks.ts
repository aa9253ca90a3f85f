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
  if (first?.kind === "embedding") checkIndices(`${where}: token`, inputs, first.inputDim, batch);
  else checkFinite(`${where}: the input`, inputs, features, batch);
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

const place = (row: number, batch: number): string => `at step ${Math.floor(row / batch)} of example ${row % batch}`;

export function checkIndices(what: string, values: ArrayLike<number>, count: number, batch: number): void {
  for (let k = 0; k < values.length; k++) {
    const value = values[k] as number;
    if (Number.isInteger(value) && value >= 0 && value < count) continue;
    throw new InputError(`${what} ${value} ${place(k, batch)} is none: they are whole numbers from 0 to ${count - 1}`);
  }
}

export function checkFinite(what: string, values: ArrayLike<number>, features: number, batch: number): void {
  for (let k = 0; k < values.length; k++) {
    if (Number.isFinite(values[k])) continue;
    throw new InputError(
      `${what} ${place(Math.floor(k / features), batch)} is ${values[k]}; it must be a finite number`,
    );
  }
}
