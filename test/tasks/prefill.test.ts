import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cells } from "../../src/cells/index.ts";
import { dense, embedding, recurrent } from "../../src/nn/layers.ts";
import { type Model, sequential } from "../../src/nn/model.ts";
import { createRandom } from "../../src/nn/random.ts";
import { createGenerationEngine, createSequence, type SequenceOptions } from "../../src/tasks/generation-engine.ts";
import { languageModel } from "../../src/tasks/language-model.ts";
import { createPrefill } from "../../src/tasks/prefill.ts";
import { createSlots } from "../../src/tasks/slots.ts";

type Piece = { readonly text: string; readonly token: number; readonly logits: Float32Array };

/** What is remembered after some tokens: read one by one, and at once. */
async function both(model: Model, threads: number): Promise<[Float32Array, Float32Array]> {
  const random = createRandom(5);
  const [slots, prefill] = [await createSlots({ model }, 1, { threads }), await createPrefill(model, { threads })];
  const tokens = Int32Array.from({ length: 2 * prefill.steps }, () => random.integer(11));
  let state = slots.state(0);
  for (let from = 0; from < tokens.length; from += prefill.steps) {
    state = prefill.read(state, tokens.subarray(from, from + prefill.steps));
  }
  for (const token of tokens) {
    slots.tokens[0] = token;
    slots.step();
  }
  const one = slots.state(0);
  for (const owner of [slots, prefill]) owner.dispose();
  return [state, one];
}

describe("many tokens at once leave what one after the other leaves, to the bit", () => {
  const recurrentCells = Object.entries(cells).filter(
    ([, { states, inputs }]) => states.length > 0 && inputs.length === 1,
  );
  test.each(recurrentCells)("%s, two layers", async (_, cell) => {
    const layers = [0, 1].map(() => recurrent(cell, { units: 6, returnSequences: true }));
    const [atOnce, oneByOne] = await both(sequential([embedding(11, 6), ...layers, dense(11)], { seed: 2 }), 1);
    expect(atOnce).toEqual(oneByOne);
  });
  test.each([1, 2, 3])("an LSTM of 96 units with a learned start, %i threads", async (threads) => {
    const lstm = recurrent(cells.lstm as never, { units: 96, returnSequences: true, initialState: "learned" });
    const [atOnce, oneByOne] = await both(sequential([embedding(11, 16), lstm, dense(11)], { seed: 3 }), threads);
    expect(atOnce).toEqual(oneByOne);
  });
});

test("so many tokens are read at once as take a few milliseconds: fewer of a large model, never more than 128", async () => {
  const steps = async (units: number): Promise<number> => {
    const model = sequential([
      embedding(11, 8),
      recurrent(cells.lstm as never, { units, returnSequences: true }),
      dense(11),
    ]);
    const prefill = await createPrefill(model, { threads: 1 });
    prefill.dispose();
    return prefill.steps;
  };
  expect([await steps(4), await steps(300), await steps(700)]).toEqual([128, 64, 16]);
});

describe("a text at a generation engine", () => {
  const lm = languageModel("the whale and the sea, the sea and the whale; a ship.\n", {
    units: 10,
    layers: 2,
    seed: 4,
  });
  /** All that comes out of some texts, which come to the generation engine one after the other. */
  async function write(longPrompts: boolean, all: readonly Partial<SequenceOptions<Piece>>[]) {
    const engine = await createGenerationEngine<Piece>(lm, [1, 2, 5], { threads: 1 }, longPrompts);
    const texts = all.map((options, k) =>
      createSequence<Piece>(lm, {
        ...{ prompt: "", length: 12, seed: k },
        describe: (text, token, logits) => ({ text, token, logits: logits.slice() }),
        ...options,
      }),
    );
    const found = texts.map(() => ({
      pieces: [] as Piece[],
      ended: "",
      kept: undefined as unknown,
      state: undefined as unknown,
    }));
    let [steps, waiting] = [0, texts.slice()];
    while (waiting.length > 0 || engine.count > 0) {
      const [next, ...others] = waiting;
      if (next !== undefined && steps % 3 === 0) {
        engine.admit(next);
        waiting = others;
      }
      for (const { text, pieces, ended } of engine.step()) {
        const own = found[texts.indexOf(text)] as (typeof found)[number];
        own.pieces.push(...pieces);
        if (ended !== undefined) Object.assign(own, { ended: String(ended), kept: text.kept, state: text.state });
      }
      steps++;
    }
    engine.dispose();
    return { found, steps };
  }

  test("writes the same, to the bit, whether its prompt is read many tokens at once or one by one", async () => {
    const prompt = fc.string({ unit: fc.constantFrom(..."the whalsndip,. "), minLength: 100, maxLength: 700 });
    const options = fc.record({
      prompt,
      length: fc.constantFrom(0, 1, 7),
      kind: fc.constantFrom("plain", "told of its prompt", "ids", "taken back"),
      keepAfter: fc.nat(300),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(options, { minLength: 1, maxLength: 3 }), async (drawn) => {
        const all = drawn.map(({ prompt, length, kind, keepAfter }): Partial<SequenceOptions<Piece>> => {
          if (kind === "told of its prompt") {
            return { prompt, length, onPromptToken: (token, logits) => ({ text: "", token, logits: logits.slice() }) };
          }
          if (kind === "ids") return { prompt: Int32Array.from(prompt, () => keepAfter % 9), length };
          if (kind === "plain") return { prompt, length };
          return {
            ...{ prompt, length, stop: ["e", "a"] },
            retake: { keepAfter, readAgain: (_, kept) => ({ tokens: Int32Array.of(1, 2, 3), state: kept }) },
          };
        });
        const [many, one] = [await write(true, all), await write(false, all)];
        expect(many.found).toEqual(one.found);
      }),
      { seed: 6, numRuns: 60, verbose: true },
    );
  });

  test("with a prompt of 700 characters ends after fewer than 150 steps, and after more than 300 where another comes to read beside it", async () => {
    const prompt = "the whale and the sea ".repeat(32);
    const alone = await write(true, [{ prompt, length: 3 }]);
    expect(alone.steps).toBeLessThan(150);
    const beside = await write(true, [
      { prompt, length: 3 },
      { prompt, length: 3 },
    ]);
    expect(beside.steps).toBeGreaterThan(300);
  });
});
