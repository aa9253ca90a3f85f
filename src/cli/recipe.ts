/** What a recipe is: a command of its own, run by `npm run recipe`. */
import type { Command } from "./options.ts";
import { runCommand, runProcess } from "./run.ts";

export const recipe = (command: Command): Promise<void> =>
  runProcess(() => runCommand(command, process.argv.slice(2), "npm run recipe --"));
