/** What commands share that serve a page to a browser of this machine: the options, who may ask, and in which words the address is said. */
import { createServer } from "node:http";
import type { Hono } from "hono";
import { bind, isLoopback, loopback } from "../server/bind.ts";
import type { Given, Options } from "./options.ts";
import { styled, writeJson } from "./output.ts";

/**
 * @param usualPort that is taken where no other is asked for, if it is free
 * @param whose words before the help of each
 */
export const localPageOptions = (usualPort: number, whose = ""): Options => ({
  port: {
    value: "N",
    help: `${whose}port to listen on, 0: any free one [${usualPort}, or any if taken]`,
    number: { whole: true, min: 0, max: 65535 },
  },
  host: { value: "ADDRESS", help: `${whose}address to listen on [127.0.0.1: this machine]` },
});

export const hostOf = (given: Given): string => given.text("host") ?? "127.0.0.1";

/**
 * An app without routes, whose headers give pages threads and keep other sites from reading what is served.
 * @param open what of it other sites may have, though: a page, in a frame of theirs, or a file of such a page
 */
export async function localApp(
  host: string,
  open: (address: URL) => "page" | "file" | undefined = () => undefined,
): Promise<Hono> {
  const [{ Hono }, { secureHeaders }] = await Promise.all([import("hono"), import("hono/secure-headers")]);
  const app = new Hono();
  const names = [...loopback, host.toLowerCase()];
  app.use(async (c, next) => {
    // A page of another site can use a name that resolves to this machine (DNS rebinding); it must not read what is served.
    const name = (c.req.header("host") ?? "").replace(/:\d+$/, "").toLowerCase();
    if (isLoopback(host) && !names.includes(name)) return c.text(`Open it as ${loopback[0]}.`, 403);
    await next();
  });
  app.use(async (c, next) => {
    await next();
    const kind = open(new URL(c.req.url));
    if (kind === undefined) return;
    c.header("Cross-Origin-Resource-Policy", "cross-origin");
    // A frame with `sandbox` has no origin, and asks for its own files as another site would.
    if (kind === "file") c.header("Access-Control-Allow-Origin", "*");
    else {
      c.header("X-Frame-Options", undefined);
      // A frame shares what it runs in with whatever frames it: that it wants a process of its own is only a warning there.
      c.header("Origin-Agent-Cluster", undefined);
    }
  });
  app.use(
    secureHeaders({
      crossOriginOpenerPolicy: "same-origin",
      crossOriginEmbedderPolicy: "require-corp",
      crossOriginResourcePolicy: "same-origin",
      strictTransportSecurity: false, // This machine has no certificate.
    }),
  );
  // Another version has other files at the same address.
  app.use(async (c, next) => {
    await next();
    c.header("Cache-Control", "no-cache");
  });
  return app;
}

/** A page that is served. */
export type LocalPage = {
  readonly address: string;
  /** End it, with all connections. */
  readonly close: () => void;
};

/** Listen, at the usual port where no other is asked for. @throws InputError for a port or an address that is not available */
export async function listen(app: Hono, given: Given, usualPort: number): Promise<LocalPage> {
  const { getRequestListener } = await import("@hono/node-server");
  const at = async (port: number): Promise<LocalPage> => {
    const server = createServer(getRequestListener(app.fetch));
    const address = await bind(server, { host: hostOf(given), port });
    return {
      address: `${address}/`,
      close() {
        server.close();
        server.closeAllConnections();
      },
    };
  };
  const wanted = given.number("port");
  if (wanted !== undefined) return at(wanted);
  return at(usualPort).catch(() => at(0));
}

/** @param said before the address, and after it */
export function sayAddress(address: string, [before, after]: readonly [string, string], json: boolean): void {
  if (json) writeJson({ event: "listening", address });
  else process.stderr.write(`${before} ${styled(address, "bold", process.stderr)}  (${after})\n`);
}
