/** Model files without the state of training, in f32, f16 and bf16: what they lose, and that others can read them. */
import { beforeAll, describe, expect, test } from "vitest";
import { readModel, writeModel } from "../../src/formats/model-file.ts";
import { InputError } from "../../src/graph/input-error.ts";
import {
  evaluateLanguageModel,
  type LanguageModel,
  languageModel,
  readLanguageModel,
  trainLanguageModel,
  writeLanguageModel,
} from "../../src/tasks/language-model.ts";

const who = ["the cat", "a dog", "my hen"];
const text = Array.from(
  { length: 300 },
  (_, k) => `${who[k % 3]} ${k % 4 ? "sat" : "ran"} ${k % 7 ? "here" : "there"}. `,
).join("");
let lm: LanguageModel;
beforeAll(async () => {
  const made = languageModel(text, { units: 16, seed: 2 });
  const { state } = await trainLanguageModel(made, text, { batch: 4, steps: 16, epochs: 4 });
  lm = { ...made, training: state, optimizer: "adam" };
});

/** The format as its specification says it, read anew and by none of our code: names, dtypes, shapes, places. */
function parse(bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerEnd = 8 + Number(view.getBigUint64(0, true));
  const { __metadata__: metadata, ...tensors } = JSON.parse(new TextDecoder().decode(bytes.subarray(8, headerEnd))) as {
    [name: string]: { dtype: string; shape: number[]; data_offsets: [number, number] };
  };
  return { view, headerEnd, metadata: metadata as unknown as Record<string, string>, tensors };
}

describe("the file", () => {
  test("of weights alone has a third of the bytes, no state, no name of an optimiser, and the same weights", () => {
    const [whole, alone] = [writeLanguageModel(lm), writeLanguageModel(lm, { training: false })];
    const weights = Object.values(lm.model.values).reduce((sum, { byteLength }) => sum + byteLength, 0);
    const tensorBytes = (bytes: Uint8Array) => bytes.length - parse(bytes).headerEnd;
    // Where the next batch begins is part of the state: little beside the two numbers of each weight.
    const states = Object.values(lm.training?.states ?? {}).reduce((sum, { byteLength }) => sum + byteLength, 0);
    expect([tensorBytes(whole), tensorBytes(alone)]).toEqual([3 * weights + states, weights]);
    expect(states).toBeLessThan(weights / 10);
    const read = readLanguageModel(alone, "m");
    expect(read.training).toBeUndefined();
    expect(read.optimizer).toBeUndefined();
    expect(read.model.values).toEqual(lm.model.values);
    expect(read.tokenizer).toEqual(lm.tokenizer);
    expect(readLanguageModel(whole, "m").training?.step).toBe(lm.training?.step);
    // Written again it is the same file.
    expect(writeLanguageModel(read)).toEqual(alone);
  });

  test.each(["f16", "bf16"] as const)(
    "in %s has a sixth of the bytes, leaves the state out, and comes back as f32",
    (dtype) => {
      const bytes = writeLanguageModel(lm, { dtype });
      const { view, headerEnd, metadata, tensors } = parse(bytes);
      expect(Object.keys(tensors).sort()).toEqual(Object.keys(lm.model.values).sort());
      expect(metadata.format).toBe("unrolled");
      // The data begin at a multiple of 8, and lie without holes; each number is the nearest that its 16 bits can say.
      expect(headerEnd % 8).toBe(0);
      let end = 0;
      for (const [name, { dtype: stored, shape, data_offsets }] of Object.entries(tensors)) {
        const values = lm.model.values[name] as Float32Array;
        expect(stored).toBe(dtype.toUpperCase());
        expect(shape.reduce((a, b) => a * b, 1)).toBe(values.length);
        expect(data_offsets).toEqual([end, end + 2 * values.length]);
        end += 2 * values.length;
        const read = readModel(bytes, "m").model.values[name];
        const number = (code: number) => (dtype === "f16" ? half(code) : float32(code << 16));
        const wrong = values.findIndex((value, k) => {
          const code = view.getUint16(headerEnd + data_offsets[0] + 2 * k, true);
          const off = (code: number) => Math.abs(number(code & 0xffff) - value);
          return read?.[k] !== number(code) || off(code) > off(code - 1) || off(code) > off(code + 1);
        });
        expect(wrong, name).toBe(-1);
      }
      expect(headerEnd + end).toBe(bytes.length);
      const read = readLanguageModel(bytes, "m");
      expect(read.training).toBeUndefined();
      expect(Object.values(read.model.values).every((values) => values instanceof Float32Array)).toBe(true);
      // What was rounded once stays: written again in 16 bits it is the same file.
      expect(writeLanguageModel(read, { dtype })).toEqual(bytes);
    },
  );

  test("keeps the state beside halved weights where that is asked for", () => {
    const read = readLanguageModel(writeLanguageModel(lm, { dtype: "f16", training: true }), "m");
    expect(read.training).toEqual(lm.training);
    expect(read.optimizer).toBe("adam");
  });

  test("of f16 refuses a weight that f16 cannot hold, by name and place, and takes what only its state holds", () => {
    const values = { ...lm.model.values, "dense.b": (lm.model.values["dense.b"] as Float32Array).slice() };
    values["dense.b"]?.fill(1e5, 2, 3);
    const large = { ...lm, model: { ...lm.model, values } };
    expect(() => writeLanguageModel(large, { dtype: "f16" })).toThrow(
      new InputError("dense.b[2] is 100000, and the largest number of F16 is 65,504. Store it as BF16 or F32."),
    );
    expect(readLanguageModel(writeLanguageModel(large, { dtype: "bf16" }), "m").model.values["dense.b"]?.[2]).toBe(
      99840,
    );
  });

  test.each([
    [
      "a dtype that is none",
      { dtype: "f64" },
      'writeLanguageModel: dtype must be one of "f32", "f16", "bf16", "int8", got "f64"',
    ],
    ["a snake", { d_type: "f16" }, 'writeLanguageModel: unknown option "d_type". Did you mean dtype?'],
    ["training as a text", { training: "no" }, 'writeLanguageModel: training must be true or false, got "no"'],
  ])("of %s is refused", (_, options, message) => {
    expect(() => writeLanguageModel(lm, options as never)).toThrow(new InputError(message));
  });

  test("of any model, one without a tokenizer as well, is written in f16 by writeModel", () => {
    const bytes = writeModel({ model: lm.model, extra: { note: "x" } }, { dtype: "f16" });
    expect(readModel(bytes, "m").extra).toEqual({ note: "x" });
    expect(() => writeModel({ model: lm.model, extra: {} }, { dtype: "F16" as never })).toThrow(InputError);
  });
});

test("loss on a text: f16 changes it by less than 0.001 nats, bf16 by less than 0.01", async () => {
  const { loss } = await evaluateLanguageModel(lm, text);
  expect(loss).toBeLessThan(1.5);
  const lossIn = async (dtype: "f16" | "bf16") =>
    (await evaluateLanguageModel(readLanguageModel(writeLanguageModel(lm, { dtype }), "m"), text)).loss;
  const [f16, bf16] = [await lossIn("f16"), await lossIn("bf16")];
  expect(f16).not.toBe(loss);
  expect(Math.abs(f16 - loss)).toBeLessThan(0.001);
  expect(Math.abs(bf16 - loss)).toBeLessThan(0.01);
});

const float32 = (bits: number): number => new Float32Array(Uint32Array.of(bits).buffer)[0] as number;
/** A half by its definition: 1 sign, 5 of exponent, 10 of fraction. */
function half(code: number): number {
  const [sign, exponent, fraction] = [code >> 15 ? -1 : 1, (code >> 10) & 31, code & 1023];
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : (2 ** -14 * fraction) / 1024);
}
