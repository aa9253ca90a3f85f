/**
 * What a whole layer computes is compared at once: `toEqual` looks at the thousands of numbers of an array one by one, each as at
 * an object that may have keys, which takes longer than to compute them. Knows of equal ones only: all else is Vitest's to judge.
 */
import { expect } from "vitest";

type View = ArrayBufferView & { readonly length: number };

/** Of one kind, as long, and of the same bytes. */
export function sameBytes(one: View, other: View): boolean {
  const bytes = ({ buffer, byteOffset, byteLength }: View) =>
    Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
  return one.constructor === other.constructor && one.length === other.length && bytes(one).equals(bytes(other));
}

/** True for typed arrays of the same bytes, and for lists of the same numbers; undefined for what is to be looked at closely. */
function equalNumbers(one: unknown, other: unknown): true | undefined {
  if (ArrayBuffer.isView(one) && ArrayBuffer.isView(other)) {
    return sameBytes(one as View, other as View) || undefined;
  }
  if (!Array.isArray(one) || !Array.isArray(other)) return undefined;
  if (one.length !== other.length || one.constructor !== other.constructor) return undefined;
  for (let k = 0; k < one.length; k++) {
    if (typeof one[k] !== "number" || !Object.is(one[k], other[k])) return undefined;
  }
  return true;
}

// Once in a process: files that follow each other in one read this anew, and Vitest keeps what each adds.
const added = Symbol.for("unrolled: quick equality");
if (!(added in globalThis)) {
  Object.defineProperty(globalThis, added, { value: true });
  expect.addEqualityTesters([equalNumbers]);
}
