/**
 * Read arrays of NumPy: .npy files, one array each, and .npz archives of them. Arrays of Python objects are pickles and are refused.
 * Knows nothing about what the numbers mean.
 * Format: NumPy's doc/neps/nep-0001-npy-format.rst, versions 1 to 3.
 */
import { excerpt } from "../../graph/excerpt.ts";
import { type Dtype, decodeTensor, elementBytes, FormatError, type Tensor } from "../safetensors.ts";
import { inRowMajorOrder } from "./strided.ts";
import { zipMembers } from "./zip.ts";

/** The element types, by kind and bytes as NumPy writes them. */
const dtypes: Readonly<Record<string, Dtype>> = Object.assign(Object.create(null), {
  ...{ f2: "F16", f4: "F32", f8: "F64", i1: "I8", i2: "I16", i4: "I32", i8: "I64" },
  ...{ u1: "U8", u2: "U16", u4: "U32", u8: "U64", b1: "BOOL", c8: "C64" },
});
/** Kinds of elements that are not read, in words. */
const others: Readonly<Record<string, string>> = {
  O: "Python objects, which are a pickle",
  ...{
    U: "texts",
    S: "bytes",
    V: "records",
    M: "dates",
    m: "times",
    c: "complex numbers in f64",
    f: "floats of more than 8 bytes",
  },
};
/** NumPy's own limit. */
const mostAxes = 64;
const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

/** Whether bytes begin as a .npy file does. */
export const isNpy = (bytes: Uint8Array): boolean => magic.every((byte, k) => bytes[k] === byte);

/**
 * Read a .npy file: values in row-major order, whatever the order in the file, which may be big-endian.
 * @param name the file's name, for messages
 * @throws FormatError of one line for a damaged file, and for elements that are not numbers
 */
export function readNpy(bytes: Uint8Array, name: string): Tensor {
  const damaged: (problem: string) => never = (problem) => {
    throw new FormatError(`${name}: the NumPy array is damaged: ${problem}.`);
  };
  if (!isNpy(bytes)) damaged("it does not begin as a .npy file");
  const version = bytes[6] ?? 0;
  if (version < 1 || version > 3) damaged(`its version is ${version}, not 1 to 3`);
  const lengthBytes = version === 1 ? 2 : 4;
  const start = 8 + lengthBytes;
  if (bytes.length < start) damaged("it is cut off");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (!(start + length <= bytes.length)) damaged("it is cut off");
  // Names of fields may be any text; numbers need nothing but ASCII.
  const header = new TextDecoder("latin1").decode(bytes.slice(start, start + Math.min(length, 65536)));
  const descr = /['"]descr['"]\s*:\s*(?:'([^']*)'|"([^"]*)"|(\[))/.exec(header);
  const order = /['"]fortran_order['"]\s*:\s*(True|False)\b/.exec(header);
  const sizes = /['"]shape['"]\s*:\s*\(([\d\s,L]*)\)/.exec(header);
  if (descr === null || order === null || sizes === null)
    return damaged("its header does not say type, order and shape");
  if (descr[3] !== undefined)
    throw new FormatError(`${name}: it holds records (several values an element), which are not read.`);
  const type = (descr[1] ?? descr[2]) as string;
  const [, byteOrder, kind, width] = /^([<>|=]?)([a-zA-Z])(\d*)/.exec(type) ?? [];
  const dtype = /^[<>|=]?[a-z]\d+$/.test(type) ? dtypes[`${kind}${width}`] : undefined;
  if (dtype === undefined) {
    const what = others[kind ?? ""] ?? `elements of type ${JSON.stringify(excerpt(type))}`;
    throw new FormatError(`${name}: it holds ${what}, and only arrays of numbers are read.`);
  }
  const shape = (sizes[1] as string)
    .split(",")
    .flatMap((size) => (size.trim() === "" ? [] : [Number.parseInt(size, 10)]));
  if (shape.length > mostAxes) damaged(`its shape has ${shape.length} axes, at most ${mostAxes}`);
  const count = shape.reduce((a, b) => a * b, 1);
  const needed = count * elementBytes(dtype);
  const data = bytes.subarray(start + length);
  if (!(needed <= data.length))
    damaged(`its shape (${shape.join(", ")}) needs ${needed} bytes, and it has ${data.length}`);
  const stored = data.subarray(0, needed);
  const unit = dtype === "C64" ? 4 : elementBytes(dtype);
  const little = byteOrder === ">" ? swapped(stored, unit) : stored;
  const rows = order[1] === "True" && shape.length > 1 ? rowMajor(little, shape, elementBytes(dtype)) : little;
  return decodeTensor(rows, dtype, shape);
}

/**
 * Read the arrays of an .npz archive by their names, without ".npy".
 * @param name the file's name, for messages
 * @throws FormatError as `zipMembers` and `readNpy`, and for members that are no arrays
 */
export function readNpz(bytes: Uint8Array, name: string): ReadonlyMap<string, Tensor> {
  return new Map(
    [...zipMembers(bytes, name)].map(([member, { read }]) => [
      member.replace(/\.npy$/, ""),
      readNpy(read(), `${name}: ${excerpt(member, 60)}`),
    ]),
  );
}

/** Numbers of so many bytes, each turned round. */
function swapped(bytes: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(bytes.length);
  for (let at = 0; at < out.length; at += size) {
    for (let k = 0; k < size; k++) out[at + k] = bytes[at + size - 1 - k] as number;
  }
  return out;
}

/** Values whose first index runs fastest, put so that the last one does. */
function rowMajor(bytes: Uint8Array, shape: readonly number[], size: number): Uint8Array {
  const strides = shape.map((_, axis) => shape.slice(0, axis).reduce((a, b) => a * b, 1));
  return inRowMajorOrder({ shape, strides, offset: 0 }, bytes, size);
}
