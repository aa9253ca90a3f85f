import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { isRecord, type PickleValue, readPickle } from "../../../src/formats/containers/pickle.ts";
import { refusal } from "../../helpers/refusal.ts";

const name = "m.pkl";
const read = (bytes: Uint8Array): PickleValue => readPickle(bytes, { name }).value;
/** A pickle of texts, which stand for their bytes, and of numbers, which are bytes. */
const pickle = (...parts: readonly (string | number)[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === "number" ? [part] : [...Buffer.from(part, "latin1")])));
const said = (bytes: Uint8Array, memory?: number): string =>
  refusal(() => readPickle(bytes, { name, ...(memory !== undefined && { memory }) }));

/** As scripts/record-pickles.py describes values. */
function described(value: PickleValue): unknown {
  if (value === null || typeof value === "boolean") return value;
  if (typeof value === "bigint") return ["number", String(value)];
  if (typeof value === "number") return ["number", Object.is(value, -0) ? "-0" : String(value)];
  if (typeof value === "string") return ["str", value];
  if (value instanceof Uint8Array) return ["bytes", Buffer.from(value).toString("hex")];
  if (value.kind === "dict") return ["dict", [...value.entries].map(([key, one]) => [described(key), described(one)])];
  if (value.kind === "list" || value.kind === "tuple" || value.kind === "set")
    return [value.kind, value.items.map(described)];
  return value.kind;
}
/** Numbers of Python as ours. */
function asOurs(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  const [kind, content] = value as [string, unknown];
  if (kind === "int") return ["number", String(BigInt(content as string))];
  if (kind === "float") {
    const number = Number((content as string).replace("inf", "Infinity"));
    return ["number", Object.is(number, -0) ? "-0" : String(number)];
  }
  if (kind === "str" || kind === "bytes") return value;
  const all = content as unknown[];
  return [kind, kind === "dict" ? all.map((pair) => (pair as unknown[]).map(asOurs)) : all.map(asOurs)];
}

type Recorded = { readonly protocol: number; readonly file: string; readonly value: unknown };
const { cases } = JSON.parse(readFileSync(new URL("../../fixtures/pickles.json", import.meta.url), "utf8")) as {
  readonly cases: readonly Recorded[];
};
describe("what Python pickles", () => {
  test.each(cases)("protocol $protocol", ({ file, value }) => {
    const got = read(new Uint8Array(Buffer.from(file, "base64")));
    expect(described(got)).toEqual(asOurs(value));
    // One list that stands in two places is one list.
    const twice = isRecord(got, "dict") ? got.entries.get("twice") : undefined;
    expect(isRecord(twice, "list") && twice.items[0] === twice.items[1]).toBe(true);
  });

  test("Python 2's texts, which may be bytes, and its opcodes", () => {
    expect(read(pickle("S'it\\'s \\x41\\n'\np0\n."))).toBe("it's A\n");
    expect(read(pickle("U", 2, 0xff, 0x00, "."))).toEqual(Uint8Array.of(0xff, 0));
    expect(read(pickle("T", 2, 0, 0, 0, "hi."))).toBe("hi");
    expect(described(read(pickle("(lp0\nI1\naI01\na.")))).toEqual(["list", [["number", "1"], true]]);
    expect(described(read(pickle("(dI1\nL12L\ns.")))).toEqual([
      "dict",
      [
        [
          ["number", "1"],
          ["number", "12"],
        ],
      ],
    ]);
  });

  test("several in a row, each with its end", () => {
    const bytes = pickle("K", 1, ".", "K", 2, ".");
    const first = readPickle(bytes, { name });
    expect(first).toEqual({ value: 1, end: 3 });
    expect(readPickle(bytes, { name, start: first.end })).toEqual({ value: 2, end: 6 });
  });
});

describe("what would call something is data", () => {
  const called = { kind: "global", module: "os", name: "system" };
  const args = { kind: "tuple", items: ["echo hello"] };

  test("a function and its arguments", () => {
    expect(read(pickle("cos\nsystem\n(S'echo hello'\ntR."))).toMatchObject({ kind: "object", type: called, args });
    expect(read(pickle("(S'echo hello'\nios\nsystem\n."))).toMatchObject({ kind: "object", type: called, args });
    expect(read(pickle("(cos\nsystem\nS'echo hello'\no."))).toMatchObject({ kind: "object", type: called, args });
    const stacked = pickle(0x80, 4, 0x8c, 2, "os", 0x8c, 6, "system", 0x93, "S'echo hello'\n", 0x85, "R.");
    expect(read(stacked)).toMatchObject({ kind: "object", type: called, args });
  });

  test("an object, its state, its items and its keys", () => {
    const bytes = pickle("ca.b\nC\n)", 0x81, "}X", 1, 0, 0, 0, "kK", 7, "sb(K", 1, "K", 2, "e(K", 3, "K", 4, "u.");
    const value = read(bytes);
    expect(value).toMatchObject({ kind: "object", type: { module: "a.b", name: "C" }, items: [1, 2] });
    expect(isRecord(value, "object") && [...value.entries]).toEqual([[3, 4]]);
    expect(isRecord(value, "object") && isRecord(value.state, "dict") && [...value.state.entries]).toEqual([["k", 7]]);
  });

  test("a persistent id, and a class that is one", () => {
    expect(read(pickle("Pkey\n."))).toEqual({ kind: "persistent", id: "key" });
    expect(read(pickle("K", 1, "K", 2, 0x86, "Q)", 0x81, "."))).toMatchObject({
      ...{ kind: "object", type: { kind: "persistent", id: { kind: "tuple", items: [1, 2] } } },
    });
  });

  test("a list within itself", () => {
    const value = read(pickle("]q", 0, "h", 0, "a."));
    expect(isRecord(value, "list") && value.items[0] === value).toBe(true);
  });
});

describe("what is damaged has its line", () => {
  test("cut anywhere", () => {
    for (const { file } of cases.filter(({ protocol }) => protocol === 2 || protocol === 5)) {
      const whole = new Uint8Array(Buffer.from(file, "base64"));
      for (let length = 0; length < whole.length; length += 37)
        expect(said(whole.slice(0, length))).toMatch(/^m\.pkl: [^\n]+$/);
    }
  });

  test("lengths beyond the file, in every opcode that has one", () => {
    const full = [0xff, 0xff, 0xff, 0x7f];
    for (const opcode of ["X", "B", "T", 0x8b]) expect(said(pickle(opcode, ...full, "."))).toMatch(/cut off|bytes/);
    for (const opcode of [0x8d, 0x8e, 0x95, 0x96])
      expect(said(pickle(opcode, ...full, ...full, "."))).toContain("cut off");
    for (const opcode of [0x8c, "C", "U", 0x8a]) expect(said(pickle(opcode, 200, "."))).toContain("cut off");
    expect(said(pickle("T", 0xff, 0xff, 0xff, 0xff, "."))).toMatchInlineSnapshot(
      `"m.pkl: the pickle is damaged at byte 0: it has a negative length."`,
    );
    expect(said(pickle(`I${"9".repeat(5000)}\n.`))).toMatchInlineSnapshot(
      `"m.pkl: the pickle is damaged at byte 0: it has no whole number where one belongs."`,
    );
  });

  test("values that are not there, or of another kind", () => {
    expect(said(pickle("."))).toMatchInlineSnapshot(
      `"m.pkl: the pickle is damaged at byte 0: it takes a value where none is."`,
    );
    expect(said(pickle("h", 7, "."))).toMatchInlineSnapshot(
      `"m.pkl: the pickle is damaged at byte 0: it refers to value 7, which is not there."`,
    );
    expect(said(pickle("t."))).toMatchInlineSnapshot(
      `"m.pkl: the pickle is damaged at byte 0: it takes values down to a mark where none is."`,
    );
    expect(said(pickle("(K", 1, "a."))).toMatchInlineSnapshot(
      `"m.pkl: the pickle is damaged at byte 3: it takes a value where none is."`,
    );
    expect(said(pickle("K", 1, "K", 2, "a."))).toMatchInlineSnapshot(
      `"m.pkl: the pickle is damaged at byte 4: it appends to what is no list."`,
    );
    expect(said(pickle("K", 1, "K", 2, "K", 3, "s."))).toMatchInlineSnapshot(
      `"m.pkl: the pickle is damaged at byte 6: it sets keys in what is no dictionary."`,
    );
    expect(said(pickle("}(K", 2, "u."))).toMatchInlineSnapshot(
      `"m.pkl: the pickle is damaged at byte 4: a key has no value."`,
    );
    expect(said(pickle("K", 1, "K", 2, "R."))).toMatchInlineSnapshot(
      `"m.pkl: the pickle is damaged at byte 4: arguments are no tuple."`,
    );
    expect(said(pickle("]}b."))).toMatchInlineSnapshot(
      `"m.pkl: the pickle is damaged at byte 2: it gives a state to what is no object."`,
    );
    expect(said(pickle("K", 1, "K", 2, "."))).toMatchInlineSnapshot(
      `"m.pkl: the pickle is damaged at byte 4: it ends with values left over."`,
    );
    expect(said(pickle(0xff))).toMatchInlineSnapshot(
      `"m.pkl: the pickle is damaged at byte 0: there is no opcode 255."`,
    );
    expect(said(pickle(0x80, 6, "N."))).toMatchInlineSnapshot(
      `"m.pkl: the pickle is damaged at byte 0: its protocol is newer than 5."`,
    );
    expect(said(pickle(0x82, 1, "."))).toMatchInlineSnapshot(
      `"m.pkl: its pickle names a class by a number of copyreg's table, which is not in the file."`,
    );
    expect(said(pickle(0x97, "."))).toMatchInlineSnapshot(
      `"m.pkl: its pickle has buffers outside of it, which are not in the file."`,
    );
  });

  test("more values than a file of this size has", () => {
    expect(said(pickle("]".repeat(1000), "."), 4000)).toMatchInlineSnapshot(
      `"m.pkl: the pickle's values take more than 4000 bytes, far more than the file: it is not read."`,
    );
  });
});
