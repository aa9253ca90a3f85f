/**
 * Read and write WAV files. The chunks are walked here, which tells a whole file from one that is cut, compressed or still being
 * streamed; wavefile decodes the samples. Knows nothing about other rates (`resample.ts`) and about what the sound is.
 */
import * as wavefile from "wavefile";
import { InputError } from "../graph/input-error.ts";
import {
  type Arguments,
  checkArguments,
  isList,
  listOf,
  numbers,
  options as optionsOf,
  type Rule,
  required,
  someText,
  wholeNumber,
} from "../graph/schema.ts";

import { findNoText } from "./decode-text.ts";

export { resample } from "./resample.ts";

/** Sound: samples from -1 to 1 by channel, all of one length, and samples a second. */
export type Wav = {
  readonly sampleRate: number;
  readonly channels: readonly Float32Array<ArrayBuffer>[];
};

/** Bytes of a file. */
const someBytes: Rule = { expected: "bytes (a Uint8Array)", accepts: (value) => value instanceof Uint8Array };
/** @internal */
export const readWavArguments: Arguments = { bytes: someBytes, file: someText };

/** What is read: PCM, float, A-law and mu-law, by the number in the header. */
const [pcm, float, aLaw, muLaw, extensible] = [1, 3, 6, 7, 0xfffe];
const read: readonly number[] = [pcm, float, aLaw, muLaw];
/** Codecs by their number in the header: those that are met. */
const codecs: Readonly<Record<number, string>> = {
  2: "Microsoft ADPCM",
  17: "IMA ADPCM",
  49: "GSM 6.10",
  65: "G.721 ADPCM",
  80: "MPEG",
  85: "MP3",
  255: "AAC",
  353: "Windows Media Audio",
  8192: "AC-3",
  61868: "FLAC",
};
/** Files that are often given in place of WAV, by how they begin. */
const others: readonly (readonly [begin: string, what: string])[] = [
  ["fLaC", "FLAC"],
  ["OggS", "Ogg"],
  ["ID3", "MP3"],
  ["\xff\xfb", "MP3"],
  ["FORM", "AIFF"],
  ["caff", "Core Audio"],
];
/** From here on a size of the data is no size: programs that write to a pipe leave such ones in the header. */
const streamed = 0x7fff0000;

/**
 * Read a WAV file: PCM of 8, 16, 24 or 32 bits, float of 32 or 64 bits, A-law or mu-law, of any rate and any number of channels. A
 * file that was streamed, whose header has no size of the data, is read to its end.
 * @param bytes the content of the file
 * @param file its name, for messages. Default "audio.wav"
 * @returns the samples from -1 to 1 by channel (whole numbers are divided by 2^(bits - 1), so the largest is a little below 1)
 * @throws InputError, one line, for a file that is empty, cut, compressed (with the codec) or not a WAV file
 * @example const { sampleRate, channels } = readWav(readFileSync("seven.wav"), "seven.wav");
 */
export function readWav(bytes: Uint8Array, file = "audio.wav"): Wav {
  checkArguments("readWav", { bytes, file }, readWavArguments);
  const { format, data, big } = chunksOf(bytes, file);
  const { tag, channels, sampleRate, frameBytes } = format;
  const bits = (8 * frameBytes) / channels;
  const frames = Math.floor(data.length / frameBytes);
  if (frames === 0) throw new InputError(`${file}: it has no samples. Record it again, or leave it out.`);
  const wave = new Decoder();
  wave.fromBuffer(wholeFile(format, data.subarray(0, frames * frameBytes), big));
  if (tag === aLaw) wave.fromALaw();
  if (tag === muLaw) wave.fromMuLaw();
  const given = wave.getSamples(false, Float64Array) as unknown as Float64Array | Float64Array[];
  const [offset, scale] =
    tag === float ? [0, 1] : bits === 8 && tag === pcm ? [128, 128] : [0, 2 ** (wholeBits(tag, bits) - 1)];
  const all = (isList(given[0]) ? given : [given]) as readonly Float64Array[];
  return {
    sampleRate,
    channels: all.map((one, c) => {
      // wavefile takes the byte that pads odd data for one more sample.
      const samples = new Float32Array(frames);
      for (let n = 0; n < frames; n++) samples[n] = ((one[n] as number) - offset) / scale;
      const odd = samples.findIndex((sample) => !Number.isFinite(sample));
      if (odd < 0) return samples;
      const where = all.length > 1 ? ` of channel ${c + 1}` : "";
      throw new InputError(`${file}: sample ${odd}${where} is ${samples[odd]}: the file is damaged. Record it again.`);
    }),
  };
}
const wholeBits = (tag: number, bits: number): number => (tag === aLaw || tag === muLaw ? 16 : bits);

// A bundler takes the module of names, Node the older one, whose names are those of its default.
const library: { readonly WaveFile?: typeof wavefile.WaveFile; readonly default?: typeof wavefile } =
  wavefile as object;
const Decoder = library.WaveFile ?? (library.default as typeof wavefile).WaveFile;

type Format = {
  readonly tag: number;
  readonly channels: number;
  readonly sampleRate: number;
  /** Bytes of one sample of every channel. */
  readonly frameBytes: number;
};
type Chunks = { readonly format: Format; readonly data: Uint8Array; readonly big: boolean };

/** The format and the data of a file. @throws InputError for what cannot be read */
function chunksOf(bytes: Uint8Array, file: string): Chunks {
  const name = (at: number): string => String.fromCharCode(...bytes.subarray(at, at + 4));
  if (bytes.length === 0) throw new InputError(`${file}: the file is empty. Record it again, or leave it out.`);
  const kind = name(0);
  const isWave = ["RIFF", "RIFX", "RF64"].includes(kind) && name(8) === "WAVE";
  if (!isWave) {
    const [, what] = others.find(([begin]) => kind.startsWith(begin)) ?? [];
    if (what === undefined && findNoText(bytes.subarray(0, 1000)) < 0)
      throw new InputError(`${file}: it is text, not a WAV file. Give a recording.`);
    const found = what === undefined ? "it is not a WAV file" : `it is a file of ${what}, not a WAV file`;
    throw new InputError(`${file}: ${found}. ${convert(file)}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const big = kind === "RIFX";
  let format: Format | undefined;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const [id, size, from] = [name(at), view.getUint32(at + 4, !big), at + 8];
    if (id === "data") {
      if (format === undefined) throw new InputError(`${file}: its header says no format: it is damaged. ${again}`);
      return { format, data: dataFrom(bytes, { from, size, big, chunkName: name, view, file }), big };
    }
    if (id === "fmt ") format = formatAt(view, { from, size, big, file });
    at = from + size + (size % 2);
  }
  throw new InputError(`${file}: it is cut: it ends before its samples. ${again}`);
}
const again = "Copy or record it again.";
const convert = (file: string): string =>
  `Convert it: ffmpeg -i ${/\s/.test(file) ? JSON.stringify(file) : file} -c:a pcm_s16le converted.wav`;

function formatAt(
  view: DataView,
  { from, size, big, file }: { from: number; size: number; big: boolean; file: string },
): Format {
  if (size < 16 || from + 16 > view.byteLength)
    throw new InputError(`${file}: it is cut: its header has no whole format. ${again}`);
  const short = (at: number): number => view.getUint16(from + at, !big);
  const first = short(0);
  const tag = first === extensible && size >= 26 && from + 26 <= view.byteLength ? short(24) : first;
  const [channels, sampleRate, frameBytes, bits] = [short(2), view.getUint32(from + 4, !big), short(12), short(14)];
  if (!read.includes(tag)) {
    if (read.includes(view.getUint16(from, big))) {
      const [begin, order, other] = big ? ["RIFX", "big", "little"] : ["RIFF", "little", "big"];
      throw new InputError(
        `${file}: it begins with ${begin}, so that its numbers are ${order}-endian, and they are ${other}-endian: it is damaged. ${again}`,
      );
    }
    const codec = codecs[tag] ?? `codec ${tag}`;
    throw new InputError(
      `${file}: it is compressed (${codec}); PCM, float, A-law and mu-law are read. ${convert(file)}`,
    );
  }
  const width = frameBytes / channels;
  const widths = tag === pcm ? [1, 2, 3, 4] : tag === float ? [4, 8] : [1];
  if (channels === 0 || sampleRate === 0 || !widths.includes(width) || bits > 8 * width) {
    const what = `${channels} channels of ${bits} bits in ${frameBytes} bytes, ${sampleRate} Hz`;
    throw new InputError(`${file}: its header says ${what}, which no WAV file has: it is damaged. ${again}`);
  }
  return { tag, channels, sampleRate, frameBytes };
}

function dataFrom(
  bytes: Uint8Array,
  chunk: {
    readonly from: number;
    readonly size: number;
    readonly big: boolean;
    readonly chunkName: (at: number) => string;
    readonly view: DataView;
    readonly file: string;
  },
): Uint8Array {
  const { from, size, file } = chunk;
  const there = bytes.length - from;
  if (size >= streamed || (size === 0 && !endsInChunks(chunk))) return bytes.subarray(from);
  if (size > there) {
    const count = (n: number): string => n.toLocaleString("en-US");
    throw new InputError(
      `${file}: it is cut: its header says ${count(size)} bytes of samples, ${count(there)} are there. ${again}`,
    );
  }
  return bytes.subarray(from, from + size);
}

/** Whether whole chunks follow data of size 0, up to the end: then it is empty; else it was streamed. */
function endsInChunks({
  from,
  big,
  chunkName,
  view,
}: {
  from: number;
  big: boolean;
  chunkName: (at: number) => string;
  view: DataView;
}): boolean {
  let at = from;
  while (at + 8 <= view.byteLength && /^[ -~]{4}$/.test(chunkName(at))) {
    const size = view.getUint32(at + 4, !big);
    at += 8 + size + (size % 2);
  }
  return at === view.byteLength || at === view.byteLength + 1;
}

/** A file of just these samples, as wavefile reads it: sizes as they are, the bits of a sample those that it takes. */
function wholeFile({ tag, channels, sampleRate, frameBytes }: Format, data: Uint8Array, big: boolean): Uint8Array {
  const bytes = new Uint8Array(44 + data.length + (data.length % 2));
  const view = new DataView(bytes.buffer);
  const write = (at: number, text: string): void => bytes.set(new TextEncoder().encode(text), at);
  write(0, big ? "RIFX" : "RIFF");
  view.setUint32(4, bytes.length - 8, !big);
  write(8, "WAVEfmt ");
  view.setUint32(16, 16, !big);
  view.setUint16(20, tag, !big);
  view.setUint16(22, channels, !big);
  view.setUint32(24, sampleRate, !big);
  view.setUint32(28, sampleRate * frameBytes, !big);
  view.setUint16(32, frameBytes, !big);
  view.setUint16(34, (8 * frameBytes) / channels, !big);
  write(36, "data");
  view.setUint32(40, data.length, !big);
  bytes.set(data, 44);
  return bytes;
}

const samplesRule: Rule = { expected: "a Float32Array", accepts: (value) => value instanceof Float32Array };
/** @internal */
export const mixDownArguments: Arguments = {
  wav: {
    ...optionsOf<Wav>({ sampleRate: required(wholeNumber(1)), channels: required(listOf(samplesRule, 1)) }),
    expected: "sound, as readWav returns it",
  },
};

/**
 * The mean of all channels.
 * @param wav sound, as `readWav` returns it
 * @throws InputError for channels of unequal length
 */
export function mixDown(wav: Wav): Float32Array<ArrayBuffer> {
  checkArguments("mixDown", { wav }, mixDownArguments);
  const { channels } = wav;
  const [first = new Float32Array(0), ...more] = channels;
  const other = more.find(({ length }) => length !== first.length);
  if (other !== undefined)
    throw new InputError(
      `mixDown: wav: all channels must have the same number of samples, got ${first.length} and ${other.length}`,
    );
  if (more.length === 0) return first;
  return first.map((sample, n) => more.reduce((sum, one) => sum + (one[n] as number), sample) / channels.length);
}

/** @internal */
export const writeWavArguments: Arguments = { samples: numbers, sampleRate: wholeNumber(1, 2 ** 32 - 1) };

/**
 * Write samples as a WAV file of 16 bits, mono. Samples beyond -1 and 1 are clipped.
 * @param samples from -1 to 1
 * @param sampleRate samples a second
 * @returns the bytes of the file
 * @throws InputError for a sample that is not a finite number
 * @example writeFileSync("tone.wav", writeWav(samples, 8000));
 */
export function writeWav(samples: ArrayLike<number>, sampleRate: number): Uint8Array<ArrayBuffer> {
  checkArguments("writeWav", { samples, sampleRate }, writeWavArguments);
  const data = new Int16Array(samples.length);
  for (let n = 0; n < samples.length; n++) {
    const sample = samples[n];
    if (!Number.isFinite(sample))
      throw new InputError(`writeWav: samples[${n}] must be a finite number, got ${sample}`);
    data[n] = Math.max(-32768, Math.min(32767, Math.round(32768 * (sample as number))));
  }
  const format = { tag: pcm, channels: 1, sampleRate, frameBytes: 2 };
  return new Uint8Array(wholeFile(format, new Uint8Array(data.buffer), false));
}
