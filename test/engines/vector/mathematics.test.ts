import { describe, expect, test } from "vitest";
import {
  exp,
  hard_sigmoid,
  log,
  relu,
  sigmoid,
  softplus,
  step,
  tanh,
  type VectorFunction,
} from "../../../src/engines/vector/mathematics.ts";
import { sameBytes } from "../../helpers/quick-equality.ts";
import { type Machine, machines } from "../../helpers/vector-machines.ts";

const COUNT = 1 << 14;
const SMALLEST_NORMAL = 2 ** -126;
/** One unit in the last place above the largest f32. */
const OVERFLOW = 2 ** 128;

const references = {
  exp: Math.exp,
  sigmoid: (x: number): number => 1 / (1 + Math.exp(-x)),
  tanh: Math.tanh,
  log: Math.log,
  softplus: (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  relu: (x: number): number => (x > 0 || Number.isNaN(x) ? x : 0),
  hard_sigmoid: (x: number): number => Math.min(1, Math.max(0, x / 6 + 0.5)),
  step: (x: number): number => (x > 0 ? 1 : 0),
};
type Name = keyof typeof references;
const functions: { readonly [N in Name]: VectorFunction } = {
  ...{ exp, sigmoid, tanh, log, softplus, relu, hard_sigmoid, step },
};

/** An input and an output array, and a function that maps one to the other. */
function instance({ make, width }: Machine, compute: VectorFunction) {
  const { floats, words, call } = make(
    {
      map: (o, bytes) => {
        const i = o.newWhole();
        return o.loop(i, 0, bytes, 4 * width, o.store(i.get, compute(o, o.load(i.get, 0)), 4 * COUNT));
      },
    },
    8 * COUNT,
  );
  return {
    x: floats.subarray(0, COUNT),
    y: floats.subarray(COUNT, 2 * COUNT),
    bits: words.subarray(0, COUNT),
    run: (count = COUNT) => call.map(4 * width * Math.ceil(count / width)),
  };
}

const bitsOf = (value: number): number => new Uint32Array(Float32Array.of(value).buffer)[0] as number;

/** Of all bit patterns: a quarter of a million on WASM, where they are quick, some 65,000 in plain arithmetic; FUZZ: a million. */
const strideOn = ({ name }: Machine): number => (name.startsWith("WASM") ? (process.env.FUZZ ? 4099 : 16_411) : 65_537);

/** Maximum errors over the whole range by bit patterns, and over 4,096 neighbours of each of `near`. */
function measure(machine: Machine, name: Name, near: readonly number[], relativeFrom = -Infinity) {
  const { x, y, bits, run } = instance(machine, functions[name]);
  const reference = references[name];
  const worst = { absolute: 0, absoluteAt: 0, relative: 0, relativeAt: 0, wrong: [] as string[] };
  const check = (): void => {
    run();
    for (let i = 0; i < COUNT; i++) {
      const [at, got, exact] = [x[i] as number, y[i] as number, reference(x[i] as number)];
      const expected = Math.fround(exact);
      if (Object.is(got, expected)) continue;
      const finite = Number.isFinite(exact) && Math.abs(exact) <= OVERFLOW && !Number.isNaN(got);
      if (!finite) {
        // Special values are the same, but for the sign of NaN and what overflows both in f32.
        if (!(Number.isNaN(got) && Number.isNaN(exact)))
          worst.wrong.push(`${name}(${at}): got ${got}, expected ${expected}`);
        continue;
      }
      const absolute = Math.abs((Number.isFinite(got) ? got : Math.sign(got) * OVERFLOW) - exact);
      if (absolute > worst.absolute) Object.assign(worst, { absolute, absoluteAt: at });
      const relative = absolute / Math.abs(exact);
      if (Math.abs(exact) >= SMALLEST_NORMAL && at >= relativeFrom && relative > worst.relative) {
        Object.assign(worst, { relative, relativeAt: at });
      }
    }
  };
  const stride = strideOn(machine);
  for (let start = 0; start < 2 ** 32; start += COUNT * stride) {
    for (let i = 0; i < COUNT; i++) bits[i] = start + i * stride;
    check();
  }
  const edges = [
    ...near,
    0,
    -0,
    1,
    -1,
    SMALLEST_NORMAL,
    -SMALLEST_NORMAL,
    Infinity,
    -Infinity,
    2 ** -149,
    -(2 ** -149),
  ];
  for (let k = 0; k < edges.length; k += 4) {
    for (let i = 0; i < COUNT; i++) bits[i] = bitsOf(edges[k + (i >> 12)] ?? 0) + (i & 4095) - 2048;
    check();
  }
  return worst;
}

/** Whether a machine's multiply-add rounds once: (1 + e)^2 - 1 - 2 e is e^2, not 0. */
function fuses(machine: Machine): boolean {
  const { x, y, run } = instance(machine, (o, v) => o.madd(v, v, o.const(-1 - 2 ** -11)));
  x[0] = 1 + 2 ** -12;
  run(1);
  return y[0] === 2 ** -24;
}

type Bounds = { readonly absolute?: number; readonly relative?: number; readonly relativeFrom?: number };
const FLUSHED = -86.98;
const bounds: { readonly [N in Name]: Bounds & { readonly near: readonly number[] } } = {
  exp: {
    relative: 1.9e-7,
    relativeFrom: FLUSHED,
    near: [88.72283, 88.37626, -86.989, -87.33654, -103.97, 89, 0.34657],
  },
  sigmoid: { absolute: 9.5e-8, relative: 5e-7, near: [-88.72283, -87.33654, -88.37626, 88, 16.6, -16.6, 87.3] },
  tanh: { absolute: 2.1e-7, relative: 4e-7, near: [9.2, -9.2, 9.01, 0.13, 3, 0.5, 1e-4, 5.4] },
  log: { relative: 1e-7, near: [Math.SQRT1_2, Math.SQRT2, 3.4e38, 2, 0.5, 1e-40] },
  softplus: { relative: 4e-7, relativeFrom: FLUSHED, near: [-86.989, -87.3, -103, 16.6, 3e38, -1.9] },
  relu: { absolute: 0, relative: 0, near: [] },
  hard_sigmoid: { absolute: 6e-8, near: [3, -3] },
  step: { absolute: 0, relative: 0, near: [] },
};

for (const machine of machines) {
  describe(machine.name, () => {
    for (const name of Object.keys(bounds) as Name[]) {
      const { absolute = Infinity, relative = Infinity, relativeFrom, near } = bounds[name];
      test(`${name}: over all of f32, absolute error at most ${absolute}, relative at most ${relative}`, () => {
        const worst = measure(machine, name, near, relativeFrom);
        expect(worst.wrong).toEqual([]);
        expect(worst.absolute, `at ${worst.absoluteAt}`).toBeLessThanOrEqual(absolute);
        expect(worst.relative, `at ${worst.relativeAt}`).toBeLessThanOrEqual(relative);
      });
    }

    const values = (name: Name, inputs: readonly number[]): number[] => {
      const { x, y, run } = instance(machine, functions[name]);
      x.set(inputs);
      run(inputs.length);
      return [...y.slice(0, inputs.length)];
    };

    test("special values", () => {
      expect(values("exp", [NaN, Infinity, -Infinity, 0, -0, 88.73, -104])).toEqual([
        NaN,
        Infinity,
        0,
        1,
        1,
        Infinity,
        0,
      ]);
      expect(values("sigmoid", [NaN, Infinity, -Infinity, 0, -0, -100, 100])).toEqual([NaN, 1, 0, 0.5, 0.5, 0, 1]);
      expect(values("tanh", [NaN, Infinity, -Infinity, 0, -0, 20, -20])).toEqual([NaN, 1, -1, 0, -0, 1, -1]);
      expect(values("log", [NaN, Infinity, -Infinity, 0, -0, -1, 1])).toEqual([
        NaN,
        Infinity,
        NaN,
        -Infinity,
        -Infinity,
        NaN,
        0,
      ]);
      expect(values("softplus", [NaN, Infinity, -Infinity, 100, -100])).toEqual([NaN, Infinity, 0, 100, 0]);
      expect(values("relu", [NaN, Infinity, -Infinity, 0, -0, 2, -2])).toEqual([NaN, Infinity, 0, 0, -0, 2, 0]);
      expect(values("hard_sigmoid", [NaN, Infinity, -Infinity, 0, 3, -3])).toEqual([NaN, 1, 0, 0.5, 1, 0]);
      expect(values("step", [NaN, Infinity, -Infinity, 0, -0, 2 ** -149, -2])).toEqual([0, 1, 0, 0, 0, 1, 0]);
    });

    test("tanh: exactly x up to 1e-4, subnormals too, and never beyond 1 with fma, 1 + 1.2e-7 without", () => {
      const small = [1e-20, -1e-20, 1e-4, -1e-4, 2 ** -149, -(2 ** -149), 1e-40].map(Math.fround);
      expect(values("tanh", small)).toEqual(small);
      const { x, y, run } = instance(machine, tanh);
      for (let from = 4; from < 9.5; from += 0.5) {
        for (let i = 0; i < COUNT; i++) x[i] = from + (0.5 * i) / COUNT;
        run();
        expect(Math.max(...y)).toBeLessThanOrEqual(machine.fused ? 1 : 1 + 2 ** -23);
      }
    });

    test("exp: below 2^-125.5 it is 0, never negative or NaN", () => {
      const { x, y, run } = instance(machine, exp);
      for (let i = 0; i < COUNT; i++) x[i] = -86.99 - (20 * i) / COUNT;
      run();
      expect(new Set(y)).toEqual(new Set([0]));
    });
  });
}

test("bits: whatever the machine and the width, the same", () => {
  for (const fused of [true, false]) {
    const alike = machines.filter((machine) => machine.fused === fused && fuses(machine) === fused);
    for (const name of Object.keys(bounds) as Name[]) {
      const all = alike.map((machine) => instance(machine, functions[name]));
      for (const { bits, x, run } of all) {
        for (let i = 0; i < COUNT; i++) bits[i] = Math.imul(i, 262_147);
        x.set(bounds[name].near);
        run();
      }
      const [first, ...others] = all.map(({ y }) => y);
      for (const other of others) {
        if (first !== undefined && sameBytes(first, other)) continue;
        const at = other.findIndex((value, k) => !Object.is(value, first?.[k]));
        expect([name, fused, at, other[at], first?.[at]]).toEqual([name, fused, -1, undefined, undefined]);
      }
    }
  }
});
