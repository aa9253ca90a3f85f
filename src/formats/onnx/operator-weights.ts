/** The weights of ONNX's recurrent operators, of parameters of ours. Knows nothing about graphs. */
import type { RecurrentOperator } from "./operators.ts";
import type { OnnxTensor } from "./proto.ts";

/** @internal */
export type WeightSource = {
  readonly valuesOf: (parameter: string) => Float32Array;
  /** The scales of a matrix's rows, if its numbers are whole multiples of them. */
  readonly scalesOf: (parameter: string) => Float32Array | undefined;
};

/**
 * W (directions, gates * units, features), R (directions, gates * units, units), B (directions, 2 * gates * units) and, of one with peepholes,
 * P (directions, 3 * units).
 * @param layers the layer of each direction
 */
export function operatorWeights(
  layers: readonly string[],
  of: RecurrentOperator,
  { units, features }: { readonly units: number; readonly features: number },
  { valuesOf, scalesOf }: WeightSource,
): readonly (OnnxTensor & { readonly data: Float32Array })[] {
  const count = layers.length;
  const gates = of.input.length;
  /** Parameters of each direction, one behind the other; "" stands for zeros. */
  const joined = (lists: readonly (readonly string[])[], size: number): Float32Array => {
    const names = layers.flatMap((layer) => lists.flat().map((name) => name && `${layer}.${name}`));
    const numbers = new Float32Array(names.length * size);
    names.forEach((name, k) => {
      if (name !== "") numbers.set(valuesOf(name), k * size);
    });
    return numbers;
  };
  /** Of matrices: the scales of their rows. */
  const scales = (list: readonly string[]): OnnxTensor["scales"] => {
    const each = layers.flatMap((layer) =>
      list.map((name) => (name === "" ? undefined : scalesOf(`${layer}.${name}`))),
    );
    if (each.every((one) => one === undefined)) return undefined;
    const values = new Float32Array(each.length * units);
    each.forEach((one, k) => {
      if (one !== undefined) values.set(one, k * units);
    });
    return { values, columns: false };
  };
  const none = of.bias.map(() => "");
  const matrix = (name: string, list: readonly string[], columns: number) => ({
    ...{ name, dims: [count, gates * units, columns], data: joined([list], units * columns), scales: scales(list) },
  });
  return [
    matrix("W", of.input, features),
    matrix("R", of.recurrent, units),
    { name: "B", dims: [count, 2 * gates * units], data: joined([of.bias, of.recurrentBias ?? none], units) },
    ...(of.peepholes === undefined
      ? []
      : [{ name: "P", dims: [count, 3 * units], data: joined([of.peepholes], units) }]),
  ];
}
