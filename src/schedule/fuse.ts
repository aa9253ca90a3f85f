/**
 * Decides which values are kept in memory, in which order everything is computed, and what is computed together. Pointwise
 * values that need no memory exist only in registers, in the passes that use them; passes over the same features at the same
 * point of the order become one. Knows nothing about addresses.
 */
import {
  type Graph,
  isLeaf,
  isMoved,
  isView,
  lengthOf,
  longestTime,
  type Node,
  type NodeId,
  type Steps,
  viewed,
} from "../graph/graph.ts";
import { type OpName, opClass } from "../graph/operations.ts";
import { atOnce, perSequence } from "./hoist.ts";
import { type Inlined, type Item, inline, inPass, isReadElsewhere, type Task } from "./tasks.ts";

export type Stage = { readonly loop: number; readonly reverse: boolean; readonly items: readonly Item[] };

export type Fused = {
  readonly stages: readonly Stage[];
  /** Nodes with a place in memory. */
  readonly stored: ReadonlySet<NodeId>;
};

/** Values that cost more to compute again than to load. */
const costly = new Set<OpName>(["sigmoid", "tanh", "softplus", "exp", "log", "sqrt", "div"]);
/** A chain of more cheap operations than this is kept rather than computed in two places. */
const cheapChain = 4;

export type FuseOptions = {
  readonly steps: Steps;
  /** The place in time of each node: see `hoist`. */
  readonly loops: readonly number[];
  /** Nodes that matter, and those that the outside reads. */
  readonly live: readonly boolean[];
  readonly keep: readonly NodeId[];
  /** Whether the slots of a state hold its next value themselves, without a copy. */
  readonly ownState: (state: string) => boolean;
};

/** The tasks of a graph in stages, and the nodes that are stored. */
export function fuse(graph: Graph, { steps, loops, live, keep, ownState }: FuseOptions): Fused {
  const node = (id: NodeId): Node => graph.nodes[id] as Node;
  const ids = graph.nodes.map((_, id) => id).filter((id) => live[id]);
  const stateLoop = new Map<string, number>();
  graph.nodes.forEach((n, id) => {
    if (n.op === "state") stateLoop.set(n.name as string, loops[id] as number);
  });
  const nextOf = new Map(graph.states.map((state) => [state.name, state.next]));
  const liveStates = graph.states.filter((state) => live[state.next]);

  // Values that must be in memory.
  const stored = new Set<NodeId>();
  const force = (id: NodeId): void => {
    if (!isLeaf(node(id))) stored.add(id);
  };
  for (const id of ids) {
    const n = node(id);
    const kind = opClass[n.op];
    if (kind === "product" || kind === "reduction" || n.op === "concat" || isMoved(n)) stored.add(id);
    if (kind === "product" || kind === "sink") n.inputs.forEach(force);
    if (n.op === "slice" || isView(n) || isMoved(n)) n.inputs.forEach(force);
  }
  for (const state of liveStates) if (ownState(state.name)) force(state.next);
  for (const id of keep) {
    // A single number is not in memory as a value of steps and examples, unless it is stored.
    if (node(id).op === "constant" || node(id).op === "runtime_scalar") stored.add(id);
    else force(id);
  }

  for (;;) {
    const found = tasksOf();
    const inlined = found.map((task) => inlinedTogether([task]));
    const stages = order(withColumns(found, inlined), inlined);
    const again = computedTwice(stages);
    if (again.length === 0) return { stages, stored };
    for (const id of again) stored.add(id);
  }

  function tasksOf(): Task[] {
    const tasks: Task[] = [];
    for (const id of ids) {
      const n = node(id);
      const loop = loops[id] as number;
      const size = typeof n.shape === "number" ? n.shape : 0;
      const kind = opClass[n.op];
      const base = { node: id, value: id, start: 0, size, loop };
      if (kind === "sink") tasks.push({ ...base, kind: "sink" });
      else if (!stored.has(id)) continue;
      else if (n.op === "gather") tasks.push({ ...base, kind: "gather" });
      else if (kind === "product") tasks.push({ ...base, kind: "product" });
      else if (kind === "reduction") {
        const value = n.inputs[0] as NodeId;
        tasks.push({ ...base, kind: "reduce", value, size: node(value).shape as number });
      } else if (n.op === "concat") {
        let start = 0;
        for (const part of n.inputs) {
          const features = node(part).shape as number;
          tasks.push({ ...base, kind: "store", value: part, start, size: features });
          start += features;
        }
      } else if (n.op === "upsample") {
        n.inputs.forEach((value, k) => {
          tasks.push({ ...base, kind: "store", value, step: n.offsets[k] as number });
        });
      } else if (n.op === "stack") {
        const value = n.inputs[0] as NodeId;
        tasks.push({ ...base, kind: "store", value, size: node(value).shape as number });
      } else tasks.push({ ...base, kind: "store" });
    }
    for (const state of liveStates) {
      if (ownState(state.name)) continue;
      const loop = stateLoop.get(state.name) ?? atOnce(state);
      const { name, next, size } = state;
      tasks.push({ kind: "store", node: next, state: name, value: next, start: 0, size, loop });
    }
    for (const { name, initial = -1, size } of liveStates) {
      // A state that is never read needs no initial value.
      if (!live[initial]) continue;
      const base = { kind: "store", node: initial, value: initial, start: 0, size, loop: perSequence } as const;
      tasks.push({ ...base, state: name, initial: true });
    }
    return tasks;
  }

  function inlinedTogether(tasks: readonly Task[]): Inlined {
    if (tasks.every(inPass)) return inline(graph, stored, tasks);
    return { compute: [], loads: new Set(tasks.flatMap((task) => node(task.node).inputs)) };
  }

  /** Tasks that need no columns get those of the matrices of the same size, so that they can join their passes. */
  function withColumns(tasks: readonly Task[], inlined: readonly Inlined[]): Task[] {
    const needed = tasks.map((task, k) => columnsOf(task, inlined[k] as Inlined));
    const bySize = new Map<number, Set<number>>();
    needed.forEach((columns, k) => {
      const { size } = tasks[k] as Task;
      if (columns !== undefined) bySize.set(size, (bySize.get(size) ?? new Set()).add(columns));
    });
    return tasks.map((task, k) => {
      const known = bySize.get(task.size) ?? new Set();
      return { ...task, columns: needed[k] ?? (inPass(task) && known.size === 1 ? [...known][0] : undefined) };
    });
  }
  /** The columns of the matrix that a task reads through views, or whose rows or columns it sums. */
  function columnsOf(task: Task, { loads }: Inlined): number | undefined {
    if (!inPass(task)) return undefined;
    const found = new Set<number>();
    const summed = node(task.node);
    // A copy of sums into a state goes through no matrix.
    if (task.kind === "reduce" && (summed.op === "sum_rows" || summed.op === "sum_columns")) found.add(summed.columns);
    for (const id of loads) {
      const n = node(id);
      if (n.op === "repeat_interleave") found.add(n.times);
      if (n.op === "tile") found.add(node(n.inputs[0] as NodeId).shape as number);
    }
    if (found.size > 1) throw new Error(`internal: %${task.node} has rows of two sizes`);
    return [...found][0];
  }

  /** What a task reads: nodes in memory, and states. */
  function reads(task: Task, { loads }: Inlined): Record<"nodes", NodeId[]> & Record<"states" | "finals", string[]> {
    const nodes: NodeId[] = [];
    const [states, finals]: [string[], string[]] = [[], []];
    for (const load of loads) {
      let id = inPass(task) ? viewed(graph, load) : load;
      const isRead = (op: OpName): boolean =>
        (op === "slice" && (!stored.has(id) || id === task.node)) ||
        (isReadElsewhere(node(id)) && id === task.node && task.state === undefined);
      while (isRead(node(id).op)) id = node(id).inputs[0] as NodeId;
      if (node(id).op === "state") states.push(node(id).name as string);
      else if (node(id).op === "final") finals.push(node(id).name as string);
      else if (!isLeaf(node(id))) nodes.push(id);
    }
    return { nodes, states, finals };
  }

  function order(tasks: readonly Task[], inlined: readonly Inlined[]): Stage[] {
    const byNode = new Map<NodeId, number[]>();
    const byState = new Map<string, number[]>();
    const starts = new Map<string, number>();
    tasks.forEach((task, k) => {
      if (task.initial) starts.set(task.state as string, k);
      else if (task.state !== undefined) byState.set(task.state, [...(byState.get(task.state) ?? []), k]);
      else byNode.set(task.node, [...(byNode.get(task.node) ?? []), k]);
    });
    const edges = tasks.map((task, k) => {
      const { nodes, states, finals } = reads(task, inlined[k] as Inlined);
      const direct = nodes.flatMap((id) => byNode.get(id) ?? []).map((on) => ({ on, shifted: false }));
      // In a single step, reading a state reads its initial value.
      const through = [...(lengthOf(steps, longestTime(steps)) > 1 ? states : []), ...finals]
        .flatMap((name) => (ownState(name) ? byNode.get(nextOf.get(name) as NodeId) : byState.get(name)) ?? [])
        .map((on) => ({ on, shifted: true }));
      const from = states.flatMap((name) => starts.get(name) ?? []).map((on) => ({ on, shifted: false }));
      return [...direct, ...through, ...from];
    });

    // Level: how often the order enters or leaves a time loop before this task. Even outside of loops, odd inside.
    const inside = ({ loop }: Task): boolean => loop > 0;
    const level = tasks.map((task): number => (inside(task) ? 1 : 0));
    const loopLevel = new Map<number, number>();
    relax(tasks.length, (k) => {
      const task = tasks[k] as Task;
      let wanted = Math.max(level[k] as number, inside(task) ? (loopLevel.get(task.loop) ?? 1) : 0);
      for (const { on } of edges[k] ?? []) {
        const other = tasks[on] as Task;
        const same = other.loop === task.loop;
        const step = same ? 0 : inside(task) === inside(other) ? 2 : 1;
        wanted = Math.max(wanted, (level[on] as number) + step);
      }
      if (inside(task)) loopLevel.set(task.loop, Math.max(wanted, loopLevel.get(task.loop) ?? 0));
      const changed = wanted !== level[k];
      level[k] = wanted;
      return changed;
    });

    // Stage: how many items of the same level and loop must have run before this task.
    const fusable = (task: Task): boolean => task.kind === "store";
    const stage = tasks.map(() => 0);
    relax(tasks.length, (k) => {
      const task = tasks[k] as Task;
      let wanted = stage[k] as number;
      for (const { on, shifted } of edges[k] ?? []) {
        const other = tasks[on] as Task;
        if (other.loop !== task.loop || level[on] !== level[k]) continue;
        if (shifted && inside(task)) continue;
        const alike = other.size === task.size && other.columns === task.columns && other.start === 0;
        const together = !shifted && fusable(other) && inPass(task) && alike;
        wanted = Math.max(wanted, (stage[on] as number) + (together && node(other.node).op !== "concat" ? 0 : 1));
      }
      const changed = wanted !== stage[k];
      stage[k] = wanted;
      return changed;
    });

    const groups = new Map<string, { level: number; loop: number; stage: number; k: number; tasks: Task[] }>();
    tasks.forEach((task, k) => {
      const n = node(task.node);
      const [at, in_] = [stage[k] as number, level[k] as number];
      // Passes of the same size run together, and products with the same operand.
      const company = inPass(task)
        ? `pass ${task.size} ${task.columns}`
        : n.op === "matmul"
          ? `matmul ${n.inputs[0]}`
          : n.op === "outer"
            ? `outer ${n.inputs[1]}`
            : `alone ${k}`;
      const key = `${in_} ${task.loop} ${at} ${company}`;
      const group = groups.get(key) ?? { level: in_, loop: task.loop, stage: at, k, tasks: [] };
      group.tasks.push(task);
      groups.set(key, group);
    });
    const rank = (task: Task): number => (inPass(task) ? 1 : 0);
    const sorted = [...groups.values()].sort(
      (a, b) =>
        a.level - b.level ||
        a.loop - b.loop ||
        a.stage - b.stage ||
        rank(a.tasks[0] as Task) - rank(b.tasks[0] as Task) ||
        (a.tasks[0] as Task).node - (b.tasks[0] as Task).node,
    );
    const stages: { loop: number; level: number; reverse: boolean; items: Item[] }[] = [];
    for (const { level: at, loop, k, tasks: members } of sorted) {
      let last = stages[stages.length - 1];
      if (last === undefined || last.loop !== loop || last.level !== at) {
        last = { loop, level: at, reverse: loop > 0 && isReverse(loop), items: [] };
        stages.push(last);
      }
      const first = members[0] as Task;
      const kind = first.kind === "store" || first.kind === "reduce" ? "pass" : first.kind;
      const own = members.length === 1 ? (inlined[k] as Inlined) : inlinedTogether(members);
      last.items.push({ ...{ kind, tasks: members }, ...own });
    }
    return stages;
  }

  function isReverse(loop: number): boolean {
    const directions = new Set<boolean>();
    graph.nodes.forEach((n, id) => {
      if (n.op !== "state" || loops[id] !== loop) return;
      directions.add(graph.states.find((state) => state.name === n.name)?.reverse ?? false);
    });
    if (directions.size > 1) throw new Error("internal: a loop runs both ways");
    return directions.has(true);
  }

  /** Values in registers that several passes would compute, and that are cheaper to load. */
  function computedTwice(stages: readonly Stage[]): NodeId[] {
    /** By node, how many passes compute it, and (by number) which would with the values that are kept in memory. */
    const times = graph.nodes.map(() => 0);
    const places = graph.nodes.map(() => new Set<number>());
    let pass = 0;
    for (const { items } of stages) {
      for (const { kind, tasks, compute } of items) {
        if (kind !== "pass") continue;
        pass++;
        for (const { value: id } of tasks)
          for (const one of stored.has(id) ? node(id).inputs : [id]) places[one]?.add(pass);
        for (const id of compute) {
          if (!stored.has(id)) (times[id] as number)++;
        }
      }
    }
    /** How many operations it takes to compute each node again; 0 if it would be kept. */
    const size: number[] = [];
    graph.nodes.forEach(({ op, shape, inputs }, id) => {
      const count = times[id] as number;
      const chain = inputs.reduce((total, input) => total + (size[input] as number), 1);
      const worthIt = count > 1 && (costly.has(op) || chain > cheapChain);
      size[id] = count === 0 || (worthIt && shape !== "number" && op !== "mask" && op !== "one_hot") ? 0 : chain;
    });
    // From the last node to the first: only the first of its passes computes a kept value and what it is made from.
    return [...size.keys()].reverse().filter((id) => {
      const own = [...(places[id] as Set<number>)];
      const kept = own.length > 1 && times[id] && !size[id];
      if (times[id]) {
        for (const input of node(id).inputs) for (const one of kept ? [Math.min(...own)] : own) places[input]?.add(one);
      }
      return kept;
    });
  }
}

/** Update all until nothing changes. A graph that never settles is an error of the schedule. */
function relax(count: number, update: (k: number) => boolean): void {
  for (let round = 0; round <= 2 * count + 2; round++) {
    let changed = false;
    for (let k = 0; k < count; k++) if (update(k)) changed = true;
    if (!changed) return;
  }
  throw new Error("internal: the schedule does not settle");
}
