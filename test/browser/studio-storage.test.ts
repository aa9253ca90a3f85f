/** The studio in browsers that give a page no storage, and over networks that fail. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Locator, Page } from "playwright-core";
import { expect, test } from "vitest";
import { json, sampleText, tiny } from "../cli/run.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { button, expectAccessible, withStudio } from "./studio.ts";

const views = ["learn", "lab", "inspect", "write", "models"];
const headings = ["Recurrent networks, from the inside", "The Lab", "Look inside", "Write", "Models"];
const passing = "text=models, trainings and texts are lost when the page is closed";

/** Train a model of a second in the Lab. */
async function train(page: Page, address: string, name: string): Promise<void> {
  await page.goto(`${address}#/lab`);
  await page.waitForSelector(".cm-content");
  await page.getByRole("combobox", { name: "Text", exact: true }).selectOption("A repeated pattern");
  for (const [label, value] of [
    ["Name of the run", name],
    ["Units", "8"],
    ["Epochs", "1"],
  ] as const) {
    await page.getByLabel(label, { exact: true }).fill(value);
  }
  await button(page, "Train").click();
}

const denied = `{ get() { throw new DOMException("denied", "SecurityError"); } }`;
/** `open()` gives a request that ends as `end` says. */
const opening = (end: string): string => `{ value: { open() { const request = new EventTarget();
  Object.assign(request, { error: new DOMException("broken", "UnknownError"), readyState: "pending" }); ${end}; return request; } } }`;
const withoutDatabase = {
  "a getter that throws": denied,
  undefined: "{ value: undefined }",
  "open() that fails": opening('setTimeout(() => request.dispatchEvent(new Event("error")), 10)'),
  "open() that is blocked for ever": opening('setTimeout(() => request.dispatchEvent(new Event("blocked")), 10)'),
};

test.each(Object.entries(withoutDatabase))(
  "without IndexedDB (%s) all views open, say so, and a model is trained and used",
  async (_, property) => {
    const prepare = (page: Page) => page.addInitScript(`Object.defineProperty(window, "indexedDB", ${property});`);
    await withStudio({ prepare }, async (page, address) => {
      for (const [k, view] of views.entries()) {
        await page.goto(`${address}#/${view}`);
        await page.waitForSelector(`main[aria-busy=false] h1 >> text=${headings[k]}`);
        await page.waitForSelector(passing);
        await page.locator("text=Looking for models").waitFor({ state: "detached" });
      }
      await page.goto(`${address}#/inspect`);
      await page.waitForSelector("text=There is no model yet");
      await train(page, address, "one");
      await page.waitForSelector("text=one is trained and saved, until the page is closed.");
      const [file] = await Promise.all([page.waitForEvent("download"), button(page, "Download it").click()]);
      expect(readFileSync(await file.path()).length).toBeGreaterThan(1000);
      await expectAccessible(page);
      for (const view of ["inspect", "write"]) {
        await page.goto(`${address}#/${view}`);
        await page.waitForURL(`${address}#/${view}/one**`);
        await page.waitForSelector("text=/8 characters|characters ·/");
      }
      await page.goto(`${address}#/models`);
      await page.waitForSelector("text=only until the page is closed");
    });
  },
);

test("site storage that is blocked altogether: every view opens and works, settings last as long as the page", async () => {
  const names = ["indexedDB", "localStorage", "sessionStorage"];
  const prepare = (page: Page) =>
    page.addInitScript(`for (const name of ${JSON.stringify(names)}) Object.defineProperty(window, name, ${denied});
      for (const name of ["request", "query"]) LockManager.prototype[name] = () => Promise.reject(new DOMException("denied", "SecurityError"));
      window.BroadcastChannel = class { constructor() { throw new DOMException("denied", "SecurityError"); } };`);
  await withStudio({ prepare }, async (page, address) => {
    for (const view of views) {
      await page.goto(`${address}#/${view}`);
      await page.waitForSelector("main[aria-busy=false] h1");
      await page.waitForSelector(passing);
    }
    await button(page, "Use dark colours").click();
    await button(page, "Use light colours").waitFor();
    await page.waitForSelector("text=This browser cannot store settings for this page");
    await page.goto(`${address}#/learn/perceptron`);
    await page.waitForSelector(".katex");
    await train(page, address, "one");
    await page.waitForSelector("text=one is trained and saved, until the page is closed.");
    await page.goto(`${address}#/models`);
    await page.goto(`${address}#/lab`);
    expect(await page.getByLabel("Units", { exact: true }).inputValue()).toBe("8");
    await page.goto(`${address}#/inspect`);
    await page.getByRole("combobox", { name: "Text", exact: true }).selectOption("own");
    await page.getByLabel("Your text").fill("abc abd ".repeat(300));
    await button(page, "Read it").click();
    await page.waitForURL(/kept=/);
    await page.waitForSelector(".heat-map canvas");
  });
});

test("a browser without room: what is trained is kept until the page is closed and says why; later it is kept for good", async () => {
  const prepare = (page: Page) =>
    page.addInitScript(`const put = IDBObjectStore.prototype.put; window.full = true;
      IDBObjectStore.prototype.put = function (...all) {
        if (window.full) throw new DOMException("no room", "QuotaExceededError");
        return put.apply(this, all);
      };`);
  await withStudio({ prepare }, async (page, address) => {
    await train(page, address, "one");
    await page.waitForSelector("text=one is trained and saved, until the page is closed.");
    await page.waitForSelector("text=The browser could not store “one” (no room)");
    await page.goto(`${address}#/models`);
    await button(page, "Keep one").click();
    await page.waitForSelector("text=The browser could not store it: no room.");
    await page.evaluate("window.full = false");
    await button(page, "Keep one").click();
    await button(page, "Keep one").waitFor({ state: "detached" });
    await page.reload();
    await page.getByRole("heading", { name: "one", exact: true }).waitFor();
    expect(await button(page, "Keep one").count()).toBe(0);
  });
});

test("a browser whose room is used up while it trains: the run is said to be lost by a reload, and why, until there is room", async () => {
  const prepare = (page: Page) => page.on("dialog", (dialog) => dialog.accept().catch(() => {}));
  await withStudio({ prepare: async (page) => prepare(page) }, async (page, address) => {
    const session = await page.context().newCDPSession(page);
    const quota = (quotaSize?: number) =>
      session.send("Storage.overrideQuotaForOrigin", {
        origin: new URL(address).origin,
        ...(quotaSize && { quotaSize }),
      });
    await page.waitForSelector("main[aria-busy=false] h1");
    await quota(60_000);
    await page.goto(`${address}#/lab`);
    await page.waitForSelector(".cm-content");
    await page.getByLabel("Units", { exact: true }).fill("64");
    await page.getByLabel("Epochs", { exact: true }).fill("1000");
    await button(page, "Train").click();
    const said = page.locator(".notice", { hasText: "The browser cannot store this run (" });
    await said.waitFor();
    expect(await said.textContent()).toMatch(
      /\(.*quota.*\): the run is lost when the page is closed or reloaded\. Finish the run/i,
    );
    await page.goto(`${address}#/learn`);
    await said.waitFor();
    await quota();
    await said.waitFor({ state: "detached" });
    await page.reload();
    await page.goto(`${address}#/lab`);
    await page.waitForSelector(".interrupted");
  });
});

test("storage that cannot be read: every view says so, given models are there all the same; it is asked again", async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "text.txt"), sampleText(80));
  await json(folder, "train", "text.txt", "--out", "m.safetensors", "--epochs", "2", ...tiny);
  const prepare = (page: Page) =>
    page.addInitScript(`window.unread = true;
      for (const name of ["get", "getAll"]) {
        const real = IDBObjectStore.prototype[name];
        IDBObjectStore.prototype[name] = function (...all) {
          if (window.unread) throw new DOMException("Internal error", "UnknownError");
          return real.apply(this, all);
        };
      }`);
  await withStudio({ prepare, models: [join(folder, "m.safetensors")] }, async (page, address) => {
    const said = page.locator(".notice", { hasText: "This browser cannot read its storage (Internal error)" });
    for (const [k, view] of views.entries()) {
      await page.goto(`${address}#/${view}`);
      await page.reload();
      await page.waitForSelector(`main[aria-busy=false] h1 >> text=${headings[k]}`);
      await said.waitFor();
      expect(await said.count()).toBe(1);
    }
    await page.getByRole("heading", { name: "m", exact: true }).waitFor();
    await expectAccessible(page);
    await page.goto(`${address}#/inspect/m`);
    await page.waitForSelector(".coloured-text");
    await page.goto(`${address}#/write/m?prompt=the&seed=1&length=20`);
    await page.waitForSelector('[role=status] >> text="20 tokens"');
    await page.evaluate("window.unread = false");
    await button(page, "Try again").click();
    await said.waitFor({ state: "detached" });
  });
});

test("the Lab's text is there after a reload, pasted or a file; where the browser has no room for it that is said", async () => {
  const prepare = (page: Page) =>
    page.addInitScript(`const put = IDBObjectStore.prototype.put; window.full = false;
      IDBObjectStore.prototype.put = function (...all) {
        if (window.full) throw new DOMException("no room", "QuotaExceededError");
        return put.apply(this, all);
      };`);
  await withStudio({ prepare }, async (page, address) => {
    const choice = page.getByRole("combobox", { name: "Text", exact: true });
    const field = page.getByRole("textbox", { name: "Text to train on" });
    const keeps = (text: string) =>
      expect.poll(() => page.evaluate(storedText), { timeout: 10_000 }).toContain(JSON.stringify(text));
    await page.goto(`${address}#/lab`);
    expect(await choice.inputValue()).toBe("book");
    await choice.selectOption("pasted");
    await field.pressSequentially("my own text, 😀");
    await keeps("my own text, 😀");
    await page.reload();
    expect(await field.inputValue()).toBe("my own text, 😀");

    const buffer = Buffer.from("lines\n".repeat(50_000));
    await page.setInputFiles(".source input[type=file]", { name: "mine.txt", mimeType: "text/plain", buffer });
    await page.waitForSelector("text=mine.txt: 300,000 characters");
    await keeps(String(buffer));
    await page.goto(`${address}#/learn`);
    await page.reload();
    await page.goto(`${address}#/lab`);
    await page.waitForSelector("text=mine.txt: 300,000 characters");

    const said = page.locator(".notice", { hasText: "The browser cannot store the Lab's text (no room)" });
    await page.evaluate("window.full = true");
    await choice.selectOption("pasted");
    await field.fill("another");
    await said.waitFor();
    await expectAccessible(page);
    await page.evaluate("window.full = false");
    await choice.selectOption("A repeated pattern");
    await said.waitFor({ state: "detached" });
    await page.reload();
    await page.waitForSelector("h2 >> text=Project");
    await expect.poll(() => choice.inputValue()).toBe("pattern");
  });
});

test("Learn's text of one's own is there after a reload", async () => {
  await withStudio({}, async (page, address) => {
    const own = async (): Promise<Locator> => {
      await page.getByText("A text of yours", { exact: true }).click();
      return page.getByRole("textbox", { name: "Your text" });
    };
    await page.goto(`${address}#/learn/text`);
    const field = await own();
    expect(await field.inputValue()).toMatch(/the house that Jack built/);
    await field.fill("mine, 😀");
    await page.reload();
    expect(await (await own()).inputValue()).toBe("mine, 😀");
  });
});

const storedText = (): Promise<string> =>
  new Promise((resolve) => {
    const opening = indexedDB.open("unrolled");
    opening.onsuccess = () => {
      const asked = opening.result.transaction("texts").objectStore("texts").get("lab");
      asked.onsuccess = () => {
        opening.result.close();
        resolve(asked.result ?? "");
      };
    };
  });

/** The first request for each address of this kind fails. */
async function failOnce(page: Page, kind: RegExp, status?: number): Promise<string[]> {
  const failed: string[] = [];
  await page.route(kind, async (route) => {
    const url = route.request().url();
    if (failed.includes(url)) return route.continue();
    failed.push(url);
    await (status === undefined ? route.abort() : route.fulfill({ status, body: "busy" }));
  });
  return failed;
}
const networkErrors = /Failed to load resource|net::ERR/;

test.each([
  ["script", /assets\/lab-.*\.js/, 503],
  ["script, cut off", /assets\/lab-.*\.js/, undefined],
  ["styles", /assets\/lab-.*\.css/, 503],
  ["every part of it", /assets\/(?!index|worker).*\.(js|css)/, 503],
] as const)("a view whose %s did not load says so and loads when it is tried again", async (_, kind, status) => {
  await withStudio({ allowed: networkErrors }, async (page, address) => {
    await page.waitForSelector("main[aria-busy=false] h1");
    const failed = await failOnce(page, kind, status);
    await page.goto(`${address}#/lab`);
    await page.waitForSelector("text=The Lab view did not load.");
    expect(failed.length).toBeGreaterThan(0);
    // Of the view: the engine of the view before may have failed, too, and has a button of its own.
    const retry = (view: string) =>
      page
        .getByRole("alert")
        .filter({ hasText: `The ${view} view did not load.` })
        .getByRole("button");
    await retry("Lab").click();
    await page.waitForSelector("h1 >> text=The Lab");
    expect(await page.locator("text=The Lab view did not load.").count()).toBe(0);
    await page.waitForSelector(".cm-content, textarea.code");
    // Its styles are there: the editor is below its label, settings are a grid.
    expect(await page.locator(".settings").evaluate((place) => getComputedStyle(place).display)).toBe("grid");
    // Other views are not failed for ever either.
    await page.goto(`${address}#/write`);
    const [heading, again] = [page.locator("h1 >> text=Write"), retry("Write")];
    await heading.or(again).first().waitFor();
    if ((await again.count()) > 0) await again.click();
    await heading.waitFor();
  });
});

test("a chapter, its formulas and its charts that did not load come when they are asked for again", async () => {
  await withStudio({ allowed: networkErrors }, async (page, address) => {
    await page.waitForSelector("main[aria-busy=false] h1");
    await failOnce(page, /assets\/(forgetting|katex|src)-.*\.(js|css)/, 503);
    await page.goto(`${address}#/learn/forgetting`);
    await page.waitForSelector("text=The chapter did not load.");
    await button(page, "Try again").click();
    await page.waitForSelector("text=The chart did not load.");
    await button(page, "Try again").first().click();
    await page.waitForSelector(".plot svg");
    await page.goto(`${address}#/learn/variants`);
    await page.waitForSelector(".katex");
  });
});

test("the engine's script, the list of models, the book and a model that failed once are asked for again", async () => {
  const prepare = (page: Page) => failOnce(page, /models\.json|moby-dick\.txt|assets\/worker-.*\.js/, 500);
  await withStudio({ prepare, allowed: networkErrors }, async (page, address) => {
    // The engine, by Learn's first picture.
    await page.waitForSelector("text=The engine stopped working, or did not load.");
    await button(page, "Try again").click();
    await page.waitForFunction(() => !document.body.textContent?.includes("The engine stopped working"));
    await page.goto(`${address}#/models`);
    await page.waitForSelector(".gallery li >> nth=10");
    await page.waitForSelector(
      "text=The list of models that come with the page: models.json: the page's host answered 500",
    );
    await button(page, "Try again").click();
    await page.waitForFunction(() => !document.body.textContent?.includes("answered 500"));
    // The book, at the next use.
    await page.goto(`${address}#/lab`);
    await page.waitForSelector(".cm-content");
    await page.getByLabel("Units", { exact: true }).fill("8");
    await button(page, "Train").click();
    await page.waitForSelector("text=/moby-dick.txt: the page's host answered 500/");
    await button(page, "Train").click();
    await page.waitForSelector(".live >> text=Training. It continues");
    await button(page, "Stop and keep the model").click();
    await page.waitForSelector("text=is trained and saved.");
  });
});
