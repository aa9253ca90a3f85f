/** Errors in equations: what is wrong, where, and the source line with a caret under the place. */

import { InputError } from "./input-error.ts";

/** A piece of a source, in UTF-16 units: start <= i < end. */
export type Span = { readonly start: number; readonly end: number };

/** Dedented equations, and where they begin in the text that was given (0-based line and column). */
export type Source = { readonly text: string; readonly line: number; readonly column: number };

/**
 * A mistake in a cell's equations, or in the sizes that the cell is used with. `line` and `column` count from 1 in the text
 * that was given to `cell`, columns in code points. The message may have three lines: what is wrong, the line of the
 * equations, and carets below the place.
 */
export class EquationError extends InputError {
  readonly line: number;
  readonly column: number;

  constructor(message: string, line: number, column: number) {
    super(message, undefined, message);
    this.name = "EquationError";
    this.line = line;
    this.column = column;
  }
}

/** Throw `problem` at a place of the source; `where` stands before the line and the column. */
export function fail(source: Source, span: Span, problem: string, where?: string): never {
  const start = Math.min(span.start, source.text.length);
  const before = source.text.slice(0, start);
  const lineStart = before.lastIndexOf("\n") + 1;
  const found = source.text.indexOf("\n", start);
  const lineEnd = found < 0 ? source.text.length : found;
  const line = source.line + before.split("\n").length;
  const prefix = [...before.slice(lineStart)];
  const column = source.column + prefix.length + 1;
  const message = `${where === undefined ? "" : `${where}, `}line ${line}, column ${column}: ${problem}`;
  const text = source.text.slice(lineStart, lineEnd);
  if (text.trim() === "") throw new EquationError(message, line, column);
  const width = Math.max(1, [...source.text.slice(start, Math.min(span.end, lineEnd))].length);
  throw new EquationError(`${message}\n${excerpt([...text], prefix.length, width)}`, line, column);
}

/** The line with carets below; of a long line the part around the place. */
function excerpt(line: readonly string[], column: number, width: number): string {
  const from = line.length > 110 ? Math.max(0, column - 40) : 0;
  const to = Math.min(line.length, from + 110);
  const [head, tail] = [from > 0 ? "…" : "", to < line.length ? "…" : ""];
  // A tab stays a tab, so that the caret stands below its character.
  const padding = line.slice(from, column).map((c) => (c === "\t" ? "\t" : " "));
  const carets = "^".repeat(Math.max(1, Math.min(width, to - column)));
  return `  ${head}${line.slice(from, to).join("")}${tail}\n  ${head && " "}${padding.join("")}${carets}`;
}
