/**
 * Random networks as machine code, in a process of their own: none ends it, and all have the reference's values.
 * FUZZ_CELLS=2000 runs so many, FUZZ_SEED others.
 */
import { join } from "node:path";
import { expect, test } from "vitest";
import { isas } from "../../helpers/native.ts";
import { runNode } from "../../helpers/processes.ts";
import type { Outcome } from "./fuzz.ts";

const cells = Number(process.env.FUZZ_CELLS ?? 20);
const seed = Number(process.env.FUZZ_SEED ?? 20_261_129);

/** Cells in a process; where it ends before it has run them all, the seed at which it did. */
async function run(
  from: number,
  count: number,
  call = `run(${from}, ${count})`,
): Promise<{ outcomes: Outcome[]; broken: string[] }> {
  const file = join(import.meta.dirname, "fuzz.ts");
  const program = `
    import { runnerImport } from "vite";
    const { module } = await runnerImport(${JSON.stringify(file)});
    await module.${call};
    process.exit(0);`;
  const { code, out, err } = await runNode(["--input-type=module", "-e", program]);
  const lines = out
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Outcome & { begins?: number });
  const outcomes = lines.filter(({ begins }) => begins === undefined);
  const last = lines.at(-1)?.begins;
  const broken =
    code === 0 && outcomes.length === count
      ? []
      : [`seed ${last ?? from}: the process ended with ${code}. ${err.slice(-2000)}`];
  return { outcomes, broken };
}

test.skipIf(isas.length === 0)(
  `${cells} random networks from seed ${seed}: no crash, relative error to the reference below 1e-4, or as WASM's`,
  async () => {
    const [outcomes, broken]: [Outcome[], string[]] = [[], []];
    // A process for some of them: what ends one leaves the others.
    for (let done = 0; done < cells; done += 250) {
      const part = await run(seed + done, Math.min(250, cells - done));
      outcomes.push(...part.outcomes);
      broken.push(...part.broken);
    }
    const wrong = outcomes
      .filter(({ error = 0, wasm = 0 }) => !(error < Math.max(1e-4, 1.5 * wasm)))
      .map((outcome) => `seed ${outcome.seed}: ${outcome.error} at ${outcome.where}`);
    const counts = new Map<string, number>();
    for (const one of outcomes.flatMap(({ seen }) => [...new Set(seen)])) counts.set(one, (counts.get(one) ?? 0) + 1);
    if (process.env.FUZZ_CELLS !== undefined) {
      const worst = Math.max(...outcomes.map(({ error = 0 }) => error));
      console.log(`seed ${seed}: ${outcomes.length} of ${cells} cells, ${wrong.length} wrong, largest error ${worst}`);
      console.table(Object.fromEntries([...counts].sort()));
    }
    expect(broken, "FUZZ_CELLS=1 FUZZ_SEED=N runs one of them").toEqual([]);
    expect(wrong).toEqual([]);
    expect(outcomes).toHaveLength(cells);
    expect(counts.get("near a kink") ?? 0).toBeLessThanOrEqual(Math.max(3, 0.05 * cells));
    expect(counts.get("far off") ?? 0).toBeLessThanOrEqual(Math.max(1, 0.01 * cells));
    if (cells >= 20) {
      const kinds = [
        "training",
        "inference",
        "masked",
        "reversed",
        "table",
        "dropout",
        "batch 1",
        "steps 1",
        "layers 2",
      ];
      for (const kind of [...kinds, ...isas.flatMap((isa) => [1, 2, 3].map((n) => `${isa}, ${n} threads`))]) {
        expect(counts.get(kind) ?? 0, kind).toBeGreaterThan(0);
      }
    }
  },
  3_600_000,
);

test.skipIf(isas.length === 0)(
  "code that touches what lies behind its memory ends the process, and it is told whose it was",
  async () => {
    const { outcomes, broken } = await run(77, 1, "touchGuard(77)");
    expect(outcomes).toEqual([]);
    expect(broken).toEqual([expect.stringMatching(/^seed 77: the process ended with (SIGSEGV|SIGBUS)/)]);
  },
);
