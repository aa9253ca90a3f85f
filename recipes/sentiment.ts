/**
 * Does a reviewer like the film? B. Pang and L. Lee, "Seeing stars", 2005: rt-polarity.pos and rt-polarity.neg, 5,331 lines each. A
 * GRU that reads both ways: the largest value of each unit over time, beside the mean of the words' vectors; words and numbers of
 * them dropped in training; no vectors of other texts. A word's vector begins with what its count in good and bad reviews of the
 * training says (S. Wang and C. Manning, "Baselines and bigrams", 2012). Every tenth line of each file is the test, or, as is usual for these files, each tenth in turn. Published for LSTMs without such vectors: 76 to 78 % (X. Zhu et al., 2015).
 */
import {
  adam,
  bidirectional,
  concatenate,
  cosineDecay,
  createRandom,
  dense,
  dropout,
  embedding,
  fit,
  globalAveragePooling1d,
  globalMaxPooling1d,
  gru,
  type Model,
  predict,
  type Random,
  sequential,
  Tokenizer,
} from "unrolled";
import { recipe, seedRange, writeJson } from "./shared/command.ts";
import { readText } from "./shared/files.ts";

type Review = { readonly words: readonly string[]; readonly y: number; readonly line: number };
/** The number of each word from 2 on, 1 for a word that came once or never. */
type Numbers = (review: Review) => number[];
const whole = { whole: true, min: 1, max: 100_000 } as const;
const unknown = 1;
const batchSize = 64;
/** Beside the other numbers of a word's vector, which start within 0.05; chosen on validation lines. */
const ratioScale = 0.3;

await recipe({
  name: "sentiment",
  usage: "sentiment rt-polarity.pos rt-polarity.neg [options]",
  summary: "a GRU tells good reviews from bad ones",
  details:
    "Every tenth line of each file is held out as the test; with --folds 10 each\n" +
    "line is once, by a network of its own. With --validate the lines before these\n" +
    "are measured, and the test is not touched: settings are chosen so.",
  examples: ["sentiment rt-polarity.pos rt-polarity.neg --seeds 3 --members 3"],
  arguments: [2, 2],
  options: {
    units: { value: "N", help: "of each direction, half those of a word's vector [32]", number: whole },
    epochs: { value: "N", help: "passes over the reviews [5]", number: whole },
    members: { value: "N", help: "networks whose probabilities are averaged [1]", number: whole },
    folds: { value: "N", help: "ways to hold a tenth out [1]", number: { whole: true, min: 1, max: 10 } },
    validate: { help: "measure on lines of the training, not on the test" },
    seed: { value: "N", help: "of values, order, dropout [0]", number: seedRange },
    seeds: { value: "N", help: "so many trainings, from that seed on [1]", number: whole },
  },
  async run(given) {
    const [positive, negative] = given.positionals as readonly [string, string];
    const json = given.flag("json");
    const validate = given.flag("validate");
    const all = [...reviewsOf(positive, 1), ...reviewsOf(negative, 0)];
    const [members, first, folds] = [
      given.number("members") ?? 1,
      given.number("seed") ?? 0,
      given.number("folds") ?? 1,
    ];
    const shares: { readonly each: number[]; readonly together: number }[] = [];
    let of = 0;
    for (let k = 0; k < (given.number("seeds") ?? 1); k++) {
      const right = { each: Array.from({ length: members }, () => 0), together: 0 };
      of = 0;
      for (let held = 9; held > 9 - folds; held--) {
        const place = validate ? (held + 9) % 10 : held;
        const measured = all.filter(({ line }) => line % 10 === place);
        const training = all.filter(({ line }) => line % 10 !== place && line % 10 !== held);
        const { numbers, count } = numbered(training);
        const sizes = { units: given.number("units") ?? 32, epochs: given.number("epochs") ?? 5, count };
        const sum = new Float64Array(measured.length);
        for (let member = 0; member < members; member++) {
          // Each network of each seed has a seed of its own.
          const model = await trained(training, numbers, { ...sizes, seed: first + k + 1000 * member });
          const found = await positiveOf(model, measured, numbers);
          found.forEach((p, n) => (sum[n] = (sum[n] as number) + p / members));
          right.each[member] = (right.each[member] as number) + rightOf(found, measured);
        }
        right.together += rightOf(sum, measured);
        of += measured.length;
      }
      const result = { each: right.each.map((n) => n / of), together: right.together / of };
      shares.push(result);
      if (json) writeJson({ seed: first + k, ...result, of });
      else {
        const own = result.each.map(percent).join(", ");
        process.stdout.write(`seed ${first + k}: ${percent(result.together)}${members > 1 ? ` (${own} each)` : ""}\n`);
      }
    }
    const together = shares.map((one) => one.together);
    const mean = together.reduce((a, b) => a + b) / together.length;
    const spread = Math.max(...together) - Math.min(...together);
    if (json) return writeJson({ mean, spread, of });
    process.stdout.write(
      `mean ${percent(mean)}, spread ${percent(spread)}, of ${of} reviews ${validate ? "of the training, for validation" : "held out"}\n`,
    );
  },
});

function reviewsOf(file: string, y: number): Review[] {
  const lines = readText(file).trim().split("\n");
  return lines.map((text, line) => ({ words: text.trim().split(/\s+/), y, line }));
}

/** Words that came at least twice have a number; 0 is padding. */
function numbered(training: readonly Review[]): { readonly numbers: Numbers; readonly count: number } {
  const tokenizer = new Tokenizer({ filters: "", lower: false });
  tokenizer.fitOnTexts(training.map(({ words }) => words));
  const frequent = [...tokenizer.wordCounts].filter(([, n]) => n >= 2).map(([word]) => word);
  const ids = new Map(frequent.map((word, k) => [word, k + unknown + 1]));
  return { numbers: ({ words }) => words.map((word) => ids.get(word) ?? unknown), count: ids.size + unknown + 1 };
}

type Sizes = { readonly units: number; readonly epochs: number; readonly count: number; readonly seed: number };
async function trained(training: readonly Review[], numbers: Numbers, sizes: Sizes): Promise<Model> {
  const { units, epochs, count, seed } = sizes;
  const words = [embedding(count, 2 * units, { maskZero: true }), dropout(0.5, { name: "words" })];
  const recurs = bidirectional(gru(units, { returnSequences: true }));
  const largest = [recurs, globalMaxPooling1d({ name: "largest" })];
  const mean = globalAveragePooling1d({ name: "mean", reads: "words" });
  const model = sequential([...words, ...largest, mean, concatenate(["largest", "mean"]), dropout(0.5), dense(2)], {
    seed,
  });
  beginWithRatios(model.values["embedding.weight"] as Float32Array, 2 * units, training, numbers);
  const random = createRandom(seed);
  const [learningRate, perEpoch] = [0.002, Math.ceil(training.length / batchSize)];
  await fit(
    model,
    { [Symbol.iterator]: () => batchesOf(training, numbers, random) },
    {
      ...{ epochs, seed, clipNorm: 1, pad: "post", buckets: [12, 20, 28, 64], threads: 1 },
      optimizer: adam({ learningRate }),
      learningRate: cosineDecay({ initialLearningRate: learningRate, decaySteps: perEpoch * epochs }),
    },
  );
  return model;
}

/** The first number of each word's vector: by how much its share of good reviews' words exceeds that of bad ones', as a logarithm. */
function beginWithRatios(vectors: Float32Array, width: number, training: readonly Review[], numbers: Numbers): void {
  const counts = new Map<number, [bad: number, good: number]>();
  const sums = [0, 0] as [number, number];
  for (const review of training) {
    for (const id of new Set(numbers(review))) {
      const of = counts.get(id) ?? [1, 1];
      counts.set(id, of);
      of[review.y as 0 | 1]++;
      sums[review.y as 0 | 1]++;
    }
  }
  for (const [id, [bad, good]] of counts) {
    if (id > unknown) vectors[id * width] = ratioScale * Math.log((good * sums[0]) / (bad * sums[1]));
  }
}

/** Batches of reviews of like length, in a new order each time, three tenths of their words unknown. */
function* batchesOf(training: readonly Review[], numbers: Numbers, random: Random) {
  const keys = training.map(({ words }) => words.length * (0.9 + 0.2 * random.uniform()));
  const order = training.map((_, k) => k).sort((a, b) => (keys[a] as number) - (keys[b] as number));
  const starts = Array.from({ length: Math.ceil(order.length / batchSize) }, (_, k) => k * batchSize);
  const shuffled = starts.map((start) => ({ start, key: random.uniform() })).sort((a, b) => a.key - b.key);
  for (const { start } of shuffled) {
    const batch = order.slice(start, start + batchSize).map((k) => training[k] as Review);
    const x = batch.map((one) => numbers(one).map((id) => (random.uniform() < 0.3 ? unknown : id)));
    yield { x, y: batch.map(({ y }) => y) };
  }
}

/** The probability that each review is a good one. */
async function positiveOf(model: Model, reviews: readonly Review[], numbers: Numbers): Promise<number[]> {
  const { data } = await predict(model, reviews.map(numbers), {
    pad: "post",
    buckets: 4,
    activation: "softmax",
    threads: 1,
  });
  return reviews.map((_, n) => data[2 * n + 1] as number);
}
function rightOf(found: ArrayLike<number>, reviews: readonly Review[]): number {
  return reviews.filter(({ y }, n) => (found[n] as number) > 0.5 === (y === 1)).length;
}
function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
