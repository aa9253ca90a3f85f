/**
 * The adding problem (S. Hochreiter and J. Schmidhuber, "Long short-term memory", 1997): a sequence of random numbers, two
 * of them marked; what is their sum? Whoever always answers 1 has a mean squared error of 1/6. A simple RNN stays there,
 * for the marks are too long ago; an LSTM does not. `--steps 100` is the length. Takes about 15 seconds.
 */
import { parseArgs } from "node:util";
import { adam, createRandom, dense, fit, InputError, lstm, sequential, simpleRnn } from "unrolled";

const steps = Number(parseArgs({ options: { steps: { type: "string", default: "100" } } }).values.steps);
if (!(Number.isInteger(steps) && steps >= 2 && steps <= 1000)) {
  throw new InputError("--steps: needs a whole number from 2 to 1000");
}
const random = createRandom(1);

/** Two features a step: a number in [0, 1), and 1 where it is marked, once in each half. */
function examples(count: number): { x: number[][][]; y: number[] } {
  const half = Math.floor(steps / 2);
  const x: number[][][] = [];
  const y: number[] = [];
  for (let k = 0; k < count; k++) {
    const numbers = Array.from({ length: steps }, () => random.uniform());
    const marked = [random.integer(half), half + random.integer(steps - half)];
    x.push(numbers.map((number, t) => [number, marked.includes(t) ? 1 : 0]));
    y.push(marked.reduce((sum, t) => sum + (numbers[t] as number), 0));
  }
  return { x, y };
}
const training = examples(10_000);
const validationData = examples(1000);

const epochs = 6;
const layers = { "simple RNN": simpleRnn(32), LSTM: lstm(32) };
const curves: (readonly number[])[] = [];
for (const layer of Object.values(layers)) {
  const model = sequential([layer, dense(1)], { input: 2, seed: 1 });
  const { history } = await fit(model, training.x, training.y, {
    ...{ epochs, batchSize: 50, loss: "mean_squared_error", validationData },
    ...{ optimizer: adam({ learningRate: 0.01 }), clipNorm: 1 },
  });
  curves.push(history.valLoss ?? []);
}

console.log(`Adding problem, ${steps} steps: mean squared error on 1,000 sequences not trained on`);
console.log(`Always answering 1: ${(1 / 6).toFixed(4)}\n`);
const row = (first: string, cells: string[]): string =>
  [first, ...cells.map((one) => one.padEnd(26))].join("  ").trimEnd();
console.log(row("epoch", Object.keys(layers)));
for (let epoch = 0; epoch < epochs; epoch++) {
  const losses = curves.map((curve) => curve[epoch] as number);
  const bars = losses.map((loss) => `${loss.toFixed(4)} ${"#".repeat(Math.round(100 * Math.min(loss, 0.2)))}`);
  console.log(row(`${epoch + 1}`.padStart(5), bars));
}
