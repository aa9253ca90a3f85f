/**
 * Read and write files in Node. Errors say what to do, and a crash while writing leaves the old file or the new one,
 * never half a file.
 */
import { createHash, randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { InputError } from "../graph/input-error.ts";

/** The largest file that `readInput` reads, in bytes. Node's own limit is 2^31 - 1. */
const maxInputBytes = 2_000_000_000;

/** The most that is written at once, in bytes. */
const pieceBytes = 2 ** 24;

/**
 * Write `bytes`, or parts of them one after the other, to `path` completely or not at all: write a temporary file in the
 * same folder, flush it to the disk, then rename it. An existing file keeps its permissions, and a link stays a link. A
 * device or a pipe is written to directly. Throws an InputError if the path cannot be written; then no temporary file
 * is left, unless the process was killed.
 * @param wrote told of each piece that was written, by its bytes
 */
export function writeFileAtomically(
  path: string,
  bytes: Uint8Array | readonly Uint8Array[],
  wrote: (bytes: number) => void = () => {},
): void {
  const parts = bytes instanceof Uint8Array ? [bytes] : bytes;
  const write = (file: number): void => {
    for (const part of parts) {
      for (let at = 0; at < part.length; at += pieceBytes) {
        const piece = part.subarray(at, at + pieceBytes);
        fs.writeFileSync(file, piece);
        wrote(piece.length);
      }
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
    } finally {
      temporary.remove();
    }
  });
}

/** Thrown if a file exists that must not be replaced. */
export class FileTaken extends InputError {
  override name = "FileTaken";
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
  const target = reporting(path, () => targetOf(path));
  if (target.mode === "device") return writeFileAtomically(path, bytes);
  const temporary = reporting(path, () => openTemporary(target));
  process.on("exit", temporary.remove);
  try {
    try {
      await writeAll(temporary.file, bytes);
      await promisify(fs.fsync)(temporary.file);
    } finally {
      fs.closeSync(temporary.file);
    }
    if (over === undefined || over === digestAt(target.path)) temporary.rename();
    else temporary.link();
  } catch (error) {
    throw writeError(path, error);
  } finally {
    process.off("exit", temporary.remove);
    temporary.remove();
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

async function writeAll(file: number, bytes: Uint8Array): Promise<void> {
  const write = promisify(fs.write) as (
    file: number,
    bytes: Uint8Array,
    at: number,
  ) => Promise<{ bytesWritten: number }>;
  for (let at = 0; at < bytes.length; ) at += (await write(file, bytes, at)).bytesWritten;
}

/** The real path of a file, and the permissions of the existing file. */
type Target = { readonly path: string; readonly mode: number | undefined | "device" };

function targetOf(path: string): Target {
  const old = fs.statSync(path, { throwIfNoEntry: false });
  if (old === undefined) return { path: endOf(path), mode: undefined };
  if (old.isDirectory()) throw new InputError(`${path}: is a folder. Give the name of a file to write.`);
  return old.isFile() ? { path: fs.realpathSync(path), mode: old.mode & 0o7777 } : { path, mode: "device" };
}

/** The target of a link, even if it does not exist; the path itself if it is not a link. */
function endOf(path: string): string {
  const link = fs.lstatSync(path, { throwIfNoEntry: false });
  return link?.isSymbolicLink() ? endOf(resolve(dirname(path), fs.readlinkSync(path))) : path;
}

type Temporary = {
  readonly file: number;
  readonly rename: () => void;
  /** Gives the file its final name, unless that name exists. */
  readonly link: () => void;
  readonly remove: () => void;
};

function openTemporary({ path, mode }: Target): Temporary {
  const permissions = typeof mode === "number" ? mode : undefined;
  const name = join(dirname(path), temporaryName());
  const file = fs.openSync(name, "wx", permissions ?? 0o666);
  let there = true;
  const remove = (): void => {
    if (there) fs.rmSync(name, { force: true });
    there = false;
  };
  try {
    if (permissions !== undefined) fs.fchmodSync(file, permissions); // The umask reduces the permissions that openSync sets.
  } catch (error) {
    fs.closeSync(file);
    remove();
    throw error;
  }
  const rename = (): void => {
    fs.renameSync(name, path);
    there = false;
    syncFolder(dirname(path));
  };
  const link = (): void => {
    try {
      fs.linkSync(name, path);
    } catch (error) {
      if (codeOf(error) === "EEXIST" || fs.lstatSync(path, { throwIfNoEntry: false }) !== undefined) {
        throw new FileTaken(`${path}: another file is there. Give another name.`);
      }
      rename();
      return;
    }
    syncFolder(dirname(path));
  };
  return { file, rename, link, remove };
}

const temporaryName = (): string => `.unrolled-${process.pid}-${randomBytes(6).toString("hex")}.tmp`;

/**
 * A write that adds no byte for this time is dead. After a day it is dead even if a process has its number, which can
 * belong to another process by then.
 */
const staleMs = 10 * 60_000;
const longGoneMs = 24 * 3_600_000;

/**
 * Remove the temporary files that killed processes left in a folder. Other processes can be writing there, even in
 * containers, whose process numbers mean nothing here; so a file is removed only if it is old by the clock of the disk
 * and its process is gone or cannot be checked.
 */
function removeStale(folder: string, nowMs: number): void {
  for (const name of fs.readdirSync(folder)) {
    const pid = Number(/^\.unrolled-(\d+)-[0-9a-f]{12}\.tmp$/.exec(name)?.[1] ?? Number.NaN);
    if (Number.isNaN(pid)) continue;
    const path = join(folder, name);
    const ageMs = nowMs - (fs.statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? nowMs);
    if (ageMs > longGoneMs || (ageMs > staleMs && (pid === process.pid || !isRunning(pid))))
      fs.rmSync(path, { force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) !== "ESRCH";
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
    const folder = dirname(target.path);
    const probe = join(folder, temporaryName());
    fs.closeSync(fs.openSync(probe, "wx"));
    const { mtimeMs } = fs.statSync(probe);
    fs.rmSync(probe);
    try {
      removeStale(folder, mtimeMs);
    } catch {
      // Files of another user, or a folder that cannot be listed: neither prevents writing.
    }
  });
}

function checkName(what: string, path: unknown): void {
  if (path === "") throw new InputError(`The name of the ${what} is empty. Give one.`);
  if (typeof path !== "string") throw new InputError(`The name of the ${what} must be a text, got ${typeof path}.`);
}

/** Flush a rename to the disk. Windows and some network file systems do not support this and do not need it. */
function syncFolder(folder: string): void {
  let file: number | undefined;
  try {
    file = fs.openSync(folder, "r");
    fs.fsyncSync(file);
  } catch (error) {
    if (!["EISDIR", "EPERM", "EACCES", "EINVAL", "ENOTSUP", "EBADF"].includes(codeOf(error))) throw error;
  } finally {
    if (file !== undefined) fs.closeSync(file);
  }
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

const codeOf = (error: unknown) => String((error as NodeJS.ErrnoException | null)?.code ?? error);

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
