/** Small models, what is in them, and what the reference makes of them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { interpret } from "../../src/engines/reference/interpret.ts";
import { dense, embedding, lstm } from "../../src/nn/layers.ts";
import { type Model, sequential } from "../../src/nn/model.ts";
import { modelGraph } from "../../src/nn/model-graph.ts";
import type { Random } from "../../src/nn/random.ts";
import { generate } from "../../src/tasks/generate.ts";
import {
  type LanguageModel,
  type LanguageModelOptions,
  languageModel,
  readLanguageModel,
} from "../../src/tasks/language-model.ts";

/** Tokens (T,B) to logits (T,B,vocabulary). */
export const tinyModel = (seed = 3, vocabulary = 7): Model =>
  sequential([embedding(vocabulary, 4), lstm(5, { returnSequences: true }), dense(vocabulary)], { seed });

/** All values drawn anew, so large that each matters. */
export function redraw(model: Model, random: Random, scale: number): Model {
  for (const values of Object.values(model.values)) values.forEach((_, k) => (values[k] = scale * random.normal()));
  return model;
}

/** A copy of all values, by name. */
export const valuesOf = ({ values }: Model): Record<string, number[]> =>
  Object.fromEntries(Object.entries(values).map(([name, own]) => [name, [...own]]));

/** A language model whose predictions differ clearly from step to step: unlikely tokens can be drawn, and each matters. */
export function lively(text: string | readonly string[], options: LanguageModelOptions = {}): LanguageModel {
  const lm = languageModel(text, { units: 8, embedding: 5, seed: 4, ...options });
  for (const values of Object.values(lm.model.values)) for (let k = 0; k < values.length; k++) values[k]! *= 3;
  return lm;
}

/** The language model of a file. */
export const languageModelIn = (folder: string, name: string): LanguageModel =>
  readLanguageModel(readFileSync(join(folder, name)), name);

/** What a model writes. */
export async function textOf(lm: LanguageModel, options: Parameters<typeof generate>[1]): Promise<string> {
  return (await collect(generate(lm, options))).join("");
}

export async function collect<T>(pieces: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const piece of pieces) list.push(piece);
  return list;
}

/** Log-probabilities of what follows each token, or only the last, through the reference, in f64: a row (V) an output. */
export function reference(
  model: Model,
  tokens: Int32Array,
  parameters: Readonly<Record<string, ArrayLike<number>>> = model.values,
): Float64Array[] {
  const { graph, output } = modelGraph(model, { training: false });
  const logits = interpret(graph, { steps: tokens.length, batch: 1, inputs: { tokens }, parameters }).value(output);
  return Array.from({ length: logits.length / model.outputSize }, (_, t) => {
    const row = logits.slice(t * model.outputSize, (t + 1) * model.outputSize);
    const max = Math.max(...row);
    const log = max + Math.log(row.reduce((sum, z) => sum + Math.exp(z - max), 0));
    return Float64Array.from(row, (z) => z - log);
  });
}

/** As many numbers, each within a distance; NaN is where NaN is. */
export function expectClose(
  got: ArrayLike<number> | undefined,
  wanted: ArrayLike<number>,
  { within = 5e-6, what = "number" } = {},
): void {
  expect(got?.length, what).toBe(wanted.length);
  for (const [k, right] of Array.from(wanted).entries()) {
    const value = got?.[k] as number;
    if (Number.isNaN(right)) expect(value, `${what} ${k}`).toBeNaN();
    else expect(Math.abs(value - right), `${what} ${k}: ${value} and ${right}`).toBeLessThan(within);
  }
}
