/**
 * The Plan: what an engine runs, in order, with every byte of its memory placed, as its target wants it. Plain readonly
 * data. Addresses are bytes from the start of one linear memory of numbers of 4 bytes.
 */
import type { Graph, NodeId } from "../graph/graph.ts";
import type { MatrixReductionName, ReductionName } from "../graph/operations.ts";
import type { Target } from "./target.ts";

/**
 * Where a value lives: feature j of example b at step t is at offset + t * stepBytes + b * rowBytes + 4 * j. Rows of
 * vectors are padded to whole vectors of the target, and the padding is always zero. A parameter vector has
 * stepBytes = rowBytes = 0.
 */
export type Location = { readonly offset: number; readonly stepBytes: number; readonly rowBytes: number };

/** A value's location with every n-th of its steps as a step, from the first one given. */
export const everyNth = (at: Location, n: number, first: number): Location => ({
  ...at,
  offset: at.offset + first * at.stepBytes,
  stepBytes: n * at.stepBytes,
});

/** The location of a vector of all steps of an axis, with the `size` features of a step as a step. */
export const stepByStep = (at: Location, size: number): Location => ({ ...at, stepBytes: 4 * size });

/**
 * In what the operands of a product are; undefined is f32. "bf16": rounded to the nearest bf16 (ties to even) and summed in f32.
 * "int8": see `eight-bits.ts`.
 */
export type Precision = "f32" | "bf16" | "int8";

/** A block of a parameter, or its transpose, among the weights of a product. The engine decides how weights lie in memory. */
export type WeightBlock = {
  readonly parameter: string;
  readonly transposed: boolean;
  /** Address of its first number. */
  readonly source: number;
  /** Bytes between neighbours in the product's sum (k) and among its outputs (n), and how many there are. */
  readonly strideK: number;
  readonly strideN: number;
  readonly countK: number;
  readonly countN: number;
  /** Its place among the weights (k, n); between blocks they are zero. */
  readonly k: number;
  readonly n: number;
};

/** out (rows, n) = or += operand (rows, k) times weights (k, n). */
export type Product = {
  readonly kind: "product";
  readonly nodes: readonly NodeId[];
  readonly operand: Location;
  readonly k: number;
  readonly out: Location;
  readonly n: number;
  readonly weights: readonly WeightBlock[];
  readonly accumulate: boolean;
  readonly precision?: Precision | undefined;
  /** Multiply-adds of one example, without padding. */
  readonly multiplyAdds: number;
};

export type Store = {
  readonly value: NodeId;
  readonly at: Location;
  /** Whether the last features are written one by one, so that nothing behind the value is overwritten. */
  readonly exact: boolean;
  /** Number of zeros to write behind the value, if it is exact and nothing else follows. */
  readonly padding: number;
};
export type Reduction = {
  readonly node: NodeId;
  readonly op: ReductionName | MatrixReductionName;
  readonly value: NodeId;
  readonly at: Location;
};

/** One fused loop over rows and features: loads, pointwise operations, stores and reductions, values in registers. */
export type Pass = {
  readonly kind: "pass";
  /** Features; 1 if every value is one number per example. */
  readonly size: number;
  /** The columns of the matrix, if features are the numbers of a matrix and views or sums depend on its rows. */
  readonly columns?: number;
  /** Pointwise nodes to compute, operands first. */
  readonly compute: readonly NodeId[];
  /** Where each loaded value is; of a view (repeat_interleave, tile), where its operand is. */
  readonly loads: ReadonlyMap<NodeId, Location>;
  readonly stores: readonly Store[];
  readonly reductions: readonly Reduction[];
};

/** The values that a pass loads or computes for those that are wanted. */
export function neededFor(wanted: readonly NodeId[], { loads }: Pass, { nodes }: Graph): ReadonlySet<NodeId> {
  const needed = new Set<NodeId>();
  const visit = (id: NodeId): void => {
    if (needed.has(id)) return;
    needed.add(id);
    if (!loads.has(id)) nodes[id]?.inputs.forEach(visit);
  };
  wanted.forEach(visit);
  return needed;
}

export type Gather = {
  readonly kind: "gather";
  readonly node: NodeId;
  readonly table: number;
  readonly size: number;
  readonly index: Location;
  readonly out: Location;
};
export type Scatter = {
  readonly kind: "scatter";
  readonly node: NodeId;
  readonly gradient: number;
  readonly size: number;
  readonly index: Location;
  readonly value: Location;
};

/**
 * The sum of outer products over all examples and steps, (rows, columns), into the gradients: directly, or through a scratch
 * matrix if rows of the gradients are not whole vectors.
 */
export type Outer = {
  readonly kind: "outer";
  readonly names: readonly string[];
  readonly nodes: readonly NodeId[];
  readonly rows: Location;
  readonly rowCount: number;
  readonly columns: Location;
  readonly columnCount: number;
  readonly scratch?: number;
  readonly blocks: readonly {
    /** First row of the block among all rows. */
    readonly row: number;
    readonly rows: number;
    readonly columns: number;
    /** The address of the first number of its gradient, and the bytes between rows. */
    readonly gradient: number;
    readonly gradientRowBytes: number;
    /** Whether to set the gradient, because nothing is there yet, instead of adding to it. */
    readonly first: boolean;
  }[];
  readonly precision?: Precision | undefined;
  readonly multiplyAdds: number;
};
/** gradient (size) += the sum of a vector over all examples and steps; `=` if `first`. */
export type Accumulate = {
  readonly kind: "accumulate";
  readonly node: NodeId;
  readonly value: Location;
  readonly size: number;
  readonly gradient: number;
  readonly first: boolean;
};
/** One number: the sum of a scalar over all examples and steps. */
export type Total = { readonly kind: "sum_all"; readonly node: NodeId; readonly value: Location; readonly at: number };

/** Instructions that run for all steps of another axis at once: for every n-th step, or, of 1 step, once per sequence. */
export type AtOnce = { readonly kind: "at_once"; readonly steps: number; readonly body: readonly Instruction[] };
/** Instructions that run once per step, from the first of so many steps to the last or in reverse. */
export type Loop = {
  readonly kind: "loop";
  readonly reverse: boolean;
  readonly steps: number;
  readonly body: readonly Instruction[];
};
export type Clear = { readonly kind: "clear"; readonly offset: number; readonly bytes: number };

export type Instruction = Product | Pass | Gather | Scatter | Outer | Accumulate | Total | AtOnce | Loop | Clear;

/** One graph, scheduled: its instructions run for `steps` time steps, unless they say otherwise, of `batch` examples. */
export type Section = {
  readonly graph: Graph;
  readonly steps: number;
  readonly batch: number;
  readonly instructions: readonly Instruction[];
};

/** Where a value of `size` features is. `rows`: its steps * examples, or examples if there is one value per sequence. */
export type Slot = Location & { readonly size: number; readonly rows: number };

export type Plan = {
  /** The target that it was made for. */
  readonly target: Target;
  readonly sections: readonly Section[];
  /** The size of its memory in bytes, and what lies where. An engine may need more for itself. */
  readonly bytes: number;
  readonly memory: readonly Region[];
  /** Vectors and scalars from outside, and indices (32-bit integers), by name. */
  readonly inputs: ByName<Slot>;
  readonly indices: ByName<Slot>;
  /** One 32-bit float each. */
  readonly settings: ByName<number>;
  /** Two 32-bit integers: the keys of the dropout masks. */
  readonly keys: number;
  readonly totals: ByName<number>;
  /**
   * The states that can be set from outside: where the value is that they start from, and the value after the last step
   * (`last`).
   */
  readonly states: ByName<Slot & { readonly last: number }>;
  readonly parameters: ByName<ParameterRun>;
  /** The addresses of all parameters and of all gradients, which have the same layout. */
  readonly slabs: Slabs;
  /** The addresses of an optimiser's states, which have the layout of the parameters. */
  readonly slots: ByName<number>;
  /** Whether a run changes the parameters, as a training step does. */
  readonly changesParameters: boolean;
  /** Kept values, by name. */
  readonly outputs: ByName<Slot>;
  /** Of a plan whose sections also run one by one: what each completes. */
  readonly parts?: readonly Part[];
};
/** A section that runs alone, and the gradients that nothing changes after it until the optimiser reads them. */
export type Part = {
  /** Numbers of the slab of gradients. */
  readonly completes: readonly { readonly start: number; readonly count: number }[];
  /** Whether it is about the examples of a batch; else about all parameters. */
  readonly ofBatch: boolean;
};
type ByName<T> = Readonly<Record<string, T>>;
/** Regions whose values are not needed at the same time may share bytes. */
export type Region = { readonly name: string; readonly offset: number; readonly bytes: number };

/** All parameters, each padded to whole vectors: the count of numbers, and the addresses of the slabs that hold as many. */
export type Slabs = {
  readonly numbers: number;
  readonly parameters: number;
  /** The parameters that instructions read: the same address, or a copy that an earlier section makes. */
  readonly used: number;
  /** Their gradients; undefined where there are none. */
  readonly gradients: number | undefined;
};
export type SlabName = Exclude<keyof Slabs, "numbers">;

/** Where a parameter is in each slab: the index of its first number, its size, and its size with padding (`room`). */
export type ParameterRun = {
  readonly start: number;
  readonly size: number;
  readonly room: number;
  readonly shape: readonly number[];
};

/** The instructions in the body of a loop or of an `at_once`; of any other instruction, itself. */
export const bodyOf = (one: Instruction): readonly Instruction[] =>
  one.kind === "loop" || one.kind === "at_once" ? one.body : [one];
