/**
 * Tokens to lines with their syntax trees. `@` binds tighter than `*` and nests to the right: W @ r * h is (W @ r) * h.
 * Which names are states, parameters or inputs is decided later, in `names.ts`.
 */
import { fail, type Source, type Span } from "./equation-error.ts";
import type { Initializer } from "./graph.ts";
import { type Token, tokenize } from "./tokens.ts";
import { didYouMean, type FunctionName, functions, initializers, isFunction, isInitializer } from "./vocabulary.ts";

export type Operator = "+" | "-" | "*" | "/";

export type Expression =
  | { readonly kind: "number"; readonly value: number; readonly span: Span }
  | { readonly kind: "name"; readonly name: string; readonly primed: boolean; readonly span: Span }
  | { readonly kind: "negate"; readonly operand: Expression; readonly span: Span }
  | {
      readonly kind: "binary";
      readonly operator: Operator;
      readonly left: Expression;
      readonly right: Expression;
      /** The operator. */
      readonly at: Span;
      readonly span: Span;
    }
  /** A matrix (a parameter, or the value of a line or state) times a vector; `at` is where the matrix's name stands. */
  | {
      readonly kind: "product";
      readonly matrix: string;
      readonly primed: boolean;
      readonly operand: Expression;
      readonly at: Span;
      readonly span: Span;
    }
  | {
      readonly kind: "call";
      readonly function: FunctionName;
      readonly arguments: readonly Expression[];
      readonly span: Span;
    }
  | { readonly kind: "concat"; readonly parts: readonly Expression[]; readonly span: Span };

/** `target = expression` or `target' = expression`. `span` is the target's. */
export type Line = {
  readonly target: string;
  readonly primed: boolean;
  readonly expression: Expression;
  readonly description?: string;
  readonly span: Span;
};
/** `name ~ initialiser`. */
export type InitializerLine = {
  readonly name: string;
  readonly initializer: Initializer;
  readonly description?: string;
  readonly span: Span;
};
/** `constant + units * u + input * i`; one of the three is not 0. */
export type GivenSize = { readonly constant: number; readonly units: number; readonly input: number };
/** `name : size`, or, for a matrix, `name : rows, columns`. */
export type SizeLine = GivenSize & {
  readonly name: string;
  /** In place of a size: an input is all steps of what it reads. */
  readonly steps?: true;
  /** Of a matrix: the size of a row. The line's own size is then that of a column. */
  readonly columns?: GivenSize;
  readonly description?: string;
  readonly span: Span;
};

/** The checked syntax tree. Spans count in the cell's source; `line` and `column` say where that began. */
export type Equations = {
  readonly lines: readonly Line[];
  readonly initializers: readonly InitializerLine[];
  readonly sizes: readonly SizeLine[];
  readonly line: number;
  readonly column: number;
};

const maximumLength = 100_000;
const maximumDepth = 200;
/** Operations in one chain. A plan of 2000 additions fits into the stack of a browser's worker; one of 3000 does not. */
const longestChain = 1000;
/** The largest number in a size line. */
const maximumSize = 1_000_000;

export function parse(source: Source): Equations {
  const length = source.text.length;
  if (length > maximumLength) {
    const problem = `the equations have ${length} characters, at most ${maximumLength} are read. Is this the right file?`;
    fail({ ...source, text: "" }, { start: 0, end: 0 }, problem);
  }
  const lines: Line[] = [];
  const initializerLines: InitializerLine[] = [];
  const sizes: SizeLine[] = [];

  const lengths = new Map<Expression | string, number | undefined>();
  for (const { tokens, description } of statements(tokenize(source))) {
    const described = description === "" ? {} : { description };
    const parser = createParser(source, tokens, lengths);
    const { target, separator } = parser.head();
    const base = { ...described, span: spanOf(target) };
    if (separator === "=") {
      const expression = parser.expression();
      lengths.set(written(target), lengths.get(expression));
      lines.push({ target: target.text, primed: target.primed, expression, ...base });
    } else if (separator === "~") {
      initializerLines.push({ name: target.text, initializer: parser.initializer(), ...base });
    } else {
      const [size, columns] = parser.sizes();
      sizes.push({ name: target.text, ...size, ...(columns !== undefined && { columns }), ...base });
    }
    parser.end();
  }
  if (lines.length === 0) {
    fail(source, { start: 0, end: 0 }, "there are no equations. Write at least one line, such as y = W @ x + b.");
  }
  return { lines, initializers: initializerLines, sizes, line: source.line, column: source.column };
}

/** The tokens of each line with its comment: the one within the line, else those on lines of their own right before it. */
function statements(tokens: readonly Token[]): { tokens: Token[]; description: string }[] {
  const result: { tokens: Token[]; description: string }[] = [];
  let current: Token[] = [];
  let comments: string[] = [];
  let above: string[] = [];
  for (const token of tokens) {
    if (token.kind === "comment") comments.push(token.text);
    else if (token.kind !== "newline" && token.kind !== "end") current.push(token);
    else {
      if (current.length > 0) {
        current.push({ ...token, kind: "end" });
        const own = comments.length > 0 ? comments : above;
        result.push({ tokens: current, description: own.join(" ").trim() });
        above = [];
      } else {
        above = comments.length === 0 ? [] : [...above, ...comments];
      }
      current = [];
      comments = [];
    }
  }
  return result;
}

const spanOf = (token: Token): Span => ({ start: token.start, end: token.end });
const written = (token: Token): string =>
  token.kind === "end" ? "the end of the line" : `"${token.text}${token.primed ? "'" : ""}"`;

/** `lengths`: the length of the chain of operations behind each line read so far, by name. */
function createParser(source: Source, tokens: readonly Token[], lengths: Map<Expression | string, number | undefined>) {
  let position = 0;
  let depth = 0;
  const open: Token[] = [];
  const peek = (): Token => tokens[position] as Token;
  const advance = (): Token => {
    const token = peek();
    if (token.kind !== "end") position++;
    return token;
  };
  const is = (symbol: string): boolean => peek().kind === "symbol" && peek().text === symbol;
  const stop = (at: Token | Span, problem: string): never =>
    fail(source, { start: at.start, end: Math.max(at.end, at.start + 1) }, problem);

  /** Limit chains of operations, within a line and across lines, so that recursion over a tree or graph cannot overflow the stack. */
  function built(expression: Expression, ...parts: readonly Expression[]): Expression {
    const length = 1 + Math.max(...parts.map((part) => lengths.get(part) ?? 0));
    if (length > longestChain) {
      const problem = `this is a chain of more than ${longestChain} operations. Make it several layers.`;
      stop(expression.span, problem);
    }
    lengths.set(expression, length);
    return expression;
  }
  function head(): { target: Token; separator: "=" | "~" | ":" } {
    const target = advance();
    if (target.kind !== "name") {
      if (target.text === "=") stop(target, `nothing stands before "=". Write the name of the value there: f = ...`);
      stop(target, `a line begins with the name of what it defines, as in f = W @ x, not with ${written(target)}.`);
    }
    const separator = peek();
    const name = target.text;
    if (is("=")) return { target, separator: advance().text as "=" };
    if (is("~") || is(":")) {
      if (target.primed) {
        const what = is("~") ? "an initialiser is for a parameter" : "a size has no prime";
        stop(target, `${what}, found ${name}'. Write ${name} ${separator.text} ... without the '.`);
      }
      return { target, separator: advance().text as "~" | ":" };
    }
    if (tokens.some((token) => token.kind === "symbol" && token.text === "=")) {
      stop(separator, `one name stands left of "=", found ${written(separator)} after ${name}. Write ${name} = ...`);
    }
    return stop(
      separator,
      `expected "=" after ${name}, found ${written(separator)}. A line is an equation ${name} = ..., ` +
        `an initialiser ${name} ~ ... or a size ${name} : ...`,
    );
  }

  function expression(): Expression {
    let left = term();
    while (is("+") || is("-")) left = binary(advance(), left, term());
    return left;
  }
  function term(): Expression {
    let left = unary();
    while (is("*") || is("/")) left = binary(advance(), left, unary());
    return left;
  }
  function binary(operator: Token, left: Expression, right: Expression): Expression {
    const span = { start: left.span.start, end: right.span.end };
    const at = spanOf(operator);
    return built({ kind: "binary", operator: operator.text as Operator, left, right, at, span }, left, right);
  }
  function unary(): Expression {
    if (++depth > maximumDepth) {
      const problem = `this is nested more than ${maximumDepth} deep. Give its parts names in lines of their own.`;
      stop(peek(), problem);
    }
    const result = is("-") ? negation() : product();
    depth--;
    return result;
  }
  function negation(): Expression {
    const { start } = advance();
    const operand = unary();
    return built({ kind: "negate", operand, span: { start, end: operand.span.end } }, operand);
  }
  function product(): Expression {
    const token = peek();
    const left = primary();
    if (!is("@")) return left;
    if (left.kind !== "name" || token.kind !== "name") {
      const isOuter = left.kind === "call" && left.function === "outer";
      const fix = isOuter ? "Give this one a line of its own: C = outer(a, b)." : "For elementwise products write *.";
      return stop(left.span, `left of "@" stands the plain name of a matrix, as in W @ x. ${fix}`);
    }
    advance();
    const operand = unary();
    const span = { start: left.span.start, end: operand.span.end };
    return built(
      { kind: "product", matrix: left.name, primed: left.primed, operand, at: left.span, span },
      operand,
      left,
    );
  }
  function primary(): Expression {
    const token = peek();
    if (token.kind === "number") {
      advance();
      return { kind: "number", value: Number(token.text), span: spanOf(token) };
    }
    if (token.kind === "name") {
      advance();
      if (is("(")) return call(token);
      const name: Expression = { kind: "name", name: token.text, primed: token.primed, span: spanOf(token) };
      lengths.set(name, lengths.get(written(token)));
      return name;
    }
    if (is("(")) {
      const [result] = list("(", ")");
      return result as Expression;
    }
    if (is("[")) {
      const parts = list("[", "]");
      const span = { start: token.start, end: (tokens[position - 1] as Token).end };
      return built({ kind: "concat", parts, span }, ...parts);
    }
    neverClosed(token);
    if (token.text === ")" && tokens[position - 1]?.text === "(") {
      stop(token, "there is nothing between ( and ). Write a value there.");
    }
    const after = tokens[position - 1];
    return stop(token, `expected a value after ${written(after as Token)}, found ${written(token)}.`);
  }
  function call(name: Token): Expression {
    const known = name.text;
    if (!isFunction(known) || name.primed) {
      const near = didYouMean(known, Object.keys(functions));
      const hint =
        (isInitializer(known) ? ` Initial values have a line of their own: b ~ ${known}.` : near) ||
        ` For a product write ${known} * (...) or ${known} @ (...). Functions: ${Object.keys(functions).join(", ")}.`;
      return stop(name, `unknown function "${known}${name.primed ? "'" : ""}".${hint}`);
    }
    const given = list("(", ")", known);
    const span = { start: name.start, end: (tokens[position - 1] as Token).end };
    const takes: readonly number[] = functions[known];
    if (!takes.includes(given.length)) {
      const right = takes.length > 1 ? "1 or 2 arguments" : count(takes[0] as number);
      stop(span, `${known} takes ${right}, got ${given.length}.`);
    }
    return built({ kind: "call", function: known, arguments: given, span }, ...given);
  }
  /** The values between brackets: one for a group, any number for a function or a concatenation. */
  function list(opening: "(" | "[", closing: ")" | "]", caller?: string): Expression[] {
    const bracket = advance();
    open.push(bracket);
    const parts: Expression[] = [];
    if (is(closing) && opening === "[") stop(peek(), "there is nothing between [ and ]. Write vectors there: [a, b].");
    while (caller === undefined || parts.length > 0 || !is(closing)) {
      parts.push(expression());
      if (!is(",")) break;
      if (opening === "(" && caller === undefined) {
        stop(peek(), `a comma within ( ) belongs to a function's arguments. To concatenate write [a, b].`);
      }
      advance();
    }
    const token = peek();
    if (!is(closing)) {
      neverClosed(token);
      stop(token, `expected "${closing}" or an operator, found ${written(token)}.${juxtaposed(token)}`);
    }
    advance();
    open.pop();
    return parts;
  }
  /** An unclosed bracket takes in the lines after it: the error names the bracket, not the token found later. */
  function neverClosed(found: Token): void {
    const bracket = open.at(-1);
    if (bracket === undefined) return;
    const newLine = found.first && found.text !== ")" && found.text !== "]";
    if (found.kind === "end" || newLine || ["=", "~", ":"].includes(found.text)) {
      stop(bracket, `this ${bracket.text} is never closed. Add the ${bracket.text === "(" ? ")" : "]"}.`);
    }
  }
  function juxtaposed(token: Token): string {
    const before = tokens[position - 1];
    if (token.kind !== "name" && token.kind !== "number" && token.text !== "(" && token.text !== "[") return "";
    if (before?.kind === "name" && !before.primed && token.kind !== "number") {
      const after = token.kind === "name" ? written(token).slice(1, -1) : "(...)";
      return ` For a product write ${before.text} @ ${after} (a matrix and a vector) or ${before.text} * ${after} (elementwise).`;
    }
    return " For a product write *.";
  }

  /** A number with an optional sign. */
  function signed(): number {
    const sign = is("-") ? -1 : 1;
    if (sign < 0) advance();
    const token = advance();
    if (token.kind !== "number") {
      if (open.length > 0) neverClosed(token);
      stop(token, `expected a number, found ${written(token)}.`);
    }
    return sign * Number(token.text);
  }
  function initializer(): Initializer {
    const token = advance();
    const name = token.text;
    if (token.kind !== "name" || token.primed || !isInitializer(name)) {
      const all = Object.keys(initializers);
      if (token.kind === "number")
        stop(token, `expected an initialiser, found ${written(token)}. Write constant(${name}).`);
      const near = token.kind === "name" ? didYouMean(name, all) : "";
      return stop(token, `unknown initialiser ${written(token)}.${near || ` Initialisers: ${all.join(", ")}.`}`);
    }
    const values: number[] = [];
    let end = token.end;
    if (is("(")) {
      open.push(advance());
      while (!is(")")) {
        values.push(signed());
        if (is(",")) advance();
        else if (!is(")")) {
          neverClosed(peek());
          stop(peek(), `expected "," or ")", found ${written(peek())}.`);
        }
      }
      end = advance().end;
      open.pop();
    }
    const span = { start: token.start, end };
    const { numbers, required, needs } = initializers[name];
    const takes = Object.keys(numbers);
    if (values.length !== takes.length) {
      if (values.length === 0 && !required) return { name, values: Object.values(numbers) };
      const form = takes.length === 0 ? name : `${name}(${takes.join(", ")})`;
      stop(span, `${name} takes ${count(takes.length)}, got ${values.length}. Write ${form}.`);
    }
    const [what, holds] = needs ?? [];
    if (holds?.(...values) === false)
      stop(span, `${name}(${takes.join(", ")}) needs ${what}, got ${values.join(", ")}.`);
    return { name, values };
  }

  /** One size, or two with a comma between them; or steps. */
  function sizes(): [GivenSize & Pick<SizeLine, "steps">, GivenSize?] {
    const { kind, text, primed } = peek();
    if (kind === "name" && text === "steps" && !primed) {
      advance();
      return [{ constant: 0, units: 0, input: 0, steps: true }];
    }
    const first = size();
    if (!is(",")) return [first];
    advance();
    return [first, size()];
  }
  /** 64, units, input, units / 4, units * 2, 2 * units. */
  function size(): GivenSize {
    const start = peek();
    const left = sizeWord();
    let factor = 1;
    let word = left;
    if (is("*") || is("/")) {
      const operator = advance().text;
      const at = peek();
      const right = sizeWord();
      if (typeof left === "string" && typeof right === "number") factor = operator === "*" ? right : 1 / right;
      else if (typeof left === "number" && typeof right === "string" && operator === "*")
        [word, factor] = [right, left];
      else if (typeof left === "number" && typeof right === "number") {
        const value = operator === "*" ? left * right : left / right;
        if (!Number.isInteger(value) || value > maximumSize)
          stop(start, `a size is a whole number up to ${maximumSize}, got ${value}.`);
        word = value;
      } else stop(at, `a size is a number, units, input, or one of these two times or by a number, as in units / 4.`);
    }
    if (peek().kind !== "end" && !is(",")) {
      stop(peek(), `a size is 64, units, units / 4, units * 2 or input, and ends there; found ${written(peek())}.`);
    }
    if (typeof word === "number") return { constant: word, units: 0, input: 0 };
    return word === "units" ? { constant: 0, units: factor, input: 0 } : { constant: 0, units: 0, input: factor };
  }
  function sizeWord(): number | "units" | "input" {
    const token = advance();
    if (token.kind === "name" && !token.primed && (token.text === "units" || token.text === "input")) return token.text;
    if (token.kind === "number") {
      const value = Number(token.text);
      if (Number.isInteger(value) && value >= 1 && value <= maximumSize) return value;
      stop(token, `a size is a whole number from 1 to ${maximumSize}, got ${token.text}.`);
    }
    const near = token.kind === "name" ? didYouMean(token.text, ["units", "input", "steps"]) : "";
    return stop(
      token,
      `expected a size: 64, units, units / 4, units * 2, input or steps; found ${written(token)}.${near}`,
    );
  }

  function end(): void {
    const token = peek();
    if (token.kind === "end") return;
    if (token.text === "=") stop(token, `a second "=". A line has one; each equation stands on a line of its own.`);
    if (token.text === "~" || token.text === ":") {
      stop(token, `"${token.text}" stands only right after the name that begins a line.`);
    }
    if (token.text === ")" || token.text === "]") {
      stop(token, `nothing opens this ${token.text}. Remove it, or add the ${token.text === ")" ? "(" : "["}.`);
    }
    if (token.text === ",")
      stop(token, "a comma stands within a function's ( ) or within [ ]. To concatenate write [a, b].");
    stop(token, `expected an operator or the end of the line, found ${written(token)}.${juxtaposed(token)}`);
  }

  return { head, expression, initializer, sizes, end };
}

const count = (n: number): string => (n === 0 ? "no arguments" : n === 1 ? "1 argument" : `${n} arguments`);
