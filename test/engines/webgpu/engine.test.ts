/**
 * The suite that all engines share, on SwiftShader: FUZZ runs all of it, which takes minutes, as SwiftShader compiles each kernel. Without
 * it, as much as runs every kind of kernel.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cells } from "../../../src/cells/index.ts";
import type { EngineName } from "../../../src/engines/engine.ts";
import { gpu } from "../../../src/engines/webgpu/device.ts";
import { dense, dropout, embedding, recurrent } from "../../../src/nn/layers.ts";
import { sequential } from "../../../src/nn/model.ts";
import { createRandom } from "../../../src/nn/random.ts";
import { adam } from "../../../src/train/optimizers.ts";
import { createTrainer } from "../../../src/train/trainer.ts";
import { hasGpu, provideGpu, unlessNoGpu } from "../../helpers/gpu.ts";
import { type Conformance, conformance } from "../conformance.ts";

const all = process.env.FUZZ !== undefined;
const few = [
  [1, 17, 3],
  [3, 1, 1],
  [5, 33, 7],
] as const;

/** By group: what runs each kind of kernel, and each tile of a product. */
const some: Readonly<Record<string, readonly string[]>> = {
  cells: ["lstm", "min-gru", "mlstm", "layer-norm-lstm"],
  states: [],
  operations: ["index"],
  training: ["gradients that are gathered"],
  products: ["1,700,65", "15,33,31", "200,3,9"],
};
const onlyOf =
  (named: Readonly<Record<string, readonly string[]>>): NonNullable<Conformance["only"]> =>
  (group, name) =>
    all || named[group]?.includes(name) === true;
const without = ["subnormal numbers", "NaN and infinities", "answers at once"] as const;

describe.skipIf(!hasGpu)(`webgpu ${unlessNoGpu}`, () => {
  const kinds = new Set<string>();
  beforeAll(async () => {
    await provideGpu();
    const { device } = await gpu();
    const compile = device.createComputePipelineAsync.bind(device);
    device.createComputePipelineAsync = (how) => {
      kinds.add(how.label?.split(":")[0] ?? "");
      return compile(how);
    };
  });

  const sizes = [[3, 5, 2]] as const;
  conformance("webgpu", {
    ...{ bound: 1e-4, thorough: all ? few : sizes, some: sizes, only: onlyOf(some), without },
  });

  test("50 updates of an LSTM language model: losses within 1e-4 of those of WASM, and the same bits in each run", async () => {
    const train = async (engine: EngineName): Promise<number[]> => {
      const layers = [embedding(19, 24), dropout(0.1), recurrent(cells.lstm, { units: 40, returnSequences: true })];
      const model = sequential([...layers, dense(19)], { seed: 2 });
      const how = { batch: 4, steps: 6, optimizer: adam(), clipNorm: 1, engine, threads: 1 };
      const trainer = await createTrainer(model, how);
      const random = createRandom(5);
      const losses: number[] = [];
      for (let k = 0; k < 50; k++) {
        const tokens = Int32Array.from({ length: 28 }, () => random.integer(19));
        losses.push(await trainer.update(tokens.subarray(0, 24), tokens.subarray(4), 0.003));
      }
      losses.push(...trainer.program.allParameters());
      trainer.dispose();
      return losses;
    };
    const [wanted, got, again] = [await train("wasm"), await train("webgpu"), await train("webgpu")];
    expect(again).toEqual(got);
    for (let k = 0; k < 50; k++) expect(Math.abs((got[k] as number) - (wanted[k] as number))).toBeLessThan(1e-4);
    expect(got[0]).not.toBeCloseTo(got[49] as number, 2);
  });

  describe("with dispatches for each step of a time loop, as with many weights", () => {
    let usual: number;
    beforeAll(async () => {
      const found = await gpu();
      usual = found.mostWeights;
      found.mostWeights = 0;
    });
    afterAll(async () => {
      (await gpu()).mostWeights = usual;
    });
    const few = { cells: ["lstm", "layer-norm-lstm"], training: ["gradients that are gathered"] };
    conformance("webgpu", {
      ...{ bound: 1e-4, thorough: sizes, some: sizes, only: onlyOf(few), without },
    });
  });

  test("each kind of kernel has run", () => {
    const every =
      "accumulate|all steps in one|clear|elements|gather|outer product|parts of rows|passes in one|product|product and pass in one|rows|rows of a scatter|scatter|sums of a matrix|sums of parts|total|turned weights";
    expect([...kinds].sort()).toEqual(every.split("|"));
  });

  afterAll(async () => (await gpu()).device.destroy());
});
