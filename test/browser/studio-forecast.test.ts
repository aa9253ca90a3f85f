/** The Forecast view of the studio: tables, trainings, forecasts, models that come from files. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { seriesOfTable } from "../../src/data/series.ts";
import { parseCsv } from "../../src/formats/csv.ts";
import { examples } from "../../src/studio/views/forecast/examples.ts";
import { forecaster, readForecaster, trainForecaster, writeForecaster } from "../../src/tasks/forecast/index.ts";
import { inspectForecast } from "../../src/tasks/forecast/inspect.ts";
import { forecast } from "../../src/tasks/forecast/predict.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { button, expectAccessible, expectNoSidewaysScrolling, setting, withStudio } from "./studio.ts";

const folder = temporaryFolder();

async function train(page: Page): Promise<void> {
  await button(page, "Train").click();
  await page.waitForSelector("#forecast-result");
  await page.waitForSelector(".scores td");
  await page.waitForSelector("figure.forecast .plot svg");
}
const rowOf = async (page: Page, name: string): Promise<(string | null)[]> =>
  page
    .locator(".scores tr", { has: page.getByRole("rowheader", { name, exact: true }) })
    .locator("td")
    .allTextContents();

test("an example is trained on, tested beside naive forecasts, and its model is taken away and forecasts the same in Node", async () => {
  await withStudio({}, async (page, address) => {
    await page.goto(`${address}#/forecast?epochs=60`);
    await page.waitForSelector("text=144 months");
    expect(await page.getByLabel("Horizon, steps").getAttribute("placeholder")).toBe("12");
    await train(page);
    expect(page.url()).toMatch(/#\/forecast\/months-sales-12-ahead\?epochs=60$/);
    expect(await page.textContent("form [role=status]")).toMatch(/of \d+ were best/);
    const own = await rowOf(page, "this forecaster");
    for (const name of ["naive", "seasonal naive", "drift"]) {
      const other = await rowOf(page, name);
      expect(Number(own[0]), `${name}: ${other[0]}`).toBeLessThan(Number(other[0]));
    }
    const downloading = page.waitForEvent("download");
    await button(page, "Download the model").click();
    const model = readForecaster(readFileSync(await (await downloading).path()), "download");
    const [name, text] = ["months.csv", examples.months.make()];
    const [wanted] = await forecast(model, seriesOfTable(parseCsv(text, { name })), { engine: "wasm" });
    await page.click("text=The next 12 in numbers");
    const figure = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });
    const rows = page.locator("figure.forecast tbody tr");
    expect(await rows.count()).toBe(12);
    expect(await rows.first().locator("th, td").allTextContents()).toEqual([
      "2024-01",
      ...[wanted?.steps[0]?.value, ...[0.1, 0.9].map((p) => wanted?.steps[0]?.quantiles[p])].map((value) =>
        figure.format(value as number),
      ),
    ]);

    // A baseline as a line, and the gates under the curve: what is pointed at in the one is marked in the other.
    await page.getByLabel("Beside it in the curve").selectOption("seasonal naive");
    await page.waitForSelector("figcaption >> text=seasonal naive");
    await page.getByLabel("With the gates under the curve").check();
    await page.waitForSelector(".stepped .heat-map canvas[data-cells]");
    await page.waitForSelector(".curve .plot svg");
    const readout = () => page.textContent("output");
    expect(await readout()).toMatch(/^Unit 0 after 2023-12 \([\d.]+\): z [\d.]+, r [\d.]+, g −?[\d.]+, h −?[\d.]+$/);
    await page.locator(".curve-steps").focus();
    for (const key of ["Home", "ArrowRight", "ArrowRight"]) await page.keyboard.press(key);
    const { values, seen } = await inspectForecast(model, seriesOfTable(parseCsv(text, { name })), wanted!, {
      engine: "wasm",
    });
    const numbers = values.map((one) => `${one.name} ${one.data[2 * one.size]!.toFixed(2).replace("-", "−")}`);
    expect(await readout()).toContain(`: ${numbers.join(", ").replaceAll("−0.00", "0.00")}`);
    // The last state of the lookback is what the horizon is forecast from.
    await page.keyboard.press("End");
    expect(await readout()).toMatch(
      /^Unit 0 after 2023-12, the last step that it reads, from which 2024-12 is forecast/,
    );
    const map = page.locator(".stepped .heat-map").nth(3);
    await map.scrollIntoViewIfNeeded();
    const box = (await map.boundingBox())!;
    await map.hover({ position: { x: (box.width * 4.5) / seen, y: box.height / 2 } });
    await expect.poll(() => page.getAttribute(".curve-mark", "data-step")).toBe("4");
    const marked = (await page.locator(".curve-mark").boundingBox())!;
    expect(Math.abs(marked.x + marked.width / 2 - (box.x + (box.width * 4.5) / seen))).toBeLessThan(2);

    // The same address shows the same.
    expect(page.url()).toMatch(/&beside=seasonal\+naive&gates=sales$/);
    await page.reload();
    await page.waitForSelector(".scores td");
    expect(await rowOf(page, "this forecaster")).toEqual(own);
    await page.waitForSelector("figcaption >> text=seasonal naive");
    await page.waitForSelector(".stepped .heat-map canvas[data-cells]");
    await page.getByLabel("With the gates under the curve").uncheck();
    await page.getByLabel("Beside it in the curve").selectOption("nothing");
    await page.waitForURL(/epochs=60$/);
    await page.goto(`${address}#/models`);
    await page.getByRole("link", { name: "Forecast with months, sales, 12 ahead" }).click();
    await page.waitForSelector(".scores td");
  });
});

test("a table that is pasted: its column, settings and mistakes; training ends early", async () => {
  await withStudio({}, async (page, address) => {
    await page.goto(`${address}#/forecast`);
    await page.getByRole("combobox", { name: "Data", exact: true }).selectOption("paste");
    await page.getByLabel("Your table, as CSV").fill("a,b\n1,2\n3\n");
    await button(page, "Read it").click();
    await page.waitForSelector("[role=alert] >> text=line 3 has 1 field, line 1 has 2");
    await page.getByRole("combobox", { name: "Data", exact: true }).selectOption("paste");
    const lines = Array.from({ length: 60 }, (_, t) => `${t % 6},${10 + (t % 4)}`);
    await page.getByLabel("Your table, as CSV").fill(["a,b", ...lines].join("\n"));
    await button(page, "Read it").click();
    await page.waitForSelector("text=60 steps · columns a, b");
    await page.getByRole("combobox", { name: "Column", exact: true }).selectOption("b");
    await setting(page, "Horizon, steps", "0");
    await page.waitForSelector("[role=alert] >> text=Horizon, steps: a whole number from 1 to 1,000, not “0”.");
    expect(await button(page, "Train").isDisabled()).toBe(true);
    await setting(page, "Horizon, steps", "40");
    // What cannot be trained is said before.
    await page.waitForSelector("[role=alert] >> text=/Give a smaller horizon|too few are left/");
    expect(await button(page, "Train").isDisabled()).toBe(true);
    await setting(page, "Horizon, steps", "4");
    await page.click("text=More settings");
    await setting(page, "Epochs", "10000");
    await setting(page, "Units", "8");
    await button(page, "Train").click();
    await page.waitForSelector(".live .plot svg");
    await button(page, "Stop early and keep it").click();
    await page.waitForSelector(".scores td");
    expect(new URL(page.url()).hash).toContain("column=b&horizon=4");
    // One that is dropped anywhere, and one that is pasted outside of all fields.
    const give = (type: "drop" | "paste", name: string, table: string): Promise<void> =>
      page.evaluate(
        ([type, name, table]) => {
          const data = new DataTransfer();
          if (type === "drop") data.items.add(new File([table as string], name as string, { type: "text/csv" }));
          else data.setData("text/plain", table as string);
          const init = { bubbles: true, cancelable: true };
          document.body.dispatchEvent(
            type === "drop"
              ? new DragEvent("drop", { ...init, dataTransfer: data })
              : new ClipboardEvent("paste", { ...init, clipboardData: data }),
          );
        },
        [type, name, table],
      );
    const names = await page.locator(".scores tbody th").allTextContents();
    await give("drop", "dropped.csv", ["c", ...lines.map((line) => line.split(",")[0])].join("\n"));
    await page.waitForSelector("text=60 steps · column c");
    await give("paste", "", ["d\te", ...lines.slice(1).map((line) => line.replace(",", "\t"))].join("\n"));
    await page.waitForSelector("text=59 steps · columns d, e");
    // Without a season there is no seasonal naive forecast.
    expect(names).toEqual(["this forecaster", "naive", "drift", "Theta"]);
  });
});

test("columns known for the past and for the future, two targets and the calendar: what is missing is said, the model has them", async () => {
  await withStudio({}, async (page, address) => {
    await page.goto(`${address}#/forecast?data=days&epochs=2&units=8`);
    await page.waitForSelector("text=448 days");
    await page.click("text=What else it is told");
    const role = (column: string) => page.getByRole("combobox", { name: column, exact: true });
    expect(await role("promotion").locator("option").allTextContents()).toEqual([
      "left out",
      "known for the future too",
    ]);
    await role("promotion").selectOption("future");
    await role("price").selectOption("future");
    await setting(page, "Horizon, steps", "40");
    await page.waitForSelector(
      'form [role=alert] >> text=/"promotion" .* has it for 28 of the 40 days after 2024-02-25/',
    );
    expect(await button(page, "Train").isDisabled()).toBe(true);
    await setting(page, "Horizon, steps", "14");
    await page.waitForSelector("form [role=alert]", { state: "detached" });
    await role("visitors").selectOption("past");
    await page.getByLabel("day of the month", { exact: true }).uncheck();
    await page.getByLabel("day of the year", { exact: true }).uncheck();
    await train(page);
    expect(new URL(page.url()).hash).toMatch(
      /\?data=days&epochs=2&units=8&column=sold&future=promotion%2Cprice&horizon=14&past=visitors&calendar=dayOfWeek$/,
    );
    await page.waitForSelector(
      "text=known for the past alone: visitors · known for the future too: promotion, price · calendar: day of the week",
    );
    await page.click("text=The next 14 in numbers");
    expect(await page.textContent("figure.forecast tbody tr >> nth=0")).toContain("2024-02-26");
    // One more target has a picture of its own.
    await role("visitors").selectOption("column");
    await button(page, "Train").click();
    await page.waitForURL(/days-sold-and-1-more-14-ahead/);
    await expect.poll(() => page.locator("figure.forecast .plot svg").count()).toBe(2);
  });
});

test("a training goes on in other views, and the browser asks before the page is closed", async () => {
  const asked: string[] = [];
  const prepare = async (page: Page): Promise<void> =>
    void page.on("dialog", (dialog) => {
      asked.push(dialog.type());
      dialog.dismiss().catch(() => {});
    });
  await withStudio({ prepare }, async (page, address) => {
    await page.goto(`${address}#/forecast?epochs=10000&units=8`);
    await page.waitForSelector("text=144 months");
    await button(page, "Train").click();
    await page.waitForSelector(".live .plot svg");
    const epoch = async () => Number(/Epoch (\d+)/.exec((await page.textContent(".live")) ?? "")?.[1]);
    const before = await epoch();
    await page.goto(`${address}#/models`);
    await page.waitForSelector(".gallery");
    await page.goto(`${address}#/forecast`);
    await expect.poll(epoch).toBeGreaterThan(before);
    await page.evaluate(() => void setTimeout(() => location.reload()));
    await expect.poll(() => asked).toEqual(["beforeunload"]);
    await button(page, "Stop early and keep it").click();
    await page.waitForSelector(".scores td");
    await page.reload();
    await page.waitForSelector(".scores td");
    expect(asked).toEqual(["beforeunload"]);
  });
});

test("a file that is opened, and a forecaster's file: in the Models view it leads to its forecast, on other columns it says so", async () => {
  const [name, text] = ["months.csv", examples.months.make()];
  const table = text.replace("sales", "sold");
  writeFileSync(join(folder, "sold.csv"), table);
  const data = seriesOfTable(parseCsv(table, { name }));
  const made = forecaster(data, { horizon: 6, units: 8, head: "point" });
  writeFileSync(
    join(folder, "of sold.safetensors"),
    writeForecaster(await trainForecaster(made, data, { epochs: 2, threads: 1 })),
  );
  await withStudio({}, async (page, address) => {
    await page.goto(`${address}#/models`);
    await page.getByLabel("Open a file …").setInputFiles(join(folder, "of sold.safetensors"));
    await page.waitForURL(/#\/forecast\/of-sold$/);
    await page.waitForSelector('[role=alert] >> text=has no column of numbers "sold". It has "sales".');
    await page.goto(`${address}#/forecast`);
    await page.getByLabel("Open a CSV file …").setInputFiles(join(folder, "sold.csv"));
    await page.waitForSelector("text=column sold");
    await page.getByRole("combobox", { name: "Model", exact: true }).selectOption("of sold");
    await page.waitForSelector("figure.forecast .plot svg");
    await page.waitForSelector(".scores td");
    expect(page.url()).toMatch(/#\/forecast\/of-sold\?kept=\d+&name=sold.csv$/);
  });
});

test("a table that is refused stays, with the settings that the message names; another table begins anew", async () => {
  await withStudio({}, async (page, address) => {
    await page.goto(`${address}#/forecast`);
    await page.waitForSelector("text=144 months");
    const settings = page.locator("details", { hasText: "How the table is read" });
    expect(await settings.getAttribute("open")).toBe(null);
    const rows = Array.from({ length: 60 }, (_, t) => {
      const date = new Date(Date.UTC(2024, 0, 1 + t)).toISOString().slice(0, 10);
      return `${date};${10 + (t % 7)},5;${t % 3},25`;
    });
    const open = (name: string, buffer: Buffer): Promise<void> =>
      page.getByLabel("Open a CSV file …").setInputFiles({ name, mimeType: "text/csv", buffer });
    await open("comma.csv", Buffer.from(["day;sold;rain", ...rows].join("\n")));
    await page.waitForSelector('[role=alert] >> text=Choose “Decimal” "," if this is 10.5.');
    expect(await page.getByRole("combobox", { name: "Data", exact: true }).inputValue()).toBe("own");
    expect(
      await page.getByRole("combobox", { name: "Series (id)", exact: true }).locator("option").allTextContents(),
    ).toEqual(expect.arrayContaining(["day", "sold", "rain"]));
    if (process.env.SHOTS !== undefined)
      await page.screenshot({ path: join(process.env.SHOTS, "forecast-refused.png"), fullPage: true });
    await expectAccessible(page);
    await page.getByRole("combobox", { name: "Decimal", exact: true }).selectOption(",");
    await page.waitForSelector("text=60 days · 2024-01-01 to 2024-02-29 · columns sold, rain");
    expect(await page.locator("[role=alert]").count()).toBe(0);
    // The same address reads the same.
    await page.reload();
    await page.waitForSelector("text=60 days · 2024-01-01");
    await page.getByRole("textbox", { name: "Frequency" }).fill("moon");
    await page.getByRole("textbox", { name: "Frequency" }).press("Enter");
    await page.waitForSelector('[role=alert] >> text=“Frequency” "moon" is not known.');
    await page.getByRole("textbox", { name: "Frequency" }).fill("day");
    await page.getByRole("textbox", { name: "Frequency" }).press("Tab");
    await page.waitForSelector("text=60 days · 2024-01-01");
    await page.locator("form summary >> text=More settings").click();
    await setting(page, "Epochs", "2");
    await setting(page, "Units", "4");
    await train(page);
    // Other bytes than UTF-8 are refused as by the command, and nothing else changes.
    await open("latin1.csv", Buffer.from("date,Ums\xe4tze\n2024-01,1\n", "latin1"));
    await page.waitForSelector("[role=alert] >> text=latin1.csv: byte 8 (0xe4) is not UTF-8 text.");
    await page.waitForSelector("text=60 days · 2024-01-01");
    await open("twice.csv", Buffer.from("day,sold\n2024-01-01,1\n2024-01-01,2\n2024-01-02,4\n2024-01-03,4\n"));
    await page.waitForSelector("[role=alert] >> text=choose “Duplicates”");
    expect(await page.getByRole("combobox", { name: "Decimal", exact: true }).inputValue()).toBe("");
    await page.getByRole("combobox", { name: "Duplicates", exact: true }).selectOption("mean");
    await page.waitForSelector("text=3 days");
  });
});

test.each([
  [1280, "light"],
  [390, "dark"],
] as const)(
  "at %i pixels, %s: a forecast breaks no rule of axe-core and does not scroll sideways",
  async (width, colorScheme) => {
    await withStudio({ width, colorScheme }, async (page, address) => {
      await page.goto(`${address}#/forecast?data=days&epochs=30&past=visitors&future=price%2Cpromotion`);
      await page.waitForSelector("text=448 days");
      await train(page);
      await page.getByLabel("Beside it in the curve").selectOption("seasonal naive");
      await page.getByLabel("With the gates under the curve").check();
      await page.waitForSelector(".stepped .heat-map canvas[data-cells]");
      await page.waitForSelector(".curve .plot svg");
      await page.evaluate(() => {
        for (const one of document.querySelectorAll("main details")) (one as HTMLDetailsElement).open = true;
      });
      if (process.env.SHOTS !== undefined) {
        await page.screenshot({
          path: join(process.env.SHOTS, `forecast-${width}-${colorScheme}.png`),
          fullPage: true,
        });
      }
      await expectAccessible(page);
      await expectNoSidewaysScrolling(page);
      await page.emulateMedia({ colorScheme: colorScheme === "light" ? "dark" : "light", reducedMotion: "reduce" });
      await expectAccessible(page, ["color-contrast", "link-in-text-block"]);
      if (process.env.SHOTS !== undefined) {
        await page.screenshot({ path: join(process.env.SHOTS, `forecast-${width}-other.png`), fullPage: true });
      }
    });
  },
);
