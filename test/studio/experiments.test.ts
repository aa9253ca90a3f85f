/** What the chapters of the Learn view train and measure, without a page. */
import { expect, test } from "vitest";
import { experiments, type Point } from "../../src/studio/engine/experiments.ts";
import type { Job } from "../../src/studio/engine/remote.ts";

async function toItsEnd<Value, Result>(job: Job<Value, Result>): Promise<{ values: Value[]; result: Result }> {
  const values: Value[] = [];
  for (;;) {
    const { done, value } = await job.next();
    if (done) return { values, result: value };
    values.push(value);
  }
}

const corners = (kinds: readonly (0 | 1)[]): Point[] => kinds.map((kind, k) => ({ x: [k >> 1, k & 1], kind }));

test("perceptron: AND from zeros by Rosenblatt's rule, worked out by hand; XOR comes back to where it was", async () => {
  const zeros = { w: [0, 0], b: 0 } as const;
  const and = await toItsEnd(experiments.perceptron(corners([0, 0, 0, 1]), zeros, 1));
  // The first pass is wrong about (1, 1) alone; the second about (0, 0), (0, 1) and (1, 1).
  expect(and.values.slice(0, 8).map(({ w, b, wrong }) => [...w, b, wrong])).toEqual([
    [0, 0, 0, false],
    [0, 0, 0, false],
    [0, 0, 0, false],
    [1, 1, 1, true],
    [1, 1, 0, true],
    [1, 0, -1, true],
    [1, 0, -1, false],
    [2, 1, 0, true],
  ]);
  expect(and.result).toEqual({ kind: "learned", passes: 6 });
  expect(and.values.at(-1)).toMatchObject({ w: [2, 1], b: -2, pass: 6, wrong: false });
  const xor = await toItsEnd(experiments.perceptron(corners([0, 1, 1, 0]), zeros, 1));
  expect(xor.result.kind).toBe("circle");
});

test("counting: an LSTM of 8 units answers 1 to 5 within 0.05, and about 7 to a sixth number", async () => {
  const settings = { cell: "lstm", units: 8, firsts: [1], epochs: 300, seed: 1 } as const;
  const { values, result } = await toItsEnd(experiments.counting(settings));
  expect(values.map(({ epoch }) => epoch)).toEqual(Array.from({ length: 150 }, (_, k) => 2 * k + 2));
  expect(values.at(-1)?.loss).toBeLessThan(1e-5);
  values.at(-1)?.says.forEach((said, k) => {
    expect(Math.abs(said - (k + 2))).toBeLessThan(0.05);
  });
  expect(result.goesOn).toHaveLength(6);
  expect(Math.abs((result.goesOn[0] as number) - 7)).toBeLessThan(0.15);
});

test("gradients over 40 steps: a simple RNN's vanishes at scale 0.8 and explodes at 3; the LSTM's forget bias decides", async () => {
  const at = async (scale: number, forgetBias: number): Promise<[number, number]> => {
    const { simple, lstm } = await experiments.gradients({ scale, forgetBias, steps: 40, seed: 1 });
    expect([simple.length, simple.at(-1), lstm.length, lstm.at(-1)]).toEqual([40, 1, 40, 1]);
    return [simple[0] as number, lstm[0] as number];
  };
  const [vanished, kept] = await at(0.8, 3);
  expect(vanished).toBeLessThan(1e-5);
  expect(kept).toBeGreaterThan(0.5);
  const [exploded] = await at(3, 3);
  expect(exploded).toBeGreaterThan(10);
  const [, forgotten] = await at(0.8, -1);
  expect(forgotten).toBeLessThan(1e-10);
});

test("remember over 40 steps: after 200 updates the LSTM is right in 95 % and more, the simple RNN guesses", async () => {
  const { values } = await toItsEnd(experiments.remember({ scale: 0.8, forgetBias: 3, steps: 40, seed: 1 }, 200));
  expect(values.map(({ updates }) => updates)).toEqual([25, 50, 75, 100, 125, 150, 175, 200]);
  expect(values.at(-1)?.lstm).toBeGreaterThan(0.95);
  expect(values.at(-1)?.simple).toBeGreaterThan(0.15);
  expect(values.at(-1)?.simple).toBeLessThan(0.35);
});
