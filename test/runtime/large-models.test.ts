/** Models so large that threads share a step, in Node's main thread and as the first program of a worker thread. */
import { once } from "node:events";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import * as library from "../../src/index.ts";
import { largeModel, works } from "../helpers/large-models.ts";

const built = pathToFileURL(join(import.meta.dirname, "../../dist/index.js")).href;

async function inWorker(...ask: Parameters<typeof largeModel> extends [unknown, ...infer Rest] ? Rest : never) {
  const source = `
    const { parentPort, workerData } = require("node:worker_threads");
    import(${JSON.stringify(built)})
      .then((library) => (${largeModel})(library, ...workerData))
      .then((numbers) => parentPort.postMessage(numbers))
      .then(() => process.exit());
  `;
  // It ends by itself: one that is ended while its own threads load koffi takes the process along.
  const worker = new Worker(source, { eval: true, workerData: ask });
  const [[numbers]] = await Promise.all([once(worker, "message"), once(worker, "exit")]);
  return numbers as number[];
}

describe.each([
  [512, works],
  // Pages do the others: test/browser/large-models.test.ts.
  [1024, ["training"]],
] as const)("%i units: what two threads come to is what one does, to the bit", (units, all) => {
  test.each(all)("%s, in the main thread and in a worker thread", async (work) => {
    const one = await largeModel(library, work, units, 1);
    expect(one.length).toBeGreaterThan(1);
    expect(await largeModel(library, work, units, 2)).toEqual(one);
    expect(await inWorker(work, units, 2)).toEqual(one);
  });
});
