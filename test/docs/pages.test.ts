import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { recordedAs } from "../formats/pytorch/recorded.ts";
import { createHost } from "../helpers/host.ts";
import { checkTypes, compile, makeFolder, pages, programsOf, readPage } from "./pages.ts";

const { folder, remove } = makeFolder();
const programs: Record<string, string> = Object.fromEntries(
  pages.flatMap((page) => {
    const name = page.replace(/\W/g, "-");
    return programsOf(readPage(page)).map((code, k) => [`${name}-${k + 1}`, code]);
  }),
);
let complaints = "";
const run = createHost();

beforeAll(async () => {
  // What the programs read.
  const words = "call me ishmael some years ago never mind how long precisely having little money in my purse".split(
    " ",
  );
  const text = Array.from({ length: 60 }, (_, k) => words[(k * k + 3 * k) % words.length]).join(" ");
  writeFileSync(join(folder, "moby_dick_four_chapters.txt"), text);
  writeFileSync(join(folder, "book.txt"), `${text}. `.repeat(8));
  writeFileSync(join(folder, "tagger.pt"), recordedAs("zip").bytes);
  complaints = await checkTypes(folder, programs);
  await compile(folder, Object.keys(programs));
}, 60_000);
afterAll(remove);

test("programs of a page: a block with imports begins one, another goes on with it", () => {
  const page = [
    "```ts\nimport a;\n```\n```ts\nb;\n```\n```\nno\n```\n```ts goes on\nimport d;\n```\n",
    "```ts\nimport c;\n```\n```ts [main.ts]\nimport e;\n```\n",
  ].join("");
  expect(programsOf(page)).toEqual(["import a;\nb;\nimport d;\n", "import c;\n"]);
});

test("TypeScript has nothing to say about the programs of README.md and docs", () => {
  expect(complaints).toBe("");
});

test.each(Object.keys(programs))("%s runs", { timeout: 60_000 }, async (name) => {
  const { code, out, err } = await run(folder, join(folder, `${name}.js`), []);
  expect({ code, output: code === 0 ? "" : out + err }).toEqual({ code: 0, output: "" });
});
