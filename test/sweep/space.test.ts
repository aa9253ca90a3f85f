import { expect, test } from "vitest";
import { countPoints, readSpace, valueAt, valuesOf } from "../../src/sweep/space.ts";
import { refusal } from "../helpers/refusal.ts";

const axis = (name: string, given: unknown) => {
  const [one] = readSpace({ [name]: given }, "space.json");
  return one as NonNullable<typeof one>;
};

test.each([
  [
    [],
    'space.json: must be an object with a list or a range for each setting, as {"units": [64, 128]}, got a list of 0.',
  ],
  [{}, 'space.json: is empty. Name at least one setting to search, as {"units": [64, 128]}.'],
  [{ unit: [1] }, 'space.json: "unit" is no setting of a training that can be searched. Did you mean units?'],
  [
    { learning_rate: [1] },
    'space.json: "learning_rate" is no setting of a training that can be searched. Did you mean rate?',
  ],
  [{ tokens: ["char"] }, /^space\.json: tokens decides what the loss is measured on, .* Fix it for all trials\.$/],
  [{ minutes: [1] }, /^space\.json: minutes makes a trial depend on the speed of its machine\./],
  [{ units: 64 }, 'space.json: units: must be a list of values or a range, as [1, 2] or {"from": 1, "to": 4}, got 64.'],
  [{ units: [] }, "space.json: units: the list is empty. Give at least one value."],
  [{ units: [64, "128"] }, 'space.json: units[1]: must be a whole number of at least 1, got "128".'],
  [{ units: [64, 64] }, "space.json: units: 64 stands there twice. Give it once."],
  [{ dropout: [1] }, "space.json: dropout[0]: must be a number from 0 to 0.99, got 1."],
  [{ rate: [0] }, "space.json: rate[0]: must be a number above 0, got 0."],
  [{ optimizer: ["adm"] }, /^space\.json: optimizer\[0\]: must be one of sgd, .*, got "adm"\. Did you mean adam\?$/],
  [{ cell: [""] }, 'space.json: cell[0]: must be the name of a cell, got "".'],
  [{ cell: { from: 1, to: 2 } }, "space.json: cell: has words as values, so it has no range. Give a list of them."],
  [
    { optimizer: { from: 1, to: 2 } },
    "space.json: optimizer: has words as values, so it has no range. Give a list of them.",
  ],
  [{ units: { min: 1, max: 2 } }, 'space.json: units: "min" is no part of a range. Did you mean from?'],
  [{ units: { from: 1 } }, 'space.json: units: the range has no "to". Give a number.'],
  [{ units: { from: 1.5, to: 2 } }, "space.json: units.from: must be a whole number of at least 1, got 1.5."],
  [{ units: { from: 8, to: 2 } }, "space.json: units: from 8 to 2 is no range, as 8 is above 2. Swap them."],
  [{ units: { from: 8, to: 8 } }, "space.json: units: from 8 to 8 is one value. Give it as a list: [8]."],
  [{ rate: { from: 1, to: 2, scale: "lg" } }, 'space.json: rate.scale: must be "linear" or "log", got "lg".'],
  [
    { dropout: { from: 0, to: 0.5, scale: "log" } },
    'space.json: dropout.from: 0 has no logarithm. Give a number above 0, or leave out "scale".',
  ],
  [{ rate: { from: 1, to: 2, points: 1 } }, "space.json: rate.points: must be a whole number from 2 to 1000, got 1."],
])("a space with a mistake, %j, is told by one line", (given, message) => {
  expect(refusal(() => readSpace(given, "space.json"))).toMatch(
    typeof message === "string" ? new RegExp(`^${message.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`) : message,
  );
});

test("a place of [0, 1) becomes a value: of a list each as often, of a range its ends and, by logarithms, its middle", () => {
  const list = axis("units", [8, 16, 32]);
  expect([0, 0.3, 0.34, 0.67, 0.999].map((place) => valueAt(list, place))).toEqual([8, 8, 16, 32, 32]);
  const log = axis("rate", { from: 1e-4, to: 1e-2, scale: "log" });
  expect([0, 0.5, 1].map((place) => valueAt(log, place))).toEqual([1e-4, 1e-3, 1e-2]);
  expect(valueAt(axis("dropout", { from: 0, to: 0.5 }), 1 / 3)).toBe(0.1667);
});

test("of a range of whole numbers each has its room, the last one too", () => {
  const whole = axis("layers", { from: 1, to: 3 });
  expect([0, 0.33, 0.34, 0.66, 0.67, 0.9999].map((place) => valueAt(whole, place))).toEqual([1, 1, 2, 2, 3, 3]);
  const log = axis("units", { from: 16, to: 255, scale: "log" });
  // From 16 to 256 are four doublings.
  expect([0, 0.25, 0.5, 0.75, 0.99999].map((place) => valueAt(log, place))).toEqual([16, 32, 64, 128, 255]);
});

test("points of a range are its ends and what lies evenly between them; whole numbers that are equal count once", () => {
  expect(valuesOf(axis("rate", { from: 0.001, to: 0.1, scale: "log", points: 3 }))).toEqual([0.001, 0.01, 0.1]);
  expect(valuesOf(axis("units", { from: 1, to: 4, points: 10 }))).toEqual([1, 2, 3, 4]);
  expect(valuesOf(axis("layers", { from: 1, to: 3 }))).toEqual([1, 2, 3]);
  expect(valuesOf(axis("rate", { from: 1, to: 3 }))).toBeUndefined();
});

test("a space has as many points as its values make, and without end where one is not whole", () => {
  expect(countPoints(readSpace({ units: [8, 16], layers: { from: 1, to: 3 } }, "s"))).toBe(6);
  expect(countPoints(readSpace({ units: [8, 16], rate: { from: 1, to: 3 } }, "s"))).toBe(Infinity);
});
