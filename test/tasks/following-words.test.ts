/** A model with one unit that is on inside quotes, found by what the Inspect view and the recipe do; and what is said of it. */
import { describe, expect, test } from "vitest";
import { cell } from "../../src/graph/cell.ts";
import { inspectModel } from "../../src/nn/inspection.ts";
import { dense, embedding, recurrent } from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";
import { createRandom } from "../../src/nn/random.ts";
import { effectsOf, lossesWithout, otherUnits } from "../../src/tasks/ablation.ts";
import { correlate, type Following, followingOf, prepare } from "../../src/tasks/following.ts";
import { lossWords, verdictWords } from "../../src/tasks/following-words.ts";
import { signalOf } from "../../src/tasks/patterns.ts";

test("a planted unit of a model: it is found, follows, and without it the model loses most where the pattern is on", async () => {
  // Inside quotes there are the letters a to e, outside f to j.
  const characters = [...'"abcdefghij'];
  const random = createRandom(7);
  let inside = false;
  const text = Array.from({ length: 6000 }, () => {
    if (random.uniform() < 0.03) {
      inside = !inside;
      return '"';
    }
    return characters[(inside ? 1 : 6) + random.integer(5)] as string;
  });
  // Each unit turns over at one character; unit 3 at the quote, the others at letters.
  const [count, units, planted] = [characters.length, 8, 3];
  const turning = cell("s = S @ x\nq' = q + s - 2 * q * s");
  const model = sequential([
    embedding(count, count),
    recurrent(turning, { units, returnSequences: true, name: "it" }),
    dense(count),
  ]);
  for (const { name, shape } of model.parameters) {
    const own = (model.values[name] as Float32Array).fill(0);
    const set = (row: number, column: number, x: number) => (own[row * (shape[1] ?? 1) + column] = x);
    if (/^embedding/.test(name)) for (let k = 0; k < count; k++) set(k, k, 1);
    else if (/S$/.test(name)) for (let j = 0; j < units; j++) set(j, j === planted ? 0 : 1 + j, 1);
    else if (shape.length === 2) for (let k = 1; k < count; k++) set(k, planted, k <= 5 ? 6 : -6);
    else for (let k = 1; k < count; k++) own[k] = k <= 5 ? -3 : 3;
  }
  const ids = Int32Array.from(text, (character) => characters.indexOf(character));
  const data = new Float32Array(ids.length * units);
  let t = 0;
  for await (const { values } of inspectModel(model, ids)) data.set(values["it.q"] as Float32Array, units * t++);
  const signal = signalOf(text, { kind: "quotes" });
  const prepared = prepare(signal);
  const following = followingOf([correlate(data, units, prepared)], prepared);
  expect(following).toMatchObject({ verdict: "follows" });
  expect(following.best[0]).toMatchObject({ unit: planted, first: expect.closeTo(1, 5), second: expect.closeTo(1, 5) });

  const half = ids.length / 2;
  const compared = [planted, ...otherUnits(units, planted, 5)];
  const reading = lossesWithout(
    model,
    ids.slice(half),
    compared.map((unit) => ({ key: "it.q", unit })),
  );
  let [step, last] = [await reading.next(), 0];
  for (; !step.done; step = await reading.next()) {
    expect(step.value).toBeGreaterThan(last);
    last = step.value;
  }
  expect(last).toBe(1);
  const [own, ...others] = effectsOf(step.value, signal.subarray(half));
  // The letters of the other side are said to be e^6 times as likely.
  expect(own?.on).toBeGreaterThan(5);
  expect(Math.abs(own?.off as number)).toBeLessThan(0.1);
  for (const other of others) expect(other).toEqual({ all: 0, on: 0, off: 0 });
  expect(lossWords(own as never, others, "q[3]")).toMatch(/^The model uses it: .* q\[3\] than without any of 5 other/);
});

describe("effectsOf", () => {
  test("bits more than with the unit, by what the signal was at the token before", () => {
    const whole = Float32Array.of(Number.NaN, 1, 1, 1, 1);
    const without = Float32Array.of(Number.NaN, 1, 1 + Math.LN2, 1, 1 + 3 * Math.LN2);
    const [effect] = effectsOf([whole, without], Float32Array.of(0, 1, 0, 1, 1));
    expect(effect?.all).toBeCloseTo(1, 6);
    expect(effect?.on).toBeCloseTo(2, 6);
    expect(effect?.off).toBeCloseTo(0, 6);
  });
  test("a signal that is never on, and one token, give numbers", () => {
    expect(effectsOf([new Float32Array(3), new Float32Array(3)], new Float32Array(3))).toEqual([
      { all: 0, on: 0, off: 0 },
    ]);
    expect(effectsOf([new Float32Array(1), new Float32Array(1)], new Float32Array(1))).toEqual([
      { all: 0, on: 0, off: 0 },
    ]);
  });
});

test("other units: as many as asked for or as there are, none twice, never the unit itself", () => {
  expect(otherUnits(4, 2, 10).slice().sort()).toEqual([0, 1, 3]);
  expect(new Set(otherUnits(128, 5, 14)).size).toBe(14);
  expect(otherUnits(1, 0, 3)).toEqual([]);
});

describe("words", () => {
  const following = { beginnings: [12, 10] } as unknown as Following;
  test.each([
    ["follows", /^c\[1\] follows this\.$/],
    ["weakly", /^No unit follows this closely\. c\[1\] goes along with it a little/],
    ["none", /^No unit follows this: /],
  ] as const)("%s", (verdict, words) => expect(verdictWords({ ...following, verdict }, "c[1]")).toMatch(words));
  test("too few", () => {
    const few = { beginnings: [1, 0], verdict: "too few" } as unknown as Following;
    expect(verdictWords(few, "c[1]")).toMatch(
      /^Too few to say: the pattern begins once in the first half of the text and never in the second\. Each half needs 10/,
    );
  });
  test("a loss is told beside those of others", () => {
    const own = { all: 0.1, on: 0.3, off: 0.05 };
    const less = { all: 0.1, on: 0.1, off: 0.1 };
    expect(lossWords(own, [less, own, { ...less, on: 0.5 }], "c[1]")).toMatch(
      /as much or more without 2 of 3 other units/,
    );
    expect(lossWords({ ...own, off: 0.4 }, [less], "c[1]")).toMatch(/elsewhere more than where the pattern is on/);
  });
});
