/** Recipes, as `npm run recipe` runs them. */
import { expect } from "vitest";
import { programs } from "../helpers/programs.ts";

export const recipe = programs("recipe");

/** Its lines with --json; it must end with 0 and say nothing else. */
export async function recipeLines(name: string, ...args: string[]): Promise<Record<string, unknown>[]> {
  const { code, out, err } = await recipe(name, ...args, "--json");
  expect({ code, err }).toEqual({ code: 0, err: "" });
  return out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
}
