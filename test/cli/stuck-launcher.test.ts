import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { endWhenStuck } from "../../src/cli/stuck-launcher.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

const folder = temporaryFolder();
/** Starts a process that lasts so long, and never ends itself. */
writeFileSync(
  join(folder, "mpirun"),
  `#!${process.execPath}
require("node:child_process").spawn("sleep", [process.argv[2]]);
setInterval(() => {}, 1000);`,
  { mode: 0o755 },
);
const start = (seconds: string) => spawn(join(folder, "mpirun"), [seconds], { stdio: "ignore" });
const endOf = (child: ReturnType<typeof start>) =>
  new Promise((resolve) => child.on("close", (_, signal) => resolve(signal)));

test.skipIf(process.platform !== "linux")(
  "mpirun is killed once its processes have ended, and not before; others are left alone",
  async () => {
    const [stuck, busy, other] = [start("0.2"), start("5"), start("0.2")];
    const patienceMs = 400;
    const [ofStuck, ofBusy] = [stuck, busy].map((child) => endWhenStuck(child, join(folder, "mpirun"), patienceMs));
    const ofOther = endWhenStuck(other, "srun", patienceMs);
    expect(await endOf(stuck)).toBe("SIGKILL");
    expect(ofStuck?.()).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, patienceMs));
    expect([busy.exitCode, busy.signalCode, other.exitCode, other.signalCode]).toEqual([null, null, null, null]);
    expect([ofBusy?.(), ofOther()]).toEqual([false, false]);
    for (const child of [busy, other]) {
      const ended = endOf(child);
      child.kill("SIGKILL");
      await ended;
    }
  },
);
