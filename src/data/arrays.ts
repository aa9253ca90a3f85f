/**
 * Arrays of any number of axes: flat numbers with a shape, row-major like numpy's; and nested lists converted to them.
 */
import { InputError } from "../graph/input-error.ts";
import { checkValue, formatValue, isList, isPlain, numbers, type Rule, wholeNumber } from "../graph/schema.ts";

type NumbersByDtype = {
  int8: Int8Array<ArrayBuffer>;
  uint8: Uint8Array<ArrayBuffer>;
  int16: Int16Array<ArrayBuffer>;
  uint16: Uint16Array<ArrayBuffer>;
  int32: Int32Array<ArrayBuffer>;
  uint32: Uint32Array<ArrayBuffer>;
  float32: Float32Array<ArrayBuffer>;
  float64: Float64Array<ArrayBuffer>;
};

/** The type of the numbers, by numpy's name. */
export type Dtype = keyof NumbersByDtype;
export type NumbersOf<D extends Dtype> = NumbersByDtype[D];
export type Numbers = NumbersOf<Dtype>;

/** A flat array with its shape, row-major: `[n, ...]` is n rows. `data` has as many values as the product of the shape. */
export type FlatArray<Data = Numbers> = { readonly data: Data; readonly shape: readonly number[] };

/** Numbers, lists of numbers, lists of lists of numbers and so on; each list may be a typed array. */
export interface NestedNumbers extends ArrayLike<number | NestedNumbers> {}

const kinds: { readonly [D in Dtype]: { make: (length: number) => NumbersOf<D>; min: number; max: number } } = {
  int8: { make: (length) => new Int8Array(length), min: -(2 ** 7), max: 2 ** 7 - 1 },
  uint8: { make: (length) => new Uint8Array(length), min: 0, max: 2 ** 8 - 1 },
  int16: { make: (length) => new Int16Array(length), min: -(2 ** 15), max: 2 ** 15 - 1 },
  uint16: { make: (length) => new Uint16Array(length), min: 0, max: 2 ** 16 - 1 },
  int32: { make: (length) => new Int32Array(length), min: -(2 ** 31), max: 2 ** 31 - 1 },
  uint32: { make: (length) => new Uint32Array(length), min: 0, max: 2 ** 32 - 1 },
  float32: { make: (length) => new Float32Array(length), min: -Infinity, max: Infinity },
  float64: { make: (length) => new Float64Array(length), min: -Infinity, max: Infinity },
};

export const dtypes = Object.keys(kinds) as readonly Dtype[];

/** An array of zeros. @throws InputError if it does not fit in memory */
export function zeros<D extends Dtype>(dtype: D, length: number): NumbersOf<D> {
  try {
    return kinds[dtype].make(length);
  } catch {
    throw new InputError(`an array of ${length} numbers is more than memory holds`);
  }
}

const maxFloat32 = 2 ** 128 - 2 ** 104;

/**
 * Convert a number to a dtype.
 * @throws InputError, with the place, for what is not a number, and for a number that the dtype cannot hold
 */
export function numberAs(dtype: Dtype, value: unknown, place: string): number {
  if (typeof value !== "number") throw new InputError(`${place}: needs a number, got ${formatValue(value)}`);
  if (
    dtype === "float64" ||
    (dtype === "float32" && (Number.isFinite(Math.fround(value)) || !Number.isFinite(value)))
  ) {
    return value;
  }
  const { min, max } = dtype === "float32" ? { min: -maxFloat32, max: maxFloat32 } : kinds[dtype];
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  const kind = dtype === "float32" ? "" : "whole numbers from ";
  throw new InputError(`${place}: ${dtype} holds ${kind}${min} to ${max}, got ${value}. Choose another dtype.`);
}

/** The number of values of a shape. */
export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1);

/** A flat array whose data fit its shape. */
export const aFlatArray: Rule = {
  expected: "an array with its shape, { data, shape }",
  accepts: (value) =>
    isPlain(value) &&
    isList(value.data) &&
    typeof value.data[0] !== "bigint" &&
    Array.isArray(value.shape) &&
    Array.from(value.shape).every(wholeNumber(0).accepts) &&
    sizeOf(value.shape) === value.data.length,
};

/**
 * Split an array along its first axis: [n, ...] -> n rows. Rows of typed arrays are views that share their memory.
 * @param array `{ data, shape }`, with at least one axis
 * @returns the n rows, each flat
 * @throws InputError for a single value, which has no rows
 * @example rowsOf(padSequences([[1], [2, 3]])); // [Int32Array [0, 1], Int32Array [2, 3]]
 */
export function rowsOf<Data extends Numbers | readonly unknown[]>(array: FlatArray<Data>): Data[] {
  checkValue("rowsOf: array", array, aFlatArray);
  const { data, shape } = array;
  const [count, ...rest] = shape;
  if (count === undefined) throw new InputError("rowsOf: needs an array with at least one axis, got a single value");
  const size = sizeOf(rest);
  const cut = (from: number): Data =>
    (Array.isArray(data) ? data.slice(from, from + size) : (data as Numbers).subarray(from, from + size)) as Data;
  return Array.from({ length: count }, (_, row) => cut(row * size));
}

/**
 * The index of the largest number along the last axis, the first of equal ones: (N,T,V) -> (N,T). Of logits, the classes.
 * numpy's `argmax(axis=-1)`.
 * @param array `{ data, shape }`, such as `predict` returns
 * @returns the indices, in the shape without the last axis
 * @throws InputError for a single value, for an empty last axis, and for NaN
 * @example rowsOf(argmax(await predict(model, x))); // for each example its classes, step by step
 */
export function argmax(array: FlatArray<ArrayLike<number>>): FlatArray<Int32Array<ArrayBuffer>> {
  checkValue("argmax: array", array, aFlatArray);
  const { data, shape } = array;
  checkValue("argmax: data", data, numbers);
  const size = shape.at(-1) ?? 0;
  if (size === 0)
    throw new InputError(`argmax: needs numbers along the last axis, got the shape (${shape.join(", ")})`);
  const left = shape.slice(0, -1);
  const largest = Int32Array.from({ length: sizeOf(left) }, (_, row) => {
    let best = 0;
    for (let k = 0; k < size; k++) {
      const value = data[row * size + k] as number;
      if (Number.isNaN(value)) throw new InputError(`argmax: number ${k} of row ${row} is NaN`);
      if (value > (data[row * size + best] as number)) best = k;
    }
    return best;
  });
  return { data: largest, shape: left };
}

/**
 * Flatten nested lists. A typed array is returned as it is, without a copy; lists become 64-bit floats, unless all innermost
 * lists are typed arrays of one type.
 * @param name the name of the array in errors
 * @throws InputError if lists of one level have different lengths, and for what is not a number
 */
export function flatten(nested: NestedNumbers | FlatArray<ArrayLike<number>>, name: string): FlatArray {
  if (isFlat(nested)) {
    const { data, shape } = nested;
    if (!Array.isArray(shape) || !Array.from(shape).every((size) => typeof size === "number") || !isList(data)) {
      throw new InputError(
        `${name}: needs an array as data and a list of numbers as shape, got ${formatValue(data)} and ${formatValue(shape)}`,
      );
    }
    if (!Array.from(shape).every(wholeNumber(0).accepts) || sizeOf(shape) !== data.length) {
      throw new InputError(`${name}: shape (${shape}) has ${sizeOf(shape)} values, but its data has ${data.length}`);
    }
    if (isNumbers(data)) return nested as FlatArray;
    const numbers = Array.from(data as ArrayLike<unknown>, (value, i) =>
      numberAs("float64", value, `${name}.data[${i}]`),
    );
    return { data: Float64Array.from(numbers), shape };
  }
  const shape = shapeOf(nested, name);
  if (isNumbers(nested)) return { data: nested, shape };

  const leaves: { readonly list: ArrayLike<unknown>; readonly place: string }[] = [];
  const visit = (part: unknown, depth: number, place: string): void => {
    const expected = shape[depth] as number;
    if (!isList(part))
      throw new InputError(`${place}: needs a list of ${expected} like its neighbours, got ${formatValue(part)}`);
    if (part.length !== expected) {
      throw new InputError(`${place}: needs ${expected} values like its neighbours, got ${part.length}`);
    }
    if (depth === shape.length - 1) leaves.push({ list: part, place });
    else for (let i = 0; i < part.length; i++) visit(part[i], depth + 1, `${place}[${i}]`);
  };
  visit(nested, 0, name);

  const first = leaves[0]?.list;
  const alike = isNumbers(first) && leaves.every(({ list }) => list.constructor === first.constructor);
  const length = shape.at(-1) as number;
  const size = leaves.length * length;
  const data = alike ? new (first.constructor as new (size: number) => Numbers)(size) : new Float64Array(size);
  leaves.forEach(({ list, place }, leaf) => {
    for (let i = 0; i < length; i++) {
      data[leaf * length + i] = isNumbers(list) ? (list[i] as number) : numberAs("float64", list[i], `${place}[${i}]`);
    }
  });
  return { data, shape };
}

/** The shape of nested lists: the length of the list, of its first list, and so on. */
export function shapeOf(nested: unknown, name: string): number[] {
  const shape: number[] = [];
  let place = name;
  for (let part = nested; typeof part !== "number"; part = part[0], place += "[0]") {
    if (!isList(part)) throw new InputError(`${place}: needs numbers or lists of numbers, got ${formatValue(part)}`);
    shape.push(part.length);
    if (part.length === 0) break;
  }
  return shape;
}

export const isFlat = (value: unknown): value is FlatArray<ArrayLike<number>> =>
  typeof value === "object" && value !== null && "data" in value && "shape" in value;

const isNumbers = (value: unknown): value is Numbers =>
  ArrayBuffer.isView(value) &&
  !(value instanceof DataView || value instanceof BigInt64Array || value instanceof BigUint64Array);
