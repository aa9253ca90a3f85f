/**
 * TensorBoard's event files: protobuf messages `Event` (tensorflow/core/util/event.proto, framework/summary.proto), each in
 * the frame of a TFRecord. Knows nothing about training.
 */
import crc32c from "crc-32/crc32c.js";
import { PbfWriter } from "pbf";

export type Event = {
  /** Time in seconds since 1970. */
  readonly wallTimeSeconds: number;
  readonly step?: number;
  /** The version of the format, in a file's first event. */
  readonly fileVersion?: string;
  /** Numbers by tag, in f32. */
  readonly scalars?: Readonly<Record<string, number>>;
};

/** The version that the first event of every file has. */
export const fileVersion = "brain.Event:2";

/**
 * One record: the length of the message (u64), its checksum, the message, its checksum.
 *
 * A number is a `simple_value`, as PyTorch writes it, not the tensor with metadata of TensorFlow 2: TensorBoard turns the
 * one into the other when it reads (tensorboard/data_compat.py), and Python programs that read event files with its
 * `EventAccumulator` find under `Scalars` only these.
 */
export function eventRecord(event: Event): Uint8Array<ArrayBuffer> {
  const message = encodeEvent(event);
  const record = new Uint8Array(8 + 4 + message.length + 4);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(message.length), true);
  view.setUint32(8, maskedCrc(record.subarray(0, 8)), true);
  record.set(message, 12);
  view.setUint32(12 + message.length, maskedCrc(message), true);
  return record;
}

function encodeEvent({ wallTimeSeconds, step = 0, fileVersion, scalars }: Event): Uint8Array {
  const writer = new PbfWriter();
  writer.writeDoubleField(1, wallTimeSeconds);
  if (step !== 0) writer.writeVarintField(2, step);
  if (fileVersion !== undefined) writer.writeStringField(3, fileVersion);
  if (scalars !== undefined) writer.writeMessage(5, writeSummary, scalars);
  return writer.finish();
}

function writeSummary(scalars: Readonly<Record<string, number>>, writer: PbfWriter): void {
  for (const scalar of Object.entries(scalars)) writer.writeMessage(1, writeValue, scalar);
}

function writeValue([tag, value]: readonly [string, number], writer: PbfWriter): void {
  writer.writeStringField(1, tag);
  writer.writeFloatField(2, value);
}

/** CRC-32C (Castagnoli), rotated by 15 bits, plus a constant: so the checksum of data that contains checksums differs from them. */
export function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c.buf(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
