/** What recipes of translators share: options of their training, what is told of each epoch, and of all seeds together. */
import type { TrainTranslatorOptions } from "unrolled";
import { seedRange, writeJson } from "./command.ts";

const whole = { whole: true, min: 1, max: 100_000 } as const;

export type TrainingDefaults = {
  readonly units: number;
  readonly epochs: number;
  readonly batch: number;
  readonly rate: number;
};

/** Options of a training, with their defaults. */
export const trainingOptions = ({ units, epochs, batch, rate }: TrainingDefaults) =>
  ({
    units: { value: "N", help: `of the LSTMs [${units}]`, number: whole },
    epochs: { value: "N", help: `passes [${epochs}]`, number: whole },
    batch: { value: "N", help: `texts at a time [${batch}]`, number: whole },
    rate: { value: "X", help: `of Adam at the start [${rate}]`, number: { above: 0 } },
    sampling: { value: "X", help: "share of scheduled sampling at the end [0]", number: { min: 0, max: 1 } },
    seed: { value: "N", help: "of texts, values and order [0]", number: seedRange },
    seeds: { value: "N", help: "so many trainings, from that seed on [1]", number: { ...whole, max: 100 } },
    threads: { value: "N", help: "that train [cores]", number: { ...whole, max: 64 } },
  }) as const;

type Numbers = { readonly number: (name: keyof ReturnType<typeof trainingOptions>) => number | undefined };

/** Those options as `trainTranslator` takes them, without early stopping; of the held out the best epoch is kept. */
export function trainingOf(given: Numbers, defaults: TrainingDefaults): TrainTranslatorOptions {
  const threads = given.number("threads");
  const epochs = given.number("epochs") ?? defaults.epochs;
  return {
    ...{ epochs, patience: epochs, validation: 0.05, scheduledSampling: given.number("sampling") ?? 0 },
    ...{ batchSize: given.number("batch") ?? defaults.batch, learningRate: given.number("rate") ?? defaults.rate },
    ...(threads !== undefined && { threads }),
  };
}

/** Tells of each epoch: a line of JSON with these facts, or one to read. */
export function teller(json: boolean, facts: object): NonNullable<TrainTranslatorOptions["onEpoch"]> {
  const startMs = performance.now();
  return ({ epoch, loss, validationLoss = Number.NaN, validationAccuracy = Number.NaN }) => {
    const elapsedMs = performance.now() - startMs;
    if (json) return writeJson({ ...facts, epoch, loss, validationLoss, validationAccuracy, elapsedMs });
    const validation = `validation ${validationLoss.toFixed(4)}, ${(100 * validationAccuracy).toFixed(2)} %`;
    process.stdout.write(
      `  epoch ${epoch}  loss ${loss.toFixed(4)}  ${validation}  ${(elapsedMs / 1000).toFixed(0)} s\n`,
    );
  };
}

/** The mean of shares, and their range, in per cent. */
export function rangeOf(shares: readonly number[]): string {
  const all = shares.map((one) => 100 * one);
  const mean = all.reduce((sum, one) => sum + one, 0) / all.length;
  return `${mean.toFixed(2)} % (${Math.min(...all).toFixed(2)} to ${Math.max(...all).toFixed(2)})`;
}
