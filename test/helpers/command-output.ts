/** What commands write on standard output, run within the test's own process. */
import { vi } from "vitest";
import type { Command } from "../../src/cli/options.ts";
import { runCommand } from "../../src/cli/run.ts";

/** What the last command wrote on standard error. */
export let said = "";

/** What a command writes on standard output. */
export async function written(command: Command, ...args: string[]): Promise<string> {
  let text = "";
  said = "";
  const out = vi.spyOn(process.stdout, "write").mockImplementation((chunk) => {
    text += chunk;
    return true;
  });
  const err = vi.spyOn(process.stderr, "write").mockImplementation((chunk) => {
    said += chunk;
    return true;
  });
  try {
    await runCommand(command, args);
  } finally {
    out.mockRestore();
    err.mockRestore();
  }
  return text;
}

/** The lines of JSON that it writes. */
export const lines = async (command: Command, ...args: string[]): Promise<Record<string, unknown>[]> =>
  (await written(command, ...args, "--json"))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
