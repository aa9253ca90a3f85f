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

/** A block of a parameter, or its transpose, among the weights of a product. The engine lays them out as it likes. */
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
  /** Multiply-adds of one example, without padding. */
  readonly multiplyAdds: number;
};

export type Store = {
  readonly value: NodeId;
  readonly at: Location;
  /** Features from `at` on that are written one by one at the end, so that a neighbour is not touched. */
  readonly exact: boolean;
  /** Zeros to write behind the value, where it is exact and nothing else follows. */
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
  /** Features; 1 where everything is one number an example. */
  readonly size: number;
  /** Where features are the numbers of a matrix and views or sums depend on its rows: its columns. */
  readonly columns?: number;
  /** Pointwise nodes to compute, operands first. */
  readonly compute: readonly NodeId[];
  /** Of a view (repeat_interleave, tile): where its operand is. */
  readonly loads: ReadonlyMap<NodeId, Location>;
  readonly stores: readonly Store[];
  readonly reductions: readonly Reduction[];
};

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
 * The sum of outer products over all examples and steps, (rows, columns), to the gradients: straight, or by way of a
 * scratch matrix where rows of the gradients are no whole vectors.
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
    /** Where it goes: address of its first number, and bytes between rows. */
    readonly gradient: number;
    readonly gradientRowBytes: number;
    /** Nothing is there yet: set, not added. */
    readonly first: boolean;
  }[];
  readonly multiplyAdds: number;
};
/** gradient (size) += the sum of a vector over all examples and steps; = where it is the first. */
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

/** Once a sequence: its instructions run over the examples alone. */
export type PerSequence = { readonly kind: "per_sequence"; readonly body: readonly Instruction[] };
/** Once for each time step, from the first to the last or backwards. */
export type Loop = { readonly kind: "loop"; readonly reverse: boolean; readonly body: readonly Instruction[] };
export type Clear = { readonly kind: "clear"; readonly offset: number; readonly bytes: number };

export type Instruction = Product | Pass | Gather | Scatter | Outer | Accumulate | Total | PerSequence | Loop | Clear;

/** One graph, scheduled: its instructions run for `steps` time steps of `batch` examples. */
export type Section = {
  readonly graph: Graph;
  readonly steps: number;
  readonly batch: number;
  readonly instructions: readonly Instruction[];
};

/** `rows`: of all steps and examples, or of the examples where there is one value a sequence. */
export type Slot = Location & { readonly size: number; readonly rows: number };

export type Plan = {
  /** What it was made for. */
  readonly target: Target;
  readonly sections: readonly Section[];
  /** Bytes of memory in all, and what lies where. An engine may need more, for what is its own. */
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
  /** Where each state is that the outside may set: what it starts from, and its value after the last step. */
  readonly states: ByName<Slot & { readonly last: number }>;
  readonly parameters: ByName<ParameterRun>;
  /** Runs of numbers, laid out alike: see `Slabs`. */
  readonly slabs: Slabs;
  /** Where states in place are that are laid out like the parameters: an optimiser's. */
  readonly slots: ByName<number>;
  /** Whether a run changes the parameters: a training step does. */
  readonly changesParameters: boolean;
  /** Kept values, by name. */
  readonly outputs: ByName<Slot>;
};
type ByName<T> = Readonly<Record<string, T>>;
/** Regions whose values are not needed at the same time may share bytes. */
export type Region = { readonly name: string; readonly offset: number; readonly bytes: number };

/** All parameters, each in whole vectors: how many numbers that is, and where they begin. */
export type Slabs = {
  readonly numbers: number;
  readonly parameters: number;
  /** The parameters that the instructions read: the same, or a copy that an earlier section makes. */
  readonly used: number;
  /** Their gradients; undefined where there are none. */
  readonly gradients: number | undefined;
};
export type SlabName = Exclude<keyof Slabs, "numbers">;

/** Where a parameter is in each slab: its first number, how many it has, and with the padding behind them. */
export type ParameterRun = {
  readonly start: number;
  readonly size: number;
  readonly room: number;
  readonly shape: readonly number[];
};

/** The instructions of a loop, or of what runs once a sequence; else the instruction alone. */
export const bodyOf = (one: Instruction): readonly Instruction[] =>
  one.kind === "loop" || one.kind === "per_sequence" ? one.body : [one];
