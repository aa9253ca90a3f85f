#!/bin/sh
# At masked steps the two halves of a bidirectional layer of TensorFlow.js are of two kinds: one repeats, one is zero.
#
# Versions: @tensorflow/tfjs-layers, -core and -backend-cpu 4.22.0 (all of them are in @tensorflow/tfjs 4.22.0).
# Guess: tf.layers.bidirectional is Keras's, which gives zeros at masked steps in both halves where it returns sequences (it
#   sets zero_output_for_mask of both layers). PyTorch's pad_packed_sequence gives zeros as well.
# Seen: each layer goes on as it does by itself, where a masked step gives the output before it again, and there is none before
#   the first. With padding behind, the half that runs forwards repeats its last output and the half that runs backwards is
#   zero; with padding in front it is the other way round. So a model of Keras with the same weights has other outputs there,
#   and whatever sums, averages or attends over the steps without a mask has other results, which depend on the side and the
#   length of the padding.
# Output: a recurrent layer of one unit whose weights are 1 in each direction, one step that counts; tanh(1) = 0.7616.
#   @tensorflow/tfjs-layers 4.22.0
#   [1, masked, masked]: forwards 0.7616 0.7616 0.7616, backwards 0.7616 0.0000 0.0000
#   [masked, masked, 1]: forwards 0.0000 0.0000 0.7616, backwards 0.7616 0.7616 0.7616
#
# Needs Node, npm and its registry. Nothing is installed, and the temporary folder is removed. Exit 0: as said above. 1: the
# behaviour has changed. 2: it cannot be shown here.
set -eu

cannot() { echo "It cannot be shown here: $1" >&2; exit 2; }
command -v npm >/dev/null || cannot "there is no npm."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 2' INT TERM
cd "$folder"
echo '{ "private": true }' >package.json
npm install --ignore-scripts --no-audit --no-fund @tensorflow/tfjs-core@4.22.0 @tensorflow/tfjs-layers@4.22.0 \
  @tensorflow/tfjs-backend-cpu@4.22.0 >log 2>&1 || { cat log >&2; cannot "npm install failed."; }

cat >halves.cjs <<'EOF_JS'
const tf = require("@tensorflow/tfjs-core");
require("@tensorflow/tfjs-backend-cpu");
const { layers, sequential, version_layers } = require("@tensorflow/tfjs-layers");

const model = sequential();
model.add(layers.masking({ maskValue: 0, inputShape: [3, 1] }));
const weights = { kernelInitializer: "ones", recurrentInitializer: "ones", useBias: false };
const layer = layers.simpleRNN({ units: 1, returnSequences: true, ...weights });
model.add(layers.bidirectional({ layer, mergeMode: "concat" }));

console.log(`@tensorflow/tfjs-layers ${version_layers}`);
for (const x of [[1, 0, 0], [0, 0, 1]]) {
  const [steps] = model.predict(tf.tensor3d([x.map((number) => [number])])).arraySync();
  const half = (k) => steps.map((step) => step[k].toFixed(4)).join(" ");
  console.log(`[${x.map((number) => number || "masked").join(", ")}]: forwards ${half(0)}, backwards ${half(1)}`);
}
EOF_JS
seen=$(node halves.cjs 2>log) || { cat log >&2; cannot "the program failed."; }
echo "$seen"
expected="@tensorflow/tfjs-layers 4.22.0
[1, masked, masked]: forwards 0.7616 0.7616 0.7616, backwards 0.7616 0.0000 0.0000
[masked, masked, 1]: forwards 0.0000 0.0000 0.7616, backwards 0.7616 0.7616 0.7616"
if [ "$seen" = "$expected" ]; then exit 0; fi
echo "The behaviour has changed." >&2
exit 1
