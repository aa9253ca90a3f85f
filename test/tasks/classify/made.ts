/** Sound and series that tests make: tones that rise or fall, rows that go up or down. */
import { createRandom } from "../../../src/nn/random.ts";
import type { LabelledSequence } from "../../../src/tasks/classify/examples.ts";

/** Tones of 0.1 to 0.2 s at 8 kHz, rising ("up") or falling ("down"), with noise. */
export function tones(count: number, seed = 1): (LabelledSequence & { samples: Float32Array; sampleRate: number })[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, (_, k) => {
    const label = k % 2 === 0 ? "up" : "down";
    const length = 800 + random.integer(800);
    const [low, high] = [300 + 200 * random.uniform(), 1200 + 400 * random.uniform()];
    const [from, to] = label === "up" ? [low, high] : [high, low];
    let phase = 0;
    const samples = Float32Array.from({ length }, (_, n) => {
      phase += (2 * Math.PI * (from + ((to - from) * n) / length)) / 8000;
      return 0.3 * Math.sin(phase) + 0.01 * random.normal();
    });
    return { samples, sampleRate: 8000, label, name: `tone ${k}` };
  });
}

/** Series of 4 to 9 rows of 2 numbers: the first goes up or down, the second is noise. */
export function slopes(count: number, seed = 1): (LabelledSequence & { rows: number[][] })[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, (_, k) => {
    const label = k % 2 === 0 ? "rise" : "fall";
    const start = 10 * random.uniform();
    const rows = Array.from({ length: 4 + random.integer(6) }, (_, t) => [
      start + (label === "rise" ? t : -t) + 0.1 * random.normal(),
      100 * random.normal(),
    ]);
    return { rows, label, name: `slope ${k}` };
  });
}

/** Features that make small models of the tones. */
export const smallFeatures = { melBands: 12 } as const;
