/** What is known of trainings: data under one set of keys, words where it is shown, and what older versions kept. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { TrainingSettings } from "../../src/studio/engine/training.ts";
import { readFacts } from "../../src/studio/models/kept-facts.ts";
import { smallTasks } from "../../src/studio/models/small-tasks.ts";
import { textTitle, textTitled } from "../../src/studio/models/text-origin.ts";
import { checkedFacts, factsOf, shownFacts, type TrainingFacts } from "../../src/studio/models/training-facts.ts";
import { formOfFacts, standardForm } from "../../src/studio/views/lab/settings.ts";

const { models, runs } = JSON.parse(
  readFileSync(new URL("../fixtures/studio-records.json", import.meta.url), "utf8"),
) as {
  readonly models: readonly { readonly id: string; readonly training: { readonly facts: Record<string, unknown> } }[];
  readonly runs: readonly { readonly facts: Record<string, unknown> }[];
};
const kept = (id: string): TrainingFacts =>
  readFacts(models.find((model) => model.id === id)?.training.facts) as TrainingFacts;
const inWords = (facts: TrainingFacts): string[] => shownFacts(facts).map(({ title, value }) => `${title}: ${value}`);

const settings: TrainingSettings = {
  ...{ cell: "lstm", units: 8, layers: 1, tokens: "char", dropout: 0, batch: 4, steps: 8, learningRate: 0.01 },
  ...{ seed: 2, until: { minutes: 1 }, sample: 10 },
};

test("a model of Learn as it was kept first has its loss, its updates and its sizes", () => {
  expect(kept("moby-dick-from-learn")).toEqual({
    ...{ cell: "lstm", units: 24, layers: 1, text: { kind: "book" }, batch: 16, learningRate: 0.005 },
    ...{ optimizer: "adam", schedule: { name: "cosine" } },
    ...{ parameters: 123607, vocabulary: 87, updates: 2210, validationLoss: 1.53214567 },
  });
  const form = formOfFacts(kept("moby-dick-from-learn"), { ...standardForm, steps: "17" });
  expect(form).toMatchObject({ units: "24", layers: "1", batch: "16", steps: "17", learningRate: "0.005" });
});

test("the small model as it was kept first: its updates are not the steps of a gradient", () => {
  const facts = kept("moby-dick-a-small-lstm");
  expect(facts).toMatchObject({ updates: 1810, loss: 1.41239876, tokens: "char" });
  expect(facts.steps).toBeUndefined();
  expect(inWords(facts)).toContain("Loss: 1.4124");
});

test("words that were kept become data, and are shown as they were", () => {
  const facts = kept("own-cell-48-sums");
  expect(facts).toEqual({
    ...{ cell: { equations: "h' = tanh(W @ x + u * h)" }, units: 48, layers: 2, tokens: "bpe", dropout: 0.1 },
    ...{ optimizer: "asgd", text: { kind: "task", task: "sums" }, batch: 16, steps: 32, learningRate: 0.5 },
    schedule: { name: "exponentialDecay", decaySteps: 200, decayRate: 0.7 },
    ...{ clipNorm: 5, seed: 3, until: { epochs: 1 }, parameters: 5000, vocabulary: 300, updates: 117 },
    ...{ loss: 2.1234, validationLoss: 2.2345, tokensPerSecond: 90123, trainingMs: 12300, ended: "stopped" },
  });
  const words = models.find(({ id }) => id === "own-cell-48-sums")?.training.facts ?? {};
  expect(inWords(facts)).toEqual(Object.entries(words).map(([title, value]) => `${title}: ${value}`));
});

test("what there was no choice of yet had its standard value; a text that is not known was a file", () => {
  expect(kept("gru-16-notes-txt")).toMatchObject({
    ...{ cell: "gru", tokens: "char", optimizer: "adam", schedule: { name: "cosine" }, ended: "broke" },
    ...{ text: { kind: "file", name: "notes.txt" }, until: { minutes: 0.5 } },
  });
  const [run] = runs;
  expect(readFacts(run?.facts)).toMatchObject({
    ...{ tokens: "word", text: { kind: "task", task: "pattern" }, until: { epochs: 25 } },
  });
});

test("what is kept now comes back as it is, whatever its text is called", () => {
  const named = factsOf(settings, { kind: "file", name: "Moby-Dick" });
  for (const facts of [named, { ...named, loss: 1.23456789, ended: "whole" as const }, {}]) {
    expect(readFacts(JSON.parse(JSON.stringify(facts)))).toEqual(facts);
  }
});

test("facts that are none are refused, whatever their form; what is not known is left out", () => {
  const wrong = [
    ...[undefined, null, 3, "facts", []],
    ...[{ units: "8" }, { cell: {} }, { tokens: "image" }, { optimizer: "toString" }, { text: { kind: "web" } }],
    ...[{ text: { kind: "file" } }, { schedule: { name: "constant", decayRate: "1" } }, { until: {} }, { ended: "x" }],
    ...[{ Units: "8" }, { Loss: {} }, { Cell: 3 }, { text: "Moby-Dick", units: {} }],
  ];
  for (const told of wrong) expect(readFacts(told), JSON.stringify(told)).toBeUndefined();
  expect(readFacts({ units: 8, later: "more" })).toEqual({ units: 8 });
  expect(checkedFacts({})).toEqual({});
});

test("of equal facts the order is equal, whatever order they are kept in", () => {
  const facts = factsOf(settings, { kind: "book" });
  const reversed = Object.fromEntries(Object.entries(facts).reverse());
  expect(JSON.stringify(readFacts(reversed))).toBe(JSON.stringify(readFacts(facts)));
});

test("every text has a title of its own, which leads back to it", () => {
  const origins = [
    ...(["book", "chapter", "own", "pasted"] as const).map((kind) => ({ kind })),
    ...Object.keys(smallTasks).map((task) => ({ kind: "task", task: task as keyof typeof smallTasks }) as const),
    { kind: "file", name: "a.txt" } as const,
  ];
  expect(new Set(origins.map(textTitle)).size).toBe(origins.length);
  for (const origin of origins) expect(textTitled(textTitle(origin))).toEqual(origin);
});

test("a training is shown in words: its settings in the order of its form", () => {
  expect(inWords(factsOf({ ...settings, tokens: "word", clipNorm: 2 }, { kind: "chapter" }))).toEqual([
    ...["Cell: lstm", "Units: 8", "Layers: 1", "Tokens: words", "Dropout: 0", "Optimizer: Adam"],
    ...["Text: Its first chapter", "Batch: 4", "Steps: 8", "Learning rate: 0.01", "Schedule: cosine to a tenth"],
    ...["Clip norm: 2", "Seed: 2", "Length: 1 minute"],
  ]);
});
