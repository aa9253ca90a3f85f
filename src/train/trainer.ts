/**
 * One training step as one program: forward, backward, clipping and the optimiser. Knows nothing about where the
 * examples come from.
 */

import type { HostOptions } from "../engines/engine.ts";
import { engineOf, hostRules } from "../engines/registry.ts";
import { grad } from "../grad/grad.ts";
import { addCell } from "../graph/cell.ts";
import { type Builder, createBuilder, type NodeId } from "../graph/graph.ts";
import { InputError } from "../graph/input-error.ts";
import type { StateOptions } from "../graph/instantiate.ts";
import {
  type Arguments,
  alias,
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
import { aModel, checkSteps, type Model, onceForEqual, statesOf } from "../nn/model.ts";
import { aSeed } from "../nn/random.ts";
import { Disposable } from "../runtime/disposable.ts";
import { load, type Program } from "../runtime/program.ts";
import type { Plan } from "../schedule/plan.ts";
import { joinPlans, schedule } from "../schedule/schedule.ts";
import type { Target } from "../schedule/target.ts";
import { type Inputs, sizesRules } from "./checks.ts";
import { dropConnectRates, dropWeights, scheduleDropped } from "./drop-connect.ts";
import { createFeed, type Feed, type FeedOptions, feedRules } from "./feed.ts";
import { lossGraph, purposeOf } from "./loss-graph.ts";
import { aLoss, defaultLoss, type Loss, type LossName } from "./losses.ts";
import { type MetricName, metricNames, namesOfMetrics } from "./metrics.ts";
import {
  accumulateGradients,
  adam,
  amount,
  anOptimizer,
  clipByGlobalNorm,
  clipByValue,
  type Optimizer,
} from "./optimizers.ts";

/** Defaults: Adam, sparse categorical cross-entropy, no clipping, a step after every batch, no metrics, seed 0. */
export type TrainerOptions = HostOptions & {
  /** Examples side by side, and time steps that the gradient reaches back. */
  readonly batch: number;
  readonly steps: number;
  readonly optimizer?: Optimizer;
  /** Its name, or one with options: `huber({ delta: 2 })`. */
  readonly loss?: LossName | Loss;
  /** Largest global norm of the gradients; none where absent. */
  readonly clipNorm?: number;
  /** Largest norm of the gradient of each parameter alone (Keras's `clipnorm`), instead of `clipNorm`. */
  readonly clipNormEach?: number;
  /** Largest absolute value of each number of a gradient, before its norm counts; none where absent. */
  readonly clipValue?: number;
  /** Batches whose mean gradient makes one step of the optimiser, as if they were one. */
  readonly accumulate?: number;
  /** Measured in the same run as the loss, on what training sees. */
  readonly metrics?: readonly MetricName[];
  /** Of the dropout masks. */
  readonly seed?: number;
};

/** Of a training of any kind. */
export const trainingRules: Schema<Omit<TrainerOptions, "batch" | "steps">> = {
  ...hostRules,
  optimizer: alias(anOptimizer, "optim", "optimiser"),
  loss: alias(aLoss, "criterion"),
  clipNorm: alias(amount, "globalClipnorm", "maxNorm", "maxGradNorm"),
  clipNormEach: alias(amount, "clipnorm"),
  clipValue: amount,
  accumulate: alias(size, "gradientAccumulationSteps"),
  metrics: metricNames,
  seed: aSeed,
};
export const trainerArguments: Arguments = {
  model: aModel,
  options: optionsOf<TrainerOptions>({ ...trainingRules, ...sizesRules }),
};

/**
 * The plan of one training step: the model's, then the optimiser's over all parameters at once. The optimiser's states are
 * slots of it, and gradients that are gathered for its next step the slot "gathered".
 */
export function trainingPlan(model: Model, options: TrainerOptions, target: Target): Plan {
  const { batch, steps, loss = defaultLoss, clipNorm, clipNormEach, clipValue, accumulate = 1, metrics = [] } = options;
  const optimizer = options.optimizer ?? adam();
  if (clipNorm !== undefined && clipNormEach !== undefined) {
    throw new InputError("training: clipNorm and clipNormEach are two ways to do one thing. Give one of them.");
  }
  const { cell, slots, decayOf } = optimizer;
  const clips = [clipNorm, clipNormEach, clipValue].map((given) => given !== undefined);
  const hangsOn = [target.name, steps, batch, metrics, { cell }, slots, decayOf !== undefined, clips, accumulate > 1];
  const purpose = purposeOf(loss, ["train", hangsOn]);
  const make = () => planned(model, { ...options, optimizer }, target);
  return purpose === undefined ? make() : onceForEqual(model, purpose, make);
}

function planned(model: Model, options: TrainerOptions & { readonly optimizer: Optimizer }, target: Target): Plan {
  const { batch, steps, optimizer, loss = defaultLoss } = options;
  const { clipNorm, clipNormEach, clipValue, accumulate = 1, metrics } = options;
  const forward = lossGraph(model, { loss, training: true, metrics });
  const rates = dropConnectRates(model);
  const first = scheduleDropped(grad(forward), { target, steps, batch }, rates);
  const { numbers, gradients } = first.slabs;
  if (gradients === undefined) return first;

  const g = createBuilder();
  let gradient = dropWeights(g, g.input("g", numbers), first, rates);
  if (accumulate > 1) gradient = addCell(g, accumulateGradients, { layer: "", inputs: { g: gradient } }).output;
  if (clipValue !== undefined) {
    gradient = addCell(g, clipByValue, { layer: "", inputs: { g: gradient } }).output;
  }
  const scaled = (part: NodeId): NodeId => addCell(g, clipByGlobalNorm, { layer: "", inputs: { g: part } }).output;
  if (clipNorm !== undefined) gradient = scaled(gradient);
  if (clipNormEach !== undefined) {
    const whole = gradient;
    const parts = Object.values(first.parameters);
    gradient = g.concat(parts.map(({ start, room }) => scaled(g.slice(whole, start, room))));
  }
  const decay = optimizer.decayOf && { decay: g.input("decay", numbers) };
  const states = accumulate > 1 ? whereDue(g) : {};
  addCell(g, optimizer.cell, { layer: "", inputs: { g: gradient, ...decay }, states });
  const slots = [...optimizer.slots, ...(accumulate > 1 ? ["gathered"] : [])].filter((slot) => slot !== "w");
  const second = schedule(g.graph({}), {
    ...{ target, steps: 1, batch: 1, after: first },
    inputs: { g: "gradients" },
    inPlace: { w: "parameters", ...Object.fromEntries(slots.map((slot) => [slot, "own" as const])) },
  });
  return joinPlans(first, second);
}

/** While gradients are gathered the optimiser stands still, as a cell does at a masked step. */
function whereDue(g: Builder): StateOptions {
  const due = g.setting("due");
  const rest = g.sub(g.constant(1), due);
  return { next: (_, before, now) => g.add(g.mul(due, now), g.mul(rest, before)) };
}

/** A weight decay for each number of the parameters; none for the padding between them. */
function decays(plan: Plan, decayOf: NonNullable<Optimizer["decayOf"]>): Float32Array {
  const values = new Float32Array(plan.slabs.numbers);
  const all = Object.keys(plan.parameters);
  for (const [name, { start, size }] of Object.entries(plan.parameters)) {
    values.fill(decayOf(name, all), start, start + size);
  }
  return values;
}

/**
 * Training with each update in hand; `fit` and `fitStream` are made of it.
 * @throws InputError for options out of their range, and where a `repeatVector` wants another number of steps
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
  const { target } = await engineOf(options.engine);
  const plan = trainingPlan(model, all, target);
  const decay = optimizer.decayOf && decays(plan, optimizer.decayOf);
  const program = await load(plan, options, { owner: "trainer" });
  if (decay && plan.inputs.decay) program.setInput("decay", decay);
  return new Trainer(model, all, program);
}

/** Owns the program until it is disposed of; the model's own values change only by `save`. */
export class Trainer extends Disposable {
  readonly program: Program;
  readonly model: Model;
  readonly options: TrainerOptions & { readonly optimizer: Optimizer };
  private readonly optimizer: Optimizer;
  private readonly seed: number;
  private readonly accumulate: number;
  private readonly stateful: readonly string[];
  private readonly feed: Feed;
  /** Steps taken so far, of the optimiser; and runs of the program, which differ where gradients are gathered. */
  private taken = 0;
  private runs = 0;
  /** Batches and outputs whose gradients are gathered for the next step. */
  private gathered = { batches: 0, outputs: 0 };
  /** Outputs that the mean loss of the last update is over. */
  private outputs = 0;

  constructor(model: Model, options: Trainer["options"], program: Program) {
    const { batch, steps, optimizer, clipNorm, clipNormEach, clipValue, accumulate = 1, seed = 0 } = options;
    super();
    this.model = model;
    this.options = options;
    this.program = program;
    this.optimizer = optimizer;
    this.seed = seed;
    this.accumulate = accumulate;
    this.stateful = statesOf(model, ({ stateful }) => stateful);
    this.feed = createFeed(model, program, { steps, batch });
    const norm = clipNorm ?? clipNormEach;
    if (norm !== undefined) program.setSetting("clip", norm);
    if (clipValue !== undefined) program.setSetting("limit", clipValue);
    program.setParameters(model.values);
  }

  /** Steps of the optimiser so far, those before a `restore` included. */
  get step(): number {
    return this.taken;
  }
  /** Outputs that counted in the last update: its loss is the mean over them, and totals of metrics are over them. */
  get counted(): number {
    return this.outputs;
  }
  /** Keys of the dropout masks of the next update. */
  get keys(): readonly [number, number] {
    return [this.seed, this.runs + 1];
  }

  /**
   * One update. Tokens (T,B), or vectors (T,B,D), by name where the model has several inputs, and targets: indices (T,B)
   * or vectors (T,B,V), flat, time first; for a model that gives one output a sequence the targets are (B) or (B,V).
   * Masked steps do not count; where nothing does, the loss is 0 and the gradients are zeros. The states start from where the last call left them, unless `resetStates` is called. With
   * `accumulate` the parameters change at every so manieth call, or where `last` says that no more batches come.
   * @returns the mean loss before the update
   * @throws InputError for numbers that do not fit, and while an earlier call goes on; then nothing has changed
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
    this.outputs = this.feed(inputs, targets, options);
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
    program.setKeys(...this.keys);
    this.runs++;
    if (due) {
      this.taken++;
      this.gathered = { batches: 0, outputs: 0 };
    }
    await program.run();
    program.advanceStates();
    await program.fetch();
    return program.total("loss");
  }
  /** Zeros for all states. */
  resetStates(): void {
    this.program.resetStates();
  }
  /** Zeros for the states of layers that are not `stateful`: what comes next is another batch, not more of the last. */
  startBatch(): void {
    this.program.resetStates(this.stateful);
  }
  /** Copy the trained values, or their average, into the model, unless one is infinite or NaN. Gives whether it did. */
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
   * What training needs to go on later, to the same bits: copies. `values` are those that will be the model's then; where
   * the newest are others, the state has them.
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
    return {
      step: this.taken,
      slots: Object.fromEntries([...kept].map((slot) => [slot, copies(slot)])),
      runs: this.runs,
      states: Object.fromEntries(Object.keys(program.plan.states).map((name) => [name, program.start(name)])),
      ...(gathered.batches > 0 && { gathered: { ...gathered } }),
    };
  }
  /** @throws InputError for a state of another optimiser, model or batch; then nothing has changed */
  restore(state: TrainerState): void {
    checkOptions("training: the state to go on from", state, stateRules);
    const { step, slots, runs = step * this.accumulate, states = {}, gathered } = state;
    const { program, optimizer } = this;
    const own = this.kept();
    const given = Object.keys(slots);
    const fits = (slot: string): boolean =>
      (own.includes(slot) || (others.includes(slot) && slot in program.plan.slots)) &&
      Object.entries(program.plan.parameters).every(([name, { size }]) => slots[slot]?.[name]?.length === size);
    if (!own.every((slot) => given.includes(slot)) || !given.every(fits)) {
      throw new InputError(
        `training: the state to go on from has ${given.join(", ") || "nothing"} for the parameters of its ` +
          `model; ${optimizer.name} keeps ${own.join(", ") || "nothing"} for those of this one. Give the same optimiser and model.`,
      );
    }
    for (const [name, values] of Object.entries(states)) {
      const { rows, size } = program.plan.states[name] ?? { rows: 0, size: 0 };
      if (values.length === rows * size) continue;
      throw new InputError(
        `training: the state to go on from has ${values.length} numbers of ${name}, this training ${rows * size}. ` +
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
    for (const [name, values] of Object.entries(states)) program.setState(name, values);
  }
  /** The slots of the optimiser. */
  private kept(): readonly string[] {
    return this.optimizer.slots.filter((slot) => slot in this.program.plan.slots);
  }
  /**
   * Go on where another trainer of the same model and options stands, whose batches have other sizes: with its parameters,
   * optimiser and gathered gradients, and the states of `stateful` layers, of as many examples.
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

/** Weights of the outputs, which examples of the batch count, and where the batches end. */
export type UpdateOptions = FeedOptions & {
  /** Take the optimiser's step though fewer batches than `accumulate` have come. */
  readonly last?: boolean;
};

const updateRules: Schema<UpdateOptions> = { ...feedRules, last: flag };

/** What a state has besides the optimiser's own slots, where there is something to say. */
const others = ["w", "gathered"];

/** What training goes on from, for a file too. Older ones have the first two fields alone. */
export type TrainerState = {
  /** Steps taken. */
  readonly step: number;
  /** The optimiser's numbers by slot and parameter; as "w" the newest values, where the model itself has others. */
  readonly slots: Readonly<Record<string, Readonly<Record<string, Float32Array>>>>;
  /** Updates, which are more than the steps where gradients are gathered: masks of dropout depend on them. */
  readonly runs?: number;
  /** What the model's states start from (B,H), by name. */
  readonly states?: Readonly<Record<string, Float32Array>>;
  /** The batches and outputs whose mean gradient is in the slot "gathered". */
  readonly gathered?: { readonly batches: number; readonly outputs: number };
  /** Where the loop around the updates stands: plain data of `fit` or `fitStream`, which check it. */
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
