import { expect, test } from "vitest";
import { importsOf, modulesOf } from "./modules.ts";

test("the reader of imports finds static, dynamic, type, re-exported and worker modules", () => {
  const code = `
    import { a } from "./1.ts";
    import type { B } from "./2.ts";
    import "./3.ts";
    export { c } from "./4.ts";
    export * from "./5.ts";
    export type { D } from "./6.ts";
    type E = import("./7.ts").E;
    const f = await import("./8.ts");
    new Worker(new URL("./9.ts", import.meta.url));
    new URL("./no.js", document.baseURI);
    new URL("./no.svg", import.meta.url);
    // import "./no.ts"
    const text = 'import "./no.ts"';
  `;
  expect(importsOf("a.ts", code).sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => `./${n}.ts`));
});

test("the reader of imports reads .tsx, and tells what stays of a file once it is compiled", () => {
  const code = `
    import type { A } from "./types-1.ts";
    export type { B } from "./types-2.ts";
    type C = import("./types-3.ts").C;
    import { type D, e } from "./value-1.ts";
    import { type F } from "./value-2.ts";
    import g from "./value-3.ts";
    import "./value-4.css";
    export const View = () => <p lang={g}>{"import './no.ts'"}</p>;
    export const load = () => import("./value-5.tsx");
  `;
  const found = modulesOf("a.tsx", code).map(({ name, types }) => `${types} ${name.slice(2, 9)}`);
  expect(found).toEqual([
    ...["true types-1", "true types-2", "true types-3", "false value-1", "false value-2"],
    ...["false value-3", "false value-4", "false value-5"],
  ]);
});
