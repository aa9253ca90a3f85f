/** Which notes of the Music view begin when, by a clock that the test turns; and the tunes that it begins with. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { abcTunes, checkAbc } from "../../src/formats/abc.ts";
import {
  createPlayer,
  notesBeginning,
  notesGoingOn,
  type Sound,
  type TimedNote,
} from "../../src/studio/views/music/schedule.ts";
import { examples } from "../../src/studio/views/music/tunes.ts";

const of = (pitch: number, start: number, duration: number): TimedNote => ({ pitch, start, duration, velocity: 80 });
const someNotes = fc
  .array(fc.tuple(fc.nat(127), fc.nat(60), fc.integer({ min: 1, max: 20 })), { maxLength: 40 })
  .map((all) => all.map((one) => of(...one)).sort((a, b) => a.start - b.start || a.pitch - b.pitch));

/** What is told, and a clock in seconds. */
function output() {
  const sounds: Sound[] = [];
  let seconds = 7;
  return {
    sounds,
    turn(by: number): void {
      seconds += by;
    },
    now: () => seconds,
    play: (sound: Sound): void => void sounds.push(sound),
    drop(from: number): void {
      sounds.splice(0, sounds.length, ...sounds.filter(({ at }) => at < Math.max(from, seconds)));
    },
  };
}
const rounded = (sounds: readonly Sound[]): readonly (readonly number[])[] =>
  sounds.map(({ pitch, at, seconds }) => [pitch, Number(at.toFixed(6)), Number(seconds.toFixed(6))]);

describe("windows of notes", () => {
  const notes = [of(60, 0, 2), of(62, 2, 4), of(64, 2, 1), of(65, 5, 1)];

  test("a note is in the window that it begins in", () => {
    const pitches = (from: number, to: number): number[] => notesBeginning(notes, from, to).map(({ pitch }) => pitch);
    expect(pitches(0, 2)).toEqual([60]);
    expect(pitches(2, 5)).toEqual([62, 64]);
    expect(pitches(2.5, 5.5)).toEqual([65]);
    expect(pitches(5.5, 99)).toEqual([]);
    expect(pitches(3, 1)).toEqual([]);
  });

  test("a note that began before sounds for what is left of it", () => {
    expect(notesGoingOn(notes, 3)).toEqual([of(62, 3, 3)]);
    expect(notesGoingOn(notes, 2)).toEqual([]);
    expect(notesGoingOn(notes, 1.5)).toEqual([of(60, 1.5, 0.5)]);
  });

  test("windows one after the other have every note once, in order", () => {
    fc.assert(
      fc.property(someNotes, fc.array(fc.double({ min: 0, max: 61, noNaN: true }), { maxLength: 9 }), (notes, cuts) => {
        const ends = [0, ...cuts.sort((a, b) => a - b), 61];
        const all = ends.slice(1).flatMap((end, k) => notesBeginning(notes, ends[k] as number, end));
        expect(all).toEqual(notes);
      }),
    );
  });
});

describe("a player", () => {
  test("whenever it is asked, each note begins once, at its time on the clock", () => {
    fc.assert(
      fc.property(someNotes, fc.array(fc.double({ min: 0.01, max: 1.4, noNaN: true })), (notes, waits) => {
        const out = output();
        const player = createPlayer(out, notes, 81);
        player.start(0, 4);
        for (const wait of waits) {
          out.turn(wait);
          player.pump();
        }
        while (player.pump()) out.turn(0.5);
        expect(rounded(out.sounds)).toEqual(
          rounded(
            notes.map(({ pitch, start, duration }) => ({
              pitch,
              velocity: 80,
              at: 7.05 + start / 4,
              seconds: duration / 4,
            })),
          ),
        );
      }),
    );
  });

  test("notes are told before they begin, and it stands still at the end", () => {
    const out = output();
    const player = createPlayer(out, [of(60, 0, 1), of(62, 5, 1), of(64, 20, 1)], 21);
    player.start(0, 4);
    expect(out.sounds.map(({ pitch }) => pitch)).toEqual([60, 62]);
    expect(player.position()).toBe(0);
    out.turn(1.05);
    expect(player.position()).toBeCloseTo(4);
    expect(player.pump()).toBe(true);
    expect(out.sounds.length).toBe(2);
    out.turn(9);
    expect(player.pump()).toBe(false);
    expect(out.sounds.length).toBe(3);
    expect(player.position()).toBe(21);
    expect(player.pump()).toBe(false);
  });

  test("a pause drops what has not begun; it goes on from there with what sounds", () => {
    const out = output();
    const player = createPlayer(out, [of(48, 0, 16), of(60, 0, 2), of(62, 5, 1)], 16);
    player.start(0, 4);
    out.turn(0.55);
    expect(player.stop()).toBeCloseTo(2);
    expect(out.sounds.map(({ pitch }) => pitch)).toEqual([48, 60]);
    out.turn(100);
    expect(player.position()).toBeCloseTo(2);
    player.start(player.position(), 4);
    expect(rounded(out.sounds.slice(2))).toEqual([
      [48, 107.6, 3.5],
      [62, 108.35, 0.25],
    ]);
  });

  test("another tempo is for what has not begun", () => {
    const out = output();
    const player = createPlayer(out, [of(60, 0, 4), of(62, 4, 4), of(64, 8, 4)], 12);
    player.start(0, 4);
    out.turn(0.55);
    player.setRate(8);
    out.turn(0.25);
    player.setRate(8);
    player.pump();
    expect(rounded(out.sounds)).toEqual([
      [60, 7.05, 1],
      [62, 7.8, 0.5],
      [64, 8.3, 0.5],
    ]);
  });
});

test.each(Object.keys(examples) as (keyof typeof examples)[])(
  "tunes that are made add up, the same each time: %s",
  (name) => {
    const book = examples[name].make();
    const tunes = abcTunes(book);
    expect(tunes.length).toBe(60);
    expect(tunes.filter((tune) => !checkAbc(tune).addsUp)).toEqual([]);
    expect(examples[name].make()).toBe(book);
    expect(new Set(tunes.map(({ text }) => text)).size).toBe(60);
  },
);
