/**
 * Encoder and decoder with teacher forcing: one LSTM reads a word, another starts from the states in which the first one
 * ended and writes the word in reverse (after I. Sutskever et al., 2014). In training it reads the right letter before
 * each one; when it writes, it reads what it has written itself. Takes about 10 seconds.
 */
import { adam, argmax, createRandom, dense, embedding, fit, input, lstm, predict, sequential } from "unrolled";

// 0 is padding, 1 to 26 are letters, 27 begins and ends what is written.
const alphabet = " abcdefghijklmnopqrstuvwxyz|";
const [classes, mark, steps] = [alphabet.length, alphabet.length - 1, 6];
const pad = (numbers: number[]): number[] => Array.from({ length: steps }, (_, t) => numbers[t] ?? 0);

// Any letters will do for words: 20,000 of 2 to 5 letters.
const random = createRandom(1);
const words = Array.from({ length: 20_000 }, () =>
  Array.from({ length: 2 + random.integer(steps - 2) }, () => 1 + random.integer(26)),
);
const answers = words.map((word) => word.toReversed());
const x = { word: words.map(pad), written: answers.map((answer) => pad([mark, ...answer])) };
const y = answers.map((answer) => pad([...answer, mark]));

const model = sequential(
  [
    input("tokens", { name: "word" }),
    embedding(classes, 16, { maskZero: true }),
    lstm(64, { name: "encoder" }),
    input("tokens", { name: "written" }),
    embedding(classes, 16, { maskZero: true }),
    lstm(64, { name: "decoder", returnSequences: true, initialState: { from: "encoder" } }),
    dense(classes),
  ],
  { seed: 1 },
);
const percent = (share: number): string => `${(100 * share).toFixed(1)} % of letters right`;
await fit(model, x, y, {
  ...{ epochs: 5, batchSize: 64, metrics: ["accuracy"], validationSplit: 0.05 },
  ...{ optimizer: adam({ learningRate: 0.005 }), clipNorm: 1 },
  callbacks: [
    { onEpochEnd: (epoch, { valAccuracy = 0 }) => console.log(`epoch ${epoch + 1}  ${percent(valAccuracy)}`) },
  ],
});

/** Letter after letter, each time the likeliest one, until it writes that the word has ended. */
async function reverse(word: string): Promise<string> {
  const letters = Array.from(word, (letter) => alphabet.indexOf(letter));
  const written = [mark];
  while (written.length < steps) {
    const { data } = argmax(await predict(model, { word: [pad(letters)], written: [pad(written)] }));
    const letter = data[written.length - 1] as number;
    if (letter === mark) break;
    written.push(letter);
  }
  return written
    .map((letter) => alphabet[letter])
    .slice(1)
    .join("");
}
for (const word of ["on", "live", "stop", "lager", "level"]) console.log(`${word} -> ${await reverse(word)}`);
