/** The route that returns every gate and state of a model while it reads a text. */
import type { Limits } from "../completions/limits.ts";
import { inspectionBytes } from "../costs.ts";
import { createInspections } from "../inspections.ts";
import type { LoadedModels } from "../loaded-models.ts";
import type { WaitForMemory } from "../request-context.ts";
import type { Sender } from "../send.ts";
import type { Handlers } from "./table.ts";

type Parts = {
  readonly models: LoadedModels;
  readonly limits: Limits;
  readonly start: WaitForMemory;
  readonly send: Sender;
};

export function inspectionRoutes({ models, limits, start, send }: Parts) {
  const inspections = createInspections(limits);
  return {
    async inspect(c, body) {
      const loaded = models.findText(body.model);
      const plan = inspections.plan(loaded, body);
      await start(c, inspectionBytes(plan.ids.length, plan.size));
      return send.json(c, await inspections.inspect(loaded, plan, c.var.request.stop.signal));
    },
  } satisfies Partial<Handlers>;
}
