/**
 * Plan to machine code: for each thread a function that runs its part of all instructions, with every address, size and share in
 * it. Knows nothing about equations or gradients.
 */
import { bodyOf, type Plan } from "../../schedule/plan.ts";
import { packWeights } from "../vector/packing.ts";
import { Assembler, type Isa, type Label, rax, rdi, rdx, rsi, rsp } from "./assembler.ts";
import { barrier } from "./barrier.ts";
import { bf16ScratchBytes, Conversions } from "./bf16.ts";
import { EightBits, scratchBytesOf } from "./eight-bits.ts";
import { memoryBase, NativeFunction } from "./function.ts";
import type { Listing } from "./listing.ts";
import { panelVectors, Tiles } from "./matmul.ts";
import { outerScratchBytes } from "./outer.ts";
import { panelBytesOf } from "./products.ts";
import { writeSection } from "./section.ts";
import { SharedFunctions } from "./shared-functions.ts";
import { type Host, vectorOps } from "./vector-ops.ts";
import type { ProgramWriter } from "./writer.ts";

export type NativeProgram = {
  readonly code: Uint8Array<ArrayBuffer>;
  /** Bytes of memory in all. */
  readonly bytes: number;
  /** Of a plan in parts the functions of each section in order; else one of all sections. */
  readonly parts: readonly PartOfProgram[];
  /** Where a function begins: of the memory's address. */
  readonly advance: number;
};
/**
 * Where functions begin: `alone`, which does all, and those of each of several threads. They are of the memory's address and of 1 where
 * parameters have changed.
 */
export type PartOfProgram = { readonly alone: number; readonly runs: readonly number[] };

const multipliesBf16 = ({ sections }: Plan): boolean =>
  sections.some(({ instructions }) =>
    instructions.flatMap(bodyOf).some((one) => "precision" in one && one.precision === "bf16"),
  );
/** What a thread needs to pack blocks of both matrices, where products need it. */
function scratchBytes(plan: Plan): number {
  if (multipliesBf16(plan)) return bf16ScratchBytes;
  const { sections, target } = plan;
  const multiplies = sections.some(({ instructions }) =>
    instructions.flatMap(bodyOf).some(({ kind }) => kind === "outer"),
  );
  const inEightBits = sections.flatMap(({ instructions }) =>
    instructions.flatMap(bodyOf).flatMap((one) => (one.kind === "product" && one.precision === "int8" ? [one] : [])),
  );
  const forBlocks = multiplies ? outerScratchBytes(target.vectorWidth) : 0;
  return Math.max(forBlocks, scratchBytesOf(target.vectorWidth, inEightBits));
}

/** `listing`: where the text of the code is to be, beside its bytes. */
export function emit(plan: Plan, isa: Isa, host: Host, threads: number, listing?: Listing): NativeProgram {
  const a = new Assembler(isa, listing);
  const { target } = plan;
  const width = target.vectorWidth;
  const packing = packWeights(plan, panelVectors * width, (product) => panelBytesOf(width, product));
  const scratchSize = scratchBytes(plan);
  const bytes = packing.end + threads * scratchSize + target.tailBytes;
  const tiles = new Tiles(a, host);
  const conversions = new Conversions(a);
  const eightBits = new EightBits(a, host, width);
  const passes = new SharedFunctions(a, host);
  const meeting = a.label("barrier");
  const program: ProgramWriter = { plan, packing, a, host, tiles, conversions, eightBits, passes, barrier: meeting };

  const functions: (readonly [Label, NativeFunction])[] = [];
  const sections = plan.sections.map((section, k) => ({ section, k }));
  type Sections = typeof sections;
  const runOf = (some: Sections, name: string, thread: number, of: number): Label => {
    const f = new NativeFunction(1);
    const scratch = packing.end + thread * scratchSize;
    const writer = { ...program, f, o: vectorOps(f, a, host), thread, threads: of, scratch };
    for (const { section, k } of some) writeSection(writer, section, k);
    const label = a.label(of === 1 ? name : `${name}_of_thread_${thread}`);
    functions.push([label, f]);
    return label;
  };
  const partOf = (some: Sections, name: string) => ({
    alone: runOf(some, name, 0, 1),
    runs: threads > 1 ? Array.from({ length: threads }, (_, thread) => runOf(some, name, thread, threads)) : [],
  });
  const parts =
    plan.parts === undefined ? [partOf(sections, "run")] : sections.map((one) => partOf([one], `run_section_${one.k}`));
  for (const [label, f] of functions) f.assemble(a, label);
  // A pass reads and writes at what lies so far from a row's or a step's beginning.
  listing?.name((base, offset) => (base === memoryBase ? valuesAt(plan, offset) : undefined));
  passes.assemble();
  listing?.name(() => undefined);
  tiles.assemble();
  conversions.assemble();
  eightBits.assemble();
  if (threads > 1) barrier(a, meeting, threads);
  // Without a permission an instruction of AMX is none.
  const tiled = host.bf16 === "amx" && multipliesBf16(plan);
  const entryOf = (label: Label): number => entry(a, label, tiled);
  const entries = parts.map(({ alone, runs }) => ({ alone: entryOf(alone), runs: runs.map(entryOf) }));
  const advance = advanceCode(a, plan);
  return { code: a.finish(), bytes, parts: entries, advance };
}

/** What a plan has at an address: of values that share bytes, all. */
const valuesAt = ({ memory }: Plan, address: number): string | undefined =>
  memory
    .filter(({ offset, bytes }) => address >= offset && address < offset + bytes)
    .map(({ name }) => name)
    .join(", or ") || undefined;

/** A function that C may call: of the memory's address and one number. `tiled`: it may leave tiles of AMX configured. */
function entry(a: Assembler, inner: Label, tiled: boolean): number {
  a.align(16);
  const { at } = a;
  a.place(a.label("entry"));
  a.push(memoryBase);
  a.move(memoryBase, rdi);
  a.move(rax, rsi, false);
  a.push(rax);
  a.call(inner);
  a.arithmeticWith("add", rsp, 8, true);
  a.pop(memoryBase);
  if (tiled) a.releaseTiles();
  a.zeroUpper();
  a.ret();
  return at;
}

/** States go on from their values after the last step. */
function advanceCode(a: Assembler, { states }: Plan): number {
  a.align(16);
  const { at } = a;
  a.place(a.label("advance_states"));
  a.move(rdx, rdi);
  for (const { offset, last, rows, rowBytes } of Object.values(states)) {
    a.moveConstant(rdi, BigInt(offset));
    a.arithmetic("add", rdi, rdx, true);
    a.moveConstant(rsi, BigInt(last));
    a.arithmetic("add", rsi, rdx, true);
    a.moveConstant(1, rows * rowBytes);
    a.copy();
  }
  a.ret();
  return at;
}
