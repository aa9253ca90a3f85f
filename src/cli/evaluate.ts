/** `unrolled evaluate`: measure how well a model predicts a text, or classifies examples. */
import { readInput } from "../formats/files.ts";
import { checkFiniteValues } from "../nn/finite-values.ts";
import { openModel } from "../tasks/index.ts";
import { evaluateLanguageModel, type LanguageModel } from "../tasks/language-model.ts";
import { evaluateClassifierFiles } from "./classify.ts";
import { inferenceOptions, usableHostOf } from "./host-options.ts";
import type { Command, Given } from "./options.ts";
import { formatCount, writeJson } from "./output.ts";
import { field } from "./texts.ts";
import { encodeSource, openTexts } from "./tokens.ts";

export const evaluate: Command = {
  name: "evaluate",
  usage: "evaluate MODEL.safetensors FILE|FOLDER",
  summary: "measure how well a model predicts a text or classifies",
  details:
    "Each token is predicted from all tokens before it. A model that was trained on\na list of texts also takes one: a .jsonl file or a folder.\nA classifier takes a folder or a CSV file with labels, as classify does.",
  examples: ["evaluate model.safetensors test.txt", "evaluate digits.safetensors recordings"],
  arguments: [2, 2],
  options: { field, ...inferenceOptions("that evaluate; the result is the same [cores]") },
  async run(given) {
    const [file, path] = given.positionals as readonly [string, string];
    await openModel(readInput(file), file, "`evaluate`", {
      text: (lm) => evaluateText(lm, file, path, given),
      classify: (of) => evaluateClassifierFiles(of, file, path, given),
    });
  },
};

async function evaluateText(model: LanguageModel, file: string, path: string, given: Given): Promise<void> {
  checkFiniteValues(model.model, file);
  const host = await usableHostOf(given);
  const text = encodeSource(model.tokenizer, openTexts(path, "to evaluate on", given.text("field")));
  const { loss, perplexity, bitsPerCharacter, tokens, unknown } = await evaluateLanguageModel(model, text, host);
  if (given.flag("json")) return writeJson({ loss, perplexity, bitsPerCharacter, tokens, unknown });
  const rows = [
    ["loss", `${loss.toFixed(4)} nats per token`],
    ["perplexity", perplexity.toFixed(3)],
    ["bits per character", bitsPerCharacter.toFixed(4)],
    ["tokens", formatCount(tokens)],
    ...(unknown > 0 ? [["unknown characters", formatCount(unknown)] as const] : []),
  ] as const;
  const width = Math.max(...rows.map(([name]) => name.length));
  for (const [name, value] of rows) process.stdout.write(`${name.padEnd(width)}  ${value}\n`);
}
