/**
 * The memory plan: buffers share bytes if their lifetimes do not overlap. Knows nothing about what they hold.
 */
import { aligned, type Target } from "./target.ts";

/** First and last moment of use, both included; -Infinity to Infinity for a buffer that is always in use. */
export type Lifetime = { readonly from: number; readonly to: number };
type Sized = Lifetime & { readonly bytes: number };

/** Offsets from `base`, aligned: large buffers first, each at the lowest place that is free while it lives. */
export function allocate(buffers: readonly Sized[], base: number, target: Target): { offsets: number[]; end: number } {
  const offsets = buffers.map(() => 0);
  const order = buffers.map((_, k) => k).sort((a, b) => size(b) - size(a) || a - b);
  const placed: number[] = [];
  let end = aligned(target, base);
  function size(k: number): number {
    return aligned(target, (buffers[k] as Sized).bytes);
  }
  for (const k of order) {
    const { from, to } = buffers[k] as Sized;
    const taken = placed
      .filter((other) => (buffers[other] as Sized).from <= to && from <= (buffers[other] as Sized).to)
      .map((other) => ({ start: offsets[other] as number, end: (offsets[other] as number) + size(other) }))
      .sort((a, b) => a.start - b.start);
    let at = aligned(target, base);
    for (const gap of taken) {
      if (at + size(k) <= gap.start) break;
      at = Math.max(at, gap.end);
    }
    offsets[k] = at;
    placed.push(k);
    end = Math.max(end, at + size(k));
  }
  return { offsets, end };
}
