/** Chapters in frames of other pages: what docs/inspecting.md shows, in a page of another origin. */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { button, expectAccessible, expectNoSidewaysScrolling, withStudio } from "./studio.ts";

const doc = readFileSync(join(import.meta.dirname, "../../docs/inspecting.md"), "utf8");
const [, snippet = ""] = /```html\n(.*?)```/s.exec(doc) ?? [];

/** A page of another origin, closed at the end. */
async function withHost(html: () => string, work: (address: string) => Promise<void>): Promise<void> {
  const host = createServer((_, answer) => {
    answer.setHeader("content-type", "text/html").end(`<!doctype html><title>A course</title><main>${html()}</main>`);
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => host.once("listening", resolve));
  try {
    await work(`http://127.0.0.1:${(host.address() as AddressInfo).port}/`);
  } finally {
    host.close();
    host.closeAllConnections();
  }
}

test("a page of another origin embeds a chapter: it computes, tells its height alone, leads out, asks no other host", async () => {
  expect(snippet).toContain('sandbox="allow-scripts ');
  let html = "";
  await withHost(
    () => html,
    (host) =>
      withStudio({ allowed: new RegExp(`^a request to ${host}`) }, async (page, address) => {
        // What the chapter's button copies is what the document shows.
        await page.goto(`${address}#/learn/learning`);
        await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
        await button(page, "Copy the code that embeds this chapter").click();
        await page.getByText("The code is copied").waitFor();
        const copied = await page.evaluate(() => navigator.clipboard.readText());
        expect(copied).toBe(snippet.replaceAll("https://example.org/unrolled/", address));

        const strict = copied
          .replace(/sandbox="[^"]*"/, 'sandbox="allow-scripts"')
          .replace("?embed", "?embed&amp;theme=dark");
        for (const [code, origin, theme] of [
          [copied.replace(/ sandbox="[^"]*"/, "").replace(/\n\s+sandbox="[^"]*"/, ""), address.slice(0, -1), "light"],
          [strict, "null", "dark"],
        ] as const) {
          html = code;
          await page.goto("about:blank");
          await page.addInitScript(
            "addEventListener('message', ({ data }) => { (globalThis.messages ??= []).push(data); })",
          );
          await page.goto(host);
          const frame = page.frameLocator("iframe");
          await frame.getByRole("slider", { name: "rate η" }).first().waitFor();
          const inner = page.frames().find((one) => one.url().startsWith(address));
          expect(await inner?.evaluate(() => [origin, getComputedStyle(document.documentElement).colorScheme])).toEqual(
            [origin, expect.stringMatching(theme === "dark" ? /^dark$/ : /^light dark$/)],
          );
          expect(await frame.getByRole("navigation").count()).toBe(0);
          // The engine works there, too: the ball goes downhill.
          await frame.getByRole("button", { name: "One step" }).first().click();
          await frame.getByText(/^After step 1 it lies at/).waitFor();
          // The frame is as high as what is in it, and is told nothing but that.
          await page.waitForFunction(() => Number(document.querySelector("iframe")?.height) > 2000);
          // Charts and formulas come after it, and make it higher.
          await inner?.waitForFunction(() => document.documentElement.scrollHeight - innerHeight <= 1);
          const messages = await page.evaluate(() => (globalThis as unknown as { messages: object[] }).messages);
          for (const message of messages) expect(message).toEqual({ unrolled: "height", height: expect.any(Number) });
          if (origin === "null") continue;
          const [opened] = await Promise.all([
            page.waitForEvent("popup"),
            frame.getByRole("link", { name: "Open in Unrolled" }).click(),
          ]);
          expect(opened.url()).toMatch(new RegExp(`^${address}#/learn/learning`));
          await opened.close();
          await page.setViewportSize({ width: 390, height: 844 });
          await expectNoSidewaysScrolling(page);
          await page.setViewportSize({ width: 1280, height: 844 });
        }
        await page.goto(`${address}?embed#/learn/perceptron`);
        await page.waitForSelector("article.chapter .katex");
        await expectAccessible(page);
        await page.goto(`${address}?embed#/models`);
        await page.reload();
        await page.getByText("Only a chapter can be embedded").waitFor();
      }),
  );
});

test("the studio gives other sites chapters and its own files, and no other page, no models", async () => {
  await withStudio({}, async (_page, address) => {
    const headersOf = async (path: string): Promise<Headers> => (await fetch(`${address}${path}`)).headers;
    const page = await headersOf("");
    expect(page.get("x-frame-options")).toBe("SAMEORIGIN");
    expect(page.get("cross-origin-resource-policy")).toBe("same-origin");
    const chapter = await headersOf("?embed");
    expect(chapter.get("x-frame-options")).toBe(null);
    expect(chapter.get("access-control-allow-origin")).toBe(null);
    const [, file = ""] = /src="\.\/(assets\/[^"]+)"/.exec(await (await fetch(address)).text()) ?? [];
    expect((await headersOf(file)).get("access-control-allow-origin")).toBe("*");
    for (const path of ["models.json", "models.json?embed", "index.html?embed"]) {
      const closed = await headersOf(path);
      expect(closed.get("access-control-allow-origin")).toBe(null);
      expect(closed.get("x-frame-options")).toBe("SAMEORIGIN");
      expect(closed.get("cross-origin-resource-policy")).toBe("same-origin");
    }
  });
});
