/** The passes of whole plans for vectors of 16 numbers, by the emitter that WASM has: what all engines must do. */
import { registerEngine } from "../../../src/engines/registry.ts";
import { conformance } from "../conformance.ts";

registerEngine("plain vectors", async () => (await import("./plain-engine.ts")).plainVectors);

const few = [
  [1, 17, 1],
  [5, 5, 7],
] as const;
conformance("plain vectors", { bound: 1e-4, thorough: few, some: few });
