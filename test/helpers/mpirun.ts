/** Processes that Open MPI's mpirun starts, where it is installed. */
import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";

export const hasMpirun = /Open MPI/.test(spawnSync("mpirun", ["--version"], { encoding: "utf8" }).stdout ?? "");
export const unlessMissing = "(skipped where Open MPI's mpirun is not installed)";
export const program = join(import.meta.dirname, "../../dist/cli/main.js");

/** More processes than cores, and a test as root, are no mistake here. Other tests run meanwhile, so nobody keeps a core. */
const env = {
  ...process.env,
  OMPI_ALLOW_RUN_AS_ROOT: "1",
  OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: "1",
  OMPI_MCA_rmaps_base_oversubscribe: "1",
  OMPI_MCA_hwloc_base_binding_policy: "none",
};

export type Ended = { readonly code: number | null; readonly out: string; readonly err: string };

/** @param args mpirun's own, then a program and its arguments */
export function mpirun(
  folder: string,
  args: readonly string[],
): { readonly ended: Promise<Ended>; kill(signal: NodeJS.Signals): void } {
  const child = spawn("mpirun", args, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  let [out, err] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    out += chunk;
  });
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    err += chunk;
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, out, err }));
  });
  return { ended, kill: (signal) => void child.kill(signal) };
}

/** The processes of this command, by a word that no other has in its arguments. */
export function processesOf(word: string): number[] {
  const { stdout } = spawnSync("pgrep", ["-f", `^${process.execPath}.*${word}|^node .*${word}`], { encoding: "utf8" });
  return stdout.split("\n").filter(Boolean).map(Number);
}
