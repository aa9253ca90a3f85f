/**
 * What makes a recipe a command: options, help, errors in one line, lines of JSON. They are the command line's own, which is no
 * part of the package's surface; whoever repeats a recipe elsewhere needs none of it.
 */
export { readCell } from "../../src/cli/cell-argument.ts";
export { seedRange } from "../../src/cli/options.ts";
export { writeJson } from "../../src/cli/output.ts";
export { recipe } from "../../src/cli/recipe.ts";
