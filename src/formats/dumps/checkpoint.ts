/**
 * Character models of TensorFlow 1, written as raw numbers with a manifest, as ml5.js and deeplearn.js read them: an embedding, layers of
 * `BasicLSTMCell`, and logits. Their vocabulary is a file beside them.
 */
import { excerpt } from "../../graph/excerpt.ts";
import type { ImportedModel, ModelSource } from "../imported.ts";
import type { Arrays } from "../keras/arrays.ts";
import { finish, understand } from "../keras/read.ts";
import { FormatError } from "../safetensors.ts";
import { objectIn } from "./kind.ts";

type Table = { readonly shape: readonly number[]; readonly data: Float32Array };

/** Added to the forget gate when the cell runs, and not in the file. */
const forgetBias = 1;
/** The gates of a cell of TensorFlow 1, the candidate being j, in the order of Keras, which has i, f, j, o. */
const gates = [0, 2, 1, 3];

/** A model of its manifest. @throws FormatError, one line with the file's name */
export function readCheckpoint({ bytes, name, beside }: ModelSource): ImportedModel {
  const manifest = objectIn(bytes) as Readonly<Record<string, { filename: string; shape: unknown[] }>>;
  const found = Object.keys(manifest);
  const table = (pattern: RegExp, rank: number): Table | undefined => {
    const key = found.find((one) => pattern.test(one));
    return key === undefined
      ? undefined
      : tableOf(key, manifest[key] as (typeof manifest)[string], rank, { name, beside });
  };
  const needed = (pattern: RegExp, rank: number, what: string): Table => {
    const got = table(pattern, rank);
    if (got !== undefined) return got;
    throw new FormatError(
      `${name}: it lists no ${what}; it has ${excerpt(found.join(", "), 120)}. An embedding, layers of BasicLSTMCell, softmax_w and softmax_b are read.`,
    );
  };
  const embedding = needed(/(^|\/)embedding$/, 2, "embedding");
  const [softmax, bias] = [needed(/softmax_w$/, 2, "softmax_w"), needed(/softmax_b$/, 1, "softmax_b")];
  const layers: (readonly [Table, Table, Table])[] = [];
  for (let k = 0; ; k++) {
    const cell = `cell_${k}/basic_lstm_cell/`;
    if (!found.some((key) => key.includes(cell))) break;
    const kernel = needed(new RegExp(`${cell}(kernel|weights)$`), 2, `kernel of ${cell}`);
    layers.push(ofKeras(kernel, needed(new RegExp(`${cell}(bias|biases)$`), 1, `bias of ${cell}`), name));
  }
  if (layers.length === 0) needed(/cell_0\/basic_lstm_cell\//, 2, "layer cell_0/basic_lstm_cell");
  const [tokens, width] = embedding.shape as [number, number];
  const layer = (className: string, config: object) => ({ class_name: className, config });
  const config = {
    class_name: "Sequential",
    config: [
      layer("Embedding", { name: "embedding", input_dim: tokens, output_dim: width }),
      ...layers.map(([, recurrent], k) =>
        layer("LSTM", {
          name: `lstm_${k}`,
          units: recurrent.shape[0],
          return_sequences: true,
          recurrent_activation: "sigmoid",
        }),
      ),
      layer("Dense", { name: "softmax", units: softmax.shape[1] }),
    ],
  };
  const named = new Map<string, readonly Table[]>([
    ["embedding", [embedding]],
    ...layers.map((tables, k) => [`lstm_${k}`, tables] as const),
    ["softmax", [softmax, bias]],
  ]);
  const arrays: Arrays = (of) => [(named.get(of) ?? []).map((one) => ({ ...one, name: of }))];
  const described = { config, version: undefined, from: name };
  const { model } = finish(understand(described, name), described, arrays, name);
  const vocabulary = vocabularyIn(beside?.("vocab.json"), tokens);
  return { source: "a checkpoint of TensorFlow 1", model, notes: [], ...(vocabulary && { vocabulary }) };
}

/** The numbers of a file that a manifest lists. */
function tableOf(
  key: string,
  { filename, shape }: { filename: string; shape: unknown[] },
  rank: number,
  { name, beside }: Pick<ModelSource, "name" | "beside">,
): Table {
  const what = `${name}: ${excerpt(key, 60)}`;
  if (shape.length !== rank || !shape.every((size) => Number.isSafeInteger(size) && (size as number) > 0)) {
    throw new FormatError(`${what} has the shape [${excerpt(shape.join(", "), 40)}], expected ${rank} sizes.`);
  }
  if (/[\\/]|^\.\.?$/.test(filename))
    throw new FormatError(`${what} is in ${excerpt(filename, 60)}, outside its folder.`);
  const bytes = beside?.(filename);
  if (bytes === undefined)
    throw new FormatError(`${what} is in the file ${excerpt(filename, 60)}, which is not beside it.`);
  const count = (shape as number[]).reduce((a, b) => a * b, 1);
  if (bytes.length !== 4 * count) {
    throw new FormatError(`${what} needs ${4 * count} bytes, and ${excerpt(filename, 60)} has ${bytes.length}.`);
  }
  return { shape: shape as number[], data: new Float32Array(bytes.slice().buffer) };
}

/** Kernel, recurrent kernel and bias as Keras has them, of one kernel over the input and the state, one below the other. */
function ofKeras(kernel: Table, bias: Table, name: string): [Table, Table, Table] {
  const [rows, columns] = kernel.shape as [number, number];
  const units = columns / 4;
  const inputs = rows - units;
  if (!Number.isInteger(units) || inputs < 1 || bias.shape[0] !== columns) {
    throw new FormatError(`${name}: a kernel of ${rows} x ${columns} and a bias of ${bias.shape[0]} are of no LSTM.`);
  }
  const reordered = ({ data }: Table, from: number, count: number): Float32Array => {
    const values = new Float32Array(count * columns);
    for (let row = 0; row < count; row++) {
      gates.forEach((gate, k) => {
        const start = (from + row) * columns + gate * units;
        values.set(data.subarray(start, start + units), row * columns + k * units);
      });
    }
    return values;
  };
  const sums = reordered(bias, 0, 1);
  for (let k = units; k < 2 * units; k++) sums[k] = (sums[k] as number) + forgetBias;
  return [
    { shape: [inputs, columns], data: reordered(kernel, 0, inputs) },
    { shape: [units, columns], data: reordered(kernel, inputs, units) },
    { shape: [columns], data: sums },
  ];
}

/** The token of each number, null of one without; undefined where the file is none. */
function vocabularyIn(bytes: Uint8Array | undefined, size: number): (string | null)[] | undefined {
  const ids = Object.entries(objectIn(bytes ?? new Uint8Array()) ?? {});
  if (
    ids.length === 0 ||
    !ids.every(([, id]) => Number.isInteger(id) && 0 <= (id as number) && (id as number) < size)
  ) {
    return undefined;
  }
  const tokens = Array.from({ length: size }, (): string | null => null);
  for (const [token, id] of ids) tokens[id as number] = token;
  return tokens;
}
