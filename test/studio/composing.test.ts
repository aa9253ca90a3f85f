/** The engine's side of the Music view: what is written, in pieces, with the network's values at each step; files; a training. */
import { beforeAll, describe, expect, test } from "vitest";
import { readMidi, writeMidi } from "../../src/formats/midi.ts";
import { inspectModel } from "../../src/nn/inspection.ts";
import { composing, type MusicQuestion, type WrittenMusic } from "../../src/studio/engine/composing.ts";
import { type ModelHandle, openModels } from "../../src/studio/engine/open-models.ts";
import { type MusicStep, writeMusic } from "../../src/tasks/music/predict.ts";
import { keys, lowestKey, rollOf } from "../../src/tasks/music/roll.ts";
import type { MusicForm } from "../../src/tasks/music/settings.ts";
import { generateMusic, musicModel, readMusicModel, writeMusicModel } from "../../src/tasks/music.ts";
import { note } from "../helpers/pieces.ts";
import { rejection } from "../helpers/refusal.ts";

const piece = {
  ticksPerQuarter: 4,
  tempos: [{ tick: 0, microsecondsPerQuarter: 400_000 }],
  notes: Array.from({ length: 16 }, (_, k) => note(60 + (k % 5), 2 * k, 2)),
};
const handles: Record<MusicForm, ModelHandle> = { events: 921, roll: 922 };
const models = Object.fromEntries(
  (["events", "roll"] as const).map((form) => [form, musicModel([piece], { form, units: 5, cell: "gru", seed: 3 })]),
) as Record<MusicForm, ReturnType<typeof musicModel>>;
beforeAll(async () => {
  for (const form of ["events", "roll"] as const)
    await openModels.openModel(handles[form], writeMusicModel(models[form]), form);
});

const asked: MusicQuestion = { length: 6, temperature: 0.9, seed: 2, hold: [40], prime: undefined, seen: 1000 };
async function write(form: MusicForm, question: Partial<MusicQuestion>): Promise<readonly WrittenMusic[]> {
  const pieces: WrittenMusic[] = [];
  for await (const one of composing.writeMusic(handles[form], { ...asked, ...question })) pieces.push(one);
  return pieces;
}
/** Steps and numbers of a value, all pieces joined. */
const column = (pieces: readonly WrittenMusic[], value: number): number[] =>
  pieces.flatMap(({ values }) => [...(values[value] as Float32Array)]);

describe.each(["events", "roll"] as const)("%s", (form) => {
  test("what is written is the library's; each step has each value once, also of those where nothing was read", async () => {
    const facts = await composing.musicFacts(handles[form]);
    expect(facts).toMatchObject({ form, stepsPerQuarter: 4, microsecondsPerQuarter: 400_000 });
    const pieces = await write(form, {});
    const { notes, steps, of } = pieces.at(-1) as WrittenMusic;
    expect([steps <= of, of]).toEqual([true, 24]);
    const wanted = await generateMusic(models[form], { length: 6, temperature: 0.9, seed: 2, hold: [40], threads: 1 });
    expect(notes.map(({ pitch, start, duration }) => [pitch, start * 120, duration * 120])).toEqual(
      wanted.notes.map(({ pitch, start, duration }) => [pitch, start, duration]),
    );
    facts.values.forEach(({ size }, k) => {
      expect(column(pieces, k).length).toBe(steps * size);
    });
  });

  test("a step has the values after the last input that stands in it or before it, what primes included", async () => {
    const facts = await composing.musicFacts(handles[form]);
    const [h, z] = ["h", "z"].map((own) => facts.values.findIndex(({ name }) => name === own)) as [number, number];
    const [hKey, zKey] = [facts.values[h]?.key as string, facts.values[z]?.key as string];
    const pieces = await write(form, { prime: piece });
    const inputs: MusicStep[] = [];
    const { seen: _, ...options } = { ...asked, prime: piece, threads: 1 };
    for await (const one of writeMusic(models[form], options, [hKey, zKey])) inputs.push(one);
    const { steps } = pieces.at(-1) as WrittenMusic;
    const at = (key: string) =>
      Array.from({ length: steps }, (_, t) => [
        ...((inputs.findLast(({ step }) => step <= t) as MusicStep).values[key] as Float32Array),
      ]).flat();
    expect(column(pieces, h)).toEqual(at(hKey));
    expect(column(pieces, z)).toEqual(at(zKey));
  });

  test("only of the first steps, where no more are wanted", async () => {
    const facts = await composing.musicFacts(handles[form]);
    const h = facts.values.findIndex(({ name }) => name === "h");
    const [all, few] = [await write(form, {}), await write(form, { seen: 3 })];
    expect(column(few, h)).toEqual(column(all, h).slice(0, 3 * 5));
    expect(few.at(-1)?.notes).toEqual(all.at(-1)?.notes);
  });
});

test("a step of a roll has the values after its keys were read", async () => {
  const facts = await composing.musicFacts(handles.roll);
  const h = facts.values.findIndex(({ name }) => name === "h");
  const pieces = await write("roll", { prime: piece });
  const rows = [[], ...rollOf(piece.notes), ...rollOf((pieces.at(-1) as WrittenMusic).notes)].map((pitches) => {
    const row = new Float32Array(keys);
    for (const pitch of pitches) row[pitch - lowestKey] = 1;
    return row;
  });
  const read: number[] = [];
  const key = facts.values[h]?.key as string;
  for await (const { values } of inspectModel(models.roll.model, rows, { values: [key], threads: 1 }))
    read.push(...(values[key] as Float32Array));
  expect(column(pieces, h)).toEqual(read.slice(5 * (1 + 32)));
});

test("files: pieces by their names, lines of what is wrong, what repair leaves out", async () => {
  const text = (name: string, content: string) => ({ name, bytes: new TextEncoder().encode(content) });
  const midi = { name: "a.mid", bytes: writeMidi(piece) };
  const book = text("b.abc", "X:1\nL:1/4\nK:C\nCDEF|\n\nX:2\nK:C\n[CE\n");
  expect(await rejection(composing.readMusic([midi, book], false))).toMatch(/^b\.abc: line 8: /);
  const { pieces, left } = await composing.readMusic([midi, book], true);
  expect(pieces.map(({ name }) => name)).toEqual(["a.mid", "b.abc:1"]);
  expect(left).toEqual([expect.stringMatching(/^b\.abc: line 8: /)]);
  expect(await rejection(composing.readMusic([text("a.txt", "x")], false))).toBe(
    "a.txt: is no file of music. Give files that end with .mid, .midi or .abc.",
  );
});

test("a MIDI file has the notes of the grid, and the tempo that is given", async () => {
  const notes = [{ pitch: 60, start: 1, duration: 3, velocity: 72 }];
  const settings = { ...models.roll.settings, microsecondsPerQuarter: 300_000 };
  const { ticksPerQuarter, tempos, notes: read } = readMidi(await composing.midiFile(notes, settings), "x.mid");
  expect(tempos).toEqual([{ tick: 0, microsecondsPerQuarter: 300_000 }]);
  expect(
    read.map(({ pitch, start, duration, velocity }) => [
      pitch,
      (4 * start) / ticksPerQuarter,
      (4 * duration) / ticksPerQuarter,
      velocity,
    ]),
  ).toEqual([[60, 1, 3, 72]]);
});

test("a training tells of each epoch, and ends early with a model", async () => {
  const settings = {
    form: "events",
    ...{ stepsPerQuarter: 4, cell: "lstm", units: 4, dropout: 0, seed: 1 },
    ...{ epochs: 50, transpose: 0, batchSize: 4, steps: 8, learningRate: 0.01 },
  } as const;
  const job = composing.trainOnMusic([piece, piece], settings);
  expect((await job.next()).value).toMatchObject({ epoch: 1, epochs: 50 });
  let end = await job.next("finish");
  while (end.done !== true) end = await job.next();
  expect(readMusicModel(end.value.bytes).settings.form).toBe("events");
});
