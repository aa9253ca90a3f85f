/** Programs of Node as processes that run to their end. */
import { execFile, execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

export const root = join(import.meta.dirname, "../..");

/** `code`: the exit code, or the name of the signal that ended it. */
export type Ended = { readonly code: number | string; readonly out: string; readonly err: string };

/** Node with these arguments, in a folder: by default the project's. */
export const runNode = (args: readonly string[], folder = root): Promise<Ended> =>
  new Promise((resolve) => {
    const options = { cwd: folder, env: { ...process.env, NO_COLOR: "1" }, maxBuffer: 1e8 };
    execFile(process.execPath, args, options, (error, out, err) => {
      resolve({ code: error === null ? 0 : (error.signal ?? Number(error.code)), out, err });
    });
  });

/** Stand still, with all that the event loop would do, until another process has made a file. */
export function standStillUntil(file: string): void {
  while (!existsSync(file)) execFileSync("sleep", ["0.1"]);
}
