/** Classify each word of equations, valid or not, for colours and completion. It uses the language's own tokenizer. */
import { EquationError } from "../../../graph/equation-error.ts";
import { type Token, tokenize } from "../../../graph/tokens.ts";
import { isFunction, isInitializer } from "../../../graph/vocabulary.ts";
import type { EquationMistake } from "../../engine/explaining.ts";

export type Role =
  | "state"
  | "value"
  | "parameter"
  | "input"
  | "function"
  | "initializer"
  | "size"
  | "number"
  | "symbol"
  | "comment";

/** Positions are in UTF-16 units from the start of the text. */
export type Word = { readonly role: Role; readonly text: string; readonly from: number; readonly to: number };

/** After this number of errors, the rest of a line is skipped. */
const maxMistakes = 20;

/** The tokens of the lines of the last text: typing changes only one line. */
let known: ReadonlyMap<string, readonly Token[]> = new Map();

/** The words of a text in order, without those that are not in the language. */
export function wordsOf(text: string): Word[] {
  const lines = text.split("\n");
  const now = new Map<string, readonly Token[]>();
  for (const line of lines) if (!now.has(line)) now.set(line, known.get(line) ?? tokensOf(line));
  known = now;
  let next = 0;
  const tokens = lines.map((line) => {
    const start = next;
    next += line.length + 1;
    const own = now.get(line) as readonly Token[];
    return own.map((token) => ({ ...token, start: start + token.start, end: start + token.end }));
  });
  const states = new Set<string>();
  const values = new Set<string>();
  for (const [head, separator] of tokens) {
    if (head?.kind === "name" && separator?.text === "=") (head.primed ? states : values).add(head.text);
  }
  return tokens.flatMap((line) => {
    const separator = line[1]?.text;
    return line.map((token, k) => {
      const written = token.primed ? `${token.text}'` : token.text;
      const word = { text: written, from: token.start, to: token.end };
      if (token.kind !== "name") return { role: token.kind as "number" | "symbol" | "comment", ...word };
      return { role: roleOf(token, k > 0 ? separator : undefined, states, values), ...word };
    });
  });
}

function roleOf(
  { text, primed }: Token,
  separator: string | undefined,
  states: ReadonlySet<string>,
  values: ReadonlySet<string>,
): Role {
  if (separator === "~" && isInitializer(text)) return "initializer";
  if (separator === ":") return "size";
  if (isFunction(text)) return "function";
  if (text === "x") return "input";
  if (primed || states.has(text)) return "state";
  return values.has(text) ? "value" : "parameter";
}

/** The tokens of one line, without the parts that the tokenizer rejects. */
function tokensOf(line: string): readonly Token[] {
  const found: Token[] = [];
  let at = 0;
  const read = (part: string): void => {
    for (const token of tokenize({ text: part, line: 0, column: 0 })) {
      if (token.kind === "end" || token.kind === "newline") continue;
      found.push({ ...token, start: at + token.start, end: at + token.end });
    }
  };
  for (let mistakes = 0; mistakes < maxMistakes && at < line.length; mistakes++) {
    const rest = line.slice(at);
    try {
      read(rest);
      return found;
    } catch (error) {
      if (!(error instanceof EquationError)) throw error;
      const good = codePoints(rest, error.column - 1);
      read(rest.slice(0, good));
      at += good + Math.max(1, /^[\p{L}\p{Nd}_.']*/u.exec(rest.slice(good))?.[0].length ?? 1);
    }
  }
  return found;
}

/** The number of UTF-16 units of a number of code points. */
const codePoints = (text: string, count: number): number => [...text].slice(0, count).join("").length;

/** The message of an error without its position, which is shown separately. `line` counts from 1. */
export type Mistake = { readonly message: string; readonly from: number; readonly to: number; readonly line: number };

/** The position of an error in the text: a word, or one character. */
export function placeOf(text: string, { message, line, column }: EquationMistake): Mistake {
  const lines = text.split("\n");
  const here = lines[line - 1] ?? "";
  const start = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
  const from = Math.min(text.length, start + codePoints(here, column - 1));
  const token = tokensOf(here).find((each) => start + each.start <= from && from < start + each.end);
  const to = Math.min(start + here.length, token === undefined ? from + 1 : start + token.end);
  const [first = ""] = message.split("\n");
  return { message: first.replace(/^line \d+, column \d+: /, ""), from, to, line };
}
