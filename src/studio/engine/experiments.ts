/** Small trainings, and measurements before them, that the chapters of the Learn view show while they run. */
import { lstm as lstmCell } from "../../cells/lstm.ts";
import { perceptron as perceptronCell } from "../../cells/perceptron.ts";
import { simpleRnn as simpleRnnCell } from "../../cells/simple-rnn.ts";
import { type Cell, cell } from "../../graph/cell.ts";
import { dense, input, recurrent } from "../../nn/layers.ts";
import { sequential } from "../../nn/model.ts";
import { createRandom, type Random } from "../../nn/random.ts";
import { traceGradients } from "../../nn/trace.ts";
import type { History } from "../../train/fit.ts";
import { adam, sgd } from "../../train/optimizers.ts";
import { createTrainer } from "../../train/trainer.ts";
import type { Job } from "./remote.ts";
import { reportsOf } from "./reports.ts";

/** A point in the plane and its class, which the perceptron should predict. */
export type Point = { readonly x: readonly [number, number]; readonly kind: 0 | 1 };
/** The line w1 x1 + w2 x2 + b = 0. */
export type Line = { readonly w: readonly [number, number]; readonly b: number };
/** A step of the rule: one point, and the line after it. */
export type PerceptronStep = Line & { readonly pass: number; readonly point: number; readonly wrong: boolean };
/**
 * The end: all points are right; the weights repeat those after an earlier pass; or neither within the limit of passes.
 */
export type PerceptronEnd =
  | { readonly kind: "learned"; readonly passes: number }
  | { readonly kind: "circle"; readonly passes: number; readonly before: number }
  | { readonly kind: "unsettled"; readonly passes: number };

const maxPasses = 200;

export type CountingSettings = {
  readonly cell: "simple-rnn" | "lstm";
  readonly units: number;
  /** The first numbers of the training rows, each of five numbers. */
  readonly firsts: readonly number[];
  readonly epochs: number;
  readonly seed: number;
};
/** A report after an epoch: the network's output for 1 2 3 4 5. */
export type CountingReport = { readonly epoch: number; readonly loss: number; readonly says: readonly number[] };
/** The predictions after 1 2 3 4 5 6, where each answer is read as the next number. */
export type CountingEnd = { readonly epoch: number; readonly goesOn: readonly number[] };

/** Five numbers that count up, scaled to the range that networks train well on. */
const row = (first: number): number[] => Array.from({ length: 5 }, (_, k) => (first + k) / 10);
const inTens = (numbers: Iterable<number>): number[] => Array.from(numbers, (n) => 10 * n);

/** The initialisation of a simple RNN and an LSTM, and the number of steps to remember. */
export type MemorySettings = {
  /** The factor of the orthogonal initial recurrent matrices. */
  readonly scale: number;
  readonly forgetBias: number;
  readonly steps: number;
  readonly seed: number;
};
export type ByNetwork<Value> = { readonly simple: Value; readonly lstm: Value };
/** The share of right answers among the sequences of the last updates, none of which were seen before. */
export type RememberReport = ByNetwork<number> & { readonly updates: number };

const units = 16;
/** The symbol to remember is one of this number; as many other symbols follow it at random. */
const symbols = 4;
const batch = 32;
const updatesPerReport = 25;

export const experiments = {
  /** The perceptron's learning rule, one point after the other, until all are right or the weights repeat. */
  async *perceptron(
    points: readonly Point[],
    { w, b }: Line,
    learningRate: number,
  ): Job<PerceptronStep, PerceptronEnd> {
    const model = sequential([input(2, { sequence: false }), recurrent(perceptronCell, { units: 1, name: "neuron" })]);
    model.values["neuron.W"]?.set(w);
    model.values["neuron.b"]?.fill(b);
    const optimizer = sgd({ learningRate });
    const trainer = await createTrainer(model, { batch: 1, steps: 1, loss: "perceptron", optimizer, threads: 1 });
    try {
      const line = (): Line => {
        const [w1, w2] = trainer.program.parameter("neuron.W") as unknown as [number, number];
        return { w: [w1, w2], b: trainer.program.parameter("neuron.b")[0] as number };
      };
      // Equal weights can differ in their last bits because of rounding.
      const key = ({ w, b }: Line): string => [...w, b].map((value) => value.toFixed(4)).join(" ");
      const seen = [key(line())];
      for (let pass = 1; pass <= maxPasses; pass++) {
        let mistakes = 0;
        for (const [point, { x, kind }] of points.entries()) {
          const before = line();
          await trainer.update(x, [kind]);
          const after = line();
          // The rule moves the threshold after every error, and only then.
          const wrong = after.b !== before.b;
          if (wrong) mistakes++;
          yield { ...after, pass, point, wrong };
        }
        if (mistakes === 0) return { kind: "learned", passes: pass };
        const before = seen.indexOf(key(line()));
        if (before >= 0) return { kind: "circle", passes: pass, before };
        seen.push(key(line()));
      }
      return { kind: "unsettled", passes: maxPasses };
    } finally {
      trainer.dispose();
    }
  },

  /**
   * Train on rows of five numbers that count up, where the target of each number is the next one. It reports after
   * every second epoch.
   */
  async *counting({ cell, units, firsts, epochs, seed }: CountingSettings): Job<CountingReport, CountingEnd> {
    // Modules that no other job needs are loaded with this one.
    const [{ fit }, { createPredictor, predict }] = await Promise.all([
      import("../../train/fit.ts"),
      import("../../train/predict.ts"),
    ]);
    const layer = recurrent(cell === "lstm" ? lstmCell : simpleRnnCell, { units, returnSequences: true });
    const model = sequential([layer, dense(1)], { input: 1, seed });
    const predictor = await createPredictor(model, { batch: 1, steps: 5, threads: 1 });
    try {
      const x = firsts.map(row);
      const y = firsts.map((first) => row(first + 1));
      const { epoch } = yield* reportsOf<CountingReport, History>((report, signal) =>
        fit(model, x, y, {
          ...{ epochs, seed, signal, threads: 1, batchSize: firsts.length },
          ...{ loss: "mean_squared_error", optimizer: adam({ learningRate: 0.01 }) },
          callbacks: [
            {
              async onEpochEnd(epoch, { loss }) {
                if (epoch % 2 === 0) return;
                await report({ epoch: epoch + 1, loss: loss as number, says: inTens(await predictor.predict(row(1))) });
              },
            },
          ],
        }),
      );
      const read = [...row(1), 0.6];
      while (read.length < 12) {
        const { data } = await predict(model, [read], { threads: 1 });
        read.push(data.at(-1) as number);
      }
      return { epoch: epoch.length, goesOn: inTens(read.slice(6)) };
    } finally {
      predictor.dispose();
    }
  },

  /**
   * For each step, the norm of the derivative of the last output with respect to the memory after that step (h of the
   * simple RNN, c of the LSTM), divided by that of the last step: how much of the gradient at the end reaches this
   * step.
   */
  async gradients({ steps, seed, ...start }: MemorySettings): Promise<ByNetwork<readonly number[]>> {
    const { vectors } = toRemember(createRandom(seed), steps, 1);
    const size = vectors.length / steps;
    const sequence = Array.from({ length: steps }, (_, t) => vectors.subarray(t * size, (t + 1) * size));
    const { simple, lstm } = startingWith(start);
    const shares = (derivatives: readonly Float32Array[]): readonly number[] => {
      const norms = derivatives.map((vector) => Math.hypot(...vector));
      return norms.map((norm) => norm / (norms.at(-1) as number));
    };
    return {
      simple: shares((await traceGradients(simple, sequence, { units, seed, threads: 1 })).h as Float32Array[]),
      lstm: shares((await traceGradients(lstm, sequence, { units, seed, threads: 1 })).c as Float32Array[]),
    };
  },

  /** Train a simple RNN and an LSTM side by side to tell, at the end of a sequence, which symbol came first. */
  async *remember({ steps, seed, ...start }: MemorySettings, updates: number): Job<RememberReport, undefined> {
    const learners = Object.entries(startingWith(start)).map(async ([name, cell]) => {
      const model = sequential([recurrent(cell, { units }), dense(symbols)], { input: 2 * symbols, seed });
      const optimizer = adam({ learningRate: 0.005 });
      const options = { ...{ batch, steps, optimizer, threads: 1, clipNorm: 1 }, metrics: ["accuracy"] } as const;
      return { name, random: createRandom(seed), trainer: await createTrainer(model, options) };
    });
    const all = await Promise.all(learners);
    try {
      for (let done = 0; done < updates; done += updatesPerReport) {
        const shares: Record<string, number> = {};
        for (const { name, random, trainer } of all) {
          let right = 0;
          for (let k = 0; k < updatesPerReport; k++) {
            const { vectors, firsts } = toRemember(random, steps, batch);
            trainer.startBatch();
            await trainer.update(vectors, firsts);
            right += trainer.program.total("accuracy");
          }
          shares[name] = right / (batch * updatesPerReport);
        }
        yield { updates: done + updatesPerReport, ...(shares as ByNetwork<number>) };
      }
    } finally {
      for (const { trainer } of all) trainer.dispose();
    }
  },
};

/** The built-in cells with other initialisers. */
function startingWith({ scale, forgetBias }: Pick<MemorySettings, "scale" | "forgetBias">): ByNetwork<Cell> {
  const recurrentMatrices = ["U_f", "U_i", "U_g", "U_o"].map((name) => `${name} ~ orthogonal(${scale})`);
  return {
    simple: cell(`${simpleRnnCell.source}\nU ~ orthogonal(${scale})`),
    lstm: cell([lstmCell.source.replace(/b_f ~ .*/, `b_f ~ constant(${forgetBias})`), ...recurrentMatrices].join("\n")),
  };
}

/** One-hot vectors (T,B,2S), flat: first one of S symbols, then others; and the first symbols (B). */
function toRemember(random: Random, steps: number, count: number) {
  const size = 2 * symbols;
  const vectors = new Float32Array(steps * count * size);
  const firsts = new Int32Array(count);
  for (let t = 0; t < steps; t++) {
    for (let b = 0; b < count; b++) {
      const sign = random.integer(symbols);
      if (t === 0) firsts[b] = sign;
      vectors[(t * count + b) * size + (t === 0 ? sign : symbols + sign)] = 1;
    }
  }
  return { vectors, firsts };
}
