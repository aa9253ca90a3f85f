/**
 * Sequence to sequence at its smallest: a recurrent network reads 1 2 3 4 5 6 and says, at every step, the number that
 * comes next. It learns from ten such rows and is then asked about rows that it has not seen. Takes a second.
 */
import { adam, dense, fit, predict, rowsOf, sequential, simpleRnn } from "unrolled";

/** Six numbers that count up. */
const row = (first: number): number[] => [0, 1, 2, 3, 4, 5].map((k) => first + k);
/** A network likes small numbers: everything is divided by 10 on the way in, and multiplied on the way out. */
const scaled = (rows: number[][]): number[][] => rows.map((numbers) => numbers.map((n) => n / 10));

const firsts = [1, 2, 3, 5, 6, 7, 9, 10, 11, 13];
const x = firsts.map(row);
const y = firsts.map((first) => row(first + 1));

// `returnSequences`: an output at every step, not at the last one alone. `dense` turns each into one number.
const model = sequential([simpleRnn(16, { returnSequences: true }), dense(1)], { input: 1, seed: 1 });
const { history } = await fit(model, scaled(x), scaled(y), {
  ...{ epochs: 500, batchSize: 10, loss: "mean_squared_error", optimizer: adam({ learningRate: 0.01 }) },
});
const losses = history.loss ?? [];
console.log("epoch  mean squared error");
for (const epoch of [1, 10, 100, 500]) console.log(`${epoch}`.padStart(5), ` ${losses[epoch - 1]?.toFixed(6)}`);

const questions: [string, number[]][] = [
  ["learned", row(1)],
  ["not seen", row(4)],
  ["not seen", row(8)],
  ["between whole numbers", row(2.5)],
  ["far outside", row(40)],
];
// Outputs (5,6,1): five rows, six steps, one number.
const answers = rowsOf(await predict(model, scaled(questions.map(([, numbers]) => numbers))));
for (const [k, [what, numbers]] of questions.entries()) {
  const said = Array.from(answers[k] ?? [], (n) => (10 * n).toFixed(1));
  console.log(`\n${what}\n  read ${numbers.map((n) => n.toFixed(1).padStart(5)).join(" ")}`);
  console.log(`  says ${said.map((n) => n.padStart(5)).join(" ")}`);
}
