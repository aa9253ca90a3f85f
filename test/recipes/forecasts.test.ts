/** The recipes of forecasts, on tables of the right length that the test makes. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { recipe, recipeLines } from "./recipe.ts";

const folder = temporaryFolder();
/** Months with a trend and a season. */
const months = (name: string, count: number): string => {
  const rows = Array.from({ length: count }, (_, t) => {
    const date = `${1949 + Math.floor(t / 12)}-${String(1 + (t % 12)).padStart(2, "0")}-01`;
    return `${date},${(100 + t + 20 * Math.sin((2 * Math.PI * t) / 12)).toFixed(2)}`;
  });
  const path = join(folder, name);
  writeFileSync(path, `Month,Value\n${rows.join("\n")}\n`);
  return path;
};

test("air passengers in one go and six months ahead; sales of 18 months: percentage errors below 5 and 6", async () => {
  const [once, ahead] = await recipeLines("air-passengers", months("air.csv", 144));
  expect([once?.task, ahead?.task]).toEqual(["in one go", "six months ahead"]);
  // Repeating the last value is off by 8 and more of a hundred.
  expect(once?.mape).toBeLessThan(5);
  expect(ahead?.mape).toBeLessThan(5);
  const [sales] = await recipeLines("retail-sales", months("sales.csv", 376));
  expect(sales?.mape).toBeLessThan(6);
});

test("ETTh1: one variable of its first 14,400 hours, trained on the first 8,640", async () => {
  const rows = Array.from({ length: 14_400 }, (_, t) => {
    const date = new Date(Date.UTC(2016, 6, 1) + t * 3_600_000).toISOString().slice(0, 19).replace("T", " ");
    return `${date},${Math.sin((2 * Math.PI * t) / 24).toFixed(4)}`;
  });
  const path = join(folder, "hours.csv");
  writeFileSync(path, `date,OT\n${rows.join("\n")}\n`);
  const few = [
    "--horizon",
    "24",
    "--units",
    "16",
    "--epochs",
    "2",
    "--rate",
    "0.01",
    "--batch",
    "64",
    "--threads",
    "1",
  ];
  const lines = await recipeLines("etth1", path, "--column", "OT", ...few);
  expect(lines).toHaveLength(3);
  expect(lines[0]).toMatchObject({ horizon: 24, seed: 0, epoch: 0 });
  // A wave without noise: the mean has 1.
  expect(lines[2]?.mse).toBeLessThan(0.3);
  expect(lines[2]?.validationMse).toBeLessThan(0.3);
});

test("another file is one line and exit 2", async () => {
  const other = months("other.csv", 60);
  for (const [name, message] of [
    ["air-passengers", "is not airline-passengers.csv"],
    ["retail-sales", "is not RSCCASN.csv"],
    ["etth1", "is not ETTh1.csv"],
  ] as const) {
    const { code, out, err } = await recipe(name, other);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain(`${other}: ${message}`);
    expect(err.trim().split("\n")).toHaveLength(1);
  }
});
