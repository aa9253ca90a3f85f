/**
 * Every entry of the package with what it takes and calls that are right: what the fuzz damages and docs/options.md shows. An
 * entry that is missing here fails a test.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { csvLogger, csvLoggerArguments } from "../../src/callbacks/csv-logger.ts";
import { jsonLinesLogger, jsonLinesLoggerArguments } from "../../src/callbacks/json-lines-logger.ts";
import { modelCheckpoint, modelCheckpointArguments } from "../../src/callbacks/model-checkpoint.ts";
import { tensorBoard, tensorBoardArguments } from "../../src/callbacks/tensor-board.ts";
import { aFlatArray } from "../../src/data/arrays.ts";
import { secondsAtArguments } from "../../src/data/piece.ts";
import { padSequencesArguments, toCategoricalArguments } from "../../src/data/sequences.ts";
import { seriesOfTableArguments } from "../../src/data/series.ts";
import { timeseriesDatasetArguments, timeseriesGeneratorArguments } from "../../src/data/timeseries.ts";
import { connect, connectArguments } from "../../src/distributed/connect.ts";
import {
  abcTuneArguments,
  abcTunes,
  abcTunesArguments,
  checkAbc,
  cleanAbc,
  pieceOfAbc,
  pieceOfAbcArguments,
  transposeAbc,
  transposeAbcArguments,
} from "../../src/formats/abc.ts";
import {
  convertLabelsArguments,
  entitiesArguments,
  measureEntitiesArguments,
  parseConllArguments,
} from "../../src/formats/conll.ts";
import {
  parseCsv,
  parseCsvArguments,
  readCsv,
  readCsvArguments,
  writeCsv,
  writeCsvArguments,
} from "../../src/formats/csv.ts";
import { importModel, importModelArguments } from "../../src/formats/imported.ts";
import { writeKeras, writeKerasArguments } from "../../src/formats/keras/index.ts";
import * as labelled from "../../src/formats/labelled-files.ts";
import { readMidi, readMidiArguments, writeMidi, writeMidiArguments } from "../../src/formats/midi.ts";
import { readModel, writeModel, writeModelArguments } from "../../src/formats/model-file.ts";
import { musicFilesArguments, readMusicFiles } from "../../src/formats/music-files.ts";
import { writeOnnx, writeOnnxArguments } from "../../src/formats/onnx/index.ts";
import { writePytorchArguments } from "../../src/formats/pytorch/write.ts";
import { readPytorchTensors, readPytorchTensorsArguments, writePytorch } from "../../src/formats/pytorch.ts";
import { resample, resampleArguments } from "../../src/formats/resample.ts";
import {
  readSafetensors,
  readSafetensorsArguments,
  writeSafetensors,
  writeSafetensorsArguments,
} from "../../src/formats/safetensors.ts";
import { writeSource, writeSourceArguments } from "../../src/formats/source/index.ts";
import { textFile, textFileArguments } from "../../src/formats/text-file.ts";
import { readTextPairs, textPairsArguments } from "../../src/formats/text-pairs.ts";
import { writeTfjs, writeTfjsArguments } from "../../src/formats/tfjs/index.ts";
import { tokenFile, tokenFileArguments } from "../../src/formats/token-file.ts";
import {
  mixDown,
  mixDownArguments,
  readWav,
  readWavArguments,
  writeWav,
  writeWavArguments,
} from "../../src/formats/wav.ts";
import { cellRules } from "../../src/graph/cell.ts";
import {
  type Arguments,
  checkArguments,
  options as optionsOf,
  type Schema,
  string,
  wholeNumber,
} from "../../src/graph/schema.ts";
import * as unrolled from "../../src/index.ts";
import { crfArguments, viterbiArguments } from "../../src/nn/crf.ts";
import { inspectArguments } from "../../src/nn/inspection.ts";
import * as layers from "../../src/nn/layers.ts";
import { sequentialArguments } from "../../src/nn/model.ts";
import { aModel, layersOfModel, parametersOfModel } from "../../src/nn/model-checks.ts";
import { aSeed } from "../../src/nn/random.ts";
import { saliencyArguments } from "../../src/nn/saliency.ts";
import { sessionArguments } from "../../src/nn/session.ts";
import { traceArguments } from "../../src/nn/trace.ts";
import { engineNameArguments } from "../../src/runtime/engine-name.ts";
import { listenArguments } from "../../src/server/bind.ts";
import { createServer, listen, type Server } from "../../src/server/index.ts";
import { serverArguments } from "../../src/server/options.ts";
import { type SweepOptions, sweep } from "../../src/sweep/index.ts";
import { sweepArguments } from "../../src/sweep/options.ts";
import { sweepWorkerArguments } from "../../src/sweep/worker.ts";
import { beamSearchArguments } from "../../src/tasks/beam-search.ts";
import * as classifying from "../../src/tasks/classify.ts";
import { evaluateForecasterArguments } from "../../src/tasks/forecast/backtest.ts";
import { forecasterArguments } from "../../src/tasks/forecast/create.ts";
import { writeForecasterArguments } from "../../src/tasks/forecast/file.ts";
import { forecastArguments } from "../../src/tasks/forecast/predict.ts";
import { trainForecasterArguments } from "../../src/tasks/forecast/train.ts";
import { generateArguments, generateManyArguments, generateTokensArguments } from "../../src/tasks/generate.ts";
import * as task from "../../src/tasks/language-model.ts";
import * as musical from "../../src/tasks/music.ts";
import { openModel, openModelArguments } from "../../src/tasks/open-model.ts";
import * as tagging from "../../src/tasks/tag.ts";
import * as paths from "../../src/tasks/trajectories.ts";
import * as translators from "../../src/tasks/translate.ts";
import { readVocabularyArguments } from "../../src/tasks/vocabulary.ts";
import * as pairs from "../../src/text/byte-pair-encoding.ts";
import { englishWordsArguments } from "../../src/text/english-words.ts";
import { hashingArguments, oneHotArguments } from "../../src/text/hashing.ts";
import { tokenizerArguments, tokenizerFromJsonArguments, tokenizerRules } from "../../src/text/keras-tokenizer.ts";
import { createSampler, type Sampler, sample, sampleArguments, samplerArguments } from "../../src/text/sampling.ts";
import { samplingTableArguments, skipgramArguments } from "../../src/text/skipgrams.ts";
import { textVectorizationArguments, textVectorizationRules } from "../../src/text/text-vectorization.ts";
import {
  decode,
  decodeToken,
  encode,
  tokenizeArguments,
  trainTokenizer,
  vocabularySize,
} from "../../src/text/tokenizer.ts";
import { wordSequenceArguments } from "../../src/text/word-sequence.ts";
import {
  earlyStoppingRules,
  learningRateSchedulerArguments,
  reduceOnPlateauRules,
} from "../../src/train/built-in-callbacks.ts";
import { decoderArguments } from "../../src/train/decoder.ts";
import { bivariateMixtureRules } from "../../src/train/densities/bivariate.ts";
import { pathMixtureRules } from "../../src/train/densities/paths.ts";
import { densityRules, negativeBinomialRules, quantilesRules } from "../../src/train/densities/univariate.ts";
import { evaluateArguments } from "../../src/train/evaluate.ts";
import { evaluatorArguments } from "../../src/train/evaluator.ts";
import { fitArguments } from "../../src/train/fit.ts";
import { fitStreamArguments } from "../../src/train/fit-stream-options.ts";
import { updateInspectorArguments } from "../../src/train/inspect-update.ts";
import * as rates from "../../src/train/learning-rate-schedules.ts";
import { binaryCrossentropyRules, crossentropyRules, huberRules } from "../../src/train/losses.ts";
import { binaryAccuracyArguments, metricArguments } from "../../src/train/metrics.ts";
import { guardArguments } from "../../src/train/non-finite-guard.ts";
import * as optimizers from "../../src/train/optimizers.ts";
import { predictArguments, predictorArguments } from "../../src/train/predict.ts";
import { reduceLrOnPlateauArguments } from "../../src/train/reduce-on-plateau.ts";
import { streamArguments } from "../../src/train/stream.ts";
import { timeEnginesArguments } from "../../src/train/time-engines.ts";
import { trainerArguments } from "../../src/train/training-plan.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

/** What the package's own functions make: given whole or not at all, for what is in it is not checked again at each door. */
export const isMade = (value: unknown): boolean =>
  typeof value === "object" &&
  value !== null &&
  [
    "layers",
    "equations",
    "model",
    "kind",
    "uniform",
    "program",
    "fetch",
    "slots",
    "build",
    "idColumn",
    "lineOf",
    "tracks",
  ].some((name) => name in value);

export type Entry = {
  /** As its caller writes it; a method with its class. */
  readonly name: string;
  /** Its arguments by name, as the documentation shows them. */
  readonly rules?: Arguments;
  /** What the rules say of the last argument. */
  readonly call: (...args: never[]) => unknown;
  /** Arguments that are right, several times where an argument may be of several kinds. */
  readonly right: readonly (readonly unknown[])[];
  /** How many arguments may be left out, from the end. */
  readonly optional?: number;
  /** Kinds of value besides those of `right` that an argument (0) or an option (length) may have. */
  readonly also?: Readonly<Record<string, readonly string[]>>;
  /** Its last argument has names of the caller's own. */
  readonly byName?: boolean;
  /** It takes 64-bit whole numbers. */
  readonly bigints?: boolean;
  /** Whose values the call may change. */
  readonly trains?: unrolled.Model;
};

const { adam, dense, embedding, gru, input, lstm, sequential } = unrolled;
const onlyOptions = <T>(schema: Schema<T>): Arguments => ({ options: optionsOf<T>(schema) });
const folder = temporaryFolder();

/** Four steps of two tracks, and a model for three of them. */
const table = parseCsv(
  [
    "month,a,b",
    ...Array.from({ length: 24 }, (_, k) => `20${10 + Math.floor(k / 12)}-${1 + (k % 12)},${k},${k % 3}`),
  ].join("\n"),
  { name: "table.csv" },
);
const monthly = unrolled.seriesOfTable(table);
const fm = unrolled.forecaster(monthly, { horizon: 1, lookback: 2, units: 2, seed: 1 });
const tracks = unrolled.readTracks([0, 1, 2, 3].flatMap((t) => [`${t},a,${t},${t * t}`, `${t},b,${-t},0`]).join("\n"));
const textPairs = [
  { source: "ab", target: "ba" },
  { source: "bca", target: "acb" },
];
const reverser = unrolled.translator(textPairs, { units: 4, embedding: 2 });
const aTune = "X:1\nM:4/4\nL:1/4\nK:D\nA/B/cde|f4|]\n";
const aPiece = {
  ticksPerQuarter: 4,
  tempos: [{ tick: 0, microsecondsPerQuarter: 400_000 }],
  notes: [
    { pitch: 60, start: 0, duration: 4, velocity: 80, track: 0, channel: 0 },
    { pitch: 64, start: 4, duration: 8, velocity: 70, track: 0, channel: 0 },
  ],
};
const mm = unrolled.musicModel([aPiece], { units: 2, dropout: 0, seed: 1 });
const tm = unrolled.trajectoryModel(tracks, { seen: 2, predicted: 1, units: 2, hidden: 2, modes: 2, seed: 1 });
/** Tokens to classes, vectors to vectors, and a sequence to one vector. */
const words = sequential([embedding(5, 3), gru(3, { returnSequences: true }), dense(5)], { seed: 1 });
const sides = sequential(
  [
    input("tokens", { name: "a", time: "a" }),
    embedding(3, 2),
    gru(2, { name: "encoder" }),
    input("tokens", { name: "b", time: "b" }),
    embedding(4, 2),
    gru(2, { returnSequences: true, initialState: { from: "encoder" } }),
    dense(4),
  ],
  { seed: 1 },
);
const vectors = sequential([lstm(3), dense(2)], { input: 2, seed: 1 });
const last = sequential([lstm(3), dense(2)], { input: 2, seed: 1 });
const lm = unrolled.languageModel("abcab cabca", { units: 3, embedding: 2, seed: 1 });
const sounds = ["a", "b", "a", "b"].map((label) => ({
  ...{ samples: [0, 0.1, -0.1, 0.2], sampleRate: 1000, label, name: label, group: label },
}));
const rowsOfNumbers = ["a", "b", "a", "b"].map((label, k) => ({
  rows: [
    [k, 1],
    [2, 3],
  ],
  label,
}));
const sentences = ["a b", "b a", "a a"].map((text) => {
  const tokens = text.split(" ");
  return { tokens, labels: tokens.map((word) => (word === "a" ? "B-X" : "O")), name: text, lines: [1, 2] };
});
const labeller = unrolled.tagger(sentences, { input: "words", units: 2, embedding: 2 });
const texts = ["a b", "b a", "b b", "a a"].map((text, k) => ({ text, label: k % 2 === 0 ? "a" : "b" }));
const reader = unrolled.classifier(texts, { units: 2, embedding: 2, minCount: 1 });
const oneWay = { units: 2, bidirectional: false, features: { sampleRate: 1000, melBands: 2 } } as const;
const heard = unrolled.classifier(sounds, oneWay);
const counted = unrolled.classifier(rowsOfNumbers, { units: 2 });
writeFileSync(join(folder, "a.wav"), writeWav([0, 0.5], 8000));
writeFileSync(join(folder, "a.abc"), aTune);
writeFileSync(join(folder, "pairs.tsv"), "ab\tba\n");
writeFileSync(join(folder, "series.csv"), "id,label,a\n1,x,2\n");
writeFileSync(join(folder, "texts.csv"), "text,label\na b,x\n");
const x = [
  [1, 2, 3],
  [4, 0, 1],
];
const y = [
  [2, 3, 4],
  [0, 1, 2],
];
const xv = [
  [
    [0.1, 0.2],
    [0.3, 0.4],
  ],
  [
    [0.5, 0.6],
    [0.7, 0.8],
  ],
];
const yv = [
  [1, 0],
  [0, 1],
];
const tokens = Int32Array.from({ length: 60 }, (_, k) => k % 5);
const trainer = await unrolled.createTrainer(words, { batch: 2, steps: 3 });
const vectorTrainer = await unrolled.createTrainer(vectors, { batch: 2, steps: 2, loss: "mse" });
const watch = unrolled.createNonFiniteGuard(trainer);
const predictor = await unrolled.createPredictor(words, { batch: 2, steps: 3 });
const translator = unrolled.sequential([
  input("tokens", { name: "question", time: "asked" }),
  unrolled.embedding(5, 3),
  gru(3, { name: "encoder", returnSequences: true }),
  input("tokens", { name: "answer", time: "said" }),
  unrolled.embedding(5, 3),
  gru(3, { returnSequences: true }),
  unrolled.attention("encoder"),
]);
const decoder = await unrolled.createDecoder(translator, { batch: 2, steps: 3 });
await decoder.read([1, 2, 3, 4, 0, 1]);
decoder.begin();
const session = await unrolled.createSession(words);
const vectorSession = await unrolled.createSession(vectors);
const evaluator = await unrolled.createEvaluator(words, { batch: 2, steps: 3 });
const updateInspector = await unrolled.createUpdateInspector(words, { batch: 2, steps: 3 });
const random = unrolled.createRandom(1);
const encoding = unrolled.trainBytePairEncoding("ab ab ab abc", { vocabularySize: 260 });
const tokenizer = new unrolled.Tokenizer({ oovToken: "?" });
tokenizer.fitOnTexts(["a b", "a c"]);
const vectorization = new unrolled.TextVectorization();
vectorization.adapt(["a b", "a c"]);
const series = [1, 2, 3, 4, 5, 6, 7, 8];
const generator = new unrolled.TimeseriesGenerator(series, series, 2);
const bytes = task.writeLanguageModel(lm);
const modelFile = { model: words, extra: { note: "x" } };
const modelBytes = writeModel(modelFile);
const recurrentModel = unrolled.sequential([unrolled.gru(2)], { input: 1 });
const lstmModel = unrolled.sequential([unrolled.lstm(2)], { input: 1 });
/** A masked model, as Keras 3 wrote it. */
const kerasBytes = readFileSync(join(import.meta.dirname, "../fixtures/keras/masked-3.16.keras"));
const server: Server = await createServer({ lm });
const sampler: Sampler = createSampler({}, 4);
const separate = trainTokenizer("char", ["ab", "c"]);
const flat = { data: new Float32Array(6), shape: [2, 3] };
const callback = { onEpochEnd: (): void => {} };
const signal = new AbortController().signal;
const outputs = [0.1, 0.9, 0.8, 0.2];
writeFileSync(join(folder, "text"), "text");

/** Options of one training, whatever its data. */
const training = {
  ...{ optimizer: adam({ learningRate: 0.001 }), loss: "sparse_categorical_crossentropy", clipNorm: 1, clipValue: 1 },
  ...{ accumulate: 1, metrics: ["accuracy", "mse"].slice(0, 1), seed: 1, fma: true, threads: 1, precision: "f32" },
};
const sampling = {
  ...{ temperature: 0.8, topK: 3, topP: 0.9, minP: 0.01, repetitionPenalty: 1.1, repetitionWindow: 5 },
  ...{ frequencyPenalty: 0.1, presencePenalty: 0.1, logitBias: { 0: 1 } },
};
const writing = { ...sampling, length: 3, seed: 1, stop: "zz", signal, threads: 1 };
const names = { name: "one", reads: "other" };
const recurrent = {
  ...{ ...names, returnSequences: true, returnState: false, goBackwards: false, stateful: false },
  ...{
    zeroOutputForMask: false,
    initialState: "zeros",
    dropout: 0.1,
    recurrentDropout: 0.1,
    zoneout: 0.1,
    dropConnect: 0.1,
  },
};
const kindsOf = (layer: (units: number, options?: object) => unknown, name: string): Entry => ({
  name,
  rules: layers.layerArguments,
  call: layer,
  right: [
    [3, recurrent],
    [3, { initialState: { from: "other" }, zoneout: { h: 0.1 } }],
  ],
  optional: 1,
});
const merging = (layer: (of: readonly string[], options?: object) => unknown, name: string): Entry => ({
  name,
  rules: layers.mergeArguments,
  call: layer,
  right: [[["one", "two"], names]],
  optional: 1,
});
const metric = (measure: (...args: never[]) => number, name: string, classes: boolean): Entry => ({
  name,
  also: { mask: ["list", "any"] },
  rules: metricArguments,
  call: measure,
  right: [
    [outputs, classes ? [1, 0] : [0, 1, 1, 0], { features: 2, mask: [1, 0] }],
    [Float32Array.from(outputs), classes ? Int32Array.of(1, 0) : Float64Array.of(0, 1, 1, 0), { features: 2 }],
  ],
});
const rate = <T>(make: (options: never) => unknown, name: string, rules: Schema<T>, right: object): Entry => ({
  name,
  rules: onlyOptions(rules),
  call: make,
  right: [[right]],
});
const withDefaults = <T>(
  make: (options?: never) => unknown,
  name: string,
  rules: Schema<T>,
  ...right: readonly object[]
): Entry => ({ name, rules: onlyOptions(rules), call: make, right: right.map((one) => [one]), optional: 1 });
const decaying = { initialLearningRate: 0.1, decaySteps: 10 };
const textual = { filters: "!", lower: true, split: " " };
const adamNumbers = { learningRate: 0.01, beta1: 0.9, beta2: 0.99, epsilon: 1e-7 };

export const entries: readonly Entry[] = [
  // Cells and layers.
  {
    name: "cell",
    rules: { source: string, options: optionsOf<unrolled.Cell>(cellRules as never) },
    call: unrolled.cell,
    right: [["y = W @ a + k", { inputs: ["a"], settings: ["k"] }]],
    optional: 1,
    also: { "0": ["list"] },
  },
  {
    name: "input",
    rules: layers.inputArguments,
    call: input,
    right: [
      [3, { sequence: true, mask: false, ...names }],
      ["tokens", { mask: true }],
    ],
    optional: 1,
  },
  {
    name: "embedding",
    rules: layers.embeddingArguments,
    call: embedding,
    right: [[5, 4, { maskZero: true, ...names }]],
    optional: 1,
  },
  withDefaults(unrolled.globalAveragePooling1d, "globalAveragePooling1d", layers.poolingRules, { ...names }),
  withDefaults(unrolled.globalMaxPooling1d, "globalMaxPooling1d", layers.poolingRules, { ...names }),
  withDefaults(unrolled.layerNormalization, "layerNormalization", layers.normalizationRules, {
    epsilon: 0.001,
    ...names,
  }),
  {
    name: "conv1d",
    rules: layers.conv1dArguments,
    call: unrolled.conv1d,
    right: [[4, 3, { activation: "relu", padding: "causal", ...names }]],
    optional: 1,
  },
  {
    name: "attention",
    rules: layers.attentionArguments,
    call: unrolled.attention,
    right: [["encoder", { key: "keys", useScale: false, ...names }]],
    optional: 1,
  },
  {
    name: "additiveAttention",
    rules: layers.additiveAttentionArguments,
    call: unrolled.additiveAttention,
    right: [["encoder", { key: "keys", ...names }]],
    optional: 1,
  },
  {
    name: "attending",
    rules: layers.attendingArguments,
    call: unrolled.attending,
    right: [[unrolled.cells.gru, { score: "additive" }]],
    optional: 1,
  },
  withDefaults(unrolled.masking, "masking", layers.maskingRules, { maskValue: 0, ...names }),
  {
    name: "recurrent",
    rules: layers.recurrentArguments,
    call: unrolled.recurrent,
    right: [
      [unrolled.cells.lstm, { ...recurrent, units: 3, label: "cell", shared: { b_f: "other.b" } }],
      [unrolled.cells.gru, { units: 3, initialState: "learned", zoneout: { h: 0.1 } }],
      [unrolled.cells.gru, { units: 3, initialState: { from: ["a", "b"] } }],
    ],
    optional: 1,
  },
  kindsOf(lstm as never, "lstm"),
  kindsOf(gru as never, "gru"),
  kindsOf(unrolled.simpleRnn as never, "simpleRnn"),
  {
    name: "bidirectional",
    rules: layers.bidirectionalArguments,
    call: unrolled.bidirectional,
    right: [[lstm(3), { mergeMode: "sum", backward: gru(3), ...names }]],
    optional: 1,
  },
  merging(unrolled.concatenate as never, "concatenate"),
  merging(unrolled.add as never, "add"),
  merging(unrolled.multiply as never, "multiply"),
  merging(unrolled.average as never, "average"),
  {
    name: "repeatVector",
    rules: layers.repeatVectorArguments,
    call: unrolled.repeatVector,
    right: [[3, names]],
    optional: 1,
  },
  {
    name: "timeDistributed",
    rules: layers.timeDistributedArguments,
    call: unrolled.timeDistributed,
    right: [[dense(2)]],
  },
  {
    name: "dense",
    rules: layers.denseArguments,
    call: dense,
    right: [[3, { activation: "tanh", tied: "embedding", ...names }]],
    optional: 1,
  },
  {
    name: "dropout",
    rules: layers.dropoutArguments,
    call: unrolled.dropout,
    right: [[0.5, { locked: true, ...names }]],
    optional: 1,
  },
  // Models.
  {
    name: "sequential",
    rules: sequentialArguments,
    call: sequential,
    right: [[[lstm(3), dense(2)], { input: 2, seed: 1 }]],
    optional: 0,
  },
  { name: "countParameters", rules: { model: parametersOfModel }, call: unrolled.countParameters, right: [[words]] },
  { name: "summary", rules: { model: aModel }, call: unrolled.summary, right: [[words]] },
  { name: "layerSummaries", rules: { model: layersOfModel }, call: unrolled.layerSummaries, right: [[words]] },
  { name: "namedValues", rules: { model: aModel }, call: unrolled.namedValues, right: [[words]] },
  { name: "createRandom", rules: { seed: aSeed }, call: unrolled.createRandom, right: [[1]] },
  { name: "Random.integer", rules: { n: wholeNumber(1) }, call: (n) => random.integer(n), right: [[6]] },
  {
    name: "inspectModel",
    rules: inspectArguments,
    call: unrolled.inspectModel,
    right: [
      [words, [1, 2], { values: ["gru.h"], fma: true, threads: 1 }],
      [words, Int32Array.of(1, 2), {}],
    ],
    optional: 1,
    also: { "1": ["object", "map"] },
  },
  {
    name: "parseConll",
    rules: parseConllArguments,
    call: unrolled.parseConll,
    right: [
      ["a O\nb B-X\n", { name: "a.txt", tokenColumn: 1, labelColumn: 2, labelled: true }],
      [new TextEncoder().encode("a O"), {}],
    ],
    optional: 1,
  },
  { name: "markEntities", rules: entitiesArguments, call: unrolled.markEntities, right: [[["B-X", "O"]]] },
  { name: "entitiesOf", rules: entitiesArguments, call: unrolled.entitiesOf, right: [[["B-X", "O"]]] },
  {
    name: "convertLabels",
    rules: convertLabelsArguments,
    call: unrolled.convertLabels,
    right: [[["B-X", "O"], "IOBES"]],
  },
  {
    name: "misplacedLabel",
    rules: convertLabelsArguments,
    call: unrolled.misplacedLabel,
    right: [[["B-X", "O"], "IOB2"]],
  },
  {
    name: "measureEntities",
    rules: measureEntitiesArguments,
    call: unrolled.measureEntities,
    right: [[[["B-X", "O"]], [["B-X", "O"]]]],
  },
  {
    name: "crf",
    rules: crfArguments,
    call: unrolled.crf,
    right: [[{ labels: "labels" }], [{ labels: "labels", reads: "scores", name: "chain" }]],
  },
  {
    name: "viterbi",
    rules: viterbiArguments,
    call: unrolled.viterbi,
    right: [
      [
        [
          [1, 0],
          [0, 1],
        ],
        { T: [0, -1, -1, 0], start: [0, 0], end: [0, 0] },
      ],
    ],
  },
  {
    name: "saliency",
    rules: saliencyArguments,
    call: unrolled.saliency,
    right: [
      [words, [1, 2, 3], { start: { "gru.h": [0, 0, 0] }, fma: true, threads: 1 }],
      [words, Int32Array.of(1, 2), {}],
    ],
    optional: 1,
  },
  {
    name: "createSession",
    rules: sessionArguments,
    call: unrolled.createSession,
    right: [[words, { fma: true, threads: 1 }]],
    optional: 1,
  },
  {
    name: "engineNameFor",
    rules: engineNameArguments,
    call: unrolled.engineNameFor,
    right: [[{ engine: "wasm", fma: true, threads: 1 }], []],
    optional: 1,
  },
  { name: "Session.next of tokens", call: (token) => session.next(token), right: [[1]] },
  {
    name: "Session.next of vectors",
    call: (vector) => vectorSession.next(vector),
    right: [[[0.5, 1]], [Float32Array.of(1, 2)], [Float64Array.of(1, 2)]],
  },
  {
    name: "Session.restore",
    byName: true,
    call: (state) => session.restore(state),
    right: [[{ "gru.h": [0, 0.5, 1] }], [{ "gru.h": Float32Array.of(0, 0.5, 1) }]],
  },
  ...[unrolled.trace, unrolled.traceGradients].map((call, k) => ({
    name: k === 0 ? "trace" : "traceGradients",
    rules: traceArguments,
    call,
    right: [
      [unrolled.cells.gru, yv, { units: 2, parameters: { b_z: [1, 1] }, seed: 1, fma: true, threads: 1 }],
      [unrolled.cells.gru, [Float32Array.of(1, 2)], { units: 2 }],
    ],
  })),
  // Training.
  {
    name: "fit",
    rules: fitArguments,
    call: unrolled.fit,
    right: [
      [
        words,
        x,
        y,
        {
          ...{ ...training, epochs: 1, batchSize: 2, shuffle: true, validationSplit: 0, sampleWeight: [1, 2] },
          ...{ classWeight: { 1: 2 }, callbacks: [callback], learningRate: rates.constantRate(0.01), initialEpoch: 0 },
          ...{ resume: trainer.state(), signal },
        },
      ],
      [
        words,
        x,
        y,
        { optimizer: "sgd", validationData: { x, y, sampleWeight: [1, 1] }, loss: "sparseCategoricalCrossentropy" },
      ],
      [vectors, xv, yv, { loss: unrolled.huber(), clipNormEach: 1, metrics: ["mae"] }],
      [vectors, { data: new Float32Array(8), shape: [2, 2, 2] }, yv, { loss: "mae" }],
    ],
    optional: 1,
    trains: words,
  },
  {
    name: "evaluate",
    rules: evaluateArguments,
    call: unrolled.evaluate,
    right: [
      [
        words,
        x,
        y,
        { batchSize: 1, loss: training.loss, metrics: ["perplexity"], sampleWeight: [1, 2], fma: true, threads: 1 },
      ],
      [vectors, xv, yv, { loss: unrolled.huber() }],
    ],
    optional: 1,
  },
  {
    name: "predict",
    rules: predictArguments,
    call: unrolled.predict,
    right: [
      [
        words,
        x,
        {
          batchSize: 1,
          activation: "softmax",
          initialState: {
            "gru.h": [
              [0, 0, 0],
              [1, 1, 1],
            ],
          },
          fma: true,
          threads: 1,
        },
      ],
      [vectors, { data: new Float32Array(8), shape: [2, 2, 2] }, {}],
    ],
    optional: 1,
  },
  {
    name: "fitStream",
    rules: fitStreamArguments,
    call: unrolled.fitStream,
    right: [
      [
        words,
        tokens,
        {
          ...{ batch: 2, steps: 4, epochs: 1, optimizer: adam(), learningRate: rates.constantRate(0.01), clipNorm: 1 },
          ...{ clipValue: 1, seed: 1, validationSplit: 0.1, validations: 1, resume: trainer.state(), signal },
          ...{ onProgress: (): void => {}, fma: true, threads: 1 },
        },
      ],
      [words, tokens, { batch: 2, steps: 4, epochs: 0.5, optimizer: "adam" }],
    ],
    trains: words,
  },
  {
    name: "timeEngines",
    rules: timeEnginesArguments,
    call: unrolled.timeEngines,
    right: [
      [words, tokens.subarray(0, 6), tokens.subarray(1, 7), { batch: 2, steps: 3, engines: ["wasm"], budgetMs: 1 }],
    ],
  },
  {
    name: "createTrainer",
    rules: trainerArguments,
    call: unrolled.createTrainer,
    right: [
      [words, { ...training, batch: 2, steps: 3 }],
      [
        words,
        {
          batch: 1,
          steps: 1,
          optimizer: unrolled.nadam(),
          loss: unrolled.sparseCategoricalCrossentropy(),
          clipNormEach: 1,
        },
      ],
    ],
    trains: words,
  },
  {
    name: "Trainer.update of tokens",
    call: (...args: Parameters<unrolled.Trainer["update"]>) => trainer.update(...args),
    right: [
      [[1, 2, 3, 4, 0, 1], [2, 3, 4, 0, 1, 2], 0.001, { weights: [1, 1, 1, 1, 1, 1], examples: 1, last: true }],
      [Int32Array.of(1, 2, 3, 4, 0, 1), Int32Array.of(1, 2, 3, 4, 0, 1), 0.001],
      [{ tokens: [1, 2, 3, 4, 0, 1] }, [1, 2, 3, 4, 0, 1], 0.001],
    ],
    optional: 2,
    trains: words,
  },
  {
    name: "Trainer.update of vectors",
    call: (...args: Parameters<unrolled.Trainer["update"]>) => vectorTrainer.update(...args),
    right: [
      [[0, 1, 2, 3, 4, 5, 6, 7], [1, 2, 3, 4], 0.001, { weights: [1, 1] }],
      [{ x: new Float32Array(8) }, new Float32Array(4)],
    ],
    optional: 2,
    trains: vectors,
  },
  { name: "Trainer.restore", byName: true, call: (state) => trainer.restore(state), right: [[trainer.state()]] },
  { name: "createNonFiniteGuard", rules: guardArguments, call: unrolled.createNonFiniteGuard, right: [[trainer]] },
  { name: "createWatch", rules: guardArguments, call: unrolled.createWatch, right: [[trainer]] },
  {
    name: "Watch.update",
    call: (given, learningRate) => watch.update(given, learningRate),
    right: [
      [
        {
          inputs: [1, 2, 3, 4, 0, 1],
          targets: [1, 2, 3, 4, 0, 1],
          weights: [1, 1, 1, 1, 1, 1],
          examples: 2,
          rows: [0, 1],
          last: true,
        },
        0.001,
      ],
    ],
    optional: 1,
    trains: words,
  },
  {
    name: "createPredictor",
    rules: predictorArguments,
    call: unrolled.createPredictor,
    right: [[words, { batch: 2, steps: 3, activation: "linear", fma: true, threads: 1 }]],
    also: { steps: ["list"] },
  },
  {
    name: "Predictor.predict",
    call: (...args: Parameters<unrolled.Predictor["predict"]>) => predictor.predict(...args),
    right: [
      [[1, 2, 3, 4, 0, 1], { initialState: { "gru.h": [0, 1, 2, 3, 4, 5] } }],
      [{ tokens: Int32Array.of(1, 2, 3, 4, 0, 1) }],
    ],
    optional: 1,
  },
  {
    name: "createDecoder",
    rules: decoderArguments,
    call: unrolled.createDecoder,
    right: [
      [translator, { batch: 2, steps: 3, questions: 2, values: [], fma: true, threads: 1 }],
      [translator, { batch: 2, steps: [3] }],
    ],
  },
  {
    name: "Decoder.read",
    call: (...args: Parameters<unrolled.Decoder["read"]>) => decoder.read(...args),
    right: [[[1, 2, 3, 4, 0, 1]]],
  },
  {
    name: "Decoder.begin",
    call: (...args: Parameters<unrolled.Decoder["begin"]>) => decoder.begin(...args),
    right: [[[0, 1]]],
    optional: 1,
  },
  {
    name: "Decoder.next",
    call: (...args: Parameters<unrolled.Decoder["next"]>) => decoder.next(...args),
    right: [[[1, 2]]],
    optional: 1,
  },
  {
    name: "Decoder.continueFrom",
    call: (...args: Parameters<unrolled.Decoder["continueFrom"]>) => decoder.continueFrom(...args),
    right: [[[0, 1]]],
  },
  {
    name: "createEvaluator",
    rules: evaluatorArguments,
    call: unrolled.createEvaluator,
    right: [[words, { batch: 2, steps: 3, fma: true, threads: 1 }]],
  },
  {
    name: "Evaluator.loss",
    call: (...args: Parameters<unrolled.Evaluator["loss"]>) => evaluator.loss(...args),
    right: [[tokens, async () => {}]],
    optional: 1,
  },
  {
    name: "createUpdateInspector",
    rules: updateInspectorArguments,
    call: unrolled.createUpdateInspector,
    right: [[words, { batch: 2, steps: 3, loss: "sparse_categorical_crossentropy", fma: true, threads: 1 }]],
  },
  {
    name: "UpdateInspector.look",
    call: (...args: Parameters<unrolled.UpdateInspector["look"]>) => updateInspector.look(...args),
    right: [
      [
        [1, 2, 3, 4, 0, 1],
        [2, 3, 4, 0, 1, 2],
        [0, 1, 0, 1, 1, 1],
      ],
      [Int32Array.of(1, 2, 3, 4, 0, 1), Int32Array.of(1, 2, 3, 4, 0, 1)],
    ],
    optional: 1,
  },
  {
    name: "streamBatches",
    rules: streamArguments,
    call: unrolled.streamBatches,
    right: [[tokens, { batch: 2, steps: 4 }]],
  },
  {
    name: "Batches.at",
    call: (k, offset) => unrolled.streamBatches(tokens, { batch: 2, steps: 4 }).at(k, offset),
    right: [[0, 1]],
    optional: 1,
  },
  // Optimisers, losses, metrics, rates, callbacks.
  withDefaults(unrolled.sgd, "sgd", optimizers.sgdRules, { learningRate: 0.1, momentum: 0.9, nesterov: true }),
  withDefaults(unrolled.rmsprop, "rmsprop", optimizers.rmspropRules, {
    learningRate: 0.1,
    rho: 0.9,
    momentum: 0.1,
    epsilon: 1e-7,
    centered: true,
  }),
  withDefaults(adam, "adam", optimizers.adamRules, adamNumbers),
  withDefaults(
    unrolled.adamW,
    "adamW",
    optimizers.adamWRules,
    { ...adamNumbers, weightDecay: 0.01 },
    { weightDecay: { gru: 0.1 } },
    { weightDecay: () => 0 },
  ),
  withDefaults(unrolled.nadam, "nadam", optimizers.adamRules, adamNumbers),
  withDefaults(
    unrolled.asgd,
    "asgd",
    optimizers.asgdRules,
    { learningRate: 0.1, averageFrom: 3, weightDecay: 0.1 },
    { averageFrom: () => 1, weightDecay: { gru: 1 } },
    { weightDecay: () => 0 },
  ),
  withDefaults(unrolled.sparseCategoricalCrossentropy, "sparseCategoricalCrossentropy", crossentropyRules, {
    labelSmoothing: 0.1,
  }),
  withDefaults(unrolled.categoricalCrossentropy, "categoricalCrossentropy", crossentropyRules, { labelSmoothing: 0.1 }),
  withDefaults(unrolled.binaryCrossentropy, "binaryCrossentropy", binaryCrossentropyRules, {
    labelSmoothing: 0.1,
    features: "sum",
  }),
  withDefaults(unrolled.huber, "huber", huberRules, { delta: 2 }),
  withDefaults(unrolled.bivariateMixture, "bivariateMixture", bivariateMixtureRules, { components: 2, stroke: true }),
  {
    name: "pathMixture",
    rules: onlyOptions(pathMixtureRules),
    call: unrolled.pathMixture,
    right: [[{ modes: 2, steps: 3 }]],
  },
  withDefaults(unrolled.gaussian, "gaussian", densityRules, { targets: 2 }),
  withDefaults(unrolled.studentT, "studentT", densityRules, { targets: 2 }),
  withDefaults(unrolled.negativeBinomial, "negativeBinomial", negativeBinomialRules, { targets: 2, scale: 3 }),
  {
    name: "quantiles",
    rules: onlyOptions(quantilesRules),
    call: unrolled.quantiles,
    right: [[{ levels: [0.1, 0.9], targets: 2 }]],
  },
  metric(unrolled.sparseCategoricalAccuracy as never, "sparseCategoricalAccuracy", true),
  metric(unrolled.categoricalAccuracy as never, "categoricalAccuracy", false),
  metric(unrolled.meanAbsoluteError as never, "meanAbsoluteError", false),
  metric(unrolled.perplexity as never, "perplexity", true),
  {
    name: "binaryAccuracy",
    also: { mask: ["list", "any"] },
    rules: binaryAccuracyArguments,
    call: unrolled.binaryAccuracy,
    right: [[outputs, [0, 1, 1, 0], { features: 2, threshold: 0.5, mask: [true, false] }]],
  },
  { name: "constantRate", rules: rates.constantRateArguments, call: unrolled.constantRate, right: [[0.1]] },
  rate(unrolled.exponentialDecay, "exponentialDecay", rates.stairRules, {
    ...decaying,
    decayRate: 0.9,
    staircase: true,
  }),
  rate(unrolled.inverseTimeDecay, "inverseTimeDecay", rates.stairRules, {
    ...decaying,
    decayRate: 0.9,
    staircase: true,
  }),
  rate(unrolled.stepDecay, "stepDecay", rates.stepDecayRules, { initialLearningRate: 0.1, every: 10, factor: 0.5 }),
  rate(unrolled.polynomialDecay, "polynomialDecay", rates.polynomialDecayRules, {
    ...decaying,
    endLearningRate: 0.01,
    power: 2,
    cycle: true,
  }),
  rate(unrolled.cosineDecay, "cosineDecay", rates.cosineDecayRules, {
    ...decaying,
    alpha: 0.1,
    warmupTarget: 0.2,
    warmupSteps: 5,
  }),
  rate(unrolled.linearWarmup, "linearWarmup", rates.linearWarmupRules, {
    initialLearningRate: 0,
    warmupSteps: 5,
    after: rates.constantRate(0.1),
  }),
  rate(unrolled.piecewiseConstantDecay, "piecewiseConstantDecay", rates.piecewiseConstantDecayRules, {
    boundaries: [10],
    values: [0.1, 0.2],
  }),
  rate(unrolled.oneCycle, "oneCycle", rates.oneCycleRules, {
    ...{ maxLearningRate: 0.1, totalSteps: 100, pctStart: 0.3, annealStrategy: "linear", divFactor: 10 },
    ...{ finalDivFactor: 100, threePhase: true },
  }),
  {
    name: "reduceLrOnPlateau",
    also: { "1": ["nan"] },
    rules: reduceLrOnPlateauArguments,
    call: unrolled.reduceLrOnPlateau,
    right: [
      [
        { learningRate: 0.1, best: 1, wait: 1, cooldown: 0 },
        0.5,
        { factor: 0.5, patience: 2, mode: "min", minDelta: 0, cooldown: 1, minLr: 0 },
      ],
    ],
    optional: 1,
  },
  withDefaults(unrolled.earlyStopping, "earlyStopping", earlyStoppingRules, {
    ...{
      monitor: "loss",
      mode: "min",
      minDelta: 0,
      patience: 1,
      baseline: 1,
      restoreBestWeights: true,
      startFromEpoch: 0,
    },
  }),
  withDefaults(unrolled.reduceOnPlateau, "reduceOnPlateau", reduceOnPlateauRules, {
    ...{ monitor: "loss", mode: "min", factor: 0.5, patience: 2, minDelta: 0, cooldown: 1, minLr: 0 },
  }),
  {
    name: "learningRateScheduler",
    rules: learningRateSchedulerArguments,
    call: unrolled.learningRateScheduler,
    right: [[(_: number, before: number) => before]],
  },
  {
    name: "csvLogger",
    rules: csvLoggerArguments,
    call: csvLogger,
    right: [[join(folder, "log.csv"), { separator: ";", append: true }]],
    optional: 1,
  },
  {
    name: "jsonLinesLogger",
    rules: jsonLinesLoggerArguments,
    call: jsonLinesLogger,
    right: [[join(folder, "log.jsonl"), { append: true }]],
    optional: 1,
  },
  {
    name: "modelCheckpoint",
    rules: modelCheckpointArguments,
    call: modelCheckpoint,
    right: [
      [
        join(folder, "model"),
        {
          monitor: "loss",
          mode: "min",
          saveBestOnly: true,
          saveFreq: "epoch",
          initialValueThreshold: 1,
          withTraining: false,
          extra: { note: 1 },
        },
      ],
      [join(folder, "model"), { saveFreq: 2 }],
    ],
    optional: 1,
  },
  {
    name: "tensorBoard",
    rules: tensorBoardArguments,
    call: tensorBoard,
    right: [
      [folder, { updateFreq: "batch" }],
      [folder, { updateFreq: 2 }],
    ],
    optional: 1,
  },
  // Music.
  {
    name: "musicModel",
    rules: musical.musicModelArguments,
    call: unrolled.musicModel,
    right: [
      [[aPiece], { form: "events", stepsPerQuarter: 2, cell: "gru", units: 2, layers: 1, dropout: 0, seed: 1 }],
      [[aPiece, aPiece], { form: "roll", units: 2 }],
    ],
    optional: 1,
  },
  {
    name: "trainMusic",
    rules: musical.trainMusicArguments,
    call: unrolled.trainMusic,
    right: [
      [
        mm,
        [aPiece, aPiece],
        {
          ...{ epochs: 1, batchSize: 1, steps: 4, learningRate: 0.01, validationSplit: 0.5, transpose: 1, seed: 1 },
          ...{ threads: 1, onEpoch: () => {} },
        },
      ],
    ],
    optional: 1,
    trains: mm.model,
  },
  {
    name: "evaluateMusic",
    rules: musical.evaluateMusicArguments,
    call: unrolled.evaluateMusic,
    right: [[mm, [aPiece], { threads: 1 }]],
    optional: 1,
  },
  {
    name: "generateMusic",
    rules: musical.generateMusicArguments,
    call: unrolled.generateMusic,
    right: [[mm, { length: 1, prime: aPiece, hold: [60], seed: 1, temperature: 0.5, topK: 3, threads: 1 }]],
    optional: 1,
  },
  {
    name: "writeMusicModel",
    rules: musical.writeMusicModelArguments,
    call: unrolled.writeMusicModel,
    right: [[mm]],
  },
  {
    name: "readMusicModel",
    rules: readSafetensorsArguments,
    call: unrolled.readMusicModel,
    right: [[unrolled.writeMusicModel(mm), "model"]],
    optional: 1,
  },
  // Translators.
  {
    name: "translatorFrom",
    rules: translators.translatorFromArguments,
    call: unrolled.translatorFrom,
    right: [[sides, { source: ["a", "b", "c"], target: ["<", ">", "A", "B"], start: "<", end: ">", longest: 9 }]],
  },
  {
    name: "translator",
    rules: translators.translatorArguments,
    call: unrolled.translator,
    right: [
      [
        textPairs,
        {
          tokens: "char",
          cell: "gru",
          units: 4,
          layers: 1,
          embedding: 2,
          attention: "dot",
          bidirectional: true,
          dropout: 0,
          seed: 1,
        },
      ],
    ],
    optional: 1,
  },
  {
    name: "trainTranslator",
    rules: translators.trainTranslatorArguments,
    call: unrolled.trainTranslator,
    right: [
      [
        reverser,
        textPairs,
        {
          ...{
            epochs: 1,
            batchSize: 2,
            learningRate: 0.01,
            weightDecay: 0,
            clipNorm: 1,
            labelSmoothing: 0,
            patience: 1,
          },
          ...{ validation: 0, seed: 1, onEpoch: () => {}, fma: true, threads: 1 },
        },
      ],
    ],
    optional: 1,
    trains: reverser.model,
  },
  {
    name: "translate",
    rules: translators.translateArguments,
    call: unrolled.translate,
    right: [[reverser, ["ab"], { beams: 2, lengthPenalty: 0.5, length: 3, attention: true }]],
    optional: 1,
  },
  {
    name: "evaluateTranslator",
    rules: translators.evaluateTranslatorArguments,
    call: unrolled.evaluateTranslator,
    right: [[reverser, textPairs, { beams: 1 }]],
    optional: 1,
  },
  {
    name: "writeTranslator",
    rules: translators.writeTranslatorArguments,
    call: unrolled.writeTranslator,
    right: [[reverser, { dtype: "f32" }]],
    optional: 1,
  },
  {
    name: "readTranslator",
    call: unrolled.readTranslator,
    right: [[unrolled.writeTranslator(reverser), "model"]],
    optional: 1,
  },
  // Trajectories.
  {
    name: "readTracks",
    rules: paths.readTracksArguments,
    call: unrolled.readTracks,
    right: [
      ["frame,id,x,y\n0,a,1,2\n2,a,2,3", { name: "t.csv", frame: "frame", id: "id", x: "x", y: "y", step: 2 }],
      [parseCsv('frame,id,x,y\n0,"a,b",1,2\n2,"a,b",2,3')],
    ],
    optional: 1,
  },
  {
    name: "cutTracks",
    rules: paths.cutTracksArguments,
    call: unrolled.cutTracks,
    right: [[tracks, { from: 1, below: 3, every: 1 }]],
    optional: 1,
  },
  {
    name: "trajectoryModel",
    also: { "0": ["list"] },
    rules: paths.trajectoryModelArguments,
    call: unrolled.trajectoryModel,
    right: [
      [
        tracks,
        {
          ...{ seen: 2, predicted: 1, form: "direct", modes: 2, units: 2, hidden: 2, dropout: 0.1, heading: true },
          seed: 1,
        },
      ],
    ],
    optional: 1,
  },
  {
    name: "trainTrajectories",
    also: { "1": ["list"], validation: ["list", "any"] },
    rules: paths.trainTrajectoriesArguments,
    call: unrolled.trainTrajectories,
    right: [
      [
        tm,
        tracks,
        {
          ...{ epochs: 1, batchSize: 2, learningRate: 0.01, weightDecay: 0, validation: tracks, validationSplit: 0 },
          ...{ rotations: true, flips: true, reversals: true, stride: 1, seed: 1, threads: 1, callbacks: [] },
        },
      ],
    ],
    optional: 1,
    trains: tm.model,
  },
  {
    name: "predictTrajectories",
    also: { "1": ["list"] },
    rules: paths.predictTrajectoriesArguments,
    call: unrolled.predictTrajectories,
    right: [[tm, tracks, { futures: 2, sample: true, path: "mean", bias: 0, seed: 1, threads: 1 }]],
    optional: 1,
  },
  {
    name: "evaluateTrajectories",
    also: { "1": ["list"] },
    rules: paths.evaluateTrajectoriesArguments,
    call: unrolled.evaluateTrajectories,
    right: [[tm, tracks, { futures: 2, sample: true, path: "mean", bias: 0, seed: 1, threads: 1 }]],
    optional: 1,
  },
  {
    name: "writeTrajectoryModel",
    rules: paths.writeTrajectoryModelArguments,
    call: unrolled.writeTrajectoryModel,
    right: [[tm]],
  },
  {
    name: "readTrajectoryModel",
    rules: readSafetensorsArguments,
    call: unrolled.readTrajectoryModel,
    right: [[unrolled.writeTrajectoryModel(tm), "model"]],
    optional: 1,
  },
  // Language models.
  {
    name: "languageModel",
    also: { "0": ["list"] },
    rules: task.languageModelArguments,
    call: unrolled.languageModel,
    right: [
      [
        "ab c ab c ab",
        {
          cell: "gru",
          units: 3,
          layers: 1,
          embedding: 2,
          dropout: 0.1,
          tokens: "word",
          maxVocabulary: 300,
          seed: 1,
          training: { batch: 1, steps: 2, validationSplit: 0 },
        },
      ],
      ["abcab", { cell: unrolled.cells.gru, units: 3 }],
    ],
    optional: 1,
  },
  {
    name: "languageModelFrom",
    rules: task.languageModelFromArguments,
    call: unrolled.languageModelFrom,
    right: [
      [words, { vocabulary: ["a", "b", "c", "d", "<unk>"] }],
      [last, { vocabulary: ["a", "b"], window: 3 }],
    ],
  },
  {
    name: "openModel",
    rules: openModelArguments,
    call: openModel,
    right: [[{ bytes, name: "model.safetensors" }]],
  },
  {
    name: "readVocabulary",
    rules: readVocabularyArguments,
    call: unrolled.readVocabulary,
    right: [['["a", "b"]', "tokens.json"]],
    optional: 1,
  },
  {
    name: "trainLanguageModel",
    rules: task.trainArguments,
    call: unrolled.trainLanguageModel,
    right: [
      [lm, "abcab cabca abcab", { batch: 2, steps: 3, epochs: 1, optimizer: "adam", validationSplit: 0, threads: 1 }],
    ],
    trains: lm.model,
  },
  {
    name: "evaluateLanguageModel",
    rules: task.evaluateArguments,
    call: unrolled.evaluateLanguageModel,
    right: [[lm, "abcab"]],
  },
  {
    name: "writeLanguageModel",
    rules: task.writeLanguageModelArguments,
    call: unrolled.writeLanguageModel,
    right: [[lm]],
  },
  {
    name: "readLanguageModel",
    rules: readSafetensorsArguments,
    call: unrolled.readLanguageModel,
    right: [[bytes, "model"]],
    optional: 1,
  },
  {
    name: "generate",
    rules: generateArguments,
    call: unrolled.generate,
    right: [
      [lm, { ...writing, prompt: "ab" }],
      [lm, { prompt: [1, 2], stop: ["a"], length: 2 }],
    ],
    optional: 1,
  },
  // Classifiers.
  {
    name: "classifier",
    rules: classifying.classifierArguments,
    call: unrolled.classifier,
    right: [
      [
        sounds,
        {
          ...{
            cell: "gru",
            units: 2,
            label: "layer",
            layers: 1,
            bidirectional: true,
            pooling: "max",
            dropout: 0.1,
            seed: 1,
          },
          ...{ scaling: "training", labels: ["b", "a"] },
          features: {
            ...{
              sampleRate: 1000,
              kind: "mfcc",
              frameLength: 25,
              hopLength: 10,
              fftSize: 32,
              melBands: 4,
              coefficients: 3,
            },
            ...{ lowHz: 10, highHz: 400, floor: 1e-9, deltas: 1 },
          },
        },
      ],
      [rowsOfNumbers, { columns: ["a", "b"], cell: unrolled.cells.gru, units: 2 }],
      [texts, { tokens: "words", embedding: 2, minCount: 1, maxVocabulary: 300, units: 2 }],
    ],
    optional: 1,
  },
  {
    name: "tagger",
    rules: tagging.taggerArguments,
    call: unrolled.tagger,
    right: [
      [
        sentences,
        {
          ...{ input: "words+characters", crf: true, cell: "gru", units: 2, label: "layer", layers: 1, embedding: 2 },
          ...{ filters: 2, dropout: 0.1, minCount: 1, maxVocabulary: 300, labels: ["O", "B-X"], seed: 1 },
        },
      ],
      [sentences, { cell: unrolled.cells.gru, units: 2, input: "words" }],
    ],
    optional: 1,
  },
  {
    name: "trainTagger",
    rules: tagging.trainTaggerArguments,
    call: unrolled.trainTagger,
    trains: labeller.model,
    right: [
      [
        labeller,
        sentences,
        {
          ...{ epochs: 1, batchSize: 2, learningRate: 0.01, weightDecay: 0.1, clipNorm: 1, wordDropout: 0.1 },
          ...{ validation: 0.5, patience: 2, seed: 1, onEpoch: () => {}, signal, threads: 1 },
        },
      ],
      [labeller, sentences, { epochs: 1, validation: sentences }],
    ],
    optional: 1,
  },
  {
    name: "evaluateTagger",
    rules: tagging.evaluateTaggerArguments,
    call: unrolled.evaluateTagger,
    right: [[labeller, sentences, { batchSize: 2, threads: 1 }]],
    optional: 1,
  },
  {
    name: "tag",
    rules: tagging.tagArguments,
    call: unrolled.tag,
    right: [[labeller, [["a", "b"]], { batchSize: 2, threads: 1 }]],
    optional: 1,
  },
  {
    name: "explainTag",
    rules: tagging.explainTagArguments,
    call: unrolled.explainTag,
    right: [[labeller, ["a", "b"], 1, { threads: 1 }]],
    optional: 1,
  },
  { name: "writeTagger", rules: tagging.writeTaggerArguments, call: unrolled.writeTagger, right: [[labeller]] },
  {
    name: "readTagger",
    rules: readSafetensorsArguments,
    call: unrolled.readTagger,
    right: [[unrolled.writeTagger(labeller), "a.safetensors"]],
    optional: 1,
  },
  {
    name: "trainClassifier",
    rules: classifying.trainClassifierArguments,
    call: unrolled.trainClassifier,
    trains: counted.model,
    right: [
      [
        counted,
        rowsOfNumbers,
        {
          ...{
            epochs: 1,
            batchSize: 2,
            learningRate: 0.01,
            decay: "none",
            weightDecay: 0.1,
            clipNorm: 1,
            labelSmoothing: 0.1,
          },
          ...{ classWeight: "balanced", validation: 0.5, patience: 2, seed: 1, onEpoch: () => {}, signal, threads: 1 },
          augment: {
            ...{ shiftMs: 1, gainDb: 1, noise: 0.1, speed: 0.1, featureNoise: 0.1, featureShift: 0.1 },
            ...{ timeMasks: 1, timeMaskShare: 0.1, featureMasks: 1, featureMaskShare: 0.5, tokenDropout: 0.1 },
          },
        },
      ],
      [counted, rowsOfNumbers, { epochs: 1, validation: rowsOfNumbers, classWeight: { a: 2 } }],
    ],
    optional: 1,
  },
  {
    name: "evaluateClassifier",
    rules: classifying.evaluateClassifierArguments,
    call: unrolled.evaluateClassifier,
    right: [[heard, sounds, { batchSize: 2, threads: 1 }]],
    optional: 1,
  },
  {
    name: "classify",
    rules: classifying.classifyArguments,
    call: unrolled.classify,
    right: [[heard, [{ samples: [0, 0.1], sampleRate: 1000 }], { frames: true, batchSize: 2, threads: 1 }]],
    optional: 1,
  },
  {
    name: "explainText",
    rules: classifying.explainTextArguments,
    call: unrolled.explainText,
    right: [[reader, "a b", { threads: 1 }]],
    optional: 1,
  },
  {
    name: "detect",
    rules: classifying.detectArguments,
    call: unrolled.detect,
    right: [
      [
        heard,
        { samples: [0, 0.1], sampleRate: 1000 },
        { window: 0.1, hop: 0.05, threshold: 0.5, least: 1, ignore: ["a"], threads: 1 },
      ],
    ],
    optional: 1,
  },
  {
    name: "classifySession",
    rules: classifying.classifySessionArguments,
    call: unrolled.classifySession,
    right: [[heard, { threads: 1, values: ["gru_reset_after.z"] }]],
    optional: 1,
  },
  {
    name: "writeClassifier",
    rules: classifying.writeClassifierArguments,
    call: unrolled.writeClassifier,
    right: [[heard, { dtype: "f16" }]],
    optional: 1,
  },
  {
    name: "readClassifier",
    rules: readSafetensorsArguments,
    call: unrolled.readClassifier,
    right: [[unrolled.writeClassifier(heard), "heard.safetensors"]],
    optional: 1,
  },
  {
    name: "audioFeatures",
    rules: classifying.featuresArguments,
    call: unrolled.audioFeatures,
    right: [[[0, 0.1, 0.2], { sampleRate: 1000, melBands: 4 }]],
    optional: 1,
  },
  {
    name: "readWav",
    rules: readWavArguments,
    call: readWav,
    right: [[writeWav([0, 0.5], 8000), "a.wav"]],
    optional: 1,
  },
  {
    name: "mixDown",
    rules: mixDownArguments,
    call: mixDown,
    right: [[{ sampleRate: 8000, channels: [Float32Array.of(0, 1), Float32Array.of(1, 0)] }]],
  },
  { name: "writeWav", rules: writeWavArguments, call: writeWav, right: [[[0, 0.5], 8000]] },
  {
    name: "readMidi",
    rules: readMidiArguments,
    call: readMidi,
    right: [[writeMidi(aPiece), "a.mid", { repair: true }]],
    optional: 2,
  },
  { name: "abcTunes", rules: abcTunesArguments, call: abcTunes, right: [[aTune]] },
  { name: "checkAbc", rules: abcTuneArguments, call: checkAbc, right: [[aTune], [{ text: aTune, line: 3 }]] },
  { name: "cleanAbc", rules: abcTuneArguments, call: cleanAbc, right: [[aTune]] },
  { name: "transposeAbc", rules: transposeAbcArguments, call: transposeAbc, right: [[aTune, 2]] },
  {
    name: "pieceOfAbc",
    rules: pieceOfAbcArguments,
    call: pieceOfAbc,
    right: [[aTune, { tempo: 90 }, "a.abc"]],
    optional: 2,
  },
  {
    name: "readTextPairs",
    rules: textPairsArguments,
    call: readTextPairs,
    right: [[[join(folder, "pairs.tsv")]]],
  },
  {
    name: "readMusicFiles",
    rules: musicFilesArguments,
    call: readMusicFiles,
    right: [[[join(folder, "a.abc")], { repair: true }]],
    optional: 1,
  },
  {
    name: "writeOnnx",
    rules: writeOnnxArguments,
    call: writeOnnx,
    right: [[vectors], [vectors, { form: "steps", dtype: "int8", plain: true }]],
  },
  { name: "writeSource", rules: writeSourceArguments, call: writeSource, right: [[vectors, { language: "c" }]] },
  { name: "writeMidi", rules: writeMidiArguments, call: writeMidi, right: [[aPiece]] },
  { name: "secondsAt", rules: secondsAtArguments, call: unrolled.secondsAt, right: [[aPiece, 3]] },
  { name: "resample", rules: resampleArguments, call: resample, right: [[[0, 0.5, 1], 8000, 4000]] },
  {
    name: "readLabelled",
    rules: labelled.labelledFilesArguments,
    call: labelled.readLabelled,
    right: [[join(folder, "series.csv")], [join(folder, "texts.csv"), { text: "text", label: "label" }]],
    optional: 1,
  },
  {
    name: "readTextColumn",
    rules: labelled.labelledFilesArguments,
    call: labelled.readTextColumn,
    right: [[join(folder, "texts.csv"), { text: "text", label: "label" }]],
    optional: 1,
  },
  {
    name: "readTextLines",
    rules: labelled.pathArguments,
    call: labelled.readTextLines,
    right: [[join(folder, "texts.csv")]],
  },
  {
    name: "readTextFiles",
    rules: labelled.pathsArguments,
    call: labelled.readTextFiles,
    right: [[[join(folder, "texts.csv"), join(folder, "series.csv")]]],
  },
  {
    name: "readRecording",
    rules: labelled.pathArguments,
    call: labelled.readRecording,
    right: [[join(folder, "a.wav")]],
  },
  {
    name: "readSeries",
    rules: labelled.pathArguments,
    call: labelled.readSeries,
    right: [[join(folder, "series.csv")]],
  },
  {
    name: "generateTokens",
    rules: generateTokensArguments,
    call: unrolled.generateTokens,
    right: [
      [lm, { ...writing, prompt: "ab", logProbabilities: 2 }],
      [lm, { prompt: Int32Array.of(1), stop: ["a"], length: 2 }],
    ],
    optional: 1,
  },
  {
    name: "generateMany",
    rules: generateManyArguments,
    call: unrolled.generateMany,
    right: [
      [lm, ["ab", [1]], { ...writing, batch: 2, logProbabilities: 1 }],
      [lm, ["a"], { stop: ["a"], length: 2 }],
    ],
    optional: 1,
  },
  {
    name: "beamSearch",
    rules: beamSearchArguments,
    call: unrolled.beamSearch,
    right: [
      [lm, { prompt: "ab", length: 3, beams: 2, lengthPenalty: 1, stop: "zz", earlyStop: true, signal, threads: 1 }],
      [lm, { stop: ["a"], length: 2 }],
    ],
    optional: 1,
  },
  // Text.
  {
    name: "Tokenizer",
    rules: onlyOptions(tokenizerRules),
    call: (options) => new unrolled.Tokenizer(options),
    right: [
      [
        {
          ...textual,
          numWords: 5,
          charLevel: false,
          oovToken: "?",
          analyzer: (text: string) => [text],
          documentCount: 0,
        },
      ],
      [{ numWords: null, oovToken: null, analyzer: null }],
    ],
    optional: 1,
  },
  {
    name: "Tokenizer.fitOnTexts",
    rules: tokenizerArguments.texts,
    call: (texts) => new unrolled.Tokenizer().fitOnTexts(texts),
    right: [[["a b", ["c", "d"]]]],
    also: { "0": ["map", "object"] },
  },
  {
    name: "Tokenizer.fitOnSequences",
    rules: tokenizerArguments.sequences,
    call: (sequences) => new unrolled.Tokenizer().fitOnSequences(sequences),
    right: [[[[1, 2], [3]]]],
    also: { "0": ["map", "object"] },
  },
  {
    name: "Tokenizer.textsToSequences",
    rules: tokenizerArguments.texts,
    call: (texts) => tokenizer.textsToSequences(texts),
    right: [[["a b", ["c", "d"]]]],
    also: { "0": ["map", "object"] },
  },
  {
    name: "Tokenizer.sequencesToTexts",
    rules: tokenizerArguments.sequences,
    call: (sequences) => tokenizer.sequencesToTexts(sequences),
    right: [[[[1, 2], [3]]]],
    also: { "0": ["map", "object"] },
  },
  {
    name: "Tokenizer.textsToMatrix",
    rules: tokenizerArguments.textsToMatrix,
    call: (texts, mode) => tokenizer.textsToMatrix(texts, mode),
    right: [[["a b"], "count"]],
    optional: 1,
    also: { "0": ["map", "object"] },
  },
  {
    name: "Tokenizer.sequencesToMatrix",
    rules: tokenizerArguments.sequencesToMatrix,
    call: (sequences, mode) => tokenizer.sequencesToMatrix(sequences, mode),
    right: [[[[1, 2]], "tfidf"]],
    optional: 1,
    also: { "0": ["map", "object"] },
  },
  {
    name: "tokenizerFromJson",
    rules: tokenizerFromJsonArguments,
    call: unrolled.tokenizerFromJson,
    right: [[tokenizer.toJson()]],
  },
  {
    name: "TextVectorization",
    rules: onlyOptions(textVectorizationRules),
    call: (options) => new unrolled.TextVectorization(options),
    right: [
      [
        {
          maxTokens: 10,
          standardize: "lower",
          split: "character",
          ngrams: 2,
          outputMode: "int",
          outputSequenceLength: 4,
          ragged: false,
          vocabulary: ["a", "b"],
        },
      ],
      [
        {
          maxTokens: 10,
          standardize: null,
          split: null,
          ngrams: [1, 2],
          outputMode: "tf_idf",
          padToMaxTokens: true,
          vocabulary: ["a", "b"],
          idfWeights: [1, 2],
        },
      ],
      [
        {
          maxTokens: null,
          standardize: (text: string) => text,
          split: (text: string) => [text],
          ngrams: null,
          outputSequenceLength: null,
          vocabulary: null,
          idfWeights: null,
        },
      ],
    ],
    optional: 1,
  },
  {
    name: "TextVectorization.adapt",
    rules: textVectorizationArguments.adapt,
    call: (texts) => new unrolled.TextVectorization().adapt(texts),
    right: [[["a b", ["c"]]]],
    also: { "0": ["map", "object"] },
  },
  {
    name: "TextVectorization.call",
    call: (texts) => vectorization.call(texts),
    right: [[["a b"]], ["a b"], [[["a"], ["b"]]]],
  },
  {
    name: "TextVectorization.getVocabulary",
    rules: textVectorizationArguments.getVocabulary,
    call: (special) => vectorization.getVocabulary(special),
    right: [[true]],
    optional: 1,
  },
  {
    name: "TextVectorization.setVocabulary",
    rules: textVectorizationArguments.setVocabulary,
    call: (vocabulary, weights) =>
      new unrolled.TextVectorization({ outputMode: "tf_idf" }).setVocabulary(vocabulary, weights),
    right: [
      [
        ["a", "b"],
        [1, 2],
      ],
    ],
    also: { "1": [] },
  },
  {
    name: "textToWordSequence",
    rules: wordSequenceArguments,
    call: unrolled.textToWordSequence,
    right: [["a b", textual]],
    optional: 1,
  },
  { name: "englishWords", rules: englishWordsArguments, call: unrolled.englishWords, right: [["Don't stop."]] },
  {
    name: "hashingTrick",
    rules: hashingArguments,
    call: unrolled.hashingTrick,
    right: [
      ["a b", 9, { ...textual, analyzer: (text: string) => [text], hashFunction: "md5" }],
      ["a", 9, { hashFunction: () => 3 }],
    ],
    optional: 1,
  },
  {
    name: "oneHot",
    rules: oneHotArguments,
    call: unrolled.oneHot,
    right: [["a b", 9, { ...textual, analyzer: (text: string) => [text] }]],
    optional: 1,
  },
  {
    name: "skipgrams",
    rules: skipgramArguments,
    call: unrolled.skipgrams,
    right: [
      [
        [1, 2, 3],
        5,
        { windowSize: 1, negativeSamples: 1, shuffle: true, categorical: false, samplingTable: [1, 1, 1, 1], seed: 1 },
      ],
      [Int32Array.of(1, 2), 5, { samplingTable: null, seed: null }],
    ],
    optional: 1,
  },
  {
    name: "makeSamplingTable",
    rules: samplingTableArguments,
    call: unrolled.makeSamplingTable,
    right: [[5, 1e-4]],
    optional: 1,
  },
  {
    name: "padSequences",
    rules: padSequencesArguments,
    call: unrolled.padSequences,
    right: [
      [[[1], [2, 3]], { maxlen: 3, dtype: "float32", padding: "post", truncating: "pre", value: 0 }],
      [[[1], [2, 3]], { maxlen: null }],
    ],
    optional: 1,
    also: { value: ["any"] },
  },
  {
    name: "toCategorical",
    rules: toCategoricalArguments,
    call: unrolled.toCategorical,
    right: [[[0, 2], 3], [1, 3], [Int32Array.of(0, 1), null], [{ data: Int32Array.of(0, 1), shape: [2] }]],
    optional: 1,
  },
  { name: "argmax", rules: { array: aFlatArray }, call: unrolled.argmax, right: [[flat]] },
  { name: "rowsOf", rules: { array: aFlatArray }, call: unrolled.rowsOf, right: [[flat]] },
  // Forecasts.
  {
    name: "seriesOfTable",
    rules: seriesOfTableArguments,
    call: unrolled.seriesOfTable,
    right: [
      [
        table,
        {
          ...{
            date: "month",
            dateFormat: "YYYY-M",
            frequency: "month",
            columns: ["a", "b"],
            decimal: ".",
            fill: "linear",
          },
          ...{ duplicates: "mean", keepMissing: true },
        },
      ],
      [table, { date: ["month"], columns: ["a"] }],
      [table, { date: false, columns: ["a"] }],
    ],
    optional: 1,
  },
  {
    name: "forecaster",
    rules: forecasterArguments,
    call: unrolled.forecaster,
    right: [
      [
        monthly,
        {
          ...{ horizon: 1, lookback: 2, targets: ["a"], past: [], future: ["b"], calendar: ["monthOfYear"], season: 2 },
          ...{
            scaling: "standard",
            relative: "last",
            form: "direct",
            independent: false,
            cell: "gru",
            units: 2,
            layers: 1,
          },
          ...{ dropout: 0.1, head: "quantiles", levels: [0.1, 0.9], members: 1, validation: 1, test: 1, seed: 1 },
        },
      ],
      [
        monthly,
        { horizon: 2, lookback: 4, form: "segments", segment: 2, head: "point", loss: "mse", scaling: ["log1p"] },
      ],
      [monthly, { horizon: 1, lookback: 2, scaling: { difference: 1 }, cell: unrolled.cells.lstm }],
    ],
    optional: 0,
  },
  {
    name: "trainForecaster",
    rules: trainForecasterArguments,
    call: unrolled.trainForecaster,
    right: [
      [
        fm,
        monthly,
        {
          ...{
            epochs: 1,
            batchSize: 4,
            learningRate: 0.01,
            weightDecay: 0.1,
            clipNorm: 1,
            patience: 1,
            stride: 2,
            seed: 1,
          },
          ...{ callbacks: [callback], signal, fma: true, threads: 1 },
        },
      ],
    ],
    optional: 1,
    trains: fm.model,
  },
  {
    name: "forecast",
    rules: forecastArguments,
    call: unrolled.forecast,
    right: [[fm, monthly, { levels: [0.1, 0.9], samples: 2, seed: 1, fma: true, threads: 1 }]],
    optional: 1,
  },
  {
    name: "evaluateForecaster",
    rules: evaluateForecasterArguments,
    call: unrolled.evaluateForecaster,
    right: [
      [
        fm,
        monthly,
        { steps: 2, stride: 1, lastStep: true, baselines: false, levels: [0.1, 0.9], samples: 2, seed: 1, threads: 1 },
      ],
    ],
    optional: 1,
  },
  {
    name: "writeForecaster",
    rules: writeForecasterArguments,
    call: unrolled.writeForecaster,
    right: [[fm, { dtype: "f16" }]],
    optional: 1,
  },
  {
    name: "readForecaster",
    rules: readSafetensorsArguments,
    call: unrolled.readForecaster,
    right: [[unrolled.writeForecaster(fm), "sales"]],
    optional: 1,
  },
  {
    name: "timeseriesDatasetFromArray",
    also: { "1": ["undefined"] },
    rules: timeseriesDatasetArguments,
    call: unrolled.timeseriesDatasetFromArray,
    right: [
      [
        series,
        series,
        2,
        { sequenceStride: 1, samplingRate: 1, batchSize: 2, shuffle: true, seed: 1, startIndex: 0, endIndex: 6 },
      ],
      [Float32Array.from(series), null, 2, { batchSize: null, seed: null, startIndex: null, endIndex: null }],
    ],
    optional: 1,
  },
  {
    name: "TimeseriesGenerator",
    rules: timeseriesGeneratorArguments,
    call: (...args: ConstructorParameters<typeof unrolled.TimeseriesGenerator>) =>
      new unrolled.TimeseriesGenerator(...args),
    right: [
      [
        series,
        series,
        2,
        { samplingRate: 1, stride: 1, startIndex: 0, endIndex: 6, shuffle: true, reverse: true, batchSize: 2, seed: 1 },
      ],
      [Float32Array.from(series), series, 2, { endIndex: null, seed: null }],
    ],
    optional: 1,
  },
  { name: "TimeseriesGenerator.at", call: (k) => generator.at(k), right: [[0]] },
  {
    name: "trainBytePairEncoding",
    also: { "0": ["list"] },
    rules: pairs.trainBytePairArguments,
    call: unrolled.trainBytePairEncoding,
    right: [["ab ab", { vocabularySize: 260, minimumCount: 1 }]],
  },
  {
    name: "encodeBytePairs",
    rules: pairs.bytePairArguments.encode,
    call: unrolled.encodeBytePairs,
    right: [[encoding, "ab"]],
  },
  {
    name: "decodeBytePairs",
    rules: pairs.bytePairArguments.decode,
    call: unrolled.decodeBytePairs,
    right: [[encoding, [97]]],
    also: { "1": ["map"] },
  },
  {
    name: "decodeNextBytePair",
    rules: pairs.bytePairArguments.decodeNext,
    call: pairs.decodeNextBytePair,
    right: [[encoding, 97, new Uint8Array()]],
  },
  { name: "tokenBytes", rules: pairs.bytePairArguments.bytes, call: unrolled.tokenBytes, right: [[encoding, 97]] },
  {
    name: "bytePairVocabularySize",
    rules: pairs.bytePairArguments.size,
    call: unrolled.bytePairVocabularySize,
    right: [[encoding]],
  },
  { name: "checkBytePairEncoding", call: unrolled.checkBytePairEncoding, right: [[encoding]] },
  {
    name: "createSampler",
    rules: samplerArguments,
    call: createSampler,
    right: [[sampling, 4]],
    also: { "0": ["undefined"] },
  },
  {
    name: "Sampler.draw",
    call: (logits) => sampler.draw(logits, random),
    right: [[Float32Array.of(1, 2, 3, 4)]],
  },
  {
    name: "sample",
    also: { "1": ["undefined"] },
    rules: sampleArguments,
    call: sample,
    right: [[Float32Array.of(1, 2, 3, 4), sampling, random]],
  },
  {
    name: "trainTokenizer",
    rules: tokenizeArguments.train,
    call: trainTokenizer,
    right: [
      ["word", "a b", { maxVocabulary: 20 }],
      ["char", ["a", "b"]],
      ["bpe", "ab", { maxVocabulary: 300 }],
    ],
    optional: 1,
  },
  {
    name: "encode",
    rules: tokenizeArguments.encode,
    call: encode,
    right: [
      [lm.tokenizer, "ab"],
      [separate, ["ab", "c"]],
    ],
  },
  {
    name: "decode",
    rules: tokenizeArguments.decode,
    call: decode,
    right: [[lm.tokenizer, [1, 2]]],
    also: { "1": ["map"] },
  },
  { name: "decodeToken", rules: tokenizeArguments.decodeToken, call: decodeToken, right: [[lm.tokenizer, 1]] },
  { name: "vocabularySize", rules: tokenizeArguments.tokenizer, call: vocabularySize, right: [[lm.tokenizer]] },
  // Files and the server.
  {
    name: "textFile",
    rules: textFileArguments,
    call: textFile,
    right: [[join(folder, "text"), { wholeBytes: 10, partBytes: 16 }]],
    optional: 1,
  },
  {
    name: "tokenFile",
    rules: tokenFileArguments,
    call: tokenFile,
    right: [[[Int32Array.of(1, 2)], 5, folder]],
    optional: 1,
    also: { "0": ["map"] },
  },
  {
    name: "readCsv",
    rules: readCsvArguments,
    call: readCsv,
    right: [[join(folder, "text"), { name: "x.csv", delimiter: ",", header: false }]],
    optional: 1,
  },
  {
    name: "parseCsv",
    rules: parseCsvArguments,
    call: parseCsv,
    right: [["a,b\n1,2\n", { name: "x.csv", delimiter: ",", header: true }]],
    optional: 1,
  },
  {
    name: "writeCsv",
    rules: writeCsvArguments,
    call: writeCsv,
    right: [[["a", "b"], [["x", 1]], { delimiter: ";" }]],
    optional: 1,
  },
  {
    name: "writeModel",
    rules: writeModelArguments,
    call: writeModel,
    right: [[{ ...modelFile, training: trainer.state() }]],
  },
  { name: "readModel", rules: readSafetensorsArguments, call: readModel, right: [[modelBytes, "model"]], optional: 1 },
  {
    name: "importModel",
    rules: importModelArguments,
    call: importModel,
    right: [[{ bytes: kerasBytes, name: "model.keras" }]],
  },
  {
    name: "writeSafetensors",
    bigints: true,
    rules: writeSafetensorsArguments,
    call: writeSafetensors,
    right: [[{ tensors: { a: { shape: [2], data: Float32Array.of(1, 2) } }, metadata: { note: "x" } }]],
  },
  {
    name: "readSafetensors",
    rules: readSafetensorsArguments,
    call: readSafetensors,
    right: [[modelBytes, "model"]],
    optional: 1,
  },
  { name: "writePytorch", rules: writePytorchArguments, call: writePytorch, right: [[recurrentModel]] },
  { name: "writeKeras", rules: writeKerasArguments, call: writeKeras, right: [[recurrentModel]] },
  {
    name: "writeTfjs",
    rules: writeTfjsArguments,
    call: writeTfjs,
    right: [[lstmModel], [lstmModel, { weights: "weights.bin" }]],
  },
  {
    name: "readPytorchTensors",
    rules: readPytorchTensorsArguments,
    call: readPytorchTensors,
    right: [[writePytorch(recurrentModel).weights, "model"]],
    optional: 1,
  },
  {
    name: "connect",
    rules: connectArguments,
    call: connect,
    right: [[{ patienceSeconds: 5, packing: "int8" }]],
    optional: 1,
  },
  {
    name: "createServer",
    rules: serverArguments,
    call: createServer,
    right: [
      [
        { lm },
        {
          ...{
            apiKeys: ["key"],
            cors: ["https://example.org"],
            hosts: ["localhost"],
            maxBodyBytes: 1000,
            maxTokens: 10,
          },
          ...{
            maxPromptTokens: 10,
            timeoutMs: 1000,
            stallMs: 1000,
            queue: 1,
            sessions: 1,
            sessionMs: 1000,
            sessionKeys: ["k".repeat(32)],
            threads: 1,
          },
          log: (): void => {},
        },
      ],
    ],
    optional: 1,
  },
  { name: "Server.replace", byName: true, call: (models) => server.replace(models), right: [[{ lm }]] },
  {
    name: "listen",
    rules: listenArguments,
    // What listens is closed at once.
    call: async (...args: Parameters<typeof listen>) =>
      (await listen({ ...args[0], ...(args[0] && { close: async () => {} }) }, args[1])).close(),
    right: [[server, { host: "127.0.0.1", port: 0 }]],
  },
  {
    name: "sweep",
    rules: sweepArguments,
    // Whatever its folder is called, its files lie among those of the tests, and no process is started.
    call: (text: string, options: SweepOptions) =>
      sweep(
        text,
        options && {
          ...options,
          ...(typeof options.folder === "string" && options.folder !== "" && { folder: join(folder, "sweep") }),
          ...(typeof options.workers === "number" && options.workers >= 0 && { workers: Math.min(options.workers, 0) }),
          ...(options.resume === true && options.overwrite === true && { resume: false }),
        },
      ),
    right: [
      [
        "abcab cabca".repeat(9),
        {
          ...{
            space: { units: [2] },
            folder: "sweep",
            trials: 1,
            sampler: "random",
            seed: 1,
            workers: 0,
            overwrite: true,
          },
          training: { embedding: 2, batch: 2, steps: 2, updates: 1, validation: 0.2 },
          onEvent: (): void => {},
        },
      ],
    ],
    also: { space: ["object"] },
  },
  {
    name: "sweepWorker",
    rules: sweepWorkerArguments,
    // There is no Redis here: test/sweep/redis.test.ts has one.
    call: (options) => checkArguments("sweepWorker", { options }, sweepWorkerArguments),
    right: [[{ redis: "redis://127.0.0.1:6379", threads: 1, signal, onEvent: (): void => {} }]],
  },
];

/** Errors are thrown and not made by callers; the others are parts of entries that are here, or checks themselves. */
export const notEntries: Readonly<Record<string, readonly string[]>> = {
  index: ["EquationError", "InputError", "NonFiniteLoss"],
  "formats/music-bytes": ["isMidi", "isAbc", "readMusicBytes"],
  "formats/text-pairs": ["linesOf"],
  "text/arrays": ["zeros", "numberAs", "sizeOf", "flatten", "shapeOf"],
  "text/hugging-face": ["huggingFaceTokenizer", "bytePairTokenizerJson"],
  "text/token-index": ["indexOf"],
  "text/whitespace": [
    "rulesOf",
    "rulesIn",
    "unknownWords",
    "encodeWords",
    "textOfWord",
    "withoutBlank",
    "needsNoBlank",
    "sharesOfWords",
    "readsUnknown",
    "checkWhitespaceTokenizer",
    "whitespaceTokenizer",
  ],
  "text/python-json": ["pythonJson", "readPairs"],
  "text/sampling": ["createRanking", "logSoftmax"],
  "text/tokenizer": [
    "hasUnknown",
    "countUnknown",
    "decodeNext",
    "decodeRest",
    "checkTokenizer",
    "encodeParts",
    "endOfText",
    "tokenName",
    "trainTokenizerFor",
    "trainAndEncode",
  ],
  "text/byte-pair-encoding": ["learnMerges", "bytePairsOf", "decodeNextBytes", "nameOfBytes"],
  "text/line-ends": ["unixLineEnds"],
  "text/parts": ["partsOf", "countCodePoints", "createCodePoints"],
  "text/pieces": ["createPieces", "readPieces"],
  "text/count-pieces": ["countPieces"],
  "text/encoder": ["createPieceTokens", "createEncoder", "gatherTokens"],
  "text/longer-tokens": ["longerTokens", "remainderOf"],
  "text/unspaced-words": ["hasUnspaced", "splitWithDictionary", "splitByVocabulary"],
  "formats/token-file": ["tokenFileList"],
  "formats/csv-text": ["tableOf"],
  "formats/decode-text": ["decodeText", "findNoText", "noText"],
  "formats/files": [
    ...["saveFilesAtomically", "statOf", "entriesIn"],
    "writeFileAtomically",
    "appendToFile",
    "makeFolder",
    "checkWritable",
    "readInput",
    "saveFileAtomically",
    "digestOf",
    "readStart",
    "FileTaken",
    "readProblem",
  ],
  "formats/safetensors": [
    ...["FormatError", "elementBytes", "decodeTensor"],
    ...["safetensorsParts", "storedTensors", "encodeHalf"],
  ],
  "formats/temporary-file": ["FileTaken", "codeOf", "targetOf", "openTemporary", "removeStale"],
  "formats/imported": ["isForeignModel"],
  "formats/late-steps": [
    ...["tapsCell", "startingLate", "lateCell", "fitsOf", "zerosBefore", "delayed", "poolingFrom", "firstFrom"],
    "windowOf",
  ],
  "open-model": ["readModelFile"],
  "formats/model-file": ["modelParts", "isModelFile"],
  "formats/onnx": ["onnxParts"],
  "formats/keras": ["kerasParts"],
};
