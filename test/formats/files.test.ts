import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { transformWithOxc } from "vite";
import { beforeEach, describe, expect, test } from "vitest";
import { decodeText } from "../../src/formats/decode-text.ts";
import {
  appendToFile,
  checkWritable,
  digestOf,
  FileTaken,
  makeFolder,
  readInput,
  saveFileAtomically,
  saveFilesAtomically,
  writeFileAtomically,
} from "../../src/formats/files.ts";
import { InputError } from "../../src/graph/input-error.ts";
import { runNode } from "../helpers/processes.ts";
import { refusal } from "../helpers/refusal.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { said } from "../helpers/waiting.ts";

const root = temporaryFolder();
let folder = root;
beforeEach(() => {
  folder = fs.mkdtempSync(join(root, "test-"));
});

const windows = process.platform === "win32";
// Root may read and write everything, so permissions cannot be tested as root.
const withoutRights = !windows && process.getuid?.() !== 0;

function messageOf(act: () => unknown): string {
  const message = refusal(act);
  expect(message).not.toMatch(/[\n\r]/);
  return message.replaceAll(folder, "FOLDER");
}

/** The module of files as JavaScript in the folder: Node 20 runs no TypeScript. */
async function writeModules(): Promise<void> {
  for (const name of ["formats/files", "formats/temporary-file", "graph/input-error"]) {
    const path = fileURLToPath(new URL(`../../src/${name}.ts`, import.meta.url));
    const { code } = await transformWithOxc(fs.readFileSync(path, "utf8"), path);
    const flat = code.replaceAll(/"\.[\w./-]*\/([\w-]+)\.ts"/g, '"./$1.mjs"');
    fs.writeFileSync(join(folder, `${basename(name)}.mjs`), flat);
  }
}

describe("appendToFile and makeFolder", () => {
  test("text and bytes go to the end of a file, which is made where there is none", () => {
    const path = join(folder, "log");
    appendToFile(path, "ä");
    appendToFile(path, Uint8Array.of(0x62, 0x0a));
    expect(fs.readFileSync(path, "utf8")).toBe("äb\n");
  });
  test("a folder is made with those that it is in, and one that is there is left", () => {
    const path = join(folder, "a", "b");
    makeFolder(path);
    appendToFile(join(path, "log"), "1");
    makeFolder(path);
    expect(fs.readdirSync(path)).toEqual(["log"]);
  });
  test("what cannot be written is said in one line", () => {
    appendToFile(join(folder, "file"), "1");
    expect(messageOf(() => appendToFile(folder, "1"))).toBe("FOLDER: is a folder. Give the name of a file to write.");
    expect(messageOf(() => appendToFile(join(folder, "no", "log"), "1"))).toMatch(/there is no folder FOLDER/);
    // Linux's folder of processes is there, and has no file but its own.
    if (fs.existsSync("/proc/self")) {
      expect(messageOf(() => appendToFile("/proc/log", "1"))).toMatch(
        /\/proc takes no new files\. Choose another place/,
      );
    }
    expect(messageOf(() => appendToFile("", "1"))).toMatch(/is empty/);
    expect(messageOf(() => makeFolder(join(folder, "file")))).toMatch(/: is a file\. Give the name of a folder\.$/);
    expect(messageOf(() => makeFolder(join(folder, "file", "a")))).toMatch(
      /file is not a folder\. Choose another place/,
    );
  });
});

describe("saveFileAtomically does what writeFileAtomically does", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const problem = (path: string) =>
    saveFileAtomically(path, bytes("x")).then(
      () => "nothing was thrown",
      (error: Error) => {
        expect(error).toBeInstanceOf(InputError);
        return error.message.replaceAll(folder, "FOLDER");
      },
    );

  test("a new file and over an old one, in which its permissions and a link to it stay", async () => {
    const path = join(folder, "model");
    await saveFileAtomically(path, bytes("old and long"));
    if (!windows) fs.chmodSync(path, 0o640);
    if (!windows) fs.symlinkSync("model", join(folder, "link"));
    await saveFileAtomically(windows ? path : join(folder, "link"), bytes("abcdef").subarray(2, 5));
    expect(fs.readFileSync(path, "utf8")).toBe("cde");
    if (!windows) expect(fs.statSync(path).mode & 0o7777).toBe(0o640);
    expect(fs.readdirSync(folder)).toEqual(windows ? ["model"] : ["link", "model"]);
  });
  test("20 MB, while timers have their turn", async () => {
    const all = new Uint8Array(20_000_000).map((_, k) => k % 251);
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await saveFileAtomically(join(folder, "large"), all);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(0);
    expect(Buffer.compare(fs.readFileSync(join(folder, "large")), all)).toBe(0);
  });
  test("what cannot be written is said in one line, and leaves nothing", async () => {
    fs.writeFileSync(join(folder, "file"), "x");
    expect(await problem(folder)).toBe("FOLDER: is a folder. Give the name of a file to write.");
    expect(await problem(join(folder, "none", "model"))).toMatch(/there is no folder FOLDER\/none/);
    expect(await problem(join(folder, "file", "model"))).toMatch(/file is not a folder/);
    expect(await problem("")).toMatch(/is empty/);
    expect(fs.readdirSync(folder)).toEqual(["file"]);
  });
});

describe("saveFileAtomically with what it may replace", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const text = (path: string) => fs.readFileSync(path, "utf8");
  /** Whether it was written. */
  const save = (path: string, content: string, over: string | null): Promise<boolean> =>
    saveFileAtomically(path, bytes(content), { over }).then(
      () => true,
      (error: unknown) => {
        expect(error).toBeInstanceOf(FileTaken);
        return false;
      },
    );
  const check = async (): Promise<void> => {
    const path = join(folder, "model");
    expect(await save(path, "first", null)).toBe(true);
    expect(await save(path, "second", null)).toBe(false);
    expect(await save(path, "second", digestOf(bytes("other")))).toBe(false);
    expect(text(path)).toBe("first");
    if (!windows) fs.chmodSync(path, 0o640);
    expect(await save(path, "second", digestOf(bytes("first")))).toBe(true);
    expect(text(path)).toBe("second");
    if (!windows) expect(fs.statSync(path).mode & 0o7777).toBe(0o640);
    fs.rmSync(path);
    expect(await save(path, "third", digestOf(bytes("second")))).toBe(true);
    expect(text(path)).toBe("third");
    expect(fs.readdirSync(folder)).toEqual(["model"]);
  };

  test("nothing, or one content: another file stays, and a file that is gone is made", check);
  test("also on a disk that knows no links", async () => {
    const require = process.getBuiltinModule("node:fs");
    const { linkSync } = require;
    let asked = 0;
    require.linkSync = () => {
      asked++;
      throw Object.assign(new Error("no links"), { code: "EPERM" });
    };
    syncBuiltinESMExports();
    try {
      await check();
      expect(asked).toBe(4);
    } finally {
      require.linkSync = linkSync;
      syncBuiltinESMExports();
    }
  });
  test("of nine that make one file at once one does, and its content is whole", async () => {
    const path = join(folder, "model");
    const made = await Promise.all(Array.from({ length: 9 }, (_, k) => save(path, `${k}`.repeat(1e5), null)));
    expect(made.filter((one) => one)).toHaveLength(1);
    expect(text(path)).toBe(`${made.indexOf(true)}`.repeat(1e5));
    expect(fs.readdirSync(folder)).toEqual(["model"]);
  });
  test.skipIf(windows)("where a link leads", async () => {
    fs.symlinkSync("model", join(folder, "link"));
    expect(await save(join(folder, "link"), "a", null)).toBe(true);
    expect(await save(join(folder, "link"), "b", null)).toBe(false);
    expect(await save(join(folder, "link"), "c", digestOf(bytes("a")))).toBe(true);
    expect(text(join(folder, "model"))).toBe("c");
    expect(fs.readdirSync(folder)).toEqual(["link", "model"]);
  });
});

describe.skipIf(windows)("a signal in the midst of writing ends the process, and no temporary file stays", () => {
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  /** A program that has old files, writes others and gets a signal as soon as it has written so many pieces. */
  async function ended(signal: string, pieces: number, write: string, before = "") {
    await writeModules();
    fs.writeFileSync(
      join(folder, "child.mjs"),
      `import { writeFileSync } from "node:fs";
      import { saveFilesAtomically, writeFileAtomically } from "./files.mjs";
      for (const name of ["a", "b"]) writeFileSync(name, "old");
      ${before}
      let pieces = 0;
      const wrote = () => {
        if (++pieces === ${pieces}) process.kill(process.pid, "${signal}");
      };
      const part = new TextEncoder().encode("new");
      ${write}
      setTimeout(() => {}, 10_000);`,
    );
    const { code, out, err } = await runNode(["child.mjs"], folder);
    const left = fs.readdirSync(folder).filter((name) => name.endsWith(".tmp"));
    const text = (name: string) => fs.readFileSync(join(folder, name), "utf8");
    return { code, out, err, left, a: text("a"), b: text("b") };
  }

  test.each(signals)("writeFileAtomically ends first: %s", async (signal) => {
    const write = 'writeFileAtomically("a", [part, part], wrote);';
    const whole = { code: signal, out: "", err: "", left: [], a: "newnew", b: "old" };
    expect(await ended(signal, 1, write)).toEqual(whole);
  });
  test.each([
    ["SIGINT", 1],
    ["SIGTERM", 2],
    ["SIGHUP", 3],
  ])("saveFilesAtomically leaves all as they were: %s in piece %i", async (signal, pieces) => {
    const write = 'await saveFilesAtomically([["a", [part, part]], ["b", [part, part]]], wrote);';
    expect(await ended(signal, pieces, write)).toEqual({
      ...{ code: signal, out: "", err: "", left: [], a: "old", b: "old" },
    });
  });
  test("a program that listens to signals itself decides", async () => {
    const write = 'await saveFilesAtomically([["a", [part, part]]], wrote); process.exit();';
    const listen = 'process.once("SIGINT", (signal) => console.log(signal));';
    expect(await ended("SIGINT", 1, write, listen)).toEqual({
      ...{ code: 0, out: "SIGINT\n", err: "", left: [], a: "newnew", b: "old" },
    });
  });
});

describe("saveFilesAtomically", () => {
  const part = new TextEncoder().encode("new");
  test("names the first of the list last, when all are whole", async () => {
    const builtin = process.getBuiltinModule("node:fs");
    const { renameSync } = builtin;
    const names: string[] = [];
    builtin.renameSync = (from, to) => {
      names.push(basename(String(to)));
      expect(fs.readdirSync(folder).filter((name) => name.endsWith(".tmp")).length).toBe(4 - names.length);
      renameSync(from, to);
    };
    syncBuiltinESMExports();
    try {
      await saveFilesAtomically(["json", "one", "two"].map((name) => [join(folder, name), [part]] as const));
    } finally {
      builtin.renameSync = renameSync;
      syncBuiltinESMExports();
    }
    expect(names).toEqual(["two", "one", "json"]);
    expect(names.map((name) => fs.readFileSync(join(folder, name), "utf8"))).toEqual(["new", "new", "new"]);
  });
  test("of which one cannot be written: none is, and no temporary file stays", async () => {
    fs.writeFileSync(join(folder, "json"), "old");
    const files = ["json", join("none", "weights")].map((name) => [join(folder, name), [part]] as const);
    await expect(saveFilesAtomically(files)).rejects.toThrow(/none\/weights: there is no folder /);
    expect(fs.readdirSync(folder)).toEqual(["json"]);
    expect(fs.readFileSync(join(folder, "json"), "utf8")).toBe("old");
  });
});

describe("temporary files of processes that were killed", () => {
  const [minutes, hours] = [60_000, 3_600_000];
  /** A process that is over. */
  const gone = Number(execFileSync(process.execPath, ["-p", "process.pid"], { encoding: "utf8" }));
  const leave = (pid: number, ageMs: number): string => {
    const name = `.unrolled-${pid}-${Math.floor(Math.random() * 16 ** 12)
      .toString(16)
      .padStart(12, "0")}.tmp`;
    fs.writeFileSync(join(folder, name), "half of a model");
    const at = new Date(Date.now() - ageMs);
    fs.utimesSync(join(folder, name), at, at);
    return name;
  };
  test("go when they are old: not those that may be written just now, here or on another machine", () => {
    // This process's own number may be that of another one, in another container or before a restart.
    const stale = [leave(gone, 11 * minutes), leave(process.ppid, 25 * hours), leave(process.pid, 11 * minutes)];
    const kept = [leave(gone, 9 * minutes), leave(process.ppid, 23 * hours), leave(process.pid, 0)];
    const others = [".unrolled-1-x.tmp", "unrolled-99-aaaaaaaaaaaa.tmp", ".unrolled-99-aaaaaaaaaaaa.tmp.txt"];
    for (const name of others) {
      fs.writeFileSync(join(folder, name), "");
      fs.utimesSync(join(folder, name), new Date(0), new Date(0));
    }
    checkWritable(join(folder, "model"));
    expect(fs.readdirSync(folder).sort()).toEqual([...kept, ...others].sort());
    expect(stale).toHaveLength(3);
  });
  test("that are folders, or that cannot be removed, are no reason not to write", () => {
    const name = `.unrolled-${gone}-aaaaaaaaaaaa.tmp`;
    fs.mkdirSync(join(folder, name));
    fs.utimesSync(join(folder, name), new Date(0), new Date(0));
    checkWritable(join(folder, "model"));
    expect(fs.readdirSync(folder)).toEqual([name]);
  });
});

describe("writeFileAtomically", () => {
  const text = (path: string) => fs.readFileSync(path, "utf8");
  const bytes = (text: string) => new TextEncoder().encode(text);

  test("writes a new file and writes over an old one, and leaves nothing else in the folder", () => {
    const path = join(folder, "model.safetensors");
    writeFileAtomically(path, bytes("old and long"));
    expect(text(path)).toBe("old and long");
    writeFileAtomically(path, bytes("new"));
    expect(text(path)).toBe("new");
    writeFileAtomically(path, new Uint8Array(0));
    expect(text(path)).toBe("");
    expect(fs.readdirSync(folder)).toEqual([basename(path)]);
  });

  test("writes parts one after the other, and tells of each piece", () => {
    const path = join(folder, "parts");
    const large = new Uint8Array(2 ** 24 + 1).fill(7);
    const pieces: number[] = [];
    writeFileAtomically(path, [bytes("ab"), new Uint8Array(0), large, bytes("c")], (count) => pieces.push(count));
    expect(Buffer.compare(fs.readFileSync(path), Buffer.concat([bytes("ab"), large, bytes("c")]))).toBe(0);
    expect(pieces).toEqual([2, 2 ** 24, 1, 1]);
    const failing = () =>
      writeFileAtomically(path, [bytes("no"), bytes("more")], () => {
        throw new Error("stop");
      });
    expect(failing).toThrow();
    expect(fs.statSync(path).size).toBe(2 ** 24 + 4);
    expect(fs.readdirSync(folder)).toEqual(["parts"]);
  });

  test("writes only the part that a view shows", () => {
    const path = join(folder, "view");
    writeFileAtomically(path, bytes("abcdef").subarray(2, 4));
    expect(text(path)).toBe("cd");
  });

  test.skipIf(windows)("an old file keeps its permissions; a new one has those of any new file", () => {
    const path = join(folder, "script");
    for (const mode of [0o600, 0o755, 0o666]) {
      fs.writeFileSync(path, "old");
      fs.chmodSync(path, mode);
      writeFileAtomically(path, bytes("new"));
      expect(fs.statSync(path).mode & 0o7777).toBe(mode);
    }
    const [ours, other] = [join(folder, "ours"), join(folder, "other")];
    writeFileAtomically(ours, bytes("x"));
    fs.writeFileSync(other, "x");
    expect(fs.statSync(ours).mode).toBe(fs.statSync(other).mode);
  });

  test.skipIf(windows)("a link stays a link, and what it points to is written", () => {
    fs.mkdirSync(join(folder, "there"));
    fs.writeFileSync(join(folder, "there", "real"), "old");
    fs.symlinkSync(join("there", "real"), join(folder, "link"));
    writeFileAtomically(join(folder, "link"), bytes("new"));
    expect(fs.readlinkSync(join(folder, "link"))).toBe(join("there", "real"));
    expect(text(join(folder, "there", "real"))).toBe("new");
  });

  test.skipIf(windows)("a link to what is not there yet stays a link, and the file is made where it leads", () => {
    fs.mkdirSync(join(folder, "later"));
    fs.symlinkSync(join("later", "real"), join(folder, "ahead"));
    fs.symlinkSync("ahead", join(folder, "further"));
    writeFileAtomically(join(folder, "further"), bytes("new"));
    expect(fs.readlinkSync(join(folder, "ahead"))).toBe(join("later", "real"));
    expect(fs.readlinkSync(join(folder, "further"))).toBe("ahead");
    expect(text(join(folder, "later", "real"))).toBe("new");
  });

  test.skipIf(windows)("a device is written to, not replaced", () => {
    writeFileAtomically("/dev/null", bytes("x"));
    expect(fs.statSync("/dev/null").isCharacterDevice()).toBe(true);
  });

  test("a folder, a missing folder, a file as a folder, a name too long: one line each, and no temporary file", () => {
    fs.writeFileSync(join(folder, "file"), "x");
    fs.mkdirSync(join(folder, "taken"));
    const attempt = (path: string) => messageOf(() => writeFileAtomically(path, bytes("x")));
    expect(attempt(join(folder, "taken"))).toBe("FOLDER/taken: is a folder. Give the name of a file to write.");
    expect(attempt(join(folder, "none", "model"))).toBe(
      "FOLDER/none/model: there is no folder FOLDER/none. Create it first.",
    );
    expect(attempt(join(folder, "file", "model"))).toBe(
      "FOLDER/file/model: FOLDER/file is not a folder. Choose another place.",
    );
    expect(attempt(join(folder, "n".repeat(300)))).toContain("it cannot be written (ENAMETOOLONG)");
    expect(attempt("")).toBe("The name of the file to write is empty. Give one.");
    expect(attempt(join(folder, "none\nnone", "model"))).toContain("none\\u{a}none");
    expect(fs.readdirSync(folder).sort()).toEqual(["file", "taken"]);
  });

  test.skipIf(process.platform !== "linux")("a folder that nobody can write in: one line", () => {
    expect(messageOf(() => writeFileAtomically("/proc/model", bytes("x")))).toMatch(/^\/proc\/model: .*\/proc.*\.$/);
  });

  // Skipped as root, whom permissions do not stop.
  test.skipIf(!withoutRights)("a folder without permission to write: one line", () => {
    fs.chmodSync(folder, 0o500);
    expect(messageOf(() => writeFileAtomically(join(folder, "model"), bytes("x")))).toBe(
      "FOLDER/model: you have no permission to write in FOLDER. Choose another place.",
    );
    fs.chmodSync(folder, 0o700);
  });

  test("a write that fails half way removes the temporary file and keeps the old one", () => {
    const path = join(folder, "model");
    fs.writeFileSync(path, "old");
    // Not bytes: Node refuses them after the temporary file is open.
    expect(messageOf(() => writeFileAtomically(path, 5 as unknown as Uint8Array))).toContain("cannot be written");
    expect(text(path)).toBe("old");
    expect(fs.readdirSync(folder)).toEqual(["model"]);
  });

  test("kill -9 in the midst of writing 20 MB leaves a whole file", async () => {
    await writeModules();
    fs.writeFileSync(
      join(folder, "child.mjs"),
      `import { writeFileAtomically } from "./files.mjs";
      for (let round = 1; ; round = (round % 250) + 1) {
        writeFileAtomically(process.argv[2], new Uint8Array(20_000_000).fill(round));
        process.stdout.write(".");
      }`,
    );
    const target = join(folder, "target");
    fs.mkdirSync(target);
    const path = join(target, "model");
    const temporary = () => fs.readdirSync(target).filter((name) => name.endsWith(".tmp"));
    let halfWritten = 0;
    for (let round = 0; round < 20 && halfWritten < 3; round++) {
      const child = spawn(process.execPath, [join(folder, "child.mjs"), path], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      await said(child.stdout, "."); // The first file is there.
      const start = performance.now();
      while (temporary().length === 0 && performance.now() - start < 1000);
      child.kill("SIGKILL");
      await once(child, "exit");
      const found = fs.readFileSync(path);
      expect(found.length).toBe(20_000_000);
      expect(found[0]).toBeGreaterThan(0);
      expect(found.equals(Buffer.alloc(found.length, found[0]))).toBe(true);
      halfWritten += temporary().length;
      for (const name of fs.readdirSync(target)) fs.rmSync(join(target, name));
    }
    // Else the test would show nothing: kills must have come before a rename.
    expect(halfWritten).toBeGreaterThan(0);
  }, 60_000);
});

describe("readInput", () => {
  test("reads a file, an empty one too, as a plain Uint8Array", () => {
    const path = join(folder, "data");
    fs.writeFileSync(path, Uint8Array.of(1, 2, 255));
    expect(readInput(path)).toEqual(Uint8Array.of(1, 2, 255));
    expect(readInput(path).constructor).toBe(Uint8Array);
    fs.writeFileSync(path, "");
    expect(readInput(path)).toEqual(new Uint8Array(0));
  });

  test("a missing file, a folder, an empty name, a name that cannot be: one line each", () => {
    fs.writeFileSync(join(folder, "file"), "x");
    expect(messageOf(() => readInput(join(folder, "none")))).toBe(
      "FOLDER/none: there is no such file. Check the name and the folder.",
    );
    expect(messageOf(() => readInput(join(folder, "file", "none")))).toContain("there is no such file");
    expect(messageOf(() => readInput(folder))).toBe("FOLDER: is a folder. Give the name of a file in it.");
    expect(messageOf(() => readInput(""))).toBe("The name of the file to read is empty. Give one.");
    expect(messageOf(() => readInput(join(folder, "a\0b")))).toContain("it cannot be read (ERR_INVALID_ARG_VALUE)");
  });

  test("more than 2 GB is refused without reading it", () => {
    const path = join(folder, "huge");
    fs.writeFileSync(path, "");
    fs.truncateSync(path, 2_000_000_001); // Sparse: it takes no room on the disk.
    expect(messageOf(() => readInput(path))).toBe(
      "FOLDER/huge: has 2,000,000,001 bytes, and the limit is 2,000,000,000. Split the file.",
    );
  });

  test.skipIf(windows)("a pipe is read to its end, and one without an end up to the limit", async () => {
    const path = join(folder, "pipe");
    execFileSync("mkfifo", [path]);
    const writer = spawn(process.execPath, [
      "-e",
      `require("fs").writeFileSync(${JSON.stringify(path)}, "y".repeat(3e5))`,
    ]);
    expect(readInput(path)).toEqual(new Uint8Array(300_000).fill(121));
    if (writer.exitCode === null) await once(writer, "exit");
    expect(messageOf(() => readInput("/dev/zero", { maxBytes: 1e6 }))).toContain("/dev/zero: has at least 1,0");
  });

  // Skipped as root, whom permissions do not stop.
  test.skipIf(!withoutRights)("a file without permission to read: one line", () => {
    const path = join(folder, "secret");
    fs.writeFileSync(path, "x", { mode: 0o000 });
    expect(messageOf(() => readInput(path))).toBe(
      "FOLDER/secret: you have no permission to read it. Change its permissions.",
    );
  });
});

describe("decodeText", () => {
  const decode = (...bytes: number[]) => decodeText(Uint8Array.from(bytes), "moby.txt");
  const message = (...bytes: number[]) => messageOf(() => decode(...bytes));

  test("property: UTF-8 comes back, without a byte order mark", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        fc.pre(!text.includes("\0") && !text.startsWith("\uFEFF"));
        expect(decodeText(new TextEncoder().encode(text), "moby.txt")).toBe(text);
        expect(decodeText(new TextEncoder().encode(`\uFEFF${text}`), "moby.txt")).toBe(text);
      }),
    );
    expect(decode()).toBe("");
  });

  test("a binary file: one line with its first byte that is no text", () => {
    expect(message(97, 98, 0, 255)).toBe(
      "moby.txt: byte 2 is 0, so this is not a text file. Give a text file saved as UTF-8.",
    );
    expect(message(97, 0xe9, 98)).toBe("moby.txt: byte 1 (0xe9) is not UTF-8 text. Give a text file saved as UTF-8.");
    expect(message(...new Uint8Array(1234).fill(97), 0x80)).toContain("byte 1,234 (0x80)");
    expect(message(0xff, 0xfe, 97, 0)).toBe("moby.txt: byte 0 starts a text in UTF-16, not UTF-8. Save it as UTF-8.");
  });

  test("cut short, too long, surrogates and what is above U+10FFFF are found at their first byte", () => {
    const bad = [
      [0xc3],
      [0xe2, 0x82],
      [0xf0, 0x9f, 0x98],
      [0xc0, 0x80],
      [0xc1, 0xbf],
      [0xe0, 0x9f, 0xbf],
      [0xed, 0xa0, 0x80],
      [0xf0, 0x8f, 0xbf, 0xbf],
      [0xf4, 0x90, 0x80, 0x80],
      [0xf5, 0x80, 0x80, 0x80],
      [0xe2, 0x28, 0xa1],
      [0xfe],
    ];
    for (const bytes of bad) expect(message(97, 0xc3, 0xa9, ...bytes)).toMatch(/^moby\.txt: byte 3 \(0x/);
  });

  test("property: it refuses just what TextDecoder refuses, and what lies before the byte named is text", () => {
    const byte = fc.oneof(
      fc.constantFrom(0x41, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc2, 0xe0, 0xe1, 0xed, 0xf0, 0xf4),
      fc.nat(255),
    );
    const strict = new TextDecoder("utf-8", { fatal: true });
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 8 }), (list) => {
        const bytes = Uint8Array.from(list.map((byte) => byte || 1));
        let text: string | undefined;
        try {
          text = strict.decode(bytes);
        } catch {
          const place = /byte (\d+)/.exec(messageOf(() => decodeText(bytes, "moby.txt")));
          expect(() => strict.decode(bytes.subarray(0, Number(place![1])))).not.toThrow();
          return;
        }
        expect(decodeText(bytes, "moby.txt")).toBe(text);
      }),
      { numRuns: 5000 },
    );
  });
});
