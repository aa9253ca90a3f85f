/** One classifier for each seed, on the same examples, and all of them together. Knows nothing about what the examples are. */
import {
  type Classification,
  type ClassifierOptions,
  classifier,
  classify,
  type LabelledSequence,
  type TrainClassifierOptions,
  trainClassifier,
} from "unrolled";
import { writeJson } from "../shared/command.ts";

/** What is trained on, and what is tested on. */
export type Parts = { readonly training: readonly LabelledSequence[]; readonly test: readonly LabelledSequence[] };

export type SeedsOptions = {
  readonly seeds: readonly number[];
  readonly model: ClassifierOptions;
  readonly train: TrainClassifierOptions;
  readonly json: boolean;
  /** What lines call these parts. */
  readonly what: string;
};

/** The examples told right, of each seed's classifier, and of the mean of their probabilities. */
export type SeedsResult = { readonly right: readonly number[]; readonly together: number; readonly elapsedMs: number };

export async function trainSeeds({ training, test }: Parts, options: SeedsOptions): Promise<SeedsResult> {
  const { seeds, model, train, json, what } = options;
  const startMs = performance.now();
  const all: Classification[][] = [];
  const right: number[] = [];
  for (const seed of seeds) {
    const seedMs = performance.now();
    const own = classifier(training, { ...model, seed });
    await trainClassifier(own, training, { ...train, validation: 0, threads: 1, seed });
    const said = await classify(own, test);
    all.push(said);
    right.push(test.filter(({ label }, k) => said[k]?.label === label).length);
    const elapsedMs = Math.round(performance.now() - seedMs);
    const wrong = test.flatMap((one, k) => (said[k]?.label === one.label ? [] : [`${one.name} as ${said[k]?.label}`]));
    if (json) writeJson({ what, seed, right: right.at(-1), of: test.length, wrong, elapsedMs });
    else {
      const seconds = (elapsedMs / 1000).toFixed(0);
      process.stdout.write(
        `${what}, seed ${seed}: ${share(right.at(-1) as number, test.length)}, ${seconds} s  ${wrong.slice(0, 8).join(", ")}\n`,
      );
    }
  }
  const together = test.filter(
    ({ label }, k) => likeliest(all.map((said) => said[k] as Classification)) === label,
  ).length;
  return { right, together, elapsedMs: performance.now() - startMs };
}

/** The class with the largest sum of probabilities. */
function likeliest(said: readonly Classification[]): string {
  const sums = Object.keys(said[0]?.probabilities ?? {}).map((label) => ({
    label,
    sum: said.reduce((sum, { probabilities }) => sum + (probabilities[label] as number), 0),
  }));
  return sums.reduce((best, one) => (one.sum > best.sum ? one : best)).label;
}

/** "97.00 % (291 of 300)". */
export const share = (right: number, count: number): string =>
  `${((100 * right) / count).toFixed(2)} % (${right} of ${count})`;

/** A table of the seeds' mean and range, and of all together. */
export function summary({ right, together, elapsedMs }: SeedsResult, count: number): string {
  const percent = (n: number): string => ((100 * n) / count).toFixed(2);
  const mean = right.reduce((a, b) => a + b, 0) / right.length;
  return [
    "",
    `mean of ${right.length}   ${percent(mean)} % (${percent(Math.min(...right))} to ${percent(Math.max(...right))})`,
    ...(right.length > 1 ? [`together    ${share(together, count)}`] : []),
    `${(elapsedMs / 1000).toFixed(0)} s on one thread`,
  ].join("\n");
}
