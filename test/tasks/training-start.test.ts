/** What a training does before its first update is done once. */
import { expect, test, vi } from "vitest";
import { engineFor } from "../../src/engines/registry.ts";
import { modelGraph } from "../../src/nn/model-graph.ts";
import { languageModelAndTokens } from "../../src/tasks/language-model/create.ts";
import { languageModel, trainLanguageModel } from "../../src/tasks/language-model.ts";
import { encode, trainAndEncode } from "../../src/text/tokenizer.ts";
import { adam, type Optimizer, sgd } from "../../src/train/optimizers.ts";
import { createTokenList } from "../../src/train/token-list.ts";
import type { Tokens } from "../../src/train/token-source.ts";

const made = vi.hoisted(() => ({ plans: 0, graphs: 0 }));
vi.mock("../../src/schedule/schedule.ts", async (original) => {
  const module = await original<typeof import("../../src/schedule/schedule.ts")>();
  return {
    ...module,
    schedule(...given: Parameters<typeof module.schedule>) {
      made.plans++;
      return module.schedule(...given);
    },
  };
});
vi.mock("../../src/nn/recurrent.ts", async (original) => {
  const module = await original<typeof import("../../src/nn/recurrent.ts")>();
  return {
    ...module,
    addRecurrent(...given: Parameters<typeof module.addRecurrent>) {
      // The model has two cells; the other one is its last layer.
      if (given[1].name === "lstm") made.graphs++;
      return module.addRecurrent(...given);
    },
  };
});

const text = "the quick brown fox jumps over the lazy dog. ".repeat(40);
const all = (tokens: Tokens): number[] => {
  if (tokens instanceof Int32Array) return [...tokens];
  const into = new Int32Array(tokens.length);
  tokens.read(0, into);
  return [...into];
};

/** A width that no other test's model has: plans are kept for equal models. */
let units = 3;
type How = { readonly optimizer?: Optimizer | "rmsprop"; readonly clipNorm?: number; readonly clipValue?: number };
test.each([
  ["the defaults", {}],
  ["another optimiser", { optimizer: sgd() }],
  ["one by its name", { optimizer: "rmsprop" }],
  ["other clipping", { optimizer: adam({ learningRate: 0.1 }), clipNorm: 1, clipValue: 2 }],
] as [string, How][])("%s: model and optimiser are planned once, the graph is made thrice", async (_, how) => {
  units++;
  await engineFor({});
  made.plans = made.graphs = 0;
  const training = { batch: 2, steps: 8, ...how };
  const lm = languageModel(text, { units, training });
  // Its parameters; its plan, of the model and of the optimiser.
  expect(made).toEqual({ plans: 2, graphs: 2 });
  await trainLanguageModel(lm, text, { ...training, epochs: 0.02 });
  // Validation has no gradients.
  expect(made).toEqual({ plans: 3, graphs: 3 });
});

test("what is counted here is what is made", () => {
  made.graphs = 0;
  modelGraph(languageModel(text, { units: 2 }).model, { training: false });
  expect(made.graphs).toBe(2);
});

const texts = [text, "one\ntwo 漢字 three", "", "a b c"];
test.each(["char", "word", "bpe"] as const)("%s: a text is read once for its model and its tokens", (kind) => {
  for (const given of [text, texts]) {
    const { lm, tokens } = languageModelAndTokens(given, { tokens: kind, units: 2, training: { batch: 1, steps: 4 } });
    expect(lm.tokenizer).toEqual(languageModel(given, { tokens: kind, units: 2 }).tokenizer);
    expect(all(tokens as Tokens)).toEqual([...encode(lm.tokenizer, given)]);
  }
  expect(languageModelAndTokens(text, { units: 2 }).tokens).toBeUndefined();

  let readings = 0;
  const parts = {
    *[Symbol.iterator]() {
      readings++;
      for (let at = 0; at < text.length; at += 7) yield text.slice(at, at + 7);
    },
  };
  const { tokenizer, tokens } = trainAndEncode("train", kind, { parts }, { createList: createTokenList });
  expect(all(tokens)).toEqual([...encode(tokenizer, text)]);
  expect(readings).toBe(1);
});

test.each(["word", "bpe"] as const)(
  "%s: a text of too many different words is read twice, to the tokens that it has",
  (kind) => {
    const words = Array.from({ length: 5000 }, (_, k) => `${k.toString(36)} 漢字 `);
    const whole = words.join("");
    let [readings, uncounted] = [0, 0];
    const parts = {
      *[Symbol.iterator]() {
        readings++;
        for (let at = 0; at < whole.length; at += 777) yield whole.slice(at, at + 777);
      },
    };
    const { tokenizer, tokens } = trainAndEncode(
      "train",
      kind,
      { parts },
      {
        ...{ maxVocabulary: 400, max: 1000, createList: createTokenList },
        onUncounted: (count) => {
          uncounted = count;
        },
      },
    );
    expect(readings).toBe(2);
    expect(uncounted).toBeGreaterThan(1000);
    expect(all(tokens)).toEqual([...encode(tokenizer, whole)]);
  },
);
