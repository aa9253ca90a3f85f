/** What of this processor multiplies bf16, and whether it is worth using. */
import { InputError } from "../../graph/input-error.ts";
import { Assembler, rax, rbx, rcx, rdi, rdx, rsi } from "./assembler.ts";
import type { Bf16Unit } from "./bf16.ts";
import type { NativeHost } from "./executable-memory.ts";

/** What the processor says. */
export type Bf16Facts = {
  /** The processor's maker: 12 letters. */
  readonly vendor: string;
  /** Whether AVX512_BF16 is there; the caller knows that AVX-512 itself is. */
  readonly avx512: boolean;
  /** Whether there are tiles that multiply bf16, which the operating system saves. */
  readonly tiles: boolean;
};

export function bf16Facts(host: NativeHost): Bf16Facts {
  const a = new Assembler("avx2");
  const store = (offset: number, from: number): void => a.store({ base: rdi, offset }, from);
  const leaf = (number: number, sub: number): void => {
    a.moveConstant(rax, number);
    a.moveConstant(rcx, sub);
    a.cpuid();
  };
  a.push(rbx);
  leaf(0, 0);
  [rbx, rdx, rcx].forEach((one, k) => store(4 * k, one));
  leaf(7, 0);
  // The number of the last part of leaf 7, and its features.
  store(12, rax);
  store(16, rdx);
  leaf(7, 1);
  store(20, rax);
  a.moveConstant(rcx, 0);
  a.xgetbv();
  store(24, rax);
  a.pop(rbx);
  a.ret();
  const words = answers(host, a, 7);
  const has = (word: number, bit: number): boolean => (((words[word] as number) >>> bit) & 1) === 1;
  return {
    vendor: String.fromCharCode(...new Uint8Array(words.buffer, 0, 12)),
    avx512: (words[3] as number) >= 1 && has(5, 5),
    tiles: has(4, 22) && has(4, 24) && has(6, 17) && has(6, 18) && process.platform === "linux",
  };
}

/** Run a function once, of the address of so many words, which it writes. */
function answers(host: NativeHost, a: Assembler, count: number): Int32Array {
  const { address, free } = host.place(a.finish());
  const words = new Int32Array(count);
  host.callable(address, 1)(host.addressOf(words));
  free();
  return words;
}

/**
 * The unit to use, or why there is none, to follow "the engine native". AVX512_BF16 alone is used on AMD's processors, which do as many
 * of its instructions as of f32's, so that a product takes half the time; Intel's do half as many or fewer (docs/log/native.md).
 */
export function bf16UnitOf({ vendor, avx512, tiles }: Bf16Facts): Bf16Unit | { readonly why: string } {
  // Numbers become bf16 by AVX512_BF16, which every processor with such tiles has.
  if (avx512 && tiles) return "amx";
  if (avx512 && vendor === "AuthenticAMD") return "avx512_bf16";
  return { why: "needs AMX, or AVX512_BF16 of AMD, which this processor or its operating system does not have" };
}

/** Linux: the number of the system call arch_prctl, its request for a state that is not saved without one, and that of tiles. */
const [archPrctl, requestState, tileData] = [158, 0x1023, 18];

/** Ask the kernel for tiles, for the whole process, its threads included: 0, or an error below 0. */
export function askForTiles(host: NativeHost): number {
  const a = new Assembler("avx2");
  a.push(rdi);
  a.moveConstant(rdi, requestState);
  a.moveConstant(rsi, tileData);
  a.moveConstant(rax, archPrctl);
  a.syscall();
  a.pop(rdi);
  a.store({ base: rdi }, rax);
  a.ret();
  return answers(host, a, 1)[0] as number;
}

let permitted = false;
/**
 * Make sure that code with tiles may run.
 * @throws InputError if the kernel does not permit it
 */
export function requireTiles(host: NativeHost, ask = askForTiles): void {
  if (permitted) return;
  const answer = ask(host);
  if (answer !== 0) {
    const why = `the operating system gives no tiles of AMX (arch_prctl: ${answer})`;
    throw new InputError(`precision "bf16": ${why}. Take precision "f32", or the engine "reference".`);
  }
  permitted = true;
}
