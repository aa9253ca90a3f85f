/**
 * The small model of W. Zaremba, I. Sutskever and O. Vinyals, "Recurrent neural network regularization", 2014 (arXiv
 * 1409.2329), on the words of the Penn Treebank: two LSTM layers of 200 units, no dropout. Perplexity on the test set:
 * 114.5 in the paper, 115.91 in the rerun that came with TensorFlow.
 */
import { join } from "node:path";
import {
  createEvaluator,
  createRandom,
  createTrainer,
  dense,
  embedding,
  type HostOptions,
  lstm,
  sequential,
  sgd,
  streamBatches,
} from "unrolled";
import { connect } from "unrolled/distributed";
import { recipe, seedRange, writeJson } from "./shared/command.ts";
import { readText } from "./shared/files.ts";

const [units, batch, steps] = [200, 20, 20];

await recipe({
  name: "zaremba-small",
  usage: "zaremba-small DATA [options]",
  summary: "two LSTM layers of 200 units on the words of the Penn Treebank, without dropout",
  details:
    "DATA is the folder with ptb.train.txt, ptb.valid.txt and ptb.test.txt. Trains for the better part of an hour; by mpirun -n N in N processes.",
  examples: ["zaremba-small data/ptb"],
  arguments: [1, 1],
  options: {
    epochs: { value: "N", help: "passes over the training words [13]", number: { whole: true, min: 1, max: 1000 } },
    seed: { value: "N", help: "of the initial values [0]", number: seedRange },
    engine: { value: "NAME", help: "what computes", choices: ["wasm", "native", "reference"] },
    precision: { value: "KIND", help: "operands of matrix products in training [f32]", choices: ["f32", "bf16"] },
  },
  async run(given) {
    const json = given.flag("json");
    const distributed = await connect();
    const isFirst = distributed === undefined || distributed.rank === 0;
    const say = (text: string): unknown => json || !isFirst || process.stdout.write(`${text}\n`);
    const tell = (line: object): unknown => json && isFirst && writeJson(line);
    const [folder] = given.positionals as readonly [string];
    const read = (part: string): string[] => {
      const file = join(folder, `ptb.${part}.txt`);
      return readText(file).replaceAll("\n", " <eos> ").split(" ").filter(Boolean);
    };
    const [train, valid, test] = ["train", "valid", "test"].map(read) as [string[], string[], string[]];
    const vocabulary = new Map([...new Set([...train, ...valid, ...test])].map((word, id) => [word, id]));
    const encode = (words: string[]): Int32Array => Int32Array.from(words, (word) => vocabulary.get(word) as number);
    const size = vocabulary.size;
    say(`${train.length} words to train on, ${valid.length} and ${test.length} to test on, ${size} different ones.`);

    const sequence = lstm(units, { returnSequences: true });
    const model = sequential([embedding(size, units), sequence, sequence, dense(size)]);
    const random = createRandom(given.number("seed") ?? 0);
    for (const values of Object.values(model.values))
      values.forEach((_, k) => (values[k] = 0.2 * random.uniform() - 0.1));

    // The paper's loss is the sum over the time steps, ours their mean: its rate 1 and its largest norm 5 in our terms.
    const optimizer = sgd({ learningRate: steps });
    const engine = given.text("engine") as HostOptions["engine"];
    const precision = given.text("precision") as HostOptions["precision"];
    const training = { batch, steps, optimizer, clipNorm: 5 / steps, engine, precision, distributed };
    const trainer = await createTrainer(model, training);
    const evaluator = await createEvaluator(model, { batch, steps, engine, distributed });
    const batches = streamBatches(encode(train), { batch, steps });
    const startMs = performance.now();
    for (let epoch = 1; epoch <= (given.number("epochs") ?? 13); epoch++) {
      const rate = optimizer.learningRate * 0.5 ** Math.max(0, epoch - 4);
      const epochStartMs = performance.now();
      let loss = 0;
      trainer.resetStates();
      for (let k = 0; k < batches.count; k++) {
        const { inputs, targets } = batches.at(k);
        loss += (await trainer.update(inputs, targets, rate)) / batches.count;
      }
      const tokensPerSecond = (1000 * batches.count * batch * steps) / (performance.now() - epochStartMs);
      trainer.save();
      const validationLoss = await evaluator.loss(encode(valid));
      const elapsedMs = performance.now() - startMs;
      tell({ epoch, loss, validationLoss, tokensPerSecond, elapsedMs });
      say(
        `epoch ${epoch}  rate ${rate / steps}  perplexity ${Math.exp(loss).toFixed(2)}  on the validation set ` +
          `${Math.exp(validationLoss).toFixed(2)}  ${Math.round(tokensPerSecond)} words/s  ${(elapsedMs / 60_000).toFixed(1)} min`,
      );
    }
    // In one go from the first word to the last, as the paper does.
    const testLoss = await (await createEvaluator(model, { batch: 1, steps, engine, distributed })).loss(encode(test));
    const perplexity = Math.exp(testLoss);
    tell({ testLoss, perplexity, elapsedMs: performance.now() - startMs });
    say(`perplexity on the test set: ${perplexity.toFixed(2)}`);
    await distributed?.close();
  },
});
