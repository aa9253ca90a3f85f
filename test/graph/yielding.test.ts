import { expect, test } from "vitest";
import { createYielder, yieldToEventLoop } from "../../src/graph/yielding.ts";

test("timers that are due have their turn before it resolves", async () => {
  const order: string[] = [];
  setTimeout(() => order.push("timer"), 0);
  await yieldToEventLoop();
  order.push("loop");
  expect(order).toEqual(["timer", "loop"]);
});

test("a loop yields where it has kept the thread for too long, and not before", async () => {
  let turns = 0;
  const count = (): void => {
    turns++;
    timer = setTimeout(count, 0);
  };
  let timer = setTimeout(count, 0);
  const never = createYielder(Infinity);
  for (let k = 0; k < 100; k++) {
    expect(never()).toBeUndefined();
    await undefined;
  }
  expect(turns).toBe(0);
  const always = createYielder(-1);
  for (let k = 1; k <= 5; k++) {
    const turn = always();
    expect(turn).toBeInstanceOf(Promise);
    await turn;
    expect(turns).toBeGreaterThanOrEqual(k);
  }
  clearTimeout(timer);
});
