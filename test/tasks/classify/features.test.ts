import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRandom } from "../../../src/nn/random.ts";
import { classifier } from "../../../src/tasks/classify/create.ts";
import {
  type AudioFeatures,
  audioFeatures,
  completeFeatures,
  createExtractor,
  rowsOfSound,
} from "../../../src/tasks/classify/features.ts";
import { vectorsOf } from "../../../src/tasks/classify/input.ts";
import { hzOf, melBands, melFrequencies, melOf } from "../../../src/tasks/classify/mel.ts";
import { refusal } from "../../helpers/refusal.ts";
import { tones } from "./made.ts";

const noise = (length: number, seed = 1): Float32Array => {
  const random = createRandom(seed);
  return Float32Array.from({ length }, () => 0.3 * random.normal());
};

describe("the mel scale is librosa's, by the values of its documentation", () => {
  test("Hz to mels and back", () => {
    expect(melOf(60)).toBeCloseTo(0.9, 12);
    expect([110, 220, 440].map((hz) => melOf(hz))).toEqual([1.65, 3.3, 6.6].map((mel) => expect.closeTo(mel, 12)));
    expect([1, 2, 3, 4, 5].map(hzOf)).toEqual(
      [66.667, 133.333, 200, 266.667, 333.333].map((hz) => expect.closeTo(hz, 3)),
    );
    for (const hz of [0, 500, 1000, 3000, 11_025]) expect(hzOf(melOf(hz))).toBeCloseTo(hz, 8);
  });

  test("mel_frequencies(n_mels=40)", () => {
    const documented = [
      0, 85.317, 170.635, 255.952, 341.269, 426.586, 511.904, 597.221, 682.538, 767.855, 853.173, 938.49, 1024.856,
      1119.114, 1222.042, 1334.436, 1457.167, 1591.187, 1737.532, 1897.337, 2071.84, 2262.393, 2470.47, 2697.686,
      2945.799, 3216.731, 3512.582, 3835.643, 4188.417, 4573.636, 4994.285, 5453.621, 5955.205, 6502.92, 7101.009,
      7754.107, 8467.272, 9246.028, 10096.408, 11025,
    ];
    melFrequencies(40, 0, 11_025).forEach((hz, k) => expect(hz).toBeCloseTo(documented[k] as number, 2));
  });

  test("filters.mel(sr=22050, n_fft=2048): the first band is 0.016 at bin 1, and every band's area is 1", () => {
    const bands = melBands({ sampleRate: 22_050, fftSize: 2048, melBands: 128, lowHz: 0, highHz: 11_025 });
    expect([bands[0]?.first, bands[0]?.weights[0]]).toEqual([1, expect.closeTo(0.0162, 4)]);
    const { weights } = bands[100] as { weights: Float64Array };
    expect((weights.reduce((a, b) => a + b) * 22_050) / 2048).toBeCloseTo(1, 1);
  });
});

/** A frame's log-mel energies straight from the definitions: a Fourier sum, and triangles from the formulas. */
function plainly(samples: Float32Array, o: AudioFeatures, t: number): number[] {
  const power = Array.from({ length: o.fftSize / 2 + 1 }, (_, k) => {
    let [re, im] = [0, 0];
    for (let n = 0; n < o.frameLength; n++) {
      const x = (samples[t * o.hopLength + n] ?? 0) * (0.5 - 0.5 * Math.cos((2 * Math.PI * n) / o.frameLength));
      re += x * Math.cos((2 * Math.PI * k * n) / o.fftSize);
      im -= x * Math.sin((2 * Math.PI * k * n) / o.fftSize);
    }
    return re * re + im * im;
  });
  const edges = melFrequencies(o.melBands + 2, o.lowHz, o.highHz);
  return Array.from({ length: o.melBands }, (_, band) => {
    const [a, b, c] = edges.slice(band, band + 3) as [number, number, number];
    const energy = power.reduce((sum, p, k) => {
      const hz = (k * o.sampleRate) / o.fftSize;
      const height = hz <= a || hz >= c ? 0 : hz <= b ? (hz - a) / (b - a) : (c - hz) / (c - b);
      return sum + (2 / (c - a)) * height * p;
    }, 0);
    return Math.log(Math.max(o.floor, energy));
  });
}

test("log-mel energies are those of the definitions", () => {
  const samples = noise(500);
  const options = completeFeatures({ melBands: 12, lowHz: 100, highHz: 3500 });
  expect(options).toMatchObject({ frameLength: 200, hopLength: 80, fftSize: 256 });
  const { data, shape } = audioFeatures(samples, { melBands: 12, lowHz: 100, highHz: 3500 });
  expect(shape).toEqual([4, 12]);
  for (const t of [0, 3]) {
    const wanted = plainly(samples, options, t);
    wanted.forEach((one, j) => expect(data[t * 12 + j]).toBeCloseTo(one, 4));
  }
});

test("MFCC are the orthonormal cosine transform of the logarithms: it keeps their length, and the first is their sum over the root of their number", () => {
  const samples = noise(400);
  const logs = rowsOfSound(samples, completeFeatures({ melBands: 20 }));
  const coefficients = rowsOfSound(samples, completeFeatures({ melBands: 20, kind: "mfcc", coefficients: 20 }));
  logs.forEach((row, t) => {
    const square = (list: Float64Array): number => list.reduce((sum, one) => sum + one * one, 0);
    expect(square(coefficients[t] as Float64Array)).toBeCloseTo(square(row), 6);
    expect(coefficients[t]?.[0]).toBeCloseTo(row.reduce((a, b) => a + b) / Math.sqrt(20), 9);
  });
  const few = rowsOfSound(samples, completeFeatures({ melBands: 20, kind: "mfcc" }));
  expect(few[1]).toEqual(coefficients[1]?.slice(0, 13));
});

test("a tone is loudest in its band, and 10 times as loud is log(100) more", () => {
  const tone = (level: number): Float32Array =>
    Float32Array.from({ length: 400 }, (_, n) => level * Math.sin((2 * Math.PI * 1000 * n) / 8000));
  const [quiet, loud] = [0.05, 0.5].map((level) => rowsOfSound(tone(level), completeFeatures())[1] as Float64Array) as [
    Float64Array,
    Float64Array,
  ];
  const middles = melFrequencies(42, 0, 4000).slice(1, -1);
  expect(Math.abs((middles[loud.indexOf(Math.max(...loud))] as number) - 1000)).toBeLessThan(60);
  expect((loud[14] as number) - (quiet[14] as number)).toBeCloseTo(Math.log(100), 3);
});

test("silence is the logarithm of the floor; sound shorter than a frame is one frame", () => {
  expect(Array.from(audioFeatures(new Float32Array(10), { melBands: 3 }).data)).toEqual(
    Array(3).fill(Math.fround(Math.log(1e-10))),
  );
  expect(audioFeatures(noise(199)).shape).toEqual([1, 40]);
  expect(audioFeatures(noise(279)).shape).toEqual([1, 40]);
  expect(audioFeatures(noise(280)).shape).toEqual([2, 40]);
});

test("changes of a straight line are its slope, changes of these are 0, away from the ends", () => {
  const plain = rowsOfSound(noise(2000), completeFeatures({ melBands: 4 }));
  const all = rowsOfSound(noise(2000), completeFeatures({ melBands: 4, deltas: 2 }));
  expect(all).toHaveLength(plain.length);
  const at = (t: number, j: number): number =>
    (plain[Math.max(0, Math.min(plain.length - 1, t))] as Float64Array)[j] as number;
  const delta = (t: number, j: number): number =>
    (at(t + 1, j) - at(t - 1, j) + 2 * (at(t + 2, j) - at(t - 2, j))) / 10;
  for (const t of [0, 1, 7, plain.length - 1]) {
    expect(all[t]?.length).toBe(12);
    for (let j = 0; j < 4; j++)
      expect([all[t]?.[j], all[t]?.[4 + j]]).toEqual([at(t, j), expect.closeTo(delta(t, j), 12)]);
  }
});

test("samples in pieces of any length give the frames of the whole, bit by bit", () => {
  const samples = noise(1500, 3);
  const kinds = [
    {},
    { deltas: 1 },
    { kind: "mfcc", deltas: 2 },
    { frameLength: 64, hopLength: 100, melBands: 5 },
    { frameLength: 128, hopLength: 1, melBands: 2, deltas: 1 },
  ] as const;
  const pieces = fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 12 });
  fc.assert(
    fc.property(fc.constantFrom(...kinds), pieces, fc.integer({ min: 1, max: 900 }), (kind, lengths, total) => {
      const options = completeFeatures(kind);
      const sound = samples.subarray(0, total);
      const extractor = createExtractor(options);
      for (const _ of [1, 2]) {
        const got: Float64Array[] = [];
        let at = 0;
        for (const length of lengths) {
          got.push(...extractor.push(sound.subarray(at, at + length)));
          at += length;
        }
        got.push(...extractor.push(sound.subarray(at)), ...extractor.end());
        expect(got).toEqual(rowsOfSound(sound, options));
      }
    }),
    { numRuns: 40 },
  );
});

test("options that do not fit each other are refused", () => {
  const of = (options: object): string => refusal(() => audioFeatures(noise(10), options));
  expect(of({ fftSize: 128 })).toBe("audioFeatures: frameLength 200 is longer than fftSize 128");
  expect(of({ fftSize: 100 })).toBe("audioFeatures: fftSize must be a power of two from 4 to 65536, got 100");
  expect(of({ highHz: 5000 })).toBe("audioFeatures: highHz 5000 is above half the sample rate, 4000");
  expect(of({ lowHz: 4000 })).toBe("audioFeatures: lowHz 4000 must be below highHz 4000");
  expect(of({ kind: "mfcc", melBands: 8, coefficients: 9 })).toBe(
    "audioFeatures: coefficients 9 are more than the 8 mel bands",
  );
  expect(refusal(() => audioFeatures([]))).toBe("audioFeatures: there are no samples");
  expect(refusal(() => audioFeatures([0, Number.NaN]))).toBe(
    "audioFeatures: samples[1] must be a finite number, got NaN",
  );
});

describe("at low rates", () => {
  test("more mel bands than a frame tells apart are refused with the number that there may be", () => {
    const of = (options: object): string => refusal(() => audioFeatures(noise(500), options));
    expect(of({ sampleRate: 1000 })).toBe(
      "audioFeatures: melBands: 40 mel bands from 0 to 500 Hz are narrower than the 17 bins of a frame of 25 samples at 1000 Hz. Give at most 30 mel bands, or a larger fftSize, or a higher sample rate.",
    );
    expect(of({ sampleRate: 100, melBands: 3, lowHz: 45 })).toContain(
      "Give a larger fftSize, or a higher sample rate.",
    );
    expect(of({ melBands: 1000 })).toContain("Give at most ");
  });

  test("as many as are said hear something: none is the floor in noise", () => {
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 16_000 }), fc.integer({ min: 2, max: 200 }), (sampleRate, melBands) => {
        const of = (bands: number) => audioFeatures(noise(1000), { sampleRate, melBands: bands });
        let bands = melBands;
        try {
          of(bands);
        } catch (error) {
          bands = Number(/at most (\d+) mel/.exec((error as Error).message)?.[1]);
        }
        const { data } = of(bands);
        expect(data.every((value) => value > Math.log(1e-10) + 1)).toBe(true);
      }),
      // Edges of bands on bins, where rounding decides.
      {
        seed: 2,
        numRuns: 300,
        examples: [
          [478, 108],
          [563, 169],
          [538, 32],
          [747, 52],
          [239, 171],
        ],
      },
    );
  });

  test("sound whose rate holds nothing of a mel band is refused with the rate that does", () => {
    const examples = tones(4).map((one) => ({ ...one, sampleRate: 8000 }));
    const digits = classifier(examples, { units: 2, features: { melBands: 10 } });
    const at = (sampleRate: number) => ({ samples: noise(500), sampleRate, name: "a.wav" });
    expect(() => vectorsOf(digits.input, at(7000), 0)).not.toThrow();
    const said = refusal(() => vectorsOf(digits.input, at(1000), 0));
    expect(said).toMatch(
      /^a\.wav: its 1000 samples a second have no sound above 500 Hz, where \d of the model's 10 mel bands are\. Give sound of at least \d+ Hz, or train a model at a sample rate of 1000 Hz\.$/,
    );
    const least = Number(/at least (\d+) Hz/.exec(said)?.[1]);
    expect(() => vectorsOf(digits.input, at(least), 0)).not.toThrow();
    expect(() => vectorsOf(digits.input, at(least - 2), 0)).toThrow("where 1 of the model's 10");
    expect(refusal(() => classifier([{ ...at(1000), label: "x" }, ...examples], { units: 2 }))).toContain(
      "a.wav: its 1000",
    );
  });
});
