/** Trainings that a reload or a crash breaks off, as a person meets them. */
import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { type TrainedModel, type TrainingSettings, training } from "../../src/studio/engine/training.ts";
import { smallTaskText } from "../../src/studio/models/small-tasks.ts";
import { readLanguageModel } from "../../src/tasks/language-model.ts";
import { button, expectAccessible, expectNoSidewaysScrolling, withStudio } from "./studio.ts";

/** The page asks whether it may go. */
const prepare = async (page: Page): Promise<void> =>
  void page.on("dialog", (dialog) => dialog.accept().catch(() => {}));

/** Fill the Lab's settings in and train on the repeated pattern. */
async function train(page: Page, address: string, settings: Readonly<Record<string, string>>): Promise<void> {
  await page.goto(`${address}#/lab?start=lstm`);
  await page.waitForSelector(".cm-content");
  await page.getByRole("combobox", { name: "Text", exact: true }).selectOption("A repeated pattern");
  for (const [label, value] of Object.entries(settings)) {
    const field = page.getByLabel(label, { exact: true });
    if (label === "Optimizer" || label === "Schedule") await field.selectOption(value);
    else await field.fill(value);
  }
  await button(page, "Train").click();
}
/** The updates of the checkpoint that the browser keeps; 0 for none. */
const checkpoint = (page: Page): Promise<number> =>
  page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        const opening = indexedDB.open("unrolled");
        opening.onsuccess = () => {
          const asked = opening.result.transaction("runs").objectStore("runs").getAll();
          asked.onsuccess = () => {
            opening.result.close();
            resolve(Math.max(0, ...asked.result.map(({ step }: { step: number }) => step)));
          };
        };
      }),
  );

const checkpointed = (page: Page) => expect.poll(() => checkpoint(page), { timeout: 60_000 }).toBeGreaterThan(0);

test("reloaded in the middle, a run goes on and ends with the bytes of one that was left alone", async () => {
  const settings: TrainingSettings = {
    ...{ cell: "lstm", units: 32, layers: 1, tokens: "char", dropout: 0.1, batch: 16, steps: 32 },
    ...{ optimizer: "rmsprop", learningRate: 0.004, clipNorm: 0.5, seed: 5, until: { epochs: 25 }, sample: 0 },
    schedule: { name: "exponentialDecay", decaySteps: 200, decayRate: 0.7 },
  };
  const alone = async (): Promise<TrainedModel> => {
    const job = training.train(smallTaskText("pattern", settings.seed), settings);
    for (;;) {
      const { done, value } = await job.next();
      if (done) return value;
    }
  };
  await withStudio({ prepare }, async (page, address) => {
    await train(page, address, {
      ...{ "Name of the run": "cut", Units: "32", Dropout: "0.1", Seed: "5", Epochs: "25" },
      ...{ Optimizer: "RMSprop", "Learning rate": "0.004", "Clip norm": "0.5" },
      ...{ Schedule: "ExponentialDecay", "Decay steps": "200", "Decay rate": "0.7" },
    });
    await checkpointed(page);
    await page.reload();
    const card = page.locator('section[aria-label="Interrupted: cut"]');
    await card.waitFor();
    expect(await card.textContent()).toMatch(/cut was interrupted on .*, after [0-9,]+ updates, \d+ % of its training/);
    await expectAccessible(page);
    await expectNoSidewaysScrolling(page);
    const before = await checkpoint(page);
    await button(page, "Continue it").click();
    await page.waitForSelector(".live");
    expect(await card.count()).toBe(0);
    await page.waitForSelector("text=cut is trained and saved.");
    expect(await checkpoint(page)).toBe(0);

    const run = page.locator(".runs li").filter({ hasText: "cut" });
    const [file] = await Promise.all([page.waitForEvent("download"), run.getByText("Download").click()]);
    const model = await alone();
    expect(model.steps).toBeGreaterThan(before);
    expect(Buffer.compare(readFileSync(await file.path()), model.bytes)).toBe(0);
    // Its losses are those of both parts, each once.
    const [table] = await Promise.all([page.waitForEvent("download"), run.getByText("Losses as CSV").click()]);
    const steps = readFileSync(await table.path(), "utf8")
      .trim()
      .split("\n")
      .slice(1)
      .map((line) => Number(line.split(",")[0]));
    expect(steps).toEqual([...new Set(steps)].sort((a, b) => a - b));
    expect(steps.at(-1)).toBe(model.steps);
  });
});

test("an engine that dies loses nothing but the last seconds; a run may be kept as it is, or forgotten; another tab's is not offered", async () => {
  await withStudio({ prepare }, async (page, address) => {
    await train(page, address, { "Name of the run": "dies", Units: "16", Epochs: "100000" });
    await checkpointed(page);
    const [other] = await Promise.all([
      page.waitForEvent("popup"),
      page.evaluate((at) => void window.open(at), `${address}#/lab`),
    ]);
    await other.waitForSelector("h2 >> text=Runs");
    await other.waitForSelector("text=No runs yet. The models that you train");
    expect(await other.locator(".interrupted").count()).toBe(0);
    await other.close();

    const engines = page.workers().filter((worker) => /worker.*js$/.test(worker.url()));
    await engines.at(-1)?.evaluate(() => self.close());
    await page.waitForSelector("text=The engine stopped working: the browser ended it.");
    await button(page, "Continue it").click();
    await page.waitForSelector(".live >> text=dies");
    await page.waitForSelector(".figures >> text=/^[0-9.]+$/");
    await page.reload();
    await button(page, "Keep it as it is").click();
    const run = page.locator(".runs li").filter({ hasText: "dies" });
    await run.waitFor();
    expect(await page.locator(".interrupted").count()).toBe(0);
    const [file] = await Promise.all([page.waitForEvent("download"), run.getByText("Download").click()]);
    const lm = readLanguageModel(readFileSync(await file.path()), "dies");
    expect(lm.training?.step).toBeGreaterThan(0);

    await train(page, address, { "Name of the run": "gone", Units: "16", Epochs: "100000" });
    await checkpointed(page);
    await page.reload();
    await button(page, "Forget it").click();
    await page.locator(".interrupted").waitFor({ state: "detached" });
    expect(await checkpoint(page)).toBe(0);
  });
});

/** While `window.engine` says so, engines hear nothing, or answer that they have no memory. */
const moodyEngines = (page: Page) =>
  page.addInitScript(`const post = Worker.prototype.postMessage;
    Worker.prototype.postMessage = function (request, ...rest) {
      if (window.engine === "deaf") return;
      if (window.engine !== "full") return post.call(this, request, ...rest);
      if (request.kind !== "start")
        this.onmessage({ data: { id: request.id, kind: "error", message: "Array buffer allocation failed" } });
    };`);

test("a run that was gone on with and then stopped, or failed, is as it was; so is one whose engine dies as it is stopped", async () => {
  const both = async (page: Page): Promise<void> => {
    await prepare(page);
    await moodyEngines(page);
  };
  await withStudio({ prepare: both }, async (page, address) => {
    await train(page, address, { "Name of the run": "mine", Units: "16", Epochs: "100000" });
    await checkpointed(page);
    await page.evaluate("window.engine = 'deaf'");
    await button(page, "Stop and keep the model").click();
    const engines = page.workers().filter((worker) => /worker.*js$/.test(worker.url()));
    await engines.at(-1)?.evaluate(() => self.close());
    await page.waitForSelector("text=The engine stopped working: the browser ended it.");
    const card = page.locator('section[aria-label="Interrupted: mine"]');
    await card.waitFor();
    const before = await checkpoint(page);

    await page.reload();
    await card.waitFor();
    await page.evaluate("window.engine = 'deaf'");
    await button(page, "Continue it").click();
    await page.waitForSelector(".live >> text=Making the model and compiling");
    await button(page, "Stop").click();
    await page.waitForSelector("text=mine: It was ended. Its last checkpoint is still stored.");
    await card.waitFor();

    await page.evaluate("window.engine = 'full'");
    await button(page, "Continue it").click();
    await page.waitForSelector("text=mine: This machine does not have enough memory for it.");
    await card.waitFor();
    expect(await checkpoint(page)).toBe(before);

    await page.reload();
    await button(page, "Continue it").click();
    await button(page, "Stop and keep the model").click();
    await page.waitForSelector("text=mine is trained and saved.");
    expect(await card.count()).toBe(0);
    expect(await checkpoint(page)).toBe(0);
    // A new one that is stopped before it began leaves nothing.
    await page.evaluate("window.engine = 'deaf'");
    await button(page, "Train").click();
    await button(page, "Stop").click();
    await page.waitForSelector("text=It was ended, and nothing was saved.");
    expect(await page.locator(".interrupted").count()).toBe(0);
  });
});

test("the small one and the one of Learn go on too, each in its place, and the Lab shows what they are", async () => {
  await withStudio({ prepare }, async (page, address) => {
    await page.goto(`${address}#/write`);
    await button(page, "Train a small one now").click();
    await checkpointed(page);
    await page.reload();
    await button(page, "Continue it").click();
    await button(page, "Stop early and keep it").click();
    await page.waitForURL(/#\/write\/moby-dick-a-small-lstm/);

    await page.goto(`${address}#/learn/text`);
    await button(page, "Train").click();
    await checkpointed(page);
    // It goes on in other views.
    await page.goto(`${address}#/models`);
    await page.goto(`${address}#/lab`);
    await page.waitForSelector(".live >> text=Moby-Dick, from Learn");
    await page.goto(`${address}#/learn/text`);
    await page.waitForSelector(".text-samples li");
    await page.reload();
    await button(page, "Continue it").click();
    await button(page, "Stop and keep it").click();
    await page.waitForSelector("text=The model is kept.");

    await page.goto(`${address}#/lab`);
    const facts = page.locator(".runs li p.numbers");
    await expect.poll(() => facts.count(), { timeout: 10_000 }).toBe(2);
    for (const text of await facts.allTextContents()) expect(text).toMatch(/^loss \d+\.\d+.* · \d+ updates/);
    await page.locator(".runs li", { hasText: "from Learn" }).getByText("Go on training").click();
    const field = (name: string) => page.getByLabel(name, { exact: true }).inputValue();
    await expect.poll(() => field("Learning rate"), { timeout: 10_000 }).toBe("0.005");
    expect(await field("Units")).toBe("128");
  });
});
