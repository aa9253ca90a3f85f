/** `unrolled evaluate`: measure how well a model predicts a text. */
import { readInput } from "../formats/files.ts";
import { checkFiniteValues } from "../nn/finite-values.ts";
import { openModel } from "../tasks/index.ts";
import { evaluateLanguageModel, type LanguageModel } from "../tasks/language-model.ts";
import { evaluateTrajectories, type TrajectoryModel } from "../tasks/trajectories.ts";
import { inferenceOptions, usableHostOf } from "./host-options.ts";
import type { Command, Given } from "./options.ts";
import { formatCount, writeJson } from "./output.ts";
import { field } from "./texts.ts";
import { encodeSource, openTexts } from "./tokens.ts";
import { readTrackFiles, tableOf, trackColumns } from "./trajectories.ts";

export const evaluate: Command = {
  name: "evaluate",
  usage: "evaluate MODEL.safetensors FILE|FOLDER",
  summary: "measure how well a model predicts a text, or tracks",
  details: [
    "Each token is predicted from all tokens before it. A model that was trained on",
    "a list of texts also takes one: a .jsonl file or a folder.",
    "",
    "A model of trajectories takes a table of tracks, and is measured beside constant",
    "velocity.",
  ].join("\n"),
  examples: ["evaluate model.safetensors test.txt"],
  arguments: [2, 2],
  options: { field, ...trackColumns, ...inferenceOptions("that evaluate; the result is the same [cores]") },
  async run(given) {
    const [file, path] = given.positionals as readonly [string, string];
    await openModel(readInput(file), file, "`evaluate`", {
      text: (lm) => evaluateText(lm, file, path, given),
      trajectories: (tm) => evaluateTracks(tm, file, path, given),
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

async function evaluateTracks(tm: TrajectoryModel, file: string, path: string, given: Given): Promise<void> {
  checkFiniteValues(tm.model, file);
  const host = await usableHostOf(given);
  const scores = await evaluateTrajectories(tm, readTrackFiles([path], given), host);
  if (given.flag("json")) return writeJson(scores);
  process.stdout.write(`${tableOf(scores, 20)}\n`);
}
