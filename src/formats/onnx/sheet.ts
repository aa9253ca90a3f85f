/** Where a graph's nodes and constants are written, with names of their own. Knows nothing about what they say. */
import type { OnnxAttribute, OnnxNode, OnnxTensor } from "./proto.ts";

/** @internal */
export function createSheet() {
  const tensors = new Map<string, OnnxTensor>();
  /** Values made once, by what they are. */
  const made = new Map<string, string>();
  const once = (key: string, make: () => string): string => {
    const known = made.get(key);
    if (known !== undefined) return known;
    const name = make();
    made.set(key, name);
    return name;
  };
  let count = 0;
  const fresh = (hint: string): string => `${hint}/${count++}`;
  /** Add a node to those of a graph or of a body; the name of its first output. */
  const emit = (
    { nodes }: { readonly nodes: OnnxNode[] },
    op: string,
    operands: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
    names: readonly string[] = [fresh(op)],
  ): string => {
    nodes.push({ op, inputs: operands, outputs: names, attributes });
    return names[0] as string;
  };
  /** A constant, written once under its name. */
  const tensor = (
    name: string,
    dims: readonly number[],
    data: Float32Array | BigInt64Array,
    scales?: OnnxTensor["scales"],
  ): string => {
    if (!tensors.has(name)) tensors.set(name, { name, dims, data, scales });
    return name;
  };
  const ints = (...values: readonly number[]): string =>
    tensor(`ints [${values}]`, [values.length], BigInt64Array.from(values, BigInt));
  const number = (value: number): string => tensor(`number ${value}`, [], Float32Array.of(value));
  return { tensors, made, once, fresh, emit, tensor, ints, number };
}
