/** `unrolled worker`: train the trials of sweeps that wait in Redis. */
import { InputError } from "../graph/input-error.ts";
import { childFile } from "../sweep/trial-process.ts";
import { sweepWorker } from "../sweep/worker.ts";
import { hostOptions, usableHostOf } from "./host-options.ts";
import { untilInterrupted } from "./interrupt.ts";
import type { Command, Given } from "./options.ts";
import { printable, warn, writeJson } from "./output.ts";

export const worker: Command = {
  name: "worker",
  usage: "worker --redis URL [options]",
  summary: "train the trials of unrolled sweep, on any machine",
  details: [
    "Takes one trial after the other from any sweep at the same Redis. Texts, settings",
    "and checkpoints come and go through Redis, so nothing else is shared. Start as",
    "many workers as the machine has room for, each with its --threads. Ctrl-C puts",
    "the trial back, and another worker goes on from where it is.",
  ].join("\n"),
  examples: ["worker --redis redis://10.0.0.5:6379 --threads 2"],
  arguments: [0, 0],
  options: {
    redis: { value: "URL", help: "address of Redis, or the path of its socket" },
    ...hostOptions("that train; same result [cores]"),
  },
  run,
};

async function run(given: Given): Promise<void> {
  const redis = given.text("redis");
  if (redis === undefined)
    throw new InputError("--redis is missing. Give the address of Redis: --redis redis://127.0.0.1:6379.");
  const json = given.flag("json");
  const { engine, threads } = await usableHostOf(given);
  let training = false;
  const said = (): string => (training ? "Stopping: the trial is put back, as far as it is." : "Stopping.");
  await untilInterrupted(said, (signal) =>
    sweepWorker({
      ...{ redis, signal, program: new URL(`../sweep/${childFile}`, import.meta.url) },
      ...(engine !== undefined && { engine }),
      ...(threads !== undefined && { threads }),
      onEvent(event) {
        if (event.kind !== "warning") training = event.kind === "started";
        if (event.kind === "warning") warn(event.message, json);
        else if (json) {
          const { kind, ...rest } = event;
          writeJson({ event: kind, ...rest });
        } else process.stderr.write(printable(`${lineOf(event)}\n`));
      },
    }),
  );
  // A connection that was lost is still tried again, by timers that nothing ends.
  process.exit();
}

type Event = Parameters<NonNullable<Parameters<typeof sweepWorker>[0]["onEvent"]>>[0];

function lineOf(event: Exclude<Event, { kind: "warning" }>): string {
  if (event.kind === "waiting") return "Waiting for trials.";
  const name = `trial ${event.trial} of sweep ${event.sweep}`;
  if (event.kind === "started") return `${name}${event.rungs > 1 ? `, rung ${event.rung + 1} of ${event.rungs}` : ""}`;
  return `${name}: ${event.loss === undefined ? event.outcome : `loss ${event.loss.toFixed(4)}`}`;
}
