/** Match the text of a prompt, as it was sent, with the tokens that the model reads. */

import { unixLineEnds } from "../../text/line-ends.ts";
import { decodeNext, type Tokenizer } from "../../text/tokenizer.ts";
import { sharesOfWords } from "../../text/whitespace.ts";

/**
 * The part of the text that each token stands for; the parts, joined, are the text. A line end can be two characters of
 * it (CR and LF), and the token of an unknown character stands for that character.
 */
export function sentShares(tokenizer: Tokenizer, tokens: Int32Array, sent: string): readonly string[] {
  const characters = /\r\n|./gsu;
  if (tokenizer.kind === "whitespace") return sharesOfWords(tokenizer, sent.match(characters) ?? [], unixLineEnds);
  let rest: Uint8Array | undefined;
  return Array.from(tokens, (token) => {
    const decoded = decodeNext(tokenizer, token, rest);
    rest = decoded.rest;
    const from = characters.lastIndex;
    for (const _ of decoded.text) characters.test(sent);
    return sent.slice(from, characters.lastIndex);
  });
}
