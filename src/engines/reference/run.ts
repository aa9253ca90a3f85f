/**
 * Runs a plan in plain loops, one instruction after the other: the definition of what an engine has to do. Takes plans for
 * any target; knows nothing about vectors, threads or caches.
 */
import { arithmetic, type Node, type NodeId } from "../../graph/graph.ts";
import type { BinaryName, OpName, PointwiseName, UnaryName } from "../../graph/operations.ts";
import { maskKey, maskThreshold, randomBits } from "../../graph/random-bits.ts";
import { quantizeVector, quantizeWeights } from "../../schedule/eight-bits.ts";
import type {
  Instruction,
  Location,
  Outer,
  ParameterRun,
  Pass,
  Plan,
  Precision,
  Product,
  Section,
} from "../../schedule/plan.ts";
import { padded } from "../../schedule/target.ts";
import type { Numbers } from "../engine.ts";

/** When an instruction runs: for all `steps` of an axis at once, or at step t of a time loop. */
type Time = { readonly steps: number } | number;
export type Context = { readonly plan: Plan; readonly section: Section; readonly memory: Numbers; readonly time: Time };

/** Run all sections once, or one of them alone. `memory` has one number for each 4 bytes of the plan. */
export function runPlan(plan: Plan, memory: Numbers, only?: number): void {
  plan.sections.forEach((section, k) => {
    if (only === undefined || k === only) runAll(section.instructions, { plan, section, memory, time: section });
  });
}

/** Let each state start from its value after the last step: see `Executable.advanceStates`. */
export function advanceStates({ states }: Plan, memory: Numbers): void {
  for (const { offset, last, rows, rowBytes } of Object.values(states)) {
    memory.copyWithin(offset / 4, last / 4, (last + rows * rowBytes) / 4);
  }
}

function runAll(instructions: readonly Instruction[], context: Context): void {
  for (const one of instructions) runOne(one, context);
}

const rowsOf = ({ section: { batch }, time }: Context): number =>
  typeof time === "number" ? batch : time.steps * batch;

/** Index in memory of the first number of a row. */
function rowAt({ offset, stepBytes, rowBytes }: Location, row: number, { time }: Context): number {
  return (offset + (typeof time === "number" ? time * stepBytes : 0) + row * rowBytes) / 4;
}

/** Run one instruction, and those in its body. */
export function runOne(one: Instruction, context: Context): void {
  const { memory } = context;
  const get = (at: number): number => memory[at] as number;
  const rows = rowsOf(context);
  const at = (location: Location, row: number): number => rowAt(location, row, context);
  switch (one.kind) {
    case "loop":
      for (let k = 0; k < one.steps; k++) runAll(one.body, { ...context, time: one.reverse ? one.steps - 1 - k : k });
      return;
    case "at_once":
      runAll(one.body, { ...context, time: one });
      return;
    case "clear":
      memory.fill(0, one.offset / 4, (one.offset + one.bytes) / 4);
      return;
    case "product":
      (one.precision === "int8" ? runEightBits : runProduct)(one, context);
      return;
    case "outer":
      runOuter(one, context);
      return;
    case "pass":
      runPass(one, context);
      return;
    case "gather":
      for (let r = 0; r < rows; r++) {
        const [from, to] = [one.table / 4 + get(at(one.index, r)) * one.size, at(one.out, r)];
        memory.copyWithin(to, from, from + one.size);
      }
      return;
    case "scatter":
      for (let r = 0; r < rows; r++) {
        const [from, to] = [at(one.value, r), one.gradient / 4 + get(at(one.index, r)) * one.size];
        for (let j = 0; j < one.size; j++) memory[to + j] = get(to + j) + get(from + j);
      }
      return;
    case "accumulate":
      for (let j = 0; j < one.size; j++) {
        let sum = one.first ? 0 : get(one.gradient / 4 + j);
        for (let r = 0; r < rows; r++) sum += get(at(one.value, r) + j);
        memory[one.gradient / 4 + j] = sum;
      }
      return;
    case "sum_all": {
      let sum = 0;
      for (let r = 0; r < rows; r++) sum += get(at(one.value, r));
      memory[one.at / 4] = sum;
    }
  }
}

const bits = new Uint32Array(1);
const float = new Float32Array(bits.buffer);
/** To the nearest bf16, ties to even: the upper half of an f32. What is below the least normal number is 0. */
export function toBf16(x: number): number {
  float[0] = x;
  const [word] = bits as unknown as [number];
  if ((word & 0x7f80_0000) === 0x7f80_0000) return x;
  bits[0] = (word & 0x7f80_0000) === 0 ? word & 0x8000_0000 : (word + 0x7fff + ((word >>> 16) & 1)) & 0xffff_0000;
  return float[0];
}
const roundingTo = (precision: Precision | undefined): ((x: number) => number) =>
  precision === "bf16" ? toBf16 : (x) => x;

/** A product of 8 bits: whole numbers are added exactly, and every other operation is rounded to f32. */
function runEightBits({ operand, k, out, n, weights, accumulate }: Product, context: Context): void {
  const { memory, plan } = context;
  const { fround } = Math;
  const x = new Int8Array(k);
  const rows = Array.from({ length: rowsOf(context) }, (_, r) => [rowAt(operand, r, context), rowAt(out, r, context)]);
  const scales = new Float32Array(n);
  const columns = new Map<number, Int8Array>();
  for (const block of weights) {
    const { start, shape } = plan.parameters[block.parameter] as ParameterRun;
    const count = shape[1] as number;
    const w = new Int8Array(count);
    for (let j = 0; j < block.countN; j++) {
      const from = plan.slabs.used / 4 + start + j * count;
      scales[block.n + j] = quantizeWeights(memory, from, count, w);
      const first = (block.source + j * block.strideN) / 4 - from;
      columns.set(block.n + j, w.slice(first, first + block.countK));
    }
  }
  for (const [from, to] of rows as [number, number][]) {
    const scale = quantizeVector(memory, from, k, x);
    for (let j = 0; j < n; j++) {
      let sum = 0;
      columns.get(j)?.forEach((weight, i) => {
        sum += weight * (x[i] as number);
      });
      const value = fround(fround(sum) * fround(scale * (scales[j] as number)));
      memory[to + j] = accumulate ? fround((memory[to + j] as number) + value) : value;
    }
  }
}

function runProduct({ operand, out, n, weights, accumulate, precision }: Product, context: Context): void {
  const { memory } = context;
  const round = roundingTo(precision);
  const sums = new Float64Array(n);
  for (let r = 0; r < rowsOf(context); r++) {
    const [from, to] = [rowAt(operand, r, context), rowAt(out, r, context)];
    for (let j = 0; j < n; j++) sums[j] = accumulate ? (memory[to + j] as number) : 0;
    for (const block of weights) {
      for (let j = 0; j < block.countN; j++) {
        for (let i = 0; i < block.countK; i++) {
          const weight = memory[(block.source + i * block.strideK + j * block.strideN) / 4] as number;
          sums[block.n + j] =
            (sums[block.n + j] as number) + round(weight) * round(memory[from + block.k + i] as number);
        }
      }
    }
    memory.set(sums, to);
  }
}

function runOuter({ rows, columns, blocks, precision }: Outer, context: Context): void {
  const round = roundingTo(precision);
  const { memory } = context;
  const count = rowsOf(context);
  for (const block of blocks) {
    for (let i = 0; i < block.rows; i++) {
      const to = (block.gradient + i * block.gradientRowBytes) / 4;
      for (let j = 0; j < block.columns; j++) {
        let sum = block.first ? 0 : (memory[to + j] as number);
        for (let r = 0; r < count; r++) {
          const row = memory[rowAt(rows, r, context) + block.row + i] as number;
          sum += round(row) * round(memory[rowAt(columns, r, context) + j] as number);
        }
        memory[to + j] = sum;
      }
    }
  }
}

/** The arguments of a pointwise rule: its operands, and the position in the pass. */
type Place = {
  readonly a: number;
  readonly b: number;
  readonly feature: number;
  /** Number of the row among all steps and examples, and of the example in its step. */
  readonly row: number;
  readonly example: number;
  readonly size: number;
  readonly keys: readonly [number, number];
};
type Rule<K extends OpName> = (node: Node<K>, place: Place) => number;

const byArithmetic = Object.fromEntries(
  Object.entries(arithmetic).map(([name, compute]) => [
    name,
    (_: unknown, { a, b }: Place) => (compute as (a: number, b: number) => number)(a, b),
  ]),
) as { [K in UnaryName | BinaryName]: Rule<K> };
const rules: { readonly [K in PointwiseName]: Rule<K> } = {
  ...byArithmetic,
  mask: ({ rate, stream, locked }, { feature, row, example, size, keys }) => {
    const bits = randomBits((locked ? example : row) * size + feature, maskKey(keys[0], stream), keys[1]);
    return bits >= maskThreshold(rate) ? 1 / (1 - rate) : 0;
  },
  broadcast: (_, { a }) => a,
  one_hot: (_, { a, feature }) => (a === feature ? 1 : 0),
};

function runPass(pass: Pass, context: Context): void {
  const { plan, section, memory, time } = context;
  const { graph, batch } = section;
  const { size, columns = size } = pass;
  const node = (id: NodeId): Node => graph.nodes[id] as Node;
  const isVector = (id: NodeId): boolean => typeof node(id).shape === "number";
  const keys = [memory[plan.keys / 4] as number, memory[plan.keys / 4 + 1] as number] as const;
  // The value of each node at the current row and feature, in the precision of the memory, so that a store changes no value.
  const values =
    memory instanceof Float64Array ? new Float64Array(graph.nodes.length) : new Float32Array(graph.nodes.length);
  const read = (id: NodeId): number => {
    const one = node(id);
    if (one.op === "constant") return one.value;
    if (one.op === "runtime_scalar") return memory[(plan.settings[one.name] as number) / 4] as number;
    return values[id] as number;
  };
  const write = (to: number, value: number): void => {
    memory[to] = value;
  };
  const vectors = pass.stores.filter(({ value }) => isVector(value));
  const scalars = pass.stores.filter(({ value }) => !isVector(value));

  for (let r = 0; r < rowsOf(context); r++) {
    const at = (location: Location): number => rowAt(location, r, context);
    const place = {
      row: typeof time === "number" ? time * batch + r : r,
      example: r % batch,
      ...{ size, keys },
    };
    const compute = (id: NodeId, feature: number): void => {
      const n = node(id);
      const [a = 0, b = 0] = n.inputs.map(read);
      values[id] = (rules[n.op as PointwiseName] as Rule<OpName>)(n, { a, b, feature, ...place });
    };
    for (const [id, location] of pass.loads) if (!isVector(id)) values[id] = memory[at(location)] as number;
    for (const id of pass.compute) if (!isVector(id)) compute(id, 0);
    /** Load and compute all vectors at feature j. */
    const vectorsAt = (j: number): void => {
      for (const [id, location] of pass.loads) {
        if (!isVector(id)) continue;
        const { op } = node(id);
        const from = op === "repeat_interleave" ? Math.floor(j / columns) : op === "tile" ? j % columns : j;
        values[id] = memory[at(location) + from] as number;
      }
      for (const id of pass.compute) if (isVector(id)) compute(id, j);
    };

    // The largest value first: exp of what lies below it cannot overflow.
    const sums = pass.reductions.map(({ op }) => (op === "max_of" ? Number.NEGATIVE_INFINITY : 0));
    const largest = pass.reductions.map(() => Number.NEGATIVE_INFINITY);
    const exponents = pass.reductions.some(({ op }) => op === "logsumexp");
    for (let j = 0; exponents && j < size; j++) {
      vectorsAt(j);
      pass.reductions.forEach(({ value }, k) => {
        largest[k] = Math.max(largest[k] as number, read(value));
      });
    }
    for (const { op, node: id, at: location } of pass.reductions) {
      if (op !== "sum_rows" && op !== "sum_columns") continue;
      memory.fill(0, at(location), at(location) + padded(plan.target, node(id).shape as number));
    }
    for (let j = 0; j < size; j++) {
      vectorsAt(j);
      for (const { value, at: location } of vectors) write(at(location) + j, read(value));
      pass.reductions.forEach(({ op, value, at: location }, k) => {
        const number = read(value);
        const sum = sums[k] as number;
        if (op === "max_of") sums[k] = Math.max(sum, number);
        else if (op === "sum") sums[k] = sum + number;
        else if (op === "logsumexp") sums[k] = sum + Math.exp(number - (largest[k] as number));
        else {
          const to = at(location) + (op === "sum_rows" ? Math.floor(j / columns) : j % columns);
          write(to, (memory[to] as number) + number);
        }
      });
    }
    for (const { at: location, exact, padding } of vectors) {
      const end = exact ? size + padding : padded(plan.target, size);
      memory.fill(0, at(location) + size, at(location) + end);
    }
    pass.reductions.forEach(({ op, at: location }, k) => {
      const sum = sums[k] as number;
      if (op === "sum" || op === "max_of") write(at(location), sum);
      if (op === "logsumexp") write(at(location), (largest[k] as number) + Math.log(sum));
    });
    for (const { value, at: location } of scalars) write(at(location), read(value));
  }
}
