/**
 * `npm run test:browsers`: the browser tests with the Chromium from npm and with a newer one, which is installed or which
 * CHROME_PATH names. Arguments go to Vitest. Ends with 1 where either fails, or where there is only one.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { build, ensureInstalled, fail, isBuilt, run } from "./steps.mjs";

const fromNpm = "@sparticuz/chromium";
const places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const installed = process.env.CHROME_PATH || places.find((path) => existsSync(path));
if (installed === undefined || installed === fromNpm) {
  fail(`No Chromium is installed (${places.join(", ")}). Install one, or name it by CHROME_PATH.`);
}
const { stdout } = spawnSync(installed, ["--version"], { encoding: "utf8" });
if (!stdout) fail(`${installed} does not start. Name another Chromium by CHROME_PATH.`);

ensureInstalled();
if (!isBuilt() && (await build()) !== 0) fail("The build failed.");
const failed = [];
for (const [name, path] of [
  [fromNpm, fromNpm],
  [stdout.trim(), installed],
]) {
  console.log(`With ${name}:`);
  const tests = ["node_modules/vitest/vitest.mjs", "run", "--project", "browser", ...process.argv.slice(2)];
  if (run(process.execPath, tests, { CHROME_PATH: path }) !== 0) failed.push(name);
}
if (failed.length > 0) fail(`The browser tests fail with ${failed.join(" and ")}.`);
console.log("The browser tests pass with both.");
