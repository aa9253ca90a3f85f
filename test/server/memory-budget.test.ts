/** Bytes that requests hold together: who starts, who waits, who is refused. */
import { describe, expect, test } from "vitest";
import type { ApiError } from "../../src/server/errors.ts";
import { type Holding, MemoryBudget } from "../../src/server/memory.ts";

/** Shares: 2,000 for bodies, 1,000 for sessions, 5,000 for work, of which one client has 3,750 while it asks for more. */
const budgetOf = (maxWaiting = 100) => new MemoryBudget({ maxBytes: 8000, maxWaiting });

function request(client = "a") {
  const stop = new AbortController();
  const holding: Holding = {
    ...{ client, body: 0, work: 0, progressMs: undefined },
    refuse: (reason) => stop.abort(reason),
  };
  return { holding, stop, signal: stop.signal };
}
type Asked = ReturnType<typeof request>;

/** Names of those that have started, in order. */
function starting(budget: MemoryBudget) {
  const started: string[] = [];
  const refused: string[] = [];
  return {
    started,
    refused,
    start(name: string, bytes: number, one: Asked = request(name[0])): Asked {
      budget.start(one.holding, bytes, one.signal).then(
        () => started.push(name),
        (error: ApiError) => refused.push(`${name} ${error.kind}`),
      );
      return one;
    },
  };
}
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe("work", () => {
  test("starts as long as there is room, then waits for what ends", async () => {
    const budget = budgetOf();
    const { started, start } = starting(budget);
    const first = start("a1", 3000);
    start("b1", 2000);
    start("c1", 1000);
    await settle();
    expect([started, budget.bytes, budget.waitingCount]).toEqual([["a1", "b1"], 5000, 1]);
    budget.release(first.holding);
    await settle();
    expect([started, budget.bytes, budget.waitingCount]).toEqual([["a1", "b1", "c1"], 3000, 0]);
  });

  test("that can never fit is refused at once, with what to ask less of", async () => {
    const { holding, signal } = request();
    await expect(budgetOf().start(holding, 5001, signal)).rejects.toMatchObject({
      kind: "invalid",
      message: expect.stringMatching(/^this would take about 1 MB of memory, .* \(max_tokens\), texts \(n\)/),
    });
    expect(holding.work).toBe(0);
  });

  test("of one client leaves a quarter to others, unless it is all in one request", async () => {
    const budget = budgetOf();
    const { started, start } = starting(budget);
    for (let k = 1; k <= 4; k++) start(`a${k}`, 1000);
    start("b1", 1000);
    await settle();
    expect(started).toEqual(["a1", "a2", "a3", "b1"]);
    const alone = budgetOf();
    await alone.start(request().holding, 5000, new AbortController().signal);
    expect(alone.bytes).toBe(5000);
  });

  test("waits by turns: a client with many requests does not keep one with few", async () => {
    const budget = budgetOf();
    const { started, start } = starting(budget);
    const before = start("x", 5000);
    for (let k = 1; k <= 5; k++) start(`a${k}`, 1000);
    start("b1", 1000);
    start("c1", 1000);
    budget.release(before.holding);
    await settle();
    expect(started).toEqual(["x", "a1", "b1", "c1", "a2", "a3"]);
  });

  test("that is large is not passed over by what is small", async () => {
    const budget = budgetOf();
    const { started, start } = starting(budget);
    const before = start("x", 2000);
    start("a1", 4000);
    start("b1", 100);
    await settle();
    expect(started).toEqual(["x"]);
    budget.release(before.holding);
    await settle();
    expect(started).toEqual(["x", "a1", "b1"]);
  });

  test("nobody wants any more leaves the line, and what was behind it starts", async () => {
    const budget = budgetOf();
    const { started, refused, start } = starting(budget);
    start("x", 2000);
    const large = start("a1", 4000);
    start("b1", 100);
    large.stop.abort({ kind: "aborted" });
    await settle();
    expect([started, refused, budget.waitingCount]).toEqual([["x", "b1"], ["a1 aborted"], 0]);
  });

  test("behind a line that is full is refused: the newest of the client that has most in it", async () => {
    const budget = budgetOf(3);
    const { started, refused, start } = starting(budget);
    start("x", 5000);
    for (let k = 1; k <= 4; k++) start(`a${k}`, 1000);
    await settle();
    expect(refused).toEqual(["a4 memory_full"]);
    start("b1", 1000);
    await settle();
    expect([started, refused, budget.waitingCount]).toEqual([["x"], ["a4 memory_full", "a3 memory_full"], 3]);
  });
});

describe("bodies", () => {
  test("count as they come, and no more once the work has started or the request has ended", async () => {
    const budget = budgetOf();
    const { holding, signal } = request();
    budget.receive(holding, 300);
    budget.receive(holding, 200);
    budget.received(holding);
    expect(budget.bytes).toBe(500);
    await budget.start(holding, 900, signal);
    expect(budget.bytes).toBe(900);
    const other = request();
    budget.receive(other.holding, 100);
    budget.release(other.holding);
    budget.release(holding);
    budget.release(holding);
    expect(budget.bytes).toBe(0);
  });

  test("where there is no room, of the client that has most the one that has stood still for longest is given up", () => {
    const budget = budgetOf();
    const theirs = Array.from({ length: 4 }, () => request("a"));
    for (const [k, { holding }] of theirs.entries()) {
      budget.receive(holding, 450);
      holding.progressMs = k === 0 ? 10 : k;
    }
    const other = request("b");
    budget.receive(other.holding, 400);
    expect(theirs.map(({ signal }) => signal.reason?.kind)).toEqual([undefined, "memory_full", undefined, undefined]);
    expect([budget.bytes, other.signal.aborted]).toEqual([1750, false]);
  });

  test("that have all come are not given up for one of the same client that comes: that one is", () => {
    const budget = budgetOf();
    for (let k = 0; k < 2; k++) {
      const { holding } = request("a");
      budget.receive(holding, 900);
      budget.received(holding);
    }
    const late = request("a");
    expect(() => budget.receive(late.holding, 900)).toThrow("too many requests are arriving");
    expect(budget.bytes).toBe(1800);
  });

  test("one that is larger than all their room is refused, and nobody else", () => {
    const budget = budgetOf();
    const small = request("b");
    budget.receive(small.holding, 10);
    expect(() => budget.receive(request("a").holding, 2500)).toThrow("too many");
    expect([small.signal.aborted, budget.bytes]).toEqual([false, 10]);
  });
});

test("never more is held than there is, whatever is asked in whatever order", async () => {
  const budget = budgetOf(20);
  let seed = 7;
  const random = (n: number): number => {
    seed = (seed * 1103515245 + 12345) % 2 ** 31;
    return Math.floor((seed / 2 ** 31) * n);
  };
  const there: Asked[] = [];
  for (let round = 0; round < 3000; round++) {
    const one = request("abcd"[random(4)]);
    const bytes = 1 + random(2500);
    there.push(one);
    try {
      budget.receive(one.holding, 1 + random(500));
      if (random(2) > 0) budget.received(one.holding);
      void budget.start(one.holding, bytes, one.signal).catch(() => budget.release(one.holding));
    } catch {
      budget.release(one.holding);
    }
    if (random(3) > 0) {
      const [gone] = there.splice(random(there.length), 1) as [Asked];
      // One that waits ends only so.
      gone.stop.abort({ kind: "aborted" });
      budget.release(gone.holding);
    }
    if (round % 10 === 0) await settle();
    expect(budget.bytes).toBeLessThanOrEqual(8000);
    expect(budget.waitingCount).toBeLessThanOrEqual(20);
  }
  for (const { holding, stop } of there) {
    stop.abort({ kind: "aborted" });
    budget.release(holding);
  }
  await settle();
  for (const { holding } of there) budget.release(holding);
  expect([budget.bytes, budget.waitingCount]).toEqual([0, 0]);
});
