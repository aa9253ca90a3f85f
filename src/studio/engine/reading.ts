/** Run language models over texts, for the Inspect view. Each job throws ModelClosed for a model that is not open. */
import { InputError } from "../../graph/input-error.ts";
import { type Saliency, saliency } from "../../nn/saliency.ts";
import { type Ablated, type Effect, effectsOf, lossesWithout } from "../../tasks/ablation.ts";
import { type Correlations, correlate, prepare } from "../../tasks/following.ts";
import { unknownCharacters } from "../../tasks/generate.ts";
import { inspectText, type LabelledValue, shownValues } from "../../tasks/inspect-text.ts";
import { type Pattern, signalOf } from "../../tasks/patterns.ts";
import { type Probe, probe, type Units } from "../../tasks/probe.ts";
import { tokensBefore } from "../../tasks/window-slots.ts";
import { decodeNext, encode, hasUnknown, type Tokenizer, tokenName, vocabularySize } from "../../text/tokenizer.ts";
import { type CellLines, cellLinesOf } from "./cell-lines.ts";
import { type ModelHandle, modelOf } from "./open-models.ts";
import type { Job } from "./remote.ts";

/** A line of the equations of a layer. */
export type LayerValue = Pick<LabelledValue, "key" | "layer" | "name" | "size" | "gate" | "description">;

/** A text as the model's tokens, before it is read. */
export type ReadingHead = {
  readonly ids: Int32Array<ArrayBuffer>;
  /** The text that each token adds. */
  readonly texts: readonly string[];
  /** The text of every token in the vocabulary. */
  readonly vocabulary: readonly string[];
  /** How many of the likeliest next tokens are told of each; fewer than elsewhere in a small vocabulary. */
  readonly likeliest: number;
  /** The stored values, in the order of the layers. */
  readonly values: readonly LabelledValue[];
  /** For a long text, only the states are stored; this is the number of tokens for which all values could be stored. */
  readonly maxOverall?: number;
  /** The characters that the model reads as its unknown character. */
  readonly unknown: readonly string[];
  /** The equations of each layer. */
  readonly cells: readonly CellLines[];
  /** Whether each token is read at the end of a window of its own: the states before it are not those after the token before. */
  readonly windowed: boolean;
};

/** The results for the next n tokens. */
export type ReadingPiece = {
  /** The values in the order of the head, each of shape (n, size). */
  readonly values: readonly Float32Array[];
  /** The surprise of each token in bits, given the tokens before it; NaN for the first. */
  readonly bits: Float32Array;
  /** The most likely next tokens, shape (n, likeliest), the most likely first. */
  readonly next: Int32Array;
  readonly probabilities: Float32Array;
};

/**
 * The largest number of values. More would take too much memory for a page: this is 440 MB, the states of an LSTM of
 * 512 units for 100,000 tokens.
 */
const maxNumbers = 110_000_000;
/** The number of most likely next tokens, at most the size of the vocabulary. */
const likeliest = 8;
/** The time for a piece: not so long that the reader waits, and not so short that the page is busy with small ones. */
const pieceMs = 40;

export const reading = {
  /** The characters of a text that the model reads as its unknown character. */
  async unknownTo(handle: ModelHandle, text: string): Promise<readonly string[]> {
    return unknownCharacters(modelOf(handle), text);
  },

  /**
   * Begin to read a text. `share`: of the largest number of values, those that may be kept for this text.
   * @throws InputError for a model without values to show, and for a text with too many values
   */
  async beginReading(handle: ModelHandle, text: string, share = 1): Promise<ReadingHead> {
    const lm = modelOf(handle);
    const { tokenizer } = lm;
    const ids = Int32Array.from(encode(tokenizer, text));
    const all = shownValues(lm.model, [], "");
    const most = (of: typeof all): number =>
      Math.floor((share * maxNumbers) / of.reduce((sum, { size }) => sum + size, 0));
    const maxOverall = most(all);
    const values = ids.length <= maxOverall ? all : all.filter(({ state }) => state);
    if (values.length === 0 || ids.length > most(values)) {
      const fits = (values.length === 0 ? maxOverall : most(values)).toLocaleString("en");
      throw new InputError(`The text has too many tokens for this model: give at most ${fits}.`);
    }
    const vocabulary = textOfEach(tokenizer);
    return {
      ids,
      texts: textsOf(tokenizer, ids, text),
      vocabulary,
      likeliest: Math.min(likeliest, vocabulary.length),
      values,
      ...(values.length < all.length && { maxOverall }),
      unknown: unknownCharacters(lm, text),
      cells: cellLinesOf(lm.model),
      windowed: lm.window !== undefined,
    };
  },

  /** Some values at every token, piece by piece. @throws InputError for the same reasons as `inspectText` */
  async *read(handle: ModelHandle, ids: Int32Array, keys: readonly string[]): Job<ReadingPiece, undefined> {
    const lm = modelOf(handle);
    let piece = emptyPiece(keys.length);
    let begunMs = performance.now();
    for await (const step of inspectText(lm, ids, "the model", { values: keys, likeliest })) {
      keys.forEach((key, k) => piece.values[k]?.push(step.values[key] as Float32Array));
      piece.bits.push((step.loss ?? Number.NaN) / Math.LN2);
      piece.next.push(...step.next.map(({ token }) => token));
      piece.probabilities.push(...step.next.map(({ probability }) => probability));
      if (performance.now() - begunMs < pieceMs) continue;
      yield packed(piece);
      piece = emptyPiece(keys.length);
      begunMs = performance.now();
    }
    if (piece.bits.length > 0) yield packed(piece);
    return undefined;
  },

  /**
   * The saliency of the last token with respect to the tokens before it. `start` is the state of the model before them,
   * by name.
   */
  async saliency(
    handle: ModelHandle,
    ids: Int32Array,
    start?: Readonly<Record<string, Float32Array>>,
  ): Promise<Pick<Saliency, "norms" | "products">> {
    const { model, window } = modelOf(handle);
    if (window === undefined) {
      const { norms, products } = await saliency(model, ids, { start });
      return { norms, products };
    }
    // What the prediction was made from: the window, from the beginning.
    const before = ids.length - 1;
    const { norms, products } = await saliency(model, [...tokensBefore(ids, before, window), ids[before] as number]);
    const seen = Math.min(before, window);
    const ofEach = (all: Float32Array): Float32Array => {
      const found = new Float32Array(before);
      found.set(all.subarray(window - seen), before - seen);
      return found;
    };
    return { norms: ofEach(norms), products: ofEach(products) };
  },

  /** The value of a pattern at each token. @throws InputError for an invalid expression */
  async signal(texts: readonly string[], pattern: Pattern): Promise<Float32Array<ArrayBuffer>> {
    return signalOf(texts, pattern);
  },

  /** The correlation of the units of a value (T,size) with a signal (T), and with shifted signals. */
  async correlate(data: Float32Array, size: number, signal: Float32Array): Promise<Correlations> {
    return correlate(data, size, prepare(signal));
  },

  /** How well all units of some values together predict a signal. */
  async probe(values: readonly Units[], signal: Float32Array): Promise<Probe> {
    return probe(values, signal, prepare(signal));
  },

  /**
   * The increase of the loss without each of some units, with reports of progress. @throws InputError for the same
   * reasons as `lossesWithout`
   */
  async *ablate(
    handle: ModelHandle,
    ids: Int32Array,
    signal: Float32Array,
    ablated: readonly Ablated[],
  ): Job<number, readonly Effect[]> {
    const reading = lossesWithout(modelOf(handle).model, ids, ablated);
    let toldMs = performance.now();
    try {
      for (;;) {
        const { done, value } = await reading.next();
        if (done) return effectsOf(value, signal);
        if (performance.now() - toldMs < pieceMs) continue;
        yield value;
        toldMs = performance.now();
      }
    } finally {
      await reading.return([]);
    }
  },
};

/** The text that each token adds, including characters that the model does not know. */
function textsOf(tokenizer: Tokenizer, ids: Int32Array, text: string): readonly string[] {
  let rest: Uint8Array | undefined;
  let at = 0;
  return Array.from(ids, (id) => {
    const decoded = decodeNext(tokenizer, id, rest);
    rest = decoded.rest;
    const unknown = hasUnknown(tokenizer) && id === 0;
    const own = unknown ? String.fromCodePoint(text.codePointAt(at) as number) : decoded.text;
    at += own.length;
    return own;
  });
}

const textOfEach = (tokenizer: Tokenizer): readonly string[] =>
  Array.from({ length: vocabularySize(tokenizer) }, (_, id) => tokenName(tokenizer, id));

const emptyPiece = (values: number) => ({
  values: Array.from({ length: values }, (): Float32Array[] => []),
  ...{ bits: [] as number[], next: [] as number[], probabilities: [] as number[] },
});

const packed = (piece: ReturnType<typeof emptyPiece>): ReadingPiece => ({
  values: piece.values.map((steps) => {
    const size = steps[0]?.length ?? 0;
    const all = new Float32Array(steps.length * size);
    steps.forEach((step, k) => all.set(step, k * size));
    return all;
  }),
  bits: Float32Array.from(piece.bits),
  next: Int32Array.from(piece.next),
  probabilities: Float32Array.from(piece.probabilities),
});
