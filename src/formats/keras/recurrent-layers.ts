/** Recurrent layers as Keras's classes with their options, but for the direction. Knows nothing about models. */

import { firstEquation } from "../../graph/plain-lines.ts";
import type { CellSpec } from "../../nn/layers.ts";
import { recognizeRecurrent } from "./recognize.ts";
import type { Program } from "./tree.ts";
import type { WeightForm } from "./weights.ts";

export type RecurrentLayer = {
  readonly className: "LSTM" | "GRU" | "SimpleRNN";
  readonly config: Readonly<Record<string, unknown>>;
  readonly form: WeightForm;
  readonly units: number;
  /** What the gates' weights are to be times. */
  readonly factor: number;
  /** The states in Keras's order. */
  readonly states: readonly string[];
  /** The state that is the output, where it is not the hidden state. */
  readonly output?: string | undefined;
  readonly notes: readonly string[];
};
const classes = { lstm: "LSTM", gru: "GRU", simple_rnn: "SimpleRNN" } as const;
/** A parameter with a row for each unit. */
const mains = { lstm: "U_i", gru: "U_z", simple_rnn: "U" } as const;

/** @param rows of a parameter @returns the reason, where the program has no such layer */
export function recurrentLayer(
  spec: CellSpec,
  program: Program,
  rows: (parameter: string) => number,
): RecurrentLayer | { readonly problem: string } {
  const { cell, initialState, zoneout, dropConnect, stateful } = spec;
  const rates = typeof zoneout === "number" ? [zoneout] : Object.values(zoneout);
  const problem = (text: string): { readonly problem: string } => ({ problem: text });
  if (spec.inputs !== undefined) return problem("reads more layers than one");
  if (spec.strides !== undefined) return problem("has strides");
  if (initialState === "learned") return problem("starts from learned states");
  if (rates.some((rate) => rate > 0)) return problem("has zoneout, which mixes states outside of training, too");
  const found = recognizeRecurrent(cell, program.functions, program.otherGate);
  if (found === undefined)
    return problem(`has a cell that none of ${program.name}'s layers has: ${firstEquation(cell)}`);
  const { kind, bias, resetAfter, activation, factor } = found;
  if (resetAfter && !program.resetAfter)
    return problem(`resets its state after the product with U_g, and ${program.name}'s GRU does before it`);
  const units = rows(mains[kind]);
  const notes = [
    ...(factor === 1
      ? []
      : [
          `the weights of its gates are ours times ${factor === 1.2 ? "6/5" : "5/6"}, for ${program.name}'s hard_sigmoid.`,
        ]),
    ...(dropConnect > 0 ? ["dropConnect is left out: it acts in training alone."] : []),
    ...(stateful ? [`written without "stateful", for which ${program.name} needs a fixed number of sequences.`] : []),
  ];
  const config = {
    ...{ return_sequences: spec.returnSequences, zero_output_for_mask: spec.zeroOutputForMask, units, activation },
    ...(kind !== "simple_rnn" && { recurrent_activation: found.recurrent }),
    ...{ use_bias: bias, dropout: spec.dropout, recurrent_dropout: spec.recurrentDropout },
    ...(kind === "gru" && { reset_after: resetAfter }),
  };
  const form = { kind: "recurrent", cell: kind, units, bias, resetAfter, cudnn: false } as const;
  return { className: classes[kind], config, form, units, factor, states: found.states, output: found.output, notes };
}
