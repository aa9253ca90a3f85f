/**
 * Divides the work of an instruction among threads, and the barrier at which they wait for each other. A result does not
 * depend on the number of threads, because each number is computed by one thread, in one order.
 */
import { arrivedAt, roundAt, threadsAt } from "../threads/meeting.ts";
import { type Code, type FunctionHandle, type Local, procedure } from "./assembler.ts";
import { block, br, br_if, drop, i32, if_, loop, memory, select } from "./instructions.ts";

/** A range, `to` excluded, as i32 code. */
export type Range = { readonly from: Code; readonly to: Code };

/** The smaller, and the larger, of two signed integers: for ranges that overlap. */
export const smaller = (a: Code, b: Code): Code => select(i32.lt_s(a, b), a, b);
export const larger = (a: Code, b: Code): Code => select(i32.gt_s(a, b), a, b);

const threadsHere = i32.load(i32.const(0), 4 * threadsAt);
/** How often a thread checks the round before it sleeps: this takes about as long as to wake it. */
const spins = 10_000;

/**
 * This thread's part of `total`, in multiples of `unit` but for the last. With one thread, in the module or in this run: all
 * of it.
 */
export function shareOf(total: number, unit: number, thread: Local, threads: number): Range {
  if (threads === 1) return { from: i32.const(0), to: i32.const(total) };
  const units = Math.ceil(total / unit);
  const start = (number: Code): Code =>
    i32.mul(i32.div_u(i32.mul(number, i32.const(units)), i32.const(threads)), i32.const(unit));
  const next = i32.add(thread.get, i32.const(1));
  // The last thread's last unit may be cut.
  const isLast = i32.eq(next, threadsHere);
  return {
    from: start(thread.get),
    to: if_(isLast, i32.const(total), start(next), "i32"),
  };
}

/** A function in which every thread waits until all have come, or, where a run has been given up, none. */
export function barrierFunction(): FunctionHandle {
  return procedure("barrier", 0, (f) => {
    const [round, count] = [f.local("i32"), f.local("i32")];
    const zero = i32.const(0);
    const isOver = i32.ne(i32.atomic_load(zero, 4 * roundAt), round.get);
    return [
      round.set(i32.atomic_load(zero, 4 * roundAt)),
      if_(
        i32.ge_s(i32.add(i32.atomic_rmw_add(zero, i32.const(1), 4 * arrivedAt), i32.const(1)), threadsHere),
        [
          i32.atomic_store(zero, zero, 4 * arrivedAt),
          i32.atomic_store(zero, i32.add(round.get, i32.const(1)), 4 * roundAt),
          drop(memory.atomic_notify(zero, i32.const(-1), 4 * roundAt)),
        ],
        block([
          count.set(i32.const(spins)),
          loop([br_if(1, isOver), br_if(0, count.tee(i32.sub(count.get, i32.const(1))))]),
          loop([br_if(1, isOver), drop(memory.atomic_wait32(zero, round.get, 4 * roundAt)), br(0)]),
        ]),
      ),
    ];
  });
}
