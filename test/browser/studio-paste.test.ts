/** Texts that are longer than a page can lay out, pasted into each view of the studio. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import { json, sampleText, tiny } from "../cli/run.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { withStudio } from "./studio.ts";

const folder = temporaryFolder();
const model = join(folder, "m.safetensors");
const sentence = "the cat sat here.\n";
const count = Math.ceil(20_000_000 / sentence.length);
const whole = (sentence.length * count).toLocaleString("en");
const taken = sentence.repeat(6000).slice(0, 100_000);

beforeAll(async () => {
  writeFileSync(join(folder, "text.txt"), sampleText(80));
  await json(folder, "train", "text.txt", "--out", "m.safetensors", "--epochs", "2", ...tiny);
});

/** A page whose clipboard has 20 MB of text. */
const withClipboard = (work: (page: Page, address: string) => Promise<void>): Promise<void> =>
  withStudio({ models: [model] }, async (page, address) => {
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.evaluate(([one, times]) => navigator.clipboard.writeText(one.repeat(times)), [sentence, count] as const);
    await work(page, address);
  });
const said = (page: Page, text: string) => page.waitForSelector(`[role=status] >> text='${text}'`);

test("Inspect takes the first 100,000 characters of 20 MB, says so, and reads them all", async () => {
  await withClipboard(async (page, address) => {
    await page.goto(`${address}#/inspect/m?text=the`);
    const field = page.getByRole("textbox", { name: "Your text" });
    await field.fill("");
    await field.press("Control+V");
    await said(page, `There is room for 100,000 characters: the first 100,000 of ${whole} were inserted.`);
    expect(await field.inputValue()).toBe(taken);
    // One more does not fit, another text does.
    await field.press("Control+End");
    await page.keyboard.type("x");
    await said(page, "There is room for 100,000 characters.");
    expect(await field.inputValue()).toBe(taken);
    await page.click("text=Read it");
    await page.waitForFunction(() => document.querySelector(".coloured-text")?.textContent?.length === 100_000);
    await page.waitForSelector("button:has-text('Find units'):not([disabled])");
    await field.fill("a dog ran there.");
    await page.click("text=Read it");
    await page.waitForFunction(() => document.querySelector(".coloured-text")?.textContent === "a dog ran there.");
  });
});

test("Write takes as much as a prompt may have, in the place of what was chosen, and says so", async () => {
  await withClipboard(async (page, address) => {
    await page.goto(`${address}#/write/m?prompt=the&seed=1`);
    const prompt = page.getByRole("textbox", { name: "Prompt" });
    await prompt.press("Control+A");
    await prompt.press("Control+V");
    await said(page, `There is room for 5,000 characters: the first 5,000 of ${whole} were inserted.`);
    expect(await prompt.inputValue()).toBe(taken.slice(0, 5000));
    await prompt.press("Home");
    await prompt.press("Control+V");
    await said(page, `There is room for 5,000 characters: the first 0 of ${whole} were inserted.`);
    await prompt.fill("the cat");
    expect(await page.locator("text=There is room").count()).toBe(0);
  });
});

test("Lab trains on all 20 MB, and shows their beginning; a short text stays one that can be changed", async () => {
  await withClipboard(async (page, address) => {
    await page.goto(`${address}#/lab`);
    await page.getByRole("combobox", { name: "Text", exact: true }).selectOption("pasted");
    const field = page.getByRole("textbox", { name: "Text to train on" });
    await field.fill("so begins ");
    await field.press("Control+End");
    await field.press("Control+V");
    await page.waitForSelector(`text='pasted text: ${(10 + sentence.length * count).toLocaleString("en")} characters'`);
    expect(await page.textContent(".excerpt")).toBe(`so begins ${taken}`.slice(0, 240));
    expect(
      await page
        .locator("textarea")
        .evaluateAll((all) => all.every((area) => (area as HTMLTextAreaElement).value.length < 5000)),
    ).toBe(true);
  });
});

test("two characters that end a line on Windows are one, in the field and in what is said", async () => {
  await withStudio({ models: [model] }, async (page, address) => {
    await page.goto(`${address}#/write/m?prompt=the&seed=1`);
    const prompt = page.getByRole("textbox", { name: "Prompt" });
    await prompt.press("Control+A");
    await prompt.evaluate((area) => {
      const clipboardData = new DataTransfer();
      clipboardData.setData("text/plain", "ab\r\n".repeat(2000));
      area.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
    });
    await said(page, "There is room for 5,000 characters: the first 5,000 of 6,000 were inserted.");
    expect(await prompt.inputValue()).toBe("ab\n".repeat(2000).slice(0, 5000));
  });
});
