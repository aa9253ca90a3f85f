/** What is written where: lines of JSON, text that is safe for a terminal, and a little colour. */

/** One JSON object as a line on standard output. */
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

/** Text with a style where the stream is a terminal and nobody asked for none (https://no-color.org). */
export function styled(text: string, style: keyof typeof styles, stream: NodeJS.WriteStream): string {
  if (!isTerminal(stream) || (process.env.NO_COLOR ?? "") !== "") return text;
  const [on, off] = styles[style];
  return `\x1b[${on}m${text}\x1b[${off}m`;
}

/** Control characters, which a model or a file's name may hold, made visible: they could steer a terminal. */
export function printable(text: string): string {
  return text.replace(/(?![\n\t])\p{Cc}/gu, (character) =>
    character === "\r" ? "" : `\\u{${(character.codePointAt(0) as number).toString(16)}}`,
  );
}

const graphemes = new Intl.Segmenter();

/** Lines of at most so many columns, broken at spaces where there are some, and never within what is seen as one character. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
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

/** At most: from Hangul on a character may take two. To break a line too early does no harm. */
function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) {
    columns += (character.codePointAt(0) as number) < 0x1100 || "↵→".includes(character) ? 1 : 2;
  }
  return columns;
}

export const formatCount = (n: number): string => n.toLocaleString("en-US");

/** A line on standard error that is no error. */
export function warn(warning: string, json: boolean): void {
  process.stderr.write(json ? `${JSON.stringify({ warning })}\n` : `${printable(warning)}\n`);
}
