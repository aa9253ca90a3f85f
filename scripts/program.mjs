/**
 * `npm run recipe -- NAME [DATA] [options]`, and `npm run example -- ...`: install what is missing, build recipes/NAME.ts or
 * examples/NAME.ts, run it.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ensureInstalled, fail, root, run } from "./steps.mjs";

const [kind, name, ...rest] = process.argv.slice(2);
const folder = `${kind}s`;
const names = readdirSync(join(root, folder))
  .filter((file) => file.endsWith(".ts"))
  .map((file) => file.slice(0, -".ts".length));
const given = name === undefined ? `no ${kind} was named` : `there is no ${kind} "${name}"`;
if (!names.includes(name)) fail(`npm run ${kind}: ${given}. There are ${names.join(", ")}.`, 2);

ensureInstalled();
const { build } = await import("vite");
// By the package's names they get its source.
const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const publicModules = Object.entries(exports).flatMap(([path, target]) => {
  if (target?.default === undefined || path.includes("*")) return [];
  const source = target.default.replace(/^\.\/dist\/(.*)\.js$/, "src/$1.ts");
  return [{ find: new RegExp(`^unrolled${path.slice(1)}$`), replacement: join(root, source) }];
});
const cache = join(root, "node_modules/.cache/unrolled", folder);
mkdirSync(cache, { recursive: true });
// Its own: another program that is built meanwhile must not replace what this one is reading.
const output = mkdtempSync(join(cache, `${name}-`));
process.on("exit", () => rmSync(output, { recursive: true, force: true }));
process.on("SIGINT", () => {}); // The program gets it too, and ends as it likes.
await build({
  root,
  configFile: false,
  logLevel: "error",
  resolve: {
    alias: publicModules,
  },
  build: {
    ssr: join(root, folder, `${name}.ts`),
    outDir: output,
    minify: false,
    target: "node20",
    rollupOptions: { output: { entryFileNames: "[name].mjs" } },
  },
});
const built = join(output, `${name}.mjs`);
if (!existsSync(built)) fail(`internal: the ${kind} was not built`);
const oneLine = pathToFileURL(join(root, "scripts/one-line-errors.mjs")).href;
process.exit(run(process.execPath, ["--import", oneLine, built, ...rest]));
