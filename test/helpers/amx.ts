/** A tile of AMX that runs in plain arithmetic: what the emitter writes is recorded, instruction by instruction, and executed on arrays. */
import { Assembler, type Isa } from "../../src/engines/native/assembler.ts";
import { memoryBase } from "../../src/engines/native/function.ts";
import { toBf16 } from "../../src/engines/reference/run.ts";

type Instruction = { readonly name: string; readonly operands: readonly unknown[] };
type Rows = { readonly base: number; readonly index: number; readonly offset?: number };

/** The instructions that `write` has an assembler make, in order. */
export function recorded(write: (a: Assembler) => void, isa: Isa = "avx512"): Instruction[] {
  const list: Instruction[] = [];
  const a = new Assembler(isa);
  const recorder = new Proxy(a, {
    get(of, name: string) {
      const value = Reflect.get(of, name, of);
      if (typeof value !== "function" || ["label", "constants"].includes(name)) return value;
      return (...operands: unknown[]) => {
        list.push({ name, operands });
        return value.apply(of, operands);
      };
    },
  });
  write(recorder);
  return list;
}

/** The numbers of bf16 in a word of 32 bits: the lower half first. */
const halves = (word: number): readonly [number, number] => {
  const [low, high] = new Float32Array(Uint32Array.of(word << 16, word & 0xffff_0000).buffer);
  return [low as number, high as number];
};
/** As the processor does it: subnormal numbers are 0. */
const flushed = (x: number): number => (Math.abs(x) < 2 ** -126 ? 0 : Math.fround(x));

/**
 * Execute a function on 32-bit words of memory that the address 0 names, with the tiles that are configured by 64 bytes.
 * @param registers general registers by number, at the start
 * @throws Error for an instruction that it does not know, for a tile that is not configured, and for an address outside of memory
 */
export function execute(
  instructions: readonly Instruction[],
  configuration: Uint8Array,
  words: Uint32Array,
  registers: Readonly<Record<number, number>>,
): void {
  const general: number[] = Array.from({ length: 16 }, (_, k) => registers[k] ?? 0);
  general[memoryBase] = 0;
  const rowsOf = (tile: number): number => configuration[48 + tile] as number;
  const wordsOf = (tile: number): number => (configuration[16 + 2 * tile] as number) / 4;
  const tiles = Array.from({ length: 8 }, () => new Uint32Array(16 * 16));
  const at = ({ base, index, offset = 0 }: Rows, row: number, word: number): number => {
    const address = (general[base] as number) + (general[index] as number) * row + offset + 4 * word;
    if (address % 4 !== 0 || address < 0 || address / 4 >= words.length) throw new Error(`outside: ${address}`);
    return address / 4;
  };
  const each = (tile: number, act: (row: number, word: number) => void): void => {
    if (rowsOf(tile) === 0) throw new Error(`tile ${tile} is not configured`);
    for (let r = 0; r < rowsOf(tile); r++) for (let w = 0; w < wordsOf(tile); w++) act(r, w);
  };
  const stack: number[] = [];
  let equal = false;
  const run: Readonly<Record<string, (...operands: never[]) => unknown>> = {
    align() {},
    place() {},
    push: (from: number) => stack.push(general[from] as number),
    pop: (to: number) => (general[to] = stack.pop() as number),
    moveConstant: (to: number, value: number) => (general[to] = value),
    arithmetic(_: "add", to: number, from: number) {
      general[to] = (general[to] as number) + (general[from] as number);
    },
    arithmeticWith(op: "add" | "sub", to: number, value: number) {
      general[to] = (general[to] as number) + (op === "add" ? value : -value);
      equal = general[to] === 0;
    },
    zeroTile(to: number) {
      each(to, (r, w) => ((tiles[to] as Uint32Array)[16 * r + w] = 0));
    },
    loadTile(to: number, from: Rows) {
      each(to, (r, w) => ((tiles[to] as Uint32Array)[16 * r + w] = words[at(from, r, w)] as number));
    },
    storeTile(to: Rows, from: number) {
      each(from, (r, w) => (words[at(to, r, w)] = (tiles[from] as Uint32Array)[16 * r + w] as number));
    },
    multiplyTiles(to: number, x: number, y: number) {
      if (rowsOf(to) !== rowsOf(x) || wordsOf(to) !== wordsOf(y) || wordsOf(x) !== rowsOf(y)) {
        throw new Error(`tiles ${to}, ${x}, ${y} do not fit`);
      }
      const sums = new Float32Array((tiles[to] as Uint32Array).buffer);
      each(to, (r, w) => {
        const both = [0, 0];
        for (let k = 0; k < wordsOf(x); k++) {
          const one = halves((tiles[x] as Uint32Array)[16 * r + k] as number);
          const other = halves((tiles[y] as Uint32Array)[16 * k + w] as number);
          for (const h of [0, 1] as const) both[h] = flushed((both[h] as number) + one[h] * other[h]);
        }
        sums[16 * r + w] = flushed((sums[16 * r + w] as number) + flushed((both[0] as number) + (both[1] as number)));
      });
    },
  };
  const places = new Map(instructions.flatMap(({ name, operands }, k) => (name === "place" ? [[operands[0], k]] : [])));
  for (let k = 0; ; k++) {
    const { name, operands } = instructions[k] as Instruction;
    if (name === "ret") break;
    if (name === "jumpIf") {
      if (operands[0] !== "ne") throw new Error(`unknown condition ${operands[0]}`);
      if (!equal) k = places.get(operands[1]) as number;
      continue;
    }
    const act = run[name];
    if (act === undefined) throw new Error(`unknown instruction ${name}`);
    act(...(operands as never[]));
  }
  if (stack.length > 0) throw new Error("the stack is not as it was");
}

/** bf16 of two numbers in a word of 32 bits, the first one in the lower half. */
export function pairOf(low: number, high: number): number {
  const [x, y] = new Uint32Array(Float32Array.of(toBf16(low), toBf16(high)).buffer);
  return (((x as number) >>> 16) | (y as number)) >>> 0;
}
