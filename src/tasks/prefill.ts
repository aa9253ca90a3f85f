/**
 * Many tokens of one text at once: what its state is after them, to the bit what reading them one by one makes of it, without
 * the logits that nobody draws from. Knows nothing about text.
 */
import type { HostOptions } from "../engines/engine.ts";
import { bind } from "../nn/bind.ts";
import type { Model } from "../nn/model.ts";
import { checkReadsForward } from "../nn/model-checks.ts";
import { modelGraph } from "../nn/model-graph.ts";
import { Disposable } from "../runtime/disposable.ts";
import type { Program } from "../runtime/program.ts";
import { multiplyAdds } from "../schedule/plan.ts";
import type { SlotState } from "./slots.ts";

/** Tokens that it reads at once: as many as take a few milliseconds, so that others get their turn in between. */
const [minSteps, maxSteps] = [8, 128];
const worthReading = 2 ** 25;

/** @throws InputError for a model that goes backwards */
export async function createPrefill(model: Model, host: HostOptions = {}): Promise<Prefill> {
  checkReadsForward(model, "generate");
  const graph = () => modelGraph(model, { training: false, goesOn: true }).graph;
  const load = (steps: number) =>
    bind(model, { purpose: ["prefill"], graph, steps, batch: 1, keep: [] }, host, { sync: true, owner: "prefill" });
  const shortest = await load(minSteps);
  const perStep = multiplyAdds(shortest.plan) / minSteps;
  const steps = 2 ** Math.floor(Math.log2(worthReading / Math.max(1, perStep)));
  if (steps <= minSteps) return new Prefill(shortest, minSteps);
  shortest.dispose();
  return new Prefill(await load(Math.min(maxSteps, steps)), Math.min(maxSteps, steps));
}

/** Owns the program until it is disposed of. */
export class Prefill extends Disposable {
  /** Tokens of each `read`. */
  readonly steps: number;
  private readonly program: Program;

  constructor(program: Program, steps: number) {
    super();
    this.program = program;
    this.steps = steps;
  }

  /** What a slot remembers after so many more tokens. */
  read(state: SlotState, tokens: Int32Array): SlotState {
    const { program } = this;
    const states = Object.entries(program.plan.states);
    let at = 0;
    for (const [name, { size }] of states) {
      program.setState(name, state.subarray(at, at + size));
      at += size;
    }
    // A model that remembers nothing reads nothing.
    if (states.length === 0) return state;
    program.setIndex("tokens", tokens);
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
