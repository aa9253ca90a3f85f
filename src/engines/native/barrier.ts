/** The function in which every thread waits until all have come. Knows nothing about what they do. */
import { arrivedAt, roundAt, sleepersAt, threadsAt, tidsAt } from "../threads/meeting.ts";
import { availableThreads } from "../threads/pool.ts";
import { type Address, type Assembler, type Label, rax, rbx, rcx, rdi, rdx, rsi, rsp } from "./assembler.ts";
import { memoryBase } from "./function.ts";

/** Looks at the round before a thread goes to sleep: few where the thread that it waits for may need its core. */
const spinsFor = (threads: number): number => (threads <= availableThreads() ? 20_000 : 100);
/** So long does it sleep, in nanoseconds, before it looks whether a thread has failed. */
const patience = 50_000_000;
/** Linux: the number of the system call futex, and what it is to do: wait, wake, of one process. */
const [futex, wait, wake] = [202, 128, 129];
/** The number of the system call tkill: with signal 0 it asks whether a thread is there. And what calls say: too late, no such thread. */
const [tkill, timedOut, noSuch] = [200, -110, -3];
const [r10, r11] = [10, 11];
const number = (index: number): Address => ({ base: rbx, offset: 4 * index });

/** Where in the program's memory the address of the numbers by which threads meet is kept. */
export const meetingAt = 0;

/**
 * Nobody waits where a thread has failed, nor, on Linux, for one that is no more. Changes rax, rcx and rdx alone. Away from Linux
 * threads do not sleep, but look until all are there.
 */
export function barrier(a: Assembler, label: Label, threads: number, sleeps = process.platform === "linux"): void {
  const [last, done, over, look, sleep] = Array.from({ length: 5 }, () => a.label()) as [
    Label,
    Label,
    Label,
    Label,
    Label,
  ];
  const leave = (): void => {
    a.pop(rbx);
    a.ret();
  };
  const system = (what: number, value: () => void): void => {
    const saved = [rcx, rdi, rsi, r10, r11];
    for (const one of saved) a.push(one);
    a.address(rdi, number(roundAt));
    a.moveConstant(rsi, what);
    value();
    // How long: no seconds, and so many nanoseconds.
    a.moveConstant(rax, patience);
    a.push(rax);
    a.moveConstant(rax, 0);
    a.push(rax);
    a.move(r10, rsp);
    a.moveConstant(rax, futex);
    a.syscall();
    a.arithmeticWith("add", rsp, 16, true);
    for (const one of saved.toReversed()) a.pop(one);
  };
  const compareFailed = (): void => {
    a.move(rdx, number(threadsAt), false);
    a.arithmeticWith("cmp", rdx, 0);
  };
  /** Whoever ends a worker that ends its own ends these one after the other, each when the one before it is no more. */
  const lookForThreads = (): void => {
    const saved = [rcx, rdi, rsi, r11];
    for (const one of saved) a.push(one);
    for (let thread = 0; thread < threads; thread++) {
      const next = a.label();
      a.move(rdi, number(tidsAt + thread), false);
      a.arithmeticWith("cmp", rdi, 0);
      a.jumpIf("e", next);
      a.moveConstant(rsi, 0);
      a.moveConstant(rax, tkill);
      a.syscall();
      a.arithmeticWith("cmp", rax, noSuch);
      a.jumpIf("ne", next);
      a.moveConstant(rax, 0);
      a.exchange(number(threadsAt), rax);
      a.place(next);
    }
    for (const one of saved.toReversed()) a.pop(one);
  };
  a.align(16);
  a.place(label);
  a.push(rbx);
  a.move(rbx, { base: memoryBase, offset: meetingAt });
  compareFailed();
  a.jumpIf("e", done);
  a.move(rcx, number(roundAt), false);
  a.moveConstant(rax, 1);
  a.exchangeAdd(number(arrivedAt), rax);
  a.arithmeticWith("cmp", rax, threads - 1);
  a.jumpIf("e", last);
  a.moveConstant(rax, spinsFor(threads));
  a.place(look);
  a.move(rdx, number(roundAt), false);
  a.arithmetic("cmp", rdx, rcx);
  a.jumpIf("ne", done);
  a.pause();
  if (!sleeps) {
    compareFailed();
    a.jumpIf("ne", look);
    leave();
  }
  a.arithmeticWith("sub", rax, 1);
  a.jumpIf("ne", look);
  a.moveConstant(rax, 1);
  a.exchangeAdd(number(sleepersAt), rax);
  a.place(sleep);
  a.move(rdx, number(roundAt), false);
  a.arithmetic("cmp", rdx, rcx);
  a.jumpIf("ne", over);
  compareFailed();
  a.jumpIf("e", over);
  // It sleeps only where the round is still that one.
  system(wait, () => a.move(rdx, rcx, false));
  a.arithmeticWith("cmp", rax, timedOut);
  a.jumpIf("ne", sleep);
  lookForThreads();
  a.jump(sleep);
  a.place(over);
  a.moveConstant(rax, -1);
  a.exchangeAdd(number(sleepersAt), rax);
  leave();
  a.place(last);
  a.moveConstant(rdx, 0);
  a.exchange(number(arrivedAt), rdx);
  a.address(rax, { base: rcx, offset: 1 }, false);
  a.exchange(number(roundAt), rax);
  if (sleeps) {
    a.move(rax, number(sleepersAt), false);
    a.arithmeticWith("cmp", rax, 0);
    a.jumpIf("e", done);
    system(wake, () => a.moveConstant(rdx, 0x7fffffff));
  }
  a.place(done);
  leave();
}
