#!/bin/sh
# Where wavefile takes the padding of a WAV file for a sample, writes odd data without padding, and finds nothing in a streamed file.
#
# Version: wavefile 11.0.0.
# Guess: the size in the header of the data chunk says how many bytes are samples. A byte that pads a chunk of odd length is none
#   (Multimedia Programming Interface and Data Specifications 1.0, "RIFF": chunks are padded to an even length, and the size does not
#   count the padding); a writer adds it. A program that streams, such as ffmpeg to a pipe, cannot know the size and leaves 0 or the
#   largest number; readers take all that follows.
# Seen: of 3 samples of 8 bits that are padded to 4 bytes, 4 samples are read, and of mu-law 4 too. 3 samples of 8 bits are written as 47
#   bytes, without padding. A file whose size of the data is 0, with 4 samples behind it, has no samples, and no error is thrown.
# Output:
#   8 bits, 3 samples and a byte of padding: 4 samples
#   mu-law, 3 samples and a byte of padding: 4 samples
#   8 bits, 3 samples written: 47 bytes
#   16 bits, size 0, 4 samples: 0 samples
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
npm install --ignore-scripts --no-audit --no-fund wavefile@11.0.0 >npm.log 2>&1 || cannot "npm: $(tail -n 1 npm.log)"

cat >show.mjs <<'EOF'
import wavefile from "wavefile";
const { WaveFile } = wavefile;
function file({ tag = 1, bits = 8, size, data }) {
  const bytes = Buffer.alloc(44 + data.length);
  bytes.write("RIFF", 0);
  bytes.writeUInt32LE(36 + data.length, 4);
  bytes.write("WAVEfmt ", 8);
  bytes.writeUInt32LE(16, 16);
  bytes.writeUInt16LE(tag, 20);
  bytes.writeUInt16LE(1, 22);
  bytes.writeUInt32LE(8000, 24);
  bytes.writeUInt32LE((8000 * bits) / 8, 28);
  bytes.writeUInt16LE(bits / 8, 32);
  bytes.writeUInt16LE(bits, 34);
  bytes.write("data", 36);
  bytes.writeUInt32LE(size, 40);
  bytes.set(data, 44);
  return bytes;
}
const read = (given) => {
  const wave = new WaveFile();
  wave.fromBuffer(file(given));
  if (given.tag === 7) wave.fromMuLaw();
  return wave.getSamples().length;
};
console.log(`8 bits, 3 samples and a byte of padding: ${read({ size: 3, data: [1, 2, 3, 0] })} samples`);
console.log(`mu-law, 3 samples and a byte of padding: ${read({ tag: 7, size: 3, data: [1, 2, 3, 0] })} samples`);
const written = new WaveFile();
written.fromScratch(1, 8000, "8", [1, 2, 3]);
console.log(`8 bits, 3 samples written: ${written.toBuffer().length} bytes`);
console.log(`16 bits, size 0, 4 samples: ${read({ bits: 16, size: 0, data: [1, 0, 2, 0, 3, 0, 4, 0] })} samples`);
EOF
node show.mjs | tee seen
cat >wanted <<'EOF'
8 bits, 3 samples and a byte of padding: 4 samples
mu-law, 3 samples and a byte of padding: 4 samples
8 bits, 3 samples written: 47 bytes
16 bits, size 0, 4 samples: 0 samples
EOF
cmp -s seen wanted || { echo "The behaviour has changed." >&2; exit 1; }
