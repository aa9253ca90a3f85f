/**
 * Wrong names, kinds, shapes and numbers of arguments at every entry. FUZZ_CALLS=200000 makes so many calls, FUZZ_SEED
 * other ones.
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { entries, notEntries } from "./entries.ts";
import { fuzz, type Outcome, runRight } from "./fuzz.ts";

const calls = Number(process.env.FUZZ_CALLS ?? 2500);
const seed = Number(process.env.FUZZ_SEED ?? 1);
const source = join(import.meta.dirname, "../../src");

test("every function and class that the package exports is in the table, or said to be none", async () => {
  const modules: Record<string, string> = {
    index: "index.ts",
    callbacks: "callbacks/index.ts",
    server: "server/index.ts",
    "open-model": "tasks/open-model.ts",
    sweep: "sweep/index.ts",
  };
  for (const folder of ["text", "formats"]) {
    // Of a folder its index; one without is not public.
    for (const name of readdirSync(join(source, folder))) {
      const file = name.endsWith(".ts") ? name : `${name}/index.ts`;
      if (existsSync(join(source, folder, file)))
        modules[`${folder}/${name.replace(/\.ts$/, "")}`] = `${folder}/${file}`;
    }
  }
  const known = new Set(entries.map(({ name }) => name));
  const missing: string[] = [];
  for (const [name, file] of Object.entries(modules)) {
    expect(existsSync(join(source, file)), file).toBe(true);
    const exported = (await import(/* @vite-ignore */ join(source, file))) as Record<string, unknown>;
    for (const [key, value] of Object.entries(exported)) {
      if (typeof value === "function" && !known.has(key) && !notEntries[name]?.includes(key))
        missing.push(`${name}: ${key}`);
    }
  }
  expect(missing).toEqual([]);
}, 30_000);

test("what is damaged was right: every call of the table is accepted", async () => {
  const refused = (await runRight()).filter(({ result }) => result !== "accepted");
  expect(refused).toEqual([]);
}, 30_000);

test("wrong names, kinds and shapes: every error says where and what would be right, nothing wrong is accepted, none trains", async () => {
  const unhandled: unknown[] = [];
  const hear = (reason: unknown): void => void unhandled.push(reason);
  process.on("unhandledRejection", hear);
  const counts: Record<string, Record<string, number>> = {};
  const bad: Outcome[] = [];
  await fuzz(calls, seed, (outcome) => {
    const { entry, wrong, result } = outcome;
    counts[entry] ??= {};
    const row = counts[entry];
    const key = wrong && result === "accepted" ? "wrong, accepted" : result;
    row[key] = (row[key] ?? 0) + 1;
    if (key === "broken" || key === "wrong, accepted") bad.push(outcome);
  });
  process.off("unhandledRejection", hear);
  if (process.env.FUZZ_CALLS !== undefined) {
    console.table(counts);
    const sum = (key: string): number => Object.values(counts).reduce((total, row) => total + (row[key] ?? 0), 0);
    const all = ["accepted", "refused", "broken", "wrong, accepted"].map((key) => `${key} ${sum(key)}`);
    console.log(`seed ${seed}, ${calls} calls: ${all.join(", ")}`);
  }
  const told = bad
    .slice(0, 60)
    .map(({ entry, damage, result, message }) => `${entry} [${damage}] ${result} ${message.slice(0, 400)}`);
  expect(told, `seed ${seed}: ${bad.length} of ${calls}`).toEqual([]);
  expect(unhandled).toEqual([]);
  expect(Object.keys(counts).length).toBe(entries.length);
}, 3_600_000);
