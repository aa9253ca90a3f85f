/** The site that `npm run docs` makes: links, the reference, and how pages look to axe-core, wide and narrow, light and dark. */
import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { parseHTML } from "linkedom";
import type { Page } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import { runNode } from "../helpers/processes.ts";
import { declaration, exportsOf, publicModules } from "../helpers/public-modules.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { withPage } from "./harness.ts";
import { expectAccessible, expectNoSidewaysScrolling } from "./studio.ts";

const site = temporaryFolder();
let pages: string[] = [];

beforeAll(async () => {
  const { code, out, err } = await runNode(["scripts/docs.mjs", "--out", site]);
  expect({ code, output: code === 0 ? "" : out + err }).toEqual({ code: 0, output: "" });
  pages = readdirSync(site, { recursive: true, encoding: "utf8" })
    .map((name) => name.split("\\").join("/"))
    .filter((name) => name.endsWith(".html"));
}, 300_000);

const tags = /<([a-z][\w-]*)((?:[^>"']|"[^"]*"|'[^']*')*)>/gi;
const attributes = /\s(id|href|src)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']+))/g;
const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" };

/** Anchors and links of a page as VitePress writes it; of what scripts hold, nothing. A parsed document is five times the work. */
function linksOf(html: string) {
  const found = { ids: new Set<string>(), links: [] as string[], sources: [] as string[] };
  const shown = html.replace(/<!--[\s\S]*?-->|(<(script|style)\b[^>]*>)[\s\S]*?<\/\2>/g, "$1");
  for (const [, name = "", inside = ""] of shown.matchAll(tags)) {
    for (const [, key, double, single, bare] of inside.matchAll(attributes)) {
      const text = double ?? single ?? bare ?? "";
      const value = text.replace(/&(amp|lt|gt|quot|#39);/g, (_, entity) => entities[entity] as string);
      if (key === "id") found.ids.add(value);
      else if (key === "href" && name === "a") found.links.push(value);
      else if (key === "src" && (name === "img" || name === "script")) found.sources.push(value);
    }
  }
  return found;
}

test("no link of any page is broken, and no anchor; pictures are there", () => {
  expect(pages.length).toBeGreaterThan(350);
  const documents = new Map(pages.map((page) => [page, linksOf(readFileSync(join(site, page), "utf8"))]));
  const files = new Set(readdirSync(site, { recursive: true, encoding: "utf8" }).map((n) => n.split("\\").join("/")));
  let count = 0;
  const broken = [...documents].flatMap(([page, { links, sources }]) =>
    [...links, ...sources]
      .filter((to) => !/^(https?:|data:)/.test(to))
      .filter((to) => {
        count++;
        const { pathname, hash } = new URL(to, `http://site/${page}`);
        const path = posix.join(decodeURIComponent(pathname).slice(1), pathname.endsWith("/") ? "index.html" : "");
        if (!files.has(path)) return true;
        return hash !== "" && documents.get(path)?.ids.has(decodeURIComponent(hash.slice(1))) !== true;
      })
      .map((to) => `${page}: ${to}`),
  );
  expect(broken).toEqual([]);
  expect(count).toBeGreaterThan(40_000);
});

test("nothing comes from another host", () => {
  for (const page of pages) {
    const html = readFileSync(join(site, page), "utf8");
    expect(html, page).not.toMatch(/<(?:script|link|img)[^>]*(?:src|href)="(?:https?:)?\/\//);
  }
});

test.each(publicModules)("every name of $name has a page in the reference", ({ name, source }) => {
  const names = exportsOf(source).filter((one) => !/@internal\b[^/]*\*\/\n$/.test(declaration(source, one).above));
  expect(names.length).toBeGreaterThan(0);
  const own = pages.filter((page) => page.startsWith(`reference/${name}/`)).map((page) => page.split("/").slice(-2));
  const kinds = ["classes", "functions", "interfaces", "type-aliases", "variables"];
  const there = new Set(own.filter(([kind = ""]) => kinds.includes(kind)).map(([, file = ""]) => file));
  expect(names.filter((one) => !there.has(`${one}.html`))).toEqual([]);
});

test("the page of a cell has its equations, that of an option what it must be", () => {
  const text = (page: string) =>
    parseHTML(readFileSync(join(site, "reference/unrolled", page), "utf8")).document.body.textContent;
  expect(text("cells/variables/lstm.html")).toContain("f  = sigmoid(W_f @ x + U_f @ h + b_f)");
  expect(text("type-aliases/DenseOptions.html")).toContain("tied");
});

test("the search finds a name, without any other host", async () => {
  await withPage({ isolated: false, folder: site, path: "training.html" }, async (page) => {
    await page
      .getByRole("button", { name: /search/i })
      .first()
      .click();
    await page.getByRole("searchbox").fill("orthogonal");
    await page.waitForSelector("#localsearch-list li a");
    await page.locator("#localsearch-list li a", { hasText: "Initialisers" }).first().click();
    await page.waitForURL(/equations\.html#initialisers$/);
  });
});

/** The home page, guides, one with wide tables, figures, pages of the reference, a topic of the log, a program. */
const looked = [
  ...["index", "training", "coming-from-pytorch", "speed", "log/peers", "code/examples/perceptron.ts"],
  ...["reference/unrolled/index", "reference/unrolled/functions/fit", "reference/unrolled/type-aliases/FitOptions"],
];

test.each([1280, 390])(
  "at %d pixels axe-core finds no fault, light or dark, and no page scrolls sideways",
  async (width) => {
    await withPage({ isolated: false, folder: site }, async (page: Page) => {
      await page.setViewportSize({ width, height: 844 });
      const origin = new URL(page.url()).origin;
      const faults: string[] = [];
      for (const path of looked) {
        await page.goto(`${origin}/${path}.html`);
        // Colours are those of the wide page.
        const dark = width > 500 ? (["dark"] as const) : [];
        for (const colorScheme of ["light", ...dark] as const) {
          await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
          const isDark = colorScheme === "dark";
          await page.waitForFunction((dark) => document.documentElement.classList.contains("dark") === dark, isDark);
          // What is dark differs by its colours alone.
          const rules = isDark ? ["color-contrast", "link-in-text-block"] : undefined;
          for (const look of [() => expectAccessible(page, rules), () => expectNoSidewaysScrolling(page)])
            await look().catch((error: Error) => faults.push(`${path}, ${colorScheme}: ${error.message}`));
        }
      }
      expect(faults).toEqual([]);
    });
  },
);
