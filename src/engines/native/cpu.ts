/** What this processor can do, as it says itself. */
import { Assembler, type Isa, rax, rbx, rcx, rdi } from "./assembler.ts";
import type { NativeHost } from "./executable-memory.ts";

/** The instructions that machine code may use here, the best first: those of the processor that the operating system saves. */
export function instructionSets(host: NativeHost): readonly Isa[] {
  const { has, saved } = identify(host);
  const avx2 = has("leaf 1", 27) && has("leaf 1", 12) && has("leaf 7", 5) && saved(0x06);
  // F, DQ, BW and VL.
  const avx512 = avx2 && [16, 17, 30, 31].every((bit) => has("leaf 7", bit)) && saved(0xe6);
  return [...(avx512 ? (["avx512"] as const) : []), ...(avx2 ? (["avx2"] as const) : [])];
}

/** Whether there are dot products of bytes (VNNI) among these instructions, which the processor has. */
export const hasVnni = (host: NativeHost, isa: Isa): boolean => {
  const { has } = identify(host);
  return isa === "avx512" ? has("leaf 7, ecx", 11) : has("leaf 7.1", 4);
};

type Word = "leaf 1" | "leaf 7" | "leaf 7, ecx" | "leaf 7.1";
type Processor = {
  readonly has: (word: Word, bit: number) => boolean;
  /** Whether the operating system saves the registers that these bits stand for. */
  readonly saved: (mask: number) => boolean;
};
let known: Processor | undefined;

function identify(host: NativeHost): Processor {
  if (known !== undefined) return known;
  const a = new Assembler("avx2");
  const store = (offset: number, from: number): void => a.store({ base: rdi, offset }, from);
  a.push(rbx);
  // Features of leaf 1, what the system saves where it says so, and features of leaf 7.
  a.moveConstant(rax, 1);
  a.moveConstant(rcx, 0);
  a.cpuid();
  store(0, rcx);
  a.moveConstant(rax, 7);
  a.moveConstant(rcx, 0);
  a.cpuid();
  store(4, rbx);
  store(12, rcx);
  a.moveConstant(rax, 7);
  a.moveConstant(rcx, 1);
  a.cpuid();
  store(16, rax);
  a.pop(rbx);
  a.ret();
  const second = a.at;
  a.moveConstant(rcx, 0);
  a.xgetbv();
  store(8, rax);
  a.ret();
  const { address, free } = host.place(a.finish());
  const words = new Uint32Array(32);
  const at = host.addressOf(words);
  host.callable(address, 1)(at);
  const places: Readonly<Record<Word, number>> = { "leaf 1": 0, "leaf 7": 1, "leaf 7, ecx": 3, "leaf 7.1": 4 };
  const has = (word: Word, bit: number): boolean => (((words[places[word]] as number) >>> bit) & 1) === 1;
  if (has("leaf 1", 27)) host.callable(address + BigInt(second), 1)(at);
  free();
  known = { has, saved: (mask) => ((words[2] as number) & mask) === mask };
  return known;
}
