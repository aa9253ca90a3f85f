/**
 * Keep lines at the end of a terminal that change in place. What is printed meanwhile stays above them and scrolls as
 * usual.
 */
import { stripVTControlCharacters } from "node:util";
import { isTerminal } from "./output.ts";

export type Size = { readonly columns: number; readonly rows: number };

export type LiveLines = {
  /** Draw the lines again. */
  readonly refresh: () => void;
  /** Print whole lines above the changing lines; they stay. */
  readonly print: (lines: string) => void;
  /** Leave the lines as they were last drawn, and restore the terminal. */
  readonly end: () => void;
};

/** @param draw makes the lines, each narrower than the terminal; it is also called when the size changes */
export function createLiveLines(draw: (size: Size) => readonly string[], stream: NodeJS.WriteStream): LiveLines {
  const write = stream.write;
  const put = (text: string): boolean => write.call(stream, text);
  /**
   * The widths of the drawn lines. The cursor stays below them, where a shell's prompt or ^C does not overwrite them.
   */
  let drawn: readonly number[] = [];

  /** The number of rows that the lines take: a terminal that becomes narrower wraps them again. */
  const rowsDrawn = (): number =>
    drawn.reduce((sum, width) => sum + Math.max(1, Math.ceil(width / sizeOf(stream).columns)), 0);
  const up = (rows: number): string => (rows === 0 ? "\r" : `\r\x1b[${rows}A`);
  /**
   * Clear row by row: some terminals, at the top of the screen, move everything to the scrollback if all that follows
   * is cleared at once.
   */
  function erase(): string {
    const rows = rowsDrawn();
    return `${up(rows)}${"\x1b[K\n".repeat(rows)}\x1b[K${up(rows)}`;
  }
  /** Write everything at once, and each line over the previous one, because clearing first would flicker. */
  function frame(above: string): void {
    const start = above === "" ? up(rowsDrawn()) : erase() + above;
    const lines = draw(sizeOf(stream));
    drawn = lines.map((line) => stripVTControlCharacters(line).length);
    put(`${start}${lines.map((line) => `${line}\x1b[K\n`).join("")}\x1b[J`);
  }
  const refresh = (): void => frame("");

  // Other output, such as a warning from Node, would appear between the lines.
  const others = [...new Set([stream, process.stdout])].filter(isTerminal);
  const restore = others.map((other) => {
    const own = other.write;
    const around = (chunk: Uint8Array | string, ...rest: never[]): boolean => {
      put(erase());
      drawn = [];
      const free = own.call(other, chunk, ...rest);
      const text = typeof chunk === "string" ? chunk : Buffer.from(chunk).toString();
      if (!text.endsWith("\n")) put("\n");
      refresh();
      return free;
    };
    other.write = around as typeof own;
    return () => {
      other.write = own;
    };
  });
  // After a pause (Ctrl-Z, fg), the shell's lines are below the old lines, so the cursor cannot go back to them.
  const onContinue = (): void => {
    drawn = [];
    refresh();
  };
  stream.on("resize", refresh);
  process.on("SIGCONT", onContinue);
  return {
    refresh,
    print: frame,
    end() {
      for (const undo of restore) undo();
      stream.off("resize", refresh);
      process.off("SIGCONT", onContinue);
    },
  };
}

/** The usual size if the terminal does not report one. */
export const sizeOf = ({ columns, rows }: NodeJS.WriteStream): Size => ({ columns: columns || 80, rows: rows || 24 });
