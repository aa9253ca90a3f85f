/** In another language no view says anything in English: a language is made here whose letters all have a mark. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type MessageFormatElement, parse, TYPE } from "@formatjs/icu-messageformat-parser";
import { printAST } from "@formatjs/icu-messageformat-parser/printer.js";
import type { Page } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import english from "../../src/studio/texts/en.json" with { type: "json" };
import { json, sampleText, tiny } from "../cli/run.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { withStudio } from "./studio.ts";

const folder = temporaryFolder();
const model = join(folder, "m.safetensors");

beforeAll(async () => {
  writeFileSync(join(folder, "text.txt"), sampleText(80));
  await json(folder, "train", "text.txt", "--out", "m.safetensors", "--epochs", "1", ...tiny);
});

/** Every view, and some of what they show of a model; with what is there last of what comes later than the heading. */
const places: readonly (readonly [address: string, last: string])[] = [
  ["learn", ".reader .column"],
  ["learn/lstm", "article.chapter .katex"],
  ["lab", ".graph svg"],
  ["toys", "h1"],
  ["inspect/m?text=abracadabra", ".heat-map canvas"],
  ["write/m?prompt=the&length=20&seed=1", ".coloured-text, [role=application]"],
  ["forecast", "h1"],
  ["listen", "button.main"],
  ["tracks", "button.main"],
  ["sentences", "button.main"],
  ["music", "button.main"],
  ["models", ".gallery li"],
];

/** What is the same in every language: names of layers, classes that a classifier learns here, comments of equations. */
const data = [
  ...["lstm, dense", "rising, falling, wavering, steady", "the new hidden state, and the output", "the new cell state"],
  ...["forget gate: what to keep of the old cell state", "input gate: how much of the candidate to store"],
  ...["candidate values", "output gate: what to show", "glorot uniform", "starts by remembering"],
];

/** Every letter of what is said has an acute accent; holes, tags and what chooses between plurals stay. */
function marked(elements: readonly MessageFormatElement[]): MessageFormatElement[] {
  return elements.map((element) => {
    switch (element.type) {
      case TYPE.literal:
        return { ...element, value: element.value.replace(/\p{L}/gu, "$&\u0301") };
      case TYPE.tag:
        return { ...element, children: marked(element.children) };
      case TYPE.plural:
      case TYPE.select: {
        const options = Object.entries(element.options).map(([name, option]) => [
          name,
          { ...option, value: marked(option.value) },
        ]);
        return { ...element, options: Object.fromEntries(options) };
      }
      default:
        return element;
    }
  });
}
const markedIn = (texts: unknown): unknown =>
  typeof texts === "string"
    ? printAST(marked(parse(texts)))
    : Array.isArray(texts)
      ? texts.map(markedIn)
      : Object.fromEntries(Object.entries(texts as object).map(([key, value]) => [key, markedIn(value)]));

/** What the page says or has for screen readers, but code, mathematics, and what can be typed. */
const saidBy = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    for (const one of document.querySelectorAll("main details")) (one as HTMLDetailsElement).open = true;
    const typed = "code, pre, kbd, textarea, .katex, .cm-editor";
    const said: string[] = [document.title];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
    while (walker.nextNode()) {
      const node = walker.currentNode;
      if (node instanceof Text) {
        if (node.parentElement?.closest(`${typed}, script, style, noscript`) === null) said.push(node.data);
      } else if (node instanceof Element) {
        for (const name of ["aria-label", "aria-description", "title", "placeholder", "alt"]) {
          const value = node.closest(".katex, .cm-editor") === null ? node.getAttribute(name) : null;
          if (value !== null) said.push(value);
        }
      }
    }
    return said;
  });

/** Two words one after the other without a mark. */
const plainWords = /(?<![\p{L}\p{M}])[a-z]{2,}[\s,.:;“”()]+[a-z]{2,}(?![\p{L}\p{M}])/iu;

test("in a language whose every letter has a mark, no view says two words without one", async () => {
  const body = JSON.stringify(markedIn(english));
  const prepare = (page: Page) =>
    page.route("**/texts/en-XA.json", (route) => route.fulfill({ json: JSON.parse(body) }));
  await withStudio({ models: [model], prepare }, async (page, address) => {
    const plain: Record<string, readonly string[]> = {};
    for (const [place, last] of places) {
      await page.goto(`${address}?lang=en-XA#/${place}`);
      await page.waitForSelector("main[aria-busy=false] h1");
      await page.waitForSelector(last);
      const found = (await saidBy(page))
        .map((text) => data.reduce((rest, known) => rest.replace(known, ""), text))
        .filter((text) => plainWords.test(text));
      if (found.length > 0) plain[place] = found;
    }
    expect(plain).toEqual({});
  });
});
