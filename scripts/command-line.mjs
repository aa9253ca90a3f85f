/** The command line: bundled by Vite from src/cli, for a start takes twice as long where it opens 240 files. */
import { join } from "node:path";
import { build } from "vite";

/** Packages are not in it; each command is a file of its own; no editor is led to it, so it has no maps. @param {string} root of the project @param {string} folder to write to */
export async function buildCommandLine(root, folder) {
  await build({
    root,
    configFile: false,
    logLevel: "warn",
    build: {
      ssr: join(root, "src/cli/main.ts"),
      outDir: folder,
      emptyOutDir: true,
      target: "node20",
      minify: false,
      rolldownOptions: {
        output: { entryFileNames: "main.js", chunkFileNames: "[name].js", comments: false },
      },
    },
  });
}
