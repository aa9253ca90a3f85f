/** Start a command in several processes by a launcher such as mpirun, and again, from its file, where it ended by a fault. */
import { spawn } from "node:child_process";
import { statOf } from "../formats/files.ts";
import { InputError } from "../graph/input-error.ts";
import { endWhenStuck } from "./stuck-launcher.ts";

/** Milliseconds that a launcher has to end once all its processes have. */
const usualPatienceMs = 30_000;
/** The exit code of what was refused. */
const refused = 2;

export type Launch = {
  /** The launcher with its arguments: "mpirun -n 4 -H a,b". */
  readonly launcher: string;
  /** How often it is started again at most. */
  readonly restarts: number;
  /** The file that the command writes and goes on from. */
  readonly out: string;
  /** The command's arguments, without those of the launch. */
  readonly args: readonly string[];
  readonly say: (line: string) => void;
  readonly patienceMs?: number;
};

/**
 * @returns the exit code of the last process; 130 where a signal ended it
 * @throws InputError where the launcher does not start
 */
export async function launch({
  launcher,
  restarts,
  out,
  args,
  say,
  patienceMs = usualPatienceMs,
}: Launch): Promise<number> {
  const [program, ...own] = launcher.split(/\s+/).filter(Boolean);
  if (program === undefined) throw new InputError('--launch: is empty. Give a launcher, as in --launch "mpirun -n 4".');
  let stopped = false;
  let words = args;
  for (let left = restarts; ; left--) {
    const before = statOf(out)?.mtimeMs;
    const child = spawn(program, [...own, process.execPath, process.argv[1] as string, ...words], { stdio: "inherit" });
    const watch = endWhenStuck(child, program, patienceMs);
    const pass = (signal: NodeJS.Signals): void => {
      stopped = true;
      // A terminal sends Ctrl-C to the launcher, too.
      if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
    };
    const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
    for (const signal of signals) process.on(signal, pass);
    const { code, how } = await new Promise<{ readonly code: number; readonly how: string }>((resolve, reject) => {
      child.on("error", (error: NodeJS.ErrnoException) =>
        reject(new InputError(`--launch: ${program} does not start (${error.code}). Is it installed?`)),
      );
      child.on("close", (status, signal) => {
        const how = watch() ? `${program} did not end after its processes` : (signal ?? `exit code ${status}`);
        resolve({ code: status ?? 1, how });
      });
    }).finally(() => {
      watch();
      for (const signal of signals) process.off(signal, pass);
    });
    if (code === 0) return 0;
    if (stopped) return 130;
    const now = statOf(out)?.mtimeMs;
    const isSaved = now !== undefined && now !== before;
    // What was refused has written nothing, and would be refused again.
    if (code === refused && !isSaved) return code;
    const ended = `The training ended by a fault (${how})`;
    if (left <= 0) {
      if (!isSaved) say(`${ended} before anything was saved.`);
      return code;
    }
    const starts = left === 2 ? "1 more start is" : `${left - 1} more starts are`;
    say(`${ended}. It ${isSaved ? `goes on from ${out}` : "starts again: nothing was saved"}; ${starts} left.`);
    if (isSaved) words = [...args.filter((word) => word !== "--overwrite" && word !== "--resume"), "--resume"];
  }
}
