/**
 * A graphics card for tests where there is none: SwiftShader, which comes with Chromium for tests, through the package "webgpu", which
 * `npm test` installs in test/peers.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { brotliDecompressSync } from "node:zlib";

const root = join(import.meta.dirname, "../..");
const dawn = join(root, "test/peers/node_modules/webgpu/index.js");
const packed = join(root, "node_modules/@sparticuz/chromium/bin/swiftshader.tar.br");

export const hasGpu = process.platform === "linux" && process.arch === "x64" && existsSync(dawn) && existsSync(packed);
export const unlessNoGpu = '(skipped where the package "webgpu" or SwiftShader is not installed)';

/** The folder with SwiftShader's libraries, unpacked once. */
function swiftShader(): string {
  const folder = join(root, "node_modules/.cache/unrolled/swiftshader");
  if (existsSync(folder)) return folder;
  mkdirSync(dirname(folder), { recursive: true });
  const own = mkdtempSync(`${folder}-`);
  const { status, stderr } = spawnSync("tar", ["-x", "-C", own], { input: brotliDecompressSync(readFileSync(packed)) });
  if (status !== 0) throw new Error(`SwiftShader cannot be unpacked: ${stderr}`);
  try {
    renameSync(own, folder);
  } catch {
    rmSync(own, { recursive: true }); // Another test was quicker.
  }
  return folder;
}

/**
 * SwiftShader writes the zeros of a workgroup's memory one by one, in code that takes it twenty times as long to compile as a kernel.
 * Ours read none of them.
 */
const quick = ["enable-dawn-features=disable_workgroup_init"];

/** Kept, since a library that nothing holds is unloaded. */
let library: unknown;

/** Let this process find SwiftShader, as a page finds its card, in `navigator`. */
export async function provideGpu(): Promise<void> {
  if (library !== undefined) return;
  const folder = swiftShader();
  const koffi = createRequire(import.meta.url)("koffi") as { load(path: string): unknown };
  // Dawn opens it by its name alone, and so gets the one that is there.
  library = koffi.load(join(folder, "libvulkan.so.1"));
  process.env.VK_ICD_FILENAMES = join(folder, "vk_swiftshader_icd.json");
  const { create } = (await import(pathToFileURL(dawn).href)) as { create(flags: string[]): GPU };
  Object.defineProperty(globalThis, "navigator", { value: { gpu: create(quick) }, configurable: true });
}
