/**
 * Run the library h5wasm, so that each file is read as if the library had just been loaded: an error that it throws sets no stack back,
 * closes nothing and frees nothing, so that what is left of one damaged file would break the next. Knows nothing about what files hold.
 */
import { FormatError } from "../safetensors.ts";

/** What the library says of a dataset or an attribute. */
export type Metadata = {
  readonly type: number;
  readonly size: number;
  readonly signed: boolean;
  readonly vlen: boolean;
  readonly shape: readonly number[] | null;
  readonly chunks?: readonly number[] | null;
  readonly virtual_sources?: unknown;
};
/** What the library is given of what it writes. */
type WrittenMetadata = Pick<Metadata, "type" | "size" | "signed" | "vlen"> & {
  readonly shape: readonly bigint[];
  readonly maxshape: readonly bigint[];
  readonly chunks: null;
};
type Stream = { readonly fd: number; readonly path?: string };
type Slice = readonly bigint[] | null;
/** A file's bytes, and how many of them are used. */
type FileContent = { contents: Uint8Array<ArrayBuffer>; readonly usedBytes: number };
/** What is used of h5wasm: its functions of the C library, which tell when reading fails; its classes do not. */
export type Library = {
  readonly HEAPU8: Uint8Array<ArrayBuffer>;
  readonly FS: {
    readonly streams: readonly (Stream | null | undefined)[];
    close(stream: Stream): void;
    lookupPath(path: string): { readonly node: FileContent };
    writeFile(path: string, bytes: Uint8Array, options: { readonly canOwn: boolean }): void;
    unlink(path: string): void;
  };
  readonly H5F_ACC_RDONLY: number;
  readonly H5F_ACC_TRUNC: number;
  readonly H5G_GROUP: number;
  readonly H5G_DATASET: number;
  _unrolled?: () => void;
  ccall(name: string, result: null, types: readonly string[], values: readonly string[]): void;
  activate_throwing_error_handler(): number;
  deactivate_throwing_error_handler(): number;
  open(path: string, mode: number, trackOrder: boolean, low: number, high: number): bigint;
  close_file(id: bigint): number;
  get_type(id: bigint, path: string): number;
  get_names(id: bigint, path: string, recursive: boolean): readonly string[];
  get_external_link(id: bigint, path: string): { readonly filename?: string };
  get_symbolic_link(id: bigint, path: string): string | null;
  get_dataset_filters(id: bigint, path: string): readonly { readonly id: number; readonly name: string }[];
  get_dataset_metadata(id: bigint, path: string): Metadata;
  get_dataset_data(id: bigint, path: string, count: Slice, offset: Slice, strides: Slice, to: bigint): number;
  get_attribute_names(id: bigint, path: string): readonly string[];
  get_attribute_metadata(id: bigint, path: string, name: string): Metadata;
  get_attribute_data(id: bigint, path: string, name: string, to: bigint): number;
  reclaim_vlen_memory(id: bigint, path: string, attribute: string, at: bigint): number;
  create_group(id: bigint, path: string, trackOrder: boolean): number;
  create_dataset(id: bigint, path: string, from: bigint, metadata: WrittenMetadata): number;
  create_vlen_str_attribute(
    id: bigint,
    path: string,
    name: string,
    texts: readonly string[],
    of: WrittenMetadata,
  ): number;
  _malloc(bytes: number): number;
  _free(at: number): void;
};

/** An open file. */
export type Opened = {
  readonly module: Library;
  readonly id: bigint;
  /** Call the library; whatever it throws is a damaged file, of which `what` cannot be read. */
  readonly calling: <R>(what: string, call: () => R) => R;
};
/** The library, and its memory as it was when it had been loaded: the parts of it that are not 0. */
type Loaded = {
  readonly module: Library;
  readonly bytes: number;
  readonly parts: readonly { readonly at: number; readonly content: Uint8Array }[];
};

/** What the library may need besides the file's own numbers, in bytes, for tables of its own. */
const mostOfLibrary = 2 ** 25;
/** An open file with a name of its own in the library's memory. */
export const place = "/unrolled.h5";
const partBytes = 4096;

let loading: Promise<Loaded> | undefined;

/**
 * Load the library.
 * @param doing what of files: "read"
 * @throws FormatError where the package is missing
 */
export async function loadLibrary(name: string, doing: string): Promise<Loaded> {
  try {
    loading ??= import("h5wasm").then(async ({ ready }) => kept((await ready) as unknown as Library));
    return await loading;
  } catch (error) {
    loading = undefined;
    const reason = ((error as Error).message.split("\n")[0] ?? "").replace(/\.$/, "");
    throw new FormatError(
      `${name}: HDF5 files are ${doing} by the optional package h5wasm, which does not load: ${reason}. Install it: npm install h5wasm.`,
    );
  }
}

/** After an error: the library leaves the file that it wrote the error to open. */
export function closeErrors({ FS }: Library): void {
  for (const stream of [...FS.streams]) if (stream?.path?.startsWith("/tmp/tmpfile")) FS.close(stream);
}

function kept(module: Library): Loaded {
  const { HEAPU8: memory } = module;
  const words = new Uint32Array(memory.buffer);
  const parts = [];
  for (let at = 0; at < memory.length; at += partBytes) {
    let word = at / 4;
    while (word < (at + partBytes) / 4 && words[word] === 0) word++;
    if (word < (at + partBytes) / 4) parts.push({ at, content: memory.slice(at, at + partBytes) });
  }
  return { module, bytes: memory.length, parts };
}

/**
 * Open a file, use it, and close it.
 * @param name the file's name, for messages
 * @param most bytes that the library may take for what it reads
 */
export function withFile<T>(
  loaded: Loaded,
  bytes: Uint8Array,
  { name, most }: { readonly name: string; readonly most: number },
  use: (file: Opened) => T,
): T {
  const { module } = loaded;
  const { FS } = module;
  const others = new Set(FS.streams);
  const calling: Opened["calling"] = (what, call) => {
    try {
      return call();
    } catch (error) {
      if (error instanceof FormatError) throw error;
      throw new FormatError(`${name}: ${what} cannot be read: the file is damaged.`);
    }
  };
  const release = boundMemory(module, Math.max(module.HEAPU8.length, loaded.bytes + most + mostOfLibrary));
  return withStack(module, () => {
    let closed = false;
    try {
      module.activate_throwing_error_handler();
      // Without a copy: the library only reads.
      FS.writeFile(place, bytes, { canOwn: true });
      const id = calling("its beginning", () => module.open(place, module.H5F_ACC_RDONLY, false, -1, -1));
      const result = use({ module, id, calling });
      calling("its end", () => module.close_file(id));
      closed = true;
      return result;
    } finally {
      release();
      for (const stream of [...FS.streams]) if (stream && !others.has(stream)) FS.close(stream);
      FS.unlink(place);
      // Files that somebody else has open are part of the library's memory.
      const alone = [...others].every((stream) => !stream || stream.fd <= 2);
      if (closed || !alone) module.deactivate_throwing_error_handler();
      else restore(loaded);
    }
  });
}

function restore({ module: { HEAPU8: memory }, parts }: Loaded): void {
  memory.fill(0);
  for (const { at, content } of parts) memory.set(content, at);
}

/**
 * Call, and set the library's stack back to where it was: an error leaves it where it is thrown. The stack can be reached by no other way
 * than `ccall`, which puts a text there, calls a function by name, and sets it back.
 */
function withStack<T>(module: Library, call: () => T): T {
  let outcome: { readonly value: T } | { readonly error: unknown } | undefined;
  module._unrolled = () => {
    try {
      outcome = { value: call() };
    } catch (error) {
      outcome = { error };
    }
  };
  module.ccall("unrolled", null, ["string"], [""]);
  delete module._unrolled;
  if (outcome !== undefined && "value" in outcome) return outcome.value;
  throw (outcome as unknown as { error: unknown }).error;
}

/**
 * Let the library's memory grow to no more than this until what is returned is called: some damaged files have it ask for gigabytes,
 * which it would keep. Its memory can be reached by no other way than where all memories grow.
 */
function boundMemory(module: Library, most: number): () => void {
  const prototype = WebAssembly.Memory.prototype;
  const { grow } = prototype;
  prototype.grow = function (this: WebAssembly.Memory, pages: number): number {
    const { buffer } = this;
    if (buffer === module.HEAPU8.buffer && buffer.byteLength + 65_536 * pages > most) {
      throw new RangeError("a damaged file asks for too much memory");
    }
    return grow.call(this, pages);
  };
  return () => {
    prototype.grow = grow;
  };
}
