/** A course above the views: gone through with the keyboard on a phone's width, and what is said where something is wrong. */
import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { button, expectAccessible, expectNoSidewaysScrolling, select, setting, withStudio } from "./studio.ts";

const course = {
  format: 1,
  id: "small",
  title: "A small course",
  text: "Two stops. <b>No HTML</b>, but *marks*.",
  stops: [
    {
      title: "One neuron",
      address: "#/learn/perceptron",
      tasks: ["Read it, and [the Lab](#/lab) later."],
      checks: [
        {
          kind: "choice",
          asks: "What does it draw?",
          answers: [
            { text: "A circle", why: "That takes more than one." },
            { text: "A line", right: true, why: "By its weights." },
          ],
        },
        { kind: "number", asks: "How many weights?", right: 2, within: 0.1, why: "One an input." },
        { kind: "text", asks: "Why `step`?" },
        { kind: "done", asks: "Move **w₁**." },
        { kind: "questions", asks: "Answer the questions below.", chapter: "perceptron" },
      ],
    },
    {
      title: "Toys",
      address: "#/toys/copy?shortest=1&longest=1&alphabet=2&batch=8&updates=60",
      checks: [
        { kind: "toy", asks: "Train it.", task: "copy", atLeast: 0.9 },
        { kind: "address", asks: "Take 5 units.", address: "#/toys/copy?units=5" },
        { kind: "model", asks: "Train a text in the Lab.", below: 4 },
      ],
    },
  ],
};
const serve = (page: Page, name: string, body: string) =>
  page.route(`**/${name}`, (route) => route.fulfill({ body, contentType: "application/json" }));

/** Press Tab, or Shift+Tab, until the element of this name has the focus. */
async function tabTo(page: Page, name: string, key: "Tab" | "Shift+Tab" = "Tab"): Promise<void> {
  const names: string[] = [];
  for (let k = 0; k < 60; k++) {
    await page.keyboard.press(key);
    const focused = await page.evaluate(() => {
      const element = document.activeElement as HTMLInputElement;
      if (!element.matches("a, button, input, summary, textarea")) return "";
      return element.ariaLabel ?? element.labels?.[0]?.textContent ?? element.textContent ?? "";
    });
    if (focused.includes(name)) return;
    names.push(focused.slice(0, 30));
  }
  throw new Error(`Tab does not come to ${name}: ${names.join(", ")}`);
}

test("at 390 pixels, by keyboard alone: answers right and wrong, doings that the page sees, kept over a reload, saved, printed, deleted", async () => {
  const prepare = async (page: Page): Promise<void> => {
    await serve(page, "small.json", JSON.stringify(course));
    await page.addInitScript("globalThis.printed = 0; globalThis.print = () => { printed++; };");
  };
  await withStudio({ prepare, width: 390, colorScheme: "dark" }, async (page, address) => {
    const panel = page.getByRole("complementary", { name: course.title });
    const check = (asks: string) => panel.getByRole("group", { name: asks });
    const { keyboard } = page;
    await page.emulateMedia({ reducedMotion: "reduce" });
    await page.goto("about:blank");
    await page.goto(`${address}?course=small.json`);
    await page.waitForURL(`${address}?course=small.json#/learn/perceptron`);
    await panel.getByText("Two stops. <b>No HTML</b>, but marks.").waitFor();
    await page.waitForSelector("main .questions");

    await tabTo(page, "Stop 1 of 2: One neuron");
    await keyboard.press("Enter");
    await check("What does it draw?").waitFor({ state: "hidden" });
    await keyboard.press("Enter");
    await tabTo(page, "A circle");
    await keyboard.press("Space");
    await check("What does it draw?").getByText("Not so. That takes more than one.").waitFor();
    await keyboard.press("ArrowDown");
    await check("What does it draw?").getByText("Right. By its weights.").waitFor();
    await tabTo(page, "How many weights?");
    await keyboard.type("many\n");
    await check("How many weights?").getByText("Write a number").waitFor();
    await keyboard.press("Control+A");
    await keyboard.type("3\n");
    await check("How many weights?").getByText("Not so.").waitFor();
    expect(await check("How many weights?").getByText("One an input.").count()).toBe(0);
    await keyboard.press("Control+A");
    await keyboard.type("2,05\n");
    await check("How many weights?").getByText("Right. One an input.").waitFor();
    await tabTo(page, "Why step?");
    await keyboard.type("It fires or not.");
    await check("Why step?").getByText("Noted.").waitFor();
    await tabTo(page, "I have done it");
    await keyboard.press("Space");
    await panel.getByText("4 of 8 done").first().waitFor();
    const answers = page.locator("main .questions");
    await answers.getByLabel("Your number").press("End");
    await keyboard.type("0.5\n");
    await answers.getByLabel("It takes a little of the inputs away").press("Space");
    await check("Answer the questions below.").getByText("Done: 2 of 2 right.").waitFor();

    // The focus stays on what was pressed, and the stop is told.
    await panel.getByRole("button", { name: "Next stop", exact: true }).press("Enter");
    await page.waitForURL(/#\/toys\/copy/);
    await page.waitForSelector("main[aria-busy=false] h1 >> text=Toy tasks");
    await panel.getByRole("status").getByText("Stop 2 of 2: Toys").waitFor();
    expect(await page.evaluate(() => document.activeElement?.ariaLabel)).toBe("Next stop");
    await button(page, "Train").press("Enter");
    await check("Train it.")
      .getByText(/^Done: (9\d|100)\.\d % of the sequences/)
      .waitFor();
    await setting(page, "Units", "5");
    await check("Take 5 units.").getByText("Done.").waitFor();

    await page.reload();
    await panel.getByText("Stop 2 of 2: Toys").first().waitFor();
    await panel.getByText("7 of 8 done").first().waitFor();
    await tabTo(page, "Previous stop");
    await keyboard.press("Enter");
    expect(await check("What does it draw?").getByLabel("A line").isChecked()).toBe(true);
    expect(await check("How many weights?").getByRole("textbox").inputValue()).toBe("2,05");
    expect(await check("Why step?").getByRole("textbox").inputValue()).toBe("It fires or not.");
    expect(await check("Move w₁.").getByRole("checkbox").isChecked()).toBe(true);

    await tabTo(page, "Your answers");
    await keyboard.press("Enter");
    await panel.getByText("They are kept in this browser alone").waitFor();
    await expectAccessible(page);
    await expectNoSidewaysScrolling(page);
    await tabTo(page, "Save as a file");
    const [file] = await Promise.all([page.waitForEvent("download"), keyboard.press("Enter")]);
    expect(file.suggestedFilename()).toBe("small-answers.json");
    const saved = JSON.parse(readFileSync(await file.path(), "utf8"));
    expect(saved).toMatchObject({ course: "small", title: course.title });
    const rows = saved.stops.flatMap(({ checks }: { checks: object[] }) => checks);
    expect(rows.map(({ answer, done }: { answer: string; done: boolean }) => [answer, done])).toEqual([
      ...[
        ["A line", true],
        ["2,05", true],
        ["It fires or not.", true],
        ["done", true],
        ["2/2", true],
      ],
      [expect.stringMatching(/^(0\.9|1\.0)/), true],
      [expect.stringMatching(/^#\/toys\/copy\?.*units=5/), true],
      [null, false],
    ]);

    await tabTo(page, "Print");
    await keyboard.press("Enter");
    await page.waitForFunction("printed === 1");
    await page.emulateMedia({ media: "print" });
    expect(await page.innerText("body")).toMatch(
      /^A small course: answers\s+As of .*\s+One neuron\s+What does it draw\?\s+A line \(right\)/,
    );
    expect(await page.innerText("body")).not.toContain("The perceptron");
    await page.emulateMedia({ media: "screen" });
    await page.evaluate(() => dispatchEvent(new Event("afterprint")));
    await page.locator(".course-sheet").waitFor({ state: "detached" });

    await tabTo(page, "Delete");
    await keyboard.press("Enter");
    await panel.getByText("0 of 8 done").first().waitFor();
    await tabTo(page, "Bring them back");
    await keyboard.press("Enter");
    await panel.getByText("7 of 8 done").first().waitFor();
    await tabTo(page, "Leave the course", "Shift+Tab");
    await keyboard.press("Enter");
    await panel.waitFor({ state: "detached" });
    expect(page.url()).toBe(`${address}#/learn/perceptron`);
  });
});

test("without storage answers stay in the page, which says so; a text that is trained counts; what is wrong with a course is a line", async () => {
  const prepare = async (page: Page): Promise<void> => {
    await serve(page, "small.json", JSON.stringify(course));
    await serve(page, "bad.json", JSON.stringify({ ...course, stops: [{ ...course.stops[0], adress: "#/lab" }] }));
    await page.addInitScript(
      'Object.defineProperty(window, "localStorage", { get() { throw new DOMException("denied", "SecurityError"); } });',
    );
  };
  await withStudio({ prepare, allowed: /Failed to load resource/ }, async (page, address) => {
    const wrong: readonly (readonly [file: string, says: string])[] = [
      ["bad.json", 'bad.json: stops[0] has "adress", which is not known here. Did you mean address?'],
      ["none.json", "none.json: the page's host answered 404."],
      ["https://example.com/a.json", "https://example.com/a.json: is on another host than this page."],
      ["//", "//: is on another host than this page."],
    ];
    for (const [file, says] of wrong) {
      await page.goto("about:blank");
      await page.goto(`${address}?course=${encodeURIComponent(file)}`);
      await page.getByRole("alert").getByText(`The course cannot be shown: ${says}`).waitFor();
      await page.waitForSelector("main[aria-busy=false] h1");
    }
    await expectAccessible(page);
    await button(page, "Leave the course").click();
    expect(page.url()).toBe(`${address}`);

    await page.goto(`${address}?course=small.json#/lab`);
    const panel = page.getByRole("complementary", { name: course.title });
    await panel.getByText("Your answers", { exact: true }).click();
    await panel.getByText("This browser stores nothing for this page").waitFor();
    await panel.getByLabel("A line").check();
    await panel.getByText("1 of 8 done").first().waitFor();
    await page.waitForSelector(".cm-content");
    await select(page, "Text").selectOption("A repeated pattern");
    for (const [label, value] of Object.entries({ "Name of the run": "one", Units: "8", Epochs: "1" }))
      await setting(page, label, value);
    await button(page, "Train").click();
    await page.waitForSelector("text=one is trained and saved");
    await panel.getByText("2 of 8 done").first().waitFor();
    await page.getByRole("navigation", { name: "After this stop" }).getByText("Next stop: Toys →").click();
    await page.waitForURL(/#\/toys\/copy/);
    await panel.getByText(/^Done: \d\.\d\d nats a character\.$/).waitFor();
  });
});
