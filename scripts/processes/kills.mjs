/**
 * Kill a random process of a training at a random moment, again and again, and go on from its file each time: all processes have to end, the
 * file to be whole, and the end to be the same, byte for byte, as without kills. Usage: kills.mjs [KILLS] [PROCESSES] [KILLS A TRAINING]
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [kills = 100, processes = 2, each = 10] = process.argv.slice(2).map(Number);
const program = join(import.meta.dirname, "../../dist/cli/main.js");
const folder = mkdtempSync(join(tmpdir(), "unrolled-kills-"));
const text = Array.from({ length: 1500 }, (_, k) => `Sentence ${k % 37} says ${(k * k) % 101}.`).join("\n");
writeFileSync(join(folder, "text.txt"), text);
const env = {
  ...process.env,
  OMPI_ALLOW_RUN_AS_ROOT: "1",
  OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: "1",
  OMPI_MCA_rmaps_base_oversubscribe: "1",
};
const common = "--units 64 --batch 8 --steps 16 --epochs 40 --save-every 25 --sample 0 --threads 1".split(" ");
const command = (out, ...more) => [
  "-n",
  `${processes}`,
  process.execPath,
  program,
  "train",
  "text.txt",
  "--out",
  out,
  ...common,
  ...more,
];
const start = (out, ...more) => {
  const child = spawn("mpirun", command(out, ...more), { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (said += chunk));
  const ended = new Promise((resolve) => child.on("close", (code) => resolve({ code, said })));
  return { child, ended };
};
const pidsOf = (out) =>
  spawnSync("pgrep", ["-f", `^${process.execPath} .*--out ${out}`], { encoding: "utf8" })
    .stdout.split("\n")
    .filter(Boolean)
    .map(Number);
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const clean = await start("clean.safetensors").ended;
if (clean.code !== 0) throw new Error(clean.said);
const wanted = readFileSync(join(folder, "clean.safetensors"));
let [done, tooLate, broken, different, left, slowestMs, beforeFile, stuck] = [0, 0, 0, 0, 0, 0, 0, 0];
for (let training = 0; done < kills; training++) {
  const out = `killed-${training}.safetensors`;
  const path = join(folder, out);
  for (let k = 0; k < each && done < kills; k++) {
    const { child, ended } = start(out, ...(existsSync(path) ? ["--resume"] : []));
    let over = false;
    ended.then(() => (over = true));
    while (pidsOf(out).length < processes && !over) await wait(10);
    await wait(Math.random() * 4000);
    const pids = pidsOf(out);
    if (over || pids.length === 0) {
      tooLate++;
      break; // It has come to its end.
    }
    const killedMs = performance.now();
    try {
      process.kill(pids[Math.floor(Math.random() * pids.length)], "SIGKILL");
    } catch {
      tooLate++;
      break;
    }
    done++;
    while (pidsOf(out).length > 0 && performance.now() - killedMs < 60_000) await wait(10);
    slowestMs = Math.max(slowestMs, performance.now() - killedMs);
    // mpirun itself may wait for ever for a lock of its own, once its processes have ended.
    if ((await Promise.race([ended, wait(30_000)])) === undefined) {
      stuck++;
      child.kill("SIGKILL");
      await ended;
    }
    for (let tries = 0; pidsOf(out).length > 0 && tries < 40; tries++) await wait(50);
    left += pidsOf(out).length;
    if (!existsSync(path)) beforeFile++;
    else if (
      spawnSync(process.execPath, [program, "evaluate", out, "text.txt", "--json"], { cwd: folder }).status !== 0
    )
      broken++;
  }
  const last = await start(out, ...(existsSync(path) ? ["--resume"] : [])).ended;
  if (last.code !== 0) throw new Error(last.said);
  if (!readFileSync(path).equals(wanted)) different++;
  console.log(
    JSON.stringify({
      training,
      kills: done,
      beforeFile,
      broken,
      left,
      different,
      stuck,
      slowestMs: Math.round(slowestMs),
      tooLate,
    }),
  );
}
rmSync(folder, { recursive: true });
