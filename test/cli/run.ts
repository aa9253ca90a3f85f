/** The built command in a folder: as a process of its own, or as one of many that follow each other in one. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { createHost, type Ended } from "../helpers/host.ts";

const program = join(import.meta.dirname, "../../dist/cli/main.js");
if (!existsSync(program)) throw new Error("dist is not built: npm run build, or npm test, which does");

export type { Ended };

/** Of a test that failed one may go on for ever. */
const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** A process of its own. `node` are options of Node itself; nobody reads standard error where it is `unread`. */
export function start(
  folder: string,
  args: readonly string[],
  node: readonly string[] = [],
  errors: "read" | "unread" = "read",
): ChildProcess & { ended: Promise<Ended> } {
  const { NO_COLOR: _, FORCE_COLOR: __, ...env } = process.env;
  const command = [...node, program, ...args];
  const child = spawn(process.execPath, command, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  let [out, err] = ["", ""];
  child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
    out += chunk;
  });
  child.stderr?.setEncoding("utf8");
  if (errors === "read") {
    child.stderr?.on("data", (chunk: string) => {
      err += chunk;
    });
  }
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      running.delete(child);
      resolve({ code, signal, out, err });
    });
  });
  return Object.assign(child, { ended });
}

/** As it ended by itself: an end by a signal is told with what was said. */
async function byItself(args: readonly string[], ending: Promise<Ended>): Promise<Ended> {
  const ended = await ending;
  if (ended.signal !== null) throw new Error(`${args.join(" ")}: ended by ${ended.signal}. ${ended.out}${ended.err}`);
  return ended;
}
/** To its end, in a process of its own: where that is what is tested, or what other commands have left in theirs would count. */
export const runAlone = (folder: string, ...args: string[]): Promise<Ended> =>
  byItself(args, start(folder, args).ended);

const host = createHost();
/** To its end, after other commands in one process, which takes a tenth of the time. */
export const run = (folder: string, ...args: string[]): Promise<Ended> => byItself(args, host(folder, program, args));

/** Ends with 0 and says nothing on standard error but progress; gives the lines of JSON. */
export async function json(folder: string, ...args: string[]): Promise<Record<string, unknown>[]> {
  const { code, out, err } = await run(folder, ...args, "--json");
  expect(err).toBe("");
  expect(code).toBe(0);
  expect(out.endsWith("\n")).toBe(true);
  return out
    .slice(0, -1)
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** Ends with 2 and one plain line on standard error, with nothing on standard output and nothing written. */
export async function refusal(folder: string, ...args: string[]): Promise<string> {
  // Tests run side by side: one may try just now whether it could write.
  const written = () => readdirSync(folder).filter((name) => !/^\.unrolled-.*\.tmp$/.test(name));
  const before = written();
  const { code, out, err } = await run(folder, ...args);
  expect({ code, out }, err).toEqual({ code: 2, out: "" });
  expect(err).toMatch(/^unrolled: [^\n]+\n$/);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
  expect(err).not.toMatch(/internal|undefined|\[object|NaN at|\x1b/);
  expect(written()).toEqual(before);
  return err.slice("unrolled: ".length, -1);
}

/** A small text with something to learn in it. */
export function sampleText(sentences: number): string {
  const [who, what, where] = ["the cat,a dog,my hen".split(","), "sat,ran,hid".split(","), "here,there".split(",")];
  return Array.from(
    { length: sentences },
    (_, k) => `${who[k % 3]} ${what[(k * k) % 3]} ${where[(k >> 2) % 2]}.${k % 5 === 0 ? "\n" : " "}`,
  ).join("");
}

export const tiny = ["--units", "6", "--embedding", "4", "--batch", "4", "--steps", "12"];
