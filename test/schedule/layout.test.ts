import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cells } from "../../src/cells/index.ts";
import { interpret } from "../../src/engines/reference/interpret.ts";
import type { Cell } from "../../src/graph/cell.ts";
import { createBuilder, type Graph, isView, type Node, type NodeId } from "../../src/graph/graph.ts";
import { createRandom } from "../../src/nn/random.ts";
import { load } from "../../src/runtime/program.ts";
import { type Layout, layOut, type Place } from "../../src/schedule/layout.ts";

import { setValues } from "../helpers/engines.ts";
import { randomValues, relativeError, trainingGraph } from "../helpers/networks.ts";
import { operationCases, operationGraph, stateCells } from "../helpers/operations.ts";
import { ownership } from "../helpers/ownership.ts";
import { padded, schedule, target } from "../helpers/plans.ts";
import { randomTrainingGraph } from "../helpers/random-cells.ts";
import { randomGraph } from "../helpers/random-graphs.ts";
import { type Staged, staged, walk } from "../helpers/stages.ts";

function laidOut(one: Staged, inputs: Readonly<Record<string, number>> = {}): Layout {
  const { graph, fused, steps, live, owners, keep } = one;
  return layOut(graph, fused, { target, steps, live, owners, keep, inputs, inPlace: {} });
}

const isLeaf = ({ op }: Node): boolean => ["input", "index", "state", "final", "parameter"].includes(op);

/** The first and last moment at which each value is written or read, by the walk through the stages. */
function momentsOf(one: Staged): Map<NodeId, { from: number; to: number }> {
  const found = new Map<NodeId, { from: number; to: number }>();
  const { uses } = walk(one);
  const ends: { first: number; last: number }[] = [];
  let first = 0;
  for (const { loop, items } of one.fused.stages) {
    const last = first + items.length - 1;
    // In a loop whatever is used lives through all of it: the next step begins anew.
    for (let k = first; k <= last; k++) ends.push(loop > 0 ? { first, last } : { first: k, last: k });
    first = last + 1;
  }
  uses.forEach(({ item, moment, reads }) => {
    const { first, last } = ends[moment] as { first: number; last: number };
    const made = item.tasks.flatMap(({ node, state }) => (state === undefined ? [node] : []));
    for (const id of [...made, ...reads]) {
      const known = found.get(id) ?? { from: first, to: last };
      found.set(id, { from: Math.min(known.from, first), to: Math.max(known.to, last) });
    }
  });
  return found;
}

function mistakesOf(one: Staged, { buffers, places, states }: Layout): string[] {
  const found: string[] = [];
  const { graph, fused, loops } = one;
  const node = (id: NodeId): Node => graph.nodes[id] as Node;
  const say = (id: NodeId, what: string): number => found.push(`${node(id).op} %${id} ${what}`);
  const sizeOf = (id: NodeId): number => (typeof node(id).shape === "number" ? (node(id).shape as number) : 1);
  const wide = (id: NodeId): number => (typeof node(id).shape === "number" ? padded(sizeOf(id)) : 1);
  const bufferOf = (place: Place) => buffers[place.buffer] as Layout["buffers"][number];
  const stateBuffers = new Set([...states.values()].map(({ read }) => read.buffer));

  // Every value has a place of its own in its row.
  const taken = new Map<number, NodeId[]>();
  for (const id of fused.stored) if (!places.has(id)) say(id, "has no place");
  for (const [id, place] of places) {
    const { rowFloats, slots } = bufferOf(place);
    if (place.column + wide(id) > rowFloats) say(id, "is wider than its row");
    if (wide(id) > 1 && (place.column % 4 > 0 || rowFloats % 4 > 0)) say(id, "does not begin at a vector");
    if (stateBuffers.has(place.buffer)) {
      if (!one.owners.has(id) && !isLeaf(node(id))) say(id, "lies in a state that is not its own");
      continue;
    }
    for (const other of taken.get(place.buffer) ?? []) {
      const there = (places.get(other) as Place).column;
      if (place.column < there + wide(other) && there < place.column + wide(id)) say(id, `lies on %${other}`);
    }
    taken.set(place.buffer, [...(taken.get(place.buffer) ?? []), id]);
    // One step is enough for what only its own loop uses.
    const users = one.fused.stages.flatMap(({ items }, k) => {
      const uses = walkUses.filter(({ item, reads }) => items.includes(item) && (reads.has(id) || makes(item, id)));
      return uses.length > 0 ? [k] : [];
    });
    const outside = one.keep.includes(id) || users.length > 1 || (loops[id] as number) <= 0;
    const needed = node(id).perSequence ? "one" : outside || node(id).op === "input" ? "steps" : "any";
    if (needed !== "any" && slots !== needed && !isLeaf(node(id))) say(id, `has rows for ${slots}, not ${needed}`);
  }

  // A buffer lives while any of its values does, for ever where the outside sees it.
  for (const [id, { from, to }] of momentsOf(one)) {
    const place = places.get(id);
    if (place === undefined) continue;
    const { lifetime } = bufferOf(place);
    if (lifetime.from > from || lifetime.to < to)
      say(id, `is used from ${from} to ${to}, not as ${Object.values(lifetime)}`);
  }
  for (const id of [...one.keep, ...[...places.keys()].filter((at) => isLeaf(node(at)))]) {
    const place = places.get(id);
    const { from, to } = place === undefined ? { from: -Infinity, to: Infinity } : bufferOf(place).lifetime;
    if (from !== -Infinity || to !== Infinity) say(id, "is of the outside, and dies");
  }

  // What takes over another's bytes is born in the pass in which that one is read for the last time, number by number.
  const heirs = new Set<number>();
  buffers.forEach(({ inPlaceOf, lifetime, rowFloats, slots, name }, k) => {
    if (inPlaceOf === undefined) return;
    const before = buffers[inPlaceOf] as Layout["buffers"][number];
    if (heirs.has(inPlaceOf)) found.push(`two buffers take over ${before.name}`);
    heirs.add(inPlaceOf);
    if (before.rowFloats !== rowFloats || before.slots !== slots)
      found.push(`${name} and ${before.name} differ in shape`);
    if (before.lifetime.to !== lifetime.from) found.push(`${name} is born while ${before.name} lives`);
    const use = walkUses[lifetime.from];
    if (use?.item.kind !== "pass" || (loops[use.item.tasks[0]?.node as NodeId] as number) > 0) {
      found.push(`${name} takes over ${before.name}, and not in a pass outside of loops`);
      return;
    }
    for (const { node: id, value, state } of use.item.tasks) {
      const place = places.get(id) as Place;
      if (state !== undefined || place.buffer !== k) continue;
      if (id !== value) say(id, "is written elsewhere than what it is made from is read");
      for (const other of use.reads) {
        const there = places.get(other);
        if (there?.buffer !== inPlaceOf || there.column === place.column) continue;
        const meets = there.column < place.column + wide(id) && place.column < there.column + wide(other);
        if (meets) say(id, `is written over %${other} before that is read`);
      }
    }
    // Read by a slice or a view, features are read elsewhere than at the one that is written.
    const visited = new Set<NodeId>();
    const visit = (id: NodeId, root: boolean): void => {
      if (visited.has(id)) return;
      visited.add(id);
      const { op, inputs } = node(id);
      const apart = (op === "slice" || isView(node(id))) && (!fused.stored.has(id) || root);
      if (apart && places.get(rootOf(inputs[0] as NodeId))?.buffer === inPlaceOf) {
        found.push(`${name} takes over ${before.name}, of which a ${op} is read`);
      }
      if (!fused.stored.has(id) || root) for (const input of inputs) visit(input, false);
    };
    for (const { value } of use.item.tasks) visit(value, true);
  });
  function rootOf(id: NodeId): NodeId {
    return node(id).op === "slice" && !fused.stored.has(id) ? rootOf(node(id).inputs[0] as NodeId) : id;
  }

  // A state's slots: one more than there are steps, in its direction; or one, of an adjoint that nobody reads but what makes it anew.
  for (const { name, next, reverse, size, stride = 1, adjoint, initial } of graph.states) {
    const { read, next: goes, first, last } = states.get(name) as NonNullable<ReturnType<typeof states.get>>;
    const slots = [read, goes, first, last].map(({ slot }) => slot);
    if (bufferOf(read).slots === "one") {
      const before = graph.nodes.findIndex((n) => n.op === "state" && n.name === name);
      const users = walkUses.filter(({ item, reads }) => reads.has(before) || reads.has(next) || makes(item, next));
      const alone = users.length === 1 && makes((users[0] as (typeof users)[number]).item, next);
      if (String(slots) !== "0,0,0,0" || !adjoint || initial === undefined || !alone)
        found.push(`${name} has one slot, and is read elsewhere`);
      if (places.get(next)?.buffer !== goes.buffer) found.push(`${name} is made elsewhere`);
      continue;
    }
    const steps = Math.ceil(one.steps / stride);
    if (String(slots) !== String(reverse ? [1, 0, steps, 0] : [0, 1, 0, steps]))
      found.push(`${name} has slots ${slots}`);
    if (bufferOf(read).slots !== "state" || bufferOf(read).rowFloats < size) found.push(`${name} has no room`);
    if (one.owners.get(next) === name && places.get(next) !== goes) found.push(`${name} is made elsewhere`);
  }
  return found;
}
let walkUses: ReturnType<typeof walk>["uses"] = [];
const makes = (item: (typeof walkUses)[number]["item"], id: NodeId): boolean =>
  item.tasks.some(({ node, state }) => state === undefined && node === id);

function check(graph: Graph, steps: number, seed: number | undefined, what = ""): Layout {
  const one = staged(graph, steps, seed);
  const layout = laidOut(one);
  walkUses = walk(one).uses;
  expect(mistakesOf(one, layout), what).toEqual([]);
  return layout;
}

describe("no two values lie on each other, each has rows for as many steps as need it, and lives as long as it is used", () => {
  test.each(Object.entries({ ...cells, ...stateCells }))("%s", (_, cell) => {
    const graph = trainingGraph(cell, { units: 3, input: 3 });
    for (const steps of [1, 4]) check(graph, steps, undefined);
  });
  test.each(Object.entries(operationCases))("graphs with %s", (_, list) => {
    for (const [name, build] of Object.entries(list)) check(operationGraph(build), 3, undefined, name);
  });
  const times = { steps: fc.constantFrom(1, 2, 3), seed: fc.nat() };
  test("random cells with their gradients, whichever states own their next value", () => {
    const drawn = fc.record({ ...times, depth: fc.integer({ min: 1, max: 3 }), matrices: fc.boolean() });
    let taken = 0;
    fc.assert(
      fc.property(drawn, ({ steps, ...shape }) => {
        const { source, graph } = randomTrainingGraph(shape, { units: 3, input: 2 });
        const { buffers } = check(graph, steps, shape.seed, source);
        taken += buffers.filter(({ inPlaceOf }) => inPlaceOf !== undefined).length;
      }),
      { seed: 1, numRuns: 25, verbose: true },
    );
    expect(taken).toBeGreaterThan(5);
  });
  test("random graphs, whichever states own their next value", () => {
    fc.assert(
      fc.property(fc.record(times), ({ steps, seed }) => {
        check(randomGraph(seed), steps, seed);
      }),
      { seed: 2, numRuns: 60, verbose: true },
    );
  });
});

test("random graphs as programs: every value is read where it was written, and is the interpreter's", async () => {
  const drawn = fc.record({ seed: fc.nat(), steps: fc.constantFrom(1, 2, 3), batch: fc.constantFrom(1, 2, 5) });
  await fc.assert(
    fc.asyncProperty(drawn, async ({ seed, ...run }) => {
      const graph = randomGraph(seed);
      const plan = schedule(graph, { ...run, keep: Object.keys(graph.outputs) });
      expect(ownership(plan).mistakes).toEqual([]);
      const program = await load(plan, { threads: 1 });
      const values = randomValues(graph, run.steps, run.batch, seed);
      setValues(program, values);
      await program.run();
      const first = program.total("loss");
      await program.run(); // A second run must not see what the first one left.
      expect(program.total("loss")).toBe(first);
      const wanted = interpret(graph, { ...run, ...values });
      for (const [name, id] of Object.entries(graph.outputs)) {
        expect(relativeError(program.output(name), wanted.value(id), 1e-2), name).toBeLessThan(1e-4);
      }
      for (const [name, state] of Object.entries(wanted.states)) {
        expect(relativeError(program.state(name), state, 1e-2), name).toBeLessThan(1e-4);
      }
      for (const [name, sum] of Object.entries(wanted.gradients)) {
        expect(relativeError(program.gradient(name), sum, 1e-2), name).toBeLessThan(1e-4);
      }
      program.dispose();
    }),
    { seed: 3, numRuns: 40, verbose: true },
  );
});

test.each([
  ["as a whole", 6, 6],
  ["in part", 5, 7],
])("values side by side, one read %s, are not written over before they are read", async (_, n, second) => {
  const g = createBuilder();
  const zeros = { name: "zeros", values: [] };
  const sizes = Object.entries({ A: n, B: second, C: 3, D: n, E: 3, F: n });
  for (const [name, rows] of sizes) g.declare(name, [rows, 4], zeros);
  const x = g.input("x", 4);
  // In memory: a, b and c, then d, e and f, where f begins in the middle of b.
  const [a, b, c] = [g.matmul("A", x), g.matmul("B", x), g.matmul("C", x)];
  const by = g.sum(c);
  const d = g.mul(g.unary("tanh", a), by);
  const e = g.mul(g.input("y", 3), g.sum(d));
  const f = g.mul(g.unary("tanh", g.slice(b, second - n > 0 ? 1 : 0, n)), by);
  const terms = Object.entries({ D: d, E: e, F: f }).map(([parameter, by]) => {
    return g.matmulTransposed({ parameter, rows: g.shapeOf(by) as number, column: 0, columns: 4 }, by);
  });
  const output = terms.reduce((sum, term) => g.add(sum, term));
  const graph = g.graph({ output });
  check(graph, 2, undefined);
  const run = { steps: 2, batch: 3 };
  const program = await load(schedule(graph, { ...run, keep: ["output"] }), { threads: 1 });
  const values = randomValues(graph, run.steps, run.batch, 1);
  setValues(program, values);
  await program.run();
  const wanted = interpret(graph, { ...run, ...values });
  expect(relativeError(program.output("output"), wanted.value(output))).toBeLessThan(1e-5);
});

describe("what products want side by side is", () => {
  test("the gates of an LSTM, before they are added up, and their adjoints", () => {
    const graph = trainingGraph(cells.lstm as Cell, { units: 8, input: 4 });
    const { places, buffers } = laidOut(staged(graph, 5));
    const columns = buffers.map((_, k) => [...places.values()].flatMap((at) => (at.buffer === k ? [at.column] : [])));
    expect(columns.filter((list) => list.length > 2).map((list) => list.sort((a, b) => a - b))).toEqual([
      [0, 8, 16, 24],
      [0, 8, 16, 24],
      [0, 8, 16, 24],
    ]);
  });
});

test("what lies somewhere already stays there, and takes no bytes", () => {
  const random = createRandom(1);
  const graph = trainingGraph(cells.lstm as Cell, { units: 8, input: 4 });
  const at = 4096 + 64 * random.integer(100);
  const { buffers } = laidOut(staged(graph, 5), { x: at });
  expect(buffers.filter(({ fixed }) => fixed !== undefined)).toMatchObject([{ name: "x", fixed: at }]);
});
