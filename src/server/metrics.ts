/** What the server counts and measures, for Prometheus. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { errorKinds } from "./errors.ts";
import { version } from "./version.ts";

/** What is asked when somebody looks. */
export type Sources = {
  /** By the model's name: texts that wait, and slots that are taken. */
  readonly batchers: () => readonly { readonly model: string; readonly queued: number; readonly slots: number }[];
  readonly sessions: () => number;
  readonly memory: () => { readonly bytes: number; readonly waitingCount: number };
};

const seconds = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100];

export type Metrics = ReturnType<typeof createMetrics>;

/** A registry of its own, so that servers in one process do not meet. */
export function createMetrics({ batchers, sessions, memory }: Sources) {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  // Sums of gauges, with the name of a counter: `promtool check metrics` complains of them.
  for (const kind of ["handles", "requests", "resources"]) registry.removeSingleMetric(`nodejs_active_${kind}_total`);
  const gauge = (name: string, help: string, value: "queued" | "slots"): void => {
    new Gauge({
      ...{ name, help, registers, labelNames: ["model"] },
      collect() {
        this.reset();
        for (const batcher of batchers()) this.set({ model: batcher.model }, batcher[value]);
      },
    });
  };
  gauge(
    "unrolled_queue_length",
    "Texts that wait for a slot, or for another one of their request that reads their prompt.",
    "queued",
  );
  gauge("unrolled_lanes_in_use", "Texts that are being read or written.", "slots");
  new Gauge({
    ...{ name: "unrolled_sessions", help: "Sessions that are kept.", registers },
    collect() {
      this.set(sessions());
    },
  });
  new Gauge({
    ...{ name: "unrolled_memory_held_bytes", help: "What requests hold, as it was estimated.", registers },
    collect() {
      this.set(memory().bytes);
    },
  });
  new Gauge({
    ...{ name: "unrolled_memory_waiting", help: "Requests that wait for memory.", registers },
    collect() {
      this.set(memory().waitingCount);
    },
  });
  new Gauge({
    ...{ name: "unrolled_build_info", help: "1, with the version of the server and of Node.", registers },
    ...{ labelNames: ["version", "node"] },
  }).set({ version, node: process.versions.node }, 1);
  const refusals = new Counter({
    ...{ name: "unrolled_refusals_total", help: "Requests that ended with an error, by its kind.", registers },
    labelNames: ["reason"],
  });
  // A rate of what has not happened yet is 0.
  for (const reason of errorKinds) refusals.inc({ reason }, 0);
  const durations = <Label extends string>(name: string, help: string, label: Label, buckets = seconds) =>
    new Histogram({ name, help, registers, labelNames: [label], buckets });
  return {
    registry,
    refusals,
    requests: new Counter({
      ...{ name: "unrolled_requests_total", help: "Requests by route and status.", registers },
      labelNames: ["route", "status"],
    }),
    tokens: new Counter({
      ...{ name: "unrolled_tokens_total", help: "Tokens read and written by models.", registers },
      labelNames: ["model", "kind"],
    }),
    queueWait: durations("unrolled_queue_wait_seconds", "How long a text waits for a slot.", "model"),
    firstToken: durations(
      "unrolled_time_to_first_token_seconds",
      "From a request to the first token that is written for it.",
      "model",
    ),
    tokenTime: durations(
      "unrolled_time_per_token_seconds",
      "From a token of a text to its next one, on average of the text: waiting for a slow reader included.",
      "model",
      [0.00001, 0.00003, 0.0001, 0.0003, ...seconds.slice(0, 8)],
    ),
    duration: durations("unrolled_request_duration_seconds", "From the request to the end of its answer.", "route"),
  };
}
