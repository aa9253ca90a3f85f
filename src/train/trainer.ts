/**
 * The Trainer: one training step as one program, with forward and backward pass, clipping and the optimiser.
 */

import { engineFor } from "../engines/registry.ts";
import { InputError } from "../graph/input-error.ts";
import {
  anything,
  checkArguments,
  checkOptions,
  checkValue,
  flag,
  numbers,
  options as optionsOf,
  recordOf,
  required,
  type Schema,
  wholeNumber,
} from "../graph/schema.ts";
import { size } from "../nn/layers.ts";
import type { Model } from "../nn/model.ts";
import { checkSteps } from "../nn/model-checks.ts";
import { lossInputs } from "../nn/model-graph.ts";
import { statesOf } from "../nn/model-states.ts";
import { Disposable } from "../runtime/disposable.ts";
import { load, type Program } from "../runtime/program.ts";
import { type BatchWeights, type BindBatch, batchWeightRules, createBatchBinder } from "./bind-batch.ts";
import type { Inputs } from "./checks.ts";
import type { Communicator } from "./communicator.ts";
import { namesOfMetrics } from "./metrics.ts";
import { amount } from "./number-rules.ts";
import { adam, type Optimizer } from "./optimizers.ts";
import type { Ranks } from "./ranks.ts";
import { decays, type TrainerOptions, trainerArguments, trainingPlan } from "./training-plan.ts";

/**
 * Create a trainer, for a training loop of your own: each call of `trainer.update` is one update. `fit` and `fitStream` are
 * built on it.
 * @param model the model; its values change only by `trainer.save()`
 * @param options `batch`, `steps`; see `TrainerOptions` for the others and their defaults
 * @throws InputError for options out of range, and if a `repeatVector` fixes another number of steps
 * @example
 * const trainer = await createTrainer(model, { batch: 16, steps: 32, optimizer: adam(), clipNorm: 1 });
 * const loss = await trainer.update(tokens, targets); // (T,B) each
 * trainer.dispose();
 */
export async function createTrainer(model: Model, options: TrainerOptions): Promise<Trainer> {
  checkArguments("createTrainer", { model, options }, trainerArguments);
  checkSteps(model, options.steps, "training");
  const optimizer = options.optimizer ?? adam();
  const all = Object.assign({}, options, { optimizer, metrics: namesOfMetrics(options.metrics) });
  const { target } = await engineFor(options);
  const { distributed, batch, syncEvery = 1 } = options;
  if (distributed !== undefined && syncEvery > 1 && (options.accumulate ?? 1) > 1)
    throw new InputError("training: syncEvery and accumulate exclude each other. Give one of them.");
  const several = distributed && (await import("./ranks.ts"));
  const ranks = several?.createRanks(distributed as Communicator, batch, syncEvery);
  const plan = trainingPlan(model, { ...all, batch: ranks?.room ?? batch }, target, ranks?.inParts);
  await several?.checkSameComputation(distributed as Communicator, plan);
  const decay = optimizer.decayOf && decays(plan, optimizer.decayOf);
  const program = await load(plan, options, { owner: "trainer" });
  if (decay && plan.inputs[lossInputs.decay]) program.setInput(lossInputs.decay, decay);
  return new Trainer(model, all, program, ranks);
}

/** Trains a model update by update; made by `createTrainer`. It owns its memory until `dispose()`. The model's values change only by `save()`. */
export class Trainer extends Disposable {
  readonly program: Program;
  readonly model: Model;
  readonly options: TrainerOptions & { readonly optimizer: Optimizer };
  /**
   * Whether each update copies its values from a device to the host: false for who does it before they are read.
   * @internal
   */
  fetches = true;
  private readonly optimizer: Optimizer;
  private readonly seed: number;
  private readonly accumulate: number;
  private readonly stateful: readonly string[];
  private readonly bindBatch: BindBatch;
  /** Steps of the optimiser so far; and runs of the program, which are more with gradient accumulation. */
  private taken = 0;
  private runs = 0;
  /** Batches and outputs whose gradients are accumulated for the next step. */
  private gathered = { batches: 0, outputs: 0 };
  /** The number of outputs in the mean loss of the last update. */
  private outputs = 0;
  /** With several processes: the loss and the sums of metrics of the last update, over all of them. */
  private totals: Readonly<Record<string, number>> | undefined;
  /** With several processes: this one's part; and the states of all examples after the last update, once they are gathered. */
  private readonly ranks: Ranks | undefined;
  private gatheredAt: number | undefined;
  private gatheredStates: Readonly<Record<string, Float32Array>> | undefined;

  constructor(model: Model, options: Trainer["options"], program: Program, ranks?: Ranks) {
    const { batch, steps, optimizer, clipNorm, clipNormEach, clipValue, accumulate = 1, seed = 0 } = options;
    super();
    this.model = model;
    this.options = options;
    this.program = program;
    this.optimizer = optimizer;
    this.seed = seed;
    this.accumulate = accumulate;
    this.stateful = statesOf(model, ({ stateful }) => stateful);
    this.ranks = ranks;
    const rows = ranks?.inParts === undefined ? ranks?.rows : undefined;
    this.bindBatch = createBatchBinder(model, program, { steps, batch, take: ranks?.take, rows });
    const norm = clipNorm ?? clipNormEach;
    if (norm !== undefined) program.setSetting("clip", norm);
    if (clipValue !== undefined) program.setSetting("limit", clipValue);
    program.setParameters(model.values);
  }

  /** Steps of the optimiser so far, including those before a `restore`. */
  get step(): number {
    return this.taken;
  }
  /** The number of outputs that counted in the last update: its loss is the mean, and metrics are sums, over them. */
  get validOutputs(): number {
    return this.outputs;
  }
  /** @deprecated Use `validOutputs`. */
  get counted(): number {
    return this.outputs;
  }
  /** The keys of the dropout masks of the next update: those of weights are the same in every process. */
  get keys(): readonly [number, number] {
    return [this.seed, this.runs + 1];
  }
  /** The sum of a metric over the outputs that counted in the last update. */
  total(name: string): number {
    const { totals, program } = this;
    if (totals !== undefined) return totals[name] ?? 0;
    return name in program.plan.totals ? program.total(name) : 0;
  }

  /**
   * The norm of all gradients of the last update together, before they are clipped; with `accumulate`, of its batch alone. It reads
   * all gradients at each call.
   */
  gradientNorm(): number {
    const { program, model } = this;
    return normOf(model.parameters.map(({ name }) => program.gradient(name)));
  }

  /**
   * Make one update. The states start from their last values, unless `resetStates` is called. With `accumulate: n` the
   * parameters are updated on every n-th call, or when `last` is true. Masked steps do not count; if no output counts, the
   * loss and the gradients are 0.
   * @param inputs tokens (T,B) or vectors (T,B,D), flat, time first; by name if the model has several inputs
   * @param targets classes (T,B) or vectors (T,B,V), V as the loss has it, flat, time first; (B) or (B,V) for one
   *   output per sequence
   * @param learningRate by default the optimiser's
   * @param options `weights` of the outputs, `examples` that count, `last`
   * @returns the mean loss before the update
   * @throws InputError for numbers that do not fit, and while an earlier call is still running; then nothing changes
   */
  update(
    inputs: Inputs,
    targets: ArrayLike<number>,
    learningRate = this.optimizer.learningRate,
    options: UpdateOptions = {},
  ): Promise<number> {
    return this.alone("trainer.update", () => this.updateAlone(inputs, targets, learningRate, options));
  }
  private async updateAlone(
    inputs: Inputs,
    targets: ArrayLike<number>,
    learningRate: number,
    options: UpdateOptions,
  ): Promise<number> {
    checkValue("training: learningRate", learningRate, amount);
    checkOptions("training", options, updateRules);
    const { program, accumulate, gathered } = this;
    this.outputs = this.bindBatch(inputs, targets, options);
    gathered.batches++;
    gathered.outputs += this.outputs;
    const due = gathered.batches >= accumulate || options.last === true;
    for (const [name, value] of Object.entries(this.optimizer.settings(this.taken + 1, learningRate))) {
      program.setSetting(name, value);
    }
    if (accumulate > 1 && program.plan.settings.due !== undefined) {
      program.setSetting("due", due ? 1 : 0);
      program.setSetting("part", gathered.outputs === 0 ? 1 : this.outputs / gathered.outputs);
    }
    const { keys } = this;
    program.setKeys(...keys);
    this.runs++;
    if (due) {
      this.taken++;
      this.gathered = { batches: 0, outputs: 0 };
    }
    this.gatheredStates = undefined;
    const { ranks } = this;
    if (ranks === undefined) await program.run();
    else this.totals = await ranks.run(program, keys);
    program.advanceStates();
    if (this.fetches) await program.fetch();
    return this.total("loss");
  }
  /** Set all states to zeros. */
  resetStates(): void {
    this.program.resetStates();
  }
  /** Set the states of layers that are not `stateful` to zeros, before an independent batch. */
  startBatch(): void {
    this.program.resetStates(this.stateful);
  }
  /** Copy the trained values (for `asgd` their average) into the model, unless one is infinite or NaN. Returns whether it did. */
  save(): boolean {
    const { program, model } = this;
    if (!program.hasFiniteParameters()) return false;
    const { saved = "w" } = this.optimizer;
    for (const { name } of model.parameters) {
      if (saved === "w") program.parameter(name, model.values[name]);
      else program.slot(saved, name, model.values[name]);
    }
    return true;
  }

  /**
   * A copy of everything that training needs to resume to the same bits. With several processes `gatherStates` comes before it.
   * @param values the values that the model will have then, by default its present ones. If the newest values differ from
   *   them, the state contains the newest
   */
  state(values: Readonly<Record<string, Float32Array>> = this.model.values): TrainerState {
    const { program, gathered } = this;
    const names = this.model.parameters.map(({ name }) => name);
    const changed = names.some((name) => {
      const own = program.parameter(name);
      return values[name]?.some((value, k) => !Object.is(value, own[k]));
    });
    const kept = new Set(this.kept());
    if (changed) kept.add("w");
    if (gathered.batches > 0) kept.add("gathered");
    const copies = (slot: string) => Object.fromEntries(names.map((name) => [name, program.slot(slot, name)]));
    // Without those of other processes' examples there are none: a training then starts from zeros.
    const states = this.ranks === undefined ? this.ownStates() : this.gatheredStates;
    return {
      step: this.taken,
      slots: { ...Object.fromEntries([...kept].map((slot) => [slot, copies(slot)])), ...this.outerSlot() },
      runs: this.runs,
      ...(states && { states }),
      ...(gathered.batches > 0 && { gathered: { ...gathered } }),
    };
  }
  /** The momentum of the outer steps, if there is one. */
  private outerSlot(): TrainerState["slots"] {
    const { program, ranks } = this;
    const { outer } = ranks ?? {};
    if (outer === undefined) return {};
    const parts = Object.entries(program.plan.parameters);
    return {
      [outerSlot]: Object.fromEntries(parts.map(([name, { start, size }]) => [name, outer.slice(start, start + size)])),
    };
  }
  /** The states of this process's examples that the next update starts from. */
  private ownStates(): Record<string, Float32Array<ArrayBuffer>> {
    const { program } = this;
    return Object.fromEntries(Object.keys(program.plan.states).map((name) => [name, program.start(name)]));
  }
  /** With several processes and `syncEvery`: exchange what they have learned, before it is used. Every process calls it. */
  async settle(): Promise<void> {
    await this.ranks?.settle(this.program);
  }
  /** With several processes: bring the states of all examples here, before `state` is called. Every process calls it. */
  async gatherStates(): Promise<void> {
    if (this.ranks === undefined || this.gatheredAt === this.runs) return;
    this.gatheredAt = this.runs;
    this.gatheredStates = await this.ranks.gather(this.ownStates());
  }

  /**
   * Continue from a state.
   * @param state the state, as `state()` returns it, also of another trainer of the same model and options
   * @throws InputError for a state of another optimiser, model or batch; then nothing changes
   */
  restore(state: TrainerState): void {
    checkOptions("training: the state to resume from", state, stateRules);
    const { step, slots, runs = step * this.accumulate, states = {}, gathered } = state;
    const { program, optimizer } = this;
    const own = this.kept();
    const given = Object.keys(slots).filter((slot) => slot !== outerSlot);
    const fits = (slot: string): boolean =>
      (own.includes(slot) || (others.includes(slot) && slot in program.plan.slots)) &&
      Object.entries(program.plan.parameters).every(([name, { size }]) => slots[slot]?.[name]?.length === size);
    if (!own.every((slot) => given.includes(slot)) || !given.every(fits)) {
      throw new InputError(
        `training: the state to resume from has the slots ${given.join(", ") || "none"} of its model; ${optimizer.name} ` +
          `needs ${own.join(", ") || "none"} for this one. Give the same optimiser and model.`,
      );
    }
    for (const [name, values] of Object.entries(states)) {
      const { size } = program.plan.states[name] ?? { size: 0 };
      const expected = this.options.batch * size;
      if (values.length === expected) continue;
      throw new InputError(
        `training: the state to resume from has ${values.length} numbers of ${name}, expected ${expected}. ` +
          "Give the same model and batch.",
      );
    }
    this.taken = step;
    this.runs = runs;
    this.gathered = gathered === undefined ? { batches: 0, outputs: 0 } : { ...gathered };
    for (const slot of given) {
      for (const { name } of this.model.parameters) {
        program.setSlot(slot, name, slots[slot]?.[name] as Float32Array);
      }
    }
    const { ranks, options } = this;
    if (ranks !== undefined && slots[outerSlot] !== undefined) {
      ranks.outer = new Float32Array(program.plan.slabs.numbers);
      for (const [name, { start }] of Object.entries(program.plan.parameters))
        ranks.outer.set(slots[outerSlot][name] ?? [], start);
    }
    for (const [name, values] of Object.entries(states))
      program.setState(name, ranks === undefined ? values : ranks.take(values, values.length / options.batch));
    this.gatheredStates = ranks && states;
    this.gatheredAt = ranks && state.states && runs;
  }
  /** The slots of the optimiser. */
  private kept(): readonly string[] {
    return this.optimizer.slots.filter((slot) => slot in this.program.plan.slots);
  }
  /**
   * Continue from another trainer of the same model and options but other batch sizes: take over its parameters, optimiser
   * state and accumulated gradients, and the states of `stateful` layers, which need the same number of examples.
   */
  takeOver(from: Trainer): void {
    this.taken = from.taken;
    this.runs = from.runs;
    this.gathered = { ...from.gathered };
    for (const { name } of this.model.parameters) {
      this.program.setParameter(name, from.program.parameter(name));
      for (const slot of Object.keys(this.program.plan.slots)) {
        this.program.setSlot(slot, name, from.program.slot(slot, name));
      }
    }
    for (const name of this.stateful) this.program.setState(name, from.program.start(name));
  }
  dispose(): void {
    this.program.dispose();
  }
}

/** Options of `trainer.update`. */
export type UpdateOptions = BatchWeights & {
  /** Make the optimiser's step now, though fewer batches than `accumulate` have been given. */
  readonly last?: boolean;
};

/** The norm of several arrays together, in f64. */
export function normOf(arrays: readonly Float32Array[]): number {
  let sum = 0;
  for (const values of arrays) for (let k = 0; k < values.length; k++) sum += (values[k] as number) ** 2;
  return Math.sqrt(sum);
}

const updateRules: Schema<UpdateOptions> = { ...batchWeightRules, last: flag };

/** The slot of the momentum of outer steps. */
const outerSlot = "outer";
/** Slots that a state may have besides the optimiser's. */
const others = ["w", "gathered"];

/** The state of a training to resume from, also in a file. States of older versions have only the first two fields. */
export type TrainerState = {
  /** Steps of the optimiser. */
  readonly step: number;
  /** The optimiser's numbers by slot and parameter; "w": the newest values, if those of the model differ. */
  readonly slots: Readonly<Record<string, Readonly<Record<string, Float32Array>>>>;
  /** Updates, which are more than the steps with gradient accumulation: dropout masks depend on them. */
  readonly runs?: number;
  /** The states (B,H) that the next update starts from, by name. */
  readonly states?: Readonly<Record<string, Float32Array>>;
  /** The batches and outputs whose mean gradient is in the slot "gathered". */
  readonly gathered?: { readonly batches: number; readonly outputs: number };
  /** The position of the training loop: plain data of `fit` or `fitStream`, which check it. */
  readonly place?: unknown;
};
export const stateRules: Schema<TrainerState> = {
  step: required(wholeNumber(0)),
  slots: required(recordOf(recordOf(numbers))),
  runs: wholeNumber(0),
  states: recordOf(numbers),
  gathered: optionsOf<NonNullable<TrainerState["gathered"]>>({
    batches: required(size),
    outputs: required(wholeNumber(0)),
  }),
  place: anything,
};
