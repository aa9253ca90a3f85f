/**
 * Does a reviewer like the film? One-line reviews as sequences of words, read in both directions by an LSTM; a tenth is
 * held out. FOLDER has rt-polarity.pos and rt-polarity.neg, 5,331 lines each (B. Pang and L. Lee, "Seeing stars", 2005):
 * `npm run example -- sentiment FOLDER`. Takes about 5 seconds.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  bidirectional,
  createRandom,
  dense,
  dropout,
  embedding,
  fit,
  InputError,
  lstm,
  padSequences,
  predict,
  sequential,
  summary,
  Tokenizer,
} from "unrolled";

const folder = process.argv[2];
if (folder === undefined) throw new InputError("sentiment: name the folder with rt-polarity.pos and rt-polarity.neg");
const random = createRandom(1);
const read = (file: string, y: number) => {
  const lines = readFileSync(join(folder, file), "utf8").trim().split("\n");
  return lines.map((text) => ({ text, y, key: random.uniform() }));
};
const reviews = [...read("rt-polarity.pos", 1), ...read("rt-polarity.neg", 0)].sort((a, b) => a.key - b.key);
const held = reviews.splice(0, Math.floor(reviews.length / 10));

// Numbers for the 7,998 most frequent words of the reviews to train on; 1 stands for any other word, 0 is padding.
const words = 8000;
const tokenizer = new Tokenizer({ numWords: words, oovToken: "<unknown>" });
tokenizer.fitOnTexts(reviews.map(({ text }) => text));
const encode = (texts: string[]) => padSequences(tokenizer.textsToSequences(texts), { maxlen: 32 });
const examplesOf = (some: typeof reviews) => ({ x: encode(some.map(({ text }) => text)), y: some.map(({ y }) => y) });

// `maskZero`: the layers behind skip the padding.
const model = sequential(
  [embedding(words, 32, { maskZero: true }), dropout(0.5), bidirectional(lstm(16)), dropout(0.5), dense(1)],
  { seed: 1 },
);
const { x, y } = examplesOf(reviews);
const { history } = await fit(model, x, y, {
  ...{ epochs: 3, batchSize: 64, loss: "binary_crossentropy", metrics: ["accuracy"], validationData: examplesOf(held) },
});
console.log(`${summary(model)}\n`);
for (const [name, values] of Object.entries(history)) console.log(name.padEnd(14), ...values.map((v) => v.toFixed(3)));

const asked = ["a warm , funny and moving film", "the plot makes no sense and the jokes fall flat", "not bad at all"];
// The model gives logits; the sigmoid makes a probability of each.
const { data } = await predict(model, encode(asked), { activation: "sigmoid" });
asked.forEach((text, k) => console.log(`${(100 * (data[k] as number)).toFixed(0).padStart(3)} %  ${text}`));
