/** `unrolled generate`: text from a model, as it is written. */
import { readInput } from "../formats/files.ts";
import { InputError } from "../graph/input-error.ts";
import { readLanguageModel, generate as write } from "../tasks/language-model.ts";
import { type Command, seedRange } from "./options.ts";
import { isTerminal, printable, styled, writeJson } from "./output.ts";

export const generate: Command = {
  name: "generate",
  usage: 'generate MODEL.safetensors [--prompt "..."] [options]',
  summary: "write text with a model",
  details: "Text goes to standard output as it is written; Ctrl-C stops it.",
  examples: ['generate model.safetensors --prompt "Call me" --length 200'],
  arguments: [1, 1],
  options: {
    prompt: { value: "TEXT", help: "what the text goes on from" },
    length: { value: "N", help: "tokens to write [500]", number: { whole: true, min: 0 } },
    temperature: { value: "X", help: "0 takes the likeliest, 1 as the model says [0.8]", number: { min: 0 } },
    "top-k": { value: "N", help: "only the N likeliest tokens", number: { whole: true, min: 1 } },
    "top-p": { value: "X", help: "only the likeliest tokens of probability X together", number: { above: 0, max: 1 } },
    seed: { value: "N", help: "the same seed writes the same text [random]", number: seedRange },
  },
  async run(given) {
    const [file] = given.positionals as readonly [string];
    const model = readLanguageModel(readInput(file), file);
    const json = given.flag("json");
    const seed = given.number("seed") ?? Math.floor(Math.random() * 2 ** 32);
    const prompt = given.text("prompt") ?? "";
    if (/\p{Surrogate}/u.test(prompt)) throw new InputError("--prompt: is not valid Unicode text.");
    const [topK, topP] = [given.number("top-k"), given.number("top-p")];
    const stop = new AbortController();
    process.once("SIGINT", () => stop.abort());
    // In a file or a pipe the text is as the model wrote it.
    const shown = isTerminal(process.stdout) ? printable : (text: string) => text;
    if (!json) process.stdout.write(styled(shown(prompt), "bold", process.stdout));
    let [text, tokens, firstMs] = ["", 0, 0];
    const pieces = write(model, {
      prompt,
      length: given.number("length") ?? 500,
      temperature: given.number("temperature") ?? 0.8,
      topK,
      topP,
      seed,
      signal: stop.signal,
    });
    for await (const piece of pieces) {
      if (tokens === 0) firstMs = performance.now();
      tokens++;
      if (json) text += piece;
      else process.stdout.write(shown(piece));
    }
    // From the first token on: before it the model is compiled and the prompt read.
    const msPerToken = tokens < 2 ? 0 : (performance.now() - firstMs) / (tokens - 1);
    if (json) writeJson({ text, seed, tokens, msPerToken });
    else process.stdout.write("\n");
  },
};
