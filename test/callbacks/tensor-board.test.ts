/** Event files, read by hand: nothing here shares code with what writes them. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { eventRecord, maskedCrc } from "../../src/callbacks/event-file.ts";
import { tensorBoard } from "../../src/callbacks/tensor-board.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { idleRun, play } from "./runs.ts";

const folder = temporaryFolder();
const ascii = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const bytesOf = (hex: string) => Uint8Array.from(hex.trim().split(/\s+/), (byte) => Number.parseInt(byte, 16));

/** CRC-32C bit by bit, from its polynomial 0x1edc6f41, reflected. */
function crcOf(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}
const unmask = (masked: number): number => {
  const turned = (masked - 0xa282ead8) >>> 0;
  return ((turned >>> 17) | (turned << 15)) >>> 0;
};

type ReadEvent = { wallTime: number; step: number; version?: string; scalars: [string, number][] };

/** The events of a file; every checksum is compared. */
function readEvents(bytes: Uint8Array): ReadEvent[] {
  const events: ReadEvent[] = [];
  for (let at = 0; at < bytes.length; ) {
    const view = new DataView(bytes.buffer, bytes.byteOffset + at);
    const length = Number(view.getBigUint64(0, true));
    const message = bytes.subarray(at + 12, at + 12 + length);
    expect(unmask(view.getUint32(8, true))).toBe(crcOf(bytes.subarray(at, at + 8)));
    expect(unmask(view.getUint32(12 + length, true))).toBe(crcOf(message));
    const event: ReadEvent = { wallTime: Number.NaN, step: 0, scalars: [] };
    for (const [number, value] of fieldsOf(message)) {
      if (number === 1) event.wallTime = doubleOf(value as Uint8Array);
      else if (number === 2) event.step = value as number;
      else if (number === 3) event.version = textOf(value as Uint8Array);
      else if (number === 5) event.scalars = fieldsOf(value as Uint8Array).map(([, each]) => scalarOf(each));
      else throw new Error(`field ${number}`);
    }
    events.push(event);
    at += 16 + length;
  }
  return events;
}
function scalarOf(value: Uint8Array | number): [string, number] {
  const [[one, tag], [two, number], ...rest] = fieldsOf(value as Uint8Array) as [Field, Field];
  expect([one, two, rest]).toEqual([1, 2, []]);
  return [textOf(tag as Uint8Array), floatOf(number as Uint8Array)];
}

type Field = [number: number, value: Uint8Array | number];
/** Fields of a protobuf message: numbers of varints, bytes of everything else. */
function fieldsOf(message: Uint8Array): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): number => {
    let [value, scale] = [0, 1];
    for (;;) {
      const byte = message[at++] as number;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
  };
  while (at < message.length) {
    const key = varint();
    const type = key & 7;
    if (type === 0) fields.push([key >>> 3, varint()]);
    else {
      const length = type === 1 ? 8 : type === 5 ? 4 : varint();
      fields.push([key >>> 3, message.subarray(at, at + length)]);
      at += length;
    }
  }
  return fields;
}
const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
const doubleOf = (bytes: Uint8Array) => viewOf(bytes).getFloat64(0, true);
const floatOf = (bytes: Uint8Array) => viewOf(bytes).getFloat32(0, true);
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

describe("a record", () => {
  // https://www.rfc-editor.org/rfc/rfc3720#appendix-B.4, and the check value of every catalogue of CRCs.
  test.each([
    ["123456789", ascii("123456789"), 0xe3069283],
    ["32 zeros", new Uint8Array(32), 0x8a9136aa],
    ["32 times 255", new Uint8Array(32).fill(255), 0x62a8ab43],
    ["0 to 31", Uint8Array.from({ length: 32 }, (_, k) => k), 0x46dd794e],
    ["nothing", new Uint8Array(), 0],
  ])("the checksum of %s", (_, bytes, crc) => {
    expect(unmask(maskedCrc(bytes))).toBe(crc);
    expect(crcOf(bytes)).toBe(crc);
  });

  test("the first of a file, byte by byte", () => {
    // The first 12 bytes are those of every file that TensorFlow begins: the length 24 and its checksum.
    expect(eventRecord({ wallTimeSeconds: 1.5, fileVersion: "brain.Event:2" })).toEqual(
      bytesOf(`
        18 00 00 00 00 00 00 00  a3 7f 4b 22
        09 00 00 00 00 00 00 f8 3f
        1a 0d 62 72 61 69 6e 2e 45 76 65 6e 74 3a 32
        2a 28 64 6c
      `),
    );
  });
  test("one with two numbers, byte by byte", () => {
    expect(eventRecord({ wallTimeSeconds: -2, step: 300, scalars: { a: 1, bc: -0.5 } })).toEqual(
      bytesOf(`
        23 00 00 00 00 00 00 00  b0 9f 77 43
        09 00 00 00 00 00 00 00 c0
        10 ac 02
        2a 15
          0a 08 0a 01 61 15 00 00 80 3f
          0a 09 0a 02 62 63 15 00 00 00 bf
        cb 20 92 9d
      `),
    );
  });
  test("steps up to 2^53 - 1, tags of any text, numbers that are none", () => {
    const scalars = { "größe/π": Number.NaN, b: -Infinity, "": 3.4e38, c: 1e-45, d: 0.1 };
    const [event] = readEvents(eventRecord({ wallTimeSeconds: 1.79e9 + 0.25, step: 2 ** 53 - 1, scalars }));
    expect(event).toEqual({
      wallTime: 1790000000.25,
      step: 9007199254740991,
      scalars: Object.entries(scalars).map(([tag, value]) => [tag, Math.fround(value)]),
    });
  });
});

describe("tensorBoard", () => {
  const nowSeconds = 1_790_000_000.125;
  beforeAll(() => void vi.useFakeTimers({ now: 1000 * nowSeconds, toFake: ["Date"] }));
  afterAll(() => void vi.useRealTimers());
  const eventsIn = (logs: string, run: string) => {
    const names = readdirSync(join(folder, logs, run)).sort();
    return names.map((name) => readEvents(new Uint8Array(readFileSync(join(folder, logs, run, name)))));
  };
  const withoutTime = (events: readonly ReadEvent[]) => events.map(({ wallTime: _, ...rest }) => rest);
  const epochs = [
    { loss: 2.5, valLoss: 3, valBinaryAccuracy: 0.25, learningRate: 0.01 },
    { loss: 2, learningRate: 0.001 },
    { loss: 1.5, valLoss: 2.75, valBinaryAccuracy: 0.5, learningRate: 0.001 },
  ];
  const version = { step: 0, version: "brain.Event:2", scalars: [] };

  test("Keras's folders, tags and steps", async () => {
    await play(tensorBoard(join(folder, "a")), epochs);
    expect(readdirSync(join(folder, "a")).sort()).toEqual(["train", "validation"]);
    const [train = [], ...others] = eventsIn("a", "train");
    expect(others).toEqual([]);
    const rate = Math.fround(0.001);
    expect(withoutTime(train)).toEqual([
      version,
      {
        step: 0,
        scalars: [
          ["epoch_loss", 2.5],
          ["epoch_learning_rate", Math.fround(0.01)],
        ],
      },
      {
        step: 1,
        scalars: [
          ["epoch_loss", 2],
          ["epoch_learning_rate", rate],
        ],
      },
      {
        step: 2,
        scalars: [
          ["epoch_loss", 1.5],
          ["epoch_learning_rate", rate],
        ],
      },
    ]);
    const [validation = []] = eventsIn("a", "validation");
    expect(withoutTime(validation)).toEqual([
      version,
      {
        step: 0,
        scalars: [
          ["epoch_loss", 3],
          ["epoch_binary_accuracy", 0.25],
        ],
      },
      {
        step: 2,
        scalars: [
          ["epoch_loss", 2.75],
          ["epoch_binary_accuracy", 0.5],
        ],
      },
    ]);
    expect(train.map(({ wallTime }) => wallTime)).toEqual(train.map(() => nowSeconds));
  });

  test("a file's name has the seconds and the host, and each training has its own", async () => {
    for (let k = 0; k < 2; k++) await play(tensorBoard(join(folder, "b")), epochs.slice(1, 2));
    const names = readdirSync(join(folder, "b/train"));
    expect(new Set(names).size).toBe(2);
    for (const name of names) {
      const [seconds, rest] = [name.slice(20, 30), name.slice(30)];
      expect(name.slice(0, 20)).toBe("events.out.tfevents.");
      expect(Number(seconds)).toBe(Math.floor(nowSeconds));
      expect(rest.startsWith(`.${hostname()}.${process.pid}.`)).toBe(true);
    }
    // Without a validation there is no folder for it.
    expect(readdirSync(join(folder, "b"))).toEqual(["train"]);
  });

  test('updateFreq "batch": every batch too, at the updates taken', async () => {
    await play(tensorBoard(join(folder, "c"), { updateFreq: "batch" }), epochs.slice(0, 2));
    const [train = []] = eventsIn("c", "train");
    expect(train.map(({ step, scalars }) => [step, ...(scalars[0] ?? [])])).toEqual([
      [0],
      [1, "batch_loss", 2.5],
      [2, "batch_loss", 3.5],
      [0, "epoch_loss", 2.5],
      [3, "batch_loss", 2],
      [4, "batch_loss", 3],
      [1, "epoch_loss", 2],
    ]);
  });
  test("updateFreq 3: every third batch", async () => {
    await play(tensorBoard(join(folder, "d"), { updateFreq: 3 }), epochs);
    const [train = []] = eventsIn("d", "train");
    const batches = train.filter(({ scalars }) => scalars[0]?.[0] === "batch_loss");
    expect(batches.map(({ step }) => step)).toEqual([3, 6]);
  });
  test("readable while the training goes on: what is in the file is whole records", () => {
    const { onTrainBegin, onEpochEnd } = tensorBoard(join(folder, "e"));
    onTrainBegin?.(idleRun());
    expect(eventsIn("e", "train")[0]).toHaveLength(1);
    onEpochEnd?.(0, { loss: 1 }, idleRun());
    expect(eventsIn("e", "train")[0]).toHaveLength(2);
  });
  test.each([0, 1.5, Number.NaN, Infinity, "epochs" as "epoch"])("updateFreq %s is refused", (updateFreq) => {
    expect(() => tensorBoard(folder, { updateFreq })).toThrow(
      `tensorBoard: updateFreq must be one of "epoch", "batch", or a whole number of at least 1, got ${updateFreq === ("epochs" as "epoch") ? '"epochs"' : updateFreq}`,
    );
  });
  test("a folder that cannot be made is said when the training begins", () => {
    writeFileSync(join(folder, "file"), "");
    expect(() => tensorBoard(join(folder, "file")).onTrainBegin?.(idleRun())).toThrow(
      /file is not a folder\. Choose another place\.$/,
    );
  });
});
