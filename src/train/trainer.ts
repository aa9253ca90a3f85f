/**
 * One training step as one program: forward, backward, clipping and the optimiser. Knows nothing about where the
 * examples come from.
 */
import { grad } from "../grad/grad.ts";
import { addCell } from "../graph/cell.ts";
import { createBuilder, type Graph, type NodeId } from "../graph/graph.ts";
import { InputError } from "../graph/input-error.ts";
import { addModel, type Model } from "../nn/model.ts";
import { type LoadOptions, load, type Program } from "../runtime/program.ts";
import { aligned } from "../schedule/memory.ts";
import { type Plan, pad4, parameterRuns } from "../schedule/plan.ts";
import { joinPlans, type ScheduleOptions, schedule } from "../schedule/schedule.ts";
import { dropConnectRates, dropWeights, withDroppedWeights } from "./drop-connect.ts";
import { createFeed, type Feed } from "./feed.ts";
import { type Loss, type LossName, lossOf } from "./losses.ts";
import { adam, clipByGlobalNorm, clipByValue, inside, type Optimizer } from "./optimizers.ts";

/** The model with its loss, each output weighted by the input "weight". */
export function lossGraph(model: Model, { loss, training }: { loss: LossName | Loss; training: boolean }): Graph {
  const g = createBuilder();
  const { output, flow } = addModel(g, model, { training });
  const rule = lossOf(loss);
  const once = g.isOnce(output);
  const target =
    rule.target === "index" ? g.index("target", { once }) : g.input("target", g.shapeOf(output) as number, { once });
  const weight = g.input("weight", "scalar", { once });
  const weighted = g.mul(rule.build(g, output, target), flow.mask === undefined ? weight : g.mul(weight, flow.mask));
  g.total("loss", weighted);
  return g.graph({ output, loss: weighted });
}

export type TrainerOptions = LoadOptions & {
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
  /** Of the dropout masks. */
  readonly seed?: number;
};

/** Where an optimiser keeps its states: by slot ("m"), all parameters in one run, laid out as in the program. */
type Slots = Readonly<Record<string, number>>;

/** The plan of one training step: the model's, then the optimiser's over all parameters at once. */
export function trainingPlan(model: Model, options: TrainerOptions): { plan: Plan; slots: Slots } {
  const { batch, steps, optimizer = adam(), loss = "sparse_categorical_crossentropy" } = options;
  const { clipNorm, clipNormEach, clipValue } = options;
  for (const [name, value] of Object.entries({ clipNorm, clipNormEach, clipValue })) {
    if (value !== undefined) inside(`training: ${name}`, value, 0, Number.POSITIVE_INFINITY);
  }
  if (clipNorm !== undefined && clipNormEach !== undefined) {
    throw new InputError("training: clipNorm and clipNormEach are two ways to do one thing. Give one of them.");
  }
  const forward = lossGraph(model, { loss, training: true });
  const rates = dropConnectRates(model);
  const first = withDroppedWeights(schedule(grad(forward), { steps, batch }), rates);
  const { floats, offset: gradients } = first.gradientSlab;
  if (floats === 0) return { plan: first, slots: {} };

  let base = first.bytes;
  const slots: Record<string, number> = {};
  for (const slot of optimizer.slots) {
    if (slot === "w") continue;
    slots[slot] = aligned(base);
    base = aligned(base) + 4 * floats;
  }
  const g = createBuilder();
  let gradient = dropWeights(g, g.input("g", floats), first, rates);
  if (clipValue !== undefined) {
    gradient = addCell(g, clipByValue, { layer: "", inputs: { g: gradient } }).output;
  }
  const scaled = (part: NodeId): NodeId => addCell(g, clipByGlobalNorm, { layer: "", inputs: { g: part } }).output;
  if (clipNorm !== undefined) gradient = scaled(gradient);
  if (clipNormEach !== undefined) {
    const whole = gradient;
    gradient = g.concat(parameterRuns(first).map(({ start, size }) => scaled(g.slice(whole, start, pad4(size)))));
  }
  const decay = optimizer.decayOf && { decay: g.input("decay", floats) };
  addCell(g, optimizer.cell, { layer: "", inputs: { g: gradient, ...decay } });
  const update: ScheduleOptions = {
    steps: 1,
    batch: 1,
    base,
    keys: first.keys,
    inputs: { g: gradients },
    inPlace: { w: first.parameterSlab.offset, ...slots },
  };
  const second = schedule(g.graph({}), update);
  const plan = joinPlans(first, second);
  const states = Object.entries(slots).map(([name, offset]) => ({ name, offset, bytes: 4 * floats }));
  const memory = [...plan.memory, ...states].sort((a, b) => a.offset - b.offset);
  const inputs = { ...plan.inputs, ...second.inputs };
  if (optimizer.slots.includes("w")) slots.w = first.parameterSlab.offset;
  return { plan: { ...plan, inputs, memory, changesParameters: true }, slots };
}

/** A weight decay for each number of the parameters; none for the padding between them. */
function decays(plan: Plan, decayOf: (parameter: string) => number): Float32Array {
  const values = new Float32Array(plan.parameterSlab.floats);
  for (const { name, start, size } of parameterRuns(plan)) values.fill(decayOf(name), start, start + size);
  return values;
}

export async function createTrainer(model: Model, options: TrainerOptions): Promise<Trainer> {
  const { plan, slots } = trainingPlan(model, options);
  const decay = options.optimizer?.decayOf && decays(plan, options.optimizer.decayOf);
  const program = await load(plan, options);
  if (decay && plan.inputs.decay) program.setInput("decay", decay);
  return new Trainer(model, options, program, slots);
}

/** Owns the program; the model's own values change only by `save`. */
export class Trainer {
  readonly program: Program;
  private readonly model: Model;
  private readonly optimizer: Optimizer;
  private readonly slots: Slots;
  private readonly seed: number;
  private readonly feed: Feed;
  /** Steps taken so far. */
  private taken = 0;

  constructor(
    model: Model,
    { batch, steps, optimizer = adam(), clipNorm, clipNormEach, clipValue, seed = 0 }: TrainerOptions,
    program: Program,
    slots: Slots,
  ) {
    this.model = model;
    this.program = program;
    this.optimizer = optimizer;
    this.slots = slots;
    this.seed = seed;
    this.feed = createFeed(model, program, { steps, batch });
    const norm = clipNorm ?? clipNormEach;
    if (norm !== undefined) program.setSetting("clip", norm);
    if (clipValue !== undefined) program.setSetting("limit", clipValue);
    for (const { name } of model.parameters) program.setParameter(name, model.values[name] as Float32Array);
  }

  get step(): number {
    return this.taken;
  }

  /**
   * One update. Tokens (T,B), or vectors (T,B,D), and targets: indices (T,B) or vectors (T,B,V), flat, time first; for a
   * model that gives one output a sequence the targets are (B) or (B,V). Masked steps do not count. The states start
   * from where the last call left them, unless `resetStates` is called.
   * @returns the mean loss before the update
   * @throws InputError for numbers that do not fit; then nothing has changed
   */
  async update(
    inputs: ArrayLike<number>,
    targets: ArrayLike<number>,
    learningRate = this.optimizer.learningRate,
  ): Promise<number> {
    const { program } = this;
    this.feed(inputs, targets);
    this.taken++;
    for (const [name, value] of Object.entries(this.optimizer.settings(this.taken, learningRate))) {
      program.setSetting(name, value);
    }
    program.setKeys(this.seed, this.taken);
    await program.run();
    program.carry();
    return program.total("loss");
  }
  resetStates(): void {
    this.program.resetStates();
  }
  /** Copy the trained values, or their average, into the model, unless one is infinite or NaN. Gives whether it did. */
  save(): boolean {
    if (!this.program.parameterSlab().every(Number.isFinite)) return false;
    const { saved = "w" } = this.optimizer;
    for (const { name } of this.model.parameters) {
      const own = saved === "w" ? this.program.parameter(name) : this.slot(saved, name);
      this.model.values[name]?.set(own);
    }
    return true;
  }

  /** What training needs to go on later: the optimiser's states by slot and parameter, and the steps taken. */
  state(): TrainerState {
    const slots: Record<string, Record<string, Float32Array>> = {};
    for (const slot of Object.keys(this.slots)) {
      slots[slot] = Object.fromEntries(this.model.parameters.map(({ name }) => [name, this.slot(slot, name).slice()]));
    }
    return { step: this.taken, slots };
  }
  restore({ step, slots }: TrainerState): void {
    this.taken = step;
    for (const [slot, values] of Object.entries(slots)) {
      for (const { name } of this.model.parameters) this.slot(slot, name).set(values[name] as Float32Array);
    }
  }
  private slot(slot: string, parameter: string): Float32Array {
    const { parameters, parameterSlab } = this.program.plan;
    const { offset, shape } = parameters[parameter] as { offset: number; shape: readonly number[] };
    const at = (this.slots[slot] as number) + offset - parameterSlab.offset;
    return this.program.floats(
      at,
      shape.reduce((a, b) => a * b, 1),
    );
  }
}

export type TrainerState = {
  readonly step: number;
  readonly slots: Readonly<Record<string, Readonly<Record<string, Float32Array>>>>;
};
