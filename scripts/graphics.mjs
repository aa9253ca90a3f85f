/**
 * How fast the engine `webgpu` trains on the graphics card here, beside the card's own peak and, where python3 has PyTorch with CUDA,
 * beside cuDNN: tokens a second of whole training steps. Installs nothing: the package "webgpu" is looked for where Node finds it, or in
 * test/peers. A few minutes. Usage: node scripts/graphics.mjs [SECONDS] [SHAPE ...]
 *
 * SHAPE: cell-units-layers-batch-steps, as layer.norm.lstm-512-1-32-64. The built package has to be in dist.
 */
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [seconds = 4] = process.argv.slice(2, 3).map(Number);
const given = process.argv.slice(3);
const shapes =
  given.length > 0
    ? given
    : [
        "lstm-128-1-32-64",
        "lstm-512-1-32-64",
        "lstm-512-1-128-64",
        "lstm-1024-2-32-64",
        "min.gru-384-3-32-256",
        "layer.norm.lstm-512-1-32-64",
      ];
const vocabulary = 256;
const root = join(import.meta.dirname, "..");
const built = (file) => import(pathToFileURL(join(root, "dist", file)).href);

if (globalThis.navigator?.gpu === undefined) {
  const require = createRequire(join(root, "test/peers/package.json"));
  const { create } = await import(pathToFileURL(require.resolve("webgpu")).href);
  Object.defineProperty(globalThis, "navigator", { value: { gpu: create([]) }, configurable: true });
}
const { gpu } = await built("engines/webgpu/device.js");
const card = await gpu();
const { device, name } = card;
const { cells, createTrainer, dense, embedding, recurrent, sequential } = await built("index.js");

/** Multiply-adds a second of a kernel that does nothing else, in 10^9 operations, a multiply-add being two. */
async function peak() {
  const [groups, rounds] = [512, 2048];
  const code = `
  @group(0) @binding(0) var<storage, read_write> memory: array<vec4f>;
  @compute @workgroup_size(256) fn main(@builtin(global_invocation_id) id: vec3u) {
    let x = memory[0];
    var sums = array<vec4f, 4>(vec4f(f32(id.x)), x, x + 1f, x + 2f);
    for (var k = 0; k < ${rounds}; k++) {
      sums[0] = fma(sums[0], x, x); sums[1] = fma(sums[1], x, x);
      sums[2] = fma(sums[2], x, x); sums[3] = fma(sums[3], x, x);
    }
    memory[id.x % 64u] = sums[0] + sums[1] + sums[2] + sums[3];
  }`;
  const module = device.createShaderModule({ code });
  const pipeline = await device.createComputePipelineAsync({ layout: "auto", compute: { module } });
  const buffer = device.createBuffer({ size: 1024, usage: 128 });
  const entries = [{ binding: 0, resource: { buffer } }];
  const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  const run = async (times) => {
    const from = performance.now();
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    for (let k = 0; k < times; k++) pass.dispatchWorkgroups(groups);
    pass.end();
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
    return performance.now() - from;
  };
  await run(1);
  const once = await run(1);
  const times = Math.max(1, Math.min(4096, Math.round(500 / once)));
  return (2 * 16 * 256 * groups * rounds * times) / (1e6 * (await run(times)));
}

async function ours(shape) {
  const [cellName, ...sizes] = shape.split("-");
  const [units, layers, batch, steps] = sizes.map(Number);
  const cell = cells[cellName.replaceAll(".", "-")];
  if (cell === undefined) throw new Error(`there is no cell ${cellName}`);
  const model = sequential([
    embedding(vocabulary, units),
    ...Array.from({ length: layers }, () => recurrent(cell, { units, returnSequences: true })),
    dense(vocabulary),
  ]);
  const startMs = performance.now();
  const trainer = await createTrainer(model, { batch, steps, clipNorm: 1, engine: "webgpu" });
  const loadMs = performance.now() - startMs;
  const tokens = Int32Array.from({ length: batch * steps }, (_, k) => (k * 7919) % vocabulary);
  for (let k = 0; k < 2; k++) await trainer.update(tokens, tokens);
  const from = performance.now();
  let updates = 0;
  while (performance.now() - from < 1000 * seconds) {
    await trainer.update(tokens, tokens);
    updates++;
  }
  const perUpdateMs = (performance.now() - from) / updates;
  trainer.dispose();
  const parameters = model.parameters.reduce((sum, { shape: own }) => sum + own.reduce((a, b) => a * b, 1), 0);
  // Of an update: a multiply-add for each parameter but the embedding's forward, two for the gradients.
  const flops = 6 * (parameters - vocabulary * units) * batch * steps;
  return { tokensPerSecond: (1000 * batch * steps) / perUpdateMs, perUpdateMs, loadMs, flops };
}

function cudnn(shape) {
  const { status, stdout } = spawnSync("python3", [join(root, "scripts/graphics.py"), shape, `${seconds}`], {
    encoding: "utf8",
    timeout: 120_000,
  });
  return status === 0 ? Number(stdout.trim().split("\n").at(-1)) : undefined;
}

const best = await peak();
console.log(`${name}: ${best.toFixed(0)} GFLOP/s of f32 by multiply-adds alone\n`);
console.log("| shape | tokens/s | ms an update | ms to load | share of the peak | PyTorch, tokens/s | ratio |");
console.log("| --- | --- | --- | --- | --- | --- | --- |");
const usual = card.mostWeights;
/** A shape whose time loops are one dispatch each is measured a second time, with dispatches for each step. */
const rows = shapes.flatMap((shape) => {
  const [, units] = shape.split("-").map(Number);
  return 4 * units * units > usual
    ? [[shape, usual]]
    : [
        [shape, usual],
        [shape, 0, ", by steps"],
      ];
});
for (const [shape, most, how = ""] of rows) {
  card.mostWeights = most;
  const { tokensPerSecond, perUpdateMs, loadMs, flops } = await ours(shape);
  const theirs = cudnn(shape);
  const share = flops / (1e6 * perUpdateMs) / best;
  const [other, ratio] = theirs ? [theirs.toFixed(0), (tokensPerSecond / theirs).toFixed(2)] : ["", ""];
  console.log(
    `| ${shape}${how} | ${tokensPerSecond.toFixed(0)} | ${perUpdateMs.toFixed(2)} | ${loadMs.toFixed(0)} | ${share.toFixed(3)} | ${other} | ${ratio} |`,
  );
}
process.exit(0);
