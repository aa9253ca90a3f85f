/** Classify sound, for the Listen view: a file or a microphone's samples, piece by piece, with every gate and state of each frame. */
import { mixDown, readWav } from "../../formats/wav.ts";
import { InputError } from "../../graph/input-error.ts";
import { soundAt } from "../../tasks/classify/input.ts";
import { checkForwards, classify } from "../../tasks/classify/predict.ts";
import { type ClassifiedFrame, type ClassifySession, classifySession } from "../../tasks/classify/session.ts";
import { type LabelledValue, shownValues } from "../../tasks/inspect-text.ts";
import { contentOf, type ModelHandle } from "./open-models.ts";
import type { Job } from "./remote.ts";
import { createStreamResampler, type StreamResampler } from "./stream-resampler.ts";

/** A line of the equations of a layer, as Inspect shows it. */
export type HeardValue = Pick<LabelledValue, "key" | "layer" | "name" | "size" | "gate" | "description">;

export type ClassifierFacts = {
  readonly labels: readonly string[];
  /** Samples a second of what it reads; undefined for a classifier of numbers. */
  readonly sampleRate: number | undefined;
  /** Milliseconds from frame to frame. */
  readonly hopMs: number;
  /** Why it cannot listen as sound comes; undefined where it can. */
  readonly whole: string | undefined;
  /** What can be seen of each frame: the gates, states and other values of the layers that have states; none of one that cannot listen. */
  readonly values: readonly HeardValue[];
};

/** What was heard, frame by frame. */
export type Heard = {
  /** How many frames it tells of, and how many there were since the beginning. */
  readonly count: number;
  readonly frames: number;
  /** (count,C): after each frame, the probability of each class by all so far. */
  readonly probabilities: Float32Array;
  /** (count,size) each, in the order of the facts. */
  readonly values: readonly Float32Array[];
};

type Listening = {
  readonly session: ClassifySession;
  readonly resampler: StreamResampler;
  readonly facts: ClassifierFacts;
  frames: number;
};
const open = new Map<number, Listening>();
let handles = 0;
/** One thread: frames are small, and come all the time. */
const host = { threads: 1 } as const;

export const listening = {
  /** @throws ModelClosed */
  async classifierFacts(handle: ModelHandle): Promise<ClassifierFacts> {
    const of = contentOf(handle, "classify");
    const { labels, input, model } = of;
    if (input.kind !== "audio") return { labels, sampleRate: undefined, hopMs: 0, whole: undefined, values: [] };
    const { sampleRate, hopLength } = input.features;
    const facts = { labels, sampleRate, hopMs: (1000 * hopLength) / sampleRate };
    try {
      checkForwards(of, true, "It cannot listen");
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      return { ...facts, whole: error.message, values: [] };
    }
    const values = shownValues(model, [], "").map(({ key, layer, name, size, gate, description }) => {
      return { key, layer, name, size, gate, description };
    });
    return { ...facts, whole: undefined, values };
  },

  /**
   * Classify a WAV file: frame by frame, a second of sound at a time, or as a whole where the classifier needs all of it.
   * @throws InputError, one line, for a file that cannot be read; ModelClosed
   */
  async *classifySound(handle: ModelHandle, bytes: Uint8Array<ArrayBuffer>, name: string): Job<Heard, undefined> {
    const of = contentOf(handle, "classify");
    const wav = readWav(bytes, name);
    const sound = { samples: mixDown(wav), sampleRate: wav.sampleRate, name };
    const { input } = of;
    const facts = await listening.classifierFacts(handle);
    const { whole, values } = facts;
    if (whole !== undefined || input.kind !== "audio") {
      const [found] = await classify(of, [sound], host);
      const probabilities = Float32Array.from(of.labels, (label) => found?.probabilities[label] ?? 0);
      yield { count: 1, frames: 1, probabilities, values: [] };
      return undefined;
    }
    const session = await classifySession(of, { ...host, values: values.map(({ key }) => key) });
    try {
      const rate = input.features.sampleRate;
      const samples = Float32Array.from(soundAt(sound, input.features, name));
      let frames = 0;
      for (let at = 0; at < samples.length; at += rate) {
        const said = session.push(samples.subarray(at, at + rate));
        if (at + rate >= samples.length) said.push(...session.end());
        frames += said.length;
        yield heardOf(said, facts, frames);
      }
      return undefined;
    } finally {
      session.dispose();
    }
  },

  /**
   * Begin to listen to samples of a rate.
   * @returns what the following questions carry
   * @throws InputError for a classifier that needs whole sequences, or reads numbers; ModelClosed
   */
  async beginListening(handle: ModelHandle, sampleRate: number): Promise<number> {
    const of = contentOf(handle, "classify");
    const facts = await listening.classifierFacts(handle);
    if (facts.sampleRate === undefined) throw new InputError("It reads rows of numbers, not sound.");
    const session = await classifySession(of, { ...host, values: facts.values.map(({ key }) => key) });
    const resampler = createStreamResampler(sampleRate, facts.sampleRate);
    open.set(++handles, { session, resampler, facts, frames: 0 });
    return handles;
  },

  /** What is heard in more samples. */
  async hear(listener: number, samples: Float32Array): Promise<Heard> {
    const one = open.get(listener);
    if (one === undefined) throw new Error("It listens no longer.");
    const said = one.session.push(one.resampler.push(samples));
    one.frames += said.length;
    return heardOf(said, one.facts, one.frames);
  },

  /** Begin anew, as with the first sound. */
  async forgetHeard(listener: number): Promise<void> {
    const one = open.get(listener);
    if (one === undefined) return;
    one.session.reset();
    one.frames = 0;
  },

  async endListening(listener: number): Promise<void> {
    open.get(listener)?.session.dispose();
    open.delete(listener);
  },
};

/** Frames as arrays of numbers. */
function heardOf(
  said: readonly ClassifiedFrame[],
  { labels, values }: Pick<ClassifierFacts, "labels" | "values">,
  frames: number,
): Heard {
  const rowsOf = (size: number, rowOf: (frame: ClassifiedFrame) => ArrayLike<number>): Float32Array => {
    const all = new Float32Array(said.length * size);
    said.forEach((frame, t) => {
      all.set(rowOf(frame), t * size);
    });
    return all;
  };
  return {
    ...{ count: said.length, frames },
    probabilities: rowsOf(labels.length, ({ probabilities }) => labels.map((label) => probabilities[label] as number)),
    values: values.map(({ key, size }) => rowsOf(size, (frame) => frame.values?.[key] as Float32Array)),
  };
}
