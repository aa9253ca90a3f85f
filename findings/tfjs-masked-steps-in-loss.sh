#!/bin/sh
# Masked steps count in the loss and the metrics of TensorFlow.js.
#
# Versions: @tensorflow/tfjs-layers, -core and -backend-cpu 4.22.0 (all of them are in @tensorflow/tfjs 4.22.0).
# Guess: tf.layers.masking and maskZero of tf.layers.embedding are Keras's, and Keras leaves masked steps out of the loss (up
#   to 3.15 behind recurrent layers, too). So what stands in the targets behind the end of a sequence does not matter.
# Seen: a mask ends at the last layer. compile, fit and evaluate never see it: the loss is the mean over all steps, and so are
#   the metrics. The same sequence with another target at its masked step has another loss, and training goes after it. Of
#   sequences of unequal length the padding is learned as well, and nothing says so. The source has it as something to be
#   done ("Add logic for output masks", engine/training.ts); the documentation of the layers does not say it. To train with
#   masks there, write a loss that knows from the targets which steps count.
# Output: one sequence [1, masked] through a recurrent layer of one unit whose weights are 1; the mean squared error over the
#   step that counts is tanh(1)^2 = 0.5800.
#   @tensorflow/tfjs-layers 4.22.0
#   outputs 0.7616, 0.7616
#   targets 0, 0: loss 0.5800, metric 0.5800
#   targets 0, 5: loss 9.2721, metric 9.2721
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

cat >masked.cjs <<'EOF_JS'
const tf = require("@tensorflow/tfjs-core");
require("@tensorflow/tfjs-backend-cpu");
const { layers, sequential, version_layers } = require("@tensorflow/tfjs-layers");

const model = sequential();
model.add(layers.masking({ maskValue: 0, inputShape: [2, 1] }));
const weights = { kernelInitializer: "ones", recurrentInitializer: "ones", useBias: false };
model.add(layers.simpleRNN({ units: 1, returnSequences: true, ...weights }));
model.compile({ optimizer: "sgd", loss: "meanSquaredError", metrics: ["mse"] });
const x = tf.tensor3d([[[1], [0]]]);
const text = (tensor) => Array.from(tensor.dataSync(), (number) => number.toFixed(4));

console.log(`@tensorflow/tfjs-layers ${version_layers}`);
console.log(`outputs ${text(model.predict(x)).join(", ")}`);
for (const last of [0, 5]) {
  const [loss, metric] = model.evaluate(x, tf.tensor3d([[[0], [last]]]));
  console.log(`targets 0, ${last}: loss ${text(loss)}, metric ${text(metric)}`);
}
EOF_JS
seen=$(node masked.cjs 2>log) || { cat log >&2; cannot "the program failed."; }
echo "$seen"
expected="@tensorflow/tfjs-layers 4.22.0
outputs 0.7616, 0.7616
targets 0, 0: loss 0.5800, metric 0.5800
targets 0, 5: loss 9.2721, metric 9.2721"
if [ "$seen" = "$expected" ]; then exit 0; fi
echo "The behaviour has changed." >&2
exit 1
