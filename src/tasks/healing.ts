/**
 * Token healing, for a prompt that ends within a token. "of the " ends in a blank, and in a model of words the token " whale"
 * begins with one: after a blank alone such a model knows only words that it has to spell. So the first token is drawn from
 * all ways to continue the prompt's text: any token after the prompt, and any longer token that begins with the text of the
 * prompt's last tokens and replaces them.
 *
 * The model gives the probability of each way while it reads the prompt: that of a longer token after the tokens before its
 * place, that of a following token after the whole prompt. Together they are all continuations of the text, except other
 * tokenizations of the same text, which a tokenizer never makes; log-probabilities are relative to their sum.
 */
import { type LongerTokens, longerTokens, remainderOf } from "../text/longer-tokens.ts";
import { logSoftmax } from "../text/sampling.ts";
import { type DecodedToken, decodeNext, type Tokenizer, tokenName } from "../text/tokenizer.ts";
import type { SlotState } from "./slots.ts";

/** The ways to continue a prompt: the tokens (V) that may follow it, then longer tokens (M) that replace its last ones. */
export type Ways = {
  /** A logit for each way (V + M): their softmax gives the probabilities of the ways. */
  readonly scores: Float32Array;
  /** The token of each way (V + M). */
  readonly tokens: Int32Array;
  /** How many tokens at the end of the prompt a way replaces: 0 for a token that follows. */
  readonly replaces: (way: number) => number;
  /** The text that a way adds to the prompt. */
  readonly decode: (way: number) => DecodedToken;
  /** The name of that text in log-probabilities. */
  readonly name: (way: number) => string;
  /** The states before a way's token; undefined for a token that follows: those after the whole prompt. */
  readonly state: (way: number) => SlotState | undefined;
};

/** A prompt that ends within a token, while it is read. */
export type Healing = {
  /** The first of its tokens that may be replaced. */
  readonly from: number;
  /** Called for each token from there on, in order, before the model reads it: the logits (V) that predict it, and the states. */
  readonly foresee: (place: number, logits: Float32Array, state: () => SlotState) => void;
  /** The ways to continue, from the logits (V) after the whole prompt. */
  readonly ways: (logits: Float32Array) => Ways;
};

/**
 * Create the healing of a prompt; undefined if no token could extend its end.
 * @param from the index of the first token that may be replaced: those before it were not encoded from the prompt's text
 */
export function createHealing(tokenizer: Tokenizer, prompt: Int32Array, from = 0): Healing | undefined {
  const longer = longerTokens(tokenizer, prompt.subarray(from)).map((found) => {
    return { ...found, place: found.place + from };
  });
  const [first] = longer;
  if (first === undefined) return undefined;
  const foreseen: (LongerTokens & { readonly nats: Float64Array; readonly state: SlotState })[] = [];
  /** The log-probability, in nats, of the prompt's tokens from the first that may be replaced to the one before the present one. */
  let nats = 0;
  return {
    from: first.place,
    foresee(place, logits, state) {
      const all = logSoftmax(logits);
      const found = longer.find((one) => one.place === place);
      if (found !== undefined) {
        const own = Float64Array.from(found.tokens, (token) => nats + (all[token] as number));
        foreseen.push({ ...found, nats: own, state: state() });
      }
      nats += all[prompt[place] as number] as number;
    },
    ways(logits) {
      const size = logits.length;
      const total = foreseen.reduce((sum, { tokens }) => sum + tokens.length, size);
      const [scores, tokens] = [new Float32Array(total), new Int32Array(total)];
      scores.set(logits);
      for (let token = 0; token < size; token++) tokens[token] = token;
      const after = logSoftmax(logits);
      // What turns log-probabilities into logits on the scale of those that follow the prompt.
      const best = logits.reduce((best, logit, id) => (logit > (logits[best] as number) ? id : best), 0);
      const offset = (logits[best] as number) - (after[best] as number) - nats;
      const starts: number[] = [];
      let at = size;
      for (const one of foreseen) {
        starts.push(at);
        tokens.set(one.tokens, at);
        for (const own of one.nats) scores[at++] = own === -Infinity ? own : own + offset;
      }
      const levelOf = (way: number) => foreseen[starts.findLastIndex((start) => start <= way)];
      return {
        ...{ scores, tokens },
        replaces(way) {
          const level = levelOf(way);
          return level === undefined ? 0 : prompt.length - level.place;
        },
        decode(way) {
          const level = levelOf(way);
          if (level === undefined) return decodeNext(tokenizer, tokens[way] as number);
          return remainderOf(tokenizer, tokens[way] as number, level.length);
        },
        name(way) {
          const level = levelOf(way);
          if (level === undefined) return tokenName(tokenizer, tokens[way] as number);
          return remainderOf(tokenizer, tokens[way] as number, level.length).name;
        },
        state: (way) => levelOf(way)?.state,
      };
    },
  };
}

/**
 * The index of the first token that may be replaced when the text continues, if the text after it consists of whole
 * characters; the number of tokens if none may be.
 */
export function openFrom(tokenizer: Tokenizer, tokens: Int32Array): number {
  let from = longerTokens(tokenizer, tokens)[0]?.place ?? tokens.length;
  while (from < tokens.length && restAfter(tokenizer, tokens.subarray(0, from)).length > 0) from--;
  return from;
}

/** The bytes of an incomplete character at the end of tokens: at most three. */
export function restAfter(tokenizer: Tokenizer, tokens: Int32Array): Uint8Array {
  let rest: Uint8Array | undefined;
  for (const token of tokens.subarray(-3)) rest = decodeNext(tokenizer, token, rest).rest;
  return rest ?? new Uint8Array();
}
