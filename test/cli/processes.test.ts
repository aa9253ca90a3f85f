/** `unrolled train` in several processes, which mpirun starts. */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { hasMpirun, mpirun, processesOf, program, unlessMissing } from "../helpers/mpirun.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { refusal, run, runAlone } from "./run.ts";

const folder = temporaryFolder();
const text = Array.from({ length: 300 }, (_, k) => `Sentence ${k % 37} says ${(k * k) % 101}.`).join("\n");
writeFileSync(join(folder, "text.txt"), text);
const sizes = ["--units", "40", "--batch", "6", "--steps", "16", "--threads", "1"];
const train = (out: string, ...more: string[]): string[] => ["train", "text.txt", "--out", out, ...sizes, ...more];
const processes = (count: number, ...command: string[]) =>
  mpirun(folder, ["-n", `${count}`, process.execPath, program, ...command]).ended;
const lines = (out: string): Record<string, unknown>[] =>
  out
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const bytes = (name: string): Buffer => readFileSync(join(folder, name));
const losses = (all: Record<string, unknown>[]): number[] =>
  all.flatMap(({ event, validationLoss }) =>
    event === "progress" && validationLoss !== null ? [validationLoss as number] : [],
  );

describe.skipIf(!hasMpirun)(`train, started by mpirun ${unlessMissing}`, () => {
  test("2 and 4 processes learn what one learns, the same bits each time", async () => {
    const alone = lines((await run(folder, ...train("1.safetensors", "--epochs", "2", "--json"))).out);
    expect(alone[0]).not.toHaveProperty("ranks");
    for (const count of [4, 2]) {
      const { code, out, err } = await processes(count, ...train(`${count}.safetensors`, "--epochs", "2", "--json"));
      expect({ code, err }).toEqual({ code: 0, err: "" });
      const told = lines(out);
      expect(told[0]).toMatchObject({ event: "start", ranks: count });
      expect(told.filter(({ event }) => event === "start" || event === "done")).toHaveLength(2);
      expect(losses(told)).toHaveLength(losses(alone).length);
      for (const [k, loss] of losses(told).entries()) expect(loss).toBeCloseTo(losses(alone)[k] as number, 3);
    }
    await processes(2, ...train("again.safetensors", "--epochs", "2"));
    expect(bytes("again.safetensors").equals(bytes("2.safetensors"))).toBe(true);
  }, 120_000);

  test("a process that is killed ends all; resumed, by as many it gives the same bits, and others go on", async () => {
    const whole = ["--epochs", "6", "--save-every", "20"];
    await processes(2, ...train("whole.safetensors", ...whole));
    const started = mpirun(folder, ["-n", "2", process.execPath, program, ...train("killed.safetensors", ...whole)]);
    while (!existsSync(join(folder, "killed.safetensors"))) await wait(20);
    process.kill(processesOf("killed.safetensors").at(-1) as number, "SIGKILL");
    const { code } = await started.ended;
    expect(code).not.toBe(0);
    await expect.poll(() => processesOf("killed.safetensors"), { timeout: 5000 }).toEqual([]);
    copyFileSync(join(folder, "killed.safetensors"), join(folder, "fewer.safetensors"));
    const again = await processes(2, ...train("killed.safetensors", "--epochs", "6", "--resume"));
    expect(again.code, again.err).toBe(0);
    expect(bytes("killed.safetensors").equals(bytes("whole.safetensors"))).toBe(true);
    const more = await processes(3, ...train("fewer.safetensors", "--epochs", "5", "--resume", "--json"));
    expect(more.code, more.err).toBe(0);
    expect(lines(more.out).at(-1)).toMatchObject({ event: "done", ended: "finished" });
  }, 120_000);

  test("processes with another text, or other options, are refused before training, and told in what", async () => {
    writeFileSync(join(folder, "other.txt"), `${text}!`);
    const command = (file: string, ...more: string[]) => [
      ...["-n", "1", process.execPath, program, "train", file, "--out", "refused.safetensors", ...sizes, ...more],
    ];
    const texts = await mpirun(folder, [...command("text.txt"), ":", ...command("other.txt")]).ended;
    expect(texts.err).toMatch(
      /^unrolled: train: the text: process 1 has "\d+ tokens \([0-9a-f]{8}\)", and process 0 has "\d+ tokens \([0-9a-f]{8}\)"\. Start/m,
    );
    const options = await mpirun(folder, [...command("text.txt"), ":", ...command("text.txt", "--seed", "3")]).ended;
    expect(options.err).toMatch(
      /^unrolled: train: --seed: process 1 has "3", and process 0 has nothing\. Start all processes with the same\.$/m,
    );
    for (const { code } of [texts, options]) expect(code).not.toBe(0);
    expect(existsSync(join(folder, "refused.safetensors"))).toBe(false);
  }, 120_000);

  test("a process that does not start ends the others within --patience", async () => {
    const command = [process.execPath, program, ...train("late.safetensors", "--patience", "2")];
    const { code, err } = await mpirun(folder, ["-n", "1", ...command, ":", "-n", "1", "sleep", "60"]).ended;
    expect(code).not.toBe(0);
    expect(err).toMatch(
      /^unrolled: training by several processes: another one has not started within 2 seconds\. All of them end\.$/m,
    );
  }, 60_000);

  test("a process that does not answer ends the others within --patience", async () => {
    const forever = train("stopped.safetensors", "--epochs", "10000", "--save-every", "20", "--patience", "2");
    const started = mpirun(folder, ["-n", "3", process.execPath, program, ...forever]);
    while (!existsSync(join(folder, "stopped.safetensors"))) await wait(20);
    const all = processesOf("stopped.safetensors");
    expect(all).toHaveLength(3);
    process.kill(all[1] as number, "SIGSTOP");
    const { code, err } = await started.ended;
    expect(code).toBe(1);
    expect(err).not.toMatch(/^\s+at |node:internal/m);
    expect(err).toMatch(
      /^unrolled: training by several processes: process(?:es \d, \d have| \d has) not answered for 2 seconds\. All of them end\.$/m,
    );
    await expect.poll(() => processesOf("stopped.safetensors"), { timeout: 5000 }).toEqual([]);
    expect(lines((await run(folder, "evaluate", "stopped.safetensors", "text.txt", "--json")).out)).toHaveLength(1);
  }, 120_000);
});

test("--launch starts the command by another one, and --restart again from its file where it ended by a fault", async () => {
  // The first time it ends what it has started, once that has written its file.
  writeFileSync(
    join(folder, "launcher.mjs"),
    `import { spawn } from "node:child_process";
    import { existsSync, writeFileSync } from "node:fs";
    const [program, ...args] = process.argv.slice(2);
    const child = spawn(program, args, { stdio: "inherit" });
    child.on("close", (code) => process.exit(code ?? 1));
    if (!existsSync("killed")) setInterval(() => {
      if (!existsSync("launched.safetensors")) return;
      writeFileSync("killed", "");
      child.kill("SIGKILL");
    }, 20);`,
  );
  const by = ["--launch", `${process.execPath} launcher.mjs`];
  const command = train("launched.safetensors", "--epochs", "4", "--save-every", "20");
  const { code, err } = await runAlone(folder, ...command, ...by, "--restart", "1");
  expect(code, err).toBe(0);
  expect(err).toMatch(
    /^The training ended by a fault \(exit code 1\)\. It goes on from launched\.safetensors; 0 more starts are left\.$/m,
  );
  // Where nothing was saved, it starts again from the beginning.
  writeFileSync(
    join(folder, "failing.mjs"),
    `import { spawn } from "node:child_process";
    import { existsSync, writeFileSync } from "node:fs";
    if (!existsSync("failed")) {
      writeFileSync("failed", "");
      process.kill(process.pid, "SIGKILL");
    } else spawn(process.argv[2], process.argv.slice(3), { stdio: "inherit" }).on("close", (code) => process.exit(code));`,
  );
  const failing = ["--launch", `${process.execPath} failing.mjs`];
  const anew = await runAlone(folder, ...train("anew.safetensors", "--epochs", "0.1"), ...failing, "--restart", "2");
  expect(anew.code, anew.err).toBe(0);
  expect(anew.err).toMatch(
    /^The training ended by a fault \(SIGKILL\)\. It starts again: nothing was saved; 1 more start is left\.$/m,
  );
  expect(err).toMatch(/^Continuing after update \d+, to 4 epochs in all\.$/m);
  // What was refused is not tried again.
  const refused = await runAlone(folder, ...train("launched.safetensors"), ...by, "--restart", "3");
  expect(refused.code).toBe(2);
  expect(refused.err).toMatch(/^unrolled: launched\.safetensors: a model exists here[^\n]*\n$/);
  expect(await refusal(folder, ...train("x.safetensors", "--restart", "1"))).toMatch(/^--restart: is for processes/);
  const missing = await runAlone(folder, ...train("x.safetensors", "--launch", "no-such-launcher"));
  expect(missing).toMatchObject({
    code: 2,
    err: "unrolled: --launch: no-such-launcher does not start (ENOENT). Is it installed?\n",
  });
}, 120_000);

test("of the commands train alone shares its work among processes; others are refused", async () => {
  const env = { ...process.env, OMPI_COMM_WORLD_SIZE: "2", OMPI_COMM_WORLD_RANK: "1" };
  const { status, stderr } = spawnSync(process.execPath, [program, "classify", "text.txt"], { env, encoding: "utf8" });
  expect(status).toBe(2);
  expect(stderr).toBe(
    "unrolled: classify: is one of several processes that Open MPI has started, and of the commands only train shares its work among them. Start it alone.\n",
  );
});

test("what is for several processes is refused for one", async () => {
  const { code, err } = await run(folder, ...train("none.safetensors", "--gradients", "int8"));
  expect(code).toBe(2);
  expect(err).toBe(
    "unrolled: --gradients: is for a training by several processes, and this one is alone. Start it by mpirun -n N, or leave it out.\n",
  );
});
