/** The Toy tasks view without a page: trainings against slow references, settings in the address, tables. */
import { describe, expect, test } from "vitest";
import { cells } from "../../src/cells/index.ts";
import { type ToyBatch, type ToyTaskName, toyBatch, toyTasks } from "../../src/data/toy-tasks.ts";
import { inspectModel } from "../../src/nn/inspection.ts";
import type { Model } from "../../src/nn/model.ts";
import { createRandom } from "../../src/nn/random.ts";
import { createSession } from "../../src/nn/session.ts";
import { linkTo, readAddress } from "../../src/studio/address.ts";
import { reachOf } from "../../src/studio/components/watch.tsx";
import { heldOut, toyModel } from "../../src/studio/engine/toy-training.ts";
import { type ToyEnd, type ToyReport, type ToySettings, toys } from "../../src/studio/engine/toys.ts";
import { curvesAsCsv, runsAsCsv } from "../../src/studio/views/toys/csv.ts";
import type { ToyRun } from "../../src/studio/views/toys/running.ts";
import { askedOf, fieldsOf, queryOf } from "../../src/studio/views/toys/settings.ts";
import { bySize, spreadOf } from "../../src/studio/views/toys/statistics.ts";

const small: ToySettings = {
  ...{ task: "copy", shortest: 1, longest: 3, alphabet: 3, cell: "gru", units: 6, layers: 1 },
  ...{ batch: 4, learningRate: 0.01, clipNorm: 0.5, updates: 12, seed: 7 },
};

async function trained(settings: ToySettings, stopAfter = Number.POSITIVE_INFINITY) {
  const reports: ToyReport[] = [];
  const job = toys.trainToy(settings);
  for (;;) {
    const { done, value } = await job.next(reports.length >= stopAfter ? "finish" : undefined);
    if (done) return { reports, end: value as ToyEnd };
    reports.push(value);
  }
}
const withoutTimes = ({ reports, end }: Awaited<ReturnType<typeof trained>>) => ({
  end,
  reports: reports.map(({ elapsedMs: _, ...report }) => report),
});

/** The mean loss of an answer, and the shares that are right, sequence by sequence and step by step, by a session. */
async function slowly(model: Model, { count, steps, inputs, targets, counts }: ToyBatch) {
  using session = await createSession(model, { fma: false, threads: 1 });
  let [nats, answers, right, exact] = [0, 0, 0, 0];
  for (let n = 0; n < count; n++) {
    session.reset();
    let wrong = 0;
    for (let k = n * steps; k < (n + 1) * steps; k++) {
      const output = session.next(inputs[k] as number);
      if (counts[k] === 0) continue;
      const exps = Array.from(output, Math.exp);
      const target = targets[k] as number;
      nats -= Math.log((exps[target] as number) / exps.reduce((sum, one) => sum + one, 0));
      answers++;
      if (Math.max(...output) === output[target]) right++;
      else wrong++;
    }
    if (wrong === 0) exact++;
  }
  return { loss: nats / answers, answers: right / answers, exact: exact / count };
}

/** How many of a run's updates were looked at, and how many clipped. */
function clipsOf(reports: readonly ToyReport[]) {
  expect(reports[0]?.watched.clipped).toBeUndefined();
  const all = reports.slice(1).map(({ watched }) => watched.clipped ?? { updates: 0, clipped: 0 });
  return {
    updates: all.reduce((sum, one) => sum + one.updates, 0),
    clipped: all.reduce((sum, one) => sum + one.clipped, 0),
  };
}

describe("a training", () => {
  test("the same settings give the same numbers, to the bit; another seed gives others", async () => {
    const [first, second, other] = [
      await trained(small),
      await trained(small),
      await trained({ ...small, seed: 8 }),
    ].map(withoutTimes);
    expect(second).toEqual(first);
    expect(other?.reports[0]?.loss).not.toBe(first?.reports[0]?.loss);
    expect(first?.reports.map(({ updates }) => updates)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });

  test("its numbers are those of each held-out sequence on its own, and of the batch that an update learns from", async () => {
    const { reports } = await trained({ ...small, updates: 1 });
    const [before, after] = reports as [ToyReport, ToyReport];
    const model = toyModel(small);
    const held = heldOut(small);
    const like = await slowly(model, held.like);
    expect(before.loss).toBeCloseTo(like.loss, 5);
    expect(before.held).toEqual({ answers: like.answers, exact: like.exact });
    expect(before.byLength.scores.map(({ length }) => length)).toEqual([3, 4, 5, 6, 9]);
    const [{ batch }] = held.byLength.slice(-1) as [(typeof held.byLength)[number]];
    const longest = await slowly(model, batch);
    expect(before.byLength.scores.at(-1)).toEqual({ length: 9, answers: longest.answers, exact: longest.exact });
    // The loss of an update is that before it.
    const learned = toyBatch("copy", createRandom(small.seed), small, small.batch);
    expect(after.trainingLoss).toBeCloseTo((await slowly(model, learned)).loss, 5);
    // Each step's likeliest symbols, with their probabilities.
    const [example] = before.examples;
    const row = Array.from(held.like.inputs.subarray(0, held.like.steps));
    expect(example?.inputs).toEqual(row);
    let t = 0;
    for await (const { probabilities = [] } of inspectModel(model, row, { values: [], fma: false })) {
      const order = Array.from(probabilities, (_, symbol) => symbol).sort(
        (a, b) => (probabilities[b] as number) - (probabilities[a] as number),
      );
      const guesses = example?.guesses[t++] ?? [];
      expect(guesses.map(({ symbol }) => symbol)).toEqual(order.slice(0, 3));
      for (const { symbol, probability } of guesses)
        expect(probability).toBeCloseTo(probabilities[symbol] as number, 5);
    }
  });

  test("updates are counted that are clipped; a number of updates that is no multiple of the reports is kept to", async () => {
    const { reports } = await trained({ ...small, updates: 97 });
    expect(reports.at(-1)?.updates).toBe(97);
    const { updates, clipped } = clipsOf(reports);
    expect(updates).toBe(97);
    expect(clipped).toBeGreaterThan(0);
    expect(clipped).toBeLessThan(97);
  });

  test("where a rule has few sequences, training meets those that are held out, and says so", async () => {
    const few = { task: "parity", shortest: 1, longest: 2, alphabet: 2, updates: 40, clipNorm: 1e9 } as const;
    const { reports } = await trained({ ...small, ...few });
    expect([reports[0]?.met, reports.at(-1)?.met]).toEqual([0, 1]);
    expect(clipsOf(reports)).toEqual({ updates: 40, clipped: 0 });
    const other = await trained({ ...small, shortest: 20, longest: 20, alphabet: 26, clipNorm: 1e-6 });
    expect(other.reports.at(-1)?.met).toBe(0);
    expect(clipsOf(other.reports)).toEqual({ updates: 12, clipped: 12 });
  });

  test("it can be stopped", async () => {
    const { reports } = await trained({ ...small, updates: 400 }, 2);
    expect(reports.map(({ updates, byLength }) => [updates, byLength.updates])).toEqual([
      [0, 0],
      [16, 0],
      [16, 16],
    ]);
  });

  test("equations of one's own are trained, and a mistake in them is told", async () => {
    const equations = "z = sigmoid(W @ x + U @ h + b)\nh' = z * h + (1 - z) * tanh(V @ x)";
    const { reports } = await trained({ ...small, layers: 2, updates: 1, cell: { equations } });
    expect(reports.at(-1)?.watched.gates.map(({ layer, name }) => `${layer}.${name}`)).toEqual([
      "own_cell.z",
      "own_cell_1.z",
    ]);
    await expect(trained({ ...small, cell: { equations: "h' = tan(x)" } })).rejects.toThrow(/unknown function "tan"/);
  });

  test("every built-in cell fits", async () => {
    for (const cell of Object.keys(cells)) {
      expect(toyModel({ ...small, cell, units: 8, layers: 2 }).outputSize, cell).toBe(5);
    }
  });
});

test("the error reaches back to the last step before the first with less than a hundredth of it", () => {
  expect(reachOf([2, 1, 0.02, 0.0199, 5])).toBe(2);
  expect(reachOf([1, 3, 0.5])).toBe(2);
  expect(reachOf([1, 0, 1])).toBe(0);
  expect(reachOf([1, Number.NaN])).toBe(0);
});

describe("settings", () => {
  const other: ToySettings = {
    ...{ task: "add", shortest: 2, longest: 9, alphabet: 7, cell: { equations: "h' = tanh(W @ x + U @ h) # ü & ?" } },
    ...{ units: 20, layers: 3, batch: 5, learningRate: 0.002, clipNorm: 0.25, updates: 70, seed: 4_000_000_000 },
  };
  test("an address has all of them", () => {
    for (const settings of [small, other]) {
      const address = readAddress(linkTo("toys", [settings.task], queryOf(settings)));
      expect(askedOf(address).settings).toEqual(settings);
    }
    for (const task of Object.keys(toyTasks) as ToyTaskName[]) {
      const { settings } = askedOf({ path: [task], query: {} });
      expect(settings?.task).toBe(task);
      expect(queryOf(settings as ToySettings)).toEqual({});
    }
  });

  test.each([
    [{ units: "0" }, "units", "Units: a whole number from 1 to 512, not “0”."],
    [{ rate: "0" }, "rate", "Learning rate: a number above 0, at most 1, not “0”."],
    [{ seed: "" }, "seed", "Seed: a whole number from 0 to 4,294,967,295, not nothing."],
    [{ shortest: "5", longest: "4" }, "longest", "Longest: at least as long as the shortest, 5, not 4."],
    [{ cell: "lstn" }, "cell", "Cell: there is no built-in cell “lstn”."],
    [{ equations: " " }, "cell", "Cell: write its equations."],
  ] as const)("%o is refused in a line", (query, name, message) => {
    const { problems, settings, sweep } = askedOf({ path: ["copy"], query });
    expect(problems[name]).toBe(message);
    expect([settings, sweep]).toEqual([undefined, undefined]);
  });

  test("a sweep has each seed of each size once; what is wrong with it leaves the run alone", () => {
    const { sweep } = askedOf({ path: ["copy"], query: { sizes: "4, 8 4", seeds: "2", seed: "5" } });
    expect(sweep?.map(({ units, seed }) => [units, seed])).toEqual([
      [4, 5],
      [4, 6],
      [8, 5],
      [8, 6],
    ]);
    const wrong = askedOf({ path: ["copy"], query: { sizes: "4, many", seeds: "0" } });
    expect(wrong.problems).toEqual({
      sizes: "Sizes: a whole number from 1 to 512, not “many”.",
      seeds: "Seeds: a whole number from 1 to 20, not “0”.",
    });
    expect(wrong.settings?.units).toBe(fieldsOf("copy").units.standard);
    expect(wrong.sweep).toBeUndefined();
  });
});

describe("tables", () => {
  const report = (exact: number, loss: number): ToyReport => ({
    ...{ updates: 10, trainingLoss: 1, loss, held: { answers: 0.75, exact }, examples: [], met: 0.25, elapsedMs: 1500 },
    byLength: {
      updates: 10,
      scores: [
        { length: 3, answers: 1, exact: 0.5 },
        { length: 9, answers: 1, exact: exact / 2 },
      ],
    },
    watched: { layers: [], reach: [], gates: [], clipped: undefined },
  });
  const run = (id: number, units: number, exact: number): ToyRun => ({
    ...{ id, settings: { ...small, units, seed: id }, latest: report(exact, id), stopped: false, sweep: 1 },
    end: { parameters: 99 },
    points: [{ updates: 0, trainingLoss: undefined, loss: 2, answers: 0.5, exact: 0 }],
  });

  test("mean and standard deviation, worked out by hand", () => {
    expect(spreadOf([2, 4, 4, 4, 5, 5, 7, 9])).toEqual({ mean: 5, deviation: Math.sqrt(32 / 7) });
    expect(spreadOf([3])).toEqual({ mean: 3, deviation: undefined });
    const [four, eight] = bySize([run(1, 8, 1), run(2, 4, 0.5), run(3, 8, 0.5)]);
    expect([four?.units, four?.exact]).toEqual([4, { mean: 0.5, deviation: undefined }]);
    expect([eight?.units, eight?.exact]).toEqual([8, { mean: 0.75, deviation: Math.sqrt(0.125) }]);
    expect(eight?.loss).toEqual({ mean: 2, deviation: Math.sqrt(2) });
    expect(eight?.longer).toEqual({ mean: 0.375, deviation: Math.sqrt(0.125) / 2 });
  });

  test("as CSV, equations in quotes", () => {
    const own = run(2, 4, 0.5);
    const text = runsAsCsv([
      run(1, 8, 1),
      { ...own, settings: { ...own.settings, cell: { equations: 'h\' = x  # "a, b"\n' } } },
    ]);
    expect(text).toBe(
      "run,task,shortest,longest,alphabet,cell,units,layers,batch,learning_rate,clip_norm,updates,seed,updates_made," +
        "loss,answers,exact,exact_by_length,parameters,met,seconds\n" +
        "1,copy,1,3,3,gru,8,1,4,0.01,0.5,12,1,10,1,0.75,1,3:0.5 9:0.5,99,0.25,1.500\n" +
        '2,copy,1,3,3,"h\' = x  # ""a, b""\n",4,1,4,0.01,0.5,12,2,10,2,0.75,0.5,3:0.5 9:0.25,99,0.25,1.500\n',
    );
    expect(curvesAsCsv([run(1, 8, 1)])).toBe("run,updates,training_loss,loss,answers,exact\n1,0,,2,0.5,0\n");
  });
});
