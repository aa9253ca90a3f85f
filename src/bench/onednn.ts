/**
 * oneDNN as a peer: recurrent layers forward and backward. PyTorch 2 runs LSTMs with it on processors of this kind. A program of ours
 * is compiled with the library that is installed, once a run.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { oneDnnProgram } from "./onednn-program.ts";
import { type Peer, type StartPeer, startEach, threadCount } from "./peer.ts";
import { startProcess } from "./peer-process.ts";
import { threadCounts } from "./processor.ts";
import type { Shape } from "./shapes.ts";

/**
 * The compiled program; undefined where there is no compiler or no library. Its folder goes with this process.
 * @throws Error with the compiler's complaint, where it has another one
 */
export async function compileOneDnn(compiler = "g++"): Promise<string | undefined> {
  const folder = mkdtempSync(join(tmpdir(), "unrolled-onednn-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const [source, program] = [join(folder, "layers.cpp"), join(folder, "layers")];
  writeFileSync(source, oneDnnProgram);
  const failure = await new Promise<string | undefined>((resolve) => {
    execFile(compiler, ["-O2", "-std=c++17", source, "-o", program, "-ldnnl"], (error, _, errors) => {
      resolve(error === null ? undefined : `${error.message}\n${errors}`);
    });
  });
  if (failure === undefined) return program;
  if (/ENOENT|dnnl\.hpp: No such file|'dnnl\.hpp' file not found|cannot find -ldnnl/.test(failure)) return undefined;
  throw new Error(/.*\berror: .*/.exec(failure)?.[0] ?? failure.split("\n")[0]);
}

/** What the program is told: the layers' kind and sizes. */
export const layerArguments = ({ kind, steps, batch, embedding, units, layers }: Shape): string[] =>
  [kind, steps, batch, embedding, units, layers].map(String);

type Setting = { readonly threads: number; readonly passive: boolean };

/** Numbers of threads, which spin while they wait, or sleep. */
const settings = (counts: readonly number[]): Setting[] =>
  counts.flatMap((threads) => (threads === 1 ? [false] : [false, true]).map((passive) => ({ threads, passive })));

export function oneDnnOf(compile: () => ReturnType<typeof compileOneDnn>, counts = threadCounts()): StartPeer {
  let compiled: Promise<string | undefined> | undefined;
  return async (shape) => {
    compiled ??= compile();
    const program = await compiled;
    if (program === undefined) return undefined;
    return startEach(settings(counts), async ({ threads, passive }): Promise<Peer> => {
      const env = { OMP_NUM_THREADS: String(threads), ...(passive ? { OMP_WAIT_POLICY: "PASSIVE" } : {}) };
      const { greeting, ...peer } = await startProcess(program, layerArguments(shape), { env });
      return { ...peer, setting: `oneDNN ${greeting}, ${threadCount(threads)}${passive ? ", passive" : ""}` };
    });
  };
}

export const startOneDnn = oneDnnOf(() => compileOneDnn());
