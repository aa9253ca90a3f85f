/** What the server counts and measures, for Prometheus. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/** What is asked when somebody looks. */
export type Sources = {
  /** By the model's name: texts that wait, and lanes that are taken. */
  readonly batchers: () => readonly { readonly model: string; readonly queued: number; readonly lanes: number }[];
  readonly sessions: () => number;
};

const seconds = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100];

export type Metrics = ReturnType<typeof createMetrics>;

/** A registry of its own, so that servers in one process do not meet. */
export function createMetrics({ batchers, sessions }: Sources) {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const gauge = (name: string, help: string, value: "queued" | "lanes"): void => {
    new Gauge({
      ...{ name, help, registers, labelNames: ["model"] },
      collect() {
        this.reset();
        for (const batcher of batchers()) this.set({ model: batcher.model }, batcher[value]);
      },
    });
  };
  gauge("unrolled_queue_length", "Texts that wait for a lane.", "queued");
  gauge("unrolled_lanes_in_use", "Texts that are being read or written.", "lanes");
  new Gauge({
    ...{ name: "unrolled_sessions", help: "Sessions that are kept.", registers },
    collect() {
      this.set(sessions());
    },
  });
  return {
    registry,
    requests: new Counter({
      ...{ name: "unrolled_requests_total", help: "Requests by route and status.", registers },
      labelNames: ["route", "status"],
    }),
    tokens: new Counter({
      ...{ name: "unrolled_tokens_total", help: "Tokens read and written by models.", registers },
      labelNames: ["model", "kind"],
    }),
    firstToken: new Histogram({
      ...{ name: "unrolled_time_to_first_token_seconds", help: "From the request to its first token.", registers },
      buckets: seconds,
    }),
    duration: new Histogram({
      ...{ name: "unrolled_request_duration_seconds", help: "From the request to the end of its answer.", registers },
      ...{ labelNames: ["route"], buckets: seconds },
    }),
  };
}
