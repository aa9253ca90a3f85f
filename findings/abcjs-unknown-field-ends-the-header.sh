#!/bin/sh
# abcjs takes a field that it does not know for the end of a tune's header, and then reads the fields behind it as notes.
#
# Version: abcjs 6.7.2.
# Guess: the standard 2.1 lets programs ignore fields that they do not support; tunes of the Nottingham Music Database have such a
#   line, Y:, in front of meter and key.
# Seen: M:, L: and K: behind it are read as music: the tune has notes that nobody wrote ("L:1/8" has none, "D" of "K:D" is one), no key, and
#   the default meter. There are warnings, but of single characters. Leave out fields besides those of the standard before it reads a tune.
#   Besides: in "C8:|D8|[1 E8:|[2 F8|]" the second part begins behind the first ":|", so C C D E D F is to be played; abcjs plays
#   C E C F. With "|:" in front of the second part it is right. Many tunes leave it out: do not take abcjs's order of bars for the tune's.
# Output:
#   without Y: 1 whole notes, 0 warnings, key D
#   with Y: 1.25 whole notes, 3 warnings, key none
#   C8:|D8|[1 E8:|[2 F8|] 60 64 60 65
#
# Needs Node, npm and its registry (14 MB). Nothing is installed, and the temporary folder is removed. Exit 0: as said
# above. 1: the behaviour has changed. 2: it cannot be shown here.
set -eu

cannot() { echo "It cannot be shown here: $1" >&2; exit 2; }
command -v npm >/dev/null || cannot "there is no npm."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 2' INT TERM
cd "$folder"
echo '{ "private": true }' >package.json
npm install --silent --no-audit --no-fund abcjs@6.7.2 >npm.log 2>&1 || cannot "npm cannot install abcjs 6.7.2."

cat >show.mjs <<'END'
import abcjs from "abcjs";
const header = "M:4/4\nL:1/8\nK:";
function read(text) {
  const [tune] = abcjs.parseOnly(text);
  const notes = tune.lines.flatMap(({ staff = [] }) => staff.flatMap(({ voices }) => voices[0]));
  const length = notes.reduce((sum, one) => sum + (one.el_type === "note" ? one.duration : 0), 0);
  return `${length} whole notes, ${(tune.warnings ?? []).length} warnings, key ${tune.getKeySignature().root}`;
}
console.log(`without Y: ${read(`X:1\nT:A\n${header}D\nA8|\n`)}`);
console.log(`with Y: ${read(`X:1\nT:A\nY:AB\n${header}D\nA8|\n`)}`);
const music = "C8:|D8|[1 E8:|[2 F8|]";
const [tune] = abcjs.parseOnly(`X:1\nT:A\n${header}C\n${music}\n`);
const events = tune.setUpAudio({}).tracks.flat().filter(({ cmd }) => cmd === "note");
console.log(`${music} ${events.map(({ pitch }) => pitch).join(" ")}`);
END
node show.mjs >seen.txt
cat seen.txt
grep -q "^with Y: 1.25 whole notes" seen.txt && grep -q "60 64 60 65$" seen.txt
