/** Programs of Node that follow each other in one process, which takes far less time than to start one for each. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";

export type Ended = {
  readonly code: number | null;
  readonly signal: string | null;
  readonly out: string;
  readonly err: string;
};

type Process = {
  readonly child: ChildProcess;
  readonly answers: AsyncIterator<string>;
  /** How it ended, where a program has taken it along without an answer. */
  readonly ended: Promise<Ended>;
};

function startProcess(node: readonly string[], longestMs: number): Process {
  const { NO_COLOR: _, FORCE_COLOR: __, ...env } = process.env;
  const command = ["--no-warnings", ...node, join(import.meta.dirname, "host.mjs"), String(longestMs)];
  const child = spawn(process.execPath, command, { env, stdio: ["ignore", "pipe", "pipe", "ipc"] });
  // Vitest may end while it waits for the next; it ends with its channel.
  child.unref();
  (child.channel as unknown as { unref(): void }).unref();
  const answers = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  let err = "";
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    err += chunk;
  });
  const ended = new Promise<Ended>((resolve) => {
    child.on("close", (code, signal) => resolve({ code, signal, out: "", err }));
  });
  return { child, answers, ended };
}

/**
 * Run a program in a folder to its end. Those that are asked for meanwhile wait.
 *
 * @param node options of Node
 * @param longestMs how long a program may keep its process after its work: less than a test waits
 */
export function createHost(
  node: readonly string[] = [],
  longestMs = 30_000,
): (folder: string, program: string, args: readonly string[]) => Promise<Ended> {
  let host: Process | undefined;
  let last: Promise<unknown> = Promise.resolve();
  const run = async (folder: string, program: string, args: readonly string[]): Promise<Ended> => {
    host ??= startProcess(node, longestMs);
    const { child, answers, ended } = host;
    child.send({ folder, program, args });
    const { value, done } = await answers.next();
    if (done) host = undefined;
    if (done) return ended;
    const answer = JSON.parse(value) as { readonly ends: boolean; readonly ended: Ended };
    if (answer.ends) host = undefined;
    return answer.ended;
  };
  return (folder, program, args) => {
    const ended = last.then(() => run(folder, program, args));
    last = ended.catch(() => {});
    return ended;
  };
}
