/**
 * What is seen of an update, against a network that is written out in plain loops in f64: gradients are central differences of its
 * loss, by parameters and by states, and shares of gates are counted.
 */
import { describe, expect, test } from "vitest";
import { simpleRnn } from "../../src/cells/simple-rnn.ts";
import { cell } from "../../src/graph/cell.ts";
import { dense, embedding, lstm, recurrent } from "../../src/nn/layers.ts";
import { type Model, sequential } from "../../src/nn/model.ts";
import { createRandom } from "../../src/nn/random.ts";
import { fit } from "../../src/train/fit.ts";
import { fitStream } from "../../src/train/fit-stream.ts";
import { createUpdateInspector } from "../../src/train/inspect-update.ts";
import { sgd } from "../../src/train/optimizers.ts";
import { createTrainer } from "../../src/train/trainer.ts";
import { sigmoid } from "../helpers/recurrences.ts";

const [symbols, steps, batch] = [5, 6, 3];
type Values = Readonly<Record<string, Float64Array>>;
/** A number that is added to a state of an example after a step. */
type Nudge = {
  readonly state: string;
  readonly t: number;
  readonly b: number;
  readonly unit: number;
  readonly by: number;
};

/** An LSTM of 3 units, a simple RNN of 2 and a linear layer, over an embedding: larger weights, so that gates saturate. */
function network(): Model {
  const model = sequential(
    [
      embedding(symbols, 3),
      lstm(3, { returnSequences: true }),
      recurrent(simpleRnn, { units: 2, label: "simple", returnSequences: true }),
      dense(symbols),
    ],
    { seed: 4 },
  );
  for (const [name, values] of Object.entries(model.values)) {
    const factor = name.startsWith("embedding") ? 60 : name.startsWith("lstm.W") ? 3 : 1;
    values.forEach((value, k) => {
      values[k] = factor * value;
    });
  }
  return model;
}
const random = createRandom(8);
const tokens = (): number[] => Array.from({ length: steps * batch }, () => random.integer(symbols));
const [inputs, targets] = [tokens(), tokens()];
/** The first example ends early, the second has one answer, the third all. */
const counts: readonly number[] = Array.from({ length: steps * batch }, (_, k) => {
  const [t, b] = [Math.floor(k / batch), k % batch];
  return b === 0 ? (t >= 1 && t <= 3 ? 1 : 0) : b === 1 ? (t === 4 ? 1 : 0) : 1;
});
const last = [3, 4, 5];

const at = (values: Values, name: string): Float64Array => values[name] as Float64Array;
/** W @ x, by rows. */
const times = (matrix: Float64Array, x: readonly number[]): number[] =>
  Array.from({ length: matrix.length / x.length }, (_, r) =>
    x.reduce((sum, value, c) => sum + (matrix[r * x.length + c] as number) * value, 0),
  );
const plus = (...all: ArrayLike<number>[]): number[] =>
  Array.from(all[0] as ArrayLike<number>, (_, k) => all.reduce((sum, one) => sum + (one[k] as number), 0));

/** The losses (T,B) of all outputs, and each gate's values by example and step. */
function forward(values: Values, nudge?: Nudge) {
  const losses = new Float64Array(steps * batch);
  const gates: Record<string, number[][][]> = { f: [], i: [], o: [] };
  for (let b = 0; b < batch; b++) {
    let [h, c, s] = [
      [0, 0, 0],
      [0, 0, 0],
      [0, 0],
    ] as [number[], number[], number[]];
    for (const all of Object.values(gates)) all.push([]);
    for (let t = 0; t < steps; t++) {
      const nudged = (state: string, now: number[]): number[] => {
        if (nudge?.state !== state || nudge.t !== t || nudge.b !== b) return now;
        return now.map((value, unit) => (unit === nudge.unit ? value + nudge.by : value));
      };
      const token = inputs[t * batch + b] as number;
      const x = [...at(values, "embedding.weight").subarray(3 * token, 3 * token + 3)];
      const line = (gate: string): number[] =>
        plus(
          times(at(values, `lstm.W_${gate}`), x),
          times(at(values, `lstm.U_${gate}`), h),
          at(values, `lstm.b_${gate}`),
        );
      const [f, i, o] = ["f", "i", "o"].map((gate) => line(gate).map(sigmoid)) as [number[], number[], number[]];
      const g = line("g").map(Math.tanh);
      for (const [name, gate] of Object.entries({ f, i, o })) gates[name]?.[b]?.push(gate);
      c = nudged(
        "lstm.c",
        c.map((value, k) => (f[k] as number) * value + (i[k] as number) * (g[k] as number)),
      );
      h = nudged(
        "lstm.h",
        c.map((value, k) => (o[k] as number) * Math.tanh(value)),
      );
      s = nudged(
        "simple.h",
        plus(times(at(values, "simple.W"), h), times(at(values, "simple.U"), s), at(values, "simple.b")).map(Math.tanh),
      );
      const scores = plus(times(at(values, "dense.W"), s), at(values, "dense.b"));
      const logSum = Math.log(scores.reduce((sum, score) => sum + Math.exp(score), 0));
      losses[t * batch + b] = logSum - (scores[targets[t * batch + b] as number] as number);
    }
  }
  return { losses, gates };
}
const inF64 = (model: Model): Values =>
  Object.fromEntries(Object.entries(model.values).map(([name, values]) => [name, Float64Array.from(values)]));
const meanLoss = (values: Values): number => {
  const { losses } = forward(values);
  const all = counts.reduce((sum, one) => sum + one, 0);
  return losses.reduce((sum, loss, k) => sum + loss * (counts[k] as number), 0) / all;
};
const norm = (all: readonly number[]): number => Math.sqrt(all.reduce((sum, one) => sum + one * one, 0));
/** Central differences of the mean loss by the parameters whose names begin so. */
function gradientNorm(values: Values, prefix: string): number {
  const epsilon = 1e-5;
  const all = Object.entries(values).flatMap(([name, numbers]) =>
    name.startsWith(prefix)
      ? Array.from(numbers, (start, k) => {
          numbers[k] = start + epsilon;
          const above = meanLoss(values);
          numbers[k] = start - epsilon;
          const below = meanLoss(values);
          numbers[k] = start;
          return (above - below) / (2 * epsilon);
        })
      : [],
  );
  return norm(all);
}

describe.each(["reference", "wasm"] as const)("on the engine %s", (engine) => {
  const near = engine === "reference" ? 6 : 4;
  const seen = async () => {
    const model = network();
    const inspector = await createUpdateInspector(model, { batch, steps, engine });
    try {
      return { model, found: await inspector.look(inputs, targets, counts) };
    } finally {
      inspector.dispose();
    }
  };

  test("the loss and the norm of each layer's gradient are those of central differences", async () => {
    const { model, found } = await seen();
    const values = inF64(model);
    expect(found.loss).toBeCloseTo(meanLoss(values), near);
    expect(found.layers.map(({ layer }) => layer)).toEqual(["embedding", "lstm", "simple", "dense"]);
    for (const { layer, norm } of found.layers)
      expect(norm, layer).toBeCloseTo(gradientNorm(values, `${layer}.`), near);
    expect(found.norm).toBeCloseTo(norm(found.layers.map((one) => one.norm)), near);
  });

  test("how far back the error reaches is central differences of each example's last loss by the states before it", async () => {
    const { model, found } = await seen();
    const values = inF64(model);
    const states = { lstm: ["lstm.h", "lstm.c"], simple: ["simple.h"] } as const;
    const units = { "lstm.h": 3, "lstm.c": 3, "simple.h": 2 } as const;
    expect(found.reach.map(({ layer }) => layer)).toEqual(["lstm", "simple"]);
    for (const { layer, norms } of found.reach) {
      // The longest example has 6 steps up to its last answer, the shortest 4.
      expect(norms).toHaveLength(6);
      norms.forEach((norm, back) => {
        const squares: number[] = [];
        for (let b = 0; b < batch; b++) {
          const t = (last[b] as number) - back;
          if (t < 0) continue;
          let sum = 0;
          for (const state of states[layer as keyof typeof states]) {
            for (let unit = 0; unit < units[state]; unit++) {
              const lossWith = (by: number): number =>
                forward(values, { state, t, b, unit, by }).losses[(last[b] as number) * batch + b] as number;
              sum += ((lossWith(1e-5) - lossWith(-1e-5)) / 2e-5) ** 2;
            }
          }
          squares.push(sum);
        }
        const wanted = Math.sqrt(squares.reduce((sum, one) => sum + one, 0) / squares.length);
        expect(norm, `${layer}, ${back} back`).toBeCloseTo(wanted, near);
      });
      expect(Math.min(...norms)).toBeGreaterThan(0);
    }
  });

  test("shares of closed and open gates are counted up to each example's last answer", async () => {
    const { model, found } = await seen();
    const { gates } = forward(inF64(model));
    expect(found.gates.map(({ layer, name }) => `${layer}.${name}`)).toEqual(["lstm.f", "lstm.i", "lstm.o"]);
    let some = 0;
    for (const { name, closed, open } of found.gates) {
      const all = (gates[name] as number[][][]).flatMap((rows, b) => rows.slice(0, (last[b] as number) + 1).flat());
      expect(all).toHaveLength(3 * (4 + 5 + 6));
      expect(closed, name).toBeCloseTo(all.filter((value) => value < 0.05).length / all.length, 10);
      expect(open, name).toBeCloseTo(all.filter((value) => value > 0.95).length / all.length, 10);
      some += closed + open;
    }
    expect(some).toBeGreaterThan(0.2);
  });
});

test("a saturated gate's derivative is less than a fifth of the largest", () => {
  const derivative = (gate: number): number => gate * (1 - gate);
  for (const gate of [0.05, 0.95]) expect(derivative(gate)).toBeLessThan(derivative(0.5) / 5);
  expect(derivative(0.06)).toBeGreaterThan(derivative(0.5) / 5);
});

test("a gate of own equations counts, and layers without gates or states have none", async () => {
  const own = cell("z = sigmoid(W @ x + U @ h + b)\nh' = z * h + (1 - z) * tanh(V @ x)");
  const model = sequential([
    embedding(3, 2),
    recurrent(own, { units: 4, label: "own", returnSequences: true }),
    dense(3),
  ]);
  const inspector = await createUpdateInspector(model, { batch: 1, steps: 4, engine: "wasm" });
  const found = await inspector.look([0, 1, 2, 0], [1, 2, 0, 1]);
  inspector.dispose();
  expect(found.gates).toEqual([{ layer: "own", name: "z", closed: 0, open: 0 }]);
  const plain = sequential([embedding(3, 2), dense(3)]);
  const other = await createUpdateInspector(plain, { batch: 1, steps: 4, engine: "wasm" });
  const flat = await other.look([0, 1, 2, 0], [1, 2, 0, 1]);
  other.dispose();
  expect([flat.reach, flat.gates]).toEqual([[], []]);
  expect(flat.layers.map(({ layer }) => layer)).toEqual(["embedding", "dense"]);
});

test("vectors with another loss: the mean squared error of a linear neuron, worked out by hand", async () => {
  const linear = cell("h' = x + w * h");
  const model = sequential([recurrent(linear, { units: 1, label: "neuron", returnSequences: true })], { input: 1 });
  model.values["neuron.w"]?.set([0.5]);
  const inspector = await createUpdateInspector(model, {
    batch: 1,
    steps: 3,
    loss: "mean_squared_error",
    engine: "wasm",
  });
  // h is 1, 1.5, 1.75; its derivatives by w are 0, 1, 2.
  const found = await inspector.look([1, 1, 1], [0, 0, 0], [0, 0, 1]);
  inspector.dispose();
  expect(found.loss).toBeCloseTo(1.75 ** 2, 6);
  expect(found.layers).toEqual([{ layer: "neuron", norm: expect.closeTo(2 * 1.75 * 2, 5) }]);
  expect(found.reach[0]?.norms.map((norm) => norm / 3.5)).toEqual([1, 0.5, 0.25].map((one) => expect.closeTo(one, 6)));
});

test("a model that it cannot look into is refused in a line", async () => {
  const refused = async (layers: Parameters<typeof sequential>[0]): Promise<string> =>
    createUpdateInspector(sequential(layers), { batch: 1, steps: 2 }).then(
      () => "",
      (error: Error) => error.message,
    );
  expect(await refused([embedding(3, 2, { maskZero: true }), lstm(2, { returnSequences: true }), dense(3)])).toBe(
    "createUpdateInspector: the model masks steps. Give one that does not, and say by counts which outputs count.",
  );
  expect(await refused([embedding(3, 2), lstm(2), dense(3)])).toBe(
    "createUpdateInspector: needs an output at every step, but lstm returns only its last. Give it returnSequences: true.",
  );
  const backwards = lstm(2, { returnSequences: true, goBackwards: true });
  expect(await refused([embedding(3, 2), backwards, dense(3)])).toMatch(
    /the model gives its outputs from the last step/,
  );
  const inspector = await createUpdateInspector(network(), { batch, steps });
  await expect(inspector.look(inputs, targets, [1])).rejects.toThrow(/^updateInspector: needs 18 counts/);
  inspector.dispose();
});

describe("the gradient's norm after an update", () => {
  test("is that of central differences, before clipping", async () => {
    const model = network();
    const values = inF64(model);
    const trainer = await createTrainer(model, {
      batch,
      steps,
      clipNorm: 1e-3,
      engine: "wasm",
      optimizer: sgd({ learningRate: 0.1 }),
    });
    // The mean of all outputs, of which the weights leave those that count.
    const all = counts.reduce((sum, one) => sum + one, 0);
    await trainer.update(inputs, targets, 0.1, { weights: counts.map((one) => (one * counts.length) / all) });
    expect(trainer.gradientNorm()).toBeCloseTo(gradientNorm(values, ""), 4);
    const moved = model.parameters.flatMap(({ name }) =>
      Array.from(trainer.program.parameter(name), (value, k) => value - (values[name]?.[k] as number)),
    );
    // It was clipped: a step of plain gradient descent is the rate times the limit.
    expect(norm(moved)).toBeCloseTo(0.1 * 1e-3, 6);
    trainer.dispose();
  });

  test("callbacks of fit and fitStream read it, and clipping does not change it", async () => {
    const x = [inputs.slice(0, 6), inputs.slice(6, 12)];
    const y = [targets.slice(0, 6), targets.slice(6, 12)];
    const normsWith = async (clip: object): Promise<readonly number[]> => {
      const norms: number[] = [];
      const callbacks = [
        { onBatchEnd: (_: unknown, run: { gradientNorm(): number }) => void norms.push(run.gradientNorm()) },
      ];
      await fit(network(), x, y, { callbacks, engine: "wasm", ...clip });
      const stream = Int32Array.from({ length: 40 }, (_, k) => inputs[k % inputs.length] as number);
      await fitStream(network(), stream, {
        batch: 1,
        steps: 6,
        epochs: 1,
        validationSplit: 0,
        callbacks,
        engine: "wasm",
        ...clip,
      });
      return norms;
    };
    const free = await normsWith({ clipNorm: 1e9 });
    const clipped = await normsWith({ clipNorm: 1e-3 });
    expect(free.length).toBeGreaterThan(2);
    expect(free[0]).toBeGreaterThan(0.1);
    // The first update of each starts from the same values.
    expect([clipped[0], clipped[1]]).toEqual([free[0], free[1]]);
  });
});
