/** ZIP archives byte by byte, right or wrong: what tests of readers give them. */
import { deflateRawSync } from "node:zlib";

/** One member; what is not given is as it should be. */
export type Member = {
  readonly name: string;
  readonly data: Uint8Array;
  readonly deflated?: boolean;
  /** As PyTorch writes: the header before it has no sizes. */
  readonly bare?: boolean;
  /** Sizes and place in 64 bits. */
  readonly long?: boolean;
  readonly flags?: number;
  readonly method?: number;
  /** What the directory says it unpacks to, and where it is. */
  readonly size?: number;
  readonly packed?: number;
  readonly offset?: number;
};
type Options = {
  /** A zip64 record, as PyTorch writes always. */
  readonly long?: boolean;
  readonly comment?: string;
  /** What the last record says. */
  readonly count?: number;
  readonly start?: number;
};

const word = (value: number, size: number): number[] =>
  Array.from({ length: size }, (_, k) => Math.floor(value / 256 ** k) % 256);
const full = 0xffffffff;
const textOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** An archive of members. */
export function zipOf(members: readonly Member[], { long = false, comment = "", ...said }: Options = {}): Uint8Array {
  const bytes: number[] = [];
  const add = (...parts: readonly Iterable<number>[]): void => {
    for (const part of parts) for (const byte of part) bytes.push(byte);
  };
  const directory: number[] = [];
  for (const member of members) {
    const { name, data, deflated = false, bare = false, flags = 0 } = member;
    const content = deflated ? deflateRawSync(data) : data;
    const { method = deflated ? 8 : 0, size = data.length, packed = content.length, offset = bytes.length } = member;
    const called = textOf(name);
    const sizes = bare ? [0, 0] : [content.length, data.length];
    const header = [...word(20, 2), ...word(flags, 2), ...word(method, 2), ...word(0, 8)];
    add(
      word(0x04034b50, 4),
      header,
      ...sizes.map((one) => word(one, 4)),
      word(called.length, 2),
      word(4, 2),
      called,
      [0x46, 0x42, 0, 0],
    );
    add(content);
    const extra = member.long
      ? [...word(1, 2), ...word(24, 2), ...word(size, 8), ...word(packed, 8), ...word(offset, 8)]
      : [];
    const fields = member.long ? [full, full] : [packed, size];
    directory.push(
      ...[...word(0x02014b50, 4), ...word(20, 2), ...header, ...fields.flatMap((one) => word(one, 4))],
      ...[...word(called.length, 2), ...word(extra.length, 2), ...word(0, 2), ...word(0, 8)],
      ...[...word(member.long ? full : offset, 4), ...called, ...extra],
    );
  }
  const { count = members.length, start = bytes.length } = said;
  add(directory);
  if (long) {
    const at = bytes.length;
    add(word(0x06064b50, 4), word(44, 8), word(20, 2), word(20, 2), word(0, 8), word(count, 8), word(count, 8));
    add(word(directory.length, 8), word(start, 8), word(0x07064b50, 4), word(0, 4), word(at, 8), word(1, 4));
  }
  const [short, place] = long ? [0xffff, full] : [count, start];
  add(word(0x06054b50, 4), word(0, 4), word(short, 2), word(short, 2), word(directory.length, 4), word(place, 4));
  add(word(comment.length, 2), textOf(comment));
  return Uint8Array.from(bytes);
}
