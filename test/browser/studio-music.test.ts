/** The Music view of the studio: models of music, a small one trained here, what they write seen, heard and saved; files that are wrong. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import tone from "@tonejs/midi";
import type { Page } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import { abcTunes, pieceOfAbc } from "../../src/formats/abc.ts";
import { readMidi, writeMidi } from "../../src/formats/midi.ts";
import { examples } from "../../src/studio/views/music/tunes.ts";
import { generateMusic, type MusicForm, musicModel, trainMusic, writeMusicModel } from "../../src/tasks/music.ts";
import { note } from "../helpers/pieces.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { button, expectAccessible, expectNoSidewaysScrolling, setting, withStudio } from "./studio.ts";

const folder = temporaryFolder();
const pieces = abcTunes(examples.jigs.make()).map((tune) => pieceOfAbc(tune));
const models = {} as Record<MusicForm, ReturnType<typeof musicModel>>;

beforeAll(async () => {
  for (const form of ["events", "roll"] as const) {
    const mm = musicModel(pieces, { form, stepsPerQuarter: 2, cell: "gru", units: 32, dropout: 0, seed: 2 });
    await trainMusic(mm, pieces, { epochs: 20, steps: 32, learningRate: 0.01, threads: 1 });
    models[form] = mm;
    writeFileSync(join(folder, `${form}.safetensors`), writeMusicModel(mm));
  }
});

type Shown = readonly [pitch: number, start: number, duration: number, velocity: number];
/** The notes of the roll, in steps. */
const shown = async (page: Page): Promise<readonly Shown[]> => {
  const notes = await page
    .locator("[data-note]")
    .evaluateAll((all) => all.map((one) => (one.getAttribute("data-note") ?? "").split(" ").map(Number)));
  return (notes as unknown as Shown[]).sort((a, b) => a[1] - b[1] || a[0] - b[0]);
};
const finished = (page: Page) => page.waitForSelector("text=/^[\\d,]+ notes? in [\\d.]+ quarters\\.$/");

test.each(["events", "roll"] as const)(
  "%s: what is shown, played and saved is what the library writes",
  async (form) => {
    await withStudio({ prepare: (page) => page.addInitScript(spyOnSound) }, async (page, address) => {
      await page.goto(`${address}#/models`);
      await page.getByLabel("Open a file …").setInputFiles(join(folder, `${form}.safetensors`));
      await page.waitForURL(new RegExp(`#/music/${form}$`));
      await setting(page, "Length, quarters", "12");
      await setting(page, "Seed", "5");
      await page.getByRole("button", { name: "Hold keys" }).or(page.getByText("Hold keys")).first().click();
      await button(page, "C4").click();
      await button(page, "Write").click();
      await finished(page);
      expect(page.url()).toMatch(/\?length=12&temperature=0\.8&seed=5&hold=60$/);
      const wanted = await generateMusic(models[form], {
        length: 12,
        temperature: 0.8,
        seed: 5,
        hold: [60],
        threads: 1,
      });
      const notes = wanted.notes.map(({ pitch, start, duration, velocity }) => [
        pitch,
        start / 120,
        duration / 120,
        velocity,
      ]);
      expect(notes.length).toBeGreaterThan(3);
      expect(await shown(page)).toEqual(notes);
      // Every line of the cell, at the steps of the notes.
      expect(await page.locator("code.gates-name").allTextContents()).toEqual(["z", "r", "g", "h"]);
      const maps = page.locator(".gates-row .heat-map");
      expect(await maps.count()).toBe(4);
      const steps = Number(
        /over (\d+) steps/.exec((await page.locator(".roll-map").getAttribute("aria-label")) ?? "")?.[1],
      );
      await expect.poll(() => maps.first().locator("canvas").getAttribute("data-cells")).toBe(String(steps * 32));
      // A step is chosen on the roll and by keys; numbers and names are of it.
      await page.locator(".roll-map").focus();
      for (const key of ["ArrowRight", "ArrowRight", "ArrowRight"]) await page.keyboard.press(key);
      expect(await page.textContent("output.gates-readout")).toMatch(
        /^Unit 0 in bar 1, beat 2\.5 \(.*C4.*\): z [\d.]+, r /,
      );
      await maps.nth(1).click({ position: { x: 1, y: 3 } });
      expect(await page.textContent("output.gates-readout")).toMatch(/ in bar 1, beat 1 \(/);
      // It plays the notes of the roll, as fast as is said.
      await page.getByLabel("Tempo").fill("300");
      await page.evaluate(() => (globalThis as { sounds?: unknown[] }).sounds?.splice(0));
      await button(page, "Play").click();
      await button(page, "Pause").waitFor();
      await button(page, "Play").waitFor();
      const sounds = await page.evaluate(
        () => (globalThis as unknown as { sounds: { hertz: number; at: number }[] }).sounds,
      );
      const begin = Math.min(...sounds.map(({ at }) => at));
      const [first] = notes as unknown as [Shown];
      const heard = sounds.map(({ hertz, at }) => [
        Math.round(69 + 12 * Math.log2(hertz / 440)),
        Math.round(((at - begin) * 300 * 2) / 60) + first[1],
      ]);
      expect(heard.sort((a, b) => (a[1] as number) - (b[1] as number) || (a[0] as number) - (b[0] as number))).toEqual(
        notes.map(([pitch, start]) => [pitch, start]),
      );
      // A pause keeps the place, a stop goes to the beginning. It is slow, so that the end does not come before the click.
      await page.getByLabel("Tempo").fill("40");
      const place = async () => / in (bar [^(]*) \(/.exec((await page.textContent("output.gates-readout")) ?? "")?.[1];
      await button(page, "Play").click();
      await expect.poll(place).not.toBe("bar 1, beat 1");
      await button(page, "Pause").click();
      await button(page, "Play").waitFor();
      expect(await place()).not.toBe("bar 1, beat 1");
      await button(page, "Stop").click();
      expect(await place()).toBe("bar 1, beat 1");
      await page.getByLabel("Tempo").fill("300");
      // Two readers of the file that is saved agree with the screen.
      const [download] = await Promise.all([page.waitForEvent("download"), button(page, "Save as .mid").click()]);
      expect(download.suggestedFilename()).toBe(`${form}-5.mid`);
      const bytes = readFileSync((await download.path()) as string);
      const own = readMidi(bytes, "saved.mid");
      expect(own.tempos).toEqual([{ tick: 0, microsecondsPerQuarter: 200_000 }]);
      const inSteps = (ticks: number): number => (ticks * 2) / own.ticksPerQuarter;
      expect(own.notes.map((one) => [one.pitch, inSteps(one.start), inSteps(one.duration), one.velocity])).toEqual(
        notes,
      );
      const other = new tone.Midi(bytes);
      const others = other.tracks.flatMap(({ notes }) =>
        notes.map((one) => [one.midi, inSteps(one.ticks), inSteps(one.durationTicks), Math.round(127 * one.velocity)]),
      );
      expect(others.sort((a, b) => (a[1] as number) - (b[1] as number) || (a[0] as number) - (b[0] as number))).toEqual(
        notes,
      );
    });
  },
);

/** Run in the page: keeps when which frequency is told to sound; of a note's oscillators the lowest. */
function spyOnSound(): void {
  const sounds: { hertz: number; at: number }[] = [];
  Object.assign(globalThis, { sounds });
  const { start } = OscillatorNode.prototype;
  OscillatorNode.prototype.start = function (at = 0): void {
    if (this.type === "triangle") sounds.push({ hertz: this.frequency.value, at });
    start.call(this, at);
  };
}

test("it goes on from keys that are played, and from a file; nothing sounds before a gesture", async () => {
  const spy = (page: Page) =>
    page.addInitScript(() => {
      const Made = AudioContext;
      Object.assign(globalThis, { contexts: 0 });
      globalThis.AudioContext = class extends Made {
        constructor() {
          super();
          (globalThis as unknown as { contexts: number }).contexts++;
        }
      };
    });
  const contexts = (page: Page) => page.evaluate(() => (globalThis as unknown as { contexts: number }).contexts);
  await withStudio({ models: [join(folder, "events.safetensors")], prepare: spy }, async (page, address) => {
    await page.goto(`${address}#/music/events?length=8&seed=1&temperature=0.5`);
    await page.reload();
    await finished(page);
    const fromSilence = await shown(page);
    expect(await contexts(page)).toBe(0);
    for (const key of ["G4", "A4", "B4"]) await button(page, key).click();
    expect(await contexts(page)).toBe(1);
    await page.waitForSelector("text=It goes on from G4 A4 B4.");
    await button(page, "Write").click();
    await page.waitForURL(/keys=67%2C69%2C71$/);
    await finished(page);
    const prime = { ticksPerQuarter: 2, tempos: [], notes: [67, 69, 71].map((pitch, k) => note(pitch, k, 1)) };
    const write = (of: typeof prime) =>
      generateMusic(models.events, { length: 8, seed: 1, temperature: 0.5, prime: of, threads: 1 });
    const starts = (written: Awaited<ReturnType<typeof write>>) =>
      written.notes.map(({ pitch, start }) => [pitch, start / 120]);
    const shownStarts = async () => (await shown(page)).map(([pitch, start]) => [pitch, start]);
    // What was written before stays until it is written anew.
    await expect.poll(shownStarts).toEqual(starts(await write(prime)));
    const byKeys = await shown(page);
    expect(byKeys).not.toEqual(fromSilence);
    const begin = {
      ticksPerQuarter: 480,
      tempos: [],
      notes: [74, 71, 67].map((pitch, k) => note(pitch, 240 * k, 240)),
    };
    await page
      .getByLabel("Begin from a file …")
      .setInputFiles({ name: "begin.mid", mimeType: "audio/midi", buffer: Buffer.from(writeMidi(begin)) });
    await page.waitForSelector("text=It goes on from the end of begin.mid.");
    // What was written stays until something else is.
    expect(await shown(page)).toEqual(byKeys);
    await button(page, "Write").click();
    await page.waitForURL(/from=begin\.mid$/);
    await finished(page);
    await expect.poll(shownStarts).toEqual(starts(await write(begin)));
    // A link has no file.
    await page.reload();
    await page.waitForSelector("[role=alert] >> text=“begin.mid” is no longer here");
  });
});

test("files that are wrong are told of in one line, mended where they can be, and take nothing away", async () => {
  await withStudio(
    { models: [join(folder, "events.safetensors"), join(folder, "roll.safetensors")] },
    async (page, address) => {
      await page.goto(`${address}#/music/events?length=8&seed=1`);
      await finished(page);
      const before = await shown(page);
      const open = (name: string, content: Buffer | string): Promise<void> =>
        page
          .getByLabel("Begin from a file …")
          .setInputFiles({ name, mimeType: "application/octet-stream", buffer: Buffer.from(content) });
      await open("text.mid", "no music");
      await page.waitForSelector(
        "[role=alert] >> text=text.mid: it is not a MIDI file. Give one, which ends with .mid.",
      );
      await open("words.txt", "no music");
      await page.waitForSelector("[role=alert] >> text=words.txt: is no file of music.");
      await open("book.abc", "X:1\nM:4/4\nL:1/4\nK:C\nCDEF|GA\n[CE\n");
      await page.waitForSelector("[role=alert] >> text=/^book\\.abc: line \\d+: /");
      const hanging = writeMidi({ ticksPerQuarter: 96, tempos: [], notes: [note(60, 0, 96), note(64, 96, 96)] });
      // The last note-off is one of another pitch.
      hanging[hanging.lastIndexOf(0x80) + 1] = 65;
      await open("hanging.mid", Buffer.from(hanging));
      await page.waitForSelector(
        "[role=alert] >> text=hanging.mid: track 1, tick 96: pitch 64 on channel 0 hangs: the track ends at tick 192 without its note-off. Mend it in an editor, or here.",
      );
      expect(await shown(page)).toEqual(before);
      await button(page, "Mend it and read it").click();
      await page.waitForSelector("text=It goes on from the end of hanging.mid.");
      expect(await page.locator("[role=alert]").count()).toBe(0);
      await setting(page, "Length, quarters", "0");
      await page.waitForSelector("[role=alert] >> text=Length, quarters: a whole number from 1 to 256, not “0”.");
      expect(await button(page, "Write").isDisabled()).toBe(true);
      await page.goto(`${address}#/music/events?length=8&seed=x`);
      await page.waitForSelector("[role=alert] >> text=The link cannot be opened. Seed: ");
      await page.goto(`${address}#/music/roll?length=8&seed=1&hold=5`);
      await page.waitForSelector("[role=alert] >> text=/^Hold: this model writes pitches from 21 to 108, got 5$/");
    },
  );
});

test("without a model a small one is trained, on files too; it goes on in other views, and writes", async () => {
  await withStudio({}, async (page, address) => {
    await page.goto(`${address}#/music`);
    const book = examples.chords.make().split("\n\n").slice(0, 6).join("\n\n");
    const openFiles = page.getByLabel("Open .mid or .abc files …");
    // Drums alone are nothing that a model can learn: that is told, and nothing stands in the way of others.
    const drums = writeMidi({ ticksPerQuarter: 96, tempos: [], notes: [note(40, 0, 96, { channel: 9 })] });
    await openFiles.setInputFiles({ name: "drums.mid", mimeType: "audio/midi", buffer: Buffer.from(drums) });
    await page.waitForSelector("option:has-text('Your files, 1 piece')", { state: "attached" });
    await button(page, "Train").click();
    await page.waitForSelector("[role=alert] >> text=/^The pieces have no note from 0 to 127 besides drums/");
    // Several files that are dropped.
    const data = await page.evaluateHandle(
      (files) => {
        const data = new DataTransfer();
        for (const [name, bytes] of files) data.items.add(new File([Uint8Array.from(bytes)], name));
        return data;
      },
      [
        ["chords.abc", [...Buffer.from(book)]],
        ["one.mid", [...writeMidi(pieces[0] as (typeof pieces)[0])]],
      ] as const,
    );
    await page.dispatchEvent("main", "drop", { dataTransfer: data });
    await page.waitForSelector("option:has-text('Your files, 7 pieces')", { state: "attached" });
    await page.getByLabel("Form").selectOption("roll");
    // So that it lasts until somebody comes back to stop it.
    await setting(page, "Units", "128");
    await setting(page, "Epochs", "500");
    await button(page, "Train").click();
    await page.waitForSelector("text=/Epoch \\d+ of 500: [\\d.]+ nats, of pieces held out [\\d.]+/");
    await page.goto(`${address}#/models`);
    await page.waitForSelector(".gallery");
    await page.goto(`${address}#/music`);
    await button(page, "Stop early and keep it").click();
    await page.waitForURL(/#\/music\/chords-roll$/);
    await button(page, "Write").click();
    await finished(page);
    expect(await page.locator(".gates-row .heat-map").count()).toBe(4);
  });
});

test.each([
  [1280, "light"],
  [390, "dark"],
] as const)(
  "at %i pixels, %s: it breaks no rule of axe-core and does not scroll sideways",
  async (width, colorScheme) => {
    await withStudio({ models: [join(folder, "events.safetensors")], width, colorScheme }, async (page, address) => {
      const shot = async (name: string): Promise<void> => {
        if (process.env.SHOTS === undefined) return;
        await page.screenshot({ path: join(process.env.SHOTS, `music-${name}-${width}.png`), fullPage: true });
      };
      await page.goto(`${address}#/music`);
      await page.waitForSelector("form.training");
      await shot("train");
      await expectAccessible(page);
      await expectNoSidewaysScrolling(page);
      await page.goto(`${address}#/music/events?length=32&seed=3&hold=48%2C55&keys=67%2C69`);
      await finished(page);
      await page.locator(".roll-map").focus();
      for (let k = 0; k < 9; k++) await page.keyboard.press("ArrowRight");
      await shot(`written-${colorScheme}`);
      await expectAccessible(page);
      await expectNoSidewaysScrolling(page);
      await page.emulateMedia({ colorScheme: colorScheme === "light" ? "dark" : "light", reducedMotion: "reduce" });
      await shot("written-other");
      await expectAccessible(page, ["color-contrast", "link-in-text-block"]);
    });
  },
);
