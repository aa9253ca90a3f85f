/** Every optimiser against numbers that PyTorch recorded, and against Keras's formulas written out in f64. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { addCell } from "../../src/graph/cell.ts";
import { createBuilder } from "../../src/graph/graph.ts";
import { createRandom } from "../../src/nn/random.ts";
import { load } from "../../src/runtime/program.ts";
import { clipByValue } from "../../src/train/gradient-cells.ts";
import { adam, adamW, asgd, nadam, type Optimizer, rmsprop, sgd } from "../../src/train/optimizers.ts";
import { createTrainer } from "../../src/train/trainer.ts";
import type { TrainerOptions } from "../../src/train/training-plan.ts";
import { tinyModel } from "../helpers/models.ts";
import { relativeError } from "../helpers/networks.ts";
import { schedule, trainingPlan } from "../helpers/plans.ts";

type Options = Record<string, never>;
const factories: Record<string, (options: Options) => Optimizer> = { sgd, rmsprop, adam, adamW, nadam, asgd };

/** What scripts/record-pytorch-optimizers.py writes. */
type Fixture = {
  start: number[];
  gradients: number[][];
  optimizers: { name: string; options: Options; trained: number[]; average?: number[] }[];
};
const file = new URL("../fixtures/pytorch-optimizers.json", import.meta.url);
const fixture = JSON.parse(readFileSync(file, "utf8")) as Fixture;

/** Steps from the same start with these gradients, by the compiled optimiser alone. */
async function take(optimizer: Optimizer, start: number[], gradients: readonly number[][], clipValue?: number) {
  const g = createBuilder();
  let gradient = g.input("g", start.length);
  if (clipValue !== undefined) gradient = addCell(g, clipByValue, { layer: "", inputs: { g: gradient } }).output;
  addCell(g, optimizer.cell, { layer: "", inputs: { g: gradient } });
  const program = await load(schedule(g.graph({}), { steps: 1, batch: 1 }));
  if (clipValue !== undefined) program.setSetting("limit", clipValue);
  program.setState("w", start);
  for (const [k, values] of gradients.entries()) {
    program.setInput("g", values);
    const settings = optimizer.settings(k + 1, optimizer.learningRate);
    for (const [name, value] of Object.entries(settings)) program.setSetting(name, value);
    program.runSync();
    program.advanceStates();
  }
  return program;
}

describe("20 steps against PyTorch, from the same gradients of an LSTM: 1e-5", () => {
  test.each(fixture.optimizers)("$name $options", async ({ name, options, trained, average }) => {
    const { clipValue, ...own } = options as Options & { clipValue?: number };
    const optimizer = factories[name]?.(own as Options) as Optimizer;
    const program = await take(optimizer, fixture.start, fixture.gradients, clipValue);
    expect(relativeError(program.start("w"), trained)).toBeLessThan(1e-5);
    expect(average === undefined).toBe(optimizer.saved === undefined);
    if (average) expect(relativeError(program.start(optimizer.saved as string), average)).toBeLessThan(1e-5);
  });
});

test("centred RMSprop: a variance that rounding takes below 0 makes no number that is none", async () => {
  // Gradients that stay, so that their variance goes to 0.
  const random = createRandom(1);
  const gradient = Array.from({ length: 400 }, () => 1000 * random.normal());
  const start = gradient.map(() => 1);
  const program = await take(rmsprop({ centered: true }), start, new Array(300).fill(gradient));
  expect(program.start("w").every(Number.isFinite)).toBe(true);
});

/** One parameter's number, and what an optimiser keeps for it. */
type Element = { w: number; v: number; m: number; a: number };
type Step = (e: Element, g: number, at: { step: number; rate: number; decay: number }) => void;

/** The formulas of Keras 3, and of Adam's paper where `adam` has its epsilon; each term in its own line. */
const plain = {
  sgd:
    ({ momentum = 0, nesterov = false } = {}): Step =>
    (e, g, { rate }) => {
      e.v = momentum * e.v - rate * g;
      e.w += nesterov ? momentum * e.v - rate * g : e.v;
    },
  rmsprop:
    ({ rho = 0.9, momentum = 0, epsilon = 1e-7, centered = false } = {}): Step =>
    (e, g, { rate }) => {
      e.v = rho * e.v + (1 - rho) * g * g;
      e.a = rho * e.a + (1 - rho) * g;
      const denominator = centered ? e.v - e.a * e.a + epsilon : e.v + epsilon;
      e.m = momentum * e.m + (rate * g) / Math.sqrt(denominator);
      e.w -= e.m;
    },
  adamW:
    ({ beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7 } = {}): Step =>
    (e, g, { step, rate, decay }) => {
      e.w -= e.w * decay * rate;
      e.m += (g - e.m) * (1 - beta1);
      e.v += (g * g - e.v) * (1 - beta2);
      e.w -= ((rate * e.m) / (1 - beta1 ** step)) * (1 / (Math.sqrt(e.v / (1 - beta2 ** step)) + epsilon));
    },
  nadam: ({ beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7 } = {}): Step => {
    const u = (t: number): number => beta1 * (1 - 0.5 * 0.96 ** t);
    const products = [1];
    for (let t = 1; t < 100; t++) products.push((products[t - 1] as number) * u(t));
    return (e, g, { step, rate }) => {
      const product = products[step] as number;
      e.m += (g - e.m) * (1 - beta1);
      e.v += (g * g - e.v) * (1 - beta2);
      const mean = (u(step + 1) * e.m) / (1 - product * u(step + 1)) + ((1 - u(step)) * g) / (1 - product);
      e.w -= (mean * rate) / (Math.sqrt(e.v / (1 - beta2 ** step)) + epsilon);
    };
  },
  asgd:
    ({ averageFrom = 1 } = {}): Step =>
    (e, g, { step, rate, decay }) => {
      e.w -= e.w * decay * rate;
      e.w -= rate * g;
      const count = step - averageFrom + 1;
      e.a = count <= 1 ? e.w : ((count - 1) * e.a + e.w) / count;
    },
};

const vocabulary = 7;
const [batch, steps] = [2, 5];
/** Tokens and targets (T,B) of update k. */
function tokens(k: number) {
  const random = createRandom(1000 + k);
  const inputs = Int32Array.from({ length: batch * steps }, () => random.integer(vocabulary));
  return { inputs, targets: inputs.map((token) => (token * 3 + 1) % vocabulary) };
}

type Case = {
  readonly name: string;
  readonly optimizer: Optimizer;
  readonly step: Step;
  readonly decay?: number | ((parameter: string) => number);
  readonly clipping?: Pick<TrainerOptions, "clipValue" | "clipNorm" | "clipNormEach">;
};
/** No decay for vectors: an LSTM's biases are b_f, b_i and so on, a dense layer's is b. */
const ofMatrices = (parameter: string): number => (/\.b(_|$)/.test(parameter) ? 0 : 0.3);
const cases: Case[] = [
  { name: "sgd", optimizer: sgd(), step: plain.sgd() },
  ...[{ momentum: 0.9 }, { momentum: 0.8, nesterov: true }, { nesterov: true }].map((options) => {
    return { name: `sgd ${JSON.stringify(options)}`, optimizer: sgd(options), step: plain.sgd(options) };
  }),
  ...[
    {},
    { rho: 0.8, epsilon: 1e-3 },
    { momentum: 0.9 },
    { centered: true, epsilon: 1e-4 },
    { centered: true, momentum: 0.5, epsilon: 1e-4 },
  ].map((options) => {
    return { name: `rmsprop ${JSON.stringify(options)}`, optimizer: rmsprop(options), step: plain.rmsprop(options) };
  }),
  { name: "adamW", optimizer: adamW(), step: plain.adamW(), decay: 0.004 },
  {
    name: "adamW by name",
    optimizer: adamW({ learningRate: 0.01, weightDecay: ofMatrices }),
    step: plain.adamW(),
    decay: ofMatrices,
  },
  { name: "nadam", optimizer: nadam(), step: plain.nadam() },
  { name: "asgd", optimizer: asgd(), step: plain.asgd() },
  { name: "asgd from step 20", optimizer: asgd({ averageFrom: 20 }), step: plain.asgd({ averageFrom: 20 }) },
  {
    name: "asgd with decay by name",
    optimizer: asgd({ learningRate: 0.1, weightDecay: ofMatrices }),
    step: plain.asgd(),
    decay: ofMatrices,
  },
  {
    name: "sgd, clipped by value",
    optimizer: sgd({ learningRate: 1 }),
    step: plain.sgd(),
    clipping: { clipValue: 0.01 },
  },
  {
    name: "nadam, clipped by value, then norm",
    optimizer: nadam(),
    step: plain.nadam(),
    clipping: { clipValue: 0.02, clipNorm: 0.05 },
  },
  {
    name: "sgd with momentum, clipped by the norm of each parameter",
    optimizer: sgd({ momentum: 0.9, learningRate: 0.1 }),
    step: plain.sgd({ momentum: 0.9 }),
    clipping: { clipNormEach: 0.1 },
  },
];

/** What an update makes of raw gradients. */
function clipped(
  gradients: readonly Float32Array[],
  { clipValue, clipNorm, clipNormEach }: NonNullable<Case["clipping"]>,
) {
  const limit = clipValue ?? Number.POSITIVE_INFINITY;
  const limited = gradients.map((g) => Float64Array.from(g, (d) => Math.min(limit, Math.max(-limit, d))));
  const squares = limited.map((g) => g.reduce((total, d) => total + d * d, 0));
  const norm = Math.sqrt(squares.reduce((a, b) => a + b));
  return limited.map((g, k) => {
    const own = Math.sqrt(squares[k] as number);
    const scale = Math.min(1, (clipNorm ?? norm) / norm, (clipNormEach ?? own) / (own || 1));
    return g.map((d) => d * scale);
  });
}

describe("40 updates of an LSTM against the formula in f64, from the same gradients, with a rate that changes: 1e-5", () => {
  test.each(cases)("$name", async ({ optimizer, step: formula, decay = 0, clipping = {} }) => {
    const model = tinyModel();
    const elements = model.parameters.map(({ name }) =>
      Array.from(model.values[name] as Float32Array, (w): Element => ({ w, v: 0, m: 0, a: 0 })),
    );
    const trainer = await createTrainer(model, { batch, steps, optimizer, ...clipping });
    for (let step = 1; step <= 40; step++) {
      const rate = Math.fround(optimizer.learningRate * (1 + Math.cos(step)));
      const { inputs, targets } = tokens(step);
      await trainer.update(inputs, targets, rate);
      const gradients = clipped(
        model.parameters.map(({ name }) => trainer.program.gradient(name)),
        clipping,
      );
      model.parameters.forEach(({ name }, k) => {
        const own = typeof decay === "number" ? decay : decay(name);
        elements[k]?.forEach((e, j) => formula(e, gradients[k]?.[j] as number, { step, rate, decay: own }));
      });
    }
    trainer.save();
    model.parameters.forEach(({ name }, k) => {
      const wanted = (elements[k] as Element[]).map(({ w }) => w);
      const average = (elements[k] as Element[]).map(({ a }) => a);
      expect(relativeError(trainer.program.parameter(name), wanted), name).toBeLessThan(1e-5);
      const saved = optimizer.saved === undefined ? wanted : average;
      expect(relativeError(model.values[name] as Float32Array, saved), name).toBeLessThan(1e-5);
    });
  });
});

test.each(cases)("$name: one fused pass, with a run of memory for each slot", ({ optimizer, clipping }) => {
  const { clipNorm, clipNormEach } = clipping ?? {};
  if (clipNorm !== undefined || clipNormEach !== undefined) return; // A norm needs passes of its own before.
  const options = { batch, steps, ...clipping };
  const plan = trainingPlan(tinyModel(), { ...options, optimizer });
  const { slots } = plan;
  expect(plan.sections[1]?.instructions.map(({ kind }) => kind)).toEqual(["pass"]);
  expect(new Set(Object.keys(slots))).toEqual(new Set([...optimizer.slots, "w"]));
  const own = optimizer.slots.filter((slot) => slot !== "w");
  for (const slot of own) {
    const region = plan.memory.find(({ name }) => name === slot);
    expect(region).toEqual({ name: slot, offset: slots[slot], bytes: 4 * plan.slabs.numbers });
  }
  const vectors = own.length + (optimizer.decayOf === undefined ? 0 : 1);
  const without = trainingPlan(tinyModel(), { ...options, optimizer: sgd() }).bytes;
  expect(plan.bytes - without).toBeGreaterThanOrEqual(vectors * 4 * plan.slabs.numbers);
  expect(plan.bytes - without).toBeLessThan((vectors + 1) * (4 * plan.slabs.numbers + 256));
});

/** Some updates of the tiny model; gives its values as they are in the program, in one run. */
async function train(optimizer: Optimizer, count = 10, options: Partial<TrainerOptions> = {}) {
  const model = tinyModel();
  const trainer = await createTrainer(model, { batch, steps, optimizer, ...options });
  for (let k = 0; k < count; k++) {
    const { inputs, targets } = tokens(k);
    await trainer.update(inputs, targets);
  }
  return { model, trainer, values: trainer.program.allParameters() };
}

test("adamW without decay is adam, to the bit; a decay by name that is the same for all is that of a number", async () => {
  const { values } = await train(adam({ learningRate: 0.01 }));
  expect((await train(adamW({ learningRate: 0.01, weightDecay: 0 }))).values).toEqual(values);
  const one = await train(adamW({ learningRate: 0.01, weightDecay: 0.3 }));
  const named = await train(adamW({ learningRate: 0.01, weightDecay: () => 0.3 }));
  expect(relativeError(named.values, one.values)).toBeLessThan(1e-6);
  expect(relativeError(named.values, values)).toBeGreaterThan(1e-4);
});

test("a decay by layer: that of the function that says the same", async () => {
  const byLayer = await train(adamW({ learningRate: 0.01, weightDecay: { dense: 0.3 } }));
  const byName = await train(
    adamW({ learningRate: 0.01, weightDecay: (name) => (name.startsWith("dense.") ? 0.3 : 0) }),
  );
  expect(byLayer.values).toEqual(byName.values);
  expect(byLayer.values).not.toEqual((await train(adamW({ learningRate: 0.01, weightDecay: 0 }))).values);
});

test("two threads give the bits of one: decay by name, clipping by the norm of each parameter", async () => {
  const clipping = { clipNormEach: 0.1, clipValue: 0.05 };
  const [one, two] = [1, 2].map((threads) => {
    return train(adamW({ learningRate: 0.01, weightDecay: ofMatrices }), 10, { ...clipping, threads });
  });
  expect((await two)?.values).toEqual((await one)?.values);
});

describe("averaged stochastic gradient descent", () => {
  test("its steps are those of sgd; before the average begins, what is saved is the parameters themselves", async () => {
    const { values } = await train(sgd({ learningRate: 0.5 }));
    const {
      values: own,
      model,
      trainer,
    } = await train(asgd({ learningRate: 0.5, averageFrom: Number.POSITIVE_INFINITY }));
    expect(own).toEqual(values);
    expect(trainer.save()).toBe(true);
    for (const { name } of model.parameters) expect(model.values[name]).toEqual(trainer.program.parameter(name));
  });

  test("a caller may decide while it trains when the average begins", async () => {
    let averageFrom = Number.POSITIVE_INFINITY;
    const optimizer = asgd({ learningRate: 0.5, averageFrom: () => averageFrom });
    const { model, trainer } = await train(optimizer, 6);
    averageFrom = trainer.step + 1;
    const { name } = model.parameters[0] as { name: string };
    const sum = new Float64Array(trainer.program.parameter(name).length);
    for (let k = 0; k < 8; k++) {
      const { inputs, targets } = tokens(k);
      await trainer.update(inputs, targets);
      trainer.program.parameter(name).forEach((w, j) => {
        sum[j] = (sum[j] as number) + w / 8;
      });
    }
    trainer.save();
    expect(relativeError(model.values[name] as Float32Array, sum)).toBeLessThan(1e-6);
    expect(relativeError(trainer.program.parameter(name), sum)).toBeGreaterThan(1e-4);
  });

  test("training goes on from its state as if it had never stopped: from the parameters, not their average", async () => {
    const optimizer = asgd({ learningRate: 0.5, averageFrom: 3 });
    const { model, trainer } = await train(optimizer, 6);
    const straight = await train(optimizer, 6);
    trainer.save();
    const state = trainer.state();
    expect(Object.keys(state.slots)).toEqual([...optimizer.slots]);
    const again = await createTrainer(model, { batch, steps, optimizer });
    again.restore(state);
    for (let k = 6; k < 10; k++) {
      const { inputs, targets } = tokens(k);
      await again.update(inputs, targets);
      await straight.trainer.update(inputs, targets);
    }
    expect(again.program.allParameters()).toEqual(straight.trainer.program.allParameters());
    again.save();
    straight.trainer.save();
    expect(model.values).toEqual(straight.model.values);
  });
});

describe("numbers that make no sense are named in one line", () => {
  const never = [
    [() => sgd({ momentum: 1 }), "sgd: momentum must be a number in [0, 1), got 1"],
    [() => rmsprop({ rho: -0.1 }), "rmsprop: rho must be a number in [0, 1), got -0.1"],
    [() => rmsprop({ epsilon: Number.NaN }), "rmsprop: epsilon must be a number in [0, Infinity), got NaN"],
    [() => rmsprop({ momentum: 2 }), "rmsprop: momentum must be a number in [0, 1), got 2"],
    [() => adamW({ beta2: 1 }), "adamW: beta2 must be a number in [0, 1), got 1"],
    [
      () => adamW({ weightDecay: -1 }),
      "adamW: weightDecay must be a number in [0, Infinity), such numbers by layer, or a function of a parameter's name, got -1",
    ],
    [() => nadam({ learningRate: -1 }), "nadam: learningRate must be a number in [0, Infinity), got -1"],
    [
      () => asgd({ averageFrom: 0 }),
      "asgd: averageFrom must be a step of at least 1, Infinity for never, or a function that returns one, got 0",
    ],
  ] as const;
  test.each(never)("%s", (make, message) => {
    expect(make).toThrow(message);
  });
  test("of a decay by name, and of clipping, before anything is compiled", async () => {
    const make = (options: Partial<TrainerOptions>) => createTrainer(tinyModel(), { batch, steps, ...options });
    const optimizer = adamW({ weightDecay: (name) => (name === "dense.b" ? -1 : 0) });
    await expect(make({ optimizer })).rejects.toThrow(
      "adamW: weightDecay of dense.b must be a number in [0, Infinity), got -1",
    );
    await expect(make({ clipValue: -1 })).rejects.toThrow(
      "createTrainer: clipValue must be a number in [0, Infinity), got -1",
    );
    await expect(make({ clipNorm: 1, clipNormEach: 1 })).rejects.toThrow("Give one of them.");
    await expect(make({ clipNorm: Number.NaN })).rejects.toThrow(
      "createTrainer: clipNorm must be a number in [0, Infinity), got NaN",
    );
  });
});
