/** Refuses programs that need more memory than an engine or the machine has. Knows nothing about what is in it. */
import { InputError } from "../graph/input-error.ts";
import type { Plan } from "../schedule/plan.ts";
import type { Target } from "../schedule/target.ts";
import { packWeights } from "./wasm/packing.ts";
import { target as wasm } from "./wasm/target.ts";

const advice = "Make it smaller: fewer units or layers, a smaller batch or vocabulary, or fewer steps.";

/**
 * Check a size against the limit of an engine; allocates nothing.
 * @param bytes of memory that are needed
 * @param what needs them: the subject of the message, such as "the program"
 * @param target the engine's target. Default: that of WASM
 * @throws InputError if `bytes` is above the limit of the engine
 */
export function checkMemory(bytes: number, what: string, { name, memoryBytes }: Target = wasm): void {
  if (bytes <= memoryBytes) return;
  throw new InputError(
    `${what} needs ${count(bytes)} bytes of memory, and the engine ${name} has at most ${count(memoryBytes)}. ${advice}`,
  );
}

/**
 * Check a plan against the limit of its engine; for WASM, together with the packed weights that the engine keeps behind it.
 * @throws InputError if they need more memory than the engine has
 */
export function checkPlan(plan: Plan, what: string): void {
  checkMemory(plan.target === wasm ? packWeights(plan).end : plan.bytes, what, plan.target);
}

/**
 * Allocate a program's memory of `bytes` bytes: call `make`, which throws if the machine does not have as much.
 * @throws InputError if `make` throws
 */
export function allocateMemory<Memory>(bytes: number, make: () => Memory): Memory {
  try {
    return make();
  } catch (cause) {
    const message = `the program needs ${count(bytes)} bytes of memory, more than this machine gives. ${advice}`;
    throw new InputError(message, { cause });
  }
}

/** A number of bytes as text; above 2^53, where not all digits are known, with an exponent. */
const count = (bytes: number): string =>
  bytes <= Number.MAX_SAFE_INTEGER ? bytes.toLocaleString("en-US") : bytes.toExponential(1).replace("e+", "e");
