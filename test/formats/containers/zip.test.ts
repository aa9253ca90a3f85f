import fc from "fast-check";
import { unzipSync, zipSync } from "fflate";
import { describe, expect, test } from "vitest";
import { isZip, readZip, writeZip, zipMembers } from "../../../src/formats/containers/zip.ts";
import { joined } from "../../../src/graph/joined.ts";
import { refusal } from "../../helpers/refusal.ts";
import { type Member, zipOf } from "./zips.ts";

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const [a, b]: [Member, Member] = [
  { name: "top/a.bin", data: bytes(1, 2, 3) },
  { name: "top/b.txt", data: new TextEncoder().encode("again and again and again"), deflated: true },
];
const contents = (archive: Uint8Array): Record<string, number[]> =>
  Object.fromEntries([...readZip(archive, "m.pt")].map(([name, content]) => [name, [...content]]));
const expected = { "top/a.bin": [1, 2, 3], "top/b.txt": [...b.data] };
const said = (archive: Uint8Array): string => refusal(() => readZip(archive, "m.pt"));

describe("members come out as they went in", () => {
  test.each([
    ["stored and deflated", zipOf([a, b])],
    [
      "without sizes in the headers between them, as PyTorch writes",
      zipOf(
        [
          { ...a, bare: true },
          { ...b, bare: true },
        ],
        { long: true },
      ),
    ],
    [
      "with sizes and places of 64 bits",
      zipOf(
        [
          { ...a, long: true },
          { ...b, long: true },
        ],
        { long: true },
      ),
    ],
    ["with a comment behind the directory", zipOf([a, b], { comment: "PK\x05\x06, no directory" })],
    ["with folders, which are left out", zipOf([{ name: "top/", data: bytes() }, a, b])],
  ])("%s", (_, archive) => {
    expect(isZip(archive)).toBe(true);
    expect(contents(archive)).toEqual(expected);
  });

  test("any members that another program packs", () => {
    const files = fc.dictionary(
      fc.stringMatching(/^[a-z][a-z0-9/._é-]{0,20}[a-z]$/),
      fc.uint8Array({ maxLength: 3000 }),
      { maxKeys: 5 },
    );
    fc.assert(
      fc.property(files, fc.constantFrom(0, 6), (given, level) => {
        const read = readZip(zipSync(given, { level }), "m.zip");
        expect([...read.keys()].sort()).toEqual(Object.keys(given).sort());
        for (const [name, data] of Object.entries(given))
          expect([...(read.get(name) as Uint8Array)]).toEqual([...data]);
      }),
      { seed: 1, numRuns: 50 },
    );
  });

  test("an archive without members", () => {
    expect(contents(zipOf([]))).toEqual({});
    expect(isZip(zipOf([]))).toBe(true);
  });

  test("a stored member is the file's own bytes, no copy", () => {
    const archive = zipOf([a, b]);
    const [first, second] = [...zipMembers(archive, "m.pt").values()];
    expect(first?.read().buffer).toBe(archive.buffer);
    expect(first?.size).toBe(3);
    expect(second?.read().buffer).not.toBe(archive.buffer);
  });
});

test("what is written is stored as it is, in its order, and is read by another program too; the same members are the same bytes", () => {
  const members = fc.uniqueArray(fc.tuple(fc.stringMatching(/^[a-z][a-z.ü]{0,8}$/), fc.uint8Array({ maxLength: 40 })), {
    selector: ([name]) => name,
    maxLength: 5,
  });
  fc.assert(
    fc.property(members, (given) => {
      const archive = joined(Uint8Array, writeZip(Object.fromEntries(given)));
      expect([...readZip(archive, "m.keras")].map(([name, data]) => [name, [...data]])).toEqual(
        given.map(([name, data]) => [name, [...data]]),
      );
      for (const [name, { size }] of zipMembers(archive, "m.keras"))
        expect(unzipSync(archive)[name]).toHaveLength(size);
      expect(joined(Uint8Array, writeZip(Object.fromEntries(given)))).toEqual(archive);
      const content = given.reduce((sum, [, data]) => sum + data.length, 0);
      expect(archive.length).toBeGreaterThanOrEqual(content);
    }),
    { numRuns: 50 },
  );
});

describe("what is damaged has its line", () => {
  test("cut anywhere", () => {
    const whole = zipOf([a, b], { long: true });
    for (let length = 0; length < whole.length; length++)
      expect(said(whole.slice(0, length))).toMatch(/^m\.pt: [^\n]+$/);
  });

  test("two members of one name", () => {
    expect(said(zipOf([a, { ...b, name: a.name }]))).toMatchInlineSnapshot(
      `"m.pt: it has two members named top/a.bin, so it is not clear which counts."`,
    );
  });

  test("a directory that lies", () => {
    expect(said(zipOf([{ ...a, offset: 7 }]))).toMatchInlineSnapshot(
      `"m.pt: the ZIP archive is cut off or damaged: top/a.bin is not where its directory says."`,
    );
    expect(said(zipOf([{ ...a, packed: 300, size: 300 }]))).toMatchInlineSnapshot(
      `"m.pt: the ZIP archive is cut off or damaged: top/a.bin reaches into the directory."`,
    );
    expect(said(zipOf([{ ...a, size: 5 }]))).toMatchInlineSnapshot(
      `"m.pt: the ZIP archive is cut off or damaged: top/a.bin is stored with 3 bytes, and has 5."`,
    );
    expect(said(zipOf([{ ...b, size: 5 }]))).toMatchInlineSnapshot(
      `"m.pt: the ZIP archive is cut off or damaged: top/b.txt does not unpack to 5 bytes."`,
    );
    expect(said(zipOf([{ ...b, size: 5000 }]))).toMatchInlineSnapshot(
      `"m.pt: the ZIP archive is cut off or damaged: top/b.txt does not unpack to 5000 bytes."`,
    );
    expect(said(zipOf([a, b], { count: 3 }))).toMatchInlineSnapshot(
      `"m.pt: the ZIP archive is cut off or damaged: its directory is longer than the file."`,
    );
    expect(said(zipOf([a, b], { count: 60000 }))).toMatchInlineSnapshot(
      `"m.pt: the ZIP archive is cut off or damaged: its directory is longer than the file."`,
    );
    expect(said(zipOf([a, b], { start: 1 }))).toMatchInlineSnapshot(
      `"m.pt: the ZIP archive is cut off or damaged: its directory has no entry where one belongs."`,
    );
  });

  test("members within each other, as archives that unpack to more than anybody has are made", () => {
    expect(said(zipOf([b, { ...b, name: "c", offset: 0 }]))).toMatchInlineSnapshot(
      `"m.pt: the ZIP archive is cut off or damaged: c lies within another member."`,
    );
  });

  test("what is encrypted, or packed otherwise", () => {
    expect(said(zipOf([{ ...a, flags: 1 }]))).toMatchInlineSnapshot(
      `"m.pt: top/a.bin is encrypted. Unpack the archive with its password, and pack it again without."`,
    );
    expect(said(zipOf([{ ...a, method: 12 }]))).toMatchInlineSnapshot(
      `"m.pt: top/a.bin is packed by method 12, only deflate is read. Pack it again."`,
    );
  });

  test("a bomb is refused before a byte of it is unpacked", () => {
    const zeros = { name: "zeros", data: new Uint8Array(17 * 2 ** 20), deflated: true };
    expect(said(zipOf([zeros]))).toMatch(
      /^m\.pt: its members unpack to more than \d+ bytes, which is over 3 times the file: it is not read\.$/,
    );
    // One whose directory says little.
    expect(said(zipOf([{ ...zeros, size: 100 }]))).toMatchInlineSnapshot(
      `"m.pt: the ZIP archive is cut off or damaged: zeros does not unpack to 100 bytes."`,
    );
  });
});

test("a member that is not what its checksum says is refused where that is asked for", () => {
  const bytes = zipSync({
    "a.bin": [new Uint8Array(1000).fill(7), { level: 0 }],
    "b.txt": new TextEncoder().encode("b".repeat(99)),
  });
  const read = (archive: Uint8Array, checked: boolean) =>
    [...zipMembers(archive, "m.keras", checked)].map(([name, { read }]) => [name, read().length]);
  expect(read(bytes, true)).toEqual([
    ["a.bin", 1000],
    ["b.txt", 99],
  ]);
  const damaged = bytes.slice();
  damaged[500]! ^= 1;
  expect(() => read(damaged, true)).toThrow(
    "m.keras: the ZIP archive is cut off or damaged: a.bin is not what its checksum says.",
  );
  expect(read(damaged, false)).toHaveLength(2);
});
