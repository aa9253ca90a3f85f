/** Text to tokens: names, numbers, symbols, comments. A newline within brackets counts as a space. */
import { fail, type Source } from "./equation-error.ts";

export type Token = {
  readonly kind: "name" | "number" | "symbol" | "comment" | "newline" | "end";
  /** The text as written; a name without its prime, a comment without its #. */
  readonly text: string;
  readonly primed: boolean;
  /** Whether it is the first token of its physical line. */
  readonly first: boolean;
  readonly start: number;
  readonly end: number;
};

const longestName = 100;
const space = /[^\S\n]+/uy;
const name = /[\p{L}_][\p{L}\p{Nd}_]*/uy;
// Everything that may be meant as one number, whether it is a valid one or not.
const numberLike = /(?:\p{Nd}|\.(?=\p{Nd}))(?:[eE][+-](?=\p{Nd})|[\p{L}\p{Nd}_.])*/uy;
const number = /^(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/u;
const symbols = "+-*/@()[],=~:";

/** Characters that are often used by mistake, with the right way to write them. */
const advice: Readonly<Record<string, string>> = {
  "^": "There is no power: write a * a, or exp(n * log(a)).",
  ";": "Each equation stands on a line of its own.",
  "’": "The mark of a state is the straight ', as in h'.",
  "‘": "The mark of a state is the straight ', as in h'.",
  "′": "The mark of a state is the straight ', as in h'.",
  "'": "A ' comes right after a name, as in h', and marks the value now of a state.",
  "×": "Write *.",
  "·": "Write *, or @ for a matrix and a vector.",
  "⊙": "Write *.",
  "∘": "Write *.",
  "−": "Write -.",
  "–": "Write -.",
  "÷": "Write /.",
  "{": "Write ( ) to group, [a, b] to concatenate.",
  "}": "Write ( ) to group, [a, b] to concatenate.",
  "%": "A comment starts with #.",
  ".": "A number has a digit beside its point, as in 0.5.",
};

export function tokenize(source: Source): Token[] {
  const { text } = source;
  const tokens: Token[] = [];
  let position = 0;
  let depth = 0;
  let first = true;
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = position;
    return pattern.exec(text)?.[0];
  };
  const push = (kind: Token["kind"], content: string, end: number, primed = false): void => {
    tokens.push({ kind, text: content, primed, first, start: position, end });
    first = false;
    position = end;
  };

  while (position < text.length) {
    const blank = match(space);
    if (blank !== undefined) {
      position += blank.length;
      continue;
    }
    const character = String.fromCodePoint(text.codePointAt(position) as number);
    if (character === "\n") {
      if (depth === 0) push("newline", "\n", position + 1);
      else position++;
      first = true;
      continue;
    }
    if (character === "#") {
      const found = text.indexOf("\n", position);
      const end = found < 0 ? text.length : found;
      push("comment", text.slice(position + 1, end).trim(), end);
      continue;
    }
    const word = match(name);
    if (word !== undefined) {
      const end = position + word.length;
      if (word.length > longestName) {
        fail(source, { start: position, end }, `a name has at most ${longestName} letters, this one ${word.length}.`);
      }
      const primed = text[end] === "'";
      if (primed && text[end + 1] === "'") {
        const span = { start: position, end: end + 2 };
        fail(
          source,
          span,
          `${word} has two primes. A state has one: ${word}' is its value now, ${word} the one before.`,
        );
      }
      push("name", word, primed ? end + 1 : end, primed);
      continue;
    }
    const digits = match(numberLike);
    if (digits !== undefined) {
      checkNumber(source, digits, position);
      push("number", digits, position + digits.length);
      continue;
    }
    if (symbols.includes(character)) {
      if (character === "(" || character === "[") depth++;
      if (character === ")" || character === "]") depth = Math.max(0, depth - 1);
      push("symbol", character, position + 1);
      continue;
    }
    const span = { start: position, end: position + character.length };
    const afterName = character === "." && tokens.at(-1)?.kind === "name";
    const hint = Object.hasOwn(advice, character)
      ? ` ${afterName ? "There are no modules: write tanh(x) for np.tanh(x), W @ x for np.dot(W, x)." : advice[character]}`
      : " Equations have names, numbers and + - * / @ ( ) [ ] , =.";
    fail(source, span, `unexpected character ${printable(character)}.${hint}`);
  }
  push("end", "", position);
  return tokens;
}

function checkNumber(source: Source, text: string, start: number): void {
  const span = { start, end: start + text.length };
  if (number.test(text)) {
    if (Number.isFinite(Number(text))) return;
    fail(source, span, `the number ${text} is too large. The largest is about 1.8e308.`);
  }
  const product = /^([0-9.]+)([\p{L}_].*)$/u.exec(text);
  const hint =
    product !== null && number.test(product[1] as string) && !/^[eE][0-9]*$/.test(product[2] as string)
      ? `A name cannot begin with a digit; for a product write ${product[1]} * ${product[2]}.`
      : "Numbers look like 1, 0.5, .5 or 1e-5.";
  fail(source, span, `"${text}" is not a number. ${hint}`);
}

function printable(character: string): string {
  if (!/[\p{C}\p{M}\p{Z}]/u.test(character)) return `"${character}"`;
  return `U+${(character.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, "0")}`;
}
