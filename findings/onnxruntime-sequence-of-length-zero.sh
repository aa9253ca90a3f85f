#!/bin/sh
# A sequence of length 0 loses the state that it started from in ONNX Runtime's LSTM and GRU.
#
# Version: onnxruntime-node 1.30.0, on the processor. Opset 14.
# Guess: sequence_lens may have zeros (its own message says "All values must be >= 0 and <= seq_length"), initial_h and
#   initial_c are what a sequence starts from, and Y_h and Y_c what it ends with. After no step these are the same: a text of
#   which nothing new has come in this batch goes on in the next one where it stood.
# Seen: Y_h and Y_c are zeros for it, whatever it started from, while its neighbours in the batch are right. The text of the
#   operators only has "the last output value of the hidden". So where streams are served in batches and one of them pauses, it
#   begins anew, without a word; an encoder that starts from learned values gives zeros for an empty text. Keep such states
#   yourself, or leave such sequences out of the batch.
# Output: one unit whose weights are 1, input 1; both sequences start from the hidden state 0.5 (cell 0.25).
#   onnxruntime-node 1.30.0
#   LSTM, lengths 1, 1: hidden 0.6028, 0.6028, cell 0.9444, 0.9444
#   LSTM, lengths 1, 0: hidden 0.6028, 0.0000, cell 0.9444, 0.0000
#   GRU, lengths 1, 1: hidden 0.5706, 0.5706
#   GRU, lengths 1, 0: hidden 0.5706, 0.0000
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

cat >lengths.cjs <<'EOF_JS'
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
const int32 = 6;
const ones = (name, rows) =>
  bytes(5, [1, rows, 1].flatMap((size) => number(1, size)), number(2, float), bytes(8, name),
    bytes(9, new Uint8Array(new Float32Array(rows).fill(1).buffer)));
const port = (field, name, type, sizes) =>
  bytes(field, bytes(1, name),
    bytes(2, bytes(1, number(1, type), bytes(2, ...sizes.map((size) => bytes(1, number(1, size)))))));

/** One layer of one unit, one step, two sequences: states come in, states go out. */
function model(operator, gates, states) {
  const node = bytes(1,
    ...["x", "W", "R", "", "lengths", ...states].map((name) => bytes(1, name)),
    ...["", ...states.map((name) => `last_${name}`)].map((name) => bytes(2, name)),
    bytes(4, operator),
    bytes(5, bytes(1, "hidden_size"), number(3, 1), number(20, 2)));
  const graph = bytes(7, node, bytes(2, "layer"), ones("W", gates), ones("R", gates),
    port(11, "x", float, [1, 2, 1]), port(11, "lengths", int32, [2]),
    ...states.map((name) => port(11, name, float, [1, 2, 1])),
    ...states.map((name) => port(12, `last_${name}`, float, [1, 2, 1])));
  return Uint8Array.from([...number(1, 7), ...graph, ...bytes(8, number(2, 14))]);
}

async function main() {
  const { version } = JSON.parse(readFileSync("node_modules/onnxruntime-node/package.json", "utf8"));
  console.log(`onnxruntime-node ${version}`);
  const starts = { hidden: 0.5, cell: 0.25 };
  for (const [operator, gates, states] of [["LSTM", 4, ["hidden", "cell"]], ["GRU", 3, ["hidden"]]]) {
    const session = await InferenceSession.create(model(operator, gates, states));
    for (const lengths of [[1, 1], [1, 0]]) {
      const pair = (value) => new Tensor("float32", [value, value], [1, 2, 1]);
      const feeds = { x: pair(1), lengths: new Tensor("int32", lengths, [2]) };
      for (const name of states) feeds[name] = pair(starts[name]);
      const results = await session.run(feeds);
      const shown = states.map((name) => `${name} ${Array.from(results[`last_${name}`].data, (n) => n.toFixed(4)).join(", ")}`);
      console.log(`${operator}, lengths ${lengths.join(", ")}: ${shown.join(", ")}`);
    }
  }
}
main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
EOF_JS
seen=$(node lengths.cjs 2>log) || { cat log >&2; cannot "the program failed."; }
echo "$seen"
expected="onnxruntime-node 1.30.0
LSTM, lengths 1, 1: hidden 0.6028, 0.6028, cell 0.9444, 0.9444
LSTM, lengths 1, 0: hidden 0.6028, 0.0000, cell 0.9444, 0.0000
GRU, lengths 1, 1: hidden 0.5706, 0.5706
GRU, lengths 1, 0: hidden 0.5706, 0.0000"
if [ "$seen" = "$expected" ]; then exit 0; fi
echo "The behaviour has changed." >&2
exit 1
