/**
 * Tokens on disk, for a text of more than fit into memory: a temporary file of 1, 2 or 4 bytes a token. Its name is taken
 * away as soon as it is open, so that nothing is left of it when the process ends, in whatever way. For Node.
 */
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InputError } from "../graph/input-error.ts";
import { type Arguments, checkArguments, iterable, string, wholeNumber } from "../graph/schema.ts";
import type { TokenSource } from "../train/token-source.ts";

/** Its room on the disk is free again after `dispose()`, or when the process ends. */
export type TokenFile = TokenSource & { readonly bytes: number; readonly dispose: () => void };

/** So many bytes at a time go to the disk. */
const blockBytes = 2 ** 22;

/** @internal */
export const tokenFileArguments: Arguments = { runs: iterable, vocabulary: wholeNumber(1, 2 ** 31), folder: string };

/**
 * Put runs of tokens, one after the other, into a temporary file, to be read from there.
 * @param vocabulary how many tokens there are: ids are below it
 * @param folder where the file lies
 * @throws InputError for a token that is not below, and where the folder is full or cannot be written
 * @example const tokens = tokenFile(encodeParts(tokenizer, parts), vocabularySize(tokenizer));
 */
export function tokenFile(runs: Iterable<Int32Array>, vocabulary: number, folder = tmpdir()): TokenFile {
  checkArguments("tokenFile", { runs, vocabulary, folder }, tokenFileArguments);
  const Type = vocabulary <= 2 ** 8 ? Uint8Array : vocabulary <= 2 ** 16 ? Uint16Array : Int32Array;
  const size = Type.BYTES_PER_ELEMENT;
  const file = openUnnamed(folder);
  let length = 0;
  try {
    const block = new Type(blockBytes / size);
    let filled = 0;
    const flush = () => {
      write(file, new Uint8Array(block.buffer, 0, filled * size), folder);
      filled = 0;
    };
    for (const run of runs) {
      if (!(run instanceof Int32Array)) throw new InputError("tokenFile: each run must be an Int32Array");
      length += run.length;
      for (const id of run) {
        if (!(id >= 0 && id < vocabulary)) {
          throw new InputError(`tokenFile: token ${id} is out of range: expected 0 to ${vocabulary - 1}`);
        }
        block[filled++] = id;
        if (filled === block.length) flush();
      }
    }
    flush();
  } catch (error) {
    fs.closeSync(file);
    throw error;
  }
  let scratch = new Type(0);
  let open = true;
  return {
    length,
    bytes: length * size,
    read(from, into) {
      if (scratch.length < into.length) scratch = new Type(into.length);
      const bytes = new Uint8Array(scratch.buffer, 0, into.length * size);
      for (let done = 0; done < bytes.length; ) {
        const some = fs.readSync(file, bytes, done, bytes.length - done, from * size + done);
        if (some === 0)
          throw new Error(`internal: tokens ${from} to ${from + into.length} of ${length} were asked for`);
        done += some;
      }
      into.set(scratch.subarray(0, into.length));
    },
    dispose() {
      if (open) fs.closeSync(file);
      open = false;
    },
  };
}

/** A new file without a name. Where the system keeps the name of an open file, it goes when the process ends. */
function openUnnamed(folder: string): number {
  const name = join(folder, `.unrolled-${process.pid}-${randomBytes(6).toString("hex")}.tmp`);
  let file: number;
  try {
    file = fs.openSync(name, "wx+", 0o600);
  } catch (error) {
    throw new InputError(
      `${folder}: the tokens of a large text cannot be kept there (${codeOf(error)}). ${elsewhere}`,
      {
        cause: error,
      },
    );
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

const elsewhere = "Name a folder with more room by the environment variable TMPDIR.";
const codeOf = (error: unknown) => String((error as NodeJS.ErrnoException | null)?.code ?? error);
