/**
 * `npm run clients [-- FOLDER]`: other people's clients at `unrolled serve`: OpenAI's, LangChain's and Vercel's AI SDK, each with
 * completions and chats, at once and as streams, errors, retries and aborts. They take about 110 MB, so they are no
 * dependencies: they are installed in their versions of `clients/package.json` into a temporary folder, or into FOLDER, which
 * stays. Ends with 1 where one gets something else than the model writes.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { build, ensureInstalled, fail, isBuilt, root } from "./steps.mjs";

const [given] = process.argv.slice(2);
ensureInstalled();
if (!isBuilt() && (await build()) !== 0) fail("The build failed; the lines above say where.");

const folder = given === undefined ? mkdtempSync(join(tmpdir(), "unrolled-clients-")) : resolve(given);
mkdirSync(folder, { recursive: true });
cpSync(join(root, "scripts/clients"), folder, { recursive: true });
const inFolder = (command, args) =>
  spawnSync(command, args, { cwd: folder, stdio: "inherit", shell: process.platform === "win32" }).status ?? 1;
console.log("Installing the clients ...");
const installed = inFolder("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"]);
const code = installed === 0 ? inFolder(process.execPath, ["check.mjs", root]) : installed;
if (given === undefined) rmSync(folder, { recursive: true, force: true });
process.exit(code);
