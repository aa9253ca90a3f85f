/**
 * A small WASM assembler: instructions are functions from operand code to code, so that code reads as expressions.
 * Knows opcodes and the binary format; does not check types (the engine does when it compiles the module) and knows
 * nothing about tensors. No tables, globals or data segments; of the instructions those that the compiler uses: pages load
 * what stands here.
 *
 * @example
 * const axpy = func({ export: "axpy", params: ["i32", "i32", "i32", "f32"], results: [] }, (f) => {
 *   const [x, y, endBytes, a, i] = [f.param(0), f.param(1), f.param(2), f.param(3), f.local("i32")];
 *   const at = (base: Local) => i32.add(base.get, i.get);
 *   return forLoop(f, i, 0, endBytes.get, 16, [
 *     v128.store(at(y), f32x4.add(v128.load(at(y)), f32x4.mul(f32x4.splat(a.get), v128.load(at(x))))),
 *   ]);
 * });
 * const bytes = assembleModule({ memory: { minPages: 1 }, functions: [axpy] });
 */

export type ValType = "i32" | "i64" | "f32" | "f64" | "v128";

/**
 * Bytes, nested: what an instruction's operands leave on the stack comes before its opcode. A function handle stands
 * for the function's index. Code is a value: used in two places, it is evaluated twice (keep results in a local).
 */
export type Code = readonly (number | Code | FunctionHandle)[];

/** A parameter or local of a function, and the code that reads it, sets it, or does both. */
export type Local = {
  readonly get: Code;
  readonly set: (value: Code) => Code;
  readonly tee: (value: Code) => Code;
};

/** So many locals. */
export type Locals<Count extends number, Found extends readonly Local[] = []> = Found["length"] extends Count
  ? Found
  : Locals<Count, [...Found, Local]>;

/** Hands out the parameters and locals of one function while its body is built. */
export type FunctionBuilder = {
  readonly param: (index: number) => Local;
  /** The first parameters, and several new locals: to be taken apart by name. */
  readonly params: <Count extends number>(count: Count) => Locals<Count>;
  readonly locals: <Count extends number>(type: ValType, count: Count) => Locals<Count>;
  /** A new local, zero at entry. */
  readonly local: (type: ValType) => Local;
};

type Signature = { readonly params: readonly ValType[]; readonly results: readonly ValType[] };

/** A function of the module; it stands for its index where it is called. */
export type FunctionHandle = Signature & {
  /** Shown by profilers and in stack traces; the export's name where there is none. */
  readonly name: string | undefined;
  readonly export: string | undefined;
  readonly build: (f: FunctionBuilder) => Code;
};

/**
 * A function of the module. `build` runs when the module is assembled, so a body may call handles that are made later,
 * itself included.
 */
export function func(
  { name, export: exportName, params, results }: Signature & { readonly name?: string; readonly export?: string },
  build: (f: FunctionBuilder) => Code,
): FunctionHandle {
  return { name: name ?? exportName, export: exportName, params, results, build };
}

/** A function of `count` parameters, all i32, without a result. */
export const procedure = (name: string, count: number, build: (f: FunctionBuilder) => Code): FunctionHandle =>
  func({ name, params: Array.from({ length: count }, () => "i32" as const), results: [] }, build);

export type ModuleParts = {
  /** Imported as "env" "memory", pages of 64 KiB. A shared memory needs `maxPages`. */
  readonly memory?: { readonly minPages: number; readonly maxPages?: number; readonly shared?: boolean };
  /** Every function that is exported or called. */
  readonly functions: readonly FunctionHandle[];
};

/**
 * The bytes of a module, for `WebAssembly.compile`.
 * @throws if a body calls a function that is not in `functions`
 */
export function assembleModule({ memory, functions }: ModuleParts): Uint8Array<ArrayBuffer> {
  const indices = new Map<FunctionHandle, number>();
  for (const handle of functions) {
    if (indices.has(handle)) throw new Error(`internal: function ${label(handle)} is twice in one module`);
    indices.set(handle, indices.size);
  }

  const types: Code[] = [];
  const typeIndices = new Map<string, number>();
  const typeIndex = ({ params, results }: Signature): number => {
    const key = `${params.join()}>${results.join()}`;
    const known = typeIndices.get(key);
    if (known !== undefined) return known;
    typeIndices.set(key, types.length);
    types.push([0x60, vector(params.map(valType)), vector(results.map(valType))]);
    return types.length - 1;
  };

  const importEntries: Code[] = [];
  if (memory !== undefined) {
    const { minPages, maxPages, shared = false } = memory;
    if (shared && maxPages === undefined) throw new Error("internal: a shared memory needs maxPages");
    const limits =
      maxPages === undefined ? [0x00, u32(minPages)] : [shared ? 0x03 : 0x01, u32(minPages), u32(maxPages)];
    importEntries.push([utf8("env"), utf8("memory"), 0x02, limits]);
  }
  const declarations = functions.map((f) => u32(typeIndex(f)));
  const exportEntries: Code[] = functions.flatMap((f) => (f.export === undefined ? [] : [[utf8(f.export), 0x00, [f]]]));
  const names = [...indices].flatMap(([f, index]): Code[] =>
    f.name === undefined ? [] : [[u32(index), utf8(f.name)]],
  );

  const out = writer(indices);
  out.code([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);
  const section = (id: number, entries: Code): void => {
    if (entries.length > 0) out.sized([id], () => out.code(vector(entries)));
  };
  section(1, types);
  section(2, importEntries);
  section(3, declarations);
  section(7, exportEntries);
  if (functions.length > 0) {
    out.sized([10], () => {
      out.code([u32(functions.length)]);
      for (const f of functions) out.sized([], () => out.code(functionBody(f)));
    });
  }
  if (names.length > 0) out.sized([0], () => out.code([utf8("name"), 1, sizedBytes(vector(names))]));
  return out.bytes();
}

function functionBody({ params, build }: FunctionHandle): Code {
  const types: ValType[] = [];
  const param = (index: number): Local => {
    const type = params[index];
    if (type === undefined) throw new Error(`internal: parameter ${index} of a function with ${params.length}`);
    return localAt(index);
  };
  const local = (type: ValType): Local => localAt(params.length + types.push(type) - 1);
  const several = <Count extends number>(count: Count, make: (i: number) => Local): Locals<Count> =>
    Array.from({ length: count }, (_, i) => make(i)) as Locals<Count>;
  const body = build({
    param,
    local,
    params: (count) => several(count, param),
    locals: (type, count) => several(count, () => local(type)),
  });
  // Locals are declared as runs (count, type).
  const runs: { count: number; type: ValType }[] = [];
  for (const type of types) {
    const last = runs.at(-1);
    if (last !== undefined && last.type === type) last.count++;
    else runs.push({ count: 1, type });
  }
  return [vector(runs.map(({ count, type }) => [u32(count), valType(type)])), body, 0x0b];
}

function localAt(at: number): Local {
  const index = u32(at);
  return { get: [0x20, index], set: (value) => [value, 0x21, index], tee: (value) => [value, 0x22, index] };
}

const label = (f: FunctionHandle): string => JSON.stringify(f.name ?? "(no name)");

/** Flattens nested code into a growing array, without recursion: deep expressions do not exhaust the stack. */
function writer(indices: ReadonlyMap<FunctionHandle, number>) {
  let bytes = new Uint8Array(1 << 16);
  let size = 0;
  const reserve = (count: number): void => {
    if (size + count <= bytes.length) return;
    const larger = new Uint8Array(Math.max(bytes.length * 2, size + count));
    larger.set(bytes);
    bytes = larger;
  };
  const number = (value: number): void => {
    reserve(5);
    let rest = value;
    for (; rest > 0x7f; rest >>>= 7) bytes[size++] = (rest & 0x7f) | 0x80;
    bytes[size++] = rest;
  };
  const code = (root: Code): void => {
    const parents: Code[] = [];
    const positions: number[] = [];
    let node = root;
    let position = 0;
    for (;;) {
      if (position === node.length) {
        const parent = parents.pop();
        if (parent === undefined) return;
        node = parent;
        position = positions.pop() as number;
        continue;
      }
      const item = node[position++] as Code[number];
      if (typeof item === "number") {
        if (size === bytes.length) reserve(1);
        bytes[size++] = item;
      } else if (isCode(item)) {
        parents.push(node);
        positions.push(position);
        node = item;
        position = 0;
      } else {
        const index = indices.get(item);
        if (index === undefined)
          throw new Error(`internal: call of function ${label(item)}, which is not in the module`);
        number(index);
      }
    }
  };
  return {
    code,
    /** A head, the size in bytes of what `content` writes, and that content. */
    sized: (head: Code, content: () => void): void => {
      code(head);
      // The size is known at the end: leave the 5 bytes that any u32 fits in, then close the gap.
      reserve(5);
      const start = size;
      size += 5;
      content();
      const end = size;
      size = start;
      number(end - start - 5);
      bytes.copyWithin(size, start + 5, end);
      size += end - start - 5;
    },
    bytes: (): Uint8Array<ArrayBuffer> => bytes.slice(0, size),
  };
}

const isCode = (item: Code | FunctionHandle): item is Code => Array.isArray(item);

// Encodings

/** Unsigned LEB128. */
function u32(value: number): number | Code {
  if (value >= 0 && value < 0x80 && Number.isInteger(value)) return value;
  if (!(Number.isInteger(value) && value >= 0 && value < 2 ** 32)) throw new Error(`internal: ${value} is no u32`);
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return bytes;
}

/** Signed LEB128 of a number between -2^31 and 2^32 - 1, taken modulo 2^32. */
function s32(value: number): number | Code {
  if (value >= 0 && value < 64 && Number.isInteger(value)) return value;
  if (!(Number.isInteger(value) && value >= -(2 ** 31) && value < 2 ** 32))
    throw new Error(`internal: ${value} is no i32`);
  const bytes: number[] = [];
  let rest = value | 0;
  for (; rest < -64 || rest > 63; rest >>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest & 0x7f);
  return bytes;
}

const vector = (items: Code): Code => [u32(items.length), items];
const sizedBytes = (content: Code): Code => {
  const flat = content.flat(Number.POSITIVE_INFINITY as 0);
  return [u32(flat.length), flat as Code];
};
const utf8 = (text: string): Code => vector([...new TextEncoder().encode(text)]);

const valTypes: { readonly [T in ValType]: number } = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b };
const valType = (type: ValType): number => valTypes[type];

// WASM is little-endian, and so is every host that has it.
const bytesOf = ({ buffer }: { readonly buffer: ArrayBuffer }): Code => [...new Uint8Array(buffer)];
const f32Bytes = (value: number): Code => bytesOf(Float32Array.of(value));
const f64Bytes = (value: number): Code => bytesOf(Float64Array.of(value));
const i32Bytes = (value: number): Code => bytesOf(Int32Array.of(value));

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
