/** The layers of a forecaster's network, in each of its forms. Knows nothing about data. */
import { cells, gruResetAfter } from "../../cells/index.ts";
import { type Cell, cell } from "../../graph/cell.ts";
import { InputError } from "../../graph/input-error.ts";
import { lazyCell } from "../../graph/lazy-cell.ts";
import { lookUp } from "../../graph/schema.ts";
import {
  type CellSpec,
  concatenate,
  dense,
  dropout,
  embedding,
  input,
  type LayerSpec,
  recurrent,
} from "../../nn/layers.ts";

export type NetworkSizes = {
  readonly horizon: number;
  readonly lookback: number;
  /** Targets that are forecast together. */
  readonly targets: number;
  /** Features of a step besides the targets: past columns, and what is known of the future too. */
  readonly past: number;
  readonly known: number;
  /** How many series or targets are told apart; 1: none. */
  readonly numbers: number;
  /** Outputs for each value that is forecast. */
  readonly parts: number;
  readonly cell: string | Cell;
  readonly units: number;
  readonly layers: number;
  readonly dropout: number;
  readonly segment: number;
  readonly members: number;
};

/** Features of the embedding of a series' number. */
const embeddingOf = ({ numbers, units }: NetworkSizes): number => Math.min(16, numbers, units);
/** The embedding of what is told apart, at every step or once for each example. */
const numberLayers = (sizes: NetworkSizes, sequence: boolean): LayerSpec[] =>
  sizes.numbers < 2
    ? []
    : [input("tokens", { name: "series", sequence }), embedding(sizes.numbers, embeddingOf(sizes), { name: "who" })];
const dropped = ({ dropout: rate }: NetworkSizes, name: string): LayerSpec[] =>
  rate > 0 ? [dropout(rate, { name })] : [];
/** The name of a layer of member k: the first has plain names. */
const named = (name: string, k: number): string => (k === 0 ? name : `${name}_${k}`);

const cellOf = (given: string | Cell): Cell =>
  typeof given === "string" ? lookUp("forecaster: cell", given, cells) : given;

/** Recurrent layers over what the layer `reads` gives. */
function stack(sizes: NetworkSizes, reads: string, k: number, returnSequences: boolean): CellSpec[] {
  const of = cellOf(sizes.cell);
  if (of.states.length === 0) {
    throw new InputError(
      "forecaster: cell: it has no state, so it would see the last step alone. Give a recurrent one.",
    );
  }
  return Array.from({ length: sizes.layers }, (_, layer) =>
    recurrent(of, {
      units: sizes.units,
      name: named(layer === 0 ? "recurrent" : `recurrent_layer_${layer}`, k),
      ...(layer === 0 && { reads }),
      returnSequences: returnSequences || layer + 1 < sizes.layers,
      returnState: returnSequences,
    }),
  );
}

/** All members' outputs, one after the other. */
const together = (members: number, last: string): LayerSpec[] =>
  members === 1
    ? []
    : [
        concatenate(
          Array.from({ length: members }, (_, k) => named(last, k)),
          { name: "members" },
        ),
      ];

/** x (T,B,features) and what is told of each step -> the name of the layer that has both. */
function stepInputs(sizes: NetworkSizes, features: number): { layers: LayerSpec[]; reads: string } {
  const who = numberLayers(sizes, true);
  const layers = [...who, input(features, { name: "x" })];
  if (who.length === 0) return { layers, reads: "x" };
  return { layers: [...layers, concatenate(["x", "who"], { name: "steps" })], reads: "steps" };
}

/**
 * The lookback x (lookback,B,targets + past + known), and `known` (B,horizon * known) -> (B,parts * horizon * targets): the
 * last state, beside what is known of the future, gives all steps at once.
 */
export function directNetwork(sizes: NetworkSizes): LayerSpec[] {
  const { horizon, targets, past, known, parts, members } = sizes;
  const { layers, reads } = stepInputs(sizes, targets + past + known);
  const future = known > 0 ? [input(horizon * known, { name: "known", sequence: false })] : [];
  return [
    ...future,
    ...layers,
    ...Array.from({ length: members }, (_, k) => {
      const recurrents = stack(sizes, reads, k, false);
      const state = recurrents.at(-1)?.name as string;
      return [
        ...recurrents,
        ...(known > 0 ? [concatenate([state, "known"], { name: named("state_and_known", k) })] : []),
        ...dropped(sizes, named("dropout", k)),
        dense(parts * horizon * targets, { name: named("output", k) }),
      ];
    }).flat(),
    ...together(members, "output"),
  ];
}

/** x (T,B,targets + known), each with the values of the step before -> (T,B,parts * targets), of each step. */
export function recursiveNetwork(sizes: NetworkSizes): LayerSpec[] {
  const { targets, known, parts, members } = sizes;
  const { layers, reads } = stepInputs(sizes, targets + known);
  return [
    ...layers,
    ...Array.from({ length: members }, (_, k) => [
      ...stack(sizes, reads, k, true),
      ...dropped(sizes, named("dropout", k)),
      dense(parts * targets, { name: named("output", k) }),
    ]).flat(),
    ...together(members, "output"),
  ];
}

/**
 * Matrices start as those of nn.Linear and nn.GRU in PyTorch, half as large as Keras's: with few updates, far forecasts are the
 * better for it.
 */
const small = (...names: readonly string[]): string =>
  names.map((name) => `${name} ~ lecun_uniform(0.3333)`).join("\n");
const readSegment = lazyCell(`y = relu(W @ x + b)\n${small("W")}`);
const encode = lazyCell(() => `${gruResetAfter.source}\n${small("W_z", "W_r", "W_g", "U_z", "U_r", "U_g")}`);
const writeSegment = lazyCell(`y = W @ x + b\n${small("W")}`);

/**
 * One more step of the encoder's GRU from its last state x, for one segment of the future: where that segment is (p) takes
 * the place of the input's products, and so does whose it is (c).
 */
const segmentStep = (numbered: boolean): Cell => {
  const who = (gate: string): string => (numbered ? ` + V_${gate} @ c` : "");
  return cell(
    `
    z = sigmoid(U_z @ x + d_z + p_z${who("z")})
    r = sigmoid(U_r @ x + d_r + p_r${who("r")})
    g = tanh(p_g${who("g")} + r * (U_g @ x + d_g))
    y = z * x + (1 - z) * g
    y : units
    p_z ~ random_normal(0, 0.5)
    p_r ~ random_normal(0, 0.5)
    p_g ~ random_normal(0, 0.5)
    ${numbered ? ["V_z", "V_r", "V_g"].map((name) => `${name} ~ lecun_uniform`).join("\n") : ""}
  `,
    numbered ? { inputs: ["x", "c"] } : {},
  );
};

/**
 * Vectors of what is told apart start as far from each other as the segments' places do: as an embedding starts (within 0.05) they
 * would take most of a training to get there.
 */
export function spreadNumbers(values: Readonly<Record<string, Float32Array>>): void {
  values["who.weight"]?.forEach((value, i, table) => {
    table[i] = 16 * value;
  });
}

/**
 * SegRNN: segments of the lookback x (lookback / segment,B,segment) are the steps of one GRU; from its last state each segment of
 * the future is one step of the same GRU, all beside each other, to (B,parts * horizon). S. Lin et al., 2023 (arXiv 2308.11200);
 * the places of the segments are vectors of each gate, where the paper multiplies one by the GRU's input weights.
 */
export function segmentsNetwork(sizes: NetworkSizes): LayerSpec[] {
  const { horizon, segment, units, parts, members } = sizes;
  const who = numberLayers(sizes, false);
  const numbered = who.length > 0;
  const step = segmentStep(numbered);
  const recurrentNames = ["U_z", "U_r", "U_g", "d_z", "d_r", "d_g"];
  const segments = Array.from({ length: horizon / segment }, (_, i) => i);
  return [
    ...who,
    input(segment, { name: "x" }),
    ...Array.from({ length: members }, (_, k) => {
      const encoder = named("encoder", k);
      const first = (name: string): string => named(`${name}_0`, k);
      const shared = Object.fromEntries(recurrentNames.map((name) => [name, `${encoder}.${name}`]));
      const whose = ["V_z", "V_r", "V_g"].map((name) => [name, `${first("step")}.${name}`] as const);
      const output = (i: number, part: number): LayerSpec => {
        const one = recurrent(writeSegment, {
          ...{ units: segment, name: named(`output_${i}_${part}`, k), reads: named(`read_${i}`, k) },
        });
        const own = named(`output_0_${part}`, k);
        return i === 0 ? one : { ...one, shared: { W: `${own}.W`, b: `${own}.b` } };
      };
      return [
        recurrent(readSegment, { units, name: named("segment", k), reads: "x", returnSequences: true }),
        recurrent(encode, { units, name: encoder }),
        ...segments.flatMap((i) => [
          recurrent(step, {
            ...{ units, name: named(`step_${i}`, k), reads: encoder },
            ...(numbered && { inputs: { c: "who" } }),
            shared: { ...shared, ...(i > 0 && numbered && Object.fromEntries(whose)) },
          }),
          dropout(sizes.dropout, { name: named(`read_${i}`, k) }),
          ...Array.from({ length: parts }, (_, part) => output(i, part)),
        ]),
        ...(segments.length * parts > 1
          ? [
              concatenate(
                Array.from({ length: parts }, (_, part) => segments.map((i) => named(`output_${i}_${part}`, k))).flat(),
                { name: named("output", k) },
              ),
            ]
          : []),
      ];
    }).flat(),
    ...together(members, segments.length * parts > 1 ? "output" : "output_0_0"),
  ];
}
