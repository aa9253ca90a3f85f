/**
 * Sums as text: a network reads "12+7" character by character and writes "19". An encoder puts the question into one
 * vector; a decoder reads that vector at every step and writes the answer (Keras's addition_rnn, after W. Zaremba and
 * I. Sutskever, "Learning to execute", 2014). The question is read in reverse. Takes about 10 seconds.
 */
import { argmax, createRandom, dense, embedding, fit, lstm, predict, repeatVector, rowsOf, sequential } from "unrolled";

const characters = " 0123456789+";
const length = 5; // Of the longest question; the answer is filled up to it.
const encode = (text: string): number[] => Array.from(text.padEnd(length), (one) => characters.indexOf(one));

// All questions with numbers below 100, in a random order. The last 1,000 are not trained on.
const random = createRandom(1);
const numbers = Array.from({ length: 100 }, (_, n) => n);
const sums = numbers
  .flatMap((a) => numbers.map((b) => ({ question: `${a}+${b}`, answer: `${a + b}`, key: random.uniform() })))
  .sort((one, other) => one.key - other.key);
const held = sums.splice(-1000);
const xOf = (some: typeof sums): number[][] => some.map(({ question }) => encode([...question].reverse().join("")));
const yOf = (some: typeof sums): number[][] => some.map(({ answer }) => encode(answer));

const model = sequential(
  [
    embedding(characters.length, 16),
    lstm(64, { name: "encoder" }),
    repeatVector(length),
    lstm(64, { name: "decoder", returnSequences: true }),
    dense(characters.length), // The loss makes a softmax of it.
  ],
  { seed: 1 },
);
await fit(model, xOf(sums), yOf(sums), {
  ...{ epochs: 12, batchSize: 64, metrics: ["accuracy"], learningRate: () => 0.006 },
  validationData: { x: xOf(held), y: yOf(held) },
  callbacks: [
    {
      onEpochEnd(epoch, { loss, valAccuracy }) {
        const percent = (100 * (valAccuracy as number)).toFixed(1);
        if (epoch % 3 === 2) console.log(`epoch ${epoch + 1}  loss ${loss?.toFixed(3)}  characters right ${percent} %`);
      },
    },
  ],
});

const likeliest = rowsOf(argmax(await predict(model, xOf(held)))); // For each question five characters, as numbers.
const answers = likeliest.map((answer) =>
  Array.from(answer, (k) => characters[k])
    .join("")
    .trim(),
);
const right = held.map(({ answer }, k) => answers[k] === answer);
for (const k of [0, 1, 2, 3, 4, 5, ...right.flatMap((yes, at) => (yes ? [] : [at])).slice(0, 2)]) {
  console.log(
    `${held[k]?.question.padStart(5)} = ${answers[k]?.padEnd(3)} ${right[k] ? "" : `no, ${held[k]?.answer}`}`,
  );
}
console.log(`${right.filter(Boolean).length} of ${held.length} questions not trained on have the right answer`);
