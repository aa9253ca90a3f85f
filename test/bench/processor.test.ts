/** What processors offer: numbers of threads, and kernels that they can execute, from the flags that Linux gives. */
import { expect, test } from "vitest";
import { coreTypes, threadCounts } from "../../src/bench/processor.ts";

const avx2 = "fpu sse sse2 ssse3 sse4_1 sse4_2 avx f16c fma bmi1 bmi2 avx2";
const avx512 = `${avx2} avx512f avx512dq avx512cd avx512bw avx512vl`;
const zen4 = `${avx512} avx512ifma avx512_bf16 avx512vbmi avx512_vbmi2 gfni vaes vpclmulqdq avx512_vnni avx512_bitalg avx512_vpopcntdq`;
const sapphireRapids = `${zen4} avx_vnni avx512_fp16 amx_bf16 amx_tile amx_int8`;
/** As Linux writes it, a block for each core. */
const cpuinfo = (vendor: string, ...flagsOfCores: string[]): string =>
  flagsOfCores
    .map(
      (flags, k) =>
        `processor\t: ${k}\nvendor_id\t: ${vendor}\ncpu family\t: 6\nflags\t\t: ${flags}\nvmx flags\t: vnmi\nbugs\t\t: none\n`,
    )
    .join("\n");

test.each([
  ["Emerald Rapids, Sapphire Rapids", "GenuineIntel", sapphireRapids, "Sapphirerapids Cooperlake SkylakeX Haswell"],
  ["Skylake's server", "GenuineIntel", avx512, "SkylakeX Haswell"],
  ["Cascade Lake, without bfloat16", "GenuineIntel", `${avx512} avx512_vnni`, "SkylakeX Haswell"],
  ["Alder Lake, without AVX-512", "GenuineIntel", `${avx2} avx_vnni gfni`, "Haswell"],
  ["Zen 3", "AuthenticAMD", avx2, "Haswell Zen"],
  ["Zen 4 and 5", "AuthenticAMD", `${zen4} avx_vnni avx512_vp2intersect`, "Cooperlake SkylakeX Haswell Zen"],
  ["Hygon", "HygonGenuine", avx2, "Haswell Zen"],
  ["Sandy Bridge, without AVX2", "GenuineIntel", "fpu sse sse2 avx", ""],
  ["part of AVX-512 only, as Knights Landing", "GenuineIntel", `${avx2} avx512f avx512cd avx512er`, "Haswell"],
])("kernels of %s", (_, vendor, flags, expected) => {
  const names = expected === "" ? [] : expected.split(" ");
  expect(coreTypes(cpuinfo(vendor, flags, flags))).toEqual([undefined, ...names]);
});

test("a kernel is one that all cores can execute", () => {
  expect(coreTypes(cpuinfo("GenuineIntel", avx512, avx2))).toEqual([undefined, "Haswell"]);
});

test("without flags the choice is left to the library: another kind of processor, another system", () => {
  expect(coreTypes("processor\t: 0\nFeatures\t: fp asimd sve\nCPU implementer\t: 0x41\n")).toEqual([undefined]);
  expect(coreTypes("")).toEqual([undefined]);
});

test("a flag is a word, not a part of one", () => {
  expect(coreTypes(cpuinfo("GenuineIntel", "avx2x fma bmi1 bmi2 xavx2"))).toEqual([undefined]);
});

test("threads: one, twice as many each time, all, and at most 64", () => {
  expect([1, 2, 3, 4, 6, 8, 128].map((cores) => threadCounts(cores))).toEqual([
    [1],
    [1, 2],
    [1, 2, 3],
    [1, 2, 4],
    [1, 2, 4, 6],
    [1, 2, 4, 8],
    [1, 2, 4, 8, 16, 32, 64],
  ]);
});
