/**
 * Tensors by name, as files of PyTorch and of others have them: a type, a shape, and numbers that are fetched when they are needed.
 * Also PyTorch's tensors, which are views of storages. Knows nothing about files, nor about what a tensor is for.
 */
import { inRowMajorOrder } from "../containers/strided.ts";
import { type Dtype, decodeTensor, elementBytes, type Tensor } from "../safetensors.ts";

/** A tensor of a file. */
export type NamedTensor = {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Its numbers in row-major order; they may be part of the file's bytes, so nobody writes into them. */
  readonly read: () => Tensor;
  /** The bytes of its numbers in the file, where they lie there in row-major order. */
  readonly bytes?: Uint8Array;
  /** Where its numbers lie: tensors with the same place are the same numbers. Absent where a file has each but once. */
  readonly place?: string;
};
/** What stands where a tensor is expected, and why it cannot be read: "is quantised". */
export type NoTensor = { readonly problem: string };

/** The element types of storages, by the classes that PyTorch names them by. */
export const storageTypes: Readonly<Record<string, Dtype>> = Object.assign(Object.create(null), {
  ...{ DoubleStorage: "F64", FloatStorage: "F32", HalfStorage: "F16", BFloat16Storage: "BF16", LongStorage: "I64" },
  ...{ IntStorage: "I32", ShortStorage: "I16", CharStorage: "I8", ByteStorage: "U8", BoolStorage: "BOOL" },
  ...{ ComplexFloatStorage: "C64", UntypedStorage: "U8" },
});
/** Bytes of an element of storages whose numbers are not read, so that they can be passed over. */
export const otherStorages: ReadonlyMap<string, number> = new Map([
  ["QInt8Storage", 1],
  ["QUInt8Storage", 1],
  ["QUInt4x2Storage", 1],
  ["QInt32Storage", 4],
  ["ComplexDoubleStorage", 16],
]);
/** The element types of tensors, by the names of `torch.dtype`. */
export const tensorTypes: Readonly<Record<string, Dtype>> = Object.assign(Object.create(null), {
  ...{ float64: "F64", float32: "F32", float16: "F16", bfloat16: "BF16", int64: "I64", int32: "I32", int16: "I16" },
  ...{ int8: "I8", uint8: "U8", uint16: "U16", uint32: "U32", uint64: "U64", bool: "BOOL", complex64: "C64" },
  ...{ float8_e4m3fn: "F8_E4M3", float8_e5m2: "F8_E5M2" },
});

/** A tensor as a view: element [i, j, ...] is number `offset` + i * strides[0] + j * strides[1] + ... of a storage. */
export type View = {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly offset: number;
  readonly storage: { readonly key: string; readonly bytes: Uint8Array };
};

/** A view as a tensor, or why it is none. */
export function viewed({ dtype, shape, strides, offset, storage }: View): NamedTensor | NoTensor {
  const size = elementBytes(dtype);
  const most = Math.floor(storage.bytes.length / size);
  const count = shape.reduce((a, b) => a * b, 1);
  const last = shape.reduce((at, steps, axis) => at + (steps - 1) * (strides[axis] as number), offset);
  if (count > 0 && !(last < most)) {
    return { problem: `reaches beyond its storage, which has ${most} numbers: the file is cut off or damaged` };
  }
  if (!(count <= most)) return { problem: `has ${count} numbers, more than the ${most} that are stored` };
  const place = [storage.key, offset, shape.join(), strides.join()].join(" ");
  if (!inOrder(shape, strides)) {
    const read = () => decodeTensor(inRowMajorOrder({ shape, strides, offset }, storage.bytes, size), dtype, shape);
    return { dtype, shape, read, place };
  }
  // None where nothing is stored: an empty tensor may have any offset.
  return { ...stored(storage.bytes.subarray(offset * size, (offset + count) * size), dtype, shape), place };
}

/** A tensor of its bytes in row-major order. */
export function stored(bytes: Uint8Array, dtype: Dtype, shape: readonly number[]): NamedTensor {
  const read = (): Tensor =>
    dtype === "F32" && bytes.byteOffset % 4 === 0
      ? { dtype, shape, data: new Float32Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length / 4) }
      : decodeTensor(bytes, dtype, shape);
  return { dtype, shape, read, bytes };
}

/** Whether the elements lie one after the other, the last index running fastest. */
function inOrder(shape: readonly number[], strides: readonly number[]): boolean {
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis] as number;
    if (size !== 1 && strides[axis] !== step) return false;
    step *= size;
  }
  return true;
}

/** The numbers of a tensor as f32, in row-major order; f64 and whole numbers are rounded. They may be part of the file's bytes. */
export function asFloats({ data, dtype }: Tensor): Float32Array {
  if (data instanceof Float32Array && dtype !== "C64") return data;
  return data instanceof BigInt64Array || data instanceof BigUint64Array
    ? Float32Array.from(data as ArrayLike<number | bigint>, Number)
    : new Float32Array(data as ArrayLike<number>);
}

/** What gives some of a tensor's numbers as f32, so many from one on in row-major order, as arrays of their own. */
export function floatsOf({ dtype, bytes, read }: NamedTensor): (from: number, count: number) => Float32Array {
  if (dtype === "F32" && bytes !== undefined) {
    // The only copy, wherever the numbers lie.
    return (from, count) => {
      const copy = new Float32Array(count);
      new Uint8Array(copy.buffer).set(bytes.subarray(4 * from, 4 * (from + count)));
      return copy;
    };
  }
  const all = asFloats(read());
  return (from, count) => all.slice(from, from + count);
}
