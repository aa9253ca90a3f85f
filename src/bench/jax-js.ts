/** jax-js as a peer in a process, on its WASM backend: training steps. In Node it has one thread. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { jaxJsProgram } from "./jax-js-program.ts";
import { findPackage } from "./packages.ts";
import { type StartPeer, threadCount } from "./peer.ts";
import { startNodeProcess } from "./peer-process.ts";

export const startJaxJs: StartPeer = async (shape) => {
  const jax = findPackage("@jax-js/jax");
  const node = findNode();
  if (jax === undefined || node === undefined) return undefined;
  const peer = await startNodeProcess(jaxJsProgram, { ...shape, backend: "wasm" }, { node, folder: jax.from });
  return [{ ...peer, setting: `jax-js ${jax.version}, WASM backend, ${threadCount(1)}` }];
};

/** It needs Node 22: this one, or that of the npm package `node`. */
function findNode(): string | undefined {
  if (Number.parseInt(process.versions.node, 10) >= 22) return process.execPath;
  const found = findPackage("node");
  if (found === undefined || Number.parseInt(found.version, 10) < 22) return undefined;
  const file = join(found.folder, "bin", process.platform === "win32" ? "node.exe" : "node");
  return existsSync(file) ? file : undefined;
}
