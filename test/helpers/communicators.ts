/** Communicators of processes that are none: they live in one. */
import type { Numbers } from "../../src/engines/engine.ts";
import type { Communicator } from "../../src/train/communicator.ts";

/** Each call of a process meets those that the others make as often: the k-th of one with the k-th of all. */
function meetings<Given, Result>(size: number, make: (all: readonly Given[]) => Result) {
  const open: { readonly all: Given[]; readonly done: ((result: Result) => void)[] }[] = [];
  const calls = new Array<number>(size).fill(0);
  return (rank: number, given: Given): Promise<Result> => {
    const k = calls[rank] as number;
    calls[rank] = k + 1;
    open[k] ??= { all: [], done: [] };
    const meeting = open[k];
    meeting.all[rank] = given;
    return new Promise((resolve) => {
      meeting.done.push(resolve);
      if (meeting.done.length < size) return;
      const result = make(meeting.all);
      for (const done of meeting.done) done(result);
    });
  };
}

export function createCommunicators(size: number): readonly Communicator[] {
  const sums = meetings(size, (all: readonly Numbers[]) => {
    const total = (all[0] as Numbers).slice();
    for (const numbers of all.slice(1))
      for (let k = 0; k < total.length; k++) total[k] = (total[k] as number) + (numbers[k] as number);
    for (const numbers of all) numbers.set(total);
  });
  const gathered = meetings(size, (all: readonly Uint8Array[]) => all);
  return Array.from({ length: size }, (_, rank) => ({
    ...{ rank, size },
    sum: (numbers) => sums(rank, numbers),
    gather: async (bytes) => {
      const all = await gathered(rank, bytes.slice());
      return rank === 0 ? all : [];
    },
    broadcast: async (bytes) => (await gathered(rank, bytes.slice()))[0] as Uint8Array,
  }));
}
