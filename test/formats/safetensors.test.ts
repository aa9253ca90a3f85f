import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Dtype,
  FormatError,
  readSafetensors,
  type Tensor,
  writeSafetensors,
} from "../../src/formats/safetensors.ts";
import { InputError } from "../../src/graph/input-error.ts";
import { refusal } from "../helpers/refusal.ts";

/** A file with this header, padded or not as it stands, and this many bytes of data. */
function fileOf(header: unknown, dataBytes: number, headerLength?: bigint): Uint8Array {
  const text = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, headerLength ?? BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

function messageOf(bytes: Uint8Array): string {
  const message = refusal(() => readSafetensors(bytes, "m.safetensors"), FormatError);
  expect(() => readSafetensors(bytes, "m.safetensors")).toThrow(InputError);
  expect(message).toMatch(/^m\.safetensors: .*\.$/);
  return message.slice("m.safetensors: ".length);
}

const plain = (record: Readonly<Record<string, unknown>>) => ({ ...record });

describe("writing", () => {
  test("a small file, byte for byte", () => {
    const bytes = writeSafetensors({
      tensors: {
        b: { shape: [2], data: Float32Array.of(1, -2) },
        a: { shape: [1, 1], data: Int32Array.of(258) },
      },
      metadata: { k: "é" },
    });
    const header =
      '{"__metadata__":{"k":"é"},"a":{"dtype":"I32","shape":[1,1],"data_offsets":[0,4]},' +
      '"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}';
    const text = new TextEncoder().encode(header);
    expect(text.length).toBe(136);
    expect([...bytes.subarray(0, 8)]).toEqual([136, 0, 0, 0, 0, 0, 0, 0]);
    expect([...bytes.subarray(8, 144)]).toEqual([...text]);
    expect([...bytes.subarray(144)]).toEqual([2, 1, 0, 0, 0, 0, 128, 63, 0, 0, 0, 192]);
  });

  test("the header is padded with spaces, so that the data starts at a multiple of 8; empty metadata is left out", () => {
    const bytes = writeSafetensors({ tensors: { a: { shape: [], data: Float32Array.of(1) } }, metadata: {} });
    const header = new TextDecoder().decode(bytes.subarray(8, bytes.length - 4));
    expect(header).toBe('{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}   ');
    expect(bytes[0]).toBe(header.length);
    const empty = [2 + 6, 0, 0, 0, 0, 0, 0, 0, ...new TextEncoder().encode("{}      ")];
    expect([...writeSafetensors({ tensors: {}, metadata: {} })]).toEqual(empty);
  });

  test("larger items come first, and the order of the tensors given makes no difference", () => {
    const a: Tensor = { shape: [1], data: Float32Array.of(1) };
    const b: Tensor = { shape: [1], data: Float64Array.of(2) };
    const bytes = writeSafetensors({ tensors: { a, b, 1: a }, metadata: {} });
    expect(bytes).toEqual(writeSafetensors({ tensors: { 1: a, b, a }, metadata: {} }));
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, bytes.length - 16)));
    expect(header.b.data_offsets).toEqual([0, 8]);
    expect(header[1].data_offsets).toEqual([8, 12]);
    expect(header.a.data_offsets).toEqual([12, 16]);
  });

  test("views into a larger buffer write only their part", () => {
    const data = Float32Array.of(1, 2, 3, 4).subarray(1, 3);
    const file = readSafetensors(writeSafetensors({ tensors: { a: { shape: [2], data } }, metadata: {} }));
    expect(file.tensors.a).toEqual({ shape: [2], dtype: "F32", data: Float32Array.of(2, 3) });
  });

  test("refuses what the format cannot hold", () => {
    const write = (name: string, shape: number[], metadata = {}) =>
      writeSafetensors({ tensors: { [name]: { shape, data: Float32Array.of(1) } }, metadata });
    expect(() => write("a", [2])).toThrow("a has the shape [2] but 1 values");
    expect(() => write("a", [2 ** 53, 2 ** 53])).toThrow("but 1 values");
    expect(() => write("__metadata__", [1])).toThrow("no tensor can be named __metadata__");
    expect(() => write("__proto__", [1])).toThrow("no tensor can be named __proto__");
    expect(() => write("\uD800", [1])).toThrow("half of a surrogate pair");
    expect(() => write("a", [1], { k: "\uDC00" })).toThrow("half of a surrogate pair");
  });
});

describe("reading", () => {
  test("property: what is written comes back, from any place in memory", () => {
    const name = fc.string({ unit: "binary" }).filter((name) => !["__metadata__", "__proto__"].includes(name));
    const of = <T extends Tensor["data"]>(data: fc.Arbitrary<T>, dtype: Dtype) => data.map((data) => ({ data, dtype }));
    const data: fc.Arbitrary<{ data: Tensor["data"]; dtype: Dtype }> = fc.oneof(
      ...[of(fc.float32Array(), "F32"), of(fc.int32Array(), "I32"), of(fc.float64Array(), "F64")],
      ...[of(fc.bigInt64Array(), "I64"), of(fc.bigUint64Array(), "U64"), of(fc.uint32Array(), "U32")],
      ...[of(fc.int16Array(), "I16"), of(fc.uint16Array(), "U16"), of(fc.int8Array(), "I8"), of(fc.uint8Array(), "U8")],
      of(fc.uint8Array({ max: 1 }), "BOOL"),
      // What f16 and bf16 hold exactly.
      of(
        fc.float32Array().map((data) => data.map((value) => Math.fround(Math.round(value % 256)))),
        "F16",
      ),
      of(
        fc.float32Array({ noNaN: true }).map((data) => {
          const bits = new Uint32Array(data.buffer).map((word) => word & 0xffff0000);
          return new Float32Array(bits.buffer);
        }),
        "BF16",
      ),
    );
    const tensor = data.map(
      ({ data, dtype }): Tensor => ({
        shape: data.length % 2 === 0 ? [data.length / 2, 2] : [data.length],
        data,
        dtype,
      }),
    );
    const texts = fc.string({ unit: "binary" });
    const metadata = fc.dictionary(
      texts.filter((key) => key !== "__proto__"),
      texts,
    );
    fc.assert(
      fc.property(fc.dictionary(name, tensor), metadata, fc.nat(7), (tensors, metadata, shift) => {
        const bytes = writeSafetensors({ tensors, metadata });
        const shifted = new Uint8Array(bytes.length + shift);
        shifted.set(bytes, shift);
        const file = readSafetensors(Buffer.from(shifted.buffer, shift));
        expect(plain(file.tensors)).toEqual(plain(tensors));
        expect(plain(file.metadata)).toEqual(plain(metadata));
      }),
    );
  });

  test("names of Object's own methods are names like others, and no inherited one is found", () => {
    const a: Tensor = { shape: [1], data: Float32Array.of(1) };
    const file = readSafetensors(writeSafetensors({ tensors: { toString: a }, metadata: { constructor: "x" } }));
    expect(file.tensors.toString).toEqual({ ...a, dtype: "F32" });
    expect(file.tensors.valueOf).toBeUndefined();
    expect(file.metadata.constructor).toBe("x");
    expect(file.metadata.toString).toBeUndefined();
  });

  test("tensors in another order, and without metadata or padding, as other writers have them", () => {
    const entry = (begin: number, end: number) => ({
      dtype: "I32",
      shape: [(end - begin) / 4],
      data_offsets: [begin, end],
    });
    const bytes = fileOf({ z: entry(8, 12), empty: entry(8, 8), a: entry(0, 8) }, 12);
    bytes.set([1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0], bytes.length - 12);
    const { tensors } = readSafetensors(bytes);
    expect(tensors.a!.data).toEqual(Int32Array.of(1, 2));
    expect(tensors.z!.data).toEqual(Int32Array.of(3));
    expect(tensors.empty).toEqual({ shape: [0], dtype: "I32", data: new Int32Array(0) });
  });

  function read(dtype: string, data: ArrayBufferView): Tensor["data"] {
    const itemBytes = dtype.endsWith("64") ? 8 : dtype.endsWith("32") ? 4 : 2;
    const offsets = [0, data.byteLength];
    const bytes = fileOf(
      { a: { dtype, shape: [data.byteLength / itemBytes], data_offsets: offsets } },
      data.byteLength,
    );
    bytes.set(new Uint8Array(data.buffer), bytes.length - data.byteLength);
    return readSafetensors(bytes, "m.safetensors").tensors.a!.data;
  }

  test("F16: all 65,536 values", () => {
    const found = read(
      "F16",
      Uint16Array.from({ length: 65536 }, (_, bits) => bits),
    );
    expect(found).toBeInstanceOf(Float32Array);
    const check = (bits: number, value: number) => expect(found[bits]).toBe(value);
    check(0x0000, 0);
    check(0x8000, -0);
    check(0x0001, 2 ** -24);
    check(0x03ff, 1023 * 2 ** -24);
    check(0x0400, 2 ** -14);
    check(0x3c00, 1);
    check(0x3c01, 1 + 2 ** -10);
    check(0xc000, -2);
    check(0x3555, 0.333251953125);
    check(0x7bff, 65504);
    check(0x7c00, Infinity);
    check(0xfc00, -Infinity);
    expect(found[0x7e00]).toBeNaN();
    // Between the values checked, each is the next one up; and negative ones mirror them.
    for (let bits = 1; bits <= 0x7c00; bits++) {
      expect(found[bits]! > found[bits - 1]!).toBe(true);
      expect(found[bits | 0x8000]!).toBe(-found[bits]!);
    }
    for (let bits = 0x7c01; bits < 0x8000; bits++) expect(Number.isNaN(found[bits])).toBe(true);
  });

  test("BF16, F64, I64", () => {
    const halves = Uint16Array.of(0x3f80, 0xc040, 0x0001, 0x7f80, 0x8000);
    expect(read("BF16", halves)).toEqual(Float32Array.of(1, -3, 2 ** -133, Infinity, -0));
    expect(read("F64", Float64Array.of(0.1, 1e300))).toEqual(Float64Array.of(0.1, 1e300));
    // Exact beyond 2^53, where numbers are not.
    expect(read("I64", BigInt64Array.of(-5n, 2n ** 53n + 1n))).toEqual(BigInt64Array.of(-5n, 2n ** 53n + 1n));
  });

  const python = JSON.parse(readFileSync(join(import.meta.dirname, "../fixtures/safetensors.json"), "utf8")) as {
    file: string;
    values: Record<string, string[]>;
    rounded: [bits: number, f16: number, bf16: number][];
  };
  const numberOf = (text: string) => Number(text.replace("inf", "Infinity").replace("nan", "NaN"));

  test("a file by Python's safetensors with every dtype that it writes: the values that Python sees", () => {
    const { tensors, metadata } = readSafetensors(Buffer.from(python.file, "base64"));
    expect(plain(metadata)).toEqual({ written: "by Python" });
    expect(Object.keys(tensors).sort()).toEqual([...Object.keys(python.values), "F4"].sort());
    for (const [name, values] of Object.entries(python.values)) {
      const { data, dtype } = tensors[name] as Tensor;
      expect(dtype).toBe(name);
      const found = Array.from(data as Iterable<number | bigint>);
      if (name.endsWith("64") && /^[IU]/.test(name)) expect(found).toEqual(values.map(BigInt));
      // In f32 as Python's f64 of an f32 is: exact.
      else expect(found, name).toEqual(values.map(numberOf));
    }
    // Two elements a byte: the shape counts elements, the data are the bytes.
    expect(tensors.F4).toEqual({ shape: [2, 4], dtype: "F4", data: Uint8Array.of(0x21, 0x43, 0x65, 0x87) });
  });

  test("f16 and bf16: rounded to the nearest, to even between two, denormals kept, as numpy and ml_dtypes do", () => {
    expect(python.rounded.length).toBeGreaterThan(300);
    let refused = 0;
    for (const [bits, ...codes] of python.rounded) {
      const data = new Float32Array(Uint32Array.of(bits).buffer);
      for (const [k, dtype] of (["F16", "BF16"] as const).entries()) {
        const write = () => writeSafetensors({ tensors: { a: { shape: [1], data, dtype } }, metadata: {} });
        const overflows = (codes[k]! & 0x7fff) === (k === 0 ? 0x7c00 : 0x7f80) && Number.isFinite(data[0]);
        if (overflows) {
          expect(write).toThrow(InputError);
          refused++;
        } else expect(new Uint16Array(write().slice(-2).buffer)[0], `${data[0]} as ${dtype}`).toBe(codes[k]);
      }
    }
    expect(refused).toBeGreaterThan(100);
  });

  test("a number beyond the largest of f16 is refused with its place, up to where it would round to that", () => {
    const write = (value: number, dtype: "F16" | "BF16" = "F16") =>
      writeSafetensors({
        tensors: { w: { shape: [2, 3], data: Float32Array.of(0, 0, 0, 0, 0, value), dtype } },
        metadata: {},
      });
    const back = (bytes: Uint8Array) => readSafetensors(bytes).tensors.w?.data[5];
    expect(() => write(-70000)).toThrow(
      "w[1, 2] is -70000, and the largest number of F16 is 65,504. Store it as BF16 or F32.",
    );
    expect(() => write(65520)).toThrow(InputError);
    expect(back(write(65519.99))).toBe(65504);
    expect(back(write(70000, "BF16"))).toBe(70144);
    expect(() => write(3.4e38, "BF16")).toThrow("the largest number of BF16 is 3.39e+38. Store it as F32.");
    expect(back(write(-Infinity))).toBe(-Infinity);
    expect(back(write(NaN))).toBeNaN();
  });

  test("a model of others is read where it is here, byte for byte what a second reader finds", (context) => {
    const folder = process.env.UNROLLED_DATA ?? join(import.meta.dirname, "../../../shared/data");
    const path = join(folder, "models/silero-vad/silero_vad_16k.safetensors");
    if (!existsSync(path)) context.skip(`${path} is not here; UNROLLED_DATA names the folder`);
    const bytes = readFileSync(path);
    const { tensors } = readSafetensors(bytes, path);
    const start = 8 + Number(bytes.readBigUInt64LE(0));
    const { __metadata__: _, ...header } = JSON.parse(bytes.subarray(8, start).toString("utf8"));
    expect(Object.keys(tensors)).toEqual(Object.keys(header));
    for (const [name, { dtype, data_offsets }] of Object.entries<{ dtype: string; data_offsets: [number, number] }>(
      header,
    )) {
      const { data } = tensors[name] as Tensor;
      expect(dtype).toBe("F32");
      for (const at of [0, data.length - 1]) {
        expect(data[at]).toBe(bytes.readFloatLE(start + data_offsets[0] + 4 * at));
      }
    }
  });
});

describe("each thing that can be wrong has its line", () => {
  const entry = { dtype: "F32", shape: [2], data_offsets: [0, 8] };
  const one = (change: object, dataBytes = 8) => messageOf(fileOf({ a: { ...entry, ...change } }, dataBytes));

  test("the first eight bytes", () => {
    expect(messageOf(new Uint8Array(7))).toMatchInlineSnapshot(
      `"a safetensors file has at least 8 bytes, this one 7: it is cut short. Copy it again or train anew."`,
    );
    expect(messageOf(fileOf("", 0))).toMatchInlineSnapshot(
      `"its first 8 bytes give a header of 0 bytes, not 2 to 100,000,000. The file is damaged, or not a safetensors file."`,
    );
    expect(messageOf(fileOf("{}", 10, 1_000_000_000n))).toMatchInlineSnapshot(
      `"its first 8 bytes give a header of 1,000,000,000 bytes, not 2 to 100,000,000. The file is damaged, or not a safetensors file."`,
    );
    expect(messageOf(fileOf("{}", 10, 2n ** 64n - 1n))).toContain("not 2 to 100,000,000");
    expect(messageOf(fileOf("{}", 10, 100_000_000n))).toMatchInlineSnapshot(
      `"its header ends at byte 100,000,008 but the file has 20: it is cut short. Copy it again or train anew."`,
    );
    expect(messageOf(fileOf("{}", 0, 3n))).toContain("its header ends at byte 11 but the file has 10");
  });

  test("the header's text", () => {
    const invalid = fileOf('{"a":1}', 0);
    invalid[10] = 0xff;
    expect(messageOf(invalid)).toMatchInlineSnapshot(
      `"its header is not UTF-8 text. The file is damaged, or not a safetensors file."`,
    );
    expect(messageOf(fileOf(" {}", 0))).toMatchInlineSnapshot(
      `"its header starts with " ", not "{". The file is damaged, or not a safetensors file."`,
    );
    expect(messageOf(fileOf("\uFEFF{}", 0))).toContain('not "{"');
    expect(messageOf(fileOf("[]", 0))).toContain('not "{"');
    expect(messageOf(fileOf('{"a":}', 0))).toMatchInlineSnapshot(
      `"its header is not JSON. The file is damaged, or not a safetensors file."`,
    );
    expect(messageOf(fileOf("{}{}", 0))).toContain("not JSON");
    expect(messageOf(fileOf(`{"a":${"[".repeat(1e6)}`, 0))).toContain("not JSON");
    expect(messageOf(fileOf(`{"a":${"[".repeat(1e5)}${"]".repeat(1e5)}}`, 0))).toContain("needs an object");
  });

  test("names", () => {
    const text = JSON.stringify(entry);
    expect(messageOf(fileOf(`{"a":${text},"a":${text}}`, 8))).toMatchInlineSnapshot(
      `"its header has "a" twice. The file is damaged, or not a safetensors file."`,
    );
    // The same name, written in two ways.
    expect(messageOf(fileOf(`{"a\\"":${text}, "\\u0061\\u0022" :${text}}`, 8))).toContain('has "a\\"" twice');
    expect(messageOf(fileOf('{"a":{"shape":[2],"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', 8))).toContain(
      '"shape" twice',
    );
    expect(messageOf(fileOf(`{"__proto__":${text}}`, 8))).toMatchInlineSnapshot(
      `"its header has the name __proto__. The file is damaged, or not a safetensors file."`,
    );
    expect(messageOf(fileOf('{"__metadata__":{"__proto__":"x"}}', 0))).toContain("__proto__");
    // The same name in different objects, and names in texts, are no harm.
    const fine = `{"__metadata__":{"a":"{\\"a\\":1,\\"a\\":2}","b":"__proto__"},"a":${text}}`;
    expect(plain(readSafetensors(fileOf(fine, 8)).metadata)).toEqual({ a: '{"a":1,"a":2}', b: "__proto__" });
  });

  test("metadata", () => {
    expect(messageOf(fileOf({ __metadata__: { k: 1 } }, 0))).toMatchInlineSnapshot(
      `"metadata "k" needs a text. The file is damaged, or not a safetensors file."`,
    );
    for (const value of [null, [], "x", 5]) {
      expect(messageOf(fileOf({ __metadata__: value }, 0))).toContain('"__metadata__" needs an object of texts');
    }
  });

  test("tensors: fields", () => {
    for (const value of [null, [], "x", 5])
      expect(messageOf(fileOf({ a: value }, 0))).toContain('tensor "a" needs an object');
    expect(one({ dtype: undefined })).toContain('tensor "a" has no dtype');
    expect(one({ dtype: "F128" })).toMatchInlineSnapshot(
      `"tensor "a" has the dtype "F128"; known are F64, I64, U64, C64, F32, I32, U32, F16, BF16, I16, U16, F8_E4M3, F8_E5M2, F8_E8M0, F8_E4M3FNUZ, F8_E5M2FNUZ, I8, U8, BOOL, F6_E2M3, F6_E3M2, F4. Convert it."`,
    );
    expect(one({ dtype: "toString" })).toContain('has the dtype "toString"');
    for (const shape of [undefined, 2, "2", [-2], [1.5], ["2"], [1e300], [null], { length: 1 }]) {
      expect(one({ shape })).toContain('tensor "a" needs a "shape" of whole numbers from 0');
    }
    for (const data_offsets of [undefined, [0], [0, 8, 8], [-8, 0], [0, 8.5], "08", [0, null]]) {
      expect(one({ data_offsets })).toContain('tensor "a" needs "data_offsets" of two whole numbers');
    }
    const long = { [`\n\u2028${"x".repeat(1000)}`]: 5 };
    expect(messageOf(fileOf(long, 0)).length).toBeLessThan(200);
  });

  test("tensors: sizes", () => {
    expect(one({ shape: [3] })).toMatchInlineSnapshot(
      `"tensor "a" has 8 bytes, but its shape needs 12 as F32. The file is damaged, or not a safetensors file."`,
    );
    expect(one({ dtype: "BOOL" })).toContain("has 8 bytes, but its shape needs 2 as BOOL");
    expect(one({ dtype: "C64" })).toContain("has 8 bytes, but its shape needs 16 as C64");
    // Elements of 4 and 6 bits must fill whole bytes.
    expect(one({ dtype: "F4", shape: [3] })).toMatchInlineSnapshot(
      `"tensor "a" has 3 elements of 4 bits, which fill no whole bytes. The file is damaged, or not a safetensors file."`,
    );
    expect(one({ dtype: "F6_E2M3", shape: [2, 1] })).toContain("2 elements of 6 bits, which fill no whole bytes");
    expect(one({ dtype: "F4", shape: [2 ** 52, 8] })).toContain("more than 2^53 bytes");
    expect(one({ dtype: "F6_E3M2", shape: [16] })).toContain("has 8 bytes, but its shape needs 12 as F6_E3M2");
    expect(one({ data_offsets: [8, 0] })).toContain("has -8 bytes, but its shape needs 8 as F32");
    expect(one({ shape: [2 ** 30, 2 ** 30] })).toMatchInlineSnapshot(
      `"tensor "a" has a shape of more than 2^53 bytes. The file is damaged, or not a safetensors file."`,
    );
    expect(one({ shape: [2 ** 52], data_offsets: [0, Number.MAX_SAFE_INTEGER] })).toContain("more than 2^53 bytes");
    expect(one({ shape: Array(100).fill(2 ** 50) })).toContain("more than 2^53 bytes");
    // 2^32 * 2^32 * ... would be 0 in 64-bit arithmetic.
    expect(one({ shape: [2 ** 32, 2 ** 32], data_offsets: [0, 0] }, 0)).toContain("more than 2^53 bytes");
    expect(one({ shape: [2 ** 40], data_offsets: [0, 2 ** 42] })).toContain("but the file has");
  });

  test("tensors: places", () => {
    const at = (begin: number, end: number) => ({
      dtype: "F32",
      shape: [(end - begin) / 4],
      data_offsets: [begin, end],
    });
    expect(messageOf(fileOf({ a: at(0, 8), b: at(4, 12) }, 12))).toMatchInlineSnapshot(
      `"tensors "a" and "b" overlap. The file is damaged, or not a safetensors file."`,
    );
    expect(messageOf(fileOf({ a: at(0, 8), b: at(0, 8) }, 8))).toContain("overlap");
    expect(messageOf(fileOf({ a: at(0, 12), b: at(4, 8) }, 12))).toContain("overlap");
    expect(messageOf(fileOf({ a: at(0, 4), b: at(8, 12) }, 12))).toMatchInlineSnapshot(
      `"the 4 bytes before tensor "b" belong to no tensor. The file is damaged, or not a safetensors file."`,
    );
    expect(messageOf(fileOf({ a: at(4, 8) }, 8))).toContain('the 4 bytes before tensor "a"');
    expect(messageOf(fileOf({ a: at(0, 4), b: at(4, 2000) }, 100))).toMatchInlineSnapshot(
      `"header says 2 tensors end at byte 2,120 but the file has 220: it is cut short. Copy it again or train anew."`,
    );
    expect(messageOf(fileOf({ a: at(0, 8) }, 7))).toContain("header says 1 tensor ends at byte");
    expect(messageOf(fileOf({ a: at(0, 8) }, 9))).toMatchInlineSnapshot(
      `"the tensors end at byte 70 but the file has 71. The file is damaged, or not a safetensors file."`,
    );
    expect(messageOf(fileOf({}, 1))).toContain("the tensors end at byte 10 but the file has 11");
  });
});

describe("fuzz: nothing but a FormatError, and no more memory than the file has", () => {
  const good = writeSafetensors({
    tensors: {
      "lstm.W_f": { shape: [3, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
      "lstm.b_f": { shape: [3], data: Float32Array.of(1, 2, 3) },
      step: { shape: [], data: Int32Array.of(7) },
      half: { shape: [2], data: Float32Array.of(0.5, -2), dtype: "F16" },
      mask: { shape: [3], data: Uint8Array.of(1, 0, 1), dtype: "BOOL" },
      packed: { shape: [4], data: Uint8Array.of(0x21, 0x43), dtype: "F4" },
    },
    metadata: { architecture: '{"cell":"lstm"}', tokenizer: "…" },
  });
  const headerEnd = 8 + Number(new DataView(good.buffer).getBigUint64(0, true));

  function attempt(bytes: Uint8Array): void {
    let file: ReturnType<typeof readSafetensors>;
    try {
      file = readSafetensors(bytes, "m.safetensors");
    } catch (error) {
      expect(error).toBeInstanceOf(FormatError);
      expect((error as Error).message).toMatch(/^m\.safetensors: [^\p{Cc}]{1,400}$/u);
      return;
    }
    const total = Object.values(file.tensors).reduce((sum, tensor) => sum + tensor.data.byteLength, 0);
    // A number of 8 bits becomes one of 32.
    expect(total).toBeLessThanOrEqual(4 * bytes.length);
  }

  test("random bytes", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), attempt), { numRuns: 2000 });
  });

  test("random text behind a right length, and random JSON", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 100 }), fc.nat(20), (text, data) =>
        attempt(fileOf(`{${text}`, data)),
      ),
    );
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.nat(20), (header, data) =>
        attempt(fileOf(header, data)),
      ),
    );
  });

  test("every truncation is refused", () => {
    for (let length = 0; length < good.length; length++) {
      expect(() => readSafetensors(good.subarray(0, length))).toThrow(FormatError);
    }
    expect(Object.keys(readSafetensors(good).tensors)).toHaveLength(6);
  });

  test("every bit of the length and the header flipped, and any few bytes changed", () => {
    for (let bit = 0; bit < headerEnd * 8; bit++) {
      const bytes = good.slice();
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      attempt(bytes);
    }
    const change = fc.tuple(fc.nat(good.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 5 }), (changes) => {
        const bytes = good.slice();
        for (const [at, value] of changes) bytes[at] = value;
        attempt(bytes);
      }),
      { numRuns: 2000 },
    );
  });

  test("headers of the right form with any numbers", () => {
    const size = fc.oneof(
      fc.nat(16),
      fc.maxSafeInteger(),
      fc.double(),
      fc.constantFrom(-0, 2 ** 31, 2 ** 32, 2 ** 53, 1e308),
    );
    const entry = fc.record(
      {
        dtype: fc.constantFrom(
          "F32",
          "I64",
          "F16",
          "BF16",
          "U8",
          "BOOL",
          "C64",
          "F8_E4M3",
          "F6_E2M3",
          "F4",
          "",
          "__proto__",
        ),
        shape: fc.array(size, { maxLength: 4 }),
        data_offsets: fc.array(size, { minLength: 1, maxLength: 3 }),
      },
      { requiredKeys: ["shape"] },
    );
    const header = fc.dictionary(fc.constantFrom("a", "b", "c", "__metadata__", "__proto__"), entry);
    fc.assert(
      fc.property(header, fc.nat(40), (header, data) => attempt(fileOf(header, data))),
      { numRuns: 3000 },
    );
  });

  test("a header of 1 GB, or tensors of 1 TB, in a file of 20 or 100 bytes allocate nothing", () => {
    const terabyte = { a: { dtype: "F32", shape: [2 ** 38], data_offsets: [0, 2 ** 40] } };
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 100; i++) {
      attempt(fileOf("{}", 10, 1_000_000_000n));
      attempt(fileOf("{}", 10, 90_000_000n));
      attempt(fileOf(terabyte, 40));
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000);
  });
});

test("files of other programs are told by their first bytes", () => {
  const message = (bytes: readonly number[]): string =>
    refusal(() => readSafetensors(Uint8Array.from([...bytes, ...Array(100).fill(7)]), "m.pt"), FormatError);
  expect(message([0x50, 0x4b, 3, 4])).toMatch(
    /^m\.pt: it is a zip archive, such as PyTorch \(\.pt\) and Keras \(\.keras\) write/,
  );
  expect(message([0x89, 0x48, 0x44, 0x46])).toMatch(/^m\.pt: it is an HDF5 file, such as Keras \(\.h5\) writes/);
});
