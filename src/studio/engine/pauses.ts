/**
 * Find where sound begins after a pause, and where it ends, in samples that come in pieces: by how loud a moment is beside
 * those before it, so that it needs no setting for a room. Knows nothing about what the sound is.
 */

import { joined } from "../../graph/joined.ts";

/** 20 ms of sound. */
export type Moment = {
  readonly samples: Float32Array;
  /** Where sound begins here after a pause: the samples shortly before, in which it may have begun unheard. */
  readonly lead: Float32Array | undefined;
  /** Whether it belongs to sound that has begun. */
  readonly loud: boolean;
  /** Whether such sound is over by now. */
  readonly ends: boolean;
};

const momentS = 0.02;
/** In moments: a pause, and what is taken along before a beginning. */
const [pause, before] = [15, 5];
/** Sound begins that many times as loud as the pause, and ends that many times less loud than it was. */
const [begin, end] = [4, 8];
/** What is less loud is no sound: -80 dB. */
const least = 1e-4;

/** @returns a function that takes more samples and gives the moments that are whole by now */
export function createPauses(rate: number): (samples: Float32Array) => Moment[] {
  const size = Math.max(1, Math.round(rate * momentS));
  let rest = new Float32Array(0);
  /** The last moments' samples and how loud they were. */
  let recent: { readonly samples: Float32Array; readonly level: number }[] = [];
  /** Of the sound that has begun: its loudest moment, and how many moments it has been quiet for. */
  let sound: { peak: number; quiet: number } | undefined;

  const momentOf = (samples: Float32Array): Moment => {
    const level = Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length);
    const silence = recent.length < pause + before ? undefined : recent.slice(0, pause);
    const loudest = silence?.reduce((most, { level }) => Math.max(most, level), least);
    const begins = sound === undefined && loudest !== undefined && level > begin * loudest;
    const lead = begins
      ? joined(
          Float32Array,
          recent.slice(-before).map(({ samples }) => samples),
        )
      : undefined;
    if (begins) sound = { peak: level, quiet: 0 };
    recent = [...recent, { samples, level }].slice(-(pause + before));
    if (sound === undefined) return { samples, lead, loud: false, ends: false };
    sound.peak = Math.max(sound.peak, level);
    const loud = level >= sound.peak / end;
    sound.quiet = loud ? 0 : sound.quiet + 1;
    const ends = sound.quiet === pause;
    if (ends) sound = undefined;
    return { samples, lead, loud, ends };
  };
  return (samples) => {
    const all = joined(Float32Array, [rest, samples]);
    const count = Math.floor(all.length / size);
    rest = all.slice(count * size);
    return Array.from({ length: count }, (_, k) => momentOf(all.slice(k * size, (k + 1) * size)));
  };
}
