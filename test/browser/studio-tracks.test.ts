/** The Tracks view of the studio: models of trajectories, tables of tracks, futures. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { examples, trainingSizes, walkers } from "../../src/studio/views/tracks/walkers.ts";
import { trajectoryModel } from "../../src/tasks/trajectories/create.ts";
import { evaluateTrajectories } from "../../src/tasks/trajectories/evaluate.ts";
import { readTrajectoryModel, writeTrajectoryModel } from "../../src/tasks/trajectories/file.ts";
import { inspectTrack } from "../../src/tasks/trajectories/inspect.ts";
import { readTracks } from "../../src/tasks/trajectories/read-tracks.ts";
import { trainTrajectories } from "../../src/tasks/trajectories/train.ts";
import { windowsOf } from "../../src/tasks/trajectories/windows.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { button, expectAccessible, expectNoSidewaysScrolling, withStudio } from "./studio.ts";

const folder = temporaryFolder();
const file = join(folder, "walks.safetensors");
/** ADE and FDE of the one path, the best of three and constant velocity, by the library. */
let wanted: string[];

beforeAll(async () => {
  const tracks = readTracks(walkers(200, 1));
  const tm = trajectoryModel(tracks, { ...trainingSizes, modes: 3, units: 16, seed: 2 });
  await trainTrajectories(tm, tracks, { validation: tracks, epochs: 10, batchSize: 32, threads: 1 });
  writeFileSync(file, writeTrajectoryModel(tm));
  const test = readTracks(examples.walkers.make());
  const { model, constantVelocity } = await evaluateTrajectories(tm, test, { futures: 3, engine: "wasm" });
  wanted = [model.ade, model.fde, model.minAde, model.minFde, constantVelocity.ade, constantVelocity.fde].map((one) =>
    one.toFixed(3),
  );
});

test("a model's file leads here from Models; its scores are the library's; pages, futures and the end are in the address", async () => {
  await withStudio({}, async (page, address) => {
    await page.goto(`${address}#/models`);
    await page.getByLabel("Open a file …").setInputFiles(file);
    await page.waitForURL(/#\/tracks\/walks$/);
    await page.waitForSelector("figure.track .truth");
    expect(await page.locator("td.number").allTextContents()).toEqual(wanted);
    expect(await page.locator("figure.track").count()).toBe(12);
    expect(await page.locator("figure.track >> nth=0").locator(".future").count()).toBe(3);
    // The gates of one track, which the picture and the maps mark alike.
    await button(page, "The gates of track 3").click();
    await page.waitForSelector(".inside .heat-map canvas[data-cells]");
    expect(page.url()).toMatch(/\?track=3$/);
    const readout = () => page.textContent("output");
    expect(await readout()).toMatch(/^Unit 0 after the step to place 8 of 8 that were seen \(.*\): z [\d.]+, r /);
    await page.locator(".places").focus();
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowRight");
    expect(await readout()).toContain("after the step to place 3 of 8 that were seen (");
    const tracks = readTracks(examples.walkers.make());
    const { values } = await inspectTrack(
      readTrajectoryModel(readFileSync(file)),
      windowsOf(tracks, trainingSizes)[2]!,
      {
        engine: "wasm",
      },
    );
    const numbers = values.map((one) => `${one.name} ${one.data[one.size]!.toFixed(2).replace("-", "−")}`);
    expect(await readout()).toContain(`: ${numbers.join(", ").replaceAll("−0.00", "0.00")}`);
    const map = page.locator(".inside .heat-map >> nth=3");
    await map.scrollIntoViewIfNeeded();
    const box = (await map.boundingBox())!;
    await map.hover({ position: { x: (box.width * 4.5) / 7, y: box.height / 2 } });
    await page.waitForSelector('.mark[data-place="4"]');
    await button(page, "Close").click();
    await page.waitForSelector(".inside", { state: "detached" });
    await button(page, "Next").click();
    await page.waitForSelector("text=Page 2 of 5");
    await page.waitForSelector('figcaption strong:text-is("13")');
    expect(page.url()).toMatch(/#\/tracks\/walks\?page=2$/);
    await page.getByLabel("Futures", { exact: true }).fill("2");
    await page.waitForSelector("text=the best of its 2 futures");
    await page.getByText("What comes after their end").click();
    await page.waitForSelector(".truth", { state: "detached" });
    expect(page.url()).toMatch(/\?futures=2&part=end$/);
    expect(await page.locator("figure.track >> nth=0").locator(".future").count()).toBe(2);
    await page.getByLabel("Open a CSV file …").setInputFiles({
      name: "short.csv",
      mimeType: "text/csv",
      buffer: Buffer.from("frame,id,x,y\n0,a,1,2\n1,a,2,3\n"),
    });
    await page.waitForSelector("[role=alert] >> text=short.csv: no track has the 8 steps");
    expect(page.url()).toContain("text=frame%2Cid");
    const open = (buffer: Buffer): Promise<void> =>
      page.getByLabel("Open a CSV file …").setInputFiles({ name: "other.csv", mimeType: "text/csv", buffer });
    // In the words of the page, which has no options.
    await open(Buffer.from("date,sales\n2024-01,1\n2024-02,2\n"));
    await page.waitForSelector(
      "[role=alert] >> text=/other.csv: no column looks like frame: .* Call it “frame” in the first line\\.$/",
    );
    await open(Buffer.from([0x66, 0xe4, 0x2c]));
    await page.waitForSelector("[role=alert] >> text=other.csv: byte 1 (0xe4) is not UTF-8 text.");
  });
});

test("without a model a small one is trained on walkers, whose best of three is nearer than constant velocity", async () => {
  await withStudio({}, async (page, address) => {
    await page.goto(`${address}#/tracks`);
    await button(page, "Train a small one on walkers").click();
    await page.waitForSelector("progress");
    // It goes on in other views.
    await page.goto(`${address}#/models`);
    await page.waitForSelector(".gallery");
    await page.goto(`${address}#/tracks`);
    await page.waitForURL(/#\/tracks\/walkers-at-a-fork$/);
    await page.waitForSelector("td.number");
    const [, , best, , straight] = (await page.locator("td.number").allTextContents()).map(Number);
    expect(best).toBeLessThan(0.5 * (straight as number));
  });
});

test.each([
  [1280, "light"],
  [390, "dark"],
] as const)(
  "at %i pixels, %s: futures break no rule of axe-core and do not scroll sideways",
  async (width, colorScheme) => {
    await withStudio({ models: [file], width, colorScheme }, async (page, address) => {
      await page.goto(`${address}#/tracks/walks?track=2`);
      await page.waitForSelector("td.number");
      await page.waitForSelector(".inside .heat-map canvas[data-cells]");
      if (process.env.SHOTS !== undefined) {
        await page.screenshot({ path: join(process.env.SHOTS, `tracks-${width}-${colorScheme}.png`), fullPage: true });
      }
      await expectAccessible(page);
      await expectNoSidewaysScrolling(page);
      await page.emulateMedia({ colorScheme: colorScheme === "light" ? "dark" : "light", reducedMotion: "reduce" });
      await expectAccessible(page, ["color-contrast", "link-in-text-block"]);
      if (process.env.SHOTS !== undefined) {
        await page.screenshot({ path: join(process.env.SHOTS, `tracks-${width}-other.png`), fullPage: true });
      }
    });
  },
);
