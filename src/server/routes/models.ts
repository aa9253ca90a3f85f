/** The routes that list the models. */
import type { LoadedModel, LoadedModels } from "../loaded-models.ts";
import type { Handlers } from "./table.ts";

export function modelRoutes(models: LoadedModels) {
  return {
    listModels: (c) => c.json({ object: "list", data: models.all.map(summary) }),
    readModel: (c) => c.json(summary(models.find(c.req.param("id") ?? ""))),
  } satisfies Partial<Handlers>;
}

const summary = ({ name, kind, created }: LoadedModel) => {
  return { id: name, object: "model", created, owned_by: "unrolled", task: kind };
};
