/**
 * Read HDF5 files, by h5wasm: groups, datasets of numbers and of texts, attributes. Follows no link out of the file. Knows nothing about
 * what lies in them.
 */
import { excerpt } from "../../graph/excerpt.ts";
import { FormatError } from "../safetensors.ts";
import { loadLibrary, type Metadata, type Opened, withFile } from "./h5wasm.ts";
import { globalHeapsEnd } from "./hdf5-heaps.ts";

/** Numbers in row-major order, as they are in the file; those of 16 bits are widened, those of 64 bits are as near as a double comes. */
export type Hdf5Numbers = {
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array;
};
export type Hdf5Texts = { readonly shape: readonly number[]; readonly texts: readonly string[] };

/** An open file. Paths are absolute: "/model_weights/lstm". */
export type Hdf5File = {
  /** What a path leads to; undefined where there is nothing. */
  readonly kind: (path: string) => "group" | "dataset" | "other" | undefined;
  /** The names in a group; HDF5 gives them sorted, not as they were written. */
  readonly names: (path: string) => readonly string[];
  readonly numbers: (path: string) => Hdf5Numbers;
  /** Texts of a dataset, of fixed or variable length. */
  readonly texts: (path: string) => Hdf5Texts;
  /** The texts of an attribute, one where it is a single one; undefined where there is none of that name. */
  readonly attribute: (path: string, name: string) => readonly string[] | undefined;
};

/** The bytes that a file begins with, or has after a block of its user's own of 512, 1,024, ... bytes. */
const signature = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];
const furthest = 2 ** 20;

/** Whether bytes are such a file. */
export function isHdf5(bytes: Uint8Array): boolean {
  for (let at = 0; at < Math.min(bytes.length, furthest); at = at === 0 ? 512 : 2 * at) {
    if (signature.every((byte, k) => bytes[at + k] === byte)) return true;
  }
  return false;
}

/** The filters that the library has: gzip, shuffle, fletcher32, n-bit and scale-offset. */
const knownFilters = [1, 2, 3, 5, 6];
/** Soft links from one to the next, at most: more go in a circle. */
const mostLinks = 16;
/** What all that is read unpacks to at most: so many times the file, and so many bytes more for small files. */
const [mostTimes, mostMore] = [4, 2 ** 16];
/** Classes of types. */
const [integer, enumeration] = [0, 8];
export const [float, text] = [1, 3];
/** Bytes that are copied out of the library's memory at once, where they lie in the file one after the other. */
const pieceBytes = 2 ** 22;

/**
 * Open a file, read from it, and close it.
 * @param name the file's name, for messages
 * @param use reads what it needs; what it gives back holds no memory of the library
 * @throws FormatError, one line, for what is no HDF5 file or damaged, and by `use`: for a missing path, a link out of the file or in a
 * circle, a filter that the library lacks, and for more numbers than the file can hold
 */
export async function readHdf5<T>(bytes: Uint8Array, name: string, use: (file: Hdf5File) => T): Promise<T> {
  if (!isHdf5(bytes)) throw new FormatError(`${name}: it is no HDF5 file.`);
  const library = await loadLibrary(name, "read");
  // No waiting from here on: there is one file at a time, and the library's errors are ours.
  return withFile(library, bytes, { name, most: mostTimes * bytes.length }, (file) => use(fileOf(file, bytes, name)));
}

function fileOf({ module, id, calling }: Opened, bytes: Uint8Array, name: string): Hdf5File {
  const size = bytes.length;
  let left = mostTimes * size + mostMore;
  const quoted = (path: string): string => excerpt(JSON.stringify(path), 100);
  const damaged = (what: string): FormatError => new FormatError(`${name}: ${what}: the file is damaged.`);

  // Groups are asked again with every path through them.
  const kinds = new Map<string, "group" | "dataset" | "other">();
  const kindOf = (path: string): "group" | "dataset" | "other" => {
    const known = kinds.get(path);
    if (known !== undefined) return known;
    const type = calling(quoted(path), () => module.get_type(id, path));
    const kind = type === module.H5G_GROUP ? "group" : type === module.H5G_DATASET ? "dataset" : "other";
    kinds.set(path, kind);
    return kind;
  };
  const lists = new Map<string, ReadonlySet<string>>();
  const namesIn = (group: string): ReadonlySet<string> => {
    const known = lists.get(group);
    if (known !== undefined) return known;
    const names = new Set(calling(quoted(group), () => module.get_names(id, group, false)));
    lists.set(group, names);
    return names;
  };
  const targets = new Map<string, string | null>();
  /** What a link leads to; null for an object itself. @throws FormatError for a link out of the file */
  const targetOf = (path: string): string | null => {
    const known = targets.get(path);
    if (known !== undefined) return known;
    const out = calling(quoted(path), () => module.get_external_link(id, path));
    if (out.filename !== undefined) {
      throw new FormatError(
        `${name}: ${quoted(path)} is a link to another file, ${quoted(out.filename)}. Links out of a file are not followed.`,
      );
    }
    const target = calling(quoted(path), () => module.get_symbolic_link(id, path));
    targets.set(path, target);
    return target;
  };

  /** The path without soft links. @throws FormatError for a link out of the file, and in a circle */
  const resolve = (given: string): string | undefined => {
    let rest = given.split("/").filter((part) => part !== "" && part !== ".");
    let at = "";
    for (let links = 0; rest.length > 0; ) {
      const next = `${at}/${rest[0]}`;
      const group = at === "" ? "/" : at;
      if (kindOf(group) !== "group" || !namesIn(group).has(rest[0] as string)) return undefined;
      const target = targetOf(next);
      if (target === null) {
        at = next;
        rest = rest.slice(1);
        continue;
      }
      if (++links > mostLinks) throw new FormatError(`${name}: the links at ${quoted(given)} go in a circle.`);
      const parts = target.split("/").filter((part) => part !== "" && part !== ".");
      rest = [...parts, ...rest.slice(1)];
      if (target.startsWith("/")) at = "";
    }
    return at === "" ? "/" : at;
  };
  const existing = (path: string, wanted: "group" | "dataset" | undefined): string => {
    const found = resolve(path);
    if (found === undefined) throw new FormatError(`${name}: it has no ${wanted ?? "object"} ${quoted(path)}.`);
    const kind = kindOf(found);
    if (wanted !== undefined && kind !== wanted) {
      throw new FormatError(`${name}: ${quoted(path)} is no ${wanted}.`);
    }
    return found;
  };
  /** Number of values, each of so many bytes in memory; counted against what the file may unpack to. */
  const count = ({ shape, size: each }: Metadata, path: string, most: number): number => {
    if (shape === null) throw new FormatError(`${name}: ${quoted(path)} holds nothing.`);
    const values = shape.reduce((product, n) => product * n, 1);
    if (!(each > 0) || !(values * each <= most)) {
      throw new FormatError(
        `${name}: ${quoted(path)} says that it has (${shape.join(", ")}) values, which are more than the file of ${size} bytes can hold.`,
      );
    }
    left -= values * each;
    return values;
  };
  /** Bytes that the library writes, in memory that begins as zeros: where it fails nothing of others is read. */
  const filled = <R>(bytes: number, fill: (pointer: bigint) => number, what: string, take: (at: number) => R): R => {
    const pointer = calling(what, () => module._malloc(bytes || 1));
    if (pointer === 0) throw damaged(`${what} does not fit in memory`);
    module.HEAPU8.fill(0, pointer, pointer + bytes);
    if (calling(what, () => fill(BigInt(pointer))) < 0) throw damaged(`${what} cannot be read`);
    const taken = take(pointer);
    // After an error all that the library has is freed.
    module._free(pointer);
    return taken;
  };
  let heapsEnd: boolean | undefined;
  const checkHeaps = ({ vlen }: Metadata): void => {
    if (!vlen) return;
    heapsEnd ??= globalHeapsEnd(bytes);
    if (!heapsEnd) throw damaged("a heap of its texts has no end");
  };
  const textsAt = (pointer: number, { vlen, size: each }: Metadata, values: number): string[] => {
    const decoder = new TextDecoder();
    return Array.from({ length: values }, (_, k) => {
      const heap = module.HEAPU8;
      const own = pointer + k * each;
      const from = vlen ? new DataView(heap.buffer).getUint32(own, true) : own;
      if (from === 0) return "";
      const most = vlen ? heap.length : own + each;
      const zero = heap.indexOf(0, from);
      return decoder.decode(heap.slice(from, zero < 0 ? most : Math.min(zero, most)));
    });
  };

  const numbers = (path: string): Hdf5Numbers => {
    const at = existing(path, "dataset");
    const filters = calling(quoted(path), () => module.get_dataset_filters(id, at));
    const odd = filters.find((filter) => !knownFilters.includes(filter.id));
    if (odd !== undefined) {
      throw new FormatError(
        `${name}: ${quoted(path)} is packed by the filter ${excerpt(odd.name) || "number"} (${odd.id}), which is not read. Write the file without it.`,
      );
    }
    const metadata = calling(quoted(path), () => module.get_dataset_metadata(id, at));
    const { type, size: each, signed, shape } = metadata;
    if (metadata.virtual_sources !== undefined) {
      throw new FormatError(`${name}: ${quoted(path)} is made of other files, which are not read.`);
    }
    const kind = type === integer || type === enumeration ? (signed ? "i" : "u") : type === float ? "f" : "";
    const reader = readers[`${kind}${8 * each}`];
    if (reader === undefined) throw new FormatError(`${name}: ${quoted(path)} holds no numbers of 8 to 64 bits.`);
    const values = count(metadata, path, filters.length === 0 ? Math.min(size, left) : left);
    const data = new reader.Type(values);
    const [rows = 1, ...rest] = shape as number[];
    const row = values / rows;
    // What is packed, the library unpacks chunk by chunk, whichever rows are asked for.
    const most = metadata.chunks || !(row > 0) ? rows : Math.max(1, Math.floor(pieceBytes / (row * each)));
    for (let from = 0; from < rows; from += most) {
      const some = Math.min(most, rows - from);
      const slices =
        some < rows
          ? [
              [some, ...rest],
              [from, ...rest.map(() => 0)],
              [1, ...rest.map(() => 1)],
            ]
          : [];
      const [counts = null, offsets = null, strides = null] = slices.map((numbers) => numbers.map(BigInt));
      const fill = (pointer: bigint): number => module.get_dataset_data(id, at, counts, offsets, strides, pointer);
      filled(some * row * each, fill, quoted(path), (pointer) => {
        reader.put(data, from * row, new DataView(module.HEAPU8.buffer, pointer, some * row * each));
      });
    }
    return { shape: shape as number[], data };
  };
  const texts = (path: string): Hdf5Texts => {
    const at = existing(path, "dataset");
    const metadata = calling(quoted(path), () => module.get_dataset_metadata(id, at));
    if (metadata.type !== text) throw new FormatError(`${name}: ${quoted(path)} holds no texts.`);
    checkHeaps(metadata);
    const values = count(metadata, path, left);
    const fill = (pointer: bigint): number => module.get_dataset_data(id, at, null, null, null, pointer);
    const found = filled(values * metadata.size, fill, quoted(path), (pointer) => {
      const made = textsAt(pointer, metadata, values);
      if (metadata.vlen) module.reclaim_vlen_memory(id, at, "", BigInt(pointer));
      return made;
    });
    return { shape: metadata.shape as number[], texts: found };
  };
  const attribute = (path: string, key: string): readonly string[] | undefined => {
    const at = existing(path, undefined);
    const what = `the attribute ${quoted(key)} of ${quoted(path)}`;
    if (!calling(what, () => module.get_attribute_names(id, at)).includes(key)) return undefined;
    const metadata = calling(what, () => module.get_attribute_metadata(id, at, key));
    // An empty list is written as one of numbers.
    if (metadata.shape?.includes(0)) return [];
    if (metadata.type !== text) throw new FormatError(`${name}: ${what} holds no text.`);
    checkHeaps(metadata);
    const values = count(metadata, path, left);
    const fill = (pointer: bigint): number => module.get_attribute_data(id, at, key, pointer);
    return filled(values * metadata.size, fill, what, (pointer) => {
      const made = textsAt(pointer, metadata, values);
      if (metadata.vlen) module.reclaim_vlen_memory(id, at, key, BigInt(pointer));
      return made;
    });
  };
  return {
    kind: (path) => {
      const found = resolve(path);
      return found === undefined ? undefined : kindOf(found);
    },
    names: (path) => {
      return [...namesIn(existing(path, "group"))];
    },
    ...{ numbers, texts, attribute },
  };
}

type Numbers = Hdf5Numbers["data"];
/** What numbers become, and how those of a view are put into an array, from `at` on. */
type Reader = {
  readonly Type: Float32ArrayConstructor | Float64ArrayConstructor;
  readonly put: (into: Numbers, at: number, view: DataView) => void;
};
const each = (Type: Reader["Type"], bytes: number, value: (view: DataView, at: number) => number): Reader => ({
  Type,
  put(into, at, view) {
    for (let k = 0; k * bytes < view.byteLength; k++) into[at + k] = value(view, k * bytes);
  },
});
const same = (Type: Reader["Type"]): Reader => ({
  Type,
  put: (into, at, { buffer, byteOffset, byteLength }) =>
    into.set(new Type(buffer as ArrayBuffer, byteOffset, byteLength / Type.BYTES_PER_ELEMENT), at),
});
/** By kind and bits: in memory the library gives the lowest byte first. */
const readers: Readonly<Record<string, Reader>> = {
  f16: each(Float32Array, 2, (view, at) => halfOf(view.getUint16(at, true))),
  f32: same(Float32Array),
  f64: same(Float64Array),
  i8: each(Float32Array, 1, (view, at) => view.getInt8(at)),
  u8: each(Float32Array, 1, (view, at) => view.getUint8(at)),
  i16: each(Float32Array, 2, (view, at) => view.getInt16(at, true)),
  u16: each(Float32Array, 2, (view, at) => view.getUint16(at, true)),
  i32: each(Float64Array, 4, (view, at) => view.getInt32(at, true)),
  u32: each(Float64Array, 4, (view, at) => view.getUint32(at, true)),
  i64: each(Float64Array, 8, (view, at) => Number(view.getBigInt64(at, true))),
  u64: each(Float64Array, 8, (view, at) => Number(view.getBigUint64(at, true))),
};

/** A number of IEEE 754's binary16. */
function halfOf(bits: number): number {
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  const size =
    exponent === 31
      ? fraction === 0
        ? Infinity
        : Number.NaN
      : exponent === 0
        ? fraction * 2 ** -24
        : (1 + fraction / 1024) * 2 ** (exponent - 15);
  return bits >> 15 ? -size : size;
}
