/** A new engine is a folder and a line of the registry: everything else here is the suite that all engines share. */
import { registerEngine } from "../../../src/engines/registry.ts";
import { conformance } from "../conformance.ts";

registerEngine("toy", async () => (await import("./engine.ts")).toy);

const few = [
  [1, 17, 1],
  [5, 5, 7],
] as const;
conformance("toy", { bound: 1e-4, thorough: few, some: few });
