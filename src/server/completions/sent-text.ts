/** A prompt as it was sent beside the tokens that it is read as. */
import { decodeNext, type Tokenizer } from "../../text/tokenizer.ts";

/**
 * What each token is of the text: together they are it. A line end may be two characters of it, CR and LF, and the token of an
 * unknown character is that one.
 */
export function sentShares(tokenizer: Tokenizer, tokens: Int32Array, sent: string): readonly string[] {
  const characters = /\r\n|./gsu;
  let rest: Uint8Array | undefined;
  return Array.from(tokens, (token) => {
    const decoded = decodeNext(tokenizer, token, rest);
    rest = decoded.rest;
    const from = characters.lastIndex;
    for (const _ of decoded.text) characters.test(sent);
    return sent.slice(from, characters.lastIndex);
  });
}
