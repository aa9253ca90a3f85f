/** Every view with what there is in it, everything that opens opened: axe-core finds no fault, light and dark, wide and narrow. */
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import { json, sampleText, tiny } from "../cli/run.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { expectAccessible, expectNoSidewaysScrolling, withStudio } from "./studio.ts";

const folder = temporaryFolder();
const model = join(folder, "m.safetensors");
const other = join(folder, "other.safetensors");

beforeAll(async () => {
  writeFileSync(join(folder, "text.txt"), sampleText(80));
  await json(folder, "train", "text.txt", "--out", "m.safetensors", "--epochs", "2", ...tiny);
  copyFileSync(model, other);
});

/** All rules once at each width, and those that colours decide in the other scheme too: colours do not hang on the width. */
async function expectFaultless(page: Page, resize: (width: number) => Promise<void>): Promise<void> {
  await expectInFigures(page);
  for (const width of [1280, 390]) {
    await resize(width);
    await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
    await expectAccessible(page);
    await expectNoSidewaysScrolling(page);
  }
  await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
  await expectAccessible(page, ["color-contrast", "link-in-text-block"]);
}
/** Whatever is drawn is in a figure, so it can be saved as a picture. */
async function expectInFigures(page: Page): Promise<void> {
  const lost = await page.evaluate(() =>
    [...document.querySelectorAll("main svg, main canvas")]
      .filter((one) => one.getBoundingClientRect().width >= 60)
      .filter(
        (one) => one.closest("[data-figure], figure, svg[role=img], canvas[role=img], [role=application]") === null,
      )
      .map((one) => (one.parentElement as Element).outerHTML.slice(0, 200)),
  );
  expect(lost).toEqual([]);
}
/** Makes the page as wide as this; a narrow one is touched, as on a phone. */
async function resizer(page: Page): Promise<(width: number) => Promise<void>> {
  const session = await page.context().newCDPSession(page);
  return async (width) => {
    const enabled = width < 500;
    await page.setViewportSize({ width, height: 844 });
    await session.send("Emulation.setTouchEmulationEnabled", { enabled });
    await page.waitForFunction(
      ([width, enabled]) => innerWidth === width && matchMedia("(pointer: coarse)").matches === enabled,
      [width, enabled] as const,
    );
    // What looks at its own size draws itself anew.
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  };
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
async function train(page: Page, settings: Readonly<Record<string, string>>): Promise<void> {
  await page.getByRole("combobox", { name: "Text", exact: true }).selectOption("A repeated pattern");
  for (const [label, value] of Object.entries(settings)) await page.getByLabel(label, { exact: true }).fill(value);
  await page.getByRole("button", { name: "Train", exact: true }).click();
}

const parts: Readonly<Record<string, Part>> = {
  "Learn, its contents": async (page, address) => {
    await page.goto(`${address}#/learn`);
    await page.waitForSelector(".reader .column");
  },
  ...Object.fromEntries(
    ["perceptron", "learning", "feedback", "memory", "forgetting", "lstm", "variants", "text"].map((name) => [
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
    await train(page, { Units: "8" });
    await page.waitForSelector(".outcome[role=alert]");
  },
  "Lab, runs that are compared": async (page, address) => {
    await inLab(page, address);
    for (const name of ["a run with a long name that goes on and on", "b"]) {
      await train(page, { "Name of the run": name, Units: "8", Epochs: "1" });
      await page.waitForSelector(`text=${name} is trained and saved.`);
      await page.getByLabel(name, { exact: true }).check();
    }
    await page.waitForSelector('section[aria-label="Comparison"] .plot svg');
  },
  "Lab, a training that goes on": async (page) => {
    await train(page, { Units: "16", Epochs: "100000" });
    await page.waitForSelector(".live .plot svg");
  },
  "Inspect, a text that is read": async (page, address) => {
    await page.goto(
      `${address}#/inspect/m?${new URLSearchParams({ text: sampleText(120), at: "20", by: "products" })}`,
    );
    await page.waitForSelector(".coloured-text [data-token]");
    await page.waitForSelector(".heat-map canvas");
    await page.getByRole("combobox", { name: "Pattern", exact: true }).selectOption("line");
    await page.click("text=Find units");
    await page.waitForSelector(".evidence >> text=/^Bits a token lost/");
    await page.click(".matches button >> nth=0");
    await page.getByRole("combobox", { name: "Text", exact: true }).selectOption("own");
    await page.waitForSelector("main progress", { state: "detached" });
    await unfold(page);
    await page.waitForSelector(".cell-drawn table");
  },
  "Inspect, two models beside each other": async (page, address) => {
    const settings = { text: sampleText(20), show: "compare", with: "other", seed: "1", length: "20" };
    await page.goto(`${address}#/inspect/m?${new URLSearchParams(settings)}`);
    await page.waitForSelector(".heat-map canvas >> nth=1");
    await page.waitForSelector("text=/^20 tokens, /");
  },
  "Inspect, similar states": async (page, address) => {
    const settings = { text: sampleText(20), show: "similar", from: "10", to: "12" };
    await page.goto(`${address}#/inspect/m?${new URLSearchParams(settings)}`);
    await page.waitForSelector(".matches li");
  },
  "Inspect, a map of states": async (page, address) => {
    const settings = { text: sampleText(20), show: "map", area: "-9,0,-9,9" };
    await page.goto(`${address}#/inspect/m?${new URLSearchParams(settings)}`);
    await page.waitForSelector(".scatter canvas");
    await page.waitForSelector(".selected");
  },
  "Write, a text with the alternatives of a token": async (page, address) => {
    await page.goto(`${address}#/write/m?prompt=the+%E2%98%83&length=60&seed=1`);
    await page.waitForSelector('[role=status] >> text="60 tokens"');
    await page.click(".coloured-text [data-token='5']");
    await page.waitForSelector(".token-bars");
    await unfold(page);
  },
  "Forecast, a table with a forecaster of it and a mistake": async (page, address) => {
    await page.goto(`${address}#/forecast?epochs=1&units=8`);
    await page.waitForSelector("text=144 months");
    await page.getByRole("button", { name: "Train", exact: true }).click();
    await page.waitForSelector("figure.forecast .plot svg");
    await page.waitForSelector(".scores td");
    await page.getByLabel("Horizon, steps").fill("0");
    await page.waitForSelector("form [role=alert]");
    await unfold(page);
  },
  "Models, with a cell that is opened": async (page, address) => {
    await page.goto(`${address}#/models`);
    await page.waitForSelector("main h2");
    await page.click('b:text-is("lstm")');
    await page.waitForSelector(".gallery .opened .katex");
  },
};

const groups = { learn: /^Learn/, lab: /^Lab/, others: /^(Inspect|Write|Forecast|Models)/ } as const;

test.each(Object.keys(groups) as (keyof typeof groups)[])(
  "at 1280 and 390 pixels, light and dark: %s",
  async (group) => {
    const found: string[] = [];
    await withStudio({ models: [model, other] }, async (page, address) => {
      const its = Object.entries(parts).filter(([name]) => groups[group].test(name));
      expect(its.length).toBeGreaterThan(2);
      const resize = await resizer(page);
      for (const [name, enter] of its) {
        await resize(1280);
        await enter(page, address);
        await expectFaultless(page, resize).catch((error: Error) => found.push(`${name}: ${error.message}`));
      }
    });
    expect(found).toEqual([]);
  },
);
