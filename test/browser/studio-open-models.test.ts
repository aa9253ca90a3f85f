/** A model's bytes on their way to the page's engine: once for a view, however much is asked there, and once more where the engine died. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { languageModel, writeLanguageModel } from "../../src/tasks/language-model.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { button, expectAccessible, withStudio } from "./studio.ts";

const text = "to be or not to be, that is the question: whether it is nobler in the mind to suffer";
const bytes = writeLanguageModel(languageModel(text, { units: 16, seed: 1 }));
const models = [join(temporaryFolder(), "small.safetensors")];
writeFileSync(models[0] as string, bytes);

/** Counts the messages to workers that carry as many bytes as the model has. */
const prepare = (page: Page) =>
  page.addInitScript((length) => {
    const counts = { sent: 0, parsed: 0 };
    Object.assign(globalThis, { counts });
    const { postMessage } = Worker.prototype;
    Worker.prototype.postMessage = function (message: unknown, ...rest: never[]) {
      const { args = [], name } = (message ?? {}) as { args?: readonly unknown[]; name?: string };
      if (args.some((arg) => arg instanceof Uint8Array && arg.length === length)) counts.sent++;
      if (["openModel", "modelFacts", "madeOf"].includes(name ?? "")) counts.parsed++;
      return postMessage.call(this, message, ...rest);
    };
  }, bytes.length);
const counts = (page: Page): Promise<unknown> => page.evaluate("({ ...counts })");

test("Inspect: a text read, its gradients, a pattern and another text ask by one opening of the model", async () => {
  await withStudio({ models, prepare }, async (page, address) => {
    await page.goto(`${address}#/inspect/small?text=${encodeURIComponent(text)}`);
    await page.waitForSelector(".heat-map");
    await page.getByLabel("Colours show").selectOption("norms");
    for (let k = 0; k < 6; k++) await button(page, "Next token").click();
    await page.waitForSelector("text=/^The length of the gradient/");
    await page.getByRole("combobox", { name: "Pattern" }).selectOption("expression");
    await page.getByRole("textbox", { name: "Expression" }).fill("[aeiou]");
    await button(page, "Find units").click();
    await page.waitForSelector(".evidence >> text=/Bits a token lost/");
    await page.goto(`${address}#/inspect/small?text=${encodeURIComponent("to be nobler")}`);
    await page.waitForSelector(".readout >> text=/of 12/");
    expect(await counts(page)).toEqual({ sent: 1, parsed: 1 });
    // Write has it opened anew, and asks for each letter of the prompt and for two texts.
    await page.goto(`${address}#/write/small`);
    await page.getByLabel("Prompt").pressSequentially("that is the Q");
    await page.waitForSelector("text=The model never saw");
    for (const name of ["Write", "Another one"]) {
      await button(page, name).click();
      await page.waitForSelector("text=/^500 tokens/");
    }
    expect(await counts(page)).toEqual({ sent: 2, parsed: 2 });
  });
});

test("an engine that the browser ended: the question is asked again, of a model that is opened anew", async () => {
  await withStudio({ models, prepare }, async (page, address) => {
    await page.goto(`${address}#/inspect/small?text=${encodeURIComponent(text)}`);
    await page.waitForSelector(".heat-map");
    await page.getByLabel("Colours show").selectOption("norms");
    await button(page, "Next token").click();
    await page.waitForSelector("text=/^The length of the gradient/");
    const engines = page.workers().filter((worker) => /worker.*js$/.test(worker.url()));
    expect(engines).toHaveLength(1);
    await engines[0]?.evaluate(() => self.close());
    await button(page, "Next token").click();
    // Where the question was on its way to the dead one, the reader asks again; else it went to the next one.
    const again = button(page, "Try again");
    const isSent = async (): Promise<unknown> => {
      if (await again.isVisible()) await again.click({ timeout: 1000 }).catch(() => {});
      return counts(page);
    };
    await expect.poll(isSent, { timeout: 20_000 }).toEqual({ sent: 2, parsed: 2 });
    await page.waitForSelector(".readout >> text=/at token 3 of 84/");
    expect(await page.locator("[role=alert]").count()).toBe(0);

    await page.goto(`${address}#/write/small?prompt=to&length=20000&seed=1`);
    await page.waitForSelector("text=/tokens a second/");
    const [writer] = page.workers().filter((worker) => /worker.*js$/.test(worker.url()));
    await writer?.evaluate(() => self.close());
    await page.waitForSelector("text=The engine stopped working: the browser ended it.");
    await again.click();
    await page.waitForSelector("text=/tokens a second/");
    await page.waitForSelector("text=Writing …");
    expect(await page.locator("[role=alert]").count()).toBe(0);
  });
});

const waves = { kind: "next_number", title: "a model that continues a series of numbers" };

/** One more model, which the engine says is of another task: in the page there is no other task than text yet. */
const withWaves = async (page: Page): Promise<void> => {
  const list = [
    { id: "waves", name: "waves", bytes: bytes.length, task: waves },
    { id: "small", name: "small", bytes: bytes.length, task: { kind: "text", title: "a language model" } },
  ];
  await page.route("**/models.json", (route) => route.fulfill({ json: list }));
  await page.route("**/models/waves.safetensors", (route) => route.fulfill({ body: Buffer.from(bytes) }));
  await page.addInitScript((task) => {
    type Message = { id: number; name?: string; args?: readonly unknown[]; value?: object };
    const openings = new Set<number>();
    const { postMessage } = Worker.prototype;
    Worker.prototype.postMessage = function (message: Message, ...rest: never[]) {
      if (message.name === "openModel" && message.args?.[2] === "waves") openings.add(message.id);
      return postMessage.call(this, message, ...rest);
    };
    Object.defineProperty(Worker.prototype, "onmessage", {
      set(this: Worker, take: (event: MessageEvent<Message>) => void) {
        this.addEventListener("message", (event: MessageEvent<Message>) => {
          const { id, value } = event.data;
          if (openings.has(id) && value !== undefined) Object.assign(value, { task, text: undefined });
          take(event);
        });
      },
    });
  }, waves);
};

test("a model of another task is listed with it; Inspect and Write say what it is and what they show, and open another", async () => {
  await withStudio({ models, prepare: withWaves }, async (page, address) => {
    await page.goto(`${address}#/models`);
    await page.getByRole("heading", { name: "waves" }).waitFor();
    const card = page.locator(".own li", { hasText: "waves" });
    expect(await card.textContent()).toContain(`${waves.title} (task “next_number”)`);
    expect(await card.getByRole("link").count()).toBe(0);
    expect(await page.locator(".own li", { hasText: "small" }).getByRole("link").count()).toBe(2);
    const select = page.locator(".picker select");
    for (const view of ["inspect", "write"]) {
      await page.goto(`${address}#/${view}/waves`);
      const told = page.locator("main p[role=status]", { hasText: "waves" });
      await told.waitFor();
      expect(await told.textContent()).toBe(
        `“waves” is ${waves.title} (task “next_number”), and this view shows language models (task “text”). ` +
          "Choose one of them above, or open a file.",
      );
      expect(await select.locator("option").allTextContents()).toEqual(["waves (next_number)", "small"]);
      await expectAccessible(page);
      await select.selectOption("small");
      await page.waitForSelector("text=/characters · /");
      await told.waitFor({ state: "detached" });
    }
    // Without a choice a view opens a model that it shows.
    await page.goto(`${address}#/write`);
    await page.waitForURL(/#\/write\/small$/);
  });
});
