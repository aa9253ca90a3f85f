/** How much memory a program may have. Knows nothing about what is in it. */
import { InputError } from "../graph/input-error.ts";

/** A 32-bit WebAssembly memory: 65,536 pages of 64 KiB. */
export const memoryLimitBytes = 2 ** 32;

const advice = "Make it smaller: fewer units or layers, a smaller batch or vocabulary, or fewer steps.";

/** @throws InputError where `what` needs more bytes than a WebAssembly memory has; costs no memory itself */
export function checkMemory(bytes: number, what: string): void {
  if (bytes <= memoryLimitBytes) return;
  throw new InputError(
    `${what} needs ${count(bytes)} bytes of memory, and WebAssembly has at most ${count(memoryLimitBytes)}. ${advice}`,
  );
}

/** For memory that is within the limit and that the machine did not give all the same. */
export function refusedMemory(bytes: number, what: string, cause: unknown): InputError {
  return new InputError(`${what} needs ${count(bytes)} bytes of memory, more than this machine gives. ${advice}`, {
    cause,
  });
}

/** Beyond 2^53 in powers of ten: the digits would be made up. */
const count = (bytes: number): string =>
  bytes <= Number.MAX_SAFE_INTEGER ? bytes.toLocaleString("en-US") : bytes.toExponential(1).replace("e+", "e");
