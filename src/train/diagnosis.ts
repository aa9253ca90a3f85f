/**
 * Find the value that became infinite or NaN first: the batch is run again from the parameters and states that its update
 * started from, with every named value kept. Loaded only after a training has failed.
 */
import { grad } from "../grad/grad.ts";
import { type Graph, type Node, type NodeId, type Steps, stepsOf } from "../graph/graph.ts";
import { InputError } from "../graph/input-error.ts";
import { type OpName, opClass } from "../graph/operations.ts";
import type { Model } from "../nn/model.ts";
import { cellsOf } from "../nn/model-states.ts";
import { load, type Program } from "../runtime/program.ts";
import { createBatchBinder } from "./bind-batch.ts";
import { dropConnectRates, scheduleDropped } from "./drop-connect.ts";
import { lossGraph } from "./loss-graph.ts";
import { defaultLoss } from "./losses.ts";
import { byRate, type Given, type Snapshot } from "./non-finite-guard.ts";
import type { Trainer } from "./trainer.ts";

/** The value that became infinite or NaN first, and advice. */
export type Cause = { readonly what: string; readonly advice: string };

/** What every message says was expected. */
const expected = "expected a finite number";

/** The square of a larger number is infinite in f32. */
const huge = 2 ** 63;

/**
 * The cause, if it can be found, from what the last two updates started from and the parameters after them. `first` is the
 * number of updates before this training began.
 */
export async function findCause(
  [before, last]: readonly [before: Snapshot, last: Snapshot],
  after: Float32Array,
  first: number,
): Promise<Cause | undefined> {
  if (last.given && allFinite(last.parameters)) return explain(last, after, first);
  if (before.given && allFinite(before.parameters)) return explain(before, last.parameters, first);
  const found = badParameter(last.trainer, last.given ? last.parameters : after);
  if (found === undefined) return undefined;
  const isFirst = last.step === first + 1;
  return {
    what: `${found.name} (${found.place}) was ${found.value} before update ${last.step}, ${expected}`,
    advice: isFirst ? "Look at where its values are from: its initialiser, or a file." : byRate,
  };
}

async function explain(snapshot: Snapshot, after: Float32Array, first: number): Promise<Cause | undefined> {
  const { step, trainer } = snapshot;
  const isFirst = step === first + 1;
  let replayed: Replayed;
  try {
    replayed = await replay(snapshot);
  } catch (error) {
    // All values at once may not fit in memory.
    if (error instanceof InputError) return undefined;
    throw error;
  }
  try {
    const bad = firstBadValue(replayed, snapshot.given?.rows);
    if (bad !== undefined) {
      const reason = bad.name === "loss" ? undefined : await reasonOf(snapshot, replayed, bad);
      const equation = equationOf(trainer.model, bad.name);
      const because = reason && `: ${equation === undefined ? "it" : `"${equation}"`} ${reason.text}`;
      const name = bad.name === "loss" ? "the loss" : bad.name;
      return {
        what: `${name} (${bad.place}, update ${step}) became ${bad.value}, ${expected}${because ?? ""}`,
        advice: adviceOn(bad, { isFirst, snapshot, edge: reason?.edge === true }),
      };
    }
    const gradient = badGradient(trainer.model, replayed.program);
    if (gradient !== undefined) {
      return {
        what:
          `the gradient of ${gradient.name} (${gradient.place}, update ${step}) became ${gradient.value}, ${expected}: ` +
          "every value of the model was finite",
        advice: isFirst
          ? "It was the first update, so the learning rate is not the cause: take fewer steps or smaller initial weights, and look for a root, a logarithm or a division near 0."
          : "Try a smaller learning rate, fewer steps, or clip the gradients.",
      };
    }
    const parameter = badParameter(trainer, after);
    return (
      parameter && {
        what:
          `${parameter.name} (${parameter.place}, update ${step}) became ${parameter.value}, ${expected}: ` +
          "its gradient was finite",
        advice: byRate,
      }
    );
  } finally {
    replayed.program.dispose();
  }
}

type Circumstances = { readonly isFirst: boolean; readonly snapshot: Snapshot; readonly edge: boolean };

function adviceOn({ name }: Bad, { isFirst, snapshot, edge }: Circumstances): string {
  if (edge) return "Change the equation so that this cannot happen: add a small number, or bound it by max.";
  const carried = Object.values(snapshot.states).reduce(
    (most, values) => values.reduce((max, value) => Math.max(max, Math.abs(value)), most),
    0,
  );
  if (carried > huge) {
    return `A state was ${written(carried)} when the batch began: it grows from batch to batch. Bound it in its equation, by tanh or a gate.`;
  }
  if (name === "loss")
    return isFirst
      ? "Every value of the model was finite: look at the targets, and at outputs that are very large."
      : byRate;
  if (!isFirst) return byRate;
  return (
    "It was the first update, so neither the learning rate nor clipping can help: bound the value in its equation (tanh, " +
    "sigmoid, a gate), begin with smaller weights (its initialiser), or scale the inputs."
  );
}

const allFinite = (values: Float32Array): boolean => values.every(Number.isFinite);
const firstBad = (values: ArrayLike<number>): number =>
  Array.prototype.findIndex.call(values, (value) => !Number.isFinite(value));

type Replayed = {
  readonly program: Program;
  readonly graph: Graph;
  readonly names: readonly string[];
  readonly steps: Steps;
  readonly batch: number;
};

/** Run the batch of an update again, forward and backward, without the optimiser, and keep the named values and `more`. */
async function replay(snapshot: Snapshot, more: readonly NodeId[] = []): Promise<Replayed> {
  const { model, options } = snapshot.trainer;
  const { loss = defaultLoss, steps, batch } = options;
  const { inputs, targets, ...rest } = snapshot.given as Given;
  const forward = lossGraph(model, { loss, training: true, steps });
  const named = forward.nodes.flatMap(({ op, name }, id) =>
    name === undefined || opClass[op] === "leaf" || opClass[op] === "sink" ? [] : [[name, id] as const],
  );
  const others = more.map((id) => [`%${id}`, id] as const);
  const outputs = { ...Object.fromEntries([...named, ...others]), loss: forward.outputs.loss as number };
  const graph = grad({ ...forward, outputs });
  const names = Object.keys(graph.outputs);
  const { target } = snapshot.trainer.program.plan;
  const program = await load(
    scheduleDropped(graph, { target, steps, batch, keep: names }, dropConnectRates(model)),
    options,
  );
  program.setAllParameters(snapshot.parameters);
  for (const [name, values] of Object.entries(snapshot.states)) program.setState(name, values);
  createBatchBinder(model, program, { steps, batch })(inputs, targets, rest);
  program.setKeys(...snapshot.keys);
  await program.run();
  await program.fetch();
  return { program, graph, names, steps, batch };
}

/** An infinite or NaN value. */
type Bad = {
  readonly name: string;
  readonly id: NodeId;
  readonly value: number;
  /** Its step, 0 for a value that comes once a sequence, and its example in the batch. */
  readonly t: number;
  readonly example: number;
  /** Both in words, with the number that the example has in the data. */
  readonly place: string;
};

/** The values of a node at a step, for all examples. */
function valuesAt({ program, graph, steps }: Replayed, name: string, t: number): Float32Array {
  const values = program.output(name);
  const perStep = values.length / stepsOf(graph.nodes[graph.outputs[name] as number] as Node, steps);
  return values.subarray(t * perStep, (t + 1) * perStep);
}

/** The first bad value in time (for backward layers time starts at the last step); at the same time, the first in the graph. */
function firstBadValue(replayed: Replayed, rows: ArrayLike<number> | undefined): Bad | undefined {
  const { graph, names, steps, batch } = replayed;
  const backwards = readsBackwards(graph);
  let found: (Bad & { readonly after: number }) | undefined;
  for (const name of names) {
    const id = graph.outputs[name] as number;
    const node = graph.nodes[id] as Node;
    const once = node.perSequence === true;
    const count = stepsOf(node, steps);
    for (let k = 0; k < count; k++) {
      const t = backwards[id] ? count - 1 - k : k;
      const values = valuesAt(replayed, name, t);
      const at = firstBad(values);
      if (at < 0) continue;
      const after = once ? Number.POSITIVE_INFINITY : k * (node.stride ?? 1);
      if (found !== undefined && (found.after < after || (found.after === after && found.id < id))) break;
      const example = Math.floor(at / (values.length / batch));
      const place = `example ${rows?.[example] ?? example}${once ? "" : `, step ${t}`}`;
      found = { after, name, id, value: values[at] as number, t, example, place };
      break;
    }
  }
  return found;
}

/** Why an operation gave an infinite or NaN value; `edge`: its operand was outside the domain of the operation. */
type Reason = { readonly text: string; readonly edge: boolean };

/** Nodes that no engine keeps, or whose value is known anyway, or whose operand is of another step. */
const unkept: ReadonlySet<OpName> = new Set<OpName>([
  "constant",
  "parameter",
  "runtime_scalar",
  "repeat_interleave",
  "tile",
  "downsample",
  "upsample",
  "stack",
  "unstack",
  "spread",
  "mask",
  "index",
]);

/** The operands of the first operation within an equation that failed, if they explain it. */
async function reasonOf(snapshot: Snapshot, replayed: Replayed, { id, t, example }: Bad): Promise<Reason | undefined> {
  const { graph, batch } = replayed;
  const nameOf = new Map(replayed.names.map((name) => [graph.outputs[name] as number, name]));
  // The nodes of this equation, back to the values of other equations.
  const own = new Set<NodeId>();
  const visit = (at: NodeId): void => {
    const { op, inputs } = graph.nodes[at] as Node;
    if (own.has(at) || unkept.has(op)) return;
    own.add(at);
    if (at === id || !nameOf.has(at)) inputs.forEach(visit);
  };
  visit(id);
  let within: Replayed;
  try {
    within = await replay(
      snapshot,
      [...own].filter((at) => !nameOf.has(at)),
    );
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
  try {
    const valuesOf = (at: NodeId): ArrayLike<number> => {
      const node = graph.nodes[at] as Node;
      if (node.op === "constant") return [node.value];
      if (node.op === "parameter") return within.program.parameter(node.parameter);
      if (!own.has(at)) return [];
      const values = valuesAt(within, nameOf.get(at) ?? `%${at}`, t);
      const size = values.length / batch;
      return values.subarray(example * size, (example + 1) * size);
    };
    const order = [...own].sort((a, b) => a - b);
    const first = order.find((at) => firstBad(valuesOf(at)) >= 0);
    if (first === undefined) return undefined;
    const { op, inputs } = graph.nodes[first] as Node;
    const at = firstBad(valuesOf(first));
    const operands = inputs.map((input) => valuesOf(input)).map((values) => values[values.length === 1 ? 0 : at]);
    return reasons[op]?.(operands as number[]);
  } finally {
    within.program.dispose();
  }
}

function written(value: number | undefined): string {
  if (value === undefined) return "a value";
  return Math.abs(value) < 1e6 ? `${Number(value.toPrecision(3))}` : value.toExponential(2).replace(/\.?0+e/, "e");
}
const reasons: { readonly [K in OpName]?: (operands: readonly number[]) => Reason | undefined } = {
  div: ([a, b]) =>
    b === 0 ? { text: "divides by 0", edge: true } : { text: `divides ${written(a)} by ${written(b)}`, edge: true },
  log: ([a = 0]) => (a <= 0 ? { text: `takes the logarithm of ${written(a)}`, edge: true } : undefined),
  sqrt: ([a = 0]) => (a < 0 ? { text: `takes the square root of ${written(a)}`, edge: true } : undefined),
  exp: ([a]) => ({ text: `takes e to the power of ${written(a)}`, edge: false }),
  mul: ([a, b]) => ({ text: `multiplies ${written(a)} by ${written(b)}`, edge: false }),
};

/** The line of the cell that sets a value, as it was written. */
function equationOf({ layers }: Model, name: string): string | undefined {
  for (const [layer, { cell }] of layers.flatMap(cellsOf)) {
    if (!name.startsWith(`${layer}.`)) continue;
    const line = cell.equations.lines.find(({ target, primed }) => name === `${layer}.${target}${primed ? "'" : ""}`);
    if (line === undefined) continue;
    const { source } = cell;
    const from = source.lastIndexOf("\n", line.span.start) + 1;
    const end = source.indexOf("\n", from);
    const [text = ""] = source.slice(from, end < 0 ? source.length : end).split("#");
    return excerptOf(text.trim());
  }
  return undefined;
}
const excerptOf = (text: string): string => (text.length > 80 ? `${[...text].slice(0, 79).join("")}…` : text);

/** Which nodes are computed from the last step to the first. */
function readsBackwards({ nodes, states, forwardCount }: Graph): readonly boolean[] {
  const reverse = new Set(states.filter((state) => state.reverse).map(({ name }) => name));
  const found: boolean[] = [];
  for (const { op, name, inputs } of nodes.slice(0, forwardCount)) {
    found.push((op === "state" && reverse.has(name as string)) || inputs.some((input) => found[input] === true));
  }
  return found;
}

/** A parameter, or its gradient, with an infinite or NaN value, and the place of that value in the parameter. */
type BadParameter = { readonly name: string; readonly place: string; readonly value: number };

/** The first parameter whose values, as `valuesOf` gives them, are not all finite. */
function badAmong({ parameters }: Model, valuesOf: (name: string) => Float32Array): BadParameter | undefined {
  for (const { name, shape } of parameters) {
    const values = valuesOf(name);
    const at = firstBad(values);
    if (at < 0) continue;
    const [, columns] = shape;
    const place = columns === undefined ? `element ${at}` : `row ${Math.floor(at / columns)}, column ${at % columns}`;
    return { name, place, value: values[at] as number };
  }
  return undefined;
}

const badGradient = (model: Model, program: Program): BadParameter | undefined =>
  badAmong(model, (name) => program.gradient(name));

/** The same of the parameters' values, all in one array. */
const badParameter = ({ model, program }: Trainer, slab: Float32Array): BadParameter | undefined =>
  badAmong(model, (name) => {
    const { start = 0, size = 0 } = program.plan.parameters[name] ?? {};
    return slab.subarray(start, start + size);
  });
