/** The Sentences view of the studio: translations step by step with where they looked, labels and classes with what they hang on. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import { significant, written } from "../../src/studio/components/numbers.ts";
import { dates, partsOfSpeech, reviews } from "../../src/studio/views/sentences/examples.ts";
import { classifier, explainText, trainClassifier, writeClassifier } from "../../src/tasks/classify.ts";
import { explainTag, tagger, trainTagger, writeTagger } from "../../src/tasks/tag.ts";
import { trainTranslator, translate, translator, writeTranslator } from "../../src/tasks/translate.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { button, expectAccessible, expectNoSidewaysScrolling, setting, withStudio } from "./studio.ts";

const folder = temporaryFolder();
const [datesFile, wordsFile, reviewsFile] = ["dates", "words", "reviews"].map((name) =>
  join(folder, `${name}.safetensors`),
) as [string, string, string];
const host = { threads: 1, engine: "wasm" } as const;
const translating = translator(dates(400, 1), { units: 32, embedding: 8, seed: 1 });
const tagging = tagger(partsOfSpeech(300, 1), { input: "words", units: 8, embedding: 8, seed: 1 });
const classifying = classifier(reviews(300, 1), { units: 8, embedding: 8, minCount: 1, seed: 1 });
beforeAll(async () => {
  const quick = { ...host, batchSize: 16, learningRate: 0.01, seed: 1 } as const;
  await trainTranslator(translating, dates(400, 1), { ...quick, epochs: 6 });
  await trainTagger(tagging, partsOfSpeech(300, 1), { ...quick, epochs: 6 });
  await trainClassifier(classifying, reviews(300, 1), { ...quick, epochs: 4 });
  writeFileSync(datesFile, writeTranslator(translating));
  writeFileSync(wordsFile, writeTagger(tagging));
  writeFileSync(reviewsFile, writeClassifier(classifying));
});

const source = "7 March 1985";
const tableOf = async (page: Page): Promise<string[][]> => {
  await page.getByText("The numbers as a table").click();
  await page.waitForSelector("tbody td");
  return page
    .locator("tbody tr")
    .evaluateAll((rows) => rows.map((row) => [...row.querySelectorAll("td")].map((cell) => cell.textContent ?? "")));
};

test("a translator's file leads here; greedy and by beams it is the library's, with where it looked", async () => {
  const [wanted, greedy] = await Promise.all(
    [4, 1].map(async (beams) => (await translate(translating, [source], { ...host, beams, attention: true }))[0]),
  );
  await withStudio({}, async (page, address) => {
    await page.goto(`${address}#/models`);
    await page.getByLabel("Open a file …").setInputFiles(datesFile);
    await page.waitForURL(/#\/sentences\/dates$/);
    await page.waitForSelector("text=Write a sentence.");
    await setting(page, "The source", source);
    await page.waitForSelector(`.translation >> text="${wanted?.text}"`);
    await page.waitForURL(/\?text=7\+March\+1985$/);
    const shares = wanted?.attention?.shares as readonly (readonly number[])[];
    expect(await tableOf(page)).toEqual(shares.map((row) => row.map((share) => written(share))));

    // By the keyboard: the next token of the translation, and the first of the source.
    const map = page.getByLabel("Attention: tokens of the translation by tokens of the source. Arrow keys move.");
    await map.focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Home");
    await page.waitForSelector(`#looked >> text=“${wanted?.text[1]}” it took ${written(shares[1]?.[0] as number)}`);
    await page.waitForSelector(`#token >> text=Token 2 of ${shares.length}, “${wanted?.text[1]}”`);
    expect(await page.locator(".kept li").count()).toBeGreaterThan(1);
    // Token, map and gates are of one place.
    await page.waitForSelector(`.gates-readout >> text=at token 2 of ${shares.length}`);
    expect(await page.locator(".gates-row code").allTextContents()).toEqual([
      "query",
      "context",
      "read",
      "f",
      "i",
      "g",
      "o",
      "c",
      "h",
    ]);
    await page.getByLabel("The translation. The left and right arrow keys").press("End");
    await page.waitForSelector(`#token >> text=Token ${shares.length} of ${shares.length}`);

    await setting(page, "Beams", "21");
    await page.waitForSelector("text=There are 4 now.");
    await setting(page, "Beams", "1");
    await page.waitForSelector(`.translation >> text="${greedy?.text}"`);
    await page.waitForSelector(".kept", { state: "detached" });
    await page.waitForURL(/beams=1/);
    await setting(page, "The source", "7 März 1985");
    await page.waitForSelector("text=The model never saw “ä” “z”; it reads each as unknown.");
    await setting(page, "The source", "   ");
    await page.waitForSelector("text=Write a sentence.");
    expect(await page.locator(".translation").count()).toBe(0);
  });
});

test("a tagger: each word with its label, and what the label of a chosen one hangs on", async () => {
  const words = "the old man the boat".split(" ");
  const { tokens } = await explainTag(tagging, words, 2, host);
  await withStudio({ models: [wordsFile] }, async (page, address) => {
    await page.goto(`${address}#/sentences/words?text=the+old+man+the+boat`);
    await page.waitForSelector(".tagged li >> nth=4");
    expect(await page.locator(".tagged strong").allTextContents()).toEqual(tokens.map(({ label }) => label));
    await page.getByRole("button", { name: /^man / }).click();
    await page.waitForURL(/word=2$/);
    await page.waitForSelector(`h2 >> text=for “man” hangs on`);
    expect(await tableOf(page)).toEqual(tokens.map(({ saliency, norm }) => [significant(saliency), significant(norm)]));
    // Fewer words than the chosen one.
    await setting(page, "The sentence, its words between blanks", "the boat");
    await page.waitForSelector(`h2 >> text=for “boat” hangs on`);
    expect(await page.locator(".tagged li").count()).toBe(2);
    await setting(page, "The sentence, its words between blanks", "");
    await page.waitForSelector("text=Write a sentence.");
  });
});

test("a classifier of texts: its class, and what that hangs on; Listen leads here", async () => {
  const text = "the plot is lovely but the cast is not funny";
  const { label, tokens } = await explainText(classifying, text, host);
  await withStudio({ models: [reviewsFile] }, async (page, address) => {
    await page.goto(`${address}#/listen/reviews`);
    await page.waitForSelector("text=that reads text, and this view shows classifiers");
    await page.getByText("Read sentences with this one.").click();
    await page.waitForURL(/#\/sentences\/reviews$/);
    await setting(page, "The text", text);
    await page.waitForSelector(`h2 >> text=It is ${label}`);
    expect(await tableOf(page)).toEqual(tokens.map(({ saliency, norm }) => [significant(saliency), significant(norm)]));
    await page.getByText("How much", { exact: true }).click();
    await page.getByLabel(`What “${label}” hangs on.`).press("Home");
    await page.waitForSelector(`.readout >> text=“the” speaks`);
  });
});

test("files that are no models of sentences are one line each, and what was there stays", async () => {
  await withStudio({ models: [datesFile] }, async (page, address) => {
    await page.goto(`${address}#/sentences/dates?text=${encodeURIComponent(source)}`);
    await page.waitForSelector(".translation");
    const open = (name: string, text: string): Promise<void> =>
      page
        .getByLabel("Open a model …")
        .setInputFiles({ name, mimeType: "application/octet-stream", buffer: Buffer.from(text) });
    await open("broken.safetensors", "not a model at all");
    await page.waitForSelector("[role=alert] >> text=/^broken.safetensors: .*$/");
    await open("notes.txt", "7 March 1985");
    await page.waitForSelector("[role=alert] >> text=notes.txt is no model");
    expect(await page.locator(".translation").count()).toBe(1);
    await page.getByLabel("Open a model …").setInputFiles(wordsFile);
    await page.waitForURL(/#\/sentences\/words\?text=7\+March\+1985$/);
    await page.waitForSelector(".tagged li");
    expect(await page.locator("[role=alert]").count()).toBe(0);
    await page.goto(`${address}#/sentences/gone`);
    await page.waitForSelector("[role=alert] >> text=The model “gone” is no longer here.");
  });
});

test("without a model small ones are trained, which go on in other views, and are shown with their example", async () => {
  await withStudio({}, async (page, address) => {
    await page.goto(`${address}#/sentences`);
    await button(page, "A translator of dates").click();
    await page.waitForSelector("progress");
    await page.goto(`${address}#/models`);
    await page.waitForSelector(".gallery");
    await page.goto(`${address}#/sentences`);
    await button(page, "Stop early and keep it").click();
    await page.waitForURL(/#\/sentences\/dates\?text=7\+March\+1985$/);
    await page.waitForSelector(".translation");
    await page.goto(`${address}#/sentences`);
    await button(page, "A tagger of parts of speech").click();
    await page.waitForURL(/#\/sentences\/parts-of-speech\?text=the\+old\+man/);
    await page.waitForSelector(".tagged li >> nth=4");
    expect(await page.locator(".tagged strong").allTextContents()).toEqual(["DET", "NOUN", "VERB", "DET", "NOUN"]);
    await page.goto(`${address}#/sentences`);
    await button(page, "A classifier of reviews").click();
    await page.waitForSelector("h2 >> text=It is bad");
  });
});

test.each([
  [1280, "light"],
  [390, "dark"],
] as const)(
  "at %i pixels, %s: each task breaks no rule of axe-core and does not scroll sideways",
  async (width, colorScheme) => {
    await withStudio({ models: [datesFile, wordsFile, reviewsFile], width, colorScheme }, async (page, address) => {
      const other = colorScheme === "light" ? "dark" : "light";
      for (const [place, ready] of [
        [`dates?text=${encodeURIComponent(source)}`, ".gates-row canvas"],
        ["words?text=the+old+man+the+boat&word=2", ".tagged li"],
        ["reviews?text=the+plot+is+lovely+but+the+cast+is+not+funny", ".coloured-text [data-token]"],
        ["", "#train"],
      ] as const) {
        await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        await page.goto(`${address}#/sentences/${place}`);
        await page.waitForSelector(ready);
        const shoot = async (scheme: string): Promise<void> => {
          const file = `sentences-${place.split("?")[0] || "start"}-${width}-${scheme}.png`;
          if (process.env.SHOTS !== undefined)
            await page.screenshot({ path: join(process.env.SHOTS, file), fullPage: true });
        };
        await shoot(colorScheme);
        if (place !== "") await tableOf(page);
        await expectAccessible(page);
        await expectNoSidewaysScrolling(page);
        await page.emulateMedia({ colorScheme: other });
        await expectAccessible(page, ["color-contrast", "link-in-text-block"]);
        await shoot(other);
      }
    });
  },
);
