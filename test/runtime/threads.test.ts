import { describe, expect, test } from "vitest";
import { cells } from "../../src/cells/index.ts";
import type { Cell } from "../../src/graph/cell.ts";
import { dense, embedding, recurrent } from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";
import { createRandom } from "../../src/nn/random.ts";
import { load } from "../../src/runtime/program.ts";
import { schedule } from "../../src/schedule/schedule.ts";
import { createTrainer } from "../../src/train/trainer.ts";
import { trainingLosses } from "../helpers/losses.ts";
import { randomValues, trainingGraph } from "../helpers/networks.ts";

describe("1, 2, 3 and 4 threads: the same bits", () => {
  for (const [name, cell] of Object.entries(cells)) {
    for (const [batch, units, steps] of [
      [1, 17, 5],
      [2, 130, 3],
      [8, 24, 4],
      [33, 17, 3],
      [48, 40, 2],
      [8, 260, 2], // Weights too large for a thread's caches: it takes columns, not examples.
    ] as const) {
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
    const layers = [embedding(9, 8), recurrent(cells.lstm as Cell, { units: 16 }), dense(9)];
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
  const layers = [embedding(9, 64), recurrent(cells.lstm as Cell, { units: 256 }), dense(9)];
  const trainer = await createTrainer(sequential(layers), { batch: 32, steps: 32, threads: 2 });
  const tokens = new Int32Array(32 * 32).fill(1);
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  for (let k = 0; k < 3; k++) await trainer.update(tokens, tokens);
  clearInterval(timer);
  expect(turns).toBeGreaterThan(3);
});

test("a program is not run while it runs, and threads are 1 to 64", async () => {
  const plan = schedule(trainingGraph(cells.lstm as Cell, { units: 8, input: 3 }), { steps: 2, batch: 4 });
  const program = await load(plan, { threads: 2 });
  const running = program.run();
  await expect(program.run()).rejects.toThrow("internal: a program is run while it runs");
  await running;
  expect(() => program.runHere()).toThrow("internal:");
  await expect(load(plan, { threads: 0 })).rejects.toThrow("threads: needs a whole number from 1 to 64, got 0");
});
