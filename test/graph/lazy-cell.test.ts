/** Cells that are read when they are first looked at. */
import { expect, test } from "vitest";
import { cell, EquationError } from "../../src/graph/cell.ts";
import { lazyCell } from "../../src/graph/lazy-cell.ts";

const equations = "h' = tanh(W @ x + U @ h + V @ c + scale * b)  # the state";
const options = { inputs: ["x", "c"], settings: ["scale"] };

test("is the data of cell, with the same parts in the same order, however it is first read", () => {
  const whole = cell(equations, options);
  const readings: readonly ((lazy: object) => unknown)[] = [
    (lazy) => lazy,
    (lazy) => ({ ...lazy }),
    (lazy) => structuredClone(lazy),
    (lazy) => Object.fromEntries(Object.entries(lazy)),
    (lazy) => JSON.parse(JSON.stringify(lazy)),
  ];
  for (const read of readings) expect(read(lazyCell(equations, options))).toStrictEqual(whole);
  const lazy = lazyCell(() => equations, options);
  expect(Object.keys(lazy)).toEqual(Object.keys(whole));
  expect(lazy.equations).toBe(lazy.equations);
});

test("reads nothing before, all at once, and once", () => {
  let count = 0;
  const lazy = lazyCell(() => {
    count++;
    return equations;
  }, options);
  expect(count).toBe(0);
  expect([lazy.names, lazy.states, lazy.source]).toEqual([["h"], ["h"], equations]);
  expect(count).toBe(1);
});

test("a mistake is told by who looks first", () => {
  const wrong = lazyCell("h' = sigmod(x)");
  expect(() => wrong.names).toThrow(EquationError);
});
