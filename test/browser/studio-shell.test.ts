/** What stands around the views of the studio. */
import { expect, test } from "vitest";
import { expectAccessible, expectNoSidewaysScrolling, withStudio } from "./studio.ts";

const views = [
  "Learn",
  "Lab",
  "Toys",
  "Inspect",
  "Write",
  "Forecast",
  "Listen",
  "Tracks",
  "Sentences",
  "Music",
  "Models",
];

test("every view has an address, a title and a heading; back and forward go between them", async () => {
  await withStudio({}, async (page, address) => {
    for (const view of views) {
      await page.click(`header >> text="${view}"`);
      await page.waitForURL(`${address}#/${view.toLowerCase()}`);
      await page.waitForSelector(`nav [aria-current="page"] >> text="${view}"`);
      await page.waitForSelector("main[aria-busy=false] h1");
      await page.waitForFunction(
        () => document.title === `${document.querySelector("h1")?.textContent} · Unrolled studio`,
      );
    }
    await page.goBack();
    await page.waitForURL(`${address}#/music`);
    await page.goForward();
    await page.waitForURL(`${address}#/models`);
    await page.waitForSelector('nav [aria-current="page"] >> text="Models"');
  });
});

test.each([
  [1280, "light"],
  [390, "dark"],
] as const)(
  "at %i pixels, %s: views without a model break no rule of axe-core and do not scroll sideways",
  async (width, colorScheme) => {
    await withStudio({ width, colorScheme }, async (page, address) => {
      for (const view of views) {
        await page.goto(`${address}#/${view.toLowerCase()}`);
        await page.waitForSelector("main[aria-busy=false] h1");
        await expectAccessible(page);
        await expectNoSidewaysScrolling(page);
      }
    });
  },
);

test("the page is isolated, so that it has threads; the theme that is chosen stays", async () => {
  await withStudio({}, async (page) => {
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
    const colour = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    expect(await colour()).toBe("rgb(255, 255, 255)");
    await page.getByRole("button", { name: "Use dark colours" }).click();
    expect(await colour()).toBe("rgb(20, 23, 28)");
    await page.reload();
    expect(await colour()).toBe("rgb(20, 23, 28)");
  });
});
