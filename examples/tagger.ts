/**
 * Parts of speech in a toy grammar where "old", "light" and "her" change theirs with what stands to their left and right.
 * An LSTM that reads forwards has to guess; one that reads both ways need not. Sentences differ in length, so they are
 * padded and the padding is masked. Takes about 5 seconds.
 */
import {
  argmax,
  bidirectional,
  createRandom,
  dense,
  embedding,
  evaluate,
  fit,
  lstm,
  padSequences,
  predict,
  rowsOf,
  sequential,
  Tokenizer,
} from "unrolled";

const words: Record<string, string[]> = {
  DET: ["the", "her"],
  ADJ: ["old", "young", "light"],
  NOUN: ["old", "young", "light", "man", "fish", "boat", "watch"],
  VERB: ["man", "fish", "light", "watch", "see"],
  PRON: ["her", "them"],
};
const tags = ["padding", ...Object.keys(words)];
const phrases = ["DET NOUN", "DET ADJ NOUN", "DET ADJ ADJ NOUN"];
const random = createRandom(1);
const pick = (from: string[]): string => from[random.integer(from.length)] as string;
const split = (text: string): string[] => text.split(" ");
const pad = (rows: number[][]) => padSequences(rows, { maxlen: 9, padding: "post" });
const tokenizer = new Tokenizer(); // Numbers words from 1 on: 0 is padding.
tokenizer.fitOnTexts(Object.values(words));
const size = tokenizer.wordIndex.size + 1;
const encode = (texts: string[][]) => pad(tokenizer.textsToSequences(texts));

/** Sentences: somebody does something, or does it to somebody. */
function examples(count: number) {
  const rule = () => split(`${pick(phrases)} VERB ${pick(["", "PRON", ...phrases])}`.trim());
  const sentences = Array.from({ length: count }, rule);
  const x = encode(sentences.map((sentence) => sentence.map((tag) => pick(words[tag] as string[]))));
  return { x, y: pad(sentences.map((sentence) => sentence.map((tag) => tags.indexOf(tag)))) };
}
const [training, held] = [examples(4000), examples(1000)];
const shown = ["the old man the boat", "the old man see the boat", "the young light her"].map(split);
const layer = lstm(16, { returnSequences: true });
for (const [name, reader] of Object.entries({ forwards: layer, "both ways": bidirectional(layer) })) {
  const model = sequential([embedding(size, 8, { maskZero: true }), reader, dense(tags.length)], { seed: 1 });
  await fit(model, training.x, training.y, { epochs: 12, batchSize: 16 });
  const { accuracy = 0 } = await evaluate(model, held.x, held.y, { metrics: ["accuracy"] });
  console.log(`An LSTM that reads ${name}: ${(100 * accuracy).toFixed(1)} % of the words of 1,000 new sentences right`);
  const found = rowsOf(argmax(await predict(model, encode(shown))));
  for (const [k, words] of shown.entries()) {
    console.log(`  ${words.map((word, t) => `${word}/${tags[found[k]?.[t] as number]}`).join(" ")}`);
  }
}
