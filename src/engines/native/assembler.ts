/**
 * An assembler for x86-64: the instructions that the native engine needs, with registers that are chosen already, to bytes. Knows
 * nothing about plans or operating systems.
 *
 * Encodings: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2 (REX in 2.2.1, VEX in 2.3, EVEX in 2.7);
 * the tests hold them against the GNU assembler.
 */
import type { Listing } from "./listing.ts";

/** By number: rax rcx rdx rbx rsp rbp rsi rdi, r8 to r15. */
export type General = number;
export const [rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi] = [0, 1, 2, 3, 4, 5, 6, 7] as const;

/** xmm, ymm or zmm by number: 0 to 15, with AVX-512 to 31. */
export type VectorRegister = number;
/** k0 to k7. */
export type MaskRegister = number;

/** `[base + index * scale + offset]`: the offset is in bytes, a signed 32-bit number. */
export type Address = {
  readonly base: General;
  /** Any but rsp. */
  readonly index?: General | undefined;
  readonly scale?: 1 | 2 | 4 | 8 | undefined;
  readonly offset?: number | undefined;
};
/** So many bytes from the start of the code's constants. */
export type Constant = { readonly constant: number };
export type Memory = Address | Constant;

/** tmm0 to tmm7. */
export type Tile = number;
/** The first row, and a register with the bytes from one to the next. */
export type Rows = Address & { readonly index: General };

/** `name`: for listings. */
export type Label = { at: number; readonly uses: number[]; readonly name?: string | undefined };

/** After a comparison: equal; signed l and g; unsigned b and a. */
const conditions = { b: 2, ae: 3, e: 4, ne: 5, be: 6, a: 7, l: 12, ge: 13, le: 14, g: 15 } as const;
export type Condition = keyof typeof conditions;

/** Which instructions: those with 512 bits and masks, or those with 256 bits. */
export type Isa = "avx512" | "avx2";

/** Prefix (0: none, 1: 66, 2: F3, 3: F2), opcode map (1: 0F, 2: 0F38, 3: 0F3A), opcode; W where EVEX wants it. */
type Opcode = readonly [prefix: number, map: number, opcode: number, w?: 0 | 1];

/** Two vectors to one; the last may lie in memory. */
const binaryOpcodes = {
  addps: [0, 1, 0x58],
  subps: [0, 1, 0x5c],
  mulps: [0, 1, 0x59],
  divps: [0, 1, 0x5e],
  minps: [0, 1, 0x5d],
  maxps: [0, 1, 0x5f],
  addpd: [1, 1, 0x58, 1],
  pand: [1, 1, 0xdb],
  /** The first one's bits turned. */
  pandn: [1, 1, 0xdf],
  por: [1, 1, 0xeb],
  pxor: [1, 1, 0xef],
  paddd: [1, 1, 0xfe],
  psubd: [1, 1, 0xfa],
  pmulld: [1, 2, 0x40],
  pmaxud: [1, 2, 0x3f],
  /** To each number of 32 bits, the sum of four products: bytes without a sign times bytes with one. */
  vpdpbusd: [1, 2, 0x50],
  /** The sums of two such products, which must fit 16 bits; and of two products of 16 bits, to 32. */
  pmaddubsw: [1, 2, 0x04],
  pmaddwd: [1, 1, 0xf5],
  /** The destination is an operand: to * y + x; x * to + y; x * y + to. */
  fmadd132ps: [1, 2, 0x98],
  fmadd213ps: [1, 2, 0xa8],
  fmadd231ps: [1, 2, 0xb8],
} as const satisfies Readonly<Record<string, Opcode>>;
export type Binary = keyof typeof binaryOpcodes;

/** The same of AVX-512 alone. */
const wideOpcodes = {
  /** Sums in f32 of the products of bf16, two side by side in each lane, added to what is there (AVX512_BF16). */
  dpbf16ps: [2, 2, 0x52],
  /** The second vector's f32 to bf16 in the lower half, the first one's in the upper (AVX512_BF16). */
  cvtne2ps2bf16: [3, 2, 0x72],
  /** Numbers of 16 bits of the second vector, in the order that the first one says. */
  permw: [1, 2, 0x8d, 1],
  punpckldq: [1, 1, 0x62],
  punpckhdq: [1, 1, 0x6a],
  punpcklqdq: [1, 1, 0x6c, 1],
  punpckhqdq: [1, 1, 0x6d, 1],
} as const satisfies Readonly<Record<string, Opcode>>;
export type Wide = keyof typeof wideOpcodes;

/** One vector to one, which may lie in memory. `half`: what is read is half as long, or what is made. */
const unaryOpcodes = {
  movups: [0, 1, 0x10],
  sqrtps: [0, 1, 0x51],
  cvtdq2ps: [0, 1, 0x5b],
} as const satisfies Readonly<Record<string, Opcode>>;
export type Unary = keyof typeof unaryOpcodes;

/** By a constant number of bits: the extension of the opcode 72. */
const shifts = { pslld: 6, psrad: 4, psrld: 2 } as const;
export type Shift = keyof typeof shifts;

/** Predicates of `cmpps`, which are false beside NaN but for `ne`, and of `pcmpd` and `pcmpud`. */
export const predicates = { eq: 0, lt: 1, ne: 4, gt: 30, ge: 5 } as const;

const comparisons = { ps: "cmpps", d: "pcmpd", ud: "pcmpud" } as const;

/** 32-bit and 64-bit arithmetic: opcode of `reg, r/m`, and extension of 81 for a constant. */
const arithmetic = {
  add: [0x03, 0],
  or: [0x0b, 1],
  and: [0x23, 4],
  sub: [0x2b, 5],
  xor: [0x33, 6],
  cmp: [0x3b, 7],
} as const;
export type Arithmetic = keyof typeof arithmetic;

/**
 * An instruction on vectors: what its bytes are made of, and its text. `form` has the operands as they are written, of the
 * fields `reg`, `second` and `last`: whole vectors, or what stands before the name; then comes `immediate`, where there is one.
 */
export type VectorFields = {
  readonly name: string;
  readonly form: string;
  readonly reg: number;
  readonly second?: number;
  readonly last: number | Memory;
  readonly opcode: Opcode;
  readonly bits: 128 | 256 | 512;
  readonly immediate?: number;
  readonly mask?: MaskRegister | undefined;
  /** Zeros where the mask is 0, instead of what was there. */
  readonly zeroing?: boolean;
  /** The memory operand is one number of 4 bytes, for every lane. */
  readonly broadcast?: boolean;
  /** Bytes of the memory operand, by which EVEX counts short offsets. */
  readonly unit?: number;
  readonly evex?: boolean;
};

const isMemory = (operand: number | Memory): operand is Memory => typeof operand === "object";
const ones = (value: number): number => ~value & 1;

/** Bytes of one block of code, with the constants behind it. */
export class Assembler {
  readonly isa: Isa;
  private bytes = new Uint8Array(4096);
  private view = new DataView(this.bytes.buffer);
  private length = 0;
  private readonly words: number[] = [];
  private readonly places = new Map<string, number>();
  /** Where offsets to constants stand, and what is added to each. */
  private readonly toConstants: { readonly at: number; readonly constant: number; readonly end: number }[] = [];

  /** Where it is given, each instruction leaves its text there. */
  readonly listing: Listing | undefined;

  constructor(isa: Isa, listing?: Listing) {
    this.isa = isa;
    this.listing = listing;
  }

  get at(): number {
    return this.length;
  }

  /** Numbers of 32 bits that code may read, once each list: where they are. */
  constants(words: readonly number[]): Constant {
    const key = words.join(" ");
    const known = this.places.get(key);
    if (known !== undefined) return { constant: known };
    while (this.words.length % words.length !== 0) this.words.push(0);
    const constant = 4 * this.words.length;
    this.words.push(...words);
    this.places.set(key, constant);
    return { constant };
  }

  /** The code, then its constants at a multiple of 64 bytes. */
  finish(): Uint8Array<ArrayBuffer> {
    const start = Math.ceil(this.length / 64) * 64;
    const code = new Uint8Array(start + 4 * this.words.length);
    code.set(this.bytes.subarray(0, this.length));
    const view = new DataView(code.buffer);
    this.words.forEach((word, k) => view.setUint32(start + 4 * k, word >>> 0, true));
    for (const { at, constant, end } of this.toConstants) view.setInt32(at, start + constant - end, true);
    this.listing?.finish(code, this.length, start);
    return code;
  }

  /** Room for so many bytes more. */
  private reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const more = new Uint8Array(2 * this.bytes.length);
    more.set(this.bytes);
    this.bytes = more;
    this.view = new DataView(more.buffer);
  }
  private byte(one: number): void {
    this.reserve(1);
    this.bytes[this.length++] = one;
  }
  private opcode(...bytes: readonly number[]): void {
    for (const one of bytes) this.byte(one);
  }
  private word(value: number): void {
    this.reserve(4);
    this.view.setInt32(this.length, value, true);
    this.length += 4;
  }
  private patch(at: number, value: number): void {
    this.view.setInt32(at, value, true);
  }

  // Labels, jumps and calls.

  label(name?: string): Label {
    return { at: -1, uses: [], name };
  }
  place(label: Label): void {
    this.listing?.place(this.length, label);
    label.at = this.length;
    for (const use of label.uses) this.patch(use, this.length - use - 4);
  }
  private to(label: Label): void {
    if (label.at < 0) label.uses.push(this.length);
    this.word(label.at < 0 ? 0 : label.at - this.length - 4);
  }
  jump(label: Label): void {
    this.listing?.jump(this.length, "jmp", label);
    this.byte(0xe9);
    this.to(label);
  }
  jumpIf(condition: Condition, label: Label): void {
    this.listing?.jump(this.length, `j${condition}`, label);
    this.byte(0x0f);
    this.byte(0x80 + conditions[condition]);
    this.to(label);
  }
  call(label: Label): void {
    this.listing?.jump(this.length, "call", label);
    this.byte(0xe8);
    this.to(label);
  }
  ret(): void {
    this.listing?.add(this.length, "ret");
    this.byte(0xc3);
  }
  /** Instructions that do nothing, up to a multiple of so many bytes: loops begin there. */
  align(bytes: number): void {
    this.listing?.align(this.length, bytes);
    const nops = [[], [0x90], [0x66, 0x90], [0x0f, 0x1f, 0x00], [0x0f, 0x1f, 0x40, 0x00]];
    for (let more = (bytes - (this.length % bytes)) % bytes; more > 0; more -= Math.min(4, more)) {
      this.opcode(...(nops[Math.min(4, more)] as number[]));
    }
  }

  // Whole numbers. `wide`: of 64 bits, else of 32, which clears the upper half.

  private rex(wide: boolean, reg: number, rm: number | Memory, always = false): void {
    const [index, base] = isMemory(rm) ? ("constant" in rm ? [0, 0] : [rm.index ?? 0, rm.base]) : [0, rm];
    const rex = 0x40 | (wide ? 8 : 0) | ((reg >> 3) << 2) | ((index >> 3) << 1) | (base >> 3);
    if (rex !== 0x40 || always) this.byte(rex);
  }
  /** The byte that names operands, and what follows it. `after`: bytes of the instruction that still follow. */
  private modrm(reg: number, rm: number | Memory, after: number, unit = 1): void {
    const field = (reg & 7) << 3;
    if (!isMemory(rm)) {
      this.byte(0xc0 | field | (rm & 7));
      return;
    }
    if ("constant" in rm) {
      this.byte(field | 5);
      this.toConstants.push({ at: this.length, constant: rm.constant, end: this.length + 4 + after });
      this.word(0);
      return;
    }
    const { base, index, scale = 1, offset = 0 } = rm;
    if (index === rsp) throw new Error("internal: rsp is no index");
    const short = offset % unit === 0 && offset / unit >= -128 && offset / unit <= 127;
    // rbp and r13 as a base need an offset.
    const mode = offset === 0 && (base & 7) !== rbp ? 0 : short ? 0x40 : 0x80;
    if (index === undefined && (base & 7) !== rsp) this.byte(mode | field | (base & 7));
    else {
      this.byte(mode | field | 4);
      this.byte((Math.log2(scale) << 6) | (((index ?? rsp) & 7) << 3) | (base & 7));
    }
    if (mode === 0x40) this.byte((offset / unit) & 255);
    if (mode === 0x80) this.word(offset);
  }

  private general(op: readonly number[], reg: number, rm: number | Memory, wide: boolean, after = 0): void {
    this.rex(wide, reg, rm);
    this.opcode(...op);
    this.modrm(reg, rm, after);
  }
  /** `to = to op from`; of `cmp` only what conditions ask for. */
  arithmetic(op: Arithmetic, to: General, from: General | Memory, wide = false): void {
    this.listing?.general(this.length, op, wide, to, from);
    this.general([arithmetic[op][0]], to, from, wide);
  }
  /** With a constant: a signed number of 32 bits. */
  arithmeticWith(op: Arithmetic, to: General, constant: number, wide = false): void {
    this.listing?.general(this.length, op, wide, to, { value: constant });
    const short = constant >= -128 && constant <= 127;
    if (to === rax && !short) {
      // Of this register there is a form that is a byte shorter.
      this.rex(wide, 0, to);
      this.byte(arithmetic[op][0] + 2);
    } else this.general([short ? 0x83 : 0x81], arithmetic[op][1], to, wide);
    if (short) this.byte(constant & 255);
    else this.word(constant);
  }
  multiply(to: General, from: General | Memory, wide = false): void {
    this.listing?.general(this.length, "imul", wide, to, from);
    this.general([0x0f, 0xaf], to, from, wide);
  }
  multiplyBy(to: General, from: General, constant: number, wide = false): void {
    this.listing?.general(this.length, "imul", wide, to, from, { value: constant });
    const short = constant >= -128 && constant <= 127;
    this.general([short ? 0x6b : 0x69], to, from, wide);
    if (short) this.byte(constant & 255);
    else this.word(constant);
  }
  /** edx:eax over a number without a sign: the quotient to eax, the rest to edx. */
  divide(by: General): void {
    this.listing?.general(this.length, "div", false, by);
    this.general([0xf7], 6, by, false);
  }
  move(to: General, from: General | Memory, wide = true): void {
    this.listing?.general(this.length, "mov", wide, to, from);
    this.general([0x8b], to, from, wide);
  }
  store(to: Memory, from: General, wide = false): void {
    this.listing?.general(this.length, "mov", wide, to, from);
    this.general([0x89], from, to, wide);
  }
  /** A number of 32 bits, or of 64 as a bigint. */
  moveConstant(to: General, constant: number | bigint): void {
    if (typeof constant === "bigint") {
      this.listing?.general(this.length, "movabs", true, to, { value: constant });
      this.rex(true, 0, to);
      this.byte(0xb8 + (to & 7));
      this.word(Number(BigInt.asIntN(32, constant)));
      this.word(Number(BigInt.asIntN(32, constant >> 32n)));
    } else if (constant === 0) this.arithmetic("xor", to, to);
    else {
      this.listing?.general(this.length, "mov", false, to, { value: constant });
      this.rex(false, 0, to);
      this.byte(0xb8 + (to & 7));
      this.word(constant);
    }
  }
  address(to: General, from: Memory, wide = true): void {
    this.listing?.general(this.length, "lea", wide, to, from);
    this.general([0x8d], to, from, wide);
  }
  /** Zeros come in. */
  shiftRight(to: General, bits: number, wide = false): void {
    this.listing?.general(this.length, "shr", wide, to, { value: bits });
    this.general([0xc1], 5, to, wide);
    this.byte(bits);
  }
  /** By as many bits as cl says. */
  shiftRightByCl(to: General): void {
    this.listing?.general(this.length, "shr", false, to, "cl");
    this.general([0xd3], 5, to, false);
  }
  /** 1 where the condition holds, else 0. */
  set(condition: Condition, to: General): void {
    this.listing?.general(this.length, `set${condition}`, 8, to);
    this.rex(false, 0, to, true);
    this.opcode(0x0f, 0x90 + conditions[condition]);
    this.modrm(0, to, 0);
    this.listing?.widen(this.length, to);
    this.rex(false, to, to, true);
    this.opcode(0x0f, 0xb6);
    this.modrm(to, to, 0);
  }
  push(from: General): void {
    this.listing?.general(this.length, "push", true, from);
    this.rex(false, 0, from);
    this.byte(0x50 + (from & 7));
  }
  pop(to: General): void {
    this.listing?.general(this.length, "pop", true, to);
    this.rex(false, 0, to);
    this.byte(0x58 + (to & 7));
  }
  /** What was in memory comes to the register, and the sum into memory, as one. */
  exchangeAdd(memory: Memory, register: General): void {
    this.listing?.general(this.length, "lock xadd", false, memory, register);
    this.byte(0xf0);
    this.general([0x0f, 0xc1], register, memory, false);
  }
  /** Store, as one and before what follows. */
  exchange(memory: Memory, register: General): void {
    this.listing?.general(this.length, "xchg", false, memory, register);
    this.general([0x87], register, memory, false);
  }
  pause(): void {
    this.listing?.add(this.length, "pause");
    this.opcode(0xf3, 0x90);
  }
  syscall(): void {
    this.listing?.add(this.length, "syscall");
    this.opcode(0x0f, 0x05);
  }
  cpuid(): void {
    this.listing?.add(this.length, "cpuid");
    this.opcode(0x0f, 0xa2);
  }
  xgetbv(): void {
    this.listing?.add(this.length, "xgetbv");
    this.opcode(0x0f, 0x01, 0xd0);
  }
  /** So many bytes of al to [rdi], and of [rsi] to [rdi]: as many as rcx says. */
  fill(): void {
    this.listing?.add(this.length, "rep stosb");
    this.opcode(0xf3, 0xaa);
  }
  copy(): void {
    this.listing?.add(this.length, "rep movsb");
    this.opcode(0xf3, 0xa4);
  }

  // Vectors.

  private vector(fields: VectorFields): void {
    if (fields.evex ?? this.isa === "avx512") this.evex(fields);
    else this.vex(fields);
  }

  private vex(fields: VectorFields, w: 0 | 1 = 0): void {
    this.listing?.vector(this.length, fields, false);
    const { reg, second = 0, last, opcode, bits, immediate } = fields;
    const [prefix, map, op] = opcode;
    const [index, base] = isMemory(last) ? ("constant" in last ? [0, 0] : [last.index ?? 0, last.base]) : [0, last];
    this.byte(0xc4);
    this.byte((ones(reg >> 3) << 7) | (ones(index >> 3) << 6) | (ones(base >> 3) << 5) | map);
    this.byte((w << 7) | ((~second & 15) << 3) | (bits === 256 ? 4 : 0) | prefix);
    this.byte(op);
    this.modrm(reg, last, immediate === undefined ? 0 : 1);
    if (immediate !== undefined) this.byte(immediate);
  }

  private evex(fields: VectorFields): void {
    this.listing?.vector(this.length, fields, true);
    const { reg, second = 0, last, opcode, bits, immediate, mask = 0, zeroing = false, broadcast = false } = fields;
    const [prefix, map, op, w = 0] = opcode;
    const inMemory = isMemory(last);
    // Of a register, the bit of an index is its fifth.
    const isConstant = inMemory && "constant" in last;
    const x = isConstant ? 0 : inMemory ? (last.index ?? 0) >> 3 : last >> 4;
    const b = isConstant ? 0 : (inMemory ? last.base : last) >> 3;
    this.byte(0x62);
    this.byte((ones(reg >> 3) << 7) | (ones(x) << 6) | (ones(b) << 5) | (ones(reg >> 4) << 4) | map);
    this.byte((w << 7) | ((~second & 15) << 3) | 4 | prefix);
    this.byte(
      ((zeroing ? 1 : 0) << 7) |
        ((bits === 512 ? 2 : bits === 256 ? 1 : 0) << 5) |
        ((broadcast ? 1 : 0) << 4) |
        (ones(second >> 4) << 3) |
        mask,
    );
    this.byte(op);
    this.modrm(reg, last, immediate === undefined ? 0 : 1, broadcast ? 4 : (fields.unit ?? bits / 8));
    if (immediate !== undefined) this.byte(immediate);
  }

  /** Bits of a whole vector. */
  get bits(): 256 | 512 {
    return this.isa === "avx512" ? 512 : 256;
  }

  binary(
    op: Binary,
    to: VectorRegister,
    x: VectorRegister,
    y: VectorRegister | Memory,
    { broadcast = false, bits = this.bits }: { readonly broadcast?: boolean; readonly bits?: 128 | 256 | 512 } = {},
  ): void {
    this.vector({
      name: op,
      form: "reg, second, last",
      reg: to,
      second: x,
      last: y,
      opcode: binaryOpcodes[op],
      bits,
      broadcast,
    });
  }
  wide(op: Wide, to: VectorRegister, x: VectorRegister, y: VectorRegister | Memory): void {
    this.evex({ name: op, form: "reg, second, last", reg: to, second: x, last: y, opcode: wideOpcodes[op], bits: 512 });
  }
  unary(op: Unary, to: VectorRegister, x: VectorRegister | Memory): void {
    this.vector({ name: op, form: "reg, last", reg: to, last: x, opcode: unaryOpcodes[op], bits: this.bits });
  }
  /** Registers to registers; else the vector in memory, which need not be aligned. With a mask, zeros elsewhere. */
  load(to: VectorRegister, from: VectorRegister | Memory, mask?: MaskRegister): void {
    this.vector({
      name: "movups",
      form: "reg, last",
      reg: to,
      last: from,
      opcode: unaryOpcodes.movups,
      bits: this.bits,
      mask,
      zeroing: mask !== undefined,
    });
  }
  storeVector(to: Memory, from: VectorRegister, mask?: MaskRegister): void {
    this.vector({
      name: "movups",
      form: "last, reg",
      reg: from,
      last: to,
      opcode: [0, 1, 0x11],
      bits: this.bits,
      mask,
    });
  }
  /** The first number alone. */
  storeFirst(to: Memory, from: VectorRegister): void {
    this.vector({ name: "movss", form: "last, reg", reg: from, last: to, opcode: [2, 1, 0x11], bits: 128, unit: 4 });
  }
  /** With AVX2, where the mask's signs are set. */
  storeMasked(to: Memory, from: VectorRegister, mask: VectorRegister): void {
    this.vector({
      name: "maskmovps",
      form: "last, second, reg",
      reg: from,
      second: mask,
      last: to,
      opcode: [1, 2, 0x2e],
      bits: this.bits,
    });
  }
  /** One number of memory, or the first of a register, in every lane. */
  broadcast(to: VectorRegister, from: VectorRegister | Memory, mask?: MaskRegister): void {
    const opcode: Opcode = [1, 2, 0x18];
    const zeroing = mask !== undefined;
    const [name, form] = ["broadcastss", "reg, xmm last"];
    this.vector({ name, form, reg: to, last: from, opcode, bits: this.bits, unit: 4, mask, zeroing });
  }
  /** A general register in every lane. */
  broadcastGeneral(to: VectorRegister, from: General): void {
    if (this.isa === "avx512")
      this.evex({
        name: "pbroadcastd",
        form: "reg, general last",
        reg: to,
        last: from,
        opcode: [1, 2, 0x7c],
        bits: 512,
      });
    else {
      this.vex({ name: "movd", form: "reg, general last", reg: to, last: from, opcode: [1, 1, 0x6e], bits: 128 });
      this.vex({ name: "pbroadcastd", form: "reg, xmm last", reg: to, last: to, opcode: [1, 2, 0x58], bits: 256 });
    }
  }
  shift(op: Shift, to: VectorRegister, x: VectorRegister, bits: number): void {
    const opcode: Opcode = [1, 1, 0x72];
    this.vector({
      name: op,
      form: "second, last",
      reg: shifts[op],
      second: to,
      last: x,
      opcode,
      bits: this.bits,
      immediate: bits,
    });
  }
  /** AVX-512: to a mask. */
  compareToMask(
    kind: "ps" | "d" | "ud",
    to: MaskRegister,
    x: VectorRegister,
    y: VectorRegister | Memory,
    predicate: number,
    broadcast = false,
  ): void {
    const opcode: Opcode = kind === "ps" ? [0, 1, 0xc2] : [1, 3, kind === "d" ? 0x1f : 0x1e];
    this.evex({
      name: comparisons[kind],
      form: "mask reg, second, last",
      reg: to,
      second: x,
      last: y,
      opcode,
      bits: 512,
      immediate: predicate,
      broadcast,
    });
  }
  /** AVX2: to a vector of all ones or zeros a lane. */
  compare(to: VectorRegister, x: VectorRegister, y: VectorRegister | Memory, predicate: number): void {
    this.vex({
      name: "cmpps",
      form: "reg, second, last",
      reg: to,
      second: x,
      last: y,
      opcode: [0, 1, 0xc2],
      bits: 256,
      immediate: predicate,
    });
  }
  /** AVX2: equal integers. */
  compareIntegers(to: VectorRegister, x: VectorRegister, y: VectorRegister | Memory): void {
    this.vex({
      name: "pcmpeqd",
      form: "reg, second, last",
      reg: to,
      second: x,
      last: y,
      opcode: [1, 1, 0x76],
      bits: 256,
    });
  }
  /** AVX-512: y where the mask is 1, else x. */
  blend(
    to: VectorRegister,
    x: VectorRegister,
    y: VectorRegister | Memory,
    mask: MaskRegister,
    broadcast = false,
  ): void {
    this.evex({
      name: "blendmps",
      form: "reg, second, last",
      reg: to,
      second: x,
      last: y,
      opcode: [1, 2, 0x65],
      bits: 512,
      mask,
      broadcast,
    });
  }
  /** AVX2: y where the mask's sign is set, else x. */
  blendBySign(to: VectorRegister, x: VectorRegister, y: VectorRegister | Memory, mask: VectorRegister): void {
    this.vex({
      name: "blendvps",
      form: "reg, second, last",
      reg: to,
      second: x,
      last: y,
      opcode: [1, 3, 0x4a],
      bits: 256,
      immediate: mask << 4,
    });
  }
  /** Lanes within each four: `order` has two bits a lane. */
  permute(to: VectorRegister, x: VectorRegister, order: number): void {
    this.vector({
      name: "permilps",
      form: "reg, last",
      reg: to,
      last: x,
      opcode: [1, 3, 0x04],
      bits: this.bits,
      immediate: order,
    });
  }
  /** AVX-512: fours of lanes, two bits each: two of x, then two of y. */
  permuteFours(to: VectorRegister, x: VectorRegister, order: number, y: VectorRegister = x): void {
    this.evex({
      ...{ name: "shuff32x4", form: "reg, second, last" },
      ...{ reg: to, second: x, last: y, opcode: [1, 3, 0x23], bits: 512, immediate: order },
    });
  }
  /** AVX2: the halves change places where `order` is 1. */
  permuteHalves(to: VectorRegister, x: VectorRegister, order: number): void {
    this.vex({
      name: "perm2f128",
      form: "reg, second, last",
      reg: to,
      second: x,
      last: x,
      opcode: [1, 3, 0x06],
      bits: 256,
      immediate: order,
    });
  }
  /** The upper half to the lower, which is then half a vector. */
  upperHalf(to: VectorRegister, x: VectorRegister): void {
    if (this.isa === "avx512")
      this.evex({
        name: "extractf64x4",
        form: "half last, reg",
        reg: x,
        last: to,
        opcode: [1, 3, 0x1b, 1],
        bits: 512,
        immediate: 1,
      });
    else
      this.vex({
        name: "extractf128",
        form: "half last, reg",
        reg: x,
        last: to,
        opcode: [1, 3, 0x19],
        bits: 256,
        immediate: 1,
      });
  }
  /** Half a vector of f32 to a whole one of f64. */
  widen(to: VectorRegister, x: VectorRegister): void {
    this.vector({ name: "cvtps2pd", form: "reg, half last", reg: to, last: x, opcode: [0, 1, 0x5a], bits: this.bits });
  }
  /** A whole vector of f64 to half a one of f32. */
  narrow(to: VectorRegister, x: VectorRegister): void {
    this.vector({
      name: "cvtpd2ps",
      form: "half reg, last",
      reg: to,
      last: x,
      opcode: [1, 1, 0x5a, 1],
      bits: this.bits,
    });
  }
  /** Numbers of 64 bits within each 128: `order` has one bit each. */
  permuteWide(to: VectorRegister, x: VectorRegister, order: number): void {
    this.vector({
      name: "permilpd",
      form: "reg, last",
      reg: to,
      last: x,
      opcode: [1, 3, 0x05, 1],
      bits: this.bits,
      immediate: order,
    });
  }
  maskFrom(to: MaskRegister, from: General): void {
    this.vex({ name: "kmovw", form: "mask reg, general last", reg: to, last: from, opcode: [0, 1, 0x92], bits: 128 });
  }
  maskTo(to: General, from: MaskRegister): void {
    this.vex({ name: "kmovw", form: "general reg, mask last", reg: to, last: from, opcode: [0, 1, 0x93], bits: 128 });
  }
  moveMask(to: MaskRegister, from: MaskRegister): void {
    this.vex({ name: "kmovw", form: "mask reg, mask last", reg: to, last: from, opcode: [0, 1, 0x90], bits: 128 });
  }
  andMasks(to: MaskRegister, x: MaskRegister, y: MaskRegister): void {
    this.vex({
      name: "kandw",
      form: "mask reg, mask second, mask last",
      reg: to,
      second: x,
      last: y,
      opcode: [0, 1, 0x41],
      bits: 256,
    });
  }
  xorMasks(to: MaskRegister, x: MaskRegister, y: MaskRegister): void {
    this.vex({
      name: "kxorw",
      form: "mask reg, mask second, mask last",
      reg: to,
      second: x,
      last: y,
      opcode: [0, 1, 0x47],
      bits: 256,
    });
  }
  /** Before code that is not of vectors: the upper halves of registers are cleared. */
  zeroUpper(): void {
    this.listing?.add(this.length, "vzeroupper");
    this.opcode(0xc5, 0xf8, 0x77);
  }

  // Tiles (AMX): 0 to 7, each of up to 16 rows of 64 bytes. In memory the index of an address is the bytes between rows.

  /** How many rows and bytes each tile has, as 64 bytes say; all become zero. */
  configureTiles(from: Memory): void {
    this.vex({ name: "ldtilecfg", form: "plain last", reg: 0, last: from, opcode: [0, 2, 0x49], bits: 128 });
  }
  releaseTiles(): void {
    this.vex({ name: "tilerelease", form: "", reg: 0, last: 0, opcode: [0, 2, 0x49], bits: 128 });
  }
  zeroTile(to: Tile): void {
    this.vex({ name: "tilezero", form: "tile reg", reg: to, last: 0, opcode: [3, 2, 0x49], bits: 128 });
  }
  loadTile(to: Tile, from: Rows): void {
    this.vex({ name: "tileloadd", form: "tile reg, plain last", reg: to, last: from, opcode: [3, 2, 0x4b], bits: 128 });
  }
  storeTile(to: Rows, from: Tile): void {
    this.vex({
      name: "tilestored",
      form: "plain last, tile reg",
      reg: from,
      last: to,
      opcode: [2, 2, 0x4b],
      bits: 128,
    });
  }
  /** to += x times y: rows of pairs of bf16, and for each pair a row of pairs. */
  multiplyTiles(to: Tile, x: Tile, y: Tile): void {
    this.vex({
      name: "tdpbf16ps",
      form: "tile reg, tile last, tile second",
      reg: to,
      second: y,
      last: x,
      opcode: [2, 2, 0x5c],
      bits: 128,
    });
  }
}
