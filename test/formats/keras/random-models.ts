/** Models of random layers that Keras and TensorFlow.js may be able to say. */
import { cells } from "../../../src/cells/index.ts";
import { affine } from "../../../src/formats/foreign-cells.ts";
import { activationsByName } from "../../../src/formats/keras/activations.ts";
import { activationCell, sameCell } from "../../../src/formats/keras/cells.ts";
import { InputError } from "../../../src/graph/input-error.ts";
import {
  average,
  bidirectional,
  concatenate,
  conv1d,
  dense,
  dropout,
  embedding,
  globalAveragePooling1d,
  globalMaxPooling1d,
  input,
  type LayerSpec,
  layerNormalization,
  masking,
  recurrent,
  repeatVector,
} from "../../../src/nn/layers.ts";
import type { Model } from "../../../src/nn/model.ts";
import { createRandom } from "../../../src/nn/random.ts";
import { random, recurrentWith } from "./written.ts";

const functions = ["tanh", "relu", "softsign", "elu", "silu", "linear"] as const;

/** Random models that each of them can say, by their seeds: what it makes of them is recorded. */
const seeds = {
  keras: [10004, 10006, 10062, 10079, 10095, 10110, 10136, 10158, 10160, 10177],
  tfjs: [10069, 10095, 10160, 10282, 10321, 10332, 10412, 10491, 10560, 10761],
} as const;
export const randomModels = (program: keyof typeof seeds): readonly { name: string; make: () => Model }[] =>
  seeds[program].map((seed) => ({ name: `random model ${seed}`, make: () => randomModel(seed) as Model }));

/** @returns undefined where the layers that were drawn do not fit together */
export function randomModel(seed: number): Model | undefined {
  const numbers = createRandom(seed);
  const below = (count: number): number => numbers.integer(count);
  const chance = (share: number): boolean => numbers.uniform() < share;
  const one = <T>(of: readonly T[]): T => of[below(of.length)] as T;
  const tokens = chance(0.5);
  const named = chance(0.4);
  const layers: (LayerSpec & { name: string })[] = [];
  const push = (layer: LayerSpec): void => {
    // At times a layer reads one that is not the one before.
    const earlier = layers.length > 2 && chance(0.15) ? { reads: one(layers).name } : {};
    layers.push({ ...layer, name: `l${layers.length}`, ...earlier });
  };
  if (named) layers.push({ ...input(tokens ? "tokens" : 3), name: "given" });
  if (tokens) push(embedding(5, 3, { maskZero: chance(0.7) }));
  else if (chance(0.5)) push(masking({ maskValue: 0 }));
  const recurrentLayer = (): LayerSpec => {
    const options = {
      returnSequences: chance(0.75),
      goBackwards: chance(0.15),
      zeroOutputForMask: chance(0.2),
      endsMask: chance(0.3),
      label: "recurrent",
    };
    const kind = below(5);
    if (kind === 0) return recurrent(cells["gru-reset-after" as never] as never, { units: 3, ...options });
    if (kind === 1)
      return recurrentWith("lstm", [one(functions), one(["sigmoid", "hard_sigmoid"])], one([2, 3]), options);
    return recurrent(cells[one(["lstm", "gru", "simple-rnn"]) as never] as never, { units: 3, ...options });
  };
  for (let k = 1 + below(4); k > 0; k--) {
    const states = layers.filter(
      (layer) => layer.kind === "cell" && layer.cell.states.length > 0 && layer.label === "recurrent",
    );
    const draw = below(13);
    if (draw < 4) push(recurrentLayer());
    else if (draw === 4 && states.length > 0) {
      const from = one(states) as LayerSpec & { kind: "cell"; name: string };
      push({ ...from, initialState: { from: from.name }, stateful: false });
    } else if (draw <= 6) {
      const layer = recurrentLayer() as LayerSpec & { kind: "cell" };
      push(bidirectional(layer, { mergeMode: one(["concat", "sum", "ave", "mul"]) }));
    } else if (draw === 7) push(dense(3, { activation: one(["linear", "tanh", "softmax"]) }));
    else if (draw === 8)
      push(one([layerNormalization(), recurrent(affine, { label: "affine" }), dropout(0.1, { locked: chance(0.5) })]));
    else if (draw === 9)
      push(recurrent(activationCell(activationsByName(3).get(one(functions)) as never), { label: "activation" }));
    else if (draw === 10)
      push(one([globalAveragePooling1d(), globalMaxPooling1d(), conv1d(3, 1 + below(3)), repeatVector(4)]));
    else if (draw === 11 && layers.length > 1) {
      const of = [one(layers).name, (layers.at(-1) as { name: string }).name];
      push(one([average, concatenate])(of));
    } else push(recurrent(sameCell, { label: "same", endsMask: chance(0.7) }));
  }
  try {
    return random(layers, named || tokens ? undefined : 3);
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}
