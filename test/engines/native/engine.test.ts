/** The native engine, with each kind of instructions that this processor has, does what every engine must. */

import { instructionSets } from "../../../src/engines/native/cpu.ts";
import { nativeEngine } from "../../../src/engines/native/engine.ts";
import { nativeHost } from "../../../src/engines/native/executable-memory.ts";
import { registerEngine } from "../../../src/engines/registry.ts";
import { conformance } from "../conformance.ts";

const every = [1, 3, 33].flatMap((batch) =>
  [1, 5, 17, 130].flatMap((units) => [1, 2, 13].map((steps) => [batch, units, steps] as const)),
);
const some = [
  [1, 17, 13],
  [3, 130, 2],
  [33, 1, 1],
  [33, 5, 13],
] as const;

const host = await nativeHost();
for (const isa of instructionSets(host)) {
  const name = `native ${isa}`;
  registerEngine(name, async () => nativeEngine(host, isa, name));
  conformance(name, { bound: 1e-4, thorough: every, some });
}
