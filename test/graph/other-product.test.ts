/** A product of the wrong kind is told at its place, with the one that fits. */
import { describe, expect, test } from "vitest";
import { cells } from "../../src/cells/index.ts";
import { addCell, cell, EquationError } from "../../src/graph/cell.ts";
import { createBuilder } from "../../src/graph/graph.ts";

/** What is said of the equations in a layer "l" of 128 units over 64 features: the message, and what the carets mark. */
function said(source: string): { readonly message: string; readonly marked: string } {
  try {
    const g = createBuilder();
    addCell(g, cell(source), { layer: "l", units: 128, inputs: { x: g.input("x", 64) } });
  } catch (error) {
    if (!(error instanceof EquationError)) throw error;
    const [message = "", line = "", carets = ""] = error.message.split("\n");
    return { message, marked: line.slice(carets.indexOf("^"), carets.lastIndexOf("^") + 1) };
  }
  return { message: "", marked: "" };
}

describe("elementwise for a matrix", () => {
  const cases: readonly (readonly [equations: string, marked: string, meant: string, line: number])[] = [
    [`r  = sigmoid(W_r * x + U_r @ h + b_r)\nh' = tanh(W @ x + U @ (r * h) + b)`, "W_r * x", "W_r @ x", 1],
    ["h' = tanh(W * x + U @ h + b)", "W * x", "W @ x", 1],
    ["h' = tanh(W * x + U * h + b)", "W * x", "W @ x", 1],
    ["h' = tanh(x * W + U @ h + b)", "x * W", "W @ x", 1],
    ["y = W * x", "W * x", "W @ x", 1],
    ["z = sigmoid(W_z * x + U_z @ h)\nr = sigmoid(W_r * x + U_r @ h)\nh' = z * tanh(r * h)", "W_z * x", "W_z @ x", 1],
    ["h' = tanh(U @ h + W * (x + x))", "W * (x + x", "W @ (...)", 1],
    ["u = tanh(U @ h)\nh' = p * u + W * x", "W * x", "W @ x", 2],
    ["h' = tanh(W * x + U * h + b)\nh : units", "W * x", "W @ x", 1],
    ["h' = tanh(W * [x, h])", "W * [x, h]", "W @ (...)", 1],
    ["g = tanh(W @ x)\nh' = tanh(U @ g + W * h)", "W * h", "W @ h", 2],
  ];
  test.each(cases)("%s", (equations, marked, meant, line) => {
    const { message, marked: found } = said(equations);
    expect(found).toBe(marked);
    expect(message).toMatch(
      new RegExp(`^(l\\.\\w'?, )?line ${line}, column \\d+: \`.*\` multiplies element by element: `),
    );
    expect(message).toContain(`did you mean \`${meant}\`? As it stands, `);
  });
});

describe("a matrix for elementwise, and a matrix on the right", () => {
  test.each([
    ["f = sigmoid(W @ x)\nh' = f @ h + W @ x", "f @ h", "multiplies by a matrix: did you mean `f * h`?"],
    ["i = sigmoid(W @ x + p @ c)\nc' = i * c\nh' = sigmoid(p * c')", "p @ c", "did you mean `p * c`?"],
    ["h' = tanh(x @ W + h @ U + b)", "x @ W", "has its matrix on the right: did you mean `W @ x`?"],
    ["h' = tanh(W @ x + h @ U + b)", "h @ U", "has its matrix on the right: did you mean `U @ h`?"],
  ])("%s", (equations, marked, meant) => {
    const found = said(equations);
    expect(found.marked).toBe(marked);
    expect(found.message).toContain(meant);
  });
});

test("nothing is guessed where no other product helps", () => {
  for (const source of [
    "h' = h + x",
    "h' = [x, h]",
    "y = sum(x)",
    "h' = p * (h + x)",
    "h' = tanh(W @ x)\nh : units / 3",
  ]) {
    expect(said(source).message, source).not.toBe("");
    expect(said(source).message, source).not.toContain("did you mean");
  }
});

test("a size that the equations fix is shown at the output's size line, or at its equation", () => {
  expect(said("h' = h + x")).toEqual({
    message:
      "l, line 1, column 6: the equations fix this cell's size at 64 features, got units 128. Leave units out, or give 64.",
    marked: "h + x",
  });
  expect(said("h' = tanh(W @ x + U @ h)\nh : 3").message).toMatch(/^l, line 2, column 1: the equations fix .* at 3 /);
});

test("every built-in cell fits as it is", () => {
  for (const [name, { source }] of Object.entries(cells)) expect(said(source).message, name).toBe("");
});
