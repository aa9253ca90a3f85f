/** The choice among many settings of a peer. */
import { expect, test } from "vitest";
import { fastest, tryEach } from "../../src/bench/trials.ts";

test("the two of the best step and the two of the best median, in the order of their best steps", () => {
  expect(fastest([[9], [3], [5], [4]])).toEqual([1, 3]);
  // A lucky step (0), a busy moment (1); 2 and 3 are steady.
  const times = [
    [1, 30, 30],
    [9, 40, 40],
    [10, 10, 10],
    [11, 11, 11],
    [12, 12, 12],
  ];
  expect(fastest(times)).toEqual([0, 1, 2, 3]);
  expect(fastest([[7]])).toEqual([0]);
  expect(fastest([])).toEqual([]);
});

/** Peers that take these milliseconds in their first trial and in their second, by name; what happened, in order. */
function standIns(
  ms: Readonly<Record<string, readonly (number | Error)[]>>,
  same: Readonly<Record<string, string>> = {},
) {
  const [log, trials] = [[] as string[], {} as Record<string, number>];
  const start = async ({ name }: { readonly name: string }) => {
    trials[name] = (trials[name] ?? 0) + 1;
    const value = ms[name]?.[trials[name] - 1];
    if (value === undefined) throw new Error(`${name} cannot start`);
    log.push(name);
    const step = async (): Promise<number> => {
      if (value instanceof Error) throw value;
      return value;
    };
    return { setting: same[name] ?? name, step, end: () => log.push(`${name} ends`) };
  };
  return { start, log, settings: Object.keys(ms).map((name) => ({ name })) };
}

test("all are tried in order and in the reverse, one at a time, and both trials count", async () => {
  const { start, log, settings } = standIns({ a: [25, 10], b: [20, 20], c: [30, 30], d: [40, 40] });
  const said: string[] = [];
  const { fastest, tried } = await tryEach(settings, start, (line) => said.push(line));
  expect(said).toEqual([
    ...["setting 1 of 4: a", "setting 2 of 4: b", "setting 3 of 4: c", "setting 4 of 4: d"],
    ...["d", "c", "b", "a"].map((name) => `again, as it may be the fastest: ${name}`),
  ]);
  expect(log.filter((line) => !line.includes("ends")).join("")).toBe("abcddcba");
  expect(log.filter((_, k) => k % 2 === 1)).toEqual([..."abcddcba"].map((name) => `${name} ends`));
  expect(fastest.map(({ name }) => name)).toEqual(["a", "b"]);
  expect(tried).toEqual([
    { setting: "a", msPerStep: 10 },
    { setting: "b", msPerStep: 20 },
    { setting: "c", msPerStep: 30 },
    { setting: "d", msPerStep: 40 },
  ]);
});

test("one that takes more than twice as long as the best is tried once", async () => {
  const { start, log, settings } = standIns({ a: [21, 1], b: [20, 20], c: [10, 10] });
  const { fastest, tried } = await tryEach(settings, start);
  expect(log.filter((line) => !line.includes("ends")).join("")).toBe("abccb");
  expect(fastest.map(({ name }) => name)).toEqual(["c", "b"]);
  expect(tried[0]).toEqual({ setting: "a", msPerStep: 21 });
});

test("what a library takes for the same is tried once", async () => {
  const { start, log, settings } = standIns({ default: [5, 5], SkylakeX: [5, 5] }, { default: "SkylakeX" });
  const { fastest, tried } = await tryEach(settings, start);
  expect(log).toEqual(["default", "default ends", "SkylakeX", "SkylakeX ends", "default", "default ends"]);
  expect(fastest).toEqual([{ name: "default" }]);
  expect(tried).toEqual([{ setting: "SkylakeX", msPerStep: 5 }]);
});

test("one that cannot start or do a step is said to have failed, and the others are tried", async () => {
  const { start, log, settings } = standIns({
    a: [],
    b: [new Error("illegal instruction")],
    c: [3, new Error("killed")],
  });
  const { fastest, tried } = await tryEach(settings, start);
  expect(fastest).toEqual([{ name: "c" }]);
  expect(tried).toEqual([
    { setting: "c", msPerStep: 3 },
    { setting: "a", failure: "a cannot start" },
    { setting: "b", failure: "illegal instruction" },
  ]);
  expect(log).toEqual(["b", "b ends", "c", "c ends", "c", "c ends"]);
});

test("where all fail, the first says why", async () => {
  const { start, settings } = standIns({ a: [new Error("no such module")], b: [] });
  await expect(tryEach(settings, start)).rejects.toThrow("no such module");
});

test("a trial is ten steps after the first, or fewer where they take long", async () => {
  const steps: Record<string, number> = { quick: 0, slow: 0 };
  const start = async ({ name }: { name: string }) => {
    const step = async (): Promise<number> => {
      steps[name] = (steps[name] as number) + 1;
      return name === "quick" ? 1 : 399;
    };
    return { setting: name, step, end: () => {} };
  };
  await tryEach([{ name: "quick" }], start);
  await tryEach([{ name: "slow" }], start);
  expect(steps).toEqual({ quick: 22, slow: 6 });
});
