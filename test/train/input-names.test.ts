/** Inputs of a model may have any name: none is that of what a loss or an optimiser reads. */
import { expect, test } from "vitest";
import { add, dense, gru, input } from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";
import { createRandom } from "../../src/nn/random.ts";
import { evaluate } from "../../src/train/evaluate.ts";
import { fit } from "../../src/train/fit.ts";
import { adamW } from "../../src/train/optimizers.ts";
import { normalRows } from "../helpers/recurrences.ts";

test.each([
  ["target", "weight"],
  ["counts", "g"],
  ["decay", "loss"],
  ["clip", "gathered"],
  ["output", "w"],
])("inputs named %s and %s: trained as with other names", async (first, second) => {
  const random = createRandom(3);
  const [a, b] = [0, 1].map(() => Array.from({ length: 6 }, () => normalRows(random, 4, 2)));
  const y = Array.from({ length: 6 }, (_, n) => [n % 3, 1, 2, n % 2]);
  const trained = async (names: readonly [string, string]) => {
    const model = sequential(
      [
        input(2, { name: names[0] }),
        input(2, { name: names[1] }),
        add(names, { name: "both" }),
        gru(3, { returnSequences: true }),
        dense(3),
      ],
      { seed: 2 },
    );
    const x = { [names[0]]: a, [names[1]]: b };
    const { history } = await fit(model, x as never, y, {
      ...{ epochs: 3, batchSize: 3, metrics: ["accuracy"], clipNorm: 1, accumulate: 2 },
      optimizer: adamW({ weightDecay: 0.1 }),
    });
    return {
      history,
      measured: await evaluate(model, x as never, y, { metrics: ["accuracy"] }),
      values: Object.values(model.values),
    };
  };
  expect(await trained([first as string, second as string])).toEqual(await trained(["one", "two"]));
});
