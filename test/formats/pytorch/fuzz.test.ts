/**
 * Damaged files: each gives one plain line or a model, and ends. FUZZ says how many of each kind are tried, by default few, FUZZ_SEED which.
 */
import { readFileSync } from "node:fs";
import { deflateRawSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { readNpy, readNpz } from "../../../src/formats/containers/npy.ts";
import { readPickle } from "../../../src/formats/containers/pickle.ts";
import { readTar } from "../../../src/formats/containers/tar.ts";
import { readZip } from "../../../src/formats/containers/zip.ts";
import { readPytorch } from "../../../src/formats/pytorch/read.ts";
import { FormatError } from "../../../src/formats/safetensors.ts";
import { createRandom, type Random } from "../../../src/nn/random.ts";
import { zipOf } from "../containers/zips.ts";
import { recorded } from "./recorded.ts";

const each = Number(process.env.FUZZ ?? 60);
const seed = Number(process.env.FUZZ_SEED ?? 0);
const fixture = (name: string): { cases: { file: string }[] } =>
  JSON.parse(readFileSync(new URL(`../../fixtures/${name}.json`, import.meta.url), "utf8"));
const filesOf = (name: string): Uint8Array[] =>
  fixture(name).cases.map(({ file }) => new Uint8Array(Buffer.from(file, "base64")));

/** Values that stand at the edges of what a number can be. */
const edges = [0, 1, 0x7f, 0x80, 0xff];
/** A file with some of its bytes changed, left out, doubled or moved, or cut off. */
function mutated(bytes: Uint8Array, random: Random): Uint8Array {
  let out = bytes.slice();
  for (let k = random.integer(4); k >= 0; k--) {
    const at = random.integer(out.length);
    const count = 1 + random.integer(Math.min(8, out.length - at));
    const how = random.integer(8);
    if (how < 3) for (let i = 0; i < count; i++) out[at + i] = random.integer(256);
    else if (how < 5) out.fill(edges[random.integer(edges.length)] as number, at, at + count);
    else if (how === 5) out = out.slice(0, at + 1);
    else if (how === 6) out = Uint8Array.from([...out.subarray(0, at), ...out.subarray(at + count)]);
    else out = Uint8Array.from([...out.subarray(0, at + count), ...out.subarray(at)]);
    if (out.length === 0) return Uint8Array.of(0);
  }
  return out;
}

function tryAll(files: readonly Uint8Array[], read: (bytes: Uint8Array) => unknown): { read: number; refused: number } {
  const counts = { read: 0, refused: 0 };
  for (let k = 0; k < each; k++) {
    const random = createRandom(seed + k);
    const bytes = mutated(files[random.integer(files.length)] as Uint8Array, random);
    try {
      read(bytes);
      counts.read++;
    } catch (error) {
      const { message } = error as Error;
      if (!(error instanceof FormatError) || !/^m: [^\n]+$/.test(message))
        throw new Error(`FUZZ_SEED=${seed + k}: ${String((error as Error).stack)}`);
      counts.refused++;
    }
  }
  return counts;
}
const tried = (counts: { read: number; refused: number }): void => {
  expect(counts.read + counts.refused).toBe(each);
  expect(counts.refused).toBeGreaterThan(0);
};

const zips = [false, true].map((deflated) =>
  zipOf(
    filesOf("numpy")
      .slice(0, 3)
      .map((data, k) => ({ name: `${k}.npy`, data, deflated, long: deflated })),
    { long: true },
  ),
);

describe("files with a few bytes changed", () => {
  test("pickles", () =>
    tried(
      tryAll(
        filesOf("pickles").map((file) => file.slice(0, 3000)),
        (bytes) => readPickle(bytes, { name: "m" }),
      ),
    ));
  test("whole pickles", () => tried(tryAll(filesOf("pickles"), (bytes) => readPickle(bytes, { name: "m" }))));
  test("ZIP archives", () => tried(tryAll(zips, (bytes) => readZip(bytes, "m"))));
  test("NumPy's arrays", () => tried(tryAll(filesOf("numpy"), (bytes) => readNpy(bytes, "m"))));
  test("NumPy's archives", () => tried(tryAll(zips, (bytes) => readNpz(bytes, "m"))));
  test("PyTorch's files", () =>
    tried(
      tryAll(
        recorded.map(({ bytes }) => bytes),
        (bytes) => readPytorch({ bytes, name: "m" }),
      ),
    ));
  test("PyTorch's files, within the pickle", () => {
    // Where all but the pickle is as it was, more of it is read.
    const files = recorded.filter(({ bytes }) => bytes[0] === 0x50).map(({ bytes }) => readZip(bytes, "m"));
    const pickles = files.map((members) => members.get("archive/data.pkl") as Uint8Array);
    const read = (bytes: Uint8Array, k: number) => {
      const members = [...(files[k] as ReadonlyMap<string, Uint8Array>)];
      const again = members.map(([name, data]) => ({ name, data: name.endsWith("data.pkl") ? bytes : data }));
      return readPytorch({ bytes: zipOf(again), name: "m" });
    };
    for (const k of [0, files.length - 5]) tried(tryAll([pickles[k] as Uint8Array], (bytes) => read(bytes, k)));
  });
  test("tar archives", () => {
    const header = new Uint8Array(512);
    header.set(Buffer.from("a"), 0);
    header.set(Buffer.from("00000000003"), 124);
    header.set(Buffer.from("0000000 0"), 148);
    header.fill(32, 148, 156);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.set(Buffer.from(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
    tried(
      tryAll([Uint8Array.from([...header, ...Buffer.from("one"), ...new Uint8Array(1533)])], (bytes) =>
        readTar(bytes, "m"),
      ),
    );
  });
});

describe("files that are made to do harm", () => {
  const said = (bytes: Uint8Array): string => {
    try {
      readPytorch({ bytes, name: "m" });
    } catch (error) {
      expect(error).toBeInstanceOf(FormatError);
      return (error as Error).message;
    }
    return "read";
  };
  const ofPickle = (...parts: readonly (string | number)[]): Uint8Array => {
    const data = Uint8Array.from(
      parts.flatMap((part) => (typeof part === "number" ? [part] : [...Buffer.from(part, "latin1")])),
    );
    return zipOf([{ name: "m/data.pkl", data }]);
  };

  test("dictionaries within each other without end, and by powers of two", () => {
    expect(said(ofPickle("}q", 0, "X", 1, 0, 0, 0, "kh", 0, "s."))).toMatchInlineSnapshot(
      `"m: its values lie in each other without end, or deeper than 64."`,
    );
    // Each holds the one before it twice: 2^40 dictionaries.
    const level = (k: number): (string | number)[] => ["}q", k, "K", 1, "h", k - 1, "sK", 2, "h", k - 1, "s"];
    const levels = Array.from({ length: 40 }, (_, k) => [...level(k + 1), "0"]).flat();
    expect(said(ofPickle("}q", 0, "0", ...levels, "h", 40, "."))).toMatchInlineSnapshot(
      `"m: its values lie in each other without end, or deeper than 64."`,
    );
  });

  test("a call is never made, and what it would give is no tensor", () => {
    expect(said(ofPickle("cos\nsystem\n(S'echo hello'\ntR."))).toMatchInlineSnapshot(
      `"m: it holds no tensors of a model."`,
    );
  });

  test("a tensor of more numbers than are stored, and one that reaches beyond them", () => {
    const storage = (count: string): string => `((S'storage'\nctorch\nFloatStorage\nS'0'\nS'cpu'\n${count}tQ`;
    const tensor = (shape: string, strides: string, offset: string, more = ""): string =>
      `(S'w.weight'\nctorch._utils\n_rebuild_tensor_v2\n${storage("I2\n")}${offset}${shape}${strides}I00\nN${more}tRd.`;
    const file = (pickle: string) =>
      zipOf([
        { name: "m/data.pkl", data: Buffer.from(pickle, "latin1") },
        { name: "m/data/0", data: new Uint8Array(8) },
      ]);
    expect(said(file(tensor("(I1000000\nI1000000\nt", "(I0\nI0\nt", "I0\n")))).toMatchInlineSnapshot(
      `"m: w.weight has 1000000000000 numbers, more than the 2 that are stored."`,
    );
    // As PyTorch 2 writes views of which each number is less than 0 where the stored one is above.
    expect(said(file(tensor("(I2\nI1\nt", "(I1\nI1\nt", "I0\n", "(S'neg'\nI01\nd")))).toMatchInlineSnapshot(
      `"m: w.weight is a view that turns signs, which is not read."`,
    );
    expect(said(file(tensor("(I2\nI1\nt", "(I1\nI1\nt", "I1\n")))).toMatchInlineSnapshot(
      `"m: w.weight reaches beyond its storage, which has 2 numbers: the file is cut off or damaged."`,
    );
    expect(said(file(tensor("(I2\nt", "(I1\nI1\nt", "I0\n")))).toMatchInlineSnapshot(
      `"m: w.weight has no shape: the file is damaged."`,
    );
    expect(said(file(tensor("(I-2\nI1\nt", "(I1\nI1\nt", "I0\n")))).toMatchInlineSnapshot(
      `"m: w.weight has no shape: the file is damaged."`,
    );
  });

  test("a pickle that unpacks to very much, and one of very many values", () => {
    const bomb = { name: "m/data.pkl", data: new Uint8Array(20 * 2 ** 20).fill(0x5d), deflated: true };
    expect(deflateRawSync(bomb.data).length).toBeLessThan(100_000);
    expect(said(zipOf([bomb]))).toMatch(/^m: /);
    const values = new Uint8Array(3 * 2 ** 20).fill(0x5d);
    expect(said(zipOf([{ name: "m/data.pkl", data: values, deflated: true }]))).toMatchInlineSnapshot(
      `"m: data.pkl: the pickle's values take more than 16789968 bytes, far more than the file: it is not read."`,
    );
  });
});
