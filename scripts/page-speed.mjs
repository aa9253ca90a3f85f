/**
 * Training in a page against training in Node, tokens a second: the built studio's engine in a real Chromium, and the built
 * package here, in turn. After `npm run build`: `node scripts/page-speed.mjs [SECONDS] [ROUNDS] [SHAPE]`, seconds of each
 * training, and a part of a shape's name.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { runnerImport } from "vite";

const root = fileURLToPath(new URL("..", import.meta.url));
const [seconds = 6, rounds = 3] = process.argv.slice(2, 4).map(Number);
const wanted = process.argv[4] ?? "";
const standard = { cell: "lstm", layers: 1, tokens: "char", dropout: 0, learningRate: 0.008, seed: 0, sample: 0 };
const until = { minutes: seconds / 60 };
const shapes = [
  { name: "lstm 128, batch 16 x 32 (the default)", settings: { ...standard, until, units: 128, batch: 16, steps: 32 } },
  { name: "lstm 512, batch 32 x 64", settings: { ...standard, until, units: 512, batch: 32, steps: 64 } },
];

const { languageModel, trainLanguageModel, adam } = await import(join(root, "dist/index.js"));
const book = readFileSync(join(root, "dist/studio/data/moby-dick.txt"), "utf8");
async function inNode({ until: { minutes }, learningRate, ...settings }) {
  const lm = languageModel(book, settings);
  const result = await trainLanguageModel(lm, book, { ...settings, minutes, optimizer: adam({ learningRate }) });
  return result.tokensPerSecond;
}

/** In the page: one job of the engine to its end, by the protocol of src/studio/engine/remote.ts. */
async function inPage({ url, settings }) {
  const text = await (await fetch("./data/moby-dick.txt")).text();
  const worker = new Worker(url, { type: "module", name: `page-speed-${performance.now()}` });
  worker.postMessage({ id: 0, kind: "start", name: "train", args: [text, settings] });
  for (;;) {
    const answer = new Promise((resolve) => {
      worker.onmessage = ({ data }) => resolve(data);
    });
    worker.postMessage({ id: 0, kind: "next" });
    const { kind, done, value, message } = await answer;
    if (kind === "error") throw new Error(message);
    if (!done) continue;
    worker.terminate();
    return value.tokensPerSecond;
  }
}

const server = spawn(process.execPath, [join(root, "dist/cli/main.js"), "studio", "--port", "0", "--json"]);
try {
  const { value: line } = await createInterface(server.stdout)[Symbol.asyncIterator]().next();
  const { address } = JSON.parse(line);
  const { module } = await runnerImport(join(root, "test/browser/harness.ts"));
  await module.withBrowser(async (browser) => {
    const page = await browser.newPage();
    const started = page.waitForEvent("worker");
    await page.goto(`${address}#/lab`);
    const url = (await started).url();
    const version = `Chromium ${browser.version()}, Node ${process.versions.node}`;
    console.log(`${version}; tokens a second, medians of ${rounds} trainings of ${seconds} s in turn (from, to)`);
    const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
    const text = (list) =>
      [median(list), Math.min(...list), Math.max(...list)].map((n) => Math.round(n).toLocaleString("en-US"));
    const written = (list) => `${text(list)[0]} (${text(list)[1]}, ${text(list)[2]})`;
    for (const { name, settings } of shapes.filter((shape) => shape.name.includes(wanted))) {
      const [node, chromium] = [[], []];
      for (let k = 0; k < rounds; k++) {
        node.push(await inNode(settings));
        chromium.push(await page.evaluate(inPage, { url, settings }));
      }
      const share = (median(chromium) / median(node)).toFixed(2);
      console.log(`${name}: page ${written(chromium)}, Node ${written(node)}, page / Node ${share}`);
    }
  });
} finally {
  server.kill();
}
