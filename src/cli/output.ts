/** What is written where: lines of JSON, text that is safe for a terminal, and a little colour. */

/** One JSON object as a line on standard output. */
export function writeJson(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** Whether a stream is a terminal that understands escape sequences. */
export const isTerminal = (stream: NodeJS.WriteStream): boolean => stream.isTTY === true && process.env.TERM !== "dumb";

const styles = { bold: ["1", "22"], red: ["31", "39"], dim: ["2", "22"] } as const;

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

export const formatCount = (n: number): string => n.toLocaleString("en-US");
