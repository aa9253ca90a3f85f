import { expect, test, vi } from "vitest";
import { cells } from "../../src/cells/index.ts";
import { listCells } from "../../src/cli/cells.ts";
import { helpOf, parse } from "../../src/cli/options.ts";
import type { Cell } from "../../src/graph/cell.ts";
import { InputError } from "../../src/graph/input-error.ts";
import { cellFacts } from "../../src/nn/cell-facts.ts";

/** What the command writes on standard output. */
async function written(...argv: string[]): Promise<string> {
  let text = "";
  const write = vi.spyOn(process.stdout, "write").mockImplementation((chunk) => {
    text += chunk;
    return true;
  });
  try {
    await listCells.run(parse(listCells, argv));
  } finally {
    write.mockRestore();
  }
  return text;
}
const factsOf = (name: string, sizes = { units: 128, input: 64 }) => cellFacts(name, cells[name] as Cell, sizes);

test("two lines a cell, none wider than 80 columns, in the order of the table", async () => {
  const [, , , head, ...lines] = (await written()).trimEnd().split("\n");
  expect(head).toBe("cell                 year  states     parameters  multiply-adds  loop  hoisted");
  expect(lines).toHaveLength(2 * Object.keys(cells).length);
  for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(80);
  expect(lines.filter((_, k) => k % 2 === 0).map((line) => line.split(" ")[0])).toEqual(Object.keys(cells));
  expect(lines.slice(10, 12)).toEqual([
    "lstm                 1997  c h            98,816         98,304     4        4",
    "  gates decide what a cell state keeps, stores and shows",
  ]);
});

test("--json: one object a line, every field in each", async () => {
  const text = await written("--json", "--units", "16", "--input", "8");
  const lines = text.trimEnd().split("\n");
  const objects = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(objects.map(({ name }) => name)).toEqual(Object.keys(cells));
  const fields = ["name", "year", "states", "parameters", "multiplyAdds", "looped", "hoisted", "differs"];
  for (const one of objects) expect(Object.keys(one)).toEqual(fields);
  expect(objects.find(({ name }) => name === "lstm")).toMatchObject({
    ...{ year: 1997, states: ["c", "h"] },
    ...{ parameters: 4 * 16 * (8 + 16 + 1), multiplyAdds: 4 * 16 * (8 + 16), looped: 4, hoisted: 4 },
  });
  expect(objects.find(({ name }) => name === "dense")?.year).toBeNull();
});

test("cells whose gates read the input alone leave no product in the time loop", () => {
  const free = Object.keys(cells).filter((name) => factsOf(name).looped === 0);
  const recurrent = ["indrnn", "mlstm", "qrnn", "sru", "min-gru", "min-lstm", "rg-lru"];
  expect(free).toEqual(["perceptron", "dense", ...recurrent]);
});

test("a concatenation counts as the products it is: h in the loop, x before it", () => {
  expect(factsOf("mgu")).toMatchObject({ looped: 2, hoisted: 2, multiplyAdds: 2 * 128 * (128 + 64) });
});

test("a matrix as state counts twice: the outer product that goes into it, and its product with a vector", () => {
  expect(factsOf("mlstm").multiplyAdds).toBe((4 * 128 + 2) * 64 + 2 * 128 * 128);
});

test("no product of the mogrifier LSTM can be hoisted: all read the old state, one way or the other", () => {
  expect(factsOf("mogrifier-lstm")).toMatchObject({ looped: 13, hoisted: 0 });
});

test("one unit and one input work; sizes beyond memory are refused by the cell's name", async () => {
  expect((await written("--units", "1", "--input", "1")).split("\n").length).toBeGreaterThan(50);
  await expect(written("--units", "1000000")).rejects.toThrow(InputError);
  await expect(written("--units", "1000000")).rejects.toThrow(/^the cell simple-rnn needs [\d,]+ bytes of memory/);
  expect(() => parse(listCells, ["--units", "0"])).toThrow("--units: needs a whole number from 1 to");
  expect(() => parse(listCells, ["lstm"])).toThrow("wrong number of arguments (1). Usage: unrolled cells [options]");
});

test("no line of its help is wider than 79 columns", () => {
  for (const line of helpOf(listCells).split("\n")) expect(line.length, line).toBeLessThan(80);
});
