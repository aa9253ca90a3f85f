/** Handlers at their routes, given what the table's schemas make of a request. */
import type { Context, Hono } from "hono";
import { ApiError } from "../errors.ts";
import type { IgnoredFields } from "../ignored-fields.ts";
import type { Env } from "../request-context.ts";
import { check } from "../schemas.ts";
import { type Handlers, type Route, type RouteName, routes } from "./table.ts";

type Options = {
  /** A request's body as JSON, not checked. */
  readonly readJson: (c: Context<Env>, name: RouteName) => Promise<unknown>;
  readonly basePath: string;
  readonly ignored: IgnoredFields;
};

/** Every route of the table at its path and method; another method is told which ones there are. */
export function addRoutes(app: Hono<Env>, { readJson, basePath, ignored }: Options, handlers: Handlers): void {
  for (const name of Object.keys(routes) as RouteName[]) {
    const route: Route = routes[name];
    const handler = handlers[name] as (c: Context<Env>, body: unknown) => Response | Promise<Response>;
    app.on(route.method.toUpperCase(), basePath + route.path, async (c) => {
      c.var.request.route = route.path;
      const onUnknown = (names: readonly string[]): void => ignored(route.path, names);
      try {
        if (route.body === undefined) return await handler(c, route.query && check(route.query, c.req.query()));
        return await handler(c, check(route.body, await readJson(c, name), onUnknown));
      } catch (thrown) {
        // Hono lets anything else pass.
        throw thrown instanceof Error ? thrown : new Error(`thrown: ${String(thrown)}`);
      }
    });
  }
  for (const { path } of Object.values(routes)) {
    app.all(basePath + path, (c) => {
      const methods = Object.values(routes)
        .filter((route) => route.path === path)
        .map(({ method }) => method.toUpperCase());
      c.var.request.route = path;
      c.header("Allow", methods.join(", "));
      throw new ApiError(
        "method_not_allowed",
        `${basePath}${path} takes ${methods.join(" and ")}, got ${c.req.method}.`,
      );
    });
  }
}
