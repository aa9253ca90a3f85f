import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FormatError, readSafetensors, type Tensor, writeSafetensors } from "../../src/formats/safetensors.ts";
import { InputError } from "../../src/graph/input-error.ts";

/** A file with this header, padded or not as it stands, and this many bytes of data. */
function fileOf(header: unknown, dataBytes: number, headerLength?: bigint): Uint8Array {
  const text = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, headerLength ?? BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

function messageOf(bytes: Uint8Array): string {
  try {
    readSafetensors(bytes, "m.safetensors");
  } catch (error) {
    expect(error).toBeInstanceOf(FormatError);
    expect(error).toBeInstanceOf(InputError);
    expect((error as Error).message).toMatch(/^m\.safetensors: .*\.$/);
    return (error as Error).message.slice("m.safetensors: ".length);
  }
  throw new Error("nothing was thrown");
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
    expect(file.tensors.a).toEqual({ shape: [2], data: Float32Array.of(2, 3) });
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
    const data = fc.oneof(fc.float32Array(), fc.int32Array(), fc.float64Array());
    const tensor = data.map(
      (data): Tensor => ({ shape: data.length % 2 === 0 ? [data.length / 2, 2] : [data.length], data }),
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
    expect(file.tensors.toString).toEqual(a);
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
    expect(tensors.empty).toEqual({ shape: [0], data: new Int32Array(0) });
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
    const whole = Number.MAX_SAFE_INTEGER;
    expect(read("I64", BigInt64Array.of(-5n, BigInt(whole)))).toEqual(Float64Array.of(-5, whole));
    expect(() => read("I64", BigInt64Array.of(2n ** 53n))).toThrow(
      'm.safetensors: tensor "a" holds whole numbers beyond 2^53. Store it as F64 or I32.',
    );
    expect(() => read("I64", BigInt64Array.of(-(2n ** 53n) - 1n))).toThrow("beyond 2^53");
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
    expect(one({ dtype: "BOOL" })).toMatchInlineSnapshot(
      `"tensor "a" has the dtype "BOOL", but only F64, I64, F32, I32, F16, BF16 can be read. Convert it."`,
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
      `"the 4 bytes before tensor "b" belong to none. The file is damaged, or not a safetensors file."`,
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
    expect(total).toBeLessThanOrEqual(2 * bytes.length);
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
    expect(Object.keys(readSafetensors(good).tensors)).toHaveLength(3);
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
        dtype: fc.constantFrom("F32", "I32", "F16", "BF16", "F64", "I64", "U8", "", "__proto__"),
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
