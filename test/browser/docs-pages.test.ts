/** The pages for a browser that README and the guides show, opened as they stand. */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "vite";
import { afterAll, expect, test } from "vitest";
import { blocksOf, makeFolder, readPage } from "../docs/pages.ts";
import { root } from "../helpers/processes.ts";
import { publicModules } from "../helpers/public-modules.ts";
import { withPage } from "./harness.ts";

const { folder, remove } = makeFolder();
afterAll(remove);
const guide = blocksOf(readPage("docs/getting-started.md"));
const fileOf = (name: string): string => guide.find(({ meta }) => meta === `[${name}]`)?.code as string;

/** What a user's folder has after `npm install unrolled`. */
function installed(name: string): string {
  const project = join(folder, name);
  mkdirSync(join(project, "node_modules"), { recursive: true });
  symlinkSync(root, join(project, "node_modules/unrolled"), "junction");
  symlinkSync(join(root, "node_modules/@noble"), join(project, "node_modules/@noble"), "junction");
  return project;
}

test("README's plain page finds the package by its import map", async () => {
  const project = installed("readme");
  const [page, ...others] = blocksOf(readPage("README.md")).filter(({ language }) => language === "html");
  expect(others).toEqual([]);
  writeFileSync(join(project, "index.html"), page?.code as string);
  await withPage({ isolated: false, folder: project }, async (tab) => {
    await tab.waitForFunction(() => document.body?.textContent?.trim() === "h", undefined, { timeout: 30_000 });
  });
});

test.each([false, true])("the guide's plain page trains, cross-origin isolated: %s", async (isolated) => {
  const project = installed(`plain-${isolated}`);
  writeFileSync(join(project, "plain.html"), fileOf("plain.html"));
  await withPage({ isolated, folder: project, path: "plain.html" }, async (tab) => {
    await tab.waitForFunction(
      () => /^loss 0\.\d{3}$/.test(document.querySelector("#loss")?.textContent ?? ""),
      undefined,
      {
        timeout: 60_000,
      },
    );
  });
});

test("the guide's Vite project builds with its settings, and trains", async () => {
  const project = join(folder, "vite");
  mkdirSync(project, { recursive: true });
  for (const name of ["index.html", "main.ts", "vite.config.ts"]) writeFileSync(join(project, name), fileOf(name));
  await build({
    root: project,
    configFile: join(project, "vite.config.ts"),
    logLevel: "error",
    resolve: {
      alias: publicModules.map(({ name, source }) => ({
        find: new RegExp(`^${name}$`),
        replacement: join(root, source),
      })),
    },
  });
  await withPage({ isolated: true, folder: join(project, "dist") }, async (tab) => {
    await tab.waitForFunction(
      () => /^loss \d\.\d{3}$/.test(document.querySelector("#loss")?.textContent ?? ""),
      undefined,
      {
        timeout: 60_000,
      },
    );
  });
});
