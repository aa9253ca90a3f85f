import { expect, test } from "vitest";
import { cell } from "../../src/graph/cell.ts";
import { bidirectional, dense, embedding, recurrent, simpleRnn } from "../../src/nn/layers.ts";
import { type Model, sequential } from "../../src/nn/model.ts";
import { fit } from "../../src/train/fit.ts";
import { fitStream } from "../../src/train/fit-stream.ts";
import { NonFiniteLoss } from "../../src/train/non-finite-guard.ts";
import { sgd } from "../../src/train/optimizers.ts";

const still = sgd({ learningRate: 0 });
const failure = async (training: Promise<unknown>): Promise<NonFiniteLoss> => {
  const error = await training.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(NonFiniteLoss);
  return error as NonFiniteLoss;
};
const advice = "Try a smaller learning rate, or clip the gradients.";
const copyOf = (model: Model) => structuredClone(model.values);

/** A state that doubles what it was and adds the input: 1e30 becomes infinite in f32 (3.4e38) after 28 doublings more. */
const doubling = cell("s' = x + s + s");

test("a value that overflows: its name, the example of the data, the time step and the update; the model is as it was", async () => {
  const model = sequential([recurrent(doubling, { name: "twice" }), dense(1)], { input: 1, seed: 1 });
  const before = copyOf(model);
  const quiet = Array.from({ length: 40 }, () => [0]);
  const x = Array.from({ length: 6 }, () => quiet);
  // Example 4, in the second batch: 1e30 at step 3, doubled at each step after it, too large 29 doublings later.
  x[4] = quiet.map((_, t) => [t === 3 ? 1e30 : 0]);
  const training = fit(model, x, [0, 0, 0, 0, 0, 0], {
    ...{ loss: "mean_squared_error", optimizer: still, batchSize: 3, shuffle: false },
  });
  const error = await failure(training);
  const step = 3 + Math.ceil(Math.log2(3.4028235e38 / 1e30));
  expect(error.message).toBe(
    `training: twice.s' (example 4, step ${step}, update 2) became Infinity, expected a finite number. ` +
      `The model keeps its values of update 0. ${advice}`,
  );
  expect(error.trained).toBe(false);
  expect(model.values).toEqual(before);
});

test("a layer that goes backwards begins at the last step: there is the first bad value", async () => {
  const both = bidirectional(recurrent(doubling, { returnSequences: true }), { name: "both" });
  const model = sequential([both, dense(1)], { input: 1, seed: 1 });
  const x = [Array.from({ length: 40 }, (_, t) => [t === 39 ? 1e30 : 0])];
  const y = [new Array(40).fill(0)];
  const { message } = await failure(fit(model, x, y, { loss: "mean_absolute_error", optimizer: still }));
  expect(message).toContain(
    `both.backward.s' (example 0, step ${39 - 29}, update 1) became Infinity, expected a finite number.`,
  );
});

test("where every named value is finite, the loss itself is to blame", async () => {
  const model = sequential([dense(1)], { input: 1, seed: 1 });
  const training = fit(model, [[[1]], [[1]]], [[0], [1e30]], {
    ...{ loss: "mean_squared_error", optimizer: still, shuffle: false },
  });
  expect((await failure(training)).message).toContain(
    "training: the loss (example 1, step 0, update 1) became Infinity, expected a finite number.",
  );
});

test("a gradient that overflows, while the loss is still a number: the parameter, and the update that did it", async () => {
  // Through 50 steps the gradient grows by 10 each; the state stays 0, so that nothing else does.
  const model = sequential([recurrent(cell("s' = U @ s + W @ x"), { units: 1, name: "grows" }), dense(1)], {
    input: 1,
  });
  model.values["grows.U"]?.fill(10);
  model.values["grows.W"]?.fill(1);
  model.values["dense.W"]?.fill(1);
  const before = copyOf(model);
  const x = [Array.from({ length: 50 }, (_, t) => [t === 49 ? 1 : 0])];
  const { message } = await failure(
    fit(model, x, [0], { loss: "mean_squared_error", optimizer: sgd({ learningRate: 0.01 }), epochs: 5 }),
  );
  expect(message).toMatch(
    /^training: the gradient of grows\.[UW] \(row 0, column 0, update 1\) became (NaN|-?Infinity), expected a finite number: every value of the model was finite\. /,
  );
  expect(model.values).toEqual(before);
});

test("an earlier epoch that was good is kept, and the error says of which update", async () => {
  const model = sequential([simpleRnn(2), dense(1)], { input: 1, seed: 1 });
  let kept: ReturnType<typeof copyOf> | undefined;
  const training = fit(model, [[[1]], [[2]]], [1, 2], {
    ...{ loss: "mean_squared_error", batchSize: 1, epochs: 4 },
    learningRate: (step) => (step < 4 ? 0.01 : 3e38),
    callbacks: [
      {
        onEpochEnd(epoch) {
          if (epoch === 1) kept = copyOf(model);
        },
      },
    ],
  });
  const error = await failure(training);
  expect(error.message).toContain("The model keeps its values of update 4.");
  expect(error.trained).toBe(true);
  expect(model.values).toEqual(kept);
});

test("over a stream, too, with the states that were carried", async () => {
  const lstmLike = recurrent(cell("s' = W @ x + s + s"), { units: 2, returnSequences: true, name: "twice" });
  const model = sequential([embedding(2, 2), lstmLike, dense(2)], { seed: 1 });
  model.values["embedding.weight"]?.fill(1);
  model.values["twice.W"]?.fill(0.5);
  // One unit in at each step: after n steps it is 2^n - 1, infinite after the 128th, the last of update 16 of 8 steps.
  const training = fitStream(model, new Int32Array(2000), {
    ...{ batch: 2, steps: 8, epochs: 9, validationSplit: 0, optimizer: sgd({ learningRate: 0 }) },
  });
  const { message } = await failure(training);
  expect(message).toMatch(
    /^training: (twice\.s'|dense\.y) \(example 0, step \d, update 16\) became -?Infinity, expected a finite number\./,
  );
  // Nothing was learned: the state that came into the batch had grown.
  expect(message).toMatch(/A state was [\d.e+]+ when the batch began: it grows from batch to batch\. Bound it/);
});

const byTheRate = /Try a smaller learning rate, or clip the gradients\.$/;
const notByTheRate =
  /neither the learning rate nor clipping can help: bound the value in its equation .*, begin with smaller weights/;
const byTheEquation = /Change the equation so that this cannot happen: add a small number, or bound it by max\.$/;

/** A cell of one unit that reads one number a step, trained on one sequence of zeros unless told otherwise. */
type Given = {
  readonly x?: readonly number[];
  readonly y?: number;
  readonly rate?: number;
  readonly values?: Readonly<Record<string, number>>;
};
async function cause(equations: string, { x = [0, 0, 0, 0], y = 0, rate = 0, values = {} }: Given): Promise<string> {
  const own = recurrent(cell(equations), { units: 1, name: "own", returnSequences: true });
  const model = sequential([own, dense(1)], { input: 1, seed: 1 });
  for (const [name, value] of Object.entries(values)) model.values[name]?.fill(value);
  const options = { loss: "mean_squared_error", optimizer: sgd({ learningRate: rate }), epochs: 9 } as const;
  const { message } = await failure(fit(model, [x.map((one) => [one])], [x.map(() => y)], options));
  expect(message).not.toContain("\n");
  return message;
}

test.each([
  // Of the first forward pass, in which nothing was learned yet.
  [
    "h' = exp(W @ x + U @ h) * 1e15",
    { values: { "own.U": 1 } },
    '"h\' = exp(W @ x + U @ h) * 1e15" takes e to the power of 1e+15',
    notByTheRate,
  ],
  [
    "h' = exp(W @ x + b + 99)  # far too much",
    {},
    '"h\' = exp(W @ x + b + 99)" takes e to the power of 99',
    notByTheRate,
  ],
  ["h' = 1e39 * (W @ x + b)\nb ~ ones", {}, "multiplies 1e+39 by 1", notByTheRate],
  [
    "h' = h + x + x",
    { x: [3e38, 0] },
    "own.h' (example 0, step 0, update 1) became Infinity, expected a finite number. ",
    notByTheRate,
  ],
  // Of an operation that has no value there, whenever that is.
  [
    "k' = k + 1\ny = (W @ x + b + 1) / (3 - k')",
    {},
    '(example 0, step 2, update 1) became Infinity, expected a finite number: "y = (W @ x + b + 1) / (3 - k\')" divides by 0. ',
    byTheEquation,
  ],
  ["y = x / x", {}, "divides by 0", byTheEquation],
  ["y = W @ x + log(x)", {}, "takes the logarithm of 0", byTheEquation],
  ["y = W @ x + log(x - 2)", {}, "takes the logarithm of -2", byTheEquation],
  ["y = W @ x + sqrt(x - 0.25)", {}, "takes the square root of -0.25", byTheEquation],
  ["s = x - 0.5\ny = W @ x + sqrt(s)", {}, '"y = W @ x + sqrt(s)" takes the square root of -0.5', byTheEquation],
  // Of what a parameter starts as.
  [
    "y = W @ x",
    { values: { "own.W": Number.POSITIVE_INFINITY } },
    "own.W (row 0, column 0) was Infinity before update 1, expected a finite number. ",
    /Look at where its values are from: its initialiser, or a file\.$/,
  ],
  // Of the target.
  [
    "y = W @ x",
    { y: 1e30 },
    "the loss (example 0, step 0, update 1) became Infinity, expected a finite number. ",
    /look at the targets, and at outputs that are very large\.$/,
  ],
  // Of a derivative that has no value.
  [
    "y = W @ x + log(b + 1e-38)",
    { values: { "dense.W": 9 } },
    "the gradient of own.b (element 0, update 1) became",
    /look for a root, a logarithm or a division near 0\.$/,
  ],
  // Of what training made.
  ["y = W @ x + b", { x: [9], y: 1, rate: 1e30 }, /, update [1-9]\) became/, byTheRate],
] as const)("%s: the reason, and advice by it", async (equations, given, reason, advice) => {
  const message = await cause(equations, given);
  expect(message).toMatch(
    typeof reason === "string" ? new RegExp(reason.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")) : reason,
  );
  expect(message).toMatch(advice);
});
