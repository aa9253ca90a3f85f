import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import tone from "@tonejs/midi";
import { beforeAll, describe, expect, test } from "vitest";
import { readMidi, writeMidi } from "../../src/formats/midi.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { json, refusal, run } from "./run.ts";

const folder = temporaryFolder();
const tune = (number: number): string => {
  const bars = ["GABc", "dcBA", "GBdB", "AcBG"].map((_, k, all) => all[(k + number) % 4]);
  return `X:${number}\nM:4/4\nL:1/4\nQ:1/4=100\nK:G\n|:${bars.join("|")}:|\n`;
};
const small = ["--units", "8", "--epochs", "3", "--batch", "2", "--steps", "16", "--threads", "1"];
let lines: Record<string, unknown>[];

beforeAll(async () => {
  writeFileSync(join(folder, "tunes.abc"), Array.from({ length: 10 }, (_, k) => tune(k)).join("\n"));
  lines = await json(folder, "music", "tunes.abc", "--out", "tunes.safetensors", ...small);
});

describe("music", () => {
  test("--json: a start, a line for each epoch, done", () => {
    expect(lines[0]).toMatchObject({ event: "start", pieces: 10, form: "events" });
    expect(lines.slice(1, -1).map(({ event, epoch }) => [event, epoch])).toEqual([
      ["epoch", 1],
      ["epoch", 2],
      ["epoch", 3],
    ]);
    expect(lines.at(-1)).toMatchObject({ event: "done", pieces: 9, validationPieces: 1, file: "tunes.safetensors" });
  });

  test("writes a MIDI file, in which another reader finds the notes that --json tells", async () => {
    const options = ["--model", "tunes.safetensors", "--length", "16", "--seed", "3"];
    const told = await json(folder, "music", ...options, "--midi", "new.mid");
    const { header, tracks } = new tone.Midi(readFileSync(join(folder, "new.mid")));
    expect(header.tempos.map(({ bpm }) => Math.round(bpm))).toEqual([100]);
    const notes = tracks.flatMap((track) => track.notes);
    expect(told.length).toBeGreaterThan(0);
    const plain = (all: readonly (readonly number[])[]) =>
      all.map((one) => one.map((x) => x.toFixed(4)).join(" ")).sort();
    expect(plain(notes.map((n) => [n.midi, n.time, n.duration, Math.round(127 * n.velocity)]))).toEqual(
      plain(told.map((n) => [n.pitch, n.start, n.duration, n.velocity] as number[])),
    );
    expect(await json(folder, "music", ...options)).toEqual(told);
  });

  test("goes on from a file, and `evaluate` measures", async () => {
    const { code } = await run(folder, "music", "--model", "tunes.safetensors", "--midi", "on.mid", "new.mid");
    expect(code).toBe(0);
    expect(readMidi(readFileSync(join(folder, "on.mid"))).tempos).toHaveLength(1);
    const options = ["--model", "tunes.safetensors", "--length", "4", "--midi", "more.mid"];
    const book = await run(folder, "music", ...options, "tunes.abc");
    expect(book.err).toContain("tunes.abc: has 10 pieces; this goes on from the first.\n");
    const [measured] = await json(folder, "evaluate", "tunes.safetensors", "tunes.abc");
    expect(measured).toMatchObject({ unit: "event", loss: expect.any(Number), count: expect.any(Number) });
  });

  test("what is wrong is one line and exit 2, and nothing is written", async () => {
    writeFileSync(join(folder, "cut.mid"), readFileSync(join(folder, "tunes.abc")).subarray(0, 10));
    writeFileSync(join(folder, "broken.abc"), "X:1\nM:4/4\nK:C\nABcd|[CE\n");
    const says = (...args: string[]) => refusal(folder, "music", ...args);
    expect(await says("cut.mid", "--out", "x.safetensors")).toBe(
      "cut.mid: it is not a MIDI file. Give one, which ends with .mid.",
    );
    expect(await says("broken.abc", "--out", "x.safetensors")).toBe(
      "broken.abc: line 4: the tune breaks off within a chord, [. Correct the tune, or give --repair to leave it out.",
    );
    const hang = writeMidi(readMidi(readFileSync(join(folder, "new.mid"))));
    // Its last note-off is made one of a pitch that does not sound.
    hang[hang.length - 6] = 1;
    writeFileSync(join(folder, "hang.mid"), hang);
    expect(await refusal(folder, "evaluate", "tunes.safetensors", "hang.mid")).toMatch(
      /hang\.mid: track 1, tick \d+: pitch \d+ on channel 0 hangs: .* Mend it in an editor, or give --repair\.$/,
    );
    const [mended] = await json(folder, "evaluate", "tunes.safetensors", "hang.mid", "new.mid", "--repair");
    expect(mended).toMatchObject({ unit: "event" });
    expect(await says("tunes.txt", "--out", "x.safetensors")).toMatch(/^tunes\.txt: is no file of music\./);
    expect(await says("tunes.abc")).toBe("give --out MODEL to train, or --model MODEL to write with one.");
    expect(await says("tunes.abc", "--out", "x.safetensors", "--hold", "60")).toBe(
      "--hold: is for writing. Leave it out.",
    );
    expect(await says("--model", "tunes.safetensors", "--midi", "a.mid", "--hold", "200")).toMatch(
      /^--hold: needs MIDI pitches/,
    );
    expect(await says("--model", "tunes.safetensors", "--midi", "a.wav")).toMatch(
      /^--midi: a\.wav does not end with \.mid/,
    );
    expect(await says("--model", "tunes.safetensors", "--midi", "new.mid")).toMatch(/new\.mid.*--overwrite/);
  });
});
