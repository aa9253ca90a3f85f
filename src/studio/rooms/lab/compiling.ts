/**
 * What becomes of the text in the editor, as one state that every part of the Lab shows: its cell, or what is wrong with it,
 * and what the compiler last made, with whether that is of this text. Knows nothing about how it is shown.
 */
import { useMemo, useRef } from "preact/hooks";
import { addCell, type Cell, cell, EquationError } from "../../../graph/cell.ts";
import { createBuilder } from "../../../graph/graph.ts";
import type { ExplainOptions } from "../../../nn/explain.ts";
import { engine, useNewest } from "../../engine/engine.ts";
import type { CompiledCell } from "../../engine/explaining.ts";
import { type Mistake, placeOf } from "./words.ts";

/** What a model is made of, as far as its cell's sizes depend on it. */
export type Sizes = ExplainOptions & { readonly layers: number };

/** A cell that fits its sizes, or what is wrong with its equations. */
export type ReadCell = { readonly cell: Cell } | { readonly mistake: Mistake };

export function readCell(text: string, sizes: Sizes): ReadCell {
  try {
    const read = cell(text);
    checkSizes(read, sizes);
    return { cell: read };
  } catch (error) {
    if (!(error instanceof EquationError)) throw error;
    return { mistake: placeOf(text, error) };
  }
}

/** The first layer reads an embedding, each of the others the units of the one before. @throws EquationError */
function checkSizes(cell: Cell, { units, input, layers }: Sizes): void {
  const [x] = cell.inputs as readonly [string];
  for (const [layer, features] of [input, ...(layers > 1 && units !== input ? [units] : [])].entries()) {
    const g = createBuilder();
    try {
      addCell(g, cell, { layer: "", units, inputs: { [x]: g.input(x, features) } });
    } catch (error) {
      if (!(error instanceof EquationError)) throw error;
      const [problem = ""] = error.message.split("\n");
      const said = problem.replace(/^cell: /, "").replace("Leave units out, or give", "Set Units to");
      const where = `${layers > 1 ? `Layer ${layer + 1}, with ` : "With "}${units} units and ${features} features of ${x}`;
      throw new EquationError(`${where}: ${said}`, error.line, error.column);
    }
  }
}

/** What the compiler made, of which cell and sizes. */
export type Made = { readonly compiled: CompiledCell; readonly cell: Cell; readonly sizes: Sizes };

export type Compiling = {
  /** Of the text as it is; undefined where it has a mistake. */
  readonly cell: Cell | undefined;
  /**
   * `made`: the compiler is done with this text. `compiling`: it is at work. `mistake`: the equations have one. `failed`: they
   * have none, but what was asked for could not be done.
   */
  readonly phase: "made" | "compiling" | "mistake" | "failed";
  readonly mistake: Mistake | undefined;
  /** Of `failed`: why. */
  readonly problem: string | undefined;
  /** The last that was made: of this text in the phase `made`, of one before it in the others. */
  readonly made: Made | undefined;
};

type Answered = { readonly key: string; readonly made?: Made; readonly problem?: string };

export function useCompiling(text: string, sizes: Sizes): Compiling {
  const asked = JSON.stringify([text, sizes]);
  const read = useMemo(() => readCell(text, sizes), [asked]);
  const present = "cell" in read ? read.cell : undefined;
  const ask = async (): Promise<Answered> => {
    const { layers: _, ...options } = sizes;
    const cell = present as Cell;
    try {
      const compiled = await engine().ask("explain", { equations: cell.source }, options);
      return { key: asked, made: { compiled, cell, sizes } };
    } catch (error) {
      return { key: asked, problem: error instanceof Error ? error.message : String(error) };
    }
  };
  const { value: answer } = useNewest(ask, present === undefined ? undefined : asked);
  const last = useRef<Made>(undefined);
  if (answer?.made !== undefined) last.current = answer.made;
  const made = last.current;
  const common = { cell: present, mistake: undefined, problem: undefined, made };
  if ("mistake" in read) return { ...common, phase: "mistake", mistake: read.mistake };
  if (answer?.key !== asked) return { ...common, phase: "compiling" };
  return answer.problem === undefined
    ? { ...common, phase: "made" }
    : { ...common, phase: "failed", problem: answer.problem };
}
