/**
 * Slots of a model that predicts from a window: the last so many tokens, read from the beginning at every step. What a slot keeps are
 * these tokens. Knows nothing about text or sampling.
 */
import type { InferenceOptions } from "../engines/engine.ts";
import { bind } from "../nn/bind.ts";
import { inputOf, type Model } from "../nn/model.ts";
import { modelGraph } from "../nn/model-graph.ts";
import { Disposable } from "../runtime/disposable.ts";
import type { Program } from "../runtime/program.ts";
import type { SlotState, Slots } from "./slots.ts";

/** What stands before the first token, where a window has more places than there are tokens. */
const padding = 0;

/** The `count` tokens before a place in a text; padding where there are fewer. */
export function tokensBefore(ids: Int32Array, place: number, count: number): Int32Array<ArrayBuffer> {
  const before = new Int32Array(count).fill(padding);
  const some = ids.subarray(Math.max(0, place - count), place);
  before.set(some, count - some.length);
  return before;
}

/** @throws InputError for more slots than fit into memory */
export async function createWindowSlots(
  model: Model,
  window: number,
  count: number,
  options: InferenceOptions = {},
): Promise<Slots> {
  const graph = () => modelGraph(model, { training: false, steps: window }).graph;
  const how = { purpose: ["window"], graph, steps: window, batch: count, keep: ["output"] } as const;
  return new WindowSlots(model, await bind(model, how, options, { sync: true, owner: "slots" }), count, window);
}

class WindowSlots extends Disposable implements Slots {
  readonly count: number;
  readonly tokens: Int32Array;
  readonly logits: readonly Float32Array[];
  private readonly program: Program;
  private readonly input: string;
  private readonly output: Float32Array<ArrayBuffer>;
  private readonly window: number;
  /** The last tokens of each slot, oldest first. */
  private windows: readonly Float32Array<ArrayBuffer>[];
  /** The same, as the program reads them: (window, count). */
  private readonly inputs: Int32Array;

  constructor(model: Model, program: Program, count: number, window: number) {
    super();
    const { outputSize } = model;
    this.program = program;
    this.input = inputOf(model);
    this.count = count;
    this.window = window;
    this.tokens = new Int32Array(count);
    this.output = new Float32Array(count * outputSize);
    this.logits = Array.from({ length: count }, (_, slot) =>
      this.output.subarray(slot * outputSize, (slot + 1) * outputSize),
    );
    this.windows = Array.from({ length: count }, () => new Float32Array(window).fill(padding));
    this.inputs = new Int32Array(window * count);
  }

  dispose(): void {
    this.program.dispose();
  }

  step(): void {
    const { program, windows, window, count, inputs, tokens } = this;
    windows.forEach((read, slot) => {
      read.copyWithin(0, 1);
      read[window - 1] = tokens[slot] as number;
      for (let t = 0; t < window; t++) inputs[t * count + slot] = read[t] as number;
    });
    program.setIndex(this.input, inputs);
    program.resetStates();
    program.runSync();
    program.output("output", this.output);
  }

  state(slot: number): SlotState {
    this.program.checkOpen();
    return (this.windows[slot] as SlotState).slice();
  }

  named(state: SlotState = new Float32Array(this.window).fill(padding)): Record<string, Float32Array> {
    this.program.checkOpen();
    return { window: state };
  }

  restore(slot: number, state?: SlotState): void {
    this.program.checkOpen();
    const own = this.windows[slot] as SlotState;
    if (state === undefined) own.fill(padding);
    else own.set(state);
  }

  reorder(from: readonly number[]): void {
    this.windows = from.map((source) => (this.windows[source] as SlotState).slice());
  }
}
