/**
 * A graph on its way to a plan: fused, with all that fusing is given. And an engine without numbers, which goes through
 * the stages in time and knows only what has been computed.
 */
import { type Graph, isResampled, isView, type Node, type NodeId, type State, stepsOf } from "../../src/graph/graph.ts";
import { opClass } from "../../src/graph/operations.ts";
import { createRandom } from "../../src/nn/random.ts";
import { type Fused, fuse } from "../../src/schedule/fuse.ts";
import { hoist, needed, stepsAt } from "../../src/schedule/hoist.ts";
import { mergeProducts } from "../../src/schedule/merge.ts";
import type { Item, Task } from "../../src/schedule/tasks.ts";

export type Staged = {
  readonly graph: Graph;
  readonly steps: number;
  readonly live: readonly boolean[];
  readonly loops: readonly number[];
  readonly keep: readonly NodeId[];
  /** Values that are made in the slot of a state: at most one a value, and one a state. */
  readonly owners: ReadonlyMap<NodeId, string>;
  readonly fused: Fused;
};

/** Its outputs are kept. Which states own their next values, of those that may, is drawn by `seed`; without it all do. */
export function staged(given: Graph, steps: number, seed?: number): Staged {
  const random = createRandom(seed ?? 0);
  const { graph, loops } = mergeProducts({ graph: given, loops: hoist(given, steps) });
  const keep = Object.values(graph.outputs);
  const live = needed(graph, keep);
  const owners = new Map<NodeId, string>();
  for (const { name, next, stride } of graph.states) {
    const { op, stride: own } = graph.nodes[next] as Node;
    if (own !== stride) continue;
    const may = opClass[op] === "pointwise" || op === "matmul_sum" || op === "matmul_transposed";
    const drawn = seed === undefined || random.uniform() < 0.7;
    if (may && live[next] && !owners.has(next) && drawn) owners.set(next, name);
  }
  const owned = new Set(owners.values());
  const fused = fuse(graph, { steps, loops, live, keep, ownState: (state) => owned.has(state) });
  return { graph, steps, live, loops, keep, owners, fused };
}

export type Use = { readonly item: Item; readonly moment: number; readonly reads: ReadonlySet<NodeId> };
export type Walk = {
  /** What was read before it was there, made twice, or never made. */
  readonly mistakes: readonly string[];
  /** By item, in order: the values that it reads from memory, and those that stand there by name of a state left out. */
  readonly uses: readonly Use[];
};

/** Through all stages, step by step: what each item reads, and whether it is there. */
export function walk({ graph, steps, live, loops, keep, owners, fused }: Staged): Walk {
  const { stages, stored } = fused;
  const mistakes = new Set<string>();
  const node = (id: NodeId): Node => graph.nodes[id] as Node;
  const states = new Map(graph.states.map((state) => [state.name, state]));
  const owned = new Set(owners.values());
  /** How often a part of a value, or a state's next or first value, has been written, by step. */
  const written = new Map<string, number>();
  const count = (key: string, t: number): number => written.get(`${key} ${t}`) ?? 0;
  const partsOf = (id: NodeId): string[] =>
    node(id).op === "concat" ? node(id).inputs.map((_, k) => `%${id}.${k}`) : [`%${id}`];
  const timesOf = (of: Node | State): number[] => Array.from({ length: stepsOf(of as Node, steps) }, (_, t) => t);
  /** The step of its operand, or of one of them, that a value which is moved is at step t, if there is one. */
  const movedFrom = (id: NodeId, t: number): { readonly from: NodeId; readonly t: number } | undefined => {
    const one = node(id);
    if (one.op === "downsample") {
      const from = one.inputs[0] as NodeId;
      const at = t * one.by + one.offset;
      return at < stepsOf(node(from), steps) ? { from, t: at } : undefined;
    }
    if (one.op !== "upsample") return undefined;
    const k = one.offsets.indexOf(t % one.by);
    return k < 0 ? undefined : { from: one.inputs[k] as NodeId, t: Math.floor(t / one.by) };
  };
  const isThere = (id: NodeId, t: number): boolean =>
    partsOf(id).every((part) => count(part, t) > 0) || (isResampled(node(id)) && movedFrom(id, t) === undefined);
  const nextIsThere = (name: string, t: number): boolean => {
    const next = states.get(name)?.next as NodeId;
    return owned.has(name) ? isThere(next, node(next).perSequence ? 0 : t) : count(`next ${name}`, t) > 0;
  };

  function perform(item: Item, ts: readonly number[]): Set<NodeId> {
    const own = new Set(
      item.tasks.flatMap(({ kind, state, node, value }) =>
        kind === "store" && state === undefined && node === value ? [node] : [],
      ),
    );
    const fromMemory = new Set<NodeId>();
    const what = (task: Task): string => `${task.kind} of ${task.state ?? `${node(task.node).op} %${task.node}`}`;
    /** What has to be in memory: a value with a place, a leaf, or features of one. */
    function load(id: NodeId, t: number, by: string): void {
      const { op, name, perSequence: once, inputs } = node(id);
      fromMemory.add(id);
      if (op === "slice" && !stored.has(id)) load(inputs[0] as NodeId, t, by);
      else if (op === "state" || op === "final") {
        const state = states.get(name as string) as State;
        const { reverse, initial } = state;
        const count = timesOf(state).length;
        const end = reverse ? -1 : count;
        const from = (op === "final" ? end : t) + (reverse ? 1 : -1);
        const isStart = from < 0 || from >= count;
        const there = isStart
          ? initial === undefined || written.has(`first ${name} 0`)
          : nextIsThere(name as string, from);
        if (!there) mistakes.add(`${by}: state ${name} is not there at ${t}`);
      } else if (opClass[op] !== "leaf") {
        if (!stored.has(id)) mistakes.add(`${by}: ${op} %${id} is nowhere in memory`);
        else if (!isThere(id, once ? 0 : t)) mistakes.add(`${by}: ${op} %${id} is not there at ${t}`);
      }
    }
    /** What a pass computes, or loads. */
    function value(id: NodeId, t: number, by: string, root = false): void {
      const { op, inputs } = node(id);
      if (op === "constant" || op === "runtime_scalar") return;
      if (isView(node(id)) && !(stored.has(id) && !own.has(id))) load(inputs[0] as NodeId, t, by);
      else if (op === "slice" && own.has(id)) load(inputs[0] as NodeId, t, by);
      else if (op === "downsample" && own.has(id)) {
        const moved = movedFrom(id, t);
        if (moved === undefined) mistakes.add(`${by}: no step is moved to ${t}`);
        else load(moved.from, moved.t, by);
      } else if (own.has(id) || (opClass[op] === "pointwise" && !stored.has(id)) || (root && op === "mask")) {
        for (const input of inputs) value(input, t, by);
      } else load(id, t, by);
    }
    for (const t of ts) {
      for (const task of item.tasks) {
        const by = what(task);
        if (task.kind === "store") value(task.value, t, by, true);
        else if (task.kind === "reduce") value(node(task.node).inputs[0] as NodeId, t, by);
        else for (const input of node(task.node).inputs) load(input, t, by);
      }
    }
    for (const t of ts) {
      for (const { node: id, state, initial, value: from, start, step } of item.tasks) {
        const one = node(id);
        const { op, inputs } = one;
        let part = `%${id}`;
        const at = state === undefined && one.op === "upsample" ? t * one.by + (step as number) : t;
        if (state !== undefined) part = `${initial ? "first" : "next"} ${state}`;
        else if (op === "concat") {
          let column = 0;
          const k = inputs.findIndex((input) => {
            const here = input === from && column === start;
            if (!here) column += node(input).shape as number;
            return here;
          });
          part = `%${id}.${k}`;
        }
        const times = count(part, at) + 1;
        written.set(`${part} ${at}`, times);
        if (times > 1) mistakes.add(`${part} is made ${times} times`);
      }
    }
    return fromMemory;
  }

  const uses: Use[] = [];
  const stepsOfPlace = stepsAt(graph, loops, steps);
  for (const { loop, reverse, items } of stages) {
    const every = Array.from({ length: stepsOfPlace(loop) }, (_, t) => t);
    const ts = reverse ? every.toReversed() : every;
    const found = items.map(() => new Set<NodeId>());
    const act = (k: number, at: readonly number[]): void => {
      for (const id of perform(items[k] as Item, at)) found[k]?.add(id);
    };
    if (loop > 0) for (const t of ts) for (const k of items.keys()) act(k, [t]);
    else for (const k of items.keys()) act(k, ts);
    const first = uses.length;
    uses.push(...items.map((item, k) => ({ item, moment: first + k, reads: found[k] as Set<NodeId> })));
  }
  // What the outside reads, and what is summed.
  graph.nodes.forEach(({ shape }, id) => {
    const wanted = (shape === "none" && live[id]) || keep.includes(id) || stored.has(id);
    if (!wanted || opClass[node(id).op] === "leaf") return;
    for (const t of timesOf(node(id))) if (!isThere(id, t)) mistakes.add(`${node(id).op} %${id} is never made at ${t}`);
  });
  for (const state of graph.states) {
    const { name, next } = state;
    if (!live[next]) continue;
    for (const t of timesOf(state)) if (!nextIsThere(name, t)) mistakes.add(`state ${name} is never set at ${t}`);
  }
  return { mistakes: [...mistakes], uses };
}
