import tone from "@tonejs/midi";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { inOrder, type Note, type Piece, secondsAt } from "../../src/data/piece.ts";
import { readMidi, writeMidi } from "../../src/formats/midi.ts";
import { note } from "../helpers/pieces.ts";
import { refusal } from "../helpers/refusal.ts";

const text = (name: string): number[] => [...name].map((c) => c.charCodeAt(0));
const word = (n: number, bytes: number): number[] =>
  Array.from({ length: bytes }, (_, k) => Math.floor(n / 256 ** (bytes - 1 - k)) % 256);
const chunk = (name: string, data: readonly number[]): number[] => [...text(name), ...word(data.length, 4), ...data];
const end = [0, 0xff, 0x2f, 0];
/** A file byte by byte. */
const file = (tracks: readonly (readonly number[])[], { format = 1, division = 96, count = tracks.length } = {}) =>
  new Uint8Array([
    ...chunk("MThd", [...word(format, 2), ...word(count, 2), ...word(division, 2)]),
    ...tracks.flatMap((track) => chunk("MTrk", track)),
  ]);
const on = (delta: number, pitch: number, velocity = 80, channel = 0): number[] => [
  delta,
  0x90 + channel,
  pitch,
  velocity,
];
const off = (delta: number, pitch: number, channel = 0): number[] => [delta, 0x80 + channel, pitch, 0];
const tempo = (delta: number, microseconds: number): number[] => [delta, 0xff, 0x51, 3, ...word(microseconds, 3)];
const says = (bytes: Uint8Array): string => refusal(() => readMidi(bytes, "a.mid"));

describe("reading", () => {
  test("notes of all tracks in order, with running status, note-on of velocity 0, and chunks of other names passed over", () => {
    const running = [...on(0, 60), 24, 62, 70, 24, 60, 0, 0, 62, 0, ...end];
    const bytes = new Uint8Array([
      ...file([], { count: 2 }),
      ...chunk("XFIH", [1, 2, 3]),
      ...chunk("MTrk", running),
      ...chunk("MTrk", [...on(10, 40, 1, 9), ...off(5, 40, 9), ...end]),
    ]);
    expect(readMidi(bytes)).toEqual({
      ticksPerQuarter: 96,
      tempos: [],
      notes: [
        note(60, 0, 48),
        note(40, 10, 5, { velocity: 1, track: 1, channel: 9 }),
        note(62, 24, 24, { velocity: 70 }),
      ],
    });
  });

  test("seconds: 120 a minute before the first tempo, each tempo from its own tick on, from any track", () => {
    const bytes = file([
      [...tempo(96, 1_000_000), ...end],
      [...on(0, 60), ...off(96, 60), ...on(0, 62), ...tempo(96, 250_000), ...off(96, 62), ...end],
    ]);
    const piece = readMidi(bytes);
    expect(piece.tempos.map(({ tick }) => tick)).toEqual([96, 192]);
    expect([0, 48, 96, 192, 288].map((tick) => secondsAt(piece, tick))).toEqual([0, 0.25, 0.5, 1.5, 1.75]);
  });

  test("time in frames: the seconds are those of the frames, tempos are none of it", () => {
    const of = (perSecond: number, ticks: number): number => {
      const track = [...tempo(0, 1), ...on(0, 60), ...off(100, 60), ...end];
      return secondsAt(readMidi(file([track], { division: ((256 - perSecond) << 8) + ticks })), 100);
    };
    expect(of(25, 40)).toBeCloseTo(0.1, 12);
    expect(of(24, 7)).toBeCloseTo(100 / 168, 12);
    expect(of(29, 100)).toBeCloseTo((100 * 1001) / 3_000_000, 12);
    expect(of(30, 80)).toBeCloseTo(100 / 2400, 12);
  });

  test("a note that hangs, overlaps or is empty is refused with its track and tick, or mended if that is asked for", () => {
    const hanging = file([end, [...on(5, 60), ...off(7, 61), 8, ...end.slice(1)]]);
    expect(says(hanging)).toBe(
      "a.mid: track 2, tick 5: pitch 60 on channel 0 hangs: the track ends at tick 20 without its note-off. Mend it in an editor, or read it with `repair`.",
    );
    expect(readMidi(hanging, "a.mid", { repair: true }).notes).toEqual([note(60, 5, 15, { track: 1 })]);
    const overlapping = file([[...on(5, 60), ...on(5, 60, 90), ...off(5, 60), ...off(5, 60), ...end]]);
    expect(says(overlapping)).toMatch(
      /^a\.mid: track 1, tick 10: pitch 60 on channel 0 begins while it sounds since tick 5\./,
    );
    expect(readMidi(overlapping, "a.mid", { repair: true }).notes).toEqual([
      note(60, 5, 5),
      note(60, 10, 10, { velocity: 90 }),
    ]);
    const empty = file([[...on(5, 60), ...off(0, 60), ...end]]);
    expect(says(empty)).toMatch(/tick 5: pitch 60 on channel 0 ends where it begins/);
    expect(readMidi(empty, "a.mid", { repair: true }).notes).toEqual([]);
  });

  test("of notes of one pitch that hang, a mended one ends where the next begins", () => {
    const hanging = file([[...on(5, 60), ...on(5, 60, 90), 10, ...end.slice(1)]]);
    expect(readMidi(hanging, "a.mid", { repair: true }).notes).toEqual([
      note(60, 5, 5),
      note(60, 10, 10, { velocity: 90 }),
    ]);
  });

  test("a pitch that is struck again at the tick where it ends does not overlap, in either order of the events", () => {
    const notes = [note(60, 0, 5), note(60, 5, 5)];
    expect(readMidi(file([[...on(0, 60), ...on(5, 60), ...off(0, 60), ...off(5, 60), ...end]])).notes).toEqual(notes);
    expect(readMidi(file([[...on(0, 60), ...off(5, 60), ...on(0, 60), ...off(5, 60), ...end]])).notes).toEqual(notes);
  });

  test("the same pitch on two channels or tracks does not overlap", () => {
    const bytes = file([
      [...on(0, 60), ...on(1, 60, 80, 1), ...off(5, 60), ...off(5, 60, 1), ...end],
      [...on(0, 60), ...off(5, 60), ...end],
    ]);
    expect(readMidi(bytes).notes).toHaveLength(3);
  });

  test("what is no MIDI file is refused in one line", () => {
    const whole = file([[...on(0, 60), ...off(5, 60), ...end]]);
    expect(says(new Uint8Array())).toMatch(/^a\.mid: the file is empty\./);
    expect(says(new Uint8Array(text("RIFF----WAVE")))).toMatch(/it is not a MIDI file/);
    expect(says(new Uint8Array(text("RIFF----RMID")))).toMatch(/within RIFF/);
    expect(says(file([end], { format: 2 }))).toMatch(/it has format 2, independent patterns; 0 and 1 are read/);
    expect(says(file([end], { division: 0 }))).toMatch(/0 ticks a quarter/);
    expect(says(file([end], { division: 0xf000 }))).toMatch(/16 frames a second of 0 ticks/);
    expect(says(file([[...tempo(3, 0), ...end]]))).toMatch(/track 1, tick 3: a tempo of 0/);
    expect(says(file([[0, 60, 80, ...end]]))).toMatch(/track 1: it is damaged \(.+\)/);
    expect(says(file([[0, 0x90, 60, 200, ...end]]))).toMatch(/track 1, tick 0: what follows is no event/);
    expect(says(file([[...on(4, 60), ...off(5, 60)]]))).toMatch(/track 1, tick 9: it is cut: the track has no end/);
    expect(says(whole.subarray(0, 12))).toMatch(/it ends within its header/);
  });

  test("a file that is cut anywhere is refused, never read in part", () => {
    const whole = file([
      [...tempo(0, 400_000), ...end],
      [...on(0, 60), ...off(5, 60), ...end],
    ]);
    for (let length = 0; length < whole.length; length++) {
      expect(says(whole.subarray(0, length))).toMatch(
        /^a\.mid: (the file is empty|it is not a MIDI file|.*it is cut: )/,
      );
    }
  });

  test("bytes that are changed at random are read or refused in one line, and nothing else is thrown", () => {
    const whole = writeMidi(aTune);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (changes) => {
          const bytes = whole.slice();
          for (const [place, value] of changes) bytes[place] = value;
          try {
            // What is read is a piece, which can be written again.
            const piece = readMidi(bytes, "a.mid", { repair: true });
            expect(readMidi(writeMidi(piece)).notes.length).toBe(piece.notes.length);
          } catch (error) {
            expect((error as Error).name).toBe("InputError");
            expect((error as Error).message).toMatch(/^[^\n]+$/);
          }
        },
      ),
      { seed: 4, numRuns: 500 },
    );
  });
});

const aTune: Piece = {
  ticksPerQuarter: 480,
  tempos: [{ tick: 0, microsecondsPerQuarter: 400_000 }],
  notes: [
    note(60, 0, 480),
    note(64, 480, 240, { velocity: 1 }),
    note(67, 480, 960, { track: 1, channel: 3, velocity: 127 }),
  ],
};
/** Pieces in which no pitch of a track and channel overlaps itself. */
const pieces: fc.Arbitrary<Piece> = fc
  .record({
    ticksPerQuarter: fc.integer({ min: 1, max: 32767 }),
    tempos: fc.uniqueArray(
      fc.record({ tick: fc.nat(5000), microsecondsPerQuarter: fc.integer({ min: 1, max: 2 ** 24 - 1 }) }),
      { selector: ({ tick }) => tick, maxLength: 4 },
    ),
    notes: fc.array(
      fc.record({
        pitch: fc.nat(127),
        gap: fc.nat(3),
        duration: fc.integer({ min: 1, max: 100_000 }),
        velocity: fc.integer({ min: 1, max: 127 }),
        track: fc.nat(2),
        channel: fc.nat(15),
      }),
      { minLength: 1, maxLength: 30 },
    ),
  })
  .map(({ ticksPerQuarter, tempos, notes }) => {
    const ends = new Map<string, number>();
    const placed = notes.map(({ gap, ...rest }): Note => {
      const key = `${rest.pitch} ${rest.track} ${rest.channel}`;
      const start = (ends.get(key) ?? 0) + gap;
      ends.set(key, start + rest.duration);
      return { ...rest, start };
    });
    const first = { tick: 0, microsecondsPerQuarter: 500_000 };
    const others = tempos.filter(({ tick }) => tick > 0).sort((a, b) => a.tick - b.tick);
    return { ticksPerQuarter, tempos: [first, ...others], notes: inOrder(placed) };
  });

describe("writing", () => {
  test("what is written is read again as it was", () => {
    fc.assert(
      fc.property(pieces, (piece) => {
        expect(readMidi(writeMidi(piece))).toEqual(piece);
      }),
      { seed: 5, numRuns: 200 },
    );
  });

  test("@tonejs/midi, which knows nothing of this reader, finds the same notes, ticks and tempos", () => {
    fc.assert(
      fc.property(pieces, (piece) => {
        const { header, tracks } = new tone.Midi(writeMidi(piece));
        expect(header.ppq).toBe(piece.ticksPerQuarter);
        expect(header.tempos.map(({ ticks }) => ticks)).toEqual(piece.tempos.map(({ tick }) => tick));
        header.tempos.forEach(({ bpm }, k) =>
          expect(6e7 / bpm).toBeCloseTo(piece.tempos[k]?.microsecondsPerQuarter as number, 3),
        );
        // It knows one channel a track, so notes are compared without.
        const plain = (one: readonly (readonly number[])[]) => one.map((numbers) => numbers.join(" ")).sort();
        expect(
          plain(
            tracks.flatMap(({ notes }) =>
              notes.map((n) => [n.midi, n.ticks, n.durationTicks, Math.round(127 * n.velocity)]),
            ),
          ),
        ).toEqual(plain(piece.notes.map((n) => [n.pitch, n.start, n.duration, n.velocity])));
      }),
      { seed: 6, numRuns: 100 },
    );
  });

  test("a tempo is written where a piece has none", () => {
    expect(readMidi(writeMidi({ ...aTune, tempos: [] })).tempos).toEqual([
      { tick: 0, microsecondsPerQuarter: 500_000 },
    ]);
  });

  test("what MIDI cannot say is refused with its place", () => {
    const of = (...notes: Note[]): string => refusal(() => writeMidi({ ...aTune, notes }));
    expect(of(note(60, 0, 10), note(60, 9, 10))).toMatch(
      /^writeMidi: piece\.notes\[1\]: pitch 60 .* begins at tick 9, while it sounds until tick 10/,
    );
    expect(of(note(60, 5, 10), note(61, 4, 10))).toMatch(
      /notes\[1\] must not begin before the one in front of it \(tick 5\), got tick 4/,
    );
    expect(of(note(128, 0, 10))).toMatch(/notes\[0\]: pitch/);
    expect(of(note(60, 0, 0))).toMatch(/notes\[0\]: duration/);
    expect(of(note(60, 0, 1, { velocity: 0 }))).toMatch(/notes\[0\]: velocity/);
  });
});
