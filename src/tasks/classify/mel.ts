/**
 * The mel scale and its filter bank, by librosa's formulas (`librosa.filters.mel` with its defaults: Slaney's scale, linear below
 * 1 kHz and logarithmic above, and triangles of equal area). Knows nothing about samples.
 */

/** Slaney's scale: 200/3 Hz a mel up to 1 kHz, which is 15 mels; from there on 27 mels multiply a frequency by 6.4. */
const [hzPerMel, breakHz, logStep] = [200 / 3, 1000, Math.log(6.4) / 27];
const breakMel = breakHz / hzPerMel;

/** Mels of a frequency in Hz: librosa's `hz_to_mel`. */
export const melOf = (hz: number): number =>
  hz < breakHz ? hz / hzPerMel : breakMel + Math.log(hz / breakHz) / logStep;

/** The frequency in Hz of mels: librosa's `mel_to_hz`. */
export const hzOf = (mel: number): number =>
  mel < breakMel ? mel * hzPerMel : breakHz * Math.exp((mel - breakMel) * logStep);

/** `count` frequencies, equally far apart in mels: librosa's `mel_frequencies`. */
export function melFrequencies(count: number, lowHz: number, highHz: number): number[] {
  const [low, high] = [melOf(lowHz), melOf(highHz)];
  return Array.from({ length: count }, (_, k) => hzOf(low + ((high - low) * k) / (count - 1)));
}

/** The bins that a band reads, from `first` on. */
export type Band = {
  readonly first: number;
  readonly weights: Float64Array;
  /** The weight that a bin in its middle would have. */
  readonly peak: number;
};

/**
 * Triangles over the bins of a power spectrum: each rises from the middle of the band before to its own, and falls to that of the
 * band after; their area is 1 over Hz. A band narrower than a bin may read none.
 */
export function melBands(options: {
  readonly sampleRate: number;
  readonly fftSize: number;
  readonly melBands: number;
  readonly lowHz: number;
  readonly highHz: number;
}): Band[] {
  const { sampleRate, fftSize, melBands: count, lowHz, highHz } = options;
  const edges = melFrequencies(count + 2, lowHz, highHz);
  return Array.from({ length: count }, (_, band) => {
    const [low, middle, high] = edges.slice(band, band + 3) as [number, number, number];
    const weightAt = (bin: number): number => {
      const hz = (bin * sampleRate) / fftSize;
      return (Math.max(0, Math.min((hz - low) / (middle - low), (high - hz) / (high - middle))) * 2) / (high - low);
    };
    // A bin more on either side: where an edge lies on one, rounding decides.
    const from = Math.max(0, Math.floor((low * fftSize) / sampleRate) - 1);
    const to = Math.min(fftSize / 2, Math.ceil((high * fftSize) / sampleRate) + 1);
    const bins: number[] = [];
    for (let bin = from; bin <= to; bin++) if (weightAt(bin) > 0) bins.push(bin);
    return { first: bins[0] ?? 0, weights: Float64Array.from(bins, weightAt), peak: 2 / (high - low) };
  });
}
