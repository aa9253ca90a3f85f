import { describe, expect, test } from "vitest";
import { InputError } from "../../src/graph/input-error.ts";
import { bidirectional, dense, embedding, gru, lstm } from "../../src/nn/layers.ts";
import { type Model, sequential } from "../../src/nn/model.ts";
import { createRandom } from "../../src/nn/random.ts";
import { saliency } from "../../src/nn/saliency.ts";
import { createSession } from "../../src/nn/session.ts";
import { redraw, reference } from "../helpers/models.ts";

const random = createRandom(8);
const shaken = (model: Model): Model => redraw(model, random, 0.7);
const [count, size] = [9, 4];
const stack = shaken(
  sequential([
    embedding(count, size),
    lstm(5, { returnSequences: true }),
    gru(6, { returnSequences: true }),
    dense(count),
  ]),
);
const lastOnly = shaken(sequential([embedding(count, size), lstm(5), dense(count)]));
const learned = shaken(
  sequential([embedding(count, size), gru(5, { returnSequences: true, initialState: "learned" }), dense(count)]),
);

/** Log-probability of the last token by the reference, in f64, with other embeddings. */
function lastOf(model: Model, tokens: readonly number[], embeddings?: Float64Array): number {
  const parameters = { ...model.values, ...(embeddings && { "embedding.weight": embeddings }) };
  return reference(model, Int32Array.from(tokens.slice(0, -1)), parameters).at(-1)?.[tokens.at(-1) as number] as number;
}

/** Central differences by the rows of the embedding (count,size). */
function differences(model: Model, tokens: readonly number[]): Float64Array {
  const weights = Float64Array.from(model.values["embedding.weight"] as Float32Array);
  return weights.map((weight, k) => {
    const [above, below] = [1e-5, -1e-5].map((by) => lastOf(model, tokens, weights.with(k, weight + by)));
    return ((above as number) - (below as number)) / 2e-5;
  });
}

describe("saliency", () => {
  test.each([
    ["two layers", stack],
    ["the last output alone", lastOnly],
    ["a learned state to start from", learned],
  ] as const)("%s: gradients are central differences in f64, lengths and products theirs", async (_, model) => {
    // Each token once, so that a row of the embedding is one place.
    const tokens = [4, 0, 7, 2, 8, 5, 1];
    const wanted = differences(model, tokens);
    const got = await saliency(model, tokens);
    expect(got.logProbability).toBeCloseTo(lastOf(model, tokens), 5);
    expect(got.gradients).toHaveLength(tokens.length - 1);
    const weights = model.values["embedding.weight"] as Float32Array;
    got.gradients.forEach((gradient, t) => {
      const row = (tokens[t] as number) * size;
      const own = [...wanted.slice(row, row + size)];
      expect(gradient).toHaveLength(size);
      gradient.forEach((d, j) => {
        expect(d, `${t} ${j}`).toBeCloseTo(own[j] as number, 5);
      });
      expect(got.norms[t]).toBeCloseTo(Math.hypot(...own), 5);
      expect(got.products[t]).toBeCloseTo(
        own.reduce((sum, d, j) => sum + d * (weights[row + j] as number), 0),
        5,
      );
    });
    expect(Math.max(...got.norms)).toBeGreaterThan(0.01);
  });

  test("where a token comes again, its places together are the differences by its row", async () => {
    const tokens = [3, 1, 3, 3, 6, 2];
    const wanted = differences(stack, tokens);
    const { gradients } = await saliency(stack, tokens);
    for (let j = 0; j < size; j++) {
      const sum = [0, 2, 3].reduce((total, t) => total + (gradients[t]?.[j] as number), 0);
      expect(sum).toBeCloseTo(wanted[3 * size + j] as number, 5);
    }
  });

  test("the end of a sequence from the state before it: the same as of the whole", async () => {
    const tokens = Array.from({ length: 30 }, () => random.integer(count));
    const session = await createSession(stack);
    for (const token of tokens.slice(0, 20)) session.next(token);
    const whole = await saliency(stack, tokens);
    const end = await saliency(stack, tokens.slice(20), { start: session.state() });
    expect(end.logProbability).toBeCloseTo(whole.logProbability, 6);
    expect(end.norms).toHaveLength(9);
    end.norms.forEach((norm, t) => {
      expect(norm).toBeCloseTo(whole.norms[20 + t] as number, 6);
    });
  });

  test("a mistake is one line", async () => {
    const message = async (model: Model, tokens: number[], start?: Record<string, number[]>): Promise<string> => {
      const error = await saliency(model, tokens, { start }).then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(error).toBeInstanceOf(InputError);
      return (error as Error).message;
    };
    expect(await message(stack, [1])).toBe("saliency: needs a token and at least one before it, got 1");
    expect(await message(stack, [1, 9])).toBe("saliency: token 9 at 1 is out of range: expected 0 to 8");
    expect(await message(stack, [1, 2], { "lstm.c": [1] })).toMatch(/^session: state lstm\.c needs 5 numbers, got 1/);
    expect(await message(sequential([lstm(3)], { input: 2 }), [1, 2])).toMatch(
      /reads tokens and gives one logit per token/,
    );
    const both = sequential([embedding(count, size), bidirectional(gru(3, { returnSequences: true })), dense(count)]);
    expect(await message(both, [1, 2])).toMatch(
      /^saliency: runs one step at a time, but bidirectional starts at the last step/,
    );
  });
});
