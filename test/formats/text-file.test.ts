/** Text files in parts: what whole files give, with the same mistakes named. */
import { execFileSync } from "node:child_process";
import { appendFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeText, findNoText } from "../../src/formats/decode-text.ts";
import { textFile } from "../../src/formats/text-file.ts";
import { refusal } from "../helpers/refusal.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

const folder = temporaryFolder();
const path = join(folder, "text.txt");
const put = (content: string | Uint8Array) => writeFileSync(path, content);
const parts = (partBytes = 16) => [...textFile(path, { wholeBytes: 0, partBytes }).parts];

describe("parts", () => {
  test("property: joined they are the text; none is empty, splits a character or stands between CR and LF", () => {
    const unit = fc.constantFrom("a", " ", "\r\n", "\r", "\n", "é", "€", "😀", "\uFEFF", "\u{10FFFF}", "\uD7FF");
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 80 }), fc.integer({ min: 16, max: 40 }), (units, partBytes) => {
        const text = units.join("");
        put(text);
        const found = parts(partBytes);
        expect(found.join("")).toBe(text.replace(/^\uFEFF/, ""));
        for (const [k, part] of found.entries()) {
          if (found.length > 1) expect(part).not.toBe("");
          expect(part).not.toMatch(/\p{Surrogate}/u);
          if (part.endsWith("\r")) expect(found[k + 1] ?? "").not.toMatch(/^\n/);
        }
      }),
    );
  });

  test("a file is gone through again from its start, also after it was left halfway", () => {
    put("0123456789".repeat(20));
    const file = textFile(path, { wholeBytes: 0, partBytes: 16 });
    expect(file).toMatchObject({ path, bytes: 200 });
    for (const part of file.parts) {
      expect(part).toBe("0123456789012345");
      break;
    }
    expect([...file.parts].join("")).toBe("0123456789".repeat(20));
  });

  test.skipIf(process.platform === "win32")(
    "up to wholeBytes it is one part; so is a pipe, which can be read once",
    () => {
      put("abc".repeat(10));
      expect(textFile(path, { wholeBytes: 30 }).parts).toEqual(["abc".repeat(10)]);
      expect(textFile(path).parts).toEqual(["abc".repeat(10)]);
      expect(textFile(path, { wholeBytes: 29 }).parts).not.toBeInstanceOf(Array);
      const program = `import { textFile } from ${JSON.stringify(join(import.meta.dirname, "../../dist/formats/text-file.js"))};
      const { bytes, parts } = textFile("/dev/stdin", { wholeBytes: 0, partBytes: 16 });
      console.log(bytes, parts.length, [...parts, ...parts].join("|"));`;
      const pipe = 'printf "from a pipe, of 24 bytes" | "$0" --input-type=module -e "$1"';
      const said = execFileSync("bash", ["-c", pipe, process.execPath, program]);
      expect(String(said)).toBe("24 1 from a pipe, of 24 bytes|from a pipe, of 24 bytes\n");
    },
  );
});

describe("what is no text", () => {
  test("property: the message is that of the whole file, with the byte's place in the file", () => {
    const byte = fc.oneof(
      fc.constantFrom(0x61, 0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x0d, 0xed, 0xa0),
      fc.nat(255),
    );
    const text = fc.array(fc.constantFrom("a", "é", "€", "😀"), { maxLength: 40 });
    fc.assert(
      fc.property(text, fc.uint8Array({ maxLength: 6 }), fc.array(byte, { maxLength: 30 }), (before, some, bytes) => {
        const content = Buffer.concat([Buffer.from(before.join("")), some, Uint8Array.from(bytes)]);
        if (content.length === 0) return;
        put(content);
        if (findNoText(content) < 0) expect(() => parts()).not.toThrow();
        else expect(refusal(() => parts())).toBe(refusal(() => decodeText(content, path)));
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ["a NUL far into it", [...Buffer.from("a".repeat(100)), 0, 0x61], "byte 100 is 0, so this is not a text file"],
    [
      "a character that is cut off at its end",
      [...Buffer.from("a".repeat(31)), 0xe2, 0x82],
      "byte 31 (0xe2) is not UTF-8",
    ],
    ["UTF-16", [0xff, 0xfe, ...Array(40).fill(0x61)], "byte 0 starts a text in UTF-16, not UTF-8. Save it as UTF-8."],
    ["latin-1 across a border", [...Buffer.from("a".repeat(15)), 0xe9, 0x61, 0x61], "byte 15 (0xe9) is not UTF-8 text"],
  ])("%s", (_, content, message) => {
    put(Uint8Array.from(content));
    expect(refusal(() => parts())).toContain(`${path}: ${message}`);
  });

  test("a file that changes between two passes, or is gone, is said", () => {
    put("a".repeat(100));
    const file = textFile(path, { wholeBytes: 0, partBytes: 16 });
    expect([...file.parts]).toHaveLength(7);
    appendFileSync(path, "b");
    expect(refusal(() => [...file.parts])).toBe(
      `${path}: changed while it was read. Wait until it is completely written, and try again.`,
    );
    rmSync(path);
    expect(refusal(() => [...file.parts])).toContain("there is no such file");
    for (const [name, message] of [
      [path, "there is no such file"],
      [folder, "is a folder"],
      ["", "is empty"],
    ] as const) {
      expect(refusal(() => textFile(name))).toContain(message);
    }
  });

  test("options of another kind are refused", () => {
    put("a");
    expect(() => textFile(path, { partBytes: 3 })).toThrow("textFile: partBytes must be a whole number from 16 to");
    expect(() => textFile(path, { part_bytes: 30 } as never)).toThrow(
      'unknown option "part_bytes". Did you mean partBytes?',
    );
  });
});
