/** Classify sound, for the Listen view: a file at once, or a microphone's samples as they come. */
import { mixDown, readWav } from "../../formats/wav.ts";
import { InputError } from "../../graph/input-error.ts";
import { soundAt } from "../../tasks/classify/input.ts";
import { checkForwards, classify } from "../../tasks/classify/predict.ts";
import { type ClassifySession, classifySession } from "../../tasks/classify/session.ts";
import { contentOf, type ModelHandle } from "./open-models.ts";
import { createStreamResampler, type StreamResampler } from "./stream-resampler.ts";

export type ClassifierFacts = {
  readonly labels: readonly string[];
  /** Samples a second of what it reads; undefined for a classifier of numbers. */
  readonly sampleRate: number | undefined;
  /** Milliseconds from frame to frame. */
  readonly hopMs: number;
  /** Why it cannot listen as sound comes; undefined where it can. */
  readonly whole: string | undefined;
};

/** What was heard, frame by frame. */
export type Heard = {
  readonly count: number;
  /** (count,C): after each frame, the probability of each class by all so far. */
  readonly probabilities: Float32Array;
  /** (count,H): the hidden state of the first recurrent layer, and its name; none of a model that read all at once. */
  readonly states: Float32Array | undefined;
  readonly stateName: string | undefined;
};

type Listening = {
  readonly session: ClassifySession;
  readonly resampler: StreamResampler;
  readonly labels: readonly string[];
  readonly rate: number;
};
const open = new Map<number, Listening>();
let handles = 0;
/** One thread: frames are small, and come all the time. */
const host = { threads: 1 } as const;

export const listening = {
  /** @throws ModelClosed */
  async classifierFacts(handle: ModelHandle): Promise<ClassifierFacts> {
    const of = contentOf(handle, "classify");
    const { labels, input } = of;
    if (input.kind !== "audio") return { labels, sampleRate: undefined, hopMs: 0, whole: undefined };
    const { sampleRate, hopLength } = input.features;
    let whole: string | undefined;
    try {
      checkForwards(of, true, "It cannot listen");
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      whole = error.message;
    }
    return { labels, sampleRate, hopMs: (1000 * hopLength) / sampleRate, whole };
  },

  /**
   * Classify a WAV file: frame by frame, or as a whole where the classifier needs all of it.
   * @throws InputError, one line, for a file that cannot be read; ModelClosed
   */
  async classifySound(handle: ModelHandle, bytes: Uint8Array<ArrayBuffer>, name: string): Promise<Heard> {
    const of = contentOf(handle, "classify");
    const wav = readWav(bytes, name);
    const sound = { samples: mixDown(wav), sampleRate: wav.sampleRate, name };
    const { whole } = await listening.classifierFacts(handle);
    if (whole !== undefined || of.input.kind !== "audio") {
      const [found] = await classify(of, [sound], host);
      const probabilities = Float32Array.from(of.labels, (label) => found?.probabilities[label] ?? 0);
      return { count: 1, probabilities, states: undefined, stateName: undefined };
    }
    const session = await classifySession(of, host);
    try {
      const { labels, input } = of;
      return read({ session, labels, rate: input.features.sampleRate }, soundAt(sound, input.features, name), true);
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
    const session = await classifySession(of, host);
    const rate = session.sampleRate;
    if (rate === undefined) throw new InputError("It reads rows of numbers, not sound.");
    const resampler = createStreamResampler(sampleRate, rate);
    open.set(++handles, { session, resampler, labels: of.labels, rate });
    return handles;
  },

  /** What is heard in more samples. */
  async hear(listener: number, samples: Float32Array): Promise<Heard> {
    const one = open.get(listener);
    if (one === undefined) throw new Error("It listens no longer.");
    return read(one, one.resampler.push(samples), false);
  },

  /** Begin anew, as with the first sound. */
  async forgetHeard(listener: number): Promise<void> {
    open.get(listener)?.session.reset();
  },

  async endListening(listener: number): Promise<void> {
    open.get(listener)?.session.dispose();
    open.delete(listener);
  },
};

/** Read samples in pieces shorter than a frame's hop, so that the state after each frame is seen. */
function read(
  { session, labels, rate }: Pick<Listening, "session" | "labels" | "rate">,
  samples: ArrayLike<number>,
  whole: boolean,
): Heard {
  const all = Float32Array.from(samples);
  const piece = Math.max(1, Math.floor(rate / 200));
  const rows: number[][] = [];
  const states: Float32Array[] = [];
  let stateName: string | undefined;
  const take = (frames: ReturnType<ClassifySession["push"]>): void => {
    if (frames.length === 0) return;
    const state = session.state();
    const names = Object.keys(state);
    stateName = names.find((name) => name.endsWith(".h")) ?? names[0];
    for (const { probabilities } of frames) {
      rows.push(labels.map((label) => probabilities[label] ?? 0));
      if (stateName !== undefined) states.push(state[stateName] as Float32Array);
    }
  };
  for (let at = 0; at < all.length; at += piece) take(session.push(all.subarray(at, at + piece)));
  if (whole) take(session.end());
  const size = states[0]?.length ?? 0;
  const flat = new Float32Array(states.length * size);
  states.forEach((state, t) => {
    flat.set(state, t * size);
  });
  return {
    ...{ count: rows.length, probabilities: Float32Array.from(rows.flat()), stateName },
    states: stateName === undefined ? undefined : flat,
  };
}
