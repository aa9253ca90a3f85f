/**
 * Make a cell from its equations: parse, resolve names, infer shapes, choose initialisers. The result is readonly plain
 * data. Sizes stay symbolic (`units`, the input's features); `addCell` gives them numbers and puts the cell into a graph.
 */
import { EquationError, type Source, type Span } from "./equation-error.ts";
import { type Builder, createBuilder, type Initializer } from "./graph.ts";
import { InputError } from "./input-error.ts";
import { instantiate, type Layer, type Place } from "./instantiate.ts";
import { children, type Names, resolveNames } from "./names.ts";
import type { NamesIn } from "./names-in.ts";
import { orOtherProduct } from "./other-product.ts";
import { type Equations, type Expression, parse } from "./parse.ts";
import { checkOptions, formatValue, listOf, type Rule, type Schema, string } from "./schema.ts";
import { inferShapes, type Kind } from "./shapes.ts";
import type { Size } from "./sizes.ts";
import { reservedFor } from "./vocabulary.ts";

export { EquationError } from "./equation-error.ts";
export type { Layer } from "./instantiate.ts";
export type { NamesIn } from "./names-in.ts";
export type { Equations, Expression, InitializerLine, Line, SizeLine } from "./parse.ts";
export type { Kind } from "./shapes.ts";
export type { Size } from "./sizes.ts";

export type CellParameter = {
  readonly name: string;
  /** Whether it is a matrix: the left operand of `@`, or of two sizes by a size line. Other parameters are vectors. */
  readonly matrix: boolean;
  /** Whether it is a matrix that multiplies only states of the step before. */
  readonly recurrent: boolean;
  readonly initializer: Initializer;
  /** [n] or [rows, columns], as formulas of `units` and the inputs' features. */
  readonly shape: readonly Size[];
  readonly description?: string;
  /** Where the equations first use it. */
  readonly span: Span;
};

/** A checked cell: plain data, unchanged by JSON.stringify and JSON.parse. */
export type Cell<Names extends string = string> = {
  /** The equations as given, without the indentation that all lines share. */
  readonly source: string;
  readonly equations: Equations;
  readonly inputs: readonly string[];
  readonly settings: readonly string[];
  /** The inputs that are all steps of what they read: a matrix with one row a step. */
  readonly sequences: readonly string[];
  /** Names of the states, without primes, in the order of their lines. */
  readonly states: readonly string[];
  /** The name that each line sets; states without primes. */
  readonly names: readonly Names[];
  readonly parameters: readonly CellParameter[];
  /** The name of the output: `"h'"` for a state, or `"y"`. */
  readonly output: string;
  /** The shape of each state, in the order of `states`: [n] or [rows, columns]. */
  readonly stateShapes: readonly (readonly Size[])[];
  /** The kind of each line's value, in the order of `names`. */
  readonly kinds: readonly Kind[];
  /** Comments, by the name of the line or parameter that they describe. */
  readonly descriptions: Readonly<Record<string, string>>;
};

export type CellOptions = {
  /** Names of the input vectors, by default `["x"]`. `input` in a size line is the size of the first. */
  readonly inputs?: readonly string[];
  /** Names of scalars that are given at run time, by default none. */
  readonly settings?: readonly string[];
};

export const cellRules: Schema<CellOptions> = { inputs: listOf(string), settings: listOf(string) };

/** A value that has the parts of a cell; what the parts contain is not checked. */
export const aCell: Rule = {
  expected: "a cell, as cell() makes it",
  accepts: (value) => {
    const { source, equations, inputs, settings, states, names, parameters } = (value ?? {}) as Partial<Cell>;
    return (
      typeof source === "string" && !!equations && [inputs, settings, states, names, parameters].every(Array.isArray)
    );
  },
};

/**
 * Make a cell from its equations: `cell(text, options)`, or the tagged template cell`...`. One line sets one value; a name
 * with a prime (`h'`) sets a state, and the name without it reads the state's value of the step before. What no line sets
 * is an input (`x`) or a parameter. The output is `y` or, without a line for `y`, the state `h`, else the last state.
 *
 * ```ts
 * const elman = cell(`h' = tanh(W @ x + U @ h + b)  # the hidden state`);
 * ```
 *
 * @param source the equations, one a line; a comment after `#` describes the line's value
 * @param options `inputs`: names of the input vectors, default `["x"]`; `settings`: names of scalars given at run time
 * @returns plain data: give it to `recurrent(cell, { units })` or to `trace`
 * @throws EquationError with line and column for a mistake in the equations; InputError where `source` is not a string,
 *   and for unknown options
 * @__NO_SIDE_EFFECTS__
 */
export function cell(strings: TemplateStringsArray, ...values: readonly (string | number)[]): Cell;
export function cell<const Text extends string>(source: Text, options?: CellOptions): Cell<NamesIn<Text>>;
export function cell(given: string | TemplateStringsArray, ...rest: readonly unknown[]): Cell {
  if (typeof given === "string") {
    checkOptions("cell", rest[0], cellRules);
    return compile(given, (rest[0] ?? {}) as CellOptions);
  }
  if (Array.isArray(given?.raw)) return compile(String.raw(given, ...rest), {});
  throw new InputError(
    `cell: source must be equations, a text like "h' = tanh(W @ x + U @ h)", got ${formatValue(given)}`,
  );
}

/** The cell of a file: one that was made before there was a check of what its author may have meant is none the worse. @internal */
export const storedCell = (source: string, inputs: readonly string[]): Cell => compile(source, { inputs }, true);

const zeros: Initializer = { name: "zeros", values: [] };
const glorot: Initializer = { name: "glorot_uniform", values: [] };
const orthogonal: Initializer = { name: "orthogonal", values: [1] };
const aName = /^[\p{L}_][\p{L}\p{Nd}_]*$/u;

function compile(text: string, { inputs = ["x"], settings = [] }: CellOptions, stored = false): Cell {
  const all = [...inputs, ...settings];
  all.forEach((name, i) => {
    const reserved = reservedFor(name);
    const problem = !aName.test(name)
      ? "is not a name (letters, digits and underscores)"
      : reserved !== undefined
        ? `is reserved: it is ${reserved}`
        : all.indexOf(name) < i
          ? "is given twice among inputs and settings"
          : undefined;
    if (problem !== undefined) throw new EquationError(`"${name}" ${problem}. Choose another name.`, 1, 1);
  });
  const source = dedent(text);
  const given = { inputs, settings };
  const equations = parse(source);
  const make = (changed: Equations): Cell => compileEquations(source, changed, given, stored);
  return orOtherProduct(() => make(equations), source, equations, all, make);
}

/**
 * Put one step of a cell into a graph: parameters `layer.name`, states `layer.name`, values labelled `layer.name`.
 * With layer "" names have no prefix.
 * @throws EquationError if the sizes do not fit
 */
export function addCell(builder: Builder, cell: Cell, at: Place): Layer {
  const { inputs, settings, equations, source } = cell;
  const given = { text: source, line: equations.line, column: equations.column };
  return orOtherProduct(
    () => instantiate(builder, cell, at),
    given,
    equations,
    [...inputs, ...settings],
    (changed) => {
      const g = createBuilder();
      const nodes = Object.entries(at.inputs).map(([name, node]) => [
        name,
        g.input(name, builder.shapeOf(node) as number),
      ]);
      const there = {
        ...{ ...at, inputs: Object.fromEntries(nodes), states: undefined, dropout: undefined, shared: undefined },
        sequences: Object.fromEntries(
          cell.sequences.map((name) => [name, { steps: at.sequences?.[name]?.steps ?? 1 }]),
        ),
      };
      instantiate(g, compileEquations(given, changed, cell), there);
    },
    (line) => (at.layer === "" ? line : `${at.layer}.${line}`),
  );
}

/** Whether its equations say where a layer's `recurrentDropout` goes. @internal */
export function callsDropout({ equations }: Cell): boolean {
  const calls = (e: Expression): boolean => (e.kind === "call" && e.function === "dropout") || children(e).some(calls);
  return equations.lines.some(({ expression }) => calls(expression));
}

function compileEquations(
  source: Source,
  equations: Equations,
  { inputs, settings }: { readonly inputs: readonly string[]; readonly settings: readonly string[] },
  stored = false,
): Cell {
  const names = resolveNames(source, equations, { inputs, settings }, stored);
  const shapes = inferShapes(source, equations, names);
  const { lines } = equations;
  const output = lines[names.output] as (typeof lines)[number];

  const chosen = new Map(equations.initializers.map((line) => [line.name, line.initializer]));
  const meetsInput = matricesThatMeetInputs(equations, names);
  const described = [
    ...lines.map((line) => ({ ...line, name: line.target })),
    ...equations.initializers,
    ...equations.sizes,
  ];
  const descriptions = new Map<string, string>();
  for (const { name, description } of described) {
    if (description !== undefined && !descriptions.has(name)) descriptions.set(name, description);
  }
  return {
    source: source.text,
    equations,
    inputs: [...inputs],
    settings: [...settings],
    sequences: [...names.sequences],
    states: [...names.states.keys()],
    names: lines.map((line) => line.target),
    parameters: [...names.parameters].map(([name, { matrix, span }]) => {
      const description = descriptions.get(name);
      const recurrent = matrix && !meetsInput.has(name);
      const standard = !matrix ? zeros : recurrent ? orthogonal : glorot;
      return {
        name,
        matrix,
        recurrent,
        initializer: chosen.get(name) ?? standard,
        shape: shapes.parameters.get(name) as readonly Size[],
        ...(description === undefined ? {} : { description }),
        span,
      };
    }),
    output: output.primed ? `${output.target}'` : output.target,
    stateShapes: [...shapes.states.values()],
    kinds: shapes.kinds,
    descriptions: Object.fromEntries(descriptions),
  };
}

/** The text without blank lines at its start and end, and without the indentation that all lines share. */
function dedent(given: string): Source {
  const lines = given.replace(/\r\n?/g, "\n").split("\n");
  const says = (line: string): boolean => line.trim() !== "";
  const first = Math.max(0, lines.findIndex(says));
  const body = lines.slice(first, lines.findLastIndex(says) + 1);
  const indentations = body.filter(says).map((line) => (/^[ \t]*/.exec(line) as RegExpExecArray)[0]);
  // What the first and the last of them in order share, all do.
  const [least = "", most = least] = [indentations.sort()[0], indentations.at(-1)];
  let column = 0;
  while (column < least.length && least[column] === most[column]) column++;
  return { text: body.map((line) => (says(line) ? line.slice(column) : "")).join("\n"), line: first, column };
}

/**
 * The matrices that multiply something other than states, and what is read as a value. Initialisers are Keras's defaults: zeros for vectors,
 * glorot_uniform for matrices that multiply an input, orthogonal for those that multiply a state.
 */
function matricesThatMeetInputs(equations: Equations, names: Names): Set<string> {
  const found = new Set<string>();
  const walk = (e: Expression): void => {
    if (e.kind === "name") found.add(e.name);
    if (e.kind === "product") {
      if (statesIn(e.operand, names) !== 1) found.add(e.matrix);
    }
    children(e).forEach(walk);
  };
  for (const line of equations.lines) walk(line.expression);
  return found;
}

/**
 * Whether an expression reads a state's value of the step before, outside other products: 0 no, 1 yes, 2 it is a
 * concatenation of parts that do and parts that do not.
 */
function statesIn(e: Expression, names: Names): number {
  if (e.kind === "name") return Number(!e.primed && names.states.has(e.name));
  if (e.kind === "product") return 0;
  const parts = children(e).map((part) => statesIn(part, names));
  return e.kind === "concat" && parts.includes(0) ? 2 : Math.max(0, ...parts);
}
