import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { inOrder, type Note, type Piece } from "../../../src/data/piece.ts";
import { readMidi, writeMidi } from "../../../src/formats/midi.ts";
import { FormatError } from "../../../src/formats/safetensors.ts";
import { type InspectedStep, inspectModel } from "../../../src/nn/inspection.ts";
import { EventReader, eventsOf, eventTokenizer } from "../../../src/tasks/music/events.ts";
import type { WrittenInput } from "../../../src/tasks/music/form.ts";
import { forms } from "../../../src/tasks/music/forms.ts";
import { gridOf, pieceOfGrid, withoutOverlaps } from "../../../src/tasks/music/grid.ts";
import { writeMusic } from "../../../src/tasks/music/predict.ts";
import { keys, notesOfRoll, padding, rollExamples, rollOf, rollWindows } from "../../../src/tasks/music/roll.ts";
import type { GridNote } from "../../../src/tasks/music/settings.ts";
import {
  evaluateMusic,
  generateMusic,
  musicModel,
  readMusicModel,
  trainMusic,
  writeMusicModel,
} from "../../../src/tasks/music.ts";
import { note } from "../../helpers/pieces.ts";
import { refusal, rejection } from "../../helpers/refusal.ts";
import { serving } from "../../server/serving.ts";

const host = { threads: 1 } as const;
const piece = (notes: readonly Note[], ticksPerQuarter = 4): Piece => ({
  ticksPerQuarter,
  tempos: [{ tick: 0, microsecondsPerQuarter: 400_000 }],
  notes: inOrder(notes),
});
/** C D E G in turn, two steps each, again and again from one of them on. */
const scale = (from: number, length = 24): Piece =>
  piece(Array.from({ length }, (_, k) => note([60, 62, 64, 67][(from + k) % 4] as number, 2 * k, 2)));
const scales = Array.from({ length: 24 }, (_, from) => scale(from));

/** Notes on a grid, none of which overlaps another of its pitch. */
const gridNotes = fc
  .array(
    fc.record({
      pitch: fc.nat(127),
      start: fc.nat(300),
      duration: fc.integer({ min: 1, max: 96 }),
      velocity: fc.nat(7).map((k) => 16 * k + 8),
    }),
    { maxLength: 30 },
  )
  .map(withoutOverlaps);

describe("the grid", () => {
  test("times are rounded to steps, no note is shorter than one, drums are left out", () => {
    const notes = [note(60, 3, 1), note(62, 118, 250), note(35, 0, 9, { channel: 9 })];
    expect(gridOf(piece(notes, 480), 4)).toEqual([
      { pitch: 60, start: 0, duration: 1, velocity: 80 },
      { pitch: 62, start: 1, duration: 2, velocity: 80 },
    ]);
    expect(gridOf(piece([note(60, 160, 160)], 480), 12)).toEqual([{ pitch: 60, start: 4, duration: 4, velocity: 80 }]);
  });

  test("of one pitch on several tracks one sounds at a time: a later note ends an earlier one", () => {
    const notes = [note(60, 0, 8), note(60, 4, 2, { track: 1 }), note(60, 4, 3, { track: 2 })];
    expect(gridOf(piece(notes), 4).map(({ start, duration }) => [start, duration])).toEqual([
      [0, 4],
      [4, 3],
    ]);
  });
});

describe("events", () => {
  test("what is written as events is read again as it was", () => {
    fc.assert(
      fc.property(gridNotes, (notes) => {
        const reader = new EventReader();
        reader.read(eventsOf(notes));
        expect(reader.notes).toEqual(notes);
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  test("any text of events is music that can be written", () => {
    const event = fc.integer({ min: 1, max: eventTokenizer.vocabulary.length - 1 });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 80 }), (ids) => {
        const reader = new EventReader();
        reader.read(ids.map((id) => eventTokenizer.vocabulary[id]).join(""));
        const notes = withoutOverlaps(reader.notes).map((one) => note(one.pitch, one.start, one.duration, one));
        expect(readMidi(writeMidi(piece(notes))).notes).toHaveLength(notes.length);
      }),
      { seed: 2, numRuns: 200 },
    );
  });

  test("each event is a token of its own", () => {
    expect(new Set(eventTokenizer.vocabulary).size).toBe(1 + 96 + 8 + 128 + 96);
    expect([...eventsOf([{ pitch: 60, start: 200, duration: 2, velocity: 80 }])]).toHaveLength(3 + 3);
  });
});

describe("rolls", () => {
  test("keys that sound step after step are one note, and are those steps again", () => {
    const steps = [[60], [60, 64], [], [60], [60]];
    const notes = notesOfRoll(steps);
    expect(notes.map(({ pitch, start, duration }) => [pitch, start, duration])).toEqual([
      [60, 0, 2],
      [64, 1, 1],
      [60, 3, 2],
    ]);
    expect(rollOf(notes)).toEqual(steps);
    expect(rollOf([{ pitch: 10, start: 0, duration: 1, velocity: 8 } satisfies GridNote])).toEqual([[]]);
  });

  test("a window's first input is what sounds before it; behind its end there is padding", () => {
    const windows = rollWindows([[[21], [22], [23], [24], [25]]], 3);
    const { x, y } = rollExamples(windows, 3);
    const at = (data: Float32Array, n: number, t: number) => [
      ...data.subarray((3 * n + t) * keys, (3 * n + t) * keys + 5),
    ];
    expect(at(x.data, 0, 0)).toEqual([0, 0, 0, 0, 0]);
    expect(at(y.data, 0, 2)).toEqual([0, 0, 1, 0, 0]);
    expect(at(x.data, 1, 0)).toEqual([0, 0, 1, 0, 0]);
    expect(at(y.data, 1, 1)).toEqual([0, 0, 0, 0, 1]);
    expect(at(x.data, 1, 2)).toEqual(Array(5).fill(padding));
  });
});

describe.each([
  { form: "events", epochs: 40 },
  { form: "roll", epochs: 40 },
] as const)("a model of the form $form", ({ form, epochs }) => {
  const options = { form, cell: "gru", units: 24, dropout: 0, seed: 1 } as const;
  const training = {
    epochs,
    batchSize: 2,
    steps: 24,
    learningRate: form === "roll" ? 0.03 : 0.005,
    validationSplit: 0.25,
    seed: 1,
    ...host,
  };
  const trained = (async () => {
    const mm = musicModel(scales, options);
    const told: number[] = [];
    const result = await trainMusic(mm, scales, { ...training, onEpoch: ({ epoch }) => told.push(epoch) });
    return { mm, result, told };
  })();

  test("learns a scale, goes on with it, and ends with its best epoch", async () => {
    const { mm, result, told } = await trained;
    expect([result.pieces, result.validationPieces]).toEqual([18, 6]);
    expect(told).toEqual(Array.from({ length: epochs }, (_, k) => k + 1));
    const { loss } = await evaluateMusic(mm, scales.slice(18), host);
    expect(loss).toBeCloseTo(Math.min(...result.validationLoss), 3);
    expect(loss).toBeLessThan(0.6);
    const written = await generateMusic(mm, { length: 4, temperature: 0, prime: scale(1, 8), ...host });
    // After eight notes from D on: D again.
    expect(written.notes.map(({ pitch, start, duration }) => [pitch, start / 120, duration / 120])).toEqual(
      [62, 64, 67, 60, 62, 64, 67, 60].map((pitch, k) => [pitch, 2 * k, 2]),
    );
    expect(written.tempos).toEqual([{ tick: 0, microsecondsPerQuarter: 400_000 }]);
  });

  test("the same seed gives the same music, another seed other music; the file holds all of it", async () => {
    const { mm } = await trained;
    const again = readMusicModel(writeMusicModel(mm), "m.st");
    const write = (seed: number, of = mm) => generateMusic(of, { length: 8, temperature: 1.5, seed, ...host });
    expect(await write(3, again)).toEqual(await write(3));
    expect(await write(4)).not.toEqual(await write(3));
  });

  test("what is written ends within its length, in either form", async () => {
    for (const form of ["events", "roll"] as const) {
      // Values as they are drawn write notes of all lengths.
      const untrained = musicModel(scales, { form, units: 4, seed: 1 });
      const written = await Promise.all(
        [1, 2, 3, 4].map((seed) => generateMusic(untrained, { length: 3, seed, prime: scale(1, 8), ...host })),
      );
      const ends = written.flatMap(({ notes }) => notes.map(({ start, duration }) => start + duration));
      expect(ends.length).toBeGreaterThan(0);
      expect(Math.max(...ends)).toBeLessThanOrEqual(3 * 480);
    }
  });

  test("held pitches sound all the time, and can be written", async () => {
    const { mm } = await trained;
    const written = await generateMusic(mm, { length: 4, hold: [36, 62], seed: 2, ...host });
    for (const pitch of [36, 62]) {
      expect(written.notes.filter((one) => one.pitch === pitch)).toMatchObject([{ start: 0, duration: 16 * 120 }]);
    }
    expect(readMidi(writeMidi(written)).notes).toEqual(written.notes);
  });

  test("written input by input it is the same music, and the values are those of a model that reads the inputs", async () => {
    const { mm } = await trained;
    const options = { length: 6, temperature: 1.2, hold: [36], prime: scale(2, 5), seed: 7, ...host };
    const { hold, seed, temperature } = options;
    const how = { length: 24, hold, seed, temperature, prime: gridOf(options.prime, 4), signal: undefined, host };
    const inputs: WrittenInput[] = [];
    const seen: number[] = [];
    for await (const one of forms[form].write(mm.model, how)) {
      inputs.push(one);
      seen.push(one.notes().length);
    }
    const steps = inputs.map(({ step }) => step);
    expect(steps).toEqual([...steps].sort((a, b) => a - b));
    expect(steps[0]).toBeLessThan(0);
    expect(seen.slice(0, -1).every((count, k) => count <= (seen[k + 1] as number))).toBe(true);
    const keys = ["recurrent.z", "recurrent.h"];
    const read = inspectModel(
      mm.model,
      inputs.map(({ input }) => input),
      { values: keys, ...host },
    );
    let k = 0;
    let last: readonly GridNote[] = [];
    for await (const { step, notes, values } of writeMusic(mm, options, keys)) {
      const { value } = await read.next();
      expect([step, values]).toEqual([steps[k++], (value as InspectedStep).values]);
      last = notes();
    }
    expect(k).toBe(inputs.length);
    expect(pieceOfGrid(last, mm.settings)).toEqual(await generateMusic(mm, options));
  });

  test("a server answers what the model writes", async () => {
    const { mm } = await trained;
    const here = await serving({}, { tunes: mm });
    const ask = async (body: object): Promise<[number, Record<string, unknown>]> => {
      const answer = await here.post("/v1/music", { model: "tunes", ...body });
      return [answer.status, (await answer.json()) as Record<string, unknown>];
    };
    const prime = scale(1, 8).notes.map(({ pitch, start, duration, velocity }) => ({
      ...{ pitch, start: start / 4, duration: duration / 4, velocity },
    }));
    const [status, answer] = await ask({ length: 1, temperature: 0, prime });
    expect(status).toBe(200);
    expect(answer.quartersPerMinute).toBe(150);
    expect(answer.notes).toMatchObject([
      { pitch: 62, start: 0, duration: 0.5 },
      { pitch: 64, start: 0.5, duration: 0.5 },
    ]);
    const none = "length: needs a number above 0, got 0.";
    expect(await ask({ length: 0 })).toMatchObject([400, { error: { param: "length", message: none } }]);
    if (form === "roll")
      expect(await ask({ hold: [5] })).toMatchObject([400, { error: { message: expect.stringMatching(/^hold: /) } }]);
  });
});

test.each(["events", "roll"] as const)("a single short piece is enough to learn from: %s", async (form) => {
  for (const length of [1, 2, 3, 7]) {
    const all = [scale(0, length)];
    const mm = musicModel(all, { form, units: 3, seed: 1 });
    const { loss, validationLoss } = await trainMusic(mm, all, { epochs: 2, ...host });
    expect([loss.length, validationLoss]).toEqual([2, []]);
  }
});

test.each([
  ["events", 1, 0.05],
  ["roll", 3, 1],
] as const)("of epochs that get worse the best is kept: %s", async (form, seed, learningRate) => {
  const all = scales.slice(0, 12);
  const mm = musicModel(all, { form, units: 8, dropout: 0, seed });
  // A rate at which losses go up again.
  const how = { epochs: 7, batchSize: 2, steps: 16, learningRate, ...host };
  const { validationLoss } = await trainMusic(mm, all, how);
  const least = Math.min(...validationLoss);
  expect(validationLoss.at(-1)).toBeGreaterThan(least + 0.02);
  expect((await evaluateMusic(mm, all.slice(-1), host)).loss).toBeCloseTo(least, 3);
});

describe("what is refused", () => {
  const mm = musicModel(scales, { form: "roll", units: 2 });

  test("music without notes that the model can write", async () => {
    const drums = [piece([note(40, 0, 4, { channel: 9 })])];
    expect(await rejection(trainMusic(mm, drums))).toMatch(/^trainMusic: the pieces have no note from 21 to 108/);
    expect(await rejection(evaluateMusic(mm, [piece([note(5, 0, 4)])]))).toMatch(/^evaluateMusic: the pieces have no/);
    // A model of events is told no form that it has.
    const events = musicModel(scales, { form: "events", units: 2 });
    expect(await rejection(trainMusic(events, drums))).toMatch(/besides drums\. Give others\.$/);
  });

  test("sampling that the form does not know, and pitches that it cannot write", async () => {
    expect(await rejection(generateMusic(mm, { topK: 3 }))).toMatch(/^generateMusic: topK is for models of events/);
    expect(await rejection(generateMusic(mm, { hold: [109] }))).toBe(
      "generateMusic: hold: this model writes pitches from 21 to 108, got 109",
    );
  });

  test("settings that are not the model's, and a file of another task", () => {
    const other = { ...mm, settings: { ...mm.settings, form: "events" as const } };
    expect(refusal(() => writeMusicModel(other))).toMatch(/form "events" needs a model that reads tokens/);
    const bytes = writeMusicModel(mm);
    expect(refusal(() => readMusicModel(bytes.subarray(0, 50), "m.st"), FormatError)).toMatch(/^m\.st: /);
  });
});

test.each(["events", "roll"] as const)(
  "%s: whoever is told of an epoch finds its values in the model",
  async (form) => {
    const mm = musicModel(scales, { form, units: 4, seed: 1 });
    const values = () => Object.values(mm.model.values).map((one) => one.slice());
    const seen = [values()];
    const how = { epochs: 2, steps: 16, batchSize: 2, validationSplit: 0, seed: 1, ...host };
    await trainMusic(mm, scales.slice(0, 6), { ...how, onEpoch: () => void seen.push(values()) });
    expect(seen[2]).toEqual(values());
    expect(seen[1]).not.toEqual(seen[0]);
    expect(seen[2]).not.toEqual(seen[1]);
  },
);
