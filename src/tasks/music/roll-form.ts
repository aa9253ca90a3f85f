/** Music as piano rolls (`roll.ts`): at each step the network gives a logit for each key, from which a step is drawn. */

import { yieldNow } from "../../graph/yielding.ts";
import { dense, dropout as dropoutLayer, masking, recurrent } from "../../nn/layers.ts";
import { sequential } from "../../nn/model.ts";
import { createRandom } from "../../nn/random.ts";
import { createSession } from "../../nn/session.ts";
import { shuffle } from "../../nn/shuffle.ts";
import type { ExampleBatch } from "../../train/batches.ts";
import { evaluate } from "../../train/evaluate.ts";
import { binaryCrossentropy } from "../../train/losses.ts";
import { learn } from "../training.ts";
import type { Form } from "./form.ts";
import {
  highestKey,
  keys,
  lowestKey,
  notesOfRoll,
  padding,
  type RollWindow,
  rollExamples,
  rollOf,
  rollWindows,
} from "./roll.ts";
import type { GridNote } from "./settings.ts";

const loss = binaryCrossentropy({ features: "sum" });
/** Steps of the windows that losses are measured in. */
const measured = 256;

export const rollForm: Form = {
  unit: "step",
  range: [lowestKey, highestKey],
  network({ cell, units, layers, dropout, seed }) {
    const drop = dropout > 0 ? [dropoutLayer(dropout)] : [];
    const stack = Array.from({ length: layers }, () => [recurrent(cell, { units, returnSequences: true }), ...drop]);
    return sequential([masking({ maskValue: padding }), ...stack.flat(), dense(keys)], { input: keys, seed });
  },
  mismatch: ({ input, outputSize, returnsSequences }) =>
    input === keys && outputSize === keys && returnsSequences
      ? undefined
      : `form "roll" needs a model that reads ${keys} numbers and gives ${keys} a step`,
  async train(model, pieces, validation, { epochs, batchSize, steps, learningRate, seed, signal, onEpoch, host }) {
    const windows = rollWindows(pieces.map(rollOf), steps);
    const held = rollWindows(validation.map(rollOf), measured);
    const size = Math.min(batchSize, windows.length);
    const longest = Math.max(...windows.map((one) => one.steps.length));
    const { history } = await learn(model, batchesOf(windows, { size, longest, seed }), {
      ...host,
      ...{ epochs, learningRate, patience: epochs, updates: undefined },
      ...{ stepsPerEpoch: Math.ceil(windows.length / size), loss, clipNorm: 1, seed },
      ...(held.length > 0 && { validationData: batches(held, 32) }),
      onEpoch: ({ epoch, loss: own, validationLoss }) => onEpoch(epoch, own, validationLoss),
      ...(signal !== undefined && { signal }),
    });
    return { loss: history.loss ?? [], validationLoss: history.valLoss ?? [] };
  },
  async evaluate(model, pieces, host) {
    const windows = rollWindows(pieces.map(rollOf), measured);
    const count = windows.reduce((sum, { steps }) => sum + steps.length, 0);
    const { loss: nats = Number.NaN } = await evaluate(model, batches(windows, 32), { ...host, loss });
    return { loss: nats, count };
  },
  async *write(model, { length, seed, prime, hold, signal, host, temperature = 1 }) {
    const random = createRandom(seed);
    const session = await createSession(model, host);
    const steps: number[][] = [];
    const notes = (): GridNote[] => notesOfRoll(steps);
    const before = [[], ...rollOf(prime)];
    try {
      let logits = new Float32Array();
      for (const [k, sounding] of before.entries()) {
        const input = vectorOf(sounding);
        logits = session.next(input);
        yield { input, step: k - before.length, notes };
      }
      while (steps.length < length && signal?.aborted !== true) {
        const sounding = [...new Set([...drawn(logits, temperature, random.uniform), ...hold])];
        const input = vectorOf(sounding);
        steps.push(sounding);
        logits = session.next(input);
        yield { input, step: steps.length - 1, notes };
        await yieldNow(20);
      }
    } finally {
      session.dispose();
    }
  },
};

/** The pitches of a step, each drawn with its probability; at temperature 0 those that are likelier than not. */
function drawn(logits: ArrayLike<number>, temperature: number, uniform: () => number): number[] {
  const pitches: number[] = [];
  for (let key = 0; key < keys; key++) {
    const logit = logits[key] as number;
    const sounds = temperature === 0 ? logit > 0 : uniform() < 1 / (1 + Math.exp(-logit / temperature));
    if (sounds) pitches.push(lowestKey + key);
  }
  return pitches;
}
function vectorOf(step: readonly number[]): Float32Array {
  const vector = new Float32Array(keys);
  for (const pitch of step) vector[pitch - lowestKey] = 1;
  return vector;
}

type Drawing = { readonly size: number; readonly longest: number; readonly seed: number };
/** Batches without an end: the windows in a new order in each pass. */
function* batchesOf(windows: readonly RollWindow[], { size, longest, seed }: Drawing): Generator<ExampleBatch> {
  const random = createRandom(seed);
  for (;;) {
    const order = shuffle([...windows], random);
    for (let from = 0; from < order.length; from += size) {
      yield rollExamples(order.slice(from, from + size), longest);
    }
  }
}
/** Batches of equal sizes, but for the last. */
function batches(windows: readonly RollWindow[], size: number): ExampleBatch[] {
  const longest = Math.max(1, ...windows.map(({ steps }) => steps.length));
  return Array.from({ length: Math.ceil(windows.length / size) }, (_, k) =>
    rollExamples(windows.slice(k * size, (k + 1) * size), longest),
  );
}
