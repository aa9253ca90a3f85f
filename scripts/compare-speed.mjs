/**
 * What the studio's Inspect view does in a frame and in a second: scrolling the linked maps of two models of 512 units over 10,000
 * characters, the text beside them, and the principal components of 10,000 states of 512. After `npm run build`:
 * `node scripts/compare-speed.mjs [ROUNDS] [PART]`, a part of a line's beginning.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { runnerImport } from "vite";

const root = fileURLToPath(new URL("..", import.meta.url));
const rounds = Number(process.argv[2] ?? 3);
const wanted = process.argv[3] ?? "";
const [count, size, frames] = [10_000, 512, 300];
const { languageModel, writeLanguageModel, inspectModel } = await import(join(root, "dist/index.js"));
const { encode } = await import(join(root, "dist/text/tokenizer.js"));
const { principalComponents } = (await runnerImport(join(root, "src/tasks/principal-components.ts"))).module;
const { withBrowser } = (await runnerImport(join(root, "test/browser/harness.ts"))).module;
const book = readFileSync(join(root, "dist/studio/data/moby-dick.txt"), "utf8");

const sorted = (list) => [...list].sort((a, b) => a - b);
const at = (list, share) => sorted(list)[Math.min(list.length - 1, Math.floor(share * list.length))];
const ms = (x) => x.toFixed(1);

/** States that vary along ever more directions, as those of a trained model; the same in a page. */
function madeStates([count, size]) {
  let seed = 1;
  const uniform = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32 - 0.5;
  };
  const directions = Array.from({ length: 64 }, (_, k) =>
    Float32Array.from({ length: size }, () => uniform() / (1 + k) ** 0.5),
  );
  const along = new Float32Array(64);
  const data = new Float32Array(count * size);
  for (let t = 0; t < count; t++) {
    for (let k = 0; k < 64; k++) along[k] = 0.9 * along[k] + uniform();
    for (let j = 0; j < size; j++) {
      let sum = 0.1 * uniform();
      for (let k = 0; k < 64; k++) sum += along[k] * directions[k][j];
      data[t * size + j] = Math.tanh(sum);
    }
  }
  return data;
}

function timedHere(data) {
  const startMs = performance.now();
  const before = process.cpuUsage();
  const work = principalComponents(data, size, 4);
  while (!work.next().done);
  const { user, system } = process.cpuUsage(before);
  return { ms: performance.now() - startMs, processorMs: (user + system) / 1000 };
}

/** In the page's worker: one job of the engine to its end, by the protocol of src/studio/engine/remote.ts. */
async function timedInPage({ url, states, shape, rounds }) {
  const data = new Function(`return (${states})`)()(shape);
  const shared = new Float32Array(new SharedArrayBuffer(4 * data.length));
  shared.set(data);
  const worker = new Worker(url, { type: "module", name: "compare-speed" });
  const times = [];
  for (let id = 0; id < rounds; id++) {
    const startMs = performance.now();
    worker.postMessage({ id, kind: "start", name: "principalComponents", args: [shared, shape[1], 4] });
    for (let done = false; !done; ) {
      const answer = new Promise((resolve) => {
        worker.onmessage = ({ data }) => resolve(data);
      });
      worker.postMessage({ id, kind: "next" });
      const told = await answer;
      if (told.kind === "error") throw new Error(told.message);
      done = told.done;
    }
    times.push(performance.now() - startMs);
  }
  worker.terminate();
  return times;
}

/** The times between frames while something scrolls a little in each. */
async function scrolled({ selector, left, frames }) {
  const [one, other] = document.querySelectorAll(selector);
  one.scrollIntoView({ block: "center" });
  one.scrollLeft = 0;
  one.scrollTop = 0;
  const frame = () => new Promise(requestAnimationFrame);
  for (let k = 0; k < 5; k++) await frame();
  const deltas = [];
  let before = await frame();
  let apart = 0;
  for (let k = 0; k < frames; k++) {
    if (left) one.scrollLeft = ((k + 1) / frames) * (one.scrollWidth - one.clientWidth);
    else one.scrollTop = ((k + 1) / frames) * (one.scrollHeight - one.clientHeight);
    const now = await frame();
    deltas.push(now - before);
    before = now;
    if (left && other !== undefined && k > 0) apart = Math.max(apart, Math.abs(one.scrollLeft - other.scrollLeft));
  }
  await frame();
  const ended = other === undefined ? 0 : Math.abs(one.scrollLeft - other.scrollLeft);
  return { deltas, apart, ended };
}

const folder = mkdtempSync(join(tmpdir(), "compare-speed-"));
for (const [name, cell] of [
  ["a", "lstm"],
  ["b", "gru"],
]) {
  writeFileSync(join(folder, `${name}.safetensors`), writeLanguageModel(languageModel(book, { cell, units: size })));
}
const server = spawn(process.execPath, [
  ...[join(root, "dist/cli/main.js"), "studio", join(folder, "a.safetensors"), join(folder, "b.safetensors")],
  ...["--port", "0", "--json"],
]);
try {
  const { value: line } = await createInterface(server.stdout)[Symbol.asyncIterator]().next();
  const { address } = JSON.parse(line);
  await withBrowser(async (browser) => {
    console.log(`Chromium ${browser.version()}, Node ${process.versions.node}; ${rounds} rounds`);
    const page = await browser.newPage({ viewport: { width: 1280, height: 844 } });
    page.setDefaultTimeout(300_000);
    const started = page.waitForEvent("worker");
    await page.goto(`${address}#/inspect/a?book=0-${count}&show=compare&with=b`);
    const url = (await started).url();
    await page.waitForSelector(".heat-map >> nth=1");
    const session = await page.context().newCDPSession(page);
    await session.send("Performance.enable", { timeDomain: "threadTicks" });
    /** The time of the processor that the page's own thread has had, in ms. */
    const pageMs = async () => {
      const { metrics } = await session.send("Performance.getMetrics");
      return 1000 * metrics.find(({ name }) => name === "TaskDuration").value;
    };
    for (const [what, selector, left] of [
      ["both maps, sideways", ".heat-map", true],
      ["a map, down", ".heat-map", false],
      ["the text", ".coloured-text", false],
    ].filter(([what]) => what.includes(wanted))) {
      const all = [];
      const medians = [];
      let [apart, ended] = [0, 0];
      const beforeMs = await pageMs();
      for (let k = 0; k < rounds; k++) {
        const one = await page.evaluate(scrolled, { selector, left, frames });
        all.push(...one.deltas);
        medians.push(at(one.deltas, 0.5));
        apart = Math.max(apart, one.apart);
        ended = Math.max(ended, one.ended);
      }
      const workMs = ((await pageMs()) - beforeMs) / all.length;
      const mean = all.reduce((a, b) => a + b, 0) / all.length;
      const late = all.filter((delta) => delta > 20.5).length / all.length;
      console.log(
        `${what}: ${(1000 / mean).toFixed(1)} frames a second; between frames ${ms(at(all, 0.5))} ms median ` +
          `(${ms(Math.min(...medians))} to ${ms(Math.max(...medians))}), ${ms(at(all, 0.95))} at 95 %, ` +
          `${ms(Math.max(...all))} at most, ${(100 * late).toFixed(1)} % over 20 ms; work of the page's thread ${ms(workMs)} ms a frame` +
          (left ? `; the maps ${apart.toFixed(1)} px apart at most, ${ended.toFixed(1)} at the end` : ""),
      );
    }
    if (!"principal components".includes(wanted)) return;
    const made = { url, states: String(madeStates), shape: [count, size], rounds: rounds + 1 };
    const inPage = (await page.evaluate(timedInPage, made)).slice(1);
    const data = madeStates([count, size]);
    timedHere(data);
    const here = Array.from({ length: rounds }, () => timedHere(data));
    const elapsed = (list) => list.map(({ ms }) => ms);
    const processor = (list) => list.map(({ processorMs }) => processorMs);
    const told = (list) => `${ms(at(list, 0.5))} ms (${ms(Math.min(...list))} to ${ms(Math.max(...list))})`;
    console.log(
      `principal components of ${count} x ${size}: worker ${told(inPage)}, Node ${told(elapsed(here))}, of the processor ${told(processor(here))}`,
    );
    const lm = languageModel(book, { units: size });
    const states = new Float32Array(count * size);
    let t = 0;
    for await (const { values } of inspectModel(lm.model, encode(lm.tokenizer, book.slice(0, count)), {
      values: ["lstm.h"],
    })) {
      states.set(values["lstm.h"], t++ * size);
    }
    const own = Array.from({ length: rounds }, () => timedHere(states));
    console.log(
      `principal components of an LSTM's states: Node ${told(elapsed(own))}, of the processor ${told(processor(own))}`,
    );
  });
} finally {
  server.kill();
  rmSync(folder, { recursive: true });
}
// The browser stays for who comes next in a process.
process.exit();
