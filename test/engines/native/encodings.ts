/** Instructions as the GNU assembler writes them, with the call of ours that makes each: what tests compare. */
import {
  type Address,
  type Arithmetic,
  type Assembler,
  type Binary,
  type Isa,
  type Memory,
  predicates,
  type Shift,
  type Unary,
  type Wide,
} from "../../../src/engines/native/assembler.ts";

export type Encoding = { readonly text: string; readonly make: (a: Assembler) => void };

const wide = "rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15".split(" ");
const narrow = "eax ecx edx ebx esp ebp esi edi r8d r9d r10d r11d r12d r13d r14d r15d".split(" ");
const bytes = "al cl dl bl spl bpl sil dil r8b r9b r10b r11b r12b r13b r14b r15b".split(" ");

/** Every kind of address: short and long offsets, those that EVEX counts in vectors, bases that need more bytes. */
const addresses: readonly Address[] = [
  { base: 0 },
  { base: 5 },
  { base: 4 },
  { base: 13 },
  { base: 12, offset: 64 },
  { base: 7, offset: 8128 },
  { base: 7, offset: 8192 },
  { base: 3, offset: -64 },
  { base: 15, index: 9, offset: 100 },
  { base: 13, index: 13, scale: 4 },
  { base: 6, index: 2, scale: 8, offset: -8192 },
  { base: 15, index: 1, scale: 2, offset: 1_000_000 },
];
const spelt = ({ base, index, scale = 1, offset = 0 }: Address): string =>
  `[${wide[base]}${index === undefined ? "" : ` + ${wide[index]}*${scale}`} ${offset < 0 ? "-" : "+"} ${Math.abs(offset)}]`;

const here: Address = { base: 15, index: 3, offset: 12 };
const arithmetic: readonly Arithmetic[] = ["add", "or", "and", "sub", "xor", "cmp"];
const pairs = [
  [0, 3],
  [9, 1],
  [2, 12],
  [15, 8],
] as const;

const general: readonly Encoding[] = [
  ...arithmetic.flatMap((op) => [
    ...pairs.flatMap(([x, y]): Encoding[] => [
      { text: `{load} ${op} ${narrow[x]}, ${narrow[y]}`, make: (a) => a.arithmetic(op, x, y) },
      { text: `{load} ${op} ${wide[x]}, ${wide[y]}`, make: (a) => a.arithmetic(op, x, y, true) },
    ]),
    ...[1, -128, 1000].flatMap((n): Encoding[] => [
      { text: `${op} ecx, ${n}`, make: (a) => a.arithmeticWith(op, 1, n) },
      { text: `${op} r14, ${n}`, make: (a) => a.arithmeticWith(op, 14, n, true) },
      { text: `${op} eax, ${n}`, make: (a) => a.arithmeticWith(op, 0, n) },
      { text: `${op} rax, ${n}`, make: (a) => a.arithmeticWith(op, 0, n, true) },
    ]),
    {
      text: `${op} esi, ${spelt(here)}`,
      make: (a: Assembler) => a.arithmetic(op, 6, here),
    },
  ]),
  ...pairs.flatMap(([x, y]): Encoding[] => [
    { text: `{load} mov ${wide[x]}, ${wide[y]}`, make: (a) => a.move(x, y) },
    { text: `imul ${narrow[x]}, ${narrow[y]}`, make: (a) => a.multiply(x, y) },
    { text: `imul ${wide[x]}, ${wide[y]}, 100000`, make: (a) => a.multiplyBy(x, y, 100_000, true) },
    { text: `imul ${narrow[x]}, ${narrow[y]}, 12`, make: (a) => a.multiplyBy(x, y, 12) },
    { text: `shr ${wide[y]}, 33`, make: (a) => a.shiftRight(y, 33, true) },
    { text: `shr ${narrow[y]}, cl`, make: (a) => a.shiftRightByCl(y) },
    { text: `div ${narrow[y]}`, make: (a) => a.divide(y) },
    { text: `push ${wide[x]}`, make: (a) => a.push(x) },
    { text: `pop ${wide[y]}`, make: (a) => a.pop(y) },
    { text: `mov ${narrow[x]}, 0x87654321`, make: (a) => a.moveConstant(x, 0x87654321) },
    { text: `movabs ${wide[y]}, 0x123456789abcdef0`, make: (a) => a.moveConstant(y, 0x123456789abcdef0n) },
    { text: `{load} xor ${narrow[y]}, ${narrow[y]}`, make: (a) => a.moveConstant(y, 0) },
    { text: `{rex} sete ${bytes[x]}\n{rex} movzx ${narrow[x]}, ${bytes[x]}`, make: (a) => a.set("e", x) },
  ]),
  ...addresses.flatMap((at): Encoding[] => [
    { text: `lea r9, ${spelt(at)}`, make: (a) => a.address(9, at) },
    { text: `mov rbx, ${spelt(at)}`, make: (a) => a.move(3, at) },
    { text: `mov dword ptr ${spelt(at)}, r10d`, make: (a) => a.store(at, 10) },
    { text: `mov qword ptr ${spelt(at)}, rcx`, make: (a) => a.store(at, 1, true) },
    { text: `lock xadd dword ptr ${spelt(at)}, eax`, make: (a) => a.exchangeAdd(at, 0) },
    { text: `xchg dword ptr ${spelt(at)}, r11d`, make: (a) => a.exchange(at, 11) },
  ]),
  { text: "pause", make: (a) => a.pause() },
  { text: "syscall", make: (a) => a.syscall() },
  { text: "cpuid", make: (a) => a.cpuid() },
  { text: "xgetbv", make: (a) => a.xgetbv() },
  { text: "rep stosb", make: (a) => a.fill() },
  { text: "rep movsb", make: (a) => a.copy() },
  { text: "vzeroupper", make: (a) => a.zeroUpper() },
  { text: "ret", make: (a) => a.ret() },
];

const names: Readonly<Record<Binary, readonly [avx2: string, avx512: string]>> = {
  addps: ["vaddps", "vaddps"],
  subps: ["vsubps", "vsubps"],
  mulps: ["vmulps", "vmulps"],
  divps: ["vdivps", "vdivps"],
  minps: ["vminps", "vminps"],
  maxps: ["vmaxps", "vmaxps"],
  addpd: ["vaddpd", "vaddpd"],
  pand: ["vpand", "vpandd"],
  pandn: ["vpandn", "vpandnd"],
  por: ["vpor", "vpord"],
  pxor: ["vpxor", "vpxord"],
  paddd: ["vpaddd", "vpaddd"],
  psubd: ["vpsubd", "vpsubd"],
  pmulld: ["vpmulld", "vpmulld"],
  pmaxud: ["vpmaxud", "vpmaxud"],
  vpdpbusd: ["vpdpbusd", "vpdpbusd"],
  pmaddubsw: ["vpmaddubsw", "vpmaddubsw"],
  pmaddwd: ["vpmaddwd", "vpmaddwd"],
  fmadd132ps: ["vfmadd132ps", "vfmadd132ps"],
  fmadd213ps: ["vfmadd213ps", "vfmadd213ps"],
  fmadd231ps: ["vfmadd231ps", "vfmadd231ps"],
};
/** Of AVX-512 alone. */
const wideNames: Readonly<Record<Wide, string>> = {
  dpbf16ps: "vdpbf16ps",
  cvtne2ps2bf16: "vcvtne2ps2bf16",
  permw: "vpermw",
  punpckldq: "vpunpckldq",
  punpckhdq: "vpunpckhdq",
  punpcklqdq: "vpunpcklqdq",
  punpckhqdq: "vpunpckhqdq",
};
const unary: readonly Unary[] = ["sqrtps", "cvtdq2ps"];
const shifts: readonly Shift[] = ["pslld", "psrad", "psrld"];

function vectors(isa: Isa): Encoding[] {
  const wideIsa = isa === "avx512";
  const v = (k: number): string => `${wideIsa ? "zmm" : "ymm"}${k}`;
  const half = (k: number): string => `${wideIsa ? "ymm" : "xmm"}${k}`;
  const size = wideIsa ? "zmmword ptr " : "ymmword ptr ";
  const registers = wideIsa
    ? [
        [0, 1, 2],
        [9, 17, 30],
        [31, 8, 15],
        [16, 24, 7],
      ]
    : [
        [0, 1, 2],
        [9, 15, 3],
        [4, 8, 12],
      ];
  const last = (operand: number | Memory): string =>
    typeof operand === "number" ? v(operand) : size + spelt(operand as Address);
  const sources = (z: number): readonly (number | Address)[] => [z, ...addresses];
  return registers.flatMap(([x = 0, y = 0, z = 0]): Encoding[] => [
    ...(Object.keys(names) as Binary[]).map(
      (op): Encoding => ({
        text: `${names[op][wideIsa ? 1 : 0]} ${v(x)}, ${v(y)}, ${v(z)}`,
        make: (a) => a.binary(op, x, y, z),
      }),
    ),
    ...sources(z).flatMap((from): Encoding[] => [
      { text: `vaddps ${v(x)}, ${v(y)}, ${last(from)}`, make: (a) => a.binary("addps", x, y, from) },
      { text: `{load} vmovups ${v(x)}, ${last(from)}`, make: (a) => a.load(x, from) },
      ...(typeof from === "number"
        ? [{ text: `vbroadcastss ${v(x)}, xmm${from}`, make: (a: Assembler) => a.broadcast(x, from) }]
        : [
            { text: `vmovups ${last(from)}, ${v(x)}`, make: (a: Assembler) => a.storeVector(from, x) },
            { text: `vbroadcastss ${v(x)}, dword ptr ${spelt(from)}`, make: (a: Assembler) => a.broadcast(x, from) },
            {
              text: `${wideIsa ? "{evex} " : ""}vmovss dword ptr ${spelt(from)}, xmm${x}`,
              make: (a: Assembler) => a.storeFirst(from, x),
            },
          ]),
    ]),
    ...unary.map((op): Encoding => ({ text: `v${op} ${v(x)}, ${v(z)}`, make: (a) => a.unary(op, x, z) })),
    ...shifts.map((op): Encoding => ({ text: `v${op} ${v(x)}, ${v(z)}, 23`, make: (a) => a.shift(op, x, z, 23) })),
    { text: `vpermilps ${v(x)}, ${v(z)}, 0xb1`, make: (a) => a.permute(x, z, 0xb1) },
    { text: `vpermilpd ${v(x)}, ${v(z)}, 0x55`, make: (a) => a.permuteWide(x, z, 0x55) },
    { text: `vcvtps2pd ${v(x)}, ${half(z)}`, make: (a) => a.widen(x, z) },
    { text: `vcvtpd2ps ${half(x)}, ${v(z)}`, make: (a) => a.narrow(x, z) },
    ...(wideIsa
      ? [
          { text: `vextractf64x4 ${half(x)}, ${v(z)}, 1`, make: (a: Assembler) => a.upperHalf(x, z) },
          { text: `vshuff32x4 ${v(x)}, ${v(z)}, ${v(z)}, 0x4e`, make: (a: Assembler) => a.permuteFours(x, z, 0x4e) },
          {
            text: `vshuff32x4 ${v(x)}, ${v(y)}, ${v(z)}, 0x88`,
            make: (a: Assembler) => a.permuteFours(x, y, 0x88, z),
          },
          ...(Object.keys(wideNames) as Wide[]).flatMap((op) =>
            sources(z).map((from) => ({
              text: `${wideNames[op]} ${v(x)}, ${v(y)}, ${last(from)}`,
              make: (a: Assembler) => a.wide(op, x, y, from),
            })),
          ),
          { text: `vpbroadcastd ${v(x)}, r9d`, make: (a: Assembler) => a.broadcastGeneral(x, 9) },
          { text: `vpbroadcastd ${v(x)}, ecx`, make: (a: Assembler) => a.broadcastGeneral(x, 1) },
          {
            text: `vmovups ${v(x)}{k3}{z}, ${size}${spelt({ base: 7, offset: 128 })}`,
            make: (a: Assembler) => a.load(x, { base: 7, offset: 128 }, 3),
          },
          { text: `{load} vmovups ${v(x)}{k5}{z}, ${v(z)}`, make: (a: Assembler) => a.load(x, z, 5) },
          {
            text: `vmovups ${size}${spelt({ base: 15, offset: 128 })}{k7}, ${v(x)}`,
            make: (a: Assembler) => a.storeVector({ base: 15, offset: 128 }, x, 7),
          },
          { text: `vblendmps ${v(x)}{k2}, ${v(y)}, ${v(z)}`, make: (a: Assembler) => a.blend(x, y, z, 2) },
          ...addresses.flatMap((from) => [
            {
              text: `vmulps ${v(x)}, ${v(y)}, dword ptr ${spelt(from)}{1to16}`,
              make: (a: Assembler) => a.binary("mulps", x, y, from, { broadcast: true }),
            },
            {
              text: `vfmadd231ps ${v(x)}, ${v(y)}, dword ptr ${spelt(from)}{1to16}`,
              make: (a: Assembler) => a.binary("fmadd231ps", x, y, from, { broadcast: true }),
            },
          ]),
          ...Object.values(predicates).flatMap((predicate) => [
            {
              text: `vcmpps k3, ${v(x)}, ${v(z)}, ${predicate}`,
              make: (a: Assembler) => a.compareToMask("ps", 3, x, z, predicate),
            },
          ]),
          { text: `vpcmpd k6, ${v(y)}, ${v(z)}, 4`, make: (a: Assembler) => a.compareToMask("d", 6, y, z, 4) },
          { text: `vpcmpud k1, ${v(y)}, ${v(z)}, 5`, make: (a: Assembler) => a.compareToMask("ud", 1, y, z, 5) },
        ]
      : [
          { text: `vextractf128 ${half(x)}, ${v(z)}, 1`, make: (a: Assembler) => a.upperHalf(x, z) },
          { text: `vperm2f128 ${v(x)}, ${v(z)}, ${v(z)}, 1`, make: (a: Assembler) => a.permuteHalves(x, z, 1) },
          {
            text: `vmovd xmm${x}, r9d\nvpbroadcastd ${v(x)}, xmm${x}`,
            make: (a: Assembler) => a.broadcastGeneral(x, 9),
          },
          { text: `vcmpps ${v(x)}, ${v(y)}, ${v(z)}, 30`, make: (a: Assembler) => a.compare(x, y, z, 30) },
          { text: `vpcmpeqd ${v(x)}, ${v(y)}, ${v(z)}`, make: (a: Assembler) => a.compareIntegers(x, y, z) },
          { text: `vblendvps ${v(x)}, ${v(y)}, ${v(z)}, ${v(5)}`, make: (a: Assembler) => a.blendBySign(x, y, z, 5) },
          ...addresses.map((to) => ({
            text: `vmaskmovps ${size}${spelt(to)}, ${v(y)}, ${v(x)}`,
            make: (a: Assembler) => a.storeMasked(to, x, y),
          })),
        ]),
  ]);
}
const masks: readonly Encoding[] = [
  { text: "kmovw k3, ecx", make: (a) => a.maskFrom(3, 1) },
  { text: "kmovw r9d, k7", make: (a) => a.maskTo(9, 7) },
  { text: "kmovw k1, k6", make: (a) => a.moveMask(1, 6) },
  { text: "kandw k1, k2, k3", make: (a) => a.andMasks(1, 2, 3) },
  { text: "kxorw k7, k6, k5", make: (a) => a.xorMasks(7, 6, 5) },
];

/** Tiles of AMX; the index of an address is the bytes between rows. */
const rows: readonly (Address & { readonly index: number })[] = [
  { base: 0, index: 3 },
  { base: 5, index: 9 },
  { base: 13, index: 1, offset: 64 },
  { base: 2, index: 6, offset: 2048 },
  { base: 12, index: 15, offset: -128 },
];
const tiles: readonly Encoding[] = [
  ...addresses.map((at): Encoding => ({ text: `ldtilecfg ${spelt(at)}`, make: (a) => a.configureTiles(at) })),
  { text: "tilerelease", make: (a) => a.releaseTiles() },
  ...Array.from({ length: 8 }, (_, k): Encoding => ({ text: `tilezero tmm${k}`, make: (a) => a.zeroTile(k) })),
  ...rows.flatMap((at, k): Encoding[] => [
    { text: `tileloadd tmm${k}, ${spelt(at)}`, make: (a) => a.loadTile(k, at) },
    { text: `tilestored ${spelt(at)}, tmm${7 - k}`, make: (a) => a.storeTile(at, 7 - k) },
  ]),
  ...[
    [0, 4, 6],
    [1, 4, 7],
    [3, 5, 7],
    [7, 1, 2],
  ].map(
    ([to = 0, x = 0, y = 0]): Encoding => ({
      text: `tdpbf16ps tmm${to}, tmm${x}, tmm${y}`,
      make: (a) => a.multiplyTiles(to, x, y),
    }),
  ),
];

/** In the long form of VEX, which is the only one here. */
const long = ({ text, make }: Encoding): Encoding => {
  const lines = text
    .split("\n")
    .map((line) => (/^(\{load\} )?[vk]/.test(line) && line !== "vzeroupper" ? `{vex3} ${line}` : line));
  return { text: lines.join("\n"), make };
};

export const encodings: Readonly<Record<Isa, readonly Encoding[]>> = {
  avx512: [...general, ...vectors("avx512"), ...masks.map(long), ...tiles],
  avx2: vectors("avx2").map(long),
};
