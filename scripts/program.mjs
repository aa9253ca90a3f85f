/**
 * `npm run recipe -- NAME [DATA] [options]`, and `npm run example -- ...`: install what is missing, build recipes/NAME.ts or
 * examples/NAME.ts, run it.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { buildPrograms, namesOf } from "./programs.mjs";
import { ensureInstalled, fail, root, run } from "./steps.mjs";

const [kind, name, ...rest] = process.argv.slice(2);
const folder = `${kind}s`;
const names = namesOf(kind);
const given = name === undefined ? `no ${kind} was named` : `there is no ${kind} "${name}"`;
if (!names.includes(name)) fail(`npm run ${kind}: ${given}. There are ${names.join(", ")}.`, 2);

ensureInstalled();
const cache = join(root, "node_modules/.cache/unrolled", folder);
mkdirSync(cache, { recursive: true });
// Its own: another program that is built meanwhile must not replace what this one is reading.
const output = mkdtempSync(join(cache, `${name}-`));
process.on("exit", () => rmSync(output, { recursive: true, force: true }));
process.on("SIGINT", () => {}); // The program gets it too, and ends as it likes.
await buildPrograms(kind, [name], output);
const built = join(output, `${name}.mjs`);
if (!existsSync(built)) fail(`internal: the ${kind} was not built`);
const oneLine = pathToFileURL(join(root, "scripts/one-line-errors.mjs")).href;
process.exit(run(process.execPath, ["--import", oneLine, built, ...rest]));
