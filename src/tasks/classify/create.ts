/** Make an untrained classifier for examples: what it reads and how that is scaled, its labels, its layers. */
import { cells } from "../../cells/index.ts";
import { aCell, type Cell } from "../../graph/cell.ts";
import { InputError } from "../../graph/input-error.ts";
import {
  type Arguments,
  alias,
  checkArguments,
  either,
  flag,
  inRange,
  listOf,
  lookUp,
  oneOf,
  options as optionsOf,
  someText,
  string,
  wholeNumber,
} from "../../graph/schema.ts";
import {
  bidirectional,
  dense,
  dropout as dropoutLayer,
  embedding,
  type LayerSpec,
  layerName,
  masking,
  recurrent,
} from "../../nn/layers.ts";
import { sequential } from "../../nn/model.ts";
import { aSeed } from "../../nn/random.ts";
import {
  checkedRows,
  isSound,
  isText,
  kindOf,
  type LabelledSequence,
  labelledSequences,
  type NumberRows,
  nameOf,
  type Sound,
} from "./examples.ts";
import { type AudioFeatures, audioFeatureRules, checkBands, completeFeatures } from "./features.ts";
import type { Classifier } from "./file.ts";
import {
  type ClassifierInput,
  featuresOf,
  type ScalingKind,
  scalingFor,
  scalings,
  vectorsOf,
  widthOfInput,
} from "./input.ts";
import { type Pooling, poolings } from "./pooling.ts";
import { type TextTokens, textTokens, vocabularyFor } from "./text.ts";

/** Options of `classifier`. */
export type ClassifierOptions = {
  /** The name of a built-in cell, or a cell of your own. Default "gru-reset-after". */
  readonly cell?: string | Cell;
  /** Units of each recurrent layer, and direction. Default 64. */
  readonly units?: number;
  /** What the recurrent layers are called. Default: the name of a built-in cell, else "recurrent". */
  readonly label?: string;
  /** Number of recurrent layers. Default 1. */
  readonly layers?: number;
  /** Whether layers read from both ends: better, but not step by step. Default true. */
  readonly bidirectional?: boolean;
  /** How a sequence becomes one vector. Default "mean", of texts "max". */
  readonly pooling?: Pooling;
  /** Of texts: what is a token. Default "words". */
  readonly tokens?: TextTokens;
  /** Of texts: features of a token's vector. Default 64. */
  readonly embedding?: number;
  /** Of texts: how often a word comes that has a vector of its own. Default 2. */
  readonly minCount?: number;
  /** Of texts: the most words, or byte pairs. Default 20000. */
  readonly maxVocabulary?: number;
  /** Dropout rate of the input and after each recurrent layer. Default 0.2, of texts 0.5. */
  readonly dropout?: number;
  /** Of sound: its features. */
  readonly features?: Partial<AudioFeatures>;
  /** Of rows of numbers: the names of the columns. Default "0", "1", ... */
  readonly columns?: readonly string[];
  /** How features are scaled. Default "training". */
  readonly scaling?: ScalingKind;
  /** The classes in order. Default: the labels of the examples, sorted. */
  readonly labels?: readonly string[];
  /** Seed of the initial values. Default 0. */
  readonly seed?: number;
};

const count = wholeNumber(1);
export const classifierArguments: Arguments = {
  examples: labelledSequences,
  options: optionsOf<ClassifierOptions>({
    cell: { ...either(string, aCell), expected: 'the name of a cell ("lstm"), or a cell, as cell() makes it' },
    units: alias(count, "hiddenSize"),
    label: layerName,
    layers: alias(wholeNumber(1, 100), "numLayers"),
    bidirectional: flag,
    pooling: oneOf("mean", "max", "last"),
    dropout: inRange(0, 1),
    features: optionsOf<Partial<AudioFeatures>>(audioFeatureRules),
    columns: listOf(someText, 1),
    tokens: alias(oneOf(...textTokens), "tokenizer"),
    embedding: alias(count, "embeddingSize"),
    minCount: alias(count, "minFrequency"),
    maxVocabulary: alias(count, "vocabularySize", "maxTokens"),
    scaling: alias(scalings, "normalize"),
    labels: alias(listOf(someText, 2), "classes"),
    seed: aSeed,
  }),
};

/** Steps whose features all have this value are padding: no scaled features have it. */
export const padding = -4096;

/**
 * Create an untrained classifier of sequences: sound, rows of numbers or texts, of any length. Its labels are those of the examples;
 * features are scaled by them, unless `scaling` says otherwise, and words are theirs, so give the training examples alone.
 * @param examples sequences with labels: `{ samples, sampleRate, label }`, `{ rows, label }` or `{ text, label }`
 * @param options `cell` (default "gru-reset-after"), `units` (64), `layers` (1), `bidirectional` (true), `pooling` ("mean", of texts
 *   "max"), `dropout` (0.2, of texts 0.5), `features` of sound, `columns` of numbers, `scaling` ("training"); of texts `tokens` ("words"),
 *   `embedding` (64), `minCount` (2), `maxVocabulary` (20000); `labels`, `seed` (0)
 * @throws InputError for wrong options, for sequences of several kinds, and for labels that are all the same
 * @example const digits = classifier(examples, { units: 96, features: { kind: "mfcc", deltas: 2 } });
 */
export function classifier(examples: readonly LabelledSequence[], options: ClassifierOptions = {}): Classifier {
  checkArguments("classifier", { examples, options }, classifierArguments);
  const { labels = labelsOf(examples), seed = 0 } = options;
  checkLabels(labels, examples);
  const input = inputFor(examples, options);
  const model = sequential(layersOf(options, input, labels.length), {
    ...(input.kind !== "text" && { input: widthOfInput(input) }),
    seed,
  });
  const lengths = examples.map((one, k) => vectorsOf(input, one, k).length).sort((a, b) => a - b);
  return { model, labels, input, steps: lengths[lengths.length >> 1] as number };
}

function layersOf(options: ClassifierOptions, input: ClassifierInput, classes: number): LayerSpec[] {
  const isOfText = input.kind === "text";
  const { cell = "gru-reset-after", units = 64, layers = 1, dropout = isOfText ? 0.5 : 0.2 } = options;
  const { pooling = isOfText ? "max" : "mean" } = options;
  const of = typeof cell === "string" ? lookUp<Cell>("classifier: cell", cell, cells) : cell;
  const { label = typeof cell === "string" ? cell.replaceAll("-", "_") : "recurrent" } = options;
  const drop = dropout > 0 ? [dropoutLayer(dropout)] : [];
  const recurs = Array.from({ length: layers }, (_, k) => {
    const layer = recurrent(of, { units, label, returnSequences: pooling !== "last" || k + 1 < layers });
    return [options.bidirectional === false ? layer : bidirectional(layer), ...drop];
  });
  const pool = pooling === "last" ? [] : [poolings[pooling]()];
  const reads = isOfText
    ? embedding(widthOfInput(input), options.embedding ?? 64, { maskZero: true })
    : masking({ maskValue: padding });
  return [reads, ...drop, ...recurs.flat(), ...pool, dense(classes)];
}

/** The labels of examples, sorted: numbers by their values, then texts. */
export const labelsOf = (examples: readonly LabelledSequence[]): string[] =>
  [...new Set(examples.map(({ label }) => label))].sort((a, b) =>
    /^\d+$/.test(a) && /^\d+$/.test(b) ? Number(a) - Number(b) : a < b ? -1 : 1,
  );

function checkLabels(labels: readonly string[], examples: readonly LabelledSequence[]): void {
  const double = labels.find((label, k) => labels.indexOf(label) < k);
  if (double !== undefined) throw new InputError(`classifier: labels has ${JSON.stringify(double)} twice`);
  if (labels.length < 2) {
    throw new InputError(
      `classifier: all ${examples.length} examples have the label ${JSON.stringify(labels[0])}. Give examples of at least 2 classes.`,
    );
  }
  const wrong = examples.findIndex(({ label }) => !labels.includes(label));
  if (wrong < 0) return;
  const { label } = examples[wrong] as LabelledSequence;
  throw new InputError(
    `classifier: ${nameOf(examples[wrong] as LabelledSequence, wrong)} has the label ${JSON.stringify(label)}, which labels does not have`,
  );
}

/** The options that are for one kind of sequence. */
const optionsOfKind = {
  sound: ["features", "scaling"],
  "rows of numbers": ["columns", "scaling"],
  "a text": ["tokens", "embedding", "minCount", "maxVocabulary"],
} as const satisfies Readonly<Record<string, readonly (keyof ClassifierOptions)[]>>;
const inPlural: Readonly<Record<string, string>> = { "a text": "texts" };

/** What these examples are. @throws InputError for sequences of several kinds, and options of another */
function inputFor(examples: readonly LabelledSequence[], options: ClassifierOptions): ClassifierInput {
  const [first] = examples as readonly [LabelledSequence];
  const kind = kindOf(first) as keyof typeof optionsOfKind;
  for (const [other, names] of Object.entries(optionsOfKind)) {
    const own: readonly string[] = optionsOfKind[kind];
    const odd = names.find((name) => options[name] !== undefined && !own.includes(name));
    if (odd === undefined) continue;
    throw new InputError(
      `classifier: ${odd} is for ${inPlural[other] ?? other}; these examples are ${inPlural[kind] ?? kind}`,
    );
  }
  const scaling = { kind: "none", mean: [], deviation: [] } as const;
  if (isText(first)) {
    const { tokens = "words", minCount = 2, maxVocabulary = 20_000 } = options;
    const texts = examples.map((one, k) => {
      if (isText(one)) return one.text;
      throw new InputError(`${nameOf(one, k)}: it is ${kindOf(one)}, and the examples before it are texts`);
    });
    return { kind: "text", vocabulary: vocabularyFor(texts, tokens, { minCount, maxVocabulary }), scaling };
  }
  const unscaled = unscaledInput(first, options);
  const all = examples.map((one, k) => featuresOf(unscaled, one, nameOf(one, k)));
  return { ...unscaled, scaling: scalingFor(options.scaling ?? "training", all) };
}
function unscaledInput(
  first: LabelledSequence & (Sound | NumberRows),
  { features, columns }: ClassifierOptions,
): ClassifierInput {
  const scaling = { kind: "none", mean: [], deviation: [] } as const;
  if (isSound(first)) {
    const complete = completeFeatures(features, "classifier: features");
    checkBands(complete, "classifier: features");
    return { kind: "audio", features: complete, scaling };
  }
  const width = columns?.length ?? (checkedRows(first, undefined, nameOf(first, 0))[0] as Float64Array).length;
  return { kind: "numbers", columns: columns ?? Array.from({ length: width }, (_, j) => `${j}`), scaling };
}
