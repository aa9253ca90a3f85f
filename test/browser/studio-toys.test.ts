/** The Toy tasks view, as a person uses it: train, look at answers and inside, compare runs, sweep, and repeat a run by its link. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { button, expectAccessible, expectNoSidewaysScrolling, setting, withStudio } from "./studio.ts";

const shot = async (page: Page, name: string): Promise<void> => {
  if (process.env.SHOTS === undefined) return;
  await page.waitForTimeout(500);
  await page.screenshot({ path: join(process.env.SHOTS, `toys-${name}.png`), fullPage: true });
};
const runs = (page: Page) => page.locator("table.runs tbody tr");
/** What a row of the table says, without its time. */
const told = async (page: Page, row: number): Promise<readonly string[]> =>
  (await runs(page).nth(row).locator("td").allTextContents()).slice(0, 6);
async function untilRuns(page: Page, count: number): Promise<void> {
  await page.waitForFunction((wanted) => document.querySelectorAll("table.runs tbody tr").length === wanted, count);
}

test("a run is trained, seen from inside, compared, saved, deleted, repeated by its link; a sweep has its spread", async () => {
  await withStudio({}, async (page, address) => {
    await page.goto(`${address}#/toys`);
    await page.waitForSelector("h1 >> text=Toy tasks");
    await page.getByRole("combobox", { name: "Task", exact: true }).selectOption("Modular sum");
    await page.waitForURL(/#\/toys\/modular$/);
    await page.getByRole("combobox", { name: "Cell", exact: true }).selectOption("gru");
    await setting(page, "Units", "many");
    await page.waitForSelector("[role=alert] >> text=Units: a whole number from 1 to 512, not “many”.");
    expect(await button(page, "Train").isDisabled()).toBe(true);
    await setting(page, "Units", "12");
    await setting(page, "Updates", "200");
    await setting(page, "Seed", "5");
    await page.waitForURL(/#\/toys\/modular\?cell=gru&units=12&updates=200&seed=5$/);
    // By the keyboard alone.
    await button(page, "Train").focus();
    await page.keyboard.press("Enter");
    await untilRuns(page, 1);
    const live = page.locator(".live");
    await live.locator("text=200 of 200 updates").waitFor();
    // Token by token: as many marks as answers that count, and their probabilities.
    const marks = await live
      .locator("table.validation tr", { hasText: /^Answers/ })
      .locator("td")
      .allTextContents();
    expect(marks.filter((mark) => /[✓✗]$/.test(mark))).toHaveLength(1);
    expect(await live.locator("table.validation tr", { hasText: /^Likeliest/ }).textContent()).toMatch(/\d %/);
    await button(page, "Another sequence").click();
    // From inside.
    expect(await live.locator(".watch td.number").count()).toBe(4);
    expect(await live.locator(".watch tbody th").allTextContents()).toEqual(["gru.z", "gru.r"]);
    await live.locator("text=/^Clipped to 1: \\d+ % of the last updates/").waitFor();
    await live.locator('.watch [role=img][aria-label^="The gradient of a sequence"]').waitFor();

    // The link of the run repeats it, to the last digit.
    const link = page.url();
    const first = await told(page, 0);
    await page.goto("about:blank");
    await page.goto(link);
    await button(page, "Train").click();
    await untilRuns(page, 1);
    expect(await told(page, 0)).toEqual(first);

    // Own equations, with a mistake first.
    await page.getByRole("combobox", { name: "Cell", exact: true }).selectOption("equations of your own");
    await page.getByLabel("Equations").fill("h' = tan(W @ x)");
    await page.waitForURL(/equations=/);
    await button(page, "Train").click();
    await page.waitForSelector('[role=alert] >> text=unknown function "tan"');
    await page.getByLabel("Equations").fill("h' = tanh(W @ x + U @ h + b)");
    await page.waitForURL(/tanh/);
    await button(page, "Train").click();
    await untilRuns(page, 2);
    await page.getByLabel("1", { exact: true }).check();
    await page.getByLabel("2", { exact: true }).check();
    await page.waitForSelector('section[aria-label="Comparison"] .plot svg');

    // A sweep of two sizes and two seeds.
    await setting(page, "Updates", "40");
    await setting(page, "Sizes", "4, 8");
    await setting(page, "Seeds", "2");
    await button(page, "Train 4 runs").click();
    await untilRuns(page, 6);
    const sweep = page.locator('section[aria-label="The sweep"]');
    await sweep.locator('.plot [role=img][aria-label*="±"]').waitFor();
    expect(await sweep.locator("tbody th").allTextContents()).toEqual(["4", "8"]);
    expect(await sweep.locator("tbody td").first().textContent()).toBe("2");
    const [file] = await Promise.all([page.waitForEvent("download"), button(page, "Runs as CSV").click()]);
    const rows = readFileSync(await file.path(), "utf8")
      .trim()
      .split("\n");
    expect(rows).toHaveLength(7);
    expect(rows[1]).toMatch(/^1,modular,1,6,3,gru,12,1,32,0.01,1,200,5,200,/);
    await button(page, "Delete run 1").click();
    await untilRuns(page, 5);
    await button(page, "Bring it back").click();
    await untilRuns(page, 6);
    await page.getByText(/^All \d+ tasks, with an example of each$/).click();

    await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
    await expectAccessible(page);
    await shot(page, "1280-light");
    await page.setViewportSize({ width: 390, height: 844 });
    // What looks at its own size draws itself anew.
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
    await expectAccessible(page, ["color-contrast", "link-in-text-block"]);
    await expectNoSidewaysScrolling(page);
    await shot(page, "390-dark");
    if (process.env.SHOTS !== undefined) {
      await page.emulateMedia({ colorScheme: "light" });
      await shot(page, "390-light");
      await page.setViewportSize({ width: 1280, height: 844 });
      await page.emulateMedia({ colorScheme: "dark" });
      await shot(page, "1280-dark");
    }
    // It goes on in another view, and can be stopped there and here.
    await setting(page, "Updates", "100000");
    await button(page, "Train").click();
    await page.click('header >> text="Lab"');
    await page.click('header >> text="Toys"');
    await page.waitForSelector(".live >> text=/^[1-9][\\d,]* of 100,000 updates$/");
    await button(page, "Stop").click();
    await page.waitForSelector("table.runs >> text=stopped");
  });
});
