/** `padSequences`: sequences of different lengths as one array; `toCategorical`: classes as one-hot rows. */
import { InputError } from "../graph/input-error.ts";
import {
  type Arguments,
  alias,
  anything,
  checkArguments,
  either,
  finiteNumber,
  formatValue,
  isList,
  oneOf,
  options as optionsOf,
  orNull,
  type Rule,
  wholeNumber,
} from "../graph/schema.ts";
import {
  type Dtype,
  dtypes,
  type FlatArray,
  flatten,
  type NestedNumbers,
  type Numbers,
  type NumbersOf,
  numberAs,
  shapeOf,
  sizeOf,
  zeros,
} from "./arrays.ts";

/** Options of `padSequences`, with Keras's names and defaults. */
export type PadOptions = {
  /** Length of every row. By default, and for null, that of the longest sequence. */
  readonly maxlen?: number | null;
  /** Whether shorter sequences are padded before ("pre", default) or after ("post"). */
  readonly padding?: "pre" | "post";
  /** Whether longer sequences lose values at the beginning ("pre", default) or the end ("post"). */
  readonly truncating?: "pre" | "post";
};

const someNumbers: Rule = {
  expected: "a list of lists, or of numbers, or { data, shape }",
  accepts: (value) => typeof value === "object" && value !== null,
};
const side = oneOf("pre", "post");
type AllPadOptions = PadOptions & { readonly dtype?: Dtype | "object"; readonly value?: unknown };
export const padSequencesArguments: Arguments = {
  sequences: { expected: "a list of sequences", accepts: isList },
  options: optionsOf<AllPadOptions>({
    maxlen: alias(orNull(wholeNumber(0)), "maxLength", "length"),
    padding: side,
    truncating: alias(side, "truncation"),
    dtype: oneOf(...dtypes, "object"),
    value: alias(anything, "paddingValue"),
  }),
};
export const toCategoricalArguments: Arguments = {
  classes: either(finiteNumber, someNumbers),
  numClasses: orNull(wholeNumber(0)),
};

/**
 * Pad sequences to one length. Keras's `pad_sequences`. Without a `dtype` the result is int32, or float32 if a number has a
 * fraction (Keras drops it); with `dtype: "object"` the values may be anything, such as words, and the data is a list. (An
 * empty list gives (0, 0), and `maxlen: 0` gives rows of length 0; Keras fails.)
 * @param sequences n lists of numbers or of vectors
 * @param options `maxlen`, `padding` ("pre"), `truncating` ("pre"), `value` (0), `dtype`
 * @returns (n, maxlen), flat; (n, maxlen, ...) for sequences of vectors; `rowsOf` gives the rows
 * @throws InputError for what is not a sequence, for vectors of different shapes, and for a number that the dtype cannot hold
 * @example padSequences([[1], [2, 3], [4, 5, 6]]).data; // Int32Array [0, 0, 1, 0, 2, 3, 4, 5, 6]
 */
export function padSequences<D extends Dtype = "int32" | "float32">(
  sequences: ArrayLike<NestedNumbers>,
  options?: PadOptions & { readonly dtype?: D; readonly value?: number },
): FlatArray<NumbersOf<D>>;
export function padSequences<Value>(
  sequences: ArrayLike<ArrayLike<Value>>,
  options: PadOptions & { readonly dtype: "object"; readonly value?: Value },
): FlatArray<Value[]>;
export function padSequences(
  sequences: ArrayLike<ArrayLike<unknown>>,
  options: AllPadOptions = {},
): FlatArray<Numbers | unknown[]> {
  checkArguments("padSequences", { sequences, options }, padSequencesArguments);
  const { maxlen, dtype: given, padding = "pre", truncating = "pre", value = 0 } = options;
  const rows = Array.from(sequences);
  rows.forEach((row, n) => {
    const isList = typeof row === "object" && row !== null && Number.isInteger(row.length);
    if (!isList)
      throw new InputError(
        `padSequences: sequences[${n}]: needs a sequence, a list of values, got ${formatValue(row)}`,
      );
  });
  const length = maxlen ?? rows.reduce((longest, row) => Math.max(longest, row.length), 0);
  const dtype = given ?? (hasFraction(rows) || hasFraction([value]) ? "float32" : "int32");
  // Values are vectors if the first value of all is a list.
  const first = rows.findIndex((row) => row.length > 0);
  const inner =
    first < 0 || dtype === "object" ? [] : shapeOf(rows[first]?.[0], `padSequences: sequences[${first}][0]`);
  const size = sizeOf(inner);

  const total = rows.length * length * size;
  const data = dtype === "object" ? new Array<unknown>(total) : zeros(dtype, total);
  data.fill((dtype === "object" ? value : numberAs(dtype, value, "padSequences: value")) as never);
  rows.forEach((row, n) => {
    const kept = Math.min(row.length, length);
    const from = truncating === "pre" ? row.length - kept : 0;
    const to = n * length + (padding === "pre" ? length - kept : 0);
    for (let i = 0; i < kept; i++) {
      const place = `padSequences: sequences[${n}][${from + i}]`;
      const item = row[from + i];
      if (dtype === "object") data[to + i] = item as never;
      else if (inner.length === 0) data[to + i] = numberAs(dtype, item, place);
      else {
        const vector = flatten(item as NestedNumbers, place);
        if (String(vector.shape) !== String(inner)) {
          throw new InputError(`${place}: needs the shape (${inner}) of the first value, got (${vector.shape})`);
        }
        for (let j = 0; j < size; j++) data[(to + i) * size + j] = numberAs(dtype, vector.data[j], place);
      }
    }
  });
  return { data, shape: [rows.length, length, ...inner] };
}

const hasFraction = (part: unknown): boolean =>
  typeof part === "object" && part !== null
    ? Array.from(part as ArrayLike<unknown>).some(hasFraction)
    : typeof part === "number" && Number.isFinite(part) && !Number.isInteger(part);

/**
 * One-hot rows: zeros with a 1 at the class. Keras's `to_categorical`. A last axis of length 1 is dropped, as in Keras.
 * (Keras counts negative classes from the end and drops fractions; here both are errors.)
 * @param classes a class, nested lists of classes, or `{ data, shape }`: whole numbers from 0
 * @param numClasses number of classes. By default, and for null or 0, the largest class plus 1
 * @returns (...shape of classes, numClasses), flat
 * @throws InputError for a class that is not from 0 to numClasses - 1, and for no classes without numClasses
 * @example rowsOf(toCategorical([0, 2])); // [Float32Array [1, 0, 0], Float32Array [0, 0, 1]]
 */
export function toCategorical(
  classes: number | NestedNumbers | FlatArray,
  numClasses?: number | null,
): FlatArray<Float32Array<ArrayBuffer>> {
  checkArguments("toCategorical", { classes, numClasses }, toCategoricalArguments);
  const { data, shape } =
    typeof classes === "number" ? { data: [classes], shape: [] } : flatten(classes, "toCategorical: classes");
  const labels = Array.from(data, (label, i) => {
    if (Number.isSafeInteger(label) && label >= 0) return label;
    throw new InputError(
      `toCategorical: classes: value ${i} is ${formatValue(label)}; it must be a whole number from 0`,
    );
  });
  if (!numClasses && labels.length === 0) {
    throw new InputError("toCategorical: there are no classes. Give numClasses to say how many there could be.");
  }
  const count = numClasses || labels.reduce((largest, label) => Math.max(largest, label), 0) + 1;
  const rows = zeros("float32", labels.length * count);
  labels.forEach((label, i) => {
    if (label >= count) {
      throw new InputError(`toCategorical: class ${label} (value ${i}) is out of range: expected 0 to ${count - 1}`);
    }
    rows[i * count + label] = 1;
  });
  const kept = shape.length > 1 && shape.at(-1) === 1 ? shape.slice(0, -1) : shape;
  return { data: rows, shape: [...kept, count] };
}
