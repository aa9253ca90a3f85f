/** Units that follow a signal, and signals that none follows. */
import { describe, expect, test } from "vitest";
import { createRandom, type Random } from "../../src/nn/random.ts";
import {
  beginningsOf,
  correlate,
  type Following,
  followingOf,
  leastBeginnings,
  prepare,
  shiftedOf,
} from "../../src/tasks/following.ts";
import { probe } from "../../src/tasks/probe.ts";
import { pearson } from "../helpers/statistics.ts";

/** Ones and zeros in turn, as long as chance has it: as quotes are. */
function telegraph(random: Random, count: number, [on, off]: readonly [number, number]): Float32Array {
  let now = 0;
  return Float32Array.from({ length: count }, () => {
    if (random.uniform() < 1 / (now === 1 ? on : off)) now = 1 - now;
    return now;
  });
}
/** Units (T,size) that remember for 1 to 200 tokens, and share a part of what they are: as a network's do. */
function slowUnits(random: Random, count: number, size: number): Float32Array {
  const data = new Float32Array(count * size);
  const keep = Array.from({ length: size }, () => 1 - 1 / (1 + 200 * random.uniform() ** 2));
  let common = 0;
  for (let t = 0; t < count; t++) {
    common = 0.98 * common + 0.2 * random.normal();
    for (let j = 0; j < size; j++) {
      const before = t === 0 ? 0 : (data[(t - 1) * size + j] as number);
      const own = keep[j] as number;
      data[t * size + j] = own * before + Math.sqrt(1 - own ** 2) * (random.normal() + (j % 3) * 0.3 * common);
    }
  }
  return data;
}
const search = (data: Float32Array, size: number, signal: Float32Array): Following => {
  const prepared = prepare(signal);
  return followingOf([correlate(data, size, prepared)], prepared);
};

describe("correlate", () => {
  const random = createRandom(5);
  const [count, size] = [801, 3];
  const data = slowUnits(random, count, size);
  const half = Math.floor(count / 2);
  const unit = (j: number, from: number, to: number) =>
    Array.from({ length: to - from }, (_, t) => data[(from + t) * size + j] as number);
  const line = Float32Array.from({ length: count }, (_, t) => (t % 37) % 23);
  const noise = Float32Array.from({ length: count }, () => random.normal());

  test.each([
    ["ones and zeros", telegraph(random, count, [10, 20])],
    ["a place in the line", line],
    ["any numbers", noise],
  ])("%s: in each half Pearson's, of the signal and of each shifted one", (_, signal) => {
    const prepared = prepare(signal);
    const found = correlate(data, size, prepared);
    const [a, b] = prepared.halves;
    for (let j = 0; j < size; j++) {
      expect(found.first[j]).toBeCloseTo(pearson(unit(j, 0, half), [...signal.subarray(0, half)]), 5);
      expect(found.second[j]).toBeCloseTo(pearson(unit(j, half, count), [...signal.subarray(half)]), 5);
    }
    found.shifted.forEach(({ chosen, judged }, k) => {
      const [p, q] = [a.turns[k + 1] as number, b.turns[k + 1] as number];
      const turned = (of: Float32Array, by: number) =>
        Array.from(of, (_, t) => of[(t - by + of.length) % of.length] as number);
      const first = turned(signal.subarray(0, half), p);
      const rs = Array.from({ length: size }, (_, j) => pearson(unit(j, 0, half), first));
      const best = rs.reduce((best, r, j) => (Math.abs(r) > Math.abs(rs[best] as number) ? j : best), 0);
      const second = pearson(unit(best, half, count), turned(signal.subarray(half), q));
      expect(chosen).toBeCloseTo(Math.abs(rs[best] as number), 5);
      expect(judged).toBeCloseTo(second * Math.sign(rs[best] as number), 5);
    });
  });
  test("a unit that never changes, one that is no number, and a signal that never changes have 0", () => {
    const signal = telegraph(createRandom(1), 400, [5, 5]);
    const odd = Float32Array.from({ length: 800 }, (_, k) => (k % 2 === 0 ? 7.1 : Number.NaN));
    const found = correlate(odd, 2, prepare(signal));
    expect([...found.first, ...found.second]).toEqual([0, 0, 0, 0]);
    const flat = correlate(slowUnits(random, 400, 2), 2, prepare(new Float32Array(400).fill(1)));
    expect([...flat.first, ...flat.second]).toEqual([0, 0, 0, 0]);
  });
  test("a unit far from zero: within five standard errors of 0", () => {
    const many = 100_000;
    const signal = telegraph(random, many, [1, 1]);
    const far = Float32Array.from({ length: many }, () => 1000 + random.normal());
    const { first, second } = correlate(far, 1, prepare(signal));
    for (const [r] of [first, second]) expect(Math.abs(r as number)).toBeLessThan(5 / Math.sqrt(many / 2));
  });
});

describe("followingOf", () => {
  test("random signals, as slow as quotes: at most one of twenty is said to be followed", () => {
    const random = createRandom(11);
    let said = 0;
    const trials = 120;
    for (let k = 0; k < trials; k++) {
      const data = slowUnits(random, 6000, 24);
      const { verdict } = search(
        data,
        24,
        telegraph(random, 6000, [30 + random.integer(60), 100 + random.integer(100)]),
      );
      if (verdict === "follows" || verdict === "weakly") said++;
    }
    expect(said / trials).toBeLessThanOrEqual(0.05);
  });
  test("one half alone is over the level in about one of twenty, and not in many more", () => {
    const random = createRandom(12);
    const trials = 120;
    let [first, second] = [0, 0];
    for (let k = 0; k < trials; k++) {
      const found = search(slowUnits(random, 4000, 12), 12, telegraph(random, 4000, [40, 120]));
      if (found.first.chance <= 0.05) first++;
      if (found.second.chance <= 0.05) second++;
    }
    // Three standard deviations of what one of twenty gives.
    expect(Math.max(first, second) / trials).toBeLessThan(0.05 + 3 * Math.sqrt((0.05 * 0.95) / trials));
    expect(first + second).toBeGreaterThan(0);
  });
  test.each([
    [1, "follows"],
    [-1, "follows"],
    [0.35, "weakly"],
  ] as const)("a planted unit, the signal times %d beside its own noise: %s", (strength, verdict) => {
    const random = createRandom(3);
    const [count, size] = [12_000, 32];
    const data = slowUnits(random, count, size);
    const signal = telegraph(random, count, [60, 120]);
    signal.forEach((x, t) => (data[t * size + 19] = strength * 2 * x + 0.8 * random.normal()));
    const found = search(data, size, signal);
    expect(found).toMatchObject({ verdict, best: [{ value: 0, unit: 19 }, {}, {}, {}, {}, {}, {}, {}, {}, {}] });
    const [best] = found.best;
    expect(Math.sign(best?.first as number)).toBe(Math.sign(strength));
    expect(Math.abs(best?.first as number)).toBeGreaterThan(found.first.most);
    expect(Math.abs(best?.second as number)).toBeGreaterThan(found.second.most);
    expect(found.first.chance).toBe(0.01);
  });
  test("a unit that follows in the first half alone is not said to follow", () => {
    const random = createRandom(4);
    const [count, size] = [8000, 16];
    const data = slowUnits(random, count, size);
    const signal = telegraph(random, count, [60, 120]);
    for (let t = 0; t < count / 2; t++) data[t * size + 2] = signal[t] as number;
    const found = search(data, size, signal);
    expect(found.best[0]).toMatchObject({ unit: 2 });
    expect(found.verdict).toBe("none");
  });
  test("several values: the strongest of all, beside the strongest of all when shifted", () => {
    const random = createRandom(6);
    const count = 8000;
    const [a, b] = [slowUnits(random, count, 4), slowUnits(random, count, 8)];
    const signal = telegraph(random, count, [60, 120]);
    signal.forEach((x, t) => (b[t * 8 + 5] = x + 0.2 * random.normal()));
    const prepared = prepare(signal);
    const both = [correlate(a, 4, prepared), correlate(b, 8, prepared)];
    const found = followingOf(both, prepared);
    expect(found).toMatchObject({ verdict: "follows" });
    expect(found.best[0]).toMatchObject({ value: 1, unit: 5 });
    const largest = both.map(({ shifted }) => Math.max(...shifted.map(({ chosen }) => chosen)));
    expect(found.first.most).toBe(Math.max(...largest));
  });
  test(`a signal that begins less than ${leastBeginnings} times in a half: too few, even where a unit is the same`, () => {
    const count = 3000;
    const often = Float32Array.from({ length: count }, (_, t) => (t % 100 < 30 ? 1 : 0));
    expect(search(often, 1, often).verdict).toBe("follows");
    const seldom = often.map((x, t) => (t > count / 2 + 800 ? 0 : x));
    expect(search(seldom, 1, seldom)).toMatchObject({ verdict: "too few", beginnings: [14, 8] });
    for (const flat of [0, 1]) {
      const never = new Float32Array(count).fill(flat);
      expect(search(often, 1, never)).toMatchObject({ verdict: "too few", beginnings: [0, 0] });
    }
    expect(search(new Float32Array(1), 1, new Float32Array(1)).verdict).toBe("too few");
  });
  test("beginnings are ones after zeros, and lines", () => {
    expect(beginningsOf(Float32Array.of(1, 0, 1, 1, 0, 1))).toBe(2);
    expect(beginningsOf(Float32Array.of(0, 1, 2, 3, 0, 1, 2, 3, 0))).toBe(2);
    expect(beginningsOf(new Float32Array())).toBe(0);
  });
  test("nineteen of twenty shifted signals give at most the usual", () => {
    expect(shiftedOf(Array.from({ length: 20 }, (_, k) => 20 - k))).toEqual({ most: 20, usual: 19 });
  });
});

describe("probe", () => {
  test("a signal that no unit has alone and all have together is read; chance is not", () => {
    const random = createRandom(8);
    const [count, size] = [6000, 20];
    const data = slowUnits(random, count, size);
    const signal = telegraph(random, count, [40, 80]);
    const none = probe([{ data, size }], signal, prepare(signal));
    expect(none).toMatchObject({ kind: "classes", units: size });
    if (none.kind === "classes") {
      expect(none.balanced).toBeLessThan(0.6);
      expect(none.accuracy).toBeLessThan(none.majority + 0.02);
    }
    // Each unit has a little of it, under its own noise.
    signal.forEach((x, t) => {
      for (let j = 0; j < size; j++) (data[t * size + j] as number) += (j % 2 === 0 ? 1 : -1) * x;
    });
    const found = probe([{ data, size }], signal, prepare(signal));
    if (found.kind !== "classes") throw new Error("a signal of ones and zeros");
    expect(found.accuracy).toBeGreaterThan(found.majority + 0.15);
    expect(found.balanced).toBeGreaterThan(0.9);
    expect(found.balanced).toBeGreaterThan(found.shifted + 0.25);
    const ones = signal.subarray(count / 2).reduce((sum, x) => sum + x, 0) / (count / 2);
    expect(found.majority).toBeCloseTo(1 - ones, 6);
  });
  test("of numbers how much variance is explained, of several values together", () => {
    const random = createRandom(9);
    const count = 6000;
    const line = Float32Array.from({ length: count }, (_, t) => (t * 7) % 61);
    const [a, b] = [new Float32Array(count), new Float32Array(2 * count)];
    line.forEach((x, t) => {
      const noise = random.normal();
      a[t] = x / 20 + noise;
      b[2 * t] = noise;
      b[2 * t + 1] = 5;
    });
    const both = probe(
      [
        { data: a, size: 1 },
        { data: b, size: 2 },
      ],
      line,
      prepare(line),
    );
    if (both.kind !== "numbers") throw new Error("a signal of numbers");
    expect(both.units).toBe(3);
    expect(both.explained).toBeGreaterThan(0.97);
    expect(Math.abs(both.baseline)).toBeLessThan(0.01);
    expect(both.shifted).toBeLessThan(0.1);
    const alone = probe([{ data: a, size: 1 }], line, prepare(line));
    // The line's variance in that unit is 0.78, the noise's 1.
    expect(alone.kind === "numbers" && alone.explained).toBeCloseTo(0.78 / 1.78, 1);
  });
  test("a signal that never changes in a half, and units that are all the same, give numbers", () => {
    const count = 400;
    const signal = Float32Array.from({ length: count }, (_, t) => (t < 200 ? t % 2 : 0));
    const found = probe([{ data: new Float32Array(count).fill(3), size: 1 }], signal, prepare(signal));
    for (const x of Object.values(found)) if (typeof x === "number") expect(Number.isFinite(x)).toBe(true);
  });
});
