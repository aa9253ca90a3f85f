/** Models of word breaks in ICU's data: JSON of nine matrices, which Keras trained: an embedding, an LSTM in both directions, four classes. */
import { excerpt } from "../../graph/excerpt.ts";
import { isPlain } from "../../graph/schema.ts";
import type { ImportedModel, ModelSource } from "../imported.ts";
import type { Arrays } from "../keras/arrays.ts";
import { finish, understand } from "../keras/read.ts";
import { FormatError } from "../safetensors.ts";
import { objectIn } from "./kind.ts";

/** A model of its `weights.json`. @throws FormatError, one line with the file's name */
export function readWordBreaks({ bytes, name }: ModelSource): ImportedModel {
  const json = objectIn(bytes) as Readonly<Record<string, unknown>>;
  const matrix = (k: number, rank: number, label: string) => {
    const { dim, data } = (isPlain(json[`mat${k}`]) ? json[`mat${k}`] : {}) as { dim?: unknown; data?: unknown };
    const sizes =
      Array.isArray(dim) && dim.length === rank && dim.every((size) => Number.isSafeInteger(size) && size > 0);
    const count = sizes ? (dim as number[]).reduce((a, b) => a * b, 1) : 0;
    const numbers = Array.isArray(data) && data.length === count && data.every((one) => typeof one === "number");
    if (sizes && numbers) return { shape: dim as number[], data: Float32Array.from(data as number[]), name: label };
    throw new FormatError(
      `${name}: mat${k}, ${label}, is no array of ${rank === 1 ? "one size" : "two sizes"} with its numbers.`,
    );
  };
  const both = (k: number, label: string) => [
    matrix(k, 2, `the ${label} kernel`),
    matrix(k + 1, 2, `the ${label} recurrent kernel`),
    matrix(k + 2, 1, `the ${label} bias`),
  ];
  const table = matrix(1, 2, "the embedding");
  const [forward, backward] = [both(2, "forward"), both(5, "backward")];
  const classes = [matrix(8, 2, "the dense kernel"), matrix(9, 1, "the dense bias")];
  const lstm = { units: forward[1]?.shape[0], return_sequences: true, recurrent_activation: "sigmoid" };
  const config = {
    class_name: "Sequential",
    config: [
      { class_name: "Embedding", config: { name: "embedding", input_dim: table.shape[0], output_dim: table.shape[1] } },
      {
        class_name: "Bidirectional",
        config: {
          name: "bidirectional",
          merge_mode: "concat",
          layer: { class_name: "LSTM", config: { name: "lstm", ...lstm } },
        },
      },
      { class_name: "Dense", config: { name: "dense", units: classes[1]?.shape[0], activation: "softmax" } },
    ],
  };
  const arrays: Arrays = (of) => (of === "embedding" ? [[table]] : of === "dense" ? [classes] : [forward, backward]);
  const described = { config, version: undefined, from: name };
  const { model } = finish(understand(described, name), described, arrays, name);
  return {
    source: `a model of word breaks of ICU, ${excerpt(String(json.model), 60)}`,
    model,
    notes: ["Its four outputs are begin, inside, end and single, of each code point or cluster of its dictionary."],
  };
}
