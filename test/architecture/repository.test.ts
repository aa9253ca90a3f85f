/** What lies around the source: the package's description, the changelog, forms for a host, settings of editors. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { cells } from "../../src/cells/index.ts";
import { manifest, publicModules } from "../helpers/public-modules.ts";
import { read, root } from "./modules.ts";

describe("package.json", () => {
  test("says what the package is, but not where its repository lies", () => {
    const texts = ["name", "version", "description", "license", "author", "type", "main", "types"];
    expect(texts.filter((field) => typeof manifest[field] !== "string" || manifest[field] === "")).toEqual([]);
    const others = ["keywords", "engines", "sideEffects", "bin", "exports", "files", "dependencies"];
    expect(others.filter((field) => manifest[field] === undefined)).toEqual([]);
    expect(["repository", "bugs", "homepage", "private"].filter((field) => field in manifest)).toEqual([]);
    expect((manifest.keywords as string[]).length).toBeGreaterThan(5);
    expect(manifest.version).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/);
  });

  test("exports names each module with its types first, and has no pattern but that of the single cells", () => {
    const { exports } = manifest;
    const conditions = Object.values(exports).filter((target) => typeof target === "object" && target !== null);
    expect(conditions.length).toBeGreaterThan(10);
    for (const target of conditions) {
      expect(Object.keys(target as object)).toEqual(["types", "default"]);
      const { types, default: code } = target as { types: string; default: string };
      expect(types).toBe(code.replace(/\.js$/, ".d.ts"));
    }
    const withoutTypes = Object.entries(exports).filter(([, target]) => typeof target === "string");
    expect(withoutTypes.map(([path]) => path)).toEqual(["./data/moby-dick.txt", "./package.json"]);
    expect(Object.keys(exports).filter((path) => path.includes("*"))).toEqual(["./cells/*"]);
    expect(exports["./cells/index"]).toBe(null);
  });

  test("the pattern of the cells fits files with one name each, that of a cell", async () => {
    const files = readdirSync(join(root, "src/cells")).filter((file) => file !== "index.ts");
    expect(files.map((file) => file.replace(/\.ts$/, "")).sort()).toEqual(Object.keys(cells).sort());
    const known = new Set<unknown>(Object.values(cells));
    for (const file of files) {
      const values = Object.values(await import(/* @vite-ignore */ join(root, "src/cells", file)));
      expect(
        values.map((value) => known.has(value)),
        file,
      ).toEqual([true]);
    }
  });

  test("what is compiled are the public modules; the command line is bundled", () => {
    const { files, include } = JSON.parse(read("tsconfig.build.json"));
    expect(include).toEqual([]);
    // What pages get in place of something of Node's.
    const { browser } = JSON.parse(read("package.json")) as { readonly browser: Readonly<Record<string, string>> };
    const instead = Object.values(browser).map((path) => path.replace("./dist/", "src/").replace(/js$/, "ts"));
    // What is started as a process, or by a page.
    const programs = ["src/bench/page.ts", "src/sweep/child.ts"];
    expect([...files].sort()).toEqual([...publicModules.map(({ source }) => source), ...instead, ...programs].sort());
  });

  test("no page and no program names a module of the package that is not public", () => {
    const published = new Set([
      ...publicModules.map(({ name }) => name),
      ...Object.keys(cells).map((name) => `unrolled/cells/${name}`),
      ...["unrolled/data/moby-dick.txt", "unrolled/package.json"],
    ]);
    const below = (folder: string): string[] =>
      readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((name) => `${folder}/${name}`);
    const files = [
      ...below("src"),
      ...below("docs"),
      ...below("examples"),
      ...below("recipes"),
      "README.md",
      "CHANGELOG.md",
    ];
    const texts = files.filter((file) => /\.(tsx?|md)$/.test(file));
    const named = texts.flatMap((file) =>
      [...read(file).matchAll(/(?:["`]|from )(unrolled\/(?:[a-z-]+\/)?[a-z-]+)["`]/g)].map(([, name = ""]) => ({
        file,
        name,
      })),
    );
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter(({ name }) => !published.has(name))).toEqual([]);
  });
});

describe("CHANGELOG.md", () => {
  const text = read("CHANGELOG.md");
  const versions = [...text.matchAll(/^## (.*)$/gm)].map(([, heading = ""]) => heading);
  const kinds = [...text.matchAll(/^### (.*)$/gm)].map(([, heading = ""]) => heading);

  test("has the present version first, and a date for each that is out", () => {
    expect(versions[0]).toMatch(/^\[[\d.]+\] - (Unreleased|\d{4}-\d{2}-\d{2})$/);
    expect(versions[0]?.startsWith(`[${manifest.version}] - `)).toBe(true);
    expect(versions.slice(1).filter((heading) => !/^\[\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2}$/.test(heading))).toEqual([]);
  });

  test("sorts what a version brings by the kinds of keep a changelog, each once, in their order", () => {
    const order = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"];
    for (const version of text.split(/^## /m).slice(1)) {
      const own = [...version.matchAll(/^### (.*)$/gm)].map(([, kind = ""]) => kind);
      expect(own.length).toBeGreaterThan(0);
      expect(own).toEqual(order.filter((kind) => own.includes(kind)));
      // No entry stands outside of a kind.
      expect(version.split(/^### /m)[0]).not.toMatch(/^- /m);
    }
    expect(kinds.length).toBeGreaterThan(0);
  });

  test("says what a version number promises, before the first version", () => {
    const [before = ""] = text.split(/^## /m);
    expect(before).toContain("https://semver.org/spec/v2.0.0.html");
    expect(before).toContain("https://keepachangelog.com/en/1.1.0/");
  });
});

describe("for a public host", () => {
  test("there are the files that a reader looks for, without an address of anybody", () => {
    const files = [
      ...["CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "LICENSE", "SECURITY.md", ".editorconfig"],
      ...[".github/PULL_REQUEST_TEMPLATE.md", ".github/ISSUE_TEMPLATE/bug.yml", ".github/ISSUE_TEMPLATE/idea.yml"],
    ];
    expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([]);
    expect(files.filter((file) => /[\w.+-]+@[\w-]+\.[a-z]{2,}/i.test(read(file)))).toEqual([]);
  });

  test("what these files and CONTRIBUTING.md link to is there", () => {
    const files = ["CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"];
    const links = files.flatMap((file) =>
      [...read(file).matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, to = ""]) => to),
    );
    expect(links.length).toBeGreaterThan(2);
    expect(links.filter((to) => !existsSync(join(root, to)))).toEqual([]);
  });

  const workflows = readdirSync(join(root, ".github/workflows"));

  test("a workflow runs npm test on Node 20, 22 and 24, and needs no right but to read", () => {
    const text = read(".github/workflows/test.yml");
    expect(text).toMatch(/^ {8}node: \[20, 22, 24\]$/m);
    expect(text).toMatch(/^ {6}- run: npm test$/m);
    expect(text).toMatch(/^permissions:\n {2}contents: read\n\n/m);
    const { engines } = manifest as unknown as { engines: { node: string } };
    expect(engines.node).toMatch(/^>=20\./);
  });

  test.each(workflows)("each action of %s is pinned to a commit, with its version beside it", (file) => {
    const used = [...read(`.github/workflows/${file}`).matchAll(/uses:(.*)$/gm)].map(([, action = ""]) =>
      action.trim(),
    );
    expect(used.length).toBeGreaterThan(0);
    expect(used.filter((action) => !/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(action))).toEqual([]);
  });
});

test(".editorconfig says what biome.json says", () => {
  const sections = new Map<string, Map<string, string>>();
  let section = new Map<string, string>();
  for (const line of read(".editorconfig").split("\n")) {
    const [, name] = /^\[(.*)\]$/.exec(line) ?? [];
    if (name !== undefined) {
      section = new Map();
      sections.set(name, section);
    }
    const [, key, value] = /^(\w+) = (.*)$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) section.set(key, value);
  }
  const { formatter } = JSON.parse(read("biome.json"));
  const all = sections.get("*");
  expect(all?.get("indent_style")).toBe(formatter.indentStyle);
  expect(all?.get("indent_size")).toBe(String(formatter.indentWidth));
  expect(all?.get("max_line_length")).toBe(String(formatter.lineWidth));
  // Biome's own default, which biome.json leaves as it is.
  expect(formatter.lineEnding ?? "lf").toBe(all?.get("end_of_line"));
  // What Biome formats has no section of its own that says otherwise.
  expect([...sections.keys()]).toEqual(["*", "*.py", "test/**/fixtures/**"]);
});
