/** Figures are saved as SVG and PNG, which show without the page what the page shows. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Locator, Page } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import { languageModel, writeLanguageModel } from "../../src/tasks/language-model.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { button, withStudio } from "./studio.ts";

const folder = temporaryFolder();
const file = join(folder, "m.safetensors");
const text = "the sea and the ship ".repeat(20);
beforeAll(() => writeFileSync(file, writeLanguageModel(languageModel(text, { units: 8 }))));

async function saved(page: Page, kind: "SVG" | "PNG", name: string) {
  const download = page.waitForEvent("download");
  await button(page, `Save as ${kind}: ${name}`).press("Enter");
  const got = await download;
  const path = join(folder, got.suggestedFilename());
  await got.saveAs(path);
  return { name: got.suggestedFilename(), bytes: readFileSync(path) };
}

/** How an SVG of its own is: what it is of, and what it would ask for. */
const readSvg = (page: Page, svg: string) =>
  page.evaluate((svg) => {
    const { documentElement: root } = new DOMParser().parseFromString(svg, "image/svg+xml");
    const all = [...root.querySelectorAll("*")];
    const links = all.map((one) => one.getAttribute("href") ?? "").filter((href) => !/^(#|data:|$)/.test(href));
    const [, , width = 0, height = 0] = (root.getAttribute("viewBox") ?? "").split(" ").map(Number);
    const texts = [...root.querySelectorAll("text")].map((one) => one.textContent ?? "");
    return { root: root.tagName, links, width, height, texts, images: root.querySelectorAll("image").length };
  }, svg);

/** The mean difference of a PNG, twice as large and with a margin of 8, from what the page shows in the figure's place; 0 to 255. */
async function differenceFrom(page: Page, figure: Locator, png: Buffer): Promise<{ mean: number; spread: number }> {
  const shot = await figure.screenshot({ animations: "disabled" });
  return page.evaluate(
    async ([png, shot]) => {
      const read = async (data: string, margin: number, scale: number, size?: readonly number[]) => {
        const image = new Image();
        image.src = `data:image/png;base64,${data}`;
        await image.decode();
        const [width, height] = size ?? [image.width, image.height];
        const canvas = new OffscreenCanvas(width as number, height as number);
        const context = canvas.getContext("2d") as OffscreenCanvasRenderingContext2D;
        context.drawImage(image, -margin, -margin, image.width / scale, image.height / scale);
        return { width, height, data: context.getImageData(0, 0, width as number, height as number).data };
      };
      const seen = await read(shot, 0, 1);
      const kept = await read(png, 8, 2, [seen.width as number, seen.height as number]);
      let [sum, least, most] = [0, 255, 0];
      seen.data.forEach((value, k) => {
        sum += Math.abs(value - (kept.data[k] as number));
        if (k % 4 === 0)
          [least, most] = [Math.min(least, kept.data[k] as number), Math.max(most, kept.data[k] as number)];
      });
      return { mean: sum / seen.data.length, spread: most - least };
    },
    [png.toString("base64"), shot.toString("base64")] as const,
  );
}

async function openList(page: Page): Promise<void> {
  await page.locator(".pictures summary").press("Enter");
  await page.waitForSelector(".pictures li button");
}

test.each([
  [1280, "light"],
  [390, "dark"],
] as const)("at %d pixels, %s: figures of a chapter are saved by keys as they are seen", async (width, colorScheme) => {
  await withStudio({ width, colorScheme }, async (page, address) => {
    await page.emulateMedia({ reducedMotion: "reduce" });
    await page.goto(`${address}#/learn/perceptron`);
    await page.waitForSelector(".neuron");
    await openList(page);
    const names = await page.locator(".pictures li > span").allTextContents();
    const neuron = names.find((name) => name.startsWith("The sum of the inputs"));
    for (const [selector, name] of [
      [".plane", "The points and the line"],
      [".neuron", neuron],
    ] as const) {
      const svg = await saved(page, "SVG", name as string);
      expect(svg.name).toMatch(/^unrolled-learn-perceptron-[\w-]+\.svg$/);
      const source = svg.bytes.toString("utf8");
      expect(source).not.toMatch(/var\(|color-mix|light-dark|class=/);
      expect(await readSvg(page, source)).toMatchObject({ root: "svg", links: [], images: 0 });
      const png = await saved(page, "PNG", name as string);
      await page.locator(".pictures summary").focus();
      const { mean, spread } = await differenceFrom(page, page.locator(selector), png.bytes);
      expect(spread).toBeGreaterThan(60);
      expect(mean, name).toBeLessThan(12);
    }
    expect(await page.textContent(".pictures [role=status]")).toMatch(/\.png is saved\.$/);
  });
});

test("of what scrolls, all is in the picture: a map of 420 columns, a text that is longer than its box", async () => {
  await withStudio({ models: [file], width: 390 }, async (page, address) => {
    await page.goto(`${address}#/inspect/m?${new URLSearchParams({ text })}`);
    await page.waitForSelector(".heat-map canvas");
    await page.waitForSelector("main progress", { state: "detached" });
    await openList(page);
    const map = await readSvg(page, (await saved(page, "SVG", "h")).bytes.toString("utf8"));
    expect(map).toMatchObject({ images: 1, links: [] });
    expect(map.width).toBeGreaterThan(420 * 14);
    const words = await readSvg(page, (await saved(page, "SVG", "The text in colours")).bytes.toString("utf8"));
    expect(words.texts.join("").replaceAll(/\s/g, "")).toBe(text.replaceAll(/\s/g, ""));
    expect(words.height).toBeGreaterThan(await page.locator(".coloured-text").evaluate((one) => one.clientHeight + 20));
  });
});
