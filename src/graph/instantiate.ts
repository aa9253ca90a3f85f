/** Add a cell to a graph under construction: sizes become numbers, parameters and states are declared, lines become nodes. */
import type { Cell } from "./cell.ts";
import { EquationError, fail, type Source, type Span } from "./equation-error.ts";
import type { Axis, Builder, NodeId } from "./graph.ts";
import type { BinaryName, UnaryName } from "./operations.ts";
import type { Expression, Line } from "./parse.ts";
import { binaryNames } from "./shapes.ts";
import { evaluateSize, formatForm, mentions, type Size, stepsOf, toForm } from "./sizes.ts";

export type Layer = {
  readonly output: NodeId;
  /** By name: "f" and "c'" are values of this step, "c" is the state's value of the step before. */
  readonly values: Readonly<Record<string, NodeId>>;
};

/** How a layer changes the way a cell's states are read and set: direction, masks, dropout, initial states. */
export type StateOptions = {
  /** Whether time runs from the last step to the first. */
  readonly reverse?: boolean;
  /** The time axis along which the cell runs. By default all steps. */
  readonly axis?: Axis;
  /** The initial value of a state of `size` features, one value per sequence; zeros without it. */
  readonly initial?: (state: string, size: number) => NodeId | undefined;
  /** Maps a state's value of the step before to the value that the equations read. */
  readonly read?: (state: string, value: NodeId) => NodeId;
  /** Maps a state's value of the step before, and its new value by the equations, to what the state becomes. */
  readonly next?: (state: string, before: NodeId, value: NodeId) => NodeId;
  /** Maps divisors and the operands of log and sqrt, which at 0 have no finite value or derivative, to safe ones. */
  readonly safe?: (value: NodeId) => NodeId;
};

/** The cell's source, with the place where it begins in the text given to `cell`. */
const sourceOf = ({ source, equations: { line, column } }: Cell): Source => ({ text: source, line, column });

const largestSize = 2 ** 31;

export type Place = {
  readonly layer: string;
  /** The cell's size, needed unless its equations fix every size. */
  readonly units?: number;
  /** For each of the cell's inputs a node, a vector of features; of one that is all steps, the features of each step in turn. */
  readonly inputs: Readonly<Record<string, NodeId>>;
  /** For each input that is all steps: how many there are, and a vector of as many numbers, 1 for those that count and 0 for padding. */
  readonly sequences?: Readonly<Record<string, { readonly steps: number; readonly mask?: NodeId | undefined }>>;
  /** Changes to how its states are read and set. */
  readonly states?: StateOptions | undefined;
  /** What `dropout(a)` is: `place` counts these calls from 0. By default `a` itself. */
  readonly dropout?: ((value: NodeId, place: number) => NodeId) | undefined;
  /** For a parameter of the cell, by its name, the declared parameter that it shares. */
  readonly shared?: Readonly<Record<string, string>> | undefined;
};

/** `addCell` without what was probably meant in place of a product that does not fit. */
export function instantiate(builder: Builder, cell: Cell, at: Place): Layer {
  const { reverse = false, axis = {}, initial, read, next, safe = (value: NodeId) => value } = at.states ?? {};
  const before = new Map<string, NodeId>();
  /** Columns of the values that are matrices. */
  const columnsOf = new Map<string, number>();
  let places = 0;
  /** The input of all steps that a value has a feature, or a matrix a row, for each step of. */
  const sequenceOf = new Map<string, string>();
  const { equations } = cell;
  const source = sourceOf(cell);
  const full = (name: string): string => (at.layer === "" ? name : `${at.layer}.${name}`);
  const refuse = (problem: string, span?: Span, where = at.layer || "cell"): never => {
    if (span !== undefined) return fail(source, span, problem, where);
    throw new EquationError(`${where}: ${problem}`, source.line + 1, source.column + 1);
  };

  const values = new Map<string, NodeId>();
  const numbers = inputSizes();
  const matrixRows = new Map<string, number>();
  const matrixColumns = new Map<string, number>();
  const settings = new Set(cell.settings);

  cell.parameters.forEach(({ name, matrix, initializer, shape, span }) => {
    const size = shape.map((s) => evaluate(s, name, span));
    const shared = at.shared?.[name];
    if (shared === undefined) builder.declare(full(name), size, initializer);
    else {
      const there = builder.declaredShape(shared);
      if (there?.join() !== size.join()) {
        const problem = `expected the shape (${size.join(", ")}), got ${there === undefined ? "no parameter of this name in an earlier layer" : `(${there.join(", ")})`}`;
        refuse(`shared with ${shared}: ${problem}.`, undefined, full(name));
      }
    }
    if (matrix) {
      matrixRows.set(name, size[0] as number);
      matrixColumns.set(name, size[1] as number);
      columnsOf.set(name, size[1] as number);
    } else values.set(name, builder.parameter(parameterOf(name)));
  });
  cell.states.forEach((name, i) => {
    const line = lineOf(name);
    const sizes = cell.stateShapes[i] as readonly Size[];
    const shape = sizes.map((size) => evaluate(size, name, line.span));
    const sequence = cell.sequences.find((input) => mentions(sizes[0] as Size, stepsOf(input)));
    if (sequence !== undefined) for (const key of [name, `${name}'`]) sequenceOf.set(key, sequence);
    const size = shape.reduce((a, b) => a * b);
    if (shape[1] !== undefined) {
      checkNumbers(shape[0] as number, shape[1], line.span, name);
      columnsOf.set(name, shape[1]);
      columnsOf.set(`${name}'`, shape[1]);
    }
    const state = builder.state(full(name), size, { reverse, ...axis });
    const from = initial?.(name, size);
    if (from !== undefined) builder.initial(full(name), from);
    before.set(name, state);
    values.set(name, read?.(name, state) ?? state);
  });
  /** The value of each line, by its position. */
  const kept = new Map<string, NodeId>();
  const declared = new Map(equations.sizes.map((line) => [line.name, line]));
  for (const name of cell.inputs) checkDeclared(name, values.get(name) as NodeId);

  for (const line of equations.lines) {
    const name = line.primed ? `${line.target}'` : line.target;
    const made = emit(line.expression, name);
    values.set(name, made.node);
    let { node } = made;
    if (line.primed) {
      const state = { node: values.get(line.target) as NodeId, columns: columnsOf.get(line.target) };
      checkEqual(made, state, line.expression.span, `${name} needs the shape that ${line.target} has`, name);
      node = next?.(line.target, before.get(line.target) as NodeId, node) ?? node;
      builder.next(full(line.target), node);
    } else {
      checkDeclared(line.target, node);
      if (made.columns !== undefined) columnsOf.set(name, made.columns);
      if (made.sequence !== undefined) sequenceOf.set(name, made.sequence);
    }
    builder.label(node, full(name));
    kept.set(name, node);
  }
  const output = (kept.get(cell.output) ?? values.get(cell.output)) as NodeId;
  checkUnits(output);
  const lineNames = equations.lines.flatMap(({ target, primed }) => (primed ? [target, `${target}'`] : [target]));
  return {
    output,
    values: Object.fromEntries(lineNames.map((name) => [name, (kept.get(name) ?? values.get(name)) as NodeId])),
  };

  function parameterOf(name: string): string {
    return at.shared?.[name] ?? full(name);
  }
  /** The numbers of `units` and of the inputs' features. */
  function inputSizes(): Map<string, number> {
    const sizes = new Map<string, number>();
    for (const name of cell.inputs) {
      const node = Object.hasOwn(at.inputs, name) ? at.inputs[name] : undefined;
      if (node === undefined) {
        refuse(`the cell's input ${name} is missing. Give inputs: { ${name}: a node }.`);
        continue;
      }
      const shape = builder.shapeOf(node);
      if (typeof shape !== "number") {
        refuse(`the input ${name} must be a vector of features, got a value of shape "${shape}".`);
        continue;
      }
      values.set(name, node);
      if (!cell.sequences.includes(name)) {
        sizes.set(name, shape);
        continue;
      }
      const steps = at.sequences?.[name]?.steps;
      if (steps === undefined || shape % steps > 0) {
        refuse(
          `the input ${name} is all steps of a sequence: needs how many there are, sequences: { ${name}: { steps } }.`,
        );
        continue;
      }
      sizes.set(name, shape / steps).set(stepsOf(name), steps);
      columnsOf.set(name, shape / steps);
      sequenceOf.set(name, name);
    }
    const extra = Object.keys(at.inputs).find((name) => !cell.inputs.includes(name));
    if (extra !== undefined) refuse(`the cell has no input ${extra}. Its inputs: ${cell.inputs.join(", ") || "none"}.`);
    const { units } = at;
    if (units === undefined) {
      const needs = needsUnits();
      if (needs !== undefined)
        refuse(
          `the size of ${needs.name} is units, and units are not given. Give units, as in units: 128.`,
          needs.span,
        );
    } else if (!Number.isInteger(units) || units < 1 || units > largestSize) {
      refuse(`units must be a whole number from 1 to ${largestSize}, got ${units}.`);
    } else sizes.set("units", units);
    return sizes;
  }
  /** The first name whose size depends on units, and where it stands. */
  function needsUnits(): { readonly name: string; readonly span: Span } | undefined {
    const byUnits = (size: Size): boolean => mentions(size, "units");
    const state = cell.states.find((_, i) => cell.stateShapes[i]?.some(byUnits));
    if (state !== undefined) return { name: state, span: lineOf(state).span };
    return (
      cell.parameters.find(({ shape }) => shape.some(byUnits)) ??
      equations.sizes.find((line) => line.units !== 0 || line.columns?.units)
    );
  }
  function lineOf(name: string): Line {
    return equations.lines.find(({ target }) => target === name) as Line;
  }
  function checkUnits(node: NodeId): void {
    if (at.units === undefined || needsUnits() !== undefined) return;
    const shape = builder.shapeOf(node);
    const size = shape === "scalar" ? 1 : shape;
    if (size === at.units) return;
    const name = cell.output.replace("'", "");
    refuse(
      `the equations fix this cell's size at ${size} features, got units ${at.units}. Leave units out, or give ${size}.`,
      declared.get(name)?.span ?? lineOf(name).expression.span,
    );
  }
  function evaluate(size: Size, name: string, span: Span): number {
    const value = evaluateSize(size, numbers);
    if (Number.isInteger(value) && value >= 1 && value <= largestSize) return value;
    const written = formatForm(toForm(size), cell.inputs[0] ?? "");
    const problem = `its size ${written} is ${value}, and must be a whole number from 1 to ${largestSize}. Change units, or the size lines.`;
    return fail(source, span, problem, full(name));
  }
  function checkDeclared(name: string, node: NodeId): void {
    const line = declared.get(name);
    if (line === undefined || line.steps) return;
    const terms: [string, number][] = [["units", line.units]];
    if (cell.inputs[0] !== undefined) terms.push([cell.inputs[0], line.input]);
    const size = evaluate({ constant: line.constant, terms: terms.filter(([, c]) => c !== 0) }, name, line.span);
    const shape = builder.shapeOf(node);
    if (shape !== size) {
      fail(source, line.span, `its size line says ${size} features, got ${shape}. Change one of the two.`, full(name));
    }
  }

  function advice(a: unknown, b: unknown): string {
    const matrix = "Bring one side to the other's size with a matrix, as in W @ x";
    if (at.units === undefined || needsUnits() === undefined) return `${matrix}.`;
    const other = a === at.units ? b : b === at.units ? a : undefined;
    return other === undefined ? `${matrix}, or change units.` : `${matrix}, or give units ${other}.`;
  }

  function checkNumbers(rows: number, columns: number, span: Span, name: string): void {
    if (rows * columns <= largestSize) return;
    const problem = `this matrix has ${rows} x ${columns} numbers, and must have at most ${largestSize}. Lower units, or the size lines.`;
    fail(source, span, problem, full(name));
  }
  function checkEqual(a: Made, b: Made, span: Span, what: string, name: string): void {
    const [s, t] = [builder.shapeOf(a.node), builder.shapeOf(b.node)];
    if (typeof s !== "number" || typeof t !== "number" || (s === t && a.columns === b.columns)) return;
    const problem =
      a.columns === undefined || b.columns === undefined
        ? `${what}, got ${s} and ${t} features. ${advice(s, t)}`
        : `${what}, got ${s / a.columns} x ${a.columns} and ${t / b.columns} x ${b.columns} numbers. Change units, or the size lines.`;
    fail(source, span, problem, full(name));
  }

  function emit(e: Expression, name: string): Made {
    switch (e.kind) {
      case "number":
        return { node: builder.constant(e.value) };
      case "name": {
        if (settings.has(e.name)) return { node: builder.runtimeScalar(e.name) };
        const key = e.primed ? `${e.name}'` : e.name;
        const node = matrixRows.has(key) ? builder.parameter(parameterOf(key)) : (values.get(key) as NodeId);
        return { node, columns: columnsOf.get(key), sequence: sequenceOf.get(key) };
      }
      case "negate":
        return pointwise("neg", e.operand, name);
      case "binary":
        return elementwise(binaryNames[e.operator], e.operator, e.left, e.right, e.at, name);
      case "product":
        return product(e, name);
      case "concat":
        return { node: builder.concat(e.parts.map((part) => emit(part, name).node)) };
      case "call": {
        const [first, second] = e.arguments as [Expression, Expression?];
        switch (e.function) {
          case "sum":
            return { node: builder.sum(counted(emit(first, name))) };
          case "mean":
            return { node: mean(emit(first, name)) };
          case "softmax":
            return softmax(emit(first, name));
          case "max":
            if (second !== undefined) return elementwise("max", "max", first, second, e.span, name);
            return { node: builder.reduce("max_of", orLowest(emit(first, name))) };
          case "min":
            if (second !== undefined) return elementwise("min", "min", first, second, e.span, name);
            return { node: builder.unary("neg", builder.reduce("max_of", orLowest(pointwise("neg", first, name)))) };
          case "outer": {
            const [rows, right] = e.arguments.map((part) => emit(part, name)) as [Made, Made];
            const [a, b] = [rows.node, right.node];
            const columns = builder.shapeOf(b) as number;
            checkNumbers(builder.shapeOf(a) as number, columns, e.span, name);
            return { node: builder.outerProduct(a, b), columns, sequence: rows.sequence };
          }
          case "dropout": {
            const made = emit(first, name);
            return { ...made, node: at.dropout?.(made.node, places++) ?? made.node };
          }
          case "size":
            return { node: builder.constant(builder.shapeOf(emit(first, name).node) as number) };
          default:
            return pointwise(
              e.function,
              first,
              name,
              second?.kind === "number" ? { steepest: second.value } : undefined,
            );
        }
      }
    }
  }
  function pointwise(
    op: UnaryName,
    operand: Expression,
    name: string,
    attributes?: { readonly steepest: number },
  ): Made {
    const { node, ...made } = emit(operand, name);
    return { node: builder.unary(op, op === "log" || op === "sqrt" ? safe(node) : node, attributes), ...made };
  }
  /** Of what has a number, or a row, for each step: 1 for those that count. None where there is no padding. */
  function maskOf({ node, columns, sequence }: Made): NodeId | undefined {
    const mask = sequence === undefined ? undefined : at.sequences?.[sequence]?.mask;
    if (mask === undefined || typeof builder.shapeOf(node) !== "number") return undefined;
    return columns === undefined ? mask : builder.repeatInterleave(mask, columns);
  }
  /** Zeros in place of padding. */
  function counted(made: Made): NodeId {
    const mask = maskOf(made);
    return mask === undefined ? made.node : builder.where(mask, made.node);
  }
  function mean(made: Made): NodeId {
    const mask = maskOf(made);
    if (mask === undefined) return builder.mean(made.node);
    const count = builder.binary("max", builder.sum(mask), builder.constant(1));
    return builder.div(builder.sum(counted(made)), count);
  }
  /** In place of padding what is below every score. */
  function orLowest(made: Made): NodeId {
    const mask = maskOf(made);
    if (mask === undefined) return made.node;
    return builder.add(counted(made), builder.mul(builder.sub(mask, builder.constant(1)), builder.constant(1e9)));
  }
  /** Padding has no share; where there is nothing else, no step has one. */
  function softmax(made: Made): Made {
    return { ...made, node: counted({ ...made, node: builder.softmax(orLowest(made)) }) };
  }
  function product(e: Expression & { kind: "product" }, name: string): Made {
    const key = e.primed ? `${e.matrix}'` : e.matrix;
    const columns = matrixColumns.get(key) ?? columnsOf.get(key);
    const check = (got: number): void => {
      if (got === columns) return;
      const problem = `'@' needs as many features as ${key} has columns, got ${got} and ${columns}. ${advice(got, columns)}`;
      fail(source, e.span, problem, full(name));
    };
    if (!matrixColumns.has(key)) {
      const { node: operand, columns: across } = emit(e.operand, name);
      const left = values.get(key) as NodeId;
      if (columns === undefined) {
        const [given, rows] = [builder.shapeOf(left), (builder.shapeOf(operand) as number) / (across as number)];
        if (given !== rows) {
          fail(
            source,
            e.span,
            `'${key} @' needs as many features as there are rows, got ${given} and ${rows}.`,
            full(name),
          );
        }
        return { node: builder.vectorMatrix(left, operand, across as number) };
      }
      check(builder.shapeOf(operand) as number);
      return { node: builder.matrixVector(left, operand), sequence: sequenceOf.get(key) };
    }
    // A concatenation written as the operand is split at once, so that no unused node is left.
    const parts = partsOf(e.operand).map((part) => emit(part, name).node);
    check(parts.reduce((sum, part) => sum + (builder.shapeOf(part) as number), 0));
    if (parts.length === 1) return { node: builder.matmul(parameterOf(key), parts[0] as NodeId) };
    return { node: parameterTimesParts(key, parts) };
  }
  function parameterTimesParts(matrix: string, parts: readonly NodeId[]): NodeId {
    let column = 0;
    const products = parts.map((part) => {
      const columns = builder.shapeOf(part) as number;
      const view = { parameter: parameterOf(matrix), rows: matrixRows.get(matrix) as number, column, columns };
      column += columns;
      return builder.matmulView(view, part);
    });
    return products.reduce(builder.add);
  }
  function elementwise(
    op: BinaryName,
    sign: string,
    left: Expression,
    right: Expression,
    span: Span,
    name: string,
  ): Made {
    const [first, second] = [emit(left, name), emit(right, name)];
    const [a, b] = [atEachStep(first, second), atEachStep(second, first)];
    checkEqual(a, b, span, `'${sign}' needs equal shapes`, name);
    const node = builder.binary(op, a.node, op === "div" ? safe(b.node) : b.node);
    return { node, columns: a.columns ?? b.columns, sequence: a.sequence ?? b.sequence };
  }
  /** A vector that meets what has a row for each step, as a matrix of such rows. */
  function atEachStep(made: Made, { node, columns, sequence }: Made): Made {
    const [size, all] = [builder.shapeOf(made.node), builder.shapeOf(node)];
    if (sequence === undefined || columns === undefined || made.columns !== undefined) return made;
    if (typeof size !== "number" || typeof all !== "number" || size !== columns) return made;
    return { node: builder.tile(made.node, all / columns), columns, sequence };
  }
}

/** A value, with its number of columns if it is a matrix; and the input that it has a feature, or a row, for each step of. */
type Made = { readonly node: NodeId; readonly columns?: number | undefined; readonly sequence?: string | undefined };

/** The parts of a concatenation, nested ones flattened; any other expression is its only part. */
function partsOf(e: Expression): readonly Expression[] {
  return e.kind === "concat" ? e.parts.flatMap(partsOf) : [e];
}
