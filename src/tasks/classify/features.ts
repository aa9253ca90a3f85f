/**
 * Features of sound, frame by frame: logarithms of mel bands, or their cosine transform (MFCC), and how they change. Samples may
 * come in pieces of any length; the numbers are those of the whole. Knows nothing about labels, models and scaling.
 */
import { InputError } from "../../graph/input-error.ts";
import {
  type Arguments,
  checkArguments,
  checkOptions,
  inRange,
  numbers,
  oneOf,
  options as optionsOf,
  type Rule,
  type Schema,
  wholeNumber,
} from "../../graph/schema.ts";
import { deltaStage, type FrameStage } from "./deltas.ts";
import { createFft } from "./fft.ts";
import { type Band, melBands } from "./mel.ts";

/** How sound becomes features. All of it is kept in a model's file. */
export type AudioFeatures = {
  /** Samples a second; other sound is resampled. Default 8000. */
  readonly sampleRate: number;
  /** "log-mel": natural logarithms of the energy in mel bands; "mfcc": the first coefficients of their cosine transform. Default "log-mel". */
  readonly kind: "log-mel" | "mfcc";
  /** Samples of a frame. Default 25 ms. */
  readonly frameLength: number;
  /** Samples from frame to frame. Default 10 ms. */
  readonly hopLength: number;
  /** Samples of the Fourier transform, a power of two: a frame is padded with zeros. Default the first that holds a frame. */
  readonly fftSize: number;
  /** Mel bands. Default 40. */
  readonly melBands: number;
  /** Coefficients of "mfcc". Default 13. */
  readonly coefficients: number;
  /** Where the lowest band begins, in Hz. Default 0. */
  readonly lowHz: number;
  /** Where the highest band ends, in Hz. Default half the sample rate. */
  readonly highHz: number;
  /** What energy is at least, before the logarithm. Default 1e-10. */
  readonly floor: number;
  /** How often features are followed by their change from frame to frame: 1 for changes, 2 for changes of these too. Default 0. */
  readonly deltas: number;
};

const count = wholeNumber(1, 2 ** 20);
const fftSizes: Rule = {
  expected: "a power of two from 4 to 65536",
  accepts: (value) => count.accepts(value) && [2 ** 16 % (value as number), (value as number) < 4].every((no) => !no),
};
const hz = inRange(0);
export const audioFeatureRules: Schema<AudioFeatures> = {
  sampleRate: wholeNumber(100, 2 ** 20),
  kind: oneOf("log-mel", "mfcc"),
  frameLength: count,
  hopLength: count,
  fftSize: fftSizes,
  melBands: wholeNumber(1, 1000),
  coefficients: wholeNumber(1, 1000),
  lowHz: hz,
  highHz: hz,
  floor: inRange(0, 1, "()"),
  deltas: wholeNumber(0, 2),
};
export const audioFeatureArguments: Arguments = { options: optionsOf<Partial<AudioFeatures>>(audioFeatureRules) };

/**
 * Complete options of features.
 * @throws InputError for options that do not fit each other, such as a frame longer than its transform
 */
export function completeFeatures(given: Partial<AudioFeatures> = {}, where = "audioFeatures"): AudioFeatures {
  checkOptions(where, given, audioFeatureRules);
  const { sampleRate = 8000 } = given;
  const { frameLength = Math.round(0.025 * sampleRate), hopLength = Math.round(0.01 * sampleRate) } = given;
  const { fftSize = Math.max(4, 2 ** Math.ceil(Math.log2(frameLength))), melBands: bands = 40 } = given;
  const { lowHz = 0, highHz = sampleRate / 2, coefficients = Math.min(13, bands) } = given;
  const { kind = "log-mel", floor = 1e-10, deltas = 0 } = given;
  const wrong = (what: string): InputError => new InputError(`${where}: ${what}`);
  if (frameLength > fftSize) throw wrong(`frameLength ${frameLength} is longer than fftSize ${fftSize}`);
  if (highHz > sampleRate / 2) throw wrong(`highHz ${highHz} is above half the sample rate, ${sampleRate / 2}`);
  if (lowHz >= highHz) throw wrong(`lowHz ${lowHz} must be below highHz ${highHz}`);
  if (kind === "mfcc" && coefficients > bands)
    throw wrong(`coefficients ${coefficients} are more than the ${bands} mel bands`);
  return {
    sampleRate,
    kind,
    frameLength,
    hopLength,
    fftSize,
    melBands: bands,
    coefficients,
    lowHz,
    highHz,
    floor,
    deltas,
  };
}

/** Whether a band has a bin near enough to its middle that it hears more than what rounding leaves. */
const hears = ({ weights, peak }: Band): boolean => weights.some((weight) => weight > 0.001 * peak);

/**
 * Check that each mel band has a bin of the spectrum. Files may have bands without one, whose feature is always the same.
 * @throws InputError with the bands that there may be
 */
export function checkBands(options: AudioFeatures, where: string): void {
  const { fftSize, melBands: count, lowHz, highHz } = options;
  const hear = (bands: number): boolean => melBands({ ...options, melBands: bands }).every(hears);
  if (hear(count)) return;
  const most = Array.from({ length: count - 1 }, (_, k) => count - 1 - k).find(hear);
  const give = most === undefined ? "a larger fftSize" : `at most ${most} mel bands, or a larger fftSize`;
  throw new InputError(
    `${where}: melBands: ${count} mel bands from ${lowHz} to ${highHz} Hz are narrower than the ${fftSize / 2 + 1} bins of a frame of ` +
      `${options.frameLength} samples at ${options.sampleRate} Hz. Give ${give}, or a higher sample rate.`,
  );
}

/** The number of features of a frame. */
export const featureCount = ({ kind, melBands: bands, coefficients, deltas }: AudioFeatures): number =>
  (kind === "mfcc" ? coefficients : bands) * (1 + deltas);

/** Turns samples into features while they come. */
export type FeatureExtractor = {
  /** The features of the frames that these samples complete, each a vector. */
  readonly push: (samples: ArrayLike<number>) => Float64Array[];
  /** The features of the last frames: of changes, and of sound shorter than a frame, padded with zeros. Then it begins anew. */
  readonly end: () => Float64Array[];
};

/** Features of samples at the rate of the options, which are complete. */
export function createExtractor(options: AudioFeatures): FeatureExtractor {
  const { frameLength, hopLength, deltas } = options;
  const featuresOf = frameFeatures(options);
  const width = featureCount({ ...options, deltas: 0 });
  const stages: FrameStage[] = Array.from({ length: deltas }, (_, k) => deltaStage(k * width));
  /** The samples from the beginning of the next frame on; `skip` more come before them. */
  let [kept, length, skip] = [new Float64Array(4 * frameLength), 0, 0];
  let frames = 0;
  const through = (made: Float64Array[], from = 0): Float64Array[] =>
    stages.slice(from).reduce((out, stage) => out.flatMap(stage.push), made);
  const take = (): Float64Array => {
    frames++;
    const features = featuresOf(kept.subarray(0, frameLength));
    const gone = Math.min(hopLength, length);
    kept.copyWithin(0, gone, length);
    length -= gone;
    skip = hopLength - gone;
    return features;
  };
  return {
    push(samples) {
      const made: Float64Array[] = [];
      for (let k = 0; k < samples.length; k++) {
        if (skip > 0) {
          skip--;
          continue;
        }
        kept[length++] = samples[k] as number;
        if (length === frameLength) made.push(take());
      }
      return through(made);
    },
    end() {
      const made: Float64Array[] = [];
      if (frames === 0 && length > 0) {
        kept.fill(0, length, frameLength);
        made.push(take());
      }
      const out = through(made);
      stages.forEach((stage, k) => {
        out.push(...through(stage.end(), k + 1));
      });
      [kept, length, skip, frames] = [new Float64Array(4 * frameLength), 0, 0, 0];
      return out;
    },
  };
}

/** What extractors of the same options share: making the filters takes longer than a short sound. */
const made = new WeakMap<AudioFeatures, (samples: Float64Array) => Float64Array>();

/** A function from the samples of a frame to its features, without changes. */
function frameFeatures(options: AudioFeatures): (samples: Float64Array) => Float64Array {
  const known = made.get(options);
  if (known !== undefined) return known;
  const own = makeFrameFeatures(options);
  made.set(options, own);
  return own;
}

function makeFrameFeatures(options: AudioFeatures): (samples: Float64Array) => Float64Array {
  const { frameLength, fftSize, floor, kind, coefficients } = options;
  // A periodic Hann window: scipy's and librosa's for spectra.
  const window = Float64Array.from(
    { length: frameLength },
    (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / frameLength),
  );
  const fft = createFft(fftSize);
  const padded = new Float64Array(fftSize);
  const bands = melBands(options);
  const transform = kind === "mfcc" ? cosines(coefficients, bands.length) : undefined;
  return (samples) => {
    for (let n = 0; n < frameLength; n++) padded[n] = (samples[n] as number) * (window[n] as number);
    const spectrum = fft(padded);
    const logs = Float64Array.from(bands, ({ first, weights }) => {
      let energy = 0;
      for (let k = 0; k < weights.length; k++) {
        const at = 2 * (first + k);
        energy += (weights[k] as number) * ((spectrum[at] as number) ** 2 + (spectrum[at + 1] as number) ** 2);
      }
      return Math.log(Math.max(floor, energy));
    });
    if (transform === undefined) return logs;
    return Float64Array.from(transform, (row) => row.reduce((sum, weight, n) => sum + weight * (logs[n] as number), 0));
  };
}

/** Rows of the orthonormal cosine transform of type II. */
const cosines = (rows: number, columns: number): Float64Array[] =>
  Array.from({ length: rows }, (_, k) =>
    Float64Array.from(
      { length: columns },
      (_, n) => Math.sqrt((k === 0 ? 1 : 2) / columns) * Math.cos((Math.PI * k * (2 * n + 1)) / (2 * columns)),
    ),
  );

export const featuresArguments: Arguments = {
  samples: numbers,
  options: optionsOf<Partial<AudioFeatures>>(audioFeatureRules),
};

/**
 * Features of sound: samples (n) -> frames (T, features). Frame t has the samples from t * hopLength on; those of the end that fill
 * no frame are left out, and sound shorter than a frame is one frame, padded with zeros. A frame is multiplied by a periodic Hann
 * window, its power spectrum goes through mel bands, and the natural logarithm is taken.
 *
 * With `frameLength` equal to `fftSize` the energies are those of librosa's `feature.melspectrogram(..., center=False)` with its
 * defaults (Slaney's scale and norm). Its decibels are 10 / log(10) times the logarithms here, its MFCC likewise (`power_to_db` with
 * `amin=floor, top_db=None`). Changes are HTK's.
 * @param samples from -1 to 1, one channel, at `sampleRate`
 * @param options `kind` ("log-mel" or "mfcc"), `sampleRate` (8000), `frameLength` (25 ms), `hopLength` (10 ms), `melBands` (40), and
 *   more: see `AudioFeatures`
 * @returns `{ data, shape }`: (T, features)
 * @throws InputError for options that do not fit each other, for more mel bands than a frame tells apart, and for no samples
 * @example const { data, shape } = audioFeatures(samples, { sampleRate: 16_000, kind: "mfcc", deltas: 2 });
 */
export function audioFeatures(
  samples: ArrayLike<number>,
  options: Partial<AudioFeatures> = {},
): { readonly data: Float32Array<ArrayBuffer>; readonly shape: readonly number[] } {
  checkArguments("audioFeatures", { samples, options }, featuresArguments);
  const all = completeFeatures(options);
  checkBands(all, "audioFeatures");
  if (samples.length === 0) throw new InputError("audioFeatures: there are no samples");
  for (let n = 0; n < samples.length; n++) {
    if (!Number.isFinite(samples[n]))
      throw new InputError(`audioFeatures: samples[${n}] must be a finite number, got ${samples[n]}`);
  }
  const rows = rowsOfSound(samples, all);
  const features = featureCount(all);
  const data = new Float32Array(rows.length * features);
  rows.forEach((row, t) => {
    data.set(row, t * features);
  });
  return { data, shape: [rows.length, features] };
}

/** The frames of whole sound. */
export function rowsOfSound(samples: ArrayLike<number>, options: AudioFeatures): Float64Array[] {
  const extractor = createExtractor(options);
  return [...extractor.push(samples), ...extractor.end()];
}
