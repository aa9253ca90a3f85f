/** `npm run recipe -- NAME [DATA] [options]`: install what is missing, run recipes/NAME.ts. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { ensureInstalled, fail, root, runNode } from "./steps.mjs";

const names = readdirSync(join(root, "recipes"))
  .filter((file) => file.endsWith(".ts"))
  .map((file) => file.slice(0, -".ts".length));
const [name, ...rest] = process.argv.slice(2);
const given = name === undefined ? "no recipe was named" : `there is no recipe "${name}"`;
if (!names.includes(name)) fail(`npm run recipe: ${given}. There are ${names.join(", ")}.`, 2);

ensureInstalled();
const { build } = await import("vite");
const output = "node_modules/.cache/unrolled/recipes";
await build({
  root,
  configFile: false,
  logLevel: "error",
  resolve: { alias: [{ find: /^unrolled$/, replacement: join(root, "src/index.ts") }] },
  build: {
    ssr: join(root, `recipes/${name}.ts`),
    outDir: join(root, output),
    emptyOutDir: false,
    minify: false,
    target: "node20",
    rollupOptions: { output: { entryFileNames: "[name].mjs" } },
  },
});
if (!existsSync(join(root, output, `${name}.mjs`))) fail("internal: the recipe was not built");
process.exit(runNode(`${output}/${name}.mjs`, ...rest));
