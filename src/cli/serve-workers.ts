/**
 * The first process of `unrolled serve --workers N`: it starts N processes (node:cluster), hands them the connections of the port,
 * starts one again that has ended, adds up their metrics, and ends them. It serves nothing itself.
 */
import cluster, { type Worker } from "node:cluster";
import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { InputError } from "../graph/input-error.ts";
import { createTotals, type MetricValues } from "../server/metrics.ts";
import type { FromWorker, ToWorker } from "./serve-messages.ts";
import { type ServeSettings, sessionKeyVariable } from "./serve-options.ts";
import { openPort, type Port, type Taker } from "./serve-port.ts";

/** A server that answers, in one process or in several. */
export type Started = {
  readonly url: string;
  readonly engine: string;
  /** The names of its models of text. */
  readonly texts: readonly string[];
  /** Answer what is asked, then end. */
  readonly close: () => Promise<void>;
  /** End at once, with this exit code. */
  readonly kill: (code: number) => void;
  /** @throws InputError for files that cannot be served: the models stay */
  readonly reload: () => Promise<void>;
};

/** How often workers may end within this time before the server does. */
const [maxEnded, endedMs] = [5, 60_000];
/** How long the metrics of a worker are waited for: one that reads a model again answers nothing meanwhile. */
const metricsMs = 2000;
const variable = "UNROLLED_WORKER";

/** The number of this worker; undefined in any other process, be it one of another cluster. */
export function workerNumber(): number | undefined {
  const number = Number(process.env[variable]);
  return cluster.isWorker && number > 0 ? number : undefined;
}

/**
 * Start the workers, then open the port: when all are ready.
 * @param say tells the user of something
 * @throws InputError for what a worker refuses
 */
export async function startWorkers(settings: ServeSettings, say: (message: string) => void): Promise<Started> {
  const { workers, server } = settings;
  cluster.setupPrimary({
    // The command itself: another program may have called it.
    exec: fileURLToPath(new URL(`./main${extname(import.meta.url)}`, import.meta.url)),
    args: process.argv.slice(2),
    // In JSON a metric that is no number would be null.
    serialization: "advanced",
  });
  const noKey = server.sessionKeys?.length === 0;
  const key = noKey ? { [sessionKeyVariable]: randomBytes(32).toString("base64") } : {};
  const all = new Map<number, WorkerProcess>();
  const totals = createTotals();
  const endings: number[] = [];
  let ending = false;

  /** Start a worker, or start it again, and wait until its models are loaded. */
  function fork(number: number): WorkerProcess {
    const own = new WorkerProcess(cluster.fork({ ...key, [variable]: String(number) }));
    all.set(number, own);
    own.worker.on("message", (message: FromWorker) => {
      if (message.tells === "asked") void gather().then((text) => own.ask({ asks: "answer", id: message.id, text }));
    });
    return own;
  }
  /** The metrics of all: what one that has ended, or does not answer, has counted stays counted. */
  async function gather(): Promise<string> {
    const asked = [...all].filter(([, own]) => own.listens);
    await Promise.all(asked.map(async ([number, own]) => totals.set(number, await own.metrics())));
    return totals.text(asked.length);
  }

  const started = Array.from({ length: workers }, (_, k) => fork(k + 1));
  let port: Port;
  let loaded: readonly Told<"loaded">[];
  try {
    loaded = await Promise.all(started.map((own) => own.told("loaded")));
    for (const own of started) own.listens = true;
    port = await openPort(settings.listening, () => [...all.values()]);
  } catch (error) {
    kill();
    throw error;
  }
  const [{ engine, texts, files }] = loaded as readonly [Told<"loaded">];
  let current = files;
  if (noKey) {
    say("--session-key: none is given, so sealed sessions end with this server, and no other server continues them.");
  }
  for (const number of all.keys()) void keep(number);

  /** Start a worker again whenever it ends. */
  async function keep(number: number): Promise<void> {
    for (;;) {
      const own = all.get(number) as WorkerProcess;
      const how = await own.ended;
      totals.end(number);
      if (ending) return;
      const now = Date.now();
      endings.push(now);
      const within = endings.filter((ms) => now - ms < endedMs).length;
      if (within >= maxEnded) {
        say(
          `worker ${number} ended (${how}); ${within} workers have ended within ${endedMs / 1000} s, so the server ends.`,
        );
        kill();
        process.exit(1);
      }
      say(`worker ${number} ended (${how}). It is started again.`);
      await again(number);
    }
  }
  async function again(number: number): Promise<void> {
    const own = fork(number);
    try {
      const { files } = await own.told("loaded");
      own.listens = true;
      port.handOn();
      if (files === current) return;
      // It has read other files than the others: all must answer the same.
      say(`worker ${number} has read files that were replaced meanwhile, so all read them again.`);
      await reload();
    } catch (error) {
      if (ending) return;
      say(`worker ${number}: ${error instanceof Error ? error.message : error}`);
      own.worker.process.kill("SIGKILL");
    }
  }
  async function reload(): Promise<void> {
    const read = [...all.values()].map((own) => {
      own.ask({ asks: "reload" });
      return own.told("reloaded");
    });
    // All have answered before any is told of.
    const [first, ...rest] = await Promise.allSettled(read);
    for (const one of [first, ...rest]) if (one?.status === "rejected") throw one.reason;
    if (first?.status === "fulfilled") current = first.value.files;
  }
  function kill(): void {
    ending = true;
    for (const { worker } of all.values()) worker.process.kill("SIGKILL");
  }
  return {
    ...{ url: port.url, engine, texts, reload },
    kill(code) {
      kill();
      process.exit(code);
    },
    async close() {
      ending = true;
      for (const own of all.values()) own.ask({ asks: "drain" });
      await new Promise((resolve) => setTimeout(resolve, settings.listening.drainMs ?? 0));
      await port.close();
      // After the connections, which come in the same order.
      for (const own of all.values()) own.ask({ asks: "close" });
      await Promise.all([...all.values()].map(({ ended }) => ended));
    },
  };
}

type Told<Tells extends FromWorker["tells"]> = Extract<FromWorker, { readonly tells: Tells }>;

/** A worker as the first process sees it. */
class WorkerProcess implements Taker {
  readonly worker: Worker;
  /** Resolves with how it ended: its exit code, or the signal. */
  readonly ended: Promise<string>;
  listens = false;
  private asked = 0;

  constructor(worker: Worker) {
    this.worker = worker;
    this.ended = new Promise((resolve) => {
      worker.once("exit", (code, signal) => {
        this.listens = false;
        resolve(signal ?? `exit code ${code}`);
      });
    });
    // A message to one that has just ended.
    worker.on("error", () => {});
  }

  ask(message: ToWorker): void {
    if (this.worker.isConnected()) this.worker.send(message);
  }
  take(socket: Socket): void {
    if (this.worker.isConnected()) this.worker.send({ asks: "take" } satisfies ToWorker, socket);
    else socket.destroy();
  }

  /**
   * The next message of a kind.
   * @throws InputError if it fails by what it was given, Error if it fails otherwise, or ends
   */
  told<Tells extends FromWorker["tells"]>(
    tells: Tells,
    isMeant: (message: Told<Tells>) => boolean = () => true,
  ): Promise<Told<Tells>> {
    return new Promise((resolve, reject) => {
      const hear = (message: FromWorker): void => {
        if (message.tells === tells && isMeant(message as Told<Tells>)) resolve(message as Told<Tells>);
        else if (message.tells !== "failed") return;
        else reject(message.input ? new InputError(message.message) : new Error(message.message));
        this.worker.off("message", hear);
      };
      this.worker.on("message", hear);
      void this.ended.then((how) => reject(new Error(`it ended (${how}).`)));
    });
  }

  /** Its metrics; undefined if it does not answer. */
  async metrics(): Promise<MetricValues | undefined> {
    const id = this.asked++;
    this.ask({ asks: "metrics", id });
    let late: ReturnType<typeof setTimeout> | undefined;
    const none = new Promise<undefined>((resolve) => {
      late = setTimeout(resolve, metricsMs, undefined);
    });
    const told = this.told("metrics", (message) => message.id === id).then(
      ({ values }) => values,
      () => undefined,
    );
    return Promise.race([told, none]).finally(() => clearTimeout(late));
  }
}
