import { describe, expect, test } from "vitest";
import type { Code, Local } from "../../../src/engines/wasm/assembler.ts";
import { assembleModule, func } from "../../../src/engines/wasm/assembler.ts";
import { relaxedSimd, sharedMemory } from "../../../src/engines/wasm/features.ts";
import {
  block,
  br,
  br_if,
  call,
  drop,
  f32,
  f32x4,
  f64,
  f64x2,
  forLoop,
  i8x16,
  i32,
  i32x4,
  if_,
  loop,
  memory,
  ret,
  select,
  unreachable,
  v128,
} from "../../../src/engines/wasm/instructions.ts";

type AnyFunction = (...operands: number[]) => number;

function instantiate(parts: Parameters<typeof assembleModule>[0], imports: WebAssembly.ModuleImports = {}) {
  const module = new WebAssembly.Module(assembleModule(parts));
  return new WebAssembly.Instance(module, { env: imports }).exports as Record<string, AnyFunction>;
}

const hasRelaxedSimd = relaxedSimd();
const wasmMemory = new WebAssembly.Memory({ initial: 1 });
const view = new DataView(wasmMemory.buffer);
const operandBytes = new Uint8Array(wasmMemory.buffer, 0, 64);
const at = { x: i32.const(0), y: i32.const(16), z: i32.const(32), result: i32.const(128) };

// Operands x, y, z at 0, 16, 32: bytes that make odd and negative integers and ordinary floats.
const floats = [1.5, -2.5, 0.75, -1e6, 2.25, -2.5, -0.5, 3e5, 1.25, -7, 8.5, 0.1].map(Math.fround);
floats.forEach((value, i) => view.setFloat32(4 * i, value, true));
const f32At = (base: number, lane: number): number => view.getFloat32(base + 4 * lane, true);
const i32At = (base: number, lane: number): number => view.getInt32(base + 4 * lane, true);
const u32At = (base: number, lane: number): number => view.getUint32(base + 4 * lane, true);

/** The 16 bytes at 128 after `code` ran; they start as 0xEE. */
function bytesAfter(code: Code): number[] {
  new Uint8Array(wasmMemory.buffer, 128, 16).fill(0xee);
  const before = operandBytes.slice();
  instantiate(
    { memory: { minPages: 1 }, functions: [func({ export: "run", params: [], results: [] }, () => code)] },
    { memory: wasmMemory },
  ).run?.();
  expect(operandBytes).toEqual(before);
  return [...new Uint8Array(wasmMemory.buffer, 128, 16)];
}
const bytesOf = (values: Float32Array | Float64Array | Int32Array | Uint32Array | BigInt64Array | BigUint64Array) => [
  ...new Uint8Array(values.buffer),
];

const x = v128.load(at.x);
const y = v128.load(at.y);
const z = v128.load(at.z);
/** Checks that the vector `code` equals the lanes that `expected` computes. */
const gives =
  (code: Code, expected: Float32Array | Float64Array | Int32Array | Uint32Array | BigInt64Array | BigUint64Array) =>
  () =>
    expect(bytesAfter(v128.store(at.result, code))).toEqual(bytesOf(expected));
const four = [0, 1, 2, 3];
const f32Lanes = (lane: (a: number, b: number, c: number) => number) =>
  Float32Array.from(four, (i) => lane(f32At(0, i), f32At(16, i), f32At(32, i)));
const i32Lanes = (lane: (a: number, b: number) => number) =>
  Int32Array.from(four, (i) => lane(i32At(0, i), i32At(16, i)));
const u32Lanes = (lane: (a: number, b: number) => number) =>
  Int32Array.from(four, (i) => lane(u32At(0, i), u32At(16, i)));
const mask = (condition: boolean): number => (condition ? -1 : 0);
/** f64x2 operands: lanes 0 and 1 of x and y, promoted. */
const xd = f64x2.promote_low_f32x4(x);
const yd = f64x2.promote_low_f32x4(y);
const f64Lanes = (lane: (a: number, b: number, c: number) => number) =>
  Float64Array.from([0, 1], (i) => lane(f32At(0, i), f32At(16, i), f32At(32, i)));

/** One scalar instruction on constants. */
type Scalar = "i32" | "f32" | "f64";
const constants: { [T in Scalar]: (value: number) => Code } = { i32: i32.const, f32: f32.const, f64: f64.const };
const scalar = (operand: Scalar, result: Scalar, make: (...operands: Code[]) => Code, cases: number[][]) => () => {
  for (const values of cases) {
    const operands = values.slice(0, -1);
    const locals = func({ export: "run", params: operands.map(() => operand), results: [result] }, (f) =>
      make(...operands.map((_, i) => f.param(i).get)),
    );
    const fold = func({ export: "fold", params: [], results: [result] }, () =>
      make(...operands.map(constants[operand])),
    );
    const { run, fold: folded } = instantiate({ functions: [locals, fold] });
    expect(run?.(...operands), `of ${operands}`).toBe(values.at(-1));
    expect(folded?.(), `of constants ${operands}`).toBe(values.at(-1));
  }
};
const load = (result: Scalar, code: Code, expected: () => number) => () => {
  const f = func({ export: "run", params: [], results: [result] }, () => code);
  expect(instantiate({ memory: { minPages: 1 }, functions: [f] }, { memory: wasmMemory }).run?.()).toBe(expected());
};
const stores = (code: Code, expected: number[]) => () =>
  expect(bytesAfter(code)).toEqual([...expected, ...Array(16 - expected.length).fill(0xee)]);

type Table<N extends object> = { [K in keyof N]: () => void };

const i32Table: Table<typeof i32> = {
  const: scalar("i32", "i32", () => [], []),
  load: load("i32", i32.load(i32.const(0), 4), () => i32At(0, 1)),
  eqz: scalar("i32", "i32", i32.eqz as never, [
    [0, 1],
    [-3, 0],
  ]),
  eq: scalar("i32", "i32", i32.eq as never, [
    [4, 4, 1],
    [4, 5, 0],
  ]),
  ne: scalar("i32", "i32", i32.ne as never, [
    [4, 4, 0],
    [4, 5, 1],
  ]),
  lt_s: scalar("i32", "i32", i32.lt_s as never, [
    [-1, 1, 1],
    [1, -1, 0],
    [1, 1, 0],
  ]),
  gt_s: scalar("i32", "i32", i32.gt_s as never, [
    [-1, 1, 0],
    [1, -1, 1],
    [1, 1, 0],
  ]),
  ge_s: scalar("i32", "i32", i32.ge_s as never, [
    [-1, 1, 0],
    [1, -1, 1],
    [1, 1, 1],
  ]),
  add: scalar("i32", "i32", i32.add as never, [[2 ** 31 - 1, 1, -(2 ** 31)]]),
  sub: scalar("i32", "i32", i32.sub as never, [[3, 5, -2]]),
  mul: scalar("i32", "i32", i32.mul as never, [[0x12345, 0x6789a, Math.imul(0x12345, 0x6789a)]]),
  div_u: scalar("i32", "i32", i32.div_u as never, [[-7, 2, (2 ** 32 - 8) / 2]]),
  rem_u: scalar("i32", "i32", i32.rem_u as never, [[-7, 4, 1]]),
  and: scalar("i32", "i32", i32.and as never, [[12, 10, 8]]),
  or: scalar("i32", "i32", i32.or as never, [[12, 10, 14]]),
  shl: scalar("i32", "i32", i32.shl as never, [
    [3, 4, 48],
    [1, 33, 2],
  ]),
  shr_u: scalar("i32", "i32", i32.shr_u as never, [[-16, 28, 15]]),
  atomic_load: load("i32", i32.atomic_load(at.x, 4), () => i32At(0, 1)),
  atomic_store: stores(i32.atomic_store(at.result, i32.const(0x12345678)), [0x78, 0x56, 0x34, 0x12]),
  atomic_rmw_add: stores(
    [
      i32.atomic_store(at.result, i32.const(7)),
      i32.atomic_store(at.result, i32.atomic_rmw_add(at.result, i32.const(5)), 4),
    ],
    [12, 0, 0, 0, 7, 0, 0, 0],
  ),
};

const floatCases = (type: "f32" | "f64") => {
  const op = type === "f32" ? f32 : f64;
  const round = type === "f32" ? Math.fround : (value: number) => value;
  const [a, b] = [round(1.1), round(-2.3)];
  const two = (make: unknown, value: number) => scalar(type, type, make as never, [[a, b, round(value)]]);
  const one = (make: unknown, ...cases: [number, number][]) => scalar(type, type, make as never, cases);
  return {
    const: one((v: Code) => v, [a, a], [Infinity, Infinity], [NaN, NaN], [-0, -0]),
    add: two(op.add, a + b),
  };
};

const f32Table: Table<typeof f32> = {
  ...floatCases("f32"),
  load: load("f32", f32.load(at.x, 12), () => f32At(0, 3)),
  store: stores(f32.store(at.result, f32.const(1)), [0, 0, 0x80, 0x3f]),
  demote_f64: scalar("f64", "f32", f32.demote_f64 as never, [[0.1, Math.fround(0.1)]]),
};

const f64Table: Table<typeof f64> = {
  ...floatCases("f64"),
  promote_f32: scalar("f32", "f64", f64.promote_f32 as never, [[Math.fround(0.1), Math.fround(0.1)]]),
};

const v128Table: Table<typeof v128> = {
  load: gives(
    v128.load(i32.const(3), 13),
    i32Lanes((_, b) => b),
  ),
  load32_splat: gives(
    v128.load32_splat(at.x, 4),
    f32Lanes(() => f32At(0, 1)),
  ),
  store: gives(
    x,
    i32Lanes((a) => a),
  ),
  and: gives(
    v128.and(x, y),
    i32Lanes((a, b) => a & b),
  ),
  or: gives(
    v128.or(x, y),
    i32Lanes((a, b) => a | b),
  ),
  xor: gives(
    v128.xor(x, y),
    i32Lanes((a, b) => a ^ b),
  ),
  bitselect: gives(
    v128.bitselect(x, y, z),
    Int32Array.from(four, (i) => (i32At(0, i) & i32At(32, i)) | (i32At(16, i) & ~i32At(32, i))),
  ),
  store32_lane: stores(v128.store32_lane(at.result, x, 3), bytesOf(Int32Array.of(i32At(0, 3)))),
};

const i8x16Table: Table<typeof i8x16> = {
  shuffle: gives(
    i8x16.shuffle(x, y, [0, 1, 2, 3, 16, 17, 18, 19, 31, 30, 29, 28, 15, 15, 15, 15]),
    new Int32Array(
      Uint8Array.from([0, 1, 2, 3, 16, 17, 18, 19, 31, 30, 29, 28, 15, 15, 15, 15], (i) => operandBytes[i] as number)
        .buffer,
    ),
  ),
};

const i32x4Compare = (test: (a: number, b: number) => boolean) => i32Lanes((a, b) => mask(test(a, b)));
const u32x4Compare = (test: (a: number, b: number) => boolean) => u32Lanes((a, b) => mask(test(a, b)));
const i32x4Table: Table<typeof i32x4> = {
  const: () => {
    gives(i32x4.const(1, -2, 3, 2 ** 31 - 1), Int32Array.of(1, -2, 3, 2 ** 31 - 1))();
    gives(
      i32x4.const(0xdeadbeef),
      i32Lanes(() => 0xdeadbeef),
    )();
  },
  shuffle: gives(
    i32x4.shuffle(x, y, [3, 4, 0, 7]),
    Int32Array.of(i32At(0, 3), i32At(16, 0), i32At(0, 0), i32At(16, 3)),
  ),
  splat: gives(
    i32x4.splat(i32.const(-9)),
    i32Lanes(() => -9),
  ),
  eq: gives(
    i32x4.eq(x, y),
    i32x4Compare((a, b) => a === b),
  ),
  ge_u: gives(
    i32x4.ge_u(x, y),
    u32x4Compare((a, b) => a >= b),
  ),
  shl: gives(
    i32x4.shl(x, 5),
    i32Lanes((a) => a << 5),
  ),
  shr_s: gives(
    i32x4.shr_s(x, 5),
    i32Lanes((a) => a >> 5),
  ),
  shr_u: gives(
    i32x4.shr_u(x, 5),
    i32Lanes((a) => a >>> 5),
  ),
  add: gives(
    i32x4.add(x, y),
    i32Lanes((a, b) => a + b),
  ),
  sub: gives(
    i32x4.sub(x, y),
    i32Lanes((a, b) => a - b),
  ),
  mul: gives(i32x4.mul(x, y), i32Lanes(Math.imul)),
};

const f32x4Compare = (test: (a: number, b: number) => boolean) =>
  Int32Array.from(four, (i) => mask(test(f32At(0, i), f32At(16, i))));
const relaxed = (check: () => void) => () => {
  if (hasRelaxedSimd) check();
};
/** These products and sums are exact in f32, so one and two roundings agree. */
const exact = f32x4.const(1.5, -2, 0.25, 3);
const f32x4Table: Table<typeof f32x4> = {
  const: () => {
    gives(f32x4.const(1, -2.5, 0.1, Infinity), Float32Array.of(1, -2.5, 0.1, Infinity))();
    gives(
      f32x4.const(-0),
      f32Lanes(() => -0),
    )();
  },
  splat: gives(
    f32x4.splat(f32.const(0.1)),
    f32Lanes(() => 0.1),
  ),
  eq: gives(
    f32x4.eq(x, y),
    f32x4Compare((a, b) => a === b),
  ),
  ne: gives(
    f32x4.ne(x, y),
    f32x4Compare((a, b) => a !== b),
  ),
  lt: gives(
    f32x4.lt(x, y),
    f32x4Compare((a, b) => a < b),
  ),
  gt: gives(
    f32x4.gt(x, y),
    f32x4Compare((a, b) => a > b),
  ),
  demote_f64x2_zero: gives(f32x4.demote_f64x2_zero(f64x2.const(0.1, -3)), Float32Array.of(0.1, -3, 0, 0)),
  abs: gives(f32x4.abs(x), f32Lanes(Math.abs)),
  neg: gives(
    f32x4.neg(x),
    f32Lanes((a) => -a),
  ),
  sqrt: gives(
    f32x4.sqrt(f32x4.abs(x)),
    f32Lanes((a) => Math.sqrt(Math.abs(a))),
  ),
  add: gives(
    f32x4.add(x, y),
    f32Lanes((a, b) => a + b),
  ),
  sub: gives(
    f32x4.sub(x, y),
    f32Lanes((a, b) => a - b),
  ),
  mul: gives(
    f32x4.mul(x, y),
    f32Lanes((a, b) => a * b),
  ),
  div: gives(
    f32x4.div(x, y),
    f32Lanes((a, b) => a / b),
  ),
  min: gives(
    f32x4.min(x, y),
    f32Lanes((a, b) => Math.min(a, b)),
  ),
  max: gives(
    f32x4.max(x, y),
    f32Lanes((a, b) => Math.max(a, b)),
  ),
  pmin: gives(
    f32x4.pmin(x, y),
    f32Lanes((a, b) => (b < a ? b : a)),
  ),
  pmax: gives(
    f32x4.pmax(x, y),
    f32Lanes((a, b) => (a < b ? b : a)),
  ),
  convert_i32x4_s: gives(
    f32x4.convert_i32x4_s(x),
    Float32Array.from(four, (i) => i32At(0, i)),
  ),
  relaxed_madd: relaxed(
    gives(f32x4.relaxed_madd(exact, exact, f32x4.const(1, 2, 3, 4)), Float32Array.of(3.25, 6, 3.0625, 13)),
  ),
};

const f64x2Table: Table<typeof f64x2> = {
  const: gives(f64x2.const(0.1, -7), Float64Array.of(0.1, -7)),
  promote_low_f32x4: gives(
    xd,
    f64Lanes((a) => a),
  ),
  add: gives(
    f64x2.add(xd, yd),
    f64Lanes((a, b) => a + b),
  ),
};

const memoryTable: Table<typeof memory> = {
  copy: stores(memory.copy(at.result, at.y, i32.const(5)), [...operandBytes.slice(16, 21)]),
  fill: stores(memory.fill(at.result, i32.const(0x2a), i32.const(3)), [0x2a, 0x2a, 0x2a]),
  atomic_notify: load("i32", memory.atomic_notify(at.x, i32.const(1)), () => 0),
  atomic_wait32: () => {
    const shared = new WebAssembly.Memory({ initial: 1, maximum: 2, shared: true });
    const wait = func({ export: "wait", params: ["i32"], results: ["i32"] }, (f) =>
      memory.atomic_wait32(i32.const(64), f.param(0).get),
    );
    const { wait: run } = instantiate(
      { memory: { minPages: 1, maxPages: 2, shared: true }, functions: [wait] },
      { memory: shared },
    );
    expect(run?.(1)).toBe(1);
  },
};

const tables = {
  i32: i32Table,
  f32: f32Table,
  f64: f64Table,
  v128: v128Table,
  i8x16: i8x16Table,
  i32x4: i32x4Table,
  f32x4: f32x4Table,
  f64x2: f64x2Table,
  memory: memoryTable,
};
for (const [type, table] of Object.entries(tables)) {
  describe(`${type}: each instruction agrees with JavaScript`, () => {
    for (const [name, check] of Object.entries(table)) test(name, check);
  });
}

describe("constants and offsets", () => {
  test("i32.const round-trips at every length of its encoding, and takes unsigned values", () => {
    const values = [
      0,
      1,
      -1,
      63,
      64,
      -64,
      -65,
      8191,
      8192,
      -8192,
      -8193,
      1 << 20,
      -(1 << 20),
      1 << 27,
      -(1 << 27),
      2 ** 31 - 1,
      -(2 ** 31),
    ];
    for (const value of values) {
      const f = func({ export: "run", params: [], results: ["i32"] }, () => i32.const(value));
      expect(instantiate({ functions: [f] }).run?.()).toBe(value);
    }
    expect(i32.const(0xffffffff)).toEqual(i32.const(-1));
    expect(() => i32.const(0.5)).toThrow("0.5");
    expect(() => i32.const(2 ** 32)).toThrow("4294967296");
  });

  test("a load's offset goes to 2^32 - 1: it traps outside memory and does not wrap", () => {
    const f = (offset: number) =>
      func({ export: "run", params: [], results: ["i32"] }, () => i32.load(i32.const(1), offset));
    for (const offset of [127, 128, 16383, 16384, 65531]) {
      view.setInt32(offset + 1, 77, true);
      expect(instantiate({ memory: { minPages: 1 }, functions: [f(offset)] }, { memory: wasmMemory }).run?.()).toBe(77);
      view.setInt32(offset + 1, 0, true);
    }
    const { run } = instantiate({ memory: { minPages: 1 }, functions: [f(2 ** 32 - 1)] }, { memory: wasmMemory });
    expect(run).toThrow("out of bounds");
    expect(() => v128.load(at.x, 2 ** 32)).toThrow("internal:");
    expect(() => v128.load(at.x, -16)).toThrow("internal:");
  });

  test("a lane out of range is refused", () => {
    expect(() => v128.store32_lane(at.x, x, 4)).toThrow("lane 4 of 4");
  });
});

describe("control and locals", () => {
  test("locals of mixed types keep their values", () => {
    const f = func({ export: "run", params: ["i32", "f64"], results: ["f64"] }, (f) => {
      const [a, b, c, d] = [f.local("i32"), f.local("v128"), f.local("i32"), f.local("f64")];
      return [
        a.set(i32.add(f.param(0).get, i32.const(1))),
        b.set(i32x4.splat(c.tee(i32.const(10)))),
        d.set(f.param(1).get),
        drop(a.get),
        drop(b.get),
        f64.add(d.get, select(i32.eq(i32.add(a.get, c.get), i32.const(16)), f64.const(26), f64.const(0))),
      ];
    });
    expect(instantiate({ functions: [f] }).run?.(5, 0.5)).toBe(26.5);
    expect(() => assembleModule({ functions: [func({ params: [], results: [] }, (f) => f.param(0).get)] })).toThrow(
      "parameter 0",
    );
  });

  test("block, loop, br, br_if, if_, ret, select, unreachable", () => {
    // Collatz steps to reach 1.
    const collatz = func({ export: "collatz", params: ["i32"], results: ["i32"] }, (f) => {
      const [n, steps] = [f.param(0), f.local("i32")];
      return [
        if_(i32.eqz(n.get), ret(i32.const(-1))),
        block(
          loop([
            br_if(1, i32.eq(n.get, i32.const(1))),
            n.set(
              if_(
                i32.and(n.get, i32.const(1)),
                i32.add(i32.mul(n.get, i32.const(3)), i32.const(1)),
                i32.shr_u(n.get, i32.const(1)),
                "i32",
              ),
            ),
            steps.set(i32.add(steps.get, i32.const(1))),
            br(0),
          ]),
        ),
        block(steps.get, "i32"),
      ];
    });
    const pick = func({ export: "pick", params: ["i32"], results: ["i32"] }, (f) =>
      select(f.param(0).get, i32.const(10), i32.const(20)),
    );
    const never = func({ export: "never", params: [], results: [] }, unreachable);
    const run = instantiate({ functions: [collatz, pick, never] });
    expect(run.collatz?.(27)).toBe(111);
    expect(run.collatz?.(0)).toBe(-1);
    expect([run.pick?.(1), run.pick?.(0)]).toEqual([10, 20]);
    expect(run.never).toThrow("unreachable");
  });

  test("forLoop counts up, down, from and to run-time values, and skips an empty range", () => {
    const digits = (from: Code | number | "p", to: Code | number | "p", step: number, p: number) => {
      const f = func({ export: "run", params: ["i32"], results: ["i32"] }, (f) => {
        const [i, sum] = [f.local("i32"), f.local("i32")];
        const value = (bound: Code | number | "p") => (bound === "p" ? f.param(0).get : bound);
        return [
          forLoop(f, i, value(from), value(to), step, sum.set(i32.add(i32.mul(sum.get, i32.const(10)), i.get))),
          sum.get,
        ];
      });
      return instantiate({ functions: [f] }).run?.(p);
    };
    expect(digits(1, 5, 1, 0)).toBe(1234);
    expect(digits(1, "p", 2, 8)).toBe(1357);
    expect(digits("p", 0, -1, 4)).toBe(4321);
    expect(digits(4, 0, -1, 0)).toBe(4321);
    expect(digits("p", i32.const(3), 1, 3)).toBe(0);
    expect(digits(7, 3, 1, 0)).toBe(0);
    expect(digits("p", 9, 1, -1)).toBe(12345678 - 10 ** 9);
  });

  test("functions call each other whatever their order, and themselves", () => {
    const isEven = func(
      { export: "isEven", params: ["i32"], results: ["i32"] },
      (f): Code =>
        if_(i32.eqz(f.param(0).get), i32.const(1), call(isOdd, i32.sub(f.param(0).get, i32.const(1))), "i32"),
    );
    const isOdd = func(
      { name: "isOdd", params: ["i32"], results: ["i32"] },
      (f): Code =>
        if_(i32.eqz(f.param(0).get), i32.const(0), call(isEven, i32.sub(f.param(0).get, i32.const(1))), "i32"),
    );
    const factorial = func(
      { export: "factorial", params: ["i32"], results: ["i32"] },
      (f): Code =>
        if_(
          f.param(0).get,
          i32.mul(f.param(0).get, call(factorial, i32.sub(f.param(0).get, i32.const(1)))),
          i32.const(1),
          "i32",
        ),
    );
    const run = instantiate({ functions: [isEven, isOdd, factorial] });
    expect([run.isEven?.(5), run.isEven?.(4)]).toEqual([0, 1]);
    expect(run.factorial?.(10)).toBe(3628800);
    expect(Object.keys(run)).toEqual(["isEven", "factorial"]);
    expect(() => assembleModule({ functions: [isEven] })).toThrow('call of function "isOdd"');
    expect(() => assembleModule({ functions: [isOdd, isOdd] })).toThrow('"isOdd" is twice');
  });

  test("a stack trace names the function", () => {
    const inner = func({ name: "lstm.forward", params: [], results: [] }, unreachable);
    const outer = func({ export: "outer", params: [], results: [] }, () => call(inner));
    try {
      instantiate({ functions: [outer, inner] }).outer?.();
      expect.unreachable();
    } catch (error) {
      expect((error as Error).stack).toContain("lstm.forward");
    }
  });
});

describe("modules", () => {
  test("the smallest module, byte by byte", () => {
    expect([...assembleModule({ functions: [] })]).toEqual([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
    const f = func({ params: ["i32"], results: [] }, () => []);
    expect([...assembleModule({ functions: [f] }).slice(8)]).toEqual([
      1, 5, 1, 0x60, 1, 0x7f, 0, 3, 2, 1, 0, 10, 4, 1, 2, 0, 0x0b,
    ]);
  });

  test("memory limits: minimum, maximum, shared", () => {
    const module = (limits: { minPages: number; maxPages?: number; shared?: boolean }) =>
      new WebAssembly.Module(assembleModule({ memory: limits, functions: [] }));
    const link = (limits: Parameters<typeof module>[0], given: WebAssembly.MemoryDescriptor) => () =>
      new WebAssembly.Instance(module(limits), { env: { memory: new WebAssembly.Memory(given) } });
    expect(link({ minPages: 300 }, { initial: 300 })).not.toThrow();
    expect(link({ minPages: 300 }, { initial: 299 })).toThrow();
    expect(link({ minPages: 1, maxPages: 5 }, { initial: 1, maximum: 6 })).toThrow();
    expect(link({ minPages: 1, maxPages: 5, shared: true }, { initial: 1, maximum: 5, shared: true })).not.toThrow();
    expect(link({ minPages: 1, maxPages: 5, shared: true }, { initial: 1, maximum: 5 })).toThrow();
    expect(() => module({ minPages: 1, shared: true })).toThrow("maxPages");
  });

  test("an expression 100,000 deep assembles", () => {
    let sum: Code = i32.const(0);
    for (let i = 0; i < 100_000; i++) sum = i32.add(sum, i32.const(1));
    const bytes = assembleModule({ functions: [func({ params: [], results: ["i32"] }, () => sum)] });
    expect(WebAssembly.validate(bytes)).toBe(true);
  });

  // To copy what there is with each instruction would be above the runner's limit.
  test("4 MB of code assemble", () => {
    const pass = (p: Local) =>
      Array.from({ length: 200_000 }, (_, i) =>
        v128.store(p.get, f32x4.mul(v128.load(p.get, 16 * i), f32x4.splat(f32.const(i))), 16 * i),
      );
    const f = func({ params: ["i32"], results: [] }, (f) => pass(f.param(0)));
    const bytes = assembleModule({ memory: { minPages: 1 }, functions: [f] });
    expect(bytes.length).toBeGreaterThan(4_000_000);
    expect(WebAssembly.validate(bytes)).toBe(true);
  });
});

describe("features", () => {
  test("relaxed SIMD and shared memory are found in Node", () => {
    expect(relaxedSimd()).toBe(true);
    expect(sharedMemory()).toBe(true);
  });
});
