/**
 * Runs a plan without values: every number in memory knows which node wrote it last. A read that finds another node's
 * number is a mistake in the memory plan, whatever the values are.
 */
import { type Node, type NodeId, stepsOf, viewed } from "../../src/graph/graph.ts";
import type { Instruction, Location, Plan, Section } from "../../src/schedule/plan.ts";

import { padded as paddedFor } from "../../src/schedule/target.ts";

/** Owners that are no nodes. */
const untouched = -1;
const padding = -2;
export const scratch = -4;
const gradient = -5;
const total = -6;

export type Ownership = {
  /** What was read and was not there; empty where the plan is right. */
  readonly mistakes: readonly string[];
  /** By number in memory: whether the plan computes it anew in every run. */
  readonly temporary: readonly boolean[];
};

/** A time step, or all steps of an axis. */
type When = number | { readonly steps: number };

/** What an instruction does with numbers in memory, in order: `count` of them from `start` on, counted in numbers. */
export type Access = {
  readonly read: (start: number, count: number, allowed: readonly number[], what: string) => void;
  readonly write: (start: number, count: number, owner: number) => void;
};

/** Two runs of a plan of one section. */
export function ownership(plan: Plan): Ownership {
  const [section] = plan.sections as readonly [Section];
  const owners = new Int32Array(plan.bytes / 4).fill(untouched);
  const temporary = Array.from(owners, () => false);
  const mistakes = new Set<string>();
  function write(start: number, count: number, owner: number): void {
    owners.fill(owner, start, start + count);
    if (owner >= 0 || owner === padding || owner === scratch) temporary.fill(true, start, start + count);
  }
  function read(start: number, count: number, allowed: readonly number[], what: string): void {
    for (let k = start; k < start + count; k++) {
      const owner = owners[k] as number;
      if (!allowed.includes(owner)) mistakes.add(`${what}: at ${k} lies ${owner}, not ${allowed}`);
    }
  }
  const { perform, readOutputs } = accesses(plan, section, { read, write });
  for (const one of [...section.instructions, ...section.instructions]) perform(one, section);
  readOutputs();
  return { mistakes: [...mistakes], temporary };
}

/** Walks through instructions, and says what they read and write. */
export function accesses(plan: Plan, section: Section, { read, write }: Access) {
  const { graph, steps, batch } = section;
  const padded = (features: number): number => paddedFor(plan.target, features);
  const node = (id: NodeId): Node => graph.nodes[id] as Node;
  const featuresOf = (id: NodeId): number => {
    const { shape } = node(id);
    return typeof shape === "number" ? shape : 1;
  };
  const states = new Map(graph.states.map((state) => [state.name, state]));

  /** Who may have written the value of a node. */
  function writersOf(id: NodeId): number[] {
    const { op, inputs, name } = node(id);
    const { next = -1, initial } = states.get(name as string) ?? {};
    if (op === "state") return [initial ?? untouched, next];
    if (op === "final") return [next];
    if (op === "input" || op === "index" || op === "parameter") return [untouched];
    if (op === "concat" || op === "stack") return [id, ...inputs];
    // Where no step is moved to, the memory stays as it was at first.
    if (op === "upsample") return [id, ...inputs, untouched];
    // It is read where it is, or, by the pass that moves it, where it was.
    if (op === "downsample") return [id, ...writersOf(inputs[0] as NodeId), untouched];
    return op === "slice" || op === "unstack" ? [id, ...writersOf(inputs[0] as NodeId)] : [id];
  }
  /** First numbers of the rows at a place: those of a step, or of all. */
  function rowsAt({ offset, stepBytes, rowBytes }: Location, t: When): number[] {
    const start = offset + (typeof t === "number" ? t : 0) * stepBytes;
    const rows = typeof t === "number" ? batch : t.steps * batch;
    return Array.from({ length: rows }, (_, row) => (start + row * rowBytes) / 4);
  }
  const readValue = (id: NodeId, at: Location, t: When, what: string): void => {
    for (const row of rowsAt(at, t)) read(row, featuresOf(id), writersOf(id), what);
  };

  const readSetting = (id: NodeId, what: string): void => {
    const { op, name } = node(id);
    if (op === "runtime_scalar")
      read((plan.settings[name as string] as number) / 4, 1, [untouched], `${what}, ${name}`);
  };
  /** Add to a gradient. */
  const addTo = (start: number, count: number): void => {
    read(start, count, [gradient], "a gradient");
    write(start, count, gradient);
  };

  function perform(one: Instruction, t: When): void {
    switch (one.kind) {
      case "loop":
        for (let k = 0; k < one.steps; k++) {
          for (const inner of one.body) perform(inner, one.reverse ? one.steps - 1 - k : k);
        }
        break;
      case "at_once":
        for (const inner of one.body) perform(inner, one);
        break;
      case "clear":
        write(one.offset / 4, one.bytes / 4, gradient);
        break;
      case "pass": {
        const what = `pass of ${one.stores.map((s) => s.value)} ${one.reductions.map((r) => r.node)}`;
        for (const id of one.compute) {
          if (node(id).op === "mask") read(plan.keys / 4, 2, [untouched], `${what}, keys`);
          for (const input of node(id).inputs) readSetting(input, what);
        }
        for (const { value } of one.stores) readSetting(value, what);
        for (const [id, at] of one.loads) {
          readValue(viewed(graph, id), at, t, `${what}, reading ${id}`);
        }
        for (const { value, at, exact, padding: zeros } of one.stores) {
          const count = featuresOf(value);
          const vector = typeof node(value).shape === "number";
          for (const row of rowsAt(at, t)) {
            if (vector && !exact) write(row, padded(count), padding);
            write(row, count, value);
            if (exact) write(row + count, zeros, padding);
          }
        }
        for (const { node: id, at } of one.reductions) {
          for (const row of rowsAt(at, t)) {
            if (typeof node(id).shape === "number") write(row, padded(featuresOf(id)), padding);
            write(row, featuresOf(id), id);
          }
        }
        break;
      }
      case "product": {
        const reads = one.nodes.flatMap((id) => node(id).inputs.flatMap(writersOf));
        const what = `product ${one.weights.map(({ parameter }) => parameter)}`;
        for (const row of rowsAt(one.operand, t)) read(row, one.k, [...reads, padding], what);
        for (const { parameter, source, strideK, strideN, countK, countN } of one.weights) {
          for (let k = 0; k < countK; k++) {
            for (let n = 0; n < countN; n++) {
              read((source + k * strideK + n * strideN) / 4, 1, [untouched], `${what}: ${parameter}`);
            }
          }
        }
        for (const row of rowsAt(one.out, t)) {
          let column = row;
          for (const id of one.nodes) {
            if (one.accumulate) {
              read(column, featuresOf(id), [id], `${what}, added`);
              read(column + featuresOf(id), padded(featuresOf(id)) - featuresOf(id), [padding], `${what}, added`);
            }
            write(column, padded(featuresOf(id)), padding);
            write(column, featuresOf(id), id);
            column += padded(featuresOf(id));
          }
        }
        break;
      }
      case "gather":
        readValue(node(one.node).inputs[0] as NodeId, one.index, t, "index");
        for (const { start, size } of Object.values(plan.parameters)) {
          const at = plan.slabs.used / 4 + start;
          if (4 * at === one.table) read(at, size, [untouched], "a table");
        }
        for (const row of rowsAt(one.out, t)) {
          write(row, padded(one.size), padding);
          write(row, one.size, one.node);
        }
        break;
      case "outer": {
        const [rows, columns] = [0, 1].map((k) => one.nodes.flatMap((id) => writersOf(node(id).inputs[k] as NodeId)));
        for (const row of rowsAt(one.rows, t)) read(row, one.rowCount, [...(rows ?? []), padding], "rows of outer");
        for (const row of rowsAt(one.columns, t)) read(row, one.columnCount, columns ?? [], "columns of outer");
        if (one.scratch !== undefined) write(one.scratch / 4, one.rowCount * padded(one.columnCount), scratch);
        for (const block of one.blocks) {
          for (let r = 0; r < block.rows; r++) {
            const at = (block.gradient + r * block.gradientRowBytes) / 4;
            if (block.first) write(at, block.columns, gradient);
            else addTo(at, block.columns);
          }
        }
        break;
      }
      case "accumulate":
        readValue(node(one.node).inputs[0] as NodeId, one.value, t, "accumulate");
        // What lies behind a parameter, up to a whole vector, is nobody's.
        if (one.first) write(one.gradient / 4, padded(one.size), gradient);
        else addTo(one.gradient / 4, padded(one.size));
        break;
      case "scatter":
        readValue(node(one.node).inputs[0] as NodeId, one.value, t, "scatter");
        readValue(node(one.node).inputs[1] as NodeId, one.index, t, "index");
        for (const { start, size } of Object.values(plan.parameters)) {
          const at = (plan.slabs.gradients as number) / 4 + start;
          if (4 * at === one.gradient) addTo(at, size);
        }
        break;
      case "sum_all":
        readValue(node(one.node).inputs[0] as NodeId, one.value, t, "sum_all");
        write(one.at / 4, 1, total);
        break;
    }
  }
  function readOutputs(): void {
    for (const [name, at] of Object.entries(plan.outputs)) {
      const id = graph.outputs[name];
      if (id !== undefined) readValue(id, at, { steps: stepsOf(node(id), steps) }, `output ${name}`);
    }
  }
  return { perform, readOutputs };
}
