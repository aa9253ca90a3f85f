import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import { deviation, mean, median, welch } from "../../recipes/chorales/statistics.ts";
import { plotVariants } from "../../recipes/chorales/variants-plot.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { recipe, recipeLines } from "./recipe.ts";

const folder = temporaryFolder();
const scale = [[60], [62], [64], [65], [67]];
const data = join(folder, "pieces.json");
writeFileSync(data, JSON.stringify({ train: [scale, scale, scale, scale], valid: [scale], test: [scale, scale] }));

test("mean, median, deviation and Welch's t of small samples", () => {
  expect(mean([1, 2, 6])).toBe(3);
  expect(median([6, 1, 2])).toBe(2);
  expect(median([6, 1, 2, 4])).toBe(3);
  expect(deviation([1, 2, 6])).toBeCloseTo(Math.sqrt(7), 12);
  // (3 - 2) / sqrt(7 / 3 + 1 / 3)
  expect(welch([1, 2, 6], [1, 2, 3])).toBeCloseTo(Math.sqrt(3 / 8), 12);
});

test("the plot has a row a variant, the best median first, a point a seed, and the unit", () => {
  const samples = [
    { variant: "plain", test: [8.5, 8.6, 8.7] },
    { variant: "worse", test: [8.8, 8.9, 9] },
    { variant: "better", test: [8.1, 8.2, 8.9] },
  ];
  const svg = plotVariants(samples, "loss (nats)");
  expect(svg.startsWith('<svg xmlns="http://www.w3.org/2000/svg"')).toBe(true);
  const { document } = parseHTML(svg);
  const texts = (label: string): (string | null)[] =>
    [...document.querySelectorAll(`[aria-label="${label}"] text`)].map((text) => text.textContent);
  expect(texts("y-axis tick label")).toEqual(["better", "plain", "worse"]);
  expect(texts("x-axis label")).toEqual(["loss (nats)"]);
  expect(texts("text")).toEqual(["median of plain"]);
  const at = [...document.querySelectorAll('[aria-label="dot"] circle')].map((dot) => [
    Number(dot.getAttribute("cy")),
    Number(dot.getAttribute("cx")),
  ]);
  expect(at).toHaveLength(9);
  const [row, from] = at[0] as [number, number];
  const [, to] = at[2] as [number, number];
  // 8.5 to 8.7 are as far from each other as 8.8 to 9, a row below.
  const [rowBelow, fromBelow] = at[3] as [number, number];
  const [, toBelow] = at[5] as [number, number];
  expect(rowBelow).toBeGreaterThan(row);
  expect(to - from).toBeGreaterThan(0);
  expect(toBelow - fromBelow).toBeCloseTo(to - from, 6);
});

test("every variant learns with every rate and seed, as it does alone; the better rate on the validation set counts", {
  timeout: 120_000,
}, async () => {
  const out = join(folder, "new/results");
  const lines = await recipeLines("odyssey", data, "--out", out, "--seeds", "2", "--units", "3", "--epochs", "2");
  const runs = lines.slice(0, -1) as {
    cell: string;
    learningRate: number;
    seed: number;
    validationLoss: number;
    testLoss: number;
  }[];
  expect(runs).toHaveLength(9 * 2 * 2);
  expect(lines.at(-1)).toMatchObject({ table: join(out, "odyssey.md"), plot: join(out, "odyssey.svg") });
  expect(readdirSync(out).sort()).toEqual(["odyssey.md", "odyssey.svg"]);
  const [header, , ...rows] = readFileSync(join(out, "odyssey.md"), "utf8")
    .trim()
    .split("\n")
    .map((row) => row.split("|").map((part) => part.trim()));
  expect(rows.map((row) => row.length)).toEqual(Array(9).fill(header?.length));
  const of = (cell: string, rate: number): typeof runs =>
    runs.filter((run) => `\`${run.cell}\`` === cell && run.learningRate === rate);
  const best = (cell: string): typeof runs => {
    const [low, high] = [of(cell, 0.002), of(cell, 0.006)];
    const loss = (some: typeof runs): number => mean(some.map((run) => run.validationLoss));
    return loss(low) < loss(high) ? low : high;
  };
  const vanilla = mean(best("`peephole-lstm`").map((run) => run.testLoss));
  for (const [, , cell = "", , rate, validation, tested, , , difference] of rows) {
    const own = best(cell);
    expect(Number(rate)).toBe(own[0]?.learningRate);
    expect(validation).toBe(mean(own.map((run) => run.validationLoss)).toFixed(3));
    const test = mean(own.map((run) => run.testLoss));
    expect(tested?.startsWith(test.toFixed(3))).toBe(true);
    if (difference === "") expect(cell).toBe("`peephole-lstm`");
    else expect(Number(difference?.replace("−", "-"))).toBeCloseTo(test - vanilla, 2);
  }
  const settings = ["--learning-rate", "0.006", "--seed", "1", "--units", "3", "--epochs", "2"];
  const alone = (await recipeLines("jsb-chorales", data, "--cell", "lstm-fgr", ...settings)).at(-1);
  expect(of("`lstm-fgr`", 0.006).find(({ seed }) => seed === 1)?.testLoss).toBe(alone?.testLoss);
});

test("without a folder to write to nothing is trained: one line, exit 2", async () => {
  expect(await recipe("odyssey", data)).toEqual({
    code: 2,
    out: "",
    err: "unrolled: --out: name the folder for the table and the plot, --out DIR.\n",
  });
  expect(await recipe("odyssey", data, "--out", join(data, "in-a-file"))).toMatchObject({
    code: 2,
    out: "",
    err: expect.stringMatching(/^unrolled: .+in-a-file: the folder cannot be made\. Choose another place\.\n$/),
  });
});
