/** Every loss against PyTorch's numbers, central differences and the reference, and in a training. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { interpret } from "../../src/engines/reference/interpret.ts";
import { dense, lstm } from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";
import { createRandom } from "../../src/nn/random.ts";
import {
  binaryCrossentropy,
  categoricalCrossentropy,
  huber,
  type Loss,
  type LossName,
  losses,
  sparseCategoricalCrossentropy,
} from "../../src/train/losses.ts";
import { adam } from "../../src/train/optimizers.ts";
import { createTrainer } from "../../src/train/trainer.ts";
import { loadTraining, programError } from "../helpers/engines.ts";
import { gradientError } from "../helpers/gradients.ts";
import { lossOfRows } from "../helpers/losses.ts";
import { randomValues, relativeError } from "../helpers/networks.ts";

type Options = Record<string, never>;
const withOptions: Partial<Record<string, (options: Options) => Loss>> = {
  sparse_categorical_crossentropy: sparseCategoricalCrossentropy,
  categorical_crossentropy: categoricalCrossentropy,
  binary_crossentropy: binaryCrossentropy,
  huber,
};
const lossWith = (name: string, options: Options): Loss => {
  return Object.keys(options).length === 0
    ? losses[name as keyof typeof losses]
    : (withOptions[name]?.(options) as Loss);
};

/** What scripts/record-pytorch-optimizers.py writes. */
type Recorded = {
  outputs: number[][];
  targets: Record<string, number[] | number[][]>;
  recorded: { name: string; options: Options; target: string; loss: number[]; gradient: number[][] }[];
};
const file = new URL("../fixtures/pytorch-optimizers.json", import.meta.url);
const { outputs, targets, recorded } = (JSON.parse(readFileSync(file, "utf8")) as { losses: Recorded }).losses;
const [rows, features] = [outputs.length, (outputs[0] as number[]).length];

describe.each(recorded)("$name $options against PyTorch", ({ name, options, target, loss, gradient }) => {
  const graph = lossOfRows(lossWith(name, options), { rows, features });
  const run = { steps: rows, batch: 1 };
  const inputs = { tokens: outputs.map((_, k) => k), target: (targets[target] as number[]).flat() };
  const values = { inputs, parameters: { z: outputs.flat() } };

  test("the reference: every loss and gradient to 1e-7", () => {
    const result = interpret(graph, { ...run, ...values });
    expect(relativeError(result.value(graph.outputs.each as number), loss)).toBeLessThan(1e-7);
    expect(relativeError(result.gradients.z as Float64Array, gradient.flat())).toBeLessThan(1e-7);
  });

  test("wasm: the mean and every gradient to 1e-5", async () => {
    const program = await loadTraining(graph, run, {
      inputs: Object.fromEntries(Object.entries(inputs).map(([key, list]) => [key, Float64Array.from(list)])),
      parameters: { z: Float64Array.from(outputs.flat()) },
      states: {},
      settings: {},
      keys: [0, 0],
    });
    await program.run();
    const mean = loss.reduce((a, b) => a + b) / rows;
    expect(relativeError([program.total("loss")], [mean])).toBeLessThan(1e-5);
    expect(relativeError(program.gradient("z"), gradient.flat())).toBeLessThan(1e-5);
  });
});

const all: [string, Loss][] = [
  ...Object.entries(losses),
  ...recorded
    .filter(({ options }) => Object.keys(options).length > 0)
    .map(({ name, options }): [string, Loss] => [`${name} ${JSON.stringify(options)}`, lossWith(name, options)]),
];
describe.each(all)("%s", (_name, loss) => {
  test.each([1, 2, 3])("gradients against central differences in f64, seed %i: 1e-7", (seed) => {
    const sizes = { steps: 5, batch: 2 };
    const graph = lossOfRows(loss, { rows: 4, features: 5 });
    expect(gradientError(graph, randomValues(graph, sizes.steps, sizes.batch, seed, 2), sizes)).toBeLessThan(1e-7);
  });

  // Sizes that are whole vectors, and ones that leave padding.
  test.each([1, 3, 8, 65])("wasm against the reference with %i features: 1e-5", async (features) => {
    const sizes = { steps: 4, batch: 3 };
    const graph = lossOfRows(loss, { rows: 6, features });
    const values = randomValues(graph, sizes.steps, sizes.batch, features, 2);
    const program = await loadTraining(graph, sizes, values);
    await program.run();
    const { error, where } = programError(program, graph, interpret(graph, { ...sizes, ...values }));
    expect(error, where).toBeLessThan(1e-5);
  });
});

/** Loss and gradient of one row of outputs, as the program computes them. */
async function lossAt(loss: Loss, z: number[], target: number[]) {
  const graph = lossOfRows(loss, { rows: 1, features: z.length });
  const program = await loadTraining(graph, { steps: 1, batch: 1 }, randomValues(graph, 1, 1, 1));
  program.setParameter("z", z);
  program.setInput("target", target);
  await program.run();
  return { loss: program.total("loss"), gradient: Array.from(program.gradient("z")) };
}

test("binary cross-entropy: finite where the logits are huge, and its gradient is right where they are 0", async () => {
  const zero = await lossAt(losses.binary_crossentropy, [0, 0], [0, 1]);
  expect(zero.loss).toBeCloseTo(Math.log(2), 6);
  zero.gradient.forEach((d, k) => {
    expect(d).toBeCloseTo([0.25, -0.25][k] as number, 6);
  });
  const huge = await lossAt(binaryCrossentropy({ features: "sum" }), [1e4, -1e4, 1e4, -1e4], [1, 0, 0, 1]);
  expect(huge.loss).toBeCloseTo(2e4, 1);
  expect(huge.gradient).toEqual([0, 0, 1, -1]);
});

test("Huber is half a square up to delta, a line beyond, and smooth where they meet", async () => {
  const { loss, gradient } = await lossAt(huber({ delta: 2 }), [0, 1, 2, 5], [0, 0, 0, 0]);
  expect(loss).toBeCloseTo((0 + 0.5 + 2 + 8) / 4, 6);
  expect(gradient).toEqual([0, 0.25, 0.5, 0.5]);
});

test("label smoothing of dense and of sparse targets is the same", async () => {
  const z = [0.3, -1, 2];
  const dense = await lossAt(categoricalCrossentropy({ labelSmoothing: 0.3 }), z, [0, 1, 0]);
  const sparse = lossOfRows(sparseCategoricalCrossentropy({ labelSmoothing: 0.3 }), { rows: 1, features: 3 });
  const { totals, gradients } = interpret(sparse, {
    ...{ steps: 1, batch: 1, inputs: { tokens: [0], target: [1] }, parameters: { z } },
  });
  expect(dense.loss).toBeCloseTo(totals.loss as number, 6);
  expect(relativeError(dense.gradient, gradients.z as Float64Array)).toBeLessThan(1e-6);
});

test.each(all)("%s: a model learns from it", async (_name, loss) => {
  const [steps, batch, features] = [6, 4, 3];
  const random = createRandom(5);
  const inputs = Float32Array.from({ length: steps * batch * 2 }, () => random.normal());
  // Of a class, of probabilities or switches, and of values alike: the larger of the inputs.
  const classes = Array.from({ length: steps * batch }, (_, row) => {
    return (inputs[2 * row] as number) > (inputs[2 * row + 1] as number) ? 0 : 1;
  });
  const vectors = classes.flatMap((one) => [1 - one, one, 0]);
  const model = sequential([lstm(8, { returnSequences: true }), dense(features)], { seed: 3, input: 2 });
  const trainer = await createTrainer(model, { batch, steps, loss, optimizer: adam({ learningRate: 0.02 }) });
  const taken: number[] = [];
  for (let k = 0; k < 150; k++) {
    trainer.resetStates();
    taken.push(await trainer.update(inputs, loss.target === "index" ? classes : vectors));
  }
  expect(taken.every(Number.isFinite)).toBe(true);
  const [first, last] = [taken[0], taken.at(-1)] as [number, number];
  // With smoothed labels no loss is near 0: an entropy stays.
  expect(last).toBeLessThan(first * 0.75);
});

test("a loss that is none, and options that make no sense, are named in one line", async () => {
  const model = sequential([lstm(2), dense(2)], { input: 2 });
  await expect(createTrainer(model, { batch: 1, steps: 1, loss: "huberr" as LossName })).rejects.toThrow(
    'createTrainer: loss "huberr" is not known. Did you mean huber?',
  );
  expect(() => huber({ delta: 0 })).toThrow("huber: delta must be a number in (0, Infinity), got 0");
  expect(() => categoricalCrossentropy({ labelSmoothing: 1 })).toThrow(
    "categoricalCrossentropy: labelSmoothing must be a number in [0, 1), got 1",
  );
  expect(() => binaryCrossentropy({ features: "max" as "sum" })).toThrow(
    'binaryCrossentropy: features must be one of "mean", "sum", got "max"',
  );
});
