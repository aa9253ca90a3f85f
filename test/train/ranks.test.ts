/** A batch in parts: several processes, which are simulated here, compute what one computes. */
import { describe, expect, test, vi } from "vitest";
import { gru } from "../../src/cells/gru.ts";
import { lstm } from "../../src/cells/lstm.ts";
import type { EngineName } from "../../src/engines/engine.ts";
import { type Cell, cell } from "../../src/graph/cell.ts";
import { dense, embedding, recurrent } from "../../src/nn/layers.ts";
import { type Model, sequential } from "../../src/nn/model.ts";
import { createRandom } from "../../src/nn/random.ts";
import type { Communicator } from "../../src/train/communicator.ts";
import { evaluate } from "../../src/train/evaluate.ts";
import { fit } from "../../src/train/fit.ts";
import { fitStream } from "../../src/train/fit-stream.ts";
import type { FitStreamOptions } from "../../src/train/fit-stream-options.ts";
import { adam } from "../../src/train/optimizers.ts";
import { createTrainer, type TrainerState } from "../../src/train/trainer.ts";
import type { TrainerOptions } from "../../src/train/training-plan.ts";
import { createCommunicators } from "../helpers/communicators.ts";
import { largestDifference } from "../helpers/networks.ts";

const [vocabulary, batch, steps] = [11, 7, 5];
const model = (): Model =>
  sequential(
    [
      embedding(vocabulary, 9, { maskZero: true }),
      recurrent(lstm, { units: 40, returnSequences: true, stateful: true }),
      recurrent(gru, { units: 33, returnSequences: true, stateful: true }),
      dense(vocabulary),
    ],
    { seed: 3 },
  );
const random = createRandom(1);
const tokens = Array.from({ length: 8 }, () =>
  Int32Array.from({ length: batch * steps }, () => random.integer(vocabulary)),
);

type Trained = { readonly losses: number[]; readonly model: Model; readonly state: TrainerState };
/** Updates of so many processes, each of which sees all examples. */
async function trained(size: number, options: Partial<TrainerOptions> = {}, resume?: TrainerState): Promise<Trained[]> {
  const group = size === 1 ? [undefined] : createCommunicators(size);
  return Promise.all(
    group.map(async (distributed) => {
      const own = model();
      const trainer = await createTrainer(own, {
        ...{ batch, steps, threads: 1, optimizer: adam({ learningRate: 0.01 }), clipNorm: 1, distributed },
        ...{ metrics: ["accuracy"], ...options },
      });
      if (resume !== undefined) trainer.restore(resume);
      const losses: number[] = [];
      for (let k = resume?.step ?? 0; k < tokens.length - 1; k++) {
        const targets = (tokens[k + 1] as Int32Array).map((token) => token % vocabulary);
        losses.push(await trainer.update(tokens[k] as Int32Array, targets), trainer.total("accuracy"));
      }
      trainer.save();
      await trainer.gatherStates();
      const state = trainer.state();
      trainer.dispose();
      return { losses, model: own, state };
    }),
  );
}
const values = ({ model: { values: all } }: Trained): number[] => Object.values(all).flatMap((one) => [...one]);

describe.each<readonly [EngineName, readonly number[]]>([
  ["wasm", [2, 3]],
  ["native", [2, 4, 9]],
  ["reference", [3]],
])("%s", (engine, sizes) => {
  test.each(sizes)("%i processes: the losses of one within rounding, and the same bits in each", async (size) => {
    const [alone] = (await trained(1, { engine })) as [Trained];
    const all = await trained(size, { engine });
    const [first] = all as [Trained];
    expect(largestDifference(first.losses, alone.losses)).toBeLessThan(2e-5);
    expect(largestDifference(values(first), values(alone))).toBeLessThan(3e-4);
    for (const one of all) {
      expect(one.losses).toEqual(first.losses);
      expect(values(one)).toEqual(values(first));
    }
    const states = ({ state }: Trained) => Object.values(state.states ?? {}).flatMap((one) => [...one]);
    expect(largestDifference(states(first), states(alone))).toBeLessThan(1e-3);
  });
});

test("gradients leave in several parts, and the same plan at once gives the same bits", async () => {
  const [distributed] = createCommunicators(1);
  const large = (): Model =>
    sequential([
      embedding(vocabulary, 9),
      recurrent(lstm, { units: 70, returnSequences: true }),
      recurrent(gru, { units: 130, returnSequences: true }),
      dense(vocabulary),
    ]);
  const options = { batch, steps, threads: 2, clipNorm: 1, distributed } as const;
  for (const engine of ["wasm", "native"] as const) {
    const [together, alone] = [
      await createTrainer(large(), { ...options, engine }),
      await createTrainer(large(), { ...options, engine, distributed: undefined }),
    ];
    const { parts = [] } = together.program.plan;
    expect(parts.filter(({ completes }) => completes.length > 0)).toHaveLength(2);
    const completed = parts.flatMap(({ completes }) => completes).toSorted((a, b) => a.start - b.start);
    let end = 0;
    for (const { start, count } of completed) {
      expect(start).toBe(end);
      end += count;
    }
    expect(end).toBe(together.program.plan.slabs.numbers);
    for (let k = 0; k < 3; k++) {
      const given = [tokens[k] as Int32Array, tokens[k + 1] as Int32Array] as const;
      expect(await together.update(...given)).toBe(await alone.update(...given));
    }
    for (const name of Object.keys(together.program.plan.parameters))
      expect(together.program.parameter(name)).toEqual(alone.program.parameter(name));
    for (const one of [together, alone]) one.dispose();
  }
});

describe("fitStream", () => {
  const stream = Int32Array.from({ length: 3000 }, (_, k) => (k * k + (k % 7)) % vocabulary);
  const options = { batch: 6, steps: 8, epochs: 3, validations: 3, threads: 1, optimizer: "adam" } as const;
  const run = async (size: number, more: Partial<FitStreamOptions> = {}) => {
    const group = size === 1 ? [undefined] : createCommunicators(size);
    return Promise.all(
      group.map(async (distributed) => {
        const own = model();
        const logs: number[] = [];
        const result = await fitStream(own, stream, {
          ...options,
          ...{ distributed, ...more },
          callbacks: [{ onEpochEnd: (_, log) => void logs.push(...Object.values(log)) }],
        });
        return { result, logs, values: Object.values(own.values).flatMap((one) => [...one]) };
      }),
    );
  };

  test("losses, validations and values as of one process, and a state that any number resumes", async () => {
    const [alone] = await run(1);
    const [whole] = await run(3);
    expect(whole?.result.steps).toBe(alone?.result.steps);
    expect(largestDifference(whole?.logs ?? [], alone?.logs ?? [])).toBeLessThan(1e-3);
    expect(largestDifference(whole?.values ?? [], alone?.values ?? [])).toBeLessThan(2e-2);
    // One process stops all of them, after the same update.
    const stopped = await (async () => {
      const group = createCommunicators(3);
      return Promise.all(
        group.map(async (distributed) => {
          const stop = new AbortController();
          const own = model();
          let updates = 0;
          const { state, stopped } = await fitStream(own, stream, {
            ...{ ...options, distributed, signal: stop.signal },
            callbacks: [{ onBatchEnd: () => void (++updates === 60 && distributed.rank === 2 && stop.abort()) }],
          });
          return { state, stopped, own };
        }),
      );
    })();
    const steps = stopped.map(({ state }) => state.step);
    expect(steps).toEqual([steps[0], steps[0], steps[0]]);
    expect(steps[0]).toBeLessThan(whole?.result.steps as number);
    expect(stopped.map(({ stopped: one }) => one)).toEqual([true, true, true]);
    for (const size of [3, 1, 2]) {
      const group = size === 1 ? [undefined] : createCommunicators(size);
      const again = await Promise.all(
        group.map(async (distributed) => {
          const own = model();
          Object.assign(own.values, structuredClone(stopped[0]?.own.values));
          const result = await fitStream(own, stream, { ...options, distributed, resume: stopped[0]?.state });
          return { result, values: Object.values(own.values).flatMap((one) => [...one]) };
        }),
      );
      // As many processes go on to the same bits; fewer within rounding.
      if (size === 3) expect(again[0]?.values).toEqual(whole?.values);
      else expect(largestDifference(again[0]?.values ?? [], whole?.values ?? [])).toBeLessThan(2e-2);
      expect(again[0]?.result.steps).toBe(whole?.result.steps);
    }
  });

  test("with syncEvery: nearly what one process learns, the same values in each, also after a resume", async () => {
    const [alone] = await run(1, { epochs: 6 });
    const syncEvery = 5;
    const all = await Promise.all(
      createCommunicators(3).map(async (distributed) => {
        const own = model();
        const result = await fitStream(own, stream, { ...options, epochs: 6, distributed, syncEvery });
        return { result, values: Object.values(own.values).flatMap((one) => [...one]) };
      }),
    );
    for (const one of all) {
      expect(one.values).toEqual(all[0]?.values);
      expect(one.result.validationLoss).toBe(all[0]?.result.validationLoss);
    }
    const { validationLoss, state } = all[0]?.result ?? {};
    expect(validationLoss as number).toBeLessThan(1.2 * (alone?.result.validationLoss as number));
    expect(Object.keys(state?.slots ?? {})).toContain("outer");
    // As if it were trained on, by as many and by one.
    for (const group of [createCommunicators(3), [undefined]]) {
      const more = await Promise.all(
        group.map(async (distributed) => {
          const own = model();
          const { steps: taken } = await fitStream(own, stream, {
            ...options,
            epochs: 7,
            distributed,
            syncEvery,
            resume: state,
          });
          return taken;
        }),
      );
      for (const taken of more) expect(taken).toBeGreaterThan(all[0]?.result.steps as number);
    }
    await expect(
      fitStream(model(), stream, {
        ...options,
        syncEvery,
        distributed: createCommunicators(1)[0],
        callbacks: [{ onBatchEnd() {} }],
      }),
    ).rejects.toThrow("fitStream: syncEvery: a callback has onBatchEnd");
  });

  test("with syncEvery: the same bits whatever the clock says, which progress hangs on", async () => {
    const trained = async () => {
      let reports = 0;
      const all = await Promise.all(
        createCommunicators(2).map(async (distributed) => {
          const own = model();
          const onProgress = () => void reports++;
          await fitStream(own, stream, {
            ...options,
            epochs: 3,
            validations: 5,
            distributed,
            syncEvery: 7,
            onProgress,
          });
          return Object.values(own.values).flatMap((one) => [...one]);
        }),
      );
      return { values: all[0], reports };
    };
    const usual = await trained();
    const now = performance.now.bind(performance);
    const hurried = vi.spyOn(performance, "now").mockImplementation(() => 100 * now());
    const quick = await trained().finally(() => hurried.mockRestore());
    expect(quick.reports).toBeGreaterThan(usual.reports);
    expect(quick.values).toEqual(usual.values);
  });

  test("processes that differ are refused, and told in what", async () => {
    const [one, two] = createCommunicators(2);
    const both = await Promise.allSettled([
      fitStream(model(), stream, { ...options, distributed: one }),
      fitStream(model(), stream, { ...options, distributed: two, seed: 4 }),
    ]);
    for (const result of both) {
      expect(result.status).toBe("rejected");
      expect(String((result as PromiseRejectedResult).reason)).toMatch(
        /fitStream: seed: process 1 has 4, and process 0 has 0\./,
      );
    }
    const [three, four] = createCommunicators(2);
    const others = await Promise.allSettled([
      fitStream(model(), stream, { ...options, distributed: three }),
      fitStream(model(), stream.slice(0, 2900), { ...options, distributed: four }),
    ]);
    for (const result of others)
      expect(String((result as PromiseRejectedResult).reason)).toMatch(/tokens: process 1 has .*2755/);
  });
});

describe("fit", () => {
  const n = 23;
  const x = Array.from({ length: n }, (_, k) => Array.from({ length: 4 }, (_, t) => 1 + ((k * 3 + t * t) % 9)));
  const y = x.map((row) => row.map((token) => (token * 2) % vocabulary));
  const train = async (size: number) => {
    const group = size === 1 ? [undefined] : createCommunicators(size);
    return Promise.all(
      group.map(async (distributed) => {
        const own = sequential(
          [embedding(vocabulary, 8), recurrent(gru, { units: 12, returnSequences: true }), dense(vocabulary)],
          { seed: 3 },
        );
        const { history } = await fit(own, x, y, {
          ...{ epochs: 3, batchSize: 5, validationSplit: 0.2, metrics: ["accuracy"], threads: 1, distributed },
        });
        return { history, values: Object.values(own.values).flatMap((one) => [...one]) };
      }),
    );
  };
  test("the logs and values of one process, though the last batch has fewer examples than processes", async () => {
    const [alone] = await train(1);
    const all = await train(4);
    for (const [name, logs] of Object.entries(alone?.history ?? {}))
      expect(largestDifference([...(all[0]?.history[name] ?? [])], [...logs]), name).toBeLessThan(1e-5);
    for (const one of all) expect(one).toEqual(all[0]);
    expect(largestDifference(all[0]?.values ?? [], alone?.values ?? [])).toBeLessThan(1e-4);
  });

  /** What each of two processes is told, where they differ. */
  const told = async (train: (k: number, distributed: Communicator) => Promise<unknown>): Promise<string[]> => {
    const both = await Promise.allSettled(createCommunicators(2).map((distributed, k) => train(k, distributed)));
    return both.map((one) => (one.status === "rejected" ? String(one.reason) : "nothing"));
  };
  const batches = { x: x.slice(0, 5), y: y.slice(0, 5).map(([first]) => first as number) };
  const last = (cell: Cell = gru) =>
    sequential([embedding(vocabulary, 8), recurrent(cell, { units: 12 }), dense(vocabulary)], { seed: 1 });
  test("processes with other options, equations or numbers of batches are refused, and told in what", async () => {
    const own = { threads: 1 } as const;
    const options = await told((k, distributed) =>
      fit(last(), batches.x, batches.y, { ...own, distributed, ...(k === 1 && { classWeight: { 0: 2 } }) }),
    );
    const other = cell`h' = sigmoid(W @ x + U @ h + b)`;
    const same = cell`h' = tanh(W @ x + U @ h + b)`;
    const equations = await told((k, distributed) =>
      fit(last(k === 1 ? other : same), batches.x, batches.y, { ...own, distributed }),
    );
    const sizes = await told((k, distributed) =>
      fit(last(k === 1 ? lstm : gru), batches.x, batches.y, { ...own, distributed }),
    );
    // Where one has no batch any more, the other's update waits for it: over Open MPI until the one has ended.
    const [one, two] = createCommunicators(2);
    void fit(last(), [batches, batches], { ...own, distributed: one });
    await expect(fit(last(), [batches], { ...own, distributed: two })).rejects.toThrow(
      "training: processes have different batches. Each reads",
    );
    const measured = await told((k, distributed) =>
      evaluate(last(), batches.x.slice(0, 5 - k), batches.y.slice(0, 5 - k), { ...own, distributed }),
    );
    for (const one of options)
      expect(one).toContain('fit: classWeight: process 1 has {"0":2}, and process 0 has nothing. Start all');
    for (const one of equations) expect(one).toContain("training: processes compute different things: the model's");
    for (const one of sizes)
      expect(one).toMatch(/fit: parameters: \S+: process 1 has ("[\dx ]+"|nothing), and process 0/);
    for (const one of measured) expect(one).toContain("evaluate: processes have different batches. Each reads");
  });

  test("processes with other examples, another order or another number of them are refused", async () => {
    const half = Math.floor(n / 2);
    const turned = x.toReversed();
    for (const [mine, its] of [
      [x.slice(0, half), x.slice(half, 2 * half)],
      [x, turned],
      [x.slice(0, half), x.slice(0, 2)],
    ] as const) {
      const both = await Promise.allSettled(
        createCommunicators(2).map((distributed, k) => {
          const given = k === 0 ? mine : its;
          const own = sequential([embedding(vocabulary, 8), recurrent(gru, { units: 12 }), dense(vocabulary)], {});
          return fit(own, given, y.flatMap(([first]) => first as number).slice(0, given.length), {
            ...{ batchSize: 5, threads: 1, distributed },
          });
        }),
      );
      for (const result of both)
        expect(String((result as PromiseRejectedResult).reason)).toMatch(
          /processes have different batches\. Each reads/,
        );
    }
  });
});
