/**
 * Training steps of one shape, in this process alone or in those that mpirun has started: tokens a second, as a line of JSON from the first.
 * Usage: step.mjs SHAPE SECONDS [PACKING] [SYNC_EVERY] [THREADS]
 */

import { connect } from "../../dist/distributed/index.js";
import { cells, createTrainer, dense, embedding, recurrent, sequential } from "../../dist/index.js";

const [shape, seconds = "10", packing = "f32", syncEvery = "1", threads] = process.argv.slice(2);
const [vocabulary, width, units, layers, batch, steps] = shape.split("-").map(Number);
const distributed = await connect({ packing });
const model = sequential([
  embedding(vocabulary, width),
  ...Array.from({ length: layers }, () => recurrent(cells.lstm, { units, returnSequences: true })),
  dense(vocabulary),
]);
const trainer = await createTrainer(model, {
  ...{ batch, steps, clipNorm: 5, distributed, syncEvery: Number(syncEvery) },
  threads: Number(threads ?? distributed?.threads ?? 2),
});
const tokens = Int32Array.from({ length: batch * steps }, (_, k) => (k * 7919) % vocabulary);
const parts = trainer.program.plan.parts?.flatMap(({ completes }) => completes.map(({ count }) => 4 * count)) ?? [];
// As many updates in every process: whole exchanges.
const each = Number(syncEvery);
const time = async (updates) => {
  const start = performance.now();
  for (let k = 0; k < updates; k++) await trainer.update(tokens, tokens);
  return performance.now() - start;
};
if (each === 1) await time(3);
const share = new Float64Array([await time(each)]);
await distributed?.sum(share);
const updates =
  each * Math.max(each > 1 ? 1 : 3, Math.ceil((1000 * Number(seconds) * (distributed?.size ?? 1)) / share[0]));
const cpu = process.cpuUsage();
const ms = await time(updates);
const { user, system } = process.cpuUsage(cpu);
if ((distributed?.rank ?? 0) === 0) {
  console.log(
    JSON.stringify({
      ...{ shape, processes: distributed?.size ?? 1, packing, syncEvery: each },
      tokensPerSecond: Math.round((1000 * updates * batch * steps) / ms),
      msPerUpdate: Number((ms / updates).toFixed(2)),
      cpuShare: Number(((user + system) / 1000 / ms).toFixed(2)),
      parts,
    }),
  );
}
trainer.dispose();
await distributed?.close();
