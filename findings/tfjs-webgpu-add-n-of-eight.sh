#!/bin/sh
# On TensorFlow.js's backend webgpu, tf.addN of more than seven tensors computes nothing, and the program is given an earlier result.
#
# Versions: @tensorflow/tfjs and @tensorflow/tfjs-backend-webgpu 4.22.0, webgpu 0.6.2 (Dawn for Node), the SwiftShader of
#   @sparticuz/chromium 143.0.4; refused in the same words by Chromium 143.
# Guess: tf.addN adds any number of tensors, as it does on its other backends; one that cannot would throw.
# Seen: it makes one shader that binds every tensor and the sum. The backend asks the device for no more than the 8 storage buffers in a shader
#   that all have, so from the eighth tensor on the shader is refused, and with it the submission that it lies in, with other dispatches.
#   That is an error of the device, to which nobody listens: data() gives what was read before. A training step that clips by the norm of all
#   gradients, as sqrt(addN(squares)), is wrong so from the eighth parameter on, as with two layers of LSTM, and its loss stays finite.
#   (tf.concat on the same backend knows the limit, and goes by parts.)
# Output:
#   addN of 7 ones: 7
#   addN of 8 ones: 7
#   the device said: The number of storage buffers (9) in the Compute stage exceeds the maximum per-stage limit (8).
#
# Needs Linux on x86-64, Node, npm and its registry (350 MB), tar. Nothing is installed, and the temporary folder is removed. Exit 0: as
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
npm install --silent --no-audit --no-fund --ignore-scripts webgpu@0.6.2 @sparticuz/chromium@143.0.4 @tensorflow/tfjs@4.22.0 \
  @tensorflow/tfjs-backend-webgpu@4.22.0 >npm.log 2>&1 || cannot "npm cannot install the packages."
mkdir shader
node -e 'const { brotliDecompressSync: open } = require("zlib");
process.stdout.write(open(require("fs").readFileSync("node_modules/@sparticuz/chromium/bin/swiftshader.tar.br")));' |
  tar -x -C shader

cat >show.mjs <<'END'
import { createRequire } from "node:module";
import { create, globals } from "webgpu";
Object.assign(globalThis, globals);
const gpu = create([]);
const adapter = await gpu.requestAdapter();
if (adapter === null) process.exit(2);
const said = [];
const request = adapter.requestDevice.bind(adapter);
gpu.requestAdapter = async () => adapter;
adapter.requestDevice = async (given) => {
  const device = await request(given);
  device.addEventListener("uncapturederror", ({ error }) => said.push(error.message.split(". ")[0]));
  return device;
};
Object.defineProperty(globalThis, "navigator", { value: { gpu, userAgent: "Node" }, configurable: true });
const require = createRequire(import.meta.url);
const tf = require("@tensorflow/tfjs");
require("@tensorflow/tfjs-backend-webgpu");
if (!(await tf.setBackend("webgpu"))) process.exit(2);
const sum = async (n) => {
  // Larger than what it adds on the processor.
  const values = await tf.addN(Array.from({ length: n }, () => tf.ones([2048]))).data();
  console.log(`addN of ${n} ones: ${values[0]}`);
  return values[0];
};
const [seven, eight] = [await sum(7), await sum(8)];
await tf.backend().device.queue.onSubmittedWorkDone();
await new Promise((resolve) => setTimeout(resolve, 100));
console.log(`the device said: ${said[0]}.`);
process.exit(seven === 7 && eight !== 8 && said.length > 0 ? 0 : 1);
END
# Dawn prints its own words in between.
code=0
LD_LIBRARY_PATH="$folder/shader" VK_ICD_FILENAMES="$folder/shader/vk_swiftshader_icd.json" node show.mjs >said.log 2>&1 || code=$?
grep -E '^(addN of|the device said)' said.log || true
exit $code
