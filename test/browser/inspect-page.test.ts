/** The page of `unrolled inspect --html`, opened from disk. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { json, run, sampleText, tiny } from "../cli/run.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { withBrowser } from "./harness.ts";

const folder = temporaryFolder();
const text = "the cat sat\nhere <b>&amp;";

test("from disk: no request, no complaint, no sideways scrolling; what a cell shows is --json's number", async () => {
  writeFileSync(join(folder, "text.txt"), sampleText(60));
  await json(folder, "train", "text.txt", "--out", "m.safetensors", "--epochs", "3", "--layers", "2", ...tiny);
  const lines = (await run(folder, "inspect", "m.safetensors", "--text", text, "--json")).out
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { token: string; values: Record<string, number[]>; loss: number | null });
  expect((await run(folder, "inspect", "m.safetensors", "--text", text, "--html", "p.html")).code).toBe(0);
  const sixDigits = (value: number | null | undefined): number => Number((value ?? Number.NaN).toPrecision(6));
  const wanted = (token: number, value: string, unit: number): number => sixDigits(lines[token]?.values[value]?.[unit]);
  const number = async (page: Page): Promise<number> => Number(await page.textContent("#readout b"));

  await withBrowser(async (browser) => {
    for (const width of [1280, 390]) {
      for (const colorScheme of ["light", "dark"] as const) {
        const touch = width < 500;
        const page = await browser.newPage({ viewport: { width, height: 844 }, colorScheme, hasTouch: touch });
        const [requests, complaints]: [string[], string[]] = [[], []];
        page.on("request", (request) => requests.push(request.url()));
        page.on("console", (message) => complaints.push(message.text()));
        page.on("pageerror", (error) => complaints.push(error.message));
        const address = pathToFileURL(join(folder, "p.html")).href;
        await page.goto(address);
        expect(await page.textContent("#text")).toBe(lines.map(({ token }) => token.replace("\n", "⏎\n")).join(""));

        await page.selectOption("#value", { label: "lstm_1.c" });
        await page.fill("#unit", "2");
        await page.locator("#unit").press("Enter");
        expect(await number(page)).toBe(wanted(0, "lstm_1.c", 2));
        await page.focus("#map");
        for (const key of ["ArrowRight", "ArrowRight", "ArrowRight", "ArrowDown"]) await page.keyboard.press(key);
        expect(await number(page)).toBe(wanted(3, "lstm_1.c", 3));
        expect(await page.textContent("#readout")).toMatch(/^lstm_1\.c\[3\] at token 4 of 25, “␣”: /);
        await page.keyboard.press("End");
        expect(await number(page)).toBe(wanted(24, "lstm_1.c", 3));
        await page.keyboard.press("Home");

        // Columns are 14 pixels wide, rows 28 high where there are six; labels are left and on top.
        const position = { x: 44 + 5 * 14 + 7, y: 24 + 1 * 28 + 14 };
        if (touch) await page.tap("#canvas", { position });
        else await page.hover("#canvas", { position });
        expect(await number(page)).toBe(wanted(5, "lstm_1.c", 1));
        await page.click("#text span:nth-child(9)");
        expect(await number(page)).toBe(wanted(8, "lstm_1.c", 1));
        await page.selectOption("#value", { label: "surprise" });
        expect(await number(page)).toBe(sixDigits(lines[8]?.loss));

        // The strongest colour of the map is that of the style: high for the largest surprise.
        const largest = lines.reduce((best, { loss }, k) => ((loss ?? 0) > (lines[best]?.loss ?? 0) ? k : best), 0);
        const colours = await page.evaluate((k) => {
          const high = getComputedStyle(document.documentElement).getPropertyValue("--high").trim();
          const span = document.querySelectorAll<HTMLElement>("#text span")[k] as HTMLElement;
          return [high, span.style.background];
        }, largest);
        const rgb = [1, 3, 5].map((from) => Number.parseInt((colours[0] as string).slice(from, from + 2), 16));
        expect(colours[1]).toBe(`rgb(${rgb.join(", ")})`);

        const sideways = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        expect({ sideways, requests, complaints }).toEqual({ sideways: 0, requests: [address], complaints: [] });
        await page.close();
      }
    }
  });
});
