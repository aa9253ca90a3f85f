/**
 * Changed copies of training examples: sound shifted, louder or quieter, with noise, faster or slower; features with noise, and with
 * steps or bands left out (SpecAugment: D. Park et al., 2019, arXiv 1904.08779). Knows nothing about models; all of it is drawn
 * from a generator that is given.
 */
import { inRange, type Schema, wholeNumber } from "../../graph/schema.ts";
import type { Random } from "../../nn/random.ts";

/** How training examples are changed, each time that they are read. All default to 0: not at all. */
export type Augmentation = {
  /** Of sound: shifted by up to so many milliseconds, either way; silence comes in. */
  readonly shiftMs: number;
  /** Of sound: up to so many decibels louder or quieter. */
  readonly gainDb: number;
  /** Of sound: white noise of up to this share of its own level (root mean square). */
  readonly noise: number;
  /** Up to this share faster or slower; of sound its pitch with it. Below 1. */
  readonly speed: number;
  /** The standard deviation of noise that is added to scaled features. */
  readonly featureNoise: number;
  /** The standard deviation of what is added to each scaled feature, the same in all steps: another voice, room or microphone. */
  readonly featureShift: number;
  /** Runs of steps that are left out (set to the mean), and how many steps a run has at most, as a share of all. */
  readonly timeMasks: number;
  readonly timeMaskShare: number;
  /** Runs of neighbouring features that are left out, and how many features a run has at most, as a share of all. */
  readonly featureMasks: number;
  readonly featureMaskShare: number;
  /** Of texts: the share of tokens that are read as unknown ones. */
  readonly tokenDropout: number;
};

const least = inRange(0);
const share = inRange(0, 1, "[]");
export const augmentationRules: Schema<Augmentation> = {
  shiftMs: least,
  gainDb: least,
  noise: least,
  speed: inRange(0, 1),
  featureNoise: least,
  featureShift: least,
  timeMasks: wholeNumber(0, 100),
  timeMaskShare: share,
  featureMasks: wholeNumber(0, 100),
  featureMaskShare: share,
  tokenDropout: share,
};

const none: Augmentation = {
  ...{ shiftMs: 0, gainDb: 0, noise: 0, speed: 0, featureNoise: 0, featureShift: 0 },
  ...{ timeMasks: 0, timeMaskShare: 0.2, featureMasks: 0, featureMaskShare: 0.2, tokenDropout: 0 },
};
export const completeAugmentation = (given: Partial<Augmentation>): Augmentation => ({ ...none, ...given });

/** Whether sound itself is changed, so that its features are made anew. */
export const changesSound = ({ shiftMs, gainDb, noise, speed }: Augmentation): boolean =>
  shiftMs > 0 || gainDb > 0 || noise > 0 || speed > 0;

/** From -most to most. */
const around = (random: Random, most: number): number => most * (2 * random.uniform() - 1);

/** A changed copy of samples. */
export function changedSound(
  samples: ArrayLike<number>,
  sampleRate: number,
  { shiftMs, gainDb, noise, speed }: Augmentation,
  random: Random,
): Float32Array {
  let sound: Float32Array = Float32Array.from(samples);
  if (speed > 0) sound = atSpeed(sound, 1 + around(random, speed));
  if (shiftMs > 0) {
    const by = Math.round((around(random, shiftMs) * sampleRate) / 1000);
    const shifted = new Float32Array(sound.length);
    shifted.set(
      sound.subarray(Math.max(0, -by), Math.max(0, sound.length - Math.max(0, by))),
      Math.min(sound.length, Math.max(0, by)),
    );
    sound = shifted;
  }
  if (noise > 0) {
    const level = Math.sqrt(sound.reduce((sum, one) => sum + one * one, 0) / sound.length);
    const deviation = noise * random.uniform() * level;
    sound = sound.map((one) => one + deviation * random.normal());
  }
  if (gainDb > 0) {
    const factor = 10 ** (around(random, gainDb) / 20);
    sound = sound.map((one) => one * factor);
  }
  return sound;
}

/** Samples read at another speed, between their neighbours on a straight line. */
function atSpeed(sound: Float32Array, speed: number): Float32Array {
  return Float32Array.from({ length: Math.max(1, Math.round(sound.length / speed)) }, (_, n) => {
    const at = Math.min(n * speed, sound.length - 1);
    const [before, share] = [Math.floor(at), at % 1];
    return (1 - share) * (sound[before] as number) + share * (sound[Math.min(before + 1, sound.length - 1)] as number);
  });
}

/** Rows read at another speed, between their neighbours on a straight line. */
export function rowsAtSpeed(rows: readonly Float32Array[], speed: number): Float32Array[] {
  return Array.from({ length: Math.max(1, Math.round(rows.length / speed)) }, (_, t) => {
    const at = Math.min(t * speed, rows.length - 1);
    const [before, share] = [Math.floor(at), at % 1];
    const next = rows[Math.min(before + 1, rows.length - 1)] as Float32Array;
    return (rows[before] as Float32Array).map((value, j) => (1 - share) * value + share * (next[j] as number));
  });
}

/** A changed copy of scaled features. `stretch`: whether the speed is changed here, because no sound was. */
export function changedFeatures(
  rows: readonly Float32Array[],
  augmentation: Augmentation,
  random: Random,
  { stretch }: { readonly stretch: boolean },
): Float32Array[] {
  const { speed, featureNoise, featureShift, timeMasks, timeMaskShare, featureMasks, featureMaskShare } = augmentation;
  const changed = stretch && speed > 0 ? rowsAtSpeed(rows, 1 + around(random, speed)) : rows.map((row) => row.slice());
  const width = changed[0]?.length ?? 0;
  if (featureNoise > 0) {
    for (const row of changed)
      for (let j = 0; j < width; j++) row[j] = (row[j] as number) + featureNoise * random.normal();
  }
  if (featureShift > 0) {
    const shift = Float32Array.from({ length: width }, () => featureShift * random.normal());
    for (const row of changed) for (let j = 0; j < width; j++) row[j] = (row[j] as number) + (shift[j] as number);
  }
  const run = (of: number, most: number): { from: number; to: number } => {
    const length = random.integer(Math.floor(most * of) + 1);
    const from = random.integer(of - length + 1);
    return { from, to: from + length };
  };
  for (let k = 0; k < timeMasks; k++) {
    const { from, to } = run(changed.length, timeMaskShare);
    for (let t = from; t < to; t++) changed[t]?.fill(0);
  }
  for (let k = 0; k < featureMasks; k++) {
    const { from, to } = run(width, featureMaskShare);
    for (const row of changed) row.fill(0, from, to);
  }
  return changed;
}
