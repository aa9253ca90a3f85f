/** A training that is left at any moment and gone on with later ends with the bits of one that was not. */
import { describe, expect, test } from "vitest";
import { readModel, writeModel } from "../../src/formats/model-file.ts";
import { InputError } from "../../src/graph/input-error.ts";
import { dense, dropout, embedding, lstm } from "../../src/nn/layers.ts";
import { type Model, sequential } from "../../src/nn/model.ts";
import { createRandom } from "../../src/nn/random.ts";
import { earlyStopping, reduceOnPlateau } from "../../src/train/built-in-callbacks.ts";
import type { Callback, Logs } from "../../src/train/callbacks.ts";
import { createEvaluator } from "../../src/train/evaluator.ts";
import { type FitOptions, fit } from "../../src/train/fit.ts";
import { fitStream } from "../../src/train/fit-stream.ts";
import type { Checkpoint, FitStreamOptions } from "../../src/train/fit-stream-options.ts";
import { NonFiniteLoss } from "../../src/train/non-finite-guard.ts";
import { adam, asgd, rmsprop, sgd } from "../../src/train/optimizers.ts";
import type { TrainerState } from "../../src/train/trainer.ts";

const random = createRandom(5);
const tokens = Int32Array.from({ length: 700 }, (_, k) => (k % 7 < 3 ? k % 5 : random.integer(5)));
const model = (): Model =>
  sequential([embedding(5, 4), dropout(0.2), lstm(6, { returnSequences: true }), dense(5)], { seed: 1 });
const timed = { batch: 2, steps: 8, seed: 2, threads: 1, validationSplit: 0.2 } as const;
const small = { ...timed, epochs: 3 } as const;

/** The bytes of the file that holds it all. */
const fileOf = ({ model, training }: Checkpoint): Uint8Array<ArrayBuffer> => writeModel({ model, training, extra: {} });
const read = (bytes: Uint8Array): Checkpoint => readModel(bytes, "m") as Checkpoint;

async function train(from: Checkpoint | Model, options: FitStreamOptions): Promise<Uint8Array<ArrayBuffer>> {
  const [own, resume] = "training" in from ? [from.model, from.training] : [from, undefined];
  const { state } = await fitStream(own, tokens, { ...options, resume });
  return fileOf({ model: own, training: state });
}

/** All files that are there after each so many updates and each validation. */
async function files(
  options: FitStreamOptions,
): Promise<{ all: Uint8Array<ArrayBuffer>[]; end: Uint8Array<ArrayBuffer> }> {
  const all: Uint8Array<ArrayBuffer>[] = [];
  const end = await train(model(), {
    ...options,
    progressEvery: 1,
    onProgress: (_, checkpoint) => void all.push(fileOf(checkpoint())),
  });
  return { all, end };
}

describe("fitStream", () => {
  test.each<[string, FitStreamOptions]>([
    ["the last kept", { keep: "last" }],
    ["the best kept", { keep: "best", optimizer: adam({ learningRate: 0.2 }), validations: 7 }],
    ["nothing to validate on", { validationSplit: 0, epochs: 1.5 }],
    ["an average as its model", { optimizer: asgd({ learningRate: 2 }), keep: "best", epochs: 2 }],
    ["no slots", { optimizer: sgd({ learningRate: 1 }), epochs: 2 }],
    ["a rate of its own", { learningRate: (step) => 0.05 / (1 + step), optimizer: rmsprop(), epochs: 2 }],
    ["two threads", { threads: 2, epochs: 1, keep: "best" }],
  ])("from wherever it is left the file at the end is the same, byte for byte: %s", async (_, options) => {
    const { all, end } = await files({ ...small, ...options });
    expect(all.length).toBeGreaterThan(30);
    for (const [k, bytes] of all.entries()) {
      if (k % 3 > 0 && k < all.length - 3) continue;
      const again = await train(read(bytes), { ...small, ...options });
      expect(Buffer.compare(again, end), `file ${k} of ${all.length}`).toBe(0);
    }
  });
});

/** A signal that is asked whether it has come; `hear` may say so. */
function askedSignal(hear: () => boolean): AbortSignal {
  return {
    get aborted() {
      return hear();
    },
  } as AbortSignal;
}

describe("what ends a training early", () => {
  const options = {
    ...small,
    epochs: 2,
    keep: "best",
    validations: 5,
    optimizer: adam({ learningRate: 0.1 }),
  } as const;

  test("a signal at any moment, within a validation too: resumed, the file at the end is the same", async () => {
    const whole = await train(model(), options);
    let inValidation = 0;
    for (let asks = 1, ended = false; !ended; asks += 4) {
      let [count, reports] = [0, 0];
      const own = model();
      const signal = askedSignal(() => count++ >= asks);
      const { state, stopped, validationLoss } = await fitStream(own, tokens, {
        ...options,
        signal,
        onProgress: () => reports++,
      });
      ended = !stopped;
      if (state.step === 14 && validationLoss === null) inValidation++;
      const again = await train(read(fileOf({ model: own, training: state })), options);
      expect(Buffer.compare(again, whole), `after ${asks} asks`).toBe(0);
    }
    // The first validation is after 14 updates, and has 18 batches.
    expect(inValidation).toBeGreaterThan(3);
  });

  test("the minutes: validations count, and the last one and what follows it are left time for", async () => {
    let ms = 0;
    const later = (): void => {
      ms += 100;
    };
    const seen: [ms: number, milestone: boolean, loss: number | null][] = [];
    // An update takes 100 ms, a batch of a validation 50 (there are 9), what is done after a validation 300.
    const { steps, state } = await fitStream(model(), tokens, {
      ...{ ...timed, minutes: 0.1, validations: 2, clock: () => ms },
      callbacks: [{ onBatchEnd: later }],
      signal: askedSignal(() => {
        if (new Error("who asks").stack?.includes("pause")) ms += 50;
        return false;
      }),
      onProgress: ({ milestone, validationLoss }) => {
        seen.push([ms, milestone, validationLoss]);
        if (milestone) ms += 300;
      },
    });
    const milestones = seen.filter(([, milestone]) => milestone);
    expect(milestones.map(([, , loss]) => loss)).toEqual([expect.any(Number), expect.any(Number)]);
    expect(milestones[0]?.[0]).toBeGreaterThan(3000);
    expect(ms).toBeLessThanOrEqual(6000);
    expect(steps).toBeGreaterThan(25);
    expect(state.place).toMatchObject({ ended: 6000 });
  });

  test("a validation that the minutes do not suffice for is broken off", async () => {
    let ms = 0;
    const later = (): void => {
      ms += 100;
    };
    const losses: (number | null)[] = [];
    await fitStream(model(), tokens, {
      ...{ ...timed, minutes: 0.01, clock: () => ms },
      callbacks: [{ onBatchEnd: later }],
      signal: askedSignal(() => {
        ms += 100;
        return false;
      }),
      onProgress: ({ validationLoss }) => void losses.push(validationLoss),
    });
    expect(losses.every((loss) => loss === null)).toBe(true);
    expect(ms).toBeLessThan(2000);
  });

  test("a loss that is no number: the model ends with its best values, and the message says of which update", async () => {
    const [own, other] = [model(), model()];
    // From update 40 on.
    const learningRate = (step: number): number => (step < 40 ? 0.05 : 1e39);
    const best: { step: number; loss: number }[] = [];
    const error = await fitStream(own, tokens, {
      ...{ ...small, keep: "best", learningRate, validations: 6 },
      onProgress: (_, checkpoint) => {
        const { best: found } = checkpoint().training.place as { best?: { step: number; loss: number } };
        if (found !== undefined) best.push(found);
      },
    }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(NonFiniteLoss);
    const { step } = best.at(-1) as { step: number };
    expect((error as NonFiniteLoss).message).toContain(`The model keeps its values of update ${step}.`);
    await fitStream(other, tokens, { ...small, learningRate, epochs: step / 34, keep: "last" });
    expect(own.values).toEqual(other.values);
  });
});

test("the best are kept: the model measures what was lowest, and the last are in the state", async () => {
  const [kept, last] = [model(), model()];
  const options = { ...small, learningRate: () => 0.1, epochs: 6, validations: 12 };
  const losses: number[] = [];
  const onProgress = ({ milestone, validationLoss }: { milestone: boolean; validationLoss: number | null }) =>
    void (milestone && losses.push(validationLoss as number));
  const { best, validationLoss, state } = await fitStream(kept, tokens, { ...options, keep: "best", onProgress });
  await fitStream(last, tokens, options);
  expect(best?.loss).toBe(Math.min(...losses));
  expect(validationLoss).toBe(losses.at(-1));
  expect(best?.loss).toBeLessThan(validationLoss as number);
  expect(best?.epoch).toBeLessThan(6);
  const evaluator = await createEvaluator(kept, { batch: 1, steps: 8 });
  expect(await evaluator.loss(tokens.subarray(560))).toBe(best?.loss);
  expect(state.slots.w).toEqual(last.values);
});

test("validationData and validationTokens: what is validated on, and nothing of it is trained on", async () => {
  const [a, b, c] = [model(), model(), model()];
  const whole = tokens.subarray(0, 560);
  const first = await fitStream(a, tokens, { ...small, validationTokens: 50 });
  const second = await fitStream(b, whole, { ...small, validationSplit: 0, validationData: tokens.subarray(560, 610) });
  expect(second.validationLoss).toBe(first.validationLoss);
  expect(b.values).toEqual(a.values);
  const all = await fitStream(c, tokens, small);
  expect(all.validationLoss).not.toBe(first.validationLoss);
  expect(c.values).toEqual(a.values);
  const two = { ...small, validationData: tokens };
  await expect(fitStream(a, whole, two)).rejects.toThrow("fitStream: validationSplit and validationData are two ways");
});

describe("callbacks of a stream", () => {
  test("hear of epochs and batches as those of fit do, and each epoch is validated", async () => {
    const heard: string[] = [];
    const logs: Logs[] = [];
    const { validationLoss } = await fitStream(model(), tokens, {
      ...{ ...small, epochs: 2.5, validations: 1 },
      callbacks: [
        {
          onTrainBegin: ({ step, epochs }) => void heard.push(`begin ${step} ${epochs}`),
          onEpochBegin: (epoch, { step }) => void heard.push(`epoch ${epoch} ${step}`),
          onBatchEnd: ({ loss }) => void (Number.isFinite(loss) && heard.push("batch")),
          onEpochEnd: (epoch, own, { step }) => {
            heard.push(`end ${epoch} ${step}`);
            logs.push(own);
          },
          onTrainEnd: ({ valLoss }) => void heard.push(`done ${valLoss}`),
        },
      ],
    });
    const batches = (count: number) => Array.from({ length: count }, () => "batch");
    // 560 tokens: 2 lanes of 280, 34 batches of 8 steps.
    expect(heard).toEqual([
      ...["begin 0 3", "epoch 0 0", ...batches(34), "end 0 34", "epoch 1 34", ...batches(34), "end 1 68"],
      ...["epoch 2 68", ...batches(17), "end 2 85", `done ${validationLoss}`],
    ]);
    expect(logs.map((own) => Object.keys(own))).toEqual(Array(3).fill(["loss", "valLoss", "learningRate"]));
    expect(logs.at(-1)?.valLoss).toBe(validationLoss);
  });

  test("stop it, and set its learning rate, which a schedule forbids", async () => {
    const rates: number[] = [];
    const stopping: Callback = {
      onEpochBegin: (epoch, run) => {
        run.learningRate = 0.01 / (epoch + 1);
      },
      onBatchEnd: ({ learningRate }, run) => {
        rates.push(learningRate as number);
        if (run.step === 40) run.stop("enough");
      },
    };
    const { steps, stopped } = await fitStream(model(), tokens, { ...small, callbacks: [stopping] });
    expect({ steps, stopped }).toEqual({ steps: 40, stopped: false });
    expect([...new Set(rates)]).toEqual([0.01, 0.005]);
    const both = fitStream(model(), tokens, { ...small, callbacks: [stopping], learningRate: () => 0.01 });
    await expect(both).rejects.toThrow("fitStream: a callback and learningRate both set the learning rate.");
  });

  test.each<[string, () => Callback[], number]>([
    ["earlyStopping", () => [earlyStopping({ patience: 1, restoreBestWeights: true })], 0.3],
    ["reduceOnPlateau", () => [reduceOnPlateau({ patience: 1, factor: 0.5 })], 0.2],
    ["both", () => [earlyStopping({ patience: 2, restoreBestWeights: true }), reduceOnPlateau({ patience: 1 })], 0.2],
  ])("%s go on where they were: the file at the end is the same", async (_, callbacks, learningRate) => {
    const options = { ...small, epochs: 6, validations: 1, optimizer: adam({ learningRate }) };
    const { all, end } = await files({ ...options, callbacks: callbacks() });
    for (const [k, bytes] of all.entries()) {
      if (k % 7 > 0 && k < all.length - 3) continue;
      const again = await train(read(bytes), { ...options, callbacks: callbacks() });
      expect(Buffer.compare(again, end), `file ${k} of ${all.length}`).toBe(0);
    }
  });
});

describe("a state to go on from is refused", () => {
  const stateOf = async () => (await fitStream(model(), tokens, { ...small, epochs: 0.5 })).state;

  test.each<[string, FitStreamOptions, RegExp]>([
    ["with another batch", { batch: 3 }, /^fitStream: resume.place is in a stream of batches of 2 x 8 of/],
    ["with other steps", { steps: 7 }, /Leave out resume\.place to start these tokens from the beginning\.$/],
    ["with another validation split", { validationSplit: 0.1 }, /this one is of 2 x 8 of 630 tokens/],
    [
      "with another optimiser",
      { optimizer: rmsprop() },
      /has the slots m, v of its model; rmsprop needs v for this one/,
    ],
  ])("%s", async (_, options, message) => {
    const resume = await stateOf();
    const own = model();
    await expect(fitStream(own, tokens, { ...small, ...options, resume })).rejects.toThrow(message);
    expect(own.values).toEqual(model().values);
  });

  test("in other tokens; without its place it begins them, with what the optimiser knows", async () => {
    const resume = await stateOf();
    const others = tokens.toReversed();
    await expect(fitStream(model(), others, { ...small, resume })).rejects.toThrow(InputError);
    const { place: _, ...rest } = resume;
    const { steps, epoch } = await fitStream(model(), others, { ...small, epochs: 1, resume: rest });
    expect({ steps, epoch }).toEqual({ steps: 17 + 34, epoch: 1 });
  });

  test.each([
    ["a number", 7],
    ["nothing", null],
    ["nothing in it", {}],
    ["texts as numbers", { taken: "3" }],
    ["half an update", { taken: 0.5 }],
    ["a batch before the first", { batch: -1 }],
    ["a best that is none", { best: { loss: null, step: 1, epoch: 1 } }],
    ["a generator that is none", { random: [0, 0, 0, 0] }],
    ["callbacks that are none", { callbacks: 1 }],
  ])("with a place that is damaged: %s", async (_, damage) => {
    const resume = await stateOf();
    const place =
      typeof damage === "object" && damage && Object.keys(damage).length > 0
        ? { ...(resume.place as object), ...damage }
        : damage;
    await expect(fitStream(model(), tokens, { ...small, resume: { ...resume, place } })).rejects.toThrow(InputError);
  });

  test("with states of another model, or of more numbers", async () => {
    const resume = await stateOf();
    const [name] = Object.keys(resume.states ?? {}) as [string];
    for (const states of [{ [name]: new Float32Array(3) }, { nobody: new Float32Array(12) }]) {
      await expect(fitStream(model(), tokens, { ...small, resume: { ...resume, states } })).rejects.toThrow(
        /^training: the state to resume from has (3|12) numbers of (lstm\.\w|nobody), expected (12|0)\./,
      );
    }
  });
});

describe("fit", () => {
  const examples = (count: number) =>
    Array.from({ length: count }, () => Array.from({ length: 6 }, () => random.integer(5)));
  const x = examples(23);
  const y = x.map((row) => row.map((_, t) => row[Math.max(0, t - 1)] as number));
  const stacked = (stateful: boolean) =>
    sequential([embedding(5, 4), dropout(0.3), lstm(6, { returnSequences: true, stateful }), dense(5)], { seed: 1 });
  const base = { batchSize: 4, epochs: 7, seed: 3, validationSplit: 0.2, threads: 1 };

  test.each<[string, FitOptions & { stateful?: boolean }]>([
    ["masks of dropout, where an epoch's last gradients are of fewer batches", { accumulate: 3 }],
    ["the rate that a plateau has set", { callbacks: [reduceOnPlateau({ patience: 1, factor: 0.3, minDelta: 0.05 })] }],
    [
      "the best of an early stopping",
      { callbacks: [earlyStopping({ patience: 2, restoreBestWeights: true, minDelta: 0.02 })] },
    ],
    ["states from batch to batch", { stateful: true, shuffle: false, validationSplit: 0, batchSize: 23 }],
  ])("from every epoch's end on it ends with the same: %s", async (_, { stateful = false, ...more }) => {
    const saved: Uint8Array<ArrayBuffer>[] = [];
    const save: Callback = {
      onEpochEnd: (_, __, run) => void saved.push(fileOf({ model: run.model, training: run.state() })),
    };
    const callbacks = more.callbacks ?? [];
    const whole = stacked(stateful);
    const optimizer = adam({ learningRate: 0.1 });
    const options = { ...base, optimizer, ...more };
    const history = await fit(whole, x, y, { ...options, callbacks: [...callbacks, save] });
    for (const [k, bytes] of saved.slice(0, -1).entries()) {
      const { model: own, training } = read(bytes);
      const rest = await fit(own, x, y, {
        ...options,
        callbacks: [...callbacks, {}],
        initialEpoch: k + 1,
        resume: training,
      });
      expect(own.values, `from epoch ${k + 1}`).toEqual(whole.values);
      expect(rest.history.loss).toEqual(history.history.loss?.slice(k + 1));
      expect(rest.stopped).toBe(history.stopped);
    }
  });

  test("a state within an epoch, or of another one, is refused; without initialEpoch it begins a training", async () => {
    const states: TrainerState[] = [];
    const save: Callback = { onBatchEnd: (_, run) => void states.push(run.state()) };
    await fit(stacked(false), x, y, { ...base, epochs: 1, callbacks: [save] });
    const resume = states[1] as TrainerState;
    const go = (options: FitOptions) => fit(stacked(false), x, y, { ...base, resume, ...options });
    await expect(go({ initialEpoch: 0 })).rejects.toThrow(
      "fit: resume is within epoch 0, after 2 batches. Give the state of an epoch's end, or leave out initialEpoch to " +
        "start a new training from it.",
    );
    const end: Callback = { onEpochEnd: (_, __, run) => void states.push(run.state()) };
    await fit(stacked(false), x, y, { ...base, epochs: 2, callbacks: [end] });
    await expect(go({ initialEpoch: 1, resume: states.at(-1) as TrainerState })).rejects.toThrow(
      "fit: resume is at the beginning of epoch 2, but initialEpoch is 1.",
    );
    const { epoch } = await go({ epochs: 2, batchSize: 5, resume: states.at(-1) as TrainerState });
    expect(epoch).toEqual([0, 1]);
  });
});
