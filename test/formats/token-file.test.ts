/** Tokens on disk: what was put there comes back, and nothing stays behind. */
import { spawn, spawnSync } from "node:child_process";
import { chmodSync, readdirSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { tokenFile } from "../../src/formats/token-file.ts";
import { InputError } from "../../src/graph/input-error.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { said } from "../helpers/waiting.ts";

const folder = temporaryFolder();

test("property: any run of what was put there comes back, with 1, 2 and 4 bytes a token", () => {
  const vocabulary = fc.constantFrom(2, 255, 256, 257, 65535, 65536, 65537, 2 ** 24);
  const lengths = fc.array(fc.nat(200), { maxLength: 8 });
  fc.assert(
    fc.property(
      vocabulary,
      lengths,
      fc.array(fc.tuple(fc.nat(2000), fc.nat(2000)), { maxLength: 10 }),
      (size, runs, asked) => {
        let next = 0;
        // The largest id is among them.
        const put = runs.map((length) => Int32Array.from({ length }, () => size - 1 - ((next++ * 7919) % size)));
        const all = Int32Array.from(put.flatMap((run) => [...run]));
        const tokens = tokenFile(put, size, folder);
        expect(tokens.length).toBe(all.length);
        expect(tokens.bytes).toBe(all.length * (size <= 256 ? 1 : size <= 65536 ? 2 : 4));
        for (const [a, b] of [[0, all.length] as const, ...asked]) {
          const [from, to] = [Math.min(a, b, all.length), Math.min(Math.max(a, b), all.length)];
          const into = new Int32Array(to - from);
          tokens.read(from, into);
          expect(into).toEqual(all.subarray(from, to));
        }
        tokens.dispose();
        tokens.dispose();
      },
    ),
  );
  expect(readdirSync(folder)).toEqual([]);
});

test("more than a block of the disk, in runs of any length", () => {
  const runs = [3_000_000, 1, 5_000_000, 77].map((length, r) =>
    Int32Array.from({ length }, (_, k) => (k * 31 + r) % 251),
  );
  const tokens = tokenFile(runs, 256, folder);
  expect(tokens.length).toBe(8_000_078);
  const into = new Int32Array(1000);
  tokens.read(2_999_500, into);
  expect([into[499], into[500], into[501], into[999]]).toEqual([(2_999_999 * 31) % 251, 1, 2, (498 * 31 + 2) % 251]);
  tokens.read(7_999_078, into);
  expect(into[999]).toBe((76 * 31 + 3) % 251);
  tokens.dispose();
});

test("a token that is not below the vocabulary's size is refused: it would be stored as another", () => {
  for (const id of [256, -1, 2 ** 31 - 1]) {
    const put = () => tokenFile([Int32Array.of(0, 255), Int32Array.of(3, id)], 256, folder);
    expect(put).toThrow(new InputError(`tokenFile: token ${id} is out of range: expected 0 to 255`));
  }
  expect(() => tokenFile([], 1.5, folder)).toThrow("tokenFile: vocabulary must be a whole number from 1 to");
});

const program = (more: string) => [
  "--input-type=module",
  "-e",
  `import { readdirSync } from "node:fs";
  import { tokenFile } from ${JSON.stringify(join(import.meta.dirname, "../../dist/formats/token-file.js"))};
  function* runs() { for (let k = 0; k < 40; k++) yield new Int32Array(1 << 20).fill(k); }
  ${more}`,
];

test("the file has no name, also while it is written and read, so a kill leaves nothing", async () => {
  const child = spawn(
    process.execPath,
    program(`
    function* watched() { for (const run of runs()) { if (run[0] === 20) console.log("names", readdirSync(${JSON.stringify(folder)}).length); yield run; } }
    const tokens = tokenFile(watched(), 70000, ${JSON.stringify(folder)});
    const into = new Int32Array(2);
    tokens.read(tokens.length - 2, into);
    console.log("read", [...into].join());
    setInterval(() => {}, 1000);`),
  );
  expect(await said(child.stdout, "read")).toBe("names 0\nread 39,39\n");
  child.kill("SIGKILL");
  await new Promise((resolve) => child.on("close", resolve));
  expect(readdirSync(folder)).toEqual([]);
});

test.skipIf(process.platform === "win32")("a folder that is full or shut is said, and what to do", () => {
  // A limit of the shell on a file's size, in blocks of 1,024 bytes, stands for a disk that is full.
  const args = program(`process.on("SIGXFSZ", () => {});
    try { tokenFile(runs(), 256, ${JSON.stringify(folder)}); } catch (error) { console.log(error.name, error.message); }`);
  const { stdout, stderr } = spawnSync("bash", ["-c", 'ulimit -f 10240; exec "$@"', "bash", process.execPath, ...args]);
  expect(String(stdout), String(stderr)).toBe(
    `InputError ${folder}: is too full for the tokens of this text. Set the environment variable TMPDIR to a folder with more space.\n`,
  );
  expect(readdirSync(folder)).toEqual([]);
  expect(() => tokenFile([], 2, join(folder, "none"))).toThrow(InputError);
  expect(() => tokenFile([], 2, join(folder, "none"))).toThrow(
    /none: cannot store the tokens of a large text \(ENOENT\)/,
  );
  if (process.getuid?.() === 0) return;
  chmodSync(folder, 0o500);
  expect(() => tokenFile([], 2, folder)).toThrow(/\(EACCES\)/);
  chmodSync(folder, 0o700);
});
