/** `unrolled detect`: find where the classes of a classifier are in a long recording. */
import { readInput } from "../formats/files.ts";
import { readRecording } from "../formats/labelled-files.ts";
import { InputError } from "../graph/input-error.ts";
import { checkFiniteValues } from "../nn/finite-values.ts";
import { type Classifier, detect as detectEvents } from "../tasks/classify.ts";
import { openByTask } from "../tasks/index.ts";
import { ofExamples, sequencesAt } from "./classify.ts";
import { inferenceOptions, usableHostOf } from "./host-options.ts";
import type { Command, Given } from "./options.ts";
import { alignColumns, printable, writeJson } from "./output.ts";

export const detect: Command = {
  name: "detect",
  usage: "detect --model MODEL.safetensors FILE.wav ... [options]",
  summary: "find the classes of a classifier in long recordings",
  details: [
    "A window slides over the recording and is classified each time; windows in a",
    "row that say the same with at least --threshold are an event. What is none of",
    "the classes needs a class of its own in training, to be left out with --ignore.",
    "Times are seconds; of a CSV file of numbers they are rows.",
  ].join("\n"),
  examples: [
    "detect --model digits.safetensors call.wav",
    "detect --model digits.safetensors call.wav --ignore silence",
  ],
  arguments: [1, 10_000],
  options: {
    model: { value: "MODEL", help: "the classifier" },
    window: { value: "S", help: "seconds of a window [median of the examples]", number: { above: 0 } },
    hop: { value: "S", help: "seconds from window to window [a quarter]", number: { above: 0 } },
    threshold: { value: "X", help: "probability that counts [0.6]", number: { min: 0, max: 0.9999 } },
    least: { value: "N", help: "windows of an event at least [2]", number: { whole: true, min: 1, max: 10_000 } },
    ignore: { value: "LABEL", help: "a class that is no event; can be repeated", multiple: true },
    ...inferenceOptions("that work; same result [cores]"),
  },
  async run(given) {
    const model = given.text("model");
    if (model === undefined)
      throw new InputError("--model is missing. Give the classifier: --model digits.safetensors.");
    await openByTask(readInput(model), model, "`detect`", { classify: (of) => detectIn(of, model, given) });
  },
};

async function detectIn(of: Classifier, model: string, given: Given): Promise<void> {
  checkFiniteValues(of.model, model);
  const host = await usableHostOf(given);
  const [window, hop, threshold, least] = ["window", "hop", "threshold", "least"].map((name) => given.number(name));
  const options = {
    ...host,
    ...(window !== undefined && { window }),
    ...(hop !== undefined && { hop }),
    ...(threshold !== undefined && { threshold }),
    ...(least !== undefined && { least }),
    ignore: given.texts("ignore"),
  };
  const rows: string[][] = [["file", "start", "end", "class", "probability"]];
  // Recordings that are shorter than the window.
  const short: string[] = [];
  for (const path of given.positionals) {
    const sequences = of.input.kind === "audio" ? [readRecording(path)] : sequencesAt(of, model, path);
    for (const one of sequences) {
      if ("text" in one) throw new InputError(`${path}: the model reads texts, in which there are no times.`);
      const length = "samples" in one ? one.samples.length / one.sampleRate : one.rows.length;
      if (window !== undefined && window > length) {
        short.push(`${one.name ?? path} (${"samples" in one ? `${Number(length.toFixed(2))} s` : `${length} rows`})`);
      }
      const events = await ofExamples(path, () => detectEvents(of, one, options));
      for (const { start, end, label, probability } of events) {
        if (given.flag("json")) writeJson({ file: one.name, start, end, label, probability });
        else
          rows.push([one.name ?? "", start.toFixed(2), end.toFixed(2), label, `${(100 * probability).toFixed(1)} %`]);
      }
    }
  }
  if (given.flag("json")) return;
  if (rows.length > 1) return void process.stdout.write(`${alignColumns(rows, [1, 2, 4])}\n`);
  const more = short.length > 1 ? ` and ${short.length - 1} more` : "";
  process.stdout.write(
    short.length > 0
      ? printable(`No class was found: --window ${window} is longer than ${short[0]}${more}. Give a shorter one.\n`)
      : "No class was found. Give a lower --threshold.\n",
  );
}
