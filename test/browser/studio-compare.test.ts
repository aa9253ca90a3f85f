/** Inspect: two models compared, similar states, the map of states. Each a person's whole way, with the numbers computed here. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import { cell } from "../../src/graph/cell.ts";
import { inspectModel } from "../../src/nn/inspection.ts";
import { dense, embedding } from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";
import { written } from "../../src/studio/components/numbers.ts";
import { generate } from "../../src/tasks/generate.ts";
import { type LanguageModel, languageModel, writeLanguageModel } from "../../src/tasks/language-model.ts";
import { principalComponents } from "../../src/tasks/principal-components.ts";
import { matchesByChance, proposedThreshold, similarSpans, unitsOn } from "../../src/tasks/similar-spans.ts";
import { compareSurprise, largestDifferences } from "../../src/tasks/surprise-difference.ts";
import { decodeToken, encode, vocabularySize } from "../../src/text/tokenizer.ts";
import { sampleText } from "../cli/run.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { button, expectNoSidewaysScrolling, select, withStudio } from "./studio.ts";

const folder = temporaryFolder();
const text = sampleText(40);
const query = new URLSearchParams({ text }).toString();
const own = cell("h' = tanh(W @ x + U @ h + b)");
const learnt = sampleText(80);
const two = languageModel(learnt, { units: 6, layers: 2, embedding: 5, seed: 3 });
// First values are small, and so would be all states.
for (const numbers of Object.values(two.model.values)) for (const [at, x] of numbers.entries()) numbers[at] = 2 * x;
const words = languageModel(learnt, { cell: own, units: 5, embedding: 4, tokens: "word", seed: 4 });
const size = vocabularySize(two.tokenizer);
const flat = { tokenizer: two.tokenizer, model: sequential([embedding(size, 3), dense(4), dense(size)]) };
const all: Readonly<Record<string, LanguageModel>> = { two, words, flat };
const files = Object.keys(all).map((name) => join(folder, `${name}.safetensors`));

/** What a model makes of the text. */
async function read({ model, tokenizer }: LanguageModel, key: string) {
  const ids = encode(tokenizer, text);
  const states: number[] = [];
  const bits: number[] = [];
  for await (const { values, loss = 0 } of inspectModel(model, ids, { values: [key] })) {
    states.push(...(values[key] as Float32Array));
    bits.push(loss / Math.LN2);
  }
  const texts = Array.from(ids, (id) => decodeToken(tokenizer, id));
  return { texts, bits: Float32Array.from(bits), unknown: [], states: Float32Array.from(states) };
}
let ofTwo: Awaited<ReturnType<typeof read>>;
let ofWords: Awaited<ReturnType<typeof read>>;
beforeAll(async () => {
  for (const [k, lm] of Object.values(all).entries()) writeFileSync(files[k] as string, writeLanguageModel(lm));
  ofTwo = await read(two, "lstm.h");
  ofWords = await read(words, "recurrent.h");
});

function resultOf<Result>(work: Generator<number, Result>): Result {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}
const readout = (page: Page, place: number) => page.locator(".readout").nth(place);

test("two models of other tokens: totals, differences and largest ones are those computed here; maps go together; both write; the link keeps it", async () => {
  const comparison = compareSurprise(ofTwo, ofWords);
  if ("at" in comparison) throw new Error("the texts are the same");
  await withStudio({ models: files }, async (page, address) => {
    await page.goto(`${address}#/inspect/two?${query}`);
    await page.getByRole("radio", { name: "Compare two models" }).check();
    await select(page, "Compare “two” with").selectOption("words");
    const rows = page.locator("table tbody tr");
    const { characters, totals, tokens } = comparison;
    for (const [k, name] of ["two", "words"].entries()) {
      const [bits, count] = [totals[k] as number, tokens[k] as number];
      expect(await rows.nth(k).innerText()).toBe(
        [name, written(bits / characters, 3), Math.round(bits).toLocaleString("en"), count.toLocaleString("en")].join(
          "\t",
        ),
      );
    }
    const [best] = largestDifferences(comparison, -1, 5) as [number];
    await page.click(".largest section >> nth=0 >> button >> nth=0");
    const [bits, others] = comparison.bits.map((each) => written(each[best] as number, 2));
    await page.waitForSelector(
      `.readout >> text=“two” ${bits} bits, “words” ${others} bits, difference ${written(comparison.difference[best] as number, 2)}`,
    );

    // A place that is chosen in one map is that of the other.
    const [first, second] = [page.locator(".heat-map").nth(0), page.locator(".heat-map").nth(1)];
    await second.focus();
    for (const key of ["Home", "ArrowRight", "ArrowRight", "ArrowDown"]) await page.keyboard.press(key);
    const end = ofWords.texts.slice(0, 3).join("").length;
    await expect.poll(() => readout(page, 2).innerText()).toContain(`token 3 of ${ofWords.texts.length}`);
    await expect.poll(() => readout(page, 1).innerText()).toContain(`token ${end} of ${ofTwo.texts.length}`);
    // And so is what is seen: columns are 14 pixels of a character, or as wide as the longest word.
    const middle = Math.floor(ofWords.texts.length / 2);
    const width = Math.max(...ofWords.texts.map((token) => token.length)) * 8 + 6;
    await second.evaluate((map, left) => {
      map.scrollLeft = left;
    }, middle * width);
    const expected = ofWords.texts.slice(0, middle).join("").length * 14;
    await expect.poll(() => first.evaluate((map) => map.scrollLeft)).toBeCloseTo(expected, -1);
    await first.evaluate((map) => {
      map.scrollLeft = 0;
    });
    await expect.poll(() => second.evaluate((map) => map.scrollLeft)).toBe(0);

    await page.getByLabel("Prompt").fill("the cat");
    await page.getByLabel("Length, tokens").fill("12");
    await button(page, "Write with both").click();
    const texts: string[] = [];
    for (const lm of [two, words]) {
      let whole = "the cat";
      for await (const piece of generate(lm, { prompt: "the cat", length: 12, seed: 1, temperature: 0.8 }))
        whole += piece;
      texts.push(whole);
    }
    const boxes = page.locator(".compare-writing .coloured-text");
    for (const [k, one] of texts.entries()) await expect.poll(() => boxes.nth(k).textContent()).toBe(one);

    await page.waitForURL(/show=compare.*with=words.*unit2=\d.*prompt=the\+cat&seed=1/);
    const told = await readout(page, 2).innerText();
    await page.reload();
    for (const [k, one] of texts.entries()) await expect.poll(() => boxes.nth(k).textContent()).toBe(one);
    expect(await readout(page, 2).innerText()).toBe(told);
    await select(page, "Compare “two” with").selectOption("flat");
    await page.waitForSelector("h3 >> text=Values of “flat”");
  });
});

test("similar states: a span by keys, by mouse and by touch; matches are those computed here, and lead to their places", async () => {
  await withStudio({ models: files, width: 390, colorScheme: "dark" }, async (page, address) => {
    await page.goto(`${address}#/inspect/two?${query}&show=similar&at=10`);
    await page.focus(".coloured-text");
    for (let k = 0; k < 3; k++) await page.keyboard.press("Shift+ArrowRight");
    await page.waitForSelector("output >> text=/^Selected: .*, tokens 11 to 14\\.$/");
    const states = { data: ofTwo.states, size: 6, from: 10, to: 14, ends: false };
    const extent = Number(await page.locator("input[type=range]").getAttribute("max"));
    const threshold = proposedThreshold(states, Number((0.3 * extent).toPrecision(2)));
    expect(Number(await page.locator("input[type=range]").inputValue())).toBeCloseTo(threshold, 2);
    const units = unitsOn({ ...states, threshold });
    expect(units.length).toBeGreaterThan(1);
    const unitButtons = page.locator(".units button");
    expect(await unitButtons.allInnerTexts()).toEqual(units.map((unit) => `lstm.h[${unit}]`));
    const expectMatches = async (units: readonly number[]): Promise<void> => {
      const spans = resultOf(similarSpans({ ...states, threshold }, units));
      expect(spans.length).toBeGreaterThan(1);
      const lines = spans.map(({ match, units: on }) => `${written(match, 2)} · ${on.length} of ${units.length} units`);
      await expect.poll(() => page.locator(".matches .numbers").allInnerTexts()).toEqual(lines);
      const marks = spans.map(({ from, to }) => ofTwo.texts.slice(from, to).join("").replaceAll(" ", "␣"));
      const own = (await page.locator(".matches mark").allInnerTexts()).map((mark) => mark.replaceAll("⏎", "\n"));
      own.forEach((mark, k) => {
        const [begin = "", end = ""] = mark.split(" … ");
        expect(marks[k]?.startsWith(begin) && marks[k]?.endsWith(end)).toBe(true);
      });
      const levels = [...new Set([spans[0]?.match as number, spans.at(-1)?.match as number])];
      const told = resultOf(matchesByChance({ ...states, threshold }, units, levels)).map(
        ({ match, here, shifted }) =>
          `of at least ${written(match, 2)}: ${here} here, ${shifted[9]} by chance (${shifted[0]} to ${shifted[18]})`,
      );
      await page.waitForSelector(
        units.length > 1
          ? `.chance >> text=Matches ${told.join("; ")}. By chance`
          : "text=With a single unit there is no chance to compare with",
      );
      await page.locator(".matches button").nth(1).click();
      const at = spans[1]?.from as number;
      await page.waitForSelector(`.coloured-text [data-token="${at}"].at`);
    };
    await expectMatches(units);
    await unitButtons.nth(0).click();
    await expectMatches(units.slice(1));
    await page.waitForURL(/from=10&to=14&without=/);
    await page.reload();
    await page.waitForSelector("output >> text=/^Selected: .*, tokens 11 to 14\\.$/");
    await page.waitForSelector(".matches li");
    await expectNoSidewaysScrolling(page);

    // By touch the browser selects, with handles of its own; by the mouse that becomes the span alone.
    await page.evaluate(() => {
      const at = (token: number) => document.querySelector(`[data-token="${token}"]`)?.firstChild as Text;
      document.getSelection()?.setBaseAndExtent(at(3), 0, at(7), 1);
    });
    await page.waitForSelector("output >> text=/, tokens 4 to 8\\.$/");
    expect(await page.locator(".coloured-text .in").count()).toBe(5);
    await page.locator('[data-token="20"]').scrollIntoViewIfNeeded();
    const box = async (token: number) => await page.locator(`[data-token="${token}"]`).boundingBox();
    const [begin, end] = [await box(20), await box(22)];
    if (begin === null || end === null) throw new Error("in sight");
    await page.mouse.move(begin.x + 1, begin.y + begin.height / 2);
    await page.mouse.down();
    await page.mouse.move(end.x + end.width - 1, end.y + end.height / 2, { steps: 4 });
    await page.mouse.up();
    await page.waitForSelector("output >> text=/, tokens 21 to 23\\.$/");
    expect(await page.evaluate(() => document.getSelection()?.isCollapsed)).toBe(true);
    await page.tap('[data-token="24"]');
    await button(page, "The span ends here").tap();
    await page.waitForSelector("output >> text=/, tokens 21 to 25\\.$/");

    await page.goto(`${address}#/inspect/flat?${query}&show=similar`);
    await page.waitForSelector("[role=status] >> text=/^“flat” keeps no state of several units from token to token/");
    await page.goto(`${address}#/inspect/flat?${query}&show=map`);
    await page.waitForSelector("[role=status] >> text=/^“flat” keeps no state .* or look at its embedding\\.$/");
  });
});

test("the map of states: a finger that moves to a side draws a rectangle, and the page stays", async () => {
  await withStudio({ models: files, width: 390 }, async (page, address) => {
    await page.goto(`${address}#/inspect/two?${query}&show=map`);
    await page.waitForSelector(".scatter canvas");
    await page.locator(".scatter").evaluate((map) => map.scrollIntoView({ block: "center" }));
    const map = await page.locator(".scatter canvas").boundingBox();
    if (map === null) throw new Error("in sight");
    const touch = await page.context().newCDPSession(page);
    const drag = async (...places: readonly (readonly [number, number])[]): Promise<void> => {
      for (const [k, [x, y]] of places.entries()) {
        const touchPoints = [{ x: map.x + map.width * x, y: map.y + map.height * y }];
        await touch.send("Input.dispatchTouchEvent", { type: k === 0 ? "touchStart" : "touchMove", touchPoints });
      }
      await touch.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
    };
    const scrolled = () => page.evaluate(() => scrollY);
    const before = await scrolled();
    await drag([0.05, 0.1], [0.2, 0.1], [0.4, 0.3], [0.7, 0.9]);
    await page.waitForSelector(".selected table");
    expect(await page.locator(".coloured-text .in").count()).toBeGreaterThan(0);
    expect(await scrolled()).toBe(before);
  });
});

test("the map of states: shares of variance are those computed here; keys, a click and the text go to a place; the embedding has the tokens", async () => {
  const { variances, total, scores } = resultOf(principalComponents(ofTwo.states, 6, 4));
  const percent = (k: number) => `${((100 * (variances[k] as number)) / total).toFixed(1)} %`;
  await withStudio({ models: files }, async (page, address) => {
    await page.goto(`${address}#/inspect/two?${query}&show=map&at=5`);
    await page.waitForSelector(`text=Across: axis 1, ${percent(0)} of the variance. Up: axis 2, ${percent(1)}.`);
    const at = (place: number, across = 0, up = 1): string =>
      `Token ${place + 1} of ${ofTwo.texts.length}:` +
      `${` (${written(scores[4 * place + across] as number, 2)}, ${written(scores[4 * place + up] as number, 2)})`}`;
    const here = async () => {
      const [told = "", numbers = ""] = [
        await readout(page, 0).innerText(),
        await readout(page, 0).locator(".soft").innerText(),
      ];
      return `${told.slice(0, told.indexOf(":") + 1)} ${numbers}`;
    };
    await expect.poll(here).toBe(at(5));
    await page.focus(".scatter [role=application]");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Shift+ArrowRight");
    await expect.poll(here).toBe(at(16));
    await page.waitForSelector('.coloured-text [data-token="16"].at');
    await select(page, "Axes").selectOption("2 and 3");
    await page.waitForSelector(`text=Across: axis 2, ${percent(1)} of the variance. Up: axis 3, ${percent(2)}.`);
    await expect.poll(here).toBe(at(16, 1, 2));
    await page.click('.coloured-text [data-token="8"]');
    await page.mouse.move(0, 0);
    await expect.poll(here).toBe(at(8, 1, 2));
    // Where the first of two axes is largest there is a point at the picture's right margin, or none beyond it.
    const canvas = page.locator(".scatter canvas");
    const box = await canvas.boundingBox();
    if (box === null) throw new Error("in sight");
    const along = (axis: number) => ofTwo.texts.map((_, t) => scores[4 * t + axis] as number);
    const [xs, ys] = [along(1), along(2)];
    const range = (all: readonly number[]) => [Math.min(...all), Math.max(...all)] as [number, number];
    const [[left, right], [low, high]] = [range(xs), range(ys)];
    const scale = Math.min((box.width - 28) / (right - left), (box.height - 28) / (high - low));
    const far = xs.indexOf(right);
    await canvas.click({
      position: {
        x: box.width / 2 + ((right - left) / 2) * scale,
        y: box.height / 2 - ((ys[far] as number) - (low + high) / 2) * scale,
      },
    });
    await page.mouse.move(0, 0);
    await expect.poll(here).toBe(at(far, 1, 2));
    await page.waitForSelector(`.coloured-text [data-token="${far}"].at`);
    await page.waitForURL(new RegExp(`show=map&at=${far}&axes=23`));

    // A rectangle by the mouse: its points are marked in the text, and counted beside chance.
    const corner = (x: number, y: number) => [box.x + box.width * x, box.y + box.height * y] as const;
    await page.mouse.move(...corner(0.2, 0.05));
    await page.mouse.down();
    await page.mouse.move(...corner(0.4, 0.5), { steps: 3 });
    await page.mouse.move(...corner(0.6, 0.95), { steps: 3 });
    await page.mouse.up();
    await page.mouse.move(0, 0);
    const count = ofTwo.texts.length;
    /** What the address says is selected. */
    const selectedNow = async (): Promise<readonly number[]> => {
      const [a, b, c, d] = (new URL(page.url().replace("#", "")).searchParams.get("area") ?? "").split(",").map(Number);
      const isIn = (t: number): boolean =>
        (xs[t] as number) >= (a as number) &&
        (xs[t] as number) <= (b as number) &&
        (ys[t] as number) >= (c as number) &&
        (ys[t] as number) <= (d as number);
      return ofTwo.texts.flatMap((_, t) => (isIn(t) ? [t] : []));
    };
    const expectSelected = async (): Promise<void> => {
      const tokens = await selectedNow();
      expect(tokens.length).toBeGreaterThan(1);
      expect(tokens.length).toBeLessThan(count);
      const share = (n: number, of: number): string => `${((100 * n) / of).toFixed(1)} %`;
      await page.waitForSelector(
        `.selected [role=status] >> text=${tokens.length} of ${count} tokens of the text (${share(tokens.length, count)}).`,
      );
      const marks = await page
        .locator(".coloured-text .in")
        .evaluateAll((all) => all.map((one) => Number((one as HTMLElement).dataset.token)));
      expect(marks).toEqual(tokens);
      const [character = "", own = "", chance = ""] = await page
        .locator(".selected table >> nth=1 >> tbody tr >> nth=0 >> th, td")
        .allInnerTexts();
      const isIt = (t: number): boolean => ofTwo.texts[t]?.replace("\n", "⏎").replace(" ", "␣") === character;
      const [here, all] = [tokens.filter(isIt).length, ofTwo.texts.filter((_, t) => isIt(t)).length];
      expect(own).toBe(`${here} · ${share(here, tokens.length)}`);
      expect(chance).toBe(`${written((tokens.length * all) / count, 1)} · ${share(all, count)}`);
    };
    await page.waitForURL(/axes=23&area=/);
    await expectSelected();
    // What was chosen before stays chosen: a drag is no click.
    await expect.poll(here).toBe(at(far, 1, 2));
    await page.reload();
    await page.waitForSelector(".selected table");
    await expectSelected();
    await page.keyboard.press("Escape");
    await page.waitForSelector(".selected", { state: "detached" });
    expect(await page.locator(".coloured-text .in").count()).toBe(0);
    await page.waitForURL((url) => !url.href.includes("area="));
    // By keys from the chosen point to another one.
    await page.focus(".scatter [role=application]");
    await page.keyboard.press("Home");
    await page.keyboard.press(" ");
    await page.keyboard.press("Shift+ArrowRight");
    await page.keyboard.press(" ");
    await page.waitForURL(/&area=/);
    expect(await selectedNow()).toEqual(expect.arrayContaining([0, 10]));
    await expectSelected();
    // It is ended, so the next keys only choose.
    await page.keyboard.press("ArrowRight");
    await expect.poll(here).toBe(at(11, 1, 2));
    await expectSelected();
    await select(page, "Axes").selectOption("1 and 2");
    await page.waitForSelector(".selected", { state: "detached" });
    await select(page, "Axes").selectOption("2 and 3");

    await page.getByRole("radio", { name: "Embedding, a point a token of the vocabulary" }).check();
    const table = two.model.values["embedding.weight"] as Float32Array;
    const rows = resultOf(principalComponents(table, 5, 4));
    const share = ((100 * (rows.variances[1] as number)) / rows.total).toFixed(1);
    await page.waitForSelector(`text=/^Across: axis 2, ${share} % of the variance/`);
    await page.focus(".scatter [role=application]");
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowRight");
    const id = 1;
    const name = decodeToken(two.tokenizer, id).replace("\n", "⏎").replace(" ", "␣");
    const times = encode(two.tokenizer, text).filter((token) => token === id).length;
    await expect.poll(() => readout(page, 0).innerText()).toContain(`“${name}”, ${times} times in this text`);
    await page.waitForURL(/of=embedding/);
    await button(page, "A corner at this point").click();
    await page.keyboard.press("End");
    await page.focus(".scatter [role=application]");
    await page.keyboard.press("End");
    await button(page, "The other corner at this point").click();
    const names = await page.locator(".selected .names").innerText();
    expect(names).toContain(decodeToken(two.tokenizer, size - 1));
    expect(names).toContain(name);
  });
});
