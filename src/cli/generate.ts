/** `unrolled generate`: text from a model, as it is written. */
import { readInput } from "../formats/files.ts";
import { InputError } from "../graph/input-error.ts";
import { readLanguageModel, generate as write } from "../tasks/language-model.ts";
import type { Command } from "./options.ts";

export const generate: Command = {
  name: "generate",
  usage: 'generate MODEL.safetensors [--prompt "..."] [options]',
  help: "Write text with a model.",
  arguments: [1, 1],
  options: {
    prompt: { value: "TEXT", help: "what the text goes on from" },
    length: { value: "N", help: "tokens to write [500]", number: { whole: true, min: 0 } },
    temperature: { value: "X", help: "0 takes the likeliest, 1 as the model says [0.8]", number: { min: 0 } },
    "top-k": { value: "N", help: "only the N likeliest tokens", number: { whole: true, min: 1 } },
    "top-p": { value: "X", help: "only the likeliest tokens of probability X together", number: { above: 0, max: 1 } },
    seed: { value: "N", help: "the same seed writes the same text [random]", number: { whole: true } },
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
    // A reader that goes away (| head) ends the writing.
    process.stdout.on("error", () => stop.abort());
    if (!json) process.stdout.write(prompt);
    let [text, tokens] = ["", 0];
    const startMs = performance.now();
    const pieces = write(model, {
      prompt,
      length: given.number("length") ?? 500,
      temperature: given.number("temperature") ?? 0.8,
      ...(topK === undefined ? {} : { topK }),
      ...(topP === undefined ? {} : { topP }),
      seed,
      signal: stop.signal,
    });
    for await (const piece of pieces) {
      tokens++;
      if (json) text += piece;
      else process.stdout.write(piece);
    }
    const msPerToken = tokens === 0 ? 0 : (performance.now() - startMs) / tokens;
    if (json) process.stdout.write(`${JSON.stringify({ text, seed, tokens, msPerToken })}\n`);
    else process.stdout.write("\n");
  },
};
