/** Models of all kinds that can be written as source, and what the reference makes of some sequence. */
import * as cells from "../../../src/cells/index.ts";
import { interpret } from "../../../src/engines/reference/interpret.ts";
import type { Cell } from "../../../src/graph/cell.ts";
import { cell } from "../../../src/graph/cell.ts";
import {
  concatenate,
  dense,
  embedding,
  gru,
  type LayerSpec,
  layerNormalization,
  lstm,
  masking,
  recurrent,
  simpleRnn,
} from "../../../src/nn/layers.ts";
import { type Model, sequential } from "../../../src/nn/model.ts";
import { modelGraph } from "../../../src/nn/model-graph.ts";
import { createRandom } from "../../../src/nn/random.ts";
import { redraw } from "../../helpers/models.ts";

export const steps = 6;
export type Case = { readonly name: string; readonly model: Model; readonly input: Float32Array | Int32Array };

const all = { returnSequences: true };
const made = (name: string, layers: readonly LayerSpec[], input: number | undefined, seed: number): Case => {
  const model = redraw(sequential(layers, input === undefined ? {} : { input }), createRandom(seed), 0.6);
  const random = createRandom(seed + 1000);
  const count = model.inputs[0]?.count;
  return {
    ...{ name, model },
    input:
      count === undefined
        ? Float32Array.from({ length: steps * (input as number) }, random.normal)
        : Int32Array.from({ length: steps }, () => Math.floor(random.uniform() * count)),
  };
};

const odd = cell(`
  s' = tanh(W @ x + U @ s) - min(abs(s), softplus(b * s)) / 2
  C = outer(s', x)
  y = sqrt(exp(s')) + log(1 + relu(s')) + step(s') * hard_sigmoid(s') + max(s', x) * mean(s') - min(x) + C @ softmax(x)
`);

/** The cells by their names, beside what else that module has. */
const library: Readonly<Record<string, Cell>> = cells as never;
/** All cells of the library, and stacks of layers. */
export const cases: readonly Case[] = [
  ...Object.entries(library)
    .filter(([, one]) => one.equations !== undefined)
    .map(([name, of], k) => made(name, [recurrent(of, { units: 4, returnSequences: true })], 4, k)),
  made("tokens", [embedding(7, 3), lstm(5, all), gru(4, all), simpleRnn(3, all), dense(7)], undefined, 101),
  made("softmax", [lstm(5, all), dense(6, { activation: "softmax" })], 3, 102),
  made("normalized", [lstm(5, all), layerNormalization(), dense(2)], 3, 103),
  made("masked tokens", [embedding(4, 3, { maskZero: true }), gru(5, all)], undefined, 104),
  made("masked vectors", [masking({ maskValue: 0 }), lstm(5, { ...all, zeroOutputForMask: true })], 2, 105),
  made(
    "learned start",
    [lstm(5, { ...all, initialState: "learned" }), gru(3, { ...all, initialState: "learned" })],
    2,
    106,
  ),
  made(
    "two branches",
    [lstm(3, { ...all, name: "a" }), gru(3, { ...all, reads: "x" }), concatenate(["a", "gru"]), dense(2)],
    2,
    107,
  ),
  made("equations", [recurrent(odd, { units: 4, returnSequences: true })], 4, 108),
];

/** The outputs at all steps, one behind the other, in f64. */
export function expected({ model, input }: Case): Float64Array {
  const { graph, output } = modelGraph(model, { training: false, steps });
  const inputs = { [model.input === "tokens" ? "tokens" : "x"]: input };
  return Float64Array.from(interpret(graph, { steps, batch: 1, inputs, parameters: model.values }).value(output));
}
