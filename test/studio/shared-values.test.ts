/** What a reader has set in a chapter, in an address and out of it. */
import { expect, test } from "vitest";
import { linkTo, readAddress } from "../../src/studio/address.ts";
import {
  aName,
  aNumber,
  aText,
  numbers,
  readValues,
  switches,
  withoutValues,
  writeValues,
} from "../../src/studio/views/learn/shared-values.ts";

const kinds = {
  units: aNumber(8, { min: 1, max: 16, step: 1 }),
  scale: aNumber(0.8, { min: 0.2, max: 3, step: 0.1 }),
  cell: aName<"lstm" | "gru">("lstm", { lstm: "LSTM", gru: "GRU" }),
  x: numbers([0, 0.5], { min: -1, max: 1, step: 0.1 }),
  on: switches([false, true]),
  word: aText("whale", 5),
};
const standard = readValues(kinds, {});

test("values come back from an address; the standard ones are not in it, and what else is there stays", () => {
  const set = { units: 16, scale: 1.7, cell: "gru", x: [-0.3, 1], on: [true, false], word: "ü & #" } as const;
  const query = writeValues(kinds, set, { shape: "last" });
  expect(query).toEqual({
    shape: "last",
    units: "16",
    scale: "1.7",
    cell: "gru",
    x: "-0.3,1",
    on: "10",
    word: "ü & #",
  });
  const read = readAddress(linkTo("learn", ["memory"], query)).query;
  expect(readValues(kinds, read)).toEqual(set);
  expect(writeValues(kinds, standard, query)).toEqual({ shape: "last" });
  expect(withoutValues(kinds, query)).toEqual({ shape: "last" });
});

test.each([
  [{ units: "0" }],
  [{ units: "17" }],
  [{ units: "many" }],
  [{ units: "" }],
  [{ scale: "NaN" }],
  [{ scale: "1e9" }],
  [{ cell: "constructor" }],
  [{ x: "0.5" }],
  [{ x: "0,0.5,1" }],
  [{ x: "0,9" }],
  [{ on: "1" }],
  [{ on: "12" }],
])("%j says nothing: the standard value stays", (query) => {
  expect(readValues(kinds, query)).toEqual(standard);
});

test("numbers of a slider: rounding leaves no traces, whole ones are whole, a text is cut at its longest", () => {
  expect(writeValues(kinds, { ...standard, scale: 0.1 + 0.2 }, {})).toEqual({ scale: "0.3" });
  expect(writeValues(kinds, { ...standard, scale: 0.8 + 1e-9 }, {})).toEqual({});
  expect(readValues(kinds, { units: "7.6" }).units).toBe(8);
  expect(readValues(kinds, { word: "leviathan" }).word).toBe("levia");
});
