/** A recipe as a process. */
import { expect } from "vitest";
import { type Ended, runNode } from "../helpers/processes.ts";

export const recipe = (...args: string[]): Promise<Ended> => runNode(["scripts/program.mjs", "recipe", ...args]);

/** Its lines with --json; it must end with 0 and say nothing else. */
export async function recipeLines(...args: string[]): Promise<Record<string, unknown>[]> {
  const { code, out, err } = await recipe(...args, "--json");
  expect({ code, err }).toEqual({ code: 0, err: "" });
  return out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
}
