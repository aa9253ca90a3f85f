/** A cell's equations as TeX, as papers write them. */
import type { Cell } from "./cell.ts";
import type { Expression } from "./parse.ts";
import { type Kind, toOneNumber } from "./shapes.ts";
import type { FunctionName } from "./vocabulary.ts";

/**
 * An `aligned` environment, one line an equation. Values of this step have the subscript t, a state's value of the step
 * before t-1; `*` of two vectors or matrices is \odot, `@` is juxtaposition, `outer(a, b)` is a b^{\top}.
 * `parts`: wraps each line in KaTeX's `\htmlClass{part-NAME}{...}`, with the name of the line, and each product, with the
 * name of its matrix, so that a page can highlight them.
 */
export function texOf(cell: Cell, { parts = false }: { readonly parts?: boolean } = {}): string {
  const part: Part = parts ? (name, tex) => `\\htmlClass{part-${name}}{${tex}}` : (_, tex) => tex;
  const writer = createWriter(cell, part);
  const lines = cell.equations.lines.map(({ target, expression }) => {
    const right = `= ${writer.tex(expression, strength.sum)}`;
    // \htmlClass begins a group: without something before it, the sign would lose its space.
    return `${part(target, texName(target, "t"))} &${part(target, parts ? `{}${right}` : right)}`;
  });
  return `\\begin{aligned}\n${lines.join(" \\\\\n")}\n\\end{aligned}`;
}

/** Wrap TeX in the class of a name. */
type Part = (name: string, tex: string) => string;

/** Precedence of a piece of TeX; a piece of lower precedence than its place needs gets parentheses. */
const strength = { sum: 1, times: 2, juxtaposed: 3, atom: 4 } as const;

const functionTex: { readonly [K in Exclude<FunctionName, "outer">]: (argument: string) => string } = {
  sigmoid: (a) => `\\sigma${parenthesized(a)}`,
  hard_sigmoid: operator("hard\\_sigmoid"),
  tanh: (a) => `\\tanh${parenthesized(a)}`,
  relu: operator("relu"),
  softplus: operator("softplus"),
  exp: (a) => `\\exp${parenthesized(a)}`,
  log: (a) => `\\log${parenthesized(a)}`,
  sqrt: (a) => `\\sqrt{${a}}`,
  abs: (a) => `\\left|${a}\\right|`,
  step: operator("step"),
  softmax: operator("softmax"),
  size: operator("size"),
  dropout: operator("dropout"),
  sum: operator("sum"),
  mean: operator("mean"),
  min: (a) => `\\min${parenthesized(a)}`,
  max: (a) => `\\max${parenthesized(a)}`,
};
function operator(name: string): (argument: string) => string {
  return (argument) => `\\operatorname{${name}}${parenthesized(argument)}`;
}
/** Brackets that grow with their content. */
function parenthesized(content: string): string {
  return /\\frac|\\left/.test(content) ? `\\left(${content}\\right)` : `(${content})`;
}

function createWriter(cell: Cell, part: Part) {
  const states = new Set(cell.states);
  const kinds = new Map(cell.names.map((name, i) => [name, cell.kinds[i] as Kind]));
  const settings = new Set(cell.settings);
  const inputs = new Set(cell.inputs);
  const sequences = new Set(cell.sequences);
  const matrices = new Set(cell.parameters.flatMap(({ name, matrix }) => (matrix ? [name] : [])));

  function kindOf(e: Expression): Kind {
    switch (e.kind) {
      case "number":
        return "number";
      case "name":
        if (matrices.has(e.name) || sequences.has(e.name)) return kinds.get(e.name) ?? "matrix";
        return settings.has(e.name) ? "number" : (kinds.get(e.name) ?? "vector");
      case "negate":
        return kindOf(e.operand);
      case "binary":
        return joined([e.left, e.right]);
      case "product":
      case "concat":
        return "vector";
      case "call":
        if (e.function === "outer") return "matrix";
        if (e.function === "size") return "number";
        return toOneNumber(e) ? "scalar" : joined(e.arguments);
    }
  }
  function joined(parts: readonly Expression[]): Kind {
    const all = parts.map(kindOf);
    if (all.includes("matrix")) return "matrix";
    return all.includes("vector") ? "vector" : all.includes("scalar") ? "scalar" : "number";
  }

  function tex(e: Expression, needed: number): string {
    const [text, has] = write(e);
    return has < needed ? parenthesized(text) : text;
  }
  function write(e: Expression): [text: string, strength: number] {
    switch (e.kind) {
      case "number":
        return writeNumber(e.value);
      case "name":
        return [nameAt(e.name, e.primed), strength.atom];
      case "negate":
        return [`-${tex(e.operand, strength.times)}`, strength.sum];
      case "binary":
        return writeBinary(e);
      case "product": {
        // A vector left of a matrix is a row.
        const row = kindOf(e.operand) === "matrix" ? "^{\\top}" : "";
        return [
          part(e.matrix, `${nameAt(e.matrix, e.primed)}${row} ${tex(e.operand, strength.juxtaposed)}`),
          strength.juxtaposed,
        ];
      }
      case "concat":
        return [`\\left[${e.parts.map((part) => tex(part, strength.sum)).join("; ")}\\right]`, strength.atom];
      case "call": {
        const [first, second] = e.arguments as [Expression, Expression];
        if (e.function === "outer") {
          const right = second.kind === "name" ? tex(second, strength.atom) : parenthesized(tex(second, strength.sum));
          return [`${tex(first, strength.juxtaposed)} ${right}^{\\top}`, strength.juxtaposed];
        }
        // The second argument of sqrt bounds its derivative; the value does not depend on it.
        const shown = e.function === "sqrt" ? [first] : e.arguments;
        return [functionTex[e.function](shown.map((a) => tex(a, strength.sum)).join(", ")), strength.atom];
      }
    }
  }
  /** A name with its time as a subscript; a parameter has none. */
  function nameAt(name: string, primed: boolean): string {
    const changes = kinds.has(name) || (inputs.has(name) && !sequences.has(name));
    return texName(name, !changes ? undefined : states.has(name) && !primed ? "t-1" : "t");
  }
  function writeBinary(e: Expression & { kind: "binary" }): [string, number] {
    if (e.operator === "/") {
      return [`\\frac{${tex(e.left, strength.sum)}}{${tex(e.right, strength.sum)}}`, strength.atom];
    }
    if (e.operator !== "*") {
      return [`${tex(e.left, strength.sum)} ${e.operator} ${tex(e.right, strength.times)}`, strength.sum];
    }
    const [left, right] = [tex(e.left, strength.times), tex(e.right, strength.times)];
    const elementwise = [e.left, e.right].every((side) => ["vector", "matrix"].includes(kindOf(side)));
    const sign = elementwise ? "\\odot" : /^[0-9.]/.test(right) ? "\\cdot" : "\\,";
    return [`${left} ${sign} ${right}`, strength.times];
  }

  return { tex };
}

function writeNumber(value: number): [text: string, strength: number] {
  const [digits, exponent] = `${value}`.split("e") as [string, string?];
  if (exponent === undefined) return [digits, strength.atom];
  const power = `10^{${Number(exponent)}}`;
  return digits === "1" ? [power, strength.atom] : [`${digits} \\cdot ${power}`, strength.times];
}

const greek = new Set(
  (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi omega " +
    "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"
  ).split(" "),
);

/** W_f as W_f, W_hidden as W_{\mathrm{hidden}}, beta1 as \beta_1; a time joins the subscript. */
function texName(name: string, time?: string): string {
  const [, word, digits, rest] = /^(_*[^_]*?)([0-9]*)((?:_.*)?)$/u.exec(name) as unknown as [
    string,
    string,
    string,
    string,
  ];
  const subscripts = [digits, ...rest.split("_")].filter((part) => part !== "").map((part) => texWord(part, "mathrm"));
  if (time !== undefined) subscripts.push(time);
  const subscript = subscripts.join(",");
  const base = texWord(word, "mathit");
  if (subscript === "") return base;
  return `${base}_${[...subscript].length === 1 ? subscript : `{${subscript}}`}`;
}

function texWord(word: string, font: "mathit" | "mathrm"): string {
  if (greek.has(word)) return `\\${word}`;
  return [...word].length === 1 && word !== "_"
    ? word
    : /^[0-9]+$/.test(word)
      ? word
      : `\\${font}{${word.replaceAll("_", "\\_")}}`;
}
