/**
 * Lines at the end of a terminal that change in place; what is printed meanwhile stays above them and scrolls away as
 * ever. Knows nothing about what they say.
 */
import { stripVTControlCharacters } from "node:util";
import { isTerminal } from "./output.ts";

export type Size = { readonly columns: number; readonly rows: number };

export type LiveLines = {
  /** Draw them as they are now. */
  readonly refresh: () => void;
  /** Whole lines above them, which stay. */
  readonly print: (lines: string) => void;
  /** They stay as they were last drawn; the terminal is as before. */
  readonly end: () => void;
};

/** `draw` makes the lines, each narrower than the terminal, also whenever its size changes. */
export function createLiveLines(draw: (size: Size) => readonly string[], stream: NodeJS.WriteStream): LiveLines {
  const write = stream.write;
  const put = (text: string): boolean => write.call(stream, text);
  /** The widths of the lines that are there. The cursor is below them, where a shell's prompt or ^C does no harm. */
  let drawn: readonly number[] = [];

  /** How many rows they take: terminals wrap anew what is wider than they have become. */
  const rowsDrawn = (): number =>
    drawn.reduce((sum, width) => sum + Math.max(1, Math.ceil(width / sizeOf(stream).columns)), 0);
  const up = (rows: number): string => (rows === 0 ? "\r" : `\r\x1b[${rows}A`);
  /** Row by row: at the top of the screen, to clear all that follows would move it to the scrollback in some terminals. */
  function erase(): string {
    const rows = rowsDrawn();
    return `${up(rows)}${"\x1b[K\n".repeat(rows)}\x1b[K${up(rows)}`;
  }
  /** One write, and every line written over the one before it: to clear first would flicker. */
  function frame(above: string): void {
    const start = above === "" ? up(rowsDrawn()) : erase() + above;
    const lines = draw(sizeOf(stream));
    drawn = lines.map((line) => stripVTControlCharacters(line).length);
    put(`${start}${lines.map((line) => `${line}\x1b[K\n`).join("")}\x1b[J`);
  }
  const refresh = (): void => frame("");

  // What others write to the terminal, such as a warning of Node's, would land among the lines.
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
  // After a pause (Ctrl-Z, fg) the shell's lines are below: there is nothing to go back to.
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

/** Of a terminal that does not say, the usual. */
export const sizeOf = ({ columns, rows }: NodeJS.WriteStream): Size => ({ columns: columns || 80, rows: rows || 24 });
