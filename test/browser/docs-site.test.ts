/** The site that `npm run docs` makes: links, the reference, and how pages look to axe-core, wide and narrow, light and dark. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
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

test("no link of any page is broken, and no anchor; pictures are there", () => {
  expect(pages.length).toBeGreaterThan(350);
  const documents = new Map(
    pages.map((page) => {
      const { document } = parseHTML(readFileSync(join(site, page), "utf8"));
      const ids = new Set([...document.querySelectorAll("[id]")].map((one) => one.id));
      const from = (selector: string, attribute: string) =>
        [...document.querySelectorAll(selector)].map((one) => one.getAttribute(attribute) as string);
      return [page, { ids, links: from("a[href]", "href"), sources: from("img[src], script[src]", "src") }] as const;
    }),
  );
  let count = 0;
  const broken = [...documents].flatMap(([page, { links, sources }]) =>
    [...links, ...sources]
      .filter((to) => !/^(https?:|data:)/.test(to))
      .filter((to) => {
        count++;
        const { pathname, hash } = new URL(to, `http://site/${page}`);
        const path = posix.join(decodeURIComponent(pathname).slice(1), pathname.endsWith("/") ? "index.html" : "");
        if (!existsSync(join(site, path))) return true;
        return hash !== "" && documents.get(path)?.ids.has(decodeURIComponent(hash.slice(1))) !== true;
      })
      .map((to) => `${page}: ${to}`),
  );
  expect(broken).toEqual([]);
  expect(count).toBeGreaterThan(5_000);
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

const darkWhenNarrow = ["index", "training", "reference/unrolled/functions/fit"];

test.each([1280, 390])(
  "at %d pixels axe-core finds no fault, light or dark, and no page scrolls sideways",
  async (width) => {
    await withPage({ isolated: false, folder: site }, async (page: Page) => {
      await page.setViewportSize({ width, height: 844 });
      const origin = new URL(page.url()).origin;
      const faults: string[] = [];
      for (const path of looked) {
        await page.goto(`${origin}/${path}.html`);
        // Colours are those of the wide page; a page of each kind is looked at for what is narrow alone.
        const dark = width > 500 || darkWhenNarrow.includes(path) ? (["dark"] as const) : [];
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
