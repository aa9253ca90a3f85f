import { expect, expectTypeOf, test } from "vitest";
import { type Cell, cell, type Expression, type NamesIn, type Size } from "../../src/graph/cell.ts";

/** A syntax tree in full brackets. */
function bracketed(e: Expression): string {
  switch (e.kind) {
    case "number":
      return `${e.value}`;
    case "name":
      return e.primed ? `${e.name}'` : e.name;
    case "negate":
      return `(-${bracketed(e.operand)})`;
    case "binary":
      return `(${bracketed(e.left)} ${e.operator} ${bracketed(e.right)})`;
    case "product":
      return `(${e.matrix}${e.primed ? "'" : ""} @ ${bracketed(e.operand)})`;
    case "call":
      return `${e.function}(${e.arguments.map(bracketed).join(", ")})`;
    case "concat":
      return `[${e.parts.map(bracketed).join(", ")}]`;
  }
}
const tree = (source: string): string =>
  bracketed((cell(`y = ${source}`).equations.lines[0] as { expression: Expression }).expression);

test.each([
  ["W @ x * b", "((W @ x) * b)"],
  ["a * W @ x", "(a * (W @ x))"],
  ["W @ U @ x", "(W @ (U @ x))"],
  ["W @ -x", "(W @ (-x))"],
  ["-W @ x", "(-(W @ x))"],
  ["-a * b", "((-a) * b)"],
  ["W @ x + b * x", "((W @ x) + (b * x))"],
  ["a - b - x", "((a - b) - x)"],
  ["a / b / x", "((a / b) / x)"],
  ["a * (b + x)", "(a * (b + x))"],
  ["W @ (x + b)", "(W @ (x + b))"],
  ["--x", "(-(-x))"],
  ["W @ [x, -b] * .5", "((W @ [x, (-b)]) * 0.5)"],
  ["max(x, 1e-5) - min(x)", "(max(x, 0.00001) - min(x))"],
])("precedence: %s is %s", (source, expected) => {
  expect(tree(source)).toBe(expected);
});

test("newlines within brackets do not end a line", () => {
  const made = cell("y = tanh(\n  W @ [\n x,\n x] # the input, twice\n + b\n)");
  expect(made.names).toEqual(["y"]);
  expect(made.descriptions).toEqual({ y: "the input, twice" });
});

test("a comment at the end of a line, or alone right before it, describes the value", () => {
  const made = cell(`
    # not a description: a blank line follows

    # the old state,
    # squashed
    f = tanh(h)
    # not this one
    g = sigmoid(x)  # the input
    h' = f * W @ g  #
    W ~ ones  # adds all
  `);
  expect(made.descriptions).toEqual({ f: "the old state, squashed", g: "the input", W: "adds all" });
  expect(made.parameters[0]).toMatchObject({ name: "W", description: "adds all" });
});

test("the source is dedented, and spans count in it", () => {
  const made = cell("\n\n    f = x\n      # deeper\n    y = f\n  ");
  expect(made.source).toBe("f = x\n  # deeper\ny = f");
  const { span } = made.equations.lines[1] as { span: { start: number; end: number } };
  expect(made.source.slice(span.start, span.end)).toBe("y");
});

test("a cell is plain data", () => {
  const made = cell("h' = tanh(W @ x + U @ h + b)\nb ~ constant(-0.5)");
  expect(JSON.parse(JSON.stringify(made))).toEqual(made);
});

test("the tagged template and Windows line ends read the same", () => {
  const source = "f = W @ x\ny = f";
  expect(cell`f = W @ x
y = f`).toEqual(cell(source));
  expect(cell(source.replace("\n", "\r\n"))).toEqual(cell(source));
});

test("names from other alphabets, and names of Object's own properties", () => {
  const made = cell("σ = sigmoid(toString * x)\nconstructor' = σ + constructor\ny = constructor'");
  expect(made.names).toEqual(["σ", "constructor", "y"]);
  expect(made.parameters.map((p) => p.name)).toEqual(["toString"]);
});

test("the output is y, else h', else the last state", () => {
  expect(cell("h' = x + h\ny = h'").output).toBe("y");
  expect(cell("y' = x + y").output).toBe("y'");
  expect(cell("h' = x + c\nc' = h' + h").output).toBe("h'");
  expect(cell("a' = x + b\nb' = a' + a").output).toBe("b'");
});

const write = ({ constant, terms }: Size): string =>
  [...(constant === 0 ? [] : [`${constant}`]), ...terms.map(([name, c]) => (c === 1 ? name : `${c}${name}`))].join("+");
const sizes = (made: Cell): Record<string, string> =>
  Object.fromEntries([
    ...made.states.map((name, i) => [name, (made.stateShapes[i] as Size[]).map(write).join(" x ")]),
    ...made.parameters.map((p) => [p.name, p.shape.map(write).join(" x ")]),
  ]);

test("sizes follow from use; what nothing fixes is units, what meets x is its size", () => {
  expect(sizes(cell("h' = tanh(W @ x + U @ h + b)"))).toEqual({
    h: "units",
    W: "units x x",
    U: "units x units",
    b: "units",
  });
  expect(sizes(cell("h' = tanh(W @ [x, h])"))).toEqual({ h: "units", W: "units x x+units" });
  expect(sizes(cell("h' = a * x + U @ h"))).toEqual({ h: "x", a: "x", U: "x x x" });
  expect(sizes(cell("k = tanh(W @ x)\nh' = V @ k + h\nk : units / 4"))).toEqual({
    h: "units",
    W: "0.25units x x",
    V: "units x 0.25units",
  });
  expect(sizes(cell("y = V @ (W @ x + b)\nb : 64"))).toEqual({ V: "units x 64", W: "64 x x", b: "64" });
  expect(sizes(cell("h' = [W @ x, c]\nc' = c + V @ h"))).toEqual({
    h: "2units",
    c: "units",
    W: "units x x",
    V: "units x 2units",
  });
  expect(sizes(cell("h' = h * b\ny = x * sum(b * h') + 2"))).toEqual({ h: "units", b: "units" });
});

test("an optimiser's sizes are its gradient's", () => {
  const made = cell("m' = beta * m + (1 - beta) * g\nw' = w - rate * m'", {
    inputs: ["g"],
    settings: ["rate", "beta"],
  });
  expect(sizes(made)).toEqual({ m: "g", w: "g" });
  expect(made.parameters).toEqual([]);
});

test("several inputs have sizes of their own", () => {
  expect(sizes(cell("y = W @ a + V @ b + c\nc : input", { inputs: ["a", "b"] }))).toEqual({
    W: "a x a",
    V: "a x b",
    c: "a",
  });
});

const starts = (source: string): Record<string, string> =>
  Object.fromEntries(
    cell(source).parameters.map((p) => [p.name, [p.initializer.name, ...p.initializer.values].join(" ")]),
  );

test("initialisers: a state's matrix orthogonal, others glorot_uniform, vectors zeros", () => {
  expect(starts("h' = W @ x + U @ h + b")).toEqual({ W: "glorot_uniform", U: "orthogonal 1", b: "zeros" });
  expect(starts("r = sigmoid(x)\nh' = U @ (r * h)")).toEqual({ U: "orthogonal 1" });
  expect(starts("h' = W @ [x, h]")).toEqual({ W: "glorot_uniform" });
  expect(starts("h' = W @ [c, h]\nc' = h' + c")).toEqual({ W: "orthogonal 1" });
  expect(starts("h' = W @ tanh(V @ h)")).toEqual({ W: "glorot_uniform", V: "orthogonal 1" });
  expect(starts("h' = W @ x + U @ h\ny = V @ h'")).toMatchObject({ V: "glorot_uniform" });
  expect(starts("h' = W @ x + W @ h")).toEqual({ W: "glorot_uniform" });
});

test("initialisers as written, Keras's defaults filled in", () => {
  expect(starts("h' = W @ x + U @ h + b\nW ~ random_uniform(-.5, 5e-1)\nU ~ identity\nb ~ constant(2)")).toEqual({
    W: "random_uniform -0.5 0.5",
    U: "identity 1",
    b: "constant 2",
  });
});

test("an initialiser line says that a near miss is a parameter", () => {
  expect(starts("gate = sigmoid(W @ x)\ny = gate + gat\ngat ~ zeros")).toMatchObject({ gat: "zeros" });
});

test("notation is no near miss: W1 and b1 beside h1, Wf and bf beside f", () => {
  expect(Object.keys(starts("h1 = tanh(W1 @ x + b1)\ny = W2 @ h1 + b2"))).toEqual(["W1", "b1", "W2", "b2"]);
  expect(Object.keys(starts("f = sigmoid(Wf @ x + bf)\ny = f"))).toEqual(["Wf", "bf"]);
  expect(() => cell("f = sigmoid(W @ x)\ny = f * ff")).toThrow("Did you mean f?");
  expect(() => cell("h' = tanh(W @ x)\ny = h' * h1")).toThrow("Did you mean h?");
});

test("NamesIn: every line's name, states without the prime", () => {
  expectTypeOf<NamesIn<"f = x\r\nc' = f * c # q = 1\n\ty=c'\nW ~ ones\nk : 64">>().toEqualTypeOf<"f" | "c" | "y">();

  const literal = cell(`
    f  = sigmoid(W @ x)  # q = no name
    c' = tanh(
      f * c)
    W ~ ones
    c : input
  `);
  expectTypeOf(literal).toEqualTypeOf<Cell<"f" | "c">>();
  // @ts-expect-error q is in a comment, and no name
  const wrong: (typeof literal.names)[number] = "q";
  expect(literal.names).not.toContain(wrong);
  expectTypeOf(literal).toExtend<Cell>();

  expectTypeOf(cell`y = x`).toEqualTypeOf<Cell<string>>();
  expectTypeOf(cell("y = x" as string)).toEqualTypeOf<Cell<string>>();
  type Long = `a0 = x\na1 = x\na2 = x\na3 = x\na4 = x\na5 = x\na6 = x\na7 = x\na8 = x\na9 = x\nb0 = x\nb1 = x\nb2 = x
b3 = x\nb4 = x\nb5 = x\nb6 = x\nb7 = x\nb8 = x\nb9 = x\nc0 = x\nc1 = x\nc2 = x\nc3 = x\nc4 = x\nc5 = x\nc6 = x\nc7 = x
c8 = x\nc9 = x\nd0 = x\nd1 = x\nd2 = x\nd3 = x\nd4 = x\nd5 = x\nd6 = x\nd7 = x\nd8 = x\nd9 = x\n                 last' = x`;
  expectTypeOf<Extract<NamesIn<Long>, "a0" | "d9" | "last" | "q">>().toEqualTypeOf<"a0" | "d9" | "last">();
});
