/**
 * Read and write MIDI files. The chunks are walked here, which tells a whole file from one that is cut; midi-file decodes and encodes
 * the events. Note-on and note-off become notes here, where what hangs or overlaps is found. Knows nothing about models.
 */
import * as midiFile from "midi-file";
import { aPiece, inOrder, type Note, type Piece, type Tempo, usualTempo } from "../data/piece.ts";
import { InputError } from "../graph/input-error.ts";
import { type Arguments, checkArguments, flag, options as optionsOf, type Rule, someText } from "../graph/schema.ts";

// A bundler takes the module of names, Node the older one, whose names are those of its default.
type Library = { readonly parseMidi: typeof midiFile.parseMidi; readonly writeMidi: typeof midiFile.writeMidi };
const library: Library = (midiFile as { default?: Library }).default ?? midiFile;

/** Options of `readMidi`. */
export type ReadMidiOptions = {
  /**
   * Whether to mend what is wrong with notes in place of refusing it: a note that hangs ends with its track, one that overlaps the
   * next of its pitch ends where that begins, and one that ends where it begins is left out. Default false.
   */
  readonly repair?: boolean;
};
const someBytes: Rule = { expected: "bytes (a Uint8Array)", accepts: (value) => value instanceof Uint8Array };
/** @internal */
export const readMidiArguments: Arguments = {
  bytes: someBytes,
  file: someText,
  options: optionsOf<ReadMidiOptions>({ repair: flag }),
};
/** @internal */
export const writeMidiArguments: Arguments = { piece: aPiece };

const again = "Copy or export it again.";

/**
 * Read a MIDI file of format 0 or 1. Times stay ticks, and tempos are read of every track; time in SMPTE frames, whose ticks do not
 * depend on tempos, becomes ticks of a tempo that says the same seconds.
 * @param bytes the content of the file
 * @param file its name, for messages. Default "music.mid"
 * @param options `repair` (false)
 * @returns notes, tempos, and ticks a quarter
 * @throws InputError, one line, for a file that is empty, cut or not a MIDI file; with track (from 1) and tick, for a note that hangs,
 *   that overlaps another of its pitch on its channel, or that ends where it begins
 * @example const { notes } = readMidi(readFileSync("tune.mid"), "tune.mid");
 */
export function readMidi(bytes: Uint8Array, file = "music.mid", options: ReadMidiOptions = {}): Piece {
  checkArguments("readMidi", { bytes, file, options }, readMidiArguments);
  const { repair = false } = options;
  const { division, tracks } = chunksOf(bytes, file);
  const { ticksPerQuarter, fixedTempo } = timeOf(division, file);
  const [tempos, notes]: [Tempo[], Note[]] = [[], []];
  tracks.forEach((data, track) => {
    const place: Place = { file, track };
    let tick = 0;
    const sounding = new Sounding(place, repair);
    for (const event of eventsOf(data, place)) {
      tick += event.deltaTime;
      if (event.type === "endOfTrack") break;
      if (event.type === "setTempo") {
        if (event.microsecondsPerBeat === 0)
          throw new InputError(
            `${at(place, tick)}: a tempo of 0 microseconds a quarter: the file is damaged. ${again}`,
          );
        tempos.push({ tick, microsecondsPerQuarter: event.microsecondsPerBeat });
      }
      if (event.type === "noteOn") sounding.begin(event.channel, event.noteNumber, event.velocity, tick);
      if (event.type === "noteOff") sounding.end(event.channel, event.noteNumber, tick);
    }
    notes.push(...sounding.notes(tick));
  });
  return {
    ticksPerQuarter,
    tempos: fixedTempo === undefined ? ordered(tempos) : [{ tick: 0, microsecondsPerQuarter: fixedTempo }],
    notes: inOrder(notes),
  };
}

/** Tempos by their ticks; of several at one tick the last. */
function ordered(tempos: readonly Tempo[]): Tempo[] {
  const sorted = [...tempos].sort((a, b) => a.tick - b.tick);
  return sorted.filter(({ tick }, k) => sorted[k + 1]?.tick !== tick);
}

type Place = { readonly file: string; readonly track: number };
const at = ({ file, track }: Place, tick: number): string => `${file}: track ${track + 1}, tick ${tick}`;

/** The notes that begin and end on a track. */
class Sounding {
  readonly #place: Place;
  readonly #repair: boolean;
  /** By channel and pitch, those that have not ended, the oldest first. */
  readonly #open = new Map<number, { start: number; velocity: number }[]>();
  readonly #done: Note[] = [];

  constructor(place: Place, repair: boolean) {
    this.#place = place;
    this.#repair = repair;
  }

  begin(channel: number, pitch: number, velocity: number, start: number): void {
    const key = 128 * channel + pitch;
    const open = this.#open.get(key) ?? [];
    open.push({ start, velocity });
    this.#open.set(key, open);
  }

  /** A note-off ends the oldest note of its pitch; of none it says nothing. */
  end(channel: number, pitch: number, tick: number): void {
    const open = this.#open.get(128 * channel + pitch) ?? [];
    const note = open.shift();
    if (note === undefined) return;
    const { start, velocity } = note;
    const [next] = open;
    const where = `${at(this.#place, next?.start ?? start)}: pitch ${pitch} on channel ${channel}`;
    const end = Math.min(tick, next?.start ?? tick);
    if (!this.#repair && end < tick) {
      throw new InputError(`${where} begins while it sounds since tick ${start}. ${mended}`);
    }
    if (!this.#repair && end === start) throw new InputError(`${where} ends where it begins. ${mended}`);
    if (end > start) this.#done.push(this.#note(channel, pitch, { start, velocity, end }));
  }

  notes(last: number): readonly Note[] {
    for (const [key, open] of this.#open) {
      const [channel, pitch] = [Math.floor(key / 128), key % 128];
      for (const [k, { start, velocity }] of open.entries()) {
        if (!this.#repair) {
          throw new InputError(
            `${at(this.#place, start)}: pitch ${pitch} on channel ${channel} hangs: the track ends at tick ${last} without its note-off. ${mended}`,
          );
        }
        const end = open[k + 1]?.start ?? last;
        if (end > start) this.#done.push(this.#note(channel, pitch, { start, velocity, end }));
      }
    }
    return this.#done;
  }

  #note(channel: number, pitch: number, of: { start: number; velocity: number; end: number }): Note {
    const { start, velocity, end } = of;
    return { pitch, start, duration: end - start, velocity, track: this.#place.track, channel };
  }
}
const mended = "Mend it in an editor, or read it with `repair`.";

type Chunks = { readonly division: number; readonly tracks: readonly Uint8Array[] };

/** The tracks of a file, whole. @throws InputError for what is no MIDI file, and for one that is cut */
function chunksOf(bytes: Uint8Array, file: string): Chunks {
  const name = (from: number): string => String.fromCharCode(...bytes.subarray(from, from + 4));
  if (bytes.length === 0) throw new InputError(`${file}: the file is empty. ${again}`);
  if (name(0) === "RIFF" && name(8) === "RMID")
    throw new InputError(`${file}: it is a MIDI file within RIFF (.rmi). Export it as a standard MIDI file.`);
  if (name(0) !== "MThd") throw new InputError(`${file}: it is not a MIDI file. Give one, which ends with .mid.`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 14) throw new InputError(`${file}: it is cut: it ends within its header. ${again}`);
  const [header, format, count, division] = [
    view.getUint32(4),
    view.getUint16(8),
    view.getUint16(10),
    view.getUint16(12),
  ];
  if (header < 6) throw new InputError(`${file}: its header has ${header} bytes, expected 6: it is damaged. ${again}`);
  if (format > 1) {
    const what = format === 2 ? "independent patterns" : "no format of a MIDI file";
    throw new InputError(`${file}: it has format ${format}, ${what}; 0 and 1 are read. Export it as format 1.`);
  }
  const tracks: Uint8Array[] = [];
  for (let from = 8 + header; tracks.length < count; ) {
    if (from + 8 > bytes.length) {
      throw new InputError(`${file}: it is cut: its header says ${count} tracks, ${tracks.length} are there. ${again}`);
    }
    const [size, begin] = [view.getUint32(from + 4), from + 8];
    if (begin + size > bytes.length) {
      const where = name(from) === "MTrk" ? `${file}: track ${tracks.length + 1}` : file;
      throw new InputError(
        `${where}: it is cut: it should have ${size} bytes, ${bytes.length - begin} are there. ${again}`,
      );
    }
    // Chunks of other names are to be passed over.
    if (name(from) === "MTrk") tracks.push(bytes.subarray(begin, begin + size));
    from = begin + size;
  }
  return { division, tracks };
}

/** Frames a second by the number in a header; 29 is 30 of 1001 / 1000 seconds. */
const frames: Readonly<Record<number, readonly [perQuarter: number, microseconds: number]>> = {
  24: [24, 1_000_000],
  25: [25, 1_000_000],
  29: [30, 1_001_000],
  30: [30, 1_000_000],
};

/** Ticks a quarter; of time in frames also the tempo that makes a quarter of so many ticks. */
function timeOf(division: number, file: string): { ticksPerQuarter: number; fixedTempo?: number } {
  if (division < 0x8000) {
    if (division === 0) throw new InputError(`${file}: its header says 0 ticks a quarter: it is damaged. ${again}`);
    return { ticksPerQuarter: division };
  }
  const [perSecond, ticks] = [256 - (division >> 8), division & 0xff];
  const known = frames[perSecond];
  if (known === undefined || ticks === 0) {
    throw new InputError(
      `${file}: its header says ${perSecond} frames a second of ${ticks} ticks, expected 24, 25, 29 or 30 of at least 1: it is damaged. ${again}`,
    );
  }
  return { ticksPerQuarter: known[0] * ticks, fixedTempo: known[1] };
}

/** The events of a track. @throws InputError for what cannot be decoded, and for a track without its end */
function eventsOf(data: Uint8Array, { file, track }: Place): readonly midiFile.MidiEvent[] {
  const where = `${file}: track ${track + 1}`;
  let events: readonly midiFile.MidiEvent[];
  try {
    // A file of this track alone. Without a copy of a view of Node's buffers, whose `slice` is a view as well.
    [events = []] = library.parseMidi(wholeFile(data)).tracks;
  } catch (error) {
    const what = typeof error === "string" ? error : (error as Error).message;
    throw new InputError(`${where}: it is damaged (${what}). ${again}`);
  }
  // What is cut within an event is read as nothing, and is followed by no end.
  const end = events.findIndex(({ type }) => type === "endOfTrack");
  if (end < 0) {
    const tick = events.reduce((sum, { deltaTime }) => sum + (deltaTime || 0), 0);
    throw new InputError(`${where}, tick ${tick}: it is cut: the track has no end. ${again}`);
  }
  let tick = 0;
  for (const event of events.slice(0, end + 1)) {
    if (!(event.deltaTime >= 0 && event.deltaTime < 2 ** 28) || !dataOf(event).every((one) => one >= 0 && one < 128)) {
      throw new InputError(`${where}, tick ${tick}: what follows is no event: the file is damaged. ${again}`);
    }
    tick += event.deltaTime;
  }
  return events;
}
/** The bytes of an event that notes are made of. */
const dataOf = (event: midiFile.MidiEvent): readonly number[] =>
  event.type === "noteOn" || event.type === "noteOff" ? [event.noteNumber, event.velocity] : [];

function wholeFile(track: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(22 + track.length);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode("MThd"));
  view.setUint32(4, 6);
  view.setUint16(10, 1);
  view.setUint16(12, 96);
  bytes.set(new TextEncoder().encode("MTrk"), 14);
  view.setUint32(18, track.length);
  bytes.set(track, 22);
  return bytes;
}

/**
 * Write a piece as a MIDI file: format 0 for one track, 1 for several, the tempos on the first. A tempo is always written: where a
 * piece has none at tick 0, 120 quarters a minute.
 * @param piece the piece
 * @returns the bytes of the file
 * @throws InputError for a piece that is none, and for two notes of one pitch, track and channel that sound at once, which MIDI cannot say
 * @example writeFileSync("tune.mid", writeMidi(piece));
 */
export function writeMidi(piece: Piece): Uint8Array<ArrayBuffer> {
  checkArguments("writeMidi", { piece }, writeMidiArguments);
  checkOverlaps(piece);
  const { ticksPerQuarter, notes } = piece;
  const tempos =
    piece.tempos[0]?.tick === 0 ? piece.tempos : [{ tick: 0, microsecondsPerQuarter: usualTempo }, ...piece.tempos];
  const count = notes.reduce((most, { track }) => Math.max(most, track + 1), 1);
  const tracks = Array.from({ length: count }, (_, track): Timed[] => [
    ...(track === 0 ? tempos.map(({ tick, microsecondsPerQuarter: us }) => tempoEvent(tick, us)) : []),
    ...notes.filter((note) => note.track === track).flatMap(noteEvents),
  ]);
  const header = { format: count > 1 ? 1 : 0, numTracks: count, ticksPerBeat: ticksPerQuarter } as const;
  return Uint8Array.from(library.writeMidi({ header, tracks: tracks.map(inTime) }));
}

/** An event with its tick; of those at one tick the lower rank comes first: tempos, then notes that end, then those that begin. */
type Timed = { readonly tick: number; readonly rank: number; readonly event: midiFile.MidiEvent };
const tempoEvent = (tick: number, microsecondsPerBeat: number): Timed => ({
  ...{ tick, rank: 0 },
  event: { deltaTime: 0, meta: true, type: "setTempo", microsecondsPerBeat },
});
const noteEvents = ({ pitch: noteNumber, start, duration, velocity, channel }: Note): Timed[] => [
  { tick: start, rank: 2, event: { deltaTime: 0, type: "noteOn", channel, noteNumber, velocity } },
  { tick: start + duration, rank: 1, event: { deltaTime: 0, type: "noteOff", channel, noteNumber, velocity: 64 } },
];

function inTime(timed: readonly Timed[]): midiFile.MidiEvent[] {
  const sorted = [...timed].sort((a, b) => a.tick - b.tick || a.rank - b.rank);
  const events = sorted.map(({ tick, event }, k) => ({ ...event, deltaTime: tick - (sorted[k - 1]?.tick ?? 0) }));
  return [...events, { deltaTime: 0, meta: true, type: "endOfTrack" }];
}

function checkOverlaps({ notes }: Piece): void {
  const ends = new Map<string, number>();
  notes.forEach(({ pitch, start, duration, track, channel }, k) => {
    const key = `${track} ${channel} ${pitch}`;
    const before = ends.get(key) ?? 0;
    if (before > start) {
      throw new InputError(
        `writeMidi: piece.notes[${k}]: pitch ${pitch} on channel ${channel} of track ${track} begins at tick ${start}, while it sounds until tick ${before}. End the one before it, or give it another channel.`,
      );
    }
    ends.set(key, start + duration);
  });
}
