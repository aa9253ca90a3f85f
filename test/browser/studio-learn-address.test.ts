/** What a reader sets in a chapter of the Learn view is in its address: every slider of every chapter. */
import { isDeepStrictEqual } from "node:util";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { withStudio } from "./studio.ts";

/** Chapters, with how many sliders each has. */
const chapters = {
  ...{ perceptron: 3, learning: 13, feedback: 4, memory: 2, forgetting: 4, lstm: 13, variants: 12, text: 1 },
} as const;

/** Of a busy machine. */
const timeout = 30_000;

const sliders = (page: Page) =>
  page.locator("main input[type=range]").evaluateAll((all) => (all as HTMLInputElement[]).map(({ value }) => value));

/** Wait until a chapter has all of its sliders. */
const open = (page: Page, count: number) =>
  page.waitForFunction((n) => document.querySelectorAll("main input[type=range]").length === n, count);

/** Move each slider to another of its steps, as a hand does. */
async function moveAll(page: Page): Promise<void> {
  for (const slider of await page.locator("main input[type=range]").all()) {
    await slider.focus();
    const [value, max] = await slider.evaluate((one: HTMLInputElement) => [Number(one.value), Number(one.max)]);
    await slider.press((value as number) < (max as number) ? "ArrowRight" : "ArrowLeft");
  }
}

test("each slider of each chapter is where it was after a reload, and for who opens the link", async () => {
  await withStudio({}, async (page, address) => {
    for (const [chapter, count] of Object.entries(chapters)) {
      await page.goto(`${address}#/learn/${chapter}`);
      await open(page, count);
      const standard = await sliders(page);
      await moveAll(page);
      await expect
        .poll(async () => (await sliders(page)).filter((value, k) => value === standard[k]), {
          message: chapter,
          timeout,
        })
        .toEqual([]);
      const moved = await sliders(page);
      await page.waitForURL(/\?/);
      await page.waitForTimeout(500);
      const link = page.url();
      await page.goto("about:blank");
      await page.goto(link);
      await open(page, count);
      await expect.poll(() => sliders(page), { message: chapter, timeout }).toEqual(moved);
      // Without the query the chapter is as it was made.
      await page.goto(`${address}#/learn/${chapter}`);
      await expect.poll(() => sliders(page), { message: chapter, timeout }).toEqual(standard);
    }
  });
});

test("choices, words, marks and numbers are in the address too, beside each other", async () => {
  await withStudio({}, async (page, address) => {
    await page.goto(`${address}#/learn/memory?shape=last`);
    await page.getByText("Ten rows", { exact: true }).click();
    await page.getByText("Simple RNN", { exact: true }).click();
    // In the order in which they were put there, which on a busy machine is another one.
    const says = (wanted: Record<string, string>) => (url: URL) =>
      isDeepStrictEqual(Object.fromEntries(new URLSearchParams(url.hash.split("?")[1])), wanted);
    await page.waitForURL(says({ shape: "last", cell: "simple-rnn", rows: "ten" }));
    await page.getByText("Vector to sequence", { exact: true }).first().click();
    await page.waitForURL(says({ shape: "first", cell: "simple-rnn", rows: "ten" }));

    await page.goto(`${address}#/learn/text`);
    await page.getByLabel("A word").fill("ahab");
    await page.getByLabel("What was read so far").fill("call me ");
    await page.waitForURL(/word=ahab/);
    await page.waitForURL(/text=call\+me\+/);
    await page.reload();
    await page.waitForFunction(() => document.querySelectorAll(".text-table tbody tr").length === 4);
    expect(await page.getByLabel("What was read so far").inputValue()).toBe("call me ");

    await page.goto(`${address}#/learn/lstm`);
    await page.getByRole("button", { name: "clear, step 7" }).click();
    await page.waitForURL(/clear=00000010/);
    await page.getByRole("button", { name: "Hide" }).click();
    await page.waitForURL(`${address}#/learn/lstm?example=Hide`);
    await expect.poll(() => page.getByRole("button", { name: "Hide" }).getAttribute("aria-pressed")).toBe("true");

    await page.goto(`${address}#/learn/feedback`);
    await page.getByRole("slider", { name: "u, of its output", exact: true }).press("ArrowRight");
    await page.waitForURL(/u=0\.65/);
    // Other weights are what they are called.
    await page.getByText("A latch", { exact: true }).click();
    await page.waitForURL(/weights=latch/);
    expect(page.url()).not.toContain("u=");
    await expect
      .poll(() => page.getByRole("slider", { name: "u, of its output", exact: true }).inputValue())
      .toBe("1.5");
  });
});
