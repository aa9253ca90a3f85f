/** What a model's named values are while it reads a text, token by token, as plain data. */
import { InputError } from "../graph/input-error.ts";
import { type InspectedStep, inspectModel, type NamedValue, namedValues } from "../nn/inspection.ts";
import type { Model } from "../nn/model.ts";
import { decodeNext, type Tokenizer } from "../text/tokenizer.ts";
import type { LanguageModel } from "./language-model.ts";

/** A value with the name that it is shown by. */
export type Shown = NamedValue & { readonly label: string };

/** A token that was read: a line of `unrolled inspect --json`. */
export type InspectedToken = {
  readonly token: string;
  /** By the name that a value is shown by, its numbers in this step. */
  readonly values: Readonly<Record<string, readonly number[]>>;
  /** Nats of this token, predicted from those before it; null for the first. */
  readonly loss: number | null;
  /** The likeliest next tokens. */
  readonly next: readonly { readonly token: string; readonly probability: number }[];
};

/** How many of the likeliest next tokens are said. */
const likeliest = 5;

/**
 * What was asked for; else all values of the layers that remember something, or of all layers where none does.
 * @throws InputError for a value that the model does not have; it begins with `where`
 */
export function shownValues(model: Model, asked: readonly string[], where: string): readonly Shown[] {
  const all = namedValues(model);
  if (all.length === 0) throw new InputError("the model has no layer with named values to show.");
  const recurrent = all.filter((value) => value.recurrent);
  const layers = new Set(recurrent.map(({ layer }) => layer));
  // The layer's name says nothing where it is the only one.
  const labelled = all.map((value) => {
    return { ...value, label: layers.size === 1 && layers.has(value.layer) ? value.name : value.key };
  });
  if (asked.length === 0) return labelled.filter((value) => value.recurrent || recurrent.length === 0);
  const found = asked.map((name) => {
    const value = labelled.find(({ key, label }) => name === key || name === label);
    if (value !== undefined) return value;
    const there = labelled.map(({ label }) => label).join(", ");
    throw new InputError(`${where}: the model has no value "${name}". It has ${there}.`);
  });
  return [...new Set(found)];
}

/**
 * Each token's text with what happened while it was read.
 * @throws InputError where the model's values are no numbers any more; it begins with `where`
 */
export async function* inspectText(
  { model, tokenizer }: LanguageModel,
  ids: Int32Array,
  shown: readonly Shown[],
  where: string,
): AsyncGenerator<{ readonly token: string; readonly step: InspectedStep }, void> {
  let at = 0;
  let before: Uint8Array | undefined;
  for await (const step of inspectModel(model, ids, { values: shown.map(({ key }) => key) })) {
    if (!step.output.every(Number.isFinite)) {
      throw new InputError(`${where}: the model's values are not finite numbers. Train anew at a lower rate.`);
    }
    const { text, rest } = decodeNext(tokenizer, ids[at++] as number, before);
    before = rest;
    yield { token: text, step };
  }
}

/** What is said of a token. */
export function inspectedToken(
  tokenizer: Tokenizer,
  shown: readonly Shown[],
  token: string,
  { values, loss, probabilities }: InspectedStep,
): InspectedToken {
  const named = shown.map(({ key, label }) => [label, Array.from(values[key] as Float32Array, decimal)]);
  return { token, values: Object.fromEntries(named), loss: loss ?? null, next: nextTokens(tokenizer, probabilities) };
}

/** Nine digits tell all 32-bit floats apart. */
const decimal = (value: number): number => Number(value.toPrecision(9));

/** The likeliest next tokens, as far as they are text of their own. */
export function nextTokens(tokenizer: Tokenizer, probabilities: Float32Array = new Float32Array()) {
  const best: number[] = [];
  probabilities.forEach((probability, id) => {
    const before = best.findIndex((other) => probability > (probabilities[other] as number));
    if (before >= 0) best.splice(before, 0, id);
    else if (best.length < likeliest) best.push(id);
    if (best.length > likeliest) best.pop();
  });
  return best.map((id) => {
    return { token: decodeNext(tokenizer, id).text, probability: decimal(probabilities[id] as number) };
  });
}
