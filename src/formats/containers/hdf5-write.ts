/** Write HDF5 files, by h5wasm: groups with attributes of text, and arrays of f32. Knows nothing about what lies in them. */
import { closeErrors, type Library, loadLibrary, place } from "./h5wasm.ts";
import { float, type Hdf5File, readHdf5, text } from "./hdf5.ts";

/** A group, or an array in row-major order. Paths are absolute: "/layers/lstm/vars/0". */
export type Hdf5Object =
  | { readonly path: string; readonly attributes?: Readonly<Record<string, string>> }
  | { readonly path: string; readonly shape: readonly number[]; readonly data: Float32Array };

/** 1 January 1980, the first day that archives have, in milliseconds. */
const firstOfZip = 315_532_800_000;

/**
 * The bytes of a file with these objects; the groups above them are made. The same objects are the same bytes. It is read again and compared before it is given back, as the
 * library tells few of its errors.
 * @param name for messages
 * @throws FormatError where the package is missing; RangeError where the library's memory does not suffice
 */
export async function writeHdf5(objects: readonly Hdf5Object[], name: string): Promise<Uint8Array<ArrayBuffer>> {
  const paths = new Set(objects.map(({ path }) => path));
  // The library would keep the first one without a word.
  if (paths.size < objects.length) throw new Error(`internal: ${name}: two objects of one path`);
  const { module } = await loadLibrary(name, "written");
  const bytes = written(module, objects, name);
  await readHdf5(bytes, name, (file) => compare(file, objects, name));
  return bytes;
}

function written(module: Library, objects: readonly Hdf5Object[], name: string): Uint8Array<ArrayBuffer> {
  const { FS } = module;
  const check = (what: string, status: number): void => {
    if (status < 0) throw new Error(`internal: ${name}: ${what} is not written`);
  };
  // The library writes the time to each object: the same objects are to be the same bytes. It asks for it in no other way.
  const { now } = Date;
  Date.now = () => firstOfZip;
  module.activate_throwing_error_handler();
  let id: bigint | undefined;
  try {
    id = module.open(place, module.H5F_ACC_TRUNC, false, -1, -1);
    const groups = new Set([""]);
    const addGroup = (path: string): void => {
      if (groups.has(path)) return;
      addGroup(path.slice(0, path.lastIndexOf("/")));
      check(path, module.create_group(id as bigint, path, false));
      groups.add(path);
    };
    // The library's file would grow by an eighth at a time, and leave a copy of itself behind each time.
    const expected = objects.reduce((sum, one) => sum + 1024 + ("data" in one ? one.data.byteLength : 0), 1 << 16);
    const reserve = (): void => {
      const { node } = FS.lookupPath(place);
      if (node.usedBytes === 0 || node.contents.length >= expected) return;
      const larger = new Uint8Array(expected);
      larger.set(node.contents.subarray(0, node.usedBytes));
      node.contents = larger;
    };
    const sizes = (shape: readonly number[]) => ({
      shape: shape.map(BigInt),
      maxshape: shape.map(BigInt),
      chunks: null,
    });
    for (const object of objects) {
      const { path } = object;
      if (!("data" in object)) {
        addGroup(path);
        for (const [key, value] of Object.entries(object.attributes ?? {})) {
          const metadata = { type: text, size: 4, signed: false, vlen: true, ...sizes([]) };
          check(`${path} ${key}`, module.create_vlen_str_attribute(id, path, key, [value], metadata));
        }
        continue;
      }
      const { shape, data } = object;
      addGroup(path.slice(0, path.lastIndexOf("/")));
      reserve();
      const pointer = module._malloc(data.byteLength || 1);
      if (pointer === 0) throw new RangeError(`${name}: ${path} does not fit in memory`);
      try {
        module.HEAPU8.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), pointer);
        const metadata = { type: float, size: 4, signed: false, vlen: false, ...sizes(shape) };
        check(path, module.create_dataset(id, path, BigInt(pointer), metadata));
      } finally {
        module._free(pointer);
      }
    }
    const open = id;
    id = undefined;
    check("the file", module.close_file(open));
    const { contents, usedBytes } = FS.lookupPath(place).node;
    return contents.subarray(0, usedBytes);
  } catch (error) {
    closeErrors(module);
    throw error;
  } finally {
    try {
      if (id !== undefined) module.close_file(id);
    } catch {
      // What was wrong with it has been said.
    }
    module.deactivate_throwing_error_handler();
    Date.now = now;
    FS.unlink(place);
  }
}

/** @throws Error unless a file has all objects as they were given */
function compare(file: Hdf5File, objects: readonly Hdf5Object[], name: string): void {
  for (const object of objects) {
    const { path } = object;
    const same =
      "data" in object
        ? sameNumbers(file.numbers(path), object)
        : file.kind(path) === "group" &&
          Object.entries(object.attributes ?? {}).every(([key, value]) => file.attribute(path, key)?.[0] === value);
    if (!same) throw new Error(`internal: ${name}: ${path} is not what was written`);
  }
}
type Numbers = { readonly shape: readonly number[]; readonly data: Float32Array | Float64Array };
function sameNumbers(a: Numbers, b: Numbers): boolean {
  const bits = ({ data }: Numbers): Uint32Array => new Uint32Array(data.buffer, data.byteOffset, data.byteLength / 4);
  const [first, second] = [bits(a), bits(b)];
  return (
    a.shape.join() === b.shape.join() && first.length === second.length && first.every((bit, k) => bit === second[k])
  );
}
