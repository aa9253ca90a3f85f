/** Code that packs weights: emitted, not run, so for any processor. */
import { expect, test } from "vitest";
import type { Isa } from "../../../src/engines/native/assembler.ts";
import { emit } from "../../../src/engines/native/program.ts";
import { targetFor } from "../../../src/engines/native/target.ts";
import type { Host } from "../../../src/engines/native/vector-ops.ts";
import { createBuilder } from "../../../src/graph/graph.ts";
import type { Precision } from "../../../src/schedule/plan.ts";
import { schedule } from "../../../src/schedule/schedule.ts";

/** Bytes of code of y = W x, W (outputs, 32). */
function codeBytes(outputs: number, isa: Isa, host: Omit<Host, "fma">, precision: Precision | undefined): number {
  const g = createBuilder();
  g.declare("W", [outputs, 32], { name: "zeros", values: [] });
  const graph = g.graph({ output: g.matmul("W", g.input("x", 32)) });
  const target = targetFor(isa, isa, precision === "bf16" || undefined);
  const plan = schedule(graph, { target, steps: 1, batch: 1, keep: ["output"], precision });
  const products = plan.sections.flatMap(({ instructions }) => instructions.filter(({ kind }) => kind === "product"));
  expect(products).toMatchObject([{ precision }]);
  return emit(plan, isa, { fma: true, ...host }, 1).code.length;
}

test.each([
  ["avx512", {}, undefined],
  ["avx2", {}, undefined],
  ["avx512", { bf16: "avx512_bf16" }, "bf16"],
  ["avx512", { bf16: "amx" }, "bf16"],
  ["avx512", { vnni: true }, "int8"],
  ["avx2", {}, "int8"],
] as const)("%s, %o, precision %s: code does not grow with the outputs of a matrix", (isa, host, precision) => {
  const [few, many] = [256, 8192].map((outputs) => codeBytes(outputs, isa, host, precision)) as [number, number];
  // Some constants need four bytes in place of one.
  expect(many - few).toBeLessThan(128);
});
