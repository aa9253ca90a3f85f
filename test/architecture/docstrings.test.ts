/** Whether what the package exports says what it is. Reads the source as text; runs none of it. */
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { publicModules } from "../helpers/public-modules.ts";
import { read } from "./modules.ts";

/** `export { a, type B } from "./c.ts"` and `import ...`: names and the file that they come from. */
const fromFile = /^(?:export|import) (?:type )?\{([^}]*)\} from "(\.[^"]*)"/gm;
/** `export { a, b }` of names that the file imports. */
const imported = /^export \{([^}]*)\};/gm;
const namesIn = (list: string): string[] => [...list.matchAll(/(?:type )?(\w+)/g)].map(([, name]) => name as string);

/** The declaration of a name in a file, or in the one that the file has it from: the lines above and itself. */
function declaration(file: string, name: string): { readonly file: string; readonly above: string } {
  const code = read(file);
  const own = new RegExp(`^export (?:async )?(?:const|function\\*?|class|type|interface) ${name}\\b`, "m").exec(code);
  if (own !== null) return { file, above: code.slice(0, own.index) };
  for (const [, list = "", target = ""] of code.matchAll(fromFile)) {
    if (namesIn(list).includes(name)) return declaration(join(dirname(file), target), name);
  }
  throw new Error(`${file}: where is ${name} declared?`);
}

/** Every name that an index exports. */
function exportsOf(index: string): string[] {
  const code = read(index);
  const lists = [...code.matchAll(fromFile)].filter(([all]) => all.startsWith("export")).map(([, list]) => list);
  const again = [...code.matchAll(imported)].map(([, list]) => list);
  const own = [...code.matchAll(/^export (?:async )?(?:const|function\*?|class|type|interface) (\w+)/gm)].map(
    ([, name]) => name,
  );
  return [...lists, ...again, ...own].flatMap((list) => namesIn(list as string));
}

/** Indexes, and how many names each has at least; another module has one or more. */
const atLeast: Readonly<Record<string, number>> = {
  "src/index.ts": 100,
  "src/callbacks/index.ts": 8,
  "src/cells/index.ts": 30,
  "src/server/index.ts": 7,
};

test.each(publicModules.map(({ source }) => source))(
  "every export of %s has a docstring directly above its declaration",
  (index) => {
    const names = exportsOf(index);
    expect(names.length).toBeGreaterThanOrEqual(atLeast[index] ?? 1);
    const bare = names
      .map((name) => ({ name, ...declaration(index, name) }))
      .filter(({ above }) => !/\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n$/.test(above))
      .map(({ name, file }) => `${file}: ${name}`);
    expect(bare).toEqual([]);
  },
);
