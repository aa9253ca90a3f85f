import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Library } from "../../src/formats/containers/h5wasm.ts";
import { type Hdf5File, isHdf5, readHdf5 } from "../../src/formats/containers/hdf5.ts";
import { FormatError } from "../../src/formats/safetensors.ts";

const bytes = new Uint8Array(readFileSync(join(import.meta.dirname, "../fixtures/keras/odd.h5")));
const read = <T>(use: (file: Hdf5File) => T): Promise<T> => readHdf5(bytes, "odd.h5", use);
async function message(use: (file: Hdf5File) => unknown, of = bytes): Promise<string> {
  const error = await readHdf5(of, "odd.h5", use).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(FormatError);
  const { message } = error as FormatError;
  expect(message).toMatch(/^odd\.h5: [^\n]*\.$/);
  return message.slice("odd.h5: ".length);
}

test("a file is told by its first bytes, also behind a block of 512 of its user's own", () => {
  expect(isHdf5(bytes)).toBe(true);
  const later = new Uint8Array(512 + bytes.length);
  later.set(bytes, 512);
  expect(isHdf5(later)).toBe(true);
  expect(isHdf5(later.subarray(1))).toBe(false);
  expect(isHdf5(new Uint8Array(0))).toBe(false);
});

test("numbers of 8 to 64 bits, in either order of bytes, packed by gzip and shuffled, and a single one", async () => {
  const found = await read((file) =>
    ["f16", "big", "i8", "u64", "gzip", "one"].map((name) => file.numbers(`/numbers/${name}`)),
  );
  expect(found.map(({ shape, data }) => [shape, [...data]])).toEqual([
    [[4], [1.5, -0, 2 ** -24, Infinity]],
    [
      [1, 2],
      [1.5, -2],
    ],
    [[2], [-3, 4]],
    [[1], [2 ** 40]],
    [
      [2, 3],
      [0, 1, 2, 3, 4, 5],
    ],
    [[], [0.1]],
  ]);
});

test("texts of fixed and of variable length, in datasets and attributes", async () => {
  const found = await read((file) => ({
    fixed: file.texts("/texts/fixed"),
    variable: file.texts("/texts/variable"),
    attributes: ["one", "several", "none", "missing"].map((name) => file.attribute("/", name)),
  }));
  expect(found).toEqual({
    fixed: { shape: [2], texts: ["ab", "cde"] },
    variable: { shape: [2], texts: ["größe", ""] },
    attributes: [["größe"], ["a", "bc"], [], undefined],
  });
});

test("names of a group, what a path leads to, and links within the file", async () => {
  const found = await read((file) => ({
    names: file.names("/texts"),
    kinds: ["/", "/texts", "/texts/fixed", "/nothing", "/texts/fixed/more", "/links/nowhere"].map(file.kind),
    linked: ["/links/inside", "/links/relative", "/links/up/numbers/i8"].map((path) => [...file.numbers(path).data]),
  }));
  expect(found).toEqual({
    names: ["fixed", "variable"],
    kinds: ["group", "group", "dataset", undefined, undefined, undefined],
    linked: [
      [-3, 4],
      [-3, 4],
      [-3, 4],
    ],
  });
});

test("a filter that the library lacks, links out and in a circle, sizes beyond the file and missing paths are refused", async () => {
  expect(await message((file) => file.numbers("/numbers/lzf"))).toBe(
    '"/numbers/lzf" is packed by the filter lzf (32000), which is not read. Write the file without it.',
  );
  expect(await message((file) => file.kind("/links/outside/more"))).toBe(
    '"/links/outside" is a link to another file, "/etc/passwd". Links out of a file are not followed.',
  );
  expect(await message((file) => file.kind("/links/circle"))).toBe('the links at "/links/circle" go in a circle.');
  for (const name of ["huge", "huge_packed"]) {
    expect(await message((file) => file.numbers(`/numbers/${name}`))).toBe(
      `"/numbers/${name}" says that it has (1048576, 1024) values, which are more than the file of ${bytes.length} bytes can hold.`,
    );
  }
  expect(await message((file) => file.numbers("/numbers/none"))).toBe('it has no dataset "/numbers/none".');
  expect(await message((file) => file.numbers("/numbers"))).toBe('"/numbers" is no dataset.');
  expect(await message((file) => file.numbers("/texts/fixed"))).toBe(
    '"/texts/fixed" holds no numbers of 8 to 64 bits.',
  );
  expect(await message((file) => file.texts("/numbers/i8"))).toBe('"/numbers/i8" holds no texts.');
  expect(await message((file) => file.attribute("/", "number"))).toBe('the attribute "number" of "/" holds no text.');
});

test("what is read many times adds up to no more than 4 times the file and 64 KB", async () => {
  let times = 0;
  await message((file) => {
    for (;;) {
      file.numbers("/numbers/zeros");
      times++;
    }
  });
  expect(times).toBe(Math.floor((4 * bytes.length + 2 ** 16) / 2 ** 14));
});

test("a file that is cut off is damaged, and the next one is read all the same", async () => {
  expect(await message((file) => file.names("/"), bytes.slice(0, 3000))).toBe(
    "its beginning cannot be read: the file is damaged.",
  );
  await expect(readHdf5(new Uint8Array(100), "odd.h5", () => 0)).rejects.toThrow("odd.h5: it is no HDF5 file.");
  expect(await read((file) => file.kind("/texts"))).toBe("group");
});

/** Where the free room of a global heap begins, in which texts of variable length lie. */
function freeRoom(file: Uint8Array): number {
  const view = new DataView(file.buffer, file.byteOffset);
  let at = Buffer.from(file).indexOf("GCOL") + 16;
  while (view.getUint16(at, true) !== 0) at += 16 + 8 * Math.ceil(Number(view.getBigUint64(at + 8, true)) / 8);
  return at;
}

test("a heap of texts in which the library would go on without end is refused", async () => {
  const read = (file: Hdf5File) => file.attribute("/", "one");
  const endless = bytes.slice();
  endless.fill(0, freeRoom(bytes) + 8, freeRoom(bytes) + 16);
  expect(await message(read, endless)).toBe("a heap of its texts has no end: the file is damaged.");
  // The library takes sizes modulo 2^32.
  const huge = bytes.slice();
  huge[freeRoom(bytes) + 14] = 1;
  expect(await message(read, huge)).toBe("a heap of its texts has no end: the file is damaged.");
  // Nor does it look at the bytes behind the version.
  const odd = endless.slice();
  odd[Buffer.from(odd).indexOf("GCOL") + 7] = 128;
  expect(await message(read, odd)).toBe("a heap of its texts has no end: the file is damaged.");
  expect(await readHdf5(bytes, "odd.h5", read)).toEqual(["größe"]);
});

test("nothing is left of damaged files: no open file, and no memory of the library", async () => {
  const module = (await (await import("h5wasm")).ready) as unknown as Library;
  // Where its stack is: a text that a call is given lies there.
  const stack = () =>
    (module.ccall as (...call: unknown[]) => number)("memmove", "number", ["string", "number"], ["", 0]);
  const state = () => [module.HEAPU8.length, module.FS.streams.filter((stream) => stream).length, stack()];
  const damaged = bytes.slice();
  damaged.fill(255, 2000, 8000);
  const before = state();
  for (let k = 0; k < 50; k++) await message((file) => file.numbers("/numbers/f16"), damaged);
  expect(state()).toEqual(before);
  expect(await read((file) => [...file.numbers("/numbers/i8").data])).toEqual([-3, 4]);
});

test("numbers that lie one after the other are copied out of the library's memory in pieces", async () => {
  const { ready, File, FS } = (await import("h5wasm")) as unknown as {
    ready: Promise<Library>;
    File: new (path: string, mode: string) => { create_dataset(options: object): void; close(): void };
    FS: { readFile(path: string): Uint8Array; unlink(path: string): void };
  };
  const module = await ready;
  const data = Float32Array.from({ length: 3 * 700_001 }, (_, k) => k);
  const file = new File("/made.h5", "w");
  file.create_dataset({ name: "a", data, shape: [700_001, 3] });
  file.close();
  const made = FS.readFile("/made.h5").slice();
  FS.unlink("/made.h5");
  const before = module.HEAPU8.length;
  const found = await readHdf5(made, "made.h5", (opened) => opened.numbers("/a"));
  expect(found.shape).toEqual([700_001, 3]);
  expect(found.data).toEqual(data);
  expect(module.HEAPU8.length - before).toBeLessThan(2 ** 23);
});
