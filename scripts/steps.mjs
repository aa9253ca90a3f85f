/** What the other scripts share: run a command, install what is missing, build what is out of date. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of the project. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const stampFile = join(root, "dist/.built-from");

/** Run a command in the project with our own input and output. Returns its exit code. */
export function run(command, args, env = {}) {
  const shell = process.platform === "win32" && command === "npm"; // npm is a .cmd file there
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: "inherit",
    shell,
    env: { ...process.env, ...env },
  });
  if (error) console.error(`${command}: ${error.message}`);
  return status ?? 1;
}

/** Run a Node script of the project or, by its package's file, of a development tool. Returns its exit code. */
export function runNode(file, ...args) {
  return run(process.execPath, [join(root, file), ...args]);
}

/** End the process with one line that says what failed. */
export function fail(line, code = 1) {
  console.error(line);
  process.exit(code);
}

/** True where every package of the lock file is installed in its version. */
export function isInstalled() {
  const packages = (file) => JSON.parse(readFileSync(join(root, file), "utf8")).packages;
  if (!existsSync(join(root, "node_modules/.package-lock.json"))) return false;
  const installed = packages("node_modules/.package-lock.json");
  return Object.entries(packages("package-lock.json")).every(
    // Optional packages are for other systems or processors too.
    ([path, { version, optional }]) => path === "" || optional || installed[path]?.version === version,
  );
}

/** Install the packages of the lock file unless they are there. */
export function ensureInstalled() {
  if (isInstalled()) return;
  console.log("Installing packages ...");
  const args = ["ci", "--include=dev", "--no-audit", "--no-fund"];
  const code = run("npm", args);
  if (code !== 0) fail(`npm ${args.join(" ")} failed. Is the package registry in reach?`, code);
}

/** Install what tests compare with, unless it is there: without the scripts of its packages. Tests go on without it. */
export function ensurePeers() {
  const folder = join(root, "test/peers");
  const read = (file) => JSON.parse(readFileSync(join(folder, file), "utf8"));
  const same = ([name, version]) =>
    existsSync(join(folder, `node_modules/${name}/package.json`)) &&
    read(`node_modules/${name}/package.json`).version === version;
  if (Object.entries(read("package.json").dependencies).every(same)) return;
  console.log("Installing what tests compare with ...");
  const code = run("npm", ["ci", "--prefix", folder, "--ignore-scripts", "--no-audit", "--no-fund"]);
  if (code !== 0) console.log("They could not be installed: tests do with what there is, and say so.");
}

/** A hash of all that the build reads. */
function sourceHash() {
  const hash = createHash("sha256");
  const add = (file) =>
    hash
      .update(file)
      .update("\0")
      .update(readFileSync(join(root, file)))
      .update("\0");
  const sources = readdirSync(join(root, "src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(root.length + 1));
  for (const file of sources.sort()) add(file);
  for (const file of ["tsconfig.json", "tsconfig.build.json", "package-lock.json"]) add(file);
  const builders = ["build", "command-line", "moby-dick", "steps", "studio"];
  for (const name of builders) add(`scripts/${name}.mjs`);
  return hash.digest("hex");
}

/** Compile src to dist, bundle the command line and the studio's page, and put the book beside them. Returns the compiler's exit code. */
export async function build() {
  const hash = sourceHash();
  rmSync(join(root, "dist"), { recursive: true, force: true });
  const code = runNode("node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json");
  if (code !== 0) return code;
  const { buildCommandLine } = await import("./command-line.mjs");
  await buildCommandLine(root, join(root, "dist/cli"));
  // npx runs the file itself inside a checkout.
  chmodSync(join(root, "dist/cli/main.js"), 0o755);
  const { writeMobyDick } = await import("./moby-dick.mjs");
  const { buildStudio, listFiles } = await import("./studio.mjs");
  await buildStudio(root, join(root, "dist/studio"));
  // Commands and pages read the same copy.
  writeMobyDick(join(root, "dist/studio/data/moby-dick.txt"));
  listFiles(join(root, "dist/studio"));
  mkdirSync(dirname(stampFile), { recursive: true });
  writeFileSync(stampFile, hash);
  return 0;
}

/** True where dist was built from the present source. */
export function isBuilt() {
  return existsSync(stampFile) && readFileSync(stampFile, "utf8") === sourceHash();
}
