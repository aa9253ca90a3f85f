/** ONNX's recurrent operators as layers: their weights and activations, directions, lengths, and what their states start from. */
import { type Cell, cell } from "../../graph/cell.ts";
import { bidirectional, type LayerSpec, type RecurrentOptions, recurrent } from "../../nn/layers.ts";
import { firstFrom, lateCell } from "../late-steps.ts";
import type { TensorData } from "../safetensors.ts";
import { activationsOf, cellOf, type Direction, gateCount, problemOf } from "./cells.ts";
import { type Axis, type Constant, floatsOf, isKnown, numbersOf, rootOf } from "./constants.ts";
import type { ReadNode } from "./decode.ts";
import {
  behind,
  type Draft,
  type Flow,
  features,
  featuresOf,
  flowOf,
  isBackwards,
  isSingle,
  isTimed,
  layer,
  numberOf,
  numbersAt,
  type Operands,
  type Part,
  type Reading,
  refused,
  role,
  type Stack,
  same,
  type Value,
} from "./flows.ts";
import { beginning, lateOf, whole } from "./late.ts";
import { sourcesOf } from "./loops.ts";
import { startingStates } from "./starts.ts";
import type { State } from "./terms.ts";

const ways = ["forward", "backward"] as const;

/** All outputs of an operator: its steps, and its states after the last one, each with an axis of directions. */
export function recurrentOutputs(
  node: ReadNode & Pick<Direction, "op">,
  given: Operands,
  reading: Reading,
): readonly Value[] {
  const { op } = node;
  const late = lateOf(given[0]);
  const x = flowOf(given[0]?.kind === "flow" ? whole(given[0]) : given[0]);
  const read = behind(x);
  if (numberOf(node, "layout") === 1) throw refused("it has layout 1, which runtimes refuse.");
  if (x.axes.length !== 3) throw refused("what it reads has no axes of steps, examples and features.");
  const [time, batch] = x.axes as [Axis, Axis, Axis];
  role(time, "time");
  role(batch, "batch");
  const weights = weightsOf(op, given);
  const { directions, units, depth } = weights;
  const last = x.axes[2] as Axis;
  role(last, "features");
  const size = rootOf(last);
  size.size ??= depth;
  if (size.size !== depth) throw refused("its weights' sizes do not fit each other, or what it reads.");
  if ((numberOf(node, "hidden_size") ?? units) !== units)
    throw refused("its hidden_size is another than that of its weights.");
  const way = node.attributes.get("direction")?.text ?? "forward";
  if (!["forward", "reverse", "bidirectional"].includes(way)) throw refused("its direction is none that there is.");
  if (directions !== (way === "bidirectional" ? 2 : 1))
    throw refused("its weights are for another number of directions.");
  const cells = cellsOf(node, weights);
  const states = op === "LSTM" ? ["h", "c"] : ["h"];
  const start = startOf(states, given, { directions, units, x }, reading);
  const masked = lengthsOf(given[4], x, reading);
  if (late > 0 && (masked || start.reads.length > 0 || start.learned !== undefined || start.streamed !== undefined)) {
    throw refused(
      "it reads a part of the steps, and has lengths, or states that start from something else than zeros.",
    );
  }
  if (late > 0 && isBackwards(x)) throw refused("it reads a part of steps that run backwards.");

  // Ours goes the other way than what it reads.
  const goBackwards = (way === "reverse") !== isBackwards(x);
  const label = op === "RNN" ? "simple_rnn" : op.toLowerCase();
  const draft: Draft = {
    ...{ label, reads: [read, ...start.reads], used: new Set<Part>(), reverse: way === "reverse" },
    ...(!masked && { countsAll: node.name }),
    ...(directions === 1 && late === 0 && { states }),
    make: (own, [reads, ...from], used) => [layerOf(own, reads as string, from, used)],
    values: (own) =>
      Object.fromEntries(
        cells.flatMap(({ values: all }, d) => {
          const prefix = directions === 2 ? `${own}.${ways[d]}` : own;
          return [...Object.entries(all), ...learnedOf(d)].map(([key, data]) => [`${prefix}.${key}`, data]);
        }),
      ),
  };
  /** The learned initial states of a direction, by parameter. */
  const learnedOf = (d: number): [string, Float32Array][] =>
    (start.learned ?? []).map((each, k) => [`initial_${states[k]}`, each[d] as Float32Array]);
  /** The cell of a direction. Only the way forward begins with the steps that are not there. */
  const cellAt = (d: number): Cell =>
    lateCell((cells[d] as (typeof cells)[number]).cell, d === 0 && way !== "reverse" ? late : 0);
  const startAt = (
    d: number,
    from: readonly string[],
  ): { readonly initialState?: RecurrentOptions["initialState"] } => {
    if (start.learned !== undefined) return { initialState: "learned" };
    return from.length === 0 ? {} : { initialState: { from: from[d] as string } };
  };
  function layerOf(own: string, reads: string, from: readonly string[], used: ReadonlySet<Part>): LayerSpec {
    const parts = [...used];
    const [sequences = false, lasts] = ["steps", "last"].map((when) => parts.some((one) => one.startsWith(when)));
    const spec = (d: number) =>
      recurrent(cellAt(d), {
        // Zeros behind the end are for those that read all steps: the last output is that of the last step that counts.
        ...{ units, label, returnSequences: sequences, zeroOutputForMask: masked && sequences },
        ...{ goBackwards: d === 0 && goBackwards, ...startAt(d, from) },
      });
    if (directions === 1) return { ...spec(0), name: own, reads };
    const together = parts.every((one) => one.endsWith("both")) && !(sequences && lasts);
    const mergeMode = together ? "concat" : "none";
    return bidirectional(spec(0), { name: own, reads, backward: spec(1), mergeMode });
  }
  const after = features(units);
  /** What gives a final state other than the output, of a direction: the same layer, whose output is this state. */
  function stateDraft(state: string, d: number): Draft {
    const main: Flow = { kind: "flow", axes: [time, batch, after], draft };
    const backwards = d === 1 ? !goBackwards : goBackwards;
    return {
      ...{ label: `${label}_${state}`, reads: [read, ...start.reads, main], used: new Set<Part>(), stateOf: draft },
      ...{ reverse: way === "reverse", ...(!masked && { countsAll: node.name }) },
      make: (own, [reads, ...from]) => {
        const owner = `${from.at(-1)}${directions === 2 ? `.${ways[d]}` : ""}`;
        const of = cell(`${cellAt(d).source}\ny = ${state}'`);
        const shared = Object.fromEntries(of.parameters.map(({ name }) => [name, `${owner}.${name}`]));
        return [
          recurrent(of, {
            ...{ units, name: own, label: `${label}_${state}`, reads: reads as string, shared },
            ...{ returnSequences: start.streamed !== undefined, goBackwards: backwards },
            ...startAt(d, from.slice(0, -1)),
          }),
        ];
      },
      values: (own) => Object.fromEntries(learnedOf(d).map(([key, data]) => [`${own}.${key}`, data])),
    };
  }
  const steps = ways
    .slice(0, directions)
    .map((one): Flow => beginning({ kind: "flow", axes: [time, batch, after], draft, part: `steps ${one}` }, late));
  const along: Axis = { size: directions };
  const finals = states.map((state, k): Stack => {
    const [axis, own]: [Axis, Axis] = [{ size: directions }, features(units)];
    const parts = ways.slice(0, directions).map((one, d): Flow => {
      // The way back ends behind the last step that it is to read: then its output there is taken.
      if (late > 0 && one === "backward" && k === 0) {
        const back: Flow = { kind: "flow", axes: [time, batch, after], draft, part: "steps backward" };
        return layer("first", [back], { ...firstLayer(late), reverse: false, countsAll: node.name }, [batch, own]);
      }
      // The last step of one is this one.
      const when = start.streamed ? "steps" : "last";
      return {
        ...{ kind: "flow", axes: [batch, own] },
        ...(k === 0
          ? { draft, part: `${when} ${one}` as const }
          : { draft: stateDraft(state, d), part: `${when} forward` as const, state }),
        ...(late > 0 && (way === "reverse" || one === "backward") && { partial: "piece" as const }),
      };
    });
    const stream = start.streamed?.[k];
    if (stream !== undefined) reading.fed.set(stream, parts[0] as Flow);
    return { kind: "stack", along: axis, parts, axes: [axis, batch, own] };
  });
  return [{ kind: "stack", along, parts: steps, axes: [time, along, batch, after] }, ...finals];
}

/** The layer that keeps the first step of what begins late. */
const firstLayer = (late: number): Pick<Draft, "make" | "values"> => ({
  make: (name, [reads]) => [recurrent(firstFrom(late), { name, label: "first", reads: reads as string })],
  values: () => ({}),
});

type Weights = Pick<Direction, "units"> & {
  readonly directions: number;
  readonly rows: number;
  readonly depth: number;
  readonly W: TensorData;
  readonly R: TensorData;
  readonly B: Float64Array | undefined;
  readonly P: Float64Array | undefined;
};
function weightsOf(op: Direction["op"], given: Operands): Weights {
  const matrix = (k: number, what: string): Constant => {
    const value = given[k];
    if (value?.kind !== "constant" || value.dims.length !== 3) throw refused(`its ${what} are computed.`);
    return value;
  };
  const [W, R] = [matrix(1, "weights"), matrix(2, "recurrent weights")];
  const [directions, rows, depth] = W.dims as [number, number, number];
  const units = rows / gateCount(op);
  if (!Number.isInteger(units) || R.dims.join() !== [directions, rows, units].join())
    throw refused("its weights' sizes do not fit each other, or what it reads.");
  const vector = (k: number, length: number): Float64Array | undefined => {
    const value = given[k];
    if (value === undefined) return undefined;
    if (value.kind === "fill") return new Float64Array(directions * length).fill(value.value);
    if (value.kind !== "constant" || value.data.length !== directions * length)
      throw refused("its biases are computed, or of another size.");
    return Float64Array.from(numbersOf(value));
  };
  const [B, P] = [vector(3, 2 * rows), op === "LSTM" ? vector(7, 3 * units) : undefined];
  return { directions, rows, depth, units, W: W.data, R: R.data, B, P };
}

/** The activations that take numbers, which go only to those. */
const withAlpha = ["hardsigmoid", "leakyrelu", "elu", "affine", "scaledtanh", "thresholdedrelu"];
const withBeta = ["hardsigmoid", "affine", "scaledtanh"];

/** The cell of each direction. */
function cellsOf(node: ReadNode & Pick<Direction, "op">, { directions, units, depth, W, R, B, P }: Weights) {
  const { op } = node;
  const usual = activationsOf[op];
  const names = node.attributes.get("activations")?.texts ?? Array.from({ length: directions }, () => usual).flat();
  if (names.length !== usual.length * directions) throw refused("it has another number of activations.");
  const clip = numberOf(node, "clip");
  if (clip !== undefined && !(clip > 0)) throw refused(`its clip is ${clip}: runtimes take one above 0.`);
  const numbersFor = (key: string, takes: readonly string[]): (number | undefined)[] => {
    const rest = [...(numbersAt(node, key) ?? [])];
    return names.map((one) => (takes.includes(one.toLowerCase()) ? rest.shift() : undefined));
  };
  const [alphas, betas] = [numbersFor("activation_alpha", withAlpha), numbersFor("activation_beta", withBeta)];
  const part = <A extends TensorData | undefined>(of: A, d: number): A =>
    of?.subarray((d * of.length) / directions, ((d + 1) * of.length) / directions) as A;
  return Array.from({ length: directions }, (_, d) => {
    const own = names.slice(d * usual.length, (d + 1) * usual.length).map((name, k) => ({
      ...{ name, alpha: alphas[d * usual.length + k], beta: betas[d * usual.length + k] },
    }));
    const problem = own.map(problemOf).find((one) => one !== undefined);
    if (problem !== undefined) throw refused(`${problem}.`);
    return cellOf({
      ...{ op, units, features: depth, activations: own, clip },
      flag: numberOf(node, op === "GRU" ? "linear_before_reset" : "input_forget") === 1,
      ...{ W: part(W, d), R: part(R, d), B: part(B, d), P: part(P, d) },
    });
  });
}

type Start = {
  /** What gives the states of each direction. */
  readonly reads: readonly Flow[];
  /** Values that all examples share, by state and direction. */
  readonly learned?: readonly (readonly Float32Array[])[];
  /** States of streams, which go in and must come out. */
  readonly streamed?: readonly State[];
};
/** What states start from: nothing for zeros, values that all examples share, or what layers give. */
function startOf(
  states: readonly string[],
  given: Operands,
  { directions, units, x }: { readonly directions: number; readonly units: number; readonly x: Flow },
  { inputs, stateInputs, notes, streams }: Reading,
): Start {
  const found = states.map((_, k) => given[5 + k]);
  /** An input, or the part of one that is this layer's: those of several layers may be put together and taken apart. */
  const inputOf = (value: Value | undefined): Draft | undefined =>
    value?.kind === "flow" && inputs.has(value.draft) ? value.draft : undefined;
  const streamed = found.map((value) => {
    const term = value?.kind === "flow" ? value.draft.term?.() : undefined;
    return term?.kind === "state" && streams ? term.state : undefined;
  });
  if (streamed.every((one) => one !== undefined)) return { reads: [], streamed };
  const fed = found.map(inputOf);
  if (fed.every((one) => one !== undefined)) {
    for (const one of fed) stateInputs.add(one);
    notes.add("Its initial states are inputs: here a session owns them, and sequences start from zeros.");
    return { reads: [] };
  }
  if (fed.some((one) => one !== undefined))
    throw refused("one of its initial states is an input, and another is none. Give both of the same kind.");
  const firsts = found.map((value) => firstsOf(value, directions, units));
  const all = firsts.flat();
  if (all.every((one): one is Float32Array => one instanceof Float32Array)) {
    return all.every((one) => one.every((number) => number === 0))
      ? { reads: [] }
      : { reads: [], learned: firsts as Float32Array[][] };
  }
  if (streams) throw refused("its initial states are those of a step before, and are computed in the same step.");
  return {
    reads: Array.from({ length: directions }, (_, d) =>
      startingFlow(
        states,
        firsts.map((each) => each[d] as Flow | Float32Array),
        x,
      ),
    ),
  };
}
/** What a state starts from in each direction: one vector for each example, or numbers that all of them share. */
function firstsOf(value: Value | undefined, directions: number, units: number): readonly (Flow | Float32Array)[] {
  const alike = (one: number): Float32Array[] =>
    Array.from({ length: directions }, () => new Float32Array(units).fill(one));
  if (value === undefined) return alike(0);
  if (value.kind === "fill") return alike(value.value);
  if (value.kind === "constant") {
    const all = floatsOf(value);
    const count = all.length / (directions * units);
    // Before it is expanded to the number of examples it has one, or no axis for it.
    const isWhole = value.dims.length === 3 && value.dims[0] === directions && value.dims[2] === units;
    if (!isWhole && count !== 1) throw refused("its initial states have other sizes than its own.");
    return Array.from({ length: directions }, (_, d) => {
      const own = all.subarray(d * count * units, (d + 1) * count * units);
      if (own.some((number, k) => number !== own[k % units])) {
        throw refused(
          `its initial states are numbers in the file, others for each of ${count} examples: here all examples share them. ` +
            "Export the model with one example, or with its states as inputs.",
        );
      }
      return own.slice(0, units);
    });
  }
  if (value.kind === "sizes") throw refused("its initial states are sizes.");
  const [first] = value.axes as [Axis];
  const parts =
    value.kind === "stack" && same(value.along, first)
      ? value.parts
      : value.kind === "flow" && isSingle(first)
        ? [{ ...value, axes: value.axes.slice(1) }]
        : [];
  if (parts.length !== directions || value.axes.length !== 3)
    throw refused("its initial states are not one vector for each of its directions.");
  return parts.map((part) => {
    const flow = flowOf(part);
    if (isTimed(flow) || featuresOf(flow) !== units)
      throw refused(`its initial states are no vectors of its ${units} units, one for each example.`);
    role(flow.axes[0] as Axis, "batch");
    return flow;
  });
}
/** What gives all states of a direction: the layer whose final states they are, or one that makes states of vectors. */
function startingFlow(states: readonly string[], firsts: readonly (Flow | Float32Array)[], x: Flow): Flow {
  const flows = [...new Set(firsts.filter((one): one is Flow => !(one instanceof Float32Array)))];
  const owners = flows.map(({ draft }) => draft.stateOf ?? draft);
  const [owner] = owners as [Draft];
  const areItsStates =
    owner.states?.join() === states.join() &&
    firsts.every(
      (one, k) =>
        !(one instanceof Float32Array) &&
        one.part?.startsWith("last") &&
        owners[k] === owner &&
        one.state === (k === 0 ? undefined : states[k]),
    );
  if (areItsStates) return { kind: "flow", axes: (flows[0] as Flow).axes, draft: owner, part: "states forward" };
  const [alone] = flows as [Flow];
  // A cell with one state may start from what any layer without states gives.
  if (states.length === 1 && alone.draft.term !== undefined && alone.draft.loop === undefined) return behind(alone);
  return startingStates(states, firsts, x);
}

/** Whether sequences have lengths: then the input that it reads in the end has a mask. */
function lengthsOf(value: Value | undefined, x: Flow, { inputs, stateInputs, notes }: Reading): boolean {
  if (value === undefined) return false;
  if (isKnown(value)) {
    const steps = rootOf(x.axes[0] as Axis).size;
    const all = value.kind === "constant" ? numbersOf(value) : [];
    if (steps !== undefined && all.every((one) => one === steps) && value.kind === "constant") return false;
    throw refused(
      `its sequences' lengths are numbers in the file${all.length > 0 ? ` (${all.slice(0, 4).join(", ")}${all.length > 4 ? ", ..." : ""})` : ""}, and here a mask, which is ` +
        "an input. Export the model with its lengths as an input, or without them.",
    );
  }
  if (value.kind !== "flow" || !inputs.has(value.draft))
    throw refused("its sequences' lengths are computed. Export the model with its lengths as an input.");
  stateInputs.add(value.draft);
  let from: Flow | undefined = x;
  const seen = new Set<Draft>();
  while (from !== undefined && !inputs.has(from.draft) && !seen.has(from.draft)) {
    seen.add(from.draft);
    [from] = sourcesOf(from.draft);
  }
  const found = from && inputs.get(from.draft);
  if (found === undefined) throw refused("its sequences have lengths, and no input is seen that they are of.");
  found.masked = true;
  notes.add("Lengths of sequences are a mask here: 1 for steps that count, 0 for padding.");
  return true;
}
