/** The computations for the pictures of the Learn view. */
import { cells } from "../../cells/index.ts";
import { type Cell, cell } from "../../graph/cell.ts";
import { texOf } from "../../graph/tex.ts";
import { cellFacts } from "../../nn/cell-facts.ts";
import { type TraceOptions, trace, traceGradients } from "../../nn/trace.ts";

/** A built-in cell's name, or equations. */
export type CellSource = string | { readonly equations: string };

export function cellOf(source: CellSource): Cell {
  return typeof source === "string" ? (cells[source] as Cell) : cell(source.equations);
}

export const learning = {
  /**
   * A cell's equations, as source and as TeX with parts to highlight; and the TeX of each line, by the name that it
   * defines.
   * @throws EquationError for equations with a mistake
   */
  async equations(source: CellSource) {
    const read = cellOf(source);
    const [, ...lines] = texOf(read).split("\n");
    const named = read.equations.lines.map(({ target }, k): [string, string] => [
      target,
      (lines[k] as string).replace("&", "").replace(/\\\\$/, ""),
    ]);
    return { source: read.source, tex: texOf(read, { parts: true }), lines: Object.fromEntries(named) };
  },

  /** The cost of a built-in cell at a size. @throws InputError for the same reasons as `cellFacts` */
  async cellFacts(name: string, sizes: { readonly units: number; readonly input: number }) {
    return cellFacts(name, sizes);
  },

  /** Every named value at each step of a sequence (T,D). @throws InputError for the same reasons as `trace` */
  async trace(source: CellSource, sequence: readonly (readonly number[])[], options: TraceOptions = {}) {
    return trace(cellOf(source), sequence, options);
  },

  /**
   * The gradient of the last output with respect to each named value at each step. @throws InputError for the same
   * reasons as `traceGradients`
   */
  async traceGradients(source: CellSource, sequence: readonly (readonly number[])[], options: TraceOptions = {}) {
    return traceGradients(cellOf(source), sequence, options);
  },
};
