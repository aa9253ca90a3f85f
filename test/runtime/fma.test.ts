import { describe, expect, test } from "vitest";
import { cells } from "../../src/cells/index.ts";
import { engineError, loadTraining, results } from "../helpers/engines.ts";
import { randomValues, trainingGraph } from "../helpers/networks.ts";
import { randomTrainingGraph } from "../helpers/random-cells.ts";

const size = { units: 17, input: 7, steps: 5, batch: 3 };

describe("without fused multiply-add", () => {
  test.each(Object.entries(cells))("%s: against the reference, relative error below 1e-4", async (_, cell) => {
    const { error, where } = await engineError(cell, { ...size, seed: 5 }, { fma: false });
    expect(error, where).toBeLessThan(1e-4);
  });

  const graphs = [
    ...Object.entries(cells).map(([name, cell]) => [name, trainingGraph(cell, size)] as const),
    ...[1, 2, 3, 4].map((seed) => {
      const { source, graph } = randomTrainingGraph({ seed, depth: 3 }, size);
      return [source.replaceAll("\n", "; "), graph] as const;
    }),
  ];
  test.each(graphs)("the same bits from a second program, and from a second run: %s", async (_, graph) => {
    const values = randomValues(graph, size.steps, size.batch, 6);
    const [first, second] = [
      await loadTraining(graph, size, values, { fma: false }),
      await loadTraining(graph, size, values, { fma: false }),
    ];
    await first.run();
    const wanted = results(first);
    await second.run();
    expect(results(second)).toEqual(wanted);
    await second.run();
    expect(results(second)).toEqual(wanted);
  });
});
