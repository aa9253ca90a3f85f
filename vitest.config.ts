import { join } from "node:path";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      {
        // As recipes are built: by the package's name they get its source.
        resolve: { alias: [{ find: /^unrolled$/, replacement: join(import.meta.dirname, "src/index.ts") }] },
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/browser/**", "test/package/**"],
          testTimeout: 30_000,
        },
      },
      {
        // Tests that need a real browser, or the built package.
        test: {
          name: "browser",
          include: ["test/browser/**/*.test.ts", "test/package/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // A second, as it would be, is not enough on a busy machine.
          expect: { poll: { timeout: 60_000 } },
        },
      },
    ],
  },
});
