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
  /** One array as one parameter: the slopes of a PReLU, the scale of an attention. */
  | { readonly kind: "alone"; readonly array: "alpha" | "scale"; readonly to: string }
  | { readonly kind: "normalization"; readonly scale: boolean; readonly center: boolean }
  | { readonly kind: "batch"; readonly scale: boolean; readonly center: boolean; readonly epsilon: number }
  | {
      readonly kind: "convolution";
      readonly size: number;
      readonly bias: boolean;
      /** What its matrices are called, the first of the kernel first, and its bias. By default W_0 is the last, and the bias is b. */
      /** Whether its steps and features are one axis, as of a Dense that reads all steps side by side. */
      readonly flat?: true;
      readonly names?: { readonly matrices: readonly string[]; readonly bias: string };
    };

/** The arrays of one part of a layer. */
export type WeightGroup = {
  readonly form: WeightForm;
  /** What the names of its parameters begin with: "lstm", "bidirectional.forward". */
  readonly to: string;
  /** Below the layer's folder in a `.weights.h5`: "cell", "forward_layer/cell", "". */
  readonly path: string;
  /** Of a direction: the name that Keras gives it, "forward_lstm". */
  readonly inner?: string | undefined;
  /** Whether what it is within, below the layer, is trained, the outermost first, and itself last; as the layer where there is none. */
  readonly trainable?: readonly boolean[];
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
    case "alone":
      return [form.array];
    case "normalization":
      return [...(form.scale ? ["gamma"] : []), ...(form.center ? ["beta"] : [])];
    case "batch":
      return [...(form.scale ? ["gamma"] : []), ...(form.center ? ["beta"] : []), "moving_mean", "moving_variance"];
  }
}
/** How many arrays Keras 1 wrote, where it had three for each gate. */
export const arraysOfKeras1 = (form: WeightForm): number =>
  form.kind === "recurrent" ? 3 * gates[form.cell].length : arraysOf(form).length;

/** The arrays of a layer of these sizes in Keras's form, and which block of one each of its parameters is. */
type Layout = {
  readonly shapes: readonly (readonly number[])[];
  readonly pieces: readonly Piece[];
};
/** A block of an array, whose axes before the last are its rows. Where it is `turned`, the parameter is the transposed block. */
type Piece = Block & { readonly to: string; readonly array: number; readonly turned: boolean };
type Block = {
  readonly row: number;
  readonly rows: number;
  readonly column: number;
  readonly width: number;
};
const rowOf = (to: string, array: number, width: number, row = 0, column = 0): Piece => ({
  ...{ to, array, row, rows: 1, column, width, turned: false },
});
const under = (letter: string, gate: string): string => (gate === "" ? letter : `${letter}_${gate}`);

/** Forms whose parameters are blocks of arrays. */
type Laid = Exclude<WeightForm, { kind: "batch" | "alone" }>;

/** @param inputs features that it reads; of an embedding the tokens @param outputs features that it makes */
function layoutOf(form: Laid, inputs: number, outputs: number): Layout {
  switch (form.kind) {
    case "recurrent": {
      const { cell, units, bias, resetAfter } = form;
      const width = gates[cell].length * units;
      const two = cell === "gru" && resetAfter;
      const pieces = gates[cell].flatMap((gate, k): Piece[] => {
        const columns = { row: 0, column: k * units, width: units, turned: true };
        return [
          { ...columns, to: under("W", gate), array: 0, rows: inputs },
          { ...columns, to: under("U", gate), array: 1, rows: units },
          ...(bias ? [rowOf(under("b", gate), 2, units, 0, k * units)] : []),
          ...(bias && two ? [rowOf(under("d", gate), 2, units, 1, k * units)] : []),
        ];
      });
      return { shapes: [[inputs, width], [units, width], ...(bias ? [two ? [2, width] : [width]] : [])], pieces };
    }
    case "dense":
      return {
        shapes: [[inputs, outputs], ...(form.bias ? [[outputs]] : [])],
        pieces: [
          { to: "W", array: 0, row: 0, rows: inputs, column: 0, width: outputs, turned: true },
          ...(form.bias ? [rowOf("b", 1, outputs)] : []),
        ],
      };
    case "embedding":
      return {
        shapes: [[inputs, outputs]],
        pieces: [{ to: "weight", array: 0, row: 0, rows: inputs, column: 0, width: outputs, turned: false }],
      };
    case "normalization": {
      const given = [...(form.scale ? ["gain"] : []), ...(form.center ? ["b"] : [])];
      return { shapes: given.map(() => [outputs]), pieces: given.map((name, k) => rowOf(name, k, outputs)) };
    }
    case "convolution": {
      // Ours multiplies the newest step by the first.
      const pieces = Array.from({ length: form.size }, (_, k): Piece => {
        const at = form.size - 1 - k;
        const to = form.names?.matrices[at] ?? `W_${k}`;
        return { to, array: 0, row: at * inputs, rows: inputs, column: 0, width: outputs, turned: true };
      });
      return {
        shapes: [
          form.flat ? [form.size * inputs, outputs] : [form.size, inputs, outputs],
          ...(form.bias ? [[outputs]] : []),
        ],
        pieces: [...pieces, ...(form.bias ? [rowOf(form.names?.bias ?? "b", 1, outputs)] : [])],
      };
    }
  }
}

type Set = (parameter: string, values: Float32Array) => void;

/**
 * Give our parameters their values.
 * @param arrays as `arraysOf` names them, or as Keras 1 wrote them
 * @throws ConfigError for an array of another shape than its layer has
 */
export function fill({ form, to }: WeightGroup, arrays: readonly KerasArray[], set: Set): void {
  const put = (name: string, values: Float32Array): void => set(`${to}.${name}`, values);
  if (form.kind === "batch") fillBatch(form, arrays, put);
  else if (form.kind === "alone") fillAlone(form, arrays, put);
  else if (form.kind === "recurrent" && arrays.length !== arraysOf(form).length) fillByGate(form, arrays, put);
  else if (form.kind === "recurrent" && isCudnn(form, arrays)) fillCudnn(form, arrays, put);
  else fillPieces(form, arrays, put);
}
function fillPieces(form: Laid, arrays: readonly KerasArray[], put: Set): void {
  const [first] = arrays as [KerasArray];
  const flat = form.kind === "convolution" && form.flat === true;
  const axes = form.kind === "convolution" && !flat ? 3 : form.kind === "normalization" ? 1 : 2;
  const [rows, outputs] = arrays.length === 0 ? [0, 0] : (sizes(first, axes).slice(-2) as [number, number]);
  const inputs = flat ? Math.floor(rows / form.size) : rows;
  const { shapes, pieces } = layoutOf(form, inputs, outputs ?? inputs);
  arrays.forEach((array, k) => {
    check(array, shapes[k] as readonly number[]);
  });
  for (const { to: name, array, ...piece } of pieces) {
    const { data, shape } = arrays[array] as KerasArray;
    put(name, blockOf(data, shape.at(-1) as number, piece));
  }
  if (form.kind === "convolution" && !form.bias && form.names === undefined) put("b", new Float32Array(outputs));
}

/** What the moving variance and the epsilon of a written batch normalisation are: together exactly 1. */
export const writtenEpsilon = 2 ** -10;

/**
 * A layer's arrays made of our parameters: what `fill` reads.
 * @param parameter a parameter's values and shape, by its name
 */
export function arraysFrom(
  { form, to }: WeightGroup,
  parameter: (name: string) => { readonly shape: readonly number[]; readonly values: Float32Array },
): readonly (KerasArray & { readonly data: Float32Array })[] {
  const names = arraysOf(form);
  if (form.kind === "alone") throw new Error("internal: such layers are not written");
  if (form.kind === "batch") {
    const { values: gain } = parameter(`${to}.gain`);
    const all = (value: number): Float32Array => new Float32Array(gain.length).fill(value);
    const data = [gain, parameter(`${to}.b`).values, all(0), all(1 - writtenEpsilon)];
    return names.map((name, k) => ({ name, shape: [gain.length], data: data[k] as Float32Array }));
  }
  const main = { recurrent: "W", dense: "W", embedding: "weight", normalization: "gain", convolution: "W_0" }[
    form.kind
  ];
  const gate = form.kind === "recurrent" ? gates[form.cell][0] : "";
  const named = form.kind === "normalization" && !form.scale ? "b" : main;
  const [rows, columns] =
    names.length === 0 ? [0, 0] : (parameter(`${to}.${under(named, gate)}`).shape as [number, number]);
  const turned = form.kind !== "embedding" && columns !== undefined;
  const { shapes, pieces } = layoutOf(form, turned ? columns : rows, turned ? rows : (columns ?? rows));
  const arrays = shapes.map((shape) => new Float32Array(shape.reduce((a, b) => a * b, 1)));
  for (const { to: name, array, ...piece } of pieces) {
    const wide = (shapes[array] as readonly number[]).at(-1) as number;
    putBlock(arrays[array] as Float32Array, wide, piece, parameter(`${to}.${name}`).values);
  }
  return names.map((name, k) => ({
    ...{ name, shape: shapes[k] as readonly number[], data: arrays[k] as Float32Array },
  }));
}

/** Batch normalisation as it is at inference: a factor and a shift. */
function fillBatch(form: Extract<WeightForm, { kind: "batch" }>, arrays: readonly KerasArray[], put: Set): void {
  const named = new Map(arraysOf(form).map((name, k) => [name, arrays[k] as KerasArray]));
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
}

/** One number, or one for each feature, for all steps. */
function fillAlone({ to }: { readonly to: string }, [array]: readonly KerasArray[], put: Set): void {
  const { data, shape } = array as KerasArray;
  if (shape.slice(0, -1).some((size) => size !== 1)) wrong(array as KerasArray, [1, "features"]);
  put(to, Float32Array.from(data));
}

type Recurrent = Extract<WeightForm, { kind: "recurrent" }>;

/** A layer of cuDNN keeps two biases in one row; ours of Keras 3 have one row, or two. */
function isCudnn({ cell, units, cudnn, resetAfter }: Recurrent, [, , bias]: readonly KerasArray[]): boolean {
  const width = gates[cell].length * units;
  const found = cudnn || (bias?.shape.length === 1 && bias.shape[0] === 2 * width && cell !== "simple_rnn");
  if (found && cell === "gru" && !resetAfter && bias !== undefined) wrong(bias, [width]);
  return found;
}
/** A kernel and a recurrent one, of which each gate's block is the transposed matrix already, and two biases in one row. */
function fillCudnn({ cell, units, resetAfter }: Recurrent, arrays: readonly KerasArray[], put: Set): void {
  const order = gates[cell];
  const width = order.length * units;
  const [kernel, recurrent, bias] = arrays as [KerasArray, KerasArray, KerasArray | undefined];
  const [inputs] = sizes(kernel, 2) as [number];
  check(kernel, [inputs, width]);
  check(recurrent, [units, width]);
  if (bias !== undefined) check(bias, [2 * width]);
  order.forEach((gate, k) => {
    const block = { row: 0, column: k * units, width: units, turned: false };
    put(under("W", gate), blockOf(kernel.data, width, { ...block, rows: inputs }));
    put(under("U", gate), blockOf(recurrent.data, width, { ...block, rows: units }));
    if (bias === undefined) return;
    const [first, second] = [0, width].map((from) =>
      Float64Array.from({ length: units }, (_, i) => bias.data[from + k * units + i] as number),
    ) as [Float64Array, Float64Array];
    const apart = cell === "gru" && resetAfter;
    if (apart) put(under("d", gate), Float32Array.from(second));
    put(
      under("b", gate),
      Float32Array.from(first, (value, i) => (apart ? value : value + (second[i] as number))),
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
    const whole = { row: 0, column: 0, width: units, turned: true };
    put(under("W", gate), blockOf(kernel.data, units, { ...whole, rows: inputs }));
    put(under("U", gate), blockOf(recurrent.data, units, { ...whole, rows: units }));
    put(under("b", gate), vector(bias, [units]));
  });
}

/** A block of a matrix of so many columns, row by row, or column by column where it is turned. */
function blockOf(
  data: ArrayLike<number>,
  columns: number,
  { row, rows, column, width, turned }: Block & { readonly turned: boolean },
): Float32Array {
  const values = new Float32Array(rows * width);
  for (let i = 0; i < rows; i++) {
    const from = (row + i) * columns + column;
    for (let j = 0; j < width; j++) values[turned ? j * rows + i : i * width + j] = data[from + j] as number;
  }
  return values;
}
/** Put values where `blockOf` reads them. */
function putBlock(
  data: Float32Array,
  columns: number,
  { row, rows, column, width, turned }: Block & { readonly turned: boolean },
  values: Float32Array,
): void {
  for (let i = 0; i < rows; i++) {
    const to = (row + i) * columns + column;
    for (let j = 0; j < width; j++) data[to + j] = values[turned ? j * rows + i : i * width + j] as number;
  }
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
