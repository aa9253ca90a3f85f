/** The studio's Inspect view, and how models are opened. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { bidirectional, dense, embedding, lstm } from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";
import { saliency } from "../../src/nn/saliency.ts";
import { correlate, type Follower, followingOf, prepare, type Shifted } from "../../src/tasks/following.ts";
import { verdictWords } from "../../src/tasks/following-words.ts";
import { readLanguageModel, writeLanguageModel } from "../../src/tasks/language-model.ts";
import { signalOf } from "../../src/tasks/patterns.ts";
import { probe } from "../../src/tasks/probe.ts";
import { encode, vocabularySize } from "../../src/text/tokenizer.ts";
import { json, sampleText, tiny } from "../cli/run.ts";
import { pearson } from "../helpers/statistics.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { expectAccessible, select, withStudio } from "./studio.ts";

const folder = temporaryFolder();
const model = join(folder, "m.safetensors");
const text = "the cat sat here.\na dog ran there. my cat ran.";
type Line = {
  readonly token: string;
  readonly values: Readonly<Record<string, readonly number[]>>;
  readonly loss: number | null;
  readonly next: readonly { readonly token: string; readonly probability: number }[];
};
let lines: readonly Line[] = [];

beforeAll(async () => {
  writeFileSync(join(folder, "text.txt"), sampleText(80));
  await json(folder, "train", "text.txt", "--out", "m.safetensors", "--epochs", "4", "--layers", "2", ...tiny);
  lines = (await json(folder, "inspect", "m.safetensors", "--text", text)) as never;
});

const query = new URLSearchParams({ text }).toString();
/** All of the text is read. */
const ready = (page: Page) => page.waitForSelector("button:has-text('Find units'):not([disabled])");
const sixDigits = (value: number | null | undefined): string => String(Number((value ?? Number.NaN).toPrecision(6)));
const number = (page: Page) => page.textContent(".readout b");

test("what a cell, a strip and a bar show are the numbers of unrolled inspect --json; a link keeps the place", async () => {
  await withStudio({ models: [model] }, async (page, address) => {
    await page.goto(`${address}#/inspect/m?${query}`);
    await ready(page);
    expect(await page.textContent(".coloured-text")).toBe(lines.map(({ token }) => token).join(""));

    await select(page, "Value").selectOption("lstm_1.f");
    await page.getByRole("spinbutton", { name: "Unit" }).fill("2");
    await page.getByRole("spinbutton", { name: "Unit" }).press("Enter");
    await page.waitForSelector(".readout >> text=/^lstm_1\\.f\\[2\\] at token 1 of 46, “t”: /");
    expect(await number(page)).toBe(sixDigits(lines[0]?.values["lstm_1.f"]?.[2]));
    await page.focus(".heat-map");
    for (const key of ["ArrowRight", "ArrowRight", "ArrowRight", "ArrowDown"]) await page.keyboard.press(key);
    await page.waitForSelector(".readout >> text=/^lstm_1\\.f\\[3\\] at token 4 of 46, “␣”: /");
    expect(await number(page)).toBe(sixDigits(lines[3]?.values["lstm_1.f"]?.[3]));
    // Columns are 14 pixels wide, rows 28 high where there are six; labels and one strip are left and on top.
    await page.click(".heat-map canvas", { position: { x: 58 + 5 * 14 + 7, y: 50 + 28 + 14 } });
    await page.waitForSelector(".readout >> text=/^lstm_1\\.f\\[1\\] at token 6 of 46, “a”: /");
    expect(await number(page)).toBe(sixDigits(lines[5]?.values["lstm_1.f"]?.[1]));

    await page.click(".coloured-text [data-token='8']");
    await select(page, "Value").selectOption("surprise");
    await page.waitForSelector(".readout >> text=/^surprise at token 9 of 46/");
    expect(Number(await number(page))).toBeCloseTo((lines[8]?.loss as number) / Math.LN2, 4);
    const bars = await page.locator(".token-bars li").allTextContents();
    lines[8]?.next.forEach(({ token, probability }, k) => {
      const percent = probability < 0.001 ? "< 0.1 %" : `${(100 * probability).toFixed(1)} %`;
      expect(bars[k]).toBe(`${token.replace(" ", "␣").replace("\n", "⏎")}${percent}`);
    });

    await page.waitForURL(/value=surprise&unit=0&at=8/);
    await page.reload();
    await ready(page);
    await page.waitForSelector(".readout >> text=/^surprise at token 9 of 46/");
    await select(page, "Text").selectOption("0-1500");
    await page.waitForFunction(() => document.querySelector(".coloured-text")?.textContent?.startsWith("CHAPTER 1."));
    // The page's text has capitals, and the model was given none.
    await page.waitForSelector("text=/The model never saw “C” “H”/");
    await page.goBack();
    await page.waitForFunction(() => document.querySelector(".coloured-text")?.textContent?.startsWith("the cat"));
    await page.waitForSelector(".readout >> text=/^surprise at token 9 of 46/");
  });
});

test("the cell at a token: its picture has the numbers of unrolled inspect --json, by keys from token to token and in each layer", async () => {
  await withStudio({ models: [model] }, async (page, address) => {
    await page.goto(`${address}#/inspect/m?${query}&value=lstm_1.f&unit=2&at=4`);
    await ready(page);
    await page.focus(".cell-at-token summary");
    await page.keyboard.press("Enter");
    const told = page.locator(".cell-at-token .token-read");
    const picture = page.locator(".cell-at-token svg.cell-diagram");
    const shows = async (layer: string, place: number, token: string) => {
      await expect.poll(() => told.textContent()).toBe(`Unit 2 of ${layer} reads “${token}”, token ${place + 1}`);
      const of = (name: string, at = place): string => {
        const value = lines[at]?.values[`${layer}.${name}`]?.[2] ?? Number.NaN;
        return value
          .toFixed(3)
          .replace(/^-(?=0\.000$)/, "")
          .replace("-", "−");
      };
      const figures = await picture.locator(".figure-of").allTextContents();
      for (const name of ["f", "i", "g", "o"]) expect(figures, name).toContain(of(name));
      for (const name of ["c", "h"]) {
        expect(figures).toContain(`${name} ${of(name, place - 1)}`);
        expect(figures).toContain(`${name}′ ${of(name)}`);
      }
    };
    await shows("lstm_1", 4, "c");
    await page.focus(".coloured-text");
    await page.keyboard.press("ArrowRight");
    await shows("lstm_1", 5, "a");
    await page.click(".coloured-text [data-token='8']");
    await select(page, "Layer").selectOption("lstm");
    await shows("lstm", 8, "s");
    await expectAccessible(page);
    await page.waitForURL(/value=lstm\.f&unit=2&at=8&cell=1/);
  });
});

describe("units that follow a pattern", () => {
  const long = sampleText(60);
  const longQuery = new URLSearchParams({ text: long }).toString();
  const find = async (page: Page, expression: string) => {
    await select(page, "Pattern").selectOption("expression");
    await page.getByRole("textbox", { name: "Expression" }).fill(expression);
    await page.click("text=Find units");
  };
  const shown = (x: number) => x.toFixed(3).replace("-", "−");

  test("are ranked by the correlation computed here for the first half, with that of the second, shifted ones, a probe and a loss beside", async () => {
    const read = (await json(folder, "inspect", "m.safetensors", "--text", long)) as unknown as readonly Line[];
    const pattern = { kind: "expression", source: "cat|dog" } as const;
    const signal = signalOf([...long], pattern);
    const half = Math.floor(signal.length / 2);
    const names = Object.entries(read[0]?.values ?? {}).map(([key, { length: size }]) => ({ key, size }));
    const units = names.map(({ key, size }) => ({
      data: Float32Array.from(read.flatMap(({ values }) => values[key] ?? [])),
      size,
    }));
    const prepared = prepare(signal);
    const following = followingOf(
      units.map(({ data, size }) => correlate(data, size, prepared)),
      prepared,
    );
    const nameOf = ({ value, unit }: Follower) => `${names[value]?.key}[${unit}]`;
    const [best] = following.best as readonly [Follower];
    const numbers = read.map(({ values }) => values[names[best.value]?.key ?? ""]?.[best.unit] as number);
    expect(best.first).toBeCloseTo(pearson(numbers.slice(0, half), [...signal].slice(0, half)), 4);
    expect(best.second).toBeCloseTo(pearson(numbers.slice(half), [...signal].slice(half)), 4);
    const probed = probe(
      units.filter((_, k) => /\.[ch]$/.test(names[k]?.key ?? "")),
      signal,
      prepared,
    );

    await withStudio({ models: [model] }, async (page, address) => {
      await page.goto(`${address}#/inspect/m?${longQuery}`);
      await ready(page);
      await find(page, pattern.source);
      await page.waitForSelector(".evidence >> text=/^Bits a token lost/");
      expect(await page.textContent(".verdict")).toContain(verdictWords(following, nameOf(best)));
      const matches = await page.locator(".matches button").allTextContents();
      following.best.slice(0, 3).forEach((match, k) => {
        expect(matches[k]).toBe(nameOf(match) + shown(match.first) + shown(match.second));
      });
      const rows = await page.locator(".evidence tbody tr").allInnerTexts();
      const { first, second } = following;
      const shifted = ({ usual, most }: Shifted) =>
        `shifted, 19 of 20: below ${shown(usual)}, all: ${shown(most)} at most`;
      expect(rows[0]).toContain(`${shown(best.first)}\t${shifted(first)}`);
      expect(rows[1]).toContain(`${shown(best.second)}\t${shifted(second)}`);
      if (probed.kind !== "classes") throw new Error("of ones and zeros");
      expect(rows[2]).toMatch(/^All 24 units together/);
      expect(rows[2]).toContain(`${(100 * probed.accuracy).toFixed(1)} %\talways the more frequent`);
      expect(rows[3]).toContain(`${(100 * probed.balanced).toFixed(1)} %\tguessed: 50 %`);
      expect(rows[4]).toMatch(
        /^Bits a token lost with .* at 0, in the second half, where the pattern is on\t[+−]\d\.\d{4}\tother units/,
      );

      await page.click(".matches button >> nth=0");
      await page.waitForFunction(
        (name) => document.querySelector(".readout")?.textContent?.startsWith(name),
        nameOf(best),
      );
      expect(await select(page, "Colours show").locator("option:checked").textContent()).toBe(nameOf(best));
      await page.waitForSelector(".matches");

      await find(page, "(");
      await page.waitForSelector("[role=alert] >> text=/Invalid regular expression/");
      await find(page, "zebra");
      await page.waitForSelector("[role=alert] >> text=/does not occur in this text/");
    });
  });

  test("a text in which the pattern is too rare gets no unit and no number, but the words that say so", async () => {
    await withStudio({ models: [model] }, async (page, address) => {
      await page.goto(`${address}#/inspect/m?${query}`);
      await ready(page);
      await find(page, "cat");
      await page.waitForSelector(".verdict >> text=/^Too few to say: the pattern begins once in the first half/");
      expect(await page.locator(".matches, .evidence").count()).toBe(0);
    });
  });
});

test("earlier tokens are coloured by their gradient: the strongest is saliency's", async () => {
  const lm = readLanguageModel(readFileSync(model), model);
  const at = 20;
  const { norms } = await saliency(lm.model, encode(lm.tokenizer, text).slice(0, at + 1));
  const strongest = norms.indexOf(norms.reduce((a, b) => Math.max(a, b)));
  await withStudio({ models: [model] }, async (page, address) => {
    await page.goto(`${address}#/inspect/m?${query}&at=${at}&by=norms`);
    await ready(page);
    await page.waitForFunction(
      (strongest) => {
        const of = (token: number) =>
          document.querySelector<HTMLElement>(`.coloured-text [data-token="${token}"]`)?.style.background ?? "";
        // As the style has it, for nearly the strongest: 127 of 128 parts.
        return of(strongest) === "rgb(194, 66, 14)" && of(20) === "" && of(21) === "";
      },
      strongest,
      { timeout: 20_000 },
    );
  });
});

test.each([10_000, 100_000])(
  "%d characters: all are there as text; in each frame only the cells and tokens in sight are drawn",
  async (characters) => {
    await withStudio({ models: [model] }, async (page, address) => {
      await page.goto(`${address}#/inspect/m?book=0-${characters}`);
      await ready(page);
      const seen = await page.evaluate(async () => {
        const [map, box] = [".heat-map", ".coloured-text"].map(
          (name) => document.querySelector(name) as HTMLElement,
        ) as [HTMLElement, HTMLElement];
        const canvas = map.querySelector("canvas") as HTMLCanvasElement;
        const frames: { cells: number; spans: number }[] = [];
        for (let k = 0; k <= 60; k++) {
          map.scrollLeft = (k / 60) * map.scrollWidth;
          box.scrollTop = (k / 60) * box.scrollHeight;
          await new Promise(requestAnimationFrame);
          await new Promise(requestAnimationFrame);
          frames.push({ cells: Number(canvas.dataset.cells), spans: box.querySelectorAll("[data-token]").length });
        }
        return { frames, characters: box.textContent?.length, last: frames.length };
      });
      expect(seen.characters).toBe(characters);
      for (const { cells, spans } of seen.frames) {
        // Six units and a strip of surprise; 1,280 pixels have at most 92 columns of 14.
        expect(cells).toBeGreaterThan(0);
        expect(cells).toBeLessThanOrEqual(7 * 92);
        expect(spans).toBeLessThan(5000);
      }
    });
  },
);

test("a link to more of the book than is read: what is left out is said", async () => {
  await withStudio({ models: [model] }, async (page, address) => {
    await page.goto(`${address}#/inspect/m?book=1000-400000`);
    await page.waitForSelector("[role=status] >> text=/^Only the first 100,000 characters of this text are read/");
    await page.goto(`${address}#/inspect/m?book=0-1500`);
    await page.waitForFunction(() => document.querySelector(".coloured-text")?.textContent?.length === 1500);
    expect(await page.locator("text=Only the first").count()).toBe(0);
  });
});

test("a long text of one's own stays in its tab: elsewhere its link says so and reads no other text; going back reads the one before", async () => {
  await withStudio({ models: [model] }, async (page, address) => {
    const [one, two] = ["the cat sat here.\n".repeat(70), "a dog ran there.\n".repeat(70)];
    const reads = (text: string) =>
      page.waitForFunction((text) => document.querySelector(".coloured-text")?.textContent === text, text);
    await page.goto(`${address}#/inspect/m?text=the`);
    const field = page.getByRole("textbox", { name: "Your text" });
    await field.fill(one);
    await page.click("text=Read it");
    await reads(one);
    const link = page.url();
    await field.fill(two);
    await page.click("text=Read it");
    await reads(two);
    await page.goto(link);
    await reads(one);
    await page.reload();
    await reads(one);

    const [other] = await Promise.all([
      page.waitForEvent("popup"),
      page.evaluate((at) => void window.open(at, "", "noopener"), address),
    ]);
    for (const href of [link, `${address}#/inspect/m?kept=123`]) {
      await other.goto(href);
      await other.waitForSelector("[role=alert] >> text=/^This text is stored in another tab and is not in the link/");
      expect(await select(other, "Text").inputValue()).toBe("own");
      expect(await other.getByRole("textbox", { name: "Your text" }).inputValue()).toBe("");
      expect(await other.locator(".coloured-text, .error").count()).toBe(0);
    }
    await other.goto(`${address}#/inspect/m?text=`);
    await other.waitForSelector(".coloured-text");
    expect(await select(other, "Text").inputValue()).toBe("0-1500");
    expect(await other.locator("text=stored in another tab").count()).toBe(0);
  });
});

test("what is typed as soon as a field is there stays, whatever is loaded after that", async () => {
  const prepare = (page: Page) =>
    page.addInitScript(() => {
      const seen = new Set<Element>();
      new MutationObserver(() => {
        for (const field of document.querySelectorAll("main textarea")) {
          if (seen.has(field)) continue;
          seen.add(field);
          (field as HTMLTextAreaElement).value = "typed";
          field.dispatchEvent(new InputEvent("input", { bubbles: true }));
        }
      }).observe(document, { childList: true, subtree: true });
    });
  await withStudio({ models: [model], prepare }, async (page, address) => {
    await page.goto(`${address}#/inspect/m?text=the`);
    await ready(page);
    const field = page.getByRole("textbox");
    expect(await field.inputValue()).toBe("typed");
    await page.click("text=Read it");
    await page.waitForFunction(() => document.querySelector(".coloured-text")?.textContent === "typed");
    await page.goBack();
    await page.waitForFunction(() => document.querySelector(".coloured-text")?.textContent === "the");
    await expect.poll(() => field.inputValue()).toBe("the");
    await page.goto(`${address}#/write/m?prompt=the&seed=1&length=5`);
    await page.waitForSelector("[role=status] >> text='5 tokens'");
    expect(await field.inputValue()).toBe("typed");
  });
});

test("a model that is gone, a file that is none, one that is opened and stays", async () => {
  await withStudio({ models: [model] }, async (page, address) => {
    await page.goto(`${address}#/inspect/nothing`);
    await page.waitForSelector("[role=alert] >> text=/The model “nothing” is no longer here/");
    const wrong = { name: "notes.safetensors", mimeType: "", buffer: Buffer.from("these are notes, and no model") };
    await page.setInputFiles("input[type=file]", wrong);
    await page.waitForSelector("[role=alert] >> text=/^notes\\.safetensors: /");
    await select(page, "Model").selectOption("m");
    await ready(page);
    await page.setInputFiles("input[type=file]", {
      name: "Another one.safetensors",
      mimeType: "",
      buffer: readFileSync(model),
    });
    await page.waitForURL(/#\/inspect\/another-one/);
    await ready(page);
    await page.reload();
    await ready(page);
    expect(await select(page, "Model").locator("option").allTextContents()).toEqual(["m", "Another one"]);
    expect(await select(page, "Model").inputValue()).toBe("another-one");

    const bytes = [...readFileSync(model)];
    await page.evaluate((bytes) => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([Uint8Array.from(bytes)], "dropped.safetensors"));
      document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
    }, bytes);
    await page.waitForURL(/#\/inspect\/dropped/);
    await ready(page);
  });
});

test("a model that reads from the last step on is refused in the engine's words, and another one can be chosen", async () => {
  const { tokenizer } = readLanguageModel(readFileSync(model), model);
  const size = vocabularySize(tokenizer);
  const both = sequential([embedding(size, 3), bidirectional(lstm(3, { returnSequences: true })), dense(size)]);
  const file = join(folder, "both.safetensors");
  writeFileSync(file, writeLanguageModel({ model: both, tokenizer }));
  await withStudio({ models: [file, model] }, async (page, address) => {
    await page.goto(`${address}#/inspect/both?${query}`);
    await page.waitForSelector(
      "[role=alert] >> text=/^inspect: runs one step at a time, but bidirectional starts at the last step/",
    );
    await page.goto(`${address}#/write/both?prompt=the&seed=1`);
    await page.waitForSelector(
      "[role=alert] >> text=/^generate: runs one step at a time, but bidirectional starts at the last step/",
    );
    await select(page, "Model").selectOption("m");
    await page.waitForSelector("[role=status] >> text='500 tokens'");
  });
});

test("without a model: a small one is trained now, stopped early, and kept", async () => {
  await withStudio({}, async (page, address) => {
    await page.route("**/data/moby-dick.txt", (route) => route.fulfill({ body: sampleText(4000) }));
    await page.goto(`${address}#/inspect`);
    await page.click("text=Train a small one now");
    await page.click("button:has-text('Stop early and keep it'):not([disabled])");
    await page.waitForURL(/#\/inspect\/moby-dick-a-small-lstm/);
    await ready(page);
    expect(await select(page, "Model").locator("option:checked").textContent()).toBe("Moby-Dick, a small LSTM");
  });
});

test("a link to a passage that the book does not have says so, and shows no other", async () => {
  await withStudio({ models: [model] }, async (page, address) => {
    for (const wrong of ["99999999-999999999", "5-1", "7-7", "some-where"]) {
      await page.goto(`${address}#/inspect/m?book=${wrong}`);
      await page.waitForSelector(
        `[role=alert] >> text=/^Moby-Dick has characters 0 to 1,.*says book=0-1500, not book=${wrong}\\. Choose a passage above\\./`,
      );
      expect(await page.locator(".coloured-text").count(), wrong).toBe(0);
      expect(await page.locator("text=/^Only the first/").count(), wrong).toBe(0);
    }
    // From there to the end is less than what is read.
    await page.goto(`${address}#/inspect/m?book=1190000-999999999`);
    await ready(page);
    expect(await page.locator("text=/^Only the first/").count()).toBe(0);
  });
});

test("a pattern that never occurs is said not to; of a long text is said which tokens were read without a unit", async () => {
  await withStudio({ models: [model] }, async (page, address) => {
    await page.goto(`${address}#/inspect/m?${query}&find=${encodeURIComponent("/zzzzqqq")}`);
    await page.waitForSelector(
      '[role=alert] >> text="The pattern does not occur in this text. Choose another text, or another pattern."',
    );
    await page.goto(`${address}#/inspect/m?book=0-42000&find=${encodeURIComponent("/ ")}`);
    await page.waitForSelector("text=/at 0, in the first 20,000 tokens of the second half, where the pattern is on$/");
    await page.goto(`${address}#/inspect/m?book=0-3000&find=${encodeURIComponent("/ ")}`);
    await page.waitForSelector("text=/at 0, in the second half, where the pattern is on$/");
  });
}, 60_000);
