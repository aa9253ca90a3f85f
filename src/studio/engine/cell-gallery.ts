/** The built-in cells: the cost of each, and its speed on this machine. */
import { cells } from "../../cells/index.ts";
import type { Cell } from "../../graph/cell.ts";
import { type CellFacts, type CellSizes, cellFacts } from "../../nn/cell-facts.ts";
import { dense, embedding, recurrent } from "../../nn/layers.ts";
import { sequential } from "../../nn/model.ts";
import { createRandom } from "../../nn/random.ts";
import { createSession } from "../../nn/session.ts";
import { disposing } from "../../runtime/disposable.ts";
import { createTrainer } from "../../train/trainer.ts";
import type { Job } from "./remote.ts";

/** The shape of the measured training: an embedding of tokens, the cell, and a softmax over as many tokens. */
export type MeasuredShape = {
  readonly units: number;
  readonly input: number;
  readonly vocabulary: number;
  readonly batch: number;
  readonly steps: number;
};

export type CellSpeed = {
  readonly name: string;
  /** Undefined for a cell without a gradient. */
  readonly trainedPerSecond: number | undefined;
  /** The number of tokens per second for one text. */
  readonly readPerSecond: number;
  readonly threads: number;
};

/** The duration of each measurement. */
const measuredMs = 250;

export const cellGallery = {
  /** All built-in cells, in the order of `unrolled cells`. @throws InputError for a size that memory cannot hold */
  async builtInCells(sizes: CellSizes): Promise<readonly CellFacts[]> {
    return Object.keys(cells).map((name) => cellFacts(name, sizes));
  },

  /** Measure one cell after the other. @throws InputError for a shape that memory cannot hold */
  async *measureCells(names: readonly string[], shape: MeasuredShape): Job<CellSpeed, void> {
    for (const name of names) yield await measured(name, shape);
  },
};

async function measured(name: string, { units, input, vocabulary, batch, steps }: MeasuredShape): Promise<CellSpeed> {
  const cell = cells[name] as Cell;
  const layers = [embedding(vocabulary, input), recurrent(cell, { units, returnSequences: true }), dense(vocabulary)];
  const model = sequential(layers);
  const random = createRandom(0);
  const tokens = (): Int32Array => Int32Array.from({ length: batch * steps }, () => random.integer(vocabulary));
  return disposing(async (own) => {
    const session = own(await createSession(model));
    const read = await perSecond(() => session.next(1));
    // A step function has no gradient.
    if (name === "perceptron") return { name, trainedPerSecond: undefined, readPerSecond: read, threads: 1 };
    const trainer = own(await createTrainer(model, { batch, steps }));
    const [inputs, targets] = [tokens(), tokens()];
    const updates = await perSecond(() => trainer.update(inputs, targets));
    const { threads } = trainer.program;
    return { name, trainedPerSecond: updates * batch * steps, readPerSecond: read, threads };
  });
}

/** The number of runs per second, after one warm-up run. */
async function perSecond(work: () => unknown): Promise<number> {
  await work();
  const start = performance.now();
  let count = 0;
  let ms = 0;
  // A page's clock is coarse, so it is read only as often as needed.
  for (let rounds = 1; ms < measuredMs; rounds = Math.min(2 * rounds, 64)) {
    for (let k = 0; k < rounds; k++) await work();
    count += rounds;
    ms = performance.now() - start;
  }
  return (1000 * count) / ms;
}
