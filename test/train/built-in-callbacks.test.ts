import { describe, expect, test } from "vitest";
import { dense } from "../../src/nn/layers.ts";
import { type Model, sequential } from "../../src/nn/model.ts";
import { earlyStopping, learningRateScheduler, reduceOnPlateau } from "../../src/train/built-in-callbacks.ts";
import type { Callback, Logs } from "../../src/train/callbacks.ts";
import { fit } from "../../src/train/fit.ts";
import { sgd } from "../../src/train/optimizers.ts";

/** Tell a callback of a made-up series, as `fit` would; the model's one weight is the number of the epoch. */
async function follow(callback: Callback, series: readonly number[], { monitor = "valLoss", rate = 0.1 } = {}) {
  const model = sequential([dense(1)], { input: 1 });
  const rates: number[] = [];
  let stopped: string | undefined;
  const run = {
    ...{ model, epochs: series.length, step: 0, learningRate: rate },
    gradientNorm: () => 0,
    save: () => true,
    state: () => ({ step: 0, slots: {} }),
    stop(reason: string) {
      stopped = reason;
    },
  };
  await callback.onTrainBegin?.(run);
  let [last, logs]: [number, Logs] = [-1, {}];
  for (const [epoch, value] of series.entries()) {
    await callback.onEpochBegin?.(epoch, run);
    model.values["dense.W"]?.fill(epoch);
    rates.push(run.learningRate);
    logs = { loss: 1, [monitor]: value };
    await callback.onEpochEnd?.(epoch, logs, run);
    last = epoch;
    if (stopped !== undefined) break;
  }
  await callback.onTrainEnd?.(logs, run);
  return { last, stopped, rates, kept: weightOf(model) };
}
const weightOf = (model: Model): number => model.values["dense.W"]?.[0] as number;

describe("earlyStopping", () => {
  const series = [3, 2, 2.5, 1.9, 1.95, 2, 2.1, 1];
  test.each([
    ["the first epoch that is no better ends it", {}, series, 2],
    ["patience 2: two in a row", { patience: 2 }, series, 5],
    ["patience 4: none here", { patience: 4 }, series, 7],
    ["minDelta: 1.9 is not 0.2 better than 2", { patience: 2, minDelta: 0.2 }, series, 3],
    ["max: higher is better", { mode: "max" as const }, [1, 2, 3, 2, 5], 3],
    ["an accuracy is better where it is higher", { monitor: "valAccuracy" }, [0.1, 0.2, 0.3, 0.2, 0.5], 3],
    ["baseline: a value that does not reach it does not count", { baseline: 1, patience: 3 }, [4, 3, 2, 1.5, 1.2], 4],
    ["epochs before startFromEpoch are not looked at", { startFromEpoch: 3 }, [1, 2, 3, 9, 8, 7, 8], 6],
    ["NaN is no better", { patience: 2 }, [2, Number.NaN, Number.NaN, 1], 2],
    ["Keras: the first epoch of all does not end it", { baseline: 1 }, [4, 5, 5], 1],
  ])("%s", async (_, options, values, wanted) => {
    const monitor = "monitor" in options ? options.monitor : "valLoss";
    const { last } = await follow(earlyStopping(options), values, { monitor });
    expect(last).toBe(wanted);
  });

  test("restoreBestWeights: the values of the best epoch, whether it ended early or not; else those of the last", async () => {
    const best = await follow(earlyStopping({ patience: 2, restoreBestWeights: true }), series);
    expect(best).toMatchObject({ last: 5, kept: 3, stopped: "earlyStopping: valLoss was best at 1.9" });
    expect(await follow(earlyStopping({ patience: 2 }), series)).toMatchObject({ last: 5, kept: 5 });
    const whole = await follow(earlyStopping({ patience: 9, restoreBestWeights: true }), [3, 1, 2]);
    expect(whole).toMatchObject({ last: 2, kept: 1, stopped: undefined });
    // None better than the baseline: still the best of those that there are.
    const none = earlyStopping({ patience: 2, baseline: 0.5, restoreBestWeights: true });
    expect(await follow(none, [3, 2, 4])).toMatchObject({ last: 2, kept: 1 });
  });

  test("one may serve twice: each training begins anew", async () => {
    const callback = earlyStopping();
    expect((await follow(callback, [2, 1, 3])).last).toBe(2);
    expect((await follow(callback, [9, 8, 10])).last).toBe(2);
  });

  test("in fit: the history ends with the epoch that was too much, and says why", async () => {
    const model = sequential([dense(1)], { input: 1 });
    const { epoch, history, stopped } = await fit(model, [[[1]], [[2]]], [[1], [2]], {
      ...{ loss: "mean_squared_error", optimizer: sgd({ learningRate: 0 }), epochs: 9, validationSplit: 0.5 },
      callbacks: [earlyStopping({ patience: 2 })],
    });
    expect(epoch).toEqual([0, 1, 2]);
    expect(stopped).toBe(`earlyStopping: valLoss was best at ${history.valLoss?.[0]}`);
  });
});

test("reduceOnPlateau: a tenth after `patience` epochs without gain, not below minLr", async () => {
  const callback = reduceOnPlateau({ patience: 2, factor: 0.5, minLr: 0.03 });
  const { rates } = await follow(callback, [3, 2, 2, 2, 1, 1, 1, 1, 1, 1]);
  expect(rates).toEqual([0.1, 0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.03, 0.03, 0.03]);
  const up = reduceOnPlateau({ monitor: "valAccuracy", patience: 1 });
  expect((await follow(up, [0.5, 0.6, 0.6, 0.7], { monitor: "valAccuracy" })).rates).toEqual([
    0.1,
    0.1,
    0.1,
    0.1 * 0.1,
  ]);
});

test("learningRateScheduler: the rate of an epoch from its number and the one before", async () => {
  const callback = learningRateScheduler((epoch, rate) => (epoch < 2 ? rate : rate / 2));
  expect((await follow(callback, [1, 1, 1, 1])).rates).toEqual([0.1, 0.1, 0.05, 0.025]);
});

test("a monitor that is none is refused with what there is; so are options that are none", async () => {
  const [x, y] = [[[[1]]], [[1]]];
  const train = (callback: Callback) =>
    fit(sequential([dense(1)], { input: 1 }), x, y, { loss: "mean_squared_error", callbacks: [callback] });
  await expect(train(earlyStopping())).rejects.toThrow(
    'earlyStopping: there is no "valLoss" to monitor; there are loss, learningRate. Give fit validationSplit or validationData.',
  );
  await expect(train(reduceOnPlateau({ monitor: "accuracy" }))).rejects.toThrow(
    'reduceOnPlateau: there is no "accuracy" to monitor; there are loss, learningRate.',
  );
  expect(() => earlyStopping({ patience: -1 })).toThrow(
    "earlyStopping: patience must be a whole number of at least 0, got -1",
  );
  expect(() => earlyStopping({ mode: "up" as "max" })).toThrow(
    'earlyStopping: mode must be one of "auto", "min", "max", got "up"',
  );
  expect(() => reduceOnPlateau({ factor: 1 })).toThrow("reduceOnPlateau: factor must be a number in [0, 1), got 1");
});
