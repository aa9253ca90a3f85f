/** Which test runs in which project. Knows nothing about what they test. */
import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { publicModules } from "./test/helpers/public-modules.ts";

/** What starts processes, or takes seconds: folders and files of `test`, whose names say so. It needs what is built. */
export const integration = [
  "cli",
  "docs",
  "examples",
  "recipes",
  "bench/onednn.test.ts",
  "bench/segrnn.test.ts",
  "cells/training.test.ts",
  "distributed/sums.test.ts",
  "engines/native/assembler.test.ts",
  "engines/native/ending.test.ts",
  "engines/native/fuzz.test.ts",
  "engines/native/listing.test.ts",
  "engines/webgpu",
  "formats/files.test.ts",
  "formats/source/compiled.test.ts",
  "formats/text-file.test.ts",
  "formats/token-file.test.ts",
  "grad/random-cells.test.ts",
  "package/size.test.ts",
  "runtime/flat-memory.test.ts",
  "runtime/large-models.test.ts",
  "runtime/memory.test.ts",
  "runtime/missing-workers.test.ts",
  "runtime/random-cells.test.ts",
  "runtime/threads.test.ts",
  "server/batcher.test.ts",
  "server/ending.test.ts",
  "server/event-loop.test.ts",
  "server/log.test.ts",
  "server/openapi.test.ts",
  "server/typed-client.test.ts",
  "server/under-fire.test.ts",
  "studio/learn-training-claims.test.ts",
  "studio/toys-claims.test.ts",
  "sweep/processes.test.ts",
  "sweep/redis.test.ts",
];
/**
 * What would be felt by tests that share its process, or would feel them: it replaces modules, adds engines or tasks, counts what the
 * process compiles or holds, or imports what is made once and goes with the first file's tests.
 */
export const isolated = [
  "api/fuzz.test.ts",
  "api/options-page.test.ts",
  "engines/native/amx.test.ts",
  "engines/native/bf16.test.ts",
  "engines/native/engine.test.ts",
  "engines/native/memory.test.ts",
  "engines/toy/engine.test.ts",
  "engines/vector/plain-engine.test.ts",
  "formats/model-file.test.ts",
  "formats/safetensors.test.ts",
  "nn/session.test.ts",
  "runtime/cache.test.ts",
  "runtime/dispose.test.ts",
  "runtime/garbage.test.ts",
  "runtime/precision.test.ts",
  "runtime/training.test.ts",
  "server/memory.test.ts",
  "studio/compiling.test.ts",
  "studio/open-model.test.ts",
  "tasks/language-model/create.test.ts",
  "tasks/quantize.test.ts",
  "tasks/toy/task.test.ts",
  "tasks/training-start.test.ts",
];
/** What opens a page in a real Chromium. */
export const browser = ["browser", "package/package.test.ts"];

const filesOf = (names: readonly string[]): string[] =>
  names.map((name) => (name.endsWith(".ts") ? `test/${name}` : `test/${name}/**/*.test.ts`));

// As recipes are built: by the package's names they get its source.
const resolve = {
  alias: publicModules.map(({ name, source }) => ({
    find: new RegExp(`^${name}$`),
    replacement: join(import.meta.dirname, source),
  })),
};

const setupFiles = [join(import.meta.dirname, "test/helpers/quick-equality.ts")];

// They neither wait for processes nor measure time: as many at once as there are cores. Each test makes models and machine code of
// its own and drops them: with more MB for what is new the collector copies less of it.
const units = {
  maxWorkers: "100%",
  testTimeout: 30_000,
  execArgv: ["--min-semi-space-size=32", "--max-semi-space-size=32"],
};

export default defineConfig({
  test: {
    projects: [
      {
        resolve,
        test: {
          setupFiles,
          name: "unit",
          ...units,
          sequence: { groupOrder: 0 },
          include: ["test/**/*.test.ts"],
          exclude: filesOf([...isolated, ...integration, ...browser]),
          // Files that follow each other in one process load what they test once.
          isolate: false,
          // So none leaves a spy or a stub to the next.
          restoreMocks: true,
          unstubGlobals: true,
        },
      },
      {
        resolve,
        test: {
          setupFiles,
          name: "isolated",
          ...units,
          // Not among those of unit, whose processes would end where the next file is of another project.
          sequence: { groupOrder: 1 },
          include: filesOf(isolated),
        },
      },
      {
        resolve,
        test: {
          setupFiles,
          name: "integration",
          // Most wait for processes of theirs; what measures compares with its own.
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
          include: filesOf(integration),
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: "browser",
          // Files that follow each other share a Chromium, a studio without models, and what they load.
          isolate: false,
          setupFiles: [join(import.meta.dirname, "test/browser/end-of-file.ts")],
          // On two cores: each waits for its page, or its page for it, a quarter of the time.
          maxWorkers: 3,
          sequence: { groupOrder: 3 },
          include: filesOf(browser),
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // A second, as it would be, is not enough on a busy machine.
          expect: { poll: { timeout: 60_000 } },
        },
      },
    ],
  },
});
