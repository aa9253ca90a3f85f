/** Run a recipe, which is a command of its own, by `npm run recipe`. */
import type { Command } from "./options.ts";
import { runCommand, runProcess } from "./run.ts";

export const recipe = (command: Command): Promise<void> =>
  runProcess(() => runCommand(command, process.argv.slice(2), "npm run recipe --"));
