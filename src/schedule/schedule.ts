/**
 * Graph to Plan: hoist what needs no time loop, pack products, fuse pointwise operations, place every byte. Each has a
 * file of its own; here they meet, and addresses are given out. Knows nothing about WASM.
 */
import type { Graph, Node, NodeId } from "../graph/graph.ts";
import { opClass } from "../graph/operations.ts";
import { fuse, type Item, usesOf } from "./fuse.ts";
import { groupsOf } from "./groups.ts";
import { hoist, needed, onceASequence } from "./hoist.ts";
import { createInstructions } from "./instructions.ts";
import { layOut, type Place } from "./layout.ts";
import { aligned, allocate } from "./memory.ts";
import { pack } from "./pack.ts";
import { type Instruction, type Location, type Plan, pad4, type Region, reservedBytes, type Slot } from "./plan.ts";

export type ScheduleOptions = {
  /** Time steps and examples of one run. */
  readonly steps: number;
  readonly batch: number;
  /** Names of nodes and outputs to keep for the outside. */
  readonly keep?: readonly string[];
  /** Where memory starts: after another plan's. */
  readonly base?: number;
  /** Vectors that are already in memory, by the input's name. */
  readonly inputs?: Readonly<Record<string, number>>;
  /** Where the keys of the dropout masks already are. */
  readonly keys?: number;
  /** States that live in place somewhere: read and written at one address, only with one step. */
  readonly inPlace?: Readonly<Record<string, number>>;
};

/** Schedule one graph. See `joinPlans` for a plan of several. */
export function schedule(given: Graph, options: ScheduleOptions): Plan {
  const { steps, batch, inputs = {}, inPlace = {}, base = reservedBytes } = options;
  const loopOf = hoist(given, steps);
  const graph = pack(given, (id) => loopOf[id] as number);
  const node = (id: NodeId): Node => graph.nodes[id] as Node;
  const keep = kept(graph, options.keep ?? []);
  const live = needed(graph, [...keep.values()]);
  const owners = ownersOf(graph, live);
  const owned = new Set(owners.values());
  const fused = fuse(graph, {
    ...{ steps, live, loops: hoist(graph, steps), keep: [...keep.values()] },
    ownState: (state) => owned.has(state),
  });
  const { stages, stored } = fused;
  const items = stages.flatMap((stage) => stage.items);
  for (const name of Object.keys(inPlace)) checkInPlace(graph, items, stored, name);
  const { buffers, places, states } = layOut(graph, fused, {
    ...{ steps, live, owners, inputs, inPlace },
    keep: [...keep.values()],
  });

  const memory: Region[] = [];
  let top = aligned(base);
  const take = (name: string, bytes: number): number => {
    const offset = top;
    if (bytes > 0) memory.push({ name, offset, bytes });
    top = aligned(top + bytes);
    return offset;
  };

  // Parameters, and their gradients laid out alike; settings.
  const starts = new Map<string, number>();
  let floats = 0;
  for (const { name, shape } of graph.parameters) {
    starts.set(name, 4 * floats);
    floats += pad4(shape.reduce((a, b) => a * b, 1));
  }
  const hasGradient = graph.nodes.some((n) => n.shape === "none" && n.op !== "total");
  const slabBytes = 4 * floats + 16; // Room for a vector's read past the end.
  const parameterSlab = { offset: take("parameters", slabBytes), floats };
  const gradientSlab = hasGradient ? { offset: take("gradients", slabBytes), floats } : { offset: 0, floats: 0 };
  const parameters = Object.fromEntries(
    graph.parameters.map(({ name, shape }) => {
      return [name, { offset: parameterSlab.offset + (starts.get(name) as number), shape }];
    }),
  );
  const named = (op: "setting" | "total"): string[] =>
    graph.nodes.flatMap((n, id) => (n.op === op && live[id] ? [n.name as string] : []));
  const settings = Object.fromEntries(named("setting").map((name) => [name, take(name, 4)]));
  const totals = Object.fromEntries(named("total").map((name) => [name, take(name, 4)]));
  const keys = options.keys ?? take("keys of the dropout masks", 8);

  // One scratch matrix serves all weight gradients that need it: each is copied out before the next.
  const groups = stages.map((stage) => stage.items.flatMap((item) => groupsOf(graph, item, places)));
  const scratchBytes = groups
    .flat()
    .map((group) => (group.kind === "outer" && group.columnCount % 4 > 0 ? group.bytes : 0));
  const scratch = take("scratch for gradients of matrices", Math.max(0, ...scratchBytes));

  // Values, which share bytes where their times allow.
  const rowsOf = { steps: steps * batch, state: (steps + 1) * batch, one: batch } as const;
  const rootOf = (k: number): number => {
    const before = buffers[k]?.inPlaceOf;
    return before === undefined ? k : rootOf(before);
  };
  const bytesOf = buffers.map(({ rowFloats, slots, fixed }) =>
    fixed === undefined ? 4 * rowFloats * rowsOf[slots] : 0,
  );
  const sizes = buffers.map((_, root) => {
    const sharers = buffers.filter((_, k) => rootOf(k) === root).map(({ lifetime }) => lifetime);
    const [from, to] = [Math.min(...sharers.map((one) => one.from)), Math.max(...sharers.map((one) => one.to))];
    return { from, to, bytes: rootOf(root) === root ? (bytesOf[root] as number) : 0 };
  });
  const allocation = allocate(sizes, top);
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
    if (n.op === "parameter") return { offset: parameters[n.parameter]?.offset as number, stepBytes: 0, rowBytes: 0 };
    if (n.op === "slice" && (!stored.has(id) || own?.has(id))) {
      const whole = locate(n.inputs[0] as NodeId);
      return { ...whole, offset: whole.offset + 4 * n.start };
    }
    const place = places.get(id);
    if (place === undefined) throw new Error(`internal: ${n.op} %${id} has no place`);
    return location(place);
  };

  const { packs, cleared, instructionsOf } = createInstructions({
    graph,
    stored,
    locate,
    placeOf: (state, which) => location(states.get(state)?.[which] as Place),
    parameter: (name) => parameters[name] as { offset: number; shape: readonly number[] },
    gradient: (name) => gradientSlab.offset + (starts.get(name) as number),
    total: (name) => totals[name] as number,
    scratch,
    take,
  });
  const instructions = stages.flatMap(({ loop, reverse }, k): Instruction[] => {
    const body = (groups[k] as (typeof groups)[number]).flatMap(instructionsOf);
    if (loop === onceASequence) return [{ kind: "once", body }];
    return loop === 0 ? body : [{ kind: "loop", reverse, body }];
  });
  const clear = graph.parameters.flatMap(({ name, shape }): Instruction[] => {
    const offset = gradientSlab.offset + (starts.get(name) as number);
    return cleared.has(name) ? [{ kind: "clear", offset, bytes: 4 * shape.reduce((a, b) => a * b, 1) }] : [];
  });

  const slotOf = (id: NodeId, at: Location): Slot => {
    const { shape, once } = node(id);
    return { ...at, size: typeof shape === "number" ? shape : 1, rows: once ? batch : steps * batch };
  };
  const slotsOf = (op: "input" | "index"): Record<string, Slot> =>
    Object.fromEntries(
      [...places].flatMap(([id, place]) =>
        node(id).op === op ? [[node(id).name as string, slotOf(id, location(place))]] : [],
      ),
    );
  return {
    sections: [{ graph, steps, batch, instructions: [...packs, ...clear, ...instructions] }],
    bytes: top + 64, // Room for the last vector's reads past its end.
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
    parameterSlab,
    changesParameters: false,
    gradientSlab,
    outputs: Object.fromEntries([...keep].map(([name, id]) => [name, slotOf(id, locate(id))])),
  };
}

/** Values that are made where a state's next value goes, rather than copied there: one a value, pointwise or alone. */
function ownersOf(graph: Graph, live: readonly boolean[]): Map<NodeId, string> {
  const owners = new Map<NodeId, string>();
  for (const { name, next } of graph.states) {
    const { op } = graph.nodes[next] as Node;
    const alone = opClass[op] === "pointwise" || op === "products" || op === "matmul_transposed";
    if (alone && !owners.has(next) && live[next]) owners.set(next, name);
  }
  return owners;
}

/** Outputs and named nodes that the outside wants. */
function kept(graph: Graph, names: readonly string[]): Map<string, NodeId> {
  const found = new Map<string, NodeId>();
  for (const name of names) {
    const id = graph.outputs[name] ?? graph.nodes.findIndex((n) => n.name === name && opClass[n.op] !== "sink");
    if (id < 0) throw new Error(`internal: no value ${name}`);
    found.set(name, id);
  }
  return found;
}

/** A state in place is gone once its next value is written: nothing may read it in a later pass. */
function checkInPlace(graph: Graph, items: readonly Item[], stored: ReadonlySet<NodeId>, name: string): void {
  const next = graph.states.find((state) => state.name === name)?.next;
  const written = items.findIndex(({ tasks }) =>
    tasks.some(({ state, node }) => state === name || (state === undefined && node === next)),
  );
  const late = items.slice(written + 1).some((item) =>
    [...usesOf(graph, item, stored)].some((id) => {
      const node = graph.nodes[id];
      return node?.op === "state" && node.name === name;
    }),
  );
  if (written < 0 || late) throw new Error(`internal: state ${name} in place`);
}

/** One plan that runs one after the other; their memory must not overlap. */
export function joinPlans(first: Plan, second: Plan): Plan {
  return {
    ...first,
    sections: [...first.sections, ...second.sections],
    bytes: Math.max(first.bytes, second.bytes),
    memory: [...first.memory, ...second.memory],
    settings: { ...first.settings, ...second.settings },
    outputs: { ...first.outputs, ...second.outputs },
    totals: { ...first.totals, ...second.totals },
  };
}
