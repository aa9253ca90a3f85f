/**
 * What of an ONNX graph does not depend on its inputs' numbers: constants, and sizes, which are numbers or axes. Exporters compute initial
 * states and shapes of them in many nodes. Knows nothing about layers.
 */
import type { TensorData } from "../safetensors.ts";
import { floatTypes, type ReadNode } from "./decode.ts";

/** An axis of values: two that must be one are joined. */
export type Axis = { joined?: Axis; role?: Role | undefined; size?: number | undefined };
export type Role = "time" | "batch" | "features";

export type Constant = {
  readonly kind: "constant";
  readonly dims: readonly number[];
  readonly data: TensorData;
  /** Whether its numbers are whole by their type: then so are quotients of them. */
  readonly whole?: boolean;
};
/** Whole numbers of a list, of which some are sizes of axes, and some are unknown. */
export type Sizes = { readonly kind: "sizes"; readonly list: readonly Size[]; readonly scalar?: boolean };
export type Size = number | Axis | "unknown";
/** One number, as often as somebody asks for it. */
export type Fill = { readonly kind: "fill"; readonly value: number };
export type Known = Constant | Sizes | Fill;

/** The axis that others were joined to. */
export const rootOf = (axis: Axis): Axis => {
  let root = axis;
  while (root.joined !== undefined) root = root.joined;
  return root;
};
export const isKnown = (value: { readonly kind: string } | undefined): value is Known =>
  value?.kind === "constant" || value?.kind === "sizes" || value?.kind === "fill";

export const numbersOf = ({ data }: Constant): number[] => Array.from(data as ArrayLike<number | bigint>, Number);
/** The same in 32 bits: the constant's own array where it has them, else without a list between. */
export function floatsOf({ data }: Constant): Float32Array {
  if (data instanceof Float32Array) return data;
  const made = new Float32Array(data.length);
  for (let k = 0; k < made.length; k++) made[k] = Number(data[k]);
  return made;
}
/** A list of whole numbers, or undefined where it is none. */
export function listOf(value: { readonly kind: string } | undefined): readonly Size[] | undefined {
  if (!isKnown(value)) return undefined;
  if (value.kind === "sizes") return value.list;
  return value.kind === "constant" && value.dims.length <= 1 ? numbersOf(value) : undefined;
}
/** The same where all are numbers. */
export function integersOf(value: { readonly kind: string } | undefined): readonly number[] | undefined {
  const list = listOf(value);
  return list?.every((one) => typeof one === "number") ? (list as readonly number[]) : undefined;
}

const constantOf = (dims: readonly number[], numbers: readonly number[], whole = false): Constant => ({
  ...{ kind: "constant", dims, data: Float64Array.from(numbers), whole },
});
const countOf = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);
/** A constant that is made has at most so many numbers more than what it is made of: files are read, not run. */
const maxMore = 2 ** 16;

/**
 * Elements of constants, moved to other places: in as many bytes a number as they had, and no list of all between.
 * @param from of each place of the result: which of the constants, and where in it
 */
function moved(
  constants: readonly Constant[],
  dims: readonly number[],
  from: (place: number) => readonly [number, number],
): Constant {
  const length = countOf(dims);
  const small = constants.every(({ data }) => data instanceof Float32Array);
  const data = small ? new Float32Array(length) : new Float64Array(length);
  for (let place = 0; place < length; place++) {
    const [which, at] = from(place);
    data[place] = Number((constants[which] as Constant).data[at]);
  }
  return { kind: "constant", dims, data, whole: constants[0]?.whole ?? false };
}

/** The elements of an array in another order of its axes. */
function permuted(constant: Constant, perm: readonly number[]): Constant {
  const { dims } = constant;
  const strides = dims.map((_, axis) => countOf(dims.slice(axis + 1)));
  const to = perm.map((axis) => dims[axis] as number);
  return moved([constant], to, (place) => {
    let [rest, from] = [place, 0];
    for (let axis = to.length - 1; axis >= 0; axis--) {
      const size = to[axis] as number;
      from += (rest % size) * (strides[perm[axis] as number] as number);
      rest = Math.floor(rest / size);
    }
    return [0, from];
  });
}

/** Elements `from`, `from + step`, ... before `to` along an axis. */
function sliced(constant: Constant, axis: number, places: readonly number[]): Constant {
  const { dims } = constant;
  const inner = countOf(dims.slice(axis + 1));
  const size = dims[axis] as number;
  const to = [...dims.slice(0, axis), places.length, ...dims.slice(axis + 1)];
  return moved([constant], to, (place) => {
    const row = Math.floor(place / inner);
    const outer = Math.floor(row / places.length);
    return [0, (outer * size + (places[row % places.length] as number)) * inner + (place % inner)];
  });
}

/** The places that a slice from `start` to `end` takes of `size`. */
export function placesOf(size: number, start: number, end: number, step: number): number[] {
  if (step === 0) return [];
  const clamp = (at: number): number => Math.max(0, Math.min(size, at < 0 ? at + size : at));
  if (step > 0) {
    const [from, to] = [clamp(start), clamp(end)];
    return Array.from({ length: Math.max(0, Math.ceil((to - from) / step)) }, (_, k) => from + k * step);
  }
  const from = Math.min(size - 1, start < 0 ? start + size : start);
  const to = end < -size ? -1 : end < 0 ? end + size : end;
  return Array.from({ length: Math.max(0, Math.ceil((from - to) / -step)) }, (_, k) => from + k * step);
}

const sizes = (list: readonly Size[]): Sizes => ({ kind: "sizes", list });
const unary: Readonly<Record<string, (a: number) => number>> = {
  ...{ Neg: (a) => -a, Floor: Math.floor, Ceil: Math.ceil, Abs: Math.abs, Sqrt: Math.sqrt, Reciprocal: (a) => 1 / a },
};
const arithmetic: Readonly<Record<string, (a: number, b: number) => number>> = {
  ...{ Add: (a, b) => a + b, Sub: (a, b) => a - b, Mul: (a, b) => a * b },
  Div: (a, b) => a / b,
};

/**
 * What a node makes of constants and sizes; undefined where it makes nothing that is known here.
 * @param axes its axes, given as an attribute or, in later opsets, as an input
 */
export function fold(node: ReadNode, inputs: readonly (Known | undefined)[]): Known | undefined {
  const { op, attributes } = node;
  const [first, second] = inputs;
  if (first === undefined) return undefined;
  const attribute = (name: string): number | undefined => attributes.get(name)?.number;
  const axes = attributes.get("axes")?.numbers ?? integersOf(second);
  switch (op) {
    case "Identity":
    case "Dropout":
      return first;
    case "Cast": {
      const whole = !floatTypes.includes(attribute("to") ?? 1);
      if (first.kind === "sizes" && whole)
        return { ...first, list: first.list.map((one) => (typeof one === "number" ? Math.trunc(one) : one)) };
      if (first.kind !== "constant") return first;
      return whole && first.whole !== true
        ? constantOf(first.dims, numbersOf(first).map(Math.trunc), whole)
        : { ...first, whole };
    }
    case "Unsqueeze": {
      if (first.kind !== "constant") return first.kind === "sizes" ? { ...first, scalar: false } : first;
      if (axes === undefined) return undefined;
      const dims = [...first.dims];
      const rank = dims.length + axes.length;
      for (const axis of axes.map((one) => (one < 0 ? one + rank : one)).toSorted((a, b) => a - b))
        dims.splice(axis, 0, 1);
      return { ...first, dims };
    }
    case "Squeeze": {
      if (first.kind !== "constant")
        return first.kind === "sizes" ? { ...first, scalar: first.list.length === 1 } : first;
      const gone = axes?.map((axis) => (axis < 0 ? axis + first.dims.length : axis));
      const dims = first.dims.filter((size, axis) => (gone === undefined ? size !== 1 : !gone.includes(axis)));
      return countOf(dims) === countOf(first.dims) ? { ...first, dims } : undefined;
    }
    case "Reshape": {
      if (first.kind !== "constant") return first;
      const to = integersOf(second);
      if (to === undefined) return undefined;
      const copied = to.map((size, axis) => (size === 0 ? (first.dims[axis] ?? 0) : size));
      const known = copied.reduce((a, b) => (b === -1 ? a : a * b), 1);
      const dims = copied.map((size) => (size === -1 ? countOf(first.dims) / known : size));
      return countOf(dims) === countOf(first.dims) ? { ...first, dims } : undefined;
    }
    case "Transpose": {
      if (first.kind !== "constant") return first.kind === "fill" ? first : undefined;
      const perm = attributes.get("perm")?.numbers ?? first.dims.map((_, axis) => first.dims.length - 1 - axis);
      const whole = perm.toSorted((a, b) => a - b).join() === first.dims.map((_, axis) => axis).join();
      return whole ? permuted(first, perm) : undefined;
    }
    case "Gather": {
      const places = integersOf(second);
      if (places === undefined) return undefined;
      if (first.kind === "sizes") {
        const list = places.map((at) => first.list[at < 0 ? at + first.list.length : at] ?? "unknown");
        const scalar =
          second?.kind === "constant" ? second.dims.length === 0 : second?.kind === "sizes" && second.scalar;
        return { kind: "sizes", list, scalar: scalar === true };
      }
      if (first.kind === "fill") return first;
      const axis = attribute("axis") ?? 0;
      const at = axis < 0 ? axis + first.dims.length : axis;
      const size = first.dims[at] ?? 0;
      const taken = sliced(
        first,
        at,
        places.map((place) => (place < 0 ? place + size : place)),
      );
      const scalar = second?.kind === "constant" && second.dims.length === 0;
      return scalar ? { ...taken, dims: taken.dims.toSpliced(at, 1) } : taken;
    }
    case "Slice": {
      if (first.kind === "fill") return first;
      const [starts, ends] = ["starts", "ends"].map(
        (name, k) => attributes.get(name)?.numbers ?? integersOf(inputs[1 + k]),
      );
      if (starts === undefined || ends === undefined) return undefined;
      const along = attributes.get("axes")?.numbers ?? integersOf(inputs[3]) ?? starts.map((_, axis) => axis);
      const steps = integersOf(inputs[4]) ?? starts.map(() => 1);
      if (first.kind === "sizes") {
        const places = placesOf(first.list.length, starts[0] ?? 0, ends[0] ?? 0, steps[0] ?? 1);
        return { kind: "sizes", list: places.map((at) => first.list[at] as Size) };
      }
      if (!along.every((axis) => axis >= -first.dims.length && axis < first.dims.length)) return undefined;
      if (starts.length !== along.length || ends.length !== along.length || steps.includes(0)) return undefined;
      return along.reduce<Constant>((from, axis, k) => {
        const at = axis < 0 ? axis + from.dims.length : axis;
        const places = placesOf(from.dims[at] ?? 0, starts[k] as number, ends[k] as number, steps[k] as number);
        return sliced(from, at, places);
      }, first);
    }
    case "Concat": {
      const parts = inputs as readonly Known[];
      if (inputs.includes(undefined)) return undefined;
      if (parts.every((one) => one.kind === "fill")) return first;
      const lists = parts.map(listOf);
      if (lists.every((one) => one !== undefined)) {
        const list = lists.flat() as Size[];
        return list.every((one) => typeof one === "number")
          ? constantOf([list.length], list as number[], (first as Constant).whole ?? true)
          : { kind: "sizes", list };
      }
      if (!parts.every((one): one is Constant => one.kind === "constant")) return undefined;
      const axis = attribute("axis") ?? 0;
      const [{ dims }] = parts as [Constant];
      const along = axis < 0 ? axis + dims.length : axis;
      const rest = ({ dims: own }: Constant): string => own.toSpliced(along, 1).join();
      if (!(along >= 0 && along < dims.length && parts.every((one) => rest(one) === rest(parts[0] as Constant))))
        return undefined;
      return parts.reduce((a, b) => concatenated(a, b, axis < 0 ? axis + a.dims.length : axis));
    }
    case "ConstantOfShape": {
      const { tensor } = attributes.get("value") ?? {};
      const value = tensor === undefined ? 0 : Number(tensor.data[0]);
      const dims = integersOf(first);
      if (dims?.some((size) => !Number.isInteger(size) || size < 0)) return undefined;
      return dims !== undefined && countOf(dims) <= maxMore
        ? constantOf(dims, new Array<number>(countOf(dims)).fill(value), tensor?.whole)
        : { kind: "fill", value };
    }
    case "Expand": {
      if (first.kind !== "constant") return first;
      const [value] = first.data;
      return first.data.length > 0 && (first.data as Float64Array).every((one) => one === value)
        ? { kind: "fill", value: Number(value) }
        : first;
    }
    case "Add":
    case "Sub":
    case "Mul":
    case "Div": {
      if (second === undefined) return undefined;
      const of = arithmetic[op] as (a: number, b: number) => number;
      if (first.kind === "constant" && second.kind === "constant") return combined(first, second, of);
      if (first.kind === "fill" && second.kind === "fill")
        return { kind: "fill", value: of(first.value, second.value) };
      const whole = [first, second].every((one) => one.kind !== "constant" || one.whole === true);
      return bothSizes(first, second, (x, y) => (whole ? Math.trunc(of(x, y)) : of(x, y)));
    }
    case "Neg":
    case "Floor":
    case "Ceil":
    case "Abs":
    case "Sqrt":
    case "Reciprocal": {
      const of = unary[op] as (a: number) => number;
      if (first.kind === "constant") {
        // Many numbers with a point may be weights: they stay as they are, in equations.
        if (first.whole !== true && first.data.length > 1) return undefined;
        return constantOf(first.dims, numbersOf(first).map(of), first.whole);
      }
      return first.kind === "fill" ? { kind: "fill", value: of(first.value) } : sizes(first.list.map(() => "unknown"));
    }
    case "DequantizeLinear":
      return dequantized(first, inputs, attribute);
    case "Size":
      return first.kind === "fill"
        ? undefined
        : constantOf([], [first.kind === "sizes" ? first.list.length : first.data.length], true);
    case "Not":
    case "Equal":
    case "Greater":
    case "Less":
    case "And":
    case "Or":
      return compared(op, first, second);
    case "ReduceProd":
      if (first.kind === "constant" && attributes.size === 0)
        return constantOf([], [countOf(numbersOf(first))], first.whole);
      return sizes(["unknown"]);
    case "Range":
      return sizes(["unknown"]);
    default:
      return undefined;
  }
}

function concatenated(a: Constant, b: Constant, axis: number): Constant {
  const [inA, inB] = [a, b].map(({ dims }) => countOf(dims.slice(axis))) as [number, number];
  const dims = a.dims.map((size, at) => (at === axis ? size + (b.dims[axis] ?? 0) : size));
  return moved([a, b], dims, (place) => {
    const [outer, k] = [Math.floor(place / (inA + inB)), place % (inA + inB)];
    return k < inA ? [0, outer * inA + k] : [1, outer * inB + k - inA];
  });
}

/** Comparisons: 1, 0, or unknown where a size is. */
function compared(op: string, a: Known, b: Known | undefined): Known | undefined {
  const of = comparisons[op] as (a: number, b: number) => boolean;
  if (a.kind === "constant" && (b === undefined || b.kind === "constant")) {
    const made = combined(a, b ?? constantOf([], [0]), (x, y) => Number(of(x, y)));
    return made && { ...made, whole: true };
  }
  return bothSizes(a, b ?? { kind: "fill", value: 0 }, (x, y) => Number(of(x, y)));
}
/** Whole numbers of which some are unknown, number by number. */
function bothSizes(a: Known, b: Known, of: (a: number, b: number) => number): Sizes | undefined {
  const [left, right] = [a, b].map((one) => (one.kind === "fill" ? [one.value] : listOf(one)));
  if (left === undefined || right === undefined) return undefined;
  const scalar = [a, b].every((one) => one.kind !== "constant" || one.dims.length === 0);
  const list = Array.from({ length: Math.max(left.length, right.length) }, (_, k): Size => {
    const [x, y] = [left[k % left.length], right[k % right.length]];
    return typeof x === "number" && typeof y === "number" ? of(x, y) : "unknown";
  });
  return { kind: "sizes", list, scalar: scalar && list.length === 1 };
}
const comparisons: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  ...{ Equal: (a, b) => a === b, Greater: (a, b) => a > b, Less: (a, b) => a < b, Not: (a) => a === 0 },
  ...{ And: (a, b) => a !== 0 && b !== 0, Or: (a, b) => a !== 0 || b !== 0 },
};

/** Two constants number by number: of the same axes, or one of a single number, or one number for each of the last axis. */
function combined(a: Constant, b: Constant, of: (a: number, b: number) => number): Constant | undefined {
  const whole = a.whole === true && b.whole === true;
  const [left, right] = [numbersOf(a), numbersOf(b)];
  const [more, less] = left.length >= right.length ? [a, b] : [b, a];
  const rest = less.dims.slice(less.dims.findIndex((size) => size !== 1));
  const fits = less.data.length === 1 || more.dims.slice(-rest.length).join() === rest.join();
  if (!fits || less.dims.length > more.dims.length) return undefined;
  const out = Array.from({ length: more.data.length }, (_, k) =>
    of(left[k % left.length] as number, right[k % right.length] as number),
  );
  return constantOf(more.dims, whole ? out.map(Math.trunc) : out, whole);
}

/** Whole numbers times a scale, one for all or one for each place of an axis, behind a zero point. */
function dequantized(
  first: Known,
  [, scale, zero]: readonly (Known | undefined)[],
  attribute: (name: string) => number | undefined,
): Known | undefined {
  if (first.kind !== "constant" || scale?.kind !== "constant" || (attribute("block_size") ?? 0) !== 0) return undefined;
  const axis = attribute("axis") ?? 1;
  const at = axis < 0 ? axis + first.dims.length : axis;
  const [scales, size] = [numbersOf(scale), scale.data.length];
  const zeros = zero?.kind === "constant" ? numbersOf(zero) : scales.map(() => 0);
  if ((size !== 1 && first.dims[at] !== size) || zeros.length !== size) return undefined;
  const inner = countOf(first.dims.slice(at + 1));
  // Float32Array.from would hold a list of all numbers first.
  const data = new Float32Array(first.data.length);
  for (let k = 0; k < data.length; k++) {
    const place = size === 1 ? 0 : Math.floor(k / inner) % size;
    data[k] = (Number(first.data[k]) - (zeros[place] as number)) * (scales[place] as number);
  }
  return { kind: "constant", dims: first.dims, data };
}
