/** What this processor can do, as it says itself. */
import { Assembler, type Isa, rax, rbx, rcx, rdi } from "./assembler.ts";
import type { NativeHost } from "./executable-memory.ts";

/** The instructions that machine code may use here, the best first: those of the processor that the operating system saves. */
export function instructionSets(host: NativeHost): readonly Isa[] {
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
  const has = (word: number, bit: number): boolean => (((words[word] as number) >>> bit) & 1) === 1;
  const [osxsave, fma] = [has(0, 27), has(0, 12)];
  if (osxsave) host.callable(address + BigInt(second), 1)(at);
  free();
  const saved = (mask: number): boolean => ((words[2] as number) & mask) === mask;
  const avx2 = osxsave && fma && has(1, 5) && saved(0x06);
  // F, DQ, BW and VL.
  const avx512 = avx2 && [16, 17, 30, 31].every((bit) => has(1, bit)) && saved(0xe6);
  return [...(avx512 ? (["avx512"] as const) : []), ...(avx2 ? (["avx2"] as const) : [])];
}
