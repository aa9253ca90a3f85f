/** Terms as the equations of a cell, with the values of its parameters. Knows nothing about graphs. */
import { cells } from "../../cells/index.ts";
import { type Cell, storedCell } from "../../graph/cell.ts";
import { InputError } from "../../graph/input-error.ts";
import { evaluateSize, type Size } from "../../graph/sizes.ts";
import { reservedFor } from "../../graph/vocabulary.ts";
import { literal } from "./cells.ts";
import { type Flow, isTimed, refused } from "./flows.ts";
import { type Hint, reachable, type State, type Term } from "./terms.ts";

/** A cell, what it reads, the first as x, and what its parameters are. */
export type Equations = {
  readonly cell: Cell;
  readonly units: number;
  readonly reads: readonly Flow[];
  /** Of every n-th step: n. */
  readonly strides: number;
  /** The names of what it reads beside the first. */
  readonly inputs: readonly string[];
  readonly values: Readonly<Record<string, Float32Array>>;
  /** Its states by name, in the order of its equations. */
  readonly states: ReadonlyMap<string, State>;
};

/** The shortest number that is the same in 32 bits. */
function shortest(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === Math.fround(value)) return short;
  }
  return value;
}
/** A cell has at most so many operations, and at most so many within each other. */
const [mostTerms, deepest, deepestInLine] = [5000, 1000, 100];
/** Whether it is one number of all features, and no vector. */
const isOne = (term: Term): boolean => term.kind === "call" && term.single;

/** @param root its output @param cuts values that are other layers' */
export function equationsOf(root: Term, cuts: ReadonlyMap<Term, Flow>): Equations {
  const everyOf = (term: Term): { readonly by: number; readonly offset: number } =>
    (term.kind === "read" ? term.every : undefined) ?? { by: 1, offset: 0 };
  const cutAt = (term: Term): Flow | undefined => (term.kind === "read" ? term.flow : cuts.get(term));
  const flows = new Map<string, Flow>();
  const keys = new Map<Flow["draft"], number>();
  const keyOf = ({ draft, part, state, turned = false }: Flow): string => {
    if (!keys.has(draft)) keys.set(draft, keys.size);
    return `${keys.get(draft)} ${part} ${state} ${turned}`;
  };
  const all = [...reachable([root], cuts)];
  if (all.length > mostTerms) throw refused(`they have more than ${mostTerms} parts.`);
  for (const term of all) {
    const flow = cutAt(term);
    if (flow !== undefined && !flows.has(keyOf(flow))) flows.set(keyOf(flow), flow);
  }
  // What has steps comes first, and goes on at each of them with what has none.
  const reads = [...flows.values()].toSorted((a, b) => Number(isTimed(b)) - Number(isTimed(a)));
  const states = [...new Set(all.flatMap((term) => (term.kind === "state" ? [term.state] : [])))];

  const taken = new Set<string>();
  const unique = (wanted: string): string => {
    let name = wanted;
    for (let k = 2; taken.has(name) || reservedFor(name) !== undefined; k++) name = `${wanted}_${k}`;
    taken.add(name);
    return name;
  };
  const strides = Math.max(...all.map((term) => everyOf(term).by));
  const offsets = [...new Set(all.map((term) => everyOf(term).offset))].filter((offset) => offset > 0);
  // Steps between those that are kept belong to x.
  const between = offsets.toSorted((a, b) => a - b).map((offset) => unique(`x_${offset}`));
  if (
    strides > 1 &&
    all.some(
      (term) =>
        term.kind === "read" &&
        isTimed(term.flow) &&
        (everyOf(term).by !== strides || term.flow.draft !== reads[0]?.draft),
    )
  )
    throw refused("it combines every step of one sequence with some steps of another.");
  const inputNames = reads.map((_, k) => unique(k === 0 ? "x" : "z"));
  const nameOf = new Map<State, string>();
  // The output is y or, without it, the state h.
  const output = states.find(({ next, hint }) => next === root && (hint?.name === "y" || hint?.name === "h"));
  if (output !== undefined) nameOf.set(output, unique((output.hint as Hint).name));
  const ownLine = output === undefined;
  taken.add("y");
  if (!ownLine) taken.add("h");
  for (const state of states) if (state !== output) nameOf.set(state, unique(state.hint?.name ?? "s"));

  /** How often each is needed: what is needed twice has a line of its own. */
  const uses = new Map<Term, number>();
  const count = (term: Term): void => void uses.set(term, (uses.get(term) ?? 0) + 1);
  for (const term of all) {
    if (cutAt(term) !== undefined) continue;
    if (term.kind === "call") term.of.forEach(count);
    if (term.kind === "product") count(term.of);
  }
  for (const { next } of states) if (next !== undefined) count(next);
  count(root);
  const nexts = new Map(
    states
      .flatMap((state) => (state.next === undefined || isOne(state.next) ? [] : [[state.next, state] as const]))
      .toReversed(),
  );
  if (output !== undefined) nexts.set(root, output);

  const lines: string[] = [];
  const values: Record<string, Float32Array> = {};
  const shapes = new Map<string, readonly number[]>();
  const parameters = new Map<object, Map<number, string>>();
  function parameter(
    from: object,
    hint: Hint | undefined,
    letter: string,
    data: Float32Array,
    shape: readonly number[],
  ) {
    // One tensor may be a vector here and a matrix there.
    const known = parameters.get(from) ?? new Map<number, string>();
    parameters.set(from, known);
    const name = known.get(shape.length) ?? unique(hint?.name ?? letter);
    known.set(shape.length, name);
    values[name] = data;
    shapes.set(name, shape);
    return name;
  }
  let depth = 0;
  const done = new Map<Term, string>();
  const primed = new Set<State>();
  /** A line that sets a name. */
  function line(term: Term, target: string): string {
    const body = written(term).text;
    lines.push(`${target} = ${body}`);
    done.set(term, target);
    return target;
  }
  /** A term where an operand stands; `needs`: how it must bind, -1: as a name. */
  function text(term: Term, needs: number): string {
    const known = done.get(term);
    if (known !== undefined) return known;
    const flow = cutAt(term);
    if (flow !== undefined && everyOf(term).offset > 0) return `x_${everyOf(term).offset}`;
    if (flow !== undefined) return inputNames[reads.findIndex((one) => keyOf(one) === keyOf(flow))] as string;
    if (term.kind === "state") return nameOf.get(term.state) as string;
    if (term.kind === "number" && needs >= 0) return literal(shortest(term.value));
    const state = nexts.get(term);
    if (state !== undefined && !primed.has(state) && term.kind !== "number" && term.kind !== "vector") {
      primed.add(state);
      return line(term, `${nameOf.get(state)}'`);
    }
    const hint = term.kind === "call" ? term.hint : undefined;
    depth++;
    if (depth > deepest) throw refused(`they are nested more than ${deepest} deep.`);
    const apart = hint !== undefined || needs < 0 || (uses.get(term) as number) > 1 || depth % deepestInLine === 0;
    const { text: made, binds } =
      term.kind !== "vector" && apart ? { text: line(term, unique(hint?.name ?? "v")), binds: 0 } : written(term);
    depth--;
    return binds <= needs || needs < 0 ? made : `(${made})`;
  }
  function written(term: Term): { readonly text: string; readonly binds: number } {
    switch (term.kind) {
      case "product": {
        const shape = [term.width, term.data.length / term.width];
        const name = parameter(term.from, term.hint, "W", term.data, shape);
        return { text: `${name} @ ${text(term.of, 1)}`, binds: 1 };
      }
      case "vector":
        return { text: parameter(term.from, term.hint, "b", term.data, [term.width]), binds: 0 };
      case "call": {
        if (term.template === "") throw refused("its features are repeated, which equations say only of products.");
        const parts = term.of.map((part, k) => text(part, term.needs[k] as number));
        return { text: term.template.replace(/\$(\d+)/g, (_, k) => parts[k] as string), binds: term.binds };
      }
      default:
        return { text: text(term, 3), binds: 0 };
    }
  }
  if (!ownLine) text(root, 3);
  else if ((root.kind === "call" || root.kind === "product") && !nexts.has(root)) line(root, "y");
  else lines.push(`y = ${text(root, 3)}`);
  for (const [state, name] of nameOf) {
    if (primed.has(state)) continue;
    const { next, width } = state;
    if (next === undefined) throw refused("one of its states has no next value.");
    // A state is a vector, also one of one number.
    const vector: Term =
      next.kind === "number"
        ? { kind: "vector", data: new Float32Array(width).fill(next.value), from: {}, hint: undefined, width }
        : next;
    const made = text(vector, 3);
    if (!primed.has(state)) lines.push(`${name}' = ${made}${isOne(vector) ? ` + 0 * ${name}` : ""}`);
    primed.add(state);
  }
  const units = root.width;
  const sizes = new Map<string, number>([
    ["units", units],
    ...reads.map((flow, k): [string, number] => [inputNames[k] as string, widthOf(flow, all, cuts)]),
    ...between.map((name): [string, number] => [name, widthOf(reads[0] as Flow, all, cuts)]),
  ]);
  for (const [state, name] of nameOf) shapes.set(name, [state.width]);
  return {
    ...{ cell: sized(lines, [...inputNames, ...between], shapes, sizes), units, reads, strides, values },
    inputs: inputNames.slice(1),
    states: new Map([...nameOf].map(([state, name]) => [name, state])),
  };
}
const widthOf = (flow: Flow, all: readonly Term[], cuts: ReadonlyMap<Term, Flow>): number =>
  all.find((term) => (term.kind === "read" ? term.flow : cuts.get(term))?.draft === flow.draft)?.width ?? 1;

/** What equations say, in any order, without comments, spaces, sizes and first values. */
const bare = (lines: readonly string[]): string =>
  lines
    .map((line) => line.replace(/#.*/, "").replaceAll(/\s/g, ""))
    .filter((line) => /^[^~:]+=/.test(line))
    .toSorted()
    .join("\n");

/** A cell of lines, with a size line for each parameter and state whose size they do not say. */
function sized(
  lines: readonly string[],
  inputs: readonly string[],
  shapes: ReadonlyMap<string, readonly number[]>,
  numbers: ReadonlyMap<string, number>,
): Cell {
  const wrong = (cell: Cell): string[] => {
    const found = new Map<string, readonly Size[]>([
      ...cell.parameters.map(({ name, shape }) => [name, shape] as const),
      ...cell.states.map((name, k) => [name, cell.stateShapes[k] as readonly Size[]] as const),
    ]);
    return [...shapes].flatMap(([name, shape]) => {
      const given = (found.get(name) ?? []).map((size) => evaluateSize(size, numbers));
      // A state may be a matrix.
      const fits = cell.states.includes(name)
        ? given.reduce((a, b) => a * b, 1) === shape[0]
        : given.join() === shape.join();
      return fits ? [] : [name];
    });
  };
  const make = (more: readonly string[]): Cell => storedCell([...lines, ...more].join("\n"), inputs);
  /** What differs from a value's name by a letter is a parameter all the same. */
  const vectors = [...shapes].filter(
    ([name, shape]) => shape.length === 1 && !lines.some((one) => one.startsWith(`${name}'`)),
  );
  const declared = vectors.map(([name]) => `${name} ~ zeros`);
  const attempt = (more: readonly string[]): Cell => {
    try {
      return make(more);
    } catch (error) {
      if (error instanceof InputError && error.message.includes("Did you mean")) return make([...more, ...declared]);
      throw error;
    }
  };
  const key = bare(lines);
  const own = Object.values(cells).find(
    (one) => one.inputs.join() === inputs.join() && bare(one.source.split("\n")) === key,
  );
  // The library's own where it is the same: it has comments.
  if (own !== undefined && wrong(own).length === 0) return own;
  const first = attempt([]);
  const missing = wrong(first);
  if (missing.length === 0) return first;
  const made = attempt(missing.map((name) => `${name} : ${(shapes.get(name) as readonly number[]).join(", ")}`));
  const [still] = wrong(made);
  if (still !== undefined) throw refused(`the size of ${still} does not follow from its equations.`);
  return made;
}
