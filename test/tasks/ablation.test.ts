/** What a model loses without a unit, held against the same with values that make the unit 0. */
import { describe, expect, test } from "vitest";
import { cells } from "../../src/cells/index.ts";
import type { Cell } from "../../src/graph/cell.ts";
import { InputError } from "../../src/graph/input-error.ts";
import { inspectModel } from "../../src/nn/inspection.ts";
import { bidirectional, dense, embedding, gru, lstm, recurrent } from "../../src/nn/layers.ts";
import { type Model, sequential } from "../../src/nn/model.ts";
import { type Ablated, lossesWithout } from "../../src/tasks/ablation.ts";
import { expectClose } from "../helpers/models.ts";

const vocabulary = 7;
const tokens = Int32Array.from({ length: 101 }, (_, k) => (k * k + (k >> 2)) % vocabulary);

async function losses(model: Model, ablated: readonly Ablated[]): Promise<readonly Float32Array[]> {
  const steps = lossesWithout(model, tokens, ablated);
  for (;;) {
    const { done, value } = await steps.next();
    if (done) return value;
  }
}

/** As `inspectModel` has them. */
async function inspected(model: Model): Promise<number[]> {
  const found: number[] = [];
  for await (const { loss } of inspectModel(model, tokens)) found.push(loss ?? Number.NaN);
  return found;
}

/** The columns of a matrix that read a unit, set to 0; all values scaled up first, so that units matter. */
function without(model: Model, unit: number, readers: readonly string[]): Model {
  const values = Object.fromEntries(Object.entries(model.values).map(([name, own]) => [name, own.slice()]));
  for (const name of readers) {
    const own = values[name] as Float32Array;
    const [, columns = 0] = model.parameters.find((p) => p.name === name)?.shape ?? [];
    for (let k = unit; k < own.length; k += columns) own[k] = 0;
  }
  return { ...model, values };
}

const loud = (model: Model): Model => {
  for (const own of Object.values(model.values)) own.forEach((x, k) => (own[k] = 2 * x));
  return model;
};

describe("lossesWithout", () => {
  const model = loud(
    sequential([embedding(vocabulary, 5), lstm(6, { returnSequences: true }), dense(vocabulary)], { seed: 4 }),
  );
  const readersOfH = model.parameters.filter(({ name }) => /U_|dense.*(W|kernel)/.test(name)).map(({ name }) => name);

  test("a unit of h at 0: as if nothing read it; a unit of c: the same, since only h reads it; the others untouched", async () => {
    const ablated = [
      { key: "lstm.h", unit: 2 },
      { key: "lstm.c", unit: 2 },
      { key: "lstm.h", unit: 5 },
    ];
    const [whole, h2, c2, h5] = await losses(model, ablated);
    expect(readersOfH).toHaveLength(5);
    expectClose(whole, await inspected(model), { within: 2e-5 });
    expectClose(h2, await inspected(without(model, 2, readersOfH)), { within: 2e-5 });
    expectClose(c2, await inspected(without(model, 2, readersOfH)), { within: 2e-5 });
    expectClose(h5, await inspected(without(model, 5, readersOfH)), { within: 2e-5 });
    expect(Math.abs((h2?.[50] as number) - (whole?.[50] as number))).toBeGreaterThan(1e-3);
  });
  test("a gate's unit at 0: an LSTM whose input gate is shut there", async () => {
    const values = Object.fromEntries(Object.entries(model.values).map(([name, own]) => [name, own.slice()]));
    const bias = model.parameters.find(({ name }) => /b_i$/.test(name))?.name as string;
    (values[bias] as Float32Array)[3] = -1000;
    const [, shut] = await losses(model, [{ key: "lstm.i", unit: 3 }]);
    expectClose(shut, await inspected({ ...model, values }), { within: 2e-5 });
  });
  test("two layers: a unit of the first reaches the second and its own next step", async () => {
    const two = loud(
      sequential(
        [
          embedding(vocabulary, 4),
          gru(5, { returnSequences: true }),
          lstm(4, { returnSequences: true }),
          dense(vocabulary),
        ],
        { seed: 2 },
      ),
    );
    const readers = two.parameters.filter(({ name }) => /gru\.U_|lstm\.W_/.test(name)).map(({ name }) => name);
    expect(readers).toHaveLength(7);
    const [, found] = await losses(two, [{ key: "gru.h", unit: 1 }]);
    expectClose(found, await inspected(without(two, 1, readers)), { within: 2e-5 });
  });
  test("every built-in cell of one input: without a unit the losses are numbers, and without none the model's own", async () => {
    for (const [name, own] of Object.entries(cells) as [string, Cell][]) {
      if (own.inputs.length !== 1 || own.settings.length > 0) continue;
      const each = sequential(
        [embedding(vocabulary, 4), recurrent(own, { units: 4, returnSequences: true, name: "it" }), dense(vocabulary)],
        { seed: 1 },
      );
      const key = `it.${own.states.at(-1) ?? own.names.at(-1)}`;
      const [whole, found] = await losses(each, [{ key, unit: 1 }]);
      expectClose(whole, await inspected(each), { within: 2e-5 });
      expect(found?.subarray(1).every(Number.isFinite), name).toBe(true);
    }
  });
  test("what stands beside a unit changes no bit of it", async () => {
    const alone = await losses(model, [{ key: "lstm.c", unit: 1 }]);
    const beside = await losses(
      model,
      [0, 1, 2, 3, 4].map((unit) => ({ key: "lstm.c", unit })),
    );
    expect(beside[2]).toEqual(alone[1]);
  });
  test("a unit or a value that there is not, and a model that reads backwards, are said", async () => {
    const run = (of: Model, key: string, unit: number) => losses(of, [{ key, unit }]);
    await expect(run(model, "lstm.c", 6)).rejects.toThrow(
      new InputError("ablation: unit 6 of lstm.c is out of range: expected 0 to 5"),
    );
    await expect(run(model, "lstm.q", 0)).rejects.toThrow("the model has no units lstm.q");
    const both = sequential([
      embedding(vocabulary, 3),
      bidirectional(lstm(3, { returnSequences: true })),
      dense(vocabulary),
    ]);
    await expect(run(both, "bidirectional.forward.c", 0)).rejects.toThrow(InputError);
    const last = sequential([embedding(vocabulary, 3), lstm(3), dense(vocabulary)]);
    await expect(run(last, "lstm.c", 0)).rejects.toThrow("a logit for each token at every step");
  });
});
