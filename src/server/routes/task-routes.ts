/** Routes that tasks other than text bring: a request names a model, which answers it when it is its turn. */
import type { Context } from "hono";
import { taskBytes } from "../costs.ts";
import type { LoadedModels, LoadedOther } from "../loaded-models.ts";
import type { Env, WaitForMemory } from "../request-context.ts";
import type { Sender } from "../send.ts";
import type { Handler } from "./table.ts";

type Parts = {
  readonly models: LoadedModels;
  readonly start: WaitForMemory;
  readonly send: Sender;
};
type Body = Readonly<Record<string, unknown>> & { readonly model: string };

export function taskRoutes({ models, start, send }: Parts): Readonly<Record<string, Handler>> {
  const handlerOf =
    (kind: string, name: string) =>
    async (c: Context<Env>, { model, ...body }: Body): Promise<Response> => {
      const { request } = c.var;
      const loaded = models.findOf(kind, model) as LoadedOther;
      request.loaded = loaded;
      await start(c, taskBytes(request.holding.body));
      const answer = loaded.answers[name] as LoadedOther["answers"][string];
      // null is what a field has that is left out, as in every route.
      const given = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null));
      return send.json(c, await answer(given, request.stop.signal));
    };
  return Object.fromEntries(
    [...models.servings].flatMap(([kind, { routes }]) =>
      kind === "text" ? [] : Object.keys(routes).map((name) => [name, handlerOf(kind, name)] as const),
    ),
  );
}
