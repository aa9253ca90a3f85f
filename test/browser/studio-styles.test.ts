/** Styles of a view reach no other view, whatever was opened before. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import { languageModel, writeLanguageModel } from "../../src/tasks/language-model.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { withStudio } from "./studio.ts";

const folder = temporaryFolder();
const file = join(folder, "m.safetensors");
beforeAll(() =>
  writeFileSync(file, writeLanguageModel(languageModel("the sea and the ship ".repeat(40), { units: 8 }))),
);

/** Each view with something in it, and what is there once it is. */
const places = {
  "learn/": ".contents li",
  "learn/perceptron": ".plane .point",
  "learn/learning": ".loss-map path[fill^='color-mix'] >> nth=8",
  // Colours are there once the engine has given their values.
  "learn/feedback": ".loop [fill^='color-mix']",
  "learn/memory": ".shapes",
  "learn/forgetting": ".plot svg",
  "learn/lstm": ".cell-diagram",
  "learn/variants": ".variants-cards .katex",
  "learn/text": ".text-table td",
  "lab?start=lstm": ".graph svg",
  toys: ".toys .sample",
  "inspect/m?text=the+ship": ".heat-map canvas",
  "write/m?prompt=the&length=20&seed=1&temperature=1": ".coloured-text [data-token]",
  "forecast?data=hours": ".card .fields",
  listen: ".picker",
  tracks: ".picker",
  sentences: ".picker",
  music: "form.training",
  models: ".gallery li >> nth=10",
} as const;
type Place = keyof typeof places;

/** What CSS says of every element but what depends on its content's size and on moments. */
const stylesAt = (page: Page): Promise<Readonly<Record<string, string>>> =>
  page.evaluate(() => {
    const skipped =
      /^(width|height|(inline|block)-size|perspective-origin|transform-origin|(min|max)-(inline|block)-size|inset|top|left|right|bottom|grid-template-(rows|columns)|margin|padding-inline|scroll|transition|animation|opacity|view-transition|-webkit)/;
    (document.activeElement as HTMLElement | null)?.blur();
    const found: Record<string, string> = {};
    const names = [...getComputedStyle(document.documentElement)].filter((name) => !skipped.test(name)).sort();
    const read = (element: Element, path: string): void => {
      found[path] = ["", "::before", "::after"]
        .flatMap((part) => {
          const style = getComputedStyle(element, part === "" ? undefined : part);
          if (part !== "" && style.content === "none") return [];
          return names.map((name) => `${part} ${name}: ${style.getPropertyValue(name)}`);
        })
        .join("; ");
      const counts = new Map<string, number>();
      // Within a formula each part is as its content is.
      for (const child of element.matches(".katex, .cm-editor") ? [] : element.children) {
        const kind = `${child.tagName.toLowerCase()}.${(child.getAttribute("class") ?? "").trim().replaceAll(/\s+/g, ".")}`;
        const count = counts.get(kind) ?? 0;
        counts.set(kind, count + 1);
        // The third of a kind is as the second.
        if (count < 2) read(child, `${path}>${kind}:${count}`);
      }
    };
    read(document.querySelector("main") as Element, "main");
    return found;
  });

async function enter(page: Page, address: string, place: Place): Promise<void> {
  await page.goto(`${address}#/${place}`);
  await page.waitForSelector("main[aria-busy=false] h1");
  await page.waitForSelector(places[place]);
}

/** The same once nothing changes any more: values and fonts come in late. */
async function settledStyles(page: Page): Promise<Readonly<Record<string, string>>> {
  for (let before = await stylesAt(page); ; ) {
    await page.waitForTimeout(250);
    const now = await stylesAt(page);
    if (Object.keys(now).every((path) => now[path] === before[path])) return now;
    before = now;
  }
}

test("every view looks the same whether all others were opened before or none", async () => {
  await withStudio({ models: [file] }, async (page, address) => {
    const alone = new Map<Place, Readonly<Record<string, string>>>();
    for (const place of Object.keys(places) as Place[]) {
      await page.goto("about:blank");
      await enter(page, address, place);
      alone.set(place, await settledStyles(page));
    }
    // All styles are there now, by one page.
    for (const place of Object.keys(places) as Place[]) await enter(page, address, place);
    for (const [place, before] of alone) {
      await enter(page, address, place);
      const differing = async () => {
        const after = await stylesAt(page);
        const both = Object.keys(before).filter((path) => after[path] !== undefined);
        // Listen without a model is the smallest.
        expect(both.length).toBeGreaterThanOrEqual(10);
        return { after, differ: both.filter((path) => after[path] !== before[path]) };
      };
      let { after, differ } = await differing();
      // Values and fonts may come in late.
      for (let k = 0; differ.length > 0 && k < 8; k++) {
        await page.waitForTimeout(250);
        ({ after, differ } = await differing());
      }
      const told = differ.slice(0, 5).map((path) => {
        const [old, now] = [before, after].map((all) => (all[path] ?? "").split("; ")) as [string[], string[]];
        return [place, path, old.filter((line) => !now.includes(line)), now.filter((line) => !old.includes(line))];
      });
      expect(told).toEqual([]);
    }
  });
});
