/**
 * The instructions of WASM that the compiler uses: functions from the code of their operands to code. Pages load all of
 * them.
 */
import type { Code, FunctionBuilder, FunctionHandle, Local, ValType } from "./assembler.ts";
import { f32Bytes, f64Bytes, i32Bytes, s32, u32, valType } from "./encoding.ts";

// Kinds of instruction: from the opcode to the function that makes code of operands.

const unary =
  (...opcode: number[]) =>
  (x: Code): Code => [x, opcode];
const binary =
  (...opcode: number[]) =>
  (x: Code, y: Code): Code => [x, y, opcode];
const ternary =
  (...opcode: number[]) =>
  (x: Code, y: Code, z: Code): Code => [x, y, z, opcode];
/** By so many bits. */
const shift = (opcode: number) => {
  const code = simd(opcode);
  return (x: Code, bits: number): Code => [x, i32.const(bits), code];
};
const memoryArgument = (alignLog2: number, offset: number): Code => [alignLog2, u32(offset)];
const loadOf =
  (alignLog2: number, ...opcode: number[]) =>
  (pointer: Code, offset = 0): Code => [pointer, opcode, alignLog2, u32(offset)];
const storeOf =
  (alignLog2: number, ...opcode: number[]) =>
  (pointer: Code, value: Code, offset = 0): Code => [pointer, value, opcode, alignLog2, u32(offset)];

const simd = (opcode: number): number[] => [0xfd, u32(opcode)].flat() as number[];
const simd1 = (opcode: number) => unary(...simd(opcode));
const simd2 = (opcode: number) => binary(...simd(opcode));
const simd3 = (opcode: number) => ternary(...simd(opcode));
const lanes = (count: number, lane: number): number => {
  if (!(Number.isInteger(lane) && lane >= 0 && lane < count)) throw new Error(`internal: lane ${lane} of ${count}`);
  return lane;
};
const loadLane =
  (alignLog2: number, opcode: number) =>
  (pointer: Code, x: Code, lane: number, offset = 0): Code => [
    pointer,
    x,
    simd(opcode),
    memoryArgument(alignLog2, offset),
    lanes(16 >> alignLog2, lane),
  ];
const constantOf = (lanes: readonly Code[]): Code => [simd(0x0c), lanes];

/** One value for all lanes, or one a lane. */
type LaneValues<Each extends readonly number[]> = readonly [number] | Each;
type Two = readonly [number, number];
type Four = readonly [number, number, number, number];
const spread = (values: readonly Code[], count: number): readonly Code[] =>
  values.length === 1 ? Array.from({ length: count }, () => values[0] as Code) : values;

// Scalars

/** `const` takes -2^31 to 2^32 - 1. Comparisons give 0 or 1. Loads and stores: `offset` from 0 to 2^32 - 1. */
// biome-ignore format: a table of opcodes
export const i32 = {
  const: (value: number): Code => [0x41, s32(value)],
  load: loadOf(2, 0x28),
  eqz: unary(0x45), eq: binary(0x46), ne: binary(0x47), lt_s: binary(0x48), gt_s: binary(0x4a),
  ge_s: binary(0x4e),
  add: binary(0x6a), sub: binary(0x6b), mul: binary(0x6c), div_u: binary(0x6e), rem_u: binary(0x70),
  and: binary(0x71), or: binary(0x72), shl: binary(0x74), shr_u: binary(0x76),
  atomic_load: loadOf(2, 0xfe, 0x10), atomic_store: storeOf(2, 0xfe, 0x17),
  /** The value before the addition. */
  atomic_rmw_add: storeOf(2, 0xfe, 0x1e),
} as const;

// biome-ignore format: a table of opcodes
export const f32 = {
  const: (value: number): Code => [0x43, f32Bytes(value)],
  load: loadOf(2, 0x2a), store: storeOf(2, 0x38),
  add: binary(0x92), demote_f64: unary(0xb6),
} as const;

// biome-ignore format: a table of opcodes
export const f64 = {
  const: (value: number): Code => [0x44, f64Bytes(value)],
  add: binary(0xa0), promote_f32: unary(0xbb),
} as const;

// Control, memory

const blockType = (result: ValType | undefined): number => (result === undefined ? 0x40 : valType(result));

/** `br(0)` in the body goes to the end of the block. */
export const block = (body: Code, result?: ValType): Code => [0x02, blockType(result), body, 0x0b];
/** `br(0)` in the body goes to the start of the loop; the loop ends where the body does not branch. */
export const loop = (body: Code, result?: ValType): Code => [0x03, blockType(result), body, 0x0b];
/** Counts as one level for the `br` inside its branches. With a `result`, both branches leave one. */
export const if_ = (condition: Code, then: Code, otherwise?: Code, result?: ValType): Code => [
  condition,
  0x04,
  blockType(result),
  then,
  otherwise === undefined ? [] : [0x05, otherwise],
  0x0b,
];
/** Depth 0 is the innermost `block`, `loop` or `if_`. */
export const br = (depth: number): Code => [0x0c, u32(depth)];
export const br_if = (depth: number, condition: Code): Code => [condition, 0x0d, u32(depth)];
export const call = (callee: FunctionHandle, ...operands: Code[]): Code => [...operands, 0x10, callee];
export const ret = (...values: Code[]): Code => [...values, 0x0f];
export const drop = (value: Code): Code => [value, 0x1a];
/** Scalars only; for lanes see `v128.bitselect`. Both values are evaluated. */
export const select = (condition: Code, then: Code, otherwise: Code): Code => [then, otherwise, condition, 0x1b];
export const unreachable = (): Code => [0x00];

/** A timeout in nanoseconds: -1, an i64. */
const forEver = [0x42, 0x7f];

export const memory = {
  copy: (to: Code, from: Code, bytes: Code): Code => [to, from, bytes, 0xfc, 0x0a, 0x00, 0x00],
  fill: (to: Code, byte: Code, bytes: Code): Code => [to, byte, bytes, 0xfc, 0x0b, 0x00],
  /** Wakes at most `count` waiters; leaves how many. */
  atomic_notify: (pointer: Code, count: Code, offset = 0): Code => [
    pointer,
    count,
    0xfe,
    0x00,
    memoryArgument(2, offset),
  ],
  /** Waits for ever. Leaves 0 woken, 1 not equal to `expected`. Shared memory only. */
  atomic_wait32: (pointer: Code, expected: Code, offset = 0): Code => [
    pointer,
    expected,
    forEver,
    0xfe,
    0x01,
    memoryArgument(2, offset),
  ],
} as const;

/**
 * `for (counter = from; counter < to; counter += step) body`, signed; with a negative step, while `counter > to`. The test is at the bottom: a body that never runs costs one
 * comparison, none where both bounds are constants. `to` is evaluated once. The body is two levels deep for `br`
 * unless it surely runs, so leave it by a `block` of your own.
 */
export function forLoop(
  f: FunctionBuilder,
  counter: Local,
  from: Code | number,
  to: Code | number,
  step: number,
  body: Code,
): Code {
  if (!Number.isInteger(step) || step === 0) throw new Error(`internal: loop step ${step}`);
  const goesOn = step > 0 ? i32.lt_s : i32.gt_s;
  const start = typeof from === "number" ? i32.const(from) : from;
  let end: Code;
  let prepare: Code = [];
  if (typeof to === "number") end = i32.const(to);
  else {
    const endLocal = f.local("i32");
    prepare = endLocal.set(to);
    end = endLocal.get;
  }
  const again = (depthBody: Code): Code =>
    loop([depthBody, br_if(0, goesOn(counter.tee(i32.add(counter.get, i32.const(step))), end))]);
  if (typeof from === "number" && typeof to === "number") {
    const runs = step > 0 ? from < to : from > to;
    return [counter.set(start), runs ? again(body) : []];
  }
  return [prepare, if_(goesOn(counter.tee(start), end), again(body))];
}

// Vectors

// biome-ignore format: a table of opcodes
export const v128 = {
  load: loadOf(4, ...simd(0x00)),
  load32_splat: loadOf(2, ...simd(0x09)),
  store: storeOf(4, ...simd(0x0b)),
  and: simd2(0x4e), or: simd2(0x50), xor: simd2(0x51),
  /** Bits of `x` where `mask` has 1, else of `y`. */
  bitselect: (x: Code, y: Code, mask: Code): Code => [x, y, mask, simd(0x52)],
  store32_lane: loadLane(2, 0x5a),
} as const;

// biome-ignore format: a table of opcodes
export const i8x16 = {
  /** Byte i of the result is byte `order[i]` of `x` (0 to 15) and `y` (16 to 31). */
  shuffle: (x: Code, y: Code, order: readonly number[]): Code => {
    if (order.length !== 16) throw new Error(`internal: shuffle by ${order.length} bytes`);
    return [x, y, simd(0x0d), order.map((byte) => lanes(32, byte))];
  },
} as const;

// biome-ignore format: a table of opcodes
export const i32x4 = {
  const: (...values: LaneValues<Four>): Code => constantOf(spread(values.map(i32Bytes), 4)),
  /** Lane i of the result is lane `order[i]` of `x` (0 to 3) and `y` (4 to 7). */
  shuffle: (x: Code, y: Code, order: Four): Code =>
    i8x16.shuffle(x, y, order.flatMap((lane) => [4 * lane, 4 * lane + 1, 4 * lane + 2, 4 * lane + 3])),
  splat: simd1(0x11), eq: simd2(0x37), ge_u: simd2(0x40),
  shl: shift(0xab), shr_s: shift(0xac), shr_u: shift(0xad), add: simd2(0xae), sub: simd2(0xb1), mul: simd2(0xb5),
} as const;

/** `pmin(x, y)` is `y < x ? y : x` and `pmax(x, y)` is `x < y ? y : x`, one instruction on x86; `min` spreads NaN. */
// biome-ignore format: a table of opcodes
export const f32x4 = {
  const: (...values: LaneValues<Four>): Code => constantOf(spread(values.map(f32Bytes), 4)),
  splat: simd1(0x13), eq: simd2(0x41), ne: simd2(0x42), lt: simd2(0x43), gt: simd2(0x44), demote_f64x2_zero: simd1(0x5e),
  abs: simd1(0xe0), neg: simd1(0xe1), sqrt: simd1(0xe3), add: simd2(0xe4), sub: simd2(0xe5), mul: simd2(0xe6),
  div: simd2(0xe7), min: simd2(0xe8), max: simd2(0xe9), pmin: simd2(0xea), pmax: simd2(0xeb),
  convert_i32x4_s: simd1(0xfa),
  /** `x * y + z`, rounded once or twice as the processor likes. Needs `relaxedSimd()`. */
  relaxed_madd: simd3(0x105),
} as const;

// biome-ignore format: a table of opcodes
export const f64x2 = {
  const: (...values: LaneValues<Two>): Code => constantOf(spread(values.map(f64Bytes), 2)),
  /** Lanes 0 and 1 of an f32x4. */
  promote_low_f32x4: simd1(0x5f),
  add: simd2(0xf0),
} as const;
