/** Files in which programs keep trained arrays in a form of their own. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { importModel } from "../../src/formats/imported.ts";
import { FormatError } from "../../src/formats/safetensors.ts";
import { createRandom } from "../../src/nn/random.ts";
import { createSession } from "../../src/nn/session.ts";
import { createPredictor } from "../../src/train/predict.ts";
import { cases } from "../helpers/cases.ts";
import { expectClose } from "../helpers/models.ts";
import { sigmoid } from "../helpers/recurrences.ts";
import { rejection } from "../helpers/refusal.ts";

const data = join(import.meta.dirname, "../../../shared/data/models");
const missing = existsSync(data) ? false : "the models that other people trained are not here";
const read = (folder: string, file: string) =>
  importModel({
    bytes: new Uint8Array(readFileSync(join(data, folder, file))),
    name: file,
    beside: (name) => {
      const path = join(data, folder, name);
      return existsSync(path) ? new Uint8Array(readFileSync(path)) : undefined;
    },
  });
const reference = (folder: string) => JSON.parse(readFileSync(join(data, folder, "reference.json"), "utf8"));

/** A checkpoint of random numbers: V tokens, an embedding of D, a cell of H. */
function checkpoint(random = createRandom(5)) {
  const [V, D, H] = [5, 3, 4];
  const shapes: Record<string, number[]> = {
    embedding: [V, D],
    "rnnlm/multi_rnn_cell/cell_0/basic_lstm_cell/kernel": [D + H, 4 * H],
    "rnnlm/multi_rnn_cell/cell_0/basic_lstm_cell/bias": [4 * H],
    "rnnlm/softmax_w": [H, V],
    "rnnlm/softmax_b": [V],
    Variable: [],
  };
  const files = new Map<string, Uint8Array>();
  const numbers: Record<string, Float32Array> = {};
  const manifest = Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => {
      const filename = name.replaceAll("/", "_");
      numbers[name] = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal());
      files.set(filename, new Uint8Array((numbers[name] as Float32Array).buffer));
      return [name, { filename, shape }];
    }),
  );
  files.set("vocab.json", new TextEncoder().encode(JSON.stringify({ "\n": 0, a: 2, b: 1, c: 4, d: 3 })));
  return { manifest, files, numbers, sizes: { V, D, H } };
}
const readDump = (manifest: unknown, files: ReadonlyMap<string, Uint8Array>) =>
  importModel({
    bytes: new TextEncoder().encode(typeof manifest === "string" ? manifest : JSON.stringify(manifest)),
    name: "manifest.json",
    beside: (name) => files.get(name),
  });

describe("a checkpoint of TensorFlow 1", () => {
  test("its cell: one kernel over input and state, gates i, j, f, o, and 1 more for the forget gate", async () => {
    const { manifest, files, numbers, sizes } = checkpoint();
    const { V, D, H } = sizes;
    const { model, vocabulary } = await readDump(manifest, files);
    expect(vocabulary).toEqual(["\n", "b", "a", "d", "c"]);
    const cell = "rnnlm/multi_rnn_cell/cell_0/basic_lstm_cell/";
    const of = (name: string): Float32Array => numbers[name] as Float32Array;
    let [h, c] = [new Array<number>(H).fill(0), new Array<number>(H).fill(0)];
    const session = await createSession(model, { engine: "reference" });
    for (const id of [2, 0, 4, 1, 1, 3]) {
      const x = Array.from(of("embedding").subarray(id * D, (id + 1) * D));
      const read = [...x, ...h];
      const sums = Array.from({ length: 4 * H }, (_, k) =>
        read.reduce(
          (sum, value, row) => sum + value * (of(`${cell}kernel`)[row * 4 * H + k] as number),
          of(`${cell}bias`)[k] as number,
        ),
      );
      const [i, j, f, o] = [0, 1, 2, 3].map((gate) => sums.slice(gate * H, (gate + 1) * H)) as [
        number[],
        number[],
        number[],
        number[],
      ];
      c = c.map((old, k) => old * sigmoid((f[k] as number) + 1) + sigmoid(i[k] as number) * Math.tanh(j[k] as number));
      h = c.map((value, k) => Math.tanh(value) * sigmoid(o[k] as number));
      const logits = Array.from({ length: V }, (_, k) =>
        h.reduce(
          (sum, value, row) => sum + value * (of("rnnlm/softmax_w")[row * V + k] as number),
          of("rnnlm/softmax_b")[k] as number,
        ),
      );
      expectClose(session.next(id), logits, { within: 1e-5 });
    }
    session.dispose();
  });

  test.each<[string, (dump: ReturnType<typeof checkpoint>) => unknown, RegExp]>([
    [
      "a file that is not there",
      ({ files }) => files.delete("embedding"),
      /embedding is in the file embedding, which is not beside it/,
    ],
    [
      "a file that is too short",
      ({ files }) => files.set("embedding", new Uint8Array(59)),
      /embedding needs 60 bytes, and embedding has 59/,
    ],
    ["no softmax", ({ manifest }) => delete manifest["rnnlm/softmax_w"], /it lists no softmax_w; it has embedding, /],
    [
      "no cell",
      ({ manifest }) => {
        for (const part of ["kernel", "bias"]) delete manifest[`rnnlm/multi_rnn_cell/cell_0/basic_lstm_cell/${part}`];
      },
      /it lists no layer cell_0\/basic_lstm_cell/,
    ],
    [
      "a way out of its folder",
      ({ manifest }) => {
        manifest.embedding = { filename: "../embedding", shape: [5, 3] };
      },
      /embedding is in \.\.\/embedding, outside its folder/,
    ],
    [
      "sizes that are none",
      ({ manifest }) => {
        manifest.embedding = { filename: "embedding", shape: [5, -3] };
      },
      /embedding has the shape \[5, -3\], expected 2 sizes/,
    ],
    [
      "sizes that do not fit together",
      ({ manifest, files }) => {
        manifest["rnnlm/softmax_w"] = { filename: "w", shape: [3, 5] };
        files.set("w", new Uint8Array(60));
      },
      /softmax/,
    ],
  ])("%s is refused in a line", async (_, damage, message) => {
    const dump = checkpoint();
    damage(dump);
    const line = await rejection(readDump(dump.manifest, dump.files));
    expect(line).toMatch(/^manifest\.json: [^\n]*\.$/);
    expect(line).toMatch(message);
  });

  test("damaged manifests, and other files of JSON, are refused in a line, or read", async () => {
    const random = createRandom(7);
    const { manifest, files } = checkpoint();
    const text = JSON.stringify(manifest);
    for (let round = 0; round < cases(300); round++) {
      const letters = [...text];
      for (let k = 0; k <= random.integer(3); k++) {
        letters[random.integer(letters.length)] = '0129-.,:[]{}"abZ/'[random.integer(17)] as string;
      }
      try {
        await readDump(letters.join(""), files);
      } catch (error) {
        expect(error).toBeInstanceOf(FormatError);
        expect((error as Error).message).toMatch(/^manifest\.json: [^\n]*$/);
      }
    }
  });

  test.skipIf(missing)("ml5's character model gives its reference", async () => {
    const { model, source, vocabulary } = await read("ml5-bronte-raw", "manifest.json");
    expect(source).toBe("a checkpoint of TensorFlow 1");
    const { input_ids: ids, text, logits, h_last: last } = reference("ml5-bronte-raw");
    expect([...(text as string)].map((one) => vocabulary?.indexOf(one))).toEqual(ids);
    const session = await createSession(model, { engine: "reference" });
    let output = new Float32Array();
    for (const id of ids) output = session.next(id);
    expectClose(output, logits, { within: 1e-4 });
    const states = session.state();
    [0, 1].forEach((k) => {
      expectClose(states[`lstm_${k}.h`] as Float32Array, last[k], { within: 1e-4 });
    });
    session.dispose();
  });
});

describe("word breaks of ICU", () => {
  test.each<[string, (json: Record<string, { dim: unknown; data: unknown }>) => unknown, RegExp]>([
    [
      "a matrix that is missing",
      (json) => delete json.mat5,
      /mat5, the backward kernel, is no array of two sizes with its numbers/,
    ],
    [
      "too few numbers",
      (json) => (json.mat4!.data = [1]),
      /mat4, the forward bias, is no array of one size with its numbers/,
    ],
    ["texts for numbers", (json) => (json.mat4!.data = Array(8).fill("1")), /mat4, the forward bias, is no array/],
    ["sizes that do not fit together", (json) => (json.mat8 = { dim: [3, 4], data: Array(12).fill(0) }), /dense/],
  ])("%s is refused in a line", async (_, damage, message) => {
    const matrix = (...dim: number[]) => ({ dim, data: Array(dim.reduce((a, b) => a * b, 1)).fill(0.1) });
    const json: Record<string, { dim: unknown; data: unknown }> = {
      ...{ mat1: matrix(5, 3), mat2: matrix(3, 8), mat3: matrix(2, 8), mat4: matrix(8), mat5: matrix(3, 8) },
      ...{ mat6: matrix(2, 8), mat7: matrix(8), mat8: matrix(4, 4), mat9: matrix(4) },
    };
    const made = () =>
      importModel({
        bytes: new TextEncoder().encode(JSON.stringify({ model: "m", dic: {}, ...json })),
        name: "w.json",
      });
    expect((await made()).model.outputSize).toBe(4);
    damage(json);
    const line = await rejection(made());
    expect(line).toMatch(/^w\.json: [^\n]*\.$/);
    expect(line).toMatch(message);
  });

  test.skipIf(missing)("the Thai model gives its reference", async () => {
    const { model, source } = await read("icu-thai-json", "weights.json");
    expect(source).toBe("a model of word breaks of ICU, Thai_codepoints_exclusive_model5_heavy");
    const { input_ids: ids, probabilities } = reference("icu-thai-json");
    const predictor = await createPredictor(model, { batch: 1, steps: ids.length });
    expectClose(await predictor.predict(Int32Array.from(ids)), probabilities.flat(), { within: 1e-5 });
    predictor.dispose();
  });
});
