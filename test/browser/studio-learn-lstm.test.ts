/** The chapters of the Learn view on the LSTM, its variants and text: what their pictures show is what the engine computes. */
import type { Locator, Page } from "playwright-core";
import { expect, test } from "vitest";
import { gru, lstm } from "../../src/cells/index.ts";
import { cellFacts } from "../../src/nn/cell-facts.ts";
import { trace } from "../../src/nn/trace.ts";
import { expectAccessible, expectNoSidewaysScrolling, withStudio } from "./studio.ts";

const views = [
  [1280, "light"],
  [390, "dark"],
] as const;

/** Nothing wrong with the page as it is, wide or narrow, light or dark. */
async function expectFine(page: Page): Promise<void> {
  for (const [width, colorScheme] of views) {
    await page.setViewportSize({ width, height: 844 });
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await expectAccessible(page);
    await expectNoSidewaysScrolling(page);
  }
  await page.setViewportSize({ width: 1280, height: 844 });
}

/** The numbers in what a row of bars is called: "c: 0.00, 0.72". */
async function bars(page: Page, name: string): Promise<number[]> {
  const label = await page.getByRole("img", { name: new RegExp(`^${name}: `) }).getAttribute("aria-label");
  return (label as string)
    .replaceAll("−", "-")
    .slice(name.length + 2)
    .split(", ")
    .map(Number);
}
const rounded = (values: readonly Float32Array[]): number[] => values.map(([value]) => Number(value?.toFixed(2)) || 0);

/** What is lit of the formulas, without KaTeX's spaces of no width. */
async function lit(place: Page | Locator): Promise<string[]> {
  return (await place.locator(".katex-html .lit").allTextContents()).map((text) => text.replaceAll("\u200b", ""));
}

test("an LSTM of one unit: what it reads and its gates can be set, and its numbers are those of trace", async () => {
  await withStudio({}, async (page, address) => {
    await page.goto(`${address}#/learn/lstm`);
    // What was stored at step 2 stays to the end, whatever else is read.
    await expect.poll(() => bars(page, "c")).toEqual([0, 0.72, 0.71, 0.71, 0.71, 0.71, 0.7, 0.7]);
    await page.getByLabel("number, step 5").fill("1");
    await expect.poll(() => page.getByLabel("number, step 5").inputValue()).toBe("1");
    await expect.poll(() => bars(page, "c")).toEqual([0, 0.72, 0.71, 0.71, 0.71, 0.71, 0.71, 0.71]);

    // The forget gate at 2, step 7 cleared, another number: the same in Node.
    await page.getByRole("slider", { name: "forget gate", exact: true }).fill("2");
    await page.getByRole("button", { name: "clear, step 7" }).click();
    const numbers = [0.3, 0.9, -0.5, 0.7, 1, 0.2, -0.4, 0.6];
    const sequence = numbers.map((x, t) => [x, t === 1 ? 1 : 0, t === 6 ? 1 : 0, 0]);
    const parameters = {
      ...{ W_f: [0, 0, -12, 0], W_i: [0, 12, 0, 0], W_g: [1, 0, 0, 0], W_o: [0, 0, 0, 12] },
      ...{ U_f: [0], U_i: [0], U_g: [0], U_o: [0], b_f: [2], b_i: [-6], b_g: [0], b_o: [6] },
    };
    const traced = await trace(lstm, sequence, { units: 1, parameters });
    for (const name of ["f", "i", "o", "c", "h"] as const) {
      await expect.poll(() => bars(page, name)).toEqual(rounded(traced[name]));
    }
    await expectFine(page);

    // Shut output gate: h is almost 0 until it is asked for.
    await page.getByRole("button", { name: "Hide" }).click();
    await expect.poll(() => bars(page, "h")).toEqual([0, 0, 0, 0, 0, 0, 0.61, 0]);
    await page.getByRole("button", { name: "Forget", exact: true }).click();
    await page.waitForURL(`${address}#/learn/lstm?example=Forget`);
    await expect.poll(() => bars(page, "c")).toEqual([0, 0.72, 0.71, 0.71, 0.71, 0, 0, 0]);
  });
});

test("the walk through the cell lights the lines of each step, with their numbers; arrow keys and play go on", async () => {
  await withStudio({}, async (page, address) => {
    await page.goto(`${address}#/learn/lstm`);
    const picture = page.getByRole("img", { name: /^The cell reads/ });
    await expect.poll(() => lit(page)).toEqual(["ft", "=σ(Wfxt+Ufht−1+bf)"]);
    // The walk begins where c holds something, so that it is seen what forgetting leaves of it.
    await page.getByText("Step 3, forget.").waitFor();
    const formulas = () => page.locator(".cell-walk annotation").allTextContents();
    await expect.poll(async () => (await formulas()).join()).toContain("0.998 \\cdot 0.715 = 0.713");
    const place = page.getByRole("slider", { name: "place" });
    await place.focus();
    for (let k = 0; k < 2; k++) await page.keyboard.press("ArrowLeft");
    await page.getByText("Step 2, update.").waitFor();
    await expect
      .poll(() => picture.getAttribute("aria-label"))
      .toMatch(/0\.900 .* kept 0\.001, stored 0\.715, new cell/);
    await page.getByRole("button", { name: "4 Output" }).click();
    await expect.poll(async () => (await lit(page)).join().includes("tanh")).toBe(true);
    await page.getByRole("button", { name: "Play" }).click();
    await page.getByText("Step 3, forget.").waitFor();
    await page.getByRole("button", { name: "Pause" }).click();
    // An example that clears c begins where it does.
    await page.getByRole("button", { name: "Forget", exact: true }).click();
    await page.getByText("Step 6, forget.").waitFor();
    // A link from before is where it was.
    await page.goto(`${address}#/learn/lstm?place=6`);
    await page.getByText("Step 2, update.").waitFor();
  });
});

test("a GRU of one unit: the walk's numbers are those of trace, and its examples begin where something is in memory", async () => {
  await withStudio({}, async (page, address) => {
    await page.goto(`${address}#/learn/variants`);
    await page.getByText("Step 3, update gate.").waitFor();
    await expect.poll(() => bars(page, "h")).toEqual([0, 0.71, 0.71, 0.71, 0.71, 0.71, 0.71, 0.71]);
    await page.getByRole("button", { name: "Build on it" }).click();
    await page.waitForURL(/example=Build\+on\+it/);
    await page.getByText("Step 5, update gate.").waitFor();
    await page.getByRole("slider", { name: "reset gate", exact: true }).fill("0");
    await page.getByRole("button", { name: "renew, step 7" }).click();
    const numbers = [0.3, 0.9, -0.5, 0.7, -0.8, 0.2, -0.4, 0.6];
    const sequence = numbers.map((x, t) => [x, t === 1 || t === 4 ? 1 : 0, t === 6 ? 1 : 0]);
    const parameters = {
      ...{ W_z: [0, -12, 0], W_r: [0, 0, -12], W_g: [1, 0, 0], U_z: [0], U_r: [0], U_g: [1] },
      ...{ b_z: [6], b_r: [0], b_g: [0] },
    };
    const traced = await trace(gru, sequence, { units: 1, parameters });
    for (const name of ["z", "r", "g", "h"] as const) {
      await expect.poll(() => bars(page, name)).toEqual(rounded(traced[name]));
    }
    await page.getByRole("button", { name: "4 New state" }).click();
    await expect
      .poll(() => page.getByRole("img", { name: /^The cell reads/ }).getAttribute("aria-label"))
      .toMatch(/^The cell reads −0\.800 with hidden state 0\.71\d: .* new hidden state −0\.\d+\.$/);
  });
});

test("the gradient that reaches the first step grows with the forget gate's bias", async () => {
  await withStudio({}, async (page, address) => {
    await page.goto(`${address}#/learn/lstm`);
    const said = page.getByText("The gradient at the first step");
    await expect
      .poll(() => said.textContent())
      .toMatch(/2\.0 · 10⁻⁸ with bias 0, 0\.01 with bias 1 and 0\.52 with bias 2/);
    await page.getByLabel("forget gate's bias").fill("0");
    await expect.poll(() => said.textContent()).toMatch(/and 2\.0 · 10⁻⁸ with bias 0/);
  });
});

test("variants: cells that are chosen stand side by side, with their costs; the address keeps them", async () => {
  await withStudio({}, async (page, address) => {
    await page.goto(`${address}#/learn/variants`);
    const card = (name: string) => page.getByRole("region", { name, exact: true });
    const fact = (cell: string, name: string) => card(cell).locator(`dt:text-is("${name}") + dd`).textContent();
    await expect.poll(() => fact("GRU", "parameters")).toBe("74,112 75\u00a0% of the LSTM");
    await page.getByRole("button", { name: "minGRU" }).click();
    await page.waitForURL(`${address}#/learn/variants?cells=lstm%2Cgru%2Cmin-gru`);
    await expect.poll(() => fact("minGRU", "products in the loop")).toBe("none");
    await expect.poll(() => lit(card("minGRU"))).toEqual(["Wzxt", "Whxt"]);

    // A fourth one takes the place of the first.
    await page.getByRole("button", { name: "MGU" }).click();
    await page.waitForURL(`${address}#/learn/variants?cells=gru%2Cmin-gru%2Cmgu`);
    await page.getByRole("combobox", { name: "units" }).selectOption("16");
    await page.getByRole("combobox", { name: "input" }).selectOption("32");
    for (const [title, name] of [
      ["GRU", "gru"],
      ["minGRU", "min-gru"],
      ["MGU", "mgu"],
    ] as const) {
      const { multiplyAdds } = cellFacts(name, { units: 16, input: 32 });
      await expect.poll(() => fact(title, "multiply-adds a step")).toBe(multiplyAdds.toLocaleString("en-US"));
    }

    // What is said of the response is what trace gives.
    await page.getByText("Step", { exact: true }).click();
    await page.getByLabel("seed of the weights").fill("3");
    const sequence = Array.from({ length: 40 }, (_, t) => [2 <= t && t < 20 ? 2 : 0]);
    const { h } = await trace(gru, sequence, { units: 8, seed: 3 });
    const lengths = h.map((values) => Math.hypot(...values));
    const last = lengths.findLastIndex((length) => length >= Math.max(...lengths) / 10);
    await card("GRU")
      .getByText(`below a tenth ${last + 1 - 20 + 1} steps after the input`)
      .waitFor();
    await expectFine(page);
  });
});

const number = (text: string | null): number => Number(text?.replace(/[^\d.]/g, ""));

test("text: a model learns a rhyme by heart in the page, is kept, and shows what it expects", async () => {
  await withStudio({}, async (page, address) => {
    await page.goto(`${address}#/learn/text`);
    // Before training all characters are about as likely.
    const measure = (name: string) =>
      page.locator(`.text-measures tr:has(th:text-is("${name}")) td.number`).textContent().then(number);
    await expect.poll(() => measure("knowing nothing")).toBe(6.36);
    expect(await measure("bits per character")).toBeGreaterThan(6);
    expect(await measure("bits per character")).toBeLessThan(6.7);

    await page.getByText("A text of yours").click();
    await page.getByRole("button", { name: "Train" }).click();
    const bits = page.locator('.text-figures dt:text-is("bits per character") + dd');
    await expect.poll(async () => number(await bits.textContent()) || 9, { timeout: 30_000 }).toBeLessThan(0.7);
    await page.getByRole("button", { name: "Stop and keep it" }).click();
    await page.getByText("The model is kept.").waitFor();
    expect(await page.getByRole("link", { name: "Look inside" }).getAttribute("href")).toBe(
      "#/inspect/my-text-from-learn",
    );
    expect(await page.getByRole("link", { name: "Write with it" }).getAttribute("href")).toBe(
      "#/write/my-text-from-learn",
    );
    await expect.poll(() => page.getByLabel("Model of the pictures below").inputValue()).toBe("my-text-from-learn");

    // It knows how the line ends, the surer the lower the temperature.
    await page.getByLabel("What was read so far").fill("the house that Jack bui");
    const likeliest = page.getByRole("list", { name: "The likeliest next characters" }).locator("li").first();
    const percent = () => likeliest.locator(".numbers").textContent().then(number);
    await expect.poll(() => likeliest.locator("code").textContent()).toBe("l");
    await expect.poll(percent).toBeGreaterThan(50);
    const plain = await percent();
    await page.getByRole("slider", { name: "temperature T" }).fill("2");
    await expect.poll(percent).toBeLessThan(plain);
    await page.getByRole("slider", { name: "temperature T" }).fill("0.1");
    await expect.poll(percent).toBe(100);
    const goesOn = page.locator(".text-goes-on");
    await expect.poll(() => goesOn.textContent()).toMatch(/^the house that Jack built\./);
    const loss = await measure("loss");
    expect(await measure("bits per character")).toBeCloseTo(loss / Math.LN2, 2);
    expect(await measure("perplexity")).toBeCloseTo(Math.exp(loss), 1);

    // The word's letters and their ids in the rhyme's alphabet.
    await page.getByLabel("A word").fill("cat");
    await expect.poll(() => page.locator(".text-table td:first-child").allTextContents()).toEqual(["c", "a", "t"]);
    await expectFine(page);
    await page.reload();
    await expect.poll(() => page.getByLabel("Model of the pictures below").inputValue()).toBe("my-text-from-learn");
  });
});

test("text: what is too short to train on is said in a line", async () => {
  await withStudio({}, async (page, address) => {
    await page.goto(`${address}#/learn/text`);
    await page.getByText("A text of yours").click();
    await page.getByLabel("Your text").fill("Too short.");
    await page.getByRole("button", { name: "Train" }).click();
    await page.getByText("the text has 10 tokens to train on").waitFor();
    await page.getByRole("button", { name: "Train" }).waitFor();
  });
});
