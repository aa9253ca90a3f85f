/**
 * What every engine must do, whichever it is: the reference interpreter's numbers, forward and backward, for every cell and
 * operation; an optimiser's steps, masks and states as the engine "reference" has them; and what a program promises.
 */
import { describe, expect, test } from "vitest";
import { gru } from "../../src/cells/gru.ts";
import { cells } from "../../src/cells/index.ts";
import { lstm } from "../../src/cells/lstm.ts";
import type { EngineName } from "../../src/engines/engine.ts";
import { interpret } from "../../src/engines/reference/interpret.ts";
import { stepwise } from "../../src/engines/stepwise.ts";
import { grad } from "../../src/grad/grad.ts";
import { createBuilder } from "../../src/graph/graph.ts";
import { InputError } from "../../src/graph/input-error.ts";
import { inspectModel } from "../../src/nn/inspection.ts";
import { dense, dropout, embedding, recurrent } from "../../src/nn/layers.ts";
import { type Model, sequential } from "../../src/nn/model.ts";
import { createRandom } from "../../src/nn/random.ts";
import { saliency } from "../../src/nn/saliency.ts";
import { createSession } from "../../src/nn/session.ts";
import { compile } from "../../src/runtime/program.ts";
import { adamW, sgd } from "../../src/train/optimizers.ts";
import { predict } from "../../src/train/predict.ts";
import { createTrainer } from "../../src/train/trainer.ts";
import type { TrainerOptions } from "../../src/train/training-plan.ts";
import { engineError, loadTraining, programError, setValues } from "../helpers/engines.ts";
import { randomValues, trainingGraph } from "../helpers/networks.ts";
import { operationCases, operationGraph, operationValues, stateCells } from "../helpers/operations.ts";

export type Conformance = {
  /** The largest relative error. */
  readonly bound: number;
  /** Batch, units and steps of the cells that use everything, and of the others. */
  readonly thorough: readonly (readonly [number, number, number])[];
  readonly some: readonly (readonly [number, number, number])[];
  /**
   * What it is not held to: products of numbers below 2^-126, and NaN and infinities where the reference has them, which devices may treat as
   * they like; programs that answer at once, which it refuses instead.
   */
  readonly without?: readonly ("subnormal numbers" | "NaN and infinities" | "answers at once")[];
  /** Which cases run here, by their names; all by default. */
  readonly only?: (group: "cells" | "states" | "operations" | "training" | "products", name: string) => boolean;
};

/** Batch, units and steps: every pair of these in one size; FUZZ: every combination. */
export const every = [1, 3, 33].flatMap((batch, b) =>
  [1, 5, 17, 130].flatMap((units, u) =>
    [1, 2, 13].filter((_, s) => process.env.FUZZ || s === (b + u) % 3).map((steps) => [batch, units, steps] as const),
  ),
);
// For most cells a few sizes are enough: each number of rows, of features and of steps is among them.
export const some = [
  [1, 17, 13],
  [3, 130, 2],
  [33, 1, 1],
  [33, 5, 13],
] as const;

/** Cells that between them use everything. */
const various = ["perceptron", "dense", "simple-rnn", "lstm", "gru", "gru-reset-after"];

/** Rows (examples), depth and columns of products: one of each, whole tiles and blocks, and one more or less than these. */
const productShapes = [
  ...([
    [1, 1, 1],
    [1, 700, 65],
    [2, 257, 40],
    [3, 16, 64],
    [6, 513, 7],
    [13, 16, 130],
  ] as const),
  ...([
    [14, 31, 32],
    [15, 33, 31],
    [29, 256, 17],
    [43, 5, 100],
    [200, 3, 9],
  ] as const),
] as const;

type Numbers = Readonly<Record<string, Float32Array>>;
/** Numbers of an example of x; its products read them again and again. */
const given = 7;
/** y = W (V x), its sum with other numbers, and its gradients: on an engine, and as the reference has them, rounded to f32. */
async function multiply(
  host: { readonly engine: EngineName },
  { batch, k, n }: { readonly batch: number; readonly k: number; readonly n: number },
  draw: (name: string, at: number) => number,
): Promise<{ readonly got: Numbers; readonly wanted: Numbers }> {
  const sizes = { steps: 1, batch };
  const g = createBuilder();
  const zeros = { name: "zeros", values: [] };
  g.declare("W", [n, k], zeros);
  g.declare("V", [k, given], zeros);
  // Through a product before it, so that the gradient goes back through weights as well.
  const x = g.matmul("V", g.input("x", given));
  const output = g.matmul("W", x);
  const loss = g.sum(g.mul(output, g.input("r", n)));
  g.sumAll("loss", loss);
  const graph = grad(g.graph({ output, loss }));
  const values = randomValues(graph, 1, batch, 1);
  for (const [name, numbers] of Object.entries({ ...values.inputs, ...values.parameters })) {
    // V repeats the numbers of x.
    for (let at = 0; at < numbers.length; at++) {
      const column = Math.floor(at / given) % given;
      numbers[at] = name === "V" ? Number(at % given === column) : draw(name, at);
    }
  }
  const program = await loadTraining(graph, sizes, values, host);
  await program.run();
  await program.fetch();
  const got = { output: program.output("output"), W: program.gradient("W").slice(), V: program.gradient("V").slice() };
  program.dispose();
  const reference = interpret(graph, { ...sizes, ...values });
  const { W, V } = reference.gradients as { W: Float64Array; V: Float64Array };
  const rounded = { output: reference.value(output), W, V };
  const wanted = Object.fromEntries(Object.entries(rounded).map(([name, all]) => [name, Float32Array.from(all)]));
  return { got, wanted };
}

/** The tests of one engine, by its name. */
export function conformance(
  engine: string,
  { bound, thorough, some, without = [], only = () => true }: Conformance,
): void {
  const of = <T>(group: Parameters<typeof only>[0], cases: Readonly<Record<string, T>>): [string, T][] =>
    Object.entries(cases).filter(([name]) => only(group, name));
  const host = { engine: engine as EngineName };
  const near = `${engine} is within ${bound} of`;

  describe.each(of("cells", cells))(
    `%s: ${near} the reference interpreter, forward and all gradients`,
    (name, cell) => {
      test.each(various.includes(name) ? thorough : some)(
        "batch %i, units %i, steps %i",
        async (batch, units, steps) => {
          const { error, where } = await engineError(cell, { units, input: 7, steps, batch, seed: 3 }, host);
          expect(error, where).toBeLessThan(bound);
        },
      );
    },
  );

  describe.runIf(of("states", stateCells).length > 0)(
    `states in every company: ${near} the reference interpreter`,
    () => {
      test.each(of("states", stateCells))("%s", async (_, cell) => {
        for (const [units, steps, batch] of [
          [3, 1, 1],
          [5, 7, 3],
          [17, 2, 33],
        ] as const) {
          const { error, where } = await engineError(cell, { units, input: units, steps, batch, seed: 4 }, host);
          expect(error, where).toBeLessThan(bound);
        }
      });
    },
  );

  describe.each(of("operations", operationCases))(
    `%s: ${near} the reference interpreter, forward and all gradients`,
    (_, list) => {
      test.each(Object.entries(list))("%s", async (_, build) => {
        for (const [steps, batch] of [
          [1, 1],
          [7, 3],
        ] as const) {
          const graph = operationGraph(build, steps);
          const values = operationValues(graph, steps, batch, 2);
          const program = await loadTraining(graph, { steps, batch }, values, host);
          await program.run();
          await program.run();
          await program.fetch();
          const { error, where } = programError(program, graph, interpret(graph, { steps, batch, ...values }));
          expect(error, where).toBeLessThan(bound);
          program.dispose();
        }
      });
    },
  );

  describe(`training: ${near} the engine "reference" after five updates`, () => {
    const sizes = { steps: 4, batch: 3 };
    const layers = (dropConnect: number) => [
      embedding(9, 6),
      dropout(0.2),
      recurrent(lstm, { units: 5, returnSequences: true, ...(dropConnect > 0 && { dropConnect }) }),
      dense(9),
    ];
    const cases: Record<string, { dropConnect?: number; options?: Partial<TrainerOptions> }> = {
      Adam: {},
      "AdamW, clipped": { options: { optimizer: adamW({ weightDecay: 0.1 }), clipNorm: 0.5 } },
      "gradients that are gathered": { options: { accumulate: 2, clipValue: 0.01 } },
      "weights that are dropped": { dropConnect: 0.3, options: { clipNormEach: 0.1 } },
      "SGD with momentum": { options: { optimizer: sgd({ momentum: 0.9 }) } },
    };
    const train = async (model: Model, options: Partial<TrainerOptions>): Promise<Float32Array> => {
      const random = createRandom(7);
      const draw = (): Int32Array => Int32Array.from({ length: 12 }, () => random.integer(9));
      const trainer = await createTrainer(model, { ...sizes, ...options, metrics: ["accuracy"] });
      const found: number[] = [];
      for (let k = 0; k < 5; k++) {
        found.push(await trainer.update(draw(), draw(), 0.01), trainer.program.total("accuracy"));
      }
      const state = trainer.state();
      for (const slot of Object.values(state.slots)) for (const values of Object.values(slot)) found.push(...values);
      for (const values of Object.values(state.states ?? {})) found.push(...values);
      for (const { name } of model.parameters) found.push(...trainer.program.parameter(name));
      trainer.dispose();
      return Float32Array.from(found);
    };
    test.each(of("training", cases))("%s", async (_, { dropConnect = 0, options = {} }) => {
      const model = sequential(layers(dropConnect), { seed: 1 });
      const wanted = await train(model, { ...options, engine: "reference" });
      const got = await train(model, { ...options, ...host });
      expect(got.length).toBe(wanted.length);
      const worst = got.reduce((most, value, k) => Math.max(most, Math.abs(value - (wanted[k] as number))), 0);
      expect(worst).toBeLessThan(bound);
    });
  });

  test.each(productShapes.filter((shape) => only("products", String(shape))))(
    "products of %i rows, %i deep, to %i columns: whole numbers are exact, forward and all gradients",
    async (batch, k, n) => {
      const random = createRandom(batch + k + n);
      const { got, wanted } = await multiply(host, { batch, k, n }, () => random.integer(7) - 3);
      expect(got).toEqual(wanted);
    },
  );

  test.skipIf(without.includes("subnormal numbers"))(
    "products of subnormal numbers are exact, and the host's own arithmetic keeps them afterwards",
    async () => {
      const random = createRandom(1);
      for (const [batch, k, n] of [
        [1, 40, 33],
        [15, 17, 20],
      ] as const) {
        const tiny = (name: string): number =>
          name === "W" ? random.integer(7) - 3 : (random.integer(99) - 49) * 2 ** -149;
        const { got, wanted } = await multiply(host, { batch, k, n }, tiny);
        expect(got.output).toEqual(wanted.output);
        expect(wanted.output?.some((value) => value !== 0)).toBe(true);
        const [smallest, third] = [Number.MIN_VALUE, 1 / 3].map((value, j) => value + 0 * (got.output?.[j] as number));
        expect([(smallest as number) / 1, (third as number) * 3, (third as number) + 2 ** -54]).toEqual([
          ...[Number.MIN_VALUE, 1, 1 / 3 + 2 ** -54],
        ]);
      }
    },
  );

  test.skipIf(without.includes("NaN and infinities"))(
    "products and passes: NaN and infinities go where the reference has them, and to no other example",
    async () => {
      const random = createRandom(2);
      for (const [batch, k, n] of [
        [1, 40, 33],
        [16, 19, 40],
      ] as const) {
        const special = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
        const draw = (name: string, at: number): number => {
          // In one example of three a number that is none; some weights are 0, which makes NaN of an infinity.
          if (name === "x" && at % given === 3 && Math.floor(at / given) % 3 === 0)
            return special[(Math.floor(at / given) % 9) / 3] as number;
          return random.integer(5) - 2;
        };
        const { got, wanted } = await multiply(host, { batch, k, n }, draw);
        expect(got).toEqual(wanted);
        expect(wanted.output?.some(Number.isNaN)).toBe(true);
        if (batch > 1) expect(wanted.output?.some(Number.isFinite)).toBe(true);
      }
    },
  );

  test("masks of dropout: the bits of the reference, for any number of features and any rate", async () => {
    const sizes = { steps: 3, batch: 2 };
    for (const features of [1, 3, 4, 5, 8, 17, 130]) {
      for (const rate of [0.1, 0.5, 0.75]) {
        const g = createBuilder();
        const output = g.mul(g.input("x", features), g.mask(features, rate, 3));
        const graph = g.graph({ output });
        const values = {
          ...randomValues(graph, sizes.steps, sizes.batch, 1),
          keys: [0xfffff000, 0x80000100] as const,
        };
        values.inputs.x?.fill(1);
        const program = await compile(graph, { ...sizes, keep: ["output"] }, host);
        setValues(program, values);
        await program.run();
        const wanted = interpret(graph, { ...sizes, ...values }).value(output);
        expect(program.output("output"), `${features} features, rate ${rate}`).toEqual(Float32Array.from(wanted));
        program.dispose();
      }
    }
  });

  if (without.includes("answers at once")) {
    test("a session and an inspection are refused in one line that says which engines answer step by step", async () => {
      const model = sequential([embedding(9, 6), recurrent(gru, { units: 5, returnSequences: true }), dense(9)]);
      const said = `engine "${engine}" runs whole batches, and does not answer step by step. Use the engine "auto" or "wasm".`;
      for (const asked of [createSession(model, host), inspectModel(model, [1, 2], host).next()])
        await expect(asked).rejects.toThrow(new InputError(said));
    });
    test("what is answered step by step beside a training is answered by another engine", async () => {
      expect(await stepwise({ ...host, threads: 1 })).toEqual({ engine: "auto", threads: 1 });
    });
    test.runIf(only("cells", "gru"))("the saliency of tokens, whose states are another engine's", async () => {
      const model = sequential([embedding(9, 6), recurrent(gru, { units: 5, returnSequences: true }), dense(9)]);
      const { logProbability } = await saliency(model, [1, 5, 2], host);
      const wanted = await saliency(model, [1, 5, 2]);
      expect(Math.abs(logProbability - wanted.logProbability)).toBeLessThan(bound);
    });
  }

  test.skipIf(without.includes("answers at once"))(
    `a session, step by step, gives what predict gives at once, to ${bound}, and forgets by reset`,
    async () => {
      const model = sequential([embedding(9, 6), recurrent(gru, { units: 5, returnSequences: true }), dense(9)]);
      const tokens = [1, 5, 2, 8, 0, 3];
      const { data } = await predict(model, [tokens], host);
      const session = await createSession(model, host);
      for (let pass = 0; pass < 2; pass++) {
        tokens.forEach((token, t) => {
          session
            .next(token)
            .forEach((value, j) => expect(Math.abs(value - (data[9 * t + j] as number))).toBeLessThan(bound));
        });
        session.reset();
      }
      session.dispose();
    },
  );

  test("what is put in by name is read by name; a program that is not run changes nothing of it", async () => {
    const layer = recurrent(lstm, { units: 5, returnSequences: true });
    const trainer = await createTrainer(sequential([embedding(9, 6), layer, dense(9)]), {
      steps: 2,
      batch: 3,
      ...host,
    });
    const { program } = trainer;
    const random = createRandom(3);
    const draw = (length: number): Float32Array => Float32Array.from({ length }, random.normal);
    for (const [name, { size }] of Object.entries(program.plan.parameters)) {
      for (const slot of Object.keys(program.plan.slots)) {
        const values = draw(size);
        program.setSlot(slot, name, values);
        expect(program.slot(slot, name), `${slot} of ${name}`).toEqual(values);
      }
      expect(program.slot("w", name)).toEqual(program.parameter(name));
    }
    for (const [name, { size, rows }] of Object.entries(program.plan.states)) {
      program.setState(name, draw(size * rows));
      const own = draw(size);
      program.setStateOf(1, name, own);
      const back = new Float32Array(size);
      program.startOf(1, name, back);
      expect([back, program.start(name).slice(size, 2 * size)], name).toEqual([own, own]);
    }
    expect(program.hasFiniteParameters()).toBe(true);
    const all = program.allParameters();
    all[0] = Number.NaN;
    program.setAllParameters(all);
    expect(program.hasFiniteParameters()).toBe(false);
    program.resetStates();
    for (const name of Object.keys(program.plan.states)) expect(Math.max(...program.start(name).map(Math.abs))).toBe(0);
    trainer.dispose();
  });

  test("a plan that needs more memory than the engine has is refused, and costs none", async () => {
    const graph = trainingGraph(lstm, { units: 2_000_000, input: 3 });
    await expect(compile(graph, { steps: 1, batch: 1 }, host)).rejects.toThrow(/needs [\d,]+ bytes of memory/);
  });
}
