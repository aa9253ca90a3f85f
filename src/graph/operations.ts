/**
 * The closed set of operations and the attributes of each. Every stage has a total table of rules over these operations,
 * so that a missing rule is a compile error.
 */

/** A matrix parameter, or the block of its columns that multiplies one part of a concatenated operand. */
export type ParameterView = {
  readonly parameter: string;
  readonly rows: number;
  readonly column: number;
  readonly columns: number;
};

/** The attributes of an operation besides its operands. */
export type Attributes = {
  // Leaves.
  constant: { readonly value: number };
  /** A number given at run time: a learning rate, a step count. */
  runtime_scalar: { readonly name: string };
  /** A vector from outside, one per example and time step. */
  input: { readonly name: string };
  /** An integer from outside, one per example and time step: a token, a class. */
  index: { readonly name: string };
  /** A state's value from the step before (in the backward step: from the step after). */
  state: { readonly name: string };
  /** A state's value after its last step: one per sequence. */
  final: { readonly name: string };
  /** A parameter as a value: a vector, or the numbers of a matrix. */
  parameter: { readonly parameter: string };
  /**
   * A dropout mask: 0 with probability `rate`, else 1 / (1 - rate); counter-based, so it is never stored. `locked`: the
   * same at every step.
   */
  mask: { readonly rate: number; readonly stream: number; readonly locked?: true };

  // Pointwise, one operand.
  neg: object;
  sigmoid: object;
  hard_sigmoid: object;
  tanh: object;
  relu: object;
  softplus: object;
  exp: object;
  log: object;
  /** `steepest`: the largest derivative that the backward step takes it to have. */
  sqrt: { readonly steepest?: number };
  abs: object;
  /** 1 where the operand is above 0, else 0. */
  step: object;
  /** One number per example, repeated over the features of a vector. */
  broadcast: object;
  /** 1 at the feature that the index names, else 0. */
  one_hot: object;

  // Pointwise, two operands; a number or a scalar is combined with every feature of a vector.
  add: object;
  sub: object;
  mul: object;
  div: object;
  min: object;
  max: object;
  /** The second operand where the first is not 0, else 0, even where the second is NaN. */
  where: object;

  // Reductions over the features of a vector, to one number per example.
  sum: object;
  max_of: object;
  logsumexp: object;

  // Rearranging features.
  concat: object;
  slice: { readonly start: number };

  // Between time axes. They are each other's adjoints.
  /** Of every `by` steps the one at `offset`: value j is the operand's at step j * by + offset, or 0 behind its last step. */
  downsample: { readonly by: number; readonly offset: number };
  /** Operand k's value j at step j * by + offsets[k], and 0 at all other steps. */
  upsample: { readonly by: number; readonly offsets: readonly number[] };
  // Between the steps of an axis and one value per sequence. The first two are each other's adjoints.
  /** All `steps` steps of a vector, one after the other: one vector per sequence. */
  stack: { readonly steps: number };
  /** Of such a vector the part of each step. */
  unstack: object;
  /** What is one per sequence, at each step of an axis. */
  spread: object;

  // Matrices: a value of n x m numbers is a vector of n * m features, row after row; both n and m are above 1.
  /** Repeat each feature `times` times, n to n * times: the vector as every column of a matrix. */
  repeat_interleave: { readonly times: number };
  /** Repeat the whole vector `times` times, m to times * m: the vector as every row of a matrix. */
  tile: { readonly times: number };
  /** The sum of each row, n * columns to n. */
  sum_rows: { readonly columns: number };
  /** The sum of each column, n * columns to columns. */
  sum_columns: { readonly columns: number };

  // Products with a parameter, and rows of one.
  matmul: { readonly view: ParameterView };
  /** The transpose of the parameter times the operand. */
  matmul_transposed: { readonly view: ParameterView };
  /** The row of a parameter that the index names. */
  gather: { readonly parameter: string };

  // Sinks: summed over every example and time step.
  /** Sum of the outer products of two vectors: the gradient of a matrix parameter. */
  outer: { readonly view: ParameterView };
  /** Sum of a vector: the gradient of a vector parameter. */
  accumulate: { readonly parameter: string };
  /** Sum of rows, each at its index: the gradient of a gathered parameter. */
  scatter: { readonly parameter: string };
  /** Sum of a scalar: the loss. */
  sum_all: { readonly name: string };

  // Made by merging products.
  /** A sum of products, one block per operand. */
  matmul_sum: { readonly blocks: readonly ProductBlock[] };
};

/** One addend of a sum of products: the parameter, or its transpose, times an operand. */
export type ProductBlock = { readonly view: ParameterView; readonly transposed: boolean };

export type OpName = keyof Attributes;

/** Operations that only the gradient and merging make; they have no derivative. */
export type FinalName = "outer" | "accumulate" | "scatter" | "sum_all" | "matmul_sum";

export type UnaryName =
  | "neg"
  | "sigmoid"
  | "hard_sigmoid"
  | "tanh"
  | "relu"
  | "softplus"
  | "exp"
  | "log"
  | "sqrt"
  | "abs"
  | "step";
export type BinaryName = "add" | "sub" | "mul" | "div" | "min" | "max" | "where";
/** All that are computed number by number. */
export type PointwiseName = UnaryName | BinaryName | "mask" | "broadcast" | "one_hot";
/** Reductions of a vector to one number per example. */
export type ReductionName = "sum" | "max_of" | "logsumexp";
/** Reductions of a matrix to a vector. */
export type MatrixReductionName = "sum_rows" | "sum_columns";

/**
 * "number": one number for all examples and steps. "scalar": one number per example and step. "index": one integer per
 * example and step. "none": a sink. A number n: a vector of n features per example and step.
 */
export type Shape = "number" | "scalar" | "index" | "none" | number;

/** How an engine treats each operation. */
export type OpClass = "leaf" | "pointwise" | "reduction" | "layout" | "product" | "sink";

export const opClass: { readonly [K in OpName]: OpClass } = {
  constant: "leaf",
  runtime_scalar: "leaf",
  input: "leaf",
  index: "leaf",
  state: "leaf",
  final: "leaf",
  parameter: "leaf",
  mask: "pointwise",
  neg: "pointwise",
  sigmoid: "pointwise",
  hard_sigmoid: "pointwise",
  tanh: "pointwise",
  relu: "pointwise",
  softplus: "pointwise",
  exp: "pointwise",
  log: "pointwise",
  sqrt: "pointwise",
  abs: "pointwise",
  step: "pointwise",
  broadcast: "pointwise",
  one_hot: "pointwise",
  add: "pointwise",
  sub: "pointwise",
  mul: "pointwise",
  div: "pointwise",
  min: "pointwise",
  max: "pointwise",
  where: "pointwise",
  sum: "reduction",
  max_of: "reduction",
  logsumexp: "reduction",
  concat: "layout",
  slice: "layout",
  downsample: "layout",
  upsample: "layout",
  stack: "layout",
  unstack: "layout",
  spread: "layout",
  repeat_interleave: "layout",
  tile: "layout",
  sum_rows: "reduction",
  sum_columns: "reduction",
  matmul: "product",
  matmul_transposed: "product",
  gather: "product",
  outer: "sink",
  accumulate: "sink",
  scatter: "sink",
  sum_all: "sink",
  matmul_sum: "product",
};
