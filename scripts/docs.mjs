/**
 * `npm run docs`: the site in dist-docs, from the Markdown of the repository and the docstrings of what is public. Options: --out
 * FOLDER, and --base /PATH/ where a host has it below a path.
 */
import { mkdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { ensureInstalled, root } from "./steps.mjs";

const { values } = parseArgs({ options: { out: { type: "string" }, base: { type: "string" } } });
ensureInstalled();
if (values.out !== undefined) process.env.DOCS_OUT = resolve(values.out);
if (values.base !== undefined) process.env.DOCS_BASE = values.base;

const seconds = [];
async function step(name, work) {
  const start = performance.now();
  await work();
  seconds.push(`${name} ${((performance.now() - start) / 1000).toFixed(1)} s`);
}

const site = join(root, "site");
const pages = join(site, "pages");
rmSync(pages, { recursive: true, force: true });
mkdirSync(pages, { recursive: true });
const { writePages } = await import("../site/pages.mjs");
const { writeReference } = await import("../site/reference.mjs");
await step("pages", () => writePages(root, pages));
await step("reference", () =>
  writeReference(root, join(pages, "reference"), join(root, "node_modules/.cache/unrolled/reference")),
);
const { build } = await import("vitepress");
await step("site", () => build(site));
console.log(seconds.join(", "));
console.log(
  `The site is in ${values.out ?? "dist-docs"}: npx vite preview --outDir ${values.out ?? "dist-docs"} shows it.`,
);
