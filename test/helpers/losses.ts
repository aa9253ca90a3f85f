/** The losses of a few training steps: the same wherever it runs; and a loss alone, as a graph. */
import { cells } from "../../src/cells/index.ts";
import type { EngineName } from "../../src/engines/engine.ts";
import { interpret } from "../../src/engines/reference/interpret.ts";
import { grad } from "../../src/grad/grad.ts";
import type { Cell } from "../../src/graph/cell.ts";
import { createBuilder, type Graph } from "../../src/graph/graph.ts";
import { dense, dropout, embedding, recurrent } from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";
import { createRandom } from "../../src/nn/random.ts";
import { type Loss, targetSizeOf } from "../../src/train/losses.ts";
import { adam } from "../../src/train/optimizers.ts";
import { createTrainer } from "../../src/train/trainer.ts";

type Run = { readonly count?: number; readonly threads?: number; readonly engine?: EngineName; readonly rate?: number };

export async function trainingLosses(
  cell: string,
  { count = 20, threads = 1, engine = "auto", rate = 0.01 }: Run = {},
): Promise<number[]> {
  const [vocabulary, batch, steps] = [13, 5, 11];
  const layers = [
    embedding(vocabulary, 10),
    dropout(0.1),
    recurrent(cells[cell] as Cell, { units: 21, returnSequences: true }),
  ];
  const model = sequential([...layers, dense(vocabulary)], { seed: 4 });
  const optimizer = adam({ learningRate: rate });
  const trainer = await createTrainer(model, { batch, steps, optimizer, clipNorm: 1, seed: 5, threads, engine });
  const random = createRandom(6);
  const losses: number[] = [];
  for (let k = 0; k < count; k++) {
    const tokens = Int32Array.from({ length: batch * steps }, () => random.integer(vocabulary));
    const targets = tokens.map((token) => (3 * token + 1) % vocabulary);
    losses.push(await trainer.update(tokens, targets));
  }
  return losses;
}

/** The loss of rows of the table z, weighted alike, so that its gradient is that of their mean. */
export function lossOfRows(loss: Loss, { rows, features }: { rows: number; features: number }): Graph {
  const g = createBuilder();
  g.declare("z", [rows, features], { name: "zeros", values: [] });
  const output = g.gather("z", g.index("tokens"));
  const target = loss.target === "index" ? g.index("target") : g.input("target", targetSizeOf(loss, features));
  const each = loss.build(g, output, target);
  const weighted = g.mul(each, g.constant(1 / rows));
  g.sumAll("loss", weighted);
  return grad(g.graph({ output, each, loss: weighted }));
}

/** The loss of one row in f64. */
export function lossAt(
  density: Loss & { readonly outputSize: number },
  row: readonly number[],
  target: readonly number[],
): number {
  const graph = lossOfRows(density, { rows: 1, features: density.outputSize });
  const values = { inputs: { tokens: [0], target: [...target] }, parameters: { z: [...row] } };
  return interpret(graph, { steps: 1, batch: 1, ...values }).totals.loss as number;
}
