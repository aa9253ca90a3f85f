/** What an older version of the studio kept in a reader's browser: models and an interrupted training, as they are found now. */
import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { training } from "../../src/studio/engine/training.ts";
import { smallTaskText } from "../../src/studio/models/small-tasks.ts";
import { button, expectAccessible, withStudio } from "./studio.ts";

const records = JSON.parse(readFileSync(new URL("../fixtures/studio-records.json", import.meta.url), "utf8"));
const [run] = records.runs;
const text = smallTaskText("pattern", 0);

/** A checkpoint of the interrupted run, whose file all of the models have as well. */
async function checkpoint(): Promise<number[]> {
  const job = training.train(text, run.settings);
  const { value } = await job.next();
  await job.return(undefined as never);
  return [...(value as { checkpoint: Uint8Array }).checkpoint];
}

/** The database as version 2 of it was, put there before the studio opens it. */
const fill = (page: Page, bytes: readonly number[]) =>
  page.evaluate(
    ({ models, runs, text, bytes }) =>
      new Promise<void>((resolve, reject) => {
        const opening = indexedDB.open("unrolled", 2);
        opening.onupgradeneeded = () => {
          opening.result.createObjectStore("models", { keyPath: "id" });
          for (const name of ["files", "runs", "checkpoints", "texts"]) opening.result.createObjectStore(name);
        };
        opening.onerror = () => reject(opening.error);
        opening.onsuccess = () => {
          const db = opening.result;
          const all = db.transaction(["models", "files", "runs", "checkpoints", "texts"], "readwrite");
          for (const model of models) {
            all.objectStore("models").put(model);
            all.objectStore("files").put(Uint8Array.from(bytes), model.id);
          }
          for (const run of runs) {
            all.objectStore("runs").put(run, run.id);
            all.objectStore("checkpoints").put(Uint8Array.from(bytes), run.id);
            all.objectStore("texts").put(text, run.id);
          }
          all.oncomplete = () => {
            db.close();
            resolve();
          };
        };
      }),
    { models: records.models, runs: records.runs, text, bytes },
  );

test("runs that older versions kept show their losses and updates, are compared, and go on with the sizes of their files", async () => {
  const bytes = await checkpoint();
  // For a page of JSON, newer Chromiums ask for an icon, which the host does not have.
  await withStudio({ allowed: /status of 404/ }, async (page, address) => {
    // A page of the same host that opens no database.
    await page.goto(`${address}models.json`);
    await page.evaluate(() => new Promise((resolve) => (indexedDB.deleteDatabase("unrolled").onsuccess = resolve)));
    await fill(page, bytes);
    await page.goto(`${address}#/lab`);
    const facts = (name: string) => page.locator(".runs li", { hasText: name }).locator("p.numbers").textContent();
    await page.waitForSelector(".runs li");
    expect(await facts("from Learn")).toMatch(/^loss 1\.5321 on the validation text · 2210 updates/);
    expect(await facts("a small LSTM")).toMatch(/^loss 1\.4124 · 1810 updates/);
    expect(await facts("own cell 48")).toMatch(/^loss 2\.2345 on the validation text · 117 updates/);
    for (const name of ["Moby-Dick, from Learn", "own cell 48, Sums"]) await page.getByLabel(name).check();
    const rows = page.locator(".compared tbody tr");
    const row = (title: string) =>
      rows.filter({ has: page.getByRole("rowheader", { name: title, exact: true }) }).locator("td");
    expect(await row("Updates").allTextContents()).toEqual(["117", "2,210"]);
    expect(await row("Text").allTextContents()).toEqual(["Sums", "Moby-Dick"]);
    expect(await row("Tokens").allTextContents()).toEqual(["byte pairs", "–"]);

    // What the record does not tell the file does.
    await page.getByLabel("Layers", { exact: true }).fill("3");
    await page.locator(".runs li", { hasText: "from Learn" }).getByText("Go on training").click();
    await page.waitForSelector("text=Going on with Moby-Dick, from Learn");
    const field = (name: string) => page.getByLabel(name, { exact: true }).inputValue();
    expect([await field("Units"), await field("Layers"), await field("Tokens")]).toEqual(["24", "1", "word"]);
    expect([await field("Learning rate"), await field("Batch")]).toEqual(["0.005", "16"]);
    await button(page, "Train a new one instead").click();

    await page.getByLabel("Interrupted: cut").getByText("Keep it as it is").click();
    await page.waitForSelector(".runs li >> text=cut");
    expect(await facts("cut")).toMatch(/^loss 2 · 9 updates/);
    await page.goto(`${address}#/models`);
    const cut = page.locator("li", { hasText: "cut" }).first();
    expect(await cut.locator("p.numbers").textContent()).toMatch(
      /Units 24 · .*Text A repeated pattern · .*interrupted$/,
    );
    await expectAccessible(page);
  });
});
