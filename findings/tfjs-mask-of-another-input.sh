#!/bin/sh
# In TensorFlow.js a recurrent layer that has no mask takes that of another input of the model.
#
# Versions: @tensorflow/tfjs-layers, -core and -backend-cpu 4.22.0 (all of them are in @tensorflow/tfjs 4.22.0).
# Guess: a mask goes from a layer to those that read it. Two inputs of a model that meet nowhere, or only behind the recurrent
#   layers, have nothing to do with each other: one is masked, the other is not.
# Seen: the executor keeps the mask of a layer among the arguments that it hands to all layers of a run, and does not take it
#   away again (kwargs.mask, engine/executor.js). Each layer that has no mask of its own and is computed later gets it. So the
#   padding of an encoder's input stops a decoder whose embedding has no maskZero, where both have as many steps, silently; and
#   the outputs of a model depend on the order in which its outputs are named. A mask of ones for the other input
#   (tf.layers.masking with a value that never occurs) keeps it away.
# Output: two recurrent layers of one unit whose weights are 1. a reads [1, masked, masked]; b reads [1, 1, 1], without a mask.
#   @tensorflow/tfjs-layers 4.22.0
#   outputs b: b 0.7616 0.9427 0.9597
#   outputs b, a: b 0.7616 0.9427 0.9597, a 0.7616 0.7616 0.7616
#   outputs a, b: a 0.7616 0.7616 0.7616, b 0.7616 0.7616 0.7616
#   outputs a, b, and b with a mask of ones: a 0.7616 0.7616 0.7616, b 0.7616 0.9427 0.9597
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

cat >inputs.cjs <<'EOF_JS'
const tf = require("@tensorflow/tfjs-core");
require("@tensorflow/tfjs-backend-cpu");
const { input, layers, model, version_layers } = require("@tensorflow/tfjs-layers");

const weights = { kernelInitializer: "ones", recurrentInitializer: "ones", useBias: false };
const recurrent = (x) => layers.simpleRNN({ units: 1, returnSequences: true, ...weights }).apply(x);
const masked = (x, maskValue) => layers.masking({ maskValue }).apply(x);
const data = { a: [1, 0, 0], b: [1, 1, 1] };

/** Outputs of a model with these inputs; b is masked where it is as maskOfB says, if that is given. */
function show(text, names, maskOfB) {
  const inputs = names.map(() => input({ shape: [3, 1] }));
  const outputs = names.map((name, k) => {
    if (name === "a") return recurrent(masked(inputs[k], 0));
    return recurrent(maskOfB === undefined ? inputs[k] : masked(inputs[k], maskOfB));
  });
  const x = names.map((name) => tf.tensor3d([data[name].map((number) => [number])]));
  const results = [model({ inputs, outputs }).predict(x)].flat();
  const rows = results.map((each, k) => [names[k], ...Array.from(each.dataSync(), (n) => n.toFixed(4))].join(" "));
  console.log(`outputs ${text}: ${rows.join(", ")}`);
}

console.log(`@tensorflow/tfjs-layers ${version_layers}`);
show("b", ["b"]);
show("b, a", ["b", "a"]);
show("a, b", ["a", "b"]);
show("a, b, and b with a mask of ones", ["a", "b"], -1);
EOF_JS
seen=$(node inputs.cjs 2>log) || { cat log >&2; cannot "the program failed."; }
echo "$seen"
expected="@tensorflow/tfjs-layers 4.22.0
outputs b: b 0.7616 0.9427 0.9597
outputs b, a: b 0.7616 0.9427 0.9597, a 0.7616 0.7616 0.7616
outputs a, b: a 0.7616 0.7616 0.7616, b 0.7616 0.7616 0.7616
outputs a, b, and b with a mask of ones: a 0.7616 0.7616 0.7616, b 0.7616 0.9427 0.9597"
if [ "$seen" = "$expected" ]; then exit 0; fi
echo "The behaviour has changed." >&2
exit 1
