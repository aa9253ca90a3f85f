/** Models of trajectories: what they learn, predict, save and answer. */
import { existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseHTML } from "linkedom";
import { describe, expect, test, vi } from "vitest";
import { evaluate } from "../../../src/cli/evaluate.ts";
import { generate } from "../../../src/cli/generate.ts";
import { runCommand } from "../../../src/cli/run.ts";
import { trajectories } from "../../../src/cli/trajectories.ts";
import { parseCsv } from "../../../src/formats/csv.ts";
import { readModel, writeModel } from "../../../src/formats/model-file.ts";
import { createRandom } from "../../../src/nn/random.ts";
import { plotFutures } from "../../../src/tasks/trajectories/plot.ts";
import {
  evaluateTrajectories,
  predictTrajectories,
  readTracks,
  readTrajectoryModel,
  type Tracks,
  trainTrajectories,
  trajectoryModel,
  writeTrajectoryModel,
} from "../../../src/tasks/trajectories.ts";
import { refusal } from "../../helpers/refusal.ts";
import { temporaryFolder } from "../../helpers/temporary-folder.ts";
import { serving } from "../../server/serving.ts";

/** Things that go straight on, or to the left, by 0.3 a step: two futures, and none is constant velocity's. */
function turning(count: number, seed: number, steps = 12): Tracks {
  const random = createRandom(seed);
  const tracks = Array.from({ length: count }, (_, n) => {
    let [x, y, angle] = [10 * random.uniform(), 10 * random.uniform(), 2 * Math.PI * random.uniform()];
    const bend = n % 2 === 0 ? 0.3 : -0.3;
    const places = Array.from({ length: steps }, (_, t) => {
      if (t > 3) angle += bend;
      [x, y] = [x + Math.cos(angle), y + Math.sin(angle)];
      return [x, y] as const;
    });
    return {
      id: String(n),
      start: 0,
      x: Float64Array.from(places, ([a]) => a),
      y: Float64Array.from(places, ([, b]) => b),
    };
  });
  return { step: 1, tracks, gaps: [] };
}
const sizes = { seen: 4, predicted: 6 } as const;
/** Windows that begin where the tracks do: what is seen is straight. */
const beginnings = (tracks: Tracks): Tracks => ({
  ...tracks,
  tracks: tracks.tracks.map(({ x, y, ...one }) => ({ ...one, x: x.slice(0, 10), y: y.slice(0, 10) })),
});
const [train, test6] = [beginnings(turning(120, 1)), beginnings(turning(30, 2))];
const host = { threads: 1 } as const;

const direct = trajectoryModel(train, { ...sizes, modes: 2, units: 12, hidden: 16, seed: 3 });
await trainTrajectories(direct, train, {
  epochs: 25,
  batchSize: 20,
  learningRate: 0.01,
  validationSplit: 0,
  seed: 4,
  ...host,
});
const bytes = writeTrajectoryModel(direct);
const folder = temporaryFolder();
const file = join(folder, "turns.safetensors");
writeFileSync(file, bytes);
const csvOf = ({ tracks }: Tracks): string =>
  `frame,id,x,y\n${tracks.flatMap(({ id, x, y }) => Array.from(x, (one, t) => `${t},${id},${one},${y[t]}`)).join("\n")}\n`;
const table = join(folder, "turns.csv");
writeFileSync(table, csvOf(test6));

test("whole futures: each of the two turns is one of the modes, far nearer than constant velocity", async () => {
  const { model, constantVelocity } = await evaluateTrajectories(direct, test6, { futures: 2, ...host });
  expect(constantVelocity.ade).toBeGreaterThan(1.5);
  expect(model.minAde).toBeLessThan(0.2);
  expect(model.windows).toBe(30);
  const [first] = await predictTrajectories(direct, test6, { futures: 2, ...host });
  expect(first?.futures.map(({ probability }) => probability).reduce((a, b) => a + b)).toBeCloseTo(1, 6);
});

test("step by step: draws take one of the two turns", async () => {
  const step = trajectoryModel(train, { ...sizes, form: "step", modes: 5, units: 16, seed: 3 });
  await trainTrajectories(step, train, {
    epochs: 60,
    batchSize: 20,
    learningRate: 0.02,
    validationSplit: 0,
    seed: 4,
    ...host,
  });
  const { model } = await evaluateTrajectories(step, test6, { futures: 8, seed: 1, ...host });
  expect(model.minAde).toBeLessThan(0.3);
  const again = await evaluateTrajectories(step, test6, { futures: 8, seed: 1, ...host });
  expect(again.model).toEqual(model);
  const read = readTrajectoryModel(writeTrajectoryModel(step));
  expect(read.settings).toEqual(step.settings);
});

test("where a track is and where it points to changes nothing but where its futures are", async () => {
  const moved = (tracks: Tracks): Tracks => ({
    ...tracks,
    tracks: tracks.tracks.map(({ x, y, ...one }) => ({
      ...one,
      x: y.map((value) => 5 - value),
      y: x.map((value) => value - 7),
    })),
  });
  const one = await predictTrajectories(direct, test6, { futures: 2, ...host });
  const other = await predictTrajectories(direct, moved(test6), { futures: 2, ...host });
  one.forEach(({ path }, n) => {
    const there = other[n]?.path;
    path.x.forEach((x, t) => {
      expect(there?.y[t]).toBeCloseTo(x - 7, 3);
      expect(there?.x[t]).toBeCloseTo(5 - (path.y[t] as number), 3);
    });
  });
});

test("more futures than modes are draws: as many as asked, the same for the same seed", async () => {
  const ask = (seed: number) => predictTrajectories(direct, test6, { futures: 5, seed, ...host });
  const [a, b, c] = [await ask(1), await ask(1), await ask(2)];
  expect(a).toEqual(b);
  expect(a).not.toEqual(c);
  expect(a[0]?.futures.map(({ probability }) => probability)).toEqual([0.2, 0.2, 0.2, 0.2, 0.2]);
});

test("the same seed gives the same model, with augmentation and validation in time", async () => {
  const tracks = turning(12, 5, 40);
  const make = async () => {
    const tm = trajectoryModel(tracks, { ...sizes, modes: 2, units: 3, hidden: 3, heading: false });
    const how = { rotations: true, flips: true, reversals: true, validationSplit: 0.3, epochs: 2, seed: 6 };
    const { windows, validationWindows } = await trainTrajectories(tm, tracks, { ...how, ...host });
    expect([windows, validationWindows]).toEqual([12 * 19, 12 * 3]);
    return tm;
  };
  expect((await make()).model.values).toEqual((await make()).model.values);
});

test("a file gives the same model; a damaged one is refused in one line", () => {
  const read = readTrajectoryModel(bytes, "turns");
  expect([read.settings, read.model.values]).toEqual([direct.settings, direct.model.values]);
  expect(writeTrajectoryModel(read)).toEqual(bytes);
  const { model } = readModel(bytes, "turns");
  const damaged = (settings: object): string =>
    refusal(
      () => readTrajectoryModel(writeModel({ model, extra: { task: { kind: "trajectories", ...settings } } }), "turns"),
      Error,
    );
  expect(damaged({})).toContain("turns: its task: seen must be a whole number");
  expect(damaged({ ...direct.settings, modes: 3 })).toBe(
    'turns: its task: form "direct" needs a model that reads 2 numbers and gives 57; this one reads 2 and gives 38. Train anew.',
  );
  expect(damaged({ ...direct.settings, spread: [1] })).toBe(
    "turns: its task: spread needs 6 numbers, got 1. Train anew.",
  );
});

describe("what does not fit is one line", () => {
  test("a single short track, tracks of another step, recordings of two steps", async () => {
    const short = readTracks("1,a,0,0\n2,a,1,1\n3,a,2,2");
    expect(() => trajectoryModel(short)).toThrow(
      "trajectoryModel: no track has 20 steps without a gap (8 to see, 12 to predict); the longest has 3. " +
        "Give longer tracks, or see and predict fewer steps.",
    );
    await expect(predictTrajectories(direct, short)).rejects.toThrow(
      "predictTrajectories: no track has the 4 steps without a gap that the model sees; the longest has 3",
    );
    await expect(evaluateTrajectories(direct, { ...test6, step: 10 })).rejects.toThrow(
      "evaluateTrajectories: the tracks have a step of 10, the model was trained on a step of 1. Give tracks with frames",
    );
    const [far] = train.tracks;
    const huge = { ...train, tracks: [{ ...far!, x: far!.x.map((value) => value * 1e200) }] };
    expect(() => trajectoryModel(huge, sizes)).toThrow("the tracks have places too large to be squared.");
    expect(() => trajectoryModel([train, { ...train, step: 2 }])).toThrow("the recordings have steps of 1 and 2");
  });
  test("what validation leaves too little of: nothing is kept for it, or what was asked for is refused", async () => {
    const one = turning(1, 1, 20);
    const tm = trajectoryModel(one, { modes: 2, units: 2, hidden: 2 });
    const how = { epochs: 1, ...host };
    expect(await trainTrajectories(tm, one, how)).toMatchObject({ windows: 1, validationWindows: 0 });
    // The later part alone would be too short.
    const longer = turning(1, 1, 60);
    expect(await trainTrajectories(tm, longer, how)).toMatchObject({ windows: 41, validationWindows: 0 });
    await expect(trainTrajectories(tm, one, { ...how, validationSplit: 0.3 })).rejects.toThrow(
      "trainTrajectories: without the last 30 % of the frames, which are kept for validation, no track has 20 steps without a " +
        "gap (8 to see, 12 to predict); the longest has 14. Give a smaller validationSplit, 0 for no validation, longer tracks, or",
    );
  });
  test("what stands still can be trained on", async () => {
    const still = readTracks(Array.from({ length: 30 }, (_, t) => `${t},a,1,2`).join("\n"));
    const tm = trajectoryModel(still, { ...sizes, modes: 2, units: 2 });
    await trainTrajectories(tm, still, { epochs: 1, ...host });
    const { model } = await evaluateTrajectories(tm, still, { futures: 2, ...host });
    expect(Number.isFinite(model.ade)).toBe(true);
  });
});

test("a plot has a panel for each track, its futures, and what came", () => {
  const path = { x: Float64Array.of(0, 1), y: Float64Array.of(0, 1) };
  const one = {
    title: "track <1>",
    seen: path,
    futures: [
      { ...path, probability: 0.5 },
      { ...path, probability: 0.5 },
    ],
  };
  const svg = plotFutures([{ ...one, truth: path }, one]);
  const { document } = parseHTML(svg);
  expect([...document.querySelectorAll("text")].map((text) => text.textContent)).toEqual(
    expect.arrayContaining(["track <1>", "seen", "what came"]),
  );
  expect(document.querySelectorAll("path").length).toBe(3 + (2 + 1 + 1) + (2 + 1));
  expect(svg).not.toMatch(/NaN|Infinity/);
});

describe("commands", () => {
  /** What a command writes to standard output. */
  async function outOf(command: Parameters<typeof runCommand>[0], ...args: string[]): Promise<string> {
    let out = "";
    const write = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
      out += text;
      return true;
    });
    const quiet = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    await runCommand(command, args).finally(() => {
      write.mockRestore();
      quiet.mockRestore();
    });
    return out;
  }

  test("trajectories --out trains, measures, draws and saves; it replaces no file unless asked", async () => {
    const [out, plot] = [join(folder, "new.safetensors"), join(folder, "new.svg")];
    const source = join(folder, "long.csv");
    writeFileSync(source, csvOf(turning(12, 7, 60)));
    const args = [
      source,
      "--out",
      out,
      "--seen",
      "4",
      "--predict",
      "6",
      "--epochs",
      "1",
      "--units",
      "4",
      "--threads",
      "1",
    ];
    const printed = await outOf(trajectories, ...args, "--plot", plot);
    expect(printed).toMatch(/^\d+ windows +model +constant velocity\nmean distance \(ADE\)/);
    expect(printed).toContain("FDE of the best of 20");
    expect(readFileSync(plot, "utf8")).toContain("what came");
    expect(readTrajectoryModel(readFileSync(out), "new").settings).toMatchObject({
      ...sizes,
      form: "direct",
      modes: 20,
    });
    await expect(outOf(trajectories, ...args)).rejects.toThrow(
      `${out}: exists already. Give another name, or --overwrite`,
    );
    const lines = (await outOf(trajectories, ...args, "--overwrite", "--json"))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.map(({ event }) => event)).toEqual(["epoch", "done"]);
    expect(lines[1]).toMatchObject({ futures: 20, file: out, model: { windows: expect.any(Number) } });
  });

  test("trajectories --model writes a row or a JSON line for each track, future and step", async () => {
    const args = ["--model", file, table, "--futures", "2", "--threads", "1"];
    const rows = (await outOf(trajectories, ...args)).trim().split("\n");
    expect([rows[0], rows.length]).toEqual(["track,future,step,x,y,probability", 1 + 30 * 2 * 6]);
    const lines = (await outOf(trajectories, ...args, "--json"))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const [first] = await predictTrajectories(direct, readTracks(csvOf(test6)), { futures: 2, ...host });
    const [future] = first?.futures ?? [];
    expect(lines[0]).toEqual({
      ...{ track: "0", future: 1, step: 1, x: future?.x[0], y: future?.y[0], probability: future?.probability },
    });
    expect(lines.length).toBe(30 * 2 * 6);
  });

  test("--csv has all digits of what --json has; the table has as many as tell steps and scores apart", async () => {
    const scaled = (by: number): Tracks => ({
      ...test6,
      tracks: test6.tracks.map(({ x, y, ...one }) => ({
        ...{ ...one, id: `"${one.id}, ""a"""` },
        x: x.map((value) => 13.4 + by * value),
        y: y.map((value) => 52.5 + by * value),
      })),
    });
    const [source, csv, degrees] = [
      join(folder, "gps.csv"),
      join(folder, "futures.csv"),
      join(folder, "gps.safetensors"),
    ];
    const tracks = scaled(1e-5);
    writeFileSync(source, csvOf(tracks));
    writeFileSync(degrees, writeTrajectoryModel(trajectoryModel(tracks, { ...sizes, modes: 2, units: 4, seed: 3 })));
    const args = ["--model", degrees, source, "--futures", "2", "--threads", "1"];
    const table = parseCsv(await outOf(trajectories, ...args, "--csv", csv));
    const all = parseCsv(readFileSync(csv));
    const lines = (await outOf(trajectories, ...args, "--json")).trim().split("\n");
    expect(all.columns).toEqual(table.columns);
    expect(all.rows).toEqual(lines.map((line) => Object.values(JSON.parse(line)).map(String)));
    expect(all.rows[0]?.[0]).toBe('0, "a"');
    const places = (of: typeof table) => of.rows.map(([track, future, , x, y]) => [track, future, x, y].join(" "));
    expect(new Set(places(table)).size).toBe(new Set(places(all)).size);
    expect(table.rows[0]?.[3]).toMatch(/^13\.40\d{5,6}$/);
    await expect(outOf(trajectories, ...args, "--csv", csv)).rejects.toThrow(`${csv}: exists already.`);
    await expect(outOf(trajectories, ...args, "--csv", source, "--overwrite")).rejects.toThrow(
      `${source}: is the file that is read.`,
    );
    await expect(outOf(trajectories, source, "--out", join(folder, "x"), "--csv", csv)).rejects.toThrow(
      "--csv: is for the predictions of --model, and --out trains. Leave it out.",
    );
    const scores = await outOf(evaluate, degrees, source, "--threads", "1");
    expect(scores).toMatch(/^mean distance \(ADE\) +0\.0000[1-9]\d\d? +0\.0000[1-9]\d\d?$/m);
  });

  test("Ctrl-C while it trains keeps the best so far, saves it and says so; before the end of an epoch it saves nothing", async () => {
    const [out, source] = [join(folder, "stopped.safetensors"), join(folder, "stopped.csv")];
    writeFileSync(source, csvOf(turning(4, 7, 150)));
    const before = process.listeners("SIGINT");
    const interrupt = (): void => {
      for (const listener of process.listeners("SIGINT")) if (!before.includes(listener)) listener("SIGINT");
    };
    let said = "";
    const err = vi.spyOn(process.stderr, "write").mockImplementation((text) => {
      said += text;
      return true;
    });
    const written: string[] = [];
    const std = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
      written.push(JSON.parse(String(text)).event);
      if (written.length === 2) interrupt();
      return true;
    });
    const args = [source, "--out", out, "--seen", "4", "--predict", "6", "--units", "4", "--threads", "1", "--json"];
    try {
      await runCommand(trajectories, [...args, "--epochs", "1000"]);
      expect(written.slice(0, 2)).toEqual(["epoch", "epoch"]);
      expect(written.at(-1)).toBe("done");
      expect(written.length).toBeLessThan(20);
      expect(said).toMatch(/^Stopped after \d+ of 1000 epochs: the best is kept\.\n$/m);
      expect(readTrajectoryModel(readFileSync(out), "stopped").settings).toMatchObject(sizes);
      // What removes temporary files goes a moment after the last of them.
      await expect.poll(() => process.listeners("SIGINT").filter((one) => !before.includes(one))).toEqual([]);
      // The first signal comes before the first epoch.
      said = "";
      const once = vi.spyOn(process, "on");
      once.mockImplementation((event, listener) => {
        if (event === "SIGINT") listener();
        return process;
      });
      const never = join(folder, "never.safetensors");
      await runCommand(trajectories, [...args.with(2, never), "--epochs", "1000"]).finally(() => once.mockRestore());
      expect(said).toMatch(/^Stopped after 0 of 1000 epochs: nothing is saved\.\n$/m);
      expect(process.exitCode).toBe(130);
      expect(existsSync(never)).toBe(false);
    } finally {
      process.exitCode = undefined;
      err.mockRestore();
      std.mockRestore();
    }
  });

  test("one track as long as a window is trained on with --test 0, without validation, which is said", async () => {
    const source = join(folder, "one.csv");
    writeFileSync(source, csvOf(turning(1, 7, 20)));
    let said = "";
    const err = vi.spyOn(process.stderr, "write").mockImplementation((text) => {
      said += text;
      return true;
    });
    const args = [source, "--out", join(folder, "one.safetensors"), "--test", "0", "--epochs", "1", "--threads", "1"];
    await runCommand(trajectories, args).finally(() => err.mockRestore());
    expect(said).toContain(
      "\nTrained without validation: the frames are too few to hold out a part of them, so the last ",
    );
    expect(said).toMatch(/\nSaved \S+one\.safetensors: [\d,]+ parameters, trained on 1 window in \d+ s\.\n$/);
  });

  test("--plot replaces no table, no model and no file that is there, and is an .svg", async () => {
    const [other, new1] = [join(folder, "there.svg"), join(folder, "new1.svg")];
    const [asTable, asModel] = [join(folder, "table.svg"), join(folder, "model.svg")];
    writeFileSync(other, "mine");
    symlinkSync(table, asTable);
    symlinkSync(file, asModel);
    const before = [readFileSync(table, "utf8"), readFileSync(file)];
    const wrong = (...args: string[]) => expect(outOf(trajectories, table, "--threads", "1", ...args)).rejects;
    await wrong("--model", file, "--plot", table).toThrow(`--plot: ${table} does not end with .svg.`);
    for (const plot of [asTable, asModel]) {
      await wrong("--model", file, "--overwrite", "--plot", plot).toThrow(`${plot}: is the file that is read.`);
      await wrong("--model", file, "--plot", plot).toThrow(`${plot}: is the file that is read.`);
    }
    await wrong("--model", file, "--plot", other).toThrow(`${other}: exists already.`);
    await wrong("--out", other, "--plot", other, "--overwrite").toThrow(`${other}: would be written twice.`);
    await wrong("--out", new1, "--plot", `${folder}/./new1.svg`).toThrow("new1.svg: would be written twice.");
    await wrong("--out", table, "--overwrite").toThrow(`${table}: is the file that is read.`);
    expect([readFileSync(table, "utf8"), readFileSync(file)]).toEqual(before);
    expect(readFileSync(other, "utf8")).toBe("mine");
    await outOf(trajectories, table, "--threads", "1", "--model", file, "--plot", other, "--overwrite");
    expect(readFileSync(other, "utf8")).toContain("<svg");
  });

  test("evaluate takes a model of trajectories and tracks", async () => {
    const scores = JSON.parse(await outOf(evaluate, file, table, "--json", "--threads", "1"));
    expect(Object.keys(scores)).toEqual(["model", "constantVelocity"]);
    expect(await outOf(evaluate, file, table, "--threads", "1")).toContain("30 windows");
  });

  test("what is refused is refused in one line, without a summary before it", async () => {
    const files = { single: csvOf(turning(1, 7, 60)), many: csvOf(turning(3, 7, 60)), short: csvOf(turning(2, 7, 5)) };
    const paths = Object.fromEntries(Object.keys(files).map((name) => [name, join(folder, `${name}.csv`)]));
    for (const [name, text] of Object.entries(files)) writeFileSync(paths[name] as string, text);
    const { single = "", many = "", short = "" } = paths;
    const said = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    const wrong = async (command: typeof evaluate, args: string[], message: string): Promise<void> => {
      await expect(runCommand(command, args)).rejects.toThrow(message);
      expect(said).not.toHaveBeenCalled();
    };
    try {
      const out = join(folder, "none.safetensors");
      const needed =
        "The last 20 % of the frames are held out to measure on, which needs 20 rows of a track there (8 to see, 12 to predict); " +
        "the longest has 12. Give longer tracks, a larger --test than 0.2, or --test 0 to train on all and measure nothing.";
      await wrong(trajectories, [single, "--out", out], `${single}: has one track of 60 rows. ${needed}`);
      await wrong(
        trajectories,
        [many, "--out", out],
        `${many}: has 3 tracks, the longest of 60 rows without a gap. ${needed}`,
      );
      await wrong(trajectories, [short, "--out", out], `${short}: no track has 20 steps without a gap`);
      await wrong(
        trajectories,
        [many, "--out", out, "--x", "y", "--y", "y"],
        "taken for x and for y. Name another one: --x COLUMN;",
      );
      const thin = join(folder, "thin.csv");
      writeFileSync(thin, csvOf(turning(2, 7, 3)));
      await wrong(trajectories, [thin, "--model", file], `${thin}: no track has the 4 steps without a gap`);
      await wrong(evaluate, [file, thin], `${thin}: no track has 10 steps without a gap`);
      const tens = join(folder, "by-tens.csv");
      writeFileSync(tens, Array.from({ length: 8 }, (_, t) => `${10 * t},a,${t},0`).join("\n"));
      await wrong(trajectories, [tens, "--model", file], `${tens}: the tracks have a step of 10`);
      const two = join(folder, "two.csv");
      writeFileSync(two, "frame,id,x\n1,a,0\n");
      await wrong(
        trajectories,
        [two, "--model", file],
        `${two}: no column looks like y: frame, id, x. Name it: --y COLUMN.`,
      );
      writeFileSync(two, "when,id,x,y\nsoon,a,0,0\n");
      await wrong(
        trajectories,
        [two, "--model", file, "--frame", "when"],
        `${two}: line 2, column when: "soon" is no number. Give numbers, or times as 2024-01-31 12:00:00, or name the column (--frame, --id, --x, --y).`,
      );
    } finally {
      said.mockRestore();
    }
  });

  test("wrong uses are one line", async () => {
    const wrong = (...args: string[]) => expect(outOf(trajectories, ...args)).rejects;
    await wrong(table).toThrow("give --out MODEL to train, or --model MODEL to predict with one.");
    await wrong(table, "--model", file, "--out", "x").toThrow("Give one of the two.");
    await wrong(table, "--model", file, "--seen", "3").toThrow(
      "--seen: is for training; the model of --model has its own.",
    );
    await wrong(table, "--out", join(folder, "x"), "--seen", "40").toThrow(
      `${table}: no track has 52 steps without a gap (40 to see, 12 to predict); the longest has 10.`,
    );
    await wrong(table, "--out", join(folder, "x"), "--seen", "3", "--predict", "6").toThrow(
      `${table}: without the last 20 % of the frames, which are held out to measure on, no track has 9 steps without a gap ` +
        "(3 to see, 6 to predict); the longest has 8. Give a smaller --test, 0 to train on all, longer tracks, or see",
    );
    await wrong(table, "--out", join(folder, "x"), "--x", "east").toThrow(
      'there is no column "east" for x. The columns are frame, id, x, y.',
    );
    const [tens, few, far] = ["tens.csv", "few.csv", "far.csv"].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    writeFileSync(tens, Array.from({ length: 8 }, (_, t) => `${10 * t},a,${t},0`).join("\n"));
    await wrong(table, tens, "--model", file).toThrow(
      `${tens}: the tracks have a step of 10, the model was trained on a step of 1. Give tracks with frames as far apart`,
    );
    await expect(outOf(evaluate, file, tens)).rejects.toThrow(
      `${tens}: the tracks have a step of 10, the model was trained on a step of 1. Give tracks with frames as far apart`,
    );
    writeFileSync(few, "1,a,0,0\n2,a,1,1\n");
    await wrong(few, "--model", file).toThrow(`${few}: no track has the 4 steps without a gap that the model sees`);
    await expect(outOf(evaluate, file, few)).rejects.toThrow(`${few}: no track has 10 steps without a gap (4 to see,`);
    writeFileSync(far, Array.from({ length: 30 }, (_, t) => `${t},a,${t}e300,0`).join("\n"));
    await wrong(far, "--out", join(folder, "x")).toThrow(
      `${far}: line 2, column 3: 1e300 is too large, expected at most 1e+100. Correct it.`,
    );
    await expect(outOf(generate, file)).rejects.toThrow('it is a model of trajectories (task "trajectories")');
  });
});

test("a server answers what the model predicts, and says what does not fit", async () => {
  const here = await serving({}, { turns: direct });
  const [track] = test6.tracks;
  const seen = { id: "a", x: [...(track?.x ?? [])], y: [...(track?.y ?? [])] };
  const ask = async (
    body: object,
  ): Promise<[number, { tracks: { id: string; futures: object[] }[]; error: object }]> => {
    const answer = await here.post("/v1/trajectories", { model: "turns", ...body });
    return [answer.status, (await answer.json()) as never];
  };
  const [status, answer] = await ask({ tracks: [seen], futures: 2 });
  const [wanted] = await predictTrajectories(
    direct,
    { ...test6, tracks: test6.tracks.slice(0, 1) },
    { futures: 2, ...host },
  );
  const plain = ({ x, y }: { x: Float64Array; y: Float64Array }) => ({ x: [...x], y: [...y] });
  expect(status).toBe(200);
  expect(answer.tracks).toEqual([
    {
      ...{ id: "a", path: plain(wanted!.path) },
      futures: wanted!.futures.map((one) => ({ ...plain(one), probability: one.probability })),
    },
  ]);
  expect(await ask({ tracks: [{ x: [1, 2], y: [1, 2] }] })).toMatchObject([
    400,
    { error: { message: "tracks: track 0 has 2 places, and the model sees 4", param: "tracks" } },
  ]);
  expect(await ask({ tracks: [{ x: [1, 2], y: [1] }] })).toMatchObject([400, { error: { param: "tracks" } }]);
  expect(await ask({ tracks: [seen], futures: null, seed: null, sample: null })).toMatchObject([200, {}]);
  for (const [body, message] of [
    [{}, "tracks: needs a list, got nothing."],
    [{ tracks: [] }, "tracks: needs a list of at least 1, got a list of 0."],
    [{ tracks: [{ x: [1] }] }, "tracks.0.y: needs a list, got nothing."],
    [{ tracks: [{ ...seen, x: [1, "2"] }] }, 'tracks.0.x.1: needs a number, got "2".'],
    [{ tracks: [{ ...seen, frame: 3 }] }, "tracks.0.frame: unknown field. Leave it out."],
    [
      { tracks: [{ ...seen, x: seen.x.map((one) => 1e60 * one) }] },
      "tracks: track a has places too far apart for the model. Correct them, or give them in the unit of the training.",
    ],
    [{ tracks: [seen], futures: 0 }, "futures: needs a number of at least 1, got 0."],
    [{ tracks: [seen], futures: 1.5 }, "futures: needs a whole number, got 1.5."],
    [{ tracks: [seen], sample: 1 }, "sample: needs true or false, got 1."],
  ] as const) {
    const param = message.slice(0, message.indexOf(":"));
    expect(await ask(body)).toMatchObject([400, { error: { message, param } }]);
  }
});
