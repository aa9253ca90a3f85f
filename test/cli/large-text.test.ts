/** `unrolled train` on a text that is too large to be kept in memory. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readModel } from "../../src/formats/model-file.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { runAlone } from "./run.ts";

const folder = temporaryFolder();
const small = ["--units", "4", "--embedding", "4", "--validation", "0", "--sample", "0"];
const line = "a line of a very long text, of which there are many. é\n";
const lines = Math.ceil(2 ** 26 / 56) + 1;
writeFileSync(join(folder, "large.txt"), line.repeat(lines));

test("train reads it in parts, says so, and leaves no temporary file", async () => {
  const args = ["train", "large.txt", "--out", "m.safetensors", "--epochs", "0.00001", ...small];
  const before = readdirSync(folder).length;
  process.env.TMPDIR = folder;
  const { code, err } = await runAlone(folder, ...args).finally(() => delete process.env.TMPDIR);
  expect(code).toBe(0);
  const [said, sizes] = err.split("\n");
  expect(said).toBe(`large.txt: ${(56 * lines).toLocaleString("en-US")} bytes, read from disk in parts`);
  expect(sizes).toContain(
    `large.txt: ${(55 * lines).toLocaleString("en-US")} tokens, vocabulary ${new Set(line).size + 1}, `,
  );
  expect(readdirSync(folder).length).toBe(before + 1);
  expect(readModel(readFileSync(join(folder, "m.safetensors")), "m").training?.step).toBeGreaterThan(0);
});

test("without room for its tokens it is refused in one line that says what to do", async () => {
  process.env.TMPDIR = join(folder, "none");
  const args = ["train", "large.txt", "--out", "o.safetensors", "--epochs", "0.00001", ...small];
  const { code, out, err } = await runAlone(folder, ...args).finally(() => delete process.env.TMPDIR);
  expect({ code, out }).toEqual({ code: 2, out: "" });
  expect(err.split("\n").slice(1).join("\n")).toBe(
    `unrolled: ${join(folder, "none")}: cannot store the tokens of a large text (ENOENT). ` +
      "Set the environment variable TMPDIR to a folder with more space.\n",
  );
});
