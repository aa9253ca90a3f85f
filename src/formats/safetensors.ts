/**
 * Read and write the safetensors format (https://huggingface.co/docs/safetensors): eight bytes with the length of the
 * header, a JSON header, then the bytes of the tensors, one after the other. A file is checked before memory is
 * allocated for its content. Numbers are little-endian in the file, as in every JavaScript engine in use.
 */
import { excerpt } from "../graph/excerpt.ts";
import { InputError } from "../graph/input-error.ts";
import { joined } from "../graph/joined.ts";
import {
  type Arguments,
  checkArguments,
  isPlain,
  options as optionsOf,
  type Rule,
  recordOf,
  required,
  string,
} from "../graph/schema.ts";

/** Thrown for a file that is damaged or in another format. The message is one line with the file's name. */
export class FormatError extends InputError {
  override name = "FormatError";
}

/**
 * A tensor: values in row-major order; the shape [] means a single number. `dtype` is the element type in the file;
 * without it, writing uses the type of `data` (bytes become U8). Reading never loses precision:
 *
 * | in the file | `data` |
 * | --- | --- |
 * | F64, F32, I32, I16, I8, U32, U16, U8 | the array of that type |
 * | I64, U64 | BigInt64Array, BigUint64Array: a number would be exact only to 2^53 |
 * | BOOL | Uint8Array of 0 and 1 |
 * | F16, BF16, F8_E4M3, F8_E5M2, F8_E8M0, F8_E4M3FNUZ, F8_E5M2FNUZ | Float32Array |
 * | C64 | Float32Array with two values an element: the real part and the imaginary part |
 * | F4, F6_E2M3, F6_E3M2 | Uint8Array of the bytes as they are: the format does not say how elements lie in a byte |
 */
export type Tensor = {
  readonly shape: readonly number[];
  readonly data: TensorData;
  readonly dtype?: Dtype;
};
/** The numbers of a tensor as a typed array; `Tensor` lists the array of each element type. */
export type TensorData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array;
type ArrayType = {
  new (buffer: ArrayBuffer): TensorData;
  readonly BYTES_PER_ELEMENT: number;
};

/** The content of a file: tensors by name, and metadata (strings) by name. */
export type Safetensors = {
  readonly tensors: Readonly<Record<string, Tensor>>;
  readonly metadata: Readonly<Record<string, string>>;
};

/** The element types of safetensors 0.8, the widest first; tensors are written in this order. */
export type Dtype =
  | ("F64" | "I64" | "U64" | "C64" | "F32" | "I32" | "U32" | "F16" | "BF16" | "I16" | "U16")
  | ("F8_E4M3" | "F8_E5M2" | "F8_E8M0" | "F8_E4M3FNUZ" | "F8_E5M2FNUZ" | "I8" | "U8" | "BOOL")
  | ("F6_E2M3" | "F6_E3M2" | "F4");

const dtypes: Readonly<Record<Dtype, { bits: number; Type: ArrayType; small?: SmallFloat }>> = {
  F64: { bits: 64, Type: Float64Array },
  I64: { bits: 64, Type: BigInt64Array },
  U64: { bits: 64, Type: BigUint64Array },
  C64: { bits: 64, Type: Float32Array },
  F32: { bits: 32, Type: Float32Array },
  I32: { bits: 32, Type: Int32Array },
  U32: { bits: 32, Type: Uint32Array },
  F16: { bits: 16, Type: Uint16Array, small: { fractionBits: 10, bias: 15, largest: 0x7bff, infinity: 0x7c00 } },
  // BF16 is the upper half of a 32-bit float.
  BF16: { bits: 16, Type: Uint16Array, small: { fractionBits: 7, bias: 127, largest: 0x7f7f, infinity: 0x7f80 } },
  I16: { bits: 16, Type: Int16Array },
  U16: { bits: 16, Type: Uint16Array },
  // Types of 8 bits: Micikevicius et al. 2022 (arXiv:2209.05433); Noune et al. 2022 (arXiv:2206.02915), which have no
  // -0 and use its code as their only NaN; and E8M0, which holds only powers of two, the scales of OCP Microscaling
  // Formats 1.0.
  F8_E4M3: { bits: 8, Type: Uint8Array, small: { fractionBits: 3, bias: 7, largest: 0x7e } },
  F8_E5M2: { bits: 8, Type: Uint8Array, small: { fractionBits: 2, bias: 15, largest: 0x7b, infinity: 0x7c } },
  F8_E8M0: { bits: 8, Type: Uint8Array, small: { fractionBits: 0, bias: 127, largest: 0xfe, unsigned: true } },
  F8_E4M3FNUZ: { bits: 8, Type: Uint8Array, small: { fractionBits: 3, bias: 8, largest: 0x7f } },
  F8_E5M2FNUZ: { bits: 8, Type: Uint8Array, small: { fractionBits: 2, bias: 16, largest: 0x7f } },
  I8: { bits: 8, Type: Int8Array },
  U8: { bits: 8, Type: Uint8Array },
  BOOL: { bits: 8, Type: Uint8Array },
  F6_E2M3: { bits: 6, Type: Uint8Array },
  F6_E3M2: { bits: 6, Type: Uint8Array },
  F4: { bits: 4, Type: Uint8Array },
};

/** @internal */
export const someBytes: Rule = { expected: "a Uint8Array", accepts: (value) => value instanceof Uint8Array };
const tensorRule: Rule = {
  expected: "a tensor, { shape, data } with data in a typed array",
  accepts: (value) =>
    isPlain(value) &&
    Array.isArray(value.shape) &&
    Array.from(value.shape).every((size) => typeof size === "number") &&
    (value.dtype === undefined || (typeof value.dtype === "string" && Object.hasOwn(dtypes, value.dtype))) &&
    Object.values(dtypes).some(({ Type }) => value.data instanceof Type),
};
/** @internal */
export const writeSafetensorsArguments: Arguments = {
  content: optionsOf<Safetensors>({ tensors: required(recordOf(tensorRule)), metadata: required(recordOf(string)) }),
};
/** @internal */
export const readSafetensorsArguments: Arguments = { bytes: someBytes, file: string };

/** A float of at most 16 bits: sign, exponent, fraction. Codes above `largest` are NaN or infinity. */
type SmallFloat = {
  readonly fractionBits: number;
  readonly bias: number;
  /** The bits of the largest number, without its sign. */
  readonly largest: number;
  readonly infinity?: number;
  /** The type has only powers of two: no sign and no zero. */
  readonly unsigned?: true;
};

/** The limit in the reference implementation. */
const maxHeaderBytes = 100_000_000;

/**
 * Encode tensors and metadata as the bytes of a file; the same content always gives the same bytes. Tensors with larger
 * elements come first, so that each starts at a multiple of its element size; equal sizes are ordered by name. With the
 * dtype F16 or BF16, a Float32Array is rounded to the nearest number (ties to even) and keeps denormals. The other
 * small floats can be read but not written.
 * @throws InputError for a number beyond the largest of its dtype, with its position; for a shape or a dtype that does
 * not fit its data; and for a name that the format cannot hold
 */
export function writeSafetensors(content: Safetensors): Uint8Array<ArrayBuffer> {
  checkArguments("writeSafetensors", { content }, writeSafetensorsArguments);
  return joined(Uint8Array, safetensorsParts(content)) as Uint8Array<ArrayBuffer>;
}

/** The same bytes in parts, of which those of tensors are no copies where they are stored as they are. @internal */
export function safetensorsParts({ tensors, metadata }: Safetensors): readonly Uint8Array[] {
  const entries = Object.entries(tensors)
    .map(([name, tensor]) => ({ name, shape: tensor.shape, ...stored(name, tensor) }))
    .sort((a, b) => dtypes[b.dtype].bits - dtypes[a.dtype].bits || (a.name < b.name ? -1 : 1));
  for (const text of [...Object.keys(tensors), ...Object.entries(metadata).flat()]) {
    // Python cannot read JSON with half of a surrogate pair.
    if (/\p{Surrogate}/u.test(text)) throw new InputError(`safetensors: ${quote(text)} holds half of a surrogate pair`);
  }
  const header: [name: string, value: unknown][] = [];
  if (Object.keys(metadata).length > 0) header.push(["__metadata__", metadata]);
  let end = 0;
  for (const { name, dtype, shape, data } of entries) {
    if (name === "__metadata__" || name === "__proto__")
      throw new InputError(`safetensors: no tensor can be named ${name}`);
    const begin = end;
    end += data.byteLength;
    header.push([name, { dtype, shape, data_offsets: [begin, end] }]);
  }
  // The JSON is written by hand, because an object would put names such as "0" first.
  const json = `{${header.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(",")}}`;
  const text = new TextEncoder().encode(json);
  const headerBytes = Math.ceil(text.length / 8) * 8;
  if (headerBytes > maxHeaderBytes)
    throw new InputError(`safetensors: a header of ${format(headerBytes)} bytes is too long`);

  const start = new Uint8Array(8 + headerBytes);
  new DataView(start.buffer).setBigUint64(0, BigInt(headerBytes), true);
  start.set(text, 8);
  start.fill(0x20, 8 + text.length);
  return [start, ...entries.map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength))];
}

/** The dtype of a tensor, and its data as stored in the file. */
function stored(name: string, { shape, data, dtype = naturalDtype(data) }: Tensor): { dtype: Dtype; data: TensorData } {
  const { bits, Type, small } = dtypes[dtype];
  const items = small === undefined ? (countOf(shape) * bits) / 8 / Type.BYTES_PER_ELEMENT : countOf(shape);
  if (items !== data.length)
    throw new InputError(`safetensors: ${name} has the shape [${shape}] but ${data.length} values`);
  if (small === undefined && data instanceof Type) return { dtype, data };
  if ((dtype === "F16" || dtype === "BF16") && data instanceof Float32Array) {
    return {
      dtype,
      data: round(data, dtype, small as SmallFloat, (at) => `${name}[${placeOf(at, shape).join(", ")}]`),
    };
  }
  throw new InputError(`safetensors: ${name} is a ${data.constructor.name}, which is not written as ${dtype}`);
}
const naturalDtype = (data: TensorData): Dtype =>
  (Object.keys(dtypes) as Dtype[]).find(
    (dtype) => dtype !== "C64" && dtypes[dtype].small === undefined && data instanceof dtypes[dtype].Type,
  ) as Dtype;

/**
 * Read the tensors and the metadata of a file, as copies: see `Tensor` for their types. The records have no prototype.
 * @throws FormatError of one line with the file's name if the file is damaged or not a safetensors file
 */
export function readSafetensors(bytes: Uint8Array, file = "model.safetensors"): Safetensors {
  checkArguments("readSafetensors", { bytes, file }, readSafetensorsArguments);
  const { metadata, ...content } = storedTensors(bytes, file);
  const tensors = Object.create(null) as Record<string, Tensor>;
  for (const { name, dtype, shape, content: stored } of content.tensors)
    tensors[name] = decodeTensor(stored, dtype, shape);
  return { tensors, metadata };
}

/** A tensor as it is stored. */
type StoredTensor = {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Its part of the file's bytes. */
  readonly content: Uint8Array;
};
/** What `readSafetensors` gives, checked as there, none of the tensors decoded. @internal */
export function storedTensors(
  bytes: Uint8Array,
  file: string,
): { readonly tensors: readonly StoredTensor[]; readonly metadata: Safetensors["metadata"] } {
  const fail: Fail = (problem) => {
    throw new FormatError(`${file}: ${problem}`);
  };
  const { header, dataStart } = readHeader(bytes, fail);

  const metadata = Object.create(null) as Record<string, string>;
  const entries: Entry[] = [];
  for (const [name, value] of Object.entries(header)) {
    if (name === "__metadata__") {
      if (!isObject(value)) return fail(`"__metadata__" needs an object of texts. ${damaged}`);
      for (const [key, text] of Object.entries(value)) {
        if (typeof text !== "string") return fail(`metadata ${quote(key)} needs a text. ${damaged}`);
        metadata[key] = text;
      }
    } else entries.push(readEntry(name, value, fail));
  }
  checkPlaces(entries, dataStart, bytes.length, fail);

  const tensors = entries.map(({ name, dtype, shape, begin, end }) => ({
    ...{ name, dtype, shape, content: bytes.subarray(dataStart + begin, dataStart + end) },
  }));
  return { tensors, metadata };
}

/** Bytes of an element. @internal */
export const elementBytes = (dtype: Dtype): number => dtypes[dtype].bits / 8;

/**
 * A tensor of its bytes, little-endian and in row-major order, as a copy: see `Tensor` for what becomes of each type.
 * @internal
 */
export function decodeTensor(bytes: Uint8Array, dtype: Dtype, shape: readonly number[]): Tensor {
  // A copy has its own buffer, so it is aligned for every element size.
  const copy = new Uint8Array(bytes.length);
  copy.set(bytes);
  const { Type, small } = dtypes[dtype];
  const data = new Type(copy.buffer);
  return { shape, dtype, data: small === undefined ? data : widen(data as Uint16Array, dtype, small) };
}

type Fail = (problem: string) => never;
type Entry = { name: string; dtype: Dtype; shape: readonly number[]; begin: number; end: number };

/** Files that are often given instead, by their first bytes. */
const others: readonly (readonly [what: string, start: readonly number[]])[] = [
  ["a zip archive, such as PyTorch (.pt) and Keras (.keras) write", [0x50, 0x4b, 0x03, 0x04]],
  ["an HDF5 file, such as Keras (.h5) writes", [0x89, 0x48, 0x44, 0x46]],
];
const damaged = "The file is damaged, or not a safetensors file.";
const cutShort = "it is cut short. Copy it again or train anew.";

function readHeader(bytes: Uint8Array, fail: Fail): { header: Record<string, unknown>; dataStart: number } {
  if (bytes.length < 8) fail(`a safetensors file has at least 8 bytes, this one ${bytes.length}: ${cutShort}`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  const other = others.find(([, start]) => start.every((byte, k) => bytes[k] === byte));
  if (other !== undefined)
    fail(`it is ${other[0]}, not a safetensors file. Write one of it by: unrolled convert IN OUT.safetensors.`);
  if (length < 2 || length > maxHeaderBytes) {
    fail(`its first 8 bytes give a header of ${format(length)} bytes, not 2 to ${format(maxHeaderBytes)}. ${damaged}`);
  }
  const dataStart = 8 + length;
  if (dataStart > bytes.length) {
    fail(`its header ends at byte ${format(dataStart)} but the file has ${format(bytes.length)}: ${cutShort}`);
  }
  // Browsers cannot decode text in shared memory, so copy it.
  const headerBytes = new Uint8Array(length);
  headerBytes.set(bytes.subarray(8, dataStart));
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(headerBytes);
  } catch {
    return fail(`its header is not UTF-8 text. ${damaged}`);
  }
  if (!text.startsWith("{"))
    fail(`its header starts with ${quote(/^.?/su.exec(text)?.[0] ?? "")}, not "{". ${damaged}`);
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch {
    return fail(`its header is not JSON. ${damaged}`);
  }
  const badKey = findBadKey(text);
  if (badKey !== undefined) fail(`its header ${badKey}. ${damaged}`);
  return { header: header as Record<string, unknown>, dataStart };
}

/** Find what JSON.parse does not report in valid JSON: an object with a name twice, or with the name `__proto__`. */
function findBadKey(json: string): string | undefined {
  const objects: Set<string>[] = []; // The names so far in each enclosing object or list.
  let start = 0; // The start of the last string, which is a name if a colon follows.
  let end = 0;
  for (let at = 0; at < json.length; at++) {
    const character = json[at];
    if (character === "{" || character === "[") objects.push(new Set());
    else if (character === "}" || character === "]") objects.pop();
    else if (character === '"') {
      start = at;
      for (at++; json[at] !== '"'; at++) if (json[at] === "\\") at++;
      end = at + 1;
    } else if (character === ":") {
      const name = JSON.parse(json.slice(start, end)) as string;
      const names = objects.at(-1) as Set<string>;
      if (name === "__proto__") return "has the name __proto__";
      if (names.has(name)) return `has ${quote(name)} twice`;
      names.add(name);
    }
  }
  return undefined;
}

function readEntry(name: string, value: unknown, fail: Fail): Entry {
  const complain = (problem: string) => fail(`tensor ${quote(name)} ${problem}`);
  if (!isObject(value)) return complain(`needs an object. ${damaged}`);
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== "string") return complain(`has no dtype. ${damaged}`);
  if (!Object.hasOwn(dtypes, dtype)) {
    return complain(`has the dtype ${quote(dtype)}; known are ${Object.keys(dtypes).join(", ")}. Convert it.`);
  }
  if (!isSizes(shape)) return complain(`needs a "shape" of whole numbers from 0. ${damaged}`);
  if (!isSizes(offsets) || offsets.length !== 2)
    return complain(`needs "data_offsets" of two whole numbers. ${damaged}`);
  const [begin, end] = offsets as [number, number];
  const { bits } = dtypes[dtype as Dtype];
  const needed = (countOf(shape) * bits) / 8;
  if (!(needed <= Number.MAX_SAFE_INTEGER)) return complain(`has a shape of more than 2^53 bytes. ${damaged}`);
  if (!Number.isInteger(needed)) {
    return complain(`has ${format(countOf(shape))} elements of ${bits} bits, which fill no whole bytes. ${damaged}`);
  }
  if (end - begin !== needed) {
    const has = `has ${format(end - begin)} bytes`;
    return complain(`${has}, but its shape needs ${format(needed)} as ${dtype}. ${damaged}`);
  }
  return { name, dtype: dtype as Dtype, shape, begin, end };
}

/** Check that the tensors fill the file from the header to its end, without gaps. */
function checkPlaces(entries: readonly Entry[], dataStart: number, fileBytes: number, fail: Fail): void {
  let [last, place] = ["", 0];
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin < place) fail(`tensors ${quote(last)} and ${quote(name)} overlap. ${damaged}`);
    if (begin > place) {
      fail(`the ${format(begin - place)} bytes before tensor ${quote(name)} belong to no tensor. ${damaged}`);
    }
    [last, place] = [name, end];
  }
  const end = dataStart + place;
  if (end > fileBytes) {
    const tensors = entries.length === 1 ? "1 tensor ends" : `${entries.length} tensors end`;
    fail(`header says ${tensors} at byte ${format(end)} but the file has ${format(fileBytes)}: ${cutShort}`);
  }
  if (end < fileBytes) {
    fail(`the tensors end at byte ${format(end)} but the file has ${format(fileBytes)}. ${damaged}`);
  }
}

/** The number of elements of a shape; NaN if the product, or a part of it, is beyond 2^53. */
function countOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => (product * size <= Number.MAX_SAFE_INTEGER ? product * size : NaN), 1);
}

/** The indices of element `at` in a tensor of this shape. */
function placeOf(at: number, shape: readonly number[]): number[] {
  const place: number[] = [];
  for (const size of [...shape].reverse()) {
    place.unshift(at % size);
    at = Math.floor(at / size);
  }
  return place;
}

// The values of all codes of a small float; a table is made when it is first needed.
const numbersOf = new Map<Dtype, Float32Array>();

function widen(codes: Uint8Array | Uint16Array, dtype: Dtype, small: SmallFloat): Float32Array {
  let values = numbersOf.get(dtype);
  if (values === undefined) {
    values = Float32Array.from({ length: 2 ** dtypes[dtype].bits }, (_, code) =>
      numberOf(code, dtypes[dtype].bits, small),
    );
    numbersOf.set(dtype, values);
  }
  const out = new Float32Array(codes.length);
  for (let i = 0; i < codes.length; i++) out[i] = values[codes[i] as number] as number;
  return out;
}

function numberOf(code: number, bits: number, { fractionBits, bias, largest, infinity, unsigned }: SmallFloat): number {
  const signBit = unsigned ? 0 : 2 ** (bits - 1);
  const magnitude = code & ~signBit;
  const sign = code & signBit ? -1 : 1;
  if (magnitude === infinity) return sign * Infinity;
  // If all positive codes are numbers, the code of -0 is the only NaN.
  if (magnitude > largest || (code === signBit && largest === signBit - 1)) return NaN;
  const exponent = magnitude >> fractionBits;
  const fraction = magnitude & (2 ** fractionBits - 1);
  if (exponent === 0 && !unsigned) return sign * fraction * 2 ** (1 - bias - fractionBits);
  return sign * (2 ** fractionBits + fraction) * 2 ** (exponent - bias - fractionBits);
}

/** The codes of numbers of 16 bits that are nearest. @param place what a number is called that is too large @internal */
export const encodeHalf = (data: Float32Array, place: (at: number) => string): Uint16Array =>
  round(data, "F16", dtypes.F16.small as SmallFloat, place);

/** Round each number to the code of the nearest value, with ties to even. */
function round(
  data: Float32Array,
  dtype: "F16" | "BF16",
  { fractionBits, bias, largest, infinity = 0 }: SmallFloat,
  place: (at: number) => string,
): Uint16Array {
  const bits = new Uint32Array(data.buffer, data.byteOffset, data.length);
  const out = new Uint16Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const value = data[i] as number;
    // Below the smallest exponent, the spacing of numbers stays the same: denormals, and zero.
    const exponent = Math.max((((bits[i] as number) >>> 23) & 255) - 127, 1 - bias);
    const scaled = Math.abs(value) * 2 ** (fractionBits - exponent);
    let whole = Math.floor(scaled);
    if (scaled - whole > 0.5 || (scaled - whole === 0.5 && whole % 2 === 1)) whole++;
    let code = whole + (exponent + bias - 1) * 2 ** fractionBits;
    if (!Number.isFinite(value)) code = Number.isNaN(value) ? infinity + 2 ** (fractionBits - 1) : infinity;
    else if (code > largest) {
      const most = numberOf(largest, 16, { fractionBits, bias, largest });
      throw new InputError(
        `${place(i)} is ${value}, and the largest number of ${dtype} is ${dtype === "F16" ? format(most) : most.toPrecision(3)}. ` +
          `Store it as ${dtype === "F16" ? "BF16 or F32" : "F32"}.`,
      );
    }
    out[i] = code | (((bits[i] as number) >>> 31) << 15);
  }
  return out;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0 && !Object.is(size, -0));

const format = (count: number) => count.toLocaleString("en-US");

/** Quote a name from a file for a message. */
const quote = (name: string) => JSON.stringify(excerpt(name, 60));
