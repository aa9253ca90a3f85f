import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { reviews } from "../tasks/classify/made-reviews.ts";
import { recipeLines } from "./recipe.ts";

const folder = temporaryFolder();

test("sentiment: every tenth line is told by the others; two networks are averaged", { timeout: 120_000 }, async () => {
  const all = reviews(400, 1);
  const files = (["good", "bad"] as const).map((label) => {
    const file = join(folder, label);
    const own = all.filter((one) => one.label === label).map(({ text }) => text);
    writeFileSync(file, `${own.join("\n")}\n`);
    return file;
  });
  const [one, total] = await recipeLines("sentiment", ...files, "--units", "8", "--epochs", "12", "--members", "2");
  expect(one).toMatchObject({ seed: 0, of: 40, each: [expect.any(Number), expect.any(Number)] });
  expect(total).toMatchObject({ mean: one?.together, spread: 0, of: 40 });
  expect(one?.together).toBeGreaterThan(0.8);
  const [validated] = await recipeLines("sentiment", ...files, "--units", "2", "--epochs", "1", "--validate");
  expect(validated?.of).toBe(40);
});
