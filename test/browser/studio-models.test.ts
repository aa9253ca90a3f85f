/** The Models view of the studio. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cells } from "../../src/cells/index.ts";
import { cellFacts } from "../../src/nn/cell-facts.ts";
import { readLanguageModel } from "../../src/tasks/language-model.ts";
import { json, sampleText, tiny } from "../cli/run.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { withStudio } from "./studio.ts";

const folder = temporaryFolder();

test("the cell gallery: every cell with its parameters at the size that is chosen, its equations, a measured speed", async () => {
  await withStudio({}, async (page, address) => {
    await page.goto(`${address}#/models`);
    const names = page.locator(".gallery .who b");
    await names.first().waitFor();
    expect(await names.allTextContents()).toEqual(Object.keys(cells));
    const parametersOf = async (name: string) => {
      const row = page.locator(".gallery li", { has: page.locator(`b:text-is("${name}")`) });
      return (await row.locator(".cost").textContent())?.replace(/\D/g, "");
    };
    const wanted = (units: number) => String(cellFacts("gru", { units, input: 64 }).parameters);
    expect(await parametersOf("gru")).toBe(wanted(128));
    await page.getByLabel("Units").selectOption("32");
    await expect.poll(() => parametersOf("gru")).toBe(wanted(32));
    await page.getByLabel("Order").selectOption("parameters");
    const costs = async () =>
      (await page.locator(".gallery .cost").allTextContents()).map((text) => Number(text.replace(/\D/g, "")));
    await expect
      .poll(async () => (await costs()).every((cost, k, all) => k === 0 || cost >= (all[k - 1] as number)))
      .toBe(true);

    await page.click('b:text-is("gru")');
    await page.waitForSelector(".gallery .opened .katex");
    expect(await page.textContent(".gallery .opened pre")).toBe(cells.gru.source);
    expect(await page.getByRole("link", { name: "Take gru to the Lab" }).getAttribute("href")).toBe("#/lab?start=gru");

    await page.getByRole("button", { name: "Measure the speed here" }).click();
    await page.waitForFunction(() => document.querySelectorAll(".gallery .bar").length >= 3);
    expect(await page.textContent("[role=status]")).toMatch(/^Measured \d+ of 35\.$/);
    await page.getByRole("button", { name: "Stop measuring" }).click();
    await page.getByRole("button", { name: "Measure the speed here" }).waitFor();
    expect(
      Number((await page.locator(".gallery .speed:has(.bar)").first().textContent())?.replace(/\D/g, "")),
    ).toBeGreaterThan(0);
  });
});

test("a given model is taken away as it is, and a link leads into it", async () => {
  writeFileSync(join(folder, "text.txt"), sampleText(60));
  const file = join(folder, "a-model.safetensors");
  await json(folder, "train", "text.txt", "--out", "a-model.safetensors", "--overwrite", "--epochs", "1", ...tiny);
  await withStudio({ models: [file] }, async (page, address) => {
    await page.goto(`${address}#/models`);
    await page.getByRole("heading", { name: "a-model" }).waitFor();
    expect(await page.getByRole("link", { name: "Inspect a-model" }).getAttribute("href")).toBe("#/inspect/a-model");
    const downloading = page.waitForEvent("download");
    await page.getByRole("button", { name: "Download a-model" }).click();
    const got = readFileSync(await (await downloading).path());
    expect(got.equals(readFileSync(file))).toBe(true);
    expect(readLanguageModel(got, "download").model.layers.length).toBeGreaterThan(2);
  });
});
