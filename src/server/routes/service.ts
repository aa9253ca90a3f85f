/** The routes about the server itself: health, metrics and the OpenAPI document. */
import { metricsType } from "../metrics.ts";
import { type Described, openapi } from "../openapi.ts";
import type { RequestContexts } from "../request-context.ts";
import { type Handlers, type Route, serverRoutes } from "./table.ts";

type Parts = {
  readonly requests: RequestContexts;
  /** The metrics of all processes that share the port, in Prometheus's format. */
  readonly allMetrics: () => Promise<string>;
  readonly routes: Readonly<Record<string, Route>>;
  readonly described: Described;
};

export function serviceRoutes({ requests, allMetrics, routes, described }: Parts) {
  const document = openapi(described, routes);
  return {
    health: (c) => (requests.isDraining ? c.json({ status: "shutting down" }, 503) : c.json({ status: "ok" })),
    metrics: async (c) => c.body(await allMetrics(), 200, { "Content-Type": metricsType }),
    openapi: (c) => c.json(document(c.req.path.slice(0, -serverRoutes.openapi.path.length))),
  } satisfies Partial<Handlers>;
}
