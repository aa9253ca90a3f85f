/**
 * Which number became infinite or NaN first: the batch that did it is run once more, from what its update started from,
 * with every named value kept. Loaded where a training has broken.
 */
import { grad } from "../grad/grad.ts";
import type { Graph, Node } from "../graph/graph.ts";
import { InputError } from "../graph/input-error.ts";
import { opClass } from "../graph/operations.ts";
import type { Model } from "../nn/model.ts";
import { load, type Program } from "../runtime/program.ts";
import { parameterRuns } from "../schedule/plan.ts";
import { schedule } from "../schedule/schedule.ts";
import { dropConnectRates, withDroppedWeights } from "./drop-connect.ts";
import { createFeed } from "./feed.ts";
import { defaultLoss } from "./losses.ts";
import type { Given, Moment } from "./non-finite.ts";
import { lossGraph } from "./trainer.ts";

/** What broke, if it can be told, from what the last two updates started from and the parameters after them. */
export async function findCause(
  [before, last]: readonly [before: Moment, last: Moment],
  after: Float32Array,
): Promise<string | undefined> {
  if (last.given && allFinite(last.parameters)) return explain(last, after);
  if (before.given && allFinite(before.parameters)) return explain(before, last.parameters);
  const found = badParameter(last.trainer.program, last.given ? last.parameters : after);
  return found && `${found.name} was already ${found.value} before update ${last.step}`;
}

async function explain(moment: Moment, after: Float32Array): Promise<string | undefined> {
  const { step, trainer } = moment;
  let replayed: Replayed;
  try {
    replayed = await replay(moment);
  } catch (error) {
    // Every value at once may be more than memory holds.
    if (error instanceof InputError) return undefined;
    throw error;
  }
  try {
    const value = firstBadValue(replayed, moment.given?.rows);
    if (value !== undefined) return `${value} of update ${step}`;
    const gradient = badGradient(trainer.model, replayed.program);
    if (gradient !== undefined)
      return `the gradient of ${gradient} in update ${step}, where every value of the model was finite`;
    const parameter = badParameter(trainer.program, after);
    return parameter && `${parameter.name} became ${parameter.value} in update ${step}, though its gradient was finite`;
  } finally {
    replayed.program.dispose();
  }
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
async function replay(moment: Moment): Promise<Replayed> {
  const { model, options } = moment.trainer;
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
