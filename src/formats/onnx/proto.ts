/**
 * ONNX models as plain data, and as bytes: protocol buffers by onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto), of
 * which what models of layers need is here. Knows nothing about layers.
 */

import { PbfWriter } from "pbf";
import { joined } from "../../graph/joined.ts";

/** Element types, by the numbers of `TensorProto.DataType`. */
export const elementTypes = { float: 1, int8: 3, int64: 7, float16: 10 } as const;
export type ElementType = keyof typeof elementTypes;

export type OnnxTensor = {
  readonly name: string;
  readonly dims: readonly number[];
  /** Numbers of 16 bits are their codes. */
  readonly data: Float32Array | BigInt64Array | Int8Array | Uint16Array;
  /** Of a matrix whose numbers are whole multiples of a scale for each of its rows, or, where it stands transposed, columns; not written. */
  readonly scales?: { readonly values: Float32Array; readonly columns: boolean } | undefined;
};
/** An attribute says its type by its name. */
export type OnnxAttribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly text: string }
  | { readonly ints: readonly number[] }
  | { readonly floats: readonly number[] }
  | { readonly texts: readonly string[] }
  | { readonly tensor: OnnxTensor }
  | { readonly graph: OnnxGraph };
export type OnnxNode = {
  readonly op: string;
  /** "" for what is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
  /** Of an operator that is not ONNX's own: whose it is. */
  readonly domain?: string;
};
/** A value that goes in or comes out; a dimension without a size has a name. */
export type OnnxValue = {
  readonly name: string;
  readonly type: ElementType;
  readonly dims: readonly (number | string)[];
};
export type OnnxGraph = {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly tensors: readonly OnnxTensor[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
};
export type OnnxModel = {
  readonly irVersion: number;
  readonly opset: number;
  /** The versions of operators that are not ONNX's own. */
  readonly domains?: Readonly<Record<string, number>>;
  readonly producer: string;
  readonly graph: OnnxGraph;
};

/** A model as the bytes of a file. */
export const encodeOnnx = (model: OnnxModel): Uint8Array => joined(Uint8Array, encodeOnnxParts(model));

/** The same bytes in parts, of which the numbers of the graph's own tensors are no copies. */
export function encodeOnnxParts({ irVersion, opset, domains = {}, producer, graph }: OnnxModel): readonly Uint8Array[] {
  const { tensors, inputs, outputs } = graph;
  const parts = [
    encoded((to) => writeGraph({ ...graph, tensors: [], inputs: [], outputs: [] }, to)),
    ...tensors.flatMap(encodeTensor),
    encoded((to) => writeValues({ inputs, outputs }, to)),
  ];
  const start = encoded((to) => {
    to.writeVarintField(1, irVersion);
    if (producer !== "") to.writeStringField(2, producer);
    writeLength(7, parts, to);
  });
  const versions = [["", opset] as const, ...Object.entries(domains)];
  const end = encoded((to) => {
    for (const version of versions) to.writeMessage(8, writeOpset, version);
  });
  return [start, ...parts, end];
}
function encoded(write: (to: PbfWriter) => void): Uint8Array {
  const writer = new PbfWriter();
  write(writer);
  return writer.finish();
}
/** The field and the length of a message whose bytes follow in parts. */
function writeLength(field: number, parts: readonly Uint8Array[], to: PbfWriter): void {
  to.writeTag(field, 2);
  to.writeVarint(parts.reduce((total, { length }) => total + length, 0));
}
/** A tensor of a graph. */
function encodeTensor(tensor: OnnxTensor): readonly Uint8Array[] {
  const numbers = bytesOf(tensor);
  const description = encoded((to) => {
    describeTensor(tensor, to);
    writeLength(9, [numbers], to);
  });
  return [encoded((to) => writeLength(5, [description, numbers], to)), description, numbers];
}

function writeOpset([domain, version]: readonly [string, number], to: PbfWriter): void {
  if (domain !== "") to.writeStringField(1, domain);
  to.writeVarintField(2, version);
}

function writeGraph({ name, nodes, tensors, inputs, outputs }: OnnxGraph, to: PbfWriter): void {
  for (const node of nodes) to.writeMessage(1, writeNode, node);
  to.writeStringField(2, name);
  for (const tensor of tensors) to.writeMessage(5, writeTensor, tensor);
  writeValues({ inputs, outputs }, to);
}
function writeValues({ inputs, outputs }: Pick<OnnxGraph, "inputs" | "outputs">, to: PbfWriter): void {
  for (const value of inputs) to.writeMessage(11, writeValue, value);
  for (const value of outputs) to.writeMessage(12, writeValue, value);
}

function writeNode({ op, inputs, outputs, attributes, domain }: OnnxNode, to: PbfWriter): void {
  for (const name of inputs) to.writeStringField(1, name);
  for (const name of outputs) to.writeStringField(2, name);
  to.writeStringField(3, `${outputs.find((name) => name !== "")}:${op}`);
  to.writeStringField(4, op);
  for (const attribute of Object.entries(attributes)) to.writeMessage(5, writeAttribute, attribute);
  if (domain !== undefined) to.writeStringField(7, domain);
}

/** The numbers of `AttributeProto.AttributeType`. */
const attributeTypes = { float: 1, int: 2, text: 3, tensor: 4, graph: 5, floats: 6, ints: 7, texts: 8 } as const;

function writeAttribute([name, value]: readonly [string, OnnxAttribute], to: PbfWriter): void {
  to.writeStringField(1, name);
  if ("float" in value) to.writeFloatField(2, value.float);
  if ("int" in value) to.writeVarintField(3, value.int);
  if ("text" in value) to.writeStringField(4, value.text);
  if ("tensor" in value) to.writeMessage(5, writeTensor, value.tensor);
  if ("graph" in value) to.writeMessage(6, writeGraph, value.graph);
  if ("floats" in value) for (const one of value.floats) to.writeFloatField(7, one);
  if ("ints" in value) for (const one of value.ints) to.writeVarintField(8, one);
  if ("texts" in value) for (const one of value.texts) to.writeStringField(9, one);
  to.writeVarintField(20, attributeTypes[Object.keys(value)[0] as keyof typeof attributeTypes]);
}

function writeTensor(tensor: OnnxTensor, to: PbfWriter): void {
  describeTensor(tensor, to);
  to.writeBytesField(9, bytesOf(tensor));
}
function describeTensor({ name, dims, data }: OnnxTensor, to: PbfWriter): void {
  for (const size of dims) to.writeVarintField(1, size);
  const type =
    data instanceof Float32Array
      ? "float"
      : data instanceof Int8Array
        ? "int8"
        : data instanceof Uint16Array
          ? "float16"
          : "int64";
  to.writeVarintField(2, elementTypes[type]);
  to.writeStringField(8, name);
}
/** Little-endian, as the format and every JavaScript engine in use have it. */
const bytesOf = ({ data }: OnnxTensor): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

function writeValue({ name, type, dims }: OnnxValue, to: PbfWriter): void {
  to.writeStringField(1, name);
  to.writeMessage(2, writeType, { type, dims });
}
type Typed = Pick<OnnxValue, "type" | "dims">;
function writeType(value: Typed, to: PbfWriter): void {
  to.writeMessage(1, writeTensorType, value);
}
function writeTensorType({ type, dims }: Typed, to: PbfWriter): void {
  to.writeVarintField(1, elementTypes[type]);
  to.writeMessage(2, writeShape, dims);
}
function writeShape(dims: Typed["dims"], to: PbfWriter): void {
  for (const size of dims) to.writeMessage(1, writeDimension, size);
}
function writeDimension(size: number | string, to: PbfWriter): void {
  if (typeof size === "number") to.writeVarintField(1, size);
  else to.writeStringField(2, size);
}
