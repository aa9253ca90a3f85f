/**
 * Slots: several sequences side by side in one model, each in a slot (a row of the batch), one token of each per step. What is
 * in one slot changes no bit of another, nor does the number of slots. Knows nothing about text or sampling.
 */

import type { InferenceOptions } from "../engines/engine.ts";
import type { Model } from "../nn/model.ts";
import { checkReadsForward } from "../nn/model-checks.ts";
import { bindStep, learnedStarts } from "../nn/session.ts";
import { Disposable } from "../runtime/disposable.ts";
import type { Program } from "../runtime/program.ts";

/**
 * Create a program of one step with `count` slots.
 * @throws InputError for a model that goes backwards, and for more slots than fit into memory
 */
export async function createSlots(model: Model, count: number, options: InferenceOptions = {}): Promise<Slots> {
  checkReadsForward(model, "generate");
  return new Slots(model, await bindStep(model, count, options, { owner: "slots" }), count);
}

/** The states of a slot: the numbers of all states, one after the other. */
export type SlotState = Float32Array<ArrayBuffer>;

/** The slots of a model; made by `createSlots`. It owns its program, with the states of each slot, until `dispose()`. */
export class Slots extends Disposable {
  readonly count: number;
  /** The token that each slot reads next; the caller writes it before `step`. */
  readonly tokens: Int32Array;
  /** The logits (V) of each slot after the last step. The next one overwrites them. */
  readonly logits: readonly Float32Array[];
  private readonly program: Program;
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

  /** Make one step: each slot reads its token. */
  step(): void {
    const { program } = this;
    program.setIndex("tokens", this.tokens);
    program.runSync();
    program.advanceStates();
    program.output("output", this.output);
  }

  /** A copy of the states of a slot, for `restore` in any slot of the same model. */
  state(slot: number): SlotState {
    const state = new Float32Array(this.start.length);
    for (const { name, size, at } of this.states) this.program.startOf(slot, name, state.subarray(at, at + size));
    return state;
  }

  /** States by layer and name (`lstm.h`): views (H). By default the initial ones. */
  named(state: SlotState = this.start): Record<string, Float32Array> {
    this.program.checkOpen();
    return Object.fromEntries(this.states.map(({ name, at, size }) => [name, state.subarray(at, at + size)]));
  }

  /** Set the states of a slot, by default to the initial ones. */
  restore(slot: number, state: SlotState = this.start): void {
    for (const { name, size, at } of this.states) this.program.setStateOf(slot, name, state.subarray(at, at + size));
  }

  /** Give slot k the states of slot `from[k]`. */
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
