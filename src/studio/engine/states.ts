/** What the views ask about many states of a language model at once: axes, spans that are alike, the embedding's rows. */
import { type PrincipalComponents, principalComponents } from "../../tasks/principal-components.ts";
import {
  type MatchesByChance,
  matchesByChance,
  type SimilarSpan,
  type StateSpan,
  similarSpans,
} from "../../tasks/similar-spans.ts";
import { tokenName, vocabularySize } from "../../text/tokenizer.ts";
import { type ModelHandle, modelOf } from "./open-models.ts";
import type { Job } from "./remote.ts";

/** The rows (V,size) of a model's embedding, with the name of each one's token. */
export type EmbeddingRows = {
  readonly data: Float32Array;
  readonly size: number;
  readonly names: readonly string[];
};

/** The interval of reports: what is cancelled ends at one. */
const reportMs = 40;

export const states = {
  /** The principal components of rows (T,size), with reports of progress, 0 to 1. @throws InputError as `principalComponents` */
  principalComponents(data: Float32Array, size: number, wanted: number): Job<number, PrincipalComponents> {
    return reported(principalComponents(data, size, wanted));
  },

  /** The spans of a text that match one, with reports of progress, 0 to 1. */
  similarSpans(span: StateSpan, units: readonly number[]): Job<number, readonly SimilarSpan[]> {
    return reported(similarSpans(span, units));
  },

  /** How many spans match as well in the text and in shifted copies of it, with reports of progress, 0 to 1. */
  matchesByChance(
    span: StateSpan,
    units: readonly number[],
    matches: readonly number[],
  ): Job<number, readonly MatchesByChance[]> {
    return reported(matchesByChance(span, units, matches));
  },

  /** Undefined for a model that reads its tokens without an embedding. @throws ModelClosed */
  async embeddingRows(handle: ModelHandle): Promise<EmbeddingRows | undefined> {
    const { model, tokenizer } = modelOf(handle);
    const layer = model.layers.find(({ kind }) => kind === "embedding");
    if (layer?.kind !== "embedding") return undefined;
    const { name, inputDim, outputDim: size } = layer;
    // A table of another program's can have rows of no token.
    const count = Math.min(inputDim, vocabularySize(tokenizer));
    const names = Array.from({ length: count }, (_, token) => tokenName(tokenizer, token));
    return { data: (model.values[`${name}.weight`] as Float32Array).slice(0, count * size), size, names };
  },
};

/** A computation as a job, which waits at each report until the next one is wanted. */
async function* reported<Result>(work: Generator<number, Result, undefined>): Job<number, Result> {
  let toldMs = performance.now();
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
    if (performance.now() - toldMs < reportMs) continue;
    yield value;
    toldMs = performance.now();
  }
}
