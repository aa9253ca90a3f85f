/** The Listen view of the studio: classifiers of sound from files, WAV files, a microphone that plays one. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { resample, writeWav } from "../../src/formats/wav.ts";
import { classifier } from "../../src/tasks/classify/create.ts";
import { writeClassifier } from "../../src/tasks/classify/file.ts";
import { classify } from "../../src/tasks/classify/predict.ts";
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

beforeAll(async () => {
  const examples = tones(80);
  const made = (bidirectional: boolean) =>
    classifier(examples, { features: smallFeatures, units: 16, dropout: 0, bidirectional });
  const trained = made(false);
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
    expect(await page.locator(".class-row").count()).toBe(2);
    await page.waitForSelector("canvas[aria-label$=' frames']");
    await page.getByLabel("Open a WAV file …").setInputFiles(model);
    await page.waitForSelector("[role=alert] >> text=tones.safetensors: ");
  });
});

test("a bidirectional classifier says one thing of a whole file, and does not listen", async () => {
  await withStudio({ models: [whole] }, async (page, address) => {
    await page.goto(`${address}#/models`);
    await page.getByRole("link", { name: "Listen with both ways" }).click();
    await page.waitForSelector("[role=status] >> text=it reads whole sequences");
    expect(await button(page, "Listen to the microphone").isDisabled()).toBe(true);
    await page.getByLabel("Open a WAV file …").setInputFiles(wav);
    await page.waitForSelector(".class-row");
    expect(await page.locator("canvas").count()).toBe(0);
  });
});

test("a microphone is heard as it comes, at its own rate, until it is stopped", async () => {
  const played = join(folder, "played.wav");
  writeFileSync(played, writeWav(resample(samples, 8000, 48_000), 48_000));
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
