/**
 * Slots: several sequences side by side in one model, each in a slot (a row of the batch), one token of each per step. What is
 * in one slot changes no bit of another, nor does the number of slots. Knows nothing about text or sampling.
 */

import type { InferenceOptions } from "../engines/engine.ts";
import { inputOf, type Model } from "../nn/model.ts";
import { checkReadsForward } from "../nn/model-checks.ts";
import { bindStep, learnedStarts } from "../nn/session.ts";
import { Disposable } from "../runtime/disposable.ts";
import type { Program } from "../runtime/program.ts";
import { createWindowSlots } from "./window-slots.ts";

/**
 * Create a program of one step with `count` slots.
 * @throws InputError for a model that goes backwards, unless it reads a window; and for more slots than fit into memory
 */
export async function createSlots(
  { model, window }: Predicting,
  count: number,
  options: InferenceOptions = {},
): Promise<Slots> {
  if (window !== undefined) return createWindowSlots(model, window, count, options);
  checkReadsForward(model, "generate");
  return new StateSlots(model, await bindStep(model, count, options, { owner: "slots" }), count);
}
/** A model that predicts the next token from all tokens before it or, with a `window`, from the last so many. */
type Predicting = { readonly model: Model; readonly window?: number | undefined };

/** What a slot keeps from token to token: the numbers of all states, one after the other; or the tokens of its window. */
export type SlotState = Float32Array<ArrayBuffer>;

/** The slots of a model; made by `createSlots`. They own their program, with what each slot keeps, until `dispose()`. */
export type Slots = Disposable & {
  readonly count: number;
  /** The token that each slot reads next; the caller writes it before `step`. */
  readonly tokens: Int32Array;
  /** The logits (V) of each slot after the last step. The next one overwrites them. */
  readonly logits: readonly Float32Array[];
  /** Make one step: each slot reads its token. */
  step(): void;
  /** A copy of what a slot keeps, for `restore` in any slot of the same model. */
  state(slot: number): SlotState;
  /** What a slot keeps, by layer and name (`lstm.h`): views (H). By default the initial states. */
  named(state?: SlotState): Record<string, Float32Array>;
  /** Set what a slot keeps, by default to the initial states. */
  restore(slot: number, state?: SlotState): void;
  /** Give slot k what slot `from[k]` keeps. */
  reorder(from: readonly number[]): void;
};

class StateSlots extends Disposable implements Slots {
  readonly count: number;
  readonly tokens: Int32Array;
  readonly logits: readonly Float32Array[];
  private readonly program: Program;
  private readonly input: string;
  private readonly output: Float32Array<ArrayBuffer>;
  /** Each state: where its numbers lie in a `SlotState`, and a buffer to reorder its rows. */
  private readonly states: readonly {
    readonly name: string;
    readonly copy: Float32Array<ArrayBuffer>;
    readonly size: number;
    readonly at: number;
  }[];
  /** The initial states of a sequence. */
  private readonly start: SlotState;

  constructor(model: Model, program: Program, count: number) {
    super();
    this.program = program;
    this.input = inputOf(model);
    this.count = count;
    this.tokens = new Int32Array(count);
    this.output = new Float32Array(count * model.outputSize);
    this.logits = Array.from({ length: count }, (_, slot) =>
      this.output.subarray(slot * model.outputSize, (slot + 1) * model.outputSize),
    );
    let total = 0;
    this.states = Object.entries(program.plan.states).map(([name, { size, rows }]) => {
      const at = total;
      total += size;
      return { name, copy: new Float32Array(rows * size), size, at };
    });
    this.start = new Float32Array(total);
    const learned = learnedStarts(model);
    for (const { name, at } of this.states) this.start.set(learned[name] ?? [], at);
    for (let slot = 0; slot < count; slot++) this.restore(slot);
  }

  dispose(): void {
    this.program.dispose();
  }

  step(): void {
    const { program } = this;
    program.setIndex(this.input, this.tokens);
    program.runSync();
    program.advanceStates();
    program.output("output", this.output);
  }

  state(slot: number): SlotState {
    const state = new Float32Array(this.start.length);
    for (const { name, size, at } of this.states) this.program.startOf(slot, name, state.subarray(at, at + size));
    return state;
  }

  named(state: SlotState = this.start): Record<string, Float32Array> {
    this.program.checkOpen();
    return Object.fromEntries(this.states.map(({ name, at, size }) => [name, state.subarray(at, at + size)]));
  }

  restore(slot: number, state: SlotState = this.start): void {
    for (const { name, size, at } of this.states) this.program.setStateOf(slot, name, state.subarray(at, at + size));
  }

  reorder(from: readonly number[]): void {
    if (from.every((source, slot) => source === slot)) return;
    for (const { name, copy, size } of this.states) {
      this.program.start(name, copy);
      for (const [slot, source] of from.entries()) {
        if (source !== slot) this.program.setStateOf(slot, name, copy.subarray(source * size, (source + 1) * size));
      }
    }
  }
}
