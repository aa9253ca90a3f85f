/** Tokens read in runs give what tokens in memory give, bit for bit. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InputError } from "../../src/graph/input-error.ts";
import { dense, embedding, lstm } from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";
import { createRandom } from "../../src/nn/random.ts";
import { createEvaluator } from "../../src/train/evaluator.ts";
import { fitStream } from "../../src/train/fit-stream.ts";
import { streamBatches } from "../../src/train/stream.ts";
import { runsOf, type TokenSource, tokenRange, tokenSource } from "../../src/train/token-source.ts";

/** A source that is an object of its own class, keeps its tokens to itself, and refuses what is outside. */
class Kept implements TokenSource {
  readonly #tokens: Int32Array;
  reads = 0;
  constructor(tokens: Int32Array) {
    this.#tokens = tokens;
  }
  get length(): number {
    return this.#tokens.length;
  }
  read(from: number, into: Int32Array): void {
    if (from < 0 || from + into.length > this.length) throw new RangeError(`${from} + ${into.length}`);
    for (let k = 0; k < into.length; k++) into[k] = this.#tokens[from + k] as number;
    this.reads++;
  }
}

function tokensOf(length: number, below: number, seed = 1): Int32Array {
  const random = createRandom(seed);
  return Int32Array.from({ length }, () => random.integer(below));
}

test("a range of a range reads its own tokens, and no others", () => {
  const tokens = tokensOf(100, 1000);
  const range = tokenRange(tokenRange(new Kept(tokens), 10, 90), 5, 25);
  expect(range.length).toBe(20);
  const into = new Int32Array(20);
  range.read(0, into);
  expect(into).toEqual(tokens.subarray(15, 35));
  range.read(18, into.subarray(0, 2));
  expect(into.subarray(0, 2)).toEqual(tokens.subarray(33, 35));
});

test("the runs of a source are its tokens in order, none twice", () => {
  for (const length of [0, 1, 2 ** 16 - 1, 2 ** 16, 2 ** 16 + 1, 200_000]) {
    const tokens = tokensOf(length, 1000);
    const found = [...runsOf(new Kept(tokens))].length;
    expect(found).toBe(Math.ceil(length / 2 ** 16));
    let at = 0;
    for (const run of runsOf(new Kept(tokens))) {
      expect(run).toEqual(tokens.subarray(at, at + run.length));
      at += run.length;
    }
    expect(at).toBe(length);
  }
});

test.each([[1, 2, 3], "abc", { length: 3 }, { read: () => {} }, undefined, null, new Float32Array(3)])(
  "%o is neither tokens nor a source of them",
  (value) => {
    expect(() => tokenSource(value as never)).toThrow(InputError);
    expect(() => streamBatches(value as never, { batch: 1, steps: 1 })).toThrow(
      /^streamBatches: tokens must be an Int32Array or a Tok/,
    );
  },
);

describe("streamBatches", () => {
  /** As the definition says it: lane b is the b-th run of the tokens, step t of batch k its token k * steps + t. */
  function batchOf(tokens: Int32Array, { batch, steps }: { batch: number; steps: number }, k: number, offset: number) {
    const lane = Math.floor(tokens.length / batch);
    const at = (t: number, b: number) => tokens[b * lane + offset + k * steps + t] as number;
    const all = (shift: number) =>
      Int32Array.from({ length: steps * batch }, (_, i) => at(Math.floor(i / batch) + shift, i % batch));
    return { inputs: all(0), targets: all(1) };
  }

  test("property: batch k is what the definition says, in any order, from memory and from elsewhere", () => {
    const shape = fc.record({ batch: fc.integer({ min: 1, max: 9 }), steps: fc.integer({ min: 1, max: 20 }) });
    fc.assert(
      fc.property(
        shape,
        fc.nat(3000),
        fc.array(fc.nat(1000), { minLength: 1, maxLength: 20 }),
        (shape, more, order) => {
          const tokens = tokensOf(shape.batch * (shape.steps + 1) + more, 50);
          for (const from of [tokens, new Kept(tokens)]) {
            const batches = streamBatches(from, shape);
            for (const one of order) {
              const k = one % batches.count;
              const offset = k + 1 < batches.count ? one % shape.steps : 0;
              expect(batches.at(k, offset)).toEqual(batchOf(tokens, shape, k, offset));
            }
          }
        },
      ),
    );
  });

  test("long streams come in windows: few reads, and a batch given before stays as it was", () => {
    const [batch, steps] = [3, 7];
    const tokens = tokensOf(1_000_003, 300);
    const source = new Kept(tokens);
    const batches = streamBatches(source, { batch, steps });
    const kept = batches.at(0);
    const before = kept.inputs.slice();
    for (let k = 0; k < batches.count; k++) {
      const { inputs, targets } = batches.at(k);
      if (k % 1000 === 0) expect({ inputs, targets }).toEqual(batchOf(tokens, { batch, steps }, k, 0));
    }
    expect(kept.inputs).toEqual(before);
    expect(source.reads).toBeLessThan(60);
    expect(() => batches.at(batches.count)).toThrow(`streamBatches: batch ${batches.count} is past the end`);
  });
});

describe("training and measuring", () => {
  const make = () => sequential([embedding(11, 4), lstm(6, { returnSequences: true }), dense(11)], { seed: 5 });
  const tokens = tokensOf(2500, 11, 3);

  test("fitStream on a source: the same parameters, losses and state as on an Int32Array, bit for bit", async () => {
    const run = async (from: Int32Array | TokenSource) => {
      const model = make();
      const reported: unknown[] = [];
      const { state, loss, validationLoss } = await fitStream(model, from, {
        ...{ batch: 3, steps: 10, epochs: 2.3, validationSplit: 0.1, seed: 8 },
        onProgress: ({ milestone, validationLoss }) => void (milestone && reported.push(validationLoss)),
      });
      return { values: model.values, state, loss, validationLoss, reported };
    };
    const [memory, source] = [await run(tokens), await run(new Kept(tokens))];
    expect(source).toEqual(memory);
    expect(memory.reported.length).toBeGreaterThan(1);
  });

  test("the loss of a source is that of its tokens, for any number of lanes and any length", async () => {
    const model = make();
    for (const [batch, steps, length] of [
      [1, 7, 2],
      [4, 16, 2500],
      [5, 9, 46],
      [8, 4, 5],
      [3, 10, 31],
    ] as const) {
      const evaluator = await createEvaluator(model, { batch, steps });
      const some = tokens.subarray(0, length);
      expect(await evaluator.loss(new Kept(some))).toBe(await evaluator.loss(some));
    }
  });
});
