import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { cells } from "../../src/cells/index.ts";
import { interpret } from "../../src/engines/reference/interpret.ts";
import { grad } from "../../src/grad/grad.ts";
import type { Cell } from "../../src/graph/cell.ts";
import { dense, embedding, recurrent } from "../../src/nn/layers.ts";
import { type Model, sequential } from "../../src/nn/model.ts";
import { load } from "../../src/runtime/program.ts";
import { lossGraph } from "../../src/train/loss-graph.ts";
import { adam } from "../../src/train/optimizers.ts";
import { createTrainer } from "../../src/train/trainer.ts";
import { relativeError } from "../helpers/networks.ts";
import { schedule } from "../helpers/plans.ts";

/** Vectors and matrices by parameter. */
type Values = Record<string, number[] | number[][]>;
const flat = (values: number[] | number[][] | undefined): number[] => (values as number[][]).flat();
/** What scripts/record-pytorch.py writes: PyTorch's f64 numbers for small language models with random weights. */
type Fixture = {
  sizes: { vocabulary: number; embedding: number; units: number; steps: number; batch: number };
  optimizer: { learningRate: number; beta1: number; beta2: number; epsilon: number; clipNorm: number };
  cells: Record<
    string,
    {
      tokens: number[][];
      targets: number[][];
      parameters: Values;
      outputs: number[][][];
      loss: number;
      gradients: Values;
      losses: number[];
      trained: Values;
    }
  >;
};
const fixture = JSON.parse(readFileSync(new URL("../fixtures/pytorch.json", import.meta.url), "utf8")) as Fixture;
const { vocabulary, embedding: features, units, steps, batch } = fixture.sizes;

describe.each(Object.entries(fixture.cells))("%s against PyTorch", (name, recorded) => {
  const tokens = recorded.tokens.flat();
  const targets = recorded.targets.flat();
  const modelOfFixture = (): Model => {
    const layer = recurrent(cells[name] as Cell, { units, name: "cell", returnSequences: true });
    const model = sequential([embedding(vocabulary, features), layer, dense(vocabulary)]);
    expect(Object.keys(model.values).sort()).toEqual(Object.keys(recorded.parameters).sort());
    for (const { name: parameter, shape } of model.parameters) {
      const values = recorded.parameters[parameter] as number[] | number[][];
      expect(shape).toEqual(Array.isArray(values[0]) ? [values.length, values[0].length] : [values.length]);
      model.values[parameter]?.set(flat(values));
    }
    return model;
  };

  test("the reference: loss and every gradient to 1e-8", () => {
    const model = modelOfFixture();
    const graph = grad(lossGraph(model, { loss: "sparse_categorical_crossentropy", training: true }));
    const parameters = Object.fromEntries(Object.entries(recorded.parameters).map(([k, values]) => [k, flat(values)]));
    const weight = new Float64Array(steps * batch).fill(1 / (steps * batch));
    const { totals, gradients } = interpret(graph, {
      steps,
      batch,
      inputs: { tokens, "loss.target": targets, "loss.weight": weight },
      parameters,
    });
    expect(totals.loss).toBeCloseTo(recorded.loss, 7);
    for (const [parameter, values] of Object.entries(recorded.gradients)) {
      expect(relativeError(gradients[parameter] as Float64Array, flat(values)), parameter).toBeLessThan(1e-7);
    }
  });

  test("wasm: hidden states of every step to 1e-5", async () => {
    const model = modelOfFixture();
    const graph = lossGraph(model, { loss: "sparse_categorical_crossentropy", training: false });
    const program = await load(schedule(graph, { steps, batch, keep: ["cell.h'"] }));
    for (const { name: parameter } of model.parameters) {
      program.setParameter(parameter, model.values[parameter] as Float32Array);
    }
    program.setIndex("tokens", tokens);
    program.setIndex("loss.target", targets);
    await program.run();
    expect(relativeError(program.output("cell.h'"), recorded.outputs.flat(2))).toBeLessThan(1e-5);
  });

  test("wasm: gradients to 1e-4, ten clipped Adam steps to 1e-4 in losses and parameters", async () => {
    const model = modelOfFixture();
    const { learningRate, beta1, beta2, epsilon, clipNorm } = fixture.optimizer;
    const trainer = await createTrainer(model, {
      batch,
      steps,
      clipNorm,
      optimizer: adam({ learningRate, beta1, beta2, epsilon }),
    });
    const losses: number[] = [];
    for (let k = 0; k < recorded.losses.length; k++) {
      trainer.resetStates();
      losses.push(await trainer.update(tokens, targets));
      if (k > 0) continue;
      for (const [parameter, values] of Object.entries(recorded.gradients)) {
        expect(relativeError(trainer.program.gradient(parameter), flat(values)), parameter).toBeLessThan(1e-4);
      }
    }
    expect(relativeError(losses, recorded.losses)).toBeLessThan(1e-4);
    trainer.save();
    for (const [parameter, values] of Object.entries(recorded.trained)) {
      expect(relativeError(model.values[parameter] as Float32Array, flat(values)), parameter).toBeLessThan(1e-4);
    }
  });
});
