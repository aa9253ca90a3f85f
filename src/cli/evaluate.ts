/** `unrolled evaluate`: how well a model predicts a text. */
import { decodeText, readInput } from "../formats/files.ts";
import { InputError } from "../graph/input-error.ts";
import { evaluate as measure, readLanguageModel } from "../tasks/language-model.ts";
import type { Command } from "./options.ts";

export const evaluate: Command = {
  name: "evaluate",
  usage: "evaluate MODEL.safetensors FILE",
  help: "Loss, perplexity and bits per character of a text.",
  arguments: [2, 2],
  options: {},
  async run(given) {
    const [file, path] = given.positionals as readonly [string, string];
    const model = readLanguageModel(readInput(file), file);
    const text = decodeText(readInput(path), path);
    if (text === "") throw new InputError(`${path}: the file is empty. Give a text to evaluate on.`);
    const { loss, perplexity, bitsPerCharacter, tokens, unknown } = await measure(model, text);
    if (given.flag("json")) {
      process.stdout.write(`${JSON.stringify({ loss, perplexity, bitsPerCharacter, tokens, unknown })}\n`);
      return;
    }
    const rows = [
      ["loss", `${loss.toFixed(4)} nats a token`],
      ["perplexity", perplexity.toFixed(3)],
      ["bits per character", bitsPerCharacter.toFixed(4)],
      ["tokens", tokens.toLocaleString("en")],
      ...(unknown > 0 ? [["unknown characters", unknown.toLocaleString("en")]] : []),
    ] as const;
    for (const [name, value] of rows) process.stdout.write(`${(name as string).padEnd(20)}${value}\n`);
  },
};
