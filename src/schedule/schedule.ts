/**
 * Graph to Plan: hoist what needs no time loop, merge products, fuse pointwise operations, place every byte. Each stage has
 * its own file; this one calls them and assigns the addresses. It knows of the engine only what the target says.
 */
import { type Graph, lengthOf, type Node, type NodeId, type Steps, sameAxis, stepsOf } from "../graph/graph.ts";
import { opClass } from "../graph/operations.ts";
import { fuse } from "./fuse.ts";
import { groupsOf } from "./groups.ts";
import { hoist, needed, stepsAt } from "./hoist.ts";
import { createInstructions } from "./instructions.ts";
import { layOut, type Place } from "./layout.ts";
import { allocate } from "./memory.ts";
import { mergeProducts } from "./merge.ts";
import {
  everyNth,
  type Instruction,
  type Location,
  type ParameterRun,
  type Plan,
  type Precision,
  type Region,
  type SlabName,
  type Slot,
  stepByStep,
} from "./plan.ts";
import { aligned, padded, type Target } from "./target.ts";
import { type Item, usesOf } from "./tasks.ts";

export type ScheduleOptions = {
  readonly target: Target;
  /** Time steps and examples of one run. */
  readonly steps: Steps;
  readonly batch: number;
  /** In what the operands of products are. Default f32. The target must have it. */
  readonly precision?: Precision | undefined;
  /** Names of nodes and outputs to keep for the outside. */
  readonly keep?: readonly string[] | undefined;
  /** Whether instructions read a copy of the parameters, which another section makes: the slab "used". */
  readonly copies?: boolean;
  /**
   * The plan to which this one will be joined. Its memory comes first; its slabs and the keys of its dropout masks are
   * shared.
   */
  readonly after?: Plan;
  /** Inputs, by name, that are a slab of that plan. */
  readonly inputs?: Readonly<Record<string, SlabName>>;
  /**
   * States, by name, that are read and written in one place: a slab of that plan, or memory of their own. Only with one
   * step.
   */
  readonly inPlace?: Readonly<Record<string, SlabName | "own">>;
};

/** Schedule one graph for a target. See `joinPlans` for a plan of several graphs. */
export function schedule(given: Graph, options: ScheduleOptions): Plan {
  const { steps, batch, target, after } = options;
  const { graph, loops } = mergeProducts({ graph: given, loops: hoist(given, steps) });
  const node = (id: NodeId): Node => graph.nodes[id] as Node;
  const keep = kept(graph, options.keep ?? []);
  const wanted = [...keep.values()];
  const live = needed(graph, wanted);
  const owners = ownersOf(graph, live);
  const owned = new Set(owners.values());
  const fused = fuse(graph, {
    ...{ steps, loops, live, keep: wanted },
    ownState: (state) => owned.has(state),
  });
  const { stages, stored } = fused;
  const items = stages.flatMap((stage) => stage.items);

  const memory: Region[] = [];
  let top = aligned(target, after?.bytes ?? target.reservedBytes);
  const take = (name: string, bytes: number): number => {
    const offset = top;
    if (bytes > 0) memory.push({ name, offset, bytes });
    top = aligned(target, top + bytes);
    return offset;
  };
  const own = Object.entries(options.inPlace ?? {}).map(([name, where]): [string, number] => {
    checkInPlace(graph, items, name);
    const size = graph.states.find((state) => state.name === name)?.size as number;
    return [name, where === "own" ? take(name, 4 * size) : (after?.slabs[where] as number)];
  });
  const inPlace = Object.fromEntries(own);
  const inputs = Object.fromEntries(
    Object.entries(options.inputs ?? {}).map(([name, slab]) => [name, after?.slabs[slab] as number]),
  );
  const { buffers, places, states } = layOut(graph, fused, {
    ...{ target, steps, live, owners, inputs, inPlace },
    keep: wanted,
  });

  // Parameters, and their gradients laid out alike; settings.
  let numbers = 0;
  const parameters = Object.fromEntries(
    graph.parameters.map(({ name, shape }): [string, ParameterRun] => {
      const start = numbers;
      const size = shape.reduce((a, b) => a * b, 1);
      const room = padded(target, size);
      numbers += room;
      return [name, { start, size, room, shape }];
    }),
  );
  const hasGradient = graph.nodes.some((n) => n.shape === "none" && n.op !== "sum_all");
  // Room for a vector's read past the end.
  const slabBytes = numbers > 0 ? 4 * (numbers + target.vectorWidth) : 0;
  const outer = take("parameters", slabBytes);
  const slabs = {
    numbers,
    parameters: outer,
    used: options.copies ? take("parameters in use", slabBytes) : outer,
    gradients: hasGradient ? take("gradients", slabBytes) : undefined,
  };
  const inSlab = (slab: number | undefined, name: string): number =>
    (slab as number) + 4 * (parameters[name] as ParameterRun).start;
  const named = (op: "runtime_scalar" | "sum_all"): string[] =>
    graph.nodes.flatMap((n, id) => (n.op === op && live[id] ? [n.name as string] : []));
  const settings = Object.fromEntries(named("runtime_scalar").map((name) => [name, take(name, 4)]));
  const totals = Object.fromEntries(named("sum_all").map((name) => [name, take(name, 4)]));
  const keys = after?.keys ?? take("keys of the dropout masks", 8);

  // One scratch matrix serves all weight gradients that need it: each is copied out before the next.
  const groups = stages.map((stage) => stage.items.flatMap((item) => groupsOf(graph, item, places, target)));
  const scratchBytes = groups
    .flat()
    .map((group) =>
      group.kind === "outer" && group.columnCount < padded(target, group.columnCount) ? group.bytes : 0,
    );
  const scratch = take("scratch for gradients of matrices", Math.max(0, ...scratchBytes));

  // Values, which share bytes where their times allow.
  const rootOf = (k: number): number => {
    const before = buffers[k]?.inPlaceOf;
    return before === undefined ? k : rootOf(before);
  };
  const bytesOf = buffers.map(({ rowFloats, slots, steps: count, fixed }) => {
    const kept = slots === "one" ? 1 : slots === "state" ? count + 1 : count;
    return fixed === undefined ? 4 * rowFloats * kept * batch : 0;
  });
  const sizes = buffers.map((_, root) => {
    const sharers = buffers.filter((_, k) => rootOf(k) === root).map(({ lifetime }) => lifetime);
    const [from, to] = [Math.min(...sharers.map((one) => one.from)), Math.max(...sharers.map((one) => one.to))];
    return { from, to, bytes: rootOf(root) === root ? (bytesOf[root] as number) : 0 };
  });
  const allocation = allocate(sizes, top, target);
  top = allocation.end;
  const startOf = (k: number): number => buffers[k]?.fixed ?? (allocation.offsets[rootOf(k)] as number);
  buffers.forEach(({ name, fixed }, k) => {
    if (fixed === undefined) memory.push({ name, offset: startOf(k), bytes: bytesOf[k] as number });
  });
  const location = ({ buffer, column, slot }: Place): Location => {
    const { rowFloats, slots } = buffers[buffer] as (typeof buffers)[number];
    const rowBytes = 4 * rowFloats;
    const stepBytes = slots === "one" ? 0 : batch * rowBytes;
    return { offset: startOf(buffer) + slot * stepBytes + 4 * column, stepBytes, rowBytes };
  };
  const locate = (id: NodeId, own?: ReadonlySet<NodeId>): Location => {
    const n = node(id);
    if (n.op === "parameter") return { offset: inSlab(slabs.used, n.parameter), stepBytes: 0, rowBytes: 0 };
    if (n.op === "slice" && (!stored.has(id) || own?.has(id))) {
      const whole = locate(n.inputs[0] as NodeId);
      return { ...whole, offset: whole.offset + 4 * n.start };
    }
    if (n.op === "downsample" && own?.has(id)) return everyNth(locate(n.inputs[0] as NodeId), n.by, n.offset);
    if (n.op === "unstack" && own?.has(id)) return stepByStep(locate(n.inputs[0] as NodeId), n.shape as number);
    const place = places.get(id);
    if (place === undefined) throw new Error(`internal: ${n.op} %${id} has no place`);
    return n.perSequence ? { ...location(place), stepBytes: 0 } : location(place);
  };

  const { cleared, instructionsOf } = createInstructions({
    target,
    graph,
    precision: options.precision,
    locate,
    placeOf: (state, which) => location(states.get(state)?.[which] as Place),
    parameter: (name) => ({ offset: inSlab(slabs.used, name), shape: parameters[name]?.shape as readonly number[] }),
    gradient: (name) => inSlab(slabs.gradients, name),
    total: (name) => totals[name] as number,
    scratch,
  });
  const stepsOfPlace = stepsAt(graph, loops, steps);
  const instructions = stages.flatMap(({ loop, reverse }, k): Instruction[] => {
    const body = (groups[k] as (typeof groups)[number]).flatMap(instructionsOf);
    const count = stepsOfPlace(loop);
    if (count === 0) return [];
    if (loop > 0) return [{ kind: "loop", reverse, steps: count, body }];
    return atOnceOrByStep(body, count, loop < 0, (id) => node(id).op === "spread");
  });
  const clear = [...cleared].map((name): Instruction => {
    return { kind: "clear", offset: inSlab(slabs.gradients, name), bytes: 4 * (parameters[name]?.size as number) };
  });

  const slotOf = (id: NodeId, at: Location): Slot => {
    const { shape } = node(id);
    return { ...at, size: typeof shape === "number" ? shape : 1, rows: stepsOf(node(id), steps) * batch };
  };
  const slotsOf = (op: "input" | "index"): Record<string, Slot> =>
    Object.fromEntries(
      [...places].flatMap(([id, place]) =>
        node(id).op === op ? [[node(id).name as string, slotOf(id, location(place))]] : [],
      ),
    );
  return {
    target,
    sections: [{ graph, steps: lengthOf(steps), batch, instructions: [...clear, ...instructions] }],
    bytes: top + target.tailBytes,
    memory: memory.sort((a, b) => a.offset - b.offset),
    inputs: slotsOf("input"),
    indices: slotsOf("index"),
    settings,
    keys,
    totals,
    states: Object.fromEntries(
      graph.states.flatMap(({ name, size, adjoint }) => {
        if (adjoint || inPlace[name] !== undefined) return [];
        const { first, last } = states.get(name) as { first: Place; last: Place };
        return [[name, { ...location(first), size, rows: batch, last: location(last).offset }]];
      }),
    ),
    parameters,
    slabs,
    slots: inPlace,
    changesParameters: Object.values(options.inPlace ?? {}).includes("parameters"),
    outputs: Object.fromEntries([...keep].map(([name, id]) => [name, slotOf(id, locate(id))])),
  };
}

/**
 * Instructions for all steps of an axis at once. A pass that loads what is one per sequence at each step (`isSpread`) goes from step
 * to step: all steps at once are rows one after the other, and those are not.
 */
function atOnceOrByStep(
  body: readonly Instruction[],
  steps: number,
  inAtOnce: boolean,
  isSpread: (id: NodeId) => boolean,
): Instruction[] {
  const found: Instruction[] = [];
  let together: Instruction[] = [];
  const close = (): void => {
    if (inAtOnce && together.length > 0) found.push({ kind: "at_once", steps, body: together });
    else found.push(...together);
    together = [];
  };
  for (const one of body) {
    const byStep = steps > 1 && one.kind === "pass" && [...one.loads.keys()].some(isSpread);
    if (byStep) {
      close();
      found.push({ kind: "loop", reverse: false, steps, body: [one] });
    } else together.push(one);
  }
  close();
  return found;
}

/**
 * Values that are computed in the slot of a state's next value, and not copied there, with the state's name. A value has one
 * such state at most.
 */
function ownersOf(graph: Graph, live: readonly boolean[]): Map<NodeId, string> {
  const owners = new Map<NodeId, string>();
  for (const state of graph.states) {
    const { name, next } = state;
    const { op } = graph.nodes[next] as Node;
    // What is the same at all steps, as zeros are, has an axis of its own.
    if (!sameAxis(graph.nodes[next] as Node, state)) continue;
    const alone = opClass[op] === "pointwise" || op === "matmul_sum" || op === "matmul_transposed";
    if (alone && !owners.has(next) && live[next]) owners.set(next, name);
  }
  return owners;
}

/** The nodes of these names: outputs, or named nodes. */
function kept(graph: Graph, names: readonly string[]): Map<string, NodeId> {
  const found = new Map<string, NodeId>();
  for (const name of names) {
    const id = graph.outputs[name] ?? graph.nodes.findIndex((n) => n.name === name && opClass[n.op] !== "sink");
    if (id < 0) throw new Error(`internal: no value ${name}`);
    found.set(name, id);
  }
  return found;
}

/** Writing the next value of a state in place overwrites the state, so no later pass may read it. */
function checkInPlace(graph: Graph, items: readonly Item[], name: string): void {
  const next = graph.states.find((state) => state.name === name)?.next;
  const written = items.findIndex(({ tasks }) =>
    tasks.some(({ state, node }) => state === name || (state === undefined && node === next)),
  );
  const late = items.slice(written + 1).some((item) =>
    [...usesOf(graph, item)].some((id) => {
      const node = graph.nodes[id];
      return node?.op === "state" && node.name === name;
    }),
  );
  if (written < 0 || late) throw new Error(`internal: state ${name} in place`);
}
