/** `unrolled train` on a disk of 200 KB that is filled and freed while it trains: a tmpfs, which only root can mount. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { readLanguageModel } from "../../src/tasks/language-model.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { until } from "../helpers/waiting.ts";
import { json, run, sampleText, start, tiny } from "./run.ts";

const folder = temporaryFolder();
const disk = join(folder, "disk");
const model = join(disk, "m.safetensors");

/** Why there is no such disk here. */
function mount(): string {
  if (process.platform !== "linux") return "needs Linux";
  mkdirSync(disk);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=200k", "none", disk], { stdio: "ignore" });
  } catch {
    return "needs the right to mount a tmpfs";
  }
  afterAll(() => execFileSync("umount", ["-l", disk]));
  return "";
}
const missing = mount();

/** Until nothing more fits. */
function fill(): void {
  for (let size = 4096; size >= 1; ) {
    const name = join(disk, `fill${fills++}`);
    try {
      writeFileSync(name, new Uint8Array(size));
    } catch {
      rmSync(name, { force: true });
      size = Math.floor(size / 2);
    }
  }
}
let fills = 0;
function free(): void {
  for (const name of readdirSync(disk)) if (name.startsWith("fill")) rmSync(join(disk, name));
}
const stepIn = (): number => readLanguageModel(readFileSync(model), "m.safetensors").training?.step ?? 0;

describe.skipIf(missing !== "")(`a disk that is full now and then${missing && ` (${missing})`}`, () => {
  test("each saving that fails is one line, the next that can succeeds, and nothing is lost at the end", async () => {
    writeFileSync(join(folder, "text.txt"), sampleText(400));
    const options = ["--epochs", "1e5", "--sample", "0", "--threads", "1", ...tiny];
    const child = start(folder, ["train", "text.txt", "--out", model, "--save-every", "10", ...options]);
    onTestFinished(() => void child.kill("SIGKILL"));
    let text = "";
    child.stderr?.on("data", (chunk: string) => {
      text += chunk;
    });
    const untilOrEnded = (holds: () => boolean): Promise<void> =>
      until(() => {
        if (child.exitCode !== null) throw new Error(`it has ended: ${text}`);
        return holds();
      });
    const warnings = () => text.match(/^.*is full.*$/gm) ?? [];
    await untilOrEnded(() => readdirSync(disk).includes("m.safetensors"));
    // Again and again: what is being written when it is filled makes room for the next when it is done.
    const refused = async (): Promise<void> => {
      const count = warnings().length;
      await untilOrEnded(() => {
        fill();
        return warnings().length > count + 2;
      });
    };
    for (let round = 0; round < 8; round++) {
      await refused();
      // The old file stays, whole.
      const held = stepIn();
      free();
      await untilOrEnded(() => stepIn() > held);
    }
    await refused();
    const held = stepIn();
    child.kill("SIGTERM");
    const { code } = await child.ended;
    expect(code).toBe(2);
    const lines = new Set(
      warnings()
        .slice(0, -4)
        .map((line) => line.replace(/needs [\d,]+ bytes/, "needs N bytes")),
    );
    expect([...lines]).toEqual([
      `${model}: the disk of ${disk} is full. Free some space. The model needs N bytes in addition to the existing file. ` +
        "Training continues, and saving will be tried again.",
    ]);
    const last = text.trimEnd().split("\n").slice(-4);
    expect(last.slice(0, 3)).toEqual(
      Array(3).fill(`${model}: the disk of ${disk} is full. Free some space. Saving will be tried again.`),
    );
    expect(last[3]).toMatch(
      /The model of update [\d,]+ could not be saved\. The file has the model of update [\d,]+\.$/,
    );
    expect(last[3]).toContain(`The file has the model of update ${held.toLocaleString("en-US")}.`);
    expect(stepIn()).toBe(held);

    // Nothing of what failed takes room, and from what is there it goes on.
    free();
    expect(readdirSync(disk)).toEqual(["m.safetensors"]);
    const epochs = String(held / 138 + 1);
    await json(folder, "train", "text.txt", "--out", model, "--resume", "--threads", "1", "--epochs", epochs);
    expect(stepIn()).toBe(held + 138);
  }, 60_000);

  test("full from the start: it is text before any work", async () => {
    rmSync(model, { force: true });
    for (let k = 0; k < 1000; k++) {
      try {
        writeFileSync(join(disk, `fill-inode${k}`), "");
      } catch {
        break;
      }
    }
    fill();
    const { code, err } = await run(folder, "train", "text.txt", "--out", model, "--epochs", "0.1", ...tiny);
    free();
    expect(code).toBe(2);
    expect(err).toMatch(/is full\. Free some space\./);
  });
});
