/**
 * Graph to Plan: hoist what needs no time loop, pack products, fuse pointwise operations, place every byte. Knows
 * nothing about WASM.
 */
import type { Graph, Node, NodeId } from "../graph/graph.ts";
import { opClass, type ParameterView, type ProductBlock } from "../graph/operations.ts";
import { type Fused, fuse, type Item, inline, isLeaf, ownValues, type Task } from "./fuse.ts";
import { hoist, needed } from "./hoist.ts";
import { aligned, allocate, type Buffer, rowStride } from "./memory.ts";
import { pack } from "./pack.ts";
import {
  type Instruction,
  type Location,
  type Pack,
  type Pass,
  type Plan,
  pad4,
  type Region,
  type Section,
  type Slab,
  type Slot,
  type Store,
} from "./plan.ts";

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
  /** States that live in place somewhere: read and written at one address, only with one step. */
  readonly inPlace?: Readonly<Record<string, number>>;
};

/** Where a value is before addresses are known: in a buffer, `column` features from its row's start. */
type Place = { readonly buffer: number; readonly column: number; readonly slot: number };
type Layout = {
  readonly name: string;
  readonly rowFloats: number;
  /** Rows for every step (and one more for a state), for one step, or one row for all. */
  readonly slots: "steps" | "state" | "one" | "row";
  readonly fixed?: number;
};

/** Schedule one graph. See `joinPlans` for a plan of several. */
export function schedule(given: Graph, options: ScheduleOptions): Plan {
  const { steps, batch } = options;
  const loopOf = hoist(given);
  const graph = pack(given, (id) => loopOf[id] as number);
  const node = (id: NodeId): Node => graph.nodes[id] as Node;
  const keepIds = kept(graph, options.keep ?? []);
  const live = needed(graph, [...keepIds.values()]);
  const loops = hoist(graph);

  const inPlace = options.inPlace ?? {};
  const owners = new Map<NodeId, string>();
  for (const state of graph.states) {
    const { op } = node(state.next);
    const alone = opClass[op] === "pointwise" || op === "products" || op === "matmul_transposed";
    if (alone && !owners.has(state.next) && live[state.next]) owners.set(state.next, state.name);
  }
  const ownState = (name: string): boolean => [...owners.values()].includes(name);
  const { stages, stored } = fuse(graph, loops, live, [...keepIds.values()], ownState);
  const items = stages.flatMap((stage) => stage.items);
  for (const name of Object.keys(inPlace)) checkInPlace(graph, items, stored, name);

  // Buffers: states first, then values side by side where a product wants them so, then the others.
  const layouts: Layout[] = [];
  const places = new Map<NodeId, Place>();
  const stateBuffers = new Map<string, number>();
  const addLayout = (layout: Layout): number => layouts.push(layout) - 1;
  for (const { name, size } of graph.states) {
    const fixed = inPlace[name];
    const layout: Layout = { name, rowFloats: rowStride(size), slots: fixed === undefined ? "state" : "one" };
    stateBuffers.set(name, addLayout(fixed === undefined ? layout : { ...layout, fixed }));
  }
  const stateOf = new Map(graph.states.map((state) => [state.name, state]));
  for (const [id, name] of owners) {
    if (!stored.has(id)) continue;
    places.set(id, { buffer: stateBuffers.get(name) as number, column: 0, slot: stateOf.get(name)?.reverse ? 0 : 1 });
  }
  const full = keptBeyondLoop(graph, stages, stored, keepIds);
  for (const cluster of clusters(graph, items, (id) => stored.has(id) && !places.has(id) && !isLeaf(node(id)))) {
    const rowFloats = rowStride(cluster.reduce((total, id) => total + pad4(node(id).shape as number), 0));
    const slots = cluster.some((id) => full.has(id)) ? "steps" : "one";
    const buffer = addLayout({ name: cluster.map((id) => nameOf(graph, id)).join(" "), rowFloats, slots });
    let column = 0;
    for (const id of cluster) {
      places.set(id, { buffer, column, slot: 0 });
      column += pad4(node(id).shape as number);
    }
  }
  for (const id of stored) {
    if (places.has(id)) continue;
    const { shape } = node(id);
    const rowFloats = typeof shape === "number" ? rowStride(shape) : 1;
    const slots = full.has(id) ? "steps" : "one";
    places.set(id, { buffer: addLayout({ name: nameOf(graph, id), rowFloats, slots }), column: 0, slot: 0 });
  }
  graph.nodes.forEach((n, id) => {
    if (!live[id]) return;
    if (n.op === "input" || n.op === "index") {
      const fixed = options.inputs?.[n.name as string];
      const layout: Layout = {
        name: n.name as string,
        rowFloats: typeof n.shape === "number" ? rowStride(n.shape) : 1,
        slots: "steps",
      };
      places.set(id, { buffer: addLayout(fixed === undefined ? layout : { ...layout, fixed }), column: 0, slot: 0 });
    } else if (n.op === "state") {
      const reverse = stateOf.get(n.name as string)?.reverse;
      places.set(id, { buffer: stateBuffers.get(n.name as string) as number, column: 0, slot: reverse ? 1 : 0 });
    }
  });

  // Fixed memory: parameters, gradients, settings, packed panels.
  let top = aligned(options.base ?? 64);
  const memory: Region[] = [];
  const take = (name: string, bytes: number): number => {
    const at = top;
    top = aligned(top + bytes);
    if (bytes > 0) memory.push({ name, offset: at, bytes });
    return at;
  };
  const hasGradient = graph.nodes.some((n) => n.shape === "none" && n.op !== "total");
  const parameterAt: Record<string, { offset: number; shape: readonly number[] }> = {};
  let floats = 0;
  for (const { name, shape } of graph.parameters) {
    parameterAt[name] = { offset: 4 * floats, shape };
    floats += pad4(shape.reduce((a, b) => a * b, 1));
  }
  const parameterSlab: Slab = { offset: take("parameters", 4 * floats + 16), floats };
  const gradientSlab: Slab = hasGradient
    ? { offset: take("gradients", 4 * floats + 16), floats }
    : { offset: 0, floats: 0 };
  for (const [name, at] of Object.entries(parameterAt)) {
    parameterAt[name] = { ...at, offset: at.offset + parameterSlab.offset };
  }
  const gradientOf = (name: string): number =>
    (parameterAt[name]?.offset as number) - parameterSlab.offset + gradientSlab.offset;
  const settings: Record<string, number> = {};
  for (const n of graph.nodes) if (n.op === "setting") settings[n.name as string] = take(n.name as string, 4);
  const keys = take("keys of the dropout masks", 8);
  const totals: Record<string, number> = {};

  // Which buffers may share memory: their times of use, in items.
  const buffers = lifetimes();
  const packs: Pack[] = [];
  const scratchBytes: number[] = [];
  const built = stages.map((stage) => ({ ...stage, groups: stage.items.flatMap(split) }));
  for (const { groups } of built) {
    for (const group of groups) if (group.kind === "outer") scratchBytes.push(group.bytes);
  }
  // One scratch matrix serves all weight gradients: each is copied out before the next.
  const scratch = take("scratch for gradients of matrices", Math.max(0, ...scratchBytes));
  const panelsOf = new Map<string, number>();
  const allocation = allocate(buffers, top);
  const offsets = layouts.map((layout, k) => layout.fixed ?? (allocation.offsets[k] as number));
  top = allocation.end;

  const placed = layouts.flatMap(({ name, fixed }, k) =>
    fixed === undefined ? [{ name, offset: offsets[k] as number, bytes: buffers[k]?.bytes as number }] : [],
  );

  const location = ({ buffer, column, slot }: Place): Location => {
    const layout = layouts[buffer] as Layout;
    const rowBytes = 4 * layout.rowFloats;
    const stepBytes = layout.slots === "one" ? 0 : batch * rowBytes;
    return { offset: (offsets[buffer] as number) + slot * stepBytes + 4 * column, stepBytes, rowBytes };
  };
  const locate = (id: NodeId, own?: ReadonlySet<NodeId>): Location => {
    const n = node(id);
    if (n.op === "parameter") {
      return { offset: parameterAt[n.parameter]?.offset as number, stepBytes: 0, rowBytes: 0 };
    }
    if (n.op === "slice" && (!stored.has(id) || own?.has(id))) {
      const base = locate(n.inputs[0] as NodeId);
      return { ...base, offset: base.offset + 4 * n.start };
    }
    const place = places.get(id);
    if (place === undefined) throw new Error(`internal: ${n.op} %${id} has no place in memory`);
    return location(place);
  };

  const instructions: Instruction[] = [];
  if (hasGradient) instructions.push({ kind: "clear", offset: gradientSlab.offset, bytes: 4 * floats });
  for (const { loop, reverse, groups } of built) {
    const body = groups.flatMap(emitGroup);
    if (loop === 0) instructions.push(...body);
    else instructions.push({ kind: "loop", reverse, body });
  }
  const section: Section = { graph, steps, batch, instructions: [...packs, ...instructions] };
  const slot = (place: Place, size: number): Slot => ({ ...location(place), size });
  const named = (op: "input" | "index"): Record<string, Slot> => {
    const found: Record<string, Slot> = {};
    for (const [id, place] of places) {
      const n = node(id);
      if (n.op === op) found[n.name as string] = slot(place, typeof n.shape === "number" ? n.shape : 1);
    }
    return found;
  };
  return {
    sections: [section],
    bytes: top + 64, // Room for the last vector's reads past its end.
    memory: [...memory, ...placed].sort((a, b) => a.offset - b.offset),
    inputs: named("input"),
    indices: named("index"),
    settings,
    keys,
    totals,
    states: Object.fromEntries(
      graph.states.flatMap(({ name, size, reverse }) => {
        const buffer = stateBuffers.get(name) as number;
        if (reverse || inPlace[name] !== undefined) return [];
        const last = location({ buffer, column: 0, slot: steps }).offset;
        return [[name, { ...slot({ buffer, column: 0, slot: 0 }, size), last }]];
      }),
    ),
    parameters: parameterAt,
    parameterSlab,
    gradientSlab,
    outputs: Object.fromEntries(
      [...keepIds].map(([name, id]) => {
        const { shape } = node(id);
        return [name, { ...locate(id), size: typeof shape === "number" ? shape : 1 }];
      }),
    ),
  };

  function lifetimes(): Buffer[] {
    const from = layouts.map(() => Number.POSITIVE_INFINITY);
    const to = layouts.map(() => Number.NEGATIVE_INFINITY);
    const touch = (buffer: number, first: number, last: number): void => {
      from[buffer] = Math.min(from[buffer] as number, first);
      to[buffer] = Math.max(to[buffer] as number, last);
    };
    let moment = 0;
    for (const { loop, items: list } of stages) {
      const [first, last] = loop === 0 ? [0, 0] : [moment, moment + list.length - 1];
      for (const item of list) {
        const [start, end] = loop === 0 ? [moment, moment] : [first, last];
        for (const id of itemUses(graph, item, stored)) {
          const place = places.get(id);
          if (place) touch(place.buffer, start, end);
        }
        moment++;
      }
    }
    const forever = (k: number): void => touch(k, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
    for (const k of stateBuffers.values()) forever(k);
    for (const [id, place] of places) if (isLeaf(node(id))) forever(place.buffer);
    for (const id of keepIds.values()) {
      const place = places.get(id);
      if (place) forever(place.buffer);
    }
    return layouts.map(({ rowFloats, slots, fixed }, k) => {
      const rows = slots === "one" ? batch : slots === "state" ? (steps + 1) * batch : steps * batch;
      const bytes = fixed === undefined ? 4 * rowFloats * rows : 0;
      return { bytes, from: from[k] as number, to: to[k] as number };
    });
  }

  /** Items whose parts are not side by side in memory come apart; operands come in the order of memory. */
  function split(item: Item): Group[] {
    const first = item.tasks[0] as Task;
    const n = node(first.node);
    if (item.kind === "pass") return [{ kind: "pass", tasks: item.tasks }];
    if (n.op === "matmul") {
      return runs(item.tasks.map((task) => task.node)).map((nodes) => ({
        kind: "product",
        nodes,
        blocks: [{ operands: [n.inputs[0] as NodeId], of: nodes.map((id) => [blockOf(id)]) }],
      }));
    }
    if (n.op === "matmul_transposed") {
      return [{ kind: "product", nodes: [first.node], blocks: [{ operands: n.inputs, of: [[blockOf(first.node)]] }] }];
    }
    if (n.op === "products") {
      // An operand may meet several blocks: each is taken once.
      const rest = n.inputs.map((operand, k) => ({ operand, block: n.blocks[k] as ProductBlock }));
      const blockFor = (operand: NodeId): ProductBlock[] => {
        const at = rest.findIndex((one) => one.operand === operand);
        return rest.splice(at, 1).map(({ block }) => block);
      };
      const blocks = runs(n.inputs).map((operands) => ({ operands, of: [operands.flatMap(blockFor)] }));
      return [{ kind: "product", nodes: [first.node], blocks }];
    }
    if (n.op === "outer") {
      const byRows = new Map<NodeId, NodeId[]>();
      for (const { node: id } of item.tasks) {
        const rows = node(id).inputs[0] as NodeId;
        byRows.set(rows, [...(byRows.get(rows) ?? []), id]);
      }
      return runs([...byRows.keys()]).map((rows) => {
        const rowCount = rows.reduce((total, id) => total + pad4(node(id).shape as number), 0);
        const columnCount = node(n.inputs[1] as NodeId).shape as number;
        const nodes = rows.map((id) => byRows.get(id) as NodeId[]);
        return {
          kind: "outer",
          rows,
          nodes,
          columns: n.inputs[1] as NodeId,
          rowCount,
          columnCount,
          bytes: 4 * rowCount * pad4(columnCount),
        };
      });
    }
    return [{ kind: "single", node: first.node }];
  }

  /** Values that follow each other in memory, in order. */
  function runs(ids: readonly NodeId[]): NodeId[][] {
    const sorted = [...ids].sort((a, b) => {
      const [p, q] = [places.get(a), places.get(b)];
      return (p?.buffer ?? -1) - (q?.buffer ?? -1) || (p?.column ?? 0) - (q?.column ?? 0);
    });
    const found: NodeId[][] = [];
    for (const id of sorted) {
      const run = found[found.length - 1];
      const before = run === undefined ? undefined : (run[run.length - 1] as NodeId);
      const [p, q] = [before === undefined ? undefined : places.get(before), places.get(id)];
      const adjacent =
        p !== undefined &&
        q !== undefined &&
        p.buffer === q.buffer &&
        p.slot === q.slot &&
        p.column + pad4(node(before as NodeId).shape as number) === q.column;
      if (adjacent) run?.push(id);
      else found.push([id]);
    }
    return found;
  }

  function blockOf(id: NodeId): ProductBlock {
    const n = node(id) as Node<"matmul" | "matmul_transposed">;
    return { view: n.view, transposed: n.op === "matmul_transposed" };
  }

  function emitGroup(group: Group): Instruction[] {
    if (group.kind === "pass") return [passOf(group.tasks)];
    if (group.kind === "product") return productsOf(group);
    if (group.kind === "outer") {
      const columns = locate(group.columns);
      let row = 0;
      let count = 0;
      const blocks = group.rows.flatMap((rows, r) => {
        const made = (group.nodes[r] as NodeId[]).map((id) => {
          const { view } = node(id) as Node<"outer">;
          count += view.rows * view.columns;
          const width = parameterAt[view.parameter]?.shape[1] as number;
          return {
            row,
            rows: view.rows,
            columns: view.columns,
            gradient: gradientOf(view.parameter) + 4 * view.column,
            gradientRowBytes: 4 * width,
          };
        });
        row += pad4(node(rows).shape as number);
        return made;
      });
      const nodes = group.nodes.flat();
      return [
        {
          kind: "outer",
          names: nodes.map((id) => (node(id) as Node<"outer">).view.parameter),
          nodes,
          rows: locate(group.rows[0] as NodeId),
          rowCount: group.rowCount,
          columns,
          columnCount: group.columnCount,
          scratch,
          blocks,
          multiplyAdds: count,
        },
      ];
    }
    const n = node(group.node);
    const operand = locate(n.inputs[0] as NodeId);
    switch (n.op) {
      case "gather":
        return [
          {
            kind: "gather",
            node: group.node,
            table: parameterAt[n.parameter]?.offset as number,
            size: n.shape as number,
            index: operand,
            out: locate(group.node),
          },
        ];
      case "scatter":
        return [
          {
            kind: "scatter",
            node: group.node,
            gradient: gradientOf(n.parameter),
            size: node(n.inputs[0] as NodeId).shape as number,
            index: locate(n.inputs[1] as NodeId),
            value: operand,
          },
        ];
      case "accumulate":
        return [
          {
            kind: "accumulate",
            node: group.node,
            value: operand,
            size: node(n.inputs[0] as NodeId).shape as number,
            gradient: gradientOf(n.parameter),
          },
        ];
      case "total": {
        const at = totals[n.name as string] ?? take(n.name as string, 4);
        totals[n.name as string] = at;
        return [{ kind: "total", node: group.node, value: operand, at }];
      }
      default:
        throw new Error(`internal: ${n.op} is not scheduled`);
    }
  }

  function passOf(tasks: readonly Task[]): Pass {
    const own = ownValues(tasks);
    const { compute, loads } = inline(
      graph,
      stored,
      tasks.map((task) => task.value),
      own,
    );
    const stores = tasks.flatMap((task): Store[] => {
      if (task.kind !== "store") return [];
      if (task.state !== undefined) {
        const reverse = stateOf.get(task.state)?.reverse;
        const buffer = stateBuffers.get(task.state) as number;
        return [
          { value: task.value, at: location({ buffer, column: 0, slot: reverse ? 0 : 1 }), exact: false, padding: 0 },
        ];
      }
      const at = locate(task.node);
      const { op, shape } = node(task.node);
      const parts = op === "concat";
      const padding = parts && task.start + task.size === shape ? pad4(shape) - shape : 0;
      return [{ value: task.value, at: { ...at, offset: at.offset + 4 * task.start }, exact: parts, padding }];
    });
    const reductions = tasks.flatMap((task) => {
      const n = node(task.node);
      if (task.kind !== "reduce" || opClass[n.op] !== "reduction") return [];
      return [
        { node: task.node, op: n.op as "sum" | "max_of" | "logsumexp", value: task.value, at: locate(task.node) },
      ];
    });
    const needsPlace = [...loads].filter((id) => node(id).op !== "constant" && node(id).op !== "setting");
    return {
      kind: "pass",
      size: Math.max(1, (tasks[0] as Task).size),
      compute,
      loads: new Map(needsPlace.map((id) => [id, locate(id, own)])),
      stores,
      reductions,
    };
  }

  function productsOf({ nodes, blocks }: Group & { kind: "product" }): Instruction[] {
    const widths = nodes.map((id) => node(id).shape as number);
    const n = widths.reduce((total, width) => total + pad4(width), 0);
    return blocks.map(({ operands, of }, position) => {
      const depths = operands.map((id) => node(id).shape as number);
      const k = operands.length === 1 ? (depths[0] as number) : depths.reduce((total, size) => total + pad4(size), 0);
      const key = JSON.stringify([of, k]);
      let panels = panelsOf.get(key);
      let count = 0;
      const names: string[] = [];
      const fresh = panels === undefined;
      if (panels === undefined) {
        panels = take(
          `[${of
            .flat()
            .map(({ view, transposed }) => (transposed ? `${view.parameter}ᵀ` : view.parameter))
            .join(" ")}] packed`,
          32 * k * Math.ceil(n / 8),
        );
        panelsOf.set(key, panels);
      }
      let atN = 0;
      of.forEach((row, r) => {
        let atK = 0;
        row.forEach(({ view, transposed }, c) => {
          count += view.rows * view.columns;
          names.push(transposed ? `${view.parameter}ᵀ` : view.parameter);
          if (fresh) packs.push(packOf(view, transposed, panels as number, 32 * k, atK, atN));
          atK += pad4(depths[c] as number);
        });
        atN += pad4(widths[r] as number);
      });
      return {
        kind: "product",
        names,
        nodes,
        operand: locate(operands[0] as NodeId),
        k,
        out: locate(nodes[0] as NodeId),
        n,
        panels,
        accumulate: position > 0,
        multiplyAdds: count,
      };
    });
  }

  function packOf(
    view: ParameterView,
    transposed: boolean,
    panels: number,
    panelBytes: number,
    k: number,
    n: number,
  ): Pack {
    const { offset, shape } = parameterAt[view.parameter] as { offset: number; shape: readonly number[] };
    const [row, one] = [4 * (shape[1] as number), 4];
    return {
      kind: "pack",
      name: view.parameter,
      source: offset + 4 * view.column,
      strideK: transposed ? row : one,
      strideN: transposed ? one : row,
      countK: transposed ? view.rows : view.columns,
      countN: transposed ? view.columns : view.rows,
      panels,
      panelBytes,
      k,
      n,
    };
  }
}

type Group =
  | { readonly kind: "pass"; readonly tasks: readonly Task[] }
  | {
      readonly kind: "product";
      readonly nodes: readonly NodeId[];
      /** Each an operand run; `of[output][operand]` is the parameter between them. */
      readonly blocks: readonly { readonly operands: readonly NodeId[]; readonly of: readonly ProductBlock[][] }[];
    }
  | {
      readonly kind: "outer";
      readonly rows: readonly NodeId[];
      readonly nodes: readonly NodeId[][];
      readonly columns: NodeId;
      readonly rowCount: number;
      readonly columnCount: number;
      readonly bytes: number;
    }
  | { readonly kind: "single"; readonly node: NodeId };

/** Outputs and named nodes that the outside wants. */
function kept(graph: Graph, names: readonly string[]): Map<string, NodeId> {
  const found = new Map<string, NodeId>();
  for (const name of names) {
    const id = graph.outputs[name] ?? graph.nodes.findIndex((n) => n.name === name && opClass[n.op] !== "sink");
    if (id < 0) throw new Error(`internal: the graph has no value ${name}`);
    found.set(name, id);
  }
  return found;
}

export function nameOf(graph: Graph, id: NodeId): string {
  return graph.nodes[id]?.name ?? `%${id}`;
}

/** Nodes that an item reads or writes. */
function itemUses(graph: Graph, item: Item, stored: ReadonlySet<NodeId>): Set<NodeId> {
  const uses = new Set<NodeId>();
  const add = (id: NodeId): void => {
    let at = id;
    uses.add(at);
    while (graph.nodes[at]?.op === "slice") {
      at = graph.nodes[at]?.inputs[0] as NodeId;
      uses.add(at);
    }
  };
  for (const task of item.tasks) {
    if (task.state === undefined) add(task.node);
    if (item.kind === "pass") {
      for (const id of inline(graph, stored, [task.value], ownValues(item.tasks)).loads) add(id);
    } else {
      for (const id of graph.nodes[task.node]?.inputs ?? []) add(id);
    }
  }
  return uses;
}

/** A state in place is gone once its next value is written: nothing may read it in a later pass. */
function checkInPlace(graph: Graph, items: readonly Item[], stored: ReadonlySet<NodeId>, name: string): void {
  const next = graph.states.find((state) => state.name === name)?.next;
  const written = items.findIndex(({ tasks }) =>
    tasks.some(({ state, node }) => state === name || (state === undefined && node === next)),
  );
  const late = items.slice(written + 1).some((item) =>
    [...itemUses(graph, item, stored)].some((id) => {
      const node = graph.nodes[id];
      return node?.op === "state" && node.name === name;
    }),
  );
  if (written < 0 || late) throw new Error(`internal: state ${name} cannot be updated in place`);
}

/** Stored nodes whose values of all steps are wanted: hoisted, kept, or read outside their own time loop. */
function keptBeyondLoop(
  graph: Graph,
  stages: Fused["stages"],
  stored: ReadonlySet<NodeId>,
  keep: ReadonlyMap<string, NodeId>,
): Set<NodeId> {
  const loopOf = new Map<NodeId, number>();
  stages.forEach((stage, k) => {
    for (const { tasks } of stage.items) {
      for (const task of tasks) if (task.state === undefined) loopOf.set(task.node, stage.loop === 0 ? -1 : k);
    }
  });
  const full = new Set<NodeId>(keep.values());
  stages.forEach((stage, k) => {
    for (const item of stage.items) {
      for (const id of itemUses(graph, item, stored)) {
        if (loopOf.get(id) !== k || stage.loop === 0) full.add(id);
      }
    }
  });
  return full;
}

/**
 * Values that products want side by side: the outputs of products with one operand, the operands of a sum of
 * products, the rows of weight gradients that share their columns. A value is in one cluster; large wishes first.
 */
function clusters(graph: Graph, items: readonly Item[], free: (id: NodeId) => boolean): NodeId[][] {
  const wishes: NodeId[][] = [];
  for (const item of items) {
    const first = item.tasks[0] as Task;
    const n = graph.nodes[first.node] as Node;
    if (n.op === "matmul") wishes.push(item.tasks.map((task) => task.node));
    if (n.op === "products") wishes.push([...n.inputs]);
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
    // Members that smaller wishes share stand together.
    const signature = (id: NodeId): string => sorted.map((other) => (other.includes(id) ? "0" : "1")).join("");
    const keys = new Map(members.map((id) => [id, signature(id)]));
    members.sort((a, b) =>
      (keys.get(a) as string) < (keys.get(b) as string) ? -1 : keys.get(a) === keys.get(b) ? a - b : 1,
    );
    found.push(members);
  }
  return found;
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
