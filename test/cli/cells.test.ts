import { expect, test, vi } from "vitest";
import { cells } from "../../src/cells/index.ts";
import { listCells } from "../../src/cli/cells.ts";
import { helpOf, parse } from "../../src/cli/options.ts";
import { InputError } from "../../src/graph/input-error.ts";

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
