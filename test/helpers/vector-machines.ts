/**
 * What functions over the operations of vectors run on: WASM; and the same operations in plain arithmetic, on vectors of any
 * width, which says what they mean.
 */
import type { Nested, Variable, VectorOps } from "../../src/engines/vector/vector-ops.ts";
import { type Code, func } from "../../src/engines/wasm/assembler.ts";
import { vectorOps } from "../../src/engines/wasm/vector-ops.ts";
import { nativeMachines } from "./native.ts";
import { type Callable, callable, hosts, untouched } from "./wasm.ts";

/** A function of so many 32-bit integers, over any engine's operations. */
export type Body = <Vector, Mask, Whole, Code>(
  o: VectorOps<Vector, Mask, Whole, Code>,
  ...parameters: readonly Whole[]
) => Nested<Code>;

export type Machine = {
  readonly name: string;
  readonly width: number;
  readonly fused: boolean;
  /** Functions of three integers, on a memory of their own. */
  make<Name extends string>(bodies: Readonly<Record<Name, Body>>, bytes: number): Callable<Name>;
};

const wasmMachines = hosts.map(
  ([name, host]): Machine => ({
    name: `WASM, ${name}`,
    width: 4,
    fused: host.fma,
    make(bodies, bytes) {
      const made = Object.entries<Body>(bodies).map(([name, body]) => {
        const handle = func({ name, params: ["i32", "i32", "i32"], results: [] }, (f) => {
          const [a, b, c] = f.params(3);
          return body(vectorOps(f, host), a.get, b.get, c.get) as Code;
        });
        return [name, handle] as const;
      });
      return callable(
        made.map(([, handle]) => handle),
        Object.fromEntries(made) as never,
        bytes,
      );
    },
  }),
);

// Plain arithmetic: an expression is a function that evaluates it; a vector's value are its lanes, as numbers and as their bits.

type Lanes = { readonly floats: Float32Array; readonly bits: Int32Array };
type Vector = () => Lanes;
type Mask = () => readonly boolean[];
type Whole = () => number;
type Action = () => void;

function newLanes(width: number): Lanes {
  const floats = new Float32Array(width);
  return { floats, bits: new Int32Array(floats.buffer) };
}

/** a * b + c, rounded once to f32: rounded to odd in f64, which the second rounding then cannot turn wrong. */
export function fusedMultiplyAdd(a: number, b: number, c: number): number {
  const product = a * b; // Exact: 48 bits.
  const sum = product + c;
  const part = sum - product;
  const error = product - (sum - part) + (c - part);
  if (!Number.isFinite(sum) || error === 0) return Math.fround(sum);
  double[0] = sum;
  const low = halves[0] as number;
  // Next to it where its last bit is 0: further from zero, or nearer.
  if ((low & 1) === 0) {
    const further = error > 0 === sum > 0;
    halves[0] = further ? low + 1 : low - 1;
    if (!further && low === 0) halves[1] = (halves[1] as number) - 1;
  }
  return Math.fround(double[0]);
}
const double = new Float64Array(1);
const halves = new Uint32Array(double.buffer);

export const runCode = (code: Nested<Action>): void => {
  if (typeof code === "function") code();
  else code.forEach(runCode);
};

function variable<Value>(zero: Value): Variable<() => Value, Action> {
  let held = zero;
  const put = (value: Value): Value => {
    held = value;
    return value;
  };
  return { get: () => held, set: (value) => () => void put(value()), tee: (value) => () => put(value()) };
}

export function plainOps(
  width: number,
  fused: boolean,
  { floats, words }: { readonly floats: Float32Array; readonly words: Int32Array },
): VectorOps<Vector, Mask, Whole, Action> {
  const lanes = Array.from({ length: width }, (_, lane) => lane);
  const integers = (lane: (k: number) => number, made = newLanes(width)): Lanes => {
    for (let k = 0; k < width; k++) made.bits[k] = lane(k);
    return made;
  };
  const vector = (lane: (k: number) => number, made = newLanes(width)): Lanes => {
    for (let k = 0; k < width; k++) made.floats[k] = lane(k);
    return made;
  };
  const unary =
    (compute: (x: number) => number) =>
    (x: Vector): Vector => {
      const made = newLanes(width);
      return () => {
        const a = x().floats;
        return vector((k) => compute(a[k] as number), made);
      };
    };
  const binary =
    (compute: (x: number, y: number) => number) =>
    (x: Vector, y: Vector): Vector => {
      const made = newLanes(width);
      return () => {
        const a = x().floats;
        const b = y().floats;
        return vector((k) => compute(a[k] as number, b[k] as number), made);
      };
    };
  const compare =
    (test: (x: number, y: number) => boolean) =>
    (x: Vector, y: Vector): Mask =>
    () => {
      const [a, b] = [x().floats, y().floats];
      return lanes.map((k) => test(a[k] as number, b[k] as number));
    };
  const ofBits =
    (compute: (x: number, y: number) => number) =>
    (x: Vector, y: Vector): Vector => {
      const made = newLanes(width);
      return () => {
        const a = x().bits;
        const b = y().bits;
        return integers((k) => compute(a[k] as number, b[k] as number), made);
      };
    };
  const byBits =
    (compute: (x: number, bits: number) => number) =>
    (x: Vector, bits: number): Vector => {
      const made = newLanes(width);
      return () => {
        const a = x().bits;
        return integers((k) => compute(a[k] as number, bits), made);
      };
    };
  const compareBits =
    (test: (x: number, y: number) => boolean) =>
    (x: Vector, y: Vector): Mask =>
    () => {
      const [a, b] = [x().bits, y().bits];
      return lanes.map((k) => test(a[k] as number, b[k] as number));
    };
  const ofWholes =
    (compute: (x: number, y: number) => number) =>
    (x: Whole, y: Whole): Whole =>
    () => {
      const a = x();
      return compute(a, y()) | 0;
    };
  const over =
    (compute: (x: number, y: number) => number) =>
    (x: Vector): Vector =>
    () => {
      const all = x().floats.reduce((a, b) => Math.fround(compute(a, b)));
      return vector(() => all);
    };
  const select =
    (x: Vector, y: Vector, mask: Mask, made = newLanes(width)): Vector =>
    () => {
      const [a, b, m] = [x().bits, y().bits, mask()];
      return integers((k) => (m[k] ? a : b)[k] as number, made);
    };
  const constant = (value: number): Vector => {
    const bits = vector(() => value);
    return () => bits;
  };
  const [zero, notANumber] = [constant(0), constant(Number.NaN)];
  /** The number at an address, counted in numbers; every address here is that of one. */
  const indexOf = (at: Whole, offset: number): number => {
    const address = (at() >>> 0) + offset;
    if (address % 4 !== 0 || address < 0 || address + 4 > floats.byteLength) throw new Error(`no number at ${address}`);
    return address / 4;
  };
  const storeFirst =
    (at: Whole, x: Vector, count: number, offset: number): Action =>
    () => {
      const index = indexOf(at, offset);
      words.set(x().bits.subarray(0, count), index);
    };
  const load =
    (lane: (k: number) => number) =>
    (at: Whole, offset: number): Vector => {
      const made = newLanes(width);
      return () => {
        const index = indexOf(at, offset);
        return integers((k) => words[index + lane(k)] ?? untouched, made);
      };
    };
  const madd = fused ? fusedMultiplyAdd : (p: number, q: number, r: number) => Math.fround(p * q) + r;
  /** What a variable holds is its own: an operation gives the same lanes each time. */
  const copy = ({ bits }: Lanes): Lanes => integers((k) => bits[k] as number);
  const newVector = (): Variable<Vector, Action> => {
    const held = variable(newLanes(width));
    return { get: held.get, set: (x) => held.set(() => copy(x())), tee: (x) => held.tee(() => copy(x())) };
  };
  return {
    width,
    fused,
    newVector,
    newMask: () => variable<readonly boolean[]>(lanes.map(() => false)),
    newWhole: () => variable(0),
    newSum: () => {
      let sums = new Float64Array(width);
      return {
        clear: () => {
          sums = new Float64Array(width);
        },
        add: (x) => () => {
          x().floats.forEach((value, k) => {
            sums[k] = (sums[k] as number) + value;
          });
        },
        total: () => () => vector((k) => (k === 0 ? sums.reduce((a, b) => a + b) : Number.NaN)),
      };
    },

    load: load((k) => k),
    loadSplat: load(() => 0),
    store: (at, x, offset) => storeFirst(at, x, width, offset),
    storeFirst,
    storeZeros: (at, count, offset) => () => void floats.fill(0, indexOf(at, offset), indexOf(at, offset) + count),

    const: constant,
    neg: (x) => byBits((value, bits) => value ^ bits)(x, 0x8000_0000),
    abs: (x) => byBits((value, bits) => value & bits)(x, 0x7fff_ffff),
    sqrt: unary(Math.sqrt),
    add: binary((x, y) => x + y),
    sub: binary((x, y) => x - y),
    mul: binary((x, y) => x * y),
    div: binary((x, y) => x / y),
    madd: (x, y, z) => {
      const made = newLanes(width);
      return () => {
        const [a, b, c] = [x().floats, y().floats, z().floats];
        return vector((k) => madd(a[k] as number, b[k] as number, c[k] as number), made);
      };
    },
    min: binary(Math.min),
    max: binary(Math.max),
    pmin: binary((x, y) => (y < x ? y : x)),
    pmax: binary((x, y) => (x < y ? y : x)),
    sumOfLanes: over((x, y) => x + y),
    maxOfLanes: over(Math.max),

    eq: compare((x, y) => x === y),
    ne: compare((x, y) => x !== y),
    lt: compare((x, y) => x < y),
    gt: compare((x, y) => x > y),
    both: (m, n) => () => {
      const [a, b] = [m(), n()];
      return lanes.map((k) => (a[k] as boolean) && (b[k] as boolean));
    },
    select,
    keep: (mask, x) => () => {
      const m = mask();
      return select(x, zero, () => m)();
    },
    orNaN: (x, mask) => () => {
      const value = x();
      return select(notANumber, () => value, mask)();
    },
    cut: (x, count, behind = 0) => select(x, constant(behind), () => lanes.map((k) => k < count)),

    int: {
      const: (value) => () => integers(() => value),
      splat: (x) => () => {
        const value = x();
        return integers(() => value);
      },
      lanes: () => integers((k) => k),
      add: ofBits((x, y) => x + y),
      sub: ofBits((x, y) => x - y),
      mul: ofBits(Math.imul),
      and: ofBits((x, y) => x & y),
      xor: ofBits((x, y) => x ^ y),
      shl: byBits((x, bits) => x << bits),
      shr_s: byBits((x, bits) => x >> bits),
      shr_u: byBits((x, bits) => x >>> bits),
      eq: compareBits((x, y) => x === y),
      ge_u: compareBits((x, y) => x >>> 0 >= y >>> 0),
      toFloat: (x) => () => {
        const { bits } = x();
        return vector((k) => bits[k] as number);
      },
    },
    whole: {
      const: (value) => () => value | 0,
      load: (at, offset) => () => words[indexOf(at, offset)] as number,
      add: ofWholes((x, y) => x + y),
      mul: ofWholes(Math.imul),
      shr_u: ofWholes((x, y) => x >>> y),
      rem_u: ofWholes((x, y) => (x >>> 0) % (y >>> 0)),
      eq: ofWholes((x, y) => (x === y ? 1 : 0)),
    },

    after: (code, x) => () => {
      runCode(code);
      return x();
    },
    when: (condition, code) => () => {
      if (condition() !== 0) runCode(code);
    },
    choose: (condition, x, y) => () => (condition() !== 0 ? x() : y()),
    loop: (counter, from, to, step, body) => () => {
      const value = (bound: Whole | number): number => (typeof bound === "number" ? bound : bound());
      const end = value(to);
      const next = (k: number): void => counter.set(() => k)();
      for (next(value(from)); counter.get() < end; next((counter.get() + step) | 0)) runCode(body);
    },
  };
}

const plainMachine = (width: number, fused: boolean): Machine => ({
  name: `plain arithmetic on ${width} lanes, ${fused ? "fused" : "multiply and add"}`,
  width,
  fused,
  make(bodies, bytes) {
    const words = new Int32Array(Math.ceil(bytes / 65536) * 16384).fill(untouched);
    const floats = new Float32Array(words.buffer);
    const o = plainOps(width, fused, { floats, words });
    const call = Object.fromEntries(
      Object.entries<Body>(bodies).map(([name, body]) => {
        const parameters = [0, 1, 2].map(() => variable(0));
        const code = body(o, ...parameters.map(({ get }) => get));
        return [
          name,
          (...given: number[]) => {
            parameters.forEach((parameter, k) => {
              parameter.set(() => (given[k] ?? 0) | 0)();
            });
            runCode(code);
          },
        ];
      }),
    );
    return { floats, words, call: call as never };
  },
});

/** Vectors as wide as those of SSE and WASM, of AVX, and of AVX-512. */
export const machines: readonly Machine[] = [
  ...wasmMachines,
  ...[4, 8, 16].map((width) => plainMachine(width, width !== 8)),
  ...nativeMachines,
];
