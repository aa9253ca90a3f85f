import { describe, expect, test } from "vitest";
import { classifier, detect, trainClassifier } from "../../../src/tasks/classify.ts";
import { rejection } from "../../helpers/refusal.ts";
import { slopes, smallFeatures, tones } from "./made.ts";

const silences = Array.from({ length: 20 }, (_, k) => ({
  samples: Float32Array.from({ length: 900 + 30 * k }, (_, n) => 0.01 * Math.sin(n * n + k)),
  sampleRate: 8000,
  label: "silence",
}));
const examples = [...tones(40, 1), ...silences];
const of = classifier(examples, { units: 8, dropout: 0, features: smallFeatures, seed: 1 });
await trainClassifier(of, examples, { epochs: 12, learningRate: 0.02, validation: 0, seed: 1, threads: 1 });

/** Silence of a second, a tone, half a second of silence, a tone, silence. */
const [up, down] = tones(2, 9) as [ReturnType<typeof tones>[number], ReturnType<typeof tones>[number]];
const quiet = (length: number): Float32Array => Float32Array.from({ length }, (_, n) => 0.01 * Math.sin(n * n));
const long = Float32Array.from([...quiet(8000), ...up.samples, ...quiet(4000), ...down.samples, ...quiet(8000)]);
const places = [8000, 12_000 + up.samples.length].map((from) => from / 8000) as [number, number];

describe("detect", () => {
  test("finds the tones in a long recording, in order, near where they are", async () => {
    const events = await detect(of, { samples: long, sampleRate: 8000 }, { ignore: ["silence"] });
    expect(events.map(({ label }) => label)).toEqual(["up", "down"]);
    events.forEach(({ start, end, probability }, k) => {
      const from = places[k] as number;
      const to = from + (k === 0 ? up : down).samples.length / 8000;
      expect(Math.max(start, from)).toBeLessThan(Math.min(end, to));
      expect(Math.abs((start + end) / 2 - (from + to) / 2)).toBeLessThan(0.1);
      expect(probability).toBeGreaterThan(0.6);
    });
  });

  test("without `ignore`, events follow each other without overlap from the beginning to the end", async () => {
    const events = await detect(of, { samples: long, sampleRate: 8000 }, { threshold: 0, least: 1, hop: 0.02 });
    expect([events[0]?.start, events.at(-1)?.end]).toEqual([0, expect.closeTo(long.length / 8000, 1)]);
    events.slice(1).forEach(({ start }, k) => expect(start).toBeCloseTo(events[k]?.end as number, 6));
  });

  test("a threshold that nothing reaches finds nothing; sound shorter than the window is one window", async () => {
    expect(await detect(of, { samples: long, sampleRate: 8000 }, { threshold: 0.99999 })).toEqual([]);
    const [event] = await detect(of, { samples: up.samples, sampleRate: 8000 }, { window: 10 });
    expect(event).toMatchObject({ label: "up", start: 0, end: expect.closeTo(up.samples.length / 8000, 1) });
  });

  test("of rows of numbers times are rows", async () => {
    const numbers = classifier(slopes(10, 1), { units: 2, seed: 2 });
    const rows = Array.from({ length: 20 }, (_, t) => [t, 0]);
    const events = await detect(numbers, { rows }, { window: 5, hop: 1, threshold: 0, least: 1 });
    expect([events[0]?.start, events.at(-1)?.end]).toEqual([0, 20]);
    events.slice(1).forEach(({ start }, k) => {
      expect(start).toBe(events[k]?.end);
    });
  });

  test("a class to ignore that there is not is refused", async () => {
    expect(await rejection(detect(of, { samples: long, sampleRate: 8000 }, { ignore: ["noise"] }))).toBe(
      'detect: ignore: the model has no label "noise"; it has down, silence, up',
    );
  });
});
