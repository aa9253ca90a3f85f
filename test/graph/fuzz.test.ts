/** No text makes `cell` or `addCell` throw anything but an EquationError. fast-check prints its seed on failure. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { cells } from "../../src/cells/index.ts";
import { addCell, type Cell, cell, EquationError } from "../../src/graph/cell.ts";
import { createBuilder } from "../../src/graph/graph.ts";
import { printGraph } from "../../src/graph/print.ts";
import { texOf } from "../../src/graph/tex.ts";
import { cases } from "../helpers/cases.ts";

const parameters = { seed: 20240607, numRuns: cases(700) };

const words = (
  "x h c f y W U C b k h' c' y' C' units input tanh sigmoid sum mean max min softmax outer size sqrt log ones zeros orthogonal constant " +
  "random_uniform 1 0 2 64 0.5 1e-5 1e300 .5 1. 2x ( ) [ ] , + - * / @ = ~ : # ' ^ é __proto__ constructor"
).split(" ");
const token = fc.constantFrom(...words, "\n", "\n", "\n", " ");
// Whole lines of the language, so that many sources pass the parser and reach names and sizes.
const { expression } = fc.letrec<{ expression: string }>((tie) => ({
  expression: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom("x", "x", "h", "c", "b", "k", "1", "2", "0", "size(x)"),
    fc.tuple(fc.constantFrom("W", "U", "V", "C"), tie("expression")).map(([matrix, e]) => `${matrix} @ (${e})`),
    fc
      .tuple(tie("expression"), fc.constantFrom("+", "-", "*", "/"), tie("expression"))
      .map(([a, sign, b]) => `(${a} ${sign} ${b})`),
    fc
      .tuple(fc.constantFrom("tanh", "sqrt", "sum", "mean", "max", "min", "softmax", "-", "log"), tie("expression"))
      .map(([f, a]) => `${f}(${a})`),
    fc.tuple(tie("expression"), tie("expression")).map(([a, b]) => `max(${a}, ${b})`),
    fc.array(tie("expression"), { minLength: 1, maxLength: 3 }).map((parts) => `[${parts.join(", ")}]`),
  ),
}));
const sizeLine = fc
  .tuple(
    fc.constantFrom("x", "h", "c", "b", "y"),
    fc.constantFrom("units", "input", "8", "units / 2", "input * 2", "3"),
  )
  .map(([name, size]) => `${name} : ${size}`);
// The last line uses the others, each through a matrix of its own or elementwise.
const program = fc
  .tuple(
    fc
      .subarray(["C'", "f", "h'", "c'"])
      .chain((targets) => fc.tuple(...targets.map((name) => fc.tuple(fc.constant(name), expression)))),
    expression,
    fc.boolean(),
    fc.array(sizeLine, { maxLength: 1 }),
    fc.constantFrom(..."1111111", "").map((some) => (some ? "hcbk" : "")),
  )
  .map(([lines, last, products, sizes, declared]) => {
    const product = (name: string, i: number): string => (name === "C'" ? "C' @ x" : `P${i} @ ${name}`);
    const uses = lines.map(([name], i) => (products ? ` + ${product(name, i)}` : ` * ${name}`)).join("");
    const made = ([name, e]: readonly [string, string]): string =>
      name === "C'" ? `C' = 0.5 * C + outer(${e}, x)` : `${name} = ${e}`;
    const text = [...lines.map(made), `y = ${last}${uses}`];
    // What no line sets may stand where a state would if a line says that it is learnt.
    const learnt = [...declared].filter(
      (name) =>
        text.some((line) => RegExp(`=.*\\b${name}\\b`).test(line)) && !text.some((line) => line.startsWith(`${name}'`)),
    );
    return [...text, ...sizes, ...learnt.map((name) => `${name} ~ ones`)].join("\n");
  });
const mutated = fc
  .tuple(
    fc.constantFrom(...Object.values(cells).map((made) => made.source)),
    fc.boolean(),
    fc.array(fc.tuple(fc.nat(), fc.nat(), fc.constantFrom("delete", "duplicate", "swap", "replace"), token), {
      minLength: 1,
      maxLength: 4,
    }),
  )
  .map(([source, byToken, changes]) => {
    const parts = byToken ? (source.match(/[\w']+|\s+|[^\w\s]/g) ?? []) : [...source];
    for (const [i, j, change, put] of changes) {
      const [a, b] = [i % parts.length, j % parts.length];
      if (change === "delete") parts.splice(a, 1);
      else if (change === "duplicate") parts.splice(a, 0, parts[a] as string);
      else if (change === "swap") [parts[a], parts[b]] = [parts[b] as string, parts[a] as string];
      else parts[a] = byToken ? put : (put[0] as string);
    }
    return parts.join("");
  });

const units = fc.option(
  fc.oneof(fc.constantFrom(1, 2, 3, 4, 8, 8, 8), fc.constantFrom(0, -1, 1.5, Number.NaN, 2 ** 60)),
  {
    nil: undefined,
  },
);
const features = fc.constantFrom(1, 3, 4, 8);

/** Whether it compiled and whether it fitted; anything but an EquationError goes on. */
function attempt(source: string, size: number | undefined, inputSize: number): "refused" | "misfit" | "fits" {
  let made: Cell;
  try {
    made = cell(source);
  } catch (error) {
    if (error instanceof EquationError) {
      expect(error.line).toBeGreaterThan(0);
      expect(error.line).toBeLessThanOrEqual(source.split(/\r\n?|\n/).length);
      expect(error.column).toBeGreaterThan(0);
      expect(error.message).not.toContain("internal");
      return "refused";
    }
    throw error;
  }
  // The text is the stored form: what it compiled to, it compiles to again.
  expect({ ...cell(made.source), equations: 0 }).toEqual({ ...made, equations: 0 });
  texOf(made);
  try {
    const builder = createBuilder();
    const inputs = { x: builder.input("x", inputSize) };
    const { output } = addCell(
      builder,
      made,
      size === undefined ? { layer: "a", inputs } : { layer: "a", units: size, inputs },
    );
    printGraph(builder.graph({ output }));
    return "fits";
  } catch (error) {
    if (error instanceof EquationError) return "misfit";
    throw error;
  }
}

test("arbitrary strings", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 200 }), units, features, (s, u, f) => void attempt(s, u, f)),
    parameters,
  );
});
test("strings of the language's own tokens", () => {
  const text = fc.array(token, { maxLength: 60 }).map((parts) => parts.join(" "));
  fc.assert(
    fc.property(text, units, features, (s, u, f) => void attempt(s, u, f)),
    parameters,
  );
});
test("equations at random, many of which compile", () => {
  const counts = { refused: 0, misfit: 0, fits: 0 };
  fc.assert(
    fc.property(program, units, features, (s, u, f) => void counts[attempt(s, u, f)]++),
    { ...parameters, numRuns: cases(2000) },
  );
  expect(counts.fits).toBeGreaterThan(60);
  expect(counts.misfit).toBeGreaterThan(60);
});
test("built-in cells with characters and tokens deleted, doubled, swapped and replaced", () => {
  fc.assert(
    fc.property(mutated, units, features, (s, u, f) => void attempt(s, u, f)),
    parameters,
  );
});
