/** Model files with weights of 8 bits: a quarter of the bytes, and a model that runs to the bit as the one it was made of. */
import { describe, expect, test } from "vitest";
import type { EngineName } from "../../src/engines/engine.ts";
import { readModel, writeModel } from "../../src/formats/model-file.ts";
import { FormatError, readSafetensors, type Tensor, writeSafetensors } from "../../src/formats/safetensors.ts";
import { createRandom } from "../../src/nn/random.ts";
import {
  evaluateLanguageModel,
  generate,
  type LanguageModel,
  languageModel,
  readLanguageModel,
  writeLanguageModel,
} from "../../src/tasks/language-model.ts";
import { collect, redraw } from "../helpers/models.ts";
import { isas } from "../helpers/native.ts";
import { refusal } from "../helpers/refusal.ts";

const text = "the cat sat on the mat, and the dog lay on the rug; the cat saw the dog. ".repeat(3);
const lm = languageModel(text, { units: 21, embedding: 19, layers: 2, seed: 4 });
redraw(lm.model, createRandom(3), 0.2);
const file = writeLanguageModel(lm, { dtype: "int8" });
const read = readLanguageModel(file, "m");

const changed = (change: (tensors: Record<string, Tensor>) => void): Uint8Array => {
  const { tensors, metadata } = readSafetensors(file, "m");
  const all = { ...tensors };
  change(all);
  return writeSafetensors({ tensors: all, metadata });
};

const scalesOf = (all: Record<string, Tensor>, name: string): Float32Array =>
  (all[name] as Tensor).data as Float32Array;

describe("the file", () => {
  test("has a number of 8 bits for each of a matrix, a scale for each row, and vectors in f32", () => {
    const { tensors, metadata } = readSafetensors(file, "m");
    expect(JSON.parse(metadata.unrolled as string).version).toBe(3);
    for (const { name, shape } of lm.model.parameters) {
      const [rows, columns] = shape;
      expect(tensors[name]).toMatchObject({ dtype: columns === undefined ? "F32" : "I8", shape });
      const scale = tensors[`${name}:scale`];
      if (columns === undefined) expect(scale).toBeUndefined();
      else expect(scale).toMatchObject({ dtype: "F32", shape: [rows] });
    }
    const whole = writeLanguageModel(lm, { training: false });
    expect(JSON.parse(readSafetensors(whole, "m").metadata.unrolled as string).version).toBe(2);
    const bytes = (list: Uint8Array): number =>
      list.length - 8 - Number(new DataView(list.buffer).getBigUint64(0, true));
    const needed = lm.model.parameters.map(({ shape: [rows = 0, columns] }) => rows * (4 + (columns ?? 0)));
    expect(bytes(file)).toBe(needed.reduce((sum, one) => sum + one));
    expect(bytes(file) / bytes(whole)).toBeLessThan(0.32);
  });

  test("gives weights within half a step of a row's scale, and is written again to the byte", () => {
    for (const { name, shape } of lm.model.parameters) {
      const [before, after] = [lm.model.values[name] as Float32Array, read.model.values[name] as Float32Array];
      if (shape.length === 1) expect(after).toEqual(before);
      else {
        const columns = shape[1] as number;
        before.forEach((value, k) => {
          const row = before.subarray(k - (k % columns), k - (k % columns) + columns);
          const step = Math.max(...row.map(Math.abs)) / 127;
          expect(Math.abs(value - (after[k] as number)) <= 0.5001 * step, `${name} ${k}`).toBe(true);
        });
      }
    }
    expect(writeLanguageModel(read, { dtype: "int8" })).toEqual(file);
  });

  test("is for inference: a state of training, and weights that are not finite, are refused in one line", () => {
    const training = { step: 1, slots: {} };
    expect(refusal(() => writeModel({ model: lm.model, training, extra: {} }, { dtype: "int8" }))).toBe(
      "writeModel: weights in int8 are for inference, without a state of training. Leave out one of them.",
    );
    const odd: LanguageModel = { ...lm, model: { ...lm.model, values: { ...lm.model.values } } };
    const name = lm.model.parameters.find(({ shape }) => shape.length === 2)?.name as string;
    for (const value of [Number.NaN, Infinity]) {
      const values = (lm.model.values[name] as Float32Array).slice();
      values[22] = value;
      (odd.model.values as Record<string, Float32Array>)[name] = values;
      expect(refusal(() => writeLanguageModel(odd, { dtype: "int8" }))).toBe(
        `${name}, row 1: a weight is infinite or NaN, which int8 cannot hold. Store it as f32.`,
      );
    }
    expect(read.training).toBeUndefined();
  });

  test.each<[string, (tensors: Record<string, Tensor>, scale: string) => void]>([
    ["without scales", (all, scale) => void delete all[scale]],
    [
      "with a scale too few",
      (all, scale) => {
        const data = scalesOf(all, scale).slice(1);
        all[scale] = { shape: [data.length], data };
      },
    ],
    [
      "with a scale below 0",
      (all, scale) => {
        const data = scalesOf(all, scale).map((value) => -value);
        all[scale] = { shape: [data.length], data };
      },
    ],
    [
      "with a scale that is NaN",
      (all, scale) => {
        const data = scalesOf(all, scale).map(() => Number.NaN);
        all[scale] = { shape: [data.length], data };
      },
    ],
    [
      "with scales of whole numbers",
      (all, scale) => {
        all[scale] = { shape: all[scale]?.shape as number[], data: new Int32Array(all[scale]?.data.length as number) };
      },
    ],
  ])("%s is damaged", (_, change) => {
    const name = Object.keys(readSafetensors(file, "m").tensors).find((one) => one.endsWith(":scale")) as string;
    const bytes = changed((all) => change(all, name));
    expect(refusal(() => readLanguageModel(bytes, "m"), FormatError)).toBe(
      `m: the scales of ${name.slice(0, -6)} are missing or damaged. Export the model again.`,
    );
  });

  test("a vector, or a matrix of another shape, in I8 is refused", () => {
    const bias = lm.model.parameters.find(({ shape }) => shape.length === 1)?.name as string;
    const wrong = changed((all) => {
      all[bias] = { shape: all[bias]?.shape as number[], data: new Int8Array(all[bias]?.data.length as number) };
    });
    expect(refusal(() => readLanguageModel(wrong, "m"), FormatError)).toMatch(
      / is I8 and has shape .*its layer needs f32/,
    );
  });

  test("a byte that no rounding gives is refused", () => {
    const all = readSafetensors(file, "m").tensors;
    const name = Object.keys(all).find((one) => all[one]?.data instanceof Int8Array) as string;
    const wrong = changed((tensors) => {
      (tensors[name]?.data as Int8Array)[3] = -128;
    });
    expect(refusal(() => readLanguageModel(wrong, "m"), FormatError)).toBe(
      `m: ${name} has -128, expected -127 to 127: it is damaged. Export the model again.`,
    );
  });
});

const engines: readonly EngineName[] = ["reference", ...(isas.length > 0 ? (["native"] as const) : [])];
test.each(engines)(
  "%s: with quantize it writes and measures, to the bit, as the model that it was made of",
  async (engine) => {
    const eight = { engine, quantize: "int8" } as const;
    const writes = async (model: LanguageModel): Promise<string> =>
      (await collect(generate(model, { prompt: "the dog", length: 60, temperature: 1.2, seed: 5, ...eight }))).join("");
    const one = await writes(lm);
    expect(one.length).toBeGreaterThan(50);
    expect(await writes(read)).toBe(one);
    const { loss } = await evaluateLanguageModel(lm, text, eight);
    expect((await evaluateLanguageModel(read, text, eight)).loss).toBe(loss);
    // Without it, the rounded weights alone.
    expect((await evaluateLanguageModel(read, text, { engine })).loss).not.toBe(loss);
  },
);

test("without a tokenizer it is written by writeModel", () => {
  const bytes = writeModel({ model: read.model, extra: { note: "x" } }, { dtype: "int8" });
  expect(readModel(bytes, "m").model.values).toEqual(read.model.values);
});
