/** What a schedule has to know of the engine that will run it: data, so that it knows no engine. */

export type Target = {
  /** The engine's name. */
  readonly name: string;
  /** Numbers in a vector: rows are padded with zeros to whole ones. */
  readonly vectorWidth: number;
  /** Bytes: what lies in memory begins at a multiple of them. */
  readonly alignment: number;
  /** Rows whose numbers are a multiple of `of` meet in the same sets of a cache: `more` numbers keep them apart. */
  readonly rowStride: { readonly of: number; readonly more: number };
  /** Bytes at the start of memory that the engine keeps for itself, and behind the end, where a last vector may be read. */
  readonly reservedBytes: number;
  readonly tailBytes: number;
  /** Bytes that a memory may have. */
  readonly memoryBytes: number;
  /** Whether this thread reads and writes its memory, or has it copied: see `fetch` of a program. */
  readonly memory: "host" | "device";
};

/** So many numbers, in whole vectors. */
export const padded = ({ vectorWidth }: Target, numbers: number): number =>
  Math.ceil(numbers / vectorWidth) * vectorWidth;

export const aligned = ({ alignment }: Target, bytes: number): number => Math.ceil(bytes / alignment) * alignment;

/** Numbers from one row of so many features to the next. */
export function rowNumbers(target: Target, features: number): number {
  const { of, more } = target.rowStride;
  const numbers = padded(target, features);
  return numbers % of === 0 ? numbers + more : numbers;
}
