/**
 * Gives each value a buffer and a column in it, and each buffer a lifetime. Knows nothing about addresses or instructions.
 */
import {
  fixedNodes,
  type Graph,
  isLeaf,
  isResampled,
  isView,
  longestTime,
  type Node,
  type NodeId,
  type State,
  type Steps,
  stepsOf,
  viewed,
} from "../graph/graph.ts";
import type { Fused } from "./fuse.ts";
import type { Lifetime } from "./memory.ts";
import { padded, rowNumbers, type Target } from "./target.ts";
import { type Item, ownValues, type Task, usesOf } from "./tasks.ts";

/** A place in a buffer: `column` numbers after the start of a row, in the rows of `slot` time steps later. */
export type Place = { readonly buffer: number; readonly column: number; readonly slot: number };

export type Buffer = {
  readonly name: string;
  readonly rowFloats: number;
  /** Rows for every step, for every step and one more (a state), or for one step. */
  readonly slots: "steps" | "state" | "one";
  /** How many steps its values have. */
  readonly steps: number;
  /** Its address, if it already has one outside this plan's memory. */
  readonly fixed?: number | undefined;
  readonly lifetime: Lifetime;
  /**
   * The buffer whose bytes it takes over, number by number, in the pass that uses that one last and this one first. Both hold
   * values of the same sizes side by side, so that each number is read before it is overwritten.
   */
  readonly inPlaceOf?: number | undefined;
};

export type Layout = {
  readonly buffers: readonly Buffer[];
  readonly places: ReadonlyMap<NodeId, Place>;
  readonly states: ReadonlyMap<string, StatePlaces>;
};

/**
 * The places of a state: where step 0 reads its value (`read`) and writes its next value (`next`), and where its first and
 * last values are.
 */
type StatePlaces = { readonly [K in "read" | "next" | "first" | "last"]: Place };

export type LayoutOptions = {
  readonly target: Target;
  readonly steps: Steps;
  readonly live: readonly boolean[];
  /** Values that are stored in the slot of a state, with its name. */
  readonly owners: ReadonlyMap<NodeId, string>;
  /** Values that the outside reads. */
  readonly keep: readonly NodeId[];
  /** Addresses of inputs and states that already have one. */
  readonly inputs: Readonly<Record<string, number>>;
  readonly inPlace: Readonly<Record<string, number>>;
};

/** Give every stored value, state and input its place. */
export function layOut(graph: Graph, { stages, stored }: Fused, options: LayoutOptions): Layout {
  const { target } = options;
  const node = (id: NodeId): Node => graph.nodes[id] as Node;
  const width = (id: NodeId): number => padded(target, node(id).shape as number);
  const items = stages.flatMap((stage) => stage.items);
  const buffers: Omit<Buffer, "lifetime" | "inPlaceOf">[] = [];
  const places = new Map<NodeId, Place>();
  const states = new Map<string, StatePlaces>();
  const add = (buffer: (typeof buffers)[number]): number => buffers.push(buffer) - 1;
  const same = fixedNodes(graph);
  /** The steps of a node, and those behind the last that are written with it. What is the same at all steps is so at the most there are. */
  const room = (id: NodeId): number => {
    const n = node(id);
    if (same[id] && !n.perSequence) return stepsOf({ time: longestTime(options.steps) }, options.steps);
    if (n.op !== "upsample") return stepsOf(n, options.steps);
    return n.by * stepsOf(node(n.inputs[0] as NodeId), options.steps);
  };

  // States, and the values that are their next values.
  for (const state of graph.states) {
    const { name, size, reverse } = state;
    const steps = stepsOf(state, options.steps);
    const fixed = options.inPlace[name];
    const oneSlot = fixed !== undefined || isRunningSum(state);
    const buffer = add({ name, rowFloats: rowNumbers(target, size), slots: oneSlot ? "one" : "state", steps, fixed });
    const at = (slot: number): Place => ({ buffer, column: 0, slot: oneSlot ? 0 : slot });
    const [start, end] = [at(0), at(steps)];
    const places = reverse
      ? { read: at(1), next: start, first: end, last: start }
      : { read: start, next: at(1), first: start, last: end };
    states.set(name, places);
  }
  for (const [id, name] of options.owners) if (stored.has(id)) places.set(id, states.get(name)?.next as Place);

  // First values that a product wants side by side, then the others.
  const full = keptBeyondLoop(graph, stages, options.keep);
  for (const cluster of clusters(graph, items, (id) => stored.has(id) && !places.has(id) && !isLeaf(node(id)))) {
    const rowFloats = rowNumbers(
      target,
      cluster.reduce((total, id) => total + width(id), 0),
    );
    const slots = cluster.some((id) => full.has(id)) ? "steps" : "one";
    const steps = Math.max(...cluster.map(room));
    const buffer = add({ name: cluster.map((id) => nameOf(graph, id)).join(" "), rowFloats, slots, steps });
    let column = 0;
    for (const id of cluster) {
      places.set(id, { buffer, column, slot: 0 });
      column += width(id);
    }
  }
  const rowOf = ({ shape }: Node): number => (typeof shape === "number" ? rowNumbers(target, shape) : 1);
  for (const id of stored) {
    if (places.has(id)) continue;
    const buffer = add({
      name: nameOf(graph, id),
      rowFloats: rowOf(node(id)),
      slots: full.has(id) ? "steps" : "one",
      steps: room(id),
    });
    places.set(id, { buffer, column: 0, slot: 0 });
  }
  graph.nodes.forEach((n, id) => {
    const name = n.name as string;
    if (!options.live[id]) return;
    if (n.op === "input" || n.op === "index") {
      const slots = n.perSequence ? "one" : "steps";
      const buffer = add({ name, rowFloats: rowOf(n), slots, steps: room(id), fixed: options.inputs[name] });
      places.set(id, { buffer, column: 0, slot: 0 });
    } else if (n.op === "state") places.set(id, states.get(name)?.read as Place);
    else if (n.op === "final") places.set(id, states.get(name)?.last as Place);
  });

  const lifetimes = lifetimesOf();
  const inPlaceOf = takenOver();
  return {
    buffers: buffers.map((buffer, k) => ({
      ...{ ...buffer, lifetime: lifetimes[k] as Lifetime, inPlaceOf: inPlaceOf.get(k) },
    })),
    places,
    states,
  };

  /**
   * Whether nobody reads a state but the pass that makes its next value of it, number by number: then each step may write where it
   * read, and only the last value stays.
   */
  function isRunningSum({ name, next, initial, adjoint }: State): boolean {
    // What a run does not start by itself, or the outside may read, needs its first value.
    if (!adjoint || initial === undefined || options.owners.get(next) !== name || options.keep.includes(next))
      return false;
    const read = graph.nodes.findIndex((n) => n.op === "state" && n.name === name);
    const users = items.filter((item) => [read, next].some((id) => usesOf(graph, item).has(id)));
    const [only] = users;
    if (only === undefined || users.length > 1 || !ownValues(only.tasks).has(next)) return false;
    return [...only.loads].every((id) => id === read || (viewed(graph, id) !== read && rootOf(id) !== read));
  }
  /** By buffer, the buffer whose bytes it may take over, which a pass outside of time loops loads for the last time. */
  function takenOver(): Map<number, number> {
    const found = new Map<number, number>();
    const taken = new Set<number>();
    /** Of the values that lie side by side in a buffer. */
    const sizes = buffers.map(() => "");
    for (const [id, { buffer }] of places) sizes[buffer] += ` ${node(id).shape}`;
    let moment = -1;
    for (const { loop, items: list } of stages) {
      for (const { kind, tasks, loads: loaded } of list) {
        moment++;
        if (kind !== "pass" || loop > 0) continue;
        const own = ownValues(tasks);
        const loads = [...loaded];
        const bufferOf = (id: NodeId): number => places.get(id)?.buffer ?? -1;
        // Buffers that the pass reads at other numbers than the one that it writes.
        const apart = new Set(
          loads.flatMap((id) => {
            if (node(id).op === "slice") return [bufferOf(rootOf(id))];
            return isView(node(id)) ? [bufferOf(viewed(graph, id))] : [];
          }),
        );
        for (const id of own) {
          const mine = bufferOf(id);
          const fits = (other: number): boolean =>
            other >= 0 &&
            !taken.has(other) &&
            !apart.has(other) &&
            lifetimes[other]?.to === moment &&
            lifetimes[mine]?.from === moment &&
            buffers[other]?.slots === buffers[mine]?.slots &&
            buffers[other]?.steps === buffers[mine]?.steps &&
            places.get(id)?.column === 0 &&
            sizes[other] === sizes[mine];
          const before = loads.find(
            (load) => !isView(node(load)) && places.get(load)?.column === 0 && fits(bufferOf(load)),
          );
          if (before === undefined) continue;
          found.set(mine, bufferOf(before));
          taken.add(bufferOf(before));
        }
      }
    }
    return found;
  }
  /** What a slice is cut from. */
  function rootOf(id: NodeId): NodeId {
    return node(id).op === "slice" ? rootOf(node(id).inputs[0] as NodeId) : id;
  }

  /**
   * A buffer lives from the first to the last item that uses it; states, and what is read from outside, always. So does what is
   * moved to other steps: where no step is, it stays as the memory was at first, which is 0.
   */
  function lifetimesOf(): Lifetime[] {
    const from = buffers.map(() => Number.POSITIVE_INFINITY);
    const to = buffers.map(() => Number.NEGATIVE_INFINITY);
    const touch = (id: NodeId, first: number, last: number): void => {
      const buffer = places.get(id)?.buffer;
      if (buffer === undefined) return;
      from[buffer] = Math.min(from[buffer] as number, first);
      to[buffer] = Math.max(to[buffer] as number, last);
    };
    let moment = 0;
    for (const { loop, items: list } of stages) {
      const end = moment + list.length - 1;
      list.forEach((item, k) => {
        const [first, last] = loop > 0 ? [moment, end] : [moment + k, moment + k];
        for (const id of usesOf(graph, item)) touch(id, first, last);
      });
      moment = end + 1;
    }
    const stateBuffers = new Set([...states.values()].map(({ read }) => read.buffer));
    const always = (id: NodeId): boolean => isLeaf(node(id)) || isResampled(node(id));
    const forever = new Set([...options.keep, ...[...places.keys()].filter(always)]);
    for (const id of forever) touch(id, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
    return buffers.map((_, k) =>
      stateBuffers.has(k)
        ? { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY }
        : { from: from[k] as number, to: to[k] as number },
    );
  }
}

/** The name of a node, or its number. */
export function nameOf(graph: Graph, id: NodeId): string {
  return graph.nodes[id]?.name ?? `%${id}`;
}

/** Stored nodes whose values of all steps are needed, because they are hoisted, kept or read outside their time loop. */
function keptBeyondLoop(graph: Graph, stages: Fused["stages"], keep: readonly NodeId[]): Set<NodeId> {
  const loopOf = new Map<NodeId, number>();
  stages.forEach((stage, k) => {
    for (const { tasks } of stage.items) {
      for (const task of tasks) if (task.state === undefined) loopOf.set(task.node, stage.loop > 0 ? k : -1);
    }
  });
  const full = new Set<NodeId>(keep);
  stages.forEach((stage, k) => {
    for (const item of stage.items) {
      for (const id of usesOf(graph, item)) {
        if (loopOf.get(id) !== k) full.add(id);
      }
    }
  });
  for (const id of full) if (graph.nodes[id]?.perSequence) full.delete(id);
  return full;
}

/**
 * Values that should lie side by side: the outputs of products that share their operand, the operands of a sum of products,
 * the rows of weight gradients that share their columns. A value is in one cluster at most; large clusters are made first.
 */
function clusters(graph: Graph, items: readonly Item[], free: (id: NodeId) => boolean): NodeId[][] {
  const wishes: NodeId[][] = [];
  for (const item of items) {
    const first = item.tasks[0] as Task;
    const n = graph.nodes[first.node] as Node;
    if (n.op === "matmul") wishes.push(item.tasks.map((task) => task.node));
    if (n.op === "matmul_sum") wishes.push([...n.inputs]);
    if (n.op === "outer")
      wishes.push([...new Set(item.tasks.map((task) => graph.nodes[task.node]?.inputs[0] as NodeId))]);
  }
  const taken = new Set<NodeId>();
  const found: NodeId[][] = [];
  const sorted = wishes.map((wish) => wish.filter(free)).sort((a, b) => b.length - a.length);
  for (const wish of sorted) {
    const members = [...new Set(wish)].filter((id) => !taken.has(id));
    if (members.length < 2) continue;
    for (const id of members) taken.add(id);
    // Members that smaller clusters would share are next to each other.
    const signature = (id: NodeId): string => sorted.map((other) => (other.includes(id) ? "0" : "1")).join("");
    const keys = new Map(members.map((id) => [id, signature(id)]));
    members.sort((a, b) =>
      (keys.get(a) as string) < (keys.get(b) as string) ? -1 : keys.get(a) === keys.get(b) ? a - b : 1,
    );
    found.push(members);
  }
  return found;
}
