/**
 * Temporary files beside those that they become, which no signal leaves behind. Knows nothing about what is in them.
 */
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { constants } from "node:os";
import { dirname, join, resolve } from "node:path";
import { InputError } from "../graph/input-error.ts";

/** Thrown if a file exists that must not be replaced. */
export class FileTaken extends InputError {
  override name = "FileTaken";
}

/** The real path of a file, and the permissions of the existing file. */
export type Target = { readonly path: string; readonly mode: number | undefined | "device" };

export function targetOf(path: string): Target {
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

/** A file that is open, and has no name that anyone knows yet. */
export type Temporary = {
  readonly file: number;
  /** What it becomes. */
  readonly path: string;
  /** Gives the file its final name. */
  readonly rename: () => void;
  /** Does the same, unless that name exists. */
  readonly link: () => void;
  /** Brings the name to the disk. */
  readonly flush: () => void;
  /** Removes the file, unless it was renamed. */
  readonly remove: () => void;
};

/** What removes each temporary file that there is now. */
const present = new Set<() => void>();
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
let guarded = false;

const removeAll = (): void => {
  for (const remove of present) remove();
};
/** What would have ended the process ends it, now without temporary files; if others listen to the signal, they decide. */
function onSignal(signal: NodeJS.Signals): void {
  if (process.listeners(signal).some((one) => one !== onSignal)) return;
  removeAll();
  unguard();
  process.kill(process.pid, signal);
  // The first process of a container ignores it.
  process.exit(128 + constants.signals[signal]);
}
function guard(): void {
  if (guarded) return;
  guarded = true;
  process.on("exit", removeAll);
  // Before those that listen once, which are gone when they are called.
  for (const signal of signals) process.prependListener(signal, onSignal);
}
function unguard(): void {
  if (!guarded || present.size > 0) return;
  guarded = false;
  process.off("exit", removeAll);
  for (const signal of signals) process.off(signal, onSignal);
}
/** Signals that came while nothing else ran are told of in the next round of the event loop, at the latest. */
const unguardLater = (): void => void setImmediate(() => setImmediate(unguard));

export function openTemporary({ path, mode }: Target): Temporary {
  const permissions = typeof mode === "number" ? mode : undefined;
  const name = join(dirname(path), temporaryName());
  guard();
  const remove = (): void => {
    if (!present.delete(remove)) return;
    fs.rmSync(name, { force: true });
    if (present.size === 0) unguardLater();
  };
  present.add(remove);
  let file: number | undefined;
  try {
    file = fs.openSync(name, "wx", permissions ?? 0o666);
    if (permissions !== undefined) fs.fchmodSync(file, permissions); // The umask reduces the permissions that openSync sets.
  } catch (error) {
    if (file !== undefined) fs.closeSync(file);
    remove();
    throw error;
  }
  const rename = (): void => {
    fs.renameSync(name, path);
    // What is left to remove is gone.
    remove();
  };
  const link = (): void => {
    try {
      fs.linkSync(name, path);
    } catch (error) {
      if (codeOf(error) === "EEXIST" || fs.lstatSync(path, { throwIfNoEntry: false }) !== undefined) {
        throw new FileTaken(`${path}: another file is there. Give another name.`);
      }
      rename();
    }
  };
  return { ...{ file, path, rename, link, remove }, flush: () => syncFolder(dirname(path)) };
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
export function removeStale(folder: string, nowMs: number): void {
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

/** The code of an error of the system. */
export const codeOf = (error: unknown) => String((error as NodeJS.ErrnoException | null)?.code ?? error);
