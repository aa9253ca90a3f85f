/**
 * The safetensors format (https://huggingface.co/docs/safetensors): eight bytes with the header's length, a JSON header,
 * the tensors' bytes one after the other. What is read is checked before anything is allocated for it. Knows nothing
 * about models. Numbers are little-endian, in the file as in every JavaScript engine in use.
 */
import { excerpt } from "../graph/excerpt.ts";
import { InputError } from "../graph/input-error.ts";

/** A file that is not in its format, or is damaged. The message is one line with the file's name. */
export class FormatError extends InputError {
  override name = "FormatError";
}

/** Values row after row; the shape [] is a single number. */
export type Tensor = {
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array | Int32Array;
};

export type Safetensors = {
  readonly tensors: Readonly<Record<string, Tensor>>;
  readonly metadata: Readonly<Record<string, string>>;
};

type Dtype = "F64" | "I64" | "F32" | "I32" | "F16" | "BF16";

/** What can be read, and as what: nothing loses precision. */
const dtypes: { readonly [K in Dtype]: { itemBytes: number; read: (buffer: ArrayBuffer) => Tensor["data"] } } = {
  F64: { itemBytes: 8, read: (buffer) => new Float64Array(buffer) },
  // Counters and token ids. Beyond 2^53 they would lose precision: refused below.
  I64: { itemBytes: 8, read: (buffer) => convert(new BigInt64Array(buffer), Float64Array, Number) },
  F32: { itemBytes: 4, read: (buffer) => new Float32Array(buffer) },
  I32: { itemBytes: 4, read: (buffer) => new Int32Array(buffer) },
  F16: { itemBytes: 2, read: (buffer) => convert(new Uint16Array(buffer), Float32Array, halfToNumber) },
  // The upper half of a 32-bit float.
  BF16: {
    itemBytes: 2,
    read: (buffer) => new Float32Array(convert(new Uint16Array(buffer), Uint32Array, (bits) => bits << 16).buffer),
  },
};

/** The limit of the reference implementation. */
const maxHeaderBytes = 100_000_000;

/**
 * The bytes of a file with these tensors and this metadata; the same content makes the same bytes. Tensors of larger
 * items come first, so that each lies at a multiple of its item size, then by name. Throws for a shape that does not
 * fit its data and for a name that the format cannot hold.
 */
export function writeSafetensors({ tensors, metadata }: Safetensors): Uint8Array<ArrayBuffer> {
  const entries = Object.entries(tensors).sort(
    ([a, { data: x }], [b, { data: y }]) => y.BYTES_PER_ELEMENT - x.BYTES_PER_ELEMENT || (a < b ? -1 : 1),
  );
  for (const text of [...Object.keys(tensors), ...Object.entries(metadata).flat()]) {
    // JSON for Python cannot hold half a surrogate pair.
    if (/\p{Surrogate}/u.test(text)) throw new Error(`safetensors: ${quote(text)} holds half of a surrogate pair`);
  }
  const header: [name: string, value: unknown][] = [];
  if (Object.keys(metadata).length > 0) header.push(["__metadata__", metadata]);
  let end = 0;
  for (const [name, { shape, data }] of entries) {
    if (name === "__metadata__" || name === "__proto__") throw new Error(`safetensors: no tensor can be named ${name}`);
    if (countOf(shape) !== data.length) {
      throw new Error(`safetensors: ${name} has the shape [${shape}] but ${data.length} values`);
    }
    const begin = end;
    end += data.byteLength;
    const dtype = data instanceof Float32Array ? "F32" : data instanceof Int32Array ? "I32" : "F64";
    header.push([name, { dtype, shape, data_offsets: [begin, end] }]);
  }
  // By hand: an object would put names like "0" first.
  const json = `{${header.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(",")}}`;
  const text = new TextEncoder().encode(json);
  const headerBytes = Math.ceil(text.length / 8) * 8;
  if (headerBytes > maxHeaderBytes)
    throw new Error(`safetensors: a header of ${format(headerBytes)} bytes is too long`);

  const bytes = new Uint8Array(8 + headerBytes + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerBytes), true);
  bytes.set(text, 8);
  bytes.fill(0x20, 8 + text.length, 8 + headerBytes);
  let at = 8 + headerBytes;
  for (const [, { data }] of entries) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}

/**
 * The tensors and the metadata of a file, as copies: F32, F16 and BF16 as Float32Array, I32 as Int32Array, F64 and I64
 * as Float64Array. The records have no prototype. Throws a FormatError with the file's name for anything else.
 */
export function readSafetensors(bytes: Uint8Array, file = "model.safetensors"): Safetensors {
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

  const tensors = Object.create(null) as Record<string, Tensor>;
  for (const { name, dtype, shape, begin, end } of entries) {
    // A copy has a buffer of its own, which starts at a multiple of every item size.
    const copy = new Uint8Array(end - begin);
    copy.set(bytes.subarray(dataStart + begin, dataStart + end));
    const data = dtypes[dtype].read(copy.buffer);
    if (dtype === "I64" && !data.every(Number.isSafeInteger)) {
      fail(`tensor ${quote(name)} holds whole numbers beyond 2^53. Store it as F64 or I32.`);
    }
    tensors[name] = { shape, data };
  }
  return { tensors, metadata };
}

type Fail = (problem: string) => never;
type Entry = { name: string; dtype: Dtype; shape: readonly number[]; begin: number; end: number };

const damaged = "The file is damaged, or not a safetensors file.";
const cutShort = "it is cut short. Copy it again or train anew.";

function readHeader(bytes: Uint8Array, fail: Fail): { header: Record<string, unknown>; dataStart: number } {
  if (bytes.length < 8) fail(`a safetensors file has at least 8 bytes, this one ${bytes.length}: ${cutShort}`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  if (length < 2 || length > maxHeaderBytes) {
    fail(`its first 8 bytes give a header of ${format(length)} bytes, not 2 to ${format(maxHeaderBytes)}. ${damaged}`);
  }
  const dataStart = 8 + length;
  if (dataStart > bytes.length) {
    fail(`its header ends at byte ${format(dataStart)} but the file has ${format(bytes.length)}: ${cutShort}`);
  }
  // In a browser a text cannot be decoded from shared memory: copy.
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

/** What JSON.parse lets pass in a text that it accepts: an object with a name twice, or with the name `__proto__`. */
function findBadKey(json: string): string | undefined {
  const objects: Set<string>[] = []; // The names so far in each object or list around.
  let start = 0; // Of the last string: a name where a colon follows.
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
    return complain(
      `has the dtype ${quote(dtype)}, but only ${Object.keys(dtypes).join(", ")} can be read. Convert it.`,
    );
  }
  if (!isSizes(shape)) return complain(`needs a "shape" of whole numbers from 0. ${damaged}`);
  if (!isSizes(offsets) || offsets.length !== 2)
    return complain(`needs "data_offsets" of two whole numbers. ${damaged}`);
  const [begin, end] = offsets as [number, number];
  const needed = countOf(shape) * dtypes[dtype as Dtype].itemBytes;
  if (!Number.isSafeInteger(needed)) return complain(`has a shape of more than 2^53 bytes. ${damaged}`);
  if (end - begin !== needed) {
    const has = `has ${format(end - begin)} bytes`;
    return complain(`${has}, but its shape needs ${format(needed)} as ${dtype}. ${damaged}`);
  }
  return { name, dtype: dtype as Dtype, shape, begin, end };
}

/** The tensors must fill the file from the header to its end, one after the other. */
function checkPlaces(entries: readonly Entry[], dataStart: number, fileBytes: number, fail: Fail): void {
  let [last, place] = ["", 0];
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin < place) fail(`tensors ${quote(last)} and ${quote(name)} overlap. ${damaged}`);
    if (begin > place) {
      fail(`the ${format(begin - place)} bytes before tensor ${quote(name)} belong to none. ${damaged}`);
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

/** Number of elements of a shape; NaN where it, or a part of it, is beyond 2^53. */
function countOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => (product * size <= Number.MAX_SAFE_INTEGER ? product * size : NaN), 1);
}

/** Item by item into an array of another type. (Its own `from` makes a list of all items first.) */
function convert<In, Out extends Record<number, number>>(
  items: ArrayLike<In>,
  Type: new (length: number) => Out,
  value: (item: In) => number,
): Out {
  const out = new Type(items.length);
  for (let i = 0; i < items.length; i++) (out as Record<number, number>)[i] = value(items[i] as In);
  return out;
}

/** The value of the 16 bits of a half-precision float. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0 && !Object.is(size, -0));

const format = (count: number) => count.toLocaleString("en-US");

/** A name out of a file for a message. */
const quote = (name: string) => JSON.stringify(excerpt(name, 60));
