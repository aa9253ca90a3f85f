/** `unrolled evaluate`: measure a model of any task on data. */
import { InputError } from "../graph/input-error.ts";
import { checkFiniteValues } from "../nn/finite-values.ts";
import { evaluateForecaster, type Forecaster } from "../tasks/forecast/index.ts";
import { evaluateLanguageModel, type LanguageModel } from "../tasks/language-model.ts";
import { evaluateTrajectories, type TrajectoryModel } from "../tasks/trajectories.ts";
import { inferenceOptions, usableHostOf } from "./host-options.ts";
import { foreignOptions, foreignSides, openModelFile } from "./model-input.ts";
import type { Command, Given } from "./options.ts";
import { formatCount, warn, writeJson } from "./output.ts";
import { ofFile, readSeries, tableOptions } from "./table-options.ts";
import { conllColumns, evaluateTaggerFile } from "./tag.ts";
import { field, textColumns } from "./texts.ts";
import { encodeSource, openTexts } from "./tokens.ts";
import { naming, readTrackFiles, tableOf, tellTracks, trackColumns } from "./trajectories.ts";

export const evaluate: Command = {
  name: "evaluate",
  usage: "evaluate MODEL.safetensors FILE...|FOLDER",
  summary: "measure a model on data that it has not seen",
  details: [
    "Each token is predicted from all tokens before it. A model that was trained on",
    "a list of texts also takes one: a .jsonl file or a folder. A classifier takes a",
    "folder or a CSV file with labels, or files of texts, as classify does; a tagger",
    "sentences in columns; a model of trajectories a table of tracks, and is",
    "measured beside constant velocity; a forecaster the CSV file of its series, and",
    "is measured beside what needs no network; a translator a file of pairs, a",
    "source, a tab and a target a line, or two files whose lines belong together; a",
    "model of music .mid, .midi or .abc files, or a folder of them.",
  ].join("\n"),
  examples: [
    "evaluate model.safetensors test.txt",
    "evaluate digits.safetensors recordings",
    "evaluate en-de.safetensors en.txt de.txt",
  ],
  arguments: [2, 10_000],
  options: {
    field,
    ...tableOptions,
    ...trackColumns,
    ...conllColumns,
    ...textColumns,
    beams: { value: "N", help: "of a translator, kept at each token [4]", number: { whole: true, min: 1, max: 1000 } },
    repair: { help: "mend or leave out music that is damaged" },
    ...foreignOptions,
    ...foreignSides,
    ...inferenceOptions("that evaluate; the result is the same [cores]"),
  },
  async run(given) {
    const [file, ...paths] = given.positionals as readonly [string, string, ...string[]];
    const [path, another] = paths as [string, string?];
    const alone = (): string => {
      if (another === undefined) return path;
      throw new InputError(`${another}: ${file} is measured on one file or folder. Leave the others out.`);
    };
    await openModelFile(file, given, "`evaluate`", {
      text: (lm) => evaluateText(lm, file, alone(), given),
      // What reads sound and tables is loaded for the models that need it.
      async classify(of) {
        const { evaluateClassifierFiles } = await import("./classify.ts");
        await evaluateClassifierFiles(of, file, of.input.kind === "text" ? paths : [alone()], given);
      },
      tag: (of) => evaluateTaggerFile(of, file, alone(), given),
      forecast: (model) => evaluateSeries(model, file, alone(), given),
      trajectories: (tm) => evaluateTracks(tm, file, alone(), given),
      async translate(of) {
        const { evaluatePairs } = await import("./translate.ts");
        await evaluatePairs(of, file, paths, given);
      },
      async music(mm) {
        const { evaluateMusicFiles } = await import("./music.ts");
        await evaluateMusicFiles(mm, file, paths, given);
      },
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

async function evaluateSeries(model: Forecaster, file: string, path: string, given: Given): Promise<void> {
  checkFiniteValues(model.model, file);
  const host = await usableHostOf(given);
  const { targets, past, future } = model.settings;
  const data = await readSeries(path, given, { targets, past, future });
  const scores = await ofFile(path, data, () => evaluateForecaster(model, data, host));
  const { seen, test, horizon } = model.settings;
  const known = data.series.filter(({ name, rows }) => rows.length - (test || horizon) < (seen[name] ?? 0));
  if (known.length > 0) {
    const what = "these steps were there when the network was trained: it is measured on what it has seen";
    warn(`${path}: ${what}. Give later ones, or train with --test.`, given.flag("json"));
  }
  if (given.flag("json")) return writeJson(scores);
  const { scoresTable } = await import("./forecast.ts");
  process.stdout.write(scoresTable(scores, model.settings.test || model.settings.horizon));
}

async function evaluateTracks(tm: TrajectoryModel, file: string, path: string, given: Given): Promise<void> {
  checkFiniteValues(tm.model, file);
  const host = await usableHostOf(given);
  const tracks = await readTrackFiles([path], given);
  const scores = await naming([path], () => evaluateTrajectories(tm, tracks, host));
  tellTracks([path], tracks, given);
  if (given.flag("json")) return writeJson(scores);
  process.stdout.write(`${tableOf(scores, 20)}\n`);
}
