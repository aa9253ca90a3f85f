/**
 * Find where the classes of a classifier are in a long recording: a window slides over it, each is classified as if it were alone, and
 * windows in a row that say the same become an event. Knows nothing about loudness: what none of the classes is needs a class of its
 * own, which `ignore` names.
 */
import type { InferenceOptions } from "../../engines/engine.ts";
import { hostOf, inferenceRules } from "../../engines/registry.ts";
import { InputError } from "../../graph/input-error.ts";
import {
  type Arguments,
  alias,
  checkArguments,
  inRange,
  listOf,
  options as optionsOf,
  someText,
  wholeNumber,
} from "../../graph/schema.ts";
import { nameOf, type Sequence, someSequences } from "./examples.ts";
import { aClassifier, type Classifier } from "./file.ts";
import { featuresOf, scaled } from "./input.ts";
import { classificationOf, probabilitiesOf } from "./predict.ts";

/** A class that was found. Times are seconds of sound; of rows of numbers they are rows. */
export type DetectedEvent = {
  readonly start: number;
  readonly end: number;
  readonly label: string;
  /** The largest probability of its windows. */
  readonly probability: number;
};

/** Options of `detect`; also the host's. */
export type DetectOptions = InferenceOptions & {
  /** The window, in seconds (rows of numbers). Default: the median of the examples that the classifier was made for. */
  readonly window?: number;
  /** From window to window, in seconds (rows). Default: a quarter of the window. */
  readonly hop?: number;
  /** The probability from which on a window counts. Default 0.6. */
  readonly threshold?: number;
  /** Windows in a row that an event has at least. Default 2. */
  readonly least?: number;
  /** Classes that are no events, such as one for silence. Default none. */
  readonly ignore?: readonly string[];
};
const length = inRange(0, Infinity, "()");
export const detectArguments: Arguments = {
  of: aClassifier,
  sequence: {
    ...someSequences,
    expected: "a sequence, { samples, sampleRate } or { rows }",
    accepts: (value) => typeof value === "object" && value !== null,
    look: (where, value) => someSequences.look?.(where, [value]),
  },
  options: optionsOf<DetectOptions>({
    ...inferenceRules,
    window: alias(length, "windowSeconds"),
    hop: alias(length, "hopSeconds", "step"),
    threshold: inRange(0, 1),
    least: alias(wholeNumber(1), "minWindows"),
    ignore: listOf(someText),
  }),
};

/**
 * Find where the classes of a classifier are in a long sequence. A window of the examples' length slides over it; each is classified by
 * itself, so any classifier will do. Windows in a row with the same likeliest class, of at least `threshold`, are an event, from half a
 * hop before the middle of the first one to half a hop after that of the last.
 * @param of the classifier
 * @param sequence `{ samples, sampleRate }` or `{ rows }`
 * @param options `window` and `hop` in seconds (rows), `threshold` (0.6), `least` (2), `ignore`; the host's options
 * @returns the events in the order of time; `start` and `end` in seconds (rows)
 * @throws InputError for what the classifier does not read, and for an `ignore` that is none of its labels
 * @example for (const { start, label } of await detect(digits, { samples, sampleRate })) console.log(start, label);
 */
export async function detect(
  of: Classifier,
  sequence: Sequence,
  options: DetectOptions = {},
): Promise<DetectedEvent[]> {
  checkArguments("detect", { of, sequence, options }, detectArguments);
  const { threshold = 0.6, least = 2, ignore = [] } = options;
  const unknown = ignore.find((label) => !of.labels.includes(label));
  if (unknown !== undefined) {
    throw new InputError(
      `detect: ignore: the model has no label ${JSON.stringify(unknown)}; it has ${of.labels.join(", ")}`,
    );
  }
  const { input } = of;
  const unit = input.kind === "audio" ? input.features.hopLength / input.features.sampleRate : 1;
  const overlap = input.kind === "audio" ? input.features.frameLength / input.features.sampleRate - unit : 0;
  const stepsOf = (given: number | undefined, usual: number): number =>
    given === undefined ? usual : Math.max(1, Math.round(given / unit));
  const name = nameOf(sequence, 0);
  const rows = featuresOf(input, sequence, name);
  const window = Math.min(rows.length, stepsOf(options.window, of.steps));
  const hop = stepsOf(options.hop, Math.max(1, Math.round(window / 4)));
  const starts = Array.from({ length: Math.ceil((rows.length - window) / hop) + 1 }, (_, k) =>
    Math.min(k * hop, rows.length - window),
  );
  const windows = starts.map((start) => scaled(input.scaling, rows.slice(start, start + window), name));
  const said = (await probabilitiesOf(of, windows, hostOf(options))).map((row) => classificationOf(of.labels, row));
  const events: DetectedEvent[] = [];
  const timeOf = (k: number, side: -1 | 1): number => {
    const middle = (starts[k] as number) + window / 2;
    const edge =
      k === 0 && side < 0 ? 0 : k === starts.length - 1 && side > 0 ? rows.length : middle + (side * hop) / 2;
    // Microseconds: sums of binary fractions have digits that mean nothing.
    return Math.round(1e6 * (edge * unit + (edge > 0 ? overlap / 2 : 0))) / 1e6;
  };
  for (let from = 0, to = 0; from < said.length; from = to) {
    const [first] = said.slice(from) as [(typeof said)[number]];
    const counts = (k: number): boolean =>
      said[k]?.label === first.label && (said[k]?.probability as number) >= threshold;
    to = from;
    while (counts(to)) to++;
    if (to - from >= Math.min(least, said.length) && !ignore.includes(first.label)) {
      const probability = Math.max(...said.slice(from, to).map((one) => one.probability));
      events.push({ start: timeOf(from, -1), end: timeOf(to - 1, 1), label: first.label, probability });
    }
    to = Math.max(to, from + 1);
  }
  return events;
}
