/** The arguments of `fit` and `evaluate` after the model: arrays x and y, or batches of them. */

import { InputError } from "../graph/input-error.ts";
import { checkOptions, formatValue, isList, isPlain, type Schema } from "../graph/schema.ts";
import type { BatchSource, ExampleBatch } from "./batches.ts";
import type { ExampleArray, InputArrays } from "./examples.ts";

/** Whether it is an array of numbers or of lists, which no source of batches is. */
export const isNested = (given: unknown): boolean =>
  isList(given) && (typeof given[0] === "number" || isList(given[0]));

/** Whether it is iterable, so may be a source of batches. */
export const isSource = (given: unknown): given is BatchSource<unknown> =>
  typeof given === "object" && given !== null && (Symbol.iterator in given || Symbol.asyncIterator in given);

/**
 * The arguments of `fit` and `evaluate` after the model: arrays x and y, or batches; and the options, some of which are
 * only for arrays and some only for batches.
 * @throws InputError if there is neither, if y is missing, and for options that are for the other
 */
export function argumentsOf<Options extends { readonly sampleWeight?: ExampleArray | undefined }>(
  where: string,
  [x, y, more]: readonly [unknown, ExampleArray | Options | undefined, Options | undefined],
  only: { readonly arrays: readonly (keyof Options)[]; readonly batches: readonly (keyof Options)[] },
  rules: Schema<Options>,
): { readonly data: ExampleBatch | BatchSource; readonly options: Options } {
  const arrays = y !== undefined && !(isPlain(y) && !("data" in y && "shape" in y));
  if (!arrays && !isSource(x)) {
    throw new InputError(`${where}: needs x and y, or an iterable of batches { x, y }; got ${formatValue(x)} and no y`);
  }
  if (!arrays && isNested(x)) {
    const what = isList((x as ArrayLike<unknown>)[0]) ? "lists" : "numbers";
    throw new InputError(
      `${where}: y is missing: x is a list of ${what}. Give y after x, or batches { x, y } in its place`,
    );
  }
  const given = arrays || y === undefined ? more : y;
  checkOptions(where, given, rules);
  const options = (given ?? {}) as Options;
  for (const name of arrays ? only.batches : only.arrays) {
    if (options[name] === undefined) continue;
    const why = arrays
      ? "is for batches; of arrays all examples are used"
      : "is for arrays; batches are used as they come";
    throw new InputError(`${where}: ${String(name)} ${why}. Leave it out.`);
  }
  if (!arrays) return { data: x as BatchSource, options };
  return { data: { x: x as InputArrays, y: y as ExampleArray, sampleWeight: options.sampleWeight }, options };
}
