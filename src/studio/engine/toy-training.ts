/** The training of a model on a toy task. It is loaded with the first one. */
import { type ToyBatch, type ToySizes, toyBatch, toyTasks } from "../../data/toy-tasks.ts";
import { dense, embedding, recurrent } from "../../nn/layers.ts";
import { logProbabilities } from "../../nn/log-probabilities.ts";
import { countParameters, type Model, sequential } from "../../nn/model.ts";
import { createRandom } from "../../nn/random.ts";
import { fit } from "../../train/fit.ts";
import { createUpdateInspector, type UpdateInspector } from "../../train/inspect-update.ts";
import { adam } from "../../train/optimizers.ts";
import { createPredictor, type Predictor } from "../../train/predict.ts";
import { cellOf } from "./learning.ts";
import type { Job } from "./remote.ts";
import { reportsOf } from "./reports.ts";
import type { Guess, ToyEnd, ToyExample, ToyReport, ToyScore, ToySettings } from "./toys.ts";

/** One thread, as models are small; and the same bits on every processor, so that a link repeats a run anywhere. */
const host = { threads: 1, fma: false } as const;

/** Reports of a run, and the most updates between two of them. */
const [reports, mostBetween] = [25, 250];
/** Longer sequences take longer than all the rest of a report, so that not each has them. */
const reportsPerLengths = 5;
const [heldCount, longCount, watchedCount, exampleCount, guessCount] = [200, 100, 32, 8, 3];
/** How much longer sequences are than the longest that are trained on. */
const factors = [1, 1.25, 1.5, 2, 3];
/** Seeds are below this, so that what is held out is drawn with seeds that no training has. */
const seeds = 2 ** 32;

/** An embedding as large as the cell, so that every cell fits; the cells; and a score for each symbol. */
export function toyModel({ task, alphabet, cell, units, layers, seed }: ToySettings): Model {
  const symbols = toyTasks[task].symbols(alphabet).length;
  const read = cellOf(cell);
  const label = typeof cell === "string" ? cell.replaceAll("-", "_") : "own_cell";
  const stack = Array.from({ length: layers }, () => recurrent(read, { units, label, returnSequences: true }));
  return sequential([embedding(symbols, units), ...stack, dense(symbols)], { seed });
}

/** What is held out: sequences like those of the training, and ones of the longest length and longer. */
export function heldOut({ task, shortest, longest, alphabet, seed }: ToySettings) {
  const of = (sizes: ToySizes, count: number, k: number): ToyBatch =>
    toyBatch(task, createRandom(seed + (k + 1) * seeds), sizes, count);
  const lengths = [...new Set(factors.map((factor) => Math.round(factor * longest)))];
  return {
    like: of({ shortest, longest, alphabet }, heldCount, 0),
    byLength: lengths.map((length, k) => ({
      length,
      batch: of({ shortest: length, longest: length, alphabet }, longCount, k + 1),
    })),
  };
}

export async function* trainToy(settings: ToySettings): Job<ToyReport, ToyEnd> {
  const { task, batch: count, learningRate, clipNorm, updates, seed } = settings;
  const startMs = performance.now();
  const model = toyModel(settings);
  const held = heldOut(settings);
  const opened: { readonly dispose: () => void }[] = [];
  const own = <Each extends { readonly dispose: () => void }>(one: Each): Each => {
    opened.push(one);
    return one;
  };
  const predictorOf = async ({ count, steps }: ToyBatch): Promise<Predictor> =>
    own(await createPredictor(model, { batch: count, steps, ...host }));
  try {
    const predictors = { like: await predictorOf(held.like), byLength: [] as Predictor[] };
    for (const { batch } of held.byLength) predictors.byLength.push(await predictorOf(batch));
    const watched = firstOf(held.like, Math.min(watchedCount, heldCount));
    const inspector = own(await createUpdateInspector(model, { batch: watched.count, steps: watched.steps, ...host }));
    const clips = { updates: 0, clipped: 0 };
    /** How often each held-out sequence is there that training has not met. */
    const unmet = new Map<string, number>();
    for (const key of keysOf(held.like)) unmet.set(key, (unmet.get(key) ?? 0) + 1);
    let met = 0;

    let byLength: ToyReport["byLength"] = { updates: 0, scores: [] };
    const report = async (done: number, trainingLoss: number | undefined, withLengths: boolean): Promise<ToyReport> => {
      const scores = await scoresOf(predictors.like, held.like);
      const { loss, score } = measured(scores, held.like);
      if (withLengths) {
        const scores: (ToyScore & { readonly length: number })[] = [];
        for (const [k, { length, batch }] of held.byLength.entries()) {
          const longer = await scoresOf(predictors.byLength[k] as Predictor, batch);
          scores.push({ length, ...measured(longer, batch).score });
        }
        byLength = { updates: done, scores };
      }
      const { layers, reach, gates } = await look(inspector, watched);
      const clipped = clips.updates === 0 ? undefined : { ...clips };
      Object.assign(clips, { updates: 0, clipped: 0 });
      return {
        ...{ updates: done, trainingLoss, loss, held: score, byLength, met: met / held.like.count },
        examples: examplesOf(scores, held.like),
        watched: { layers, reach, gates, clipped },
        elapsedMs: performance.now() - startMs,
      };
    };

    yield await report(0, undefined, true);
    const each = Math.min(mostBetween, Math.max(1, Math.round(updates / reports)));
    const epochs = Math.ceil(updates / each);
    const random = createRandom(seed);
    let [done, latest]: [number, number | undefined] = [0, undefined];
    const batches = function* () {
      for (;;) {
        const batch = toyBatch(task, random, settings, count);
        for (const key of keysOf(batch)) {
          met += unmet.get(key) ?? 0;
          unmet.delete(key);
        }
        yield asExamples(batch);
      }
    };
    yield* reportsOf<ToyReport, unknown>((tell, signal) =>
      fit(model, batches(), {
        ...{ ...host, epochs, stepsPerEpoch: each, seed, signal, clipNorm, optimizer: adam({ learningRate }) },
        callbacks: [
          {
            onBatchEnd({ loss }, run) {
              done = run.step;
              latest = loss;
              clips.updates++;
              if (run.gradientNorm() > clipNorm) clips.clipped++;
              // The last epoch may be shorter.
              if (done >= updates) run.stop("all updates");
            },
            async onEpochEnd(epoch, { loss }) {
              latest = loss;
              const withLengths = done >= updates || (epoch + 1) % reportsPerLengths === 0;
              await tell(await report(done, loss, withLengths));
            },
          },
        ],
      }),
    );
    if (done > byLength.updates) yield await report(done, latest, true);
    return { parameters: countParameters(model) };
  } finally {
    for (const one of opened) one.dispose();
  }
}

/** A batch for `fit`, whose losses are means over the answers that count. */
function asExamples({ count, steps, inputs, targets, counts }: ToyBatch) {
  const shape = [count, steps];
  const answers = counts.reduce((sum, one) => sum + one, 0);
  // `fit` takes the mean over all steps.
  const sampleWeight = counts.map((one) => (one * counts.length) / answers);
  return {
    x: { data: inputs, shape },
    y: { data: targets, shape },
    sampleWeight: { data: sampleWeight, shape },
  };
}

/** (N,T) to (T,N). */
function timeFirst<Numbers extends Int32Array | Float32Array>(values: Numbers, count: number): Numbers {
  const turned = values.slice() as Numbers;
  const steps = values.length / count;
  for (let n = 0; n < count; n++) {
    for (let t = 0; t < steps; t++) turned[t * count + n] = values[n * steps + t] as number;
  }
  return turned;
}

function firstOf({ steps, inputs, targets, counts }: ToyBatch, count: number): ToyBatch {
  const [some, all] = [count, count * steps];
  return {
    count: some,
    steps,
    ...{ inputs: inputs.slice(0, all), targets: targets.slice(0, all), counts: counts.slice(0, all) },
  };
}

/** A text for each sequence: what is read says which one it is. */
const keysOf = ({ count, steps, inputs }: ToyBatch): string[] =>
  Array.from({ length: count }, (_, n) => String.fromCharCode(...inputs.subarray(n * steps, (n + 1) * steps)));

/** Scores (T,N,V) for each symbol. */
const scoresOf = (predictor: Predictor, { count, inputs }: ToyBatch): Promise<Float32Array> =>
  predictor.predict(timeFirst(inputs, count));

const look = (inspector: UpdateInspector, { count, inputs, targets, counts }: ToyBatch) =>
  inspector.look(timeFirst(inputs, count), timeFirst(targets, count), timeFirst(counts, count));

/** Compare a model's answers with the right ones. */
function measured(scores: Float32Array, { count, steps, targets, counts }: ToyBatch) {
  const size = scores.length / (count * steps);
  let [nats, answers, right, exact] = [0, 0, 0, 0];
  for (let n = 0; n < count; n++) {
    let isRight = true;
    for (let t = 0; t < steps; t++) {
      if (counts[n * steps + t] === 0) continue;
      const logs = logProbabilities(scores.subarray((t * count + n) * size).subarray(0, size));
      const target = targets[n * steps + t] as number;
      answers++;
      nats -= logs[target] as number;
      if (likeliest(logs, 1)[0] === target) right++;
      else isRight = false;
    }
    if (isRight) exact++;
  }
  const score: ToyScore = { answers: right / answers, exact: exact / count };
  return { loss: nats / answers, score };
}

/** The first sequences of a batch, with the likeliest answers at each step. */
function examplesOf(scores: Float32Array, { count, steps, inputs, targets, counts }: ToyBatch): ToyExample[] {
  const size = scores.length / (count * steps);
  return Array.from({ length: Math.min(exampleCount, count) }, (_, n): ToyExample => {
    const at = <Value>(make: (t: number) => Value): Value[] => Array.from({ length: steps }, (_, t) => make(t));
    return {
      inputs: at((t) => inputs[n * steps + t] as number),
      targets: at((t) => (counts[n * steps + t] === 0 ? -1 : (targets[n * steps + t] as number))),
      guesses: at((t): Guess[] => {
        const logs = logProbabilities(scores.subarray((t * count + n) * size).subarray(0, size));
        return likeliest(logs, guessCount).map((symbol) => ({ symbol, probability: Math.exp(logs[symbol] as number) }));
      }),
    };
  });
}

/** The places of the largest numbers, the largest first; of equal ones the first. */
function likeliest(logs: ArrayLike<number>, count: number): number[] {
  const places = Array.from(logs, (_, place) => place);
  if (count > 1) return places.sort((a, b) => (logs[b] as number) - (logs[a] as number) || a - b).slice(0, count);
  return [places.reduce((best, place) => ((logs[place] as number) > (logs[best] as number) ? place : best), 0)];
}
