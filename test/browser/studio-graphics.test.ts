/** The Lab on a graphics card, which is SwiftShader here: a cell is typed and trained there, and goes on where the card is lost. */
import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { readLanguageModel } from "../../src/tasks/language-model.ts";
import { swiftShader } from "./harness.ts";
import { button, setting, withStudio } from "./studio.ts";

const minimal = "z = sigmoid(V @ x + c)\nh' = z * h + (1 - z) * tanh(W @ x + b)";

async function enter(page: Page, address: string, device: string): Promise<void> {
  await page.goto(`${address}#/lab`);
  await page.waitForSelector(".cm-content");
  await page.click(".cm-content");
  await page.keyboard.press("Control+A");
  await page.keyboard.insertText(minimal);
  await page.waitForSelector(".mistake >> text=No mistakes.");
  await page.getByRole("combobox", { name: "Text", exact: true }).selectOption("A repeated pattern");
  await page.getByRole("combobox", { name: "Computed by" }).selectOption(device);
  for (const [label, value] of Object.entries({ "Name of the run": device, Units: "16", Epochs: "1000", Steps: "8" }))
    await setting(page, label, value);
  await button(page, "Train").click();
}
const figure = async (page: Page, name: RegExp): Promise<string | null> =>
  page.locator(".figures div", { hasText: name }).locator("dd").textContent();
const updates = async (page: Page): Promise<number> => Number((await figure(page, /^updates/))?.replaceAll(",", ""));

test("a cell that is typed trains on the graphics card, pauses, goes on, and is a file that Node reads", async () => {
  await withStudio({ flags: swiftShader }, async (page, address) => {
    await enter(page, address, "the graphics card");
    await page.waitForSelector(".live >> text=/Computed by the graphics card \\(.*SwiftShader.*\\)\\./i");
    await expect.poll(() => updates(page)).toBeGreaterThan(40);
    await button(page, "Pause").click();
    await page.waitForSelector(".live >> text=Paused.");
    const before = await updates(page);
    await button(page, "Go on").click();
    await expect.poll(() => updates(page)).toBeGreaterThan(before);
    await expect.poll(async () => Number(await figure(page, /^loss/))).toBeLessThan(0.5);
    await button(page, "Stop and keep the model").click();
    await page.waitForSelector("text=the graphics card is trained and saved.");
    const [file] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Download", exact: true }).first().click(),
    ]);
    const { model } = readLanguageModel(readFileSync(await file.path()), "downloaded");
    expect(Object.values(model.values).every((one) => one.every(Number.isFinite))).toBe(true);
  });
});

test("a card that is lost in the middle: the training goes on from its last values on the processor, and says so", async () => {
  await withStudio({ flags: swiftShader }, async (page, address) => {
    await enter(page, address, "the graphics card");
    await expect.poll(() => updates(page)).toBeGreaterThan(40);
    const lossBefore = Number(await figure(page, /^loss/));
    for (const worker of page.workers()) {
      await worker.evaluate(() => {
        const { prototype } = globalThis.GPUDevice ?? {};
        if (prototype === undefined) return;
        const create = prototype.createCommandEncoder;
        prototype.createCommandEncoder = function (...given) {
          this.destroy();
          return create.apply(this, given);
        };
      });
    }
    await page.waitForSelector(
      ".live >> text=/Computed by the processor: the graphics card was lost, and the training goes on from update [\\d,]+\\./",
    );
    const at = await updates(page);
    await expect.poll(() => updates(page)).toBeGreaterThan(at);
    expect(Number(await figure(page, /^loss/))).toBeLessThan(lossBefore + 0.5);
    await button(page, "Stop and keep the model").click();
    await page.waitForSelector("text=the graphics card is trained and saved.");
  });
});

test("the faster of both is found by a trial, and told; without a card nobody is asked", async () => {
  await withStudio({ flags: swiftShader }, async (page, address) => {
    await enter(page, address, "the faster of both");
    await page.waitForSelector(
      ".live >> text=/Computed by the (processor|graphics card).*, [\\d.]+ times as fast for this model as the (processor|graphics card)\\./",
    );
  });
  await withStudio({}, async (page, address) => {
    await page.goto(`${address}#/lab`);
    await page.waitForSelector(".cm-content");
    await page.waitForTimeout(300);
    expect(await page.getByRole("combobox", { name: "Computed by" }).count()).toBe(0);
  });
});
