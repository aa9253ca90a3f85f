/**
 * The Inspect view as the first thing that a new Chromium does, beside work that keeps every core busy, again and again.
 * `FIRST_USES=200` opens it more often; what a page that stands still was doing is then told.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { languageModel, writeLanguageModel } from "../../src/tasks/language-model.ts";
import { sampleText } from "../cli/run.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { withStudio } from "./studio.ts";

const times = Number(process.env.FIRST_USES ?? 1);
const patience = 60_000;
const folder = temporaryFolder();
const text = sampleText(10);
const path = (units: number) => join(folder, `lstm-${units}.safetensors`);
const sizes = [24, 512];
const busy: ChildProcess[] = [];

beforeAll(() => {
  for (const units of sizes) {
    writeFileSync(path(units), writeLanguageModel(languageModel(text, { units, embedding: 8, seed: units })));
  }
  for (let k = 0; k < 2 * availableParallelism(); k++) {
    // Ends by itself where nobody is left to end it.
    const work = "const end = Date.now() + 600_000; while (Date.now() < end && process.ppid > 1);";
    busy.push(spawn(process.execPath, ["-e", work]));
  }
});
afterAll(() => {
  for (const one of busy) one.kill();
});

/** Whether the page's own thread and its workers answer: a page that hangs as a whole answers nothing. */
async function tell(page: Page): Promise<string> {
  const answer = async (ask: () => Promise<unknown>): Promise<string> => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<string>((resolve) => {
      timer = setTimeout(() => resolve("no answer"), 10_000);
    });
    const done = ask().then(
      (value) => String(value),
      (error: Error) => error.message,
    );
    return Promise.race([done, late]).finally(() => clearTimeout(timer));
  };
  const own = await answer(() => page.evaluate(() => `${document.readyState}, ${document.visibilityState}`));
  const workers = await Promise.all(page.workers().map((worker) => answer(() => worker.evaluate(() => "answers"))));
  const frames = await answer(() => page.evaluate(() => new Promise((done) => requestAnimationFrame(done))));
  return `the page: ${own}; a frame: ${frames}; its workers: ${workers.join(", ") || "none"}`;
}

test.each(sizes)(
  `a model of %i units is read at the first use, ${times} times, beside work on every core`,
  async (units) => {
    for (let k = 1; k <= times; k++) {
      const begin = performance.now();
      await withStudio({ models: [path(units)] }, async (page, address) => {
        await page.goto(`${address}#/inspect/lstm-${units}?${new URLSearchParams({ text })}`);
        try {
          await page.waitForSelector("button:has-text('Find units'):not([disabled])", { timeout: patience });
        } catch (error) {
          throw new Error(`${units} units, use ${k} of ${times}: ${await tell(page)}`, { cause: error });
        }
        expect(await page.textContent(".coloured-text")).toBe(text);
      });
      if (process.env.FIRST_USES) console.log(`${units} units, use ${k}: ${Math.round(performance.now() - begin)} ms`);
    }
  },
  times * patience,
);
