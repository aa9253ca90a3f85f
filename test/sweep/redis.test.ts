/** Sweeps whose trials are trained by workers, over a Redis of the test's own: without redis-server they skip. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { run, start } from "../cli/run.ts";
import { rejection } from "../helpers/refusal.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

const { sweep, sweepWorker } = (await import(
  "../../dist/sweep/index.js" as string
)) as typeof import("../../src/sweep/index.ts");
const root = temporaryFolder();
const redis = join(root, "redis.sock");
const text = "the cat sat here. a dog ran there. my hen hid here.\n".repeat(40);
const space = { units: [4, 6], rate: { from: 0.01, to: 0.2, scale: "log" } } as const;
const options = (name: string) => ({
  ...{ space, folder: join(root, name), trials: 9, asha: {} },
  training: { batch: 4, steps: 12, embedding: 4, updates: 36 },
});
const installed = spawnSync("redis-server", ["--version"]).error === undefined;

let server: ChildProcess | undefined;
const workers: ChildProcess[] = [];
/** A worker that keeps a trial for a second without a sign of life, and writes each checkpoint. */
function hire(more = ""): ChildProcess {
  const program = `
    import { sweepWorker } from ${JSON.stringify(join(import.meta.dirname, "../../dist/sweep/index.js"))};
    await sweepWorker({ redis: ${JSON.stringify(redis)}, threads: 1, engine: "wasm", lockMs: 1000, checkpointMs: 0, ${more}
      onEvent: (event) => console.log(JSON.stringify(event)) });`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  workers.push(child);
  child.stdout.resume();
  return child;
}
/** Wait until one of the lines of a process holds; those that came before this call are forgotten. */
const until = (stream: NodeJS.ReadableStream | null, holds: (line: string) => boolean): Promise<void> =>
  new Promise((resolve) => {
    const hear = (chunk: unknown): void => {
      if (!String(chunk).split("\n").some(holds)) return;
      stream?.off("data", hear);
      resolve();
    };
    stream?.on("data", hear);
  });

describe.skipIf(!installed)("with redis-server (apt-get install redis-server)", () => {
  beforeAll(async () => {
    const args = ["--port", "0", "--unixsocket", redis, "--save", "", "--dir", root, "--daemonize", "no"];
    server = spawn("redis-server", args, { stdio: ["ignore", "pipe", "inherit"] });
    await until(server.stdout, (line) => line.includes("eady to accept connections"));
    server.stdout?.resume();
  });
  afterEach(() => {
    for (const worker of workers.splice(0)) worker.kill("SIGKILL");
  });
  afterAll(() => void server?.kill("SIGKILL"));

  test("one worker gives what one process gives, and leaves nothing of the sweep in Redis", async () => {
    const { trials } = await sweep(text, { ...options("local"), workers: 1, engine: "wasm" });
    hire();
    const found = await sweep(text, { ...options("redis"), redis });
    expect(found.stopped).toBe(false);
    const bare = (all: typeof trials) => all.map(({ trial, options: own }) => ({ trial, own }));
    expect(bare(found.trials)).toEqual(bare(trials));
    // A trial waits in the queue while another is trained, so promotions come one result later; losses are the same.
    for (const { trial, rungs } of found.trials) {
      const other = trials[trial - 1]?.rungs ?? [];
      const both = Math.min(rungs.length, other.length);
      expect(rungs.slice(0, both)).toEqual(other.slice(0, both));
    }
    const [own, best] = [`models/trial-${found.best?.trial}.safetensors`, "best.safetensors"].map((file) =>
      readFileSync(join(root, "redis", file)),
    );
    expect(own?.equals(best as Buffer)).toBe(true);
    const { stdout } = spawnSync("redis-cli", ["-s", redis, "keys", "unrolled:sweep:*"], { encoding: "utf8" });
    expect(stdout.trim()).toBe("");
  });

  test("workers that are killed lose no trial, and none counts twice: each has its loss of a quiet sweep", async () => {
    const long = (name: string) => ({
      ...options(name),
      training: { batch: 4, steps: 12, embedding: 4, updates: 2400 },
    });
    const quiet = (await sweep(text, { ...long("quiet"), workers: 2, engine: "wasm" })).trials;
    let worker = hire();
    hire();
    let [told, kills] = [0, 0];
    const running = sweep(text, {
      ...{ ...long("killed"), redis },
      onEvent: ({ kind }) => {
        if (kind === "trial") told++;
      },
    });
    const killing = async (): Promise<void> => {
      for (; kills < 3; kills++) {
        await until(worker.stdout, (line) => line.includes('"started"'));
        await wait(50);
        worker.kill("SIGKILL");
        worker = hire();
      }
    };
    await Promise.race([running, killing()]);
    const { trials } = await running;
    expect(kills).toBeGreaterThan(0);
    expect(trials.map(({ trial }) => trial)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(trials.every(({ sent, rungs }) => sent === rungs.length)).toBe(true);
    expect(told).toBe(trials.reduce((sum, { rungs }) => sum + rungs.length, 0));
    for (const { trial, rungs } of trials) {
      const other = quiet[trial - 1]?.rungs ?? [];
      const both = Math.min(rungs.length, other.length);
      expect(rungs.slice(0, both)).toEqual(other.slice(0, both));
    }
  });

  test("a sweep that is left is gone on with, with what workers found meanwhile", async () => {
    const leave = new AbortController();
    hire();
    const left = await sweep(text, {
      ...{ ...options("left"), redis, signal: leave.signal },
      onEvent: ({ kind }) => kind === "trial" && leave.abort(),
    });
    expect(left.stopped).toBe(true);
    const { trials, stopped } = await sweep(text, { ...options("left"), redis, resume: true });
    expect({ stopped, count: trials.length }).toEqual({ stopped: false, count: 9 });
  });

  test("Ctrl-C at a worker puts its trial back; the command's lines say what is trained", async () => {
    writeFileSync(join(root, "text.txt"), text);
    writeFileSync(join(root, "space.json"), JSON.stringify(space));
    const first = start(root, ["worker", "--redis", redis, "--threads", "1"]);
    await until(first.stderr, (line) => line.includes("Waiting for trials."));
    const tiny = ["--updates", "36", "--batch", "4", "--steps", "12", "--embedding", "4"];
    const sweeping = run(
      root,
      "sweep",
      "text.txt",
      "--space",
      "space.json",
      "--trials",
      "3",
      "--redis",
      redis,
      ...tiny,
      "--json",
    );
    await until(first.stderr, (line) => /trial 1 of sweep \w+$/.test(line));
    first.kill("SIGINT");
    hire();
    const { code, out } = await sweeping;
    expect(code).toBe(0);
    const lines = out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines[0]).toMatchObject({ event: "start", trials: 3, begun: 0, rungs: 1 });
    expect(
      lines
        .filter(({ event }) => event === "trial")
        .map(({ trial }) => trial)
        .sort(),
    ).toEqual([1, 2, 3]);
    expect(lines.at(-1)).toMatchObject({ event: "done", ended: "finished", finished: 3, failed: 0 });
    expect((await first.ended).code).toBe(0);
  });

  // The last test: it ends the server.
  test("a worker and a sweep that are to end do not wait for a Redis that is gone", async () => {
    const worker = start(root, ["worker", "--redis", redis, "--threads", "1"]);
    await until(worker.stderr, (line) => line.includes("Waiting for trials."));
    const long = ["--updates", "100000", "--batch", "4", "--steps", "12", "--embedding", "4", "--out", "gone"];
    const sweeping = start(root, ["sweep", "text.txt", "--space", "space.json", "--redis", redis, ...long]);
    await until(worker.stderr, (line) => /trial 1 of sweep \w+$/.test(line));
    server?.kill("SIGKILL");
    await until(sweeping.stderr, (line) => line.includes("the connection is lost"));
    for (const one of [sweeping, worker]) one.kill("SIGTERM");
    const ended = await Promise.all([sweeping.ended, worker.ended]);
    expect(ended.map(({ code }) => code)).toEqual([0, 0]);
    expect(ended[0].err).toMatch(/^Go on with --resume\.$/m);
  });
});

test("a Redis that is not there is told by one line", async () => {
  const nowhere = "redis://:secret@127.0.0.1:1/0";
  const wanted = "redis://127.0.0.1:1/0: Redis cannot be reached (ECONNREFUSED). Start it, or check the address.";
  expect(await rejection(sweepWorker({ redis: nowhere }).catch(plain))).toBe(wanted);
  expect(await rejection(sweep(text, { ...options("nowhere"), redis: nowhere }).catch(plain))).toBe(wanted);
});

/** An error of the built package as one of the source's, by its message. */
async function plain(error: Error): Promise<never> {
  const { InputError } = await import("../../src/graph/input-error.ts");
  throw new InputError(error.message);
}
