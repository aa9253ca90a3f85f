/**
 * Read and write ZIP archives, as .keras, .pt and .npz files are. Knows nothing about what lies in them. The directory at the end of the file is
 * read here, because it alone is to be believed, and fflate unpacks what is deflated; a stored member is the bytes of the file, no copy.
 * Format: PKWARE's APPNOTE.TXT 6.3.10, of which: stored and deflated members, sizes and places of 64 bits.
 */
import { Inflate, Zip, ZipPassThrough } from "fflate";
import { excerpt } from "../../graph/excerpt.ts";
import { FormatError } from "../safetensors.ts";

/** What members unpack to at most: so many times the archive, and so many bytes more. */
const [mostTimes, mostMore] = [3, 16 * 2 ** 20];
/** Sizes of records without what is of any length in them. */
const [entryBytes, headerBytes, endBytes, locatorBytes, end64Bytes] = [46, 30, 22, 20, 56];
/** How much packed data is unpacked at once: it becomes at most 1,032 times as much. */
const chunkBytes = 4096;

/** Whether bytes begin as an archive does. */
export const isZip = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x50 && bytes[1] === 0x4b && ((bytes[2] === 3 && bytes[3] === 4) || (bytes[2] === 5 && bytes[3] === 6));

/** One file of an archive. */
export type ZipMember = {
  /** Bytes that it unpacks to. */
  readonly size: number;
  /** Its bytes, which are part of the archive where it is stored. */
  readonly read: () => Uint8Array;
};

/**
 * The members of an archive by their names, in the order of its directory, none of them unpacked. The directory at its end says what
 * there is; the headers between members, in which PyTorch writes no sizes, are asked only for their length. Folders are left out.
 * @param name the file's name, for messages
 * @param checked whether a checksum is computed of each member when it is read, which takes longer than to read it
 * @throws FormatError for what is no archive or is cut off, for two members of one name, for members that lie over each other, are
 * encrypted or packed by other methods than deflate, and for members that unpack to far more than the file holds
 */
export function zipMembers(bytes: Uint8Array, name: string, checked = false): ReadonlyMap<string, ZipMember> {
  const fail: (problem: string) => never = (problem) => {
    throw new FormatError(`${name}: ${problem}`);
  };
  const damaged: (what: string) => never = (what) => fail(`the ZIP archive is cut off or damaged: ${what}.`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { count, start, end } = findDirectory(view) ?? damaged("it has no directory at its end");
  if (!(end <= bytes.length && count * entryBytes <= end - start)) damaged("its directory is longer than the file");

  const members = new Map<string, ZipMember>();
  const places: { readonly from: number; readonly to: number; readonly member: string }[] = [];
  let [at, total] = [start, 0];
  for (let k = 0; k < count; k++) {
    if (at + entryBytes > end || view.getUint32(at, true) !== 0x02014b50)
      damaged("its directory has no entry where one belongs");
    const [flags, method] = [view.getUint16(at + 8, true), view.getUint16(at + 10, true)];
    const checksum = view.getUint32(at + 16, true);
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((place) => view.getUint16(at + place, true)) as [
      number,
      number,
      number,
    ];
    const next = at + entryBytes + nameBytes + extraBytes + commentBytes;
    if (next > end) damaged("an entry of its directory is cut off");
    const called = textOf(bytes.subarray(at + entryBytes, at + entryBytes + nameBytes), (flags & 0x800) !== 0);
    const [packed, size, offset] = longFields(view, at + entryBytes + nameBytes, extraBytes, [
      view.getUint32(at + 20, true),
      view.getUint32(at + 24, true),
      view.getUint32(at + 42, true),
    ]);
    at = next;
    const label = excerpt(called, 60);
    if (members.has(called)) fail(`it has two members named ${label}, so it is not clear which counts.`);
    if ((flags & 1) !== 0)
      fail(`${label} is encrypted. Unpack the archive with its password, and pack it again without.`);
    if (method !== 0 && method !== 8)
      fail(`${label} is packed by method ${method}, only deflate is read. Pack it again.`);
    total += size;
    const most = mostTimes * bytes.length + mostMore;
    if (!(total <= most)) {
      fail(`its members unpack to more than ${most} bytes, which is over ${mostTimes} times the file: it is not read.`);
    }
    if (!(offset + headerBytes <= start) || view.getUint32(offset, true) !== 0x04034b50)
      damaged(`${label} is not where its directory says`);
    const from = offset + headerBytes + view.getUint16(offset + 26, true) + view.getUint16(offset + 28, true);
    if (!(from + packed <= start)) damaged(`${label} reaches into the directory`);
    if (method === 0 && packed !== size) damaged(`${label} is stored with ${packed} bytes, and has ${size}`);
    places.push({ from: offset, to: from + packed, member: label });
    if (called.endsWith("/")) continue;
    const content = bytes.subarray(from, from + packed);
    members.set(called, {
      size,
      read() {
        const whole =
          method === 0 ? content : (inflate(content, size) ?? damaged(`${label} does not unpack to ${size} bytes`));
        if (checked && crc32(whole) !== checksum) damaged(`${label} is not what its checksum says`);
        return whole;
      },
    });
  }
  places.sort((a, b) => a.from - b.from);
  for (const [k, { from, member }] of places.entries()) {
    if (k > 0 && (places[k - 1] as { to: number }).to > from) damaged(`${member} lies within another member`);
  }
  return members;
}

/**
 * All members of an archive, unpacked: see `zipMembers`.
 * @param name the file's name, for messages
 * @throws FormatError as `zipMembers`, and for a member that unpacks to another length than the directory says
 */
export function readZip(bytes: Uint8Array, name: string): ReadonlyMap<string, Uint8Array> {
  return new Map([...zipMembers(bytes, name)].map(([member, { read }]) => [member, read()]));
}

/**
 * An archive of members as they are, not packed, in parts, of which those of the members are not copied. The same members give the same
 * bytes: their time is the first that the format has.
 * @param members contents by their names, in this order
 */
export function writeZip(members: Readonly<Record<string, Uint8Array>>): readonly Uint8Array[] {
  const parts: Uint8Array[] = [];
  const archive = new Zip((error, part) => {
    if (error) throw error;
    parts.push(part);
  });
  for (const [name, content] of Object.entries(members)) {
    const member = new ZipPassThrough(name);
    member.mtime = new Date(1980, 0, 1);
    archive.add(member);
    member.push(content, true);
  }
  archive.end();
  return parts;
}

/** Where the directory lies, and how many entries it has; undefined where there is none. */
function findDirectory(view: DataView): { count: number; start: number; end: number } | undefined {
  // A comment of at most 65,535 bytes stands behind the last record.
  const last = Math.max(0, view.byteLength - endBytes - 0xffff);
  for (let at = view.byteLength - endBytes; at >= last; at--) {
    if (view.getUint32(at, true) !== 0x06054b50 || at + endBytes + view.getUint16(at + 20, true) !== view.byteLength)
      continue;
    const [count, size, start] = [
      view.getUint16(at + 10, true),
      view.getUint32(at + 12, true),
      view.getUint32(at + 16, true),
    ];
    const locator = at - locatorBytes;
    if (locator < 0 || view.getUint32(locator, true) !== 0x07064b50) return { count, start, end: start + size };
    const long = Number(view.getBigUint64(locator + 8, true));
    if (!(long + end64Bytes <= locator) || view.getUint32(long, true) !== 0x06064b50) return undefined;
    const [longCount, longSize, longStart] = [32, 40, 48].map((place) =>
      Number(view.getBigUint64(long + place, true)),
    ) as [number, number, number];
    return { count: longCount, start: longStart, end: longStart + longSize };
  }
  return undefined;
}

/** Sizes and the place of a member, where 32 bits are full those of 64 bits in an extra field. */
function longFields(view: DataView, at: number, length: number, fields: readonly number[]): [number, number, number] {
  const [packed, size, offset] = fields as [number, number, number];
  let field = at;
  while (field + 4 <= at + length) {
    const end = field + 4 + view.getUint16(field + 2, true);
    if (view.getUint16(field, true) === 1 && end <= at + length) {
      let place = field + 4;
      const long = (short: number): number => {
        if (short !== 0xffffffff) return short;
        place += 8;
        return place <= end ? Number(view.getBigUint64(place - 8, true)) : Infinity;
      };
      const longSize = long(size);
      return [long(packed), longSize, long(offset)];
    }
    field = end;
  }
  return [packed, size, offset];
}

/** UTF-8 where the flag says so or it can be; else each byte is a character, which names at least are told apart by. */
function textOf(bytes: Uint8Array, utf8: boolean): string {
  const copy = bytes.slice(); // Browsers cannot decode text in shared memory.
  try {
    return new TextDecoder("utf-8", { fatal: !utf8, ignoreBOM: true }).decode(copy);
  } catch {
    return String.fromCharCode(...copy);
  }
}

/** Unpack what becomes so many bytes; undefined where it becomes another number of them, or is damaged. */
function inflate(packed: Uint8Array, size: number): Uint8Array | undefined {
  const out = new Uint8Array(size);
  let [filled, over, ended] = [0, false, false];
  const stream = new Inflate((chunk, final) => {
    if (filled + chunk.length > size) over = true;
    else out.set(chunk, filled);
    filled += chunk.length;
    ended = final;
  });
  try {
    for (let at = 0; !over && (at < packed.length || at === 0); at += chunkBytes) {
      stream.push(packed.subarray(at, at + chunkBytes), at + chunkBytes >= packed.length);
    }
  } catch {
    return undefined;
  }
  return !over && ended && filled === size ? out : undefined;
}

let crcTable: Uint32Array | undefined;
/** The checksum that archives have of each member. */
function crc32(bytes: Uint8Array): number {
  crcTable ??= Uint32Array.from({ length: 256 }, (_, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
    return value;
  });
  const table = crcTable;
  let crc = -1;
  for (let k = 0; k < bytes.length; k++) crc = (table[(crc ^ (bytes[k] as number)) & 0xff] as number) ^ (crc >>> 8);
  return ~crc >>> 0;
}
