/** What TypeScript files name in their imports. Reads them as text; runs none of them, and knows no rule. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join, posix, relative, sep } from "node:path";
import { parseSync } from "vite";

export const root = join(import.meta.dirname, "../..");
export const read = (file: string): string => readFileSync(join(root, file), "utf8");
export const isSource = (file: string): boolean => /\.tsx?$/.test(file);
export const isBuiltin = (name: string): boolean => name.startsWith("node:") || builtinModules.includes(name);

/** All files below a folder, as paths from the project's root with "/". */
export function filesBelow(folder: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .filter((file) => !file.includes("/node_modules/"))
    .sort();
}

/** A module that a file names, as written. `types`: the import is gone once the file is compiled. `later`: import(), or a worker. */
export type Named = { readonly name: string; readonly types: boolean; readonly later: boolean };

type Node = { readonly type?: string } & Readonly<Record<string, unknown>>;

const known = new Map<string, { readonly code: string; readonly named: readonly Named[] }>();

/** The same as `modulesIn`; a file that many rules ask for is parsed once. */
export function modulesOf(file: string, code: string): readonly Named[] {
  const before = known.get(file);
  if (before?.code === code) return before.named;
  const named = modulesIn(file, code);
  known.set(file, { code, named });
  return named;
}

/** What a TypeScript file names in import, export from, import(), import types, import = and new URL(..., import.meta.url). */
function modulesIn(file: string, code: string): Named[] {
  const { program, errors } = parseSync(file, code);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]?.message}`);
  const found: Named[] = [];
  const literal = (value: unknown, types = false, later = false): void => {
    const node = value as { type?: string; value?: unknown; quasis?: { value: { cooked: string } }[] } | null;
    if (node?.type === "Literal" && typeof node.value === "string") found.push({ name: node.value, types, later });
    if (node?.type === "TemplateLiteral") found.push({ name: node.quasis?.[0]?.value.cooked ?? "", types, later });
  };
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) {
      for (const item of value) visit(item);
      return;
    }
    if (typeof value !== "object" || value === null) return;
    const node = value as Node;
    const { type = "" } = node;
    if (/^(Import|Export|TSImport)/.test(type)) literal(node.source, isOfTypes(node), type === "ImportExpression");
    if (type === "TSExternalModuleReference") literal(node.expression);
    const { callee, arguments: args } = node as { callee?: { name?: string }; arguments?: Node[] };
    if (type === "NewExpression" && callee?.name === "URL" && isModuleHere(args)) literal(args?.[0], false, true);
    if (type === "CallExpression" && callee?.name === "require") literal(args?.[0]);
    for (const part of Object.values(node)) visit(part);
  };
  visit(program);
  return found;
}

/** What is loaded with a file: the files of src, itself among them, and the packages. */
export function loadedWith(file: string): {
  readonly files: ReadonlySet<string>;
  readonly packages: ReadonlySet<string>;
} {
  const [files, packages] = [new Set<string>(), new Set<string>()];
  const visit = (path: string): void => {
    if (files.has(path)) return;
    files.add(path);
    for (const { name, types, later } of modulesOf(path, read(path))) {
      if (types || later || isBuiltin(name)) continue;
      if (name.startsWith(".")) visit(posix.join(posix.dirname(path), name));
      else packages.add(name);
    }
  };
  visit(file);
  return { files, packages };
}

export const importsOf = (file: string, code: string): string[] => modulesOf(file, code).map(({ name }) => name);

/** Braces in which every name is a type stay, as `import {}`: so `verbatimModuleSyntax` has it. */
const isOfTypes = ({ type, importKind, exportKind }: Node): boolean =>
  type === "TSImportType" || importKind === "type" || exportKind === "type";

/** new URL("./worker.ts", import.meta.url) names a module; other files are data, and other places are not the source's. */
function isModuleHere([name, base]: readonly Node[] = []): boolean {
  const isMeta = (base as { object?: Node } | undefined)?.object?.type === "MetaProperty";
  return isMeta && /\.[cm]?[jt]sx?$/.test(String(name?.value));
}
