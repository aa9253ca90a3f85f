/**
 * Models so large that threads share a step, each as the first program of a page or of its worker: a worker's own workers
 * start only when it turns, so who waits for them at once waits for ever.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { build } from "vite";
import { beforeAll, describe, expect, test } from "vitest";
import { languageModel, writeLanguageModel } from "../../src/tasks/language-model.ts";
import { type Work, works } from "../helpers/large-models.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { withPage } from "./harness.ts";
import { withStudio } from "./studio.ts";

/** The library and the works in one file: each worker would ask for every module of the source anew. */
const bundle = temporaryFolder();
beforeAll(async () => {
  writeFileSync(join(bundle, "index.html"), "<!doctype html><title>Test</title>");
  await build({
    configFile: false,
    logLevel: "error",
    build: {
      outDir: bundle,
      emptyOutDir: false,
      target: "esnext",
      minify: false,
      lib: {
        entry: join(import.meta.dirname, "../helpers/large-models-worker.ts"),
        formats: ["es"],
        fileName: "large-models",
      },
    },
  });
});
const isolated = { isolated: true, folder: bundle };

type Ask = readonly [work: Work, units: number, threads?: number];

/** Each in a new worker of the page. */
const inWorkers = (page: Page, asked: readonly Ask[]): Promise<unknown[]> =>
  page.evaluate(async (all) => {
    const answers: unknown[] = [];
    for (const ask of all) {
      const worker = new Worker("/large-models.js", { type: "module" });
      answers.push(
        await new Promise((resolve, reject) => {
          worker.onmessage = ({ data }) => resolve(data);
          worker.onerror = ({ message }) => reject(new Error(message));
          worker.postMessage(ask);
        }),
      );
      worker.terminate();
    }
    return answers;
  }, asked);

const inPage = (page: Page, [work, units, threads]: Ask): Promise<unknown> =>
  page.evaluate(
    async ([work, units, threads]) => {
      const at = "/large-models.js";
      const { largeModel, library } = (await import(at)) as typeof import("../helpers/large-models-worker.ts");
      return largeModel(library, work, units, threads);
    },
    [work, units, threads] as const,
  );

describe.each([
  [512, works],
  // Node trains: test/runtime/large-models.test.ts.
  [1024, ["session", "generateMany"]],
] as const)("%i units, cross-origin isolated: what two threads come to is what one does", (units, all) => {
  test.each(all)("in a page's worker: %s", async (work) => {
    await withPage(isolated, async (page) => {
      const [one, two] = await inWorkers(page, [
        [work, units, 1],
        [work, units, 2],
      ]);
      expect((one as number[]).length).toBeGreaterThan(1);
      expect(two).toEqual(one);
    });
  });

  test("in a page: one after the other, from the last one on", async () => {
    await withPage(isolated, async (page) => {
      for (const work of all.toReversed()) {
        expect(await inPage(page, [work, units, 2]), work).toEqual(await inPage(page, [work, units, 1]));
      }
    });
  });
});

test("a page that may have no workers of its own text: one thread, the same numbers", async () => {
  await withPage(isolated, async (page) => {
    await page.evaluate(() => {
      const policy = document.createElement("meta");
      policy.httpEquiv = "Content-Security-Policy";
      policy.content = "worker-src 'self'";
      document.head.append(policy);
    });
    for (const work of ["training", "predict"] as const) {
      expect(await inPage(page, [work, 512, 2])).toEqual(await inPage(page, [work, 512, 1]));
    }
  });
});

test("the studio: Inspect reads with models of 512, 2 x 512 and 1,024 units, and Write writes with them", async () => {
  const folder = temporaryFolder();
  const shapes = { wide: { units: 512 }, deep: { units: 512, layers: 2 }, widest: { units: 1024 } };
  const models = Object.entries(shapes).map(([name, shape]) => {
    const file = join(folder, `${name}.safetensors`);
    writeFileSync(file, writeLanguageModel(languageModel("the cat sat here.\n", { embedding: 16, ...shape })));
    return file;
  });
  await withStudio({ models }, async (page, address) => {
    for (const name of Object.keys(shapes)) {
      // A new page for each, so that it is the first that the engine does.
      await page.goto("about:blank");
      await page.goto(`${address}#/inspect/${name}?text=the+cat`);
      await page.waitForSelector("button:has-text('Find units'):not([disabled])");
      await page.goto("about:blank");
      await page.goto(`${address}#/write/${name}?prompt=the+&length=20&seed=1`);
      await page.waitForSelector('[role=status] >> text="20 tokens"');
    }
  });
});
