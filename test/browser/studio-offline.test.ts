/** The studio without a network: as static files in a folder of a host, after its first visit. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { withPage } from "./harness.ts";

const built = join(import.meta.dirname, "../../dist/studio");

/** The build in a folder of its own, within others. */
async function withCopy(work: (root: string, studio: string) => Promise<void>): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), "unrolled-offline-"));
  try {
    const studio = join(root, "some/where");
    cpSync(built, studio, { recursive: true });
    await work(root, studio);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** How many versions the browser has files of, and whether the newest has them all and serves the page. */
const kept = (page: Page) =>
  page.evaluate(async () => {
    const { active, installing, waiting } = (await navigator.serviceWorker.getRegistration()) ?? {};
    const serves =
      active?.state === "activated" && !installing && !waiting && navigator.serviceWorker.controller !== null;
    return serves ? (await caches.keys()).length : 0;
  });
const keptVersions = (page: Page, count: number) =>
  expect.poll(() => kept(page), { timeout: 30_000, interval: 200 }).toBe(count);

const headings = {
  learn: "Recurrent networks",
  lab: "The Lab",
  inspect: "Look inside",
  write: "Write",
  forecast: "Forecast",
  listen: "Listen",
  tracks: "Tracks",
  sentences: "Sentences",
  music: "Music",
  models: "Models",
};

test.each([true, false])(
  "isolated: %s: after a first visit every view opens offline, the engine runs, a model is trained and read",
  async (isolated) => {
    await withCopy(async (root) => {
      await withPage({ isolated, folder: root }, async (page) => {
        const address = new URL("some/where/index.html", page.url()).href;
        await page.goto(address);
        await page.waitForSelector("main[aria-busy=false] h1");
        await keptVersions(page, 1);
        // Nothing of another host, and nothing that is not of the build.
        const urls = await page.evaluate(async () => {
          const [name = ""] = await caches.keys();
          return (await (await caches.open(name)).keys()).map(({ url }) => url);
        });
        const folder = new URL(".", address).href;
        const files = readdirSync(built, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
        expect(urls.every((url) => url.startsWith(folder))).toBe(true);
        // Without the service worker itself, the list of models, and what is kept once it is used: what reads HDF5, and texts.
        expect(urls.length).toBe(files.length - 4);

        await page.context().setOffline(true);
        expect(
          await page.evaluate(() =>
            fetch("./models/none.safetensors").then(
              () => "there",
              () => "offline",
            ),
          ),
        ).toBe("offline");
        for (const [view, heading] of Object.entries(headings)) {
          await page.goto(`${address}#/${view}`);
          await page.reload();
          await page.waitForSelector(`main[aria-busy=false] h1 >> text=${heading}`);
          expect(await page.evaluate(() => crossOriginIsolated)).toBe(isolated);
        }
        await page.goto(`${address}#/learn/lstm`);
        await page.waitForSelector(".katex");
        await page.goto(`${address}#/lab`);
        await page.waitForSelector(".cm-content");
        await page.getByLabel("Units", { exact: true }).fill("8");
        await page.getByLabel("Epochs", { exact: true }).fill("0.02");
        await page.getByRole("button", { name: "Train", exact: true }).click();
        await page.waitForSelector("text=is trained and saved.");
        await page.getByRole("link", { name: "Look inside" }).click();
        await page.waitForSelector(".heat-map canvas");
      });
    });
  },
);

test("a language whose texts lie beside the page is there offline after one visit", async () => {
  await withCopy(async (root, studio) => {
    writeFileSync(join(studio, "texts/de.json"), JSON.stringify({ shell: { skip: "Zur Ansicht" } }));
    await withPage({ isolated: true, folder: root }, async (page) => {
      const address = new URL("some/where/index.html?lang=de", page.url()).href;
      await page.goto(address);
      await page.waitForSelector("main[aria-busy=false] h1");
      await keptVersions(page, 1);
      const isKept = () => page.evaluate(async () => (await caches.match("./texts/de.json")) !== undefined);
      await expect.poll(isKept, { timeout: 30_000 }).toBe(true);
      await page.context().setOffline(true);
      await page.reload();
      await page.waitForSelector("main[aria-busy=false] h1");
      expect(await page.textContent(".skip")).toBe("Zur Ansicht");
      expect(await page.getAttribute("html", "lang")).toBe("de");
    });
  });
});

test("a new version is there at the next load, offline too; a page of the old one still finds its parts", async () => {
  await withCopy(async (root, studio) => {
    await withPage({ isolated: true, folder: root }, async (page) => {
      const address = new URL("some/where/index.html", page.url()).href;
      await page.goto(address);
      await keptVersions(page, 1);
      const [other] = await Promise.all([
        page.waitForEvent("popup"),
        page.evaluate((at) => void window.open(at), address),
      ]);
      await other.waitForSelector("main[aria-busy=false] h1");

      // The next version: another page, and a view's script under another name.
      const script = readFileSync(join(studio, "service-worker.js"), "utf8");
      const lab = readdirSync(join(studio, "assets")).find((name) => /^lab-.*\.js$/.test(name)) as string;
      renameSync(join(studio, "assets", lab), join(studio, "assets/lab-next.js"));
      for (const file of [
        "index.html",
        ...readdirSync(join(studio, "assets"))
          .filter((name) => name.endsWith(".js"))
          .map((name) => `assets/${name}`),
      ]) {
        const path = join(studio, file);
        writeFileSync(
          path,
          readFileSync(path, "utf8")
            .replaceAll(lab, "lab-next.js")
            .replace("<title>", '<meta name="version" content="2" /><title>'),
        );
      }
      // What has other contents has another name, as in a build.
      const index = readdirSync(join(studio, "assets")).find((name) => /^index-.*\.js$/.test(name)) as string;
      renameSync(join(studio, "assets", index), join(studio, "assets/index-next.js"));
      const html = join(studio, "index.html");
      writeFileSync(html, readFileSync(html, "utf8").replaceAll(index, "index-next.js"));
      writeFileSync(
        join(studio, "service-worker.js"),
        script
          .replaceAll(lab, "lab-next.js")
          .replaceAll(index, "index-next.js")
          .replace(/builtVersion="\w+"/, 'builtVersion="2"'),
      );

      const version = () =>
        page.evaluate(() => document.querySelector("meta[name=version]")?.getAttribute("content") ?? "1");
      expect(await version()).toBe("1");
      await page.reload();
      expect(await version()).toBe("2");
      await keptVersions(page, 2);
      await page.context().setOffline(true);
      await page.reload();
      expect(await version()).toBe("2");
      await page.goto(`${address}#/lab`);
      await page.waitForSelector("h1 >> text=The Lab");
      await other.goto(`${address}#/lab`);
      await other.waitForSelector("h1 >> text=The Lab");
      expect(await other.evaluate(() => document.querySelector("meta[name=version]"))).toBeNull();
    });
  });
});
