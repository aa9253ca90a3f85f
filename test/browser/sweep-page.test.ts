/** The page of a sweep, opened from disk. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import type { SweepTrial } from "../../src/sweep/index.ts";
import { sweepPage } from "../../src/sweep/page.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { withBrowser } from "./harness.ts";

const folder = temporaryFolder();
const trials: SweepTrial[] = Array.from({ length: 12 }, (_, k) => {
  const diverged = k === 3;
  const updates = k % 4 === 0 ? 900 : 100;
  const loss = 3 - (k % 5) * 0.3 - updates / 1000 + k / 100;
  const curve = [[100, loss + 0.5] as const, ...(updates > 100 ? [[900, loss] as const] : [])];
  return {
    ...{ trial: k + 1, of: 900, updates, sent: curve.length, curve: diverged ? [] : curve },
    status: diverged ? "diverged" : updates === 900 ? "finished" : "stopped",
    options: {
      units: [32, 64, 128][k % 3] as number,
      rate: 0.001 * (k + 1) ** 2,
      cell: k % 2 === 0 ? "lstm" : "<b>&amp;",
    },
    loss: diverged ? null : (curve.at(-1)?.[1] as number),
    rungs: curve.map(([at, value]) => [at, diverged ? null : value] as const),
    ...(diverged && { message: "the loss became NaN. Give a smaller --rate." }),
  };
});
const losses = trials.flatMap(({ loss }) => (loss === null ? [] : [loss]));
const best = trials.find(({ loss }) => loss === Math.min(...losses)) as SweepTrial;

test("from disk: no request, no complaint, no sideways scrolling; lines, crosses and rows of the table select each other", async () => {
  const facts = { title: "Sweep <one>", scales: { units: null, rate: true, cell: null }, rungs: 2, points: 20 };
  writeFileSync(join(folder, "p.html"), sweepPage(trials, facts));
  await withBrowser(async (browser) => {
    for (const width of [1280, 390]) {
      for (const colorScheme of ["light", "dark"] as const) {
        const page = await browser.newPage({ viewport: { width, height: 844 }, colorScheme });
        const [requests, complaints]: [string[], string[]] = [[], []];
        page.on("request", (request) => requests.push(request.url()));
        page.on("console", (message) => complaints.push(message.text()));
        page.on("pageerror", (error) => complaints.push(error.message));
        const address = pathToFileURL(join(folder, "p.html")).href;
        await page.goto(address);
        await page.waitForSelector("#curves svg");
        expect(await page.title()).toBe("Sweep <one>");
        expect(await page.textContent("#facts")).toBe(
          "12 of 20 trials: 3 trained to the end, 8 stopped early, 1 diverged; 3,600 updates.",
        );
        const readout = () => page.textContent("#readout");
        expect(await readout()).toContain(`Trial ${best.trial}, the best: loss ${best.loss?.toFixed(4)} after`);

        // Each trial has a line of as many places as there are axes, and one with two validations a curve.
        const lines = await page.$$eval("#parallel .trial", (all) =>
          all.map((one) => one.getAttribute("d")?.split("L").length),
        );
        expect(lines).toEqual(trials.map(() => 4));
        expect(await page.locator("#curves path.trial:not(.diverged)").count()).toBe(3 + 1);
        expect(await page.locator("#curves circle.trial").count()).toBe(11);
        const axes = await page.$$eval("#parallel .name", (all) => all.map((one) => one.textContent));
        expect(axes).toEqual(["units", "rate", "cell", "loss"]);

        await page.click('tbody tr[data-trial="4"] button');
        expect(await readout()).toContain(
          "Trial 4: diverged after 100 of 900 updates; units 32, rate 0.016, cell <b>&amp;. the loss became NaN.",
        );
        expect(await page.locator('#parallel .diverged.at[data-trial="4"]').count()).toBe(1);
        await page.keyboard.press("Shift+Tab");
        expect(await readout()).not.toContain("Trial 4");
        const end = await page.locator('#curves circle.trial[data-trial="9"]').boundingBox();
        await page.mouse.click((end?.x ?? 0) + 3, (end?.y ?? 0) + 3);
        expect(await readout()).toContain("Trial 9:");
        expect(await page.locator('tr.at[data-trial="9"]').count()).toBe(1);
        const first = await page.textContent("tbody tr:first-child td");
        expect(first).toBe(String(best.trial));

        const sideways = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        expect({ sideways, requests, complaints }).toEqual({ sideways: 0, requests: [address], complaints: [] });
        await page.close();
      }
    }
  });
});
