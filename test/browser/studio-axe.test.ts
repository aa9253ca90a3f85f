/** Every room with what there is in it, everything that opens opened: axe-core finds no fault, light and dark, wide and narrow. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import { json, sampleText, temporaryFolder, tiny } from "../cli/run.ts";
import { expectAccessible, expectNoSidewaysScrolling, withStudio } from "./studio.ts";

const folder = temporaryFolder();
const model = join(folder, "m.safetensors");

beforeAll(async () => {
  writeFileSync(join(folder, "text.txt"), sampleText(80));
  await json(folder, "train", "text.txt", "--out", "m.safetensors", "--epochs", "2", ...tiny);
});

/** All rules once, and those that colours decide in the other scheme too. */
async function expectFaultless(page: Page): Promise<void> {
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  await expectAccessible(page);
  await expectNoSidewaysScrolling(page);
  await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
  await expectAccessible(page, ["color-contrast", "link-in-text-block"]);
}
/** Everything that is folded up is opened. */
const unfold = (page: Page) =>
  page.evaluate(() => {
    for (const one of document.querySelectorAll("main details")) (one as HTMLDetailsElement).open = true;
  });

type Part = (page: Page, address: string) => Promise<void>;
const chapter =
  (name: string): Part =>
  async (page, address) => {
    await page.goto(`${address}#/learn/${name}`);
    await page.waitForSelector("article.chapter .card");
    await page.waitForSelector("article.chapter .katex");
    await unfold(page);
  };
const inLab = async (page: Page, address: string): Promise<void> => {
  await page.goto(`${address}#/lab?start=gru`);
  await page.waitForSelector(".graph svg");
  await page.waitForSelector(".cm-content");
  await page.getByRole("button", { name: "Standard settings" }).click();
};

const parts: Readonly<Record<string, Part>> = {
  "Learn, its contents": async (page, address) => {
    await page.goto(`${address}#/learn`);
    await page.waitForSelector(".reader .column");
  },
  ...Object.fromEntries(
    ["perceptron", "feedback", "memory", "forgetting", "lstm", "variants", "text"].map((name) => [
      `Learn, ${name}`,
      chapter(name),
    ]),
  ),
  "Lab, a cell with all that is made of it": async (page, address) => {
    await inLab(page, address);
    await page.getByLabel("Schedule", { exact: true }).selectOption("ExponentialDecay");
    await unfold(page);
  },
  "Lab, a mistake with its tooltip, a wrong setting, completions": async (page, address) => {
    await inLab(page, address);
    await page.click(".cm-content");
    await page.keyboard.press("Control+A");
    await page.keyboard.insertText("h' = tanh(W @ x + x * h)");
    await page.waitForSelector(".mistake .error");
    await page.getByLabel("Steps", { exact: true }).fill("many");
    await page.click(".cm-content");
    await page.keyboard.press("F8");
    await page.waitForSelector(".cm-lintRange-error");
    await page.hover(".cm-lintRange-error");
    await page.waitForSelector(".cm-tooltip");
  },
  "Lab, a training that broke": async (page, address) => {
    await inLab(page, address);
    await page.click(".cm-content");
    await page.keyboard.press("Control+A");
    await page.keyboard.insertText("h' = exp(W @ x + U @ h) * 1e20");
    await page.waitForSelector(".mistake >> text=No mistakes.");
    await page.getByRole("combobox", { name: "Text", exact: true }).selectOption("A repeated pattern");
    await page.getByLabel("Units", { exact: true }).fill("8");
    await page.getByRole("button", { name: "Train", exact: true }).click();
    await page.waitForSelector(".outcome[role=alert]");
  },
  "Inspect, a text that is read": async (page, address) => {
    await page.goto(`${address}#/inspect/m?${new URLSearchParams({ text: "the cat sat here.\na dog ran.", at: "6" })}`);
    await page.waitForSelector(".coloured-text [data-token]");
    await page.waitForSelector(".heat-map canvas");
    await page.waitForSelector("main progress", { state: "detached" });
    await unfold(page);
  },
  "Write, a text with the alternatives of a token": async (page, address) => {
    await page.goto(`${address}#/write/m?prompt=the+c&length=60&seed=1`);
    await page.waitForSelector('[role=status] >> text="60 tokens"');
    await page.click(".coloured-text [data-token='5']");
    await page.waitForSelector(".token-bars");
    await unfold(page);
  },
  "Models, with a cell that is opened": async (page, address) => {
    await page.goto(`${address}#/models`);
    await page.waitForSelector("main h2");
    await page.click('b:text-is("lstm")');
    await page.waitForSelector(".zoo .opened .katex");
  },
};

test.each([1280, 390])("at %i pixels, light and dark", async (width) => {
  const found: string[] = [];
  await withStudio({ models: [model], width }, async (page, address) => {
    for (const [name, enter] of Object.entries(parts)) {
      await enter(page, address);
      await expectFaultless(page).catch((error: Error) => found.push(`${name}: ${error.message}`));
    }
  });
  expect(found).toEqual([]);
});
