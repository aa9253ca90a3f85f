/** Whether what the package exports says what it is. Reads the source as text; runs none of it. */
import { expect, test } from "vitest";
import { declaration, exportsOf, publicModules } from "../helpers/public-modules.ts";

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
