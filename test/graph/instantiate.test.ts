import { expect, test } from "vitest";
import { addCell, type Cell, cell, EquationError } from "../../src/graph/cell.ts";
import { createBuilder, type Graph } from "../../src/graph/graph.ts";
import { printGraph } from "../../src/graph/print.ts";
import { refusal } from "../helpers/refusal.ts";

function graphOf(made: Cell, layer: string, sizes: { units?: number; inputs: Record<string, number> }): Graph {
  const builder = createBuilder();
  const inputs = Object.fromEntries(
    Object.entries(sizes.inputs).map(([name, size]) => [name, builder.input(name, size)]),
  );
  const { units } = sizes;
  const { output } = addCell(builder, made, units === undefined ? { layer, inputs } : { layer, units, inputs });
  return builder.graph({ output });
}
const messageOf = (source: string, layer: string, sizes: Parameters<typeof graphOf>[2]): string =>
  `\n${refusal(() => graphOf(cell(source), layer, sizes), EquationError)}\n`;

test("a cell's graph, printed", () => {
  const made = cell("r = sigmoid(W @ [x, h])\nh' = r * h + (1 - r) * mean(x)\nW ~ random_uniform(-1, 1)");
  expect(printGraph(graphOf(made, "a", { units: 4, inputs: { x: 3 } }))).toMatchInlineSnapshot(`
    "state a.h 4 next %13
    parameter a.W 4x7 random_uniform(-1, 1)
    forward
      %0 = input x : 3
      %1 = state a.h : 4
      %2 = matmul a.W[:,0:3] %0 : 4
      %3 = matmul a.W[:,3:7] %1 : 4
      %4 = add %2 %3 : 4
      %5 a.r = sigmoid %4 : 4
      %6 = mul %5 %1 : 4
      %7 = constant 1 : number
      %8 = sub %7 %5 : 4
      %9 = sum %0 : scalar
      %10 = constant 0.3333333333333333 : number
      %11 = mul %9 %10 : scalar
      %12 = mul %8 %11 : 4
      %13 a.h' = add %6 %12 : 4
    output output %13"
  `);
});

test("a parameter with two sizes is a matrix, as a value and left of @", () => {
  const made = cell("E = exp(T)\ny = E @ x + T @ x\nT : units, input\nT ~ zeros");
  expect(printGraph(graphOf(made, "", { units: 2, inputs: { x: 3 } }))).toMatchInlineSnapshot(`
    "parameter T 2x3 zeros
    forward
      %0 = input x : 3
      %1 = parameter T : 6
      %2 E = exp %1 : 6
      %3 = tile times 2 %0 : 6
      %4 = mul %2 %3 : 6
      %5 = sum_rows of 3 %4 : 2
      %6 = matmul T %0 : 2
      %7 y = add %5 %6 : 2
    output output %7"
  `);
});

test("a matrix is a vector of its numbers, row after row; a vector of one feature is one number", () => {
  const made = cell("C' = 0.5 * C + outer(W @ x, x)\ny = C' @ x * sum(C * C)");
  expect(printGraph(graphOf(made, "", { units: 3, inputs: { x: 4 } }))).toMatchInlineSnapshot(`
    "state C 12 next %8
    parameter W 3x4 glorot_uniform
    forward
      %0 = input x : 4
      %1 = state C : 12
      %2 = constant 0.5 : number
      %3 = mul %2 %1 : 12
      %4 = matmul W %0 : 3
      %5 = repeat_interleave times 4 %4 : 12
      %6 = tile times 3 %0 : 12
      %7 = mul %5 %6 : 12
      %8 C' = add %3 %7 : 12
      %9 = mul %8 %6 : 12
      %10 = sum_rows of 4 %9 : 3
      %11 = mul %1 %1 : 12
      %12 = sum %11 : scalar
      %13 y = mul %10 %12 : 3
    output output %13"
  `);
  const narrow = cell("a : 1\nC = outer(a, x)\nD = outer(x, a)\ny = C @ (D @ a)");
  expect(printGraph(graphOf(narrow, "", { inputs: { x: 4 } }))).toMatchInlineSnapshot(`
    "parameter a 1 zeros
    forward
      %0 = input x : 4
      %1 = parameter a : 1
      %2 = sum %1 : scalar
      %3 = broadcast %2 : 4
      %4 C = mul %3 %0 : 4
      %5 D = mul %0 %3 : 4
      %6 = mul %5 %3 : 4
      %7 = mul %4 %6 : 4
      %8 = sum %7 : scalar
      %9 y = broadcast %8 : 1
    output output %9"
  `);
});
test("matrices whose shapes the sizes at hand make different", () => {
  const made = "C' = outer(x, h) + outer(h, x)\nh' = h * sum(C)\ny = C' @ x\nh : units";
  expect(messageOf(made, "a", { units: 3, inputs: { x: 4 } })).toMatchInlineSnapshot(`
    "
    a.C', line 1, column 18: '+' needs equal shapes, got 4 x 3 and 3 x 4 numbers. Change units, or the size lines.
      C' = outer(x, h) + outer(h, x)
                       ^
    "
  `);
  expect(() => graphOf(cell(made), "a", { units: 4, inputs: { x: 4 } })).not.toThrow();
  const set = "h' = h * sum(C)\nC' = outer(h, C @ x)\ny = C' @ x\nh : units";
  expect(messageOf(set, "a", { units: 3, inputs: { x: 4 } })).toMatchInlineSnapshot(`
    "
    a.C', line 2, column 6: C' needs the shape that C has, got 3 x 3 and 3 x 4 numbers. Change units, or the size lines.
      C' = outer(h, C @ x)
           ^^^^^^^^^^^^^^^
    "
  `);
  const read = "C' = outer(x, x)\nh' = h * sum(x)\ny = C' @ h\nh : units";
  expect(messageOf(read, "a", { units: 3, inputs: { x: 4 } })).toMatchInlineSnapshot(`
    "
    a.y, line 3, column 5: '@' needs as many features as C' has columns, got 3 and 4. Bring one side to the other's size with a matrix, as in W @ x, or give units 4.
      y = C' @ h
          ^^^^^^
    "
  `);
});
test("a matrix of more numbers than any machine has", () => {
  const sizes = { units: 50_000, inputs: { x: 4 } };
  expect(messageOf("C' = C + outer(a, b)\ny = C' @ b", "", sizes)).toMatchInlineSnapshot(`
    "
    C, line 1, column 1: this matrix has 50000 x 50000 numbers, and must have at most 2147483648. Lower units, or the size lines.
      C' = C + outer(a, b)
      ^^
    "
  `);
  expect(messageOf("C = outer(a, b)\ny = C @ b", "", sizes)).toMatchInlineSnapshot(`
    "
    C, line 1, column 5: this matrix has 50000 x 50000 numbers, and must have at most 2147483648. Lower units, or the size lines.
      C = outer(a, b)
          ^^^^^^^^^^^
    "
  `);
});

test("size is a number: that of the features that a vector has", () => {
  const made = cell("y = x / sqrt(size(x)) + size(b) * (U @ b)\nb : 7\nb ~ zeros");
  expect(printGraph(graphOf(made, "", { inputs: { x: 4 } }))).toMatchInlineSnapshot(`
    "parameter b 7 zeros
    parameter U 4x7 glorot_uniform
    forward
      %0 = input x : 4
      %1 = parameter b : 7
      %2 = constant 4 : number
      %3 = constant 2 : number
      %4 = div %0 %3 : 4
      %5 = constant 7 : number
      %6 = matmul U %1 : 4
      %7 = mul %5 %6 : 4
      %8 y = add %4 %7 : 4
    output output %8"
  `);
});

test("every function becomes operations", () => {
  const made = cell("y = softmax(max(x, 0)) + min(x) - max(-x) + min(b, sum(x)) / rate", { settings: ["rate"] });
  expect(printGraph(graphOf(made, "", { inputs: { x: 3 } }))).toMatchInlineSnapshot(`
    "parameter b 3 zeros
    forward
      %0 = input x : 3
      %1 = parameter b : 3
      %2 = constant 0 : number
      %3 = max %0 %2 : 3
      %4 = logsumexp %3 : scalar
      %5 = sub %3 %4 : 3
      %6 = exp %5 : 3
      %7 = neg %0 : 3
      %8 = max_of %7 : scalar
      %9 = neg %8 : scalar
      %10 = add %6 %9 : 3
      %11 = sub %10 %8 : 3
      %12 = sum %0 : scalar
      %13 = min %1 %12 : 3
      %14 = runtime_scalar rate : number
      %15 = div %13 %14 : 3
      %16 y = add %11 %15 : 3
    output output %16"
  `);
});

test("settings, states and no parameters: an optimiser", () => {
  const made = cell("m' = beta * m + (1 - beta) * g\nw' = w - rate * m'", {
    inputs: ["g"],
    settings: ["rate", "beta"],
  });
  expect(printGraph(graphOf(made, "", { inputs: { g: 5 } }))).toMatchInlineSnapshot(`
    "state m 5 next %8
    state w 5 next %11
    forward
      %0 = input g : 5
      %1 = state m : 5
      %2 = state w : 5
      %3 = runtime_scalar beta : number
      %4 = mul %3 %1 : 5
      %5 = constant 1 : number
      %6 = sub %5 %3 : number
      %7 = mul %6 %0 : 5
      %8 m' = add %4 %7 : 5
      %9 = runtime_scalar rate : number
      %10 = mul %9 %8 : 5
      %11 w' = sub %2 %10 : 5
    output output %11"
  `);
});

test("a backward part, views and sinks, printed", () => {
  const builder = createBuilder();
  const x = builder.input("x", 2);
  const { output } = addCell(builder, cell("y = W @ [x, tanh(x)]"), { layer: "", units: 3, inputs: { x } });
  const forwardCount = builder.count();
  const view = { parameter: "W", rows: 3, column: 2, columns: 2 };
  builder.outer(view, output, x);
  builder.matmulTransposed(view, output);
  builder.sumAll("loss", builder.sum(output));
  expect(printGraph(builder.graph({ y: output }, forwardCount))).toMatchInlineSnapshot(`
    "parameter W 3x4 glorot_uniform
    forward
      %0 = input x : 2
      %1 = tanh %0 : 2
      %2 = matmul W[:,0:2] %0 : 3
      %3 = matmul W[:,2:4] %1 : 3
      %4 y = add %2 %3 : 3
    backward
      %5 = outer W[:,2:4] %4 %0
      %6 = matmul_transposed W[:,2:4] %4 : 2
      %7 = sum %4 : scalar
      %8 = sum_all loss %7
    output y %4"
  `);
});

test("a state may be set to a leaf, to another state or to its own old value", () => {
  const made = cell("p' = x\nq' = p\ns' = s\nk' = b\ny = p + q + s + k + p' + k'");
  const graph = graphOf(made, "shift", { units: 3, inputs: { x: 3 } });
  expect(graph.states.map(({ name, next }) => [name, graph.nodes[next]?.op])).toEqual([
    ["shift.p", "input"],
    ["shift.q", "state"],
    ["shift.s", "state"],
    ["shift.k", "parameter"],
  ]);
});

test("values by name: the line's value, the state's old and new value", () => {
  const builder = createBuilder();
  const x = builder.input("x", 2);
  const layer = addCell(builder, cell("f = sigmoid(W @ x)\nc' = f * c"), { layer: "l", units: 2, inputs: { x } });
  expect(Object.keys(layer.values)).toEqual(["f", "c", "c'"]);
  expect(builder.node(layer.values.f as number)).toMatchObject({ op: "sigmoid", name: "l.f" });
  expect(builder.node(layer.values.c as number)).toMatchObject({ op: "state", name: "l.c" });
  expect(builder.node(layer.values["c'"] as number)).toMatchObject({ op: "mul", name: "l.c'" });
  expect(layer.output).toBe(layer.values["c'"]);
});

test("sizes that fit only for other units or inputs", () => {
  const lines = "f = sigmoid(W @ x)\nh' = f * x + U @ h\nh : units";
  expect(messageOf(lines, "lstm", { units: 128, inputs: { x: 64 } })).toMatchInlineSnapshot(`
    "
    lstm.h', line 2, column 6: h' needs the shape that h has, got 64 and 128 features. Bring one side to the other's size with a matrix, as in W @ x, or give units 64.
      h' = f * x + U @ h
           ^^^^^^^^^^^^^
    "
  `);
  expect(graphOf(cell(lines), "", { units: 8, inputs: { x: 8 } }).states[0]?.size).toBe(8);
  expect(
    messageOf("h' = [W @ x, c]\nc' = W @ x + c\nh : 6", "", { units: 4, inputs: { x: 3 } }),
  ).toMatchInlineSnapshot(`
    "
    cell, line 3, column 1: the equations fix this cell's size at 6 features, got units 4. Leave units out, or give 6.
      h : 6
      ^
    "
  `);
});
test("a product of two sizes, told by the layer's and the line's name", () => {
  const lines = "f = sigmoid(k * x)  # a gate\nh' = f * h\nk : units";
  expect(messageOf(lines, "lstm", { units: 128, inputs: { x: 64 } })).toMatchInlineSnapshot(`
    "
    lstm.f, line 1, column 15: '*' needs equal shapes, got 128 and 64 features. Bring one side to the other's size with a matrix, as in W @ x, or give units 64.
      f = sigmoid(k * x)  # a gate
                    ^
    "
  `);
});
test("a matrix that meets two sizes of inputs", () => {
  const made = cell("y = W @ a + W @ b", { inputs: ["a", "b"] });
  expect(() => graphOf(made, "l", { units: 2, inputs: { a: 3, b: 4 } })).toThrowErrorMatchingInlineSnapshot(`
    [EquationError: l.y, line 1, column 13: '@' needs as many features as W has columns, got 4 and 3. Bring one side to the other's size with a matrix, as in W @ x, or change units.
      y = W @ a + W @ b
                  ^^^^^]
  `);
  expect(graphOf(made, "l", { units: 2, inputs: { a: 3, b: 3 } }).parameters[0]?.shape).toEqual([2, 3]);
});
test("a size that is no whole number", () => {
  const lines = "k = W @ x\ny = V @ k\nk : units / 4";
  expect(messageOf(lines, "l", { units: 10, inputs: { x: 2 } })).toMatchInlineSnapshot(`
    "
    l.W, line 1, column 5: its size units / 4 is 2.5, and must be a whole number from 1 to 2147483648. Change units, or the size lines.
      k = W @ x
          ^
    "
  `);
});
test("a size line that disagrees with the numbers", () => {
  expect(messageOf("y = tanh(x)\nx : 8", "l", { inputs: { x: 4 } })).toMatchInlineSnapshot(`
    "
    l.x, line 2, column 1: its size line says 8 features, got 4. Change one of the two.
      x : 8
      ^
    "
  `);
});
test("units missing, unusable, or unused", () => {
  const elman = "h' = tanh(W @ x + U @ h)";
  expect(messageOf(elman, "l", { inputs: { x: 4 } })).toMatchInlineSnapshot(`
    "
    l, line 1, column 1: the size of h is units, and units are not given. Give units, as in units: 128.
      h' = tanh(W @ x + U @ h)
      ^^
    "
  `);
  expect(messageOf(elman, "", { units: 2.5, inputs: { x: 4 } })).toMatchInlineSnapshot(`
    "
    cell: units must be a whole number from 1 to 2147483648, got 2.5.
    "
  `);
  expect(messageOf("h' = h + x", "l", { units: 8, inputs: { x: 4 } })).toMatchInlineSnapshot(`
    "
    l, line 1, column 6: the equations fix this cell's size at 4 features, got units 8. Leave units out, or give 4.
      h' = h + x
           ^^^^^
    "
  `);
  expect(graphOf(cell("h' = h + x"), "l", { units: 4, inputs: { x: 4 } }).states[0]?.size).toBe(4);
});
test("inputs missing, unknown, or no vectors", () => {
  expect(messageOf("y = x", "l", { inputs: {} })).toMatchInlineSnapshot(`
    "
    l: the cell's input x is missing. Give inputs: { x: a node }.
    "
  `);
  expect(messageOf("y = x", "l", { inputs: { x: 1, z: 1 } })).toMatchInlineSnapshot(`
    "
    l: the cell has no input z. Its inputs: x.
    "
  `);
  const builder = createBuilder();
  const x = builder.input("x", "scalar");
  expect(() => addCell(builder, cell("y = x"), { layer: "l", inputs: { x } })).toThrowErrorMatchingInlineSnapshot(
    `[EquationError: l: the input x must be a vector of features, got a value of shape "scalar".]`,
  );
});

test("a matrix over a state twice has twice its columns: the state keeps its units", () => {
  const twice = cell("f = tanh(W @ x)\nh' = tanh(V @ [f, f] + U @ h)");
  const g = createBuilder();
  addCell(g, twice, { layer: "", units: 5, inputs: { x: g.input("x", 3) } });
  const { parameters } = g.graph({});
  expect(parameters.map(({ name, shape }) => `${name} ${shape.join("x")}`)).toEqual(["W 5x3", "V 5x10", "U 5x5"]);
});

test("a root's largest derivative is part of the node, and tells it from the plain root", () => {
  const made = cell("y = sqrt(x, 1000) + sqrt(x) + sqrt(sum(x), 10) * sqrt(4, 1000)");
  const g = createBuilder();
  const { output } = addCell(g, made, { layer: "", inputs: { x: g.input("x", 3) } });
  expect(printGraph(g.graph({ output }))).toMatchInlineSnapshot(`
    "forward
      %0 = input x : 3
      %1 = sqrt at most 1000 %0 : 3
      %2 = sqrt %0 : 3
      %3 = add %1 %2 : 3
      %4 = sum %0 : scalar
      %5 = sqrt at most 10 %4 : scalar
      %6 = constant 4 : number
      %7 = constant 2 : number
      %8 = mul %5 %7 : scalar
      %9 y = add %3 %8 : 3
    output output %9"
  `);
});
