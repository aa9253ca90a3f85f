import { describe, expect, test } from "vitest";
import { readModel, writeModel } from "../../src/formats/model-file.ts";
import { grad } from "../../src/grad/grad.ts";
import { cell } from "../../src/graph/cell.ts";
import {
  bidirectional,
  type CellSpec,
  dense,
  embedding,
  gru,
  type LayerSpec,
  lstm,
  masking,
  recurrent,
  simpleRnn,
} from "../../src/nn/layers.ts";
import { type Model, sequential } from "../../src/nn/model.ts";
import { createRandom } from "../../src/nn/random.ts";
import { createSession } from "../../src/nn/session.ts";
import { lossGraph } from "../../src/train/loss-graph.ts";
import { createPredictor } from "../../src/train/predict.ts";
import { createTrainer } from "../../src/train/trainer.ts";
import { randomValues, relativeError } from "../helpers/networks.ts";
import { expectRightGradients } from "../helpers/right-gradients.ts";

const [features, units] = [3, 4];
const sequences = { returnSequences: true };
/** A cell whose output is no state. */
const projected = cell(`h' = tanh(W @ x + U @ h + b)
  y = V @ h' + c`);
const layerKinds: readonly [string, (options: object) => CellSpec][] = [
  ["lstm", (options) => lstm(units, options)],
  ["gru", (options) => gru(units, options)],
  ["a cell whose output is no state", (options) => recurrent(projected, { units, ...options })],
];

type Sequence = readonly (readonly number[])[];
function draw(length: number, seed: number): number[][] {
  const random = createRandom(seed);
  return Array.from({ length }, () => Array.from({ length: features }, () => random.normal()));
}
/** 0 for -0. */
const unsigned = (value: number): number => value + 0;
const model = (layers: LayerSpec[]): Model => sequential(layers, { input: features, seed: 7 });
/** The outputs of one sequence, one list a step, or one. */
async function outputs(of: Model, sequence: Sequence): Promise<number[][]> {
  const predictor = await createPredictor(of, { batch: 1, steps: sequence.length });
  const flat = [...(await predictor.predict(sequence.flat()))];
  return Array.from({ length: flat.length / of.outputSize }, (_, k) =>
    flat.slice(k * of.outputSize, (k + 1) * of.outputSize),
  );
}

describe.each(layerKinds)("%s", (_, layer) => {
  const x = draw(6, 1);
  const last = async (options: object, of: Sequence): Promise<number[]> =>
    (await outputs(model([layer(options)]), of))[0] as number[];
  const every = (options: object, of: Sequence): Promise<number[][]> =>
    outputs(model([layer({ ...sequences, ...options })]), of);

  test("goBackwards reads the sequence from its end, and gives its outputs in that order", async () => {
    expect(await last({ goBackwards: true }, x)).toEqual(await last({}, x.toReversed()));
    expect(await every({ goBackwards: true }, x)).toEqual(await every({}, x.toReversed()));
  });
  test("what follows a layer that went backwards reads its outputs in their order", async () => {
    const turned = { ...layer({ ...sequences, goBackwards: true }), name: "first" };
    const both = model([turned, gru(5, { ...sequences, name: "second" })]);
    const second = sequential([gru(5, { ...sequences, name: "second" })], { input: units });
    const first = model([{ ...layer(sequences), name: "first" }]);
    for (const { name } of first.parameters) first.values[name]?.set(both.values[name] as Float32Array);
    for (const { name } of second.parameters) second.values[name]?.set(both.values[name] as Float32Array);
    const between = await outputs(first, x.toReversed());
    const wanted = (await outputs(second, between)).flat();
    expect(relativeError((await outputs(both, x)).flat(), wanted)).toBeLessThan(1e-6);
  });

  const padded = (of: Sequence, at: readonly number[]): number[][] => {
    const out = of.map((row) => [...row]);
    for (const k of at) out.splice(k, 0, [0, 0, 0]);
    return out;
  };
  const masked = (options: object): Model => model([masking(), { ...layer(options), name: "cell" }]);
  const plain = (options: object): Model => model([{ ...layer(options), name: "cell" }]);
  test.each<[string, readonly number[]]>([
    ["right", [6, 7]],
    ["left", [0, 1]],
    ["with holes", [2, 3, 6]],
    ["nowhere", []],
  ])("padded %s: masked steps change no state and give the output before them", async (_, at) => {
    const y = padded(x, at);
    const expected = await outputs(plain(sequences), x);
    const kept = y.map((row) => row.some((value) => value !== 0));
    const got = await outputs(masked(sequences), y);
    expect(got.filter((_, t) => kept[t])).toEqual(expected);
    got.forEach((row, t) => {
      if (!kept[t]) expect(row.map(unsigned)).toEqual(t === 0 ? row.map(() => 0) : got[t - 1]?.map(unsigned));
    });
    expect(await outputs(masked({}), y)).toEqual([expected.at(-1)]);
    const zeroed = await outputs(masked({ ...sequences, zeroOutputForMask: true }), y);
    expect(zeroed.map((row) => row.map(unsigned))).toEqual(got.map((row, t) => (kept[t] ? row : row.map(() => 0))));
    // From the end to the start, too.
    const backwards = await outputs(masked({ goBackwards: true }), y);
    expect(backwards).toEqual(await outputs(plain({ goBackwards: true }), x));
  });
});

describe("bidirectional: one direction as it is, the other turned back, at each step", () => {
  const x = draw(5, 2);
  const forwardUnits = 4;
  async function directions(options: object): Promise<[number[][], number[][], Model]> {
    const both = model([bidirectional(lstm(forwardUnits, options), { name: "both" })]);
    const one = (direction: string): Model => {
      const single = model([lstm(forwardUnits, { ...options, name: "one" })]);
      for (const { name } of single.parameters) {
        single.values[name]?.set(both.values[name.replace("one", `both.${direction}`)] as Float32Array);
      }
      return single;
    };
    const forward = await outputs(one("forward"), x);
    const backward = await outputs(one("backward"), x.toReversed());
    return [forward, backward.toReversed(), both];
  }
  test("concat, with sequences and without", async () => {
    for (const options of [sequences, {}]) {
      const [forward, backward, both] = await directions(options);
      expect(await outputs(both, x)).toEqual(forward.map((row, t) => [...row, ...(backward[t] as number[])]));
      expect(both.outputSize).toBe(2 * forwardUnits);
    }
  });
  test.each([
    ["sum", (a: number, b: number) => a + b],
    ["mul", (a: number, b: number) => a * b],
    ["ave", (a: number, b: number) => (a + b) / 2],
  ] as const)("%s", async (mergeMode, merge) => {
    const [forward, backward, both] = await directions(sequences);
    const merged = model([bidirectional(lstm(forwardUnits, sequences), { name: "both", mergeMode })]);
    for (const { name } of merged.parameters) merged.values[name]?.set(both.values[name] as Float32Array);
    const wanted = forward.flatMap((row, t) => row.map((value, j) => merge(value, backward[t]?.[j] as number)));
    expect(relativeError((await outputs(merged, x)).flat(), wanted)).toBeLessThan(1e-6);
  });
  test("of a layer that goes backwards: the halves change places, and the order of the outputs is from the end", async () => {
    for (const options of [sequences, {}]) {
      const [forward, backward, both] = await directions(options);
      const turned = model([bidirectional(lstm(forwardUnits, { ...options, goBackwards: true }), { name: "both" })]);
      for (const { name } of turned.parameters) {
        const other = name.includes("forward")
          ? name.replace("forward", "backward")
          : name.replace("backward", "forward");
        turned.values[name]?.set(both.values[other] as Float32Array);
      }
      const wanted = forward.map((row, t) => [...(backward[t] as number[]), ...row]).toReversed();
      expect(await outputs(turned, x)).toEqual(wanted);
    }
  });
  test("of a layer that runs backwards the file has the other one forwards, and is read again", () => {
    const turned = model([bidirectional(lstm(3, { goBackwards: true }))]);
    const again = readModel(writeModel({ model: turned, extra: {} })).model;
    expect(writeModel({ model: again, extra: {} })).toEqual(writeModel({ model: turned, extra: {} }));
    expect(again.values).toEqual(turned.values);
  });
  test("mistakes are one line", () => {
    expect(() => bidirectional(dense(3) as CellSpec)).toThrow(
      "bidirectional: needs a recurrent layer, one whose cell has a state",
    );
    const back = lstm(3, { goBackwards: true });
    expect(() => bidirectional(back, { backward: lstm(3, { goBackwards: true }) })).toThrow(
      "both layers have goBackwards",
    );
    expect(() => bidirectional(lstm(3), { backward: lstm(3, sequences) })).toThrow("must return sequences, or neither");
    expect(() => model([bidirectional(lstm(3), { mergeMode: "sum", backward: lstm(4) })])).toThrow(
      'bidirectional: mergeMode "sum" needs equal units, got 3 and 4',
    );
    expect(() => bidirectional(lstm(3), { mergeMode: "max" as "sum" })).toThrow(
      'bidirectional: mergeMode must be one of "concat", "sum", "mul", "ave", "none", got "max"',
    );
  });
});

describe("gradients against central differences 1e-6, wasm against the reference 1e-4, in training", () => {
  const [steps, batch] = [4, 3];
  test.each<[string, LayerSpec[]]>([
    ["backwards", [lstm(4, { ...sequences, goBackwards: true }), gru(3, { goBackwards: true }), dense(5)]],
    ["bidirectional", [bidirectional(lstm(4, sequences)), bidirectional(gru(3), { mergeMode: "mul" }), dense(5)]],
    ["masked", [masking(), bidirectional(lstm(4, sequences)), gru(3, { ...sequences, zeroOutputForMask: true })]],
    [
      "dropout",
      [lstm(4, { ...sequences, dropout: 0.3, recurrentDropout: 0.4 }), simpleRnn(3, { recurrentDropout: 0.5 })],
    ],
    [
      "all at once",
      [masking(), bidirectional(recurrent(projected, { units: 4, ...sequences, recurrentDropout: 0.3 })), lstm(3)],
    ],
  ])("%s", async (_, layers) => {
    const graph = grad(lossGraph(model(layers), { loss: "mean_squared_error", training: true }));
    const values = randomValues(graph, steps, batch, 1);
    const x = values.inputs.x as Float64Array;
    for (const row of [0, 4, 11]) x.fill(0, row * features, (row + 1) * features);
    await expectRightGradients(graph, values, { steps, batch });
  });
});

describe("training with masks", () => {
  const layers = () => [embedding(9, 5, { maskZero: true }), lstm(6, sequences), dense(9)];
  test("padding counts for nothing: the loss and the gradients are those of the sequence alone", async () => {
    const [tokens, targets] = [
      [3, 4, 5, 6],
      [4, 5, 6, 7],
    ];
    const losses: number[] = [];
    const gradients: Float32Array[][] = [];
    for (const padding of [0, 3]) {
      const made = sequential(layers(), { seed: 2 });
      const zeros = Array.from({ length: padding }, () => 0);
      const trainer = await createTrainer(made, { batch: 1, steps: 4 + padding });
      losses.push(await trainer.update([...tokens, ...zeros], [...targets, ...zeros]));
      gradients.push(made.parameters.map(({ name }) => trainer.program.gradient(name).slice()));
    }
    expect(losses[1]).toBeCloseTo(losses[0] as number, 6);
    gradients[0]?.forEach((wanted, k) => {
      expect(relativeError(gradients[1]?.[k] as Float32Array, wanted)).toBeLessThan(1e-5);
    });
  });
  test("targets of a model that goes backwards come in its order", async () => {
    const options = { batch: 1, steps: 3 };
    const forward = sequential([embedding(5, 4), lstm(4, { ...sequences, name: "one" }), dense(5)], { seed: 1 });
    const backward = sequential(
      [embedding(5, 4), lstm(4, { ...sequences, goBackwards: true, name: "one" }), dense(5)],
      { seed: 1 },
    );
    const a = await (await createTrainer(forward, options)).update([1, 2, 3], [2, 3, 4]);
    const b = await (await createTrainer(backward, options)).update([3, 2, 1], [2, 3, 4]);
    expect(b).toBeCloseTo(a, 6);
  });
  test("what does not fit is one line with its place, and changes nothing", async () => {
    const made = sequential(layers(), { seed: 2 });
    const trainer = await createTrainer(made, { batch: 2, steps: 2 });
    const before = trainer.program.allParameters();
    const good = [1, 2, 3, 4];
    const cases: [ArrayLike<number>, ArrayLike<number>, string][] = [
      [[1, 2, 3], good, "training: needs 4 inputs, 2 steps of 2 examples, got 3. Pad sequences of unequal length"],
      [[], good, "needs 4 inputs"],
      [[1, 9, 3, 4], good, "training: token 9 (example 1, step 0) is out of range: expected 0 to 8"],
      [[1, 2, 3, 0.5], good, "token 0.5 (example 1, step 1)"],
      [good, [1, 2, 3, 11], "training: class 11 (example 1, step 1) is out of range: expected 0 to 8"],
      [good, [1, 2], "training: needs 4 targets"],
    ];
    for (const [inputs, targets, message] of cases)
      await expect(trainer.update(inputs, targets)).rejects.toThrow(message);
    const numbers = await createTrainer(model([lstm(2), dense(1)]), { batch: 1, steps: 1, loss: "mean_squared_error" });
    await expect(numbers.update([1, Number.NaN, 0], [1])).rejects.toThrow(
      "training: the input (example 0, step 0) is NaN",
    );
    await expect(numbers.update([1, 2, 0], [Number.POSITIVE_INFINITY])).rejects.toThrow(
      "training: the target (example 0, step 0)",
    );
    expect(trainer.program.allParameters()).toEqual(before);
    expect(trainer.step).toBe(0);
  });
});

test("a session takes one input at a time: a layer that goes backwards is refused", async () => {
  for (const layer of [lstm(3, { goBackwards: true, name: "back" }), bidirectional(lstm(3), { name: "back" })]) {
    await expect(createSession(model([layer]))).rejects.toThrow(
      "session: runs one step at a time, but back starts at the last step",
    );
  }
});
