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
import { createDecoder, type Decoder } from "../../train/decoder.ts";
import { endOf, sourceTokens } from "./examples.ts";
import { inGroups, padded, stepsFor } from "./groups.ts";
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

const attentionKey = `${decoderLayer}.attention`;
/** Whether a translator's decoder looks at the steps of the source. */
export const looks = ({ model }: Translator): boolean =>
  model.layers.some((one) => one.name === decoderLayer && one.kind === "cell" && one.cell.names.includes("attention"));

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
  const { attention = false } = options;
  const sources = texts.map((text) => sourceTokens(of, text));
  const empty = sources.findIndex((ids) => ids.length === 0);
  if (empty >= 0) throw new InputError(`translate: texts[${empty}] is empty: there is nothing to translate.`);
  if (attention && !looks(of)) throw new InputError("translate: attention: this translator has none.");
  const how = howOf(of, options, { values: attention ? [attentionKey] : [], likeliest: 0 });
  const found = new Map<number, Translation>();
  const wanted = { ...hostOf(options), answers: how.beams, values: how.values };
  await inGroups(of, sources, wanted, async ({ decoder, members }) => {
    const said = await resultOf(search(of, decoder, members.length, how));
    members.forEach((k, q) => {
      const ids = sources[k] as number[];
      const { values, source, target, ...told } = translationOf(of, ids, said[q] as Hypothesis, how.values);
      const shares = values[attentionKey]?.map((row) => Array.from(row).slice(0, source.length)) ?? [];
      const { text, logProbability, ended } = told;
      found.set(k, { text, logProbability, ended, ...(attention && { attention: { source, target, shares } }) });
    });
  });
  return texts.map((_, k) => found.get(k) as Translation);
}

/** What is kept after a token, the likeliest first: translations that go on, and those that have ended. */
export type TranslationStep = readonly Pick<Translation, "text" | "logProbability" | "ended">[];
/** A translation with what was seen before each of its tokens, its end included. */
export type SeenTranslation = Pick<Translation, "text" | "logProbability" | "ended"> & {
  /** The tokens of both sides. */
  readonly source: readonly string[];
  readonly target: readonly string[];
  /** Of each token of the target after those before it. */
  readonly probabilities: readonly number[];
  /** The likeliest tokens in the place of each. */
  readonly next: readonly Seen["next"][];
  /** For each value that was asked for, its numbers before each token. Values over the steps of the source have more numbers than that has tokens. */
  readonly values: Readonly<Record<string, readonly Float32Array[]>>;
};
/** Options of `translateSteps`, and those of `translate`. */
export type TranslateStepsOptions = Omit<TranslateOptions, "attention"> & {
  /** Values of the decoder, of `createDecoder`. */
  readonly values: readonly string[];
  /** How many of the likeliest tokens are told for each place, from 1 on. */
  readonly likeliest: number;
};

/**
 * Translate one text as `translate` does, and yield what is kept after each token.
 * @returns the translation, with what was seen on its way
 * @throws InputError for an empty text
 */
export async function* translateSteps(
  of: Translator,
  text: string,
  options: TranslateStepsOptions,
): AsyncGenerator<TranslationStep, SeenTranslation, undefined> {
  const ids = sourceTokens(of, text);
  if (ids.length === 0) throw new InputError("The text is empty: there is nothing to translate.");
  const { values, likeliest } = options;
  const how = howOf(of, options, { values, likeliest });
  const steps = stepsFor(ids);
  const decoder = await createDecoder(of.model, { batch: how.beams, questions: 1, steps, values, ...hostOf(options) });
  try {
    await decoder.read({ source: padded([ids], steps) });
    const searching = search(of, decoder, 1, how);
    for (;;) {
      const { done, value } = await searching.next();
      if (done) return translationOf(of, ids, value[0] as Hypothesis, values);
      yield (value[0] as Hypothesis[]).map((one) => saidBy(of, one));
    }
  } finally {
    decoder.dispose();
  }
}

type Search = {
  readonly beams: number;
  readonly lengthPenalty: number;
  readonly length: number;
  readonly signal: AbortSignal | undefined;
  readonly values: readonly string[];
  readonly likeliest: number;
};
const howOf = (
  of: Translator,
  { beams = 4, lengthPenalty = 0, length = Math.max(20, 2 * of.longest.target), signal }: TranslateOptions,
  seen: Pick<Search, "values" | "likeliest">,
): Search => ({ beams, lengthPenalty, length, signal, ...seen });
/** What was seen before a token. */
type Seen = {
  readonly probability: number;
  readonly next: readonly { readonly token: number; readonly text: string; readonly probability: number }[];
  /** In the order of their names. */
  readonly values: readonly Float32Array[];
};
/** A translation on its way: its tokens, and what was seen before each. */
type Hypothesis = {
  readonly tokens: readonly number[];
  readonly logProbability: number;
  readonly seen: readonly Seen[];
  /** Its place in the batch. */
  readonly place: number;
};

function saidBy(of: Translator, { tokens, logProbability }: Hypothesis): TranslationStep[number] {
  const ended = tokens.at(-1) === endOf(of);
  return { text: decode(of.target, ended ? tokens.slice(0, -1) : tokens), logProbability, ended };
}
const translationOf = (
  of: Translator,
  ids: readonly number[],
  best: Hypothesis,
  names: readonly string[],
): SeenTranslation => ({
  ...saidBy(of, best),
  source: ids.map((id) => tokenName(of.source, id - padding)),
  target: best.tokens.map((id) => tokenName(of.target, id)),
  probabilities: best.seen.map(({ probability }) => probability),
  next: best.seen.map(({ next }) => next),
  values: Object.fromEntries(names.map((name, k) => [name, best.seen.map(({ values }) => values[k] as Float32Array)])),
});

/**
 * The likeliest translation of each source that was read, all of them at the same time. After each token it yields, for each source, what
 * is kept.
 */
async function* search(
  of: Translator,
  decoder: Decoder,
  sources: number,
  how: Search,
): AsyncGenerator<readonly (readonly Hypothesis[])[], readonly Hypothesis[], undefined> {
  const { beams, lengthPenalty, length, signal } = how;
  const end = endOf(of);
  const score = ({ logProbability, tokens }: Hypothesis): number =>
    logProbability / ((5 + tokens.length) / 6) ** lengthPenalty;
  const byScore = (a: Hypothesis, b: Hypothesis): number => score(b) - score(a);
  const ranking = createRanking(of.model.outputSize);
  const batch = sources * beams;
  const all = Array.from({ length: sources }, (_, q) => q);
  let running = all.map((q): Hypothesis[] => [{ tokens: [], logProbability: 0, seen: [], place: q * beams }]);
  const ended = all.map((): Hypothesis[] => []);
  const inputs = new Int32Array(batch).fill(end + padding);
  decoder.begin(Array.from({ length: batch }, (_, b) => Math.floor(b / beams)));
  let outputs: Float32Array<ArrayBuffer> | undefined;
  for (let t = 0; t < length && running.some((some) => some.length > 0); t++) {
    outputs = decoder.next({ target: inputs }, outputs);
    const step = { outputs, values: how.values.map((name) => decoder.value(name)), batch };
    const from = Int32Array.from({ length: batch }, (_, b) => b);
    running = running.map((some, q) => {
      const candidates = some.flatMap((one) => longer(of, one, step, how, ranking));
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
    yield all.map((q) => [...(ended[q] as Hypothesis[]), ...(running[q] as Hypothesis[])].sort(byScore));
    if (t % 16 === 15) await yieldNow();
    if (signal?.aborted) break;
  }
  return all.map((q) => {
    const found = (ended[q] as Hypothesis[]).length > 0 ? ended[q] : running[q];
    return (found as Hypothesis[]).reduce((one, other) => (score(other) > score(one) ? other : one));
  });
}

/** What a generator returns, whatever it yields. */
async function resultOf<Result>(steps: AsyncGenerator<unknown, Result, undefined>): Promise<Result> {
  for (;;) {
    const { done, value } = await steps.next();
    if (done) return value as Result;
  }
}

/** A step of all hypotheses: outputs (B,V), and the values that are seen (B,n). */
type Step = { readonly outputs: Float32Array; readonly values: readonly Float32Array[]; readonly batch: number };

/** A hypothesis with each of the likeliest next tokens. */
function longer(
  { model, target }: Translator,
  { tokens, logProbability, seen, place }: Hypothesis,
  { outputs, values, batch }: Step,
  { beams, likeliest }: Search,
  ranking: Ranking,
): Hypothesis[] {
  const size = model.outputSize;
  const all = logSoftmax(outputs.subarray(place * size, (place + 1) * size));
  const own = values.map((rows) => {
    const width = rows.length / batch;
    return rows.slice(place * width, (place + 1) * width);
  });
  ranking.begin(all);
  const watched = values.length > 0 || likeliest > 0;
  const probabilityOf = (token: number): number => Math.exp(all[token] as number);
  const next = Array.from({ length: Math.min(likeliest, size) }, (_, k) => {
    const token = ranking.at(k);
    return { token, text: tokenName(target, token), probability: probabilityOf(token) };
  });
  return Array.from({ length: Math.min(beams, size) }, (_, k) => {
    const token = ranking.at(k);
    return {
      tokens: [...tokens, token],
      logProbability: logProbability + (all[token] as number),
      seen: watched ? [...seen, { probability: probabilityOf(token), next, values: own }] : seen,
      place,
    };
  });
}
