/** Values in an order drawn at random. */
import type { Random } from "unrolled";

/** The same values in another order: each order is as likely as any other. */
export function shuffled<Value>(values: readonly Value[], random: Random): Value[] {
  return values
    .map((value) => [random.uniform(), value] as const)
    .sort(([a], [b]) => a - b)
    .map(([, value]) => value);
}
