/** The programs of `recipes` and `examples`: their names, and how they are built. Knows nothing about how they are run. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./steps.mjs";

/** The names of all recipes, or of all examples. */
export const namesOf = (kind) =>
  readdirSync(join(root, `${kind}s`))
    .filter((file) => file.endsWith(".ts"))
    .map((file) => file.slice(0, -".ts".length));

/** Build these into a folder, each as NAME.mjs. By the package's names they get its source. */
export async function buildPrograms(kind, names, output) {
  const { build } = await import("vite");
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const publicModules = Object.entries(exports).flatMap(([path, target]) => {
    if (target?.default === undefined || path.includes("*")) return [];
    const source = target.default.replace(/^\.\/dist\/(.*)\.js$/, "src/$1.ts");
    return [{ find: new RegExp(`^unrolled${path.slice(1)}$`), replacement: join(root, source) }];
  });
  await build({
    root,
    configFile: false,
    logLevel: "error",
    resolve: { alias: publicModules },
    build: {
      ssr: true,
      outDir: output,
      minify: false,
      target: "node20",
      rollupOptions: {
        input: Object.fromEntries(names.map((name) => [name, join(root, `${kind}s`, `${name}.ts`)])),
        output: { entryFileNames: "[name].mjs" },
      },
    },
  });
}
