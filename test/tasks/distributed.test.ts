/** Trainings of tasks by several processes, which are simulated here: each model learns what one process teaches it. */
import { expect, test } from "vitest";
import { seriesOfTable } from "../../src/data/series.ts";
import { parseCsv } from "../../src/formats/csv-text.ts";
import type { Model } from "../../src/nn/model.ts";
import { classifier, trainClassifier } from "../../src/tasks/classify.ts";
import { forecaster, trainForecaster } from "../../src/tasks/forecast/index.ts";
import { musicModel, trainMusic } from "../../src/tasks/music.ts";
import { tagger, trainTagger } from "../../src/tasks/tag.ts";
import type { TrainingHost } from "../../src/tasks/training.ts";
import { readTracks, trainTrajectories, trajectoryModel } from "../../src/tasks/trajectories.ts";
import { trainTranslator, translator } from "../../src/tasks/translate.ts";
import { createCommunicators } from "../helpers/communicators.ts";

/** Letters by a rule, `most` of them at most. */
const letters = (k: number, most: number): string[] =>
  Array.from({ length: 2 + (k % (most - 1)) }, (_, t) => "abc"[(k * k + 3 * t) % 3] as string);
const each = <Item>(count: number, make: (k: number) => Item): Item[] =>
  Array.from({ length: count }, (_, k) => make(k));

const rows = each(22, (k) => ({
  rows: each(3 + (k % 4), (t) => [Math.sin(k + t), (k % 2) - t]),
  label: k % 2 === 0 ? "even" : "odd",
}));
const sentences = each(22, (k) => {
  const tokens = letters(k, 6);
  return { tokens, labels: tokens.map((one) => (one === "a" ? "B-X" : "O")) };
});
const pairs = each(22, (k) => ({ source: letters(k, 6).join(""), target: letters(k, 6).reverse().join("") }));
const series = seriesOfTable(parseCsv(["y", ...each(60, (t) => Math.sin(t / 3))].join("\n")));
const tracks = readTracks(
  each(160, (k) => [Math.floor(k / 4), k % 4, Math.sin(k / 5), Math.cos(k / 9)].join(",")).join("\n"),
);
const pieces = each(6, (of) => ({
  ticksPerQuarter: 4,
  tempos: [{ tick: 0, microsecondsPerQuarter: 500_000 }],
  notes: each(24, (k) => ({
    ...{ pitch: 60 + ((k * (of + 2)) % 12), start: 4 * k, duration: 4, velocity: 80, track: 0, channel: 0 },
  })),
}));

/** A model that is made anew, and trained. */
type Training = (host: TrainingHost) => Promise<Model>;
/** Dropout draws other masks in each process. */
const small = { units: 6, dropout: 0, seed: 1 } as const;
const trainings: Readonly<Record<string, Training>> = {
  async classifier(host) {
    const of = classifier(rows, small);
    await trainClassifier(of, rows, { epochs: 2, batchSize: 5, augment: { featureNoise: 0.1 }, ...host });
    return of.model;
  },
  async tagger(host) {
    const of = tagger(sentences, { input: "words", crf: true, ...small });
    await trainTagger(of, sentences, { epochs: 2, batchSize: 5, ...host });
    return of.model;
  },
  async translator(host) {
    const of = translator(pairs, small);
    await trainTranslator(of, pairs, { epochs: 2, batchSize: 5, scheduledSampling: 0.5, ...host });
    return of.model;
  },
  async forecaster(host) {
    const of = forecaster(series, { horizon: 2, lookback: 5, ...small });
    return (await trainForecaster(of, series, { epochs: 2, batchSize: 7, ...host })).model;
  },
  async trajectories(host) {
    const of = trajectoryModel(tracks, { seen: 4, predicted: 2, hidden: 4, modes: 2, ...small });
    await trainTrajectories(of, tracks, { epochs: 2, batchSize: 9, rotations: true, ...host });
    return of.model;
  },
  async music(host) {
    const of = musicModel(pieces, { form: "events", ...small });
    await trainMusic(of, pieces, { epochs: 2, batchSize: 5, steps: 16, ...host });
    return of.model;
  },
  async roll(host) {
    const of = musicModel(pieces, { form: "roll", ...small });
    await trainMusic(of, pieces, { epochs: 2, batchSize: 5, steps: 16, ...host });
    return of.model;
  },
};
const valuesOf = ({ values }: Model): number[] => Object.values(values).flatMap((one) => [...one]);

test.each(Object.entries(trainings))("%s: three processes learn what one learns", async (_, train) => {
  const alone = valuesOf(await train({ threads: 1 }));
  const all = await Promise.all(createCommunicators(3).map((distributed) => train({ threads: 1, distributed })));
  const [first = [], ...others] = all.map(valuesOf);
  for (const one of others) expect(one).toEqual(first);
  const largest = first.reduce((most, value, k) => Math.max(most, Math.abs(value - (alone[k] as number))), 0);
  expect(first).toHaveLength(alone.length);
  expect(largest).toBeLessThan(1e-4);
});
