/** Threads of one run stay on cores of their own. */
import { expect, test } from "vitest";
import { spreadOver } from "../../../src/engines/native/spread.ts";

const places = { threadsAt: 3, cpusAt: 16 };

/** A system of some cores, on one of which the thread runs; it says what is set. */
function system(allowed: readonly number[], at: number) {
  const masks: number[][] = [];
  const cores = (mask: Uint8Array): number[] =>
    Array.from({ length: 8 * mask.length }, (_, k) => k).filter((k) => ((mask[k >> 3] as number) >> (k & 7)) & 1);
  const library = {
    func(prototype: string) {
      if (prototype.includes("getcpu")) return () => at;
      const set = prototype.includes("set");
      return (...[, , mask]: readonly unknown[]) => {
        const given = mask as Uint8Array;
        if (set) masks.push(cores(given));
        else for (const core of allowed) given[core >> 3] = (given[core >> 3] as number) | (1 << (core & 7));
        return 0;
      };
    },
  };
  return { library, masks };
}

function numbersOf(threads: number, cpus: readonly number[]): Int32Array {
  const numbers = new Int32Array(128);
  numbers[places.threadsAt] = threads;
  numbers.set(cpus, places.cpusAt);
  return numbers;
}

test.each([
  ["its own core, where nobody else is", [0, 1, 9], 9, [2, 0, 1], 9],
  ["another one, where a thread of the run is there already", [0, 1, 9], 1, [2, 0, 1], 9],
])("a thread stays on %s, and may go anywhere after the run", (_, allowed, at, cpus, wanted) => {
  const { library, masks } = system(allowed, at);
  const numbers = numbersOf(3, cpus);
  const leave = spreadOver(library, numbers, places)(1);
  expect(masks).toEqual([[wanted]]);
  expect(numbers[places.cpusAt + 1]).toBe(wanted + 1);
  leave();
  expect(masks).toEqual([[wanted], [...allowed]]);
  expect([...numbers.subarray(places.cpusAt, places.cpusAt + 3)]).toEqual([cpus[0], 0, cpus[2]]);
});

test("nothing is set where every core has a thread of the run, and where the system cannot say", () => {
  const { library, masks } = system([0, 1], 0);
  spreadOver(library, numbersOf(3, [1, 0, 2]), places)(1)();
  const none = {
    func(): never {
      throw new Error("no such function");
    },
  };
  spreadOver(none, numbersOf(3, [1, 0, 2]), places)(1)();
  expect(masks).toEqual([]);
});

test("workers get it as text, which needs nothing else", () => {
  const { library, masks } = system([0, 1], 1);
  const made = new Function(`return (${spreadOver});`)() as typeof spreadOver;
  made(library, numbersOf(2, [2, 0]), places)(1)();
  expect(masks).toEqual([[0], [0, 1]]);
});
