/** The lines of the cells of a model's layers as data to draw: what each line reads, and which picture shows the cell. */
import type { Cell, Expression, Kind } from "../../graph/cell.ts";
import { children } from "../../graph/names.ts";
import { plainLines } from "../../graph/plain-lines.ts";
import type { Model } from "../../nn/model.ts";
import { cellsOf } from "../../nn/model-states.ts";

/** A line of the equations; `maths` is its right side. `reads`: positions of lines, and names of states before and inputs. */
export type CellLine = {
  readonly name: string;
  readonly state: boolean;
  readonly kind: Kind;
  readonly maths: string;
  readonly reads: readonly (number | string)[];
};

export type CellLines = {
  readonly layer: string;
  readonly picture: "lstm" | "gru" | "equations";
  readonly inputs: readonly string[];
  readonly states: readonly string[];
  /** Whether its states start from zeros, and not from what was learned. */
  readonly fromZeros: boolean;
  readonly lines: readonly CellLine[];
};

/** The cells of all layers, by the names of their layers. */
export const cellLinesOf = (model: Model): readonly CellLines[] =>
  model.layers.flatMap(cellsOf).map(([layer, { cell, initialState }]) => ({
    ...{ layer, picture: pictureOf(cell), inputs: cell.inputs, states: cell.states, lines: linesOf(cell) },
    fromZeros: initialState === "zeros",
  }));

function linesOf({ equations: { lines }, source, states, inputs, kinds }: Cell): readonly CellLine[] {
  /** The line that sets a value, as line `k` reads it. */
  const setBy = (name: string, k: number): number => {
    const before = lines.slice(0, k).findLastIndex(({ target }) => target === name);
    return before < 0 ? lines.findIndex(({ target }) => target === name) : before;
  };
  return lines.map(({ target, primed, expression }, k) => {
    const found = namesIn(expression).flatMap(({ name, primed }): (number | string)[] => {
      if (inputs.includes(name) && !lines.slice(0, k).some((line) => line.target === name)) return [name];
      if (states.includes(name) && !primed) return [name];
      const line = setBy(name, k);
      return line < 0 ? [] : [line];
    });
    const maths = source.slice(expression.span.start, expression.span.end).replaceAll(/\s+/g, " ");
    return { ...{ name: target, state: primed, kind: kinds[k] as Kind, maths }, reads: [...new Set(found)] };
  });
}

type Read = { readonly name: string; readonly primed: boolean };
function namesIn(e: Expression): readonly Read[] {
  const own = e.kind === "name" ? [e] : e.kind === "product" ? [{ name: e.matrix, primed: e.primed }] : [];
  return [...own, ...children(e).flatMap(namesIn)];
}

/** The picture whose wires and nodes are those of the equations. */
function pictureOf(cell: Cell): CellLines["picture"] {
  const all = plainLines(cell.source);
  const lines = linesOf(cell);
  /** Whether a line is this function of a sum that reads these values, each where the picture has a wire. */
  const is = (name: string, call: "sigmoid" | "tanh", reads: readonly string[]): boolean => {
    const k = lines.findIndex((line) => line.name === name);
    const { expression } = cell.equations.lines[k] ?? {};
    if (expression?.kind !== "call" || expression.function !== call) return false;
    const read = lines[k]?.reads.map((of) => (typeof of === "number" ? (lines[of]?.name as string) : of));
    return [...(read ?? [])].sort().join() === [...reads].sort().join();
  };
  const sigmoids = (...names: readonly string[]): boolean => names.every((name) => is(name, "sigmoid", ["h", "x"]));
  const has = (...wanted: readonly string[]): boolean => wanted.every((line) => all.includes(line));
  const lstm = has("c'=f*c+i*g", "h'=o*tanh(c')") && sigmoids("f", "i", "o") && is("g", "tanh", ["h", "x"]);
  if (lstm && lines.length === 6) return "lstm";
  const candidate = all.find((line) => line.startsWith("g=")) ?? "";
  const reset = candidate.includes("@(r*h)") && !/\b[rh]\b/.test(candidate.replace("@(r*h)", ""));
  const gru = has("h'=z*h+(1-z)*g") && sigmoids("z", "r") && is("g", "tanh", ["h", "r", "x"]) && reset;
  return gru && lines.length === 4 ? "gru" : "equations";
}
