/** The studio's page: bundled by Vite from src/studio into files that any folder of any host can serve. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "vite";

/** KaTeX's style names each font three times; every browser that runs the studio takes the first. */
const onlyWoff2 = {
  name: "only-woff2",
  enforce: "pre",
  transform(code, id) {
    if (!id.includes("katex")) return undefined;
    return code.replace(/,\s*url\([^)]*\.(?:woff|ttf)\)\s*format\("[^"]*"\)/g, "");
  },
};

/** The page's own way to ask for its parts: see src/studio/preload.ts. */
const ownPreload = (root) => ({
  name: "own-preload",
  enforce: "pre",
  load(id) {
    if (!id.includes("vite/preload-helper")) return undefined;
    return `export { preload as __vitePreload } from ${JSON.stringify(join(root, "src/studio/preload.ts"))};`;
  },
});

/** @param {string} root of the project @param {string} folder to write to */
export async function buildStudio(root, folder) {
  await build({
    root: join(root, "src/studio"),
    base: "./",
    configFile: false,
    logLevel: "warn",
    plugins: [onlyWoff2, ownPreload(root)],
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    worker: { format: "es" },
    build: {
      outDir: folder,
      emptyOutDir: true,
      target: ["chrome123", "firefox120", "safari17.5"],
      modulePreload: { polyfill: false },
      chunkSizeWarningLimit: 1000,
    },
  });
  // `unrolled studio MODEL` answers with its own.
  writeFileSync(join(folder, "models.json"), "[]\n");
}
