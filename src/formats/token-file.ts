/**
 * Keep the tokens of a large text on disk if they do not fit into memory: in a temporary file of 1, 2 or 4 bytes a
 * token. The file's name is removed as soon as it is open, so nothing is left when the process ends, however it ends.
 * For Node.
 */
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InputError } from "../graph/input-error.ts";
import { type Arguments, checkArguments, iterable, string, wholeNumber } from "../graph/schema.ts";
import { type Block, blockTokens, createTokenList, type TokenList } from "../train/token-list.ts";
import type { TokenSource } from "../train/token-source.ts";

/** A list of tokens on disk. The disk space is freed by `dispose()`, or when the process ends. */
export type TokenFile = TokenSource & { readonly bytes: number; readonly dispose: () => void };

/** @internal */
export const tokenFileArguments: Arguments = { runs: iterable, vocabulary: wholeNumber(1, 2 ** 31), folder: string };

/**
 * Write runs of tokens, one after the other, to a temporary file and return a list that reads them from there.
 * @param vocabulary the size of the vocabulary: all ids are below it
 * @param folder the folder of the file
 * @throws InputError for a token id outside the vocabulary, and if the folder is full or cannot be written
 * @example const tokens = tokenFile(encodeParts(tokenizer, parts), vocabularySize(tokenizer));
 */
export function tokenFile(runs: Iterable<Int32Array>, vocabulary: number, folder = tmpdir()): TokenFile {
  checkArguments("tokenFile", { runs, vocabulary, folder }, tokenFileArguments);
  let bytes = 0;
  const list = tokenFileList({ folder, largest: vocabulary - 1, onBytes: (count) => (bytes += count) });
  try {
    for (const run of runs) {
      if (!(run instanceof Int32Array)) throw new InputError("tokenFile: each run must be an Int32Array");
      for (const id of run) {
        if (!(id >= 0 && id < vocabulary)) {
          throw new InputError(`tokenFile: token ${id} is out of range: expected 0 to ${vocabulary - 1}`);
        }
      }
      list.add(run);
    }
    return { ...list.end(), bytes };
  } catch (error) {
    list.dispose();
    throw error;
  }
}

type ListOptions = {
  readonly folder?: string;
  readonly largest?: number;
  readonly onBytes?: (count: number) => void;
};

/** A list to which tokens are appended, one run after the other, in such a file. @internal */
export function tokenFileList({
  folder = tmpdir(),
  largest,
  onBytes,
}: ListOptions = {}): TokenList & { readonly dispose: () => void } {
  const file = openUnnamed(folder);
  const blocks: { readonly offset: number; readonly size: 1 | 2 | 4 }[] = [];
  const scratch = new ArrayBuffer(4 * blockTokens);
  const narrow = { 1: new Uint8Array(scratch), 2: new Uint16Array(scratch), 4: new Int32Array(scratch) } as const;
  let end = 0;
  let open = true;
  const dispose = (): void => {
    if (open) fs.closeSync(file);
    open = false;
  };
  const put = (block: Block): void => {
    write(file, new Uint8Array(block.buffer, block.byteOffset, block.byteLength), folder);
    blocks.push({ offset: end, size: block.BYTES_PER_ELEMENT as 1 | 2 | 4 });
    end += block.byteLength;
    onBytes?.(block.byteLength);
  };
  const get = (k: number, from: number, to: number): Block => {
    const { offset, size } = blocks[k] as (typeof blocks)[number];
    const bytes = narrow[1].subarray(0, size * (to - from));
    for (let done = 0; done < bytes.length; ) {
      const some = fs.readSync(file, bytes, done, bytes.length - done, offset + size * from + done);
      if (some === 0) throw new Error(`internal: tokens ${from} to ${to} of block ${k} were asked for`);
      done += some;
    }
    return narrow[size].subarray(0, to - from);
  };
  return { ...createTokenList({ put, get, dispose }, largest), dispose };
}

/**
 * Open a new file without a name. On systems that keep the name of an open file, it is removed when the process ends.
 */
function openUnnamed(folder: string): number {
  const name = join(folder, `.unrolled-${process.pid}-${randomBytes(6).toString("hex")}.tmp`);
  let file: number;
  try {
    file = fs.openSync(name, "wx+", 0o600);
  } catch (error) {
    throw new InputError(`${folder}: cannot store the tokens of a large text (${codeOf(error)}). ${elsewhere}`, {
      cause: error,
    });
  }
  try {
    fs.rmSync(name);
  } catch {
    process.once("exit", () => fs.rmSync(name, { force: true }));
  }
  return file;
}

function write(file: number, bytes: Uint8Array, folder: string): void {
  try {
    fs.writeFileSync(file, bytes);
  } catch (error) {
    const code = codeOf(error);
    const problem = ["ENOSPC", "EDQUOT", "EFBIG"].includes(code) ? "is too full" : `cannot be written (${code})`;
    throw new InputError(`${folder}: ${problem} for the tokens of this text. ${elsewhere}`, { cause: error });
  }
}

const elsewhere = "Set the environment variable TMPDIR to a folder with more space.";
const codeOf = (error: unknown) => String((error as NodeJS.ErrnoException | null)?.code ?? error);
