/**
 * Prefill: read many tokens of one sequence at once. The states after them are, bit for bit, those of reading one token at a
 * time; the logits, which nobody needs, are not computed.
 */
import type { InferenceOptions } from "../engines/engine.ts";
import { bind } from "../nn/bind.ts";
import { inputOf, type Model } from "../nn/model.ts";
import { checkReadsForward } from "../nn/model-checks.ts";
import { modelGraph } from "../nn/model-graph.ts";
import { Disposable } from "../runtime/disposable.ts";
import type { Program } from "../runtime/program.ts";
import { multiplyAdds } from "../schedule/cost.ts";
import type { SlotState } from "./slots.ts";

/** How many tokens it reads at once: as many as take a few milliseconds, so that other work gets its turn in between. */
const [minSteps, maxSteps] = [8, 128];
const worthReading = 2 ** 25;

/**
 * Create a prefill program for a model.
 * @throws InputError for a model that goes backwards
 */
export async function createPrefill(model: Model, host: InferenceOptions = {}): Promise<Prefill> {
  checkReadsForward(model, "generate");
  const graph = () => modelGraph(model, { training: false, goesOn: true }).graph;
  const load = (steps: number) =>
    bind(model, { purpose: ["prefill"], graph, steps, batch: 1, keep: [] }, host, { sync: true, owner: "prefill" });
  const shortest = await load(minSteps);
  const perStep = multiplyAdds(shortest.plan) / minSteps;
  const steps = 2 ** Math.floor(Math.log2(worthReading / Math.max(1, perStep)));
  if (steps <= minSteps) return new Prefill(model, shortest, minSteps);
  shortest.dispose();
  return new Prefill(model, await load(Math.min(maxSteps, steps)), Math.min(maxSteps, steps));
}

/** Reads prompts; made by `createPrefill`. It owns its program until `dispose()`. */
export class Prefill extends Disposable {
  /** The number of tokens of each `read`. */
  readonly steps: number;
  private readonly program: Program;
  private readonly input: string;

  constructor(model: Model, program: Program, steps: number) {
    super();
    this.input = inputOf(model);
    this.program = program;
    this.steps = steps;
  }

  /** The states of a slot after `steps` more tokens. */
  read(state: SlotState, tokens: Int32Array): SlotState {
    const { program } = this;
    const states = Object.entries(program.plan.states);
    let at = 0;
    for (const [name, { size }] of states) {
      program.setState(name, state.subarray(at, at + size));
      at += size;
    }
    // A model without states has nothing to read.
    if (states.length === 0) return state;
    program.setIndex(this.input, tokens);
    program.runSync();
    const after = new Float32Array(state.length);
    at = 0;
    for (const [name, { size }] of states) {
      after.set(program.state(name), at);
      at += size;
    }
    return after;
  }

  dispose(): void {
    this.program.dispose();
  }
}
