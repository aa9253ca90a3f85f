#!/usr/bin/env node
/** The command line: find the command and run it. Loads what that command needs, and nothing of the others. */
import { readFileSync } from "node:fs";
import { InputError } from "../graph/input-error.ts";
import { didYouMean } from "../graph/vocabulary.ts";
import { alignRows, type Command, common, optionRows } from "./options.ts";
import { runCommand, runProcess } from "./run.ts";

/** By name, in the order of the overview. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  train: async () => (await import("./train.ts")).train,
  generate: async () => (await import("./generate.ts")).generate,
  evaluate: async () => (await import("./evaluate.ts")).evaluate,
  sweep: async () => (await import("./sweep.ts")).sweep,
  worker: async () => (await import("./worker.ts")).worker,
  forecast: async () => (await import("./forecast.ts")).forecast,
  classify: async () => (await import("./classify.ts")).classify,
  tag: async () => (await import("./tag.ts")).tag,
  detect: async () => (await import("./detect.ts")).detect,
  inspect: async () => (await import("./inspect.ts")).inspect,
  export: async () => (await import("./export.ts")).exportModel,
  convert: async () => (await import("./convert.ts")).convert,
  trajectories: async () => (await import("./trajectories.ts")).trajectories,
  translate: async () => (await import("./translate.ts")).translate,
  music: async () => (await import("./music.ts")).music,
  studio: async () => (await import("./studio.ts")).studio,
  serve: async () => (await import("./serve.ts")).serve,
  explain: async () => (await import("./explain.ts")).explain,
  cells: async () => (await import("./cells.ts")).listCells,
  bench: async () => (await import("./bench.ts")).bench,
};

/** What may run in several processes: train shares its work, and each worker takes its own. */
const sharing = ["train", "worker"];

async function overview(): Promise<string> {
  const all = await Promise.all(Object.values(commands).map((load) => load()));
  return `unrolled: recurrent networks from their equations

Usage: unrolled COMMAND [arguments] [options]

Commands:
${alignRows(all.map(({ name, summary }) => [name, summary]))}

Options of every command:
${optionRows(common)}

unrolled COMMAND --help says more, unrolled --version which one this is.
Exit code: 0 done, 2 wrong usage or input, 1 a fault of the program, 130 ended
by Ctrl-C with nothing to save.`;
}

async function main([name, ...rest]: readonly string[]): Promise<void> {
  if (name === "--version") {
    const file = new URL("../../package.json", import.meta.url);
    process.stdout.write(`${JSON.parse(readFileSync(file, "utf8")).version}\n`);
    return;
  }
  const asked = name === "help" ? rest[0] : name;
  if (asked === undefined || asked === "--help" || asked === "-h") {
    if (name === undefined) throw new InputError("no command was given. See unrolled --help.");
    process.stdout.write(`${await overview()}\n`);
    return;
  }
  const load = Object.hasOwn(commands, asked) ? commands[asked] : undefined;
  if (load === undefined) {
    const names = Object.keys(commands);
    const hint = didYouMean(asked, names).trim() || `The commands are ${names.join(", ")}.`;
    throw new InputError(
      asked.startsWith("-") ? `${asked}: give a command first. ${hint}` : `unknown command "${asked}". ${hint}`,
    );
  }
  const { launched } = await import("../distributed/launched.ts");
  const together = launched();
  if (together !== undefined && !sharing.includes(asked)) {
    throw new InputError(
      `${asked}: is one of several processes that ${together.by} has started, and of the commands only train shares its work among them. Start it alone.`,
    );
  }
  await runCommand(await load(), name === "help" ? ["--help"] : rest);
}

await runProcess(() => main(process.argv.slice(2)));
