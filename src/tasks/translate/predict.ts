/** Translate texts: a source is read once, its translations are said token by token, several at once, by beam search. */
import type { InferenceOptions } from "../../engines/engine.ts";
import { hostOf, inferenceRules } from "../../engines/registry.ts";
import { InputError } from "../../graph/input-error.ts";
import {
  type Arguments,
  alias,
  aSignal,
  checkArguments,
  finiteNumber,
  flag,
  listOf,
  options as optionsOf,
  string,
  wholeNumber,
} from "../../graph/schema.ts";
import { yieldNow } from "../../graph/yielding.ts";
import { createRanking, logSoftmax, type Ranking } from "../../text/sampling.ts";
import { decode, tokenName } from "../../text/tokenizer.ts";
import type { Decoder } from "../../train/decoder.ts";
import { endOf, sourceTokens } from "./examples.ts";
import { inGroups } from "./groups.ts";
import { aTranslator, decoderLayer, padding, type Translator } from "./settings.ts";

/** Options of `translate`; also the host's: `engine`, `threads`, `fma`, `precision`, `quantize`. */
export type TranslateOptions = InferenceOptions & {
  /** Translations that are kept at each token; the likeliest of them is told. Default 4; 1 takes the likeliest token each time. */
  readonly beams?: number;
  /** Ranked by log-probability / ((5 + tokens) / 6) ^ lengthPenalty (Wu et al. 2016). Default 0. */
  readonly lengthPenalty?: number;
  /** The most tokens of a translation. Default: twice the longest target of the training, at least 20. */
  readonly length?: number;
  /** Whether the shares of attention are told. Default false. */
  readonly attention?: boolean;
  /** Ends with what has been said so far. */
  readonly signal?: AbortSignal;
};
export const translateArguments: Arguments = {
  of: aTranslator,
  texts: listOf(string),
  options: optionsOf<TranslateOptions>({
    ...inferenceRules,
    beams: alias(wholeNumber(1, 1000), "numBeams", "beamWidth"),
    lengthPenalty: finiteNumber,
    length: alias(wholeNumber(1), "maxTokens", "maxLength"),
    attention: flag,
    signal: aSignal,
  }),
};

/** A translation. */
export type Translation = {
  readonly text: string;
  /** Of all its tokens and its end together, in nats. */
  readonly logProbability: number;
  /** Whether it came to its end, rather than to the largest length. */
  readonly ended: boolean;
  /** Where the decoder looked: for each token, and the end, the share of each token of the source. */
  readonly attention?: {
    readonly source: readonly string[];
    readonly target: readonly string[];
    readonly shares: readonly (readonly number[])[];
  };
};

/**
 * Translate texts.
 * @param of the translator
 * @param texts sources, none of them empty
 * @param options `beams` (4), `lengthPenalty` (0), `length`, `attention` (false), `signal`
 * @returns a translation for each text, in their order
 * @throws InputError for an empty text and wrong options, and for `attention` of a model without
 * @example const [{ text }] = await translate(reverse, ["hello"]);
 */
export async function translate(
  of: Translator,
  texts: readonly string[],
  options: TranslateOptions = {},
): Promise<Translation[]> {
  checkArguments("translate", { of, texts, options }, translateArguments);
  const {
    beams = 4,
    lengthPenalty = 0,
    length = Math.max(20, 2 * of.longest.target),
    attention = false,
    signal,
  } = options;
  const sources = texts.map((text) => sourceTokens(of, text));
  const empty = sources.findIndex((ids) => ids.length === 0);
  if (empty >= 0) throw new InputError(`translate: texts[${empty}] is empty: there is nothing to translate.`);
  const looks = of.model.layers.some(
    (one) => one.name === decoderLayer && one.kind === "cell" && one.cell.names.includes("attention"),
  );
  if (attention && !looks) throw new InputError("translate: attention: this translator has none.");
  const found = new Map<number, Translation>();
  const values = attention ? [`${decoderLayer}.attention`] : [];
  await inGroups(of, sources, { ...hostOf(options), answers: beams, values }, async ({ decoder, members, steps }) => {
    const ids = members.map((k) => sources[k] as number[]);
    const said = await search(of, decoder, ids, { beams, lengthPenalty, length, attention, steps, signal });
    members.forEach((k, q) => {
      found.set(k, said[q] as Translation);
    });
  });
  return texts.map((_, k) => found.get(k) as Translation);
}

/** A translation on its way: its tokens, and where each was looked for. */
type Hypothesis = {
  readonly tokens: readonly number[];
  readonly logProbability: number;
  readonly shares: readonly (readonly number[])[];
  /** Its place in the batch. */
  readonly place: number;
};
type Search = {
  readonly beams: number;
  readonly lengthPenalty: number;
  readonly length: number;
  readonly attention: boolean;
  readonly steps: number;
  readonly signal: AbortSignal | undefined;
};

/** The likeliest translation of each source, all of them at the same time. */
async function search(
  of: Translator,
  decoder: Decoder,
  sources: readonly number[][],
  how: Search,
): Promise<Translation[]> {
  const { beams, lengthPenalty, length, attention, steps, signal } = how;
  const size = of.model.outputSize;
  const end = endOf(of);
  const score = ({ logProbability, tokens }: Hypothesis): number =>
    logProbability / ((5 + tokens.length) / 6) ** lengthPenalty;
  const ranking = createRanking(size);
  const batch = sources.length * beams;
  let running = sources.map((_, q): Hypothesis[] => [{ tokens: [], logProbability: 0, shares: [], place: q * beams }]);
  const ended = sources.map((): Hypothesis[] => []);
  const inputs = new Int32Array(batch).fill(end + padding);
  decoder.begin(Array.from({ length: batch }, (_, b) => Math.floor(b / beams)));
  let outputs: Float32Array<ArrayBuffer> | undefined;
  for (let t = 0; t < length && running.some((some) => some.length > 0); t++) {
    outputs = decoder.next({ target: inputs }, outputs);
    const looked = attention ? decoder.value(`${decoderLayer}.attention`) : undefined;
    const from = Int32Array.from({ length: batch }, (_, b) => b);
    running = running.map((some, q) => {
      const candidates = some.flatMap((one) =>
        longer(one, outputs as Float32Array, looked, { size, steps, beams, ranking }),
      );
      candidates.sort((a, b) => b.logProbability - a.logProbability);
      const kept: Hypothesis[] = [];
      for (const one of candidates.slice(0, beams)) {
        if (one.tokens.at(-1) === end) ended[q]?.push(one);
        else {
          const place = q * beams + kept.length;
          from[place] = one.place;
          inputs[place] = (one.tokens.at(-1) as number) + padding;
          kept.push({ ...one, place });
        }
      }
      // Nothing that goes on can be better than what has ended, once as many have ended as are kept, or the best has.
      const best = Math.max(...(ended[q] as Hypothesis[]).map(score));
      const over =
        (ended[q] as Hypothesis[]).length >= beams ||
        kept.every((one) => lengthPenalty === 0 && one.logProbability <= best);
      return over ? [] : kept;
    });
    decoder.continueFrom(from);
    if (t % 16 === 15) await yieldNow();
    if (signal?.aborted) break;
  }
  return sources.map((ids, q) => {
    const all = [
      ...(ended[q] as Hypothesis[]),
      ...((ended[q] as Hypothesis[]).length === 0 ? (running[q] as Hypothesis[]) : []),
    ];
    const best = all.reduce((one, other) => (score(other) > score(one) ? other : one));
    const done = best.tokens.at(-1) === end;
    return {
      text: decode(of.target, done ? best.tokens.slice(0, -1) : best.tokens),
      logProbability: best.logProbability,
      ended: done,
      ...(attention && {
        attention: {
          source: ids.map((id) => tokenName(of.source, id - padding)),
          target: best.tokens.map((id) => tokenName(of.target, id)),
          shares: best.shares.map((row) => row.slice(0, ids.length)),
        },
      }),
    };
  });
}

/** A hypothesis with each of the likeliest next tokens. */
function longer(
  { tokens, logProbability, shares, place }: Hypothesis,
  outputs: Float32Array,
  looked: Float32Array | undefined,
  {
    size,
    steps,
    beams,
    ranking,
  }: { readonly size: number; readonly steps: number; readonly beams: number; readonly ranking: Ranking },
): Hypothesis[] {
  const all = logSoftmax(outputs.subarray(place * size, (place + 1) * size));
  const row = looked && [...looked.subarray(place * steps, (place + 1) * steps)];
  ranking.begin(all);
  return Array.from({ length: Math.min(beams, size) }, (_, k) => {
    const token = ranking.at(k);
    return {
      tokens: [...tokens, token],
      logProbability: logProbability + (all[token] as number),
      shares: row === undefined ? shares : [...shares, row],
      place,
    };
  });
}
