#!/bin/sh
# An HTTP server of Node that is given its connections by emit("connection") ends none whose headers never come, and
# closeAllConnections() closes none, unless it listens as well.
#
# Version: Node 20.20 (18 and later have this code).
# Guess: http.Server emits "connection" so that "a connection can be injected", as its documentation says: processes that share a port are
#   handed sockets in this way. Such a connection is one like any other, with headersTimeout and requestTimeout.
# Seen: the list of connections and the timer that looks through it are made by a listener of "listening". A server that never listens has
#   neither: a client that sends half a header keeps its connection for good, and closeAllConnections() and closeIdleConnections() return without doing
#   anything. server.emit("listening") makes both.
# Output:
#   does not listen: open after 3 s with a limit of 1 s, open after closeAllConnections()
#   emits "listening": closed after 3 s with a limit of 1 s
#
# Needs Node. Nothing is installed, and the temporary folder is removed. Exit 0: as said above. 1: the behaviour has
# changed. 2: it cannot be shown here.
set -eu

cannot() { echo "It cannot be shown here: $1" >&2; exit 2; }
command -v node >/dev/null || cannot "there is no node."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 2' INT TERM
cd "$folder"

cat >show.mjs <<'END'
import { createServer } from "node:http";
import { connect, createServer as createPort } from "node:net";
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
async function show(emits) {
  const http = createServer({ headersTimeout: 1000, requestTimeout: 1000, connectionsCheckingInterval: 100 });
  if (emits) http.emit("listening");
  const port = createPort((socket) => http.emit("connection", socket));
  await new Promise((resolve) => port.listen(0, "127.0.0.1", resolve));
  const socket = connect(port.address().port, "127.0.0.1", () => socket.write("GET / HTTP/1.1\r\nHo"));
  let state = "open";
  socket.on("error", () => {}).resume().on("close", () => (state = "closed"));
  await sleep(3000);
  const first = state;
  http.closeAllConnections();
  await sleep(200);
  const end = emits ? "" : `, ${state} after closeAllConnections()`;
  console.log(`${emits ? 'emits "listening"' : "does not listen"}: ${first} after 3 s with a limit of 1 s${end}`);
}
await show(false);
await show(true);
process.exit(0);
END
node show.mjs >seen.txt
cat seen.txt
grep -q "^does not listen: open after 3 s with a limit of 1 s, open after" seen.txt
grep -q '^emits "listening": closed after 3 s' seen.txt
