import { describe, expect, test } from "vitest";
import { isTar, readTar } from "../../../src/formats/containers/tar.ts";
import { refusal } from "../../helpers/refusal.ts";

type Entry = {
  readonly name: string;
  readonly data?: string;
  readonly type?: string;
  readonly size?: string;
  readonly prefix?: string;
};
/** A tar archive. */
function tarOf(entries: readonly Entry[]): Uint8Array {
  const blocks = entries.flatMap(({ name, data = "", type = "0", size, prefix = "" }) => {
    const header = new Uint8Array(512);
    const put = (text: string, at: number) => header.set(Buffer.from(text), at);
    put(name, 0);
    put(`${(size ?? data.length.toString(8)).padStart(11, "0")}\0`, 124);
    put(type, 156);
    put("ustar\x0000", 257);
    put(prefix, 345);
    put(" ".repeat(8), 148);
    put(
      `${header
        .reduce((sum, byte) => sum + byte, 0)
        .toString(8)
        .padStart(6, "0")}\0 `,
      148,
    );
    const content = new Uint8Array(Math.ceil(data.length / 512) * 512);
    content.set(Buffer.from(data));
    return [...header, ...content];
  });
  return Uint8Array.from([...blocks, ...new Uint8Array(1024)]);
}
const files = (bytes: Uint8Array) =>
  [...readTar(bytes, "m.tar")].map(([name, data]) => [name, Buffer.from(data).toString()]);
const said = (bytes: Uint8Array): string => refusal(() => readTar(bytes, "m.tar"));

test("files by their names, long ones too; folders and links are passed over", () => {
  const long = "folder/".repeat(20);
  const archive = tarOf([
    { name: "./", type: "5" },
    { name: "a", data: "one" },
    { name: "link", type: "2" },
    { name: "b", prefix: "in/here", data: "x".repeat(700) },
    { name: "././@LongLink", type: "L", data: `${long}c\0` },
    { name: "folder/c", data: "three" },
    { name: "pax", type: "x", data: "12 path=äh\n" },
    { name: "d", data: "" },
  ]);
  expect(isTar(archive)).toBe(true);
  expect(files(archive)).toEqual([
    ["a", "one"],
    ["in/here/b", "x".repeat(700)],
    [`${long}c`, "three"],
    ["äh", ""],
  ]);
});

describe("what is damaged has its line", () => {
  test("a checksum, a size, two files of one name", () => {
    const odd = tarOf([{ name: "a", data: "one" }]);
    odd[0] = 0x62;
    expect(isTar(odd)).toBe(false);
    expect(said(odd)).toMatchInlineSnapshot(
      `"m.tar: the tar archive is damaged: the checksum of the header at byte 0 is wrong."`,
    );
    expect(said(tarOf([{ name: "a", data: "one", size: "77777777777" }]))).toMatchInlineSnapshot(
      `"m.tar: the tar archive is damaged: a file in it is longer than the archive."`,
    );
    expect(said(tarOf([{ name: "a", data: "one", size: "9" }]))).toMatchInlineSnapshot(
      `"m.tar: the tar archive is damaged: a file in it is longer than the archive."`,
    );
    expect(said(tarOf([{ name: "a" }, { name: "a" }]))).toMatchInlineSnapshot(
      `"m.tar: it has two files named a, so it is not clear which counts."`,
    );
  });

  test("cut within a file or a header", () => {
    const whole = tarOf([{ name: "a", data: "x".repeat(600) }]);
    for (const length of [511, 1000, 1111]) expect(said(whole.slice(0, length))).toMatch(/^m\.tar: [^\n]+$/);
  });
});
