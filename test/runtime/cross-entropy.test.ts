import { describe, expect, test } from "vitest";
import { grad } from "../../src/grad/grad.ts";
import { createBuilder } from "../../src/graph/graph.ts";
import { createRandom } from "../../src/nn/random.ts";
import { losses } from "../../src/train/losses.ts";
import { loadTraining } from "../helpers/engines.ts";
import { randomValues } from "../helpers/networks.ts";

/** Loss and gradient of softmax cross-entropy for one example with these logits, as the program computes them. */
async function crossEntropy(logits: Float32Array, target: number) {
  const g = createBuilder();
  g.declare("z", [logits.length], { name: "zeros", values: [] });
  const output = g.mul(g.parameter("z"), g.input("one", logits.length));
  const loss = losses.sparse_categorical_crossentropy.build(g, output, g.index("target"));
  g.sumAll("loss", loss);
  const graph = grad(g.graph({ output, loss }));
  const run = { steps: 1, batch: 1 };
  const values = randomValues(graph, 1, 1, 1);
  const program = await loadTraining(graph, run, values);
  program.setInput("one", new Float32Array(logits.length).fill(1));
  program.setParameter("z", logits);
  program.setIndex("target", [target]);
  await program.run();
  return { loss: program.total("loss"), gradient: program.gradient("z") };
}
function inF64(logits: Float32Array, target: number) {
  const largest = logits.reduce((a, b) => Math.max(a, b));
  const sum = logits.reduce((total, z) => total + Math.exp(z - largest), 0);
  const gradient = Array.from(logits, (z, k) => Math.exp(z - largest) / sum - (k === target ? 1 : 0));
  return { loss: largest + Math.log(sum) - (logits[target] as number), gradient };
}

describe.each([1, 3, 1000])("softmax cross-entropy over %i classes: finite and right", (classes) => {
  test.each([1, 100, 1e4])("logits up to %f", async (scale) => {
    const random = createRandom(7);
    const logits = Float32Array.from({ length: classes }, () => scale * (2 * random.uniform() - 1));
    // Some of them all but equal to the largest, so that the softmax is not one class alone.
    logits[0] = scale;
    if (classes > 2) logits[classes - 1] = scale - 0.5;
    // logsumexp and logits are f32 numbers: a unit in the last place of `scale`.
    const unit = scale * 2 ** -23;
    for (const target of new Set([0, 1 % classes, classes - 1])) {
      const [got, wanted] = [await crossEntropy(logits, target), inF64(logits, target)];
      expect(Math.abs(got.loss - wanted.loss)).toBeLessThan(2 * unit + 1e-6 * (1 + wanted.loss));
      wanted.gradient.forEach((d, k) => {
        expect(Math.abs((got.gradient[k] as number) - d)).toBeLessThan(2 * unit + 1e-6);
      });
    }
  });
  test("equal logits of 1e4 and of -1e4: the loss is the logarithm of the number of classes", async () => {
    for (const value of [1e4, -1e4]) {
      const { loss } = await crossEntropy(new Float32Array(classes).fill(value), 0);
      expect(Math.abs(loss - Math.log(classes))).toBeLessThan(2e-3);
    }
  });
});
