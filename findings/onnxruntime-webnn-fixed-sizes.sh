#!/bin/sh
# ONNX Runtime Web's provider "webnn" gives wrong numbers for some recurrent operators, but only once their sizes are fixed.
#
# Version: onnxruntime-web 1.30.0 in Chromium 143.0.4 (@sparticuz/chromium, headless, --enable-features=
#   WebMachineLearningNeuralNetwork), WebNN on the processor. Opset 14.
# Guess: a provider that cannot compute an operator leaves it to the processor, as the page on WebNN's operators says of
#   those it does not have; a model that is right with open sizes is right with fixed ones.
# Seen: with an open number of examples all of it runs elsewhere, and all numbers are those of wasm: a test of the file finds
#   nothing. With the sizes fixed, in the file or by freeDimensionOverrides, as one does for speed, a GRU with
#   linear_before_reset = 1 (PyTorch's and Keras's kind) gives the numbers of one with 0, and an LSTM with peepholes others than
#   wasm's, both without a word; a GRU with 0 and an LSTM without peepholes are right. A page that chooses "webnn" has to
#   compare them with wasm once, with the sizes that it will use, or to write such layers in plain operators.
# Output: one unit, two steps, weights 0.5, biases 0.7, peepholes 0.9; the last hidden state.
#   onnxruntime-web 1.30.0
#   GRU, reset before: wasm 0.2869, webnn with open sizes 0.2869, with fixed sizes 0.2869
#   GRU, reset after: wasm 0.2732, webnn with open sizes 0.2732, with fixed sizes 0.2869
#   LSTM: wasm 0.7162, webnn with open sizes 0.7162, with fixed sizes 0.7162
#   LSTM with peepholes: wasm 0.8666, webnn with open sizes 0.8666, with fixed sizes 0.8228
#
# Needs Node, npm and its registry (350 MB). Nothing is installed, and the temporary folder is removed. Exit 0: as said
# above. 1: the behaviour has changed. 2: it cannot be shown here.
set -eu

cannot() { echo "It cannot be shown here: $1" >&2; exit 2; }
command -v npm >/dev/null || cannot "there is no npm."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 2' INT TERM
cd "$folder"
echo '{ "private": true }' >package.json
npm install --ignore-scripts --no-audit --no-fund onnxruntime-web@1.30.0 playwright-core@1.65.1 @sparticuz/chromium@143.0.4 >log 2>&1 ||
  { cat log >&2; cannot "npm install failed."; }

cat >webnn.mjs <<'EOF_JS'
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import chromium from "@sparticuz/chromium";
import { chromium as playwright } from "playwright-core";

// A model file is protocol buffers: a field is its number and type, then a number or a length and so many bytes.
const digits = (value) => (value < 128 ? [value] : [(value % 128) + 128, ...digits(value >> 7)]);
const number = (field, value) => [...digits(field * 8), ...digits(value)];
const bytes = (field, ...parts) => {
  const content = parts.flatMap((part) => [...(typeof part === "string" ? Buffer.from(part) : part)]);
  return [...digits(field * 8 + 2), ...digits(content.length), ...content];
};
const float = 1;
const filled = (name, sizes, value) =>
  bytes(5, sizes.flatMap((size) => number(1, size)), number(2, float), bytes(8, name),
    bytes(9, new Uint8Array(new Float32Array(sizes.reduce((a, b) => a * b)).fill(value).buffer)));
const size = (one) => bytes(1, typeof one === "number" ? number(1, one) : bytes(2, one));
const port = (field, name, sizes) =>
  bytes(field, bytes(1, name), bytes(2, bytes(1, number(1, float), bytes(2, ...sizes.map(size)))));

/** One layer of one unit over two steps. */
function model({ operator, gates, flag, peepholes }, batch) {
  const node = bytes(1,
    ...["x", "W", "R", "B", ...(peepholes ? ["", "", "", "P"] : [])].map((name) => bytes(1, name)),
    bytes(2, ""), bytes(2, "last"),
    bytes(4, operator),
    bytes(5, bytes(1, "hidden_size"), number(3, 1), number(20, 2)),
    ...(flag === undefined ? [] : [bytes(5, bytes(1, "linear_before_reset"), number(3, flag), number(20, 2))]));
  const graph = bytes(7, node, bytes(2, "layer"),
    filled("W", [1, gates, 1], 0.5), filled("R", [1, gates, 1], 0.5), filled("B", [1, 2 * gates], 0.7),
    ...(peepholes ? [filled("P", [1, 3], 0.9)] : []),
    port(11, "x", [2, batch, 1]), port(12, "last", [1, batch, 1]));
  return Uint8Array.from([...number(1, 7), ...graph, ...bytes(8, number(2, 14))]);
}
const layers = {
  "GRU, reset before": { operator: "GRU", gates: 3, flag: 0 },
  "GRU, reset after": { operator: "GRU", gates: 3, flag: 1 },
  LSTM: { operator: "LSTM", gates: 4 },
  "LSTM with peepholes": { operator: "LSTM", gates: 4, peepholes: true },
};

const dist = "node_modules/onnxruntime-web/dist";
const types = { mjs: "text/javascript", wasm: "application/wasm" };
const server = createServer(({ url }, response) => {
  const name = url.slice(1);
  if (name === "") response.setHeader("content-type", "text/html").end("<!doctype html><title>.</title>");
  else if (/^[\w.-]+$/.test(name)) response.setHeader("content-type", types[name.split(".").pop()]).end(readFileSync(`${dist}/${name}`));
  else response.writeHead(404).end();
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const { version } = JSON.parse(readFileSync("node_modules/onnxruntime-web/package.json", "utf8"));
console.log(`onnxruntime-web ${version}`);
const browser = await playwright.launch({
  executablePath: await chromium.executablePath(),
  args: ["--no-sandbox", "--enable-features=WebMachineLearningNeuralNetwork"],
});
const page = await browser.newPage();
await page.goto(`http://127.0.0.1:${server.address().port}/`);
for (const [name, layer] of Object.entries(layers)) {
  const run = (batch, provider) =>
    page.evaluate(async ({ file, provider }) => {
      const { env, InferenceSession, Tensor } = await import("/ort.all.min.mjs");
      Object.assign(env.wasm, { wasmPaths: "/", numThreads: 1 });
      env.logLevel = "error";
      const session = await InferenceSession.create(Uint8Array.from(file), { executionProviders: [provider] });
      const { last } = await session.run({ x: new Tensor("float32", [1, -0.5], [2, 1, 1]) });
      return last.data[0];
    }, { file: [...model(layer, batch)], provider });
  const found = [await run(1, "wasm"), await run("batch", "webnn"), await run(1, "webnn")];
  const [wasm, open, fixed] = found.map((one) => one.toFixed(4));
  console.log(`${name}: wasm ${wasm}, webnn with open sizes ${open}, with fixed sizes ${fixed}`);
}
await browser.close();
server.close();
EOF_JS
seen=$(TMPDIR=$folder node webnn.mjs 2>log) || { cat log >&2; cannot "the program failed."; }
echo "$seen"
expected="onnxruntime-web 1.30.0
GRU, reset before: wasm 0.2869, webnn with open sizes 0.2869, with fixed sizes 0.2869
GRU, reset after: wasm 0.2732, webnn with open sizes 0.2732, with fixed sizes 0.2869
LSTM: wasm 0.7162, webnn with open sizes 0.7162, with fixed sizes 0.7162
LSTM with peepholes: wasm 0.8666, webnn with open sizes 0.8666, with fixed sizes 0.8228"
if [ "$seen" = "$expected" ]; then exit 0; fi
echo "The behaviour has changed." >&2
exit 1
