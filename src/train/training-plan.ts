/** The plan of one training step: the model's forward and backward pass, then clipping and the optimiser, over one memory. */
import type { HostOptions } from "../engines/engine.ts";
import { hostRules } from "../engines/registry.ts";
import { grad } from "../grad/grad.ts";
import { addCell } from "../graph/cell.ts";
import { type Builder, createBuilder, type NodeId, type Steps } from "../graph/graph.ts";
import { InputError } from "../graph/input-error.ts";
import type { StateOptions } from "../graph/instantiate.ts";
import { type Arguments, alias, options as optionsOf, type Schema } from "../graph/schema.ts";
import { size } from "../nn/layers.ts";
import type { Model } from "../nn/model.ts";
import { aModel } from "../nn/model-checks.ts";
import { lossInputs } from "../nn/model-graph.ts";
import { onceForEqual } from "../nn/once-for-equal.ts";
import { aSeed } from "../nn/random.ts";
import { joinPlans } from "../schedule/join-plans.ts";
import type { Plan } from "../schedule/plan.ts";
import { schedule } from "../schedule/schedule.ts";
import type { Target } from "../schedule/target.ts";
import { sizesRules } from "./checks.ts";
import { aCommunicator, type Communicator } from "./communicator.ts";
import { dropConnectRates, dropWeights, scheduleDropped } from "./drop-connect.ts";
import { accumulateGradients, clipByGlobalNorm, clipByValue } from "./gradient-cells.ts";
import { lossGraph, purposeOf } from "./loss-graph.ts";
import { aLoss, defaultLoss, type Loss, type LossName } from "./losses.ts";
import { type MetricName, metricNames } from "./metrics.ts";
import { amount } from "./number-rules.ts";
import { adam, anOptimizer, type Optimizer } from "./optimizers.ts";

/** Options of `createTrainer`; also the host's: `engine`, `threads`, `fma`, `precision`. */
export type TrainerOptions = HostOptions & {
  /** Examples per update. */
  readonly batch: number;
  /** Time steps per update, as far as gradients reach back: of all sequences, or of each time of the model. */
  readonly steps: Steps;
  /** The optimiser. Default `adam()`. */
  readonly optimizer?: Optimizer;
  /** The loss: a name, or one with options such as `huber({ delta: 2 })`. Default "sparse_categorical_crossentropy". */
  readonly loss?: LossName | Loss;
  /** Largest global norm of the gradients (Keras's `global_clipnorm`). By default no clipping. */
  readonly clipNorm?: number;
  /** Largest norm of each parameter's gradient (Keras's `clipnorm`), instead of `clipNorm`. */
  readonly clipNormEach?: number;
  /** Largest absolute value of each number of the gradients, applied before norms (Keras's `clipvalue`). By default none. */
  readonly clipValue?: number;
  /** Gradient accumulation: one optimiser step per this many batches, with their mean gradient. Default 1. */
  readonly accumulate?: number;
  /** Metrics, computed in the same run as the loss, with dropout. Default none. */
  readonly metrics?: readonly MetricName[];
  /** Seed of the dropout masks. Default 0. */
  readonly seed?: number;
  /**
   * What connects this process with others that train the same model, as `connect` of `unrolled/distributed` makes it: each computes its
   * part of every batch. By default this process is alone.
   */
  readonly distributed?: Communicator | undefined;
  /**
   * With several processes: after how many updates of its own part of each batch a process exchanges what it has learned with the others, by
   * an outer step with Nesterov's momentum (DiLoCo). For slow links. Default 1: every update is one of all processes.
   */
  readonly syncEvery?: number | undefined;
};

/** The options that every kind of training has. */
export const trainingRules: Schema<Omit<TrainerOptions, "batch" | "steps" | "syncEvery">> = {
  ...hostRules,
  optimizer: alias(anOptimizer, "optim", "optimiser"),
  loss: alias(aLoss, "criterion"),
  clipNorm: alias(amount, "globalClipnorm", "maxNorm", "maxGradNorm"),
  clipNormEach: alias(amount, "clipnorm"),
  clipValue: amount,
  accumulate: alias(size, "gradientAccumulationSteps"),
  metrics: metricNames,
  seed: aSeed,
  distributed: aCommunicator,
};
export const trainerArguments: Arguments = {
  model: aModel,
  options: optionsOf<TrainerOptions>({ ...trainingRules, ...sizesRules, syncEvery: size }),
};

/**
 * The plan of one training step: the model's, followed by the optimiser's over all parameters at once. The optimiser's
 * states are slots of the plan; accumulated gradients are the slot "gathered".
 * @param inParts where it is to run in parts
 */
export function trainingPlan(model: Model, options: TrainerOptions, target: Target, inParts?: InParts): Plan {
  const { batch, steps, precision, loss = defaultLoss, metrics = [] } = options;
  const { clipNorm, clipNormEach, clipValue, accumulate = 1 } = options;
  const optimizer = options.optimizer ?? adam();
  if (clipNorm !== undefined && clipNormEach !== undefined) {
    throw new InputError("training: clipNorm and clipNormEach exclude each other. Give one of them.");
  }
  const { cell, slots, decayOf } = optimizer;
  const clips = [clipNorm, clipNormEach, clipValue].map((given) => given !== undefined);
  const hangsOn = [
    target.name,
    precision,
    steps,
    batch,
    metrics,
    { cell },
    slots,
    decayOf !== undefined,
    clips,
    accumulate > 1,
    inParts !== undefined,
  ];
  const purpose = purposeOf(loss, ["train", hangsOn]);
  const make = () => planned(model, { ...options, optimizer }, target, inParts);
  return purpose === undefined ? make() : onceForEqual(model, purpose, make);
}

/** Makes the plan one in parts; `main`: the section that computes the gradients. */
type InParts = (plan: Plan, main: number) => Plan;

function planned(
  model: Model,
  options: TrainerOptions & { readonly optimizer: Optimizer },
  target: Target,
  inParts: InParts = (plan) => plan,
): Plan {
  const { batch, steps, precision, optimizer, loss = defaultLoss } = options;
  const { clipNorm, clipNormEach, clipValue, accumulate = 1, metrics } = options;
  const forward = lossGraph(model, { loss, training: true, metrics, steps });
  const rates = dropConnectRates(model);
  const first = scheduleDropped(grad(forward), { target, steps, batch, precision }, rates);
  const { numbers, gradients } = first.slabs;
  if (gradients === undefined) return first;

  const g = createBuilder();
  let gradient = dropWeights(g, g.input(lossInputs.gradient, numbers), first, rates);
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
  const decay = optimizer.decayOf && { decay: g.input(lossInputs.decay, numbers) };
  const states = accumulate > 1 ? whereDue(g) : {};
  addCell(g, optimizer.cell, { layer: "", inputs: { g: gradient, ...decay }, states });
  const slots = [...optimizer.slots, ...(accumulate > 1 ? ["gathered"] : [])].filter((slot) => slot !== "w");
  const second = schedule(g.graph({}), {
    ...{ target, steps: 1, batch: 1, after: first },
    inputs: { [lossInputs.gradient]: "gradients" },
    inPlace: { w: "parameters", ...Object.fromEntries(slots.map((slot) => [slot, "own" as const])) },
  });
  return inParts(joinPlans(first, second), first.sections.length - 1);
}

/** While gradients are accumulated the optimiser's states do not change, like a cell's at a masked step. */
function whereDue(g: Builder): StateOptions {
  const due = g.runtimeScalar("due");
  const rest = g.sub(g.constant(1), due);
  return { next: (_, before, now) => g.add(g.mul(due, now), g.mul(rest, before)) };
}

/** The weight decay of each number of the parameters; 0 for the padding between them. */
export function decays(plan: Plan, decayOf: NonNullable<Optimizer["decayOf"]>): Float32Array {
  const values = new Float32Array(plan.slabs.numbers);
  const all = Object.keys(plan.parameters);
  for (const [name, { start, size }] of Object.entries(plan.parameters)) {
    values.fill(decayOf(name, all), start, start + size);
  }
  return values;
}
