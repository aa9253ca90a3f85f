/**
 * A terminal that shows what was written to it: text, line feeds, and the few escape sequences that the command line uses;
 * any other is an error. It keeps what scrolls off, and wraps lines anew when it is resized.
 */

// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what a terminal understands
const sequence = /\x1b\[[\d;?]*[A-Za-z]|[\s\S]/gu;

type Row = { cells: string[]; wraps: boolean };

export class Screen {
  readonly isTTY = true;
  columns: number;
  rows: number;
  /** What was written, one entry a write. */
  readonly writes: string[] = [];
  private lines: Row[] = [{ cells: [], wraps: false }];
  private cursor = { row: 0, column: 0 };
  private listeners: (() => void)[] = [];

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
  }
  /** What `progressPrinter` takes. */
  get stream(): NodeJS.WriteStream {
    return this as unknown as NodeJS.WriteStream;
  }
  on(_: "resize", listener: () => void): void {
    this.listeners.push(listener);
  }
  off(_: "resize", listener: () => void): void {
    this.listeners = this.listeners.filter((one) => one !== listener);
  }
  get listening(): number {
    return this.listeners.length;
  }

  write(text: string): boolean {
    this.writes.push(text);
    for (const [part] of text.matchAll(sequence)) this.take(part);
    return true;
  }
  /** All that can be seen, by scrolling back, too, without the blank rows at the end. */
  text(): string {
    return this.lines
      .map(({ cells }) => cells.join("").trimEnd())
      .join("\n")
      .trimEnd();
  }
  /** The rows on the screen. */
  visible(): string[] {
    return this.lines.slice(this.top).map(({ cells }) => cells.join("").trimEnd());
  }
  resize(columns: number, rows: number): void {
    const rewrapped: Row[] = [];
    let cursor = { row: 0, column: 0 };
    for (let from = 0; from < this.lines.length; ) {
      let to = from;
      while (this.lines[to]?.wraps) to++;
      const cells = this.lines.slice(from, to + 1).flatMap((row) => row.cells);
      const first = rewrapped.length;
      for (let at = 0; at === 0 || at < cells.length; at += columns) {
        rewrapped.push({ cells: cells.slice(at, at + columns), wraps: at + columns < cells.length });
      }
      if (this.cursor.row >= from && this.cursor.row <= to) cursor = { row: first, column: this.cursor.column };
      from = to + 1;
    }
    this.lines = rewrapped;
    this.cursor = cursor;
    [this.columns, this.rows] = [columns, rows];
    for (const listener of this.listeners) listener();
  }

  private get top(): number {
    return Math.max(0, this.lines.length - this.rows);
  }
  private take(part: string): void {
    const { cursor } = this;
    const [command, count] = part.length < 3 ? [] : [part.at(-1), part.slice(2, -1)];
    if (part === "\r") cursor.column = 0;
    else if (part === "\n") this.feed();
    else if (command === "A") cursor.row = Math.max(this.top, cursor.row - Number(count));
    else if (command === "K") this.clear();
    else if (command === "J") {
      // As tmux does it.
      if (cursor.row === this.top && cursor.column === 0 && this.lines.length > cursor.row + 1) {
        throw new Error("a whole screen is cleared, which some terminals move to the scrollback");
      }
      this.clear();
      for (const row of this.lines.slice(cursor.row + 1)) Object.assign(row, { cells: [], wraps: false });
    } else if (command === "m") return;
    else if (part < " " || command !== undefined) throw new Error(`the screen does not know ${JSON.stringify(part)}`);
    else {
      if (cursor.column === this.columns) {
        this.row.wraps = true;
        this.feed();
      }
      while (this.row.cells.length < this.cursor.column) this.row.cells.push(" ");
      this.row.cells[this.cursor.column++] = part;
    }
  }
  /** The rest of the row. */
  private clear(): void {
    this.row.cells.length = Math.min(this.row.cells.length, this.cursor.column);
    this.row.wraps = false;
  }
  private get row(): Row {
    return this.lines[this.cursor.row] as Row;
  }
  private feed(): void {
    this.cursor = { row: this.cursor.row + 1, column: 0 };
    if (this.lines[this.cursor.row] === undefined) this.lines.push({ cells: [], wraps: false });
  }
}
