/** How many dispatches plans are: no test here needs a graphics card. */
import { describe, expect, test } from "vitest";
import { cells } from "../../../src/cells/index.ts";
import { dispatchFacts, printDispatches } from "../../../src/engines/webgpu/explain.ts";
import { target } from "../../../src/engines/webgpu/target.ts";
import type { Cell } from "../../../src/graph/cell.ts";
import { dense, embedding, recurrent } from "../../../src/nn/layers.ts";
import { sequential } from "../../../src/nn/model.ts";
import { adam } from "../../../src/train/optimizers.ts";
import { trainingPlan } from "../../../src/train/training-plan.ts";

const steps = 64;
/** An update of a language model with Adam, clipped. */
const update = (cell: Cell, units: number) => {
  const layers = [embedding(65, units), recurrent(cell, { units, returnSequences: true }), dense(65)];
  const options = { batch: 32, steps, optimizer: adam(), clipNorm: 1 };
  return dispatchFacts(trainingPlan(sequential(layers), options, target));
};

describe("an update of 64 steps of 32 examples", () => {
  test("LSTM of 512 units: a dispatch a step forward and one backward, and at most 40 more", () => {
    const { dispatches, loops } = update(cells.lstm, 512);
    expect(dispatches).toBeLessThanOrEqual(2 * steps + 40);
    expect(loops.map((loop) => loop.dispatches)).toEqual([steps, steps + 1]);
  });
  test("minGRU of 512 units: at most 40, all steps of each loop in one", () => {
    const { dispatches, loops } = update(cells["min-gru"], 512);
    expect(dispatches).toBeLessThanOrEqual(40);
    expect(loops.map((loop) => loop.dispatches)).toEqual([1, 1]);
  });
  test("every cell of 128 units: outside of loops, and in each loop", () => {
    const found = Object.entries(cells).map(([name, cell]) => {
      const { outsideLoops, loops } = update(cell, 128);
      return `${name}: ${[outsideLoops, ...loops.map(({ dispatches }) => dispatches)].join(" ")}`;
    });
    expect(found).toMatchInlineSnapshot(`
      [
        "perceptron: 13",
        "dense: 20",
        "simple-rnn: 20 2 1",
        "irnn: 20 2 1",
        "indrnn: 21 1 1",
        "lstm: 23 2 1",
        "peephole-lstm: 27 2 1",
        "lstm-nig: 25 2 1",
        "lstm-nfg: 25 2 1",
        "lstm-nog: 25 2 1",
        "lstm-niaf: 27 2 1",
        "lstm-noaf: 27 2 1",
        "lstm-cifg: 25 2 1",
        "lstm-np: 23 2 1",
        "lstm-fgr: 30 256 257",
        "projection-lstm: 28 128 129",
        "layer-norm-lstm: 41 2 1",
        "multiplicative-lstm: 26 2 1",
        "mogrifier-lstm: 26 448 512",
        "janet: 21 2 1",
        "slstm: 23 2 1",
        "mlstm: 45 1 1 1 1 1 1",
        "gru: 23 2 1",
        "gru-reset-after: 27 2 1",
        "mut1: 31 2 1",
        "mut2: 29 2 1",
        "mut3: 24 2 1",
        "mgu: 24 2 1",
        "ugrnn: 21 2 1",
        "qrnn: 32 1 1",
        "sru: 27 1 1",
        "min-gru: 21 1 1",
        "min-lstm: 23 1 1",
        "rg-lru: 27 1 1 1",
        "rru: 31 2 1",
      ]
    `);
  });
});

test("what is printed: the kernels outside of loops and of each, and why a loop has as many", () => {
  expect(printDispatches(update(cells.lstm, 512)).split("\n").slice(-14).join("\n")).toMatchInlineSnapshot(`
    "       1  sums of parts            pass %2 (sums)
           1  elements                 pass m' v' w'

    A loop of 64 steps: 64, 1 a step
          64  product and pass in one  product %9 %14 %19 %24, pass recurrent.f recurrent.i recurrent.g recurrent.o recurrent.c' %31 recurrent.h'
      not all steps in one: each workgroup would read all 1,048,576 weights at each step, and 131,072 are the most that pay
      product and pass in one: the pass reads the product's sums at their own places

    A loop of 64 steps: 65, 1.02 a step
           1  elements                 pass d recurrent.c %71 %78 %87 %96
          63  product and pass in one  product d recurrent.h, pass d recurrent.c %71 %78 %87 %96
           1  product                  product d recurrent.h
      not all steps in one: each workgroup would read all 1,048,576 weights at each step, and 131,072 are the most that pay
      product and pass in one: the pass reads the product's sums at their own places"
  `);
});
