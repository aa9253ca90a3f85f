/**
 * Inspect a language model while it reads a text: every named value at each token, the token's loss, and the likeliest next
 * tokens. Knows nothing about how this is shown.
 */

import { InputError } from "../graph/input-error.ts";
import { brokenModel } from "../nn/finite-values.ts";
import { type InspectedStep, inspectSteps, type NamedValue, namedValues } from "../nn/inspection.ts";
import type { Model } from "../nn/model.ts";
import { createRanking } from "../text/sampling.ts";
import { decodeNext, type Tokenizer, tokenName } from "../text/tokenizer.ts";
import type { LanguageModel } from "./language-model/file.ts";
import { tokensBefore } from "./window-slots.ts";

/** A value with the name that it is shown by, which omits the layer if only one layer is recurrent. */
export type LabelledValue = NamedValue & { readonly label: string };

/**
 * List all values of a model that can be shown.
 * @throws InputError if it has none
 */
export function labelledValues(model: Model): readonly LabelledValue[] {
  const all = namedValues(model);
  if (all.length === 0) throw new InputError("the model has no layer with named values to show.");
  const layers = new Set(all.filter(({ recurrent }) => recurrent).map(({ layer }) => layer));
  return all.map((value) => {
    return { ...value, label: layers.size === 1 && layers.has(value.layer) ? value.name : value.key };
  });
}

/**
 * List the values to show: those asked for by key or label; by default those of the recurrent layers, or of all layers if none
 * is recurrent.
 * @throws InputError for a value that the model does not have; `where` begins the message
 */
export function shownValues(model: Model, asked: readonly string[], where: string): readonly LabelledValue[] {
  const all = labelledValues(model);
  const recurrent = all.filter((value) => value.recurrent);
  if (asked.length === 0) return recurrent.length === 0 ? all : recurrent;
  const found = asked.map((name) => {
    const value = all.find(({ key, label }) => name === key || name === label);
    if (value !== undefined) return value;
    const there = all.map(({ label }) => label).join(", ");
    throw new InputError(`${where}: the model has no value "${name}". It has ${there}.`);
  });
  return [...new Set(found)];
}

/** A token that was read. */
export type ReadToken = InspectedStep & {
  /** The text that it adds. */
  readonly text: string;
  /** The most likely next tokens, the most likely first. */
  readonly next: readonly { readonly token: number; readonly probability: number }[];
};

/** `values`: those to read, by layer and name; `likeliest`: how many of the most likely next tokens, default 5. */
export type InspectTextOptions = { readonly values: readonly string[]; readonly likeliest?: number };

/**
 * Read tokens from the beginning of a text, and yield each with what the model makes of it; a model of windows, from that of each token.
 * @param ids T token ids
 * @param file the name of the model in errors
 * @throws InputError for a model that a session cannot run, and for one whose values are infinite or NaN
 */
export async function* inspectText(
  { model, tokenizer, window }: LanguageModel,
  ids: Int32Array,
  file: string,
  { values, likeliest = 5 }: InspectTextOptions,
): AsyncGenerator<ReadToken, void, undefined> {
  const ranking = createRanking(model.outputSize);
  let at = 0;
  let rest: Uint8Array | undefined;
  const before = window === undefined ? undefined : (place: number) => tokensBefore(ids, place, window - 1);
  for await (const step of inspectSteps(model, ids, { values }, before)) {
    if (!step.output.every(Number.isFinite)) {
      throw brokenModel(`${file}: what the model predicts is not a finite number`);
    }
    const decoded = decodeNext(tokenizer, ids[at++] as number, rest);
    rest = decoded.rest;
    const { probabilities = new Float32Array() } = step;
    if (probabilities.length > 0) ranking.begin(probabilities);
    const next = Array.from({ length: Math.min(likeliest, probabilities.length) }, (_, k) => {
      const token = ranking.at(k);
      return { token, probability: probabilities[token] as number };
    });
    yield { ...step, text: decoded.text, next };
  }
}

/** A token that was read, as plain data: a line of `unrolled inspect --json`. */
export type InspectedToken = {
  readonly token: string;
  /** The numbers of each value in this step, by the name that it is shown by. */
  readonly values: Readonly<Record<string, readonly number[]>>;
  /** The cross-entropy of this token given those before it, in nats; null for the first. */
  readonly loss: number | null;
  /** The most likely next tokens. */
  readonly next: readonly { readonly token: string; readonly probability: number }[];
};

/** A token as plain data. */
export function inspectedToken(
  tokenizer: Tokenizer,
  shown: readonly LabelledValue[],
  { text, values, loss, next }: Pick<ReadToken, "text" | "values" | "loss" | "next">,
): InspectedToken {
  const named = shown.map(({ key, label }) => [label, Array.from(values[key] as Float32Array, decimal)]);
  const likely = nextTokens(tokenizer, next);
  return { token: text, values: Object.fromEntries(named), loss: loss ?? null, next: likely };
}

/** The most likely next tokens by their names; a part of a character is `bytes:\xe2`. */
export const nextTokens = (tokenizer: Tokenizer, next: ReadToken["next"]): InspectedToken["next"] =>
  next.map(({ token, probability }) => {
    return { token: tokenName(tokenizer, token), probability: decimal(probability) };
  });

/** A number with nine digits, which distinguish all 32-bit floats. */
const decimal = (value: number): number => Number(value.toPrecision(9));
