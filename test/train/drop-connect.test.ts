import { describe, expect, test } from "vitest";
import { interpret } from "../../src/engines/reference/interpret.ts";
import { grad } from "../../src/grad/grad.ts";
import { bidirectional, dense, embedding, lstm } from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";
import { modelGraph } from "../../src/nn/model-graph.ts";
import { dropConnectRates } from "../../src/train/drop-connect.ts";
import { lossGraph } from "../../src/train/loss-graph.ts";
import { sgd } from "../../src/train/optimizers.ts";
import { createTrainer } from "../../src/train/trainer.ts";
import { relativeError } from "../helpers/networks.ts";

const [steps, batch, units] = [5, 3, 6];
const all = { returnSequences: true };
const tokens = Int32Array.from({ length: steps * batch }, (_, k) => (3 * k + 1) % 9);
const targets = tokens.map((token) => (token + 2) % 9);
const model = (rate: number) =>
  sequential([embedding(9, 4), lstm(units, { ...all, dropConnect: rate, name: "cell" }), dense(9)], { seed: 8 });
const recurrent = ["cell.U_f", "cell.U_i", "cell.U_g", "cell.U_o"];

test("it falls upon the matrices that meet states, in both directions", () => {
  expect([...dropConnectRates(model(0.4)).keys()].sort()).toEqual(recurrent.toSorted());
  const both = sequential([bidirectional(lstm(3, { dropConnect: 0.2 })), dense(2)], { input: 2 });
  expect([...dropConnectRates(both)].filter(([name]) => name.endsWith("U_o"))).toEqual([
    ["bidirectional.forward.U_o", 0.2],
    ["bidirectional.backward.U_o", 0.2],
  ]);
  expect(dropConnectRates(model(0)).size).toBe(0);
});

describe("one update with sgd", () => {
  const rate = 0.4;
  const made = model(rate);
  /** What one update did to the parameters, at a learning rate of 1: minus the gradient. */
  async function change(seed: number, threads = 1) {
    const trainer = await createTrainer(made, {
      ...{ batch, steps, seed, threads, optimizer: sgd({ learningRate: 1 }) },
    });
    const loss = await trainer.update(tokens, targets);
    const before = made.values;
    const after = Object.fromEntries(
      made.parameters.map(({ name }) => [
        name,
        trainer.program.parameter(name).map((v, k) => v - (before[name]?.[k] ?? 0)),
      ]),
    );
    return { loss, after };
  }
  test("numbers that are dropped get no gradient; loss and gradients are those of the reference without them", async () => {
    const { loss, after } = await change(3);
    let [dropped, numbers] = [0, 0];
    const parameters = Object.fromEntries(
      made.parameters.map(({ name }) => [name, Float64Array.from(made.values[name] ?? [])]),
    );
    for (const name of recurrent) {
      after[name]?.forEach((value, k) => {
        numbers++;
        const matrix = parameters[name] as Float64Array;
        if (value === 0) dropped++;
        matrix[k] = value === 0 ? 0 : (matrix[k] as number) / (1 - rate);
      });
    }
    expect(dropped / numbers).toBeGreaterThan(0.28);
    expect(dropped / numbers).toBeLessThan(0.52);
    const graph = grad(lossGraph(made, { loss: "sparse_categorical_crossentropy", training: true }));
    const weight = new Float64Array(steps * batch).fill(1 / (steps * batch));
    const reference = interpret(graph, {
      steps,
      batch,
      parameters,
      inputs: { tokens, "loss.target": targets, "loss.weight": weight },
      keys: [3, 1],
    });
    expect(loss).toBeCloseTo(reference.totals.loss as number, 5);
    for (const { name } of made.parameters) {
      const gradient = (reference.gradients[name] as Float64Array).map((value, k) => {
        if (!recurrent.includes(name)) return -value;
        return after[name]?.[k] === 0 ? 0 : -value / (1 - rate);
      });
      expect(relativeError(after[name] as Float32Array, gradient), name).toBeLessThan(1e-4);
    }
  });
  test("others are dropped in the next step; two threads give the bits of one", async () => {
    const [a, b] = [await change(3), await change(4)];
    expect(a.after["cell.U_f"]).not.toEqual(b.after["cell.U_f"]);
    expect((await change(3, 2)).after).toEqual(a.after);
  });
});

test("the parameters that are saved, and what a predictor reads, are whole", async () => {
  const made = model(0.5);
  const trainer = await createTrainer(made, { batch, steps, optimizer: sgd({ learningRate: 0.01 }) });
  for (let k = 0; k < 3; k++) await trainer.update(tokens, targets);
  expect(trainer.save()).toBe(true);
  expect((made.values["cell.U_f"] as Float32Array).every((value) => value !== 0)).toBe(true);
  const { graph } = modelGraph(made, { training: false });
  expect(graph.nodes.some(({ op }) => op === "mask")).toBe(false);
});
