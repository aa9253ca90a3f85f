/**
 * A peer as a process of its own: it says that it is ready, then does one step for each line that it is sent and
 * answers with the milliseconds. Knows nothing about what a step computes. A peer is a development tool, never a
 * dependency.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import type { Peer } from "./peer.ts";

export type Started = Omit<Peer, "setting"> & {
  /** What the process said after "ready". */
  readonly greeting: string;
};

/** By these variables numerical libraries and the allocator are set: a peer has those of its setting and no others. */
const ofLibraries = /^(OPENBLAS|GOTO|BLIS|VECLIB|MKL|OMP|GOMP|KMP|DNNL|ONEDNN|ATEN|TORCH|PYTORCH|MALLOC)_/;
export const withoutSettings = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !ofLibraries.test(name)));

type Options = {
  readonly folder?: string;
  /** Beside the variables of this process, without those of libraries. */
  readonly env?: Readonly<Record<string, string>>;
  /** Lines before those that ask for a step. */
  readonly input?: readonly string[];
  /** Without an answer for so long, it is ended: a first step may compile. */
  readonly patienceSeconds?: number;
};

/** @throws Error with the last line of its errors, where it ends or is ended before it is ready; so do steps */
export async function startProcess(
  command: string,
  args: readonly string[],
  { folder, env = {}, input = [], patienceSeconds = 120 }: Options = {},
): Promise<Started> {
  const child = spawn(command, args, {
    ...(folder === undefined ? {} : { cwd: folder }),
    env: { ...withoutSettings(process.env), ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const errors = lastLineOf(child.stderr);
  const lines = linesOf(child, errors.set);
  const next = async (): Promise<string> => {
    // Second by second, so that a time in which this process is stopped, or the machine asleep, is only one of them.
    let left = patienceSeconds;
    const timer = setInterval(() => {
      left--;
      if (left === 0) child.kill();
    }, 1000);
    const line = await lines();
    clearInterval(timer);
    if (left <= 0) throw new Error(`no answer within ${patienceSeconds} s`);
    if (line === undefined) throw new Error(errors.get() || "it ended without a word");
    return line;
  };
  for (const line of input) child.stdin.write(`${line}\n`);
  for (;;) {
    const line = await next();
    if (line.startsWith("ready")) return { greeting: line.slice("ready ".length), step, end: () => child.kill() };
  }
  async function step(): Promise<number> {
    child.stdin.write("\n");
    for (;;) {
      // Libraries may have something to say in between.
      const ms = Number((await next()) || Number.NaN);
      if (!Number.isNaN(ms)) return ms;
    }
  }
}

/**
 * JavaScript as such a process, in Node. `program` has a function `prepare(spec, lines)` that gives the step; packages
 * are found from `folder`.
 */
export function startNodeProcess(
  program: string,
  spec: object,
  { node = process.execPath, ...options }: Options & { readonly node?: string } = {},
): Promise<Started> {
  return startProcess(node, ["-e", `${program}\n${runner}`, JSON.stringify(spec)], options);
}

const runner = `
async function main() {
  const lines = require("node:readline").createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const step = await prepare(JSON.parse(process.argv[1]), lines);
  console.log("ready");
  for await (const line of lines) {
    const start = performance.now();
    await step();
    console.log(performance.now() - start);
  }
  process.exit(0);
}
main().catch((error) => {
  console.error(String(error));
  process.exit(1);
});
`;

/** The next line of a process; undefined once it has ended. */
function linesOf(
  child: ChildProcessByStdio<Writable, Readable, Readable>,
  failed: (message: string) => void,
): () => Promise<string | undefined> {
  const ready: string[] = [];
  const waiting: ((line: string | undefined) => void)[] = [];
  let ended = false;
  createInterface({ input: child.stdout }).on("line", (line) => {
    const next = waiting.shift();
    if (next === undefined) ready.push(line);
    else next(line);
  });
  // Once both outputs are read to their end.
  child.on("close", end);
  child.on("error", (error) => {
    failed(error.message);
    end();
  });
  child.stdin.on("error", () => {});
  function end(): void {
    ended = true;
    for (const next of waiting.splice(0)) next(undefined);
  }
  return () =>
    new Promise((resolve) => {
      const line = ready.shift();
      if (line !== undefined || ended) resolve(line);
      else waiting.push(resolve);
    });
}

function lastLineOf(stream: Readable): { readonly get: () => string; readonly set: (line: string) => void } {
  let last = "";
  const set = (line: string): void => {
    if (line.trim() !== "") last = line.trim();
  };
  createInterface({ input: stream }).on("line", set);
  return { get: () => last, set };
}
