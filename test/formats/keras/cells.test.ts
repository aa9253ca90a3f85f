/** Keras's activations and recurrent layers, each beside what Keras's documentation says that it computes. */
import { expect, test } from "vitest";
import { type Activation, activationOf, activationOfLayer } from "../../../src/formats/keras/activations.ts";
import { activationCell, attentionAverage, recurrentCell } from "../../../src/formats/keras/cells.ts";
import { recurrent } from "../../../src/nn/layers.ts";
import { type Model, sequential } from "../../../src/nn/model.ts";
import { createRandom } from "../../../src/nn/random.ts";
import { predict } from "../../../src/train/predict.ts";
import { sigmoid } from "../../helpers/recurrences.ts";

type Vector = readonly number[];
const clip = (least: number, most: number) => (x: number) => Math.min(most, Math.max(least, x));
const softplus = (x: number): number => Math.log(1 + Math.exp(x));
const each = (of: (x: number) => number) => (all: Vector) => all.map(of);
const softmax = (all: Vector): Vector => {
  const powers = all.map(Math.exp);
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
};
/** Keras 3's functions by their names. */
const functions: Readonly<Record<string, (all: Vector) => Vector>> = {
  linear: each((x) => x),
  sigmoid: each(sigmoid),
  tanh: each(Math.tanh),
  softplus: each(softplus),
  softmax,
  exponential: each(Math.exp),
  hard_sigmoid: each((x) => clip(0, 1)(x / 6 + 0.5)),
  relu: each((x) => Math.max(0, x)),
  leaky_relu: each((x) => (x > 0 ? x : 0.2 * x)),
  relu6: each(clip(0, 6)),
  elu: each((x) => (x > 0 ? x : Math.exp(x) - 1)),
  celu: each((x) => (x > 0 ? x : Math.exp(x) - 1)),
  selu: each((x) => 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * (Math.exp(x) - 1))),
  softsign: each((x) => x / (1 + Math.abs(x))),
  silu: each((x) => x * sigmoid(x)),
  swish: each((x) => x * sigmoid(x)),
  hard_silu: each((x) => x * clip(0, 1)(x / 6 + 0.5)),
  hard_tanh: each(clip(-1, 1)),
  tanh_shrink: each((x) => x - Math.tanh(x)),
  soft_shrink: each((x) => (x > 0.5 ? x - 0.5 : x < -0.5 ? x + 0.5 : 0)),
  mish: each((x) => x * Math.tanh(softplus(x))),
  squareplus: each((x) => (x + Math.sqrt(x * x + 4)) / 2),
  sparse_sigmoid: each((x) => clip(0, 1)((x + 1) / 2)),
  log_sigmoid: each((x) => -softplus(-x)),
  log_softmax: (all) => softmax(all).map(Math.log),
};
const named = (name: unknown, major = 3): Activation => {
  const found = activationOf(name, major);
  if (typeof found === "string") throw new Error(found);
  return found;
};
const values = [-7, -2.5, -1, -0.3, 0, 0.3, 0.7, 1, 2.5, 7];
async function outputOf(activation: Activation): Promise<Vector> {
  const model = sequential([recurrent(activationCell(activation))], { input: values.length });
  return [...(await predict(model, [[values]], { engine: "reference" })).data];
}
/** Within 1e-5 of what is wanted, of 1 or of its size. */
const close = (found: Vector, wanted: Vector, what = ""): void => {
  expect(found, what).toHaveLength(wanted.length);
  const off = wanted.map((value, k) => Math.abs(value - (found[k] as number)) / Math.max(1, Math.abs(value)));
  expect(Math.max(...off), `${what} ${found} for ${wanted}`).toBeLessThan(1e-5);
};

test.each(Object.keys(functions))("%s", async (name) => {
  close(await outputOf(named(name)), (functions[name] as (all: Vector) => Vector)(values));
});

test("hard_sigmoid of Keras 1 and 2 is another function, and a name that is none is given back", async () => {
  close(
    await outputOf(named("hard_sigmoid", 2)),
    values.map((x) => clip(0, 1)(0.2 * x + 0.5)),
  );
  expect(activationOf("glu", 3)).toBe("glu");
  for (const name of ["constructor", "toString", "__proto__"]) expect(activationOf(name, 3)).toBe(name);
  expect(activationOf({ class_name: "constructor", config: {} }, 3)).toBe("constructor");
});

test("relu with a slope, a threshold and a largest value, as a function and as a layer", async () => {
  const relu = (slope: number, from: number, most: number) => (x: number) =>
    x > from ? Math.min(x, most) : slope * (x - from);
  const layer = (className: string, config: object) =>
    activationOfLayer(className, config as Readonly<Record<string, unknown>>, 3) as Activation;
  const cases: readonly (readonly [Activation, (x: number) => number])[] = [
    [layer("ReLU", {}), relu(0, 0, Infinity)],
    [layer("ReLU", { max_value: 2 }), relu(0, 0, 2)],
    [layer("ReLU", { negative_slope: 0.5 }), relu(0.5, 0, Infinity)],
    [layer("ReLU", { threshold: 0.5 }), relu(0, 0.5, Infinity)],
    [layer("ReLU", { negative_slope: 0.5, threshold: 0.5, max_value: 2 }), relu(0.5, 0.5, 2)],
    [layer("ReLU", { max_value: { type: "ndarray", value: 6 } }), relu(0, 0, 6)],
    [layer("LeakyReLU", {}), relu(0.3, 0, Infinity)],
    [layer("LeakyReLU", { alpha: 0.1 }), relu(0.1, 0, Infinity)],
    [layer("ThresholdedReLU", {}), relu(0, 1, Infinity)],
    [layer("ELU", { alpha: 2 }), (x) => (x > 0 ? x : 2 * (Math.exp(x) - 1))],
    [named({ class_name: "LeakyReLU", config: { negative_slope: 0.2 } }), relu(0.2, 0, Infinity)],
  ];
  for (const [activation, wanted] of cases) close(await outputOf(activation), values.map(wanted));
});

/** Two steps of a layer by hand, from its parameters. */
function byHand(kind: string, model: Model, of: (all: Vector) => Vector, resetAfter: boolean, x: readonly Vector[]) {
  const times = (name: string, by: Vector): number[] => {
    const matrix = model.values[`layer.${name}`] as Float32Array;
    const columns = by.length;
    return Array.from({ length: matrix.length / columns }, (_, i) =>
      by.reduce((sum, value, j) => sum + (matrix[i * columns + j] as number) * value, 0),
    );
  };
  const bias = (name: string): number[] => [...((model.values[`layer.${name}`] ?? [0, 0]) as Float32Array)];
  const sum = (...all: Vector[]): number[] =>
    [0, 1].map((k) => all.reduce((total, one) => total + (one[k] as number), 0));
  let [h, c]: Vector[] = [
    [0, 0],
    [0, 0],
  ] as [Vector, Vector];
  for (const step of x) {
    const gate = (name: string): Vector =>
      sum(times(`W_${name}`, step), times(`U_${name}`, h as Vector), bias(`b_${name}`));
    const twice = (name: string): Vector => sum(gate(name), bias(`d_${name}`));
    const product = (a: Vector, b: Vector): Vector => a.map((value, k) => value * (b[k] as number));
    if (kind === "simple_rnn") h = of(sum(times("W", step), times("U", h as Vector), bias("b")));
    else if (kind === "lstm") {
      const [i, f, o] = ["i", "f", "o"].map((name) => of(gate(name))) as [Vector, Vector, Vector];
      c = sum(product(f, c as Vector), product(i, of(gate("g"))));
      h = product(o, of(c));
    } else {
      const [z, r] = ["z", "r"].map((name) => of(resetAfter ? twice(name) : gate(name))) as [Vector, Vector];
      const g = resetAfter
        ? sum(times("W_g", step), bias("b_g"), product(r, sum(times("U_g", h as Vector), bias("d_g"))))
        : sum(times("W_g", step), bias("b_g"), times("U_g", product(r, h as Vector)));
      const candidate = of(g);
      h = (h as Vector).map((value, k) => (z[k] as number) * value + (1 - (z[k] as number)) * (candidate[k] as number));
    }
  }
  return h as Vector;
}

test.each([
  ["lstm", false],
  ["gru", false],
  ["gru", true],
  ["simple_rnn", false],
] as const)(
  "%s, reset after %s: with each activation in all gates, with biases and without",
  async (kind, resetAfter) => {
    const x = [
      [0.7, -1.1],
      [-0.4, 0.9],
    ] as const;
    for (const [name, of] of Object.entries(functions)) {
      for (const bias of [true, false]) {
        const activation = named(name);
        const form = { kind, activation, recurrent: activation, bias, resetAfter, states: ["h", "c"] as const };
        const model = sequential([recurrent(recurrentCell(form), { units: 2, name: "layer" })], { input: 2, seed: 3 });
        for (const [k, all] of Object.values(model.values).entries()) {
          for (let i = 0; i < all.length; i++) all[i] = Math.sin(2 * k + i) / 2;
        }
        const { data } = await predict(model, [x.map((step) => [...step])], { engine: "reference" });
        const wanted = byHand(kind, model, of, resetAfter, x);
        close([...data], wanted, `${name}, ${bias}:`);
      }
    }
  },
);

test("the average by attention is the softmax of the scores times the steps, whatever they are", async () => {
  const random = createRandom(3);
  for (const [scale, shift] of [
    [1, 0],
    [30, 0],
    [1, -40],
    [1, 200],
  ] as const) {
    const steps = Array.from({ length: 6 }, () => [random.normal(), random.normal(), 1]);
    const weights = [scale * random.normal(), scale * random.normal(), shift];
    const model = sequential([recurrent(attentionAverage)], { input: 3 });
    model.values["recurrent.W"]?.set(weights);
    const scores = steps.map((step) => step.reduce((sum, x, j) => sum + x * (weights[j] as number), 0));
    const most = Math.max(...scores);
    const shares = softmax(scores.map((score) => score - most));
    const wanted = [0, 1, 2].map((j) =>
      steps.reduce((sum, step, t) => sum + (step[j] as number) * (shares[t] as number), 0),
    );
    close([...(await predict(model, [steps], { engine: "reference" })).data], wanted, `${scale}, ${shift}`);
  }
});
