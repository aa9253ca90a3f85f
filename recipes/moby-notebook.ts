/**
 * The text-generation notebook of many courses with Keras, whole: four chapters of Moby-Dick as words, windows of 25 words
 * and the one that follows, an embedding, two LSTMs, a softmax; and the generation that it breaks off at.
 *
 * It shows two epochs, of loss 6.2964 with accuracy 0.0532 and 6.1657 with 0.0524. They are not the first of that model: it
 * begins at ln 2719 = 7.9080, and the best answer that is the same for all windows has 6.2813. They are like its third and
 * fourth, in PyTorch with all of Keras's formulas (6.339, 6.204) as here: it seems to go on from an earlier fit. See docs/log/recipes.md.
 */
import { adam, dense, embedding, englishWords, fit, InputError, lstm, predict, sequential, Tokenizer } from "unrolled";
import { recipe, seedRange, writeJson } from "./shared/command.ts";
import { readText } from "./shared/files.ts";

const [length, batch, units] = [25, 128, 150];
/** What the notebook drops: every token that is a part of this. */
const dropped = '\n\n \n\n\n!"-#$%&()--.*+,-/:;<=>?@[\\]^_`{|}~\t\n ';

await recipe({
  name: "moby-notebook",
  usage: "moby-notebook FILE [options]",
  summary: "Keras's text-generation notebook on four chapters of Moby-Dick, to its end",
  details: "FILE is the text, moby_dick_four_chapters.txt.",
  examples: ["moby-notebook moby_dick_four_chapters.txt --epochs 200"],
  arguments: [1, 1],
  options: {
    epochs: { value: "N", help: "passes over the windows [2]", number: { whole: true, min: 1, max: 10_000 } },
    "learning-rate": { value: "X", help: "of Adam [0.001]", number: { above: 0 } },
    threads: {
      value: "N",
      help: "threads training threads; same result [cores]",
      number: { whole: true, min: 1, max: 64 },
    },
    words: { value: "N", help: "words to write at the end [25]", number: { whole: true, min: 1, max: 10_000 } },
    seed: { value: "N", help: "of the initial values and the order of the windows [0]", number: seedRange },
  },
  async run(given) {
    const json = given.flag("json");
    const say = (text: string): unknown => json || process.stdout.write(`${text}\n`);
    const [file] = given.positionals as readonly [string];
    const text = readText(file);
    const tokens = englishWords(text)
      .filter((token) => !dropped.includes(token))
      .map((token) => token.toLowerCase());
    const windows: string[][] = [];
    for (let end = length + 1; end < tokens.length; end++) windows.push(tokens.slice(end - length - 1, end));
    if (windows.length < batch) {
      throw new InputError(`${file}: ${tokens.length} words make ${windows.length} windows; ${batch} are needed.`);
    }
    const tokenizer = new Tokenizer();
    tokenizer.fitOnTexts(windows);
    const sequences = tokenizer.textsToSequences(windows);
    const words = tokenizer.wordCounts.size;
    say(`${tokens.length} tokens, ${windows.length} windows, ${words} words`);

    const model = sequential(
      [
        embedding(words + 1, length),
        lstm(units, { returnSequences: true }),
        lstm(units),
        dense(units, { activation: "relu" }),
        dense(words + 1),
      ],
      { seed: given.number("seed") ?? 0 },
    );
    const startMs = performance.now();
    await fit(
      model,
      sequences.map((sequence) => sequence.slice(0, length)),
      sequences.map((sequence) => sequence[length] as number),
      {
        epochs: given.number("epochs") ?? 2,
        batchSize: batch,
        optimizer: adam({ learningRate: given.number("learning-rate") ?? 0.001 }),
        metrics: ["accuracy"],
        callbacks: [
          { onEpochEnd: (epoch, { loss = Number.NaN, accuracy = Number.NaN }) => report(epoch, loss, accuracy) },
        ],
        seed: given.number("seed") ?? 0,
        threads: given.number("threads"),
      },
    );
    function report(before: number, loss: number, accuracy: number): void {
      const elapsedMs = performance.now() - startMs;
      const epoch = before + 1;
      if (json) writeJson({ epoch, loss, accuracy, elapsedMs });
      const figures = `loss ${loss.toFixed(4)}  accuracy ${accuracy.toFixed(4)}`;
      say(`epoch ${epoch}  ${figures}  ${(elapsedMs / 1000).toFixed(0)} s`);
    }

    // What the notebook never got to run: its seed text, and word after word the likeliest.
    const seedText = (windows[0] as string[]).slice(0, length);
    const written: string[] = [];
    for (let k = 0; k < (given.number("words") ?? 25); k++) {
      const known = tokenizer.textsToSequences([[...seedText, ...written].slice(-length)]);
      const { data } = await predict(model, known);
      const logits = data.subarray(1); // 0 is nobody's number.
      written.push(tokenizer.indexWord.get(1 + logits.indexOf(Math.max(...logits))) as string);
    }
    if (json)
      writeJson({
        seedText: seedText.join(" "),
        text: written.join(" "),
        tokens: tokens.length,
        windows: windows.length,
        words,
      });
    say(`\n${seedText.join(" ")} ...\n${written.join(" ")}`);
  },
});
