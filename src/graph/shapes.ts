/**
 * Infer the shape of every value from its use: a number, a scalar (one number per example), a vector or a matrix, with
 * symbolic sizes. `instantiate.ts` checks what depends on the actual units and input features.
 */
import { fail, type Source, type Span } from "./equation-error.ts";
import { arithmetic } from "./graph.ts";
import type { Names } from "./names.ts";
import type { BinaryName } from "./operations.ts";
import type { Equations, Expression, GivenSize, Line, Operator, SizeLine } from "./parse.ts";
import {
  createSolver,
  type Form,
  form,
  formatForm,
  isHuge,
  isPositive,
  plus,
  type Size,
  stepsOf,
  sum,
  symbol,
  toSize,
} from "./sizes.ts";

export type Kind = "number" | "scalar" | "vector" | "matrix";

export type Shapes = {
  /** [n] or [rows, columns]. */
  readonly states: ReadonlyMap<string, readonly Size[]>;
  readonly parameters: ReadonlyMap<string, readonly Size[]>;
  /** The kind of each line's value, in the order of the lines. */
  readonly kinds: readonly Kind[];
};

/** A number known now keeps its value, so that 1 / 0 is found here. */
type Value =
  | { readonly kind: "number"; readonly value?: number }
  | { readonly kind: "scalar" }
  | { readonly kind: "vector"; readonly size: Form }
  | { readonly kind: "matrix"; readonly rows: Form; readonly columns: Form };

export const binaryNames: { readonly [K in Operator]: BinaryName } = { "+": "add", "-": "sub", "*": "mul", "/": "div" };

const article: { readonly [K in Kind]: string } = {
  number: "a number",
  scalar: "one number per example",
  vector: "a vector",
  matrix: "a matrix",
};
const toVector = "Make a vector of it first, as in C @ q.";
const tooMany = "this has more features than any machine could hold. Look at the concatenations and size lines above.";

export function inferShapes(source: Source, equations: Equations, names: Names): Shapes {
  const solver = createSolver();
  const inputName = names.inputs[0];
  const { lines } = equations;
  const unknown = (name: string): Form => symbol(`?${name}`);
  const matrixStates = matricesAmong(equations, names);
  // The unknown sizes of a parameter (its rows and columns) or of a state, by name.
  const rows = (matrix: string): Form => symbol(names.states.has(matrix) ? `?rows of ${matrix}` : `?${matrix} @ ...`);
  const columns = (matrix: string): Form =>
    symbol(names.states.has(matrix) ? `?columns of ${matrix}` : `?what ${matrix} meets`);
  const format = (size: Form): string => formatForm(solver.resolve(size), inputName ?? "");
  const declared = new Map<string, SizeLine>(equations.sizes.map((line) => [line.name, line]));
  const values: Value[] = [];

  function equate(left: Form, right: Form, at: Span, what: string, fix: string, unit = "features"): void {
    const result = solver.equate(left, right);
    if (result === "huge") fail(source, at, tooMany);
    if (result === "never") fail(source, at, `${what}, got ${format(left)} and ${format(right)} ${unit}. ${fix}`);
  }
  function declaredSize({ constant, units, input }: GivenSize, span: Span): Form {
    if (input !== 0 && inputName === undefined)
      fail(source, span, "this cell has no input, so there is no size input.");
    const size = form(constant, { units });
    return inputName === undefined ? size : plus(size, symbol(inputName), input);
  }
  const declare = (name: string, size: Form, part: "" | "rows" | "columns" = ""): void => {
    const line = declared.get(name);
    if (line === undefined || line.steps) return;
    const fix = "Change the size line, or the equations that it belongs to.";
    const said = declaredSize(part === "columns" ? (line.columns as GivenSize) : line, line.span);
    const what = part === "" ? `the size of ${name}` : `the number of ${part} of ${name}`;
    equate(size, said, line.span, `${what} must be the size said here`, fix, part || "features");
  };
  const noSizeLine = (name: string): never =>
    fail(
      source,
      (declared.get(name) as SizeLine).span,
      `${name} is a matrix, and a size line gives one size. Its rows and columns are the sizes of a and b in outer(a, b): give those sizes.`,
    );
  const known = (value: number, span: Span): Value => {
    if (!Number.isFinite(value)) fail(source, span, `this is ${value}, not a finite number. Change the numbers in it.`);
    return { kind: "number", value };
  };
  function vector(e: Expression, who: string, hint: string): Form {
    const value = infer(e);
    if (value.kind === "vector") return value.size;
    const fix = value.kind === "matrix" ? toVector : hint;
    return fail(source, e.span, `${who} takes vectors, got ${article[value.kind]}. ${fix}`);
  }
  /** The operand of sum, mean, min or max: all numbers of a vector or of a matrix. */
  function reduce(e: Expression, who: string, hint: string): Value {
    if (infer(e).kind !== "matrix") vector(e, who, hint);
    return { kind: "scalar" };
  }
  function equalMatrices(a: Value & { kind: "matrix" }, b: Value & { kind: "matrix" }, at: Span, what: string): Value {
    const fix = "The rows of outer(a, b) are the size of a, its columns the size of b.";
    equate(a.rows, b.rows, at, what, fix, "rows");
    equate(a.columns, b.columns, at, what, fix, "columns");
    return a;
  }
  function elementwise(op: BinaryName, sign: string, left: Expression, right: Expression, at: Span, span: Span): Value {
    const [a, b] = [infer(left), infer(right)];
    if (a.kind === "matrix" && b.kind === "matrix") return equalMatrices(a, b, at, `'${sign}' needs equal shapes`);
    // What has a row for each step meets a vector at each of them.
    const [all, one] = a.kind === "matrix" ? [a, b] : [b, a];
    if (all.kind === "matrix" && one.kind === "vector" && hasSteps(all.rows)) {
      if (hasSteps(one.size)) {
        const problem = `'${sign}' of a matrix with a row for each step and of a number for each step: a vector meets every row, and these are shares of rows. Read with them, as in a @ H.`;
        fail(source, at, problem);
      }
      const fix = "At each step it meets a vector of as many features: bring it to that size, as in W @ x.";
      equate(all.columns, one.size, at, `'${sign}' needs as many features as there are columns`, fix);
      return all;
    }
    if ((a.kind === "matrix" && b.kind === "vector") || (a.kind === "vector" && b.kind === "matrix")) {
      const fix = "Make a matrix of two vectors with outer(a, b), or a vector of the matrix with C @ q.";
      fail(source, at, `'${sign}' needs equal shapes, got ${article[a.kind]} and ${article[b.kind]}. ${fix}`);
    }
    if (a.kind === "matrix") return a;
    if (b.kind === "matrix") return b;
    if (a.kind === "vector" && b.kind === "vector") {
      equate(
        a.size,
        b.size,
        at,
        `'${sign}' needs equal shapes`,
        "Bring one side to the other's size with a matrix, as in W @ x.",
      );
      return a;
    }
    if (a.kind === "vector") return a;
    if (b.kind === "vector") return b;
    if (a.kind === "scalar" || b.kind === "scalar") return { kind: "scalar" };
    if (a.value === undefined || b.value === undefined) return { kind: "number" };
    return known(arithmetic[op](a.value, b.value), span);
  }
  /** Whether a size is the number of steps of an input. */
  const hasSteps = (size: Form): boolean =>
    [...names.sequences].some((name) => solver.resolve(size).has(stepsOf(name)));
  /** The size, which must not be a number of steps. */
  function ofOneSize(size: Form, e: Expression, who: string): Form {
    const input = [...names.sequences].find((one) => solver.resolve(size).has(stepsOf(one)));
    if (input === undefined) return size;
    const problem = `${who} takes vectors of one size, and this has a number for each step of ${input}. Read ${input} with it, as in a @ ${input}.`;
    return fail(source, e.span, problem);
  }
  function infer(e: Expression): Value {
    switch (e.kind) {
      case "number":
        return { kind: "number", value: e.value };
      case "name": {
        if (names.settings.includes(e.name)) return { kind: "number" };
        if (names.sequences.has(e.name))
          return { kind: "matrix", rows: symbol(stepsOf(e.name)), columns: symbol(e.name) };
        if (names.inputs.includes(e.name)) return { kind: "vector", size: symbol(e.name) };
        if (matrixStates.has(e.name) || names.parameters.get(e.name)?.matrix)
          return { kind: "matrix", rows: rows(e.name), columns: columns(e.name) };
        const line = names.lines.get(e.name);
        return line === undefined ? { kind: "vector", size: unknown(e.name) } : (values[line] as Value);
      }
      case "negate": {
        const value = infer(e.operand);
        return value.kind === "number" && value.value !== undefined ? { kind: "number", value: -value.value } : value;
      }
      case "binary":
        return elementwise(binaryNames[e.operator], e.operator, e.left, e.right, e.at, e.span);
      case "product": {
        if (!names.parameters.has(e.matrix)) return matrixTimesVector(e);
        const size = vector(e.operand, "'@'", `For a number write * in place of @.`);
        const fix = `Use another matrix, or bring this to the size of the other vectors that ${e.matrix} multiplies.`;
        equate(columns(e.matrix), size, e.span, `'${e.matrix} @' needs the same size wherever it stands`, fix);
        return { kind: "vector", size: rows(e.matrix) };
      }
      case "concat": {
        const sizes = e.parts.map((part) =>
          ofOneSize(vector(part, "a concatenation", "Only features can be put together."), part, "a concatenation"),
        );
        const size = sum(sizes);
        if (isHuge(size)) fail(source, e.span, tooMany);
        return { kind: "vector", size };
      }
      case "call": {
        const [first, second] = e.arguments as [Expression, Expression?];
        switch (e.function) {
          case "sum":
          case "mean":
            return reduce(first, e.function, "It goes over the features of a vector.");
          case "softmax":
            return { kind: "vector", size: vector(first, e.function, "It goes over the features of a vector.") };
          case "min":
          case "max":
            if (second !== undefined) return elementwise(e.function, e.function, first, second, e.span, e.span);
            return reduce(first, e.function, "With one argument it goes over the features of a vector.");
          case "outer": {
            const [a, b] = e.arguments.map((part) => vector(part, "outer", "It makes a matrix of two vectors."));
            const columns = ofOneSize(b as Form, e.arguments[1] as Expression, "outer as its second argument");
            return { kind: "matrix", rows: a as Form, columns };
          }
          case "dropout": {
            const value = infer(first);
            if (value.kind === "vector" || value.kind === "matrix") return value;
            return fail(source, first.span, `dropout takes a vector or a matrix, and this is ${article[value.kind]}.`);
          }
          case "size":
            if (first.kind !== "name" || infer(first).kind !== "vector" || hasSteps(vector(first, "size", ""))) {
              fail(
                source,
                first.span,
                "size takes the name of a vector, as in size(h), and is its number of features.",
              );
            }
            return { kind: "number" };
          default: {
            if (second !== undefined && !(second.kind === "number" && second.value > 0)) {
              fail(
                source,
                second.span,
                "the second argument of sqrt, its largest derivative, must be a number above 0, as in sqrt(a, 1000).",
              );
            }
            const value = infer(first);
            if (value.kind !== "number" || value.value === undefined) return value;
            return known(arithmetic[e.function](value.value), e.span);
          }
        }
      }
    }
  }

  /** The kind of a line's value or of a state. */
  function matrixTimesVector({ matrix, primed, operand, at, span }: Expression & { kind: "product" }): Value {
    const label = primed ? `${matrix}'` : matrix;
    const left = infer({ kind: "name", name: matrix, primed, span: at });
    if (left.kind === "vector") {
      const right = infer(operand);
      if (right.kind === "matrix") {
        const fix = "A vector left of a matrix has a number for each of its rows, which are summed in these shares.";
        equate(left.size, right.rows, span, `'${label} @' needs as many features as there are rows`, fix);
        return { kind: "vector", size: right.columns };
      }
    }
    if (left.kind !== "matrix") {
      const problem = `left of "@" stands a matrix, and ${label} is ${article[left.kind]}. For elementwise products write *.`;
      return fail(source, at, problem);
    }
    const size = vector(operand, "'@'", `For a number write * in place of @.`);
    const fix = "The columns of outer(a, b) are the size of b.";
    equate(left.columns, size, span, `'${label} @' needs as many features as ${label} has columns`, fix);
    return { kind: "vector", size: left.rows };
  }

  for (const name of [...names.inputs, ...names.states.keys(), ...names.parameters.keys()]) {
    if (names.sequences.has(name)) continue;
    if (matrixStates.has(name) && declared.has(name)) noSizeLine(name);
    if (names.parameters.get(name)?.matrix) {
      declare(name, rows(name), "rows");
      declare(name, columns(name), "columns");
    } else declare(name, names.inputs.includes(name) ? symbol(name) : unknown(name));
  }
  lines.forEach((line, position) => {
    const value = infer(line.expression);
    values.push(value);
    const span = line.expression.span;
    if (line.primed && value.kind === "matrix") {
      const [own, what] = [infer({ kind: "name", name: line.target, primed: true, span }), "needs the shape that"];
      equalMatrices(value, own as typeof value, span, `${line.target}' ${what} ${line.target} has`);
    } else if (line.primed) {
      if (value.kind !== "vector") {
        fail(
          source,
          span,
          `the state ${line.target} must be a vector, got ${article[value.kind]}. Multiply it by a vector, as in b * sum(x).`,
        );
      }
      const fix = `Bring the value to the size of ${line.target}.`;
      equate(value.size, unknown(line.target), span, `${line.target}' needs the size that ${line.target} has`, fix);
    } else if (declared.has(line.target)) {
      if (value.kind === "matrix") noSizeLine(line.target);
      if (value.kind !== "vector") {
        const at = (declared.get(line.target) as SizeLine).span;
        fail(source, at, `${line.target} is ${article[value.kind]} and has no size. Remove this line.`);
      }
      declare(line.target, value.size);
    }
    if (position === names.output && value.kind === "matrix") {
      const name = line.primed ? `${line.target}'` : line.target;
      const problem = `the output ${name} is a matrix, and must be a vector. Read it in a line for the output, as in y = C @ q.`;
      fail(source, span, problem);
    }
    if (position === names.output && value.kind === "vector" && hasSteps(value.size)) {
      const [input] = names.sequences;
      const problem = `the output ${line.target} has a number for each step of ${input}, and must have as many features for sequences of any length. Read with it: y = ${line.target} @ ${input}`;
      fail(source, span, problem);
    }
    if (position === names.output && value.kind === "number") {
      const problem = `the output ${line.target} is the same number for every example. It must depend on the input or a parameter.`;
      fail(source, span, problem);
    }
  });

  const keysOf = (name: string, matrix: boolean): Form[] => (matrix ? [rows(name), columns(name)] : [unknown(name)]);
  const owners = [
    ...[...names.states].flatMap(([name, position]) =>
      keysOf(name, matrixStates.has(name)).map((key) => ({ key, span: (lines[position] as Line).span, name })),
    ),
    ...[...names.parameters].flatMap(([name, { matrix, span }]) =>
      keysOf(name, matrix).map((key) => ({ key, span, name })),
    ),
  ];
  solver.settle(owners.flatMap(({ key }) => [...key.keys()]));
  for (const { key, span, name } of owners) {
    const size = solver.resolve(key);
    if (isHuge(size)) fail(source, span, tooMany);
    const sequence = [...names.sequences].find((input) => size.has(stepsOf(input)));
    if (sequence !== undefined && names.parameters.has(name)) {
      const problem = `the size of ${name} would be the number of steps of ${sequence}, and a parameter has the same size for sequences of any length. Read ${sequence} first, as in a @ ${sequence}.`;
      fail(source, span, problem);
    }
    if (isPositive(size)) continue;
    const problem = `no features are left for ${name}: the other parts of the concatenation take all. Fix the size of a part with a size line, as in a : units / 2.`;
    fail(source, span, problem);
  }
  const shapeOf = (name: string, matrix: boolean): Size[] =>
    keysOf(name, matrix).map((key) => toSize(solver.resolve(key)));
  return {
    states: new Map([...names.states.keys()].map((name) => [name, shapeOf(name, matrixStates.has(name))])),
    parameters: new Map([...names.parameters].map(([name, { matrix }]) => [name, shapeOf(name, matrix)])),
    kinds: values.map((value) => value.kind),
  };
}

/** States that hold matrices: an outer product, a matrix parameter or an input of all steps reaches them, directly or through other lines. */
function matricesAmong({ lines }: Equations, names: Names): ReadonlySet<string> {
  const found = new Set<number>();
  const isMatrix = (e: Expression): boolean => {
    switch (e.kind) {
      case "name":
        return (
          names.parameters.get(e.name)?.matrix === true ||
          names.sequences.has(e.name) ||
          found.has(names.states.get(e.name) ?? names.lines.get(e.name) ?? -1)
        );
      case "negate":
        return isMatrix(e.operand);
      case "binary":
        return isMatrix(e.left) || isMatrix(e.right);
      case "call":
        return e.function === "outer" || (!toOneNumber(e) && e.arguments.some(isMatrix));
      default:
        return false;
    }
  };
  for (let before = -1; before < found.size; ) {
    before = found.size;
    lines.forEach(({ expression }, position) => {
      if (isMatrix(expression)) found.add(position);
    });
  }
  return new Set([...names.states].flatMap(([name, position]) => (found.has(position) ? [name] : [])));
}

/** Whether a call reduces its argument to one number. */
export function toOneNumber({ function: name, arguments: given }: Expression & { kind: "call" }): boolean {
  return ["sum", "mean", "size"].includes(name) || (["min", "max"].includes(name) && given.length === 1);
}
