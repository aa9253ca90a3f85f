import { expect, expectTypeOf, test } from "vitest";
import { cells, lstm } from "../../src/cells/index.ts";
import { addCell } from "../../src/graph/cell.ts";
import { createBuilder } from "../../src/graph/graph.ts";

test("every cell is there by its file's name", () => {
  expect(Object.keys(cells)).toEqual(["perceptron", "dense", "simple-rnn", "lstm", "gru", "gru-reset-after"]);
});

test.each(Object.entries(cells))("%s: every line has a description", (_, { names, descriptions }) => {
  for (const name of names) expect(descriptions[name]).toBeTruthy();
});

/** Numbers of parameters as Keras counts them for D inputs and H units. */
const keras: Readonly<Record<string, (D: number, H: number) => number>> = {
  perceptron: (D, H) => H * (D + 1),
  dense: (D, H) => H * (D + 1),
  "simple-rnn": (D, H) => H * (D + H + 1),
  lstm: (D, H) => 4 * H * (D + H + 1),
  gru: (D, H) => 3 * H * (D + H + 1),
  "gru-reset-after": (D, H) => 3 * H * (D + H + 2),
};
test.each(Object.entries(cells))("%s: as many parameters as in Keras", (name, made) => {
  const builder = createBuilder();
  const { output } = addCell(builder, made, { layer: name, units: 7, inputs: { x: builder.input("x", 5) } });
  const graph = builder.graph({ output });
  const count = graph.parameters.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b), 0);
  expect(count).toBe(keras[name]?.(5, 7));
  expect(builder.shapeOf(output)).toBe(7);
  expect(graph.states.map((state) => state.name)).toEqual(made.states.map((state) => `${name}.${state}`));
});

test("lstm: starts as in Keras, with unit_forget_bias", () => {
  const starts = Object.fromEntries(lstm.parameters.map((p) => [p.name, p.initializer.name]));
  expect(starts).toMatchObject({ W_f: "glorot_uniform", U_f: "orthogonal", b_f: "ones", b_i: "zeros", b_g: "zeros" });
  expect(lstm).toMatchObject({ states: ["c", "h"], output: "h'" });
  expectTypeOf(lstm.names).toEqualTypeOf<readonly ("f" | "i" | "g" | "o" | "c" | "h")[]>();
});
