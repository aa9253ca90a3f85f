import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { isNpy, readNpy, readNpz } from "../../../src/formats/containers/npy.ts";
import { refusal } from "../../helpers/refusal.ts";
import { zipOf } from "./zips.ts";

type Array_ = { descr: string; fortran?: boolean; shape?: string; data: Uint8Array; version?: number };
/** A .npy file, as NumPy writes it. */
function npy({ descr, fortran = false, shape = "(2, 3)", data, version = 1 }: Array_): Uint8Array {
  const type = descr.startsWith("[") ? descr : `'${descr}'`;
  const header = `{'descr': ${type}, 'fortran_order': ${fortran ? "True" : "False"}, 'shape': ${shape}, }\n`;
  const length =
    version === 1 ? [header.length & 255, header.length >> 8] : [header.length & 255, header.length >> 8, 0, 0];
  return Uint8Array.from([0x93, ...Buffer.from("NUMPY"), version, 0, ...length, ...Buffer.from(header), ...data]);
}
const bytesOf = (data: ArrayBufferView): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
const said = (file: Uint8Array): string => refusal(() => readNpy(file, "w.npy"));
const six = Float32Array.of(0, 1, 2, 3, 4, 5);

test("what NumPy writes, of every type of numbers, in both byte orders and both orders of values", () => {
  const { cases } = JSON.parse(readFileSync(new URL("../../fixtures/numpy.json", import.meta.url), "utf8")) as {
    cases: { name: string; file: string; dtype: string; shape: number[]; data: (number | string)[] }[];
  };
  for (const { name, file, dtype, shape, data } of cases) {
    const bytes = new Uint8Array(Buffer.from(file, "base64"));
    expect(isNpy(bytes)).toBe(true);
    const read = readNpy(bytes, name);
    expect({
      name,
      dtype: read.dtype,
      shape: read.shape,
      data: Array.from(read.data as ArrayLike<unknown>, String),
    }).toEqual({
      ...{ name, dtype, shape },
      data: data.map(String),
    });
  }
});

test("an archive of arrays, by their names", () => {
  const one = npy({ descr: "<f4", data: bytesOf(six) });
  const two = npy({ descr: "|u1", shape: "(2,)", data: Uint8Array.of(7, 8), version: 3 });
  const arrays = readNpz(
    zipOf([
      { name: "w.npy", data: one, deflated: true },
      { name: "layer/b.npy", data: two },
    ]),
    "w.npz",
  );
  expect([...arrays].map(([name, { shape, data }]) => [name, shape, [...(data as Float32Array)]])).toEqual([
    ["w", [2, 3], [0, 1, 2, 3, 4, 5]],
    ["layer/b", [2], [7, 8]],
  ]);
});

describe("what is no array of numbers has its line", () => {
  test("other elements", () => {
    const of = (descr: string) => said(npy({ descr, shape: "(1,)", data: new Uint8Array(64) }));
    expect(of("|O")).toMatchInlineSnapshot(
      `"w.npy: it holds Python objects, which are a pickle, and only arrays of numbers are read."`,
    );
    expect(of("<U5")).toMatchInlineSnapshot(`"w.npy: it holds texts, and only arrays of numbers are read."`);
    expect(of("<c16")).toMatchInlineSnapshot(
      `"w.npy: it holds complex numbers in f64, and only arrays of numbers are read."`,
    );
    expect(of("<M8[s]")).toMatchInlineSnapshot(`"w.npy: it holds dates, and only arrays of numbers are read."`);
    expect(of("[('a', '<f4'), ('b', '<i4')]")).toMatchInlineSnapshot(
      `"w.npy: it holds records (several values an element), which are not read."`,
    );
    expect(of("<q9")).toMatchInlineSnapshot(
      `"w.npy: it holds elements of type "<q9", and only arrays of numbers are read."`,
    );
  });

  test("damage", () => {
    const whole = npy({ descr: "<f4", data: bytesOf(six) });
    for (let length = 0; length < whole.length; length++)
      expect(said(whole.slice(0, length))).toMatch(/^w\.npy: [^\n]+$/);
    expect(said(npy({ descr: "<f4", shape: "(9007199254740993, 9)", data: bytesOf(six) }))).toMatchInlineSnapshot(
      `"w.npy: the NumPy array is damaged: its shape (9007199254740992, 9) needs 324259173170675700 bytes, and it has 24."`,
    );
    expect(said(npy({ descr: "<f4", shape: `(${"1, ".repeat(99)})`, data: bytesOf(six) }))).toMatchInlineSnapshot(
      `"w.npy: the NumPy array is damaged: its shape has 99 axes, at most 64."`,
    );
    expect(said(npy({ descr: "<f4", shape: "(2, -3)", data: bytesOf(six) }))).toMatchInlineSnapshot(
      `"w.npy: the NumPy array is damaged: its header does not say type, order and shape."`,
    );
    expect(said(npy({ descr: "<f4", data: bytesOf(six), version: 4 }))).toMatchInlineSnapshot(
      `"w.npy: the NumPy array is damaged: its version is 4, not 1 to 3."`,
    );
    expect(refusal(() => readNpz(zipOf([{ name: "a.npy", data: Uint8Array.of(1) }]), "w.npz"))).toMatchInlineSnapshot(
      `"w.npz: a.npy: the NumPy array is damaged: it does not begin as a .npy file."`,
    );
  });
});
