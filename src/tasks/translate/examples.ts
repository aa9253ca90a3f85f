/** Pairs of texts as a model's tokens: what its encoder reads, what its decoder has read, and what it is to say. */
import { encode, endOfText } from "../../text/tokenizer.ts";
import { padding, type TextPair, type Translator } from "./settings.ts";

/** The tokens of a source, from 1 on: 0 is padding. None of a text without tokens. */
export function sourceTokens(
  { source, sourceEnds }: Pick<Translator, "source" | "sourceEnds">,
  text: string,
): number[] {
  const ids = Array.from(encode(source, text), (id) => id + padding);
  return sourceEnds && ids.length > 0 ? [...ids, (endOfText(source) as number) + padding] : ids;
}

/** The token that ends a target, and that stands before its first one. */
export const endOf = ({ target }: Pick<Translator, "target">): number => endOfText(target) as number;

/** The tokens of a target with the one that ends it. */
export const targetTokens = (of: Pick<Translator, "target">, text: string): number[] => [
  ...encode(of.target, text),
  endOf(of),
];

export type Examples = {
  readonly x: { readonly source: number[][]; readonly target: number[][] };
  readonly y: number[][];
};

/** What is read and what is to be said: at each step the decoder has read the target's tokens before it. */
export function examplesOf(of: Translator, pairs: readonly TextPair[]): Examples {
  const said = pairs.map(({ target }) => targetTokens(of, target));
  return {
    x: {
      source: pairs.map(({ source }) => sourceTokens(of, source)),
      target: said.map((ids) => [endOf(of), ...ids.slice(0, -1)].map((id) => id + padding)),
    },
    y: said,
  };
}
