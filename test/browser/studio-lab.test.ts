/** The Lab, as a person uses it: write a cell, train it, compare what came out. */
import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { readLanguageModel } from "../../src/tasks/language-model.ts";
import { button, expectAccessible, setting, withStudio } from "./studio.ts";

/** Enter the Lab with an editor that can be written in. */
async function enter(page: Page, address: string, part = ""): Promise<void> {
  await page.goto(`${address}#/lab${part}`);
  await page.waitForSelector(".cm-content");
  await page.waitForSelector(".graph svg");
}
async function write(page: Page, text: string): Promise<void> {
  await page.click(".cm-content");
  await page.keyboard.press("Control+A");
  await page.keyboard.insertText(text);
}
const written = (page: Page) => page.locator(".cm-line").allTextContents();
/** Train a small model on the repeated pattern. */
async function train(page: Page, name: string, settings: Readonly<Record<string, string>>): Promise<void> {
  await page.getByRole("combobox", { name: "Text", exact: true }).selectOption("A repeated pattern");
  await setting(page, "Name of the run", name);
  for (const [label, value] of Object.entries(settings)) await setting(page, label, value);
  await button(page, "Train").click();
}
/** The newest loss that the view shows. */
const loss = async (page: Page): Promise<number> =>
  Number(await page.locator(".figures div", { hasText: /^loss/ }).locator("dd").textContent());

test("a mistake is shown at its place; mended, the cell trains to a loss below 0.1, pauses and goes on", async () => {
  await withStudio({}, async (page, address) => {
    await enter(page, address);
    await write(page, "z = sigmod(V @ x + c)\nh' = z * h + (1 - z) * tanh(W @ x + U @ h + b)");
    await page.waitForSelector('.mistake >> text=unknown function "sigmod". Did you mean sigmoid?');
    expect(await page.locator(".cm-lintRange-error").textContent()).toBe("sigmod");
    expect(await button(page, "Train").isDisabled()).toBe(true);

    await page.getByRole("button", { name: "Go to line 1" }).click();
    await page.keyboard.insertText("sigmoid");
    await page.waitForSelector(".mistake >> text=No mistakes.");
    expect(await written(page)).toEqual(["z = sigmoid(V @ x + c)", "h' = z * h + (1 - z) * tanh(W @ x + U @ h + b)"]);
    await page.waitForSelector(".graph text >> text=z = σ");
    expect(await page.locator(".facts dd").first().textContent()).toMatch(/^V W products/);

    await train(page, "mine", { Units: "64", Epochs: "1000" });
    await page.waitForFunction(() => Number(document.querySelector(".figures dd")?.textContent) < 0.1);
    expect(await loss(page)).toBeLessThan(0.1);
    await page.waitForSelector(".sample");
    // From inside, by the names of its equations.
    await page.waitForSelector(".live .watch .plot svg");
    expect(await page.locator(".watch tbody th").allTextContents()).toEqual(["own_cell.z"]);
    // What the engine runs on: its own worker, the one for short questions, and threads of a worker each.
    const threads = page.workers().filter((worker) => worker.url().startsWith("blob:"));
    expect(threads.length).toBe(await page.evaluate(() => Math.min(8, navigator.hardwareConcurrency)));

    // Closing the page now would lose it.
    const warns = () => page.evaluate(() => !dispatchEvent(new Event("beforeunload", { cancelable: true })));
    expect(await warns()).toBe(true);

    await button(page, "Pause").click();
    await page.waitForSelector(".live >> text=Paused.");
    const updates = page.locator(".figures div", { hasText: /^updates/ }).locator("dd");
    const before = await updates.textContent();
    // In another view, and back: it still waits.
    await page.click('header >> text="Learn"');
    await page.click('header >> text="Lab"');
    await page.waitForSelector(".live >> text=Paused.");
    expect(await updates.textContent()).toBe(before);
    await button(page, "Go on").click();
    await page.waitForFunction((old) => document.querySelectorAll(".figures dd")[2]?.textContent !== old, before);

    await button(page, "Stop and keep the model").click();
    await page.waitForSelector("text=mine is trained and saved.");
    expect(await warns()).toBe(false);
    await page.getByRole("link", { name: "Write with it" }).click();
    await page.waitForURL(`${address}#/write/mine`);
  });
});

test("runs stay after a reload, are compared, forgotten and brought back, go on, and are files that Node reads", async () => {
  await withStudio({}, async (page, address) => {
    await enter(page, address, "?start=gru");
    await train(page, "one", { Units: "16", Epochs: "1" });
    await page.waitForSelector("text=one is trained and saved.");
    await train(page, "two", { Units: "24", Epochs: "1" });
    await page.waitForSelector("text=two is trained and saved.");
    await page.reload();
    await page.getByLabel("one", { exact: true }).check();
    await page.getByLabel("two", { exact: true }).check();
    await page.waitForSelector('section[aria-label="Comparison"] .plot svg');
    const rows = page.locator(".compared tbody tr");
    expect(await rows.filter({ hasText: "Units" }).locator("td").allTextContents()).toEqual(["24", "16"]);
    expect(await rows.filter({ hasText: "Batch" }).count()).toBe(0);

    const run = page.locator(".runs li").filter({ hasText: "one" });
    const [file] = await Promise.all([page.waitForEvent("download"), run.getByText("Download").click()]);
    expect(file.suggestedFilename()).toBe("one.safetensors");
    const lm = readLanguageModel(readFileSync(await file.path()), "one.safetensors");
    expect(lm.model.layers.map(({ name }) => name)).toEqual(["embedding", "gru", "dense"]);
    expect(lm.training?.step).toBeGreaterThan(50);
    const [table] = await Promise.all([page.waitForEvent("download"), run.getByText("Losses as CSV").click()]);
    const [head, first] = readFileSync(await table.path(), "utf8").split("\n");
    expect(head).toBe("step,loss,validation_loss,seconds");
    expect(first).toMatch(/^\d+,\d\.\d+,(\d\.\d+)?,\d+\.\d+$/);

    await run.getByText("Forget").click();
    await page.waitForSelector("text=one is forgotten.");
    expect(await page.locator(".runs li").count()).toBe(1);
    await button(page, "Bring it back").click();
    await page.waitForFunction(() => document.querySelectorAll(".runs li").length === 2);

    await run.getByText("Go on training").click();
    await page.waitForSelector("text=Going on with one");
    expect(await page.getByLabel("Units", { exact: true }).isDisabled()).toBe(true);
    await button(page, "Go on training").first().click();
    await page.waitForSelector("text=one, continued is trained and saved.");
    await page.waitForURL(`${address}#/lab**`);
    await expectAccessible(page);
  });
});

test("a link opens the same cell, a damaged one says so, and the text stays after a reload", async () => {
  await withStudio({}, async (page, address) => {
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await enter(page, address);
    const text = "h' = tanh(W @ x + u * h)  # größer ≥ 0";
    await write(page, text);
    await page.waitForURL(/cell=/);
    await button(page, "Share this cell as a link").click();
    await page.waitForSelector("text=The link is copied");
    const link = await page.evaluate(() => navigator.clipboard.readText());
    expect(link).toBe(page.url());

    await page.selectOption(".start select", "lstm");
    await page.waitForFunction((old) => location.href !== old, link);
    await page.goto(link);
    await page.waitForFunction((one) => document.querySelector(".cm-content")?.textContent === one, text);
    await page.reload();
    await page.waitForSelector(".cm-content");
    expect(await written(page)).toEqual([text]);
    await page.goto(`${address}#/lab`);
    await page.waitForSelector(".cm-content");
    expect(await written(page)).toEqual([text]);
    await page.goto(link.replace(/cell=[\w-]+/, (part) => part.slice(0, -9)));
    await page.waitForSelector("text=The cell in this link cannot be read");
    await page.goto(`${address}#/lab?start=lstn`);
    await page.waitForSelector('text=There is no built-in cell "lstn".');
  });
});

test("what cannot be trained says why, and the view goes on", async () => {
  await withStudio({}, async (page, address) => {
    await enter(page, address);
    // Settings.
    await setting(page, "Units", "0");
    await page.waitForSelector('text=Units: a whole number from 1 to 8,192, not "0".');
    expect(await button(page, "Train").isDisabled()).toBe(true);
    await setting(page, "Units", "8");
    // Texts.
    await page.getByRole("combobox", { name: "Text", exact: true }).selectOption("a text that you paste");
    await button(page, "Train").click();
    await page.waitForSelector("text=There is no text yet.");
    await page.getByLabel("Text to train on").fill("Too short.");
    await button(page, "Train").click();
    await page.waitForSelector("text=/the text has 10 tokens to train on, and a batch of 16 x 32 steps needs [0-9,]+/");
    const choose = (name: string, buffer: Buffer) =>
      page.setInputFiles('input[type="file"]', { name, mimeType: "text/plain", buffer });
    await choose("latin.txt", Buffer.from([0x66, 0xfc, 0x72]));
    await page.waitForSelector("text=latin.txt is not text in UTF-8.");
    await choose("none.txt", Buffer.alloc(0));
    await page.waitForSelector("text=none.txt is empty.");
    await choose("verse.txt", Buffer.from("Call me Ishmael. ".repeat(500)));
    await page.waitForSelector("text=verse.txt: 8,500 characters");
    // Memory.
    await setting(page, "Units", "8192");
    await setting(page, "Batch", "1");
    await button(page, "Train").click();
    await page.waitForSelector("text=/training this model needs [0-9,]+ bytes of memory/");
    // A loss that is no number.
    await setting(page, "Units", "16");
    await write(page, "h' = exp(W @ x + U @ h) * 1e20");
    await page.waitForSelector(".mistake >> text=No mistakes.");
    await button(page, "Train").click();
    await page.waitForSelector(".outcome >> text=/became (Infinity|NaN|-Infinity)/");
    // A worker that dies.
    await page.selectOption(".start select", "lstm");
    await train(page, "dies", { Units: "32", Epochs: "1000" });
    await page.waitForSelector(".figures >> text=/^[0-9.]+$/");
    const engines = page.workers().filter((worker) => /worker.*js$/.test(worker.url()));
    await engines.at(-1)?.evaluate(() => self.close());
    await page.waitForSelector("text=The engine stopped working: the browser ended it.");
    await train(page, "lives", { Units: "16", Epochs: "1" });
    await page.waitForSelector("text=lives is trained and saved.");
  });
});
