#!/bin/sh
# What ONNX Runtime's LSTM of 8 bits answers depends on the number of threads.
#
# Version: onnxruntime-node 1.30.0, on the processor. DynamicQuantizeLSTM, which onnxruntime.quantization.quantize_dynamic makes of LSTM.
# Guess: threads share the rows of a product, and sums of whole numbers are exact. So results of 8 bits are the same for any number
#   of threads, more surely than those of f32.
# Seen: threads share the sequences of a batch, and each rounds the states of its sequences to 8 bits by one scale for all of them. So
#   each number of threads has results of its own, always the same ones; and a session without intraOpNumThreads, which takes as
#   many as there are cores, answers otherwise on another machine. A sequence alone has the same for all, and so has LSTM in f32.
#   Set the number of threads where results are compared, or give one sequence in a call.
# Output: one unit whose weights are 1, one step, inputs 0, four sequences in states 0.2, 0.2, 0.2, 0.9; their outputs.
#   onnxruntime-node 1.30.0
#   LSTM, one sequence, threads 1: 0.0594, 2: 0.0594, 4: 0.0594
#   LSTM, four, threads 1: 0.0594 0.0594 0.0594 0.3337, 2: 0.0594 0.0594 0.0594 0.3337, 4: 0.0594 0.0594 0.0594 0.3337
#   DynamicQuantizeLSTM, one sequence, threads 1: 0.0594, 2: 0.0594, 4: 0.0594
#   DynamicQuantizeLSTM, four, threads 1: 0.0598 0.0598 0.0598 0.3337, 2: 0.0594 0.0594 0.0598 0.3337, 4: 0.0594 0.0594 0.0594 0.3337
#
# Needs Node, npm and its registry (115 MB). Nothing is installed, and the temporary folder is removed. Exit 0: as said
# above. 1: the behaviour has changed. 2: it cannot be shown here.
set -eu

cannot() { echo "It cannot be shown here: $1" >&2; exit 2; }
command -v npm >/dev/null || cannot "there is no npm."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 2' INT TERM
cd "$folder"
echo '{ "private": true }' >package.json
npm install --ignore-scripts --no-audit --no-fund onnxruntime-node@1.30.0 >log 2>&1 ||
  { cat log >&2; cannot "npm install failed."; }

cat >threads.cjs <<'EOF_JS'
const { readFileSync } = require("node:fs");
const { InferenceSession, Tensor } = require("onnxruntime-node");

// A model file is protocol buffers: a field is its number and type, then a number or a length and so many bytes.
const digits = (value) => (value < 128 ? [value] : [(value % 128) + 128, ...digits(value >> 7)]);
const number = (field, value) => [...digits(field * 8), ...digits(value)];
const bytes = (field, ...parts) => {
  const content = parts.flatMap((part) => [...(typeof part === "string" ? Buffer.from(part) : part)]);
  return [...digits(field * 8 + 2), ...digits(content.length), ...content];
};
const float = 1;
const int8 = 3;
const constant = (name, type, sizes, values) =>
  bytes(5, sizes.flatMap((size) => number(1, size)), number(2, type), bytes(8, name), bytes(9, new Uint8Array(values.buffer)));
const port = (field, name, type, sizes) =>
  bytes(field, bytes(1, name),
    bytes(2, bytes(1, number(1, type), bytes(2, ...sizes.map((size) => bytes(1, number(1, size)))))));

/** One layer of one unit whose weights are 1, which is 127 times 1/127 in 8 bits. One step. */
function model(operator, batch) {
  const quantized = operator === "DynamicQuantizeLSTM";
  const weights = (name) =>
    quantized
      ? constant(name, int8, [1, 1, 4], new Int8Array(4).fill(127))
      : constant(name, float, [1, 4, 1], new Float32Array(4).fill(1));
  const scales = quantized ? ["", "", "scale", "zero", "scale", "zero"] : [];
  const node = bytes(1,
    ...["x", "W", "R", "", "", "state", ...scales].map((name) => bytes(1, name)), bytes(2, "y"), bytes(4, operator),
    bytes(5, bytes(1, "hidden_size"), number(3, 1), number(20, 2)), ...(quantized ? [bytes(7, "com.microsoft")] : []));
  const graph = bytes(7, node, bytes(2, "layer"), weights("W"), weights("R"),
    ...(quantized
      ? [constant("scale", float, [1, 4], new Float32Array(4).fill(1 / 127)), constant("zero", int8, [1, 4], new Int8Array(4))]
      : []),
    ...["x", "state"].map((name) => port(11, name, float, [1, batch, 1])), port(12, "y", float, [1, 1, batch, 1]));
  return Uint8Array.from([...number(1, 7), ...graph, ...bytes(8, number(2, 14)),
    ...(quantized ? bytes(8, bytes(1, "com.microsoft"), number(2, 1)) : [])]);
}

async function main() {
  const { version } = JSON.parse(readFileSync("node_modules/onnxruntime-node/package.json", "utf8"));
  console.log(`onnxruntime-node ${version}`);
  for (const operator of ["LSTM", "DynamicQuantizeLSTM"])
    for (const states of [[0.2], [0.2, 0.2, 0.2, 0.9]]) {
      const shown = [];
      for (const intraOpNumThreads of [1, 2, 4]) {
        const session = await InferenceSession.create(model(operator, states.length), { intraOpNumThreads });
        const vector = (values) => new Tensor("float32", values, [1, values.length, 1]);
        const outputs = new Set();
        for (let run = 0; run < 20; run++) {
          const { y } = await session.run({ x: vector(states.map(() => 0)), state: vector(states) });
          outputs.add(Array.from(y.data, (value) => value.toFixed(4)).join(" "));
        }
        shown.push(`${intraOpNumThreads}: ${[...outputs].join(" or ")}`);
      }
      console.log(`${operator}, ${states.length === 1 ? "one sequence" : "four"}, threads ${shown.join(", ")}`);
    }
}
main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
EOF_JS
seen=$(node threads.cjs 2>log) || { cat log >&2; cannot "the program failed."; }
echo "$seen"
expected="onnxruntime-node 1.30.0
LSTM, one sequence, threads 1: 0.0594, 2: 0.0594, 4: 0.0594
LSTM, four, threads 1: 0.0594 0.0594 0.0594 0.3337, 2: 0.0594 0.0594 0.0594 0.3337, 4: 0.0594 0.0594 0.0594 0.3337
DynamicQuantizeLSTM, one sequence, threads 1: 0.0594, 2: 0.0594, 4: 0.0594
DynamicQuantizeLSTM, four, threads 1: 0.0598 0.0598 0.0598 0.3337, 2: 0.0594 0.0594 0.0598 0.3337, 4: 0.0594 0.0594 0.0594 0.3337"
if [ "$seen" = "$expected" ]; then exit 0; fi
echo "The behaviour has changed." >&2
exit 1
