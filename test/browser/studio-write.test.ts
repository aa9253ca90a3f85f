/** The studio's Write view. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import { type GeneratedToken, generateTokens } from "../../src/tasks/generate.ts";
import { readLanguageModel } from "../../src/tasks/language-model.ts";
import { encode } from "../../src/text/tokenizer.ts";
import { json, sampleText, tiny } from "../cli/run.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { withStudio } from "./studio.ts";

const folder = temporaryFolder();
const model = join(folder, "m.safetensors");

beforeAll(async () => {
  writeFileSync(join(folder, "text.txt"), sampleText(80));
  await json(folder, "train", "text.txt", "--out", "m.safetensors", "--epochs", "4", ...tiny);
});

/** What the command writes, in one piece. */
async function written(length: number, ...options: string[]): Promise<string> {
  const [line] = await json(folder, "generate", "m.safetensors", "--length", String(length), ...options);
  return (line as { text: string }).text;
}
const text = (page: Page) => page.textContent(".coloured-text");
const wrote = (page: Page, tokens: string) => page.waitForSelector(`[role=status] >> text="${tokens} tokens"`);

test("with a seed it writes what unrolled generate does; go on writes more of it; a link and the back button repeat it", async () => {
  const options = ["--prompt", "the c", "--seed", "7", "--temperature", "0.9", "--top-k", "6", "--min-p", "0.02"];
  const [first, longer] = [await written(80, ...options), await written(160, ...options)];
  expect(longer.startsWith(first)).toBe(true);
  await withStudio({ models: [model] }, async (page, address) => {
    await page.goto(`${address}#/write`);
    await page.getByRole("textbox", { name: "Prompt" }).fill("the c");
    await page.getByRole("slider", { name: "Temperature" }).fill("0.9");
    await page.getByRole("slider", { name: "Min-p" }).fill("0.02");
    await page.getByRole("spinbutton", { name: "Top-k" }).fill("6");
    await page.getByRole("spinbutton", { name: "Length" }).fill("80");
    await page.getByRole("spinbutton", { name: "Seed" }).fill("7");
    await page.getByRole("button", { name: "Write", exact: true }).click();
    await wrote(page, "80");
    expect(await text(page)).toBe(`the c${first}`);
    await page.getByRole("button", { name: "Go on" }).click();
    await wrote(page, "160");
    expect(await text(page)).toBe(`the c${longer}`);
    const link = page.url();
    await page.getByRole("button", { name: "Another one" }).click();
    await page.waitForFunction((link) => location.href !== link, link);
    await wrote(page, "80");
    await page.goBack();
    await page.waitForURL(link);
    await wrote(page, "160");
    expect(await text(page)).toBe(`the c${longer}`);
    await page.reload();
    await wrote(page, "160");
    expect(await text(page)).toBe(`the c${longer}`);
    expect(await page.getByRole("spinbutton", { name: "Top-k" }).inputValue()).toBe("6");
  });
});

test("another token is taken: the text before stays, and what follows is written from there", async () => {
  const lm = readLanguageModel(readFileSync(model), model);
  const tokens: GeneratedToken[] = [];
  const settings = { temperature: 0.8, seed: 3 };
  for await (const token of generateTokens(lm, { ...settings, prompt: "a dog", length: 40, logProbabilities: 10 })) {
    tokens.push(token);
  }
  const place = 12;
  const there = tokens[place];
  const other = there?.alternatives.find(({ token }) => token !== there.token);
  const before = tokens.slice(0, place);
  const ids = [...encode(lm.tokenizer, "a dog"), ...before.map(({ token }) => token), other?.token as number];
  let wanted = `a dog${before.map(({ text }) => text).join("")}${other?.text}`;
  for await (const { text } of generateTokens(lm, { ...settings, prompt: ids, length: 40 - place - 1 })) wanted += text;

  await withStudio({ models: [model] }, async (page, address) => {
    await page.goto(`${address}#/write/m?prompt=a+dog&length=40&temperature=0.8&seed=3`);
    await wrote(page, "40");
    expect(await text(page)).toBe(`a dog${tokens.map(({ text }) => text).join("")}`);
    await page.focus(".coloured-text");
    for (let k = 0; k <= place; k++) await page.keyboard.press("ArrowRight");
    const percent = (100 * Math.exp(there?.logProbability as number)).toFixed(1);
    await page.waitForSelector(`[role=status] >> text=/token 13: ${percent} %/`);
    const bars = await page.locator(".token-bars code").allTextContents();
    expect(bars.map((bar) => bar.replace("␣", " ").replace("⏎", "\n")).slice(0, 10)).toEqual(
      there?.alternatives.map(({ text }) => text),
    );
    await page.locator(".token-bars button").first().click();
    await page.waitForURL(new RegExp(`take=${place}%3A${other?.token}$`));
    await page.waitForFunction((wanted) => document.querySelector(".coloured-text")?.textContent === wanted, wanted);
    await page.reload();
    await wrote(page, "40");
    expect(await text(page)).toBe(wanted);
    await page.goBack();
    await page.waitForFunction(
      (whole) => document.querySelector(".coloured-text")?.textContent === whole,
      `a dog${tokens.map(({ text }) => text).join("")}`,
    );
  });
});

test("stop leaves what is written, and the link then writes just that; unknown characters of the prompt are said", async () => {
  // From here all could be written before the click: the page itself clicks, once, as soon as there is a token.
  const stopAtOnce = () => {
    const timer = setInterval(() => {
      if (sessionStorage.getItem("stopped") !== null) return clearInterval(timer);
      const stop = [...document.querySelectorAll("button")].find((one) => one.textContent === "Stop");
      if (document.querySelector(".coloured-text [data-token]") === null || stop === undefined || stop.disabled) return;
      sessionStorage.setItem("stopped", "once");
      stop.click();
    }, 5);
  };
  await withStudio({ models: [model], prepare: (page) => page.addInitScript(stopAtOnce) }, async (page, address) => {
    await page.goto(`${address}#/write/m?prompt=the+%E2%98%83&length=20000&seed=1`);
    await page.waitForSelector("text=/The model never saw “☃”/");
    await page.waitForFunction(() => !location.hash.includes("length=20000"));
    const count = Number(new URLSearchParams(page.url().split("?")[1]).get("length"));
    expect(count).toBeGreaterThan(0);
    expect(count).toBeLessThan(20_000);
    const stopped = (await text(page)) as string;
    expect(stopped).toHaveLength("the ☃".length + count);
    await page.reload();
    await wrote(page, count.toLocaleString("en"));
    expect(await text(page)).toBe(stopped);
  });
});

test("a link beyond the bounds of the fields says which of its numbers are wrong, and writes nothing", async () => {
  await withStudio({ models: [model] }, async (page, address) => {
    const cases = [
      ["length=1e12", "Length, tokens: a whole number from 0 to 20,000, not “1e12”."],
      ["length=2.5", "Length, tokens: a whole number from 0 to 20,000, not “2.5”."],
      ["top-p=0", "Top-p: a number from 0.05 to 1, not “0”."],
      ["min-p=2", "Min-p: a number from 0 to 0.5, not “2”."],
      ["top-k=0", "Top-k: a whole number from 1 on, not “0”."],
      ["repetition-penalty=-1", "Repetition penalty: a number from 1 to 2, not “-1”."],
      ["temperature=warm", "Temperature: a number from 0 to 2, not “warm”."],
      ["seed=-1", "Seed: a whole number from 0 to 4,294,967,295, not “-1”."],
    ] as const;
    for (const [wrong, says] of cases) {
      await page.goto(`${address}#/write/m?prompt=the&${wrong.startsWith("seed") ? wrong : `seed=1&${wrong}`}`);
      await page.waitForSelector(`[role=alert] >> text="The link cannot be opened. ${says}"`);
      expect(await page.locator(".coloured-text").count(), wrong).toBe(0);
      expect(await page.getByRole("textbox", { name: "Prompt" }).inputValue(), wrong).toBe("the");
    }
    await page.getByRole("button", { name: "Write", exact: true }).click();
    await wrote(page, "500");
    expect(await page.locator("[role=alert]").count()).toBe(0);
    await page.goto(`${address}#/write/m?prompt=the&seed=1&length=20000`);
    await page.waitForSelector("text=20,000 tokens, the largest length");
    expect(await page.getByRole("button", { name: "Go on" }).isDisabled()).toBe(true);
  });
});

test("characters that cannot be seen by themselves are named by their numbers", async () => {
  await withStudio({ models: [model] }, async (page, address) => {
    await page.goto(`${address}#/write/m`);
    await page.getByRole("textbox", { name: "Prompt" }).fill("the\t\u200d\u202e☃");
    await page.waitForSelector('text="The model never saw U+0009 U+200D U+202E “☃”; it reads each as unknown."');
  });
});
