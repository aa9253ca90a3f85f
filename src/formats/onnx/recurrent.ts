/** ONNX's recurrent operators as layers: their weights and activations, directions, lengths, and what their states start from. */
import { bidirectional, type LayerSpec, recurrent } from "../../nn/layers.ts";
import { firstFrom, lateCell } from "../late-steps.ts";
import type { TensorData } from "../safetensors.ts";
import { activationsOf, cellOf, type Direction, gateCount, problemOf } from "./cells.ts";
import { type Axis, type Constant, numbersOf, rootOf } from "./constants.ts";
import type { ReadNode } from "./decode.ts";
import {
  behind,
  type Draft,
  type Flow,
  features,
  flowOf,
  isBackwards,
  layer,
  numberOf,
  numbersAt,
  type Operands,
  type Part,
  type Reading,
  refused,
  role,
  type Stack,
  type Value,
} from "./flows.ts";
import { beginning, lateOf, whole } from "./late.ts";
import { sourcesOf } from "./loops.ts";
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
  const start = startOf(states, given, directions, units, reading);
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
    make: (own, [reads, ...from], used) => [layerOf(own, reads as string, from, used)],
    values: (own) =>
      Object.fromEntries(
        cells.flatMap(({ values: all }, d) => {
          const prefix = directions === 2 ? `${own}.${ways[d]}` : own;
          const learned =
            start.learned === undefined
              ? []
              : states.map((state, s) => [`initial_${state}`, start.learned?.[s]?.[d]] as const);
          return [...Object.entries(all), ...learned].map(([key, data]) => [`${prefix}.${key}`, data as Float32Array]);
        }),
      ),
  };
  function layerOf(own: string, reads: string, from: readonly string[], used: ReadonlySet<Part>): LayerSpec {
    const parts = [...used];
    const [sequences, lasts] = ["steps", "last"].map((when) => parts.some((one) => one.startsWith(when)));
    const spec = (d: number) =>
      // Only the way forward begins with the steps that are not there.
      recurrent(lateCell((cells[d] as (typeof cells)[number]).cell, d === 0 && way !== "reverse" ? late : 0), {
        ...{ units, label, returnSequences: sequences === true, zeroOutputForMask: masked },
        goBackwards: d === 0 && goBackwards,
        ...(start.learned !== undefined && { initialState: "learned" as const }),
        ...(from.length > 0 && { initialState: { from: from.length === 1 ? (from[0] as string) : from } }),
      });
    if (directions === 1) return { ...spec(0), name: own, reads };
    const together = parts.every((one) => one.endsWith("both")) && !(sequences && lasts);
    const mergeMode = together ? "concat" : "none";
    return bidirectional(spec(0), { name: own, reads, backward: spec(1), mergeMode });
  }
  const after = features(units);
  const steps = ways
    .slice(0, directions)
    .map((one): Flow => beginning({ kind: "flow", axes: [time, batch, after], draft, part: `steps ${one}` }, late));
  const along: Axis = { size: directions };
  const finals = states.map((state, k): Stack => {
    const [axis, own]: [Axis, Axis] = [{ size: directions }, features(units)];
    const parts = ways.slice(0, directions).map((one): Flow => {
      // The way back ends behind the last step that it is to read: then its output there is taken.
      if (late > 0 && one === "backward" && k === 0) {
        const back: Flow = { kind: "flow", axes: [time, batch, after], draft, part: "steps backward" };
        return layer("first", [back], { ...firstLayer(late), reverse: false, countsAll: node.name }, [batch, own]);
      }
      return {
        // The last step of one is this one.
        ...{
          kind: "flow",
          axes: [batch, own],
          draft,
          part: start.streamed && k === 0 ? `steps ${one}` : `last ${one}`,
        },
        ...(k > 0 && { state }),
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
  readonly reads: readonly Flow[];
  /** Values that all examples share, by state and direction. */
  readonly learned?: readonly (readonly Float32Array[])[];
  /** States of streams, which go in and must come out. */
  readonly streamed?: readonly State[];
};
/** What states start from: nothing for zeros, values that all examples share, or the final states of another layer. */
function startOf(
  states: readonly string[],
  given: Operands,
  directions: number,
  units: number,
  { inputs, stateInputs, notes, streams }: Reading,
): Start {
  const found = states.map((_, k) => given[5 + k]);
  const isZero = (value: Value | undefined): boolean =>
    value === undefined ||
    (value.kind === "fill" && value.value === 0) ||
    (value.kind === "constant" && numbersOf(value).every((one) => one === 0));
  if (found.every(isZero)) return { reads: [] };
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
  const isShared = (value: Value | undefined): value is Constant =>
    value?.kind === "constant" && value.data.length === directions * units;
  if (found.every((value) => isZero(value) || isShared(value))) {
    const learned = found.map((value) =>
      Array.from({ length: directions }, (_, d) =>
        isZero(value)
          ? new Float32Array(units)
          : Float32Array.from(numbersOf(value as Constant).slice(d * units, (d + 1) * units)),
      ),
    );
    return { reads: [], learned };
  }
  const parts = found.map((value) =>
    value?.kind === "stack" ? value.parts : value?.kind === "flow" && value.part !== undefined ? [value] : undefined,
  );
  const [first] = parts;
  const from = first?.[0]?.draft;
  const whole = parts.every(
    (list, k) =>
      list?.length === directions &&
      list.every(
        (one, d) =>
          one.draft === from && one.state === (k === 0 ? undefined : states[k]) && one.part === `last ${ways[d]}`,
      ),
  );
  if (!whole || from === undefined)
    throw refused("its initial states are neither constant nor another layer's final states.");
  if (directions === 2) throw refused("both of its directions start from another layer's final states.");
  return { reads: [first?.[0] as Flow] };
}

/** Whether sequences have lengths: then the input that it reads in the end has a mask. */
function lengthsOf(value: Value | undefined, x: Flow, { inputs, stateInputs, notes }: Reading): boolean {
  if (value === undefined) return false;
  if (value.kind !== "flow" || !inputs.has(value.draft)) throw refused("its sequences' lengths are computed.");
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
