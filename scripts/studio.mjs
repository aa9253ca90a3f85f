/** The studio's page: bundled by Vite from src/studio into files that any folder of any host can serve. */
import { createHash } from "node:crypto";
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
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

/**
 * The styles of a view reach no other one: they stand below the view's class, which the shell gives, without weighing more. Names
 * of movements are the page's, and cannot stand there.
 */
const roomStyles = {
  name: "view-styles",
  enforce: "pre",
  transform(code, id) {
    const [, view] = /studio\/views\/(\w+)\/[^/]+\.css$/.exec(id) ?? [];
    if (view === undefined) return undefined;
    const movements = [];
    const styles = code.replace(/@keyframes\s+[\w-]+\s*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}/g, (whole) => {
      movements.push(whole);
      return "";
    });
    return `${movements.join("\n")}\n:where(.view-${view}) {\n${styles}\n}\n`;
  },
};

const serviceWorker = "service-worker";

/** Tell the service worker of all files in the folder, once they are there, but of itself. */
export function listFiles(folder) {
  const own = join(folder, `${serviceWorker}.js`);
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .filter((file) => file !== own)
    .sort();
  const script = readFileSync(own, "utf8");
  const hash = createHash("sha256").update(script);
  for (const file of files) hash.update(file.slice(folder.length)).update(readFileSync(file));
  const names = files
    .map((file) => relative(folder, file).replaceAll(sep, "/"))
    // What reads HDF5 is larger than all the rest; it, and another language's texts, are kept once they are used.
    .filter((name) => name !== "models.json" && !/\/hdf5_|^texts\//.test(name));
  const version = hash.digest("hex").slice(0, 16);
  writeFileSync(own, `const builtFiles=${JSON.stringify(names)},builtVersion="${version}";\n${script}`);
}

/**
 * The texts of a view come with the modules that say them, not with the page: of `en.json` the page gets what no view has for itself,
 * and to what a module of a view imports as `texts.ts` the parts that it names (`texts.learn.xor`) are added first; all of the
 * view's where it names no part.
 */
function textsByView(root) {
  const folder = join(root, "src/studio/texts");
  const all = JSON.parse(readFileSync(join(folder, "en.json"), "utf8"));
  const own = readdirSync(join(root, "src/studio/views")).map((view) => (view === "models" ? "modelsView" : view));
  const marker = "\0texts:";
  return {
    name: "texts-by-view",
    enforce: "pre",
    resolveId(id, importer = "") {
      const isView = !importer.startsWith(marker) && importer.replaceAll(sep, "/").includes("/studio/views/");
      return isView && id.endsWith("/texts/texts.ts") ? `${marker}${importer}` : undefined;
    },
    load(id) {
      if (id.startsWith(marker)) {
        const from = JSON.stringify(join(folder, "texts.ts"));
        const added = {};
        const source = readFileSync(id.slice(marker.length), "utf8");
        const [, name = "texts"] = /\btexts as (\w+)/.exec(source) ?? [];
        for (const [, view, part] of source.matchAll(new RegExp(`\\b${name}\\.(\\w+)(?:\\.(\\w+))?`, "g"))) {
          if (!own.includes(view)) continue;
          added[view] = { ...added[view], ...(part === undefined ? all[view] : { [part]: all[view][part] }) };
        }
        const code = `import { addTexts } from ${from};\nexport * from ${from};\naddTexts(${JSON.stringify(added)});`;
        return { code, moduleSideEffects: true };
      }
      if (!id.endsWith("/texts/en.json")) return undefined;
      return JSON.stringify(Object.fromEntries(Object.entries(all).filter(([name]) => !own.includes(name))));
    },
  };
}

/** The page's own way to ask for its parts: see src/studio/preload.ts. */
const ownPreload = (root) => ({
  name: "own-preload",
  enforce: "pre",
  load(id) {
    if (!id.includes("vite/preload-helper")) return undefined;
    return `export { preload as __vitePreload } from ${JSON.stringify(join(root, "src/studio/preload.ts"))};`;
  },
});

/** Of our own source, what package.json's `browser` says of the package: a page has nothing that needs Node. */
const withoutNode = (root) => ({
  name: "without-node",
  enforce: "pre",
  resolveId(id) {
    if (id.endsWith("/native/engine.ts")) return join(root, "src/engines/native/absent.ts");
    return id.endsWith("/node-gpu.ts") ? join(root, "src/engines/webgpu/absent.ts") : undefined;
  },
});

/** csv-parse for pages, which needs nothing of Node's. */
const csvParseForPages = {
  name: "csv-parse-for-pages",
  enforce: "pre",
  resolveId(id, importer, options) {
    return id === "csv-parse/sync" ? this.resolve("csv-parse/browser/esm/sync", importer, options) : undefined;
  },
};

/** @param {string} root of the project @param {string} folder to write to */
export async function buildStudio(root, folder) {
  await build({
    root: join(root, "src/studio"),
    base: "./",
    configFile: false,
    logLevel: "warn",
    plugins: [onlyWoff2, roomStyles, textsByView(root), ownPreload(root), withoutNode(root)],
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    worker: { format: "es", plugins: () => [withoutNode(root), csvParseForPages] },
    build: {
      outDir: folder,
      emptyOutDir: true,
      target: ["chrome123", "firefox120", "safari17.5"],
      modulePreload: { polyfill: false },
      rolldownOptions: {
        input: {
          index: join(root, "src/studio/index.html"),
          [serviceWorker]: join(root, "src/studio/service-worker.ts"),
        },
        output: {
          // Its folder is what it may serve, and its name is the same in each version.
          entryFileNames: ({ name }) => (name === serviceWorker ? "[name].js" : "assets/[name]-[hash].js"),
        },
      },
      chunkSizeWarningLimit: 1000,
    },
  });
  // A teacher's own takes its place, or stands beside it.
  cpSync(join(root, "src/studio/course/course.json"), join(folder, "course.json"));
  // What a translation begins from; the page has it in its code.
  cpSync(join(root, "src/studio/texts/en.json"), join(folder, "texts/en.json"));
  // `unrolled studio MODEL` answers with its own.
  writeFileSync(join(folder, "models.json"), "[]\n");
}
