/**
 * How the work of an instruction is shared out among threads, and the barrier at which they meet. What a thread
 * computes does not depend on how many there are: a number is always made by one thread, in one order.
 */
import {
  block,
  br,
  br_if,
  type Code,
  drop,
  type FunctionHandle,
  func,
  i32,
  if_,
  type Local,
  loop,
  memory,
} from "./assembler.ts";
import { arrivedAt, roundAt, threadsAt } from "./meeting.ts";

/** From one place to before another, as i32 code. */
export type Range = { readonly from: Code; readonly to: Code };

const threadsHere = i32.load(i32.const(0), 4 * threadsAt);
/** Looks at the round before a thread goes to sleep: about as long as waking it up takes. */
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
  return func({ name: "barrier", params: [], results: [] }, (f) => {
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
