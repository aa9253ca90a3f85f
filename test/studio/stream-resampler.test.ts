/** Sound that comes in pieces is resampled as the whole of it is. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { resample } from "../../src/formats/resample.ts";
import { createRandom } from "../../src/nn/random.ts";
import { createStreamResampler } from "../../src/studio/engine/stream-resampler.ts";

const rates = fc.constantFrom(
  [48000, 8000],
  [44100, 8000],
  [44100, 16000],
  [48000, 22050],
  [8000, 16000],
  [8000, 8000],
);

test("property: pieces of any length give the samples of the whole, but for the last that wait for more", () => {
  fc.assert(
    fc.property(
      rates,
      fc.array(fc.integer({ min: 0, max: 3000 }), { minLength: 1, maxLength: 6 }),
      ([from, to], lengths) => {
        const random = createRandom(3);
        const length = lengths.reduce((sum, one) => sum + one, 0);
        const all = Float32Array.from({ length }, () => random.normal());
        const stream = createStreamResampler(from as number, to as number);
        let at = 0;
        const got = lengths.flatMap((one) => {
          at += one;
          return [...stream.push(all.subarray(at - one, at))];
        });
        const whole = resample(all, from as number, to as number);
        expect(got).toEqual([...whole.subarray(0, got.length)]);
        // A filter's reach, and what is left of a common period of both rates.
        expect(whole.length - got.length).toBeLessThanOrEqual(72 * 2 + 2 * 320);
      },
    ),
    { numRuns: 15 },
  );
});
