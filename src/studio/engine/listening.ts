/** Classify sound, for the Listen view: a file or a microphone's samples, piece by piece, with every gate and state of each frame. */
import { mixDown, readWav } from "../../formats/wav.ts";
import { InputError } from "../../graph/input-error.ts";
import type { LabelledSequence, Sound } from "../../tasks/classify/examples.ts";
import { writeClassifier } from "../../tasks/classify/file.ts";
import { soundAt } from "../../tasks/classify/input.ts";
import { checkForwards, classify } from "../../tasks/classify/predict.ts";
import { type ClassifiedFrame, type ClassifySession, classifySession } from "../../tasks/classify/session.ts";
import { contentOf, type ModelHandle } from "./open-models.ts";
import { createPauses } from "./pauses.ts";
import type { LayerValue } from "./reading.ts";
import type { Job } from "./remote.ts";
import { reportsOf } from "./reports.ts";
import { valuesOf } from "./shown-values.ts";
import { createStreamResampler, type StreamResampler } from "./stream-resampler.ts";

export type ClassifierFacts = {
  readonly labels: readonly string[];
  /** Samples a second of what it reads; undefined for a classifier of numbers. */
  readonly sampleRate: number | undefined;
  /** Milliseconds from frame to frame. */
  readonly hopMs: number;
  /** Why it cannot listen as sound comes; undefined where it can. */
  readonly whole: string | undefined;
  /** What can be seen of each frame: the gates, states and other values of the layers that have states; none of one that cannot listen. */
  readonly values: readonly LayerValue[];
};

/** What was heard, frame by frame. */
export type Heard = {
  /** How many frames it tells of, how many there were in all, and how many since it began anew. */
  readonly count: number;
  readonly frames: number;
  readonly since: number;
  /** (count,C): after each frame, the probability of each class by all so far. */
  readonly probabilities: Float32Array;
  /** (count,size) each, in the order of the facts. */
  readonly values: readonly Float32Array[];
  /** What it said of each sound between pauses, once that was over. */
  readonly words: readonly Word[];
};
export type Word = Pick<ClassifiedFrame, "label" | "probability">;

type Listening = {
  readonly session: ClassifySession;
  readonly resampler: StreamResampler;
  readonly facts: ClassifierFacts;
  pauses: ReturnType<typeof createPauses>;
  frames: number;
  since: number;
  /** What is said of the sound that has begun, and for how many moments. */
  word: (Word & { readonly moments: number }) | undefined;
};
/** Sound that is shorter is a click: in moments. */
const leastMoments = 4;
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
    return { ...facts, whole: undefined, values: valuesOf(model) };
  },

  /**
   * Classify samples, as `classifySound` does a file.
   * @throws InputError as it; ModelClosed
   */
  async *classifySamples(
    handle: ModelHandle,
    samples: Float32Array,
    sampleRate: number,
    name: string,
  ): Job<Heard, undefined> {
    yield* hearSound(handle, { samples, sampleRate, name });
    return undefined;
  },

  /**
   * Classify a WAV file: frame by frame, a second of sound at a time, or as a whole where the classifier needs all of it.
   * @throws InputError, one line, for a file that cannot be read; ModelClosed
   */
  async *classifySound(handle: ModelHandle, bytes: Uint8Array<ArrayBuffer>, name: string): Job<Heard, undefined> {
    const wav = readWav(bytes, name);
    yield* hearSound(handle, { samples: mixDown(wav), sampleRate: wav.sampleRate, name });
    return undefined;
  },

  /** Train a small classifier of sounds, which can listen as they come. "finish" ends the training with the best values so far. */
  async *trainOnSounds(
    sounds: readonly (LabelledSequence & Sound)[],
  ): Job<{ readonly done: number }, { readonly bytes: Uint8Array<ArrayBuffer> }> {
    const { classifier } = await import("../../tasks/classify/create.ts");
    const { trainClassifier } = await import("../../tasks/classify/train.ts");
    const of = classifier(sounds, {
      ...{ features: { melBands: 24 }, units: 24, dropout: 0, bidirectional: false, seed: 1 },
    });
    yield* reportsOf<{ readonly done: number }, unknown>((report, signal) =>
      trainClassifier(of, sounds, {
        ...{ ...host, epochs: 20, batchSize: 16, learningRate: 0.01, seed: 1, signal },
        onEpoch: ({ epoch, epochs }) => report({ done: epoch / epochs }),
      }),
    );
    return { bytes: writeClassifier(of) };
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
    const pauses = createPauses(facts.sampleRate);
    open.set(++handles, { session, resampler, facts, pauses, frames: 0, since: 0, word: undefined });
    return handles;
  },

  /**
   * What is heard in more samples.
   * @param anew whether it begins anew where sound begins after a pause, as with the first sound
   */
  async hear(listener: number, samples: Float32Array, anew: boolean): Promise<Heard> {
    const one = open.get(listener);
    if (one === undefined) throw new Error("It listens no longer.");
    const [said, words]: [ClassifiedFrame[], Word[]] = [[], []];
    for (const { samples: own, lead, loud, ends } of one.pauses(one.resampler.push(samples))) {
      const frames: ClassifiedFrame[] = [];
      if (anew && lead !== undefined) {
        beginAnew(one);
        frames.push(...one.session.push(lead));
      }
      frames.push(...one.session.push(own));
      one.since += frames.length;
      said.push(...frames);
      const latest = frames.at(-1) ?? one.word;
      if (loud && latest !== undefined) {
        const { label, probability } = latest;
        one.word = { label, probability, moments: (one.word?.moments ?? 0) + 1 };
      }
      if (!ends) continue;
      if (anew && one.word !== undefined && one.word.moments >= leastMoments) {
        const { label, probability } = one.word;
        words.push({ label, probability });
      }
      one.word = undefined;
    }
    one.frames += said.length;
    return { ...heardOf(said, one.facts), frames: one.frames, since: one.since, words };
  },

  /** Begin anew, as with the first sound. */
  async forgetHeard(listener: number): Promise<void> {
    const one = open.get(listener);
    if (one === undefined) return;
    beginAnew(one);
    one.frames = 0;
    one.pauses = createPauses(one.session.sampleRate as number);
  },

  async endListening(listener: number): Promise<void> {
    open.get(listener)?.session.dispose();
    open.delete(listener);
  },
};

/** A sound frame by frame, a second of it at a time, or as a whole where the classifier needs all of it. */
async function* hearSound(handle: ModelHandle, sound: Sound & { readonly name: string }): AsyncGenerator<Heard, void> {
  const of = contentOf(handle, "classify");
  const { name } = sound;
  const { input } = of;
  const facts = await listening.classifierFacts(handle);
  const { whole, values } = facts;
  if (whole !== undefined || input.kind !== "audio") {
    const [found] = await classify(of, [sound], host);
    const probabilities = Float32Array.from(of.labels, (label) => found?.probabilities[label] ?? 0);
    yield { count: 1, frames: 1, since: 1, probabilities, values: [], words: [] };
    return;
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
      yield { ...heardOf(said, facts), frames, since: frames, words: [] };
    }
  } finally {
    session.dispose();
  }
}

function beginAnew(one: Listening): void {
  one.session.reset();
  one.since = 0;
  one.word = undefined;
}

/** Frames as arrays of numbers. */
function heardOf(
  said: readonly ClassifiedFrame[],
  { labels, values }: Pick<ClassifierFacts, "labels" | "values">,
): Pick<Heard, "count" | "probabilities" | "values"> {
  const rowsOf = (size: number, rowOf: (frame: ClassifiedFrame) => ArrayLike<number>): Float32Array => {
    const all = new Float32Array(said.length * size);
    said.forEach((frame, t) => {
      all.set(rowOf(frame), t * size);
    });
    return all;
  };
  return {
    count: said.length,
    probabilities: rowsOf(labels.length, ({ probabilities }) => labels.map((label) => probabilities[label] as number)),
    values: values.map(({ key, size }) => rowsOf(size, (frame) => frame.values?.[key] as Float32Array)),
  };
}
