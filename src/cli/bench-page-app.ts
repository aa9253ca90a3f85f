/** The bench's page as it is served: its files, what it asks for, what it tells. Knows nothing about what becomes of that. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Hono } from "hono";
import { pageDocument } from "../bench/page-documents.ts";
import type { PageMessage, PageOrders, Place } from "../bench/page-messages.ts";
import type { InstalledPeer } from "../bench/page-peers.ts";
import type { BenchRow, Unmeasured } from "../bench/row.ts";
import type { Shape } from "../bench/shapes.ts";
import { localApp } from "./local-page.ts";

export type BenchPage = {
  /** The package's folder: package.json, and `dist`. */
  readonly root: string;
  readonly host: string;
  readonly shapes: readonly Shape[];
  readonly rounds: number;
  readonly seconds: number;
  readonly peers: readonly InstalledPeer[];
};

/** What becomes of it. */
export type Listener = {
  /** A page is there; `again`: others were before. */
  readonly opened: (again: boolean) => void;
  readonly place: (place: Place, browser: string) => void;
  readonly doing: (line: string) => void;
  readonly row: (row: BenchRow | Unmeasured) => void;
  readonly failed: (message: string) => void;
  /** The newest page has gone. */
  readonly closed: () => void;
};

const largestMessageBytes = 100_000;
const another = "Another page measures now. Close it and load this one again to measure here.";

export async function benchPageApp(page: BenchPage, listener: Listener): Promise<Hono> {
  const { root, host, shapes, rounds, seconds, peers } = page;
  const [{ serveStatic }, { bodyLimit }, message, app] = await Promise.all([
    import("@hono/node-server/serve-static"),
    import("hono/body-limit"),
    messageSchema(),
    localApp(host),
  ]);
  const { browser } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const document = pageDocument(browser);
  /** By number: those before it are told that it measures. */
  let newest = 0;
  let endConnection = (): void => {};
  const measured = new Set<number>();

  app.get("/", (c) => c.html(document));
  app.get("/dist/*", serveStatic({ root }));
  for (const { name, document: own, folders } of peers) {
    app.get(`/peers/${name}`, (c) => c.html(own));
    for (const [as, folder] of Object.entries(folders)) {
      const rewriteRequestPath = (path: string): string => path.slice(`/packages/${as}`.length);
      app.get(`/packages/${as}/*`, serveStatic({ root: folder, rewriteRequestPath }));
    }
  }

  // A page of another site could send text without asking, but no JSON.
  app.post("*", bodyLimit({ maxSize: largestMessageBytes }), async (c, next) => {
    if (/^application\/json\b/.test(c.req.header("content-type") ?? "")) return next();
    return c.text("This is no JSON.", 415);
  });
  app.post("/pages", (c) => {
    endConnection();
    newest++;
    listener.opened(newest > 1);
    const todo = shapes.flatMap((shape, index) => (measured.has(index) ? [] : [{ index, shape }]));
    const settings = Object.fromEntries(peers.map((peer) => [peer.name, peer.settings]));
    const orders: PageOrders = { page: newest, todo, shapes: shapes.length, rounds, seconds, peers: settings };
    return c.json(orders);
  });
  app.get("/connections/:page", (c) => {
    const own = Number(c.req.param("page"));
    if (own !== newest) return c.text(another);
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        endConnection = () => {
          endConnection = () => {};
          controller.enqueue(new TextEncoder().encode(another));
          controller.close();
        };
      },
      cancel() {
        if (own !== newest) return;
        endConnection = () => {};
        listener.closed();
      },
    });
    return c.body(body, 200, { "Content-Type": "text/plain" });
  });
  app.post("/messages", async (c) => {
    const parsed = message.safeParse(await c.req.json().catch(() => undefined));
    if (!parsed.success) return c.text(`The page sent what the command does not know: ${parsed.error.message}`, 400);
    const told = parsed.data as PageMessage;
    if (told.page !== newest) return c.text(another, 409);
    switch (told.event) {
      case "place":
        listener.place(told.place, c.req.header("user-agent") ?? "");
        break;
      case "row":
        if (shapes[told.index]?.name !== told.row.shape || measured.has(told.index)) {
          return c.text("There is no such shape to measure.", 400);
        }
        measured.add(told.index);
        listener.row(told.row);
        break;
      case "doing":
        listener.doing(told.line);
        break;
      case "failed":
        listener.failed(told.message);
        break;
    }
    return c.json({});
  });
  return app;
}

/** A `PageMessage`. */
async function messageSchema() {
  const { z } = await import("zod");
  const text = z.string().max(2000);
  const above = z.number().positive();
  const whole = z.int().positive();
  const measured = { tokensPerSecond: above, spread: z.number().nonnegative(), msPerStep: above, rounds: whole };
  const rate = { ...measured, gflops: above };
  const engine = z.strictObject({
    ...{ engine: z.enum(["wasm", "webgpu"]), isa: text, threads: whole, ...rate },
    oneThread: z.strictObject(measured),
  });
  const named = <T extends import("zod").ZodType>(of: T) => z.record(text, of);
  const row = z.strictObject({
    ...{ shape: text, unrolled: engine, engines: named(engine.nullable()), ratio: named(above) },
    peers: named(z.strictObject({ ...rate, setting: text }).nullable()),
    failures: named(text).optional(),
  });
  const place = z.strictObject({ adapter: text.nullable(), threads: whole, notes: z.array(text).max(10) });
  const page = z.int();
  return z.discriminatedUnion("event", [
    z.strictObject({ page, event: z.literal("place"), place }),
    z.strictObject({ page, event: z.literal("doing"), line: text }),
    z.strictObject({
      ...{ page, event: z.literal("row"), index: z.int().nonnegative() },
      row: z.union([row, z.strictObject({ shape: text, unmeasured: text })]),
    }),
    z.strictObject({ page, event: z.literal("failed"), message: text }),
  ]);
}
