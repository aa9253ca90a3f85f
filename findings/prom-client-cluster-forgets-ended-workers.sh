#!/bin/sh
# prom-client's clusterMetrics() forgets what a worker has counted once the worker has ended, and waits five seconds for one that ends
# while it is asked.
#
# Version: prom-client 15.1.3, Node 20 and later.
# Guess: a counter of a cluster is a counter: it only grows, as Prometheus takes it to. A worker that crashes and is started again, which
#   clusters are there for, changes nothing about what was counted.
# Seen: the sum falls by what the ended worker had counted. Prometheus takes a counter that falls for a restart and adds all that is left
#   as new: of 30 events, 20 of them in a worker that ended, rate() and increase() make 30 + 10. And a worker that is killed after it was
#   asked, and before it has answered, lets the whole scrape fail after 5 s ("Operation timed out."), longer than many time limits. Keep the
#   last values of each worker, add those of ended ones (AggregatorRegistry.aggregate takes them), and ask by messages of your own.
# Output:
#   two workers: 30
#   one has ended: 10
#   killed while it is asked: Operation timed out. after 5 s
#
# Needs Node, npm and its registry (1 MB). Nothing is installed, and the temporary folder is removed. Exit 0: as said
# above. 1: the behaviour has changed. 2: it cannot be shown here.
set -eu

cannot() { echo "It cannot be shown here: $1" >&2; exit 2; }
command -v npm >/dev/null || cannot "there is no npm."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 2' INT TERM
cd "$folder"
echo '{ "private": true }' >package.json
npm install --silent --no-audit --no-fund prom-client@15.1.3 >npm.log 2>&1 || cannot "npm cannot install prom-client 15.1.3."

cat >show.cjs <<'END'
const cluster = require("node:cluster");
const { AggregatorRegistry, Counter } = require("prom-client");
const registry = new AggregatorRegistry();
if (cluster.isWorker) {
  new Counter({ name: "events_total", help: "Events." }).inc(Number(process.env.EVENTS));
  process.send("ready");
} else main();

async function main() {
  const start = async (EVENTS) => {
    const worker = cluster.fork({ EVENTS });
    await new Promise((resolve) => worker.once("message", resolve));
    return worker;
  };
  const sum = async () => /^events_total (\d+)/m.exec(await registry.clusterMetrics())[1];
  const [first] = [await start(20), await start(10)];
  console.log(`two workers: ${await sum()}`);
  first.process.kill("SIGKILL");
  await new Promise((resolve) => first.once("exit", resolve));
  console.log(`one has ended: ${await sum()}`);
  const another = await start(5);
  // Stopped, it has been asked and does not answer.
  another.process.kill("SIGSTOP");
  const beginMs = Date.now();
  const asked = registry.clusterMetrics().catch((error) => error.message);
  another.process.kill("SIGKILL");
  console.log(`killed while it is asked: ${await asked} after ${Math.floor((Date.now() - beginMs) / 1000)} s`);
  process.exit(0);
}
END
node show.cjs >seen.txt
cat seen.txt
grep -q "^two workers: 30$" seen.txt && grep -q "^one has ended: 10$" seen.txt && grep -q "timed out. after 5 s$" seen.txt
