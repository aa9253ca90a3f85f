/**
 * Read and write files in Node. Errors say what to do, and a crash while writing leaves the old file or the new one,
 * never half a file.
 */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { InputError } from "../graph/input-error.ts";
import { codeOf, openTemporary, removeStale, type Temporary, targetOf } from "./temporary-file.ts";

export { FileTaken } from "./temporary-file.ts";

/** The largest file that `readInput` reads, in bytes. Node's own limit is 2^31 - 1. */
const maxInputBytes = 2_000_000_000;

/** The most that is written at once, in bytes. */
const pieceBytes = 2 ** 24;

/**
 * Write `bytes`, or parts of them one after the other, to `path` completely or not at all: write a temporary file in the
 * same folder, flush it to the disk, then rename it. An existing file keeps its permissions, and a link stays a link. A
 * device or a pipe is written to directly. Throws an InputError if the path cannot be written; then no temporary file
 * is left, also after SIGINT, SIGTERM or SIGHUP, which wait until the file is whole.
 * @param wrote told of each piece that was written, by its bytes
 */
export function writeFileAtomically(
  path: string,
  bytes: Uint8Array | readonly Uint8Array[],
  wrote: (bytes: number) => void = () => {},
): void {
  const parts = bytes instanceof Uint8Array ? [bytes] : bytes;
  const write = (file: number): void => {
    for (const piece of piecesOf(parts)) {
      fs.writeFileSync(file, piece);
      wrote(piece.length);
    }
  };
  reporting(path, () => {
    const target = targetOf(path);
    if (target.mode === "device") {
      const file = fs.openSync(path, "w");
      try {
        write(file);
      } finally {
        fs.closeSync(file);
      }
      return;
    }
    const temporary = openTemporary(target);
    try {
      try {
        write(temporary.file);
        fs.fsyncSync(temporary.file);
      } finally {
        fs.closeSync(temporary.file);
      }
      temporary.rename();
      temporary.flush();
    } finally {
      temporary.remove();
    }
  });
}

function piecesOf(parts: readonly Uint8Array[]): readonly Uint8Array[] {
  return parts.flatMap((part) =>
    Array.from({ length: Math.ceil(part.length / pieceBytes) }, (_, k) =>
      part.subarray(k * pieceBytes, (k + 1) * pieceBytes),
    ),
  );
}

/** The SHA-256 digest of a file's content, in hexadecimal. */
export const digestOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/**
 * Do the same as `writeFileAtomically`, but asynchronously, so that signals and timers are handled while the disk
 * works. With `over`, replace only a file whose content has this digest, or write a new file; with null, only write a
 * new file. A new file is created by a hard link, which the system refuses if the name exists, so only one of several
 * concurrent saves succeeds. If the disk has no hard links, or a file is replaced, the existing file is checked just
 * before.
 * @throws FileTaken if another file has this name
 */
export async function saveFileAtomically(
  path: string,
  bytes: Uint8Array,
  { over }: { readonly over?: string | null | undefined } = {},
): Promise<void> {
  await saveTogether([[path, [bytes]]], ([temporary]) => {
    if (temporary === undefined) return;
    if (over === undefined || over === digestAt(temporary.path)) temporary.rename();
    else temporary.link();
  });
}

/**
 * Write files that belong together, asynchronously as `saveFileAtomically`: all are on the disk before the first gets its name, and then
 * all get theirs one right after the other, the first of the list, which names the others, as the last. Devices and pipes are written to
 * directly.
 * @param wrote told of each piece that was written, by its bytes
 * @throws InputError for the first that cannot be written; then none is
 */
export async function saveFilesAtomically(
  files: readonly (readonly [path: string, parts: readonly Uint8Array[]])[],
  wrote: (bytes: number) => void = () => {},
): Promise<void> {
  const name = (temporaries: readonly Temporary[]): void => {
    for (const temporary of temporaries.toReversed()) temporary.rename();
  };
  await saveTogether(files, name, wrote);
}

async function saveTogether(
  files: readonly (readonly [path: string, parts: readonly Uint8Array[]])[],
  name: (temporaries: readonly Temporary[]) => void,
  wrote?: (bytes: number) => void,
): Promise<void> {
  const temporaries: Temporary[] = [];
  let [at] = files[0] as readonly [string, unknown];
  try {
    for (const [path, parts] of files) {
      at = path;
      const target = reporting(path, () => targetOf(path));
      if (target.mode === "device") {
        writeFileAtomically(path, parts, wrote);
        continue;
      }
      const temporary = openTemporary(target);
      temporaries.push(temporary);
      try {
        await writeAll(temporary.file, parts, wrote);
        await promisify(fs.fsync)(temporary.file);
      } finally {
        fs.closeSync(temporary.file);
      }
    }
    name(temporaries);
    for (const temporary of temporaries) temporary.flush();
  } catch (error) {
    throw writeError(at, error);
  } finally {
    for (const temporary of temporaries) temporary.remove();
  }
}

/** The digest of a file; undefined if it cannot be read, so it does not count as a file that may be replaced. */
function digestAt(path: string): string | undefined {
  let file: number | undefined;
  try {
    file = fs.openSync(path, "r");
    const [hash, chunk] = [createHash("sha256"), new Uint8Array(1 << 20)];
    for (let length = 1; length > 0; ) {
      length = fs.readSync(file, chunk);
      hash.update(chunk.subarray(0, length));
    }
    return hash.digest("hex");
  } catch {
    return undefined;
  } finally {
    if (file !== undefined) fs.closeSync(file);
  }
}

async function writeAll(
  file: number,
  parts: readonly Uint8Array[],
  wrote: (bytes: number) => void = () => {},
): Promise<void> {
  const write = promisify(fs.write) as (
    file: number,
    bytes: Uint8Array,
    at: number,
  ) => Promise<{ bytesWritten: number }>;
  for (const piece of piecesOf(parts)) {
    for (let at = 0; at < piece.length; ) at += (await write(file, piece, at)).bytesWritten;
    wrote(piece.length);
  }
}

/** Run a function that writes to a path, and turn its errors into InputErrors. */
function reporting<T>(path: string, work: () => T): T {
  checkName("file to write", path);
  try {
    return work();
  } catch (error) {
    throw writeError(path, error);
  }
}
const writeError = (path: string, error: unknown): unknown =>
  error instanceof InputError
    ? error
    : new InputError(`${path}: ${writeProblem(error, dirname(path))}`, { cause: error });

/**
 * Append to the file at `path`; create it if it does not exist. Throws an InputError if it cannot be written; then
 * nothing is appended.
 */
export function appendToFile(path: string, content: string | Uint8Array): void {
  reporting(path, () => {
    const file = fs.openSync(path, "a");
    const old = fs.fstatSync(file);
    try {
      fs.writeFileSync(file, content);
    } catch (error) {
      if (old.isFile()) fs.ftruncateSync(file, old.size);
      throw error;
    } finally {
      fs.closeSync(file);
    }
  });
}

/** Create the folder at `path` and its parents, unless it exists. Throws an InputError if it cannot be created. */
export function makeFolder(path: string): void {
  checkName("folder", path);
  try {
    fs.mkdirSync(path, { recursive: true });
  } catch (error) {
    if (codeOf(error) === "EEXIST") throw new InputError(`${path}: is a file. Give the name of a folder.`);
    throw new InputError(`${path}: ${writeProblem(error, dirname(path))}`, { cause: error });
  }
}

/**
 * Check that a file can be written before doing the work that makes its content: throws the same InputError as
 * `writeFileAtomically`. Also removes temporary files that killed processes left in the folder.
 */
export function checkWritable(path: string): void {
  reporting(path, () => {
    const target = targetOf(path);
    if (target.mode === "device") return;
    if (target.mode !== undefined) fs.accessSync(path, fs.constants.W_OK);
    const probe = openTemporary({ path: target.path, mode: undefined });
    let nowMs: number;
    try {
      nowMs = fs.fstatSync(probe.file).mtimeMs;
    } finally {
      fs.closeSync(probe.file);
      probe.remove();
    }
    try {
      removeStale(dirname(target.path), nowMs);
    } catch {
      // Files of another user, or a folder that cannot be listed: neither prevents writing.
    }
  });
}

function checkName(what: string, path: unknown): void {
  if (path === "") throw new InputError(`The name of the ${what} is empty. Give one.`);
  if (typeof path !== "string") throw new InputError(`The name of the ${what} must be a text, got ${typeof path}.`);
}

/** Read a file or a pipe. Throws an InputError of one line if it cannot be read or is too large. */
export function readInput(path: string, { maxBytes = maxInputBytes }: { maxBytes?: number } = {}): Uint8Array {
  checkName("file to read", path);
  const tooLarge = (size: string) => {
    const limit = maxBytes.toLocaleString("en-US");
    return new InputError(`${path}: has ${size} bytes, and the limit is ${limit}. Split the file.`);
  };
  let file: number | undefined;
  try {
    file = fs.openSync(path, "r");
    const stat = fs.fstatSync(file);
    if (stat.isDirectory()) throw new InputError(`${path}: is a folder. Give the name of a file in it.`);
    if (stat.size > maxBytes) throw tooLarge(stat.size.toLocaleString("en-US"));
    if (stat.isFile() && stat.size > 0) return plainBytes(fs.readFileSync(file));
    // A pipe or a device has no size, and can be endless.
    const chunks: Uint8Array[] = [];
    let total = 0;
    for (;;) {
      const chunk = new Uint8Array(1 << 16);
      const length = fs.readSync(file, chunk);
      if (length === 0) return plainBytes(Buffer.concat(chunks, total));
      total += length;
      if (total > maxBytes) throw tooLarge(`at least ${total.toLocaleString("en-US")}`);
      chunks.push(chunk.subarray(0, length));
    }
  } catch (error) {
    if (error instanceof InputError) throw error;
    const pipe = path === "-" && codeOf(error) === "ENOENT" ? " Standard input is /dev/stdin." : "";
    throw new InputError(`${path}: ${readProblem(error)}${pipe}`, { cause: error });
  } finally {
    if (file !== undefined) fs.closeSync(file);
  }
}

/**
 * What is at a path; undefined if there is nothing, or nothing that can be looked at, as of a name too long or a loop of links: the
 * reading or writing that follows says which.
 */
export function statOf(path: string): fs.Stats | undefined {
  try {
    return fs.statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** What is in a folder and in the folders in it. Throws an InputError if one of them cannot be read. */
export function entriesIn(folder: string): fs.Dirent[] {
  try {
    return fs.readdirSync(folder, { recursive: true, withFileTypes: true });
  } catch (error) {
    throw new InputError(`${(error as NodeJS.ErrnoException).path ?? folder}: ${readProblem(error)}`, { cause: error });
  }
}

/** Read the first bytes of a file, at most `length`. Throws an InputError if it cannot be read. */
export function readStart(path: string, length: number): Uint8Array {
  let file: number | undefined;
  try {
    file = fs.openSync(path, "r");
    const bytes = new Uint8Array(length);
    return bytes.subarray(0, fs.readSync(file, bytes));
  } catch (error) {
    throw new InputError(`${path}: ${readProblem(error)}`, { cause: error });
  } finally {
    if (file !== undefined) fs.closeSync(file);
  }
}

/** A plain Uint8Array: Buffer's methods differ from those of Uint8Array; for example, its `slice` returns a view. */
const plainBytes = (buffer: Buffer) => new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);

/** The message for an error while reading, with what to do. */
export function readProblem(error: unknown): string {
  const code = codeOf(error);
  if (code === "ENOENT" || code === "ENOTDIR") return "there is no such file. Check the name and the folder.";
  if (code === "EACCES" || code === "EPERM") return "you have no permission to read it. Change its permissions.";
  return `it cannot be read (${code}). Check the name and the disk.`;
}

function writeProblem(error: unknown, folder: string): string {
  const code = codeOf(error);
  if (code === "ENOENT" && fs.existsSync(folder)) return `${folder} takes no new files. Choose another place.`;
  if (code === "ENOENT") return `there is no folder ${folder}. Create it first.`;
  if (code === "ENOTDIR") return `${folder} is not a folder. Choose another place.`;
  if (code === "EACCES" || code === "EPERM")
    return `you have no permission to write in ${folder}. Choose another place.`;
  if (code === "EROFS") return `${folder} is on a read-only disk. Choose another place.`;
  if (code === "EISDIR") return "is a folder. Give the name of a file to write.";
  if (code === "ENOSPC" || code === "EDQUOT") return `the disk of ${folder} is full. Free some space.`;
  return `it cannot be written (${code}). Check the name and the disk.`;
}
