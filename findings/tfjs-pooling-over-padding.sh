#!/bin/sh
# Where the documentation of TensorFlow.js promises an exception, a mask is not heeded, and padding counts.
#
# Versions: @tensorflow/tfjs-layers, -core and -backend-cpu 4.22.0 (all of them are in @tensorflow/tfjs 4.22.0).
# Guess: of maskZero the documentation of tf.layers.embedding says that "all subsequent layers in the model need to support
#   masking or an exception will be raised". So a model that is built and predicts without one heeds the mask; and the mean over
#   time leaves padding out, as Keras's GlobalAveragePooling1D does.
# Seen: no exception, not when the model is built, not when it runs. globalAveragePooling1d, globalMaxPooling1d, flatten and
#   conv1d, which know no masks, take the steps of padding as steps like others. So the mean of a sequence depends on how far
#   its batch was padded, and on the vector of the padding. The exception is in Layer.computeMask, which the executor calls for
#   those layers alone that say that they support masks.
# Output: tokens 1 and 2 have the vectors 2 and 4, token 0 is padding and has 9 or 0; the mean of what is no padding is 3.
#   @tensorflow/tfjs-layers 4.22.0, documented: an exception will be raised
#   [1, 2], vector of padding 9: mean 3
#   [1, 2, 0], vector of padding 9: mean 5
#   [1, 2, 0], vector of padding 0: mean 2
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

cat >pooling.cjs <<'EOF_JS'
const { readFileSync } = require("node:fs");
const tf = require("@tensorflow/tfjs-core");
require("@tensorflow/tfjs-backend-cpu");
const { layers, sequential, version_layers } = require("@tensorflow/tfjs-layers");

function mean(tokens, padding) {
  const model = sequential();
  const weights = [tf.tensor2d([[padding], [2], [4]])];
  try {
    model.add(layers.embedding({ inputDim: 3, outputDim: 1, inputLength: tokens.length, maskZero: true, weights }));
    model.add(layers.globalAveragePooling1d({}));
    return model.predict(tf.tensor2d([tokens])).dataSync()[0];
  } catch (error) {
    return error.message;
  }
}

const documentation = readFileSync("node_modules/@tensorflow/tfjs-layers/dist/layers/embeddings.d.ts", "utf8");
const [promise = "nothing of it"] = /an exception will be raised/.exec(documentation.replace(/[\s*]+/g, " ")) ?? [];
console.log(`@tensorflow/tfjs-layers ${version_layers}, documented: ${promise}`);
for (const [tokens, padding] of [[[1, 2], 9], [[1, 2, 0], 9], [[1, 2, 0], 0]])
  console.log(`[${tokens.join(", ")}], vector of padding ${padding}: mean ${mean(tokens, padding)}`);
EOF_JS
seen=$(node pooling.cjs 2>log) || { cat log >&2; cannot "the program failed."; }
echo "$seen"
expected="@tensorflow/tfjs-layers 4.22.0, documented: an exception will be raised
[1, 2], vector of padding 9: mean 3
[1, 2, 0], vector of padding 9: mean 5
[1, 2, 0], vector of padding 0: mean 2"
if [ "$seen" = "$expected" ]; then exit 0; fi
echo "The behaviour has changed." >&2
exit 1
