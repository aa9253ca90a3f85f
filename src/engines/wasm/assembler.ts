/**
 * A small WASM assembler: functions and modules, byte by byte; `instructions.ts` has the instructions. Code reads as
 * expressions, because an instruction is a function from the code of its operands to code. It does not check types (the
 * engine does when it compiles the module), and has no tables, globals or data segments.
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
import { sizedBytes, u32, utf8, valType, vector } from "./encoding.ts";

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
