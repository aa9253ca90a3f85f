/** What a cell makes of a masked step, whatever it is, goes on to nothing: as if the step were not there. */
import { describe, expect, test } from "vitest";
import * as cells from "../../src/cells/index.ts";
import { type Cell, cell } from "../../src/graph/cell.ts";
import { bidirectional, dense, embedding, masking, recurrent } from "../../src/nn/layers.ts";
import { type Model, sequential } from "../../src/nn/model.ts";
import { fit } from "../../src/train/fit.ts";
import { predict } from "../../src/train/predict.ts";
import { createTrainer } from "../../src/train/trainer.ts";

const texts = [[1, 2, 3, 4], [3], [2, 4]];
const wide = (one: Cell) => (one.states.length === 0 ? [] : [one]);
const all = Object.entries(cells.cells).flatMap(([name, one]) => wide(one).map((found) => [name, found] as const));
/** The means of what came before: no number where nothing did. */
const meanOfAll = cell(`
  n' = n + mean(x * x)
  c' = c + x
  h' = c' / n'
`);
/** Endless for zeros, and its derivative too. */
const logs = cell("h' = 0.5 * h + log(x * x)");
const inverse = cell("h' = h + 1 / x");
/** The gradients of their matrices would be no numbers where they read zeros. */
const ofLength = cell("h' = tanh((W @ x) / sqrt(sum(x * x)) + U @ h)");
const ratio = cell("h' = tanh((W @ x) / (V @ x) + U @ h)");
const named = cell(`
  z  = log(abs(W @ x))
  h' = tanh(z + U @ h)
`);
const weighted = cell(`
  n' = n + abs(W @ x)
  c' = c + V @ x
  h' = c' / n'
`);
const own = { meanOfAll, logs, inverse };
const withUnits = { ofLength, ratio, named, weighted };

/** Every example alone, without padding. */
async function alone(model: Model, x: readonly (readonly number[])[]): Promise<number[]> {
  const found: number[] = [];
  for (const one of x) found.push(...(await predict(model, [[...one]])).data);
  return found;
}
async function expectSame(model: Model): Promise<void> {
  const wanted = await alone(model, texts);
  for (const pad of ["pre", "post"] as const) {
    const { data } = await predict(model, texts, { pad });
    expect(data.every(Number.isFinite), pad).toBe(true);
    data.forEach((value, k) => {
      expect(value, pad).toBeCloseTo(wanted[k] as number, 5);
    });
  }
}

describe.each([...all, ...Object.entries(own), ...Object.entries(withUnits)])("%s", (name, one) => {
  const units = name in own ? {} : { units: 4 };
  const first = embedding(9, 4, { maskZero: true });
  test("sequences with padding before and after them give what they give alone", async () => {
    await expectSame(sequential([first, recurrent(one, units), dense(3)]));
    await expectSame(sequential([first, recurrent(one, { ...units, goBackwards: true }), dense(3)]));
    await expectSame(sequential([first, bidirectional(recurrent(one, units)), dense(3)]));
  });
  test("a row of nothing but padding is trained with: the parameters stay numbers", async () => {
    const model = sequential([first, recurrent(one, units), dense(3)]);
    const { loss } = (
      await fit(
        model,
        [
          [1, 2],
          [0, 0],
          [0, 3],
        ],
        [0, 1, 2],
        { epochs: 3 },
      )
    ).history;
    expect(loss?.every(Number.isFinite)).toBe(true);
    for (const values of Object.values(model.values)) expect(values.every(Number.isFinite)).toBe(true);
  });
});

test("numbers that masking leaves out are read as if they were not there", async () => {
  const model = sequential([masking(), recurrent(cell("h' = h + log(x)"), { units: 1 })], { input: 1 });
  const { data } = await predict(model, [[[2], [4]], [[3]]], { pad: "post" });
  expect([...data].map((value) => Number(value.toFixed(4)))).toEqual([2.0794, 1.0986]);
});

// Krueger et al. 2016 (arXiv:1606.01305), equation 5: what is kept of the cell state is not what the output is made of.
describe("zoneout keeps a state for the next step; the equations read the new one", () => {
  test("in a cell whose output is made of another state", async () => {
    const one = cell("c' = c + x\n h' = 2 * c'");
    const model = sequential([recurrent(one, { zoneout: { c: 0.5 }, returnSequences: true })], { input: 1 });
    // c is 0, then 0.5 * 0 + 0.5 * 1 = 0.5, then 0.5 * 0.5 + 0.5 * 1.5 = 1.
    expect([...(await predict(model, [[[1], [1], [1]]])).data]).toEqual([2, 3, 4]);
  });
  test("a mean whose weight is kept at 0 stays a number", async () => {
    const model = sequential([recurrent(cells.sLstm, { units: 4, zoneout: 0.3 }), dense(2)], { input: 2 });
    const trainer = await createTrainer(model, { batch: 1, steps: 4, loss: "mse", seed: 1 });
    for (let k = 0; k < 20; k++) {
      expect(Number.isFinite(await trainer.update([1, -1, 2, 0, 0, 1, -2, 1], [0, 1]))).toBe(true);
    }
  });
});
