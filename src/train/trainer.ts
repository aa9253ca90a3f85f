/**
 * One training step as one program: forward, backward, clipping and the optimiser. Knows nothing about where the
 * examples come from.
 */
import { grad } from "../grad/grad.ts";
import { addCell } from "../graph/cell.ts";
import { createBuilder, type Graph } from "../graph/graph.ts";
import { addModel, type Model } from "../nn/model.ts";
import { type LoadOptions, load, type Program } from "../runtime/program.ts";
import { aligned } from "../schedule/memory.ts";
import type { Plan } from "../schedule/plan.ts";
import { joinPlans, type ScheduleOptions, schedule } from "../schedule/schedule.ts";
import { createFeed, type Feed } from "./feed.ts";
import { type LossName, losses } from "./losses.ts";
import { adam, clipByGlobalNorm, type Optimizer } from "./optimizers.ts";

/** The model with its loss, each output weighted by the input "weight". */
export function lossGraph(model: Model, { loss, training }: { loss: LossName; training: boolean }): Graph {
  const g = createBuilder();
  const { output, mask } = addModel(g, model, { training });
  const rule = losses[loss];
  const once = g.isOnce(output);
  const target =
    rule.target === "index" ? g.index("target", { once }) : g.input("target", g.shapeOf(output) as number, { once });
  const weight = g.input("weight", "scalar", { once });
  const weighted = g.mul(rule.build(g, output, target), mask === undefined ? weight : g.mul(weight, mask));
  g.total("loss", weighted);
  return g.graph({ output, loss: weighted });
}

export type TrainerOptions = LoadOptions & {
  /** Examples side by side, and time steps that the gradient reaches back. */
  readonly batch: number;
  readonly steps: number;
  readonly optimizer?: Optimizer;
  readonly loss?: LossName;
  /** Largest global norm of the gradients; none where absent. */
  readonly clipNorm?: number;
  /** Of the dropout masks. */
  readonly seed?: number;
};

/** Where an optimiser keeps its states: by slot ("m"), all parameters in one run, laid out as in the program. */
type Slots = Readonly<Record<string, number>>;

/** The plan of one training step: the model's, then the optimiser's over all parameters at once. */
export function trainingPlan(model: Model, options: TrainerOptions): { plan: Plan; slots: Slots } {
  const { batch, steps, optimizer = adam(), loss = "sparse_categorical_crossentropy", clipNorm } = options;
  const forward = lossGraph(model, { loss, training: true });
  const first = schedule(grad(forward), { steps, batch });
  const { floats, offset: gradients } = first.gradientSlab;
  if (floats === 0) return { plan: first, slots: {} };

  let base = first.bytes;
  const slots: Record<string, number> = {};
  for (const slot of optimizer.slots) {
    slots[slot] = aligned(base);
    base = aligned(base) + 4 * floats;
  }
  const g = createBuilder();
  let gradient = g.input("g", floats);
  if (clipNorm !== undefined) {
    gradient = addCell(g, clipByGlobalNorm, { layer: "", inputs: { g: gradient } }).output;
  }
  addCell(g, optimizer.cell, { layer: "", inputs: { g: gradient } });
  const update: ScheduleOptions = {
    steps: 1,
    batch: 1,
    base,
    inputs: { g: gradients },
    inPlace: { w: first.parameterSlab.offset, ...slots },
  };
  const plan = joinPlans(first, schedule(g.graph({}), update));
  const states = Object.entries(slots).map(([name, offset]) => ({ name, offset, bytes: 4 * floats }));
  const memory = [...plan.memory, ...states].sort((a, b) => a.offset - b.offset);
  return { plan: { ...plan, memory, changesParameters: true }, slots };
}

export async function createTrainer(model: Model, options: TrainerOptions): Promise<Trainer> {
  const { plan, slots } = trainingPlan(model, options);
  return new Trainer(model, options, await load(plan, options), slots);
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
    { batch, steps, optimizer = adam(), clipNorm, seed = 0 }: TrainerOptions,
    program: Program,
    slots: Slots,
  ) {
    this.model = model;
    this.program = program;
    this.optimizer = optimizer;
    this.slots = slots;
    this.seed = seed;
    this.feed = createFeed(model, program, { steps, batch });
    if (clipNorm !== undefined) program.setSetting("clip", clipNorm);
    for (const { name } of model.parameters) program.setParameter(name, model.values[name] as Float32Array);
  }

  get step(): number {
    return this.taken;
  }

  /**
   * One update. Tokens (T,B), or vectors (T,B,D), and targets: indices (T,B) or vectors (T,B,V), flat, time first; for a
   * model that gives one output a sequence the targets are (B) or (B,V). Masked steps do not count. The states start from where the last call left them, unless `resetStates` is called.
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
  /** Copy the trained values into the model, unless one is infinite or NaN. Gives whether it did. */
  save(): boolean {
    if (!this.program.parameterSlab().every(Number.isFinite)) return false;
    for (const { name } of this.model.parameters) this.model.values[name]?.set(this.program.parameter(name));
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
