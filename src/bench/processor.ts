/** What this processor offers to a peer: numbers of threads, and kernels of OpenBLAS that it can execute. */
import { readFileSync } from "node:fs";
import { availableThreads } from "../engines/threads/pool.ts";

/** One, then twice as many each time, and all: of up to 64 cores, as many as ours can have. */
export function threadCounts(all: number = availableThreads()): number[] {
  const cores = Math.min(all, 64);
  const counts = Array.from({ length: Math.floor(Math.log2(cores)) + 1 }, (_, k) => 2 ** k);
  return counts.at(-1) === cores ? counts : [...counts, cores];
}

/**
 * OPENBLAS_CORETYPE: kernels by the processor that they were written for, with the flags of Linux for what their code is
 * made of. OpenBLAS takes its user's word for it, so a kernel without one of its flags would be an illegal instruction.
 */
const kernels: Readonly<Record<string, { readonly flags: string; readonly vendors?: readonly string[] }>> = (() => {
  const haswell = "avx2 fma bmi1 bmi2";
  const skylakeX = `${haswell} avx512f avx512cd avx512bw avx512dq avx512vl`;
  const cooperlake = `${skylakeX} avx512_vnni avx512_bf16`;
  const icelake = "avx512ifma avx512vbmi avx512_vbmi2 avx512_bitalg avx512_vpopcntdq gfni vaes vpclmulqdq";
  const sapphireRapids = `${cooperlake} ${icelake} avx512_fp16 avx_vnni amx_tile amx_bf16 amx_int8`;
  return {
    Sapphirerapids: { flags: sapphireRapids },
    Cooperlake: { flags: cooperlake },
    SkylakeX: { flags: skylakeX },
    Haswell: { flags: haswell },
    Zen: { flags: haswell, vendors: ["AuthenticAMD", "HygonGenuine"] },
  };
})();

/**
 * Undefined, which leaves the choice to the library, and all that every core can execute. An older library takes its own
 * choice for one that it does not have.
 * @param cpuinfo /proc/cpuinfo; without one, or on processors of another kind, nothing is known
 */
export function coreTypes(cpuinfo: string = readCpuinfo()): (string | undefined)[] {
  const linesOf = (name: string): string[] =>
    [...cpuinfo.matchAll(new RegExp(`^${name}\\s*:(.*)$`, "gm"))].map(([, value]) => (value as string).trim());
  const [vendor] = linesOf("vendor_id");
  const flagsOfCores = linesOf("flags").map((line) => new Set(line.split(/\s+/)));
  const runs = (flag: string): boolean => flagsOfCores.every((flags) => flags.has(flag));
  const executable = Object.entries(kernels).filter(
    ([, { flags, vendors }]) =>
      flagsOfCores.length > 0 &&
      flags.split(" ").every(runs) &&
      (vendors === undefined || vendors.includes(vendor as string)),
  );
  return [undefined, ...executable.map(([name]) => name)];
}

function readCpuinfo(): string {
  try {
    return readFileSync("/proc/cpuinfo", "utf8");
  } catch {
    return "";
  }
}
