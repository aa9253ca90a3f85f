/**
 * What becomes of the text in the editor, as one state that every part of the Lab shows: its cell, or what is wrong with it,
 * and what the compiler last made, with whether that is of this text. Knows nothing about how it is shown.
 */
import { useMemo, useRef } from "preact/hooks";
import { type Cell, cell, EquationError } from "../../../graph/cell.ts";
import type { Parameter } from "../../../graph/graph.ts";
import { InputError } from "../../../graph/input-error.ts";
import type { ExplainOptions } from "../../../nn/explain.ts";
import { initialize } from "../../../nn/initializers.ts";
import { dense, embedding, recurrent } from "../../../nn/layers.ts";
import { modelOf, nameLayers } from "../../../nn/model.ts";
import { createRandom } from "../../../nn/random.ts";
import { engine, useNewest } from "../../engine/engine.ts";
import type { CompiledCell } from "../../engine/explaining.ts";
import { messageOf } from "../../loading.ts";
import { type Mistake, placeOf } from "./words.ts";

/** What a model is made of, as far as its cell's sizes depend on it. */
export type Sizes = ExplainOptions & { readonly layers: number };

/** A cell that fits its sizes, or what is wrong with its equations. */
export type ReadCell = { readonly cell: Cell } | { readonly mistake: Mistake };

export function readCell(text: string, sizes: Sizes): ReadCell {
  try {
    const read = cell(text);
    checkModel(read, sizes);
    return { cell: read };
  } catch (error) {
    if (!(error instanceof EquationError)) throw error;
    return { mistake: placeOf(text, error) };
  }
}

/**
 * A model is made of it as training makes one, but for the values: what training would refuse is a mistake here. The first
 * layer reads an embedding, each of the others the units of the one before.
 * @throws EquationError
 */
function checkModel(cell: Cell, { units, input, layers }: Sizes): void {
  const stack = Array.from({ length: layers }, () => recurrent(cell, { units, label: "cell", returnSequences: true }));
  const { line, column } = cell.equations;
  let at = { line: line + 1, column: column + 1 };
  const small = (parameter: Parameter): Float32Array => {
    const own = cell.equations.initializers.find(({ name }) => parameter.name.endsWith(`cell.${name}`));
    if (own !== undefined) at = placeIn(cell, own.span.start);
    return initialize({ ...parameter, shape: parameter.shape.map(() => 1) }, createRandom(0));
  };
  try {
    modelOf(nameLayers([embedding(2, input), ...stack, dense(2)]), "tokens", small);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const [problem = ""] = error.message.split("\n");
    // That it is too large is no mistake of the equations: the engine says so.
    if (/bytes of memory/.test(problem)) return;
    const layer = Number(/\bcell_(\d+)/.exec(problem)?.[1] ?? 0);
    const sized = /^cell(_\d+)?[.:]/.test(problem) && error instanceof EquationError;
    const features = layer === 0 ? input : units;
    const where = `${layers > 1 ? `Layer ${layer + 1}, with ` : "With "}${units} units and ${features} features of x: `;
    const said = problem.replace(/\bcell(_\d+)?(\.|: )/g, "").replace("Leave units out, or give", "Set Units to");
    const { line, column } = error instanceof EquationError ? error : at;
    throw new EquationError(`${sized ? where : ""}${said}`, line, column);
  }
}

/** Line and column of a place in a cell's source, as those of an EquationError. */
function placeIn({ source, equations: { line, column } }: Cell, at: number): { line: number; column: number } {
  const before = source.slice(0, at).split("\n");
  return { line: line + before.length, column: column + [...(before.at(-1) ?? "")].length + 1 };
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
      return { key: asked, problem: messageOf(error) };
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
