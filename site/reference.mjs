/** The reference: a page for every name that a public module exports, made by TypeDoc from the docstrings. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Application } from "typedoc";
import { escapeTemplates } from "./pages.mjs";

/** Modules that can be imported, by name, each with its source: not the single cells, which `unrolled/cells` has all. */
export function modulesOf(root) {
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return Object.entries(exports).flatMap(([path, target]) => {
    if (target?.default === undefined || path.includes("*")) return [];
    const source = target.default.replace(/^\.\/dist\/(.*)\.js$/, "src/$1.ts");
    return [{ name: `unrolled${path.slice(1)}`, source: join(root, source) }];
  });
}

/** Write the reference below `out`; `entries` is a folder for what TypeDoc reads. */
export async function writeReference(root, out, entries) {
  rmSync(entries, { recursive: true, force: true });
  // A module that exports another's names is called as it is imported.
  const files = modulesOf(root).map(({ name, source }) => {
    const file = join(entries, `${name}.ts`);
    mkdirSync(dirname(file), { recursive: true });
    const header = /^\/\*\*[\s\S]*?\*\//.exec(readFileSync(source, "utf8"))?.[0] ?? "/** */";
    const comment = header.replace(/\s*\*\/$/, `\n * @module ${name}\n */`);
    writeFileSync(file, `${comment}\nexport * from ${JSON.stringify(source)};\n`);
    return file;
  });
  const tsconfig = join(entries, "tsconfig.json");
  const compilerOptions = { rootDir: root, typeRoots: [join(root, "node_modules/@types")] };
  writeFileSync(
    tsconfig,
    JSON.stringify({ extends: join(root, "tsconfig.json"), compilerOptions, include: [], files }),
  );

  const app = await Application.bootstrapWithPlugins({
    name: "Reference",
    entryPoints: files,
    basePath: entries,
    tsconfig,
    plugin: ["typedoc-plugin-markdown", join(import.meta.dirname, "option-types.mjs")],
    // `npm test` has checked the types, with the newer compiler.
    skipErrorChecking: true,
    validation: { notExported: false },
    excludeInternal: true,
    excludePrivate: true,
    disableSources: true,
    readme: "none",
    out,
    entryFileName: "index",
    hidePageHeader: true,
    hideBreadcrumbs: true,
    useCodeBlocks: true,
    indexFormat: "table",
    parametersFormat: "table",
    logLevel: "Warn",
  });
  const project = await app.convert();
  if (project === undefined) throw new Error("TypeDoc could not read the modules");
  await app.generateOutputs(project);
  addEquations(root, out);
  for (const name of readdirSync(out, { recursive: true, encoding: "utf8" })) {
    if (!name.endsWith(".md")) continue;
    const file = join(out, name);
    writeFileSync(file, escapeTemplates(readFileSync(file, "utf8")));
  }
}

/** The equations of each built-in cell, on its page. */
function addEquations(root, out) {
  const pages = join(out, "unrolled/cells/variables");
  for (const file of readdirSync(join(root, "src/cells"))) {
    if (file === "index.ts") continue;
    const code = readFileSync(join(root, "src/cells", file), "utf8");
    const [, name, equations] = /^export const (\w+) = lazyCell\(`\n([\s\S]*?)`\)/m.exec(code) ?? [];
    if (name === undefined) throw new Error(`internal: src/cells/${file}: no cell is found in it`);
    const source =
      /^\/\*\*\n([\s\S]*?)\*\//.exec(code)?.[1].replace(/^ \* ?/gm, "") ?? /^\/\*\* (.*) \*\//.exec(code)?.[1];
    const page = join(pages, `${name}.md`);
    const text = readFileSync(page, "utf8").trimEnd();
    writeFileSync(
      page,
      `${text}\n\n${source.trim()}\n\n\`\`\`cell\n${equations.replace(/^ {2}/gm, "").trimEnd()}\n\`\`\`\n`,
    );
  }
}
