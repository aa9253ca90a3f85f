import { expect, test } from "vitest";
import { summary, takeTurns } from "../../src/bench/turns.ts";

/** Steps that say these milliseconds one after the other, and then the last of them for ever. */
function contestant(list: readonly number[], budgetMs?: number) {
  let steps = 0;
  const step = async (): Promise<number> => list[Math.min(steps++, list.length - 1)] as number;
  return { step, count: () => steps, ...(budgetMs === undefined ? {} : { budgetMs }) };
}

test("two rounds warm up, and in each of the others a step before the measured one", async () => {
  const fast = contestant([9, 8, 7, 6, 5, 1, 5, 2, 5, 3]);
  const turns = await takeTurns([fast], 3);
  expect(turns.get(fast)?.times).toEqual([1, 2, 3]);
  expect(fast.count()).toBe(10);
});

test("a slow one takes single steps, of which the first does not count", async () => {
  const slow = contestant([9000, 3000, 3001, 3002, 3003]);
  const turns = await takeTurns([slow, contestant([1])], 3);
  expect(turns.get(slow)?.times).toEqual([3000, 3001, 3002, 3003]);
  expect(slow.count()).toBe(5);
});

test("what is slow only at its first step is measured as others are", async () => {
  const compiling = contestant([9000, 7, 6, 5, 4, 3]);
  const turns = await takeTurns([compiling], 2);
  expect(turns.get(compiling)?.times).toEqual([5, 3]);
});

test("one that has had its budget leaves with at least one measured step", async () => {
  const slow = contestant([37_000], 10_000);
  const other = contestant([1]);
  const turns = await takeTurns([slow, other], 5);
  expect(turns.get(slow)?.times).toEqual([37_000]);
  expect(turns.get(other)?.times).toHaveLength(5);
});

test("one that fails leaves, the others go on", async () => {
  let steps = 0;
  const failing = {
    step: async (): Promise<number> => {
      if (++steps > 3) throw new Error("out of memory");
      return 1;
    },
  };
  const other = contestant([1]);
  const turns = await takeTurns([failing, other], 3);
  expect(turns.get(failing)?.failure).toBe("out of memory");
  expect(turns.get(other)).toEqual({ times: [1, 1, 1] });
});

test("a summary is the median, and half the distance between the quartiles as its share", () => {
  expect(summary([5, 1, 4, 2, 3], 600)).toEqual({ tokensPerSecond: 200_000, msPerStep: 3, spread: 1 / 3, rounds: 5 });
});
