/** The server's parts: each middleware and each family of routes is a file, and `app.ts` is the list of them. Reads the source as text. */
import { basename, dirname, join } from "node:path";
import { expect, test } from "vitest";
import { routes } from "../../src/server/routes/table.ts";
import { filesBelow, importsOf, isSource, read } from "./modules.ts";

const sources = filesBelow("src/server").filter(isSource);
const app = "src/server/app.ts";
const inFolder = (folder: string) => sources.filter((file) => dirname(file) === `src/server/${folder}`);
const whoCalls = (name: string) =>
  sources.filter((file) => new RegExp(`(?<!function )\\b${name}(<\\w+>)?\\(`).test(read(file)));

test("app.ts puts together every middleware and every family of routes", () => {
  const parts = [...inFolder("middleware"), ...inFolder("routes")];
  expect(parts.length).toBeGreaterThan(12);
  const imported = importsOf(app, read(app)).map((name) => join(dirname(app), name));
  expect(parts.filter((file) => !imported.includes(file))).toEqual([]);
});

test("each route of the table has its handler in one file of routes", () => {
  const families = inFolder("routes").filter((file) => !["table.ts", "add-routes.ts"].includes(basename(file)));
  for (const name of Object.keys(routes)) {
    const here = families.filter((file) => new RegExp(`^    (async )?${name}[(:]`, "m").test(read(file)));
    expect(here, name).toHaveLength(1);
  }
});

test("what a model writes is asked of it in one place, whoever asks", () => {
  expect(whoCalls("createSequence")).toEqual(["src/server/completions/text.ts"]);
  expect(whoCalls("createTexts")).toEqual(["src/server/completions/request.ts"]);
  expect(whoCalls("createRequest")).toEqual(["src/server/routes/completions.ts", "src/server/routes/sessions.ts"]);
  expect(whoCalls("checkLimits")).toEqual(["src/server/completions/request.ts"]);
});
