/**
 * End a launcher that outlives its processes: mpirun can wait for ever for a lock of its own (PMIx 4.2) once they have all ended.
 */
import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { basename } from "node:path";

/** Those whose processes are their children, on this machine and, by ssh, on others. */
const launchers = ["mpirun", "mpiexec", "orterun"];

/**
 * Kill it once it has had processes and has none left for so long. Only on Linux, which says what a process has started.
 * @param patienceMs milliseconds
 * @returns what stops looking, and says whether it was killed
 */
export function endWhenStuck(launcher: ChildProcess, program: string, patienceMs: number): () => boolean {
  if (!launchers.includes(basename(program))) return () => false;
  let [hadSome, killed] = [false, false];
  let emptySinceMs: number | undefined;
  const timer = setInterval(() => {
    const living = livingChildren(launcher.pid as number);
    if (living === undefined) return;
    hadSome ||= living > 0;
    emptySinceMs = living > 0 || !hadSome ? undefined : (emptySinceMs ?? performance.now());
    if (emptySinceMs === undefined || performance.now() - emptySinceMs < patienceMs) return;
    killed = true;
    launcher.kill("SIGKILL");
  }, patienceMs / 8);
  timer.unref();
  return () => {
    clearInterval(timer);
    return killed;
  };
}

/** How many processes that it has started still run; undefined where the system does not say. */
function livingChildren(pid: number): number | undefined {
  try {
    const pids = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean);
    return pids.filter(isLiving).length;
  } catch {
    return undefined;
  }
}

function isLiving(pid: string): boolean {
  try {
    // Behind the name, which is in brackets and may have brackets and blanks itself.
    return !/\) [ZX] [^)]*$/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
