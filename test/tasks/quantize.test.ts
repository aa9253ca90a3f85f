/** `quantize: "int8"`: what runs a model in 8 bits, how near its loss is, and where it is refused. */
import { describe, expect, test } from "vitest";
import type { EngineName } from "../../src/engines/engine.ts";
import { reference } from "../../src/engines/reference/engine.ts";
import { registerEngine } from "../../src/engines/registry.ts";
import { dense, embedding, lstm } from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";
import { createSession } from "../../src/nn/session.ts";
import { beamSearch } from "../../src/tasks/beam-search.ts";
import {
  evaluateLanguageModel,
  generate,
  generateMany,
  type LanguageModel,
  languageModel,
  trainLanguageModel,
} from "../../src/tasks/language-model.ts";
import { evaluate } from "../../src/train/evaluate.ts";
import { predict } from "../../src/train/predict.ts";
import { createTrainer } from "../../src/train/trainer.ts";
import { collect } from "../helpers/models.ts";
import { isas } from "../helpers/native.ts";
import { rejection } from "../helpers/refusal.ts";

const engines: readonly EngineName[] = ["reference", ...(isas.length > 0 ? (["native"] as const) : [])];
const text = "the cat sat on the mat, and the dog lay on the rug; the cat saw the dog. ";

const small = { length: 60, temperature: 0.7, seed: 3 } as const;

async function trained(): Promise<LanguageModel> {
  const lm = languageModel(text.repeat(40), { units: 48, embedding: 16, seed: 2 });
  await trainLanguageModel(lm, text.repeat(40), { batch: 8, steps: 16, epochs: 4, engine: "wasm" });
  return lm;
}
const model = await trained();

describe.each(engines)("%s", (engine) => {
  const eight = { engine, quantize: "int8" } as const;

  test("the loss of a trained model moves by less than 0.003 nats a token", async () => {
    const held = text.repeat(3);
    const { loss } = await evaluateLanguageModel(model, held, { engine });
    const { loss: quantized } = await evaluateLanguageModel(model, held, eight);
    expect(quantized).not.toBe(loss);
    expect(Math.abs(quantized - loss)).toBeLessThan(0.003);
    // Of a model that has learnt something.
    expect(loss).toBeLessThan(0.7);
  });

  test("a model's own values stay, and its outputs are near", async () => {
    const before = Object.values(model.model.values).map((values) => values.slice());
    const session = await createSession(model.model, { engine });
    const quantized = await createSession(model.model, eight);
    for (const token of [1, 4, 2, 0, 7, 3]) {
      const [one, other] = [session.next(token), quantized.next(token)];
      expect(other).not.toEqual(one);
      const largest = Math.max(...one.map(Math.abs));
      one.forEach((value, k) => expect(Math.abs(value - (other[k] as number))).toBeLessThan(0.03 * largest));
    }
    session.dispose();
    quantized.dispose();
    expect(Object.values(model.model.values)).toEqual(before);
  });

  test("the same text alone, beside others, on any number of threads, and from a prompt that is read at once", async () => {
    const one = (await collect(generate(model, { prompt: text, ...small, ...eight }))).join("");
    expect(one.length).toBeGreaterThan(40);
    const beside = ["", "", ""];
    for await (const { prompt, text: piece } of generateMany(model, [text, "the dog", "cat"], { ...small, ...eight }))
      beside[prompt] += piece;
    expect(beside[0]).toBe(one);
    for (const threads of [2, 3]) {
      expect((await collect(generate(model, { prompt: text, ...small, ...eight, threads }))).join("")).toBe(one);
    }
  });

  test("sequences, beams, predictions and measures run in 8 bits too", async () => {
    const [found] = await beamSearch(model, { prompt: "the ", length: 8, beams: 3, ...eight });
    expect(found?.text.length).toBeGreaterThan(3);
    const y = sequential([embedding(9, 6), lstm(21), dense(3)], { seed: 1 });
    const x = [
      [1, 2, 3, 4],
      [8, 7, 6, 5],
    ];
    const [exact, near] = [await predict(y, x, { engine }), await predict(y, x, eight)];
    expect(near.data).not.toEqual(exact.data);
    exact.data.forEach((value, k) => expect(near.data[k]).toBeCloseTo(value, 2));
    const [loss, quantized] = [await evaluate(y, x, [0, 2], { engine }), await evaluate(y, x, [0, 2], eight)];
    expect(quantized).not.toEqual(loss);
    expect(quantized.loss).toBeCloseTo(loss.loss as number, 2);
  });
});

test("training is in f32: the option is refused in one line", async () => {
  const wrong = { batch: 1, steps: 4, quantize: "int8" } as never;
  const said = /^createTrainer: unknown option "quantize"\. [^\n]+$/;
  expect(await rejection(createTrainer(model.model, wrong))).toMatch(said);
  expect(await rejection(trainLanguageModel(model, text, wrong))).toMatch(
    /^trainLanguageModel: unknown option "quantize"\. [^\n]+$/,
  );
});

test("products have one precision: beside bf16 it is refused in one line", async () => {
  const both = { engine: "reference", quantize: "int8", precision: "bf16" } as const;
  expect(await rejection(createSession(model.model, both))).toBe(
    'quantize "int8" and precision "bf16": products have one of them. Leave one out.',
  );
  const same = await createSession(model.model, { engine: "reference", quantize: "int8", precision: "f32" });
  const eight = await createSession(model.model, { engine: "reference", quantize: "int8" });
  expect(same.next(3)).toEqual(eight.next(3));
  same.dispose();
  eight.dispose();
});

test("other kinds of numbers are refused by name, and so is an engine that has none of 8 bits", async () => {
  const other = { quantize: "int4" } as never;
  expect(await rejection(createSession(model.model, other))).toMatch(/^createSession: quantize .*"int8"/);
  const name = "none of 8 bits";
  registerEngine(name, async () => ({ ...reference, target: { ...reference.target, name, int8: false } }));
  const how = { engine: name as EngineName, quantize: "int8" } as const;
  expect(await rejection(createSession(model.model, how))).toMatch(
    /^quantize "int8": the engine "none of 8 bits" has no products of int8(, and "native" .+[^.])?\. Leave it out, or take the engine "(native|reference)"\.$/,
  );
});
