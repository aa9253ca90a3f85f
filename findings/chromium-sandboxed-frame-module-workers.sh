#!/bin/sh
# In a frame with sandbox="allow-scripts" Chromium starts a blob's worker where it is a classic script, and none that is a module.
#
# Version: Chromium 143.0.4 (@sparticuz/chromium, headless).
# Guess: what a page makes itself, as a blob, it may start as a worker of either kind; a frame without an origin is no exception, since it
#   may start the classic one.
# Seen: in a page both kinds answer. In the frame, of the same text, the classic worker answers; the module ends with an "error" event
#   that has no message, so nothing says why. A page of a bundler whose workers are modules computes nothing where it is embedded
#   so; a classic worker that calls import() of the module does, if the module's host sends Access-Control-Allow-Origin.
# Output:
#   page: classic answers, module answers
#   frame: classic answers, module error without a message
#
# Needs Linux on x86-64, Node, npm and its registry (200 MB). Nothing is installed, and the temporary folder is removed. Exit 0: as said
# above. 1: the behaviour has changed. 2: it cannot be shown here.
set -eu

cannot() { echo "It cannot be shown here: $1" >&2; exit 2; }
command -v npm >/dev/null || cannot "there is no npm."
[ "$(uname -sm)" = "Linux x86_64" ] || cannot "this is not Linux on x86-64."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 2' INT TERM
cd "$folder"
echo '{ "private": true }' >package.json
npm install --ignore-scripts --no-audit --no-fund playwright-core@1.65.1 @sparticuz/chromium@143.0.4 >log 2>&1 ||
  { cat log >&2; cannot "npm install failed."; }

cat >show.mjs <<'END'
import { createServer } from "node:http";
import chromium from "@sparticuz/chromium";
import { chromium as playwright } from "playwright-core";

const script = `<!doctype html><title>.</title><script>
  const start = (type) => new Promise((resolve) => {
    const address = URL.createObjectURL(new Blob(["postMessage(1)"], { type: "text/javascript" }));
    const worker = new Worker(address, { type });
    worker.onmessage = () => resolve(type + " answers");
    worker.onerror = ({ message }) => resolve(type + (message ? " error: " + message : " error without a message"));
    setTimeout(() => resolve(type + " is silent"), 10000);
  });
  Promise.all(["classic", "module"].map(start)).then((all) => parent.postMessage(all.join(", "), "*"));
</script>`;
const pages = {
  "/": `<!doctype html><title>.</title><script>
    const heard = {};
    addEventListener("message", ({ source, data }) => { heard[source === frames[0] ? "page" : "frame"] = data; });
  </script><iframe src="/inner"></iframe><iframe src="/inner" sandbox="allow-scripts"></iframe>`,
  "/inner": script,
};
const server = createServer(({ url }, response) => {
  if (pages[url] === undefined) response.writeHead(404).end();
  else response.setHeader("content-type", "text/html").end(pages[url]);
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const browser = await playwright.launch({
  executablePath: await chromium.executablePath(),
  args: ["--no-sandbox"],
});
const page = await browser.newPage();
await page.goto(`http://127.0.0.1:${server.address().port}/`);
await page.waitForFunction("heard.page !== undefined && heard.frame !== undefined");
const heard = await page.evaluate("heard");
console.log(`page: ${heard.page}\nframe: ${heard.frame}`);
await browser.close();
server.close();
const isSame =
  heard.page === "classic answers, module answers" &&
  heard.frame === "classic answers, module error without a message";
process.exit(isSame ? 0 : 1);
END
node show.mjs
