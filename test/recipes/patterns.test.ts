import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { json, sampleText, tiny } from "../cli/run.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { recipe, recipeLines } from "./recipe.ts";

const folder = temporaryFolder();
const text = join(folder, "text.txt");
writeFileSync(text, sampleText(120));

test("the recipe tells of each pattern which unit follows, what shifted ones give, and what is lost without the unit", {
  timeout: 60_000,
}, async () => {
  await json(folder, "train", text, "--out", "m.safetensors", "--epochs", "1", ...tiny);
  const options = ["--expression", "sat=sat", "--others", "3", "--threads", "1", "--random", "8"];
  const lines = await recipeLines("patterns", join(folder, "m.safetensors"), text, ...options);
  const found = lines.filter(({ following }) => following !== undefined);
  expect(found.map(({ pattern }) => pattern)).toEqual([
    ...["inside quotes", "inside parentheses", "place in the line", "words with a capital", "numbers"],
    ...["the fifth letter of a word and all after it", "sat"],
  ]);
  expect(found[0]).toMatchObject({ following: { verdict: "too few", beginnings: [0, 0] }, probe: null });
  expect(found[6]).toMatchObject({
    unit: expect.stringMatching(/^[ch]\[[0-5]\]$/),
    following: { first: { most: expect.any(Number) }, second: { usual: expect.any(Number) } },
    probe: { kind: "classes", units: 12 },
  });
  const lost = lines.filter(({ without }) => without !== undefined);
  expect(lost).toHaveLength(7);
  expect(lost[6]).toMatchObject({ pattern: "sat", without: found[6]?.unit, on: expect.any(Number) });
  const chance = lines.find(({ random }) => random !== undefined);
  expect(chance).toMatchObject({ random: 8, followed: expect.any(Number) });
  expect(chance?.followed).toBeLessThanOrEqual(2);
  const { table } = lines.at(-1) as { table: string };
  expect(table).toMatch(/^\| inside quotes \| 0 \+ 0 \| {2}\| {2}\| {2}\| {2}\| {2}\| too few to say \|$/m);
  expect(table).toMatch(/^\| sat \| \d+ \+ \d+ \| `[ch]\[\d\]` \| −?0\.\d{3} \| 0\.\d{3}, 0\.\d{3} \| /m);
  expect(table).not.toMatch(/NaN|undefined/);
});

test("a file that is no model is one line and exit 2", async () => {
  expect(await recipe("patterns", text, text)).toMatchObject({
    code: 2,
    err: expect.stringMatching(/^unrolled: [^\n]*\n$/),
  });
});
