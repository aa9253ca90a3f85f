/** What a schedule has to know about the engine that will run it, as data: so the schedule knows no engine. */

export type Target = {
  /** The engine's name. */
  readonly name: string;
  /** Numbers in a vector. Rows are padded with zeros to whole vectors. */
  readonly vectorWidth: number;
  /** In bytes: everything in memory begins at a multiple of this. */
  readonly alignment: number;
  /**
   * If a row has a multiple of `of` numbers, rows compete for the same sets of a cache; `more` numbers are added to avoid
   * it.
   */
  readonly rowStride: { readonly of: number; readonly more: number };
  /** Bytes at the start of memory that the engine keeps for itself, and behind the end, where a last vector may be read. */
  readonly reservedBytes: number;
  readonly tailBytes: number;
  /** The largest size of a memory in bytes. */
  readonly memoryBytes: number;
  /** Whether it has products of 8 bits. */
  readonly int8?: boolean;
  /** "host": this thread reads and writes the memory itself. "device": it has a copy, see `fetch` of a program. */
  readonly memory: "host" | "device";
  /** Whether its products can have operands of bf16; text: why not, with what the engine needs, to follow its name. */
  readonly bf16?: true | string;
};

/** A number of numbers, rounded up to whole vectors. */
export const padded = ({ vectorWidth }: Target, numbers: number): number =>
  Math.ceil(numbers / vectorWidth) * vectorWidth;

/** A number of bytes, rounded up to the alignment. */
export const aligned = ({ alignment }: Target, bytes: number): number => Math.ceil(bytes / alignment) * alignment;

/** The distance, in numbers, between rows of `features` features. */
export function rowNumbers(target: Target, features: number): number {
  const { of, more } = target.rowStride;
  const numbers = padded(target, features);
  return numbers % of === 0 ? numbers + more : numbers;
}
