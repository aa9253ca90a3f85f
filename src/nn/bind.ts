/** Bind a model to a program: its graph is scheduled for an engine and loaded, with the model's present values. */
import type { InferenceOptions } from "../engines/engine.ts";
import { engineFor } from "../engines/registry.ts";
import type { Graph, Steps } from "../graph/graph.ts";
import { type LoadOptions, load, type Program } from "../runtime/program.ts";
import { type ScheduleOptions, schedule } from "../schedule/schedule.ts";
import type { Model } from "./model.ts";
import { onceForEqual } from "./once-for-equal.ts";

export type Binding = Pick<ScheduleOptions, "steps" | "batch" | "keep"> & {
  readonly graph: (steps: Steps) => Graph;
  /** Everything the graph depends on besides the model's layers: a cache key for its plan. Without it the plan is not cached. */
  readonly purpose?: readonly unknown[] | undefined;
};

/**
 * Make a program of a graph of the model, with the model's parameters.
 * @throws InputError if it needs more memory than there is, or products that the engine has not
 */
export async function bind(
  model: Model,
  { graph, purpose, ...sizes }: Binding,
  host: InferenceOptions,
  how?: LoadOptions,
): Promise<Program> {
  const { target } = await engineFor(host);
  const precision = host.quantize ?? host.precision;
  const make = () => schedule(graph(sizes.steps), { target, precision, ...sizes });
  const { steps, batch, keep } = sizes;
  const key = purpose && [...purpose, target.name, precision, steps, batch, keep];
  const plan = key ? onceForEqual(model, key, make) : make();
  const program = await load(plan, host, how);
  program.setParameters(model.values);
  return program;
}
