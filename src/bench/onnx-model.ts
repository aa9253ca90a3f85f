/**
 * A model that generates with LSTMs, as the bytes of an ONNX file for one step of one example: a token and the states
 * go in, logits and the states come out. Unlike the files of `writeOnnx` it has no node but those that a step needs, and matrices of
 * 8 bits. Knows nothing about who reads it.
 */
import { encodeOnnx, type OnnxNode, type OnnxTensor, type OnnxValue } from "../formats/onnx/proto.ts";
import { joined } from "../graph/joined.ts";
import type { Model } from "../nn/model.ts";

/** Names of what goes in and comes out: the states of layer k have k behind their names. */
export const onnxNames = {
  token: "token",
  logits: "logits",
  states: ["h", "c"],
  nextStates: ["next_h", "next_c"],
} as const;

/** Gates in ONNX's order. */
const gates = ["i", "o", "f", "g"] as const;

/** As of opset 14, which the oldest runtimes in use read. */
const versions = { ir: 7, opset: 14 } as const;
/** ONNX Runtime's own operations, at their version 1: of matrices of 8 bits, with operands that it rounds to 8 bits as they come. */
const microsoft = "com.microsoft";

/**
 * @param model an embedding, LSTMs and a dense layer without activation; the file gets the values it has now
 * @param quantized whether matrices of products have 8 bits, symmetric about 0, with a scale for each output, as
 * `onnxruntime.quantization.quantize_dynamic` makes them
 */
export function onnxGenerator({ layers, values }: Model, { quantized = false } = {}): Uint8Array {
  const [embedding, ...rest] = layers;
  const dense = rest.pop();
  if (embedding?.kind !== "embedding" || dense?.kind !== "cell") throw new Error("internal: not such a model");
  const value = (name: string): Float32Array => values[name] as Float32Array;

  const nodes: OnnxNode[] = [node("Gather", ["table", onnxNames.token], ["x"])];
  const tensors: OnnxTensor[] = [tensor("table", [embedding.inputDim, embedding.outputDim], value("embedding.weight"))];
  const inputs = [valueInfo(onnxNames.token, "int64", [1, 1])];
  const outputs = [valueInfo(onnxNames.logits, "float", [1, 1, dense.units as number])];
  // (T,B,D) with one step of one example, then (directions,B,H), which is the same: (1,1,H).
  let x = "x";
  let features = embedding.outputDim;
  rest.forEach((layer, k) => {
    if (layer.kind !== "cell") throw new Error(`internal: ${layer.name} is no LSTM`);
    const units = layer.units as number;
    const all = (prefix: string): Float32Array =>
      joined(
        Float32Array,
        gates.map((gate) => value(`${layer.name}.${prefix}_${gate}`)),
      );
    const named = (name: string): string => `${name}${k}`;
    const states = onnxNames.states.map(named);
    const next = onnxNames.nextStates.map(named);
    const matrix = (name: string, columns: number): readonly string[] => {
      const matrix = all(name);
      if (!quantized) {
        tensors.push(tensor(named(name), [1, 4 * units, columns], matrix));
        return [];
      }
      const { bytes, scales } = rounded(matrix, 4 * units, columns);
      const [scale, zero] = [`${named(name)}_scale`, `${named(name)}_zero`];
      tensors.push(
        tensor(named(name), [1, columns, 4 * units], transposed(bytes, 4 * units, columns)),
        tensor(scale, [1, 4 * units], scales),
        tensor(zero, [1, 4 * units], new Int8Array(4 * units)),
      );
      return [scale, zero];
    };
    const scales = [...matrix("W", features), ...matrix("U", units)];
    // A second bias, beside the recurrent product, stays 0.
    tensors.push(tensor(named("b"), [1, 8 * units], joined(Float32Array, [all("b"), new Float32Array(4 * units)])));
    const operands = [x, named("W"), named("U"), named("b"), "", ...states];
    const attributes = { hidden_size: units };
    nodes.push(
      quantized
        ? node("DynamicQuantizeLSTM", [...operands, "", ...scales], ["", ...next], attributes, microsoft)
        : node("LSTM", operands, ["", ...next], attributes),
    );
    inputs.push(...states.map((name) => valueInfo(name, "float", [1, 1, units])));
    outputs.push(...next.map((name) => valueInfo(name, "float", [1, 1, units])));
    [x, features] = [next[0] as string, units];
  });
  const size = dense.units as number;
  const last = value(`${dense.name}.W`);
  tensors.push(tensor("b", [size], value(`${dense.name}.b`)));
  if (quantized) {
    const { bytes, scales } = rounded(last, size, features);
    tensors.push(
      tensor("W", [features, size], transposed(bytes, size, features)),
      tensor("W_scale", [size], scales),
      tensor("W_zero", [size], new Int8Array(size)),
    );
    nodes.push(node("DynamicQuantizeMatMul", [x, "W", "W_scale", "W_zero", "b"], [onnxNames.logits], {}, microsoft));
  } else {
    tensors.push(tensor("W", [features, size], transposed(last, size, features)));
    nodes.push(node("MatMul", [x, "W"], ["product"]), node("Add", ["product", "b"], [onnxNames.logits]));
  }

  return encodeOnnx({
    ...{
      irVersion: versions.ir,
      opset: versions.opset,
      producer: "",
      ...(quantized && { domains: { [microsoft]: 1 } }),
    },
    graph: { name: "generator", nodes, tensors, inputs, outputs },
  });
}

const node = (
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, number>> = {},
  domain?: string,
): OnnxNode => ({
  ...{ op, inputs, outputs, ...(domain !== undefined && { domain }) },
  attributes: Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, { int: value }])),
});
const tensor = (name: string, dims: readonly number[], data: OnnxTensor["data"]): OnnxTensor => ({ name, dims, data });
const valueInfo = (name: string, type: OnnxValue["type"], dims: readonly number[]): OnnxValue => ({ name, type, dims });

/** (rows,columns) -> (columns,rows) */
function transposed<Numbers extends Float32Array | Int8Array>(matrix: Numbers, rows: number, columns: number): Numbers {
  const out = matrix.slice() as Numbers;
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) out[c * rows + r] = matrix[r * columns + c] as number;
  }
  return out;
}

/** Whole numbers from -127 to 127, and for each row what they are to be multiplied by. */
function rounded(matrix: Float32Array, rows: number, columns: number): { bytes: Int8Array; scales: Float32Array } {
  const bytes = new Int8Array(matrix.length);
  const scales = new Float32Array(rows);
  for (let r = 0; r < rows; r++) {
    const row = matrix.subarray(r * columns, (r + 1) * columns);
    const scale = Math.fround((row.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1) / 127);
    scales[r] = scale;
    row.forEach((value, c) => {
      bytes[r * columns + c] = Math.round(value / scale);
    });
  }
  return { bytes, scales };
}
