/**
 * Sounds to begin with, made here, the same at each visit: tones that rise, fall, waver or stay. No voice is in the package; these are
 * no words, but as with words the one is told from the other by what comes after what.
 */
import { createRandom, type Random } from "../../../nn/random.ts";

export const sampleRate = 8000;
export const kinds = ["rising", "falling", "wavering", "steady"] as const;
export type Kind = (typeof kinds)[number];

/** The pitch at a share of the tone, in units of its lowest: an octave up or down, a third up and down six times a second, or none. */
const pitches: { readonly [K in Kind]: (share: number, seconds: number) => number } = {
  rising: (share) => 2 ** share,
  falling: (share) => 2 ** (1 - share),
  wavering: (_, seconds) => 1.41 * 2 ** (0.25 * Math.sin(2 * Math.PI * 6 * seconds)),
  steady: () => 1.41,
};

/** A tone of 0.3 to 0.6 s with two overtones and a little noise, of any pitch around that of a voice. */
function tone(kind: Kind, random: Random): Float32Array<ArrayBuffer> {
  const length = Math.round(sampleRate * (0.3 + 0.3 * random.uniform()));
  const [lowest, level] = [250 * 2 ** random.uniform(), 0.15 + 0.2 * random.uniform()];
  let phase = 0;
  return Float32Array.from({ length }, (_, n) => {
    phase += (2 * Math.PI * lowest * pitches[kind](n / length, n / sampleRate)) / sampleRate;
    // It begins and ends softly.
    const loud = Math.min(1, n / 200, (length - n) / 200);
    const wave = Math.sin(phase) + 0.4 * Math.sin(2 * phase) + 0.2 * Math.sin(3 * phase);
    return level * loud * wave + 0.003 * random.normal();
  });
}

/** So many tones, the kinds in turn, each with its label. */
export function tones(count: number, seed: number) {
  const random = createRandom(seed);
  return Array.from({ length: count }, (_, k) => {
    const label = kinds[k % kinds.length] as Kind;
    return { samples: tone(label, random), sampleRate, label, name: `${label} ${k + 1}` };
  });
}
/** For a small classifier. */
export const trainingTones = () => tones(160, 1);

/** One tone of each kind that no training had. */
export const examples = Object.fromEntries(
  tones(kinds.length, 2).map(({ label, samples }) => [label, samples]),
) as Readonly<Record<Kind, Float32Array<ArrayBuffer>>>;
