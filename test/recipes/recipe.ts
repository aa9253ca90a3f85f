/** A recipe as a process. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { expect } from "vitest";

const root = join(import.meta.dirname, "../..");

export type Ended = { code: number; out: string; err: string };

export const recipe = (...args: string[]): Promise<Ended> =>
  new Promise((resolve) => {
    execFile(process.execPath, ["scripts/program.mjs", "recipe", ...args], { cwd: root }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });

/** Its lines with --json; it must end with 0 and say nothing else. */
export async function recipeLines(...args: string[]): Promise<Record<string, unknown>[]> {
  const { code, out, err } = await recipe(...args, "--json");
  expect({ code, err }).toEqual({ code: 0, err: "" });
  return out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
}
