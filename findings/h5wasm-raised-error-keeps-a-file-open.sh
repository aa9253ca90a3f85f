#!/bin/sh
# Each error that h5wasm raises, where it is asked to raise errors, leaves a file descriptor of the process open.
#
# Version: h5wasm 0.10.3 (HDF5 2.0.0), its build for Node.
# Guess: `activate_throwing_error_handler()` turns an error of the HDF5 library, which is otherwise printed, into an exception with the
#   library's own words: to ask for what is not in a file costs a caught exception, and nothing else.
# Seen: the handler writes those words to a temporary file, and throws before it closes it. So each error that is caught keeps one more
#   descriptor open, of a file that has no name any more, until the process ends: a server that looks for paths that some files have
#   and others have not runs out of descriptors. Without that handler the same calls return -1 or nothing, and open none.
# Output:
#   h5wasm 0.10.3
#   with the handler: 100 errors caught, 100 more descriptors
#   without: 0 more descriptors
#
# Needs Linux, Node, npm and its registry. Nothing is installed, and the temporary folder is removed. Exit 0: as said above. 1: the
# behaviour has changed. 2: it cannot be shown here.
set -eu

cannot() { echo "It cannot be shown here: $1" >&2; exit 2; }
command -v npm >/dev/null || cannot "there is no npm."
[ -d /proc/self/fd ] || cannot "there is no /proc/self/fd."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 2' INT TERM
cd "$folder"
echo '{ "private": true }' >package.json
npm install --ignore-scripts --no-audit --no-fund h5wasm@0.10.3 >npm.log 2>&1 || cannot "npm: $(tail -n 1 npm.log)"

cat >show.mjs <<'EOF'
import { readdirSync } from "node:fs";
import h5wasm from "h5wasm/node";
await h5wasm.ready;
const { Module } = await import("h5wasm/node");
const made = new h5wasm.File("made.h5", "w");
made.create_dataset({ name: "x", data: [1, 2, 3] });
made.close();
const file = new h5wasm.File("made.h5", "r");
const open = () => readdirSync("/proc/self/fd").length;
/** Ask a hundred times for what is not there. */
function ask() {
  const before = open();
  let caught = 0;
  for (let k = 0; k < 100; k++) {
    try {
      Module.get_dataset_metadata(file.file_id, "/none");
    } catch {
      caught++;
    }
  }
  return { caught, more: open() - before };
}
Module.deactivate_throwing_error_handler();
const silent = ask();
Module.activate_throwing_error_handler();
const raised = ask();
console.log(`with the handler: ${raised.caught} errors caught, ${raised.more} more descriptors`);
console.log(`without: ${silent.more} more descriptors`);
process.exitCode = raised.caught === 100 && raised.more === 100 && silent.more === 0 ? 0 : 1;
EOF
echo "h5wasm $(node -p 'require("./node_modules/h5wasm/package.json").version')"
node show.mjs 2>errors.log || { tail -n 3 errors.log >&2; exit 1; }
