/**
 * A worker of `unrolled serve --workers`: it does what the first process says, which signals go to. It ends with the first
 * process, since its channel ends then.
 */
import type { Socket } from "node:net";
import { InputError } from "../graph/input-error.ts";
import { stackOf } from "../server/errors.ts";
import { metricValues } from "../server/metrics.ts";
import type { Gather } from "../server/own-metrics.ts";
import type { Given } from "./options.ts";
import type { FromWorker, ToWorker } from "./serve-messages.ts";
import type { ServeSettings } from "./serve-options.ts";
import { type Prepared, prepare } from "./serve-process.ts";
import { workerNumber } from "./serve-workers.ts";

export async function serveAsWorker(given: Given, settings: ServeSettings): Promise<void> {
  // A terminal, or a supervisor, sends them to all processes of a group.
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(name, () => {});
  const tell = (message: FromWorker): void => void process.send?.(message);
  /** Who waits for the metrics of all. */
  const waiting = new Map<number, (text: string) => void>();
  let asked = 0;
  const gather: Gather = (registry) => {
    onMessage(async (message) => {
      if (message.asks === "metrics") {
        tell({ tells: "metrics", id: message.id, values: await metricValues(registry) });
      } else if (message.asks === "answer") {
        waiting.get(message.id)?.(message.text);
        waiting.delete(message.id);
      }
    });
    return () =>
      new Promise((resolve) => {
        const id = asked++;
        waiting.set(id, resolve);
        tell({ tells: "asked", id });
      });
  };
  let prepared: Prepared;
  try {
    prepared = await prepare(given, settings, { about: { worker: workerNumber() }, gather });
  } catch (error) {
    return fail(error);
  }
  const { take, close } = prepared.listenTo();
  onMessage(async ({ asks }, socket) => {
    try {
      // It can have gone on its way.
      if (asks === "take" && socket !== undefined) take(socket);
      else if (asks === "reload") tell({ tells: "reloaded", files: await prepared.reload() });
      else if (asks === "drain") prepared.server.drain();
      else if (asks === "close") {
        await close();
        // A thread of a model can be waiting for work.
        process.exit(0);
      }
    } catch (error) {
      fail(error);
    }
  });
  const { engine, texts, files } = prepared;
  tell({ tells: "loaded", engine, texts, files });

  function fail(error: unknown): void {
    const input = error instanceof InputError;
    tell({ tells: "failed", input, message: input ? error.message : stackOf(error) });
  }
}

const onMessage = (hear: (message: ToWorker, socket?: Socket) => Promise<void>): void =>
  void process.on("message", (message: ToWorker, socket?: Socket) => void hear(message, socket));
