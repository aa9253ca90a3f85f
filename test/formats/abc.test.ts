import abcjs from "abcjs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseTune } from "../../src/formats/abc/parse.ts";
import { abcTunes, checkAbc, cleanAbc, pieceOfAbc, transposeAbc } from "../../src/formats/abc.ts";
import { refusal } from "../helpers/refusal.ts";

const tune = (music: string, header = "M:4/4\nL:1/8\nK:C"): string => `X:1\nT:A\n${header}\n${music}\n`;
const pitches = (text: string): number[] => pieceOfAbc(text).notes.map(({ pitch }) => pitch);
/** Lengths of the bars as they are written, in eighths. */
const bars = (text: string): number[] => parseTune({ text, line: 1 }).segments.map(({ length }) => 8 * length);
const adds = (music: string, header?: string): boolean => checkAbc(tune(music, header)).addsUp;

describe("tunebooks", () => {
  test("tunes begin with X: and end before an empty line or the next X:; what is outside of them is left out", () => {
    const book = "%abc-2.1\n\nX:1\nT:One\nK:C\nCDEF|\n\nfree text\nX: 2\r\nT: Two\r\nK:G\r\nGABc|\r\nX:3\nK:D\n";
    expect(abcTunes(book).map(({ reference, title, line }) => [reference, title, line])).toEqual([
      ["1", "One", 3],
      ["2", "Two", 9],
      ["3", "", 13],
    ]);
    expect(abcTunes(book)[1]?.text).toBe("X: 2\nT: Two\nK:G\nGABc|\n");
    expect(abcTunes("no tune")).toEqual([]);
  });

  test("a cleaned tune has only what notes depend on and its title", () => {
    const text =
      "X:17\nT:A\nZ: id:hn-1\nR:reel\nM:C|\nL:1/8\n% a comment\nK:D\nABcd efga|!trill!b8|!\nd:|!  \nw:la la\n";
    expect(cleanAbc(text)).toBe("X:1\nT:A\nM:C|\nL:1/8\nK:D\nABcd efga|!trill!b8|\nd:|\n");
  });
});

describe("lengths", () => {
  test("notes, chords, rests, tuplets, broken rhythms and grace notes, as in the standard", () => {
    expect(bars(tune("A2 A/ A// A3/2 A/4|[CE]2 [C2E2]3 z4|"))).toEqual([2 + 0.5 + 0.25 + 1.5 + 0.25, 2 + 6 + 4]);
    expect(bars(tune('(3ABc (2AB (5ABcde (3:2:2AB A|A>B A<B A>>B A>>>B|{ABc}A "Am"B .c ~d !trill!e|'))).toEqual(
      [2 + 3 + 2 + 4 / 3 + 1, 8, 5].map((one) => expect.closeTo(one, 9)),
    );
    expect(bars(tune("(5ABcde|", "M:6/8\nL:1/8\nK:C"))).toEqual([expect.closeTo(3, 9)]);
    expect(bars(tune("Z3|A8|", "M:4/4\nL:1/8\nK:C"))).toEqual([8, 8, 8, 8]);
  });

  test("the unit is 1/8, or 1/16 in meters below 3/4, unless L: says another; fields within a line count from there on", () => {
    expect(bars(tune("A|", "M:3/4\nK:C"))).toEqual([1]);
    expect(bars(tune("A|", "M:2/4\nK:C"))).toEqual([0.5]);
    expect(bars(tune("A|[L:1/4]A|", "M:2/4\nL:1/2\nK:C"))).toEqual([4, 2]);
    expect(adds("A8|[M:3/4]A6|\nM:2/4\nA4|]")).toBe(true);
  });
});

describe("bars that add up", () => {
  test("whole bars do, whatever the bar lines", () => {
    expect(adds("A8|B8||c8|]")).toBe(true);
    expect(adds("|:A8|B8:|:c8|d8:|")).toBe(true);
    expect(adds("|:A8|1 B8:|2 c8||d8|]")).toBe(true);
    expect(checkAbc(tune("A8|B6|c8|]"))).toEqual({
      ...{ addsUp: false, bars: 3 },
      wrong: [{ bar: 2, line: 6, length: 0.75, expected: 1 }],
    });
  });

  test("an upbeat goes with the end of its part, as it is played", () => {
    expect(adds("AB|A8|A6:|")).toBe(true);
    expect(adds("AB|A8|A8:|")).toBe(false);
    expect(adds("AB|A8|A6:|cd|c8|c6:|")).toBe(true);
    // The second part has another upbeat: played once, the first one's end and it make no bar.
    expect(adds("AB|A8|A6:|cde|c8|c5:|")).toBe(false);
    expect(adds("AB|:A8|1 A8:|2 A6|]")).toBe(true);
    expect(adds("|:AB|A8|1 A6:|2 A4||A4|A8|]")).toBe(true);
    expect(adds("A8|A4||A4|A8|]")).toBe(true);
    expect(adds("A8|A4|A4|A8|]")).toBe(false);
  });

  test("nothing adds up without a meter, or where something is unread", () => {
    expect(checkAbc(tune("A8|", "L:1/8\nK:C")).addsUp).toBe(false);
    expect(adds("A8|B8 ? c8|")).toBe(false);
  });
});

// Of (5 to (9 it says that they last as long in 6/8 as in 4/4, which is not what the standard says.
test("abcjs, which knows nothing of this reader, finds the same lengths of bars", () => {
  const note = fc.tuple(
    fc.constantFrom("A", "^c", "d'", "_B,", "[CEG]", "z", "{g}e", '"G"f', "~a"),
    fc.constantFrom("", "2", "/2", "3/2", "3", "/"),
  );
  const piece = fc.oneof(
    note.map((one) => one.join("")),
    fc.tuple(note, fc.constantFrom(">", "<"), note).map(([a, mark, b]) => `${a.join("")}${mark}${b.join("")}`),
    fc.tuple(fc.constantFrom("(3", "(4", "(2"), fc.array(note, { minLength: 5, maxLength: 5 })).map(
      ([mark, notes]) =>
        mark +
        notes
          .slice(0, Number(mark[1]))
          .map(([head]) => head)
          .join(""),
    ),
  );
  const bar = fc.array(piece, { minLength: 1, maxLength: 5 }).map((one) => one.join(" "));
  fc.assert(
    fc.property(
      fc.array(fc.tuple(bar, fc.constantFrom("|", "||", ":|", "|:", "::")), { minLength: 1, maxLength: 6 }),
      fc.constantFrom("4/4", "6/8", "2/4", "C|"),
      (all, meter) => {
        const text = tune(all.map((one) => one.join("")).join(""), `M:${meter}\nL:1/8\nK:G`);
        expect(bars(text)).toEqual(abcjsBars(text).map((one) => expect.closeTo(8 * one, 4)));
      },
    ),
    { seed: 7, numRuns: 100 },
  );
});

/** Lengths of bars by abcjs, in whole notes. */
function abcjsBars(text: string): number[] {
  type Element = {
    el_type: string;
    duration: number;
    startTriplet?: number;
    endTriplet?: boolean;
    tripletMultiplier: number;
  };
  const [parsed] = abcjs.parseOnly(text) as unknown as [{ lines: { staff?: { voices: Element[][] }[] }[] }];
  const found: number[] = [];
  let [sum, factor] = [0, 1];
  for (const element of parsed.lines.flatMap(({ staff = [] }) => staff.flatMap(({ voices }) => voices[0] ?? []))) {
    if (element.el_type === "bar") {
      if (sum > 0) found.push(sum);
      sum = 0;
    } else if (element.el_type === "note") {
      if (element.startTriplet !== undefined) factor = element.tripletMultiplier;
      sum += element.duration * factor;
      if (element.endTriplet === true) factor = 1;
    }
  }
  return sum > 0 ? [...found, sum] : found;
}

describe("notes", () => {
  test("keys and modes, octaves, accidentals until the end of their bar and in all octaves", () => {
    expect(pitches(tune("C c c' C,|", "K:C"))).toEqual([60, 72, 84, 48]);
    expect(pitches(tune("F c B|", "K:D"))).toEqual([66, 73, 71]);
    expect(pitches(tune("F C B|", "K:A dorian"))).toEqual([66, 60, 71]);
    expect(pitches(tune("E B|", "K:Gmin"))).toEqual([63, 70]);
    expect(pitches(tune("F C G|", "K:D Phr ^f"))).toEqual([66, 60, 67]);
    expect(pitches(tune("^F F f|F =F ^^F __F|", "K:C"))).toEqual([66, 66, 78, 65, 65, 67, 63]);
    expect(pitches(tune("F|[K:G]F|\nK:Hp\nc|", "K:C"))).toEqual([65, 66, 73]);
  });

  test("ties join notes, over bar lines with their accidental; chords sound together", () => {
    const [first, second] = pieceOfAbc(tune("^C4-|C4 C4|")).notes;
    expect(first).toMatchObject({ pitch: 61, start: 0, duration: 8 * 480 });
    expect(second).toMatchObject({ pitch: 60, start: 8 * 480 });
    const chord = pieceOfAbc(tune("[C-E]4 [CG]4|")).notes;
    expect(chord.map(({ pitch, start, duration }) => [pitch, start / 480, duration / 480])).toEqual([
      [60, 0, 8],
      [64, 0, 4],
      [67, 4, 4],
    ]);
  });

  test("repeats and endings are played out", () => {
    expect(pitches(tune("C8|D8:|E8|"))).toEqual([60, 62, 60, 62, 64]);
    expect(pitches(tune("C8|:D8:|:E8:|"))).toEqual([60, 62, 62, 64, 64]);
    expect(pitches(tune("|:C8|1 D8:|2 E8||F8|"))).toEqual([60, 62, 60, 64, 65]);
    expect(pitches(tune("|:C8|[1,3 D8:|[2 E8:|F8|"))).toEqual([60, 62, 60, 64, 60, 62, 65]);
    expect(pitches(tune("C8:|D8|[1 E8:|[2 F8|]G8:|"))).toEqual([60, 60, 62, 64, 62, 65, 67, 67]);
    expect(pitches(tune("|::C8::|D8|"))).toEqual([60, 60, 60, 62]);
  });

  test("the tempo is that of Q:, else 120 quarters, whatever the meter; a later one counts from its bar on", () => {
    const tempo = (header: string, options = {}) =>
      pieceOfAbc(tune("A8|", `${header}\nK:C`), options).tempos.map((one) => 6e7 / one.microsecondsPerQuarter);
    expect(tempo("M:C|")).toEqual([120]);
    expect(tempo("M:6/4", { tempo: 90 })).toEqual([expect.closeTo(90, 3)]);
    expect(tempo('M:6/8\nQ:"Allegro" 3/8=80')).toEqual([120]);
    expect(tempo("L:1/8\nQ:240")).toEqual([120]);
    expect(pieceOfAbc(tune("A8|[Q:1/4=60]A8|")).tempos).toEqual([
      { tick: 0, microsecondsPerQuarter: 500_000 },
      { tick: 4 * 960, microsecondsPerQuarter: 1_000_000 },
    ]);
  });
});

describe("what is refused", () => {
  const says = (text: string): string => refusal(() => pieceOfAbc(text, {}, "tunes.abc"));
  const problem = (text: string): string | undefined => checkAbc(text).problem;

  test("a tune that breaks off, with its line", () => {
    expect(problem("X:1\nT:A\nM:4/4\n")).toBe("line 3: the tune breaks off in its header: there is no line K:");
    expect(problem("X:1\nK:C\n")).toBe("line 2: the tune breaks off behind its header: it has no notes");
    expect(problem(tune("A8|B8|\nc4"))).toBe("line 7: the tune breaks off in its last bar, which is too short");
    expect(problem(tune("A8|[CE"))).toBe("line 6: the tune breaks off within a chord, [");
    expect(problem(tune('A8|"Am'))).toBe('line 6: the tune breaks off within words, "');
    expect(problem(tune("A8|{ab"))).toBe("line 6: the tune breaks off within grace notes, {");
    expect(problem(tune("A8|(3ab"))).toBe("line 6: the tune breaks off in a tuplet: 1 of its notes are missing");
    expect(problem(tune("A8|A>"))).toBe("line 6: the tune breaks off behind a broken rhythm, > or <");
    expect(says(tune("A8|[CE"))).toBe("tunes.abc: line 6: the tune breaks off within a chord, [");
    const [, second] = abcTunes(`${tune("A8|")}\n${tune("A8|[CE")}`);
    expect(refusal(() => pieceOfAbc(second as never, {}, "tunes.abc"))).toMatch(/^tunes\.abc: line 13: /);
  });

  test("what is no ABC, and several voices", () => {
    expect(problem(tune("A8|B4 ? c"))).toBe('line 6: column 7: "?" is no ABC here');
    expect(problem(tune("A8|", "M:4/x\nK:C"))).toMatch(/^line 3: M: 4\/x: is no meter/);
    expect(problem(tune("A8|", "L:8\nK:C"))).toMatch(/^line 3: L: 8: is no length/);
    expect(problem(tune("A8|", "K:Q"))).toMatch(/^line 3: K: Q: is no key/);
    expect(problem(tune("V:1\nA8|\nV:2\nA8|"))).toMatch(/^line 8: V: 2: is another voice/);
    expect(problem(tune("A8 & c8|"))).toMatch(/^line 6: & begins another voice/);
    expect(says(tune("z8|"))).toMatch(/^tunes\.abc: line 1: the tune has no notes/);
  });

  test("any text is checked without a fault, and what is read can be played", () => {
    const alphabet = fc.constantFrom(..."ABcde|:[]()<>-^_=z/23 {}\"'!,KML:%\\\n");
    fc.assert(
      fc.property(fc.array(alphabet, { maxLength: 60 }), (characters) => {
        const text = tune(characters.join(""));
        const { problem: found, bars: count } = checkAbc(text);
        expect(count).toBeGreaterThanOrEqual(0);
        if (found === undefined || found.includes("too short")) {
          try {
            expect(pieceOfAbc(text).notes.length).toBeGreaterThan(0);
          } catch (error) {
            expect((error as Error).message).toMatch(/has no notes/);
          }
        }
      }),
      { seed: 8, numRuns: 1000 },
    );
  });
});

describe("in another key", () => {
  const music =
    '"D"(3ABc|d2 ^c=c _B>A|"Am/E"[DFA]2 {g}f-f [K:Gmix]f,F\'|!trill!^^F_E z2|"slowly" +mordent+ D,,4 d\'\'4 Hd|: %C\nw: la D\n';
  const own = tune(music, "M:4/4\nL:1/8\nK:D Major");
  const notes = (text: string) =>
    pieceOfAbc(text).notes.map(({ pitch, start, duration }) => ({ pitch, start, duration }));
  test("a tone up and down: keys, chords, accidentals, octaves; words and comments stay", () => {
    expect(transposeAbc(tune('"D"d2 ^c=c "F#m/A"B,2 b2|"fine" z4|%D', "M:4/4\nL:1/8\nK:D mix"), 2)).toBe(
      tune('"E"e2 ^d=d "G#m/B"C2 c\'2|"fine" z4|%D', "M:4/4\nL:1/8\nK:E mix"),
    );
    expect(transposeAbc(tune("B,CB c^f|[K:Am]=c", "K:C"), -2)).toBe(tune("A,B,A B=e|[K:Gm]_B", "K:Bb"));
  });
  test.each(Array.from({ length: 49 }, (_, k) => k - 24))("every note moves by %i semitones and lasts as long", (n) => {
    const moved = transposeAbc(own, n) as string;
    const inRange = (text: string): string => text.replaceAll(/[A-G],,/g, (name) => name[0] as string);
    const before = notes(inRange(own));
    expect(before.length).toBeGreaterThan(15);
    const shifted = transposeAbc(inRange(own), n) as string;
    expect(notes(shifted)).toEqual(before.map((one) => ({ ...one, pitch: one.pitch + n })));
    expect(checkAbc(moved).wrong).toEqual(checkAbc(own).wrong);
  });
  test("there and back it is the same sound: 200 tunes drawn", () => {
    const note = fc
      .tuple(
        fc.constantFrom("", "^", "_", "="),
        fc.constantFrom(..."ABCDEFGabcdefg"),
        fc.constantFrom("", ",", "'", "2"),
      )
      .map((parts) => parts.join(""));
    const key = fc.constantFrom("C", "G", "Dmaj", "Am", "Edor", "Amix", "Bb", "F#m", "Eb lyd");
    fc.assert(
      fc.property(
        fc.array(note, { minLength: 1, maxLength: 12 }),
        key,
        fc.integer({ min: -12, max: 12 }),
        (all, k, n) => {
          const text = tune(`${all.join("")}|${all.reverse().join(" ")}|`, `M:4/4\nL:1/8\nK:${k}`);
          const moved = transposeAbc(text, n) as string;
          expect(notes(moved)).toEqual(notes(text).map((one) => ({ ...one, pitch: one.pitch + n })));
          expect(notes(transposeAbc(moved, -n) as string)).toEqual(notes(text));
        },
      ),
      { seed: 6, numRuns: 200 },
    );
  });
  test("not where there is no tonic", () => {
    for (const key of ["none", "HP", "D ^c", ""]) expect(transposeAbc(`X:1\nK:${key}\nABc|\n`, 2)).toBeUndefined();
  });
});
