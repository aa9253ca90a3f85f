/**
 * Token healing: a prompt may end within a token. "of the " ends in a blank, and in a model of words " whale" begins with
 * one: after a blank alone it knows only words that it has to spell. So what is written first is drawn from all that it could
 * be: any token after the prompt's own, and in place of the last of these any longer token that begins with what they are.
 *
 * How likely each is, the model says as it reads the prompt: a longer token by those before its place, a token after the
 * prompt by all. Together they are everything that the text of the prompt can go on with but for ways to write the same text
 * in other tokens, which a tokenizer never makes; so their sum is what log-probabilities are relative to.
 */
import { type LongerTokens, longerTokens, remainderOf } from "../text/longer-tokens.ts";
import { logSoftmax } from "../text/sampling.ts";
import { type DecodedToken, decodeNext, type Tokenizer, tokenName } from "../text/tokenizer.ts";
import type { SlotState } from "./slots.ts";

/** All that may be written first: the tokens (V) that may follow the prompt, then longer ones (M) in place of its last. */
export type Ways = {
  /** Of each (V + M) a logit: their softmax is how likely the ways are. */
  readonly scores: Float32Array;
  /** The token of each. */
  readonly tokens: Int32Array;
  /** How many of the prompt's tokens one stands for: 0 of those that follow. */
  readonly replaces: (way: number) => number;
  /** What one adds to the text of the prompt. */
  readonly decode: (way: number) => DecodedToken;
  /** What that is called in log-probabilities. */
  readonly name: (way: number) => string;
  /** What the model remembers of the tokens before it; undefined for one that follows the prompt: of all. */
  readonly state: (way: number) => SlotState | undefined;
};

/** A prompt that ends within a token, while it is read. */
export type Healing = {
  /** The first of its tokens that may be replaced. */
  readonly from: number;
  /** Told of each token from there on, in order: its logits (V), and what the model remembers before it reads it. */
  readonly foresee: (place: number, logits: Float32Array, state: () => SlotState) => void;
  /** With the logits (V) that follow the prompt. */
  readonly ways: (logits: Float32Array) => Ways;
};

/**
 * What there is to heal of a prompt; nothing where no token goes on from its end.
 * @param from the first token that may be taken back: those before it are no text of the prompt's
 */
export function createHealing(tokenizer: Tokenizer, prompt: Int32Array, from = 0): Healing | undefined {
  const longer = longerTokens(tokenizer, prompt.subarray(from)).map((found) => {
    return { ...found, place: found.place + from };
  });
  const [first] = longer;
  if (first === undefined) return undefined;
  const foreseen: (LongerTokens & { readonly nats: Float64Array; readonly state: SlotState })[] = [];
  /** Of the prompt's tokens from the first that may be replaced to the one that comes next. */
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
      // A logit is so much above the logarithm of its probability, after all that comes before.
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
 * The first of a text's tokens that may be others once the text goes on, all of it after that being whole characters; their
 * number where it ends with a whole token.
 */
export function openFrom(tokenizer: Tokenizer, tokens: Int32Array): number {
  let from = longerTokens(tokenizer, tokens)[0]?.place ?? tokens.length;
  while (from < tokens.length && restAfter(tokenizer, tokens.subarray(0, from)).length > 0) from--;
  return from;
}

/** Bytes at the end of some tokens that begin a character: three at most. */
export function restAfter(tokenizer: Tokenizer, tokens: Int32Array): Uint8Array {
  let rest: Uint8Array | undefined;
  for (const token of tokens.subarray(-3)) rest = decodeNext(tokenizer, token, rest).rest;
  return rest ?? new Uint8Array();
}
