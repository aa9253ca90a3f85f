/** Register the handlers at their routes; they receive requests that the schemas of the table have checked. */
import type { Context, Hono } from "hono";
import { ApiError } from "../errors.ts";
import type { IgnoredFields } from "../ignored-fields.ts";
import type { Env } from "../request-context.ts";
import { check } from "../schemas.ts";
import type { Handler, Route } from "./table.ts";

type Options = {
  /** Reads a request's body as JSON, without checking it. */
  readonly readJson: (c: Context<Env>, name: string) => Promise<unknown>;
  readonly basePath: string;
  readonly ignored: IgnoredFields;
};

/**
 * Register every route of a table with its path and method; other methods get an error that lists the allowed ones.
 */
export function addRoutes(
  app: Hono<Env>,
  routes: Readonly<Record<string, Route>>,
  handlers: Readonly<Record<string, Handler>>,
  { readJson, basePath, ignored }: Options,
): void {
  for (const [name, route] of Object.entries(routes)) {
    const handler = handlers[name] as (c: Context<Env>, body: unknown) => Response | Promise<Response>;
    app.on(route.method.toUpperCase(), basePath + route.path, async (c) => {
      c.var.request.route = route.path;
      const onUnknown = (names: readonly string[]): void => ignored(route.path, names);
      try {
        if (route.body === undefined) return await handler(c, route.query && check(route.query, c.req.query()));
        return await handler(c, check(route.body, await readJson(c, name), onUnknown));
      } catch (thrown) {
        // Hono passes everything else on.
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
