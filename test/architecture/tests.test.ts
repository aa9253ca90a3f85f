/** What holds for the tests themselves. Reads them as text. */
import { dirname, join, sep } from "node:path";
import { parseSync } from "vite";
import { afterAll, expect, test } from "vitest";
import { browser, integration, isolated } from "../../vitest.config.ts";
import { filesBelow, importsOf, isSource, read } from "./modules.ts";

const files = filesBelow("test").filter(isSource);
const tests = files.filter((file) => file.endsWith(".test.ts"));
const isOf = (names: readonly string[], file: string): boolean =>
  names.some((name) => file === `test/${name}` || file.startsWith(`test/${name}/`));

const imported: ReadonlyMap<string, readonly string[]> = new Map(
  files.map((file) => [file, importsOf(file, read(file))]),
);
/** What a test file imports of the tests' own, itself included. */
function ownModules(file: string, found = new Set<string>()): Set<string> {
  const names = imported.get(file);
  if (found.has(file) || names === undefined) return found;
  found.add(file);
  for (const name of names) {
    if (name.startsWith(".")) ownModules(join(dirname(file), name).split(sep).join("/"), found);
  }
  return found;
}

test("each test is of one project: unit, isolated, integration or browser", () => {
  for (const name of [...isolated, ...integration, ...browser]) {
    expect(
      tests.some((file) => isOf([name], file)),
      `${name} in vitest.config.ts is there`,
    ).toBe(true);
  }
  const projects = [isolated, integration, browser];
  expect(tests.filter((file) => projects.filter((names) => isOf(names, file)).length > 1)).toEqual([]);
  expect(tests.filter((file) => !isOf(projects.flat(), file)).length).toBeGreaterThan(100);
});

test("a test of the projects unit and isolated starts no process and opens no page", () => {
  const wrong = tests
    .filter((file) => !isOf([...integration, ...browser], file))
    .filter((file) =>
      [...ownModules(file)].some((own) =>
        imported.get(own)?.some((name) => /^(node:)?child_process$|^playwright-core$/.test(name)),
      ),
    );
  expect(wrong, "to be named in vitest.config.ts").toEqual([]);
});

type Node = { readonly type?: string } & Readonly<Record<string, unknown>>;

/** The files of the tests, as each rule below reads them. */
const trees = new Map(files.map((file) => [file, parseSync(file, read(file)).program]));
// Files that follow in this process need none of them.
afterAll(() => trees.clear());
const treeOf = (file: string, code: string) => trees.get(file) ?? parseSync(file, code).program;

/** All nodes of a syntax tree. */
function nodesOf(value: unknown, found: Node[] = []): Node[] {
  if (Array.isArray(value)) {
    for (const one of value) nodesOf(one, found);
  } else if (typeof value === "object" && value !== null) {
    found.push(value as Node);
    for (const one of Object.values(value)) nodesOf(one, found);
  }
  return found;
}

const nameOf = (node: unknown): unknown => (node as Node | undefined)?.name;

/** Whether it replaces modules, adds an engine or a task, or counts what the process compiles or holds. */
function needsProcess({ type, name, object, property, callee, arguments: args }: Node): boolean {
  if (type === "Identifier") return /^(registerEngine|registerTask|memoryUsage|setFlagsFromString)$/.test(String(name));
  if (type === "MemberExpression") {
    return nameOf(object) === "vi" && /^(doMock|hoisted|mock|resetModules)$/.test(String(nameOf(property)));
  }
  return nameOf((callee as Node | undefined)?.property) === "spyOn" && nameOf((args as Node[])[0]) === "WebAssembly";
}
/** Whether it makes something at its top for the tests of one file: it is gone for the next that imports it. */
const isForOneFile = (statement: Node): boolean =>
  [statement, ...((statement.declarations ?? []) as Node[])]
    .map(({ expression, init }) => (expression ?? init) as Node | undefined)
    .some((call) => /^(afterAll|afterEach|temporaryFolder)$/.test(String(nameOf(call?.callee))));

test("just what is felt by files that share its process, or feels them, is of the project isolated", () => {
  const needs = (file: string, code: string): boolean => {
    const program = treeOf(file, code);
    const shared = file.endsWith(".test.ts") ? [] : (program.body as unknown as Node[]);
    return nodesOf(program).some(needsProcess) || shared.some(isForOneFile);
  };
  const examples = ["registerTask(own);", 'vi.mock("a");', 'vi.spyOn(WebAssembly, "a");', "f(process.memoryUsage());"];
  expect(examples.filter((code) => needs("a.test.ts", code))).toEqual(examples);
  const made = ["const folder = temporaryFolder();", "afterAll(() => {});"];
  expect(made.filter((code) => needs("a.ts", code))).toEqual(made);
  expect(made.filter((code) => needs("a.test.ts", code))).toEqual([]);
  expect(needs("a.ts", 'vi.spyOn(console, "error"); // vi.mock(registerEngine)')).toBe(false);
  const needing = new Set(files.filter((file) => needs(file, read(file))));
  const wanted = tests
    .filter((file) => !isOf([...integration, ...browser], file))
    .filter((file) => [...ownModules(file)].some((own) => needing.has(own)));
  expect(isolated.map((name) => `test/${name}`)).toEqual(wanted);
});

/** `performance.now()` or `Date.now()`. */
function isClock({ callee }: Node): boolean {
  const { object, property } = (callee ?? {}) as { object?: { name?: string }; property?: { name?: string } };
  return property?.name === "now" && /^(performance|Date)$/.test(object?.name ?? "");
}

/** The lines on which something is expected of the clock, or of a variable that was made by it. */
function expectations(file: string, code: string): string[] {
  const nodes = nodesOf(treeOf(file, code));
  const made = nodes
    .filter(({ type, init }) => type === "VariableDeclarator" && nodesOf(init).some(isClock))
    .map(({ id }) => (id as { name?: string }).name);
  const isOfClock = (node: Node): boolean =>
    isClock(node) || (node.type === "Identifier" && made.includes(node.name as string));
  return nodes
    .filter(({ type, callee }) => type === "CallExpression" && (callee as { name?: string }).name === "expect")
    .filter(({ arguments: args }) => nodesOf((args as unknown[])[0]).some(isOfClock))
    .map(({ start }) => `${file}:${code.slice(0, start as number).split("\n").length}`);
}

test("no test expects anything of the wall clock", () => {
  const example = "const startMs = performance.now();\nexpect(performance.now() - startMs).toBeLessThan(9);";
  expect(expectations("a.ts", example)).toEqual(["a.ts:2"]);
  const other = "const ms = f(Date.now());\nexpect(now(), String(ms)).toBe(2);\nexpect([ms]).toEqual([1]);";
  expect(expectations("a.ts", other)).toEqual(["a.ts:3"]);
  expect(files.flatMap((file) => expectations(file, read(file)))).toEqual([]);
});

/** Functions at the top of a file: as `name`, and what they are without it, in one line. */
function functionsOf(file: string, code: string): { readonly name: string; readonly text: string }[] {
  const program = treeOf(file, code);
  const textOf = ({ start, end }: Node): string => code.slice(start as number, end as number).replace(/\s+/g, " ");
  return (program.body as unknown as Node[]).flatMap((statement) => {
    const declared = (statement.type === "ExportNamedDeclaration" ? statement.declaration : statement) as Node | null;
    if (declared?.type === "FunctionDeclaration") {
      const { name } = declared.id as { name: string };
      return [{ name, text: textOf(declared).replace(name, "") }];
    }
    const variables = declared?.type === "VariableDeclaration" ? (declared.declarations as Node[]) : [];
    return variables.flatMap(({ id, init }) => {
      const { name } = id as { name?: string };
      const isFunction = (init as Node | null)?.type === "ArrowFunctionExpression";
      return isFunction && name !== undefined ? [{ name, text: textOf(init as Node) }] : [];
    });
  });
}

test("no function of the tests is written in two files: what several need is in test/helpers", () => {
  const places = new Map<string, string[]>();
  for (const file of files) {
    for (const { name, text } of functionsOf(file, read(file))) {
      // One name more is no gain where what is called is as short.
      if (text.length > 40) places.set(text, [...(places.get(text) ?? []), `${file}: ${name}`]);
    }
  }
  expect(places.size).toBeGreaterThan(300);
  expect([...places.values()].filter(({ length }) => length > 1)).toEqual([]);
});
