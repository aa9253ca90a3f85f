/**
 * The Plan: what an engine runs, in order, with every byte of memory placed. Plain readonly data; knows nothing about
 * WASM. Addresses are bytes from the start of one linear memory.
 */
import type { Graph, NodeId } from "../graph/graph.ts";
import type { MatrixReductionName, ReductionName } from "../graph/operations.ts";

/**
 * Where a value lives: feature j of example b at step t is at offset + t * stepBytes + b * rowBytes + 4 * j. Rows of
 * vectors are padded to 4 features and the padding is always zero. A parameter vector has stepBytes = rowBytes = 0.
 */
export type Location = { readonly offset: number; readonly stepBytes: number; readonly rowBytes: number };

/** Copy a block of a parameter into panels of 8 outputs, as the matrix product reads them. */
export type Pack = {
  readonly kind: "pack";
  readonly name: string;
  /** First number of the block. */
  readonly source: number;
  /** Bytes between neighbours in the product's sum (k) and among its outputs (n). */
  readonly strideK: number;
  readonly strideN: number;
  readonly countK: number;
  readonly countN: number;
  /** Panels: where they start, bytes of one panel, and the position of the block in them. */
  readonly panels: number;
  readonly panelBytes: number;
  readonly k: number;
  readonly n: number;
};

/** out (rows, n) = or += operand (rows, k) times packed panels. */
export type Product = {
  readonly kind: "product";
  readonly names: readonly string[];
  readonly nodes: readonly NodeId[];
  readonly operand: Location;
  readonly k: number;
  readonly out: Location;
  readonly n: number;
  readonly panels: number;
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
  /** Of a view (stretch, tile): where its operand is. */
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
export type Total = { readonly kind: "total"; readonly node: NodeId; readonly value: Location; readonly at: number };

/** Once a sequence: its instructions run over the examples alone. */
export type Once = { readonly kind: "once"; readonly body: readonly Instruction[] };
/** Once for each time step, from the first to the last or backwards. */
export type Loop = { readonly kind: "loop"; readonly reverse: boolean; readonly body: readonly Instruction[] };
export type Clear = { readonly kind: "clear"; readonly offset: number; readonly bytes: number };

export type Instruction = Pack | Product | Pass | Gather | Scatter | Outer | Accumulate | Total | Once | Loop | Clear;

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
  readonly sections: readonly Section[];
  /** Bytes of memory in all, and what lies where. */
  readonly bytes: number;
  readonly memory: readonly Region[];
  /** Vectors and scalars from outside, and indices (32-bit integers), by name. */
  readonly inputs: Readonly<Record<string, Slot>>;
  readonly indices: Readonly<Record<string, Slot>>;
  /** One 32-bit float each. */
  readonly settings: Readonly<Record<string, number>>;
  /** Two 32-bit integers: the keys of the dropout masks. */
  readonly keys: number;
  readonly totals: Readonly<Record<string, number>>;
  /** Where each state is that the outside may set: what it starts from, and its value after the last step. */
  readonly states: Readonly<Record<string, Slot & { readonly last: number }>>;
  readonly parameters: Readonly<Record<string, { readonly offset: number; readonly shape: readonly number[] }>>;
  /** All parameters, and all gradients, in one run of numbers each, laid out alike. */
  readonly parameterSlab: Slab;
  /** Whether a run changes them: a training step does. */
  readonly changesParameters: boolean;
  readonly gradientSlab: Slab;
  /** Kept values, by name. */
  readonly outputs: Readonly<Record<string, Slot>>;
};
/** Regions whose values are not needed at the same time may share bytes. */
export type Region = { readonly name: string; readonly offset: number; readonly bytes: number };
export type Slab = { readonly offset: number; readonly floats: number };

/** Where each parameter lies in the run of all of them: its first number, and how many there are without padding. */
export function parameterRuns({ parameters, parameterSlab }: Pick<Plan, "parameters" | "parameterSlab">): readonly {
  readonly name: string;
  readonly start: number;
  readonly size: number;
}[] {
  return Object.entries(parameters).map(([name, { offset, shape }]) => {
    return { name, start: (offset - parameterSlab.offset) / 4, size: shape.reduce((a, b) => a * b, 1) };
  });
}

/** Bytes at the start of memory that a plan leaves free: there threads meet. */
export const reservedBytes = 64;

export const pad4 = (n: number): number => (n + 3) & ~3;

/** The instructions of a loop, or of what runs once a sequence; else the instruction alone. */
export const bodyOf = (one: Instruction): readonly Instruction[] =>
  one.kind === "loop" || one.kind === "once" ? one.body : [one];

/** Multiply-adds of a pass through matrices, of one example: one for each number of an outer product or a product's sum. */
function matrixWork({ nodes }: Graph, { size, columns, compute, reductions }: Pass): number {
  if (columns === undefined) return 0;
  const op = (id: NodeId): string | undefined => nodes[id]?.op;
  const outers = compute.filter((id) => {
    const operands = nodes[id]?.inputs.map(op) ?? [];
    return op(id) === "mul" && operands.includes("stretch") && operands.includes("tile");
  });
  return size * (outers.length + reductions.filter((r) => r.op === "sum_rows" || r.op === "sum_columns").length);
}

/** Multiply-adds of products in one run of the plan. */
export function multiplyAdds(plan: Plan): number {
  let total = 0;
  for (const { graph, instructions, steps, batch } of plan.sections) {
    for (const item of instructions) {
      const times = item.kind === "once" ? 1 : steps;
      for (const one of bodyOf(item)) {
        if (one.kind === "product" || one.kind === "outer") total += one.multiplyAdds * times * batch;
        if (one.kind === "pass") total += matrixWork(graph, one) * times * batch;
      }
    }
  }
  return total;
}
