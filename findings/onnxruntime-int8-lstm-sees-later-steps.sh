#!/bin/sh
# In ONNX Runtime's LSTM of 8 bits the output of a step depends on later steps, and on the other sequences of the batch.
#
# Version: onnxruntime-node 1.30.0, on the processor. DynamicQuantizeLSTM, which onnxruntime.quantization.quantize_dynamic makes of LSTM.
# Guess: what comes in is rounded to 8 bits as it comes, each step of each sequence by a scale of its own. An LSTM reads forwards;
#   so a sequence that is given at once, in pieces with the states carried on, or beside others has the same outputs.
# Seen: one scale holds for all inputs of a call: all steps of all sequences, and padding up to the longest. A large value at the last
#   step makes small ones before it coarser, or zeros, in its own sequence and in those beside it. So outputs depend on what comes
#   later: a text that is read at once has other ones than token by token, and an answer depends on who else is served in the
#   batch. LSTM in f32 does nothing of the kind. The operator's text tells of the scales of weights alone. Calls of one step of
#   one sequence have scales of their own.
# Output: one unit whose weights are 1; the output after the first step of a sequence that begins with 0.3.
#   onnxruntime-node 1.30.0
#   LSTM: alone 0.0952, before 0.3 0.0952, before 200 0.0952, beside 200 0.0952, beside another sequence's padding of 200 0.0952
#   DynamicQuantizeLSTM: alone 0.0952, before 0.3 0.0952, before 200 0.0000, beside 200 0.0000, beside another sequence's padding of 200 0.0000
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

cat >steps.cjs <<'EOF_JS'
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
const int32 = 6;
const constant = (name, type, sizes, values) =>
  bytes(5, sizes.flatMap((size) => number(1, size)), number(2, type), bytes(8, name), bytes(9, new Uint8Array(values.buffer)));
const port = (field, name, type, sizes) =>
  bytes(field, bytes(1, name),
    bytes(2, bytes(1, number(1, type), bytes(2, ...sizes.map((size) => bytes(1, number(1, size)))))));

/** One layer of one unit whose weights are 1, which is 127 times 1/127 in 8 bits. */
function model(operator, steps, batch) {
  const quantized = operator === "DynamicQuantizeLSTM";
  const weights = (name) =>
    quantized
      ? constant(name, int8, [1, 1, 4], new Int8Array(4).fill(127))
      : constant(name, float, [1, 4, 1], new Float32Array(4).fill(1));
  const scales = quantized ? ["", "", "", "scale", "zero", "scale", "zero"] : [];
  const node = bytes(1,
    ...["x", "W", "R", "", "lengths", ...scales].map((name) => bytes(1, name)), bytes(2, "y"), bytes(4, operator),
    bytes(5, bytes(1, "hidden_size"), number(3, 1), number(20, 2)), ...(quantized ? [bytes(7, "com.microsoft")] : []));
  const graph = bytes(7, node, bytes(2, "layer"), weights("W"), weights("R"),
    ...(quantized
      ? [constant("scale", float, [1, 4], new Float32Array(4).fill(1 / 127)), constant("zero", int8, [1, 4], new Int8Array(4))]
      : []),
    port(11, "x", float, [steps, batch, 1]), port(11, "lengths", int32, [batch]), port(12, "y", float, [steps, 1, batch, 1]));
  return Uint8Array.from([...number(1, 7), ...graph, ...bytes(8, number(2, 14)),
    ...(quantized ? bytes(8, bytes(1, "com.microsoft"), number(2, 1)) : [])]);
}

// Of each step the values of the sequences, then the sequences' lengths.
const cases = {
  alone: [[[0.3]], [1]],
  "before 0.3": [[[0.3], [0.3]], [2]],
  "before 200": [[[0.3], [200]], [2]],
  "beside 200": [[[0.3, 200]], [1, 1]],
  "beside another sequence's padding of 200": [[[0.3, 0.3], [0.3, 200]], [2, 1]],
};

async function main() {
  const { version } = JSON.parse(readFileSync("node_modules/onnxruntime-node/package.json", "utf8"));
  console.log(`onnxruntime-node ${version}`);
  for (const operator of ["LSTM", "DynamicQuantizeLSTM"]) {
    const shown = [];
    for (const [name, [x, lengths]] of Object.entries(cases)) {
      const session = await InferenceSession.create(model(operator, x.length, lengths.length));
      const { y } = await session.run({
        x: new Tensor("float32", x.flat(), [x.length, lengths.length, 1]),
        lengths: new Tensor("int32", lengths, [lengths.length]),
      });
      shown.push(`${name} ${y.data[0].toFixed(4)}`);
    }
    console.log(`${operator}: ${shown.join(", ")}`);
  }
}
main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
EOF_JS
seen=$(node steps.cjs 2>log) || { cat log >&2; cannot "the program failed."; }
echo "$seen"
expected="onnxruntime-node 1.30.0
LSTM: alone 0.0952, before 0.3 0.0952, before 200 0.0952, beside 200 0.0952, beside another sequence's padding of 200 0.0952
DynamicQuantizeLSTM: alone 0.0952, before 0.3 0.0952, before 200 0.0000, beside 200 0.0000, beside another sequence's padding of 200 0.0000"
if [ "$seen" = "$expected" ]; then exit 0; fi
echo "The behaviour has changed." >&2
exit 1
