/** What the code of one thread is written with. */
import type { Location, Plan } from "../../schedule/plan.ts";
import type { Packing } from "../vector/packing.ts";
import type { Assembler, Label } from "./assembler.ts";
import type { Conversions } from "./bf16.ts";
import type { EightBits } from "./eight-bits.ts";
import type { NativeFunction } from "./function.ts";
import type { Tiles } from "./matmul.ts";
import type { SharedFunctions } from "./shared-functions.ts";
import type { Host, Ops, Whole } from "./vector-ops.ts";

/** What all threads of a program have in common. */
export type ProgramWriter = {
  readonly plan: Plan;
  readonly packing: Packing;
  readonly a: Assembler;
  readonly host: Host;
  readonly tiles: Tiles;
  readonly conversions: Conversions;
  readonly eightBits: EightBits;
  /** The functions of passes. */
  readonly passes: SharedFunctions;
  /** The function in which every thread waits until all have come. */
  readonly barrier: Label;
};

export type Writer = ProgramWriter & {
  /** The function of the thread, and operations that write into it. */
  readonly f: NativeFunction;
  readonly o: Ops;
  readonly thread: number;
  readonly threads: number;
  /** Address of the memory in which the thread packs blocks of matrices. */
  readonly scratch: number;
};

/** Where a value lies at a step, and `more` bytes behind that. */
export function address(
  { o: { whole } }: Writer,
  { offset, stepBytes }: Location,
  t: Whole | undefined,
  more = 0,
): Whole {
  const at = whole.const(offset + more);
  return t === undefined || stepBytes === 0 ? at : whole.add(whole.mul(t, whole.const(stepBytes)), at);
}
