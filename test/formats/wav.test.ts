import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as wavefile from "wavefile";
import { resample } from "../../src/formats/resample.ts";
import { mixDown, readWav, writeWav } from "../../src/formats/wav.ts";
import { refusal } from "../helpers/refusal.ts";

const { WaveFile } = (wavefile as unknown as { default: typeof wavefile }).default;

type Given = {
  tag?: number;
  channels?: number;
  rate?: number;
  bits?: number;
  size?: number;
  riff?: number;
  before?: number[];
};
/** A file byte by byte, its sizes as they are asked for. */
function file(
  data: readonly number[],
  { tag = 1, channels = 1, rate = 8000, bits = 16, ...more }: Given = {},
): Uint8Array {
  const { size = data.length, riff = 36 + data.length, before = [] } = more;
  const text = (name: string): number[] => [...name].map((c) => c.charCodeAt(0));
  const word = (n: number, bytes: number): number[] =>
    Array.from({ length: bytes }, (_, k) => Math.floor(n / 256 ** k) % 256);
  const frame = (channels * bits) / 8;
  return new Uint8Array([
    ...text("RIFF"),
    ...word(riff, 4),
    ...text("WAVEfmt "),
    ...word(16, 4),
    ...word(tag, 2),
    ...word(channels, 2),
    ...word(rate, 4),
    ...word(rate * frame, 4),
    ...word(frame, 2),
    ...word(bits, 2),
    ...before,
    ...text("data"),
    ...word(size, 4),
    ...data,
  ]);
}
const samplesOf = (bytes: Uint8Array): number[][] => readWav(bytes).channels.map((one) => Array.from(one));

describe("samples", () => {
  test.each([
    [8, [0, 128, 192], [-1, 0, 0.5]],
    [16, [0, 128, 0, 64, 255, 255], [-1, 0.5, -1 / 32768]],
    [24, [0, 0, 128, 0, 0, 64, 255, 255, 255], [-1, 0.5, -1 / 2 ** 23]],
    [32, [0, 0, 0, 128, 0, 0, 0, 64], [-1, 0.5]],
  ])("of %i bits are from -1 to 1", (bits, data, wanted) => {
    expect(samplesOf(file(data, { bits }))).toEqual([wanted]);
  });

  test("of 32 and 64 bit float are what they are", () => {
    const single = new Uint8Array(Float32Array.of(0.25, -1.5).buffer);
    expect(samplesOf(file([...single], { tag: 3, bits: 32 }))).toEqual([[0.25, -1.5]]);
    const double = new Uint8Array(Float64Array.of(0.25, -1.5).buffer);
    expect(samplesOf(file([...double], { tag: 3, bits: 64 }))).toEqual([[0.25, -1.5]]);
  });

  test("of A-law and mu-law are those of G.711's tables: quiet, loud, negative", () => {
    expect(samplesOf(file([0xff, 0x80, 0x00], { tag: 7, bits: 8 }))).toEqual([
      [0, 32124, -32124].map((n) => n / 32768),
    ]);
    expect(samplesOf(file([0xd5, 0xaa, 0x2a], { tag: 6, bits: 8 }))).toEqual([
      [8, 32256, -32256].map((n) => n / 32768),
    ]);
  });

  test("of two channels lie one after the other, and are mixed to their mean", () => {
    const bytes = file([0, 64, 0, 32, 0, 192, 0, 0], { channels: 2 });
    expect(samplesOf(bytes)).toEqual([
      [0.5, -0.5],
      [0.25, 0],
    ]);
    expect(Array.from(mixDown(readWav(bytes)))).toEqual([0.375, -0.25]);
  });

  test("of the extensible format are read by the format that it names", () => {
    const wave = new WaveFile();
    wave.fromScratch(3, 8000, "16", [
      [16384, 0],
      [0, -32768],
      [1, 2],
    ]);
    expect(samplesOf(wave.toBuffer())).toEqual([
      [0.5, 0],
      [0, -1],
      [1 / 32768, 2 / 32768],
    ]);
  });

  test("of big-endian files (RIFX) are the same", () => {
    const wave = new WaveFile();
    wave.fromScratch(1, 8000, "16", [16384, -32768]);
    wave.toRIFX();
    expect(samplesOf(wave.toBuffer())).toEqual([[0.5, -1]]);
  });
});

describe("what wavefile reads in another way", () => {
  test.each([1, 7])("data of odd length (format %i), padded and not: no sample too many", (tag) => {
    for (const padding of [[], [0]]) {
      const bytes = file([10, 20, 30, ...padding], { tag, bits: 8, size: 3 });
      expect(samplesOf(bytes)[0]).toHaveLength(3);
    }
  });

  test("streamed files, whose size of the data is 0 or too large for any, are read to their end", () => {
    for (const size of [0, 0xffffffff, 0x7ffff000, 0x80000000]) {
      expect(samplesOf(file([0, 64, 0, 32, 7], { size, riff: 0 }))).toEqual([[0.5, 0.25]]);
    }
  });

  test("a chunk of odd length before the data is padded", () => {
    const before = [...[..."LIST"].map((c) => c.charCodeAt(0)), 3, 0, 0, 0, 1, 2, 3, 0];
    expect(samplesOf(file([0, 64], { before }))).toEqual([[0.5]]);
  });
});

describe("one line for", () => {
  const list = [...[..."LIST"].map((c) => c.charCodeAt(0)), 4, 0, 0, 0, 1, 2, 3, 4];
  const text = (words: string): Uint8Array => new TextEncoder().encode(words);
  const ffmpeg = "Convert it: ffmpeg -i a.wav -c:a pcm_s16le converted.wav";
  test.each<[string, Uint8Array, string]>([
    ["nothing", new Uint8Array(0), "the file is empty. Record it again, or leave it out."],
    ["no samples", file([]), "it has no samples. Record it again, or leave it out."],
    [
      "no samples before another chunk",
      file(list, { size: 0 }),
      "it has no samples. Record it again, or leave it out.",
    ],
    ["a text", text("once upon a time"), "it is text, not a WAV file. Give a recording."],
    ["other bytes", Uint8Array.of(1, 0, 255, 3), `it is not a WAV file. ${ffmpeg}`],
    [
      "RIFX before numbers of the other order",
      Uint8Array.from([...text("RIFX"), ...file([1, 2]).subarray(4)]),
      "it begins with RIFX, so that its numbers are big-endian, and they are little-endian: it is damaged. Copy or record it again.",
    ],
    ["FLAC", text("fLaC and more of it"), `it is a file of FLAC, not a WAV file. ${ffmpeg}`],
    [
      "a cut file",
      file([1, 2, 3, 4]).subarray(0, 46),
      "it is cut: its header says 4 bytes of samples, 2 are there. Copy or record it again.",
    ],
    [
      "a cut header",
      file([1, 2]).subarray(0, 30),
      "it is cut: its header has no whole format. Copy or record it again.",
    ],
    ["a header alone", file([1, 2]).subarray(0, 38), "it is cut: it ends before its samples. Copy or record it again."],
    [
      "IMA ADPCM",
      file([1, 2], { tag: 17, bits: 8 }),
      `it is compressed (IMA ADPCM); PCM, float, A-law and mu-law are read. ${ffmpeg}`,
    ],
    [
      "an unknown codec",
      file([1, 2], { tag: 999, bits: 8 }),
      `it is compressed (codec 999); PCM, float, A-law and mu-law are read. ${ffmpeg}`,
    ],
    [
      "no channel",
      file([1, 2], { channels: 0 }),
      "its header says 0 channels of 16 bits in 0 bytes, 8000 Hz, which no WAV file has: it is damaged. Copy or record it again.",
    ],
    [
      "a sample that is no number",
      file([...new Uint8Array(Float32Array.of(0, Number.NaN).buffer)], { tag: 3, bits: 32 }),
      "sample 1 is NaN: the file is damaged. Record it again.",
    ],
  ])("%s", (_, bytes, message) => {
    expect(refusal(() => readWav(bytes, "a.wav"))).toBe(`a.wav: ${message}`);
  });

  test("any bytes are read or refused in one line", () => {
    const whole = file([1, 2, 3, 4, 5, 6, 7, 8], { channels: 2 });
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), (at, byte, length) => {
        const damaged = whole.slice(0, length);
        if (at < length) damaged[at] = byte;
        try {
          for (const one of readWav(damaged, "a.wav").channels) expect(one.every(Number.isFinite)).toBe(true);
        } catch (error) {
          expect((error as Error).name).toBe("InputError");
          expect((error as Error).message).toMatch(/^a\.wav: .+$/);
        }
      }),
    );
  });
});

test("what is written is read again, and clipped beyond -1 and 1", () => {
  const { sampleRate, channels } = readWav(writeWav([0, 0.5, -1, 2, -3], 16_000));
  expect([sampleRate, Array.from(channels[0] as Float32Array)]).toEqual([16_000, [0, 0.5, -1, 32767 / 32768, -1]]);
  expect(refusal(() => writeWav([0, Number.NaN], 8000))).toBe("writeWav: samples[1] must be a finite number, got NaN");
});

describe("resampling", () => {
  const tone = (hz: number, rate: number, length: number): Float32Array =>
    Float32Array.from({ length }, (_, n) => Math.sin((2 * Math.PI * hz * n) / rate));
  /** The largest difference, away from the ends, where the filter reaches beyond the samples. */
  const apart = (a: Float32Array, b: Float32Array): number =>
    a.reduce(
      (most, one, n) => (n < 200 || n > a.length - 200 ? most : Math.max(most, Math.abs(one - (b[n] as number)))),
      0,
    );

  test.each([
    [44_100, 8000, 440],
    [44_100, 8000, 3400],
    [48_000, 8000, 1000],
    [16_000, 8000, 3400],
    [8000, 16_000, 3400],
    [11_025, 8000, 2000],
    [22_050, 48_000, 5000],
  ])("a sine from %i to %i Hz of %i Hz is that sine, by 0.001", (from, to, hz) => {
    const length = Math.ceil(0.2 * from);
    const got = resample(tone(hz, from, length), from, to);
    expect(got).toHaveLength(Math.ceil((length * to) / from));
    expect(apart(got, tone(hz, to, got.length))).toBeLessThan(0.001);
  });

  test("what the lower rate cannot hold is gone: 80 dB", () => {
    for (const hz of [4000, 4500, 9000, 20_000]) {
      const got = resample(tone(hz, 44_100, 8820), 44_100, 8000);
      expect(apart(got, new Float32Array(got.length))).toBeLessThan(1e-4);
    }
  });

  test("a constant stays what it is; the same rate changes nothing", () => {
    const flat = resample(new Float32Array(4000).fill(0.5), 22_050, 8000);
    expect(apart(flat, new Float32Array(flat.length).fill(0.5))).toBeLessThan(1e-6);
    expect(Array.from(resample([1, 2, 3], 8000, 8000))).toEqual([1, 2, 3]);
  });
});
