/** A model bound to a program: its graph scheduled for an engine, loaded, with the values that it has now. */
import type { HostOptions } from "../engines/engine.ts";
import { engineOf } from "../engines/registry.ts";
import type { Graph } from "../graph/graph.ts";
import { type LoadOptions, load, type Program } from "../runtime/program.ts";
import { type ScheduleOptions, schedule } from "../schedule/schedule.ts";
import { type Model, onceForEqual } from "./model.ts";

export type Binding = Pick<ScheduleOptions, "steps" | "batch" | "keep"> & {
  readonly graph: () => Graph;
  /** All that the graph hangs on beside the model's layers: its plan is made once for equal ones. Without it, each time. */
  readonly purpose?: readonly unknown[] | undefined;
};

/** @throws InputError where it needs more memory than there is */
export async function bind(
  model: Model,
  { graph, purpose, ...sizes }: Binding,
  host: HostOptions,
  how?: LoadOptions,
): Promise<Program> {
  const { target } = await engineOf(host.engine);
  const make = () => schedule(graph(), { target, ...sizes });
  const { steps, batch, keep } = sizes;
  const plan = purpose ? onceForEqual(model, [...purpose, target.name, steps, batch, keep], make) : make();
  const program = await load(plan, host, how);
  program.setParameters(model.values);
  return program;
}
