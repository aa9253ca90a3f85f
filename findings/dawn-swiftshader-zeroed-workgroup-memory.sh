#!/bin/sh
# On SwiftShader, Dawn's zeros in the memory of a workgroup make a compute shader slow to compile, by the size of that memory.
#
# Versions: webgpu 0.6.2 (Dawn for Node), the SwiftShader of @sparticuz/chromium 143.0.4.
# Guess: a shader takes as long to compile as its code is long. WGSL promises zeros in memory that a workgroup shares, and one would
#   expect a loop for them.
# Seen: with arrays of 16 numbers a small shader takes some ms to compile; with 4,096 numbers, the code the same, hundreds of times as
#   long, seconds on a busy machine. With Dawn's switch disable_workgroup_init both take as long. So tests of kernels on SwiftShader want that
#   switch (Chromium: --enable-dawn-features=disable_workgroup_init), where the kernels read nothing that they have not written.
# Output (the times depend on the machine; what is checked is that they are at least 5 times apart, and less than 3 with the switch):
#   zeros: 16 numbers 18 ms, 4096 numbers 2990 ms
#   no zeros: 16 numbers 4 ms, 4096 numbers 7 ms
#
# Needs Linux on x86-64, Node, npm and its registry (200 MB), tar. Nothing is installed, and the temporary folder is removed. Exit 0: as
# said above. 1: the behaviour has changed. 2: it cannot be shown here.
set -eu

cannot() { echo "It cannot be shown here: $1" >&2; exit 2; }
command -v npm >/dev/null || cannot "there is no npm."
[ "$(uname -sm)" = "Linux x86_64" ] || cannot "this is not Linux on x86-64."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 2' INT TERM
cd "$folder"
echo '{ "private": true }' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts webgpu@0.6.2 @sparticuz/chromium@143.0.4 >npm.log 2>&1 ||
  cannot "npm cannot install webgpu 0.6.2 and @sparticuz/chromium 143.0.4."
mkdir shader
node -e 'const { brotliDecompressSync: open } = require("zlib");
process.stdout.write(open(require("fs").readFileSync("node_modules/@sparticuz/chromium/bin/swiftshader.tar.br")));' |
  tar -x -C shader

cat >show.mjs <<'END'
import { create } from "webgpu";
const flags = process.argv.slice(2);
const gpu = create(flags);
const adapter = await gpu.requestAdapter();
if (adapter === null) process.exit(2);
const device = await adapter.requestDevice();
const compile = async (numbers) => {
  const code = `
  @group(0) @binding(0) var<storage, read_write> memory: array<f32>;
  var<workgroup> shared_numbers: array<f32, ${numbers}>;
  @compute @workgroup_size(16) fn main(@builtin(local_invocation_index) lane: u32) {
    shared_numbers[lane] = memory[lane];
    workgroupBarrier();
    memory[lane] = shared_numbers[15u - lane];
  }`;
  const from = performance.now();
  const module = device.createShaderModule({ code });
  await device.createComputePipelineAsync({ layout: "auto", compute: { module, entryPoint: "main" } });
  return performance.now() - from;
};
await compile(17);
const [few, many] = [await compile(16), await compile(4096)];
console.log(`${flags.length > 0 ? "no zeros" : "zeros"}: 16 numbers ${few.toFixed(0)} ms, 4096 numbers ${many.toFixed(0)} ms`);
const ratio = many / Math.max(1, few);
void gpu;
process.exit(flags.length > 0 ? (ratio < 3 ? 0 : 1) : ratio > 5 ? 0 : 1);
END
export LD_LIBRARY_PATH="$folder/shader" VK_ICD_FILENAMES="$folder/shader/vk_swiftshader_icd.json"
node show.mjs && node show.mjs enable-dawn-features=disable_workgroup_init
