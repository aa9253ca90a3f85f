/** What is measured: training steps and generation, by their sizes. */
import { gruResetAfter, lstm } from "../cells/index.ts";
import { type Cell, cell } from "../graph/cell.ts";

export type Shape = {
  /** kind-V-E-H-layers-B-T; with `hidden`, notebook-V-E-H-layers-B-T */
  readonly name: string;
  readonly kind: "lstm" | "gru" | "layer-norm-lstm";
  readonly task: "train" | "generate";
  readonly vocabulary: number;
  readonly embedding: number;
  readonly units: number;
  readonly layers: number;
  readonly batch: number;
  readonly steps: number;
  /** Units of a dense layer with relu that only the last step goes on to: one target an example. */
  readonly hidden?: number;
};

/** Characters of one generation step: enough for the clock. */
export const charactersAStep = 100;

/** Tokens that one step reads. */
export const tokensAStep = ({ task, batch, steps }: Shape): number =>
  task === "train" ? batch * steps : charactersAStep;

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
  "layer-norm-lstm": layerNormLstm,
};

function shape(kind: Shape["kind"], ...sizes: [number, number, number, number, number, number]): Shape {
  const [vocabulary, embedding, units, layers, batch, steps] = sizes;
  const name = `${kind}-${sizes.join("-")}`;
  return { name, kind, task: "train", vocabulary, embedding, units, layers, batch, steps };
}

export const shapes: readonly Shape[] = [
  shape("lstm", 65, 128, 128, 1, 32, 64),
  shape("gru", 65, 128, 128, 1, 32, 64),
  shape("lstm", 65, 128, 512, 1, 32, 64),
  shape("gru", 65, 128, 512, 1, 32, 64),
  shape("lstm", 65, 128, 512, 2, 50, 100),
  shape("lstm", 65, 128, 512, 1, 1, 64),
  shape("lstm", 10000, 200, 200, 2, 20, 20),
  shape("layer-norm-lstm", 65, 128, 512, 1, 32, 64),
  { ...shape("lstm", 2719, 25, 150, 2, 128, 25), name: "notebook-2719-25-150-2-128-25", hidden: 150 },
  { ...shape("lstm", 65, 128, 512, 2, 1, 1), name: "generate-lstm-65-128-512-2", task: "generate" },
];
