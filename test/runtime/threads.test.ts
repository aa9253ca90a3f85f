import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { describe, expect, test, vi } from "vitest";
import { cells } from "../../src/cells/index.ts";
import type { Cell } from "../../src/graph/cell.ts";
import { dense, embedding, recurrent } from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";
import { createRandom } from "../../src/nn/random.ts";
import { load } from "../../src/runtime/program.ts";
import { createTrainer } from "../../src/train/trainer.ts";
import { trainingLosses } from "../helpers/losses.ts";
import { randomValues, trainingGraph } from "../helpers/networks.ts";
import { schedule, trainingPlan } from "../helpers/plans.ts";
import { pause } from "../helpers/waiting.ts";

describe("1, 2, 3 and 4 threads: the same bits", () => {
  const thorough = ["simple-rnn", "lstm", "gru", "gru-reset-after"];
  for (const [name, cell] of Object.entries(cells)) {
    for (const [batch, units, steps] of [
      [1, 17, 5],
      [2, 130, 3],
      [8, 24, 4],
      [33, 17, 3],
      [48, 40, 2],
      [8, 260, 2], // Weights too large for a thread's caches: it takes columns, not examples.
    ] as const) {
      // For most cells one size by columns and one by examples is enough.
      if (!thorough.includes(name) && !(batch === 1 || batch === 33)) continue;
      test(`${name}: batch ${batch}, units ${units}, steps ${steps}`, async () => {
        const graph = trainingGraph(cell as Cell, { units, input: 7 });
        const plan = schedule(graph, { steps, batch, keep: ["output"] });
        const values = randomValues(graph, steps, batch, 2, 0.3);
        const results: Float32Array[][] = [];
        for (const threads of [1, 2, 3, 4]) {
          const program = await load(plan, { threads });
          expect(program.threads).toBe(threads);
          for (const [input, numbers] of Object.entries(values.inputs)) {
            if (plan.inputs[input]) program.setInput(input, numbers);
          }
          for (const [parameter, numbers] of Object.entries(values.parameters)) {
            program.setParameter(parameter, numbers);
          }
          for (const state of Object.keys(plan.states)) program.setState(state, values.states[state] as Float64Array);
          await program.run();
          await program.run();
          const gradients = graph.parameters.map((p) => program.gradient(p.name).slice());
          results.push([program.output("output"), Float32Array.of(program.total("loss")), ...gradients]);
        }
        for (const other of results.slice(1)) expect(other).toEqual(results[0]);
      });
    }
  }

  test("training with embedding, dropout, clipping and Adam: losses of 20 steps", async () => {
    for (const name of ["lstm", "gru"]) {
      const wanted = await trainingLosses(name);
      for (const threads of [2, 4]) expect(await trainingLosses(name, { threads })).toEqual(wanted);
    }
  });
});

test("two programs run at once on the same workers, again and again", async () => {
  const make = async (seed: number) => {
    const layers = [embedding(9, 8), recurrent(cells.lstm as Cell, { units: 16, returnSequences: true }), dense(9)];
    const trainer = await createTrainer(sequential(layers, { seed }), { batch: 8, steps: 6, threads: 2 });
    const random = createRandom(seed);
    const tokens = Int32Array.from({ length: 48 }, () => random.integer(9));
    return async () => {
      const losses: number[] = [];
      for (let k = 0; k < 50; k++) losses.push(await trainer.update(tokens, tokens.toReversed()));
      return losses;
    };
  };
  const apart = [await (await make(1))(), await (await make(2))()];
  const [first, second] = [await make(1), await make(2)];
  expect(await Promise.all([first(), second()])).toEqual(apart);
});

test("the main thread stays free while workers train", async () => {
  const layers = [embedding(9, 64), recurrent(cells.lstm as Cell, { units: 256, returnSequences: true }), dense(9)];
  const trainer = await createTrainer(sequential(layers), { batch: 32, steps: 32, threads: 2 });
  const tokens = new Int32Array(32 * 32).fill(1);
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  for (let k = 0; k < 3; k++) await trainer.update(tokens, tokens);
  clearInterval(timer);
  expect(turns).toBeGreaterThan(3);
});

test("a program is not run while it runs", async () => {
  const plan = schedule(trainingGraph(cells.lstm as Cell, { units: 8, input: 3 }), { steps: 2, batch: 4 });
  const program = await load(plan, { threads: 2 });
  const running = program.run();
  await expect(program.run()).rejects.toThrow("internal: a program is run while it runs");
  expect(() => program.runSync()).toThrow("internal: a program is run while it runs");
  await running;
});

test("threads are 1 to 64", async () => {
  const model = sequential([embedding(9, 8), dense(9)]);
  for (const threads of [0, 65, 1.5]) {
    const made = createTrainer(model, { batch: 1, steps: 1, threads });
    await expect(made).rejects.toThrow(`createTrainer: threads must be a whole number from 1 to 64, got ${threads}`);
  }
});

describe("a worker that dies", () => {
  /** The workers that run a program: those that are told to. */
  async function workersOf(act: () => Promise<unknown>): Promise<Worker[]> {
    const send = vi.spyOn(Worker.prototype, "postMessage");
    try {
      await act();
      const told = send.mock.calls.map(([{ kind }], k) => (kind === "run" ? (send.mock.contexts[k] as Worker) : []));
      return told.flat();
    } finally {
      send.mockRestore();
    }
  }
  const trainer = async (units: number, threads: number) => {
    const layers = [embedding(9, 8), recurrent(cells.lstm as Cell, { units, returnSequences: true }), dense(9)];
    const made = await createTrainer(sequential(layers, { seed: 3 }), { batch: 16, steps: 32, threads });
    const tokens = Int32Array.from({ length: 16 * 32 }, (_, k) => k % 9);
    return { update: () => made.update(tokens, tokens.toReversed()) };
  };
  const forEver = async ({ update }: { update: () => Promise<number> }): Promise<never> => {
    for (;;) await update();
  };
  const lost = "internal: a thread failed: it ended. What the program holds is lost; load it anew.";

  test.each([0, 1, 2])(
    "number %i of three: what runs fails and is lost; all else runs on, on new workers",
    async (dying) => {
      const wanted = await trainer(16, 1);
      const [first, second] = [await wanted.update(), await wanted.update()];
      const [idle, large, other] = [await trainer(16, 3), await trainer(400, 3), await trainer(16, 2)];
      expect(await idle.update()).toBe(first);
      let [failing, failingToo]: Promise<unknown>[] = [];
      const workers = await workersOf(async () => {
        [failing, failingToo] = [forEver(large), forEver(other)];
      });
      expect(workers).toHaveLength(5);
      const ended = Promise.all(workers.slice(0, 3).map((worker) => once(worker, "exit")));
      await pause(20); // In the midst of a step.
      void workers[dying]?.terminate();
      await expect(failing).rejects.toThrow(lost);
      await expect(failingToo).rejects.toThrow(lost);
      await ended;
      await expect(large.update()).rejects.toThrow(lost);
      const anew = await workersOf(async () => expect(await idle.update()).toBe(second));
      expect(anew).toHaveLength(3);
      for (const worker of anew) expect(workers).not.toContain(worker);
      expect(await (await trainer(16, 2)).update()).toBe(first);
    },
  );

  test("a thread that traps does not leave the others waiting", async () => {
    const plan = trainingPlan(sequential([embedding(9, 8), dense(9)]), { batch: 8, steps: 4 });
    const program = await load(plan, { threads: 2 });
    const tokens = new Int32Array(32);
    program.setIndex("tokens", tokens);
    await program.run();
    tokens[0] = 2 ** 24; // Beyond memory; only the first thread reads it.
    program.setIndex("tokens", tokens);
    await expect(program.run()).rejects.toThrow("a thread failed: RuntimeError: memory access out of bounds");
    const other = await trainer(16, 2);
    expect(await other.update()).toBeGreaterThan(0);
  });

  test("while nothing runs: nobody notices", async () => {
    const { update } = await trainer(16, 2);
    const [wanted] = [await (await trainer(16, 1)).update()];
    const [worker] = await workersOf(async () => expect(await update()).toBe(wanted));
    await worker?.terminate();
    const after = await workersOf(update);
    expect(after).toHaveLength(2);
    expect(after).not.toContain(worker);
  });
});

test("idle workers do not keep the process alive, however many threads the last program had", async () => {
  const [ref, unref] = [vi.spyOn(Worker.prototype, "ref"), vi.spyOn(Worker.prototype, "unref")];
  const plan = schedule(trainingGraph(cells.lstm as Cell, { units: 64, input: 3 }), { steps: 20, batch: 32 });
  const [many, few] = [await load(plan, { threads: 4 }), await load(plan, { threads: 2 })];
  await Promise.all([many.run(), few.run()]); // Many end first, while few have a run left.
  const calls = [ref, unref].flatMap(({ mock }, idle) =>
    mock.contexts.map((worker, k) => ({ worker, idle, order: mock.invocationCallOrder[k] as number })),
  );
  vi.restoreAllMocks();
  const last = new Map(calls.sort((a, b) => a.order - b.order).map(({ worker, idle }) => [worker, idle]));
  expect([...last.values()]).toEqual([1, 1, 1, 1]);
});
