/** The losses of 50 updates are the recorded ones to the bit, whatever the number of threads: a change of the code changes none. */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { cell } from "../../src/graph/cell.ts";
import { dense, embedding, gru, type LayerSpec, lstm, recurrent } from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";
import { createRandom } from "../../src/nn/random.ts";
import { adam, rmsprop, sgd } from "../../src/train/optimizers.ts";
import { createTrainer } from "../../src/train/trainer.ts";

/** Written anew where UPDATE_LOSSES is set. */
const file = new URL("../fixtures/losses-to-the-bit.json", import.meta.url);
type Recorded = Record<string, { losses: number[]; parameters: string }>;

const own = cell(
  `z  = sigmoid(W_z @ x + U_z @ h + b_z)
   k  = softplus(W_k @ x + p * h)
   c  = tanh(W_c @ x + U_c @ (z * h) + b_c)
   h' = z * h + (1 - z) * c * exp(-k)`,
);
const sizes = { batch: 5, steps: 11, vocabulary: 23 };
const networks: Record<string, { layers: () => LayerSpec[]; optimizer: ReturnType<typeof adam> }> = {
  lstm: {
    layers: () => [lstm(40, { returnSequences: true, dropout: 0.2, recurrentDropout: 0.1 })],
    optimizer: adam({ learningRate: 0.01 }),
  },
  "two layers of gru": {
    layers: () => [gru(37, { returnSequences: true }), gru(20, { returnSequences: true })],
    optimizer: rmsprop({ learningRate: 0.003 }),
  },
  "a cell of one's own": {
    layers: () => [recurrent(own, { units: 33, returnSequences: true })],
    optimizer: sgd({ learningRate: 0.3, momentum: 0.9 }),
  },
};

async function trained(name: string, threads: number): Promise<Recorded[string]> {
  const { layers, optimizer } = networks[name] as (typeof networks)[string];
  const { batch, steps, vocabulary } = sizes;
  const model = sequential([embedding(vocabulary, 9), ...layers(), dense(vocabulary)], { seed: 3 });
  const trainer = await createTrainer(model, { batch, steps, optimizer, clipNorm: 0.5, fma: false, threads, seed: 8 });
  const random = createRandom(6);
  const losses: number[] = [];
  for (let k = 0; k < 50; k++) {
    const x = Int32Array.from({ length: batch * steps }, () => random.integer(vocabulary));
    // Something to learn: the token before, or one more.
    const y = x.map((token, at) => ((at < batch ? token : (x[at - batch] as number)) + (k % 2)) % vocabulary);
    losses.push(await trainer.update(x, y));
  }
  trainer.save();
  const hash = createHash("sha256");
  for (const [name, values] of Object.entries(model.values).sort())
    hash.update(name).update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  trainer.dispose();
  return { losses, parameters: hash.digest("hex") };
}

if (process.env.UPDATE_LOSSES !== undefined) {
  const all: Recorded = {};
  for (const name of Object.keys(networks)) all[name] = await trained(name, 1);
  writeFileSync(file, `${JSON.stringify(all, null, 1)}\n`);
}
const recorded = JSON.parse(readFileSync(file, "utf8")) as Recorded;

test.each(Object.keys(networks).flatMap((name) => [1, 2].map((threads) => [name, threads] as const)))(
  "%s, threads: %i",
  async (name, threads) => {
    const found = await trained(name, threads);
    expect(found).toEqual(recorded[name]);
    expect(found.losses[49]).toBeLessThan(found.losses[0] as number);
  },
);
