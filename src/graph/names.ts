/**
 * Decide what each name is (state, line, input, setting or parameter) and which line is the output, and find all mistakes
 * in names.
 */
import { fail, type Source, type Span } from "./equation-error.ts";
import type { Equations, Expression, Line } from "./parse.ts";
import { didYouMean, editDistance, initializers, isFunction, isInitializer, reservedFor } from "./vocabulary.ts";

export type ParameterUse = { readonly matrix: boolean; readonly span: Span };

export type Names = {
  readonly inputs: readonly string[];
  readonly settings: readonly string[];
  /** The inputs that are all steps of what they read. */
  readonly sequences: ReadonlySet<string>;
  /** Names of states and of other lines, each with the position of its line. */
  readonly states: ReadonlyMap<string, number>;
  readonly lines: ReadonlyMap<string, number>;
  /** Parameters in the order of their first use, which `span` is. */
  readonly parameters: ReadonlyMap<string, ParameterUse>;
  /** Position of the line that is the output. */
  readonly output: number;
};

type Reference = {
  readonly name: string;
  readonly primed: boolean;
  /** Left of `@`. */
  readonly matrix: boolean;
  readonly span: Span;
};

export function resolveNames(
  source: Source,
  equations: Equations,
  given: { readonly inputs: readonly string[]; readonly settings: readonly string[] },
  stored = false,
): Names {
  const { lines } = equations;
  const references = lines.map((line) => referencesIn(line.expression));
  const targets = defineTargets(source, equations, given);
  for (const { target, expression: e } of lines) {
    if (e.kind !== "name" || !isInitializer(e.name) || targets.lines.has(e.name) || givenAs(e.name, given)) continue;
    fail(source, e.span, `${e.name} is an initializer: for a parameter that starts so, write ${target} ~ ${e.name}`);
  }
  const sequences = findSequences(source, equations, given);
  const matrices = new Set(equations.sizes.flatMap(({ name, columns }) => (columns === undefined ? [] : [name])));
  const parameters = resolveReferences(source, lines, references, targets, given, { matrices, sequences });
  checkInitializersAndSizes(source, equations, targets, parameters, given);
  checkNearMisses(source, equations, targets, parameters, given);
  if (!stored) checkForgottenStates(source, equations, targets, parameters);
  const output = findOutput(source, lines, targets);
  checkUsed(source, lines, references, targets, output);
  return { ...given, sequences, ...targets, parameters, output };
}

type Given = { readonly inputs: readonly string[]; readonly settings: readonly string[] };
type Targets = { readonly states: ReadonlyMap<string, number>; readonly lines: ReadonlyMap<string, number> };

const article = (what: string): string => (what === "input" ? "an input" : "a setting");
function givenAs(name: string, given: Given): "input" | "setting" | undefined {
  if (given.inputs.includes(name)) return "input";
  return given.settings.includes(name) ? "setting" : undefined;
}

function defineTargets(source: Source, equations: Equations, given: Given): Targets {
  const states = new Map<string, number>();
  const lines = new Map<string, number>();
  equations.lines.forEach(({ target, primed, span }, position) => {
    const reserved = reservedFor(target);
    if (reserved !== undefined) fail(source, span, `"${target}" is reserved: it is ${reserved}. Choose another name.`);
    const what = givenAs(target, given);
    if (what !== undefined) {
      fail(source, span, `${target} is ${article(what)}, which no line can set. Choose another name for this value.`);
    }
    const [asLine, asState] = [lines.get(target), states.get(target)];
    const before = asLine ?? asState;
    if (before !== undefined) {
      const line = lineOf(source, (equations.lines[before] as Line).span);
      const mixed = primed !== (asState !== undefined);
      const hint = mixed
        ? `${target} without a ' is the state's value of the step before. Choose another name for one of them.`
        : "Choose another name, or remove one of the lines.";
      fail(source, span, `${target} is defined twice, first in line ${line}. ${hint}`);
    }
    (primed ? states : lines).set(target, position);
  });
  return { states, lines };
}

/** The inputs with a line `H : steps`. */
function findSequences(source: Source, { sizes }: Equations, { inputs }: Given): ReadonlySet<string> {
  const found = new Set<string>();
  for (const { name, span, steps } of sizes) {
    if (!steps) continue;
    const [first, ...others] = inputs;
    if (!others.includes(name)) {
      const problem =
        name === first
          ? `${name} is the input of one step. All steps are those of another input: cell(text, { inputs: ["${name}", "H"] }) and H : steps`
          : `\`steps\` is for an input, and ${name} is none. Name it as one: cell(text, { inputs: ["${first ?? "x"}", "${name}"] })`;
      fail(source, span, problem);
    }
    found.add(name);
  }
  return found;
}

const lineOf = (source: Source, span: Span): number =>
  source.line + source.text.slice(0, span.start).split("\n").length;

/** Every name that an expression reads, in the order of the text. */
function referencesIn(expression: Expression): Reference[] {
  const found: Reference[] = [];
  const walk = (e: Expression): void => {
    if (e.kind === "name") found.push({ name: e.name, primed: e.primed, matrix: false, span: e.span });
    if (e.kind === "product") found.push({ name: e.matrix, primed: e.primed, matrix: true, span: e.at });
    children(e).forEach(walk);
  };
  walk(expression);
  return found;
}

/** The direct parts of an expression. */
export function children(e: Expression): readonly Expression[] {
  switch (e.kind) {
    case "number":
    case "name":
      return [];
    case "negate":
    case "product":
      return [e.operand];
    case "binary":
      return [e.left, e.right];
    case "call":
      return e.arguments;
    case "concat":
      return e.parts;
  }
}

/** The position of the line whose value of this step a reference reads; undefined if it reads no such value. */
function readsNow(reference: Reference, targets: Targets): number | undefined {
  return (reference.primed ? targets.states : targets.lines).get(reference.name);
}

function resolveReferences(
  source: Source,
  lines: readonly Line[],
  references: readonly (readonly Reference[])[],
  targets: Targets,
  given: Given,
  { matrices, sequences }: Readonly<Record<"matrices" | "sequences", ReadonlySet<string>>>,
): Map<string, ParameterUse> {
  const parameters = new Map<string, ParameterUse>();
  const dependencies = (): number[][] =>
    references.map((list) => list.map((r) => readsNow(r, targets)).filter((p) => p !== undefined));

  references.forEach((list, position) => {
    for (const reference of list) {
      const { name, primed, span } = reference;
      const matrix = reference.matrix || matrices.has(name);
      const reserved = reservedFor(name);
      if (reserved !== undefined) {
        const hint = isFunction(name) ? `Write ${name}(...).` : "It can stand only in a size line, as in k : units.";
        fail(source, span, `"${name}" is reserved: it is ${reserved}. ${hint}`);
      }
      const what = givenAs(name, given);
      const known = what !== undefined || targets.states.has(name) || targets.lines.has(name);
      if (primed && !targets.states.has(name)) unsetPrime(source, reference, targets, given);
      if (reference.matrix && what !== undefined && !sequences.has(name)) {
        const steps = what === "input" && name !== given.inputs[0];
        const problem = `left of "@" stands a matrix, and ${name} is ${article(what)}. For elementwise products write *.`;
        fail(
          source,
          span,
          steps ? `${problem} For all steps of what ${name} reads add a line ${name} : steps` : problem,
        );
      }
      const now = readsNow(reference, targets);
      if (now !== undefined && now >= position) tooEarly(source, lines, reference, position, now, dependencies());
      if (known) continue;
      const first = parameters.get(name);
      if (first === undefined) parameters.set(name, { matrix, span });
      else if (first.matrix !== matrix) {
        const line = lineOf(source, first.span);
        fail(
          source,
          span,
          `${name} is a ${matrix ? "matrix" : "vector"} here (${matrix ? `left of "@"` : `not left of "@"`}) and a ` +
            `${matrix ? "vector" : "matrix"} in line ${line}. Use two names, as in W_${name} and b_${name}.`,
        );
      }
    }
  });
  return parameters;
}

function unsetPrime(source: Source, { name, span }: Reference, targets: Targets, given: Given): never {
  const what = givenAs(name, given);
  if (what !== undefined)
    fail(source, span, `${name} is ${article(what)} and has no '. Only states have one. Write ${name}.`);
  if (targets.lines.has(name)) {
    fail(
      source,
      span,
      `${name} is no state: its line sets ${name} without a '. Write ${name} here, or ${name}' there.`,
    );
  }
  const near = didYouMean(name, targets.states.keys()).replace("?", "'?");
  fail(source, span, `no line sets ${name}'.${near || ` Write a line ${name}' = ..., or read ${name}.`}`);
}

/** A value read at or before its own line: either the line can move up, or there is a cycle. */
function tooEarly(
  source: Source,
  lines: readonly Line[],
  { span }: Reference,
  reader: number,
  read: number,
  dependencies: readonly (readonly number[])[],
): never {
  const label = (position: number): string => {
    const line = lines[position] as Line;
    return line.primed ? `${line.target}'` : line.target;
  };
  const { target, primed } = lines[read] as Line;
  const path = pathBetween(dependencies, read, reader);
  if (path === undefined) {
    const line = lineOf(source, (lines[read] as Line).span);
    fail(source, span, `${label(read)} is read before its line. Move line ${line} up, above this one.`);
  }
  const names = [reader, ...path].map(label);
  if (names.length > 10) names.splice(5, names.length - 9, "...");
  const state = (lines[reader] as Line).primed ? (lines[reader] as Line).target : undefined;
  const hint = primed
    ? `Read ${target}, the value of the step before, without the '.`
    : state !== undefined
      ? `Read the state's value of the step before, ${state} without the ', somewhere on the way.`
      : `Read the value of the step before through a state: write ${target}' = ... and read ${target}.`;
  fail(source, span, `${label(reader)} depends on itself within one step: ${names.join(" -> ")}. ${hint}`);
}

/** The positions on a way from one line to another, both included. */
function pathBetween(edges: readonly (readonly number[])[], from: number, to: number): number[] | undefined {
  const cameFrom = new Map<number, number>([[from, -1]]);
  for (const here of cameFrom.keys()) {
    if (here === to) {
      const path: number[] = [];
      for (let p = here; p >= 0; p = cameFrom.get(p) as number) path.unshift(p);
      return path;
    }
    for (const next of edges[here] as readonly number[]) if (!cameFrom.has(next)) cameFrom.set(next, here);
  }
  return undefined;
}

function checkInitializersAndSizes(
  source: Source,
  equations: Equations,
  targets: Targets,
  parameters: ReadonlyMap<string, ParameterUse>,
  given: Given,
): void {
  const seen = new Map<string, Span>();
  const once = (kind: string, name: string, span: Span): void => {
    const first = seen.get(`${kind} ${name}`);
    if (first !== undefined) {
      fail(source, span, `a second ${kind} for ${name}, after line ${lineOf(source, first)}. Remove one of the lines.`);
    }
    seen.set(`${kind} ${name}`, span);
  };
  const describe = (name: string): string | undefined => {
    const what = givenAs(name, given);
    if (what !== undefined) return article(what);
    if (targets.states.has(name)) return "a state";
    return targets.lines.has(name) ? "set by a line" : undefined;
  };
  const unknown = (name: string, span: Span, candidates: Iterable<string>): never => {
    const reserved = reservedFor(name);
    if (reserved !== undefined) fail(source, span, `"${name}" is reserved: it is ${reserved}. Choose another name.`);
    const near = didYouMean(name, candidates);
    return fail(source, span, `no equation uses ${name}.${near || " Remove this line, or use the name."}`);
  };

  for (const { name, initializer, span } of equations.initializers) {
    const use = parameters.get(name);
    if (use === undefined) {
      const what = describe(name);
      if (what === undefined) unknown(name, span, parameters.keys());
      const hint = targets.states.has(name) ? "A state starts as zeros." : "Remove this line.";
      fail(source, span, `an initialiser is for a parameter, and ${name} is ${what}. ${hint}`);
    }
    once("initialiser", name, span);
    const { matrixOnly } = initializers[initializer.name as keyof typeof initializers];
    if (matrixOnly && !use.matrix) {
      const problem = `${initializer.name} is for a matrix, and ${name} is a vector. Write ${name} ~ zeros, ones or random_normal(mean, stddev).`;
      fail(source, span, problem);
    }
  }
  for (const { name, span, columns } of equations.sizes) {
    const use = parameters.get(name);
    if (given.settings.includes(name))
      fail(source, span, `${name} is a setting, a number, and has no size. Remove this line.`);
    if (use?.matrix && columns === undefined) {
      const problem =
        `${name} is a matrix, and this size line gives one size. Its rows are the size of ${name} @ ..., ` +
        `its columns the size of the vector that it multiplies. Give both, as in ${name} : units, input.`;
      fail(source, span, problem);
    }
    const is = columns === undefined || use !== undefined ? undefined : describe(name);
    if (is !== undefined) {
      fail(source, span, `two sizes are for a parameter that is a matrix, and ${name} is ${is}. Remove this line.`);
    }
    if (use === undefined && describe(name) === undefined) {
      unknown(name, span, [...given.inputs, ...targets.states.keys(), ...targets.lines.keys(), ...parameters.keys()]);
    }
    once("size", name, span);
  }
}

/** A parameter whose name is almost the name of a value is likely a typing mistake. */
function checkNearMisses(
  source: Source,
  equations: Equations,
  targets: Targets,
  parameters: ReadonlyMap<string, ParameterUse>,
  given: Given,
): void {
  const meant = new Set(equations.initializers.map((line) => line.name));
  const near = new Map<string, string[]>();
  for (const name of [...given.inputs, ...given.settings, ...targets.states.keys(), ...targets.lines.keys()]) {
    for (const pattern of patterns(name)) near.set(pattern, [...(near.get(pattern) ?? []), name]);
  }
  for (const [name, { span, matrix }] of parameters) {
    // A matrix stands where no value could: it is nobody's misspelling.
    if (matrix || meant.has(name)) continue;
    for (const candidate of patterns(name).flatMap((pattern) => near.get(pattern) ?? [])) {
      if (editDistance(name, candidate) !== 1 || isNotation(name, candidate)) continue;
      const problem =
        `no line defines ${name}, which differs by one letter from ${candidate}. Did you mean ${candidate}? ` +
        `If ${name} is a parameter, say so in a line: ${name} ~ zeros`;
      fail(source, span, problem);
    }
  }
}

/**
 * A vector that is learnt and that a matrix multiplies is no more than a bias, and one that is called h is hardly meant: both
 * are likely states that no line sets.
 */
function checkForgottenStates(
  source: Source,
  { lines, initializers }: Equations,
  { states }: Targets,
  parameters: ReadonlyMap<string, ParameterUse>,
): void {
  const meant = new Set(initializers.map(({ name }) => name));
  const check = (e: Expression): void => {
    if (e.kind === "concat") e.parts.forEach(check);
    if (e.kind !== "name" || !parameters.has(e.name) || meant.has(e.name)) return;
    const { target } = lines[0] as Line;
    const instead = states.size === 0 && lines.length === 1 ? ` in place of \`${target} = ...\`` : "";
    const state = [...states.keys()].find((name) => e.name.split("_").includes(name));
    const problem =
      `no line sets ${e.name}', so ${e.name} is no state but a learnt vector, the same at every step. ` +
      (state === undefined
        ? `For a state, which ${e.name} reads as the step before left it, write \`${e.name}' = ...\`${instead}.`
        : `Read ${state}: it is ${state}' as the step before left it.`) +
      ` If ${e.name} is a parameter, say so in a line: ${e.name} ~ zeros`;
    fail(source, e.span, problem);
  };
  const walk = (e: Expression): void => {
    if (e.kind === "product" && parameters.has(e.matrix)) check(e.operand);
    if (e.kind === "name" && e.name === "h") check(e);
    children(e).forEach(walk);
  };
  for (const { expression } of lines) walk(expression);
}

/** Names that differ by one letter on purpose: b and h, b_1 and h_1, and bf for the bias of f. */
function isNotation(parameter: string, value: string): boolean {
  const [[letter, rest], [valueLetter, valueRest]] = [cut(parameter), cut(value)];
  if (letter !== valueLetter && rest === valueRest && /^(?:[0-9_]|$)/.test(rest)) return true;
  return rest === value && valueRest === "" && letter !== value;
}

/** The first letter, and the others. */
function cut([first, ...rest]: string): readonly [string | undefined, string] {
  return [first, rest.join("")];
}

/** Names that differ by one letter share one of these: the name, or it with one letter left out or left open. */
function patterns(name: string): string[] {
  const letters = [...name];
  const without = (i: number, put: string): string =>
    letters.slice(0, i).join("") + put + letters.slice(i + 1).join("");
  return [name, ...letters.flatMap((_, i) => [without(i, ""), without(i, "*")])];
}

function findOutput(source: Source, lines: readonly Line[], targets: Targets): number {
  const output =
    targets.lines.get("y") ?? targets.states.get("y") ?? targets.states.get("h") ?? [...targets.states.values()].at(-1);
  if (output !== undefined) return output;
  const { target, span } = lines.at(-1) as Line;
  const problem = `a cell without a state needs a line named y: its output. Write y = ... in place of ${target} = ...`;
  return fail(source, span, problem);
}

/**
 * Every line must reach the output or a state, within a step or across steps. A state that the cell itself does not read
 * is allowed: another layer may start from it.
 */
function checkUsed(
  source: Source,
  lines: readonly Line[],
  references: readonly (readonly Reference[])[],
  targets: Targets,
  output: number,
): void {
  const edges = references.map((list) =>
    list.map((r) => targets.states.get(r.name) ?? targets.lines.get(r.name)).filter((p) => p !== undefined),
  );
  const live = new Set([output, ...targets.states.values()]);
  for (const position of live) for (const next of edges[position] as number[]) live.add(next);
  if (live.size === lines.length) return;
  // Prefer a line that nothing reads to one that only unused lines read.
  const read = new Set(edges.flatMap((list, position) => list.filter((p) => p !== position)));
  const unused = [...lines.keys()].filter((p) => !live.has(p));
  const position = unused.find((p) => !read.has(p)) ?? (unused[0] as number);
  const { target, span } = lines[position] as Line;
  const result = lines[output] as Line;
  const problem =
    `nothing uses ${target}. The output is ${result.target}${result.primed ? "'" : ""}: use ${target} on the way to it, ` +
    `or remove the line.`;
  fail(source, span, problem);
}
