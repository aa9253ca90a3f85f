/** The Listen view of the studio: classifiers of sound from files, WAV files, a microphone that plays one. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import { mixDown, readWav, resample, writeWav } from "../../src/formats/wav.ts";
import { classifier } from "../../src/tasks/classify/create.ts";
import { writeClassifier } from "../../src/tasks/classify/file.ts";
import { classify } from "../../src/tasks/classify/predict.ts";
import { classifySession } from "../../src/tasks/classify/session.ts";
import { trainClassifier } from "../../src/tasks/classify/train.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { smallFeatures, tones } from "../tasks/classify/made.ts";
import { button, expectAccessible, expectNoSidewaysScrolling, withStudio } from "./studio.ts";

const folder = temporaryFolder();
const model = join(folder, "tones.safetensors");
const whole = join(folder, "both ways.safetensors");
const wav = join(folder, "a tone.wav");
const [tone] = tones(4, 7);
const samples = (tone as NonNullable<typeof tone>).samples;
let wanted: string;
let trained: ReturnType<typeof classifier>;
/** The numbers that are read out, by name. */
const listenedTo = async (page: Page): Promise<Record<string, string | undefined>> =>
  Object.fromEntries(
    ((await page.textContent("output")) ?? "")
      .replace(/^.*s: /, "")
      .split(", ")
      .map((part) => part.split(" ") as [string, string]),
  );
/** The hidden state of the file's sound after some frames, by the library. */
async function hiddenAfter(frames: number): Promise<Float32Array> {
  const session = await classifySession(trained, { values: ["gru_reset_after.h"] });
  const said = session.push(mixDown(readWav(readFileSync(wav), "a tone.wav")));
  session.dispose();
  return said[frames - 1]?.values?.["gru_reset_after.h"] as Float32Array;
}

beforeAll(async () => {
  const examples = tones(80);
  const made = (bidirectional: boolean) =>
    classifier(examples, { features: smallFeatures, units: 16, dropout: 0, bidirectional });
  trained = made(false);
  await trainClassifier(trained, examples, { epochs: 20, threads: 1 });
  writeFileSync(model, writeClassifier(trained));
  writeFileSync(whole, writeClassifier(made(true)));
  writeFileSync(wav, writeWav(samples, 8000));
  const [said] = await classify(trained, [{ samples, sampleRate: 8000 }]);
  wanted = said?.label as string;
  expect(wanted).toBe("up");
});

test("a model's file leads here from Models; a WAV file is heard frame by frame, as the library classifies it", async () => {
  await withStudio({}, async (page, address) => {
    await page.goto(`${address}#/models`);
    await page.getByLabel("Open a file …").setInputFiles(model);
    await page.waitForURL(/#\/listen\/tones$/);
    await page.waitForSelector("text=2 classes: down, up · sound at 8,000 samples a second");
    await page.getByLabel("Open a WAV file …").setInputFiles(wav);
    await page.waitForSelector("text=What it heard in a tone.wav");
    expect(await page.textContent("section [role=status]")).toMatch(
      new RegExp(`^${wanted}, \\d+ %, after \\d+ frames`),
    );
    const classes = page.locator(".gates-row", { has: page.locator("svg") });
    expect(await classes.count()).toBe(2);
    // Every line of the cell's equations by its name, at the same frames.
    const frames = Number(/after (\d+) frames/.exec((await page.textContent("section [role=status]")) ?? "")?.[1]);
    const maps = page.locator(".gates-row .heat-map");
    const names = () => page.locator("code.gates-name").allTextContents();
    expect(await names()).toEqual(["z", "r", "g", "h"]);
    await page.waitForSelector("text=update gate: what to keep of the old state");
    await expect.poll(() => maps.first().locator("canvas").getAttribute("data-cells")).toBe(String(frames * 16));
    const readout = () => page.textContent("output");
    expect(await readout()).toMatch(
      new RegExp(`^Unit 0 after frame ${frames}, [\\d.]+ s: z [\\d.]+, r [\\d.]+, g −?[\\d.]+, h −?[\\d.]+$`),
    );
    await maps.nth(2).focus();
    for (const key of ["Home", "ArrowRight", "ArrowDown", "ArrowDown"]) await page.keyboard.press(key);
    expect(await readout()).toContain("Unit 2 after frame 2, ");
    const hidden = await listenedTo(page);
    expect(hidden.h).toBe(((await hiddenAfter(2))[2] as number).toFixed(2).replace("-", "−"));
    await page.getByRole("combobox", { name: "Layer", exact: true }).selectOption("global_average_pooling1d");
    expect(await names()).not.toContain("z");
    await page.getByLabel("Open a WAV file …").setInputFiles(model);
    await page.waitForSelector("[role=alert] >> text=tones.safetensors: ");
  });
});

test("without a model a small one is trained on tones that are made here, and tells a rising one; a file may be dropped before", async () => {
  await withStudio({}, async (page, address) => {
    await page.goto(`${address}#/listen`);
    await page.waitForSelector("text=There are no classifiers here yet.");
    await page.evaluate(
      ([bytes, name]) => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([new Uint8Array(bytes as number[])], name as string));
        document.body.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer }));
      },
      [[...readFileSync(wav)], "a tone.wav"],
    );
    await page.waitForSelector("text=“a tone.wav” is heard as soon as a model is chosen.");
    await button(page, "Train a small one on made tones").click();
    await page.waitForURL(/#\/listen\/made-tones$/);
    await page.waitForSelector("text=What it heard in a tone.wav");
    await page.getByLabel("Or a tone that is made here").selectOption("rising");
    await page.waitForSelector("text=What it heard in a rising tone that is made here");
    await page.waitForSelector("section [role=status] >> text=/^rising, /");
    await page.waitForSelector(".heat-map canvas[data-cells]");
  });
});

test("a bidirectional classifier says one thing of a whole file, and does not listen", async () => {
  await withStudio({ models: [whole] }, async (page, address) => {
    await page.goto(`${address}#/models`);
    await page.getByRole("link", { name: "Listen with both ways" }).click();
    await page.waitForSelector("[role=status] >> text=it reads whole sequences");
    expect(await button(page, "Listen to the microphone").isDisabled()).toBe(true);
    await page.getByLabel("Open a WAV file …").setInputFiles(wav);
    await page.waitForSelector(".gates-row");
    expect(await page.locator("canvas").count()).toBe(0);
  });
});

test("a microphone is heard as it comes, at its own rate, until it is stopped", async () => {
  const played = join(folder, "played.wav");
  // It is played again and again, with pauses.
  writeFileSync(played, writeWav(resample([...new Float32Array(4000), ...samples], 8000, 48_000), 48_000));
  const flags = [
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    `--use-file-for-fake-audio-capture=${played}`,
  ];
  await withStudio({ models: [model], flags }, async (page, address) => {
    await page.context().grantPermissions(["microphone"]);
    await page.goto(`${address}#/listen/tones`);
    await button(page, "Listen to the microphone").click();
    await page.waitForSelector("text=What it heard in the microphone");
    const frames = async () =>
      Number(
        /after ([\d,]+) frames/.exec((await page.textContent("section [role=status]")) ?? "")?.[1]?.replace(",", ""),
      );
    await expect.poll(frames).toBeGreaterThan(40);
    // The gates go along: what is read out is of the newest frame.
    const readOut = async () =>
      Number(/after frame ([\d,]+)/.exec((await page.textContent("output")) ?? "")?.[1]?.replace(",", ""));
    const before = await readOut();
    await expect.poll(readOut).toBeGreaterThan(before);
    expect(await page.locator("code.gates-name").allTextContents()).toEqual(["z", "r", "g", "h"]);
    await page.waitForSelector(`text=/^What it took the sounds for, the last one first: ${wanted} /`);
    await button(page, "Forget what it heard").click();
    await expect.poll(frames).toBeLessThan(before);
    await button(page, "Stop listening").click();
    await button(page, "Listen to the microphone").waitFor();
  });
});

test.each([
  [1280, "light"],
  [390, "dark"],
] as const)(
  "at %i pixels, %s: what was heard breaks no rule of axe-core and does not scroll sideways",
  async (width, colorScheme) => {
    await withStudio({ models: [model], width, colorScheme }, async (page, address) => {
      await page.goto(`${address}#/listen/tones`);
      await page.getByLabel("Open a WAV file …").setInputFiles(wav);
      await page.waitForSelector("canvas");
      if (process.env.SHOTS !== undefined) {
        await page.screenshot({ path: join(process.env.SHOTS, `listen-${width}-${colorScheme}.png`), fullPage: true });
      }
      await expectAccessible(page);
      await expectNoSidewaysScrolling(page);
      await page.emulateMedia({ colorScheme: colorScheme === "light" ? "dark" : "light", reducedMotion: "reduce" });
      await expectAccessible(page, ["color-contrast", "link-in-text-block"]);
      if (process.env.SHOTS !== undefined) {
        await page.screenshot({ path: join(process.env.SHOTS, `listen-${width}-other.png`), fullPage: true });
      }
    });
  },
);
