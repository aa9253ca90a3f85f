/** How much memory a program may have. Knows nothing about what is in it. */
import { InputError } from "../graph/input-error.ts";
import type { Plan } from "../schedule/plan.ts";
import type { Target } from "../schedule/target.ts";
import { packWeights } from "./wasm/packing.ts";
import { target as wasm } from "./wasm/target.ts";

const advice = "Make it smaller: fewer units or layers, a smaller batch or vocabulary, or fewer steps.";

/**
 * @param target the engine's; that of the default one where none is known yet
 * @throws InputError where `what` needs more bytes than a memory has; costs no memory itself
 */
export function checkMemory(bytes: number, what: string, { name, memoryBytes }: Target = wasm): void {
  if (bytes <= memoryBytes) return;
  throw new InputError(
    `${what} needs ${count(bytes)} bytes of memory, and the engine ${name} has at most ${count(memoryBytes)}. ${advice}`,
  );
}

/** The same of a plan for the default engine, with the weights that it lays out behind it. */
export function checkPlan(plan: Plan, what: string): void {
  checkMemory(packWeights(plan).end, what);
}

/**
 * Allocate a program's memory of `bytes` bytes by `make`, which throws where the machine does not give as much.
 * @throws InputError where `make` throws
 */
export function allocateMemory<Memory>(bytes: number, make: () => Memory): Memory {
  try {
    return make();
  } catch (cause) {
    const message = `the program needs ${count(bytes)} bytes of memory, more than this machine gives. ${advice}`;
    throw new InputError(message, { cause });
  }
}

/** Beyond 2^53 in powers of ten: the digits would be made up. */
const count = (bytes: number): string =>
  bytes <= Number.MAX_SAFE_INTEGER ? bytes.toLocaleString("en-US") : bytes.toExponential(1).replace("e+", "e");
