/** What the Music view sounds like: its synthesizer in an OfflineAudioContext, heard by the energy at the notes' frequencies. */
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import type { Sound } from "../../src/studio/views/music/schedule.ts";
import { withPage } from "./harness.ts";

const rate = 16_000;
type Heard = { readonly samples: number[]; readonly frequencies: number[] };

/** Two seconds of sounds, and the frequencies of their pitches. */
const render = (page: Page, sounds: readonly Sound[], volume: number, dropFrom?: number): Promise<Heard> =>
  page.evaluate(
    async ([sounds, volume, rate, dropFrom]) => {
      const at = "/src/studio/views/music/synth.ts";
      const { createSynth, frequencyOf } = (await import(at)) as typeof import("../../src/studio/views/music/synth.ts");
      const context = new OfflineAudioContext(1, 2 * rate, rate);
      const synth = createSynth(context, volume);
      for (const sound of sounds) synth.play(sound);
      if (dropFrom !== undefined) synth.drop(dropFrom);
      const buffer = await context.startRendering();
      return { samples: [...buffer.getChannelData(0)], frequencies: sounds.map(({ pitch }) => frequencyOf(pitch)) };
    },
    [sounds, volume, rate, dropFrom] as const,
  );
/** How strong a frequency is from one second to another (Goertzel). */
function strength(samples: readonly number[], hertz: number, from: number, to: number): number {
  let [re, im] = [0, 0];
  const [first, last] = [Math.round(from * rate), Math.round(to * rate)];
  for (let n = first; n < last; n++) {
    re += (samples[n] as number) * Math.cos((2 * Math.PI * hertz * n) / rate);
    im += (samples[n] as number) * Math.sin((2 * Math.PI * hertz * n) / rate);
  }
  return Math.hypot(re, im) / (last - first);
}
const loudest = (samples: readonly number[], from: number, to: number): number =>
  samples.slice(Math.round(from * rate), Math.round(to * rate)).reduce((most, x) => Math.max(most, Math.abs(x)), 0);

const sounds: readonly Sound[] = [
  { pitch: 69, velocity: 100, at: 0.5, seconds: 0.3 },
  { pitch: 60, velocity: 100, at: 1.2, seconds: 0.3 },
];

test("each note is heard at its frequency, from its beginning to its end, as loud as it was struck", async () => {
  await withPage({ isolated: false }, async (page) => {
    const { samples, frequencies } = await render(page, sounds, 1);
    const [a, c] = frequencies as [number, number];
    expect(a).toBe(440);
    expect(c).toBeCloseTo(261.626, 2);
    expect(loudest(samples, 0, 0.499)).toBe(0);
    expect(strength(samples, a, 0.52, 0.78)).toBeGreaterThan(20 * strength(samples, c, 0.52, 0.78));
    expect(loudest(samples, 1.12, 1.199)).toBeLessThan(1e-3);
    expect(strength(samples, c, 1.22, 1.48)).toBeGreaterThan(20 * strength(samples, a, 1.22, 1.48));
    expect(loudest(samples, 1.85, 2)).toBeLessThan(1e-3);
    const soft = await render(page, [{ ...(sounds[0] as Sound), velocity: 40 }], 1);
    expect(strength(soft.samples, a, 0.52, 0.78)).toBeLessThan(0.5 * strength(samples, a, 0.52, 0.78));
  });
});

test("forty notes at once do not overdrive it; a volume of 0 and what is dropped are silent", async () => {
  await withPage({ isolated: false }, async (page) => {
    const many = Array.from({ length: 40 }, (_, k) => ({ pitch: 40 + k, velocity: 127, at: 0.1, seconds: 1 }));
    expect(loudest((await render(page, many, 1)).samples, 0, 2)).toBeLessThan(1);
    expect(loudest((await render(page, sounds, 0)).samples, 0, 2)).toBeLessThan(1e-6);
    const { samples, frequencies } = await render(page, sounds, 1, 1);
    expect(strength(samples, frequencies[0] as number, 0.52, 0.78)).toBeGreaterThan(0.01);
    expect(loudest(samples, 1.2, 2)).toBeLessThan(1e-3);
  });
});
