#!/bin/sh
# A worker whose stalledInterval is not a whole number never looks for jobs of workers that have died.
#
# Versions: BullMQ 6.7.0 with ioredis 6.0.0, Node 20.20.2; Redis 7.0.15.
# Guess: an option in milliseconds may be any number above 0, as in a timer, or is refused when the worker is made: a third of the
#   lock's duration, say, 1000 / 3. The worker refuses 0 and less.
# Seen: each search for such jobs ends with "ERR value is not an integer or out of range", an event "error" of the worker, while it goes on
#   taking jobs; the job of a worker that was killed stays active for ever. Who listens for errors of the connection and lets it
#   reconnect takes them for such. With the number rounded up the job is taken again. lockDuration that is not whole is told otherwise: no
#   job is ever taken.
# Output:
#   stalledInterval 334: the job was begun 2 times, errors: none
#   stalledInterval 333.3333333333333: the job was begun 1 times, errors: ERR value is not an integer or out of range
#   lockDuration 1000.5: the job was begun 0 times, errors: ERR value is not an integer or out of range
#
# Needs redis-server (Debian: apt-get install redis-server), Node, npm and its registry (9 MB). Nothing is installed, the server has a socket in
# the temporary folder, which is removed. Exit 0: as said above. 1: the behaviour has changed. 2: it cannot be shown here.
set -eu

cannot() { echo "It cannot be shown here: $1" >&2; exit 2; }
command -v npm >/dev/null || cannot "there is no npm."
command -v redis-server >/dev/null || cannot "there is no redis-server."

folder=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
trap 'exit 2' INT TERM
server=
cd "$folder"
echo '{ "private": true }' >package.json
npm install --ignore-scripts --no-audit --no-fund bullmq@6.7.0 ioredis@6.0.0 >log 2>&1 || { cat log >&2; cannot "npm install failed."; }
redis-server --port 0 --unixsocket "$folder/redis.sock" --save "" --dir "$folder" >redis.log &
server=$!

cat >worker.mjs <<'EOF_JS'
import { Worker } from "bullmq";
import { Redis } from "ioredis";

const [queue, lockDuration, stalledInterval] = process.argv.slice(2);
const connection = new Redis(`${process.cwd()}/redis.sock`, { maxRetriesPerRequest: null });
const times = { lockDuration: Number(lockDuration), stalledInterval: Number(stalledInterval) };
const work = async () => {
  process.send("begun");
  await new Promise((resolve) => setTimeout(resolve, 60_000));
};
new Worker(queue, work, { connection, ...times }).on("error", ({ message }) => process.send(message));
EOF_JS
cat >main.mjs <<'EOF_JS'
import { fork } from "node:child_process";
import { setTimeout as wait } from "node:timers/promises";
import { Queue } from "bullmq";
import { Redis } from "ioredis";

async function measured(name, lockDuration, stalledInterval) {
  const queue = new Queue(name.replace(/\W/g, "-"), { connection: new Redis(`${process.cwd()}/redis.sock`, { maxRetriesPerRequest: null }) });
  await queue.add("job", {});
  const [errors, workers] = [new Set(), []];
  let begun = 0;
  const start = () => {
    const worker = fork("worker.mjs", [queue.name, lockDuration, stalledInterval]);
    worker.on("message", (message) => (message === "begun" ? begun++ : errors.add(message.replace(/ script:.*/s, ""))));
    workers.push(worker);
  };
  start();
  for (let k = 0; k < 80 && begun + errors.size === 0; k++) await wait(100);
  workers[0].kill("SIGKILL");
  start();
  // Ten times the lock and the interval.
  await wait(14_000);
  for (const worker of workers) worker.kill("SIGKILL");
  console.log(`${name}: the job was begun ${begun} times, errors: ${[...errors].join("; ") || "none"}`);
}

await Promise.all([
  measured("stalledInterval 334", 1000, 334),
  measured(`stalledInterval ${1000 / 3}`, 1000, 1000 / 3),
  measured("lockDuration 1000.5", 1000.5, 334),
]);
process.exit(0);
EOF_JS

cat >expected <<'EOF_TEXT'
lockDuration 1000.5: the job was begun 0 times, errors: ERR value is not an integer or out of range
stalledInterval 333.3333333333333: the job was begun 1 times, errors: ERR value is not an integer or out of range
stalledInterval 334: the job was begun 2 times, errors: none
EOF_TEXT
node --no-warnings main.mjs >seen || cannot "Node failed."
sort -o seen seen
cat seen
if ! diff expected seen >/dev/null; then
  echo "The behaviour has changed; it was:" >&2
  cat expected >&2
  exit 1
fi
