/**
 * Values as equations say them: of what a layer reads, of states of the step before, of weights. Terms are made while a graph is read, and
 * shared where the graph shares them; `equations.ts` makes cells of them. Knows nothing about graphs and their axes.
 */
import { type Constant, floatsOf } from "./constants.ts";
import { type Flow, isBackwards, isTimed, refused } from "./flows.ts";

/** A state of a loop. */
export type State = {
  /** What it may be called. */
  readonly hint: Hint | undefined;
  readonly width: number;
  /** Its value after a step; undefined until the loop's body is read. */
  next?: Term;
  /** Values that all examples share, or those of a layer's one vector for each; undefined: zeros. */
  readonly initial: Float32Array | Flow | undefined;
  /** Whether it goes from the last step to the first. */
  readonly reverse: boolean;
};
/** The layer and the name that a value's name in the file begins with: `lstm.f/12`. */
export type Hint = { readonly layer: string; readonly name: string };
type Common = {
  readonly width: number;
  /** Of what has states: whether they go from the last step to the first. */
  readonly reverse?: boolean | undefined;
  /** Whether our layers have the steps of what it reads in the other order than the graph; undefined where no steps are known. */
  readonly backwards?: boolean | undefined;
};
export type Read = Common & {
  readonly kind: "read";
  readonly flow: Flow;
  /** One of `by` steps, from `offset` on. */
  readonly every?: { readonly by: number; readonly offset: number };
};
export type Product = Common & {
  readonly kind: "product";
  /** (width, depth) */
  readonly data: Float32Array;
  /** What it is made of: products of the same share a parameter. */
  readonly from: object;
  readonly hint: Hint | undefined;
  readonly of: Term;
  /** The same operand as a flow. */
  readonly flow: Flow;
  /** Whether it only takes some of the numbers. */
  readonly selects?: true;
};
export type Call = Common & {
  readonly kind: "call";
  readonly op: string;
  readonly of: readonly Term[];
  /** Its text, with $0, $1, ... for operands. */
  readonly template: string;
  /** How it binds: 0 as a call, 1 as a product with a matrix, 2 as `*`, 3 as `+`; and how each operand must. */
  readonly binds: number;
  readonly needs: readonly number[];
  /** Whether it is one number per example. */
  readonly single: boolean;
  readonly hint?: Hint | undefined;
};
export type Term =
  | Read
  | Product
  | Call
  | (Common & { readonly kind: "state"; readonly state: State })
  | (Common & { readonly kind: "number"; readonly value: number })
  | (Common & {
      readonly kind: "vector";
      readonly data: Float32Array;
      readonly from: object;
      readonly hint: Hint | undefined;
    });

/** The layer and the name in a value's name, if it is of that kind. */
export function hintOf(value: string | undefined): Hint | undefined {
  const plain = (value ?? "").replace(/ (flat|matrix|rows)$/, "").replace(/ \d+ to \d+$/, "");
  const [, layer, name] = /^(?:final |next\.)?(.*)\.([\p{L}_][\p{L}\p{Nd}_]*)'?(?:\/\d+)?$/u.exec(plain) ?? [];
  return layer === undefined || name === undefined ? undefined : { layer, name };
}

/** The direction of what has these operands. */
function directionOf(of: readonly Term[]): Pick<Common, "reverse" | "backwards"> {
  const all = [...new Set(of.map((term) => term.reverse).filter((one) => one !== undefined))];
  if (all.length > 1) {
    throw refused(
      "it combines, step by step, what a loop over the steps gives that runs forwards with what one gives that runs backwards, in " +
        "another way than a bidirectional layer. Export the model without it.",
    );
  }
  // What reads both ways reads both directions of one layer, which are in order.
  const ways = of.map((term) => term.backwards).filter((one) => one !== undefined);
  return { reverse: all[0], backwards: ways.length === 0 ? undefined : ways.every((one) => one) };
}

const wayOf = (flow: Flow): boolean | undefined => isBackwards(flow) || (isTimed(flow) ? false : undefined);
export const readTerm = (flow: Flow, width: number): Term => ({
  ...{ kind: "read", flow, width, backwards: wayOf(flow) },
});
export const stateTerm = (state: State): Term => ({
  ...{ kind: "state", state, width: state.width, reverse: state.reverse },
});
export function numberTerm(value: number): Term {
  if (!Number.isFinite(value)) throw refused(`its constant is ${value}, and equations have finite numbers.`);
  return { kind: "number", value, width: 1 };
}
/** A constant of one number, or of one for each feature. */
export function constantTerm(constant: Constant, hint: Hint | undefined): Term {
  const all = floatsOf(constant);
  // A number alone keeps all its digits.
  if (all.length === 1) return numberTerm(Number(constant.data[0]));
  if (all.length !== constant.dims.at(-1)) throw refused("its constant has other sizes than one number a feature.");
  return { kind: "vector", data: all, from: constant, hint, width: all.length };
}
export function productTerm(one: Omit<Product, "kind" | "reverse">): Term {
  // What is multiplied by weights after a loop is a layer of its own.
  const direction = isFinishedLoop(one.of) ? { backwards: wayOf(one.flow) } : directionOf([one.of]);
  return { kind: "product", ...one, ...direction };
}
/** Whether a term needs states that need themselves, and no loop is still being read. */
export function isFinishedLoop(term: Term): boolean {
  if (term.reverse === undefined) return false;
  const all = reachable([term]);
  return [...all].every((one) => one.kind !== "state" || one.state.next !== undefined) && [...all].some(isLoopState);
}
/** Whether it is a state that needs itself. */
export const isLoopState = (term: Term): boolean =>
  term.kind === "state" && term.state.next !== undefined && reachable([term.state.next]).has(term);

/** One number of a vector of one, which is repeated where others have more. */
const alone = (term: Term): Term => (term.kind === "number" || isSingle(term) ? term : call("Sum", [term], 1, true));
const isSingle = (term: Term): boolean => term.kind === "call" && term.single;

/** How operators are written, and how they bind; those that are not here are calls by their name in the last column. */
const forms: Readonly<Record<string, readonly [template: string, binds: number, ...needs: number[]]>> = {
  Add: ["$0 + $1", 3, 3, 2],
  Sub: ["$0 - $1", 3, 3, 2],
  Mul: ["$0 * $1", 2, 2, 1],
  Div: ["$0 / $1", 2, 2, 1],
  Neg: ["-$0", 3, 0],
  Softsign: ["$0 / (1 + abs($0))", 2, 0],
  Reciprocal: ["1 / $0", 2, 1],
  LogSoftmax: ["log(softmax($0))", 0, 3],
  Square: ["$0 * $0", 2, 0],
  Greater: ["step($0 - $1)", 0, 3, 2],
  Less: ["step($1 - $0)", 0, 2, 3],
  GreaterOrEqual: ["1 - step($1 - $0)", 3, 2, 3],
  LessOrEqual: ["1 - step($0 - $1)", 3, 3, 2],
  Equal: ["1 - step(abs($0 - $1))", 3, 3, 2],
  Positive: ["step($0)", 0, 3],
  IsZero: ["1 - step(abs($0))", 3, 3],
  NotZero: ["step(abs($0))", 0, 3],
  Not: ["1 - $0", 3, 2],
  And: ["$0 * $1", 2, 2, 1],
  Where: ["$0 * $1 + (1 - $0) * $2", 3, 0, 1, 1],
};
const named: Readonly<Record<string, string>> = {
  ...{ Sigmoid: "sigmoid", Tanh: "tanh", Relu: "relu", Softplus: "softplus", Exp: "exp", Log: "log", Sqrt: "sqrt" },
  ...{ Abs: "abs", Softmax: "softmax", Min: "min", Max: "max", Or: "max", Sum: "sum", Mean: "mean" },
  ...{ Largest: "max", Smallest: "min" },
};

/** An operator of terms. `single`: whether it gives one number of all features. */
export function call(op: string, of: readonly Term[], width: number, single: boolean, hint?: Hint): Term {
  const [template, binds, ...needs] = forms[op] ?? [
    `${named[op]}(${of.map((_, k) => `$${k}`).join(", ")})`,
    0,
    ...of.map(() => 3),
  ];
  return { kind: "call", op, of, template, binds, needs, single, hint, width, ...directionOf(of) };
}
/** An operator that is written as a text of $0. */
export function textTerm(op: string, of: Term, template: string, binds: number): Term {
  return { ...(call("Neg", [of], of.width, isSingle(of)) as Call), op, template, binds, needs: [binds === 0 ? 1 : 0] };
}
const operandsOf = (op: string): number => {
  const form = forms[op];
  return form === undefined ? (["Min", "Max", "Or"].includes(op) ? 2 : 1) : form.length - 2;
};
/** Number by number: what has one number is combined with each feature of what has more. */
export function pointwise(op: string, given: readonly Term[], hint?: Hint): Term {
  if (given.length !== operandsOf(op)) throw refused("it has too few operands, or too many.");
  const width = Math.max(...given.map((term) => term.width));
  if (given.some((term) => term.width !== width && term.width !== 1)) throw refused("its operands' sizes do not fit.");
  const of = width === 1 ? given : given.map((term) => (term.width === 1 ? alone(term) : term));
  const single = of.every((term) => term.kind === "number" || isSingle(term));
  return simpler(op, of, width, single, hint) ?? call(op, of, width, single, hint);
}
/** What is shorter to say. */
function simpler(op: string, of: readonly Term[], width: number, single: boolean, hint?: Hint): Term | undefined {
  const [a, b, c] = of as [Term, Term?, Term?];
  const isNumber = (term: Term | undefined, value: number): boolean => term?.kind === "number" && term.value === value;
  if (op === "Equal" && isNumber(b, 0)) return call("IsZero", [a], width, single, hint);
  if (op === "Greater" && isNumber(b, 0)) return call("Positive", [a], width, single, hint);
  if (op === "Not" && a.kind === "call" && a.op === "IsZero") return call("NotZero", a.of, width, single, hint);
  if (op === "Where" && isNumber(b, 0)) {
    return call("Mul", [pointwise("Not", [a]), c as Term], width, single, hint);
  }
  if (op === "Where" && isNumber(c, 0)) return call("Mul", [a, b as Term], width, single, hint);
  const [all, share] = a.kind === "number" ? [b, a] : [a, b];
  if (op === "Mul" && all?.kind === "call" && all.op === "Sum" && share?.kind === "number") {
    const { width: count } = all.of[0] as Term;
    if (Math.fround(share.value) === Math.fround(1 / count)) return call("Mean", all.of, 1, true, hint);
  }
  // Every number of one vector with every number of another.
  if (op === "Mul" && a.kind === "call" && b?.kind === "call") {
    const [rows, columns] = a.op === "Repeat" ? [a, b] : [b, a];
    if (rows.op === "Repeat" && columns.op === "Tile") {
      const pair = [rows.of[0] as Term, columns.of[0] as Term];
      return {
        ...(call("Sub", pair, width, false, hint) as Call),
        op: "Outer",
        template: "outer($0, $1)",
        binds: 0,
        needs: [3, 3],
      };
    }
  }
  return undefined;
}

/** Whether it is 0 or 1. */
export const isComparison = (term: Term | undefined): boolean => term?.kind === "call" && comparisons.includes(term.op);
const comparisons = [
  ...["Greater", "Less", "GreaterOrEqual", "LessOrEqual", "Equal", "Positive", "IsZero", "NotZero", "Not", "And", "Or"],
];

/** Features of a term, from `start` on. */
export function slicedTerm(term: Term, start: number, count: number): Term {
  if (start === 0 && count === term.width) return term;
  if (term.width === 1) return term;
  switch (term.kind) {
    case "vector":
      return { ...term, data: term.data.slice(start, start + count), width: count, from: {} };
    case "product": {
      const depth = term.data.length / term.width;
      return { ...term, data: term.data.slice(start * depth, (start + count) * depth), width: count, from: {} };
    }
    case "read": {
      const inner = term.every === undefined ? term.flow.draft.term?.() : undefined;
      return inner === undefined ? selected(term, start, count) : slicedTerm(inner, start, count);
    }
    case "call": {
      if (term.op === "Concat") {
        let at = 0;
        const parts = term.of.flatMap((part) => {
          const [from, to] = [Math.max(start, at) - at, Math.min(start + count, at + part.width) - at];
          at += part.width;
          return to > from ? [slicedTerm(part, from, to - from)] : [];
        });
        return parts.length === 1 ? (parts[0] as Term) : concatTerm(parts);
      }
      if (!["Softmax", "LogSoftmax", "Repeat", "Tile", "Outer"].includes(term.op) && !term.single) {
        return { ...term, of: term.of.map((part) => slicedTerm(part, start, count)), width: count, hint: undefined };
      }
    }
  }
  throw refused("it takes a part of the features of what it reads, which no weights give.");
}
/** Features of what is read, by a matrix of zeros and ones. */
function selected(of: Read, start: number, count: number): Term {
  if (of.every !== undefined) throw refused("it takes a part of the features of what it reads, which no weights give.");
  const data = new Float32Array(count * of.width);
  for (let k = 0; k < count; k++) data[k * of.width + start + k] = 1;
  return {
    ...productTerm({ data, from: {}, hint: undefined, of, flow: of.flow, width: count }),
    selects: true,
  } as Product;
}
export function concatTerm(of: readonly Term[], hint?: Hint): Term {
  const width = of.reduce((sum, term) => sum + term.width, 0);
  const template = `[${of.map((_, k) => `$${k}`).join(", ")}]`;
  return { ...(call("Add", of, width, false, hint) as Call), op: "Concat", template, binds: 0, needs: of.map(() => 3) };
}
/** Features by their numbers: each as often, or all again and again, as matrices are made of vectors; or some that lie side by side. */
export function gatheredTerm(term: Term, places: readonly number[]): Term {
  const { width } = term;
  const times = places.length / width;
  if (Number.isInteger(times) && times > 1) {
    const is = (of: (k: number) => number): boolean => places.every((place, k) => place === of(k));
    const op = is((k) => Math.floor(k / times)) ? "Repeat" : is((k) => k % width) ? "Tile" : undefined;
    // Alone it is nothing that equations say: with what it is multiplied by it is.
    if (op !== undefined) return { ...(call("Sum", [term], places.length, false) as Call), op, template: "" };
  }
  const [first = 0] = places;
  if (!places.every((place, k) => place === first + k))
    throw refused("it takes features that do not lie side by side.");
  return slicedTerm(term, first, places.length);
}
/** The sums of the rows of a matrix, or of its columns. */
export function sumsTerm(term: Term, along: "rows" | "columns", columns: number, hint?: Hint): Term {
  const rows = term.width / columns;
  if (term.kind === "call" && term.op === "Mul") {
    const [wanted, other] = along === "rows" ? ["Tile", rows] : ["Repeat", columns];
    const [a, b] = term.of as [Term, Term];
    const vector = [a, b].find(
      (one): one is Call => one.kind === "call" && one.op === wanted && one.width === term.width,
    );
    const matrix = vector === a ? b : a;
    if (vector !== undefined && (vector.of[0] as Term).width * other === term.width) {
      const of = along === "rows" ? [matrix, vector.of[0] as Term] : [vector.of[0] as Term, matrix];
      const width = along === "rows" ? rows : columns;
      const made = call("Mul", of, width, false, hint) as Call;
      return { ...made, op: "Read", template: "$0 @ $1", binds: 1, needs: [-1, 1] };
    }
  }
  throw refused("it sums rows of what is no matrix times a vector.");
}
/** All terms that some need, by states too, but for those that only `cuts` need. */
export function reachable(roots: readonly Term[], cuts: ReadonlyMap<Term, unknown> = new Map()): ReadonlySet<Term> {
  const seen = new Set<Term>();
  const open = [...roots];
  for (let term = open.pop(); term !== undefined; term = open.pop()) {
    if (seen.has(term)) continue;
    seen.add(term);
    if (cuts.has(term)) continue;
    if (term.kind === "call") open.push(...term.of);
    else if (term.kind === "product") open.push(term.of);
    else if (term.kind === "state" && term.state.next !== undefined) open.push(term.state.next);
  }
  return seen;
}
