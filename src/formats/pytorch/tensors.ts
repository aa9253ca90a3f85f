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
  const stored = Math.floor(storage.bytes.length / size);
  const count = shape.reduce((a, b) => a * b, 1);
  const last = shape.reduce((at, steps, axis) => at + (steps - 1) * (strides[axis] as number), offset);
  if (count > 0 && !(last < stored)) {
    return { problem: `reaches beyond its storage, which has ${stored} numbers: the file is cut off or damaged` };
  }
  if (!(count <= stored)) return { problem: `has ${count} numbers, more than the ${stored} that are stored` };
  const read = (): Tensor => {
    if (!inOrder(shape, strides))
      return decodeTensor(inRowMajorOrder({ shape, strides, offset }, storage.bytes, size), dtype, shape);
    const bytes = storage.bytes.subarray(offset * size, (offset + count) * size);
    // Zeros where nothing is stored: an empty tensor may have any offset.
    const at = bytes.byteOffset;
    return dtype === "F32" && at % size === 0
      ? { dtype, shape, data: new Float32Array(bytes.buffer as ArrayBuffer, at, count) }
      : decodeTensor(bytes, dtype, shape);
  };
  return { dtype, shape, read, place: [storage.key, offset, shape.join(), strides.join()].join(" ") };
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

/** The numbers of a tensor as f32, in row-major order; f64 and whole numbers are rounded. */
export function asFloats({ data, dtype }: Tensor): Float32Array {
  if (data instanceof Float32Array && dtype !== "C64") return data;
  return Float32Array.from(data as ArrayLike<number | bigint>, Number);
}
