/** What each operation of vectors means: values for all machines, and the same numbers on every machine. */
import { describe, expect, test } from "vitest";
import type { VectorOps } from "../../../src/engines/vector/vector-ops.ts";
import { createRandom } from "../../../src/nn/random.ts";
import { type Body, fusedMultiplyAdd, type Machine, machines, plainOps } from "../../helpers/vector-machines.ts";
import { untouched } from "../../helpers/wasm.ts";

type Ops = VectorOps<unknown, unknown, unknown, unknown>;
/** What works on each lane alone, as a function of three vectors. */
type Lanewise = <Vector, Mask, Whole, Code>(
  o: VectorOps<Vector, Mask, Whole, Code>,
  x: Vector,
  y: Vector,
  z: Vector,
) => Vector;
type Structural =
  | ("width" | "fused" | "newVector" | "newMask" | "newWhole" | "newSum" | "int" | "whole")
  | ("load" | "loadSplat" | "store" | "storeFirst" | "storeZeros" | "sumOfLanes" | "maxOfLanes" | "cut")
  | ("after" | "when" | "choose" | "loop");

// A new operation without a line is a compile error. Truth is 1, else 0.
const lanewise: { readonly [Op in Exclude<keyof Ops, Structural>]: Lanewise } = {
  const: (o) => o.const(0.1),
  neg: (o, x) => o.neg(x),
  abs: (o, x) => o.abs(x),
  sqrt: (o, x) => o.sqrt(x),
  add: (o, x, y) => o.add(x, y),
  sub: (o, x, y) => o.sub(x, y),
  mul: (o, x, y) => o.mul(x, y),
  div: (o, x, y) => o.div(x, y),
  madd: (o, x, y, z) => o.madd(x, y, z),
  min: (o, x, y) => o.min(x, y),
  max: (o, x, y) => o.max(x, y),
  pmin: (o, x, y) => o.pmin(x, y),
  pmax: (o, x, y) => o.pmax(x, y),
  eq: (o, x, y) => o.keep(o.eq(x, y), o.const(1)),
  ne: (o, x, y) => o.keep(o.ne(x, y), o.const(1)),
  lt: (o, x, y) => o.keep(o.lt(x, y), o.const(1)),
  gt: (o, x, y) => o.keep(o.gt(x, y), o.const(1)),
  both: (o, x, y, z) => o.keep(o.both(o.lt(x, y), o.lt(y, z)), o.const(1)),
  select: (o, x, y, z) => o.select(x, y, o.lt(x, z)),
  keep: (o, x, y) => o.keep(o.gt(x, y), x),
  orNaN: (o, x, y) => o.orNaN(x, o.gt(x, y)),
};
const ints: { readonly [Op in Exclude<keyof Ops["int"], "splat" | "lanes">]: Lanewise } = {
  const: (o) => o.int.const(0x8000_0001),
  add: (o, x, y) => o.int.add(x, y),
  sub: (o, x, y) => o.int.sub(x, y),
  mul: (o, x, y) => o.int.mul(x, y),
  and: (o, x, y) => o.int.and(x, y),
  xor: (o, x, y) => o.int.xor(x, y),
  shl: (o, x) => o.int.shl(x, 23),
  shr_s: (o, x) => o.int.shr_s(x, 9),
  shr_u: (o, x) => o.int.shr_u(x, 31),
  eq: (o, x, y) => o.keep(o.int.eq(x, y), o.const(1)),
  ge_u: (o, x, y) => o.keep(o.int.ge_u(x, y), o.const(1)),
  toFloat: (o, x) => o.int.toFloat(x),
};

/** A function of three arrays of vectors: their bits to its own. */
function mapped({ make, width }: Machine, compute: Lanewise, operands: readonly Int32Array[]): Int32Array {
  const numbers = Math.ceil((operands[0] as Int32Array).length / width) * width;
  const { words, call } = make(
    {
      map: (o) => {
        const i = o.newWhole();
        const [x, y, z] = [0, 1, 2].map((k) => o.load(i.get, 4 * k * numbers)) as never as [never, never, never];
        return o.loop(i, 0, 4 * numbers, 4 * width, o.store(i.get, compute(o, x, y, z), 12 * numbers));
      },
    },
    16 * numbers,
  );
  operands.forEach((bits, k) => {
    words.set(bits, k * numbers);
  });
  call.map();
  return words.slice(3 * numbers, 3 * numbers + (operands[0] as Int32Array).length);
}
const bitsOf = (values: readonly number[]): Int32Array => new Int32Array(Float32Array.from(values).buffer);
const floatsOf = (bits: Int32Array): number[] => [...new Float32Array(bits.slice().buffer)];

const edges = [0, -0, 1, -1, 1.5, 0.1, 3, 2 ** -149, -(2 ** -149), 2 ** -126, 2 ** 24 + 2, 3.4e38, -3.4e38].concat([
  ...[Infinity, -Infinity, NaN, 1 + 2 ** -23, 1 - 2 ** -24, 2 ** -75, 16_777_216, 12_582_912],
]);
/** All pairs of edges, each beside a third number; then whatever bits. */
const operands = ((): readonly Int32Array[] => {
  const random = createRandom(5);
  const pairs = edges.flatMap((x) => edges.map((y) => [x, y, edges[random.integer(edges.length)] as number]));
  return [0, 1, 2].map((k) => {
    const some = Int32Array.from({ length: 3000 }, () => random.integer(2 ** 32));
    return Int32Array.from([...bitsOf(pairs.map((three) => three[k] as number)), ...some]);
  });
})();
/** Whether this machine rounds as it is meant to: a relaxed multiply-add may round twice. */
const meant = (machine: Machine): boolean => {
  const [x, z] = [1 + 2 ** -12, -1 - 2 ** -11];
  const [got] = floatsOf(mapped(machine, lanewise.madd, [bitsOf([x]), bitsOf([x]), bitsOf([z])]));
  return got === (machine.fused ? 2 ** -24 : 0);
};

test("every operation is here", () => {
  const o = plainOps(4, true, { floats: new Float32Array(), words: new Int32Array() });
  const structural: readonly Structural[] = [
    ...(["width", "fused", "newVector", "newMask", "newWhole", "newSum", "int", "whole"] as const),
    ...(["load", "loadSplat", "store", "storeFirst", "storeZeros", "sumOfLanes", "maxOfLanes", "cut"] as const),
    ...(["after", "when", "choose", "loop"] as const),
  ];
  expect([...Object.keys(lanewise), ...structural].sort()).toEqual(Object.keys(o).sort());
  expect([...Object.keys(ints), "splat", "lanes"].sort()).toEqual(Object.keys(o.int).sort());
});

describe("of each lane alone: the same numbers on every machine, edges and whatever bits", () => {
  const all = { ...lanewise, ...Object.fromEntries(Object.entries(ints).map(([name, one]) => [`int.${name}`, one])) };
  test.each(Object.entries<Lanewise>(all))("%s", (name, compute) => {
    const results = machines
      .filter((machine) => name !== "madd" || (machine.fused && meant(machine)))
      .map((machine) => ({ machine, bits: mapped(machine, compute, operands) }));
    const [first, ...others] = results.map(({ bits }) => ({ bits, floats: floatsOf(bits) }));
    expect(others.length).toBeGreaterThan(0);
    for (const [k, { bits, floats }] of others.entries()) {
      const at = bits.findIndex((word, i) => {
        const both = Number.isNaN(floats[i]) && Number.isNaN(first?.floats[i]);
        return word !== first?.bits[i] && !both;
      });
      const given = operands.map((three) => floatsOf(three)[at]);
      expect(at, `${name} of ${given} on ${results[k + 1]?.machine.name}: ${floats[at]}, ${first?.floats[at]}`).toBe(
        -1,
      );
    }
  });
});

test("fused multiply-add: rounded once, between two numbers too, and where it is subnormal", () => {
  const tiny = 2 ** -149;
  expect(fusedMultiplyAdd(1 + 2 ** -12, 1 + 2 ** -12, -1 - 2 ** -11)).toBe(2 ** -24);
  // Half way between two numbers, but for a part of the product that f64 has no room for beside the sum.
  expect(fusedMultiplyAdd(2 ** -60, 2 ** -60, 1 + 2 ** -23)).toBe(1 + 2 ** -23);
  expect(fusedMultiplyAdd(1 + 2 ** -23, 2 ** -24, 1)).toBe(1 + 2 ** -23);
  expect(fusedMultiplyAdd(1, 2 ** -24, 1)).toBe(1);
  expect(fusedMultiplyAdd(1, 2 ** -24 - 2 ** -48, 1 + 2 ** -23)).toBe(1 + 2 ** -23);
  expect(fusedMultiplyAdd(tiny, 0.5, tiny)).toBe(2 * tiny);
  expect(fusedMultiplyAdd(tiny, 2 ** -100, tiny * 0)).toBe(0);
  expect(fusedMultiplyAdd(Infinity, 1, -Infinity)).toBe(NaN);
});

describe.each(machines)("$name", (machine) => {
  const { width } = machine;
  const of = (name: keyof typeof lanewise, ...given: readonly (readonly number[])[]): number[] => {
    const [x = [], y = x, z = y] = given;
    return floatsOf(mapped(machine, lanewise[name], [bitsOf(x), bitsOf(y), bitsOf(z)]));
  };

  test("minima and maxima: of NaN, and of zeros", () => {
    const [x, y] = [
      [0, -0, NaN, 1, 2],
      [-0, 0, 1, NaN, 1],
    ];
    expect(of("min", x, y)).toEqual([-0, -0, NaN, NaN, 1]);
    expect(of("max", x, y)).toEqual([0, 0, NaN, NaN, 2]);
    expect(of("pmin", x, y)).toEqual([0, -0, NaN, 1, 1]);
    expect(of("pmax", x, y)).toEqual([0, -0, NaN, 1, 2]);
  });

  test("signs: of zero and infinity; comparisons: false beside NaN but for ne", () => {
    expect(of("neg", [0, -0, -Infinity, 2])).toEqual([-0, 0, Infinity, -2]);
    expect(of("abs", [0, -0, -Infinity, -2])).toEqual([0, 0, Infinity, 2]);
    const [x, y] = [
      [0, NaN, 1, 1],
      [-0, NaN, NaN, 2],
    ];
    expect(["eq", "ne", "lt", "gt"].map((name) => of(name as "eq", x, y))).toEqual([
      [1, 0, 0, 0],
      [0, 1, 1, 1],
      [0, 0, 0, 1],
      [0, 0, 0, 0],
    ]);
  });

  test("rounding: to even, to subnormal numbers, to infinity", () => {
    expect(of("add", [1, 1 + 2 ** -23, 3.4028234663852886e38], [2 ** -24, 2 ** -24, 2 ** 103])).toEqual([
      ...[1, 1 + 2 ** -22, Infinity],
    ]);
    expect(of("mul", [2 ** -149, 2 ** -100, 3 * 2 ** -149], [0.5, 2 ** -49, 0.5])).toEqual([
      ...[0, 2 ** -149, 2 * 2 ** -149],
    ]);
    expect(of("div", [1, -1, 0, 1], [0, 0, 0, 3])).toEqual([Infinity, -Infinity, NaN, Math.fround(1 / 3)]);
    expect(of("sqrt", [2, -0, -1, 2 ** -148])).toEqual([Math.fround(Math.SQRT2), -0, NaN, 2 ** -74]);
  });

  test("masks: what they let through, untouched, and what stands in its place", () => {
    expect(of("keep", [-1, 2, NaN, Infinity], [0, 1, 0, 1])).toEqual([0, 2, 0, Infinity]);
    expect(of("orNaN", [-0, 2, Infinity], [0, 1, 1])).toEqual([-0, NaN, NaN]);
    expect(of("select", [-0, 5], [7, 6], [1, 1])).toEqual([-0, 6]);
    expect(of("both", [1, 1, 3], [2, 2, 2], [3, 0, 3])).toEqual([1, 0, 0]);
  });

  /** Memory of 8 vectors that hold 1, 2, 3 and so on, after one function has run. */
  const memoryAfter = (body: Body, ...given: number[]) => {
    const { floats, words, call } = machine.make({ body }, 32 * width);
    for (let k = 0; k < 8 * width; k++) floats[k] = k + 1;
    call.body(...given);
    return { floats: [...floats.slice(0, 8 * width)], words: [...words.slice(0, 8 * width)] };
  };
  const counted = (from: number, count: number): number[] => Array.from({ length: count }, (_, k) => from + k);
  const start = counted(1, 8 * width);

  test("memory: whole vectors at any number, one number for all lanes, the first lanes, zeros, and nothing else", () => {
    const stored = memoryAfter((o, at) => o.store(at, o.load(at, 8), 4 * width), 4).floats;
    expect(stored).toEqual(start.with(0, 1).map((x, k) => (k > width && k <= 2 * width ? k - width + 3 : x)));
    const splat = memoryAfter((o, at) => o.store(at, o.loadSplat(at, 8), 4 * width), 4).floats;
    expect(splat).toEqual(start.map((x, k) => (k > width && k <= 2 * width ? 4 : x)));
    for (let count = 1; count <= width; count++) {
      const first = memoryAfter((o, at) => o.storeFirst(at, o.const(-1), count, 8), 12).floats;
      expect(first).toEqual(start.map((x, k) => (k >= 5 && k < 5 + count ? -1 : x)));
    }
    for (const count of [0, 1, 3, width + 1]) {
      const zeros = memoryAfter((o, at) => o.storeZeros(at, count, 4), 0).floats;
      expect(zeros).toEqual(start.map((x, k) => (k >= 1 && k < 1 + count ? 0 : x)));
    }
    // The last numbers there are, and bits that are no number.
    const end = memoryAfter((o, at) => o.store(at, o.load(o.whole.const(0), 0), 0), 28 * width).floats;
    expect(end).toEqual([...start.slice(0, 7 * width), ...counted(1, width)]);
    expect(memoryAfter((o, at) => o.store(at, o.int.const(untouched), 0), 0).words[width - 1]).toBe(untouched);
  });

  test("lanes: their numbers, cut behind any of them, their sum and their largest, a sum in f64", () => {
    const vector = (body: Body): number[] => memoryAfter(body, 0).floats.slice(0, width);
    expect(memoryAfter((o, at) => o.store(at, o.int.lanes, 0), 0).words.slice(0, width)).toEqual(counted(0, width));
    const lane = (k: number) => [k + 1, -1];
    for (let count = 0; count <= width; count++) {
      const cut = (behind: number) => counted(0, width).map((k) => (k < count ? (lane(k)[0] as number) : behind));
      expect(vector((o, at) => o.store(at, o.cut(o.load(at, 0), count), 0))).toEqual(cut(0));
      expect(vector((o, at) => o.store(at, o.cut(o.load(at, 0), count, -Infinity), 0))).toEqual(cut(-Infinity));
    }
    // What is cut off counts for nothing, whatever it is.
    expect(vector((o, at) => o.store(at, o.cut(o.const(Number.NaN), 1), 0)).slice(1)).toEqual(
      Array.from({ length: width - 1 }, () => 0),
    );
    const all = (value: number): number[] => Array.from({ length: width }, () => value);
    expect(vector((o, at) => o.store(at, o.sumOfLanes(o.load(at, 0)), 0))).toEqual(all((width * (width + 1)) / 2));
    expect(vector((o, at) => o.store(at, o.maxOfLanes(o.load(at, 0)), 0))).toEqual(all(width));
    expect(vector((o, at) => o.store(at, o.maxOfLanes(o.cut(o.load(at, 0), 1, Number.NaN)), 0))).toEqual(all(NaN));
    // 2^24 and a 1 in each lane: in f32 the ones would be lost, one by one.
    const [sum] = vector((o, at) => {
      const sum = o.newSum();
      return [
        ...[sum.clear, sum.add(o.const(2 ** 24)), sum.add(o.const(1)), sum.add(o.const(1))],
        o.storeFirst(at, sum.total(), 1, 0),
      ];
    });
    expect(sum).toBe(width * (2 ** 24 + 2));
    const [cleared] = vector((o, at) => {
      const sum = o.newSum();
      return [sum.clear, sum.add(o.const(5)), sum.clear, o.storeFirst(at, sum.total(), 1, 0)];
    });
    expect(cleared).toBe(0);
  });

  test("32-bit integers: modulo 2^32, with and without a sign", () => {
    const whole = (body: (o: Ops, x: unknown, y: unknown) => unknown, x: number, y: number): number =>
      memoryAfter(
        (o, a, b) => o.store(o.whole.const(0), o.int.splat(body(o as Ops, a, b) as typeof a), 0) as never,
        x,
        y,
      ).words[0] as number;
    expect(whole((o, x, y) => o.whole.add(x, y), 0x7fff_ffff, 1)).toBe(-0x8000_0000);
    expect(whole((o, x, y) => o.whole.mul(x, y), 0x1234_5678, 0x0765_4321)).toBe(Math.imul(0x1234_5678, 0x0765_4321));
    expect(whole((o, x, y) => o.whole.shr_u(x, y), -1, 28)).toBe(15);
    expect(whole((o, x, y) => o.whole.rem_u(x, y), -1, 10)).toBe(0xffff_ffff % 10);
    expect([3, 4].map((y) => whole((o, x, z) => o.whole.eq(x, z), 3, y))).toEqual([1, 0]);
    expect(whole((o) => o.whole.const(2 ** 32 - 2), 0, 0)).toBe(-2);
    expect(whole((o, x) => o.whole.load(x, 4), 8, 0)).toBe(bitsOf([4])[0]);
    expect([0, 1, 5].map((x) => whole((o, c, y) => o.choose(c, y, o.whole.const(7)), x, 9))).toEqual([7, 9, 9]);
  });

  test("control: loops as often as they should, the counter set even where they never run; code before a value", () => {
    /** How often it ran, and the counter afterwards. */
    const loop = (from: number, to: number, step: number, fixed: boolean): number[] =>
      memoryAfter(
        (o, a, b) => {
          const [i, n] = [o.newWhole(), o.newWhole()];
          const body = n.set(o.whole.add(n.get, o.whole.const(1)));
          const show = [n.get, i.get].map((x, k) => o.storeFirst(o.whole.const(4 * k), o.int.splat(x), 1, 0));
          return [
            i.set(o.whole.const(77)),
            fixed ? o.loop(i, from, to, step, body) : o.loop(i, a, b, step, body),
            show,
          ];
        },
        from,
        to,
      ).words.slice(0, 2);
    for (const fixed of [true, false]) {
      expect(loop(0, 12, 4, fixed)).toEqual([3, 12]);
      expect(loop(0, 13, 4, fixed)).toEqual([4, 16]);
      expect(loop(-2, 1, 1, fixed)).toEqual([3, 1]);
      expect(loop(8, 8, 4, fixed)).toEqual([0, 8]);
      expect(loop(9, 8, 1, fixed)).toEqual([0, 9]);
    }
    const order = (condition: number): number[] =>
      memoryAfter((o, c) => {
        const [v, m] = [o.newVector(), o.newMask()];
        return [
          // Variables are zero, and false, at first.
          o.storeFirst(o.whole.const(0), v.get, 1, 0),
          o.storeFirst(o.whole.const(4), o.select(o.const(5), o.const(6), m.get), 1, 0),
          // Operands in order: the first sets what the second reads.
          o.storeFirst(o.whole.const(8), o.sub(v.tee(o.const(7)), v.get), 1, 0),
          o.storeFirst(o.whole.const(12), o.after([v.set(o.const(2)), [v.set(o.add(v.get, v.get))]], v.get), 1, 0),
          m.set(o.gt(v.get, o.const(3))),
          o.when(c, [v.set(o.keep(m.get, o.const(9)))]),
          o.storeFirst(o.whole.const(0), v.get, 1, 0),
        ];
      }, condition).floats.slice(0, 4);
    expect(order(0)).toEqual([4, 6, 0, 4]);
    expect(order(1)).toEqual([9, 6, 0, 4]);
  });
});
