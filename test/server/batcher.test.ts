/** Who gets a slot, and that nobody's text depends on it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { createRandom } from "../../src/nn/random.ts";
import { createBatcher, type Job } from "../../src/server/batcher.ts";
import { ApiError } from "../../src/server/errors.ts";
import { nextTurn } from "../../src/server/event-loop.ts";
import { createSequence, GenerationEngine } from "../../src/tasks/generation-engine.ts";
import { standStillUntil } from "../helpers/processes.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { until } from "../helpers/waiting.ts";
import { book, serving, tiny } from "./serving.ts";

type Piece = { readonly text: string };
const folder = temporaryFolder();
const batcherOf = (queue = 1000) => createBatcher<Piece>(tiny, { queue });

type Followed = Job<Piece> & { readonly found: { text: string; ended?: string | Error } };

/** A job, and what has become of it. */
function jobOf(client: string, { length = 20, seed = 0, prompt = "a" } = {}): Followed {
  const found: Followed["found"] = { text: "" };
  const text = createSequence<Piece>(tiny, { prompt, length, seed, describe: (text) => ({ text }) });
  return {
    ...{ client, text, found },
    take(pieces, ended) {
      found.text += pieces.map((piece) => piece.text).join("");
      if (ended !== undefined) found.ended = ended;
    },
  };
}
const jobsOf = (client: string, count: number, options = {}) =>
  Array.from({ length: count }, (_, seed) => jobOf(client, { seed, ...options }));
const ended = (jobs: readonly Followed[]): number => jobs.filter(({ found }) => found.ended !== undefined).length;

describe("fair", () => {
  test("a client with one text is served while one with 500 waits: after at most 32 of those", async () => {
    const batcher = await batcherOf();
    const many = jobsOf("many", 500, { length: 200 });
    batcher.add(many);
    await until(() => batcher.slotsInUse === 32);
    const before = ended(many);
    const one = jobOf("one", { length: 200 });
    batcher.add([one]);
    await until(() => one.found.ended !== undefined);
    expect(ended(many) - before).toBeLessThanOrEqual(2 * 32);
    for (const job of many) batcher.remove(job);
  });

  test("two clients with many texts have as many slots each, whoever came first", async () => {
    const batcher = await batcherOf();
    const [a, b] = [jobsOf("a", 100, { length: 1e7 }), jobsOf("b", 100, { length: 1e7 })];
    batcher.add(a);
    await until(() => batcher.slotsInUse === 32);
    batcher.add(b);
    const reading = (jobs: readonly Followed[]) => jobs.map(({ text }) => text.written);
    await until(() => ended(b) === 0 && reading(b).filter((count) => count > 0).length === 16);
    const before = [reading(a), reading(b)];
    await until(() => (reading(b)[0] as number) > (before[1]?.[0] as number) + 50);
    const moving = [a, b].map((jobs, k) => reading(jobs).filter((count, at) => count > (before[k]?.[at] as number)));
    expect(moving.map(({ length }) => length)).toEqual([16, 16]);
    for (const job of [...a, ...b]) batcher.remove(job);
    expect([batcher.slotsInUse, batcher.queueLength]).toEqual([0, 0]);
  });

  test("a text that gave up its slot and got it again is what it is alone", async () => {
    const batcher = await batcherOf();
    const many = jobsOf("many", 40, { length: 3000 });
    batcher.add(many);
    await until(() => batcher.slotsInUse === 32);
    for (let k = 0; k < 20; k++) {
      batcher.add([jobOf(`other ${k}`, { length: 50 })]);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await until(() => ended(many) === many.length);
    for (const [seed, { found }] of many.entries()) {
      const alone = jobOf("alone", { seed, length: 3000 });
      const quiet = await batcherOf();
      quiet.add([alone]);
      await until(() => alone.found.ended !== undefined);
      expect(found).toEqual(alone.found);
      if (seed === 5) break;
    }
  });
});

describe("a full queue", () => {
  test("refuses the client that has most in it", async () => {
    const batcher = await batcherOf(10);
    const running = jobsOf("a", 42, { length: 1e7 });
    batcher.add(running);
    await until(() => batcher.queueLength === 10);
    expect(() => batcher.add([jobOf("a")])).toThrow(
      new ApiError("queue_full", "the queue is full: 10 texts wait. Try again in a moment."),
    );
    expect(ended(running)).toBe(0);
    expect([batcher.hasRoom("a"), batcher.hasRoom("b")]).toEqual([false, true]);
    const other = jobOf("b", { length: 3 });
    batcher.add([other]);
    expect(running.map(({ found }) => found.ended)).toEqual([
      ...Array(41).fill(undefined),
      expect.objectContaining({ kind: "queue_full" }),
    ]);
    await until(() => other.found.ended !== undefined);
    expect(other.found.ended).toBe("length");
    for (const job of running) batcher.remove(job);
  });

  test("refuses more texts than it has places, and nobody else", async () => {
    const batcher = await batcherOf(3);
    const few = jobsOf("few", 34, { length: 1e7 });
    batcher.add(few);
    expect(() => batcher.add(jobsOf("many", 36))).toThrow("the queue is full");
    expect(ended(few)).toBe(0);
    for (const job of few) batcher.remove(job);
  });
});

test("a paused text gives its slot to others and goes on when it is resumed", async () => {
  const batcher = await batcherOf();
  const [job, alone] = [jobOf("a", { length: 500 }), jobOf("b", { length: 500 })];
  batcher.add([job]);
  await until(() => job.text.written > 20);
  batcher.pause(job);
  const { written } = job.text;
  expect(batcher.slotsInUse).toBe(0);
  batcher.add([alone]);
  await until(() => alone.found.ended !== undefined);
  expect(job.text.written).toBe(written);
  batcher.resume(job);
  await until(() => job.found.ended !== undefined);
  expect(job.found).toEqual(alone.found);
});

test("a text whose reader keeps up has a slot whenever one looks, however often it is paused", async () => {
  const batcher = await batcherOf();
  let pauses = 0;
  const one = jobOf("a", { length: 1e7 });
  const job: Followed = {
    ...one,
    take() {
      batcher.pause(job);
      pauses++;
      void Promise.resolve().then(() => batcher.resume(job));
    },
  };
  batcher.add([job]);
  await until(() => pauses > 0);
  const seen = new Set<number>();
  for (let k = 0; k < 100; k++) {
    await nextTurn();
    seen.add(batcher.slotsInUse);
  }
  batcher.remove(job);
  expect([...seen]).toEqual([1]);
  expect(pauses).toBeGreaterThan(50);
});

describe("texts that go on from what another one has read", () => {
  const prompt = book.slice(0, 300);
  /** A job whose text reads all of the prompt, and others that read its last token. */
  function sharing(count: number): Followed[] {
    const others = Array.from({ length: count }, (_, k) => jobOf("a", { prompt: prompt.slice(-1), seed: 1 + k }));
    const shares = { after: prompt.length - 1, texts: others.map(({ text }) => text) };
    return [{ ...jobOf("a", { prompt, seed: 0 }), shares }, ...others.map((job) => ({ ...job, follows: true }))];
  }
  const alone = async (seed: number): Promise<string> => {
    const [batcher, job] = [await batcherOf(), jobOf("a", { prompt, seed })];
    batcher.add([job]);
    await until(() => job.found.ended !== undefined);
    return job.found.text;
  };

  test("are what they are alone, also where slots are fewer and others come", async () => {
    const batcher = await batcherOf();
    const jobs = sharing(40);
    batcher.add(jobs);
    expect(batcher.queueLength).toBe(41);
    await until(() => (jobs[0] as Followed).text.read > 0);
    batcher.add(jobsOf("b", 60));
    await until(() => ended(jobs) === jobs.length);
    for (const seed of [0, 1, 31, 40]) expect(jobs[seed]?.found.text).toBe(await alone(seed));
  });

  /** The first job, which has no reader any more once it has read so many tokens. */
  function pausedAfter(read: number, first: Followed, batcher: Awaited<ReturnType<typeof batcherOf>>): Followed {
    const text = createSequence<Piece>(tiny, {
      ...{ prompt, length: 20, seed: 0, describe: (text: string) => ({ text }), onPromptToken: () => ({ text: "" }) },
    });
    const job: Followed = {
      ...{ ...first, text },
      take(pieces, ended) {
        first.take(pieces, ended);
        if (text.read === read) batcher.pause(job);
      },
    };
    return job;
  }

  test("have no slot and take no step before that: not while the first one is paused either", async () => {
    const batcher = await batcherOf();
    const [first, ...others] = sharing(3) as [Followed, ...Followed[]];
    const job = pausedAfter(100, first, batcher);
    batcher.add([job, ...others]);
    await until(() => job.text.read === 100);
    const step = vi.spyOn(GenerationEngine.prototype, "step");
    for (let k = 0; k < 50; k++) await nextTurn();
    expect(step).not.toHaveBeenCalled();
    step.mockRestore();
    expect([batcher.slotsInUse, batcher.queueLength, ended(others)]).toEqual([0, 3, 0]);
    batcher.resume(job);
    await until(() => ended([first, ...others]) === 4);
    expect(others[2]?.found.text).toBe(await alone(3));
  });

  test("begin also where the first one is paused in the very step", async () => {
    const batcher = await batcherOf();
    const [first, ...others] = sharing(2) as [Followed, ...Followed[]];
    const job = pausedAfter(prompt.length - 1, first, batcher);
    batcher.add([job, ...others]);
    await until(() => ended(others) === 2);
    expect(others[1]?.found.text).toBe(await alone(2));
    expect(job.text.written).toBe(0);
    batcher.resume(job);
    await until(() => first.found.ended !== undefined);
    expect(first.found.text).toBe(await alone(0));
  });
});

test("an answer under load is the quiet server's for the same seed, whatever else is asked, streamed or not", async () => {
  const [busy, quiet] = [await serving(), await serving()];
  const requests = fc.record({
    prompt: fc.oneof(
      fc.nat({ max: 300 }).map((length) => book.slice(0, length)),
      fc.array(fc.nat({ max: 17 }), { minLength: 1, maxLength: 5 }),
      fc.constant(["a dog", "☃", ""]),
    ),
    max_tokens: fc.nat({ max: 60 }),
    seed: fc.nat(),
    temperature: fc.constantFrom(0, 0.7, 1.5),
    top_p: fc.constantFrom(0.5, 1),
    n: fc.constantFrom(1, 1, 1, 3),
    presence_penalty: fc.constantFrom(0, 1),
    stop: fc.constantFrom(null, "the", ["at", "."]),
    logprobs: fc.constantFrom(null, 2),
    echo: fc.boolean(),
    stream: fc.boolean(),
  });
  const [seed, random] = [Date.now() % 1e6, createRandom(Date.now() % 1e6)];
  type Choice = {
    index: number;
    text: string;
    finish_reason: string | null;
    logprobs: Record<string, unknown[]> | null;
  };
  const choicesOf = async ({ post }: typeof busy, body: object): Promise<Choice[]> => {
    const text = await (await post("/v1/completions", { model: "tiny", ...body })).text();
    if (text.startsWith("{")) return JSON.parse(text).choices;
    const joined: Choice[] = [];
    for (const event of text.split("\n\n").slice(0, -2)) {
      for (const choice of JSON.parse(event.slice("data: ".length)).choices as Choice[]) {
        const one = joined[choice.index];
        if (one === undefined) joined[choice.index] = choice;
        else {
          one.text += choice.text;
          one.finish_reason = choice.finish_reason;
          for (const [key, list] of Object.entries(one.logprobs ?? {})) list.push(...(choice.logprobs?.[key] ?? []));
        }
      }
    }
    expect(text.endsWith("data: [DONE]\n\n")).toBe(true);
    return joined;
  };
  const bodies = fc.sample(requests, { seed, numRuns: 150 });
  const expected: Choice[][] = [];
  for (const body of bodies) expected.push(await choicesOf(quiet, { ...body, stream: false }));
  const found = await Promise.all(
    bodies.map(async (body) => {
      await new Promise((resolve) => setTimeout(resolve, 50 * random.uniform()));
      return choicesOf(busy, body);
    }),
  );
  for (const [k, choices] of found.entries()) {
    expect(choices, `request ${k} of seed ${seed}: ${JSON.stringify(bodies[k])}`).toEqual(expected[k]);
  }
});

test("requests over connections that wait to be taken on are worked at together, not one after the other", async () => {
  const own = await serving();
  // Less than the steps between two turns.
  const asked = { model: "tiny", prompt: "a", max_tokens: 100, seed: 1 };
  for (let k = 0; k < 20; k++) await (await own.post("/v1/completions", asked)).text();
  const step = vi.spyOn(GenerationEngine.prototype, "step");
  const body = JSON.stringify(asked);
  const haveAsked = join(folder, "asked");
  const asks = `const http = require("node:http");
    const headers = { "Content-Type": "application/json" };
    let sent = 0;
    for (let k = 0; k < 30; k++) {
      const request = http.request("${own.url}/v1/completions", { method: "POST", headers, agent: false }, (answer) => {
        if (answer.statusCode !== 200) process.exitCode = 1;
        answer.resume();
      });
      // Once the system has all of it.
      request.on("finish", () => {
        if (++sent === 30) require("node:fs").writeFileSync(${JSON.stringify(haveAsked)}, "");
      });
      request.end(${JSON.stringify(body)});
    }`;
  const client = spawn(process.execPath, ["-e", asks], { stdio: "ignore" });
  // All have asked when this process, which the system answers for meanwhile, goes on.
  standStillUntil(haveAsked);
  expect(step).not.toHaveBeenCalled();
  expect(await once(client, "exit")).toEqual([0, null]);
  const steps = step.mock.calls.length;
  step.mockRestore();
  // By itself each takes 100.
  expect(steps).toBeLessThan(800);
});
