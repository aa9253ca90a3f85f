/** `unrolled generate`: generate text with a model and print it as it comes. */
import { InputError } from "../graph/input-error.ts";
import { checkFiniteValues } from "../nn/finite-values.ts";
import { beamSearch } from "../tasks/beam-search.ts";
import { type GeneratedToken, type GenerateOptions, generateTokens, generate as write } from "../tasks/generate.ts";
import type { LanguageModel } from "../tasks/language-model.ts";
import { unixLineEnds } from "../text/line-ends.ts";
import { readEscapes } from "./escapes.ts";
import { inferenceOptions, usableHostOf } from "./host-options.ts";
import { foreignOptions, openModelFile } from "./model-input.ts";
import { type Command, type Given, seedRange } from "./options.ts";
import { isTerminal, printable, styled, writeJson } from "./output.ts";
import { warnStops, warnUnknown } from "./unknown.ts";

const penalty = { min: -2, max: 2 } as const;

export const generate: Command = {
  name: "generate",
  usage: 'generate MODEL.safetensors [--prompt "..."] [options]',
  summary: "generate text with a model",
  details: [
    "Writes the text to standard output as it comes; Ctrl-C stops it. If the prompt",
    "ends within a token, the model completes that token. --stop understands",
    "\\n, \\t, \\u{e9} and \\\\ for a backslash.",
  ].join("\n"),
  examples: [
    'generate model.safetensors --prompt "Call me" --length 200',
    'generate model.safetensors --prompt "Call me" --beams 8 --stop .',
    "generate model.safetensors --stop '\\n'",
  ],
  arguments: [1, 1],
  options: {
    prompt: { value: "TEXT", help: "the beginning of the text" },
    length: { value: "N", help: "number of tokens to generate [500]", number: { whole: true, min: 0 } },
    stop: { value: "TEXT", help: "end before TEXT (also \\n, \\t); can be repeated", multiple: true },
    temperature: { value: "X", help: "0: most likely token, 1: as predicted [0.8]", number: { min: 0 } },
    "top-k": { value: "N", help: "draw from the N most likely tokens", number: { whole: true, min: 1 } },
    "top-p": { value: "X", help: "draw from the most likely, up to this probability", number: { above: 0, max: 1 } },
    "min-p": { value: "X", help: "leave out tokens below X times the highest", number: { min: 0, max: 1 } },
    "repetition-penalty": { value: "X", help: "above 1: less repetition [1]", number: { above: 0 } },
    "frequency-penalty": { value: "X", help: "subtracted for each use of a token [0]", number: penalty },
    "presence-penalty": { value: "X", help: "subtracted if a token was used [0]", number: penalty },
    seed: { value: "N", help: "the same seed gives the same text [random]", number: seedRange },
    beams: { value: "N", help: "beam search of width N", number: { whole: true, min: 1 } },
    ...foreignOptions,
    ...inferenceOptions("that share a step; the text is the same [cores]"),
    logprobs: { value: "N", help: "with --json: N log-probabilities per token", number: { whole: true, min: 0 } },
  },
  async run(given) {
    const [file] = given.positionals as readonly [string];
    checkTogether(given);
    await openModelFile(file, given, "`generate`", { text: (lm) => generateText(lm, file, given) });
  },
};

async function generateText(model: LanguageModel, file: string, given: Given): Promise<void> {
  checkFiniteValues(model.model, file);
  const prompt = unixLineEnds(given.text("prompt") ?? "");
  if (/\p{Surrogate}/u.test(prompt)) throw new InputError("--prompt: is not valid Unicode text.");
  const json = given.flag("json");
  const host = await usableHostOf(given, { stepwise: true });
  warnUnknown("--prompt", model, prompt, json);
  const stops = given.texts("stop").map((one) => unixLineEnds(readEscapes("--stop", one)));
  warnStops(model, stops, json);
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort());
  const seed = given.number("seed") ?? Math.floor(Math.random() * 2 ** 32);
  const common = { prompt, length: given.number("length") ?? 500, stop: stops, ...host, signal: stop.signal };
  // In a file or a pipe, the text stays exactly as the model generated it.
  const shown = isTerminal(process.stdout) ? printable : (text: string) => text;
  let begun = false;
  const show = (text: string): void => {
    if (json) return;
    // Not before there is a text to follow: an error stands alone.
    const first = begun ? "" : styled(shown(prompt), "bold", process.stdout);
    begun = true;
    process.stdout.write(first + shown(text));
  };
  const beams = given.number("beams");
  if (beams !== undefined) {
    const startMs = performance.now();
    const found = await beamSearch(model, { ...common, beams });
    const { text, tokens } = found[0] ?? { text: "", tokens: [] };
    show(text);
    const msPerToken = tokens.length === 0 ? 0 : (performance.now() - startMs) / tokens.length;
    const texts = found.map(({ text, logProbability }) => ({ text, logProbability }));
    if (json) writeJson({ text, seed, tokens: tokens.length, msPerToken, beams: texts });
  } else {
    const sampling = {
      temperature: given.number("temperature") ?? 0.8,
      topK: given.number("top-k"),
      topP: given.number("top-p"),
      minP: given.number("min-p"),
      repetitionPenalty: given.number("repetition-penalty"),
      frequencyPenalty: given.number("frequency-penalty"),
      presencePenalty: given.number("presence-penalty"),
      seed,
    };
    const line = await stream(model, { ...common, ...sampling }, given.number("logprobs"), show);
    const { text, tokens, msPerToken, logProbabilities } = line;
    if (json) writeJson({ text, seed, tokens, msPerToken, logProbabilities });
  }
  show("\n");
}

/** Refuse options that would have no effect. */
function checkTogether(given: Given): void {
  if (given.number("logprobs") !== undefined && !given.flag("json")) {
    throw new InputError("--logprobs: is part of the JSON output. Add --json.");
  }
  if (given.number("beams") === undefined) return;
  const penalties = ["repetition", "frequency", "presence"].map((name) => `${name}-penalty`);
  const drawing = ["temperature", "top-k", "top-p", "min-p", ...penalties, "logprobs"];
  const extra = drawing.find((name) => given.number(name) !== undefined);
  if (extra !== undefined) {
    throw new InputError(`--${extra}: is for drawing tokens, and --beams does not draw. Give one of the two.`);
  }
}

/** Print the text as it comes, and collect the fields of the line of JSON. */
async function stream(
  model: LanguageModel,
  options: GenerateOptions,
  logprobs: number | undefined,
  show: (text: string) => void,
) {
  let [text, tokens, firstMs] = ["", 0, 0];
  const add = (piece: string): void => {
    if (tokens === 0) firstMs = performance.now();
    tokens++;
    text += piece;
    show(piece);
  };
  const logProbabilities: GeneratedToken[] = [];
  if (logprobs === undefined) for await (const piece of write(model, options)) add(piece);
  else {
    for await (const token of generateTokens(model, { ...options, logProbabilities: logprobs })) {
      logProbabilities.push(token);
      add(token.text);
    }
  }
  // The time is measured from the first token on; before it, the model is compiled and the prompt is read.
  const msPerToken = tokens < 2 ? 0 : (performance.now() - firstMs) / (tokens - 1);
  return { text, tokens, msPerToken, logProbabilities: logprobs === undefined ? undefined : logProbabilities };
}
