/** The suite that all engines share, on SwiftShader. */
import { beforeAll, describe } from "vitest";
import { hasGpu, provideGpu, unlessNoGpu } from "../../helpers/gpu.ts";
import { conformance } from "../conformance.ts";

const few = [
  [1, 17, 3],
  [3, 1, 1],
  [5, 33, 7],
] as const;

describe.skipIf(!hasGpu)(`webgpu ${unlessNoGpu}`, () => {
  beforeAll(provideGpu);
  conformance("webgpu", {
    ...{ bound: 1e-4, thorough: few, some: [[3, 5, 2]] },
    without: ["subnormal numbers", "NaN and infinities", "answers at once"],
  });
});
