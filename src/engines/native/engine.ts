/** Plans as machine code of x86-64, with AVX-512 or AVX2, called from here. Knows nothing about cells, models or text. */
import { contentOf, type Kept, numberOf, remember } from "../../graph/remember.ts";
import type { Plan } from "../../schedule/plan.ts";
import type { Engine, Executable } from "../engine.ts";
import { checkMemory, refusedMemory } from "../memory-limit.ts";
import type { Isa } from "./assembler.ts";
import { instructionSets } from "./cpu.ts";
import { type NativeHost, nativeHost } from "./executable-memory.ts";
import { emit, type NativeProgram } from "./program.ts";
import { targetFor } from "./target.ts";

const host = await nativeHost();

/** The engine for these instructions; the best that this processor has, where none are named. */
export function nativeEngine(isa: Isa | undefined = instructionSets(host)[0], name = "native"): Engine {
  if (isa === undefined) throw new Error("this processor has no AVX2");
  const target = targetFor(isa, name);
  return {
    name: target.name,
    target,
    async load(plan, { fma = true }) {
      checkMemory(plan.bytes, "the program", target);
      const key = contentOf({ plan: numberOf(plan), isa, fma });
      const placed = await remember(programs, key, async () => place(plan, isa, fma));
      return new NativeExecutable(host, placed);
    },
  };
}

type Placed = NativeProgram & { readonly address: bigint };
const programs: Kept<Promise<Placed>> = new Map();

function place(plan: Plan, isa: Isa, fma: boolean): Placed {
  const program = emit(plan, isa, { fma }, 1);
  const { address } = host.place(program.code);
  return { ...program, address };
}

const alignment = 64;

class NativeExecutable implements Executable {
  readonly threads = 1;
  readonly bytes: number;
  private readonly buffer: ArrayBuffer;
  private readonly start: number;
  private readonly base: bigint;
  private readonly runCode: (base: bigint, changed: number) => void;
  private readonly advanceCode: (base: bigint) => void;

  constructor(host: NativeHost, { address, bytes, runs, advance }: Placed) {
    try {
      this.buffer = new ArrayBuffer(bytes + alignment);
    } catch (error) {
      throw refusedMemory(bytes, "the program", error);
    }
    this.bytes = bytes;
    const at = host.addressOf(new Uint8Array(this.buffer));
    this.start = (alignment - Number(at % BigInt(alignment))) % alignment;
    this.base = at + BigInt(this.start);
    this.runCode = host.callable(address + BigInt(runs[0] as number), 2);
    this.advanceCode = host.callable(address + BigInt(advance), 1);
  }
  numbers(address: number, count: number): Float32Array<ArrayBuffer> {
    return new Float32Array(this.buffer, this.start + address, count);
  }
  integers(address: number, count: number): Int32Array<ArrayBuffer> {
    return new Int32Array(this.buffer, this.start + address, count);
  }
  async run(changed: 0 | 1): Promise<void> {
    this.runCode(this.base, changed);
  }
  runSync(changed: 0 | 1): void {
    this.runCode(this.base, changed);
  }
  advanceStates(): void {
    this.advanceCode(this.base);
  }
  async fetch(): Promise<void> {}
  dispose(): void {}
}
