/** The Lab's editor and what stands beside it: every part says the same of the text, or says that it is of another one. */
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { setting, withStudio } from "./studio.ts";

async function enter(page: Page, address: string, part = ""): Promise<void> {
  await page.goto(`${address}#/lab${part}`);
  await page.waitForSelector(".cm-content");
  await page.waitForSelector(".mistake >> text=No mistakes.");
}
async function write(page: Page, text: string): Promise<void> {
  await page.click(".cm-content");
  await page.keyboard.press("Control+A");
  if (text === "") await page.keyboard.press("Delete");
  else await page.keyboard.insertText(text);
}
const train = (page: Page) => page.getByRole("button", { name: "Train", exact: true });
/** What each part says of which equations it is. */
const said = (page: Page): Promise<string[]> => page.locator(".made > .of").allTextContents();
const drawn = async (page: Page): Promise<string> => (await page.locator(".graph text").allTextContents()).join(" ");

/** Cells that are none, each with a part of what is said of it. */
const wrong: readonly (readonly [name: string, equations: string, says: RegExp])[] = [
  [
    "sizes that do not fit",
    "h' = tanh(W @ x + x * h)",
    /^With 128 units and 64 features of x: the equations fix this cell's size at 64 features, got units 128\. Set Units to 64\.$/,
  ],
  ["a state as large as the input", "h' = x", /Set Units to 64\.$/],
  ["one matrix for two sizes", "h' = tanh(W @ x + W @ h)", /Set Units to 64\.$/],
  ["a matrix state that fits no input", "C' = C + outer(x, x)\ny = C @ x", /Set Units to 64\.$/],
  ["an output of one number", "y = sum(x)", /Set Units to 1\.$/],
  ["a size that is no whole number", "h' = tanh(W @ x + U @ h)\nh : units / 3", /42\.66.* must be a whole number/],
  ["a size of its own", "h' = tanh(W @ x + U @ h)\nh : 4", /Set Units to 4\.$/],
  ["sizes that never fit", "h' = [x, h]", /h' needs the size that h has/],
  ["an unknown function", "h' = sigmod(W @ x)", /unknown function "sigmod"\. Did you mean sigmoid\?/],
  ["a state that is never set", "y = W @ h'", /h'/],
  ["a constant beyond all numbers", "h' = 1e400 * (W @ x)", /the number 1e400 is too large/],
  ["a first value beyond all numbers", "h' = W @ x\nW ~ constant(1e400)", /the number 1e400 is too large/],
  [
    "a first value beyond what is trained with",
    "h' = tanh(W @ x)\nW ~ constant(1e39)",
    /^W ~ constant\(1e\+39\): 1e\+39 is not a finite 32-bit/,
  ],
  [
    "a first value that a vector cannot have",
    "h' = tanh(W @ x + b)\nb ~ orthogonal",
    /^orthogonal is for a matrix, and b is/,
  ],
  ["an input that nothing reads", "h' = tanh(U @ h + b)", /does not depend on its input: a cell does not read x/],
  ["a cycle", "a = W @ b\nb = V @ a", /a depends on itself within one step: a -> b -> a/],
  ["a state that reads its own value of now", "h' = tanh(h' + W @ x)", /depends on itself within one step/],
  ["the same number for all", "y = 1", /the same number for every example/],
  ["no equations", "", /^there are no equations/],
  ["a comment alone", "# nothing yet", /^there are no equations/],
  ["half a line", "h' = tanh(W @", /is never closed/],
];

test("a cell that is none: the editor says why, nothing can be trained, and what is of the cell before says so", async () => {
  await withStudio({}, async (page, address) => {
    await enter(page, address, "?start=gru");
    expect(await said(page)).toEqual(["Made from these equations.", "Made from these equations."]);
    const before = await drawn(page);
    expect(before).toContain("z = σ");
    for (const [name, equations, says] of wrong) {
      await write(page, equations);
      await page.waitForSelector(".mistake .error");
      // Until these are read the mistake of those before stands.
      await expect.poll(() => page.locator(".mistake .error").textContent(), { message: name }).toMatch(says);
      expect(await page.locator("text=No mistakes").count(), name).toBe(0);
      const line = "From the last equations without a mistake: z  = sigmoid(W_z @ x + U_z @ h + b_z)";
      for (const text of await said(page)) expect(text, name).toContain(line);
      expect(await page.locator(".made.stale").count(), name).toBe(2);
      expect(await drawn(page), name).toBe(before);
      expect(await train(page).isDisabled(), name).toBe(true);
      if (equations !== "") await page.waitForSelector(".cm-lintRange-error");
    }
  });
}, 60_000);

test("a chain of 1500 lines has the mistake that the language says, and cannot be trained", async () => {
  await withStudio({}, async (page, address) => {
    await enter(page, address);
    const lines = Array.from({ length: 1499 }, (_, k) => `a${k + 1} = tanh(W${k + 1} @ x + a${k})`);
    await write(page, ["a0 = tanh(W0 @ x + h)", ...lines, "h' = a1499"].join("\n"));
    await page.waitForSelector(
      ".mistake .error >> text=/^this is a chain of more than 1000 operations\\. Make it several layers\\.$/",
    );
    expect(await train(page).isDisabled()).toBe(true);
  });
});

test("sizes are of the settings: another number of units or layers mends a cell or breaks it, without a letter written", async () => {
  await withStudio({}, async (page, address) => {
    await enter(page, address);
    await write(page, "h' = tanh(W @ x + x * h)");
    await page.waitForSelector(".mistake >> text=Set Units to 64.");
    await setting(page, "Units", "64");
    await page.waitForSelector(".mistake >> text=No mistakes.");
    expect(await page.locator(".cm-lintRange-error").count()).toBe(0);
    expect(await said(page)).toEqual(["Made from these equations.", "Made from these equations."]);
    await page.waitForSelector(".made >> text=64 units, 64 features of input");
    expect(await train(page).isDisabled()).toBe(false);
    // The second layer reads the first one's units.
    await write(page, "h' = tanh(W @ x + U @ h)\nx : 64");
    await setting(page, "Units", "96");
    await page.waitForSelector(".mistake >> text=No mistakes.");
    await setting(page, "Layers", "2");
    await page.waitForSelector(".mistake >> text=/^Layer 2, with 96 units and 96 features of x: /");
    await setting(page, "Layers", "1");
    await page.waitForSelector(".mistake >> text=No mistakes.");
    await setting(page, "Units", "many");
    await page.waitForSelector(".made >> text=128 units, 64 features of input");
    await page.waitForSelector(".made >> text=the settings below, with defaults for the ones that are not valid.");
  });
});

test("right equations that cannot be compiled so large: one message, and the parts are of the ones before", async () => {
  await withStudio({}, async (page, address) => {
    await enter(page, address);
    const many = Array.from({ length: 9 }, (_, k) => `U${k} @ h`).join(" + ");
    await write(page, `h' = tanh(W @ x + ${many})`);
    await page.waitForSelector(".mistake >> text=No mistakes.");
    await setting(page, "Units", "8192");
    await page.waitForSelector(".mistake .error >> text=/bytes of memory/");
    for (const text of await said(page)) expect(text).toMatch(/^From the last equations and settings/);
    expect(await page.locator("text=No mistakes").count()).toBe(0);
    expect(await page.locator(".made .error").count()).toBe(0);
    await setting(page, "Units", "128");
    await page.waitForSelector(".mistake >> text=No mistakes.");
  });
});

test("a page that begins with a mistake shows no other cell; mended, it shows the one that is there", async () => {
  await withStudio({}, async (page, address) => {
    await enter(page, address);
    await write(page, "h' = tanh(W @ x + x * h)");
    await page.waitForURL(/cell=/);
    await page.reload();
    await page.waitForSelector(".mistake >> text=Set Units to 64.");
    expect(await said(page)).toEqual(["Nothing is compiled yet."]);
    expect(await page.locator(".maths, .graph, .facts").count()).toBe(0);
    await write(page, "h' = tanh(W @ x + u * h)");
    await page.waitForSelector(".mistake >> text=No mistakes.");
    expect(await said(page)).toEqual(["Made from these equations.", "Made from these equations."]);
    expect(await drawn(page)).toContain("h' = tanh");
  });
});

test("a link brings the equations and all settings; changed ones go into the address, wrong ones of a link say nothing", async () => {
  await withStudio({}, async (page, address) => {
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await enter(page, address, "?start=gru");
    await page.waitForURL(/optimizer=adam&.*schedule=cosine/);
    await page.getByLabel("Optimizer", { exact: true }).selectOption("SGD");
    expect(await page.getByLabel("Learning rate", { exact: true }).inputValue()).toBe("8");
    await page.getByLabel("Schedule", { exact: true }).selectOption("ExponentialDecay");
    await setting(page, "Decay steps", "200");
    await setting(page, "Clip norm", "0.25");
    await setting(page, "Units", "48");
    await page.waitForURL(
      /units=48&.*clipNorm=0\.25&decaySteps=200&decayRate=0\.5.*optimizer=sgd&schedule=exponentialDecay/,
    );
    await page.getByRole("button", { name: "Share this cell as a link" }).click();
    await page.waitForSelector("text=The link is copied");
    const link = await page.evaluate(() => navigator.clipboard.readText());
    expect(link).toBe(page.url());
    await page.getByText("This training as a program").click();
    const program = await page.locator(".program pre").textContent();
    expect(program).toContain(
      "learningRate: exponentialDecay({ initialLearningRate: 8, decaySteps: 200, decayRate: 0.5 }),",
    );
    expect(program).toContain("clipNorm: 0.25,");

    // Somebody else's browser.
    await page.evaluate(() => localStorage.clear());
    await page.goto("about:blank");
    await page.goto(`${address}#/lab`);
    await page.waitForSelector(".mistake >> text=No mistakes.");
    expect(await page.getByLabel("Units", { exact: true }).inputValue()).toBe("128");
    await page.goto(link);
    await page.waitForFunction(() => document.querySelector(".start select")?.getAttribute("value") !== "lstm");
    const chosen = (label: string) => page.getByLabel(label, { exact: true }).inputValue();
    await page.waitForFunction(() => document.querySelector<HTMLInputElement>(".settings input")?.value === "48");
    expect(
      await Promise.all(["Optimizer", "Schedule", "Clip norm", "Decay steps", "Learning rate"].map(chosen)),
    ).toEqual([...["sgd", "exponentialDecay", "0.25", "200", "8"]]);
    await page.waitForSelector(".made >> text=48 units, 48 features of input");
    await page.goto(link.replace("units=48", "units=many").replace("optimizer=sgd", "optimizer=none"));
    await page.waitForURL(/units=many/);
    expect(await Promise.all(["Units", "Optimizer"].map(chosen))).toEqual(["48", "sgd"]);
  });
});

test("who goes elsewhere while the address is about to follow is not taken back", async () => {
  await withStudio({}, async (page, address) => {
    await enter(page, address, "?start=gru");
    // The equations are packed, and the reader goes before the page has drawn anything: typed at once, as the field goes too.
    await page.getByLabel("Units", { exact: true }).evaluate((field) => {
      const { arrayBuffer } = Response.prototype;
      Response.prototype.arrayBuffer = async function () {
        const bytes = await arrayBuffer.call(this);
        Response.prototype.arrayBuffer = arrayBuffer;
        location.hash = "#/models";
        return bytes;
      };
      (field as HTMLInputElement).value = "24";
      field.dispatchEvent(new Event("input", { bubbles: true }));
    });
    await page.getByRole("heading", { name: "Models", level: 1 }).waitFor();
    expect(page.url()).toBe(`${address}#/models`);
  });
});

test("in a browser that cannot pack a text the settings are in the address all the same, and both stay after a reload", async () => {
  const prepare = (page: Page) => page.addInitScript("delete window.CompressionStream");
  await withStudio({ prepare }, async (page, address) => {
    await enter(page, address, "?start=gru");
    await write(page, "h' = tanh(W @ x + U @ h + b)");
    await setting(page, "Units", "24");
    await page.waitForURL(/[?&]units=24&/);
    expect(page.url()).not.toContain("cell=");
    await page.getByRole("button", { name: "Share this cell as a link" }).click();
    await page.waitForSelector("text=This browser cannot put a cell into a link.");
    await page.reload();
    await page.waitForSelector(".cm-content >> text=h' = tanh(W @ x + U @ h + b)");
    expect(await page.getByLabel("Units", { exact: true }).inputValue()).toBe("24");
  });
});

test("runs of the same settings have names of their own, and their table has optimiser, schedule and clipping", async () => {
  await withStudio({}, async (page, address) => {
    await enter(page, address, "?start=gru");
    await page.getByRole("combobox", { name: "Text", exact: true }).selectOption("A repeated pattern");
    await setting(page, "Units", "8");
    await setting(page, "Epochs", "0.2");
    const names = ["gru 8, A repeated pattern", "gru 8, A repeated pattern 2", "gru 8, A repeated pattern 3"];
    for (const [k, name] of names.entries()) {
      expect(await page.getByLabel("Name of the run").getAttribute("placeholder")).toBe(name);
      if (k === 2) {
        // A name that is given may be there, too.
        await setting(page, "Name of the run", names[0] as string);
        await page.getByLabel("Optimizer", { exact: true }).selectOption("RMSprop");
        await page.getByLabel("Schedule", { exact: true }).selectOption("InverseTimeDecay");
        await setting(page, "Clip norm", "1");
      }
      await train(page).click();
      await page.locator(".outcome strong", { hasText: name }).waitFor();
      // The list reads the storage, which takes the run after the page has shown it.
      await page.locator(".runs strong").nth(k).waitFor();
    }
    expect((await page.locator(".runs strong").allTextContents()).sort()).toEqual(names);
    for (const name of names.slice(1)) await page.getByLabel(name, { exact: true }).check();
    const rows = page.locator(".compared tbody tr");
    const row = (name: string) => rows.filter({ hasText: name }).locator("td").allTextContents();
    expect(await row("Optimizer")).toEqual(["RMSprop", "Adam"]);
    expect(await row("Schedule")).toEqual(["InverseTimeDecay", "cosine to a tenth"]);
    expect(await row("Clip norm")).toEqual(["1", "5"]);
    expect(await row("Decay steps")).toEqual(["1,000", "–"]);
    // Who goes on has the settings that it had, and the optimiser that it was made with.
    await page.getByRole("button", { name: "Standard settings" }).click();
    await page.locator(".runs li", { hasText: "pattern 3" }).getByText("Go on training").click();
    await page.waitForSelector("text=Going on with gru 8, A repeated pattern 3");
    expect(await page.getByLabel("Optimizer", { exact: true }).isDisabled()).toBe(true);
    expect(await page.getByLabel("Optimizer", { exact: true }).inputValue()).toBe("rmsprop");
    expect(await page.getByLabel("Schedule", { exact: true }).inputValue()).toBe("inverseTimeDecay");
    expect(await page.getByLabel("Clip norm", { exact: true }).inputValue()).toBe("1");
  });
});

test("a training that breaks says why, and advises by that", async () => {
  await withStudio({}, async (page, address) => {
    await enter(page, address);
    await page.getByRole("combobox", { name: "Text", exact: true }).selectOption("A repeated pattern");
    await setting(page, "Units", "8");
    for (const [equations, reason, advice] of [
      ["h' = exp(W @ x + U @ h) * 1e20", /takes e to the power of/, /neither the learning rate nor clipping can help/],
      [
        "k' = k + 1\ny = (W @ x + U @ x) / (9 - k')",
        /, step 8, update 1\) became .*, expected a finite number: "y = .*" divides by 0/,
        /Change the equation/,
      ],
      ["h' = log(W @ x - W @ x)", /takes the logarithm of 0/, /Change the equation/],
      ["h' = W @ x + 3 * h", /became -?Infinity/, /grows from batch to batch\. Bound it/],
    ] as const) {
      await write(page, equations);
      await page.waitForSelector(".mistake >> text=No mistakes.");
      await train(page).click();
      await page.waitForSelector(".outcome[role=alert]");
      const said = (await page.locator(".outcome").textContent()) as string;
      expect(said).toMatch(reason);
      expect(said).toMatch(advice);
      await page.getByRole("button", { name: "Dismiss" }).click();
    }
  });
});

test("a cell is called by its first equation; nothing is said of matrices that are not there, and one operation is one", async () => {
  await withStudio({}, async (page, address) => {
    await enter(page, address);
    const facts = page.locator("dl.facts");
    await write(page, "# a line\nx : 64\ny = -x # the output");
    await setting(page, "Units", "64");
    await page.waitForSelector("text=/^Made from these equations/");
    await page.waitForSelector("dl.facts >> text=/^1 operation /");
    expect(await facts.textContent()).toMatch(/mergednothingfused/);
    await write(page, "# a line\nx : 64\ny = W @ ");
    await page.waitForSelector(".made > .of >> text=/^From the last equations/");
    for (const text of await said(page)) {
      expect(text).toBe("From the last equations without a mistake: y = -x # the output");
    }
  });
});
