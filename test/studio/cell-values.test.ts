/** The picture of a cell at a token: its numbers are those of the model, and the equations hold for them. */
import { expect, test } from "vitest";
import { cells } from "../../src/cells/index.ts";
import type { Cell } from "../../src/graph/cell.ts";
import { inspectModel, namedValues } from "../../src/nn/inspection.ts";
import { dense, embedding, recurrent } from "../../src/nn/layers.ts";
import { type Model, sequential } from "../../src/nn/model.ts";
import { cellLinesOf } from "../../src/studio/engine/cell-lines.ts";
import { cellValuesAt, gruNumbersOf, lstmNumbersOf } from "../../src/studio/views/inspect/cell-values.ts";
import type { ReadValue } from "../../src/studio/views/inspect/reading.ts";

const tokens = [1, 3, 0, 2];
const modelOf = (cell: Cell, initialState: "zeros" | "learned" = "zeros"): Model => {
  const layer = (name: string) => recurrent(cell, { units: 4, name, returnSequences: true, initialState });
  return sequential([embedding(5, 4), layer("a"), layer("b"), dense(5)]);
};

async function readingOf(model: Model) {
  const steps: Readonly<Record<string, Float32Array>>[] = [];
  for await (const { values } of inspectModel(model, tokens)) steps.push(values);
  const values = namedValues(model).map((value): ReadValue => {
    const data = Float32Array.from(steps.flatMap((step) => [...(step[value.key] as Float32Array)]));
    return { ...value, label: value.key, data };
  });
  return { steps, values, cells: cellLinesOf(model).filter(({ states }) => states.length > 0) };
}

const chosenOf = (values: readonly ReadValue[], key: string): ReadValue =>
  values.find((value) => value.key === key) as ReadValue;

test("an LSTM of two layers: the numbers of inspectModel; c' = f c + i g and h' = o tanh(c') hold for the unit", async () => {
  const { steps, values, cells: all } = await readingOf(modelOf(cells.lstm as Cell));
  expect(all.map(({ layer }) => layer)).toEqual(["a", "b"]);
  for (const cell of all) {
    expect(cell.picture).toBe("lstm");
    tokens.forEach((_, place) => {
      const chosen = chosenOf(values, `${cell.layer}.f`);
      const told = lstmNumbersOf(cell, cellValuesAt({ values }, cell, { chosen, unit: 2, place }));
      const of = (name: string, at = place): number => steps[at]?.[`${cell.layer}.${name}`]?.[2] ?? 0;
      if (told === undefined) throw new Error("no numbers");
      const { f, i, g, o, c, h, before } = told;
      expect([f, i, g, o, c, h]).toEqual(["f", "i", "g", "o", "c", "h"].map((name) => of(name)));
      expect(before).toEqual({ c: of("c", place - 1), h: of("h", place - 1) });
      expect(told.kept + told.stored).toBeCloseTo(c, 6);
      expect(o * told.shown).toBeCloseTo(h, 6);
    });
  }
});

test("a GRU: the numbers of inspectModel; h' = z h + (1 - z) g holds for the unit", async () => {
  const { steps, values, cells: all } = await readingOf(modelOf(cells.gru as Cell));
  const cell = all[1] as (typeof all)[number];
  expect(cell.picture).toBe("gru");
  tokens.forEach((_, place) => {
    const told = gruNumbersOf(
      cell,
      cellValuesAt({ values }, cell, { chosen: chosenOf(values, "b.h"), unit: 3, place }),
    );
    if (told === undefined) throw new Error("no numbers");
    expect([told.z, told.r, told.g, told.h]).toEqual(
      ["z", "r", "g", "h"].map((name) => steps[place]?.[`b.${name}`]?.[3]),
    );
    expect(told.before.h).toBe(steps[place - 1]?.["b.h"]?.[3] ?? 0);
    expect(told.kept + told.taken).toBeCloseTo(told.h, 6);
  });
});

test("which built-in cells have the picture of an LSTM or GRU; in every other picture a line reads what comes before it", () => {
  const pictures: Record<string, string[]> = { lstm: [], gru: [], equations: [] };
  for (const [name, cell] of Object.entries(cells)) {
    // A layer whose cell has other inputs is made in other ways; its lines are read as they are.
    const layer = { kind: "cell", name, cell, initialState: "zeros" };
    const [told] = cellLinesOf({ layers: [layer] } as unknown as Model);
    if (told === undefined) throw new Error(`${name}: no lines`);
    pictures[told.picture]?.push(name);
    told.lines.forEach(({ reads, name: line }, k) => {
      for (const of of reads) if (typeof of === "number") expect(of, `${name}: ${line}`).toBeLessThan(k);
    });
    expect(told.lines.at(-1)?.maths, name).not.toBe("");
  }
  expect(pictures.lstm).toEqual(["lstm"]);
  expect(pictures.gru).toEqual(["gru"]);
});

test("one number for all units, and values of another size, are said to be so; learned initial states are not shown as zeros", async () => {
  const { values, cells: all } = await readingOf(modelOf(cells.mlstm as Cell));
  const [cell] = all;
  if (cell === undefined) throw new Error("no cell");
  const state = values.find(({ key, size }) => key.startsWith("a.") && size === 4) as ReadValue;
  const told = cellValuesAt({ values }, cell, { chosen: state, unit: 1, place: 1 });
  const notes = Object.fromEntries(cell.lines.map(({ kind }, k) => [kind, told.lines[k]?.note]));
  expect(notes).toMatchObject({ vector: undefined, scalar: "one number", matrix: "16 numbers" });

  const learned = await readingOf(modelOf(cells.lstm as Cell, "learned"));
  const [first] = learned.cells;
  if (first === undefined) throw new Error("no cell");
  const chosen = chosenOf(learned.values, "a.h");
  expect(cellValuesAt(learned, first, { chosen, unit: 0, place: 0 }).before.c).toEqual({
    label: "c[0]",
    note: "initial",
  });
  expect(cellValuesAt(learned, first, { chosen, unit: 0, place: 1 }).before.c?.value).toBe(
    chosenOf(learned.values, "a.c").data[0],
  );
});
