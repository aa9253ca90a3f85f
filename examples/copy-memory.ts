/**
 * The copy task (S. Hochreiter and J. Schmidhuber, 1997; M. Arjovsky et al., 2015): read three symbols, then blanks for a
 * while, then write the symbols when asked to. What has no memory can but guess, and a simple RNN at this learning rate is
 * no better; an LSTM is. `--delay 30` says how many blanks. Takes about 10 seconds.
 */
import { parseArgs } from "node:util";
import { adam, createRandom, dense, embedding, fit, InputError, lstm, sequential, simpleRnn } from "unrolled";

const delay = Number(parseArgs({ options: { delay: { type: "string", default: "30" } } }).values.delay);
if (!(Number.isInteger(delay) && delay >= 1 && delay <= 1000)) {
  throw new InputError("--delay: needs a whole number from 1 to 1000");
}
const [symbols, length] = [4, 3];
const ask = symbols + 1;
const random = createRandom(1);

/** With 0 for a blank and 5 to ask: reads 3 1 4 0 0 0 ... 5 0 0, is to write 0 0 0 0 0 0 ... 3 1 4. */
function examples(count: number): { x: number[][]; y: number[][] } {
  const words = Array.from({ length: count }, () => Array.from({ length }, () => 1 + random.integer(symbols)));
  const blanks = (n: number): number[] => Array.from({ length: n }, () => 0);
  return {
    x: words.map((word) => [...word, ...blanks(delay), ask, ...blanks(length - 1)]),
    y: words.map((word) => [...blanks(length + delay), ...word]),
  };
}
const training = examples(10_000);
const validationData = examples(1000);

const epochs = 8;
const all = { returnSequences: true };
const layers = { "simple RNN": simpleRnn(32, all), LSTM: lstm(32, all) };
const curves: (readonly number[])[] = [];
for (const layer of Object.values(layers)) {
  const model = sequential([embedding(symbols + 2, 8), layer, dense(symbols + 1)], { seed: 1 });
  const { history } = await fit(model, training.x, training.y, {
    ...{ epochs, batchSize: 25, validationData, optimizer: adam({ learningRate: 0.005 }), clipNorm: 1 },
  });
  curves.push(history.valLoss ?? []);
}

// Blanks are certain, and each of the symbols one of four.
const baseline = (length * Math.log(symbols)) / (2 * length + delay);
console.log(`Copying ${length} symbols after ${delay} blanks: cross-entropy a step on 1,000 sequences not trained on`);
console.log(`Without memory: ${baseline.toFixed(4)}\n`);
const row = (first: string, cells: string[]): string =>
  [first, ...cells.map((one) => one.padEnd(30))].join("  ").trimEnd();
console.log(row("epoch", Object.keys(layers)));
for (let epoch = 0; epoch < epochs; epoch++) {
  const losses = curves.map((curve) => curve[epoch] as number);
  const bars = losses.map(
    (loss) => `${loss.toFixed(4)} ${"#".repeat(Math.round(20 * Math.min(loss / baseline, 1.1)))}`,
  );
  console.log(row(`${epoch + 1}`.padStart(5), bars));
}
