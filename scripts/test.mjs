/**
 * `npm test`: install what is missing; then types, lint, build, and the tests: unit, integration, browser. Goes on after a failure
 * and ends with a summary line. A type, lint or build failure counts as one failed test.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build, ensureInstalled, ensurePeers, isBuilt, root, run, runNode } from "./steps.mjs";

const resultsFile = join(root, "node_modules/.cache/unrolled/test-results.json");

ensureInstalled();
ensurePeers();
const seconds = [];
const failures = [];
async function step(name, work) {
  const start = performance.now();
  const code = await work();
  seconds.push(`${name} ${((performance.now() - start) / 1000).toFixed(1)} s`);
  if (code !== 0) failures.push(name);
}

await step("types", () => runNode("node_modules/typescript/bin/tsc", "-p", "tsconfig.json"));
await step("lint", () => runNode("node_modules/@biomejs/biome/bin/biome", "ci", "--colors=off", "."));
await step("build", () => (isBuilt() ? 0 : build()));

rmSync(resultsFile, { force: true });
mkdirSync(join(resultsFile, ".."), { recursive: true });
let passed = 0;
let failed = 0;
await step("tests", () => {
  // One line a file, and every failure in full.
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${resultsFile}`];
  const code = run(process.execPath, ["node_modules/vitest/vitest.mjs", "run", ...reporters]);
  const results = readResults();
  passed = results.numPassedTests;
  failed = results.numFailedTests;
  // A file that could not be loaded holds no test that failed.
  for (const file of results.testResults) {
    if (file.status === "failed" && file.assertionResults.length === 0) failed++;
  }
  return failed > 0 ? 0 : code; // The failed tests are counted already.
});
if (passed + failed === 0) failures.push("no test ran");

failed += failures.length;
const summary = `${passed} passed, ${failed} failed`;
if (failures.length > 0) console.log(`Failed: ${failures.join(", ")}`);
console.log(seconds.join(", "));
// .ci/run asks for the summary in a file and prints it itself, after npm's own lines.
if (process.env.UNROLLED_TEST_SUMMARY) writeFileSync(process.env.UNROLLED_TEST_SUMMARY, `${summary}\n`);
else console.log(summary);
process.exit(failed === 0 ? 0 : 1);

function readResults() {
  try {
    return JSON.parse(readFileSync(resultsFile, "utf8"));
  } catch {
    return { numPassedTests: 0, numFailedTests: 0, testResults: [] };
  }
}
