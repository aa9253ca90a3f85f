/** Blocks of code that are no programs: equations, JSON, and what is typed in a terminal. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { writeModel } from "../../src/formats/model-file.ts";
import { readSafetensors } from "../../src/formats/safetensors.ts";
import { cell } from "../../src/graph/cell.ts";
import { embedding, simpleRnn } from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";
import { readSpace } from "../../src/sweep/space.ts";
import { root, runNode } from "../helpers/processes.ts";
import { blocksOf, pages, readPage } from "./pages.ts";

const blocks = pages.flatMap((page) => blocksOf(readPage(page)).map((block) => ({ page, ...block })));
const of = (language: string) => blocks.filter((block) => block.language === language);

test("every block has a word that a test knows", () => {
  const words = new Set(blocks.map(({ language, meta }) => (meta === "" ? language : `${language} ${meta}`)));
  const known = ["", "cell", "cell x H", "html", "html [index.html]", "html [plain.html]", "json", "python"];
  const programs = ["ts", "ts [main.ts]", "ts [vite.config.ts]", "ts goes on"];
  expect([...words].filter((word) => ![...known, ...programs].includes(word))).toEqual([]);
});

test("equations compile", () => {
  expect(of("cell").length).toBeGreaterThan(2);
  for (const { page, code, meta } of of("cell")) {
    const inputs = meta === "" ? ["x"] : meta.split(" ");
    expect(cell(code, { inputs }).output, `${page}: ${code}`).toMatch(/^(y|h')$/);
  }
});

test("the JSON of the model file's page is what is written", () => {
  const [block, ...others] = of("json");
  // Those of the guides to other models, to sweeps and to courses are read by tests of their own.
  const elsewhere = [
    "docs/models-of-others.md",
    "docs/models-of-others.md",
    "docs/more-than-one-machine.md",
    "docs/teaching.md",
  ];
  expect(others.map(({ page }) => page)).toEqual(elsewhere);
  const model = sequential([embedding(10, 8), simpleRnn(16)]);
  const { metadata } = readSafetensors(writeModel({ model, extra: {} }), "m.safetensors");
  expect(JSON.parse(block?.code as string)).toEqual(JSON.parse(metadata.unrolled as string));
});

test("the space that the guide to sweeps shows is one", () => {
  const [block, ...others] = of("json").filter(({ page }) => page === "docs/more-than-one-machine.md");
  expect(others).toEqual([]);
  expect(readSpace(JSON.parse(block?.code as string), "space.json").map(({ kind }) => kind)).toEqual(
    "list list range range range".split(" "),
  );
});

/** What is typed: lines that call `unrolled` or `npm run`, with what continues them. */
const typed = of("").flatMap(({ page, code }) => {
  const lines = code.replace(/\\\n\s*/g, " ").split("\n");
  return lines.flatMap((line) => {
    const command = line.replace(/^\$ /, "").replace(/\s+#.*$/, "");
    return /^(npx )?unrolled [a-z]|^npm (run )?[a-z]/.test(command) ? [{ page, command }] : [];
  });
});

test("commands of unrolled are there, with their options", async () => {
  const commands = typed.filter(({ command }) => /^(npx )?unrolled /.test(command));
  expect(commands.length).toBeGreaterThan(15);
  const help = new Map<string, string>();
  for (const { page, command } of commands) {
    const [, name = ""] = /unrolled ([a-z]+)/.exec(command) ?? [];
    if (!help.has(name)) help.set(name, (await runNode([join(root, "dist/cli/main.js"), name, "--help"])).out);
    expect(help.get(name), `${page}: ${command}`).toContain(`Usage: unrolled ${name}`);
    for (const [, option = ""] of command.replace(/"[^"]*"|'[^']*'/g, "").matchAll(/ (--[a-z-]+)/g))
      expect(help.get(name), `${page}: ${command}`).toMatch(new RegExp(`^.*${option}\\b`, "m"));
  }
});

test("scripts of npm run are there", () => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const named = typed.flatMap(({ page, command }) => {
    const [, name] = /^npm run ([\w:-]+)/.exec(command) ?? [];
    return name === undefined ? [] : [{ page, name }];
  });
  expect(named.length).toBeGreaterThan(5);
  expect(named.filter(({ name }) => !Object.hasOwn(scripts, name))).toEqual([]);
});
