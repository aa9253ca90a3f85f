/** Tracks from tables, their gaps, and windows over them. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseCsv } from "../../../src/formats/csv-text.ts";
import { createRandom } from "../../../src/nn/random.ts";
import { readTrackFile } from "../../../src/tasks/trajectories/read-file.ts";
import { readTracks } from "../../../src/tasks/trajectories/read-tracks.ts";
import {
  constantVelocity,
  decimalsFor,
  decimalsOfSteps,
  scoresOf,
  shownScore,
} from "../../../src/tasks/trajectories/scores.ts";
import { cutTracks, splitInTime } from "../../../src/tasks/trajectories/tracks.ts";
import { augmented, lastWindows, poseOf, turn, turnBack, windowsOf } from "../../../src/tasks/trajectories/windows.ts";

const rows = "0\t1.0\t0\t0\n10\t1.0\t1\t0\n10\t2.0\t5\t5\n20\t1.0\t2\t1\n20\t2.0\t5\t6\n40\t1.0\t4\t2\n50\t1\t5\t2\n";

test("rows without a header are frame, id, x, y; a track that is not there for a frame is split, and the gap is named", () => {
  const { step, tracks, gaps } = readTracks(rows);
  expect(step).toBe(10);
  expect(gaps).toEqual([{ id: "1", after: 20, before: 40 }]);
  expect(tracks.map(({ id, start, x, y }) => [id, start, [...x], [...y]])).toEqual([
    ["1", 0, [0, 1, 2], [0, 0, 1]],
    ["1", 40, [4, 5], [2, 2]],
    ["2", 10, [5, 5], [5, 6]],
  ]);
});

test.each([
  ["commas", "id,frame,x,y\na,1,0.5,2\na,2,1,3"],
  ["semicolons and other names", "Vehicle_ID;Frame_ID;local_x(m);local_y(m)\r\na;1;0.5;2\r\na;2;1;3\r\n"],
  ["tabs, in any order", "y\tx\ttrack\ttime\n3\t1\ta\t2\n2\t0.5\ta\t1"],
  ["spaces", "1 a 0.5 2\n2   a 1 3"],
  ["a byte order mark and empty lines", "\ufefft,id,x,y\n\n1,a,.5,2\n\n2,a,1,3\n"],
])("%s are read alike", (_, text) => {
  const { step, tracks } = readTracks(text);
  expect(step).toBe(1);
  expect(tracks).toEqual([{ id: "a", start: 1, x: Float64Array.of(0.5, 1), y: Float64Array.of(2, 3) }]);
});

test("columns can be named, and a step given", () => {
  const text = "when,who,east,north\n0,a,0,0\n5,a,1,1\n10,a,2,2\n20,a,9,9";
  const { tracks, gaps } = readTracks(text, { frame: "when", id: "who", x: "east", y: "north", step: 5 });
  expect(tracks.map(({ x }) => x.length)).toEqual([3, 1]);
  expect(gaps).toEqual([{ id: "a", after: 10, before: 20 }]);
});

describe("a file", () => {
  const quoted =
    'frame,id,x,y\r\n"0","a,b","0.5","0"\r\n"1","a,b","1.5","1"\r\n"0","say ""c""\nd",2,3\r\n"1","say ""c""\nd",2,4\r\n';
  test("of CSV has cells in quotes, with separators, quotes and line ends in them; its lines are counted", async () => {
    const { tracks } = await readTrackFile(new TextEncoder().encode(quoted), { name: "q.csv" });
    expect(tracks.map(({ id, x, y }) => [id, [...x], [...y]])).toEqual([
      ["a,b", [0.5, 1.5], [0, 1]],
      ['say "c"\nd', [2, 2], [3, 4]],
    ]);
    expect(readTracks(parseCsv(quoted))).toEqual(await readTrackFile(quoted, { name: "q.csv" }));
    await expect(readTrackFile(quoted.replace("2,4", "2,four"), { name: "q.csv" })).rejects.toThrow(
      'q.csv: line 6, column y: "four" is no number.',
    );
    expect(() => readTracks(quoted)).toThrow(
      'line 2 has 5 fields, line 1 has 4 (between them: ","). Correct the line, or read what is in quotes by parseCsv of',
    );
  });
  test.each([
    rows,
    "1 a 0.5 2\n2   a 1 3",
    "a;1;0.5;2\na;2;1;3".replaceAll(/a;(\d)/g, "$1;a"),
    "\ufefft,id,x,y\n\n1,a,.5,2\n\n2,a,1,3\n",
  ])("without quotes is read as its text: %j", async (text) => {
    expect(await readTrackFile(new TextEncoder().encode(text), { name: "t.csv" })).toEqual(readTracks(text));
  });
  test("of other bytes, or with lines of other lengths, is refused by what its reader can be told", async () => {
    await expect(readTrackFile(Uint8Array.of(0x61, 0xe4, 0x62), { name: "l.csv" })).rejects.toThrow(
      "l.csv: byte 1 (0xe4) is not UTF-8 text. Give a text file saved as UTF-8.",
    );
    await expect(readTrackFile("frame,id,x,y\n1,a,0", { name: "r.csv" })).rejects.toThrow(
      /^r\.csv: line 2 has 3 fields, line 1 has 4 \(between them: ","\)\. Correct the line, or put texts with "," in quotes\.$/,
    );
    await expect(readTrackFile("", { name: "e.csv" })).rejects.toThrow("e.csv: is empty.");
  });
});

describe("times", () => {
  const at = (...times: string[]) =>
    readTracks(`time,id,x,y\n${times.map((time, k) => `${time},a,${k},0`).join("\n")}`);
  test("of ISO 8601 are seconds after the first of the table", () => {
    const { step, tracks } = at("2024-01-31 23:59:59.96", "2024-02-01 00:00:00", "2024-02-01T00:00:00.04Z");
    expect([step, tracks.map(({ start, x }) => [start, x.length])]).toEqual([0.04, [[0, 3]]]);
    expect(at("2024-01-01", "2024-01-02", "2024-01-03").step).toBe(86_400);
    // Half an hour, in another zone.
    expect(at("2024-03-31T01:30:00+01:00", "2024-03-31T03:00:00+02:00").step).toBe(1800);
    expect(at("2024-01-01T00:00:02", "2024-01-01T00:00:00", "2024-01-01T00:00:01").tracks[0]?.x).toEqual(
      Float64Array.of(1, 2, 0),
    );
  });
  test.each([
    [["2024-01-01 00:00:00", "soon"], 'line 3, column time: "soon" is no time as 2024-01-01 00:00:00 in line 2 is.'],
    [["2024-02-28", "2024-02-30"], '"2024-02-30" is no time as'],
    [["2024-02-28 12:00", "2024-02-28 24:00"], '"2024-02-28 24:00" is no time as'],
    [
      ["1", "2024-02-28"],
      'line 3, column time: "2024-02-28" is no number. Give numbers, or times as 2024-01-31 12:00:00',
    ],
    [["31.01.2024", "01.02.2024"], 'line 2, column time: "31.01.2024" is no number. Give numbers, or times as'],
    [["2024-02-28 12:00", "2024-02-28 12:00"], "track a is twice in frame 2024-02-28 12:00, in lines 2 and 3."],
  ])("%j is refused", (times, message) => {
    expect(() => at(...times)).toThrow(message);
  });
  test("in seconds since 1970 with a fraction are as even as they are written", () => {
    const { step, gaps } = at(...Array.from({ length: 50 }, (_, k) => (1_704_067_200 + 0.04 * k).toFixed(2)));
    expect([step, gaps]).toEqual([0.04, []]);
  });
});

test("a column is taken once: of two roles that it would have, the one that was guessed is to be named", () => {
  const text = "frame,id,x,y\n1,a,0,0\n2,a,1,1";
  expect(() => readTracks(text, { x: "y", y: "y" })).toThrow(
    'tracks.csv: column "y" is taken for x and for y. Name another one by the option x; the columns are frame, id, x, y.',
  );
  expect(() => readTracks(text, { x: "y" })).toThrow(
    'column "y" is taken for x and for y. Name another one by the option y;',
  );
  expect(() => readTracks(text, { id: "frame" })).toThrow(
    '"frame" is taken for frame and for id. Name another one by the option frame',
  );
  expect(() => readTracks(text, { x: "frame" })).toThrow('"frame" is taken for frame and for x.');
  expect(() => readTracks(text, { x: "id", id: "id" })).toThrow('"id" is taken for id and for x.');
  expect(() => readTracks(text.replaceAll(/frame|id|x|y/g, "1").replace("1,1,1,1\n", ""), { x: "4" })).toThrow(
    'column "4" is taken for x and for y.',
  );
  expect(readTracks(text, { x: "y", y: "x" }).tracks.length).toBe(1);
});

test("columns of one name are refused", () => {
  expect(() => readTracks("frame,id,x,y,x\n1,a,0,0,5\n2,a,1,1,6")).toThrow(
    'tracks.csv: line 1: columns 3 and 5 are both called "x". Rename one.',
  );
});

describe("decimals", () => {
  test.each([
    [0.5, 3],
    [123, 3],
    [0.0123, 4],
    [1.5e-5, 7],
    [0, 3],
    [1e-300, 100],
  ])("of %d: %d, for three digits", (size, decimals) => {
    expect(decimalsFor(size, 3)).toBe(decimals);
  });
  test("scores that rounding leaves have an exponent", () => {
    expect([1.234567e-5, 1.1e-14, 0].map((score) => shownScore(score, decimalsFor(score, 3)))).toEqual([
      "0.0000123",
      "1.10e-14",
      "0.000",
    ]);
  });
  test("of steps: as many as tell them apart, one step too", () => {
    const walk = (step: number, steps: number) => ({
      seen: { x: Float64Array.of(13.4), y: Float64Array.of(52.5) },
      futures: [
        {
          x: Float64Array.from({ length: steps }, (_, t) => 13.4 + (t + 1) * step),
          y: Float64Array.from({ length: steps }, () => 52.5),
        },
      ],
    });
    expect(decimalsOfSteps([walk(1.5e-5, 4)], 3)).toBe(7);
    expect(decimalsOfSteps([walk(1.5e-5, 1)], 3)).toBe(7);
    expect(decimalsOfSteps([walk(0, 4), walk(0.5, 12)], 3)).toBe(3);
    expect(decimalsOfSteps([], 3)).toBe(3);
  });
});

describe("what is wrong is one line with the place", () => {
  test.each([
    [
      "frame,id,x,y\n1,a,0,0\n2,a,b,0",
      'walks.csv: line 3, column x: "b" is no number. Correct it, or name the column.',
    ],
    ["frame;id;x;y\n1;a;0,5;0", 'walks.csv: line 2, column x: "0,5" is no number. Write decimal points, "1.5".'],
    [
      "frame,id,x,y\n1,a,,0",
      'walks.csv: line 2, column x: "" is no number. Leave the row out where the place is not known.',
    ],
    [
      "frame,id,x,y\n1,a,0x10,0\n2,a,1,NaN",
      'walks.csv: line 2, column x: "0x10" is no number. Correct it, or name the column.',
    ],
    ["frame,id,x,y\n1,,0,0", "walks.csv: line 2, column id: the id is empty. Fill it in, or leave the row out."],
    [
      "frame,id,x,y\n1,a,0,0\n1,a,2,2",
      "walks.csv: track a is twice in frame 1, in lines 2 and 3. Leave one of the rows out.",
    ],
    ["frame,id,x\n1,a,0", "walks.csv: no column looks like y: frame, id, x. Name it by the option y."],
    ["1,2,3", "walks.csv: has 3 columns, expected four: frame, id, x, y. Give a table with these."],
    ["frame,id,x,y\n1,a,0", 'walks.csv: line 2 has 3 fields, line 1 has 4 (between them: ",").'],
    ["", "walks.csv: is empty. Give a table with one row a step."],
    ["frame,id,x,y\n", "walks.csv: has the names of columns and no rows. Give a table with one row a step."],
    ["1,a,0,0\n2,b,1,1", "walks.csv: no track has two frames, so nothing moves. Give the rows of a track the same id."],
  ])("%j", (text, message) => {
    expect(() => readTracks(text, { name: "walks.csv" })).toThrow(message);
  });
});

test("tracks are cut by frames, thinned, and split in time", () => {
  const tracks = readTracks(Array.from({ length: 20 }, (_, t) => `${t * 10},a,${t},0`).join("\n"));
  const part = cutTracks(tracks, { from: 45, below: 120, every: 2 });
  expect([part.step, part.tracks[0]?.start, [...(part.tracks[0]?.x ?? [])]]).toEqual([20, 50, [5, 7, 9, 11]]);
  const { earlier, later } = splitInTime([tracks], 0.25);
  expect([earlier, later].map(([one]) => one?.tracks[0]?.x.length)).toEqual([15, 5]);
  expect(cutTracks(tracks, { from: 1000 }).tracks).toEqual([]);
});

test("windows: every start in which a track is there for all steps, and the last steps of each", () => {
  const tracks = readTracks(rows);
  expect(windowsOf(tracks, { seen: 2, predicted: 1 }).map(({ id, frame, x }) => [id, frame, [...x]])).toEqual([
    ["1", 10, [0, 1, 2]],
  ]);
  expect(lastWindows(tracks, 2).map(({ id, frame, x }) => [id, frame, [...x]])).toEqual([
    ["1", 20, [1, 2]],
    ["1", 50, [4, 5]],
    ["2", 20, [5, 5]],
  ]);
});

test("turning a vector there and back gives it again, and a window's last displacement points along x", () => {
  const one = fc.double({ min: -100, max: 100, noNaN: true });
  fc.assert(
    fc.property(one, one, one, one, (x, y, dx, dy) => {
      const window = { x: Float64Array.of(x, x + dx), y: Float64Array.of(y, y + dy) };
      const pose = poseOf(window, 2, true);
      const [a, b] = turnBack(pose, ...turn(pose, dx, dy));
      expect(Math.hypot(a - dx, b - dy)).toBeLessThan(1e-9);
      if (Math.hypot(dx, dy) > 1e-3) expect(Math.abs(turn(pose, dx, dy)[1])).toBeLessThan(1e-6);
    }),
  );
});

test("augmented windows have the same distances between their steps", () => {
  const window = { id: "a", frame: 0, x: Float64Array.of(0, 1, 3, 4), y: Float64Array.of(0, 0, 1, 5) };
  const random = createRandom(1);
  const lengths = ({ x, y }: { x: Float64Array; y: Float64Array }): number[] =>
    [1, 2, 3].map((k) => Math.hypot(x[k]! - x[k - 1]!, y[k]! - y[k - 1]!));
  for (let n = 0; n < 20; n++) {
    const turned = lengths(augmented(window, { rotations: true, flips: true, reversals: true }, random));
    const back = [...turned].reverse();
    const near = (of: number[]): boolean => of.every((one, k) => Math.abs(one - lengths(window)[k]!) < 1e-9);
    expect(near(turned) || near(back)).toBe(true);
  }
});

test("scores: ADE, FDE, RMSE and the best of several by hand", () => {
  const window = { id: "a", frame: 0, x: Float64Array.of(0, 1, 2, 3), y: Float64Array.of(0, 0, 3, 4) };
  const straight = constantVelocity(window, 2, 2);
  expect([[...straight.x], [...straight.y]]).toEqual([
    [2, 3],
    [0, 0],
  ]);
  const exact = { x: Float64Array.of(2, 3), y: Float64Array.of(3, 4) };
  expect(scoresOf([window], 2, [straight], [[straight, exact]])).toEqual({
    ...{ ade: 3.5, fde: 4, minAde: 0, minFde: 0, rmse: [3, 4], windows: 1 },
  });
});

const shared = join(process.env.UNROLLED_DATA ?? join(import.meta.dirname, "../../../../shared/data"), "trajectories");
test.skipIf(!existsSync(shared))(
  "ETH and UCY: windows and constant velocity of the published protocol (skipped without ../shared/data)",
  () => {
    const wanted = {
      biwi_eth: [364, "1.08", "2.28"],
      biwi_hotel: [1197, "0.32", "0.61"],
      crowds_zara01: [2356, "0.43", "0.95"],
    };
    for (const [name, numbers] of Object.entries(wanted)) {
      const tracks = readTracks(readFileSync(join(shared, `${name}.txt`), "utf8"), { name });
      const windows = windowsOf(tracks, { seen: 8, predicted: 12 });
      const { ade, fde } = scoresOf(
        windows,
        8,
        windows.map((window) => constantVelocity(window, 8, 12)),
      );
      expect([windows.length, ade.toFixed(2), fde.toFixed(2)]).toEqual(numbers);
    }
  },
);
