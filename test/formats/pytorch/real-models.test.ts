/**
 * Models that others trained and keep in PyTorch's formats, or their tensors alone, beside outputs that were computed without our
 * code: ../shared/data/models, whose README says what each is. Skipped where the folder is missing.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { importModel } from "../../../src/formats/imported.ts";
import { readTensors } from "../../../src/formats/pytorch/read.ts";
import { type Translation, translate, translatorFrom } from "../../../src/tasks/translate.ts";
import { predict } from "../../../src/train/predict.ts";
import { rejection } from "../../helpers/refusal.ts";

const folder = join(process.env.UNROLLED_DATA ?? join(import.meta.dirname, "../../../../shared/data"), "models");
const file = (name: string): Uint8Array => readFileSync(join(folder, name));
const reference = (name: string): Record<string, never> =>
  JSON.parse(readFileSync(join(folder, name, "reference.json"), "utf8"));
const shapesOf = (bytes: Uint8Array, name: string): Record<string, string> =>
  Object.fromEntries(
    [...readTensors(bytes, name).tensors].map(([tensor, found]) => [
      tensor,
      "problem" in found ? found.problem : found.shape.join("x"),
    ]),
  );
const largest = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.max(...Array.from(b, (value, k) => Math.abs(value - (a[k] as number))));

describe.skipIf(!existsSync(folder))("models of others (skipped where ../shared/data/models is missing)", () => {
  test("names by a network of January 2017, a whole module in a tar archive: its cell as equations", async () => {
    const name = "names-torch-tar-2017";
    const bytes = file(`${name}/char-rnn-classification.pt`);
    expect(shapesOf(bytes, name)).toEqual({
      ...{ "i2h.weight": "128x180", "i2h.bias": "128", "i2o.weight": "18x180", "i2o.bias": "18" },
    });
    expect(await rejection(importModel({ bytes, name: "names.pt" }))).toMatchInlineSnapshot(
      `"names.pt: softmax is a LogSoftmax, and where it is used is not in the file. Without a mapping, which says how tensors are wired, only a chain of layers is read."`,
    );
    // h = i2h([x, h]), out = log_softmax(i2o([x, h before])).
    const [x, h] = [
      [0, 52],
      [52, 180],
    ];
    const mapping = {
      layers: [
        {
          kind: "cell",
          units: 128,
          output: "last",
          equations: `
            s  = W_o @ x + U_o @ h + b_o
            d  = s - max(s)
            y  = d - log(sum(exp(d)))
            h' = W_h @ x + U_h @ h + b_h
            s  : 18
          `,
          parameters: {
            ...{
              W_h: { tensor: "i2h.weight", columns: x },
              U_h: { tensor: "i2h.weight", columns: h },
              b_h: "i2h.bias",
            },
            ...{
              W_o: { tensor: "i2o.weight", columns: x },
              U_o: { tensor: "i2o.weight", columns: h },
              b_o: "i2o.bias",
            },
          },
        },
      ],
    };
    const { model, source } = await importModel({ bytes, name: "names.pt", mapping });
    expect(source).toBe("PyTorch, the format up to 0.1.9");
    const { input_ids: ids, log_probabilities_last: wanted } = reference(name) as Record<string, readonly number[]>;
    const letters = (ids as readonly number[]).map((id) => Array.from({ length: 52 }, (_, k) => Number(k === id)));
    const { data } = await predict(model, [letters]);
    expect(largest(data, wanted as number[])).toBeLessThan(1e-5);
  });

  test("spelling to phonemes, two GRUs in NumPy's format: as one model, by a mapping", async () => {
    const name = "g2p-en-npz";
    const bytes = file(`${name}/checkpoint20.npz`);
    expect(shapesOf(bytes, name)).toMatchObject({
      enc_emb: "29x256",
      enc_w_ih: "768x256",
      dec_b_hh: "768",
      fc_w: "74x256",
    });
    expect(await rejection(importModel({ bytes, name: "g2p.npz" }))).toMatchInlineSnapshot(
      `"g2p.npz: the model has tensors that are of no layer that is read: enc_emb, enc_w_ih, enc_w_hh, enc_b_ih, enc_b_hh, dec_emb, dec_w_ih, dec_w_hh, dec_b_ih, dec_b_hh, fc_w, fc_b. Without a mapping, which says how tensors are wired, only a chain of layers is read."`,
    );
    const tensors = (from: string) =>
      Object.fromEntries(
        ["weight_ih", "weight_hh", "bias_ih", "bias_hh"].map((own) => [own, `${from}_${own.replace(/eight|ias/, "")}`]),
      );
    const mapping = {
      layers: [
        { kind: "input", name: "letters", features: "tokens" },
        { kind: "embedding", tensors: { weight: "enc_emb" } },
        { kind: "gru", name: "encoder", tensors: tensors("enc"), output: "states" },
        { kind: "input", name: "phonemes", features: "tokens", time: "answer" },
        { kind: "embedding", tensors: { weight: "dec_emb" } },
        { kind: "gru", tensors: tensors("dec"), initialState: "encoder" },
        { kind: "linear", tensors: { weight: "fc_w", bias: "fc_b" } },
      ],
    };
    const { model } = await importModel({ bytes, name: "g2p.npz", mapping });
    const said = reference(name) as unknown as {
      input_ids: number[];
      phonemes: string[];
      greedy: string[];
      first_logits: number[];
    };
    const answer = [said.phonemes.indexOf("<s>"), ...said.greedy.map((one) => said.phonemes.indexOf(one))];
    const { data, shape } = await predict(model, { letters: [said.input_ids], phonemes: [answer] });
    expect(largest(data, said.first_logits)).toBeLessThan(1e-5 * Math.max(...said.first_logits.map(Math.abs)));
    const width = shape[2] as number;
    const likeliest = answer.map((_, t) => {
      const row = Array.from(data.subarray(t * width, (t + 1) * width));
      return said.phonemes[row.indexOf(Math.max(...row))];
    });
    expect(likeliest).toEqual([...said.greedy, "</s>"]);
    const { graphemes, phonemes, word } = reference(name) as unknown as { [key: string]: string[] } & { word: string };
    const of = translatorFrom(model, { source: graphemes as string[], target: phonemes as string[] });
    const [{ text }] = (await translate(of, [word], { beams: 1 })) as [Translation];
    expect(text).toBe(said.greedy.join(" "));
  });

  test("silero's detector of speech as safetensors: its LSTM, and what else there is in the refusal", async () => {
    const name = "silero-vad/silero_vad_16k.safetensors";
    const bytes = file(name);
    expect(await rejection(importModel({ bytes, name: "silero.safetensors" }))).toContain(
      "silero.safetensors: stft_conv has a weight of 3 axes, as a convolution has, which is not read",
    );
    const mapping = { layers: [{ kind: "lstm", prefix: "lstm_cell" }], ignore: ["stft_", "conv", "final_"] };
    const { model } = await importModel({ bytes, name: "silero.safetensors", mapping });
    // The cell's equations in f64, straight from its tensors.
    const { tensors } = readTensors(bytes, name);
    const [ih, hh, bi, bh] = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"].map((own) => {
      const found = tensors.get(`lstm_cell.${own}`);
      return found && "read" in found ? (found.read().data as Float32Array) : new Float32Array();
    }) as [Float32Array, Float32Array, Float32Array, Float32Array];
    const x = Array.from({ length: 5 }, (_, t) => Array.from({ length: 128 }, (_, k) => Math.sin(t + k)));
    let [h, c] = [new Float64Array(128), new Float64Array(128)];
    const wanted: number[] = [];
    const sigmoid = (a: number): number => 1 / (1 + Math.exp(-a));
    for (const step of x) {
      const gate = (row: number): number => {
        let sum = (bi[row] as number) + (bh[row] as number);
        for (let k = 0; k < 128; k++) {
          sum += (ih[row * 128 + k] as number) * (step[k] as number) + (hh[row * 128 + k] as number) * (h[k] as number);
        }
        return sum;
      };
      c = c.map((before, k) => sigmoid(gate(128 + k)) * before + sigmoid(gate(k)) * Math.tanh(gate(256 + k)));
      h = c.map((now, k) => sigmoid(gate(384 + k)) * Math.tanh(now));
      wanted.push(...h);
    }
    expect(largest((await predict(model, [x])).data, wanted)).toBeLessThan(1e-5);
  });
});
