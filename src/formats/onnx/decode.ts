/** The bytes of an ONNX file as plain data. Knows nothing about layers; what no importer here looks at is skipped. */
import { PbfReader } from "pbf";
import { formatValue } from "../../graph/schema.ts";
import { type Dtype, decodeTensor, elementBytes, FormatError, type TensorData } from "../safetensors.ts";

/** A constant. */
export type ReadTensor = {
  readonly name: string;
  readonly dims: readonly number[];
  readonly data: TensorData;
  /** Whether its numbers are whole by their type. */
  readonly whole: boolean;
};
export type ReadAttribute = {
  readonly number?: number;
  readonly text?: string;
  readonly numbers?: readonly number[];
  readonly texts?: readonly string[];
  readonly tensor?: ReadTensor;
  readonly graph?: ReadGraph;
};
export type ReadNode = {
  readonly op: string;
  readonly domain: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, ReadAttribute>;
};
export type ReadValue = {
  readonly name: string;
  /** Its element type; 0 where it is no tensor. */
  readonly type: number;
  /** A size, the name of one, or undefined where nothing is said. */
  readonly dims: readonly (number | string | undefined)[] | undefined;
};
export type ReadGraph = {
  readonly nodes: readonly ReadNode[];
  readonly tensors: ReadonlyMap<string, ReadTensor>;
  readonly inputs: readonly ReadValue[];
  readonly outputs: readonly ReadValue[];
};
export type ReadOnnx = {
  readonly irVersion: number;
  readonly opset: number;
  readonly producer: string;
  readonly graph: ReadGraph;
};

/** Element types that are numbers with a point, by the numbers of `TensorProto.DataType`. */
export const floatTypes: readonly number[] = [1, 10, 11, 16];
/** Element types. */
const types: Readonly<Record<number, Dtype>> = {
  ...{ 1: "F32", 2: "U8", 3: "I8", 4: "U16", 5: "I16", 6: "I32", 7: "I64", 9: "BOOL", 10: "F16", 11: "F64" },
  ...{ 12: "U32", 13: "U64", 16: "BF16" },
};
const maxDepth = 20;

/**
 * @param name the file's name, for messages
 * @param beside the bytes of a file in the same folder, for tensors that lie there
 * @throws FormatError for bytes that are no ONNX model, or are cut off, and for tensors that do not fit their dimensions
 */
export function decodeOnnx(
  bytes: Uint8Array,
  name: string,
  beside: (file: string) => Uint8Array | undefined = () => undefined,
): ReadOnnx {
  const damaged = (what: string): FormatError => new FormatError(`${name}: ${what}: the file is damaged.`);
  const textOf = (part: Uint8Array): string => new TextDecoder().decode(part);
  const external = new Map<string, Uint8Array | undefined>();

  /** The fields of a message: each value is a number, or the bytes of what has a length. */
  function fields(message: Uint8Array, what: string, use: (field: number, value: Field) => void): void {
    const from = new PbfReader(message);
    try {
      while (from.pos < from.length) {
        const tag = from.readVarint();
        const [field, wire] = [Math.floor(tag / 8), tag % 8];
        if (field === 0) throw damaged(`${what} has a field 0`);
        if (wire === 0) use(field, { number: from.readVarint(true) });
        else if (wire === 5) use(field, { number: from.readFloat() });
        else if (wire === 1) use(field, { number: from.readDouble() });
        else if (wire === 2) {
          const length = from.readVarint();
          if (!(from.pos + length <= from.length)) throw damaged(`${what} ends before its content`);
          use(field, { bytes: message.subarray(from.pos, from.pos + length) });
          from.pos += length;
        } else throw damaged(`${what} has a field of no known kind`);
      }
    } catch (error) {
      if (error instanceof FormatError) throw error;
      throw damaged(`${what} cannot be read`);
    }
    if (from.pos > from.length) throw damaged(`${what} ends before its content`);
  }
  type Field = { readonly number?: number; readonly bytes?: Uint8Array };
  const numberIn = ({ number }: Field, what: string): number => {
    if (number === undefined) throw damaged(`${what} is no number`);
    return number;
  };
  const bytesIn = ({ bytes: part }: Field, what: string): Uint8Array => {
    if (part === undefined) throw damaged(`${what} is a number`);
    return part;
  };
  /** Repeated numbers, one a field or packed. */
  function addNumbers(to: number[], { number, bytes: packed }: Field, kind: "whole" | "float" | "double"): void {
    if (number !== undefined) return void to.push(number);
    const from = new PbfReader(packed as Uint8Array);
    while (from.pos < from.length) {
      to.push(kind === "whole" ? from.readVarint(true) : kind === "float" ? from.readFloat() : from.readDouble());
    }
    if (from.pos > from.length) throw damaged("a list of numbers ends before its content");
  }

  function graphOf(message: Uint8Array, depth: number): ReadGraph {
    if (depth > maxDepth) throw damaged(`graphs stand in more than ${maxDepth} others`);
    const nodes: ReadNode[] = [];
    const tensors = new Map<string, ReadTensor>();
    const inputs: ReadValue[] = [];
    const outputs: ReadValue[] = [];
    fields(message, "the graph", (field, value) => {
      if (field === 1) nodes.push(nodeOf(bytesIn(value, "a node"), depth));
      if (field === 5) {
        const tensor = tensorOf(bytesIn(value, "a tensor"));
        if (tensors.has(tensor.name)) throw damaged(`two tensors are named ${formatValue(tensor.name)}`);
        tensors.set(tensor.name, tensor);
      }
      if (field === 15) throw new FormatError(`${name}: it has sparse tensors, which are not read.`);
      if (field === 11) inputs.push(inputOf(bytesIn(value, "an input")));
      if (field === 12) outputs.push(inputOf(bytesIn(value, "an output")));
    });
    return { nodes, tensors, inputs, outputs };
  }

  function nodeOf(message: Uint8Array, depth: number): ReadNode {
    const inputs: string[] = [];
    const outputs: string[] = [];
    const attributes = new Map<string, ReadAttribute>();
    let [op, own, domain] = ["", "", ""];
    fields(message, "a node", (field, value) => {
      if (field === 1) inputs.push(textOf(bytesIn(value, "a node's input")));
      if (field === 2) outputs.push(textOf(bytesIn(value, "a node's output")));
      if (field === 3) own = textOf(bytesIn(value, "a node's name"));
      if (field === 4) op = textOf(bytesIn(value, "a node's operator"));
      if (field === 5) attributes.set(...attributeOf(bytesIn(value, "an attribute"), depth));
      if (field === 7) domain = textOf(bytesIn(value, "a node's domain"));
    });
    return { op, domain, name: own || outputs[0] || op, inputs, outputs, attributes };
  }

  function attributeOf(message: Uint8Array, depth: number): [string, ReadAttribute] {
    let own = "";
    let found: ReadAttribute = {};
    const numbers: number[] = [];
    const texts: string[] = [];
    fields(message, "an attribute", (field, value) => {
      if (field === 1) own = textOf(bytesIn(value, "an attribute's name"));
      if (field === 2 || field === 3) found = { number: numberIn(value, "an attribute") };
      if (field === 4) found = { text: textOf(bytesIn(value, "an attribute")) };
      if (field === 5) found = { tensor: tensorOf(bytesIn(value, "an attribute")) };
      if (field === 6) found = { graph: graphOf(bytesIn(value, "an attribute"), depth + 1) };
      if (field === 7) addNumbers(numbers, value, "float");
      if (field === 8) addNumbers(numbers, value, "whole");
      if (field === 9) texts.push(textOf(bytesIn(value, "an attribute")));
    });
    return [own, { ...found, ...(numbers.length > 0 && { numbers }), ...(texts.length > 0 && { texts }) }];
  }

  function tensorOf(message: Uint8Array): ReadTensor {
    const dims: number[] = [];
    const numbers: number[] = [];
    const outside = new Map<string, string>();
    let [own, type, elsewhere] = ["", 0, 0];
    let raw: Uint8Array | undefined;
    fields(message, "a tensor", (field, value) => {
      if (field === 1) addNumbers(dims, value, "whole");
      if (field === 2) type = numberIn(value, "a tensor's type");
      if (field === 4) addNumbers(numbers, value, "float");
      if (field === 5 || field === 7 || field === 11) addNumbers(numbers, value, "whole");
      if (field === 10) addNumbers(numbers, value, "double");
      if (field === 8) own = textOf(bytesIn(value, "a tensor's name"));
      if (field === 9) raw = bytesIn(value, "a tensor's content");
      if (field === 13) {
        let [key, text] = ["", ""];
        fields(bytesIn(value, "a tensor's place"), "a tensor's place", (part, one) => {
          if (part === 1) key = textOf(bytesIn(one, "a tensor's place"));
          if (part === 2) text = textOf(bytesIn(one, "a tensor's place"));
        });
        outside.set(key, text);
      }
      if (field === 14) elsewhere = numberIn(value, "a tensor's place");
    });
    const where = `the tensor ${formatValue(own)}`;
    const dtype = types[type];
    if (dtype === undefined)
      throw new FormatError(`${name}: ${where} has the element type ${type}, which is not read.`);
    if (!dims.every((size) => Number.isSafeInteger(size) && size >= 0)) throw damaged(`${where} has odd dimensions`);
    const count = dims.reduce((a, b) => a * b, 1);
    if (elsewhere === 1) raw = outsideOf(outside, where);
    const width = elementBytes(dtype);
    const whole = !floatTypes.includes(type);
    if (raw !== undefined) {
      if (raw.length !== count * width) throw damaged(`${where} needs ${count * width} bytes and has ${raw.length}`);
      return { name: own, dims, data: decodeTensor(raw, dtype, dims).data, whole };
    }
    if (numbers.length !== count) throw damaged(`${where} needs ${count} numbers and has ${numbers.length}`);
    // Floats of 16 bits are given as their codes.
    const coded = dtype === "F16" || dtype === "BF16";
    const data = coded
      ? decodeTensor(new Uint8Array(Uint16Array.from(numbers).buffer), dtype, dims).data
      : dtype === "F32"
        ? Float32Array.from(numbers)
        : Float64Array.from(numbers);
    return { name: own, dims, data, whole };
  }

  /** Content that lies in another file of the same folder. */
  function outsideOf(place: ReadonlyMap<string, string>, where: string): Uint8Array {
    const file = place.get("location") ?? "";
    const plain = file !== "" && !/[/\\:]/.test(file) && file !== "." && file !== "..";
    if (!plain) {
      throw new FormatError(
        `${name}: ${where} lies in ${formatValue(file)}, which is no file's name in the same folder: it is not read.`,
      );
    }
    if (!external.has(file)) external.set(file, beside(file));
    const content = external.get(file);
    if (content === undefined)
      throw new FormatError(`${name}: ${where} lies in ${formatValue(file)}, which is not beside it.`);
    const offset = Number(place.get("offset") ?? 0);
    const length = Number(place.get("length") ?? content.length - offset);
    if (!(offset >= 0 && length >= 0 && offset + length <= content.length)) {
      throw damaged(`${where} lies beyond the end of ${formatValue(file)}`);
    }
    return content.subarray(offset, offset + length);
  }

  function inputOf(message: Uint8Array): ReadValue {
    let own = "";
    let type = 0;
    let dims: (number | string | undefined)[] | undefined;
    fields(message, "a value", (field, value) => {
      if (field === 1) own = textOf(bytesIn(value, "a value's name"));
      if (field !== 2) return;
      fields(bytesIn(value, "a value's type"), "a value's type", (kind, tensor) => {
        if (kind !== 1) return;
        fields(bytesIn(tensor, "a value's type"), "a value's type", (part, one) => {
          if (part === 1) type = numberIn(one, "a value's type");
          if (part !== 2) return;
          const list: (number | string | undefined)[] = [];
          fields(bytesIn(one, "a shape"), "a shape", (_, dimension) => {
            let size: number | string | undefined;
            fields(bytesIn(dimension, "a dimension"), "a dimension", (which, given) => {
              if (which === 1) size = numberIn(given, "a dimension");
              if (which === 2) size = textOf(bytesIn(given, "a dimension"));
            });
            list.push(size);
          });
          dims = list;
        });
      });
    });
    return { name: own, type, dims };
  }

  let [irVersion, opset, producer] = [0, 0, ""];
  let graph: ReadGraph | undefined;
  fields(bytes, "the model", (field, value) => {
    if (field === 1) irVersion = numberIn(value, "its version");
    if (field === 2) producer = textOf(bytesIn(value, "its producer"));
    if (field === 7) graph = graphOf(bytesIn(value, "the graph"), 0);
    if (field === 8) {
      let [domain, version] = ["", 0];
      fields(bytesIn(value, "an opset"), "an opset", (part, one) => {
        if (part === 1) domain = textOf(bytesIn(one, "an opset"));
        if (part === 2) version = numberIn(one, "an opset");
      });
      if (domain === "" || domain === "ai.onnx") opset = version;
    }
  });
  if (graph === undefined || opset === 0)
    throw new FormatError(`${name}: it is no ONNX model: it has no graph, or no opset.`);
  return { irVersion, opset, producer, graph };
}
