/** How C and JavaScript say what a plan computes. Knows nothing about plans and models. */
import type { BinaryName, UnaryName } from "../../graph/operations.ts";

/** The words of a language. Texts of numbers are expressions of 32-bit floats. */
export type Dialect = {
  /** A constant. */
  readonly number: (value: number) => string;
  /** An element of an array, as it is read. */
  readonly read: (element: string) => string;
  /** What declares a number that does not change, and one that does. */
  readonly constant: string;
  readonly variable: string;
  /** What declares the counter of a loop. */
  readonly counter: string;
  /** An expression as a whole number, and the quotient of two of them, rounded down. */
  readonly whole: (value: string) => string;
  readonly quotient: (a: string, b: number) => string;
  readonly exp: (a: string) => string;
  readonly log: (a: string) => string;
  readonly unary: Readonly<Record<UnaryName, (a: string) => string>>;
  readonly binary: Readonly<Record<BinaryName, (a: string, b: string) => string>>;
  readonly lowest: string;
  /** Functions that the expressions above call, by their names. */
  readonly functions: Readonly<Record<string, string>>;
};

/** A 32-bit float in as few digits as tell it from all others. */
export function digitsOf(value: number): string {
  for (let digits = 1; digits < 9; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return String(Number(text));
  }
  return String(Number(value.toPrecision(9)));
}

const negative = (a: string): string => `-(${a})`;
const between = (operator: string) => (a: string, b: string) => `${a} ${operator} ${b}`;
const call = (name: string) => (a: string) => `${name}(${a})`;
const callWithTwo = (name: string) => (a: string, b: string) => `${name}(${a}, ${b})`;
const step = (one: string, zero: string) => (a: string) => `(${a} > 0 ? ${one} : ${zero})`;

const arithmetic = { add: between("+"), sub: between("-"), mul: between("*"), div: between("/") };

export const javaScript: Dialect = {
  number: (value) => String(value),
  read: (element) => element,
  constant: "const",
  variable: "let",
  counter: "let",
  whole: (value) => value,
  quotient: (a, b) => `Math.floor(${a} / ${b})`,
  exp: call("Math.exp"),
  log: call("Math.log"),
  unary: {
    neg: negative,
    sigmoid: call("sigmoid"),
    hard_sigmoid: (a) => `Math.min(1, Math.max(0, ${a} / 6 + 0.5))`,
    tanh: call("Math.tanh"),
    relu: (a) => `(${a} < 0 ? 0 : ${a})`,
    softplus: call("softplus"),
    exp: call("Math.exp"),
    log: call("Math.log"),
    sqrt: call("Math.sqrt"),
    abs: call("Math.abs"),
    step: step("1", "0"),
  },
  binary: {
    ...arithmetic,
    min: callWithTwo("Math.min"),
    max: callWithTwo("Math.max"),
    where: (a, b) => `(${a} === 0 ? 0 : ${b})`,
  },
  lowest: "-Infinity",
  functions: {
    sigmoid: "const sigmoid = (a) => 1 / (1 + Math.exp(-a));",
    softplus: "const softplus = (a) => Math.max(a, 0) + Math.log1p(Math.exp(-Math.abs(a)));",
  },
};

/** TypeScript, also where it takes each element of an array to be possibly absent. */
export const typeScript: Dialect = {
  ...javaScript,
  read: (element) => `${element}!`,
  functions: Object.fromEntries(
    Object.entries(javaScript.functions).map(([name, text]) => [
      name,
      text.replace("(a) =>", "(a: number): number =>"),
    ]),
  ),
};

/** C99. */
export const c: Dialect = {
  number: (value) => {
    const text = digitsOf(Math.fround(value));
    return `${/[.e]/.test(text) ? text : `${text}.0`}f`;
  },
  read: (element) => element,
  constant: "const float",
  variable: "float",
  counter: "int",
  whole: (value) => `(int)${value}`,
  quotient: (a, b) => `${a} / ${b}`,
  exp: call("expf"),
  log: call("logf"),
  unary: {
    neg: negative,
    sigmoid: call("sigmoid"),
    hard_sigmoid: call("hard_sigmoid"),
    tanh: call("tanhf"),
    relu: (a) => `(${a} < 0.0f ? 0.0f : ${a})`,
    softplus: call("softplus"),
    exp: call("expf"),
    log: call("logf"),
    sqrt: call("sqrtf"),
    abs: call("fabsf"),
    step: step("1.0f", "0.0f"),
  },
  binary: {
    ...arithmetic,
    min: callWithTwo("lesser"),
    max: callWithTwo("greater"),
    where: (a, b) => `(${a} == 0.0f ? 0.0f : ${b})`,
  },
  lowest: "-INFINITY",
  functions: {
    sigmoid: "static float sigmoid(float a) { return 1.0f / (1.0f + expf(-a)); }",
    hard_sigmoid:
      "static float hard_sigmoid(float a) {\n  const float b = a / 6.0f + 0.5f;\n  return b < 0.0f ? 0.0f : b > 1.0f ? 1.0f : b;\n}",
    softplus: "static float softplus(float a) { return (a > 0.0f ? a : 0.0f) + log1pf(expf(-fabsf(a))); }",
    // As in JavaScript, NaN stays NaN.
    lesser: "static float lesser(float a, float b) { return b < a || b != b ? b : a; }",
    greater: "static float greater(float a, float b) { return b > a || b != b ? b : a; }",
  },
};
