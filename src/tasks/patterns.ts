/**
 * Patterns of a text as numbers at its tokens. After A. Karpathy et al., "Visualizing and understanding recurrent networks",
 * 2015. Knows nothing about models.
 */
import { InputError } from "../graph/input-error.ts";

/** A pattern, which has a value at every place of a text. */
export type Pattern =
  | { readonly kind: "quotes" | "parentheses" | "line" }
  /** The matches of a regular expression. */
  | { readonly kind: "expression"; readonly source: string };

/**
 * Compute the value of a pattern after each token: 1 inside and 0 outside; for "line" the number of characters of the line so
 * far.
 * @throws InputError for an invalid regular expression
 */
export function signalOf(tokens: readonly string[], pattern: Pattern): Float32Array<ArrayBuffer> {
  const text = tokens.join("");
  const characters = new Float32Array(text.length);
  if (pattern.kind === "expression") {
    for (const { index, 0: match } of text.matchAll(expressionOf(pattern.source))) {
      characters.fill(1, index, index + match.length);
    }
  } else characterSignals[pattern.kind](text, characters);
  let [end, before] = [0, 0];
  return Float32Array.from(tokens, (token) => {
    end += token.length;
    // A match that ends within a token counts for the whole token.
    const own = characters.subarray(end - token.length, end);
    if (own.length > 0) before = pattern.kind === "expression" ? Math.max(...own) : (own.at(-1) as number);
    return before;
  });
}

function expressionOf(source: string): RegExp {
  try {
    return new RegExp(source, "gu");
  } catch (error) {
    throw new InputError((error as Error).message);
  }
}

const characterSignals: Readonly<
  Record<Exclude<Pattern["kind"], "expression">, (text: string, out: Float32Array) => void>
> = {
  // An opening quote is inside, a closing one outside. The end of a paragraph closes whatever is open.
  quotes(text, out) {
    let inside = false;
    for (let k = 0; k < text.length; k++) {
      const character = text[k] as string;
      if (character === '"') inside = !inside;
      else if (character === "“") inside = true;
      else if (character === "”" || (character === "\n" && text[k - 1] === "\n")) inside = false;
      out[k] = inside ? 1 : 0;
    }
  },
  parentheses(text, out) {
    let depth = 0;
    for (let k = 0; k < text.length; k++) {
      const character = text[k] as string;
      if (character === "(") depth++;
      else if (character === ")") depth = Math.max(0, depth - 1);
      else if (character === "\n" && text[k - 1] === "\n") depth = 0;
      out[k] = depth > 0 ? 1 : 0;
    }
  },
  line(text, out) {
    let length = 0;
    for (let k = 0; k < text.length; k++) {
      length = text[k] === "\n" ? 0 : length + 1;
      out[k] = length;
    }
  },
};
