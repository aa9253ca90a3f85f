/**
 * Where Keras's arrays go in our layers: the order of arrays, of gates along their last axis, which are transposed, and what a bias is made
 * of, as data for each kind; and what copies them so. Knows nothing about files.
 */
import { gates, gatesOfKeras1 } from "./cells.ts";
import { ConfigError } from "./config.ts";

/** An array of a file, and what it is called there. */
export type KerasArray = { readonly shape: readonly number[]; readonly data: ArrayLike<number>; readonly name: string };

/** How a layer, or a part of one, has its arrays. */
export type WeightForm =
  | {
      readonly kind: "recurrent";
      readonly cell: keyof typeof gates;
      readonly units: number;
      readonly bias: boolean;
      readonly resetAfter: boolean;
      /** Whether the layer is one of cuDNN; others may have arrays of such a layer too, as their shape tells. */
      readonly cudnn: boolean;
    }
  | { readonly kind: "dense"; readonly bias: boolean }
  | { readonly kind: "embedding" }
  | { readonly kind: "normalization"; readonly scale: boolean; readonly center: boolean }
  | { readonly kind: "batch"; readonly scale: boolean; readonly center: boolean; readonly epsilon: number }
  | { readonly kind: "convolution"; readonly size: number; readonly bias: boolean };

/** The arrays of one part of a layer. */
export type WeightGroup = {
  readonly form: WeightForm;
  /** What the names of its parameters begin with: "lstm", "bidirectional.forward". */
  readonly to: string;
  /** Below the layer's folder in a `.weights.h5`: "cell", "forward_layer/cell", "". */
  readonly path: string;
};

/** The arrays' names, in Keras's order. */
export function arraysOf(form: WeightForm): readonly string[] {
  const bias = "bias" in form && form.bias ? ["bias"] : [];
  switch (form.kind) {
    case "recurrent":
      return ["kernel", "recurrent_kernel", ...bias];
    case "dense":
    case "convolution":
      return ["kernel", ...bias];
    case "embedding":
      return ["embeddings"];
    case "normalization":
      return [...(form.scale ? ["gamma"] : []), ...(form.center ? ["beta"] : [])];
    case "batch":
      return [...(form.scale ? ["gamma"] : []), ...(form.center ? ["beta"] : []), "moving_mean", "moving_variance"];
  }
}
/** How many arrays Keras 1 wrote, where it had three for each gate. */
export const arraysOfKeras1 = (form: WeightForm): number =>
  form.kind === "recurrent" ? 3 * gates[form.cell].length : arraysOf(form).length;

type Set = (parameter: string, values: Float32Array) => void;

/**
 * Give our parameters their values.
 * @param arrays as `arraysOf` names them, or as Keras 1 wrote them
 * @throws ConfigError for an array of another shape than its layer has
 */
export function fill({ form, to }: WeightGroup, arrays: readonly KerasArray[], set: Set): void {
  const put = (name: string, values: Float32Array): void => set(`${to}.${name}`, values);
  switch (form.kind) {
    case "recurrent":
      (arrays.length === arraysOf(form).length ? fillRecurrent : fillByGate)(form, arrays, put);
      return;
    case "dense": {
      const [kernel, bias] = arrays as [KerasArray, KerasArray | undefined];
      const [inputs, units] = sizes(kernel, 2) as [number, number];
      put("W", transposed(kernel.data, { rows: inputs, columns: units, from: 0, width: units }));
      if (bias !== undefined) put("b", vector(bias, [units]));
      return;
    }
    case "embedding": {
      const [table] = arrays as [KerasArray];
      put("weight", vector(table, sizes(table, 2)));
      return;
    }
    case "normalization": {
      const named = byName(form, arrays);
      for (const [name, ours] of [
        ["gamma", "gain"],
        ["beta", "b"],
      ] as const) {
        const array = named.get(name);
        if (array !== undefined) put(ours, vector(array, sizes(array, 1)));
      }
      return;
    }
    case "batch": {
      const named = byName(form, arrays);
      const mean = named.get("moving_mean") as KerasArray;
      const [features] = sizes(mean, 1) as [number];
      const at = (name: string): ArrayLike<number> | undefined => {
        const array = named.get(name);
        return array === undefined ? undefined : vectorOf(array, [features]);
      };
      const [gamma, beta, variance] = ["gamma", "beta", "moving_variance"].map(at);
      const gain = Float64Array.from(
        { length: features },
        (_, k) => (gamma?.[k] ?? 1) / Math.sqrt((variance?.[k] as number) + form.epsilon),
      );
      put("gain", Float32Array.from(gain));
      put(
        "b",
        Float32Array.from(gain, (value, k) => (beta?.[k] ?? 0) - value * (mean.data[k] as number)),
      );
      return;
    }
    case "convolution": {
      const [kernel, bias] = arrays as [KerasArray, KerasArray | undefined];
      const [steps, inputs, filters] = sizes(kernel, 3) as [number, number, number];
      if (steps !== form.size) wrong(kernel, [form.size, inputs, filters]);
      // Ours multiplies the newest step by the first.
      for (let k = 0; k < steps; k++) {
        const from = (steps - 1 - k) * inputs * filters;
        const matrix = Array.prototype.slice.call(kernel.data, from, from + inputs * filters) as number[];
        put(`W_${k}`, transposed(matrix, { rows: inputs, columns: filters, from: 0, width: filters }));
      }
      put("b", bias === undefined ? new Float32Array(filters) : vector(bias, [filters]));
    }
  }
}
const byName = (form: WeightForm, arrays: readonly KerasArray[]): ReadonlyMap<string, KerasArray> =>
  new Map(arraysOf(form).map((name, k) => [name, arrays[k] as KerasArray]));

type Recurrent = Extract<WeightForm, { kind: "recurrent" }>;
const under = (letter: string, gate: string): string => (gate === "" ? letter : `${letter}_${gate}`);

/** A kernel (inputs, gates * units), a recurrent one (units, gates * units), and biases, one or two rows of gates * units. */
function fillRecurrent(form: Recurrent, arrays: readonly KerasArray[], put: Set): void {
  const { cell, units, resetAfter } = form;
  const order = gates[cell];
  const width = order.length * units;
  const [kernel, recurrent, bias] = arrays as [KerasArray, KerasArray, KerasArray | undefined];
  const [inputs] = sizes(kernel, 2) as [number];
  check(kernel, [inputs, width]);
  check(recurrent, [units, width]);
  const numbers = (bias?.shape ?? []).reduce((product, n) => product * n, 1);
  // Such a layer keeps two biases in one row; ours of Keras 3 have one row, or two.
  const cudnn = form.cudnn || (bias?.shape.length === 1 && numbers === 2 * width && cell !== "simple_rnn");
  if (cudnn && cell === "gru" && !resetAfter && bias !== undefined) wrong(bias, [width]);
  const two = cudnn || (cell === "gru" && resetAfter);
  if (bias !== undefined) check(bias, cudnn ? [2 * width] : two ? [2, width] : [width]);
  order.forEach((gate, k) => {
    const block = { columns: width, from: k * units, width: units };
    // A block of cuDNN's is the transposed matrix already, written as if it were not.
    put(
      under("W", gate),
      cudnn
        ? Float32Array.from(slice(kernel.data, { ...block, rows: inputs }))
        : transposed(kernel.data, { ...block, rows: inputs }),
    );
    put(
      under("U", gate),
      cudnn
        ? Float32Array.from(slice(recurrent.data, { ...block, rows: units }))
        : transposed(recurrent.data, { ...block, rows: units }),
    );
    if (bias === undefined) return;
    const first = Array.from({ length: units }, (_, i) => bias.data[k * units + i] as number);
    const second = two ? first.map((_, i) => bias.data[width + k * units + i] as number) : [];
    if (cell === "gru" && resetAfter) put(under("d", gate), Float32Array.from(second));
    const sum = cell === "lstm" && cudnn;
    put(
      under("b", gate),
      Float32Array.from(first, (value, i) => (sum ? value + (second[i] as number) : value)),
    );
  });
}

/** Keras 1: a kernel (inputs, units), a recurrent one (units, units) and a bias (units) for each gate. */
function fillByGate({ cell, units }: Recurrent, arrays: readonly KerasArray[], put: Set): void {
  gatesOfKeras1[cell].forEach((gate, k) => {
    const [kernel, recurrent, bias] = arrays.slice(3 * k) as [KerasArray, KerasArray, KerasArray];
    const [inputs] = sizes(kernel, 2) as [number];
    check(kernel, [inputs, units]);
    check(recurrent, [units, units]);
    const whole = { columns: units, from: 0, width: units };
    put(under("W", gate), transposed(kernel.data, { ...whole, rows: inputs }));
    put(under("U", gate), transposed(recurrent.data, { ...whole, rows: units }));
    put(under("b", gate), vector(bias, [units]));
  });
}

type Block = { readonly rows: number; readonly columns: number; readonly from: number; readonly width: number };
/** Columns of a matrix, as rows. */
function transposed(data: ArrayLike<number>, { rows, columns, from, width }: Block): Float32Array {
  const values = new Float32Array(rows * width);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < width; j++) values[j * rows + i] = data[i * columns + from + j] as number;
  }
  return values;
}
/** Columns of a matrix, row by row. */
function slice(data: ArrayLike<number>, { rows, columns, from, width }: Block): number[] {
  return Array.from(
    { length: rows * width },
    (_, k) => data[Math.floor(k / width) * columns + from + (k % width)] as number,
  );
}

function wrong({ name, shape }: KerasArray, expected: readonly (number | string)[]): never {
  throw new ConfigError(`${name} has the shape (${shape.join(", ")}), and its layer has (${expected.join(", ")})`);
}
const check = (array: KerasArray, expected: readonly number[]): void => {
  if (array.shape.join() !== expected.join()) wrong(array, expected);
};
function sizes(array: KerasArray, axes: number): readonly number[] {
  if (array.shape.length !== axes) wrong(array, ["a", "b", "c"].slice(0, axes));
  return array.shape;
}
const vectorOf = (array: KerasArray, shape: readonly number[]): ArrayLike<number> => {
  check(array, shape);
  return array.data;
};
const vector = (array: KerasArray, shape: readonly number[]): Float32Array => Float32Array.from(vectorOf(array, shape));
