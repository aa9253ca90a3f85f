/** What is measured: training steps, recurrent layers alone, forecasts by segments, and generation, by their sizes. */
import { gru, gruResetAfter, lstm, simpleRnn } from "../cells/index.ts";
import { type Cell, cell } from "../graph/cell.ts";
import { InputError } from "../graph/input-error.ts";

export type Shape = {
  /**
   * kind-V-E-H-layers-B-T; with `hidden`, notebook-V-E-H-layers-B-T; of layers alone, layer-kind-E-H-layers-B-T; of forecasts,
   * segrnn-channels-lookback-segment-horizon-H-B; of translators, translate-V-E-H-B-S-T
   */
  readonly name: string;
  /** "gru" has its reset gate after the product, as Keras, PyTorch and cuDNN have it. */
  readonly kind: "lstm" | "gru" | "gru-reset-before" | "simple-rnn" | "layer-norm-lstm";
  /**
   * "layer": forward and backward of the recurrent layers, without embedding, loss and optimiser. "forecast": training of a SegRNN, whose
   * steps are segments of a lookback. "translate": training of a translator: an encoder in both directions, and a decoder with additive
   * attention.
   */
  readonly task: "train" | "forecast" | "layer" | "generate" | "translate";
  /** Of layers alone: 0. Of forecasts: channels, of which each window has one. */
  readonly vocabulary: number;
  /** Features that the first layer reads; of forecasts: values of a segment. */
  readonly embedding: number;
  readonly units: number;
  readonly layers: number;
  readonly batch: number;
  readonly steps: number;
  /** Units of a dense layer with relu that only the last step goes on to: one target an example. */
  readonly hidden?: number;
  /** Values that are forecast, in whole segments. */
  readonly horizon?: number;
  /** Of translators: the steps of a source; `steps` are those of a target. */
  readonly sourceSteps?: number;
  /**
   * Options of `createTrainer` or `createSession` besides those of every shape, by which a shape is measured a second time: the name
   * says them at its end. Peers know nothing of them. An engine that refuses them does not take part, and the row says why.
   */
  readonly options?: Readonly<Record<string, unknown>>;
};

/** Characters of one generation step: enough for the clock. */
export const charactersAStep = 100;

/** Tokens that one step reads; of forecasts, windows; of translators, tokens of the targets. */
export const tokensAStep = ({ task, batch, steps }: Shape): number =>
  ({
    train: batch * steps,
    layer: batch * steps,
    translate: batch * steps,
    forecast: batch,
    generate: charactersAStep,
  })[task];
/** What those are. */
export const unitOf = (task: Shape["task"]): "tokens" | "windows" => (task === "forecast" ? "windows" : "tokens");

/** J. L. Ba, J. R. Kiros and G. E. Hinton, "Layer normalization", 2016, on each gate's sum and on the cell state. */
const normalised = (x: string, gain: string): string =>
  `${gain} * (${x} - mean(${x})) / sqrt(mean((${x} - mean(${x})) * (${x} - mean(${x}))) + 1e-5)`;
const layerNormLstm = cell(
  [
    ...["f", "i", "g", "o"].flatMap((gate) => [
      `a_${gate} = W_${gate} @ x + U_${gate} @ h`,
      `${gate} = ${gate === "g" ? "tanh" : "sigmoid"}(${normalised(`a_${gate}`, `n_${gate}`)} + b_${gate})`,
      `n_${gate} ~ ones`,
    ]),
    "c' = f * c + i * g",
    `h' = o * tanh(${normalised("c'", "n_c")} + b_c)`,
    "n_c ~ ones",
  ].join("\n"),
);

export const cellOf: { readonly [K in Shape["kind"]]: Cell } = {
  lstm,
  gru: gruResetAfter,
  "gru-reset-before": gru,
  "simple-rnn": simpleRnn,
  "layer-norm-lstm": layerNormLstm,
};

type Sizes = [vocabulary: number, embedding: number, units: number, layers: number, batch: number, steps: number];
type LayerSizes = [embedding: number, units: number, layers: number, batch: number, steps: number];

function shape(kind: Shape["kind"], ...sizes: Sizes): Shape {
  const [vocabulary, embedding, units, layers, batch, steps] = sizes;
  const name = `${kind}-${sizes.join("-")}`;
  return { name, kind, task: "train", vocabulary, embedding, units, layers, batch, steps };
}

function layer(kind: Shape["kind"], ...sizes: LayerSizes): Shape {
  return { ...shape(kind, 0, ...sizes), name: `layer-${kind}-${sizes.join("-")}`, task: "layer" };
}

type ForecastSizes = [
  channels: number,
  lookback: number,
  segment: number,
  horizon: number,
  units: number,
  batch: number,
];

/** Training of a SegRNN on windows of one channel each. */
function segRnn(...sizes: ForecastSizes): Shape {
  const [vocabulary, lookback, segment, horizon, units, batch] = sizes;
  const one = shape("gru", vocabulary, segment, units, 1, batch, lookback / segment);
  return { ...one, name: `segrnn-${sizes.join("-")}`, task: "forecast", horizon };
}

type TranslatorSizes = [
  vocabulary: number,
  embedding: number,
  units: number,
  batch: number,
  source: number,
  target: number,
];

/** Training of a translator, whose sources and targets have equally many tokens to choose from. */
function translator(...sizes: TranslatorSizes): Shape {
  const [vocabulary, embedding, units, batch, sourceSteps, steps] = sizes;
  const one = shape("lstm", vocabulary, embedding, units, 1, batch, steps);
  return { ...one, name: `translate-${sizes.join("-")}`, task: "translate", sourceSteps };
}

/** The same with options, whose values its name ends with. */
const withOptions = (one: Shape, options: Readonly<Record<string, unknown>>): Shape => ({
  ...one,
  options,
  name: [one.name, ...Object.values(options)].join("-"),
});

const stack = shape("lstm", 65, 128, 512, 2, 50, 100);
const generation: Shape = {
  ...shape("lstm", 65, 128, 512, 2, 1, 1),
  name: "generate-lstm-65-128-512-2",
  task: "generate",
};

export const shapes: readonly Shape[] = [
  shape("lstm", 65, 128, 128, 1, 32, 64),
  shape("gru", 65, 128, 128, 1, 32, 64),
  shape("lstm", 65, 128, 512, 1, 32, 64),
  shape("gru", 65, 128, 512, 1, 32, 64),
  stack,
  shape("lstm", 65, 128, 512, 1, 1, 64),
  shape("lstm", 10000, 200, 200, 2, 20, 20),
  shape("layer-norm-lstm", 65, 128, 512, 1, 32, 64),
  { ...shape("lstm", 2719, 25, 150, 2, 128, 25), name: "notebook-2719-25-150-2-128-25", hidden: 150 },
  segRnn(7, 96, 48, 720, 512, 256),
  translator(65, 64, 256, 64, 30, 30),
  layer("lstm", 128, 128, 1, 32, 64),
  layer("gru", 128, 128, 1, 32, 64),
  layer("lstm", 128, 512, 1, 32, 64),
  layer("gru", 128, 512, 1, 32, 64),
  layer("gru-reset-before", 128, 512, 1, 32, 64),
  layer("simple-rnn", 128, 512, 1, 32, 64),
  layer("lstm", 128, 512, 2, 50, 100),
  layer("lstm", 128, 512, 1, 1, 64),
  generation,
  withOptions(stack, { precision: "bf16" }),
  withOptions(generation, { quantize: "int8" }),
];

/** What a page measures without any given: small ones, which take a graphics card in a laptop less than two minutes. */
export const pageShapes: readonly Shape[] = shapes.slice(0, 3);

/** Kinds of which any sizes can be measured, by their tasks: those that the peers have. */
const kindsOf: Readonly<Record<"train" | "layer", readonly Shape["kind"][]>> = {
  train: ["lstm", "gru"],
  layer: ["lstm", "gru", "gru-reset-before", "simple-rnn"],
};

/**
 * The shape of this name: one of the list, or training of kind-V-E-H-layers-B-T, of segrnn-channels-lookback-segment-horizon-H-B or of
 * translate-V-E-H-B-S-T, or layers alone of layer-kind-E-H-layers-B-T.
 * @throws InputError for another name, and for a lookback or a horizon that is not of whole segments
 */
export function shapeOf(name: string): Shape {
  const listed = shapes.find((one) => one.name === name);
  if (listed !== undefined) return listed;
  const [, alone, kind, numbers = ""] = /^(layer-)?([a-z][a-z-]*?)((?:-[1-9]\d{0,8})+)$/.exec(name) ?? [];
  const sizes = numbers.split("-").slice(1).map(Number);
  if (alone === undefined && kind === "segrnn" && sizes.length === 6) return segRnnOf(name, sizes as ForecastSizes);
  if (alone === undefined && kind === "translate" && sizes.length === 6 && (sizes[2] as number) % 2 === 0) {
    return translator(...(sizes as TranslatorSizes));
  }
  const [task, count] = alone === undefined ? (["train", 6] as const) : (["layer", 5] as const);
  const known = kindsOf[task].find((one) => one === kind);
  if (known === undefined || sizes.length !== count) {
    throw new InputError(
      `shape "${name}" is not known. It needs lstm- or gru-vocabulary-embedding-units-layers-batch-steps, as lstm-65-128-128-1-32-64, ` +
        "segrnn-channels-lookback-segment-horizon-units-batch, translate-vocabulary-embedding-units-batch-source-target with an even " +
        "number of units, layer-kind-embedding-units-layers-batch-steps, or a name that " +
        "unrolled bench --help lists.",
    );
  }
  return task === "train" ? shape(known, ...(sizes as Sizes)) : layer(known, ...(sizes as LayerSizes));
}

function segRnnOf(name: string, sizes: ForecastSizes): Shape {
  const [channels, lookback, segment, horizon, units] = sizes;
  if (lookback % segment !== 0 || horizon % segment !== 0 || channels < 2 || units % 2 !== 0) {
    throw new InputError(
      `shape "${name}": it needs 2 channels or more, a lookback and a horizon of whole segments, and an even number of units, ` +
        "as segrnn-7-96-48-720-512-256.",
    );
  }
  return segRnn(...sizes);
}
