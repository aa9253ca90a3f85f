/** The Learn view: its contents, and chapters 1 to 5 as a reader uses them. */
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { expectAccessible, expectNoSidewaysScrolling, withStudio } from "./studio.ts";

async function open(page: Page, address: string, chapter: string, query = ""): Promise<void> {
  await page.goto(`${address}#/learn/${chapter}${query}`);
  await page.waitForSelector("article.chapter section.card");
}

/** Wait for a text that a picture says, and give it. */
async function said(page: Page, pattern: RegExp): Promise<string> {
  const place = page.locator("[role=status]").filter({ hasText: pattern });
  await place.waitFor();
  return (await place.textContent()) as string;
}

async function expectFit(page: Page): Promise<void> {
  for (const colorScheme of ["dark", "light"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await expectAccessible(page);
    await expectNoSidewaysScrolling(page);
  }
}

/** As many steps of a slider, by its arrow keys. */
async function slide(page: Page, name: string, steps: number): Promise<void> {
  const slider = page.getByRole("slider", { name, exact: true });
  await slider.focus();
  for (let k = 0; k < Math.abs(steps); k++) await slider.press(steps > 0 ? "ArrowRight" : "ArrowLeft");
}

test("the contents read a word, a change of its first letter changes the last state, and reading goes on where it ended", async () => {
  await withStudio({}, async (page, address) => {
    const columns = page.locator(".reader .column");
    await page.waitForFunction(() => document.querySelectorAll(".reader .column").length === 8);
    const colours = (): Promise<(string | null)[]> =>
      columns
        .last()
        .locator("rect")
        .evaluateAll((all) => all.map((rect) => rect.getAttribute("fill")));
    const before = await colours();
    expect(before).toHaveLength(12);
    await page.getByLabel("A word to read").fill("enrolled");
    await page.waitForFunction(
      ([fill]) =>
        [...document.querySelectorAll(".reader .column")].at(-1)?.querySelector("rect")?.getAttribute("fill") !== fill,
      before,
    );
    const after = await colours();
    expect(after.filter((colour, k) => colour !== before[k]).length).toBeGreaterThan(9);

    await page.getByRole("link", { name: "Begin: The perceptron" }).click();
    await page.getByRole("link", { name: "How it learns →" }).click();
    await page.getByRole("link", { name: "A neuron that hears itself →" }).click();
    await page.waitForURL(`${address}#/learn/feedback`);
    await page.waitForSelector(".filled .katex");
    const heading = page.getByRole("heading", { name: "What to try" });
    await heading.evaluate((element) => element.scrollIntoView());
    await page.waitForFunction(
      () => JSON.parse(localStorage.getItem("unrolled.learn") ?? "{}").places?.feedback?.part > 1,
    );
    await page.goto(`${address}#/learn`);
    await page.getByRole("link", { name: "Go on: A neuron that hears itself" }).click();
    await page.waitForFunction(() => {
      const top = document.querySelector(".try")?.previousElementSibling?.getBoundingClientRect().top ?? 0;
      return top > 30 && top < 130;
    });
  });
});

test("the perceptron learns AND, never XOR, and follows points that are moved, turned and added by keyboard", async () => {
  await withStudio({}, async (page, address) => {
    await page.emulateMedia({ reducedMotion: "reduce" });
    await open(page, address, "perceptron");
    await said(page, /^2 of 4 points are right/);
    await page.getByRole("button", { name: "Learn", exact: true }).click();
    expect(await said(page, /Learned/)).toMatch(/in pass \d+ all points were right/);
    expect(await page.locator(".point.wrong").count()).toBe(0);
    // Adding 2 to the bias makes the neuron say 1 of everything.
    await page.getByRole("slider", { name: "b", exact: true }).press("End");
    await said(page, /^1 of 4 points are right/);
    // What should be 1 is now also said of a corner that is turned into the other kind.
    await page.getByRole("button", { name: /^Point 1 at/ }).press("Enter");
    await said(page, /^2 of 4 points are right/);
    await page.getByRole("button", { name: "Add a point" }).press("Enter");
    await page.getByRole("button", { name: /^Point 5 at 0\.50, 0\.50/ }).press("ArrowUp");
    await page.getByRole("button", { name: /^Point 5 at 0\.50, 0\.55/ }).press("Delete");
    await said(page, /^2 of 4 points are right/);

    // By pointer: a point added where it is pressed, then drawn from there to the middle.
    await page.locator(".plane").evaluate((plane) => plane.scrollIntoView({ block: "center" }));
    const { x, y, width } = (await page.locator(".plane").boundingBox()) as { x: number; y: number; width: number };
    await page.mouse.click(x + 0.75 * width, y + 0.5 * width);
    await page.getByRole("button", { name: /^Point 5 at 1\.05, 0\.5[01]/ }).waitFor();
    await page.mouse.move(x + 0.75 * width, y + 0.5 * width);
    await page.mouse.down();
    await page.mouse.move(x + 0.5 * width, y + 0.5 * width, { steps: 3 });
    await page.mouse.up();
    await page.getByRole("button", { name: /^Point 5 at 0\.50, 0\.5[01]/ }).waitFor();

    await page.getByText("XOR", { exact: true }).first().click();
    await page.waitForURL(/data=xor/);
    await said(page, /of 4 points are right/);
    await page.getByRole("button", { name: "Learn", exact: true }).click();
    await said(page, /it goes round for ever/);
    expect(await page.locator(".point.wrong").count()).toBeGreaterThan(0);
    await expectFit(page);
  });
}, 60_000);

/** What a list of readings says of one of them. */
const reading = (page: Page, card: string, name: string) =>
  page.getByRole("region", { name: card }).locator(`.readings dt:text-is("${name}") + dd`).textContent();

test("how it learns: the ball arrives and diverges, slopes run back through three neurons, XOR is learned, questions check themselves", async () => {
  await withStudio({}, async (page, address) => {
    await page.emulateMedia({ reducedMotion: "reduce" });
    await open(page, address, "learning");
    await page.locator(".loss-map path[fill^='color-mix']").nth(8).waitFor();
    await said(page, /^The ball lies at w −0\.80, b 0\.60/);
    await page.getByRole("button", { name: "One step", exact: true }).click();
    await said(page, /^After step 1 it lies/);
    await page.getByRole("button", { name: "Let it roll" }).click();
    // Least squares: 0.74 x + 0.28.
    await said(page, /^Arrived after \d+ steps/);
    await page.getByRole("button", { name: /^The ball, at w 0\.7[34], b 0\.28/ }).waitFor();
    const loss = page.getByRole("region", { name: "A loss as a landscape" }).locator(".readings dd").first();
    await expect.poll(() => loss.textContent()).toBe("0.004");
    await page.getByRole("slider", { name: "rate η" }).first().fill("0.46");
    await page.getByRole("button", { name: "Let it roll" }).click();
    await said(page, /^It diverged/);

    // By keyboard, and by pointer: an arrow key puts the ball beside its start, a press where it is pressed.
    await page.getByRole("button", { name: "Back to the start" }).click();
    await page.getByRole("button", { name: /^The ball, at w −0\.80, b 0\.60/ }).press("ArrowUp");
    await page.getByRole("button", { name: /^The ball, at w −0\.80, b 0\.69/ }).waitFor();
    const map = page.getByRole("button", { name: "Put the ball in the middle of the map" });
    await map.evaluate((ground) => ground.scrollIntoView({ block: "center" }));
    const box = await map.boundingBox();
    const { x, y, width } = box as { x: number; y: number; width: number };
    await page.mouse.click(x + 0.75 * width, y + 0.25 * width);
    await page.waitForURL(/first=1\.6\d/);
    await page.getByRole("button", { name: /^The ball, at w 1\.6\d, b 1\.1\d/ }).waitFor();
    await page.getByText("Two neurons in a row", { exact: true }).click();
    await page.waitForURL(/land=pair/);
    await map.press("Enter");
    await page.getByRole("button", { name: /^The ball, at w 0\.00, v 0\.00/ }).waitFor();
    await page.getByRole("button", { name: "Let it roll" }).click();
    await said(page, /^It does not move: the ground is level here/);

    // σ(1) and its slope.
    await expect.poll(() => reading(page, "Curves and their slopes", "what comes out")).toBe("0.731");
    expect(await reading(page, "Curves and their slopes", "slope there")).toBe("0.197");
    await page.getByRole("slider", { name: "what goes in" }).fill("-5");
    await said(page, /saturated/);

    // Two thirds of the way back, then at its end: the product is the slope that the engine's backward pass gives.
    const chain = page.getByRole("region", { name: "Three neurons in a row" });
    await chain.getByRole("slider", { name: "place" }).fill("7");
    await said(page, /the product of all seven factors/);
    await expect.poll(() => chain.locator("li.lit").textContent()).toMatch(/slope of L in w₁: 0\.314/);
    expect(await chain.locator(".katex .lit").allTextContents()).toHaveLength(4);
    await chain.getByRole("slider", { name: "place" }).fill("5");
    // What is kept, and what goes on to the left, in words.
    await chain.locator("li >> text=/^To keep: times a₂/").waitFor();
    await chain.locator("li >> text=/It arrives at neuron 2.$/").waitFor();
    expect(await chain.locator(".chain-lines li").count()).toBe(3);
    const before = await chain.getByRole("slider", { name: "w₁" }).inputValue();
    await chain.getByRole("button", { name: "One step downhill for all three" }).click();
    await expect.poll(() => chain.getByRole("slider", { name: "w₁" }).inputValue()).not.toBe(before);

    await page.getByRole("button", { name: "Train", exact: true }).click();
    expect(await said(page, /^XOR is solved/)).toMatch(/since update \d+ each corner/);
    await page.getByRole("img", { name: /^Hidden neuron 2/ }).waitFor();

    await page.getByLabel("It becomes smaller.").check();
    await said(page, /^Not so\. A slope of −2/);
    await page.getByLabel("It becomes smaller.").press("ArrowUp");
    await said(page, /^Right\. A slope of −2/);
    const number = page.getByLabel(/^Your number: On its way back/);
    await number.fill("two");
    await number.press("Enter");
    await said(page, /^Write a number/);
    await number.fill("1,0");
    await number.press("Enter");
    await said(page, /^Right\. The factors multiply/);
    await page.setViewportSize({ width: 390, height: 844 });
    await expectNoSidewaysScrolling(page);
    // All else is looked at in studio-axe, where nothing is answered.
    for (const colorScheme of ["dark", "light"] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await expectAccessible(page, ["color-contrast"]);
    }
    // What was answered is still there.
    await page.reload();
    await said(page, /^Right\. The factors multiply/);
  });
}, 120_000);

test("a neuron that hears itself: echoes fade, a latch stays, and each step shows its numbers", async () => {
  await withStudio({}, async (page, address) => {
    await open(page, address, "feedback");
    await said(page, /From step 7 on, less than 0\.05 of the 1 is left/);
    const steps = page.locator(".filled annotation");
    await page.waitForFunction(() => document.querySelectorAll(".filled annotation").length === 7);
    // tanh(1) and tanh(0.6 tanh(1)).
    expect(await steps.nth(0).textContent()).toContain("= 0.76");
    expect(await steps.nth(1).textContent()).toContain("0.60 \\cdot 0.76) = 0.43");
    await page.getByText("A latch", { exact: true }).click();
    // The solution of h = tanh(1.5 h).
    await said(page, /still 0\.86/);
    await page.getByText("1, later −1", { exact: true }).click();
    await said(page, /the state is −0\.86/);
    await slide(page, "u, of its output", 1);
    expect(await page.locator(".katex .lit").textContent()).toMatch(/^Uh/);
    await slide(page, "steps drawn", 3);
    await page.waitForFunction(() => document.querySelectorAll(".filled annotation").length === 10);
    await page.getByRole("button", { name: "Read it step by step" }).click();
    await page.waitForSelector(".filled .now");
    await expectFit(page);
  });
});

test("memory cells: shapes use other outputs; counting is learned, and 6 is followed by about 7", async () => {
  await withStudio({}, async (page, address) => {
    await open(page, address, "memory", "?shape=last");
    await page.getByText("Unit 2 hears", { exact: true }).click();
    // 1.08 − 0.15 + 0.
    await said(page, /^1\.2 · 0\.9 \+ 0\.3 · \(−0\.5\) \+ 0\.0 · 0\.2 = 0\.93$/);
    await page.getByRole("img", { name: /Sequence to vector: 4 steps, of which 1 have/ }).waitFor();
    await page.getByText("Encoder and decoder", { exact: true }).first().click();
    await page.getByRole("img", { name: /6 steps, of which 3 have/ }).waitFor();
    await page.getByRole("button", { name: "Train" }).click();
    const numbers = (await said(page, /^Trained/))
      .match(/says (.*)\.$/)?.[1]
      ?.split(", ")
      .map(Number) as number[];
    expect(numbers).toHaveLength(6);
    expect(Math.abs((numbers[0] as number) - 7)).toBeLessThan(0.15);
    expect(numbers[5] as number).toBeLessThan(11.5);
    const state = (await page.locator(".said.numbers").textContent()) as string;
    expect(state).toMatch(/^Epoch 300 of 300, mean squared error \d\.\d · 10⁻[⁵⁶⁷⁸]$/);
    await expectFit(page);
  });
}, 60_000);

test("forgetting: the simple RNN's derivative vanishes, the LSTM's does not, and only the LSTM remembers", async () => {
  await withStudio({}, async (page, address) => {
    await open(page, address, "forgetting");
    await said(page, /becomes about 10⁻⁶ of what it was in the simple RNN, 1\.\d+ of it in the LSTM/);
    await page.getByRole("button", { name: "Train both" }).click();
    const [simple, lstm] = [...(await said(page, /^After 400/)).matchAll(/(\d+) %/g)].map((match) => Number(match[1]));
    expect(simple).toBeLessThan(40);
    expect(lstm).toBeGreaterThan(95);
    await slide(page, "forget bias", -8);
    await said(page, /about 10⁻[⁰-⁹¹²³]+ of it in the LSTM/);
    await slide(page, "scale of U", 22);
    await said(page, /becomes about 10[²³⁴]/);
    await expectFit(page);
  });
}, 60_000);
