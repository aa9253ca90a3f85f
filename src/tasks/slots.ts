/**
 * Several texts side by side through one model, a token of each a step: each has a lane of the batch. What is in one lane
 * changes no bit of another, nor does the number of lanes. Knows nothing about text or sampling.
 */

import type { HostOptions } from "../engines/engine.ts";
import { checkReadsForward, type Model } from "../nn/model.ts";
import { bindStep, learnedStarts } from "../nn/session.ts";
import { Disposable } from "../runtime/disposable.ts";
import type { Program } from "../runtime/program.ts";

/** @throws InputError for a model that goes backwards, and for more lanes than fit into memory */
export async function createSlots(model: Model, count: number, options: HostOptions = {}): Promise<Slots> {
  checkReadsForward(model, "generate");
  return new Slots(model, await bindStep(model, count, options, { owner: "lanes" }), count);
}

/** What a lane remembers: the numbers of all states, one after the other. */
export type SlotState = Float32Array<ArrayBuffer>;

/** Owns the program and, in it, what each lane remembers, until it is disposed of. */
export class Slots extends Disposable {
  readonly count: number;
  /** The token that each lane reads next: written from outside. */
  readonly tokens: Int32Array;
  /** The logits (V) of each lane after the last step. The next one overwrites them. */
  readonly logits: readonly Float32Array[];
  private readonly program: Program;
  private readonly output: Float32Array<ArrayBuffer>;
  /** Each state: where its numbers lie among those of all, and room to reorder its rows. */
  private readonly states: readonly {
    readonly name: string;
    readonly copy: Float32Array<ArrayBuffer>;
    readonly size: number;
    readonly at: number;
  }[];
  /** What a text begins with. */
  private readonly start: SlotState;

  constructor(model: Model, program: Program, count: number) {
    super();
    this.program = program;
    this.count = count;
    this.tokens = new Int32Array(count);
    this.output = new Float32Array(count * model.outputSize);
    this.logits = Array.from({ length: count }, (_, lane) =>
      this.output.subarray(lane * model.outputSize, (lane + 1) * model.outputSize),
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
    for (let lane = 0; lane < count; lane++) this.restore(lane);
  }

  dispose(): void {
    this.program.dispose();
  }

  /** Each lane reads its token. */
  step(): void {
    const { program } = this;
    program.setIndex("tokens", this.tokens);
    program.runSync();
    program.advanceStates();
    program.output("output", this.output);
  }

  /** What a lane remembers, copied: for `restore`, in any lane of the same model. */
  state(lane: number): SlotState {
    const state = new Float32Array(this.start.length);
    for (const { name, size, at } of this.states) this.program.startOf(lane, name, state.subarray(at, at + size));
    return state;
  }

  /** What a lane remembered, by layer and name (`lstm.h`): views (H). Without it, what a text begins with. */
  named(state: SlotState = this.start): Record<string, Float32Array> {
    this.program.checkOpen();
    return Object.fromEntries(this.states.map(({ name, at, size }) => [name, state.subarray(at, at + size)]));
  }

  /** A lane goes on from what one remembered; without it, it forgets everything it has read. */
  restore(lane: number, state: SlotState = this.start): void {
    for (const { name, size, at } of this.states) this.program.setStateOf(lane, name, state.subarray(at, at + size));
  }

  /** Lane k goes on from what lane `from[k]` remembers. */
  reorder(from: readonly number[]): void {
    if (from.every((source, lane) => source === lane)) return;
    for (const { name, copy, size } of this.states) {
      this.program.start(name, copy);
      for (const [lane, source] of from.entries()) {
        if (source !== lane) this.program.setStateOf(lane, name, copy.subarray(source * size, (source + 1) * size));
      }
    }
  }
}
