/** The recipes of trajectories and handwriting, on small tables that the test makes. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { softWindow, startsOf, windowInputs } from "../../recipes/handwriting/soft-window.ts";
import { drawLine, drawSvg, movementsOf } from "../../recipes/handwriting/strokes.ts";
import { dense, input, recurrent } from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";
import { createRandom } from "../../src/nn/random.ts";
import { fit } from "../../src/train/fit.ts";
import { adam } from "../../src/train/optimizers.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { recipe, recipeLines } from "./recipe.ts";

const folder = temporaryFolder();
const host = ["--engine", "wasm", "--threads", "1"];
/** The cut of each file between its training and its validation part. */
const cuts = {
  ...{ biwi_eth: 10240, biwi_hotel: 14400, crowds_zara01: 7110, crowds_zara02: 8420, crowds_zara03: 6030 },
  ...{ students001: 3550, students003: 4320, uni_examples: 5940 },
};
for (const [name, cut] of Object.entries(cuts)) {
  const rows = Array.from({ length: 60 }, (_, t) =>
    [1, 2].map((id) => `${cut + 10 * (t - 30)}\t${id}.0\t${id * t}\t${t % 3}`),
  );
  writeFileSync(join(folder, `${name}.txt`), `${rows.flat().join("\n")}\n`);
}

test("eth-ucy leaves the scene out, validates after each file's cut, and measures beside constant velocity", async () => {
  const [line, ...others] = await recipeLines(
    "eth-ucy",
    folder,
    "--scene",
    "HOTEL",
    "--seeds",
    "1",
    "--epochs",
    "1",
    ...host,
  );
  expect(others).toEqual([]);
  // Two tracks of 60 steps: 41 windows each.
  expect(line).toMatchObject({ scene: "HOTEL", seed: 0, model: { windows: 82 }, constantVelocity: { windows: 82 } });
  expect(line?.validation).toMatchObject({ windows: 7 * 2 * 11 });
});

const shared = join(process.env.UNROLLED_DATA ?? join(import.meta.dirname, "../../../shared/data"), "trajectories");
test.skipIf(!existsSync(shared))(
  "the published protocol's constant velocity comes out (skipped without ../shared/data)",
  async () => {
    const args = ["--scene", "HOTEL", "--seeds", "1", "--epochs", "1", ...host];
    const [line] = await recipeLines("eth-ucy", shared, ...args);
    const { ade, fde, windows } = (line as { constantVelocity: unknown }).constantVelocity as {
      ade: number;
      fde: number;
      windows: number;
    };
    expect([windows, ade.toFixed(2), fde.toFixed(2)]).toEqual([1197, "0.32", "0.61"]);
  },
);

test("ngsim tests on the last 6 vehicles, with errors after 1 to 5 seconds", async () => {
  const file = join(folder, "cars.csv");
  const rows = Array.from({ length: 12 }, (_, car) =>
    Array.from({ length: 90 }, (_, t) => `${car + 1},${t},${3 * car + Math.sin(t / 9)},${(car + 5) * t}`),
  );
  writeFileSync(file, `Vehicle_ID,Frame_ID,local_x(m),local_y(m)\n${rows.flat().join("\n")}\n`);
  const [line] = await recipeLines("ngsim", file, "--seeds", "1", "--epochs", "1", ...host);
  // 45 steps at 5 a second, 40 a window.
  expect(line).toMatchObject({ windows: 6 * 6, rmse: expect.any(Array) });
  expect(line?.constantVelocity).toHaveLength(5);
});

test("strokes: a word is one stroke, each i has its dot, and the same seed draws the same", () => {
  const points = drawLine(createRandom(3), 2);
  expect(points).toEqual(drawLine(createRandom(3), 2));
  const strokes = points.filter(({ end }) => end).length;
  expect(strokes).toBeGreaterThanOrEqual(2);
  const movements = movementsOf(points);
  expect(movements.length).toBe(points.length - 1);
  expect(movements.filter(([, , end]) => end === 1).length).toBe(strokes);
  expect(drawSvg([{ title: "one", movements }])).toContain(">one</text>");
});

test("the soft window: a layer that sees a text through it learns to read it, letter by letter", async () => {
  const sizes = { places: 6, letters: 4, windows: 2 };
  const units = 20;
  const { layers, from } = windowInputs(units, sizes);
  const reading = recurrent(softWindow(sizes), { units, returnSequences: true, reads: "pen", initialState: { from } });
  const model = sequential([input(1, { name: "pen" }), ...layers, reading, dense(sizes.letters)], { seed: 1 });
  const random = createRandom(1);
  const texts = Array.from({ length: 300 }, () =>
    Array.from({ length: sizes.places }, () => random.integer(sizes.letters)),
  );
  const x = { pen: texts.map((text) => text.map(() => [1])), ...startsOf(texts, units, sizes) };
  const { history } = await fit(model, x, texts, {
    ...{ epochs: 30, batchSize: 20, metrics: ["accuracy"], validationSplit: 0.2, threads: 1, clipNorm: 1 },
    optimizer: adam({ learningRate: 0.01 }),
  });
  expect(history.valAccuracy?.[0]).toBeLessThan(0.7);
  expect(history.valAccuracy?.at(-1)).toBeGreaterThan(0.95);
});

test("handwriting learns, and draws what it writes", async () => {
  const out = join(folder, "writing.svg");
  const lines = await recipeLines("handwriting", "--out", out, "--lines", "20", "--epochs", "2", ...host);
  expect(lines.map(({ epoch }) => epoch)).toEqual([1, 2, undefined]);
  expect(lines[1]?.loss).toBeLessThan(lines[0]?.loss as number);
  expect(readFileSync(out, "utf8").match(/<path/g)?.length).toBe(4);
});

test("a folder without the files is one line and exit 2", async () => {
  expect(await recipe("eth-ucy", join(folder, "nothing"))).toMatchObject({
    code: 2,
    err: `unrolled: ${join(folder, "nothing/biwi_eth.txt")}: there is no such file. Check the name and the folder.\n`,
  });
});
