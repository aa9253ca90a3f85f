/** The Lab's parts that need no page: words, links, the drawing of graphs, small texts, settings, curves. */
import { expect, test } from "vitest";
import { cells } from "../../src/cells/index.ts";
import { type Cell, cell, EquationError } from "../../src/graph/cell.ts";
import { explainCell } from "../../src/nn/explain.ts";
import { createRandom } from "../../src/nn/random.ts";
import { layOut } from "../../src/studio/components/graph-layout.ts";
import { duration, lossesAsCsv, withPoint } from "../../src/studio/models/losses.ts";
import { type SmallTaskName, smallTasks, smallTaskText } from "../../src/studio/models/small-tasks.ts";
import { pictureOf } from "../../src/studio/views/lab/picture.ts";
import { numberOf, problemOf, settingsOf, standardForm } from "../../src/studio/views/lab/settings.ts";
import { packText, unpackText } from "../../src/studio/views/lab/share.ts";
import { placeOf, wordsOf } from "../../src/studio/views/lab/words.ts";

const roles = (text: string) => wordsOf(text).map((word) => `${word.role} ${word.text}`);

test("words: states, values, parameters, functions, initialisers, sizes and comments are told apart", () => {
  expect(roles("z = tanh(W @ x + 0.5)\nh' = z * h # new\nW ~ ones\nz : units").join(", ")).toBe(
    "value z, symbol =, function tanh, symbol (, parameter W, symbol @, input x, symbol +, number 0.5, symbol ), " +
      "state h', symbol =, value z, symbol *, state h, comment new, parameter W, symbol ~, initializer ones, " +
      "value z, symbol :, size units",
  );
});

test("words: what the tokenizer stops at is left out, and what follows is not", () => {
  expect(roles("h' = 2x ^ h'' + 𝒳 * ? b").join(", ")).toBe(
    "state h', symbol =, symbol +, parameter 𝒳, symbol *, parameter b",
  );
  const [, , , last] = wordsOf("a = 𝒳 ? b");
  expect(last).toMatchObject({ text: "b", from: 9, to: 10 });
  expect(wordsOf("?".repeat(50_000))).toEqual([]);
});

test("a mistake's place is the word there, in UTF-16 units, with the message alone", () => {
  const text = "𝒳 = W @ x\ny = 𝒳 + sigmod(x)";
  try {
    cell(text);
    expect.unreachable();
  } catch (error) {
    const { message, from, to } = placeOf(text, error as EquationError);
    expect(text.slice(from, to)).toBe("sigmod");
    expect(message).toBe('unknown function "sigmod". Did you mean sigmoid?');
  }
  const end = placeOf("y =", new EquationError("line 1, column 4: expected a value", 1, 4));
  expect(end).toEqual({ message: "expected a value", from: 3, to: 3, line: 1 });
});

test("links: every built-in cell comes back; what is cut, changed or too long does not", async () => {
  for (const { source } of Object.values(cells)) expect(await unpackText(await packText(source))).toBe(source);
  expect(await unpackText(await packText(""))).toBe("");
  const packed = await packText("h' = tanh(W @ x + U @ h + b)  # größer ≥ 0 😀");
  expect(packed).toMatch(/^[\w-]+$/);
  const refused = /cannot be read/;
  for (const broken of [packed.slice(0, -4), `${packed.slice(0, 9)}*${packed.slice(10)}`, "", "h' = x"]) {
    await expect(unpackText(broken)).rejects.toThrow(refused);
  }
  await expect(unpackText(await packText("a".repeat(100_001)))).rejects.toThrow(refused);
});

const drawn = (source: Cell) => {
  const { forward, facts } = explainCell("", source, { units: 8, input: 8, batch: 2, steps: 3 });
  return pictureOf(forward, facts.hoisted);
};

test("the picture of a GRU: leaves join what reads them, sums of sums are one, its state is one loop", () => {
  const { boxes, loops } = drawn(cells.gru as Cell);
  const text = boxes.map(({ label, operands, hoisted }) =>
    `${label}${hoisted ? "*" : ""} ${operands.join(" ")}`.trim(),
  );
  expect(text.join(", ")).toBe(
    "x, h, W_z @* 0, U_z @ 1, + b_z 2 3, z = σ 4, W_r @* 0, U_r @ 1, + b_r 6 7, r = σ 8, " +
      "W_g @* 0, × 9 1, U_g @ 11, + b_g 10 12, g = tanh 13, × 5 1, 1 − 5, × 16 14, h' = + 15 17, output 18",
  );
  expect(boxes.at(-1)?.kind).toBe("output");
  expect(loops).toEqual([{ state: "h", from: boxes.findIndex(({ name }) => name === "h'"), to: 1 }]);
});

test("every built-in cell is drawn: edges go from left to right, and no two boxes lie over each other", () => {
  for (const [name, source] of Object.entries(cells)) {
    const { boxes, loops } = drawn(source);
    const late = boxes.map(({ kind }) => kind === "state" || kind === "parameter");
    const layout = layOut(
      boxes.map(({ operands }) => operands),
      late,
    );
    expect(loops.map(({ state }) => state).sort(), name).toEqual([...source.states].sort());
    for (const { points } of layout.edges) {
      points.slice(1).forEach((point, k) => expect(point.layer, name).toBe((points[k]?.layer as number) + 1));
    }
    for (let layer = 0; layer < layout.layers; layer++) {
      const heights = layout.boxes
        .filter((box) => box.layer === layer)
        .map(({ y }) => y)
        .sort((a, b) => a - b);
      heights.slice(1).forEach((y, k) => expect(y - (heights[k] as number), name).toBeGreaterThan(0.999));
      expect(Math.min(...heights)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...heights)).toBeLessThanOrEqual(layout.height);
    }
  }
});

test("edges that can be drawn without crossing are", () => {
  // Two chains, the second given first in its middle.
  const layout = layOut([[], [], [1], [0], [3], [2]], [false, false, false, false, false, false]);
  const y = layout.boxes.map((box) => box.y);
  expect(Math.sign((y[3] as number) - (y[2] as number))).toBe(Math.sign((y[4] as number) - (y[5] as number)));
});

test.each(Object.keys(smallTasks) as SmallTaskName[])(
  "the small task %s: the same seed, the same text, whole lines",
  (name) => {
    const text = smallTaskText(name, 3);
    expect(smallTaskText(name, 3)).toBe(text);
    expect(text.length).toBeGreaterThanOrEqual(60_000);
    expect(text.endsWith("\n")).toBe(true);
    if (name !== "pattern") expect(smallTaskText(name, 4)).not.toBe(text);
  },
);

test("small tasks are right: sums add up, brackets close, words come twice, rows are shifted by one", () => {
  const random = createRandom(7);
  for (let k = 0; k < 300; k++) {
    const [, a, b, sum] = /^(\d+)\+(\d+)=(\d+)$/.exec(smallTasks.sums.line(random)) as RegExpExecArray;
    expect(Number(a) + Number(b)).toBe(Number(sum));
    let brackets = smallTasks.brackets.line(random);
    for (let left = -1; left !== brackets.length; ) {
      left = brackets.length;
      brackets = brackets.replace(/\(\)|\[\]|\{\}/g, "");
    }
    expect(brackets).toBe("");
    expect(smallTasks.copying.line(random)).toMatch(/^([a-z]{8}) \1$/);
    const [from, to] = smallTasks.counting
      .line(random)
      .split(" > ")
      .map((row) => row.split(" ").map(Number));
    expect(to).toEqual(from?.map((n) => n + 1));
  }
});

test("settings: what is no such number is said, with what would be right", () => {
  expect(problemOf("units", "64")).toBeUndefined();
  expect(problemOf("units", "6.5")).toBe('Units: a whole number from 1 to 8,192, not "6.5".');
  expect(problemOf("units", "")).toBe("Units: a whole number from 1 to 8,192, not nothing.");
  expect(problemOf("learningRate", "0,01")).toBe(
    'Learning rate: a number above 0, at most 10, not "0,01". Write 0.01.',
  );
  expect(problemOf("learningRate", "0")).toMatch(/above 0/);
  expect(problemOf("dropout", "NaN")).toMatch(/from 0 to 0.9/);
  expect(numberOf({ ...standardForm, units: "many" }, "units")).toBe(128);
  expect(settingsOf(standardForm)).toMatchObject({ units: 128, learningRate: 0.008, until: { epochs: 6 } });
  expect(settingsOf({ ...standardForm, minutes: "long" })).toBeDefined();
  expect(settingsOf({ ...standardForm, until: "minutes", minutes: "long" })).toBeUndefined();
});

test("losses: a long training keeps its ends and its validations; the table has a row a point", () => {
  let losses: Parameters<typeof withPoint>[0] = [];
  for (let step = 1; step <= 10_000; step++) {
    losses = withPoint(losses, { step, loss: 1 / step, validationLoss: step % 1000 === 0 ? 2 : null, elapsedMs: step });
  }
  expect(losses.length).toBeLessThanOrEqual(1500);
  expect(losses.length).toBeGreaterThan(700);
  expect(losses[0]?.step).toBe(1);
  expect(losses.at(-1)?.step).toBe(10_000);
  expect(losses.filter(({ validationLoss }) => validationLoss === 2)).toHaveLength(10);
  expect(lossesAsCsv(losses.slice(-2)).split("\n")).toEqual([
    "step,loss,validation_loss,seconds",
    expect.stringMatching(/^\d+,0\.0001\d*,,\d\.\d{3}$/),
    "10000,0.0001,2,10.000",
    "",
  ]);
  expect([4_000, 61_000, 3_700_000, Number.NaN].map(duration)).toEqual(["4 s", "1 min 1 s", "1 h 1 min", "unknown"]);
});
