import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      {
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
        },
      },
    ],
  },
});
