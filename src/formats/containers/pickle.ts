/**
 * Read Python's pickles, protocols 0 to 5, as data: numbers, texts, bytes, lists, tuples, sets and dictionaries. What would call
 * something in Python (a class, a function) becomes a plain record of what would be called with what: nothing is ever called, looked up
 * or loaded. Knows no class by name, and nothing of tensors.
 * Format: Python's Lib/pickletools.py, which describes each opcode.
 */
import { FormatError } from "../safetensors.ts";

/** What a pickle holds. Whole numbers beyond 2^53 are bigint; a text of Python 2 that is no UTF-8 is bytes. */
export type PickleValue = null | boolean | number | bigint | string | Uint8Array | PickleRecord;
/** What a pickle holds besides single values. One record may stand in several places, also in itself. */
export type PickleRecord =
  | PickleItems<"list">
  | PickleItems<"tuple">
  | PickleItems<"set">
  /** Keys are equal as in a Map: two tuples never are. */
  | { readonly kind: "dict"; readonly entries: Map<PickleValue, PickleValue> }
  /** A class or a function, by name. */
  | { readonly kind: "global"; readonly module: string; readonly name: string }
  | PickleObject
  /** What lies outside of the pickle, by what its writer calls it. */
  | { readonly kind: "persistent"; readonly id: PickleValue };
type PickleItems<Kind> = { readonly kind: Kind; readonly items: PickleValue[] };
/** What would come of calling `type`, or of making a new one of it, with these arguments. */
export type PickleObject = {
  readonly kind: "object";
  readonly type: PickleValue;
  /** The arguments, in a tuple. */
  readonly args: PickleValue;
  /** The state that it would be given after that. */
  state?: PickleValue;
  /** What would be appended to it. */
  readonly items: PickleValue[];
  /** What would be set in it, by key. */
  readonly entries: Map<PickleValue, PickleValue>;
};

/** Options of `readPickle`. */
export type PickleOptions = {
  /** The file's name, for messages. */
  readonly name: string;
  /** Where the pickle begins. Default 0. */
  readonly start?: number;
  /** Bytes that its values may take in memory, about. Default 4 times the bytes that are given, and 16 MB. */
  readonly memory?: number;
};

/** The longest whole number, in bytes or digits: to make one of its text takes time by the square of its length. */
const longestNumber = 4096;
/** About what values take in memory, in bytes. */
const costs = { record: 96, object: 240, table: 200, entry: 48, item: 16, text: 32 } as const;

/** The bytes that values of a file of so many bytes may take. */
const memoryFor = (bytes: number): number => 4 * bytes + 16 * 2 ** 20;

/**
 * Read one pickle.
 * @returns its value, and where the bytes behind it begin
 * @throws FormatError of one line for what is damaged, for an opcode that refers to tables outside of the file, and for a pickle whose
 * values would take far more memory than the file
 */
export function readPickle(
  bytes: Uint8Array,
  { name, start = 0, memory = memoryFor(bytes.length) }: PickleOptions,
): { readonly value: PickleValue; readonly end: number } {
  let [at, left] = [start, memory];
  let opcodeAt = start;
  const fail: (problem: string) => never = (problem) => {
    throw new FormatError(`${name}: the pickle is damaged at byte ${opcodeAt}: ${problem}.`);
  };
  const spend = (cost: number): void => {
    left -= cost;
    if (left < 0) {
      throw new FormatError(
        `${name}: the pickle's values take more than ${memory} bytes, far more than the file: it is not read.`,
      );
    }
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  /** The place of the next so many bytes, which are passed. */
  const take = (count: number): number => {
    if (!(count <= bytes.length - at)) fail("it is cut off");
    const place = at;
    at += count;
    return place;
  };
  const uint1 = (): number => bytes[take(1)] as number;
  const uint2 = (): number => view.getUint16(take(2), true);
  const uint4 = (): number => view.getUint32(take(4), true);
  const int4 = (): number => view.getInt32(take(4), true);
  const size4 = (): number => {
    const size = int4();
    return size < 0 ? fail("it has a negative length") : size;
  };
  /** A length of 8 bytes: what is beyond 2^53 is beyond the file as well. */
  const size8 = (): number => Number(view.getBigUint64(take(8), true));
  const raw = (count: number): Uint8Array => {
    const place = take(count);
    spend(costs.record);
    return bytes.subarray(place, place + count);
  };
  /** The text up to the next line end. */
  const line = (): string => {
    const end = bytes.indexOf(10, at);
    if (end < 0) fail("it is cut off");
    const text = latin1(bytes, at, end);
    at = end + 1;
    spend(costs.text + text.length);
    return text;
  };
  const utf8 = (count: number): string => {
    const place = take(count);
    spend(costs.text + 2 * count);
    return fromUtf8(bytes, place, place + count) ?? fail("a text is not UTF-8");
  };
  /** A text of Python 2, which may be bytes. */
  const oldText = (content: Uint8Array): string | Uint8Array => {
    spend(costs.record + 2 * content.length);
    return fromUtf8(content, 0, content.length) ?? content;
  };
  const wholeFrom = (text: string): number | bigint => {
    if (text.length > longestNumber || !/^[+-]?\d+$/.test(text))
      return fail("it has no whole number where one belongs");
    return whole(BigInt(text.replace(/^\+/, "")));
  };
  const long = (count: number): number | bigint => {
    if (count > longestNumber) return fail(`it has a whole number of ${count} bytes`);
    const place = take(count);
    spend(costs.text + count);
    let value = 0n;
    for (let k = count - 1; k >= 0; k--) value = (value << 8n) | BigInt(bytes[place + k] as number);
    return whole(count === 0 ? 0n : BigInt.asIntN(8 * count, value));
  };

  const stack: PickleValue[] = [];
  const marks: number[] = [];
  const memo = new Map<number, PickleValue>();
  const push = (value: PickleValue): void => {
    spend(costs.item);
    stack.push(value);
  };
  const floor = (): number => marks.at(-1) ?? 0;
  const pop = (): PickleValue =>
    stack.length > floor() ? (stack.pop() as PickleValue) : fail("it takes a value where none is");
  const top = (): PickleValue =>
    stack.length > floor() ? (stack.at(-1) as PickleValue) : fail("it takes a value where none is");
  const popMark = (): PickleValue[] => {
    const mark = marks.pop();
    return mark === undefined ? fail("it takes values down to a mark where none is") : stack.splice(mark);
  };
  const remember = (index: number): void => {
    spend(costs.entry);
    memo.set(index, top());
  };
  const recall = (index: number): void => {
    const value = memo.get(index);
    push(value === undefined ? fail(`it refers to value ${index}, which is not there`) : value);
  };
  const sequence = (kind: "list" | "tuple" | "set", items: PickleValue[]): void => {
    spend(costs.record + costs.item * items.length);
    push({ kind, items });
  };
  const dict = (flat: readonly PickleValue[]): void => {
    spend(costs.record + costs.table);
    const made: PickleRecord = { kind: "dict", entries: new Map() };
    push(made);
    set(made, flat);
  };
  const append = (to: PickleValue, items: readonly PickleValue[]): void => {
    if (!isRecord(to, "list") && !isRecord(to, "object") && !isRecord(to, "set")) fail("it appends to what is no list");
    spend(costs.item * items.length);
    for (const item of items) to.items.push(item);
  };
  const set = (to: PickleValue, flat: readonly PickleValue[]): void => {
    if (!isRecord(to, "dict") && !isRecord(to, "object")) fail("it sets keys in what is no dictionary");
    if (flat.length % 2 !== 0) fail("a key has no value");
    spend((costs.entry * flat.length) / 2);
    for (let k = 0; k < flat.length; k += 2) to.entries.set(flat[k] as PickleValue, flat[k + 1] as PickleValue);
  };
  const global = (module: PickleValue, called: PickleValue): PickleValue => {
    if (typeof module !== "string" || typeof called !== "string") return fail("a class has no name");
    spend(costs.record);
    return { kind: "global", module, name: called };
  };
  const object = (type: PickleValue, args: PickleValue): void => {
    if (!isRecord(args, "tuple")) fail("arguments are no tuple");
    spend(costs.object + costs.table);
    push({ kind: "object", type, args, items: [], entries: new Map() });
  };

  for (;;) {
    opcodeAt = at;
    const opcode = uint1();
    switch (opcode) {
      case 0x80: // PROTO
        if (uint1() > 5) fail("its protocol is newer than 5");
        break;
      case 0x95: // FRAME: the frame's end tells nothing that its opcodes do not.
        if (!(size8() <= bytes.length - at)) fail("it is cut off");
        break;
      case 0x2e: {
        // STOP
        const value = pop();
        if (stack.length > 0 || marks.length > 0) fail("it ends with values left over");
        return { value, end: at };
      }

      // Numbers.
      case 0x4e: // NONE
        push(null);
        break;
      case 0x88: // NEWTRUE
        push(true);
        break;
      case 0x89: // NEWFALSE
        push(false);
        break;
      case 0x49: {
        // INT
        const text = line();
        push(text === "00" ? false : text === "01" ? true : wholeFrom(text));
        break;
      }
      case 0x4c: // LONG
        push(wholeFrom(line().replace(/L$/, "")));
        break;
      case 0x4a: // BININT
        push(int4());
        break;
      case 0x4b: // BININT1
        push(uint1());
        break;
      case 0x4d: // BININT2
        push(uint2());
        break;
      case 0x8a: // LONG1
        push(long(uint1()));
        break;
      case 0x8b: // LONG4
        push(long(size4()));
        break;
      case 0x46: {
        // FLOAT
        const text = line();
        const number = floats[text] ?? (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined);
        push(number ?? fail("it has no number where one belongs"));
        break;
      }
      case 0x47: // BINFLOAT
        push(view.getFloat64(take(8)));
        break;

      // Texts and bytes.
      case 0x53: {
        // STRING
        const quoted = /^(?:'(.*)'|"(.*)")$/su.exec(line());
        push(quoted ? oldText(unescapeBytes((quoted[1] ?? quoted[2]) as string)) : fail("a text has no quotes"));
        break;
      }
      case 0x56: // UNICODE
        push(unescapeText(line()));
        break;
      case 0x54: // BINSTRING
        push(oldText(raw(size4())));
        break;
      case 0x55: // SHORT_BINSTRING
        push(oldText(raw(uint1())));
        break;
      case 0x58: // BINUNICODE
        push(utf8(uint4()));
        break;
      case 0x8c: // SHORT_BINUNICODE
        push(utf8(uint1()));
        break;
      case 0x8d: // BINUNICODE8
        push(utf8(size8()));
        break;
      case 0x42: // BINBYTES
        push(raw(uint4()));
        break;
      case 0x43: // SHORT_BINBYTES
        push(raw(uint1()));
        break;
      case 0x8e: // BINBYTES8
      case 0x96: // BYTEARRAY8
        push(raw(size8()));
        break;

      // Containers.
      case 0x28: // MARK
        spend(costs.item);
        marks.push(stack.length);
        break;
      case 0x5d: // EMPTY_LIST
        sequence("list", []);
        break;
      case 0x6c: // LIST
        sequence("list", popMark());
        break;
      case 0x61: {
        // APPEND
        const item = pop();
        append(top(), [item]);
        break;
      }
      case 0x65: {
        // APPENDS
        const items = popMark();
        append(top(), items);
        break;
      }
      case 0x29: // EMPTY_TUPLE
        sequence("tuple", []);
        break;
      case 0x74: // TUPLE
        sequence("tuple", popMark());
        break;
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: {
        // TUPLE3
        const items: PickleValue[] = [];
        for (let k = opcode - 0x84; k > 0; k--) items.unshift(pop());
        sequence("tuple", items);
        break;
      }
      case 0x7d: // EMPTY_DICT
        dict([]);
        break;
      case 0x64: // DICT
        dict(popMark());
        break;
      case 0x73: {
        // SETITEM
        const value = pop();
        const key = pop();
        set(top(), [key, value]);
        break;
      }
      case 0x75: {
        // SETITEMS
        const flat = popMark();
        set(top(), flat);
        break;
      }
      case 0x8f: // EMPTY_SET
        sequence("set", []);
        break;
      case 0x90: {
        // ADDITEMS
        const items = popMark();
        append(top(), items);
        break;
      }
      case 0x91: // FROZENSET
        sequence("set", popMark());
        break;

      // The stack and the memo.
      case 0x30: // POP, which takes a mark where one is on top
        if (marks.length > 0 && stack.length === floor()) marks.pop();
        else pop();
        break;
      case 0x31: // POP_MARK
        popMark();
        break;
      case 0x32: // DUP
        push(top());
        break;
      case 0x70: // PUT
        remember(Number(wholeFrom(line())));
        break;
      case 0x71: // BINPUT
        remember(uint1());
        break;
      case 0x72: // LONG_BINPUT
        remember(uint4());
        break;
      case 0x94: // MEMOIZE
        remember(memo.size);
        break;
      case 0x67: // GET
        recall(Number(wholeFrom(line())));
        break;
      case 0x68: // BINGET
        recall(uint1());
        break;
      case 0x6a: // LONG_BINGET
        recall(uint4());
        break;

      // What Python would call.
      case 0x63: {
        // GLOBAL
        const module = line();
        push(global(module, line()));
        break;
      }
      case 0x93: {
        // STACK_GLOBAL
        const called = pop();
        push(global(pop(), called));
        break;
      }
      case 0x52: // REDUCE
      case 0x81: {
        // NEWOBJ
        const args = pop();
        object(pop(), args);
        break;
      }
      case 0x92: {
        // NEWOBJ_EX: no class that is known takes arguments by name.
        const named = pop();
        const args = pop();
        if (!isRecord(named, "dict")) fail("arguments by name are no dictionary");
        object(pop(), args);
        break;
      }
      case 0x69: {
        // INST
        const module = line();
        const type = global(module, line());
        spend(costs.record);
        object(type, { kind: "tuple", items: popMark() });
        break;
      }
      case 0x6f: {
        // OBJ
        const [type, ...items] = popMark();
        spend(costs.record + costs.item * items.length);
        object(type === undefined ? fail("an object has no class") : type, { kind: "tuple", items });
        break;
      }
      case 0x62: {
        // BUILD
        const state = pop();
        const target = top();
        if (!isRecord(target, "object")) fail("it gives a state to what is no object");
        else if (target.state !== undefined) fail("it gives an object two states");
        else target.state = state;
        break;
      }
      case 0x50: // PERSID
        spend(costs.record);
        push({ kind: "persistent", id: line() });
        break;
      case 0x51: // BINPERSID
        spend(costs.record);
        push({ kind: "persistent", id: pop() });
        break;
      case 0x82: // EXT1
      case 0x83: // EXT2
      case 0x84: // EXT4
        throw new FormatError(
          `${name}: its pickle names a class by a number of copyreg's table, which is not in the file.`,
        );
      case 0x97: // NEXT_BUFFER
      case 0x98: // READONLY_BUFFER
        throw new FormatError(`${name}: its pickle has buffers outside of it, which are not in the file.`);
      default:
        fail(`there is no opcode ${opcode}`);
    }
  }
}

/** Whether a value is a record of a kind. */
export const isRecord = <K extends PickleRecord["kind"]>(
  value: PickleValue | undefined,
  kind: K,
): value is Extract<PickleRecord, { readonly kind: K }> & { kind: K } =>
  typeof value === "object" && value !== null && !(value instanceof Uint8Array) && value.kind === kind;

/** The full name of a class or a function: "torch.nn.modules.rnn.LSTM". Undefined for anything else. */
export const globalName = (value: PickleValue | undefined): string | undefined =>
  isRecord(value, "global") ? `${value.module}.${value.name}` : undefined;

/** Numbers as Python's repr writes them. */
const floats: Readonly<Record<string, number>> = Object.assign(Object.create(null), {
  ...{ nan: NaN, inf: Infinity, "-inf": -Infinity, "-nan": NaN, "+inf": Infinity, "+nan": NaN },
});

const whole = (value: bigint): number | bigint => (value >= -(2n ** 53n) && value <= 2n ** 53n ? Number(value) : value);

/** Bytes as a text with one character each. */
function latin1(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let k = start; k < end; k += 4096) text += String.fromCharCode(...bytes.subarray(k, Math.min(end, k + 4096)));
  return text;
}

/** UTF-8, in which halves of a surrogate pair are allowed (Python's "surrogatepass"). Undefined for what is not. */
function fromUtf8(bytes: Uint8Array, start: number, end: number): string | undefined {
  // Most are short and plain.
  if (end - start <= 64) {
    let plain = true;
    for (let k = start; plain && k < end; k++) plain = (bytes[k] as number) < 0x80;
    if (plain) return String.fromCharCode(...bytes.subarray(start, end));
  }
  // Browsers cannot decode text in shared memory, so it is copied.
  const text = bytes.slice(start, end);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(text);
  } catch {
    return withHalves(text);
  }
}

function withHalves(bytes: Uint8Array): string | undefined {
  const parts: string[] = [];
  let from = 0;
  try {
    for (let k = 0; k + 2 < bytes.length; k++) {
      const [a, b, c] = [bytes[k], bytes[k + 1], bytes[k + 2]] as [number, number, number];
      // The three bytes of U+D800 to U+DFFF.
      if (a !== 0xed || b < 0xa0 || b > 0xbf || c < 0x80 || c > 0xbf) continue;
      parts.push(strict(bytes.subarray(from, k)), String.fromCharCode(0xd000 | ((b & 0x3f) << 6) | (c & 0x3f)));
      from = k + 3;
      k += 2;
    }
    return from === 0 ? undefined : parts.join("") + strict(bytes.subarray(from));
  } catch {
    return undefined;
  }
}
const strict = (bytes: Uint8Array): string => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);

/** The bytes of a text of Python 2, as its repr writes them. */
function unescapeBytes(text: string): Uint8Array {
  const letters: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, a: 7, b: 8, f: 12, v: 11 };
  const out = new Uint8Array(text.length);
  let count = 0;
  for (const [, hex, octal, other, plain] of text.matchAll(/\\x([\da-f]{2})|\\([0-7]{1,3})|\\(.)|([\s\S])/gi)) {
    if (hex !== undefined) out[count] = Number.parseInt(hex, 16);
    else if (octal !== undefined) out[count] = Number.parseInt(octal, 8);
    else out[count] = other === undefined ? (plain as string).charCodeAt(0) : (letters[other] ?? other.charCodeAt(0));
    count++;
  }
  return out.subarray(0, count);
}

/** A text as Python's "raw-unicode-escape" writes it. */
const unescapeText = (text: string): string =>
  text.replace(/\\u([\da-fA-F]{4})|\\U([\da-fA-F]{8})/g, (all, four?: string, eight?: string) => {
    const code = Number.parseInt((four ?? eight) as string, 16);
    return code > 0x10ffff ? all : String.fromCodePoint(code);
  });
