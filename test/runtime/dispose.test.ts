/** What is disposed of is given back: for the next program to use, as new, and for nobody else. */
import { Worker } from "node:worker_threads";
import { afterEach, describe, expect, test, vi } from "vitest";
import { cells, lstm } from "../../src/cells/index.ts";
import { type Cell, cell } from "../../src/graph/cell.ts";
import { InputError } from "../../src/graph/input-error.ts";
import { contentOf } from "../../src/graph/remember.ts";
import { inspectModel } from "../../src/nn/inspection.ts";
import { dense, dropout, embedding, recurrent } from "../../src/nn/layers.ts";
import { type Model, sequential } from "../../src/nn/model.ts";
import { saliency } from "../../src/nn/saliency.ts";
import { createSession } from "../../src/nn/session.ts";
import { trace, traceGradients } from "../../src/nn/trace.ts";
import { load, type Program } from "../../src/runtime/program.ts";
import type { Plan } from "../../src/schedule/plan.ts";
import { createGenerationEngine, createSequence } from "../../src/tasks/generation-engine.ts";
import {
  beamSearch,
  evaluateLanguageModel,
  generate,
  generateMany,
  languageModel,
  trainLanguageModel,
} from "../../src/tasks/language-model.ts";
import { createSlots } from "../../src/tasks/slots.ts";
import { evaluate } from "../../src/train/evaluate.ts";
import { createEvaluator } from "../../src/train/evaluator.ts";
import { fit } from "../../src/train/fit.ts";
import { fitStream } from "../../src/train/fit-stream.ts";
import { bindLoss, type LossOptions } from "../../src/train/loss-graph.ts";
import { type Loss, lossOf } from "../../src/train/losses.ts";
import { adam, adamW, rmsprop, sgd } from "../../src/train/optimizers.ts";
import { createPredictor, predict } from "../../src/train/predict.ts";
import { createTrainer } from "../../src/train/trainer.ts";
import { results, setValues } from "../helpers/engines.ts";
import { randomValues, trainingGraph } from "../helpers/networks.ts";
import { memoryOf, schedule, trainingPlan } from "../helpers/plans.ts";

afterEach(() => vi.restoreAllMocks());

const bufferOf = (program: Program): ArrayBufferLike => memoryOf(program, 0, 1).buffer;
/** Memories that are made meanwhile for programs. */
async function memories(act: () => unknown): Promise<number> {
  const instantiate = vi.spyOn(WebAssembly, "instantiate");
  await act();
  const { length } = instantiate.mock.calls;
  instantiate.mockRestore();
  return length;
}

describe.each([1, 2])("%i threads: a program that is loaded where one was given back", (threads) => {
  const sizes = { units: 6, input: 5, steps: 7, batch: 3 };
  const layers = [embedding(9, 6), dropout(0.2), recurrent(lstm, { units: 5, returnSequences: true }), dense(9)];
  const training = (): Plan =>
    trainingPlan(sequential(layers), { steps: 4, batch: 3, clipNorm: 1, optimizer: adam(), accumulate: 2 });

  test("has memory of zeros, whatever was in it: states, keys, settings, inputs, slots of an optimiser, results", async () => {
    const first = await load(training(), { threads });
    const [memory, bytes] = [bufferOf(first), first.memoryBytes];
    new Uint8Array(memory).fill(0xff, 64);
    first.dispose();
    expect(
      await memories(async () => {
        const second = await load(training(), { threads });
        expect(second.memoryBytes).toBe(bytes);
        if (threads > 1) expect(bufferOf(second)).toBe(memory);
        expect(new Uint8Array(bufferOf(second)).subarray(64).every((byte) => byte === 0)).toBe(true);
      }),
    ).toBe(0);
  });

  test.each(["lstm", "gru", "slstm", "sru", "rg-lru"])(
    "%s: computes what a fresh one does, to the bit",
    async (name) => {
      const graph = trainingGraph(cells[name] as Cell, sizes);
      const plan = schedule(graph, { ...sizes, keep: ["output", "loss"] });
      const run = async (program: Program, seed: number) => {
        setValues(program, randomValues(graph, sizes.steps, sizes.batch, seed, 0.3));
        for (let k = 0; k < 2; k++) {
          await program.run();
          program.advanceStates();
        }
        return results(program);
      };
      const fresh = await load(plan, { threads });
      const wanted = await run(fresh, 1);
      const other = await load(plan, { threads });
      await run(other, 2);
      other.dispose();
      const again = await load(plan, { threads });
      expect(await run(again, 1)).toEqual(wanted);
      fresh.dispose();
      again.dispose();
    },
  );

  test("is alone in its memory: each of several at once, and after one was disposed of twice", async () => {
    const plan = schedule(trainingGraph(lstm, sizes), { ...sizes, steps: 2 + threads });
    const one = await load(plan, { threads });
    one.dispose();
    one.dispose();
    const [a, b, c] = await Promise.all([load(plan, { threads }), load(plan, { threads }), load(plan, { threads })]);
    expect(new Set([a, b, c].map(bufferOf)).size).toBe(3);
    for (const each of [a, b, c]) each.dispose();
  });

  test("16 wait for the next program, the last ones given back", async () => {
    const plan = (steps: number) => schedule(trainingGraph(lstm, { units: 2, input: 2 }), { steps, batch: 5 });
    for (let steps = 1; steps <= 17; steps++) (await load(plan(steps), { threads })).dispose();
    const take = async (steps: number) => memories(async () => (await load(plan(steps), { threads })).dispose());
    expect(await take(2)).toBe(0);
    expect(await take(17)).toBe(0);
    expect(await take(1)).toBe(1); // In the place of three steps.
    expect(await take(3)).toBe(1);
  });

  test("none of more than 256 MB waits, and with those that wait there are no more than 256 MB", async () => {
    // Memory that is not touched costs nothing.
    const plan = (megabytes: number): Plan => {
      const [small] = [schedule(trainingGraph(lstm, { units: 3, input: 2 }), { steps: 3, batch: 2 })];
      return { ...small, bytes: megabytes * 2 ** 20 };
    };
    const take = (megabytes: number) => memories(async () => (await load(plan(megabytes), { threads })).dispose());
    await take(90);
    await take(100);
    await take(300);
    expect(await take(300)).toBe(1);
    expect(await take(90)).toBe(0);
    await take(110); // 100 was given back before 90.
    expect(await take(90)).toBe(0);
    expect(await take(100)).toBe(1);
  });
});

test("what is read of a program is a copy, which outlives it", async () => {
  const plan = schedule(trainingGraph(lstm, { units: 4, input: 3 }), { steps: 2, batch: 2 });
  const program = await load(plan, { threads: 1 });
  const [name] = Object.keys(plan.parameters) as [string];
  const values = Float32Array.from({ length: plan.parameters[name]?.size as number }, (_, k) => k);
  program.setParameter(name, values);
  const [parameter, all] = [program.parameter(name), program.allParameters()];
  program.dispose();
  (await load(plan, { threads: 1 })).setParameter(
    name,
    values.map(() => -1),
  );
  expect(parameter).toEqual(values);
  expect(all.subarray(0, values.length)).toEqual(values);
});

test("a program that is disposed of while workers run it: its memory is free for another when they have ended", async () => {
  const graph = trainingGraph(lstm, { units: 64, input: 8 });
  const plan = schedule(graph, { steps: 60, batch: 16 });
  const program = await load(plan, { threads: 2 });
  setValues(program, randomValues(graph, 60, 16, 1, 0.3));
  const memory = bufferOf(program);
  const run = program.run();
  program.dispose();
  const meanwhile = await load(plan, { threads: 2 });
  expect(bufferOf(meanwhile)).not.toBe(memory);
  await run;
  expect(() => program.advanceStates()).toThrow(InputError);
  const [after, another] = [await load(plan, { threads: 2 }), await load(plan, { threads: 2 })];
  expect(bufferOf(after)).toBe(memory);
  // Runs to its end more often than it was given back: nobody gets it twice.
  await after.run();
  expect(bufferOf(await load(plan, { threads: 2 }))).not.toBe(memory);
  for (const each of [meanwhile, after, another]) each.dispose();
});

test("after workers have died: what ran is not used again, what waited is, on new workers", async () => {
  const graph = trainingGraph(lstm, { units: 64, input: 9 });
  const plan = schedule(graph, { steps: 200, batch: 16 });
  const values = randomValues(graph, 200, 16, 1, 0.3);
  const [waits, runs] = [await load(plan, { threads: 2 }), await load(plan, { threads: 2 })];
  for (const each of [waits, runs]) setValues(each, values);
  await waits.run();
  const wanted = results(waits);
  const [kept, lost] = [bufferOf(waits), bufferOf(runs)];
  waits.dispose();
  const post = vi.spyOn(Worker.prototype, "postMessage");
  const failing = runs.run();
  const worker = post.mock.contexts[0] as unknown as Worker;
  post.mockRestore();
  await Promise.all([worker.terminate(), expect(failing).rejects.toThrow("a thread failed")]);
  runs.dispose();
  const [again, other] = [await load(plan, { threads: 2 }), await load(plan, { threads: 2 })];
  expect(bufferOf(again)).toBe(kept);
  expect(bufferOf(other)).not.toBe(lost);
  setValues(again, values);
  await again.run();
  expect(results(again)).toEqual(wanted);
  again.dispose();
  other.dispose();
});

describe("used after dispose(): an InputError that says who; dispose() again and `using` do nothing more", () => {
  const tokens = (count: number) => new Int32Array(count);
  const layers = [embedding(5, 4), recurrent(lstm, { units: 3, returnSequences: true }), dense(5)];
  const model = sequential(layers);
  const lm = languageModel("abcd", { units: 3 });
  const describeText = (text: string) => ({ text });
  const text = () => createSequence<{ text: string }>(lm, { prompt: "a", length: 3, seed: 0, describe: describeText });
  type Owner = { dispose(): void; [Symbol.dispose](): void };
  const owners: Record<string, () => Promise<[Owner, Record<string, () => unknown>]>> = {
    async program() {
      const graph = trainingGraph(lstm, { units: 3, input: 2 });
      const one = await load(schedule(graph, { steps: 2, batch: 1, keep: ["output"] }));
      const [parameter, state] = [one.plan.parameters, one.plan.states].map((all) => Object.keys(all)[0] as string) as [
        string,
        string,
      ];
      return [
        one,
        {
          run: () => one.run(),
          runSync: () => one.runSync(),
          advanceStates: () => one.advanceStates(),
          fetch: () => one.allParameters(),
          setKeys: () => one.setKeys(1, 2),
          setInput: () => one.setInput("x", [1, 2, 3, 4]),
          setParameter: () => one.setParameter(parameter, [1, 2, 3]),
          parameter: () => one.parameter(parameter),
          gradient: () => one.gradient(parameter),
          allParameters: () => one.allParameters(),
          setParameters: () => one.setParameters({}),
          setState: () => one.setState(state, [1, 2, 3]),
          start: () => one.start(state),
          state: () => one.state(state),
          resetStates: () => one.resetStates(),
          output: () => one.output("output"),
          total: () => one.total("loss"),
          memoryBytes: () => one.memoryBytes,
        },
      ];
    },
    async trainer() {
      const one = await createTrainer(model, { steps: 2, batch: 1 });
      const state = one.state();
      return [
        one,
        {
          update: () => one.update(tokens(2), tokens(2)),
          save: () => one.save(),
          state: () => one.state(),
          restore: () => one.restore(state),
          resetStates: () => one.resetStates(),
          startBatch: () => one.startBatch(),
        },
      ];
    },
    async session() {
      const one = await createSession(model);
      const state = one.state();
      return [
        one,
        {
          next: () => one.next(1),
          reset: () => one.reset(),
          state: () => one.state(),
          restore: () => one.restore(state),
        },
      ];
    },
    async predictor() {
      const one = await createPredictor(model, { steps: 2, batch: 1 });
      return [one, { predict: () => one.predict(tokens(2)), resetStates: () => one.resetStates() }];
    },
    async evaluator() {
      const one = await createEvaluator(model, { steps: 2, batch: 1 });
      return [one, { loss: () => one.loss(tokens(9)) }];
    },
    async slots() {
      const one = await createSlots({ model }, 2);
      return [
        one,
        {
          step: () => one.step(),
          state: () => one.state(1),
          restore: () => one.restore(1),
          named: () => one.named(),
          reorder: () => one.reorder([1, 0]),
        },
      ];
    },
    async "slots of a generation engine"() {
      const one = await createGenerationEngine<{ text: string }>(lm, [1, 4]);
      const here = text();
      one.admit(here);
      return [
        one,
        {
          step: () => one.step(),
          leave: () => one.evict(here),
          named: () => one.named(),
          join: () => one.admit(text()),
        },
      ];
    },
  };
  test.each(Object.entries(owners))("%s", async (name, make) => {
    const who = name.split(" ")[0] as string;
    const [owner, uses] = await make();
    owner.dispose();
    owner.dispose();
    owner[Symbol.dispose]();
    for (const [use, act] of Object.entries(uses)) {
      const error: unknown = await Promise.resolve()
        .then(act)
        .catch((thrown) => thrown);
      expect(error, use).toBeInstanceOf(InputError);
      expect((error as Error).message, use).toBe(`${who}: used after dispose(). Create another one.`);
    }
    const [another] = await make();
    another[Symbol.dispose]();
    expect(await memories(make), "what Symbol.dispose gave back").toBe(0);
  });
});

describe("library functions give their programs back", () => {
  // Sizes that nothing else here has.
  const make = (units: number): Model =>
    sequential([embedding(7, 4), recurrent(lstm, { units, returnSequences: true }), dense(7)]);
  const model = make(9);
  const lm = languageModel("the cat sat on the mat. ".repeat(20), { units: 9 });
  const text = "the cat sat on the mat. ".repeat(20);
  const x = [
    [1, 2, 3],
    [4, 5, 6],
  ];
  const rowOf = (length: number) => [Array.from({ length }, (_, t) => t % 7)];
  const tenSizes = Array.from({ length: 10 }, (_, k) => ({ x: rowOf(k + 1), y: rowOf(k + 1) }));
  const stream = Int32Array.from({ length: 300 }, (_, k) => k % 7);
  const own = cell("h' = tanh(W @ x + U @ h)");
  const all = async (values: AsyncIterable<unknown>): Promise<void> => {
    for await (const _ of values);
  };
  const first = async (values: AsyncIterable<unknown>): Promise<void> => {
    for await (const _ of values) break;
  };
  const rejects = (made: Promise<unknown>): Promise<void> =>
    made.then(
      () => expect.unreachable(),
      () => {},
    );
  const fails = (values: AsyncIterable<unknown>): Promise<void> =>
    rejects(
      (async () => {
        for await (const _ of values) throw new Error("enough");
      })(),
    );
  const stopped = { signal: AbortSignal.abort() };
  const throwing = () => {
    throw new Error("enough");
  };
  const bad = make(10);
  for (const values of Object.values(bad.values)) values.fill(Number.NaN);

  const functions: Record<string, (threads: number) => Promise<unknown>> = {
    predict: (threads) => predict(model, x, { threads }),
    "predict that fails in a batch": (threads) =>
      rejects(
        predict(
          model,
          [
            [1, 2],
            [3, 99],
          ],
          { threads, batchSize: 1 },
        ),
      ),
    evaluate: (threads) => evaluate(model, x, x, { threads }),
    "predict of batches of ten sizes": (threads) => predict(model, tenSizes, { threads }),
    "evaluate of batches of ten sizes": (threads) => evaluate(model, tenSizes, { threads }),
    "fit of batches of ten sizes": (threads) => fit(model, tenSizes, { threads, validationData: tenSizes.slice(0, 2) }),
    "evaluate that fails in a batch": (threads) =>
      rejects(
        evaluate(
          model,
          [
            [1, 2],
            [3, 99],
          ],
          [
            [1, 2],
            [3, 4],
          ],
          { threads, batchSize: 1 },
        ),
      ),
    fit: (threads) => fit(model, x, x, { threads, validationSplit: 0.5 }),
    "fit that is aborted": (threads) => fit(model, x, x, { threads, ...stopped }),
    "fit whose callback throws": (threads) =>
      rejects(fit(model, x, x, { threads, callbacks: [{ onBatchEnd: throwing }] })),
    "fit that is refused its state": (threads) =>
      rejects(fit(model, x, x, { threads, resume: { step: 1, slots: { q: {} } } })),
    "fit that breaks, and says where": (threads) => rejects(fit(bad, x, x, { threads })),
    fitStream: (threads) => fitStream(model, stream, { threads, batch: 2, steps: 3, epochs: 1 }),
    "fitStream that is aborted": (threads) => fitStream(model, stream, { threads, batch: 2, steps: 3, ...stopped }),
    "fitStream whose report throws": (threads) =>
      rejects(fitStream(model, stream, { threads, batch: 2, steps: 3, epochs: 1, onProgress: throwing })),
    trainLanguageModel: (threads) => trainLanguageModel(lm, text, { threads, batch: 2, steps: 3, epochs: 1 }),
    evaluateLanguageModel: () => evaluateLanguageModel(lm, text),
    generate: (threads) => all(generate(lm, { threads, length: 4 })),
    "generate, left early": (threads) => first(generate(lm, { threads, length: 4 })),
    "generate whose reader throws": (threads) => fails(generate(lm, { threads, length: 4 })),
    "generate that is aborted": (threads) => all(generate(lm, { threads, length: 4, ...stopped })),
    generateMany: (threads) => all(generateMany(lm, ["a", "b", "c"], { threads, length: 4, batch: 2 })),
    "generateMany that fails in a prompt": (threads) =>
      rejects(all(generateMany(lm, ["a", [99]], { threads, batch: 2 }))),
    beamSearch: (threads) => beamSearch(lm, { threads, length: 4, beams: 3 }),
    inspectModel: (threads) => all(inspectModel(model, [1, 2, 3], { threads })),
    "inspectModel, left early": (threads) => first(inspectModel(model, [1, 2, 3], { threads })),
    "inspectModel that fails": (threads) => rejects(all(inspectModel(model, [1, 99], { threads }))),
    saliency: (threads) => saliency(model, [1, 2, 3], { threads }),
    "saliency that is refused its state": (threads) =>
      rejects(saliency(model, [1, 2, 3], { threads, start: { h: [1] } })),
    trace: (threads) => trace(own, [[1, 2]], { threads, units: 3 }),
    traceGradients: (threads) => traceGradients(own, [[1, 2]], { threads, units: 3 }),
    "trace that is refused its parameters": (threads) =>
      rejects(trace(own, [[1, 2]], { threads, units: 3, parameters: { W: [1] } })),
  };
  const cases = Object.keys(functions).flatMap((name) => [1, 2].map((threads) => [name, threads] as const));
  test.each(cases)("%s, %i threads", async (name, threads) => {
    const act = functions[name] as (threads: number) => Promise<unknown>;
    await act(threads);
    const emptied = vi.spyOn(WebAssembly, "compile");
    expect(await memories(() => act(threads))).toBe(0);
    expect(emptied).not.toHaveBeenCalled();
  });
});

describe("a model of equal layers, and the same sizes and options, is not scheduled again", () => {
  const make = (rate: number, seed: number, units = 6): Model =>
    sequential([embedding(5, 4), dropout(rate), recurrent(lstm, { units, returnSequences: true }), dense(5)], { seed });
  const sizes = { steps: 3, batch: 2 };
  const measuringPlan = async (model: Model, options: Omit<LossOptions, "training">): Promise<Plan> => {
    const program = await bindLoss(model, { ...sizes, ...options }, {});
    program.dispose();
    return program.plan;
  };

  test("its plan is the same object, whatever the values of its parameters are", async () => {
    const plans = async (model: Model): Promise<Plan[]> => {
      const trainer = await createTrainer(model, sizes);
      const slots = await createSlots({ model }, 2);
      const found = [
        trainer.program.plan,
        (slots as unknown as { readonly program: { readonly plan: Plan } }).program.plan,
        await measuringPlan(model, { loss: "huber" }),
      ];
      for (const one of [trainer, slots]) one.dispose();
      return found;
    };
    const [first, second] = [await plans(make(0.1, 1)), await plans(make(0.1, 2))];
    first.forEach((plan, k) => expect(second[k]).toBe(plan));
    for (const [k, plan] of (await plans(make(0.1, 1, 7))).entries()) expect(plan).not.toEqual(first[k]);
  });

  test("what differs in anything that a plan hangs on has a plan of its own", async () => {
    const model = make(0.1, 1);
    const custom = (factor: number): Loss => ({
      target: "index",
      build: (g, output, target) =>
        g.mul(g.constant(factor), lossOf("sparse_categorical_crossentropy").build(g, output, target)),
    });
    const variants: (() => unknown)[] = [
      ...[sgd(), sgd({ momentum: 0.9 }), adam(), adamW(), rmsprop()].map((optimizer) => ({ optimizer })),
      ...[
        { clipNorm: 1 },
        { clipNormEach: 1 },
        { clipValue: 1 },
        { accumulate: 2 },
        { metrics: ["accuracy"] as const },
      ],
      ...[
        { steps: 4 },
        { batch: 3 },
        { loss: "mean_squared_error" as const },
        { loss: custom(2) },
        { loss: custom(3) },
      ],
    ].map((options) => () => trainingPlan(model, { ...sizes, ...options }));
    variants.push(() => trainingPlan(make(0.2, 1), sizes));
    variants.push(() => measuringPlan(model, { loss: custom(2) }));
    variants.push(() => measuringPlan(model, { loss: custom(3) }));
    variants.push(() => measuringPlan(model, { loss: "huber" }));
    variants.push(() => measuringPlan(model, { loss: "huber", metrics: ["meanAbsoluteError"] }));
    const once = await Promise.all(variants.map((plan) => plan()));
    const again = (await Promise.all(variants.toReversed().map((plan) => plan()))).toReversed();
    expect(again).toEqual(once);
    expect(new Set(once.map((plan) => contentOf(plan))).size).toBe(variants.length);
  });
});
