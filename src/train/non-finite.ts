/**
 * Where a training breaks: which number became infinite or NaN first. The batch that did it is run once more, from what
 * its update started from, with every named value kept. Knows nothing about where batches come from.
 */
import { grad } from "../grad/grad.ts";
import type { Graph, Node } from "../graph/graph.ts";
import { InputError } from "../graph/input-error.ts";
import { opClass } from "../graph/operations.ts";
import type { Model } from "../nn/model.ts";
import { load, type Program } from "../runtime/program.ts";
import { parameterRuns } from "../schedule/plan.ts";
import { schedule } from "../schedule/schedule.ts";
import type { Inputs } from "./checks.ts";
import { dropConnectRates, withDroppedWeights } from "./drop-connect.ts";
import { createFeed } from "./feed.ts";
import { defaultLoss } from "./losses.ts";
import { lossGraph, type Trainer, type UpdateOptions } from "./trainer.ts";

/** The loss, or a parameter, became infinite or NaN. */
export class NonFiniteLoss extends Error {
  /** Whether the model's values are later than those that it began with. */
  readonly trained: boolean;

  constructor(what: string, { good, first }: { readonly good: number; readonly first: number }) {
    super(
      `training: ${what}. The model keeps its values of update ${good}. ` +
        "Try a smaller learning rate, or clip the gradients.",
    );
    this.trained = good > first;
  }
}

/** What one update is given. */
export type Given = UpdateOptions & {
  readonly inputs: Inputs;
  readonly targets: ArrayLike<number>;
  /** What its examples are called; their places in the batch where absent. */
  readonly rows?: ArrayLike<number>;
};

/** What an update starts from. */
type Moment = {
  readonly parameters: Float32Array;
  readonly states: Readonly<Record<string, Float32Array<ArrayBuffer>>>;
  keys: readonly [number, number];
  /** The step of the optimiser that it is part of. */
  step: number;
  given: Given | undefined;
};

/** Updates that end with a reason where they break. */
export type Watch = {
  /** One update, of which is remembered what it starts from. @throws NonFiniteLoss where its loss is infinite or NaN */
  update(given: Given, learningRate?: number): Promise<number>;
  /** Copy the trained values into the model, unless one is infinite or NaN. Gives whether it did. */
  trySave(): boolean;
  /** The same. @throws NonFiniteLoss where it did not */
  save(): Promise<void>;
};

/**
 * Updates that end with a reason where they break, for `fit`, `fitStream` and loops of one's own. The arrays of a batch
 * must last until the next update is done.
 *
 * A copy of the parameters before each update costs far less than the update; looking for numbers that are none in them
 * does not, so they are looked at when they are saved, and when a loss says that it is time. By then the next update may
 * have been taken: what the last two started from is kept.
 * @example
 * const watch = createWatch(trainer);
 * const loss = await watch.update({ inputs, targets }, 0.001); // instead of trainer.update
 */
export function createWatch(trainer: Trainer): Watch {
  const { program, model } = trainer;
  const { offset, floats } = program.plan.parameterSlab;
  const slab = program.floats(offset, floats);
  const moments = [0, 1].map(
    (): Moment => ({
      parameters: new Float32Array(floats),
      states: Object.fromEntries(Object.keys(program.plan.states).map((name) => [name, program.start(name)])),
      keys: [0, 0],
      step: 0,
      given: undefined,
    }),
  ) as [Moment, Moment];
  const first = trainer.step;
  let good = first;
  let turn = 0;

  async function update(given: Given, learningRate?: number): Promise<number> {
    turn = 1 - turn;
    const moment = moments[turn] as Moment;
    moment.parameters.set(slab);
    for (const [name, values] of Object.entries(moment.states)) program.start(name, values);
    moment.keys = trainer.keys;
    moment.step = trainer.step + 1;
    moment.given = given;
    const loss = await trainer.update(given.inputs, given.targets, learningRate, given);
    if (!Number.isFinite(loss)) throw await broken(`the loss became ${loss} in update ${moment.step}`);
    return loss;
  }
  function trySave(): boolean {
    const saved = trainer.save();
    if (saved) good = trainer.step;
    return saved;
  }
  async function save(): Promise<void> {
    if (!trySave()) throw await broken("a parameter became infinite or NaN");
  }
  async function broken(symptom: string): Promise<NonFiniteLoss> {
    return new NonFiniteLoss((await cause()) ?? symptom, { good, first });
  }

  async function cause(): Promise<string | undefined> {
    const [before, last] = [moments[1 - turn] as Moment, moments[turn] as Moment];
    if (last.given && allFinite(last.parameters)) return explain(last, slab);
    if (before.given && allFinite(before.parameters)) return explain(before, last.parameters);
    const found = badParameter(program, last.given ? last.parameters : slab);
    return found && `${found.name} was already ${found.value} before update ${last.step}`;
  }
  async function explain(moment: Moment, after: Float32Array): Promise<string | undefined> {
    const { step } = moment;
    let replayed: Replayed;
    try {
      replayed = await replay(trainer, moment);
    } catch (error) {
      // Every value at once may be more than memory holds.
      if (error instanceof InputError) return undefined;
      throw error;
    }
    const value = firstBadValue(replayed, moment.given?.rows);
    if (value !== undefined) return `${value} of update ${step}`;
    const gradient = badGradient(model, replayed.program);
    if (gradient !== undefined)
      return `the gradient of ${gradient} in update ${step}, where every value of the model was finite`;
    const parameter = badParameter(program, after);
    return parameter && `${parameter.name} became ${parameter.value} in update ${step}, though its gradient was finite`;
  }
  return { update, trySave, save };
}

const allFinite = (values: Float32Array): boolean => values.every(Number.isFinite);
const firstBad = (values: Float32Array): number => values.findIndex((value) => !Number.isFinite(value));

type Replayed = {
  readonly program: Program;
  readonly graph: Graph;
  readonly names: readonly string[];
  readonly steps: number;
  readonly batch: number;
};

/** The batch of a moment once more, forward and backward, without the optimiser. */
async function replay({ model, options }: Trainer, moment: Moment): Promise<Replayed> {
  const { loss = defaultLoss, steps, batch } = options;
  const { inputs, targets, ...rest } = moment.given as Given;
  const forward = lossGraph(model, { loss, training: true });
  const named = forward.nodes.flatMap(({ op, name }, id) =>
    name === undefined || opClass[op] === "leaf" || opClass[op] === "sink" ? [] : [[name, id] as const],
  );
  const graph = grad({ ...forward, outputs: { ...Object.fromEntries(named), loss: forward.outputs.loss as number } });
  const names = Object.keys(graph.outputs);
  const plan = withDroppedWeights(schedule(graph, { steps, batch, keep: names }), dropConnectRates(model));
  const program = await load(plan, options);
  program.parameterSlab().set(moment.parameters);
  for (const [name, values] of Object.entries(moment.states)) program.setState(name, values);
  createFeed(model, program, { steps, batch })(inputs, targets, rest);
  program.setKeys(...moment.keys);
  await program.run();
  return { program, graph, names, steps, batch };
}

/** The first in time, which for layers that go backwards begins at the last step; of one time the first in the graph. */
function firstBadValue(replayed: Replayed, rows: ArrayLike<number> | undefined): string | undefined {
  const { program, graph, names, steps, batch } = replayed;
  const backwards = readsBackwards(graph);
  let found: { readonly after: number; readonly id: number; readonly text: string } | undefined;
  for (const name of names) {
    const id = graph.outputs[name] as number;
    const once = (graph.nodes[id] as Node).once === true;
    const values = program.output(name);
    const perStep = values.length / (once ? 1 : steps);
    for (let k = 0; k < (once ? 1 : steps); k++) {
      const t = backwards[id] ? steps - 1 - k : k;
      const at = firstBad(values.subarray(t * perStep, (t + 1) * perStep));
      if (at < 0) continue;
      const after = once ? steps : k;
      if (found !== undefined && (found.after < after || (found.after === after && found.id < id))) break;
      const example = Math.floor(at / (perStep / batch));
      const of = name === "loss" ? "the loss" : name;
      const where = once ? "" : ` at time step ${t}`;
      const value = values[t * perStep + at];
      found = { after, id, text: `${of} of example ${rows?.[example] ?? example} became ${value}${where}` };
      break;
    }
  }
  return found?.text;
}

/** Which values are made from the last step to the first. */
function readsBackwards({ nodes, states, forwardCount }: Graph): readonly boolean[] {
  const reverse = new Set(states.filter((state) => state.reverse).map(({ name }) => name));
  const found: boolean[] = [];
  for (const { op, name, inputs } of nodes.slice(0, forwardCount)) {
    found.push((op === "state" && reverse.has(name as string)) || inputs.some((input) => found[input] === true));
  }
  return found;
}

function badGradient({ parameters }: Model, program: Program): string | undefined {
  for (const { name } of parameters) {
    const gradient = program.gradient(name);
    const at = firstBad(gradient);
    if (at >= 0) return `${name} became ${gradient[at]}`;
  }
  return undefined;
}

/** The first parameter of all, in one run as the program has them, that is no number. */
function badParameter({ plan }: Program, slab: Float32Array): { name: string; value: number } | undefined {
  for (const { name, start, size } of parameterRuns(plan)) {
    const values = slab.subarray(start, start + size);
    const at = firstBad(values);
    if (at >= 0) return { name, value: values[at] as number };
  }
  return undefined;
}
