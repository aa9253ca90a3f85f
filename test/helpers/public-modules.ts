/** What the package publishes: the modules that `exports` of package.json names, and where their source lies. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const root = join(import.meta.dirname, "../..");
type Target = string | null | { readonly types: string; readonly default: string };
export type Manifest = {
  readonly version: string;
  readonly exports: Readonly<Record<string, Target>>;
  readonly [field: string]: unknown;
};

export const manifest: Manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

export type PublicModule = {
  /** As it is imported: `unrolled/text/tokenizer`. */
  readonly name: string;
  /** From the project's root: `src/text/tokenizer.ts`. */
  readonly source: string;
};

/** Modules alone: no data, no package.json, and not the pattern of the single cells. */
export const publicModules: readonly PublicModule[] = Object.entries(manifest.exports).flatMap(([path, target]) => {
  if (target === null || typeof target === "string" || path.includes("*")) return [];
  const source = target.default.replace(/^\.\/dist\/(.*)\.js$/, "src/$1.ts");
  return [{ name: path.replace(/^\./, "unrolled"), source }];
});

/** `export { a, type B } from "./c.ts"` and `import ...`: names and the file that they come from. */
const fromFile = /^(?:export|import) (?:type )?\{([^}]*)\} from "(\.[^"]*)"/gm;
/** `export { a, b }` of names that the file imports. */
const imported = /^export \{([^}]*)\};/gm;
const namesIn = (list: string): string[] => [...list.matchAll(/(?:type )?(\w+)/g)].map(([, name]) => name as string);

/** Every name that an index exports. */
export function exportsOf(index: string): string[] {
  const code = readFileSync(join(root, index), "utf8");
  const lists = [...code.matchAll(fromFile)].filter(([all]) => all.startsWith("export")).map(([, list]) => list);
  const again = [...code.matchAll(imported)].map(([, list]) => list);
  const own = [...code.matchAll(/^export (?:async )?(?:const|function\*?|class|type|interface) (\w+)/gm)].map(
    ([, name]) => name,
  );
  return [...lists, ...again, ...own].flatMap((list) => namesIn(list as string));
}

/** The declaration of a name in a file, or in the one that the file has it from: the lines above and itself. */
export function declaration(file: string, name: string): { readonly file: string; readonly above: string } {
  const code = readFileSync(join(root, file), "utf8");
  const own = new RegExp(`^export (?:async )?(?:const|function\\*?|class|type|interface) ${name}\\b`, "m").exec(code);
  if (own !== null) return { file, above: code.slice(0, own.index) };
  for (const [, list = "", target = ""] of code.matchAll(fromFile)) {
    if (namesIn(list).includes(name)) return declaration(join(dirname(file), target), name);
  }
  throw new Error(`${file}: where is ${name} declared?`);
}
