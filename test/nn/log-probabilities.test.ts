import { expect, test } from "vitest";
import { logProbabilities } from "../../src/nn/log-probabilities.ts";

test("logits less the logarithm of the sum of their exponentials, also where those would overflow", () => {
  const logits = [-2, 0, 0.5, 3];
  const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0);
  for (const shift of [0, 1000, -1000]) {
    const got = logProbabilities(Float32Array.from(logits, (logit) => logit + shift));
    logits.forEach((logit, id) => expect(got[id]).toBeCloseTo(logit - Math.log(sum), 12));
  }
  expect([...logProbabilities(Float32Array.of(2 ** 127, -(2 ** 127)))]).toEqual([0, -(2 ** 128)]);
});

test("infinite logits: those of +Infinity are equally likely, those of -Infinity impossible; NaN makes all NaN", () => {
  expect([...logProbabilities(Float32Array.of(5, Infinity, Infinity))]).toEqual([-Infinity, -Math.LN2, -Math.LN2]);
  expect([...logProbabilities(Float32Array.of(-Infinity, 7))]).toEqual([-Infinity, 0]);
  expect([...logProbabilities(Float32Array.of(0, Number.NaN, 1))]).toEqual([Number.NaN, Number.NaN, Number.NaN]);
});

test("writes into what it is given", () => {
  const into = new Float64Array(2);
  expect(logProbabilities(Float32Array.of(1, 1), into)).toBe(into);
  expect([...into]).toEqual([-Math.LN2, -Math.LN2]);
});
