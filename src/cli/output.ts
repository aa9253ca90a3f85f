/** Write lines of JSON, text that is safe for a terminal, and a few colours. */

/** Write one JSON object as a line to standard output. */
export function writeJson(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** Whether a stream is a terminal that understands escape sequences. */
export const isTerminal = (stream: NodeJS.WriteStream): boolean => stream.isTTY === true && process.env.TERM !== "dumb";

const styles = {
  bold: ["1", "22"],
  dim: ["2", "22"],
  red: ["31", "39"],
  yellow: ["33", "39"],
  cyan: ["36", "39"],
} as const;

/** Style a text if the stream is a terminal and colours are not turned off (https://no-color.org). */
export function styled(text: string, style: keyof typeof styles, stream: NodeJS.WriteStream): string {
  if (!isTerminal(stream) || (process.env.NO_COLOR ?? "") !== "") return text;
  const [on, off] = styles[style];
  return `\x1b[${on}m${text}\x1b[${off}m`;
}

/**
 * Make control characters visible: a model's text or a file's name can contain them, and they could control the
 * terminal.
 */
export function printable(text: string): string {
  return text.replace(/(?![\n\t])\p{Cc}/gu, (character) =>
    character === "\r" ? "" : `\\u{${(character.codePointAt(0) as number).toString(16)}}`,
  );
}

/**
 * Wrap a text to lines of at most `columns` columns, at spaces where possible, and never within a visible character.
 */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  const graphemes = new Intl.Segmenter(); // Not before: it loads ICU's data.
  let [line, columns] = ["", 0];
  for (const word of text.split(/(?<= )/)) {
    if (columns + columnsOf(word.trimEnd()) > width && line !== "") {
      lines.push(line.trimEnd());
      [line, columns] = ["", 0];
    }
    for (const { segment: character } of graphemes.segment(word)) {
      if (columns + columnsOf(character) > width && character !== " ") {
        lines.push(line);
        [line, columns] = ["", 0];
      }
      line += character;
      columns += columnsOf(character);
    }
  }
  return [...lines, line.trimEnd()];
}

/**
 * An upper bound of the width: from Hangul on, a character can take two columns. Wrapping a line too early does no
 * harm.
 */
function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) {
    columns += (character.codePointAt(0) as number) < 0x1100 || "↵→".includes(character) ? 1 : 2;
  }
  return columns;
}

export const formatCount = (n: number): string => n.toLocaleString("en-US");

/** Write a warning as a line to standard error. */
export function warn(warning: string, json: boolean): void {
  process.stderr.write(json ? `${JSON.stringify({ warning })}\n` : `${printable(warning)}\n`);
}

/** Rows of texts in columns, printable, some of which stand to the right: by default all but the first. */
export function alignColumns(rows: readonly (readonly string[])[], right?: readonly number[]): string {
  const shown = rows.map((row) => row.map(printable));
  const widths = (shown[0] as string[]).map((_, k) => Math.max(...shown.map((row) => (row[k] ?? "").length)));
  return shown
    .map((row) =>
      row
        .map((cell, k) =>
          (right?.includes(k) ?? k > 0) ? cell.padStart(widths[k] as number) : cell.padEnd(widths[k] as number),
        )
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
