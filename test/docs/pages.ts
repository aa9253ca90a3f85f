/** The TypeScript of the pages in Markdown, as programs. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "vite";
import { root, runNode } from "../helpers/processes.ts";
import { publicModules } from "../helpers/public-modules.ts";

export const pages = [
  "README.md",
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .map((name) => `docs/${name.split("\\").join("/")}`)
    .filter((name) => name.endsWith(".md")),
];
export const readPage = (page: string): string => readFileSync(join(root, page), "utf8");

/** A block of code: `ts`, `html`, `cell`, ...; what stands behind that; and the code. */
export type Block = { readonly language: string; readonly meta: string; readonly code: string };

/** All blocks of code of a page. */
export const blocksOf = (markdown: string): Block[] =>
  [...markdown.matchAll(/^```(\w*) ?(.*)\n([\s\S]*?)^```$/gm)].map(([, language = "", meta = "", code = ""]) => ({
    language,
    meta,
    code,
  }));

/**
 * The ts blocks of a page as programs. One that begins with an import begins a program, unless its fence says that it goes on;
 * others go on with the one before. What has a file's name (`[main.ts]`) is part of a page for a browser.
 */
export function programsOf(markdown: string): string[] {
  const programs: string[] = [];
  for (const { language, meta, code } of blocksOf(markdown)) {
    if (language !== "ts" || meta.startsWith("[")) continue;
    if (code.startsWith("import ") && meta !== "goes on") programs.push(code);
    else programs.push((programs.pop() ?? "") + code);
  }
  return programs;
}

/** What programs import, and where it lies. */
const modules = publicModules.map(({ name, source }) => [name, source] as const);

/** A folder for programs, in which packages are found. */
export function makeFolder(): { readonly folder: string; readonly remove: () => void } {
  const folder = join(root, "node_modules/.cache/unrolled", `docs-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Write programs into a folder, and what TypeScript says about them. */
export async function checkTypes(folder: string, programs: Readonly<Record<string, string>>): Promise<string> {
  for (const [name, code] of Object.entries(programs))
    writeFileSync(join(folder, `${name}.ts`), `${code}\nexport {};\n`);
  const paths = Object.fromEntries(modules.map(([name, file]) => [name, [join(root, file)]]));
  const config = {
    extends: join(root, "tsconfig.json"),
    // What is shown need not be used.
    compilerOptions: { paths, noUnusedLocals: false, noUncheckedIndexedAccess: false },
    include: [],
    files: Object.keys(programs).map((name) => `${name}.ts`),
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
  const { out, err } = await runNode(
    [join(root, "node_modules/typescript/bin/tsc"), "-p", ".", "--pretty", "false"],
    folder,
  );
  return out + err;
}

/** Programs that are there as TypeScript, made into JavaScript that runs in the folder. */
export async function compile(folder: string, names: readonly string[]): Promise<void> {
  await build({
    configFile: false,
    root: folder,
    logLevel: "error",
    resolve: {
      alias: modules.map(([name, file]) => ({ find: new RegExp(`^${name}$`), replacement: join(root, file) })),
    },
    build: {
      ssr: true,
      target: "node20",
      outDir: ".",
      emptyOutDir: false,
      rollupOptions: { input: Object.fromEntries(names.map((name) => [name, join(folder, `${name}.ts`)])) },
    },
  });
}
