/** A model by a link, and the Lab's work as a file: what others send, right and wrong. */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { languageModel, writeLanguageModel } from "../../src/tasks/language-model.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { button, expectAccessible, expectNoSidewaysScrolling, withStudio } from "./studio.ts";

const model = writeLanguageModel(languageModel("abc abd abe abf ".repeat(20), { units: 16 }));
let fails = 0;
/** Ends the wait for the slow one. */
let release = (): void => {};
/** Another host, with models right and wrong. */
const host = createServer((request, response) => {
  const path = request.url ?? "";
  if (path !== "/refused.safetensors") response.setHeader("Access-Control-Allow-Origin", "*");
  const send = (bytes: Uint8Array | string) =>
    response.setHeader("Content-Length", Buffer.byteLength(bytes)).end(bytes);
  if (path === "/huge.safetensors") return response.writeHead(200, { "Content-Length": 3e9 }).write("x");
  if (path === "/endless.safetensors") {
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(4e6)));
    };
    response.on("drain", more);
    return more();
  }
  if (path === "/cut.safetensors") {
    response.writeHead(200, { "Content-Length": model.length }).write(model.subarray(0, 500));
    return setTimeout(() => response.destroy(), 100);
  }
  if (path === "/later.safetensors" && fails++ === 0) return response.writeHead(503).end();
  if (path === "/slow.safetensors") {
    release = () => send(model);
    return;
  }
  if (/good|later|refused/.test(path)) return send(model);
  if (path === "/page.safetensors") return send("<!doctype html><script>alert(1)</script>");
  if (path === "/half.safetensors") return send(model.subarray(0, model.length / 2));
  return response.writeHead(404).end();
});
let there = "";
beforeAll(async () => {
  await new Promise<void>((done) => host.listen(0, "127.0.0.1", done));
  there = `http://127.0.0.1:${(host.address() as AddressInfo).port}`;
});
const folder = temporaryFolder();
afterAll(() => {
  host.closeAllConnections();
  host.close();
});
const allowed = /a request to http:\/\/127|Failed to load resource|CORS|Content Security Policy|net::ERR/;
const linkOf = (address: string, file: string, part = "#/write") =>
  `${address}?model=${encodeURIComponent(file.startsWith("/") ? there + file : file)}${part}`;

test("a model by a link is opened, is the page's alone until it is kept, and then stays", async () => {
  await withStudio({ allowed }, async (page, address) => {
    await page.goto(linkOf(address, "/some/good.safetensors"));
    await page.waitForSelector("text=good was loaded from a link, and is available until the page is closed.");
    await page.waitForURL(/#\/write\/good/);
    await page.waitForSelector("text=/parameters$/");
    await expectAccessible(page);
    await expectNoSidewaysScrolling(page);
    await page.goto(`${address}#/models`);
    await page.waitForSelector("text=None yet.");
    await page.goto(linkOf(address, "/some/good.safetensors", "#/learn"));
    await button(page, "Keep it").click();
    await page.waitForSelector("text=was loaded from a link", { state: "detached" });
    expect(page.url()).not.toContain("?model");
    await page.goto(`${address}#/models`);
    await page.reload();
    const [file] = await Promise.all([page.waitForEvent("download"), button(page, "Download good").click()]);
    expect(Buffer.compare(readFileSync(await file.path()), model)).toBe(0);
  });
});

test("what is wrong with a link is said in a line, and what failed once can be tried again", async () => {
  await withStudio({ allowed }, async (page, address) => {
    const wrong: readonly (readonly [link: string, says: RegExp])[] = [
      ["/none.safetensors", /answered 404 instead of the model/],
      ["/refused.safetensors", /does not allow other sites to read it \(CORS\)/],
      ["/huge.safetensors", /has 3,000 MB; a link loads at most 256 MB/],
      ["/endless.safetensors", /has more; a link loads at most 256 MB/],
      ["/cut.safetensors", /broke off after 0 MB/],
      ["/page.safetensors", /^page\.safetensors: /],
      ["/half.safetensors", /^half\.safetensors: /],
      ["http://example.com/a.safetensors", /is not the address of a file.*should begin with https/],
      ["javascript:alert(1)", /is not the address of a file/],
      ["https://me:secret@example.com/a", /is not the address of a file/],
      ["https://", /is not the address of a file/],
      ["data:text/plain,abc", /is not the address of a file/],
    ];
    for (const [link, says] of wrong) {
      await page.goto("about:blank");
      await page.goto(linkOf(address, link));
      const alert = page.locator('section[aria-label="The model of the link"] [role=alert]');
      await alert.waitFor();
      expect(await alert.textContent()).toMatch(says);
      expect((await alert.textContent())?.split("\n")).toHaveLength(1);
      await page.waitForSelector("text=There is no model yet");
    }
    await expectAccessible(page);
    await page.goto("about:blank");
    await page.goto(linkOf(address, "/later.safetensors"));
    await page.waitForSelector("text=answered 503");
    await button(page, "Try again").click();
    await page.waitForSelector("text=later was loaded from a link");
    // One that never ends can be left.
    await page.goto("about:blank");
    await page.goto(linkOf(address, "/huge2.safetensors"));
    await button(page, "Dismiss").click();
    expect(page.url()).toBe(`${address}#/write`);
  });
});

test("the Lab's work goes into one file and comes out of it in another browser; a wrong file changes nothing", async () => {
  const equations = "h' = tanh(W @ x + u * h)";
  const text = "to be or not to be ".repeat(400);
  const path = join(folder, "project.unrolled");
  await withStudio({}, async (page, address) => {
    await page.goto(`${address}#/lab`);
    await page.click(".cm-content");
    await page.keyboard.press("Control+A");
    await page.keyboard.insertText(equations);
    await page.getByRole("combobox", { name: "Text", exact: true }).selectOption("a text that you paste");
    await page.getByLabel("Text to train on").fill(text);
    for (const [label, value] of Object.entries({ Units: "8", Batch: "4", Epochs: "1", "Name of the run": "first" }))
      await page.getByLabel(label, { exact: true }).fill(value);
    await button(page, "Train").click();
    await page.waitForSelector("text=first is trained and saved.");
    const [file] = await Promise.all([
      page.waitForEvent("download"),
      button(page, "Save all of this as a file").click(),
    ]);
    expect(file.suggestedFilename()).toBe("project.unrolled");
    await file.saveAs(path);
    await page.waitForSelector("text=Saved with 1 run.");
    // It is here already.
    await page.setInputFiles('input[accept=".unrolled"]', path);
    await page.waitForSelector("text=project.unrolled is open, with 1 run, 1 of which were here already.");
    expect(await page.locator(".runs li").count()).toBe(1);
  });
  await withStudio({}, async (page, address) => {
    await page.goto(`${address}#/lab?start=gru`);
    await page.waitForSelector(".cm-content");
    const open = (name: string, buffer: Buffer) =>
      page.setInputFiles('input[accept=".unrolled"]', { name, mimeType: "application/octet-stream", buffer });
    const bytes = readFileSync(path);
    await open("half.unrolled", bytes.subarray(0, bytes.length / 2));
    await page.waitForSelector("[aria-label=Project] [role=alert] >> text=half.unrolled");
    await open("model.unrolled", Buffer.from(model));
    await page.waitForSelector(
      "text=model.unrolled: is not a project of the Lab. Open a model's file in Inspect or Write.",
    );
    const broken = Buffer.from(bytes);
    broken.fill(0xff, bytes.indexOf("embedding"), bytes.indexOf("embedding") + 9);
    await open("broken.unrolled", broken);
    await page.waitForSelector("[aria-label=Project] [role=alert] >> text=/broken.unrolled/");
    expect(await page.locator(".runs li").count()).toBe(0);

    await page.setInputFiles('input[accept=".unrolled"]', path);
    await page.waitForSelector("text=project.unrolled is open, with 1 run.");
    await page.locator(".runs li", { hasText: "first" }).waitFor();
    expect(await page.locator(".cm-line").allTextContents()).toEqual([equations]);
    expect(await page.getByLabel("Units", { exact: true }).inputValue()).toBe("8");
    expect(await page.getByLabel("Text to train on").inputValue()).toBe(text);
    await expectAccessible(page);
    await button(page, "Train").click();
    await page.waitForSelector("text=own cell 8, pasted text is trained and saved.");
  });
});

test("a view that the link leads to waits for its model, and opens it at the link's place", async () => {
  await withStudio({ allowed }, async (page, address) => {
    for (const view of ["inspect", "write"]) {
      await page.goto("about:blank");
      await page.goto(linkOf(address, "/slow.safetensors", `#/${view}/slow?text=abc%20abd&value=lstm.c&unit=3&at=2`));
      await page.waitForSelector("text=Loading the model of the link …");
      expect(await page.locator("text=/no longer here|There is no model yet/").count()).toBe(0);
      release();
      await page.waitForSelector("text=slow was loaded from a link");
      await page.waitForURL(/(inspect|write)\/slow\?/);
      if (view === "inspect") await page.waitForSelector(".readout >> text=/^c\\[3\\] at token 3 of 7/");
      expect(await page.locator("text=Loading the model of the link").count()).toBe(0);
    }
    await page.goto("about:blank");
    await page.goto(linkOf(address, "/nothing.safetensors", "#/inspect/nothing"));
    await page.waitForSelector("text=/answered 404/");
    await page.waitForSelector("text=/The model “nothing” is no longer here/");
  });
});

test("long words without a break do not push the page sideways", async () => {
  await withStudio({ allowed, width: 390 }, async (page, address) => {
    await page.goto(linkOf(address, `/good${"a".repeat(400)}.safetensors`, "#/models"));
    await page.waitForSelector("text=was loaded from a link");
    for (const view of ["models", "inspect", "write"]) {
      await page.goto(`${page.url().split("#")[0]}#/${view}`);
      await page.waitForSelector(view === "models" ? "h3 >> text=/^good/" : "text=/parameters$/");
      await expectNoSidewaysScrolling(page);
    }
    await page.goto(`${page.url().split("#")[0]}#/lab`);
    await page.getByLabel("Units", { exact: true }).fill("9".repeat(3000));
    await page.waitForSelector(`text=/^Units: a whole number from 1 to 8,192, not "9{40}…"\\.$/`);
    await expectNoSidewaysScrolling(page);
    await page
      .locator(".source input[type=file]")
      .first()
      .setInputFiles({
        name: `${"b".repeat(240)}.txt`,
        mimeType: "text/plain",
        buffer: Buffer.from("some words ".repeat(50)),
      });
    await page.waitForSelector("option >> text=/b{240}/", { state: "attached" });
    await expectNoSidewaysScrolling(page);
  });
});
