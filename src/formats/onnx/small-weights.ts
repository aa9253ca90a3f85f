/**
 * Weights of 16 and of 8 bits: a graph's constants in fewer bytes, with nodes in front that make 32 bits of them, so that every runtime computes
 * as before. Knows nothing about layers.
 */
import { decodeTensor, encodeHalf } from "../safetensors.ts";
import type { OnnxGraph, OnnxNode, OnnxTensor } from "./proto.ts";

/** The element types of weights in a file. */
export const onnxWeightTypes = ["f32", "f16", "int8"] as const;
export type OnnxWeightType = (typeof onnxWeightTypes)[number];

type Packed = { readonly tensors: readonly OnnxTensor[]; readonly nodes: readonly OnnxNode[] };
const asIs = (tensor: OnnxTensor): Packed => ({ tensors: [tensor], nodes: [] });

/** The same graph with smaller constants, for those whose numbers are ones of that type already. */
export function withSmallWeights(graph: OnnxGraph, dtype: OnnxWeightType): OnnxGraph {
  const packed = graph.tensors.map((tensor) =>
    dtype === "f16" ? half(tensor) : dtype === "int8" ? eight(tensor) : asIs(tensor),
  );
  return {
    ...graph,
    tensors: packed.flatMap(({ tensors }) => tensors),
    nodes: [...packed.flatMap(({ nodes }) => nodes), ...graph.nodes],
  };
}

/** Numbers of 32 bits that are numbers of 16, and more than a few. */
function half(tensor: OnnxTensor): Packed {
  const { name, dims, data } = tensor;
  if (!(data instanceof Float32Array) || data.length < 8) return asIs(tensor);
  const codes = encodeHalf(data, (at) => `${name}[${at}]`);
  const back = decodeTensor(new Uint8Array(codes.buffer, codes.byteOffset, codes.byteLength), "F16", dims).data;
  if (!data.every((value, k) => value === back[k])) return asIs(tensor);
  const stored = `${name} of 16 bits`;
  return {
    tensors: [{ name: stored, dims, data: codes }],
    nodes: [{ op: "Cast", inputs: [stored], outputs: [name], attributes: { to: { int: 1 } } }],
  };
}

/**
 * Whole numbers from -127 to 127, with a scale for each row of the matrix that they are, in another shape: of a DequantizeLinear right before
 * a MatMul ONNX Runtime's native build 1.30 makes one operator, which rounds to 8 bits what is multiplied, too.
 */
function eight(tensor: OnnxTensor): Packed {
  const { name, dims, data, scales } = tensor;
  if (scales === undefined || !(data instanceof Float32Array)) return asIs(tensor);
  const { values, columns: turned } = scales;
  const { length } = values;
  const each = data.length / length;
  const whole = Int8Array.from(data, (value, k) => {
    const scale = values[turned ? k % length : Math.floor(k / each)] as number;
    return scale === 0 ? 0 : Math.round(value / scale);
  });
  const stored = `${name} of 8 bits`;
  const scale = `${name} scales`;
  const made = `${name} rows`;
  const shape = `${name} shape`;
  return {
    tensors: [
      {
        name: stored,
        dims: turned ? [1, each, length] : dims.length === 2 ? [1, length, each] : [length, each],
        data: whole,
      },
      { name: scale, dims: [length], data: values },
      { name: shape, dims: [dims.length], data: BigInt64Array.from(dims, BigInt) },
    ],
    nodes: [
      {
        ...{ op: "DequantizeLinear", inputs: [stored, scale], outputs: [made] },
        attributes: { axis: { int: turned ? 2 : dims.length === 2 ? 1 : 0 } },
      },
      { op: "Reshape", inputs: [made, shape], outputs: [name], attributes: {} },
    ],
  };
}
