/** Read ZIP archives, as .keras, .pt and .npz files are, by fflate. Knows nothing about what lies in them. */
import { unzipSync } from "fflate";
import { excerpt } from "../../graph/excerpt.ts";
import { FormatError } from "../safetensors.ts";

/** What members unpack to at most: so many times the archive, and so many bytes more. */
const [mostTimes, mostMore] = [3, 16 * 2 ** 20];
/** The size of an entry of the directory without its name. */
const entryBytes = 46;

/** Whether bytes begin as an archive does. */
export const isZip = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x50 && bytes[1] === 0x4b && ((bytes[2] === 3 && bytes[3] === 4) || (bytes[2] === 5 && bytes[3] === 6));

/**
 * The members of an archive by their names, stored or deflated. The directory at its end says what there is; headers between members
 * are not believed, and checksums are not computed.
 * @param name the file's name, for messages
 * @throws FormatError for what is no archive or is cut off, for two members of one name, and for members that unpack to far more than the
 * file holds, before any of them is unpacked
 */
export function readZip(bytes: Uint8Array, name: string): ReadonlyMap<string, Uint8Array> {
  const sizes = new Map<string, number>();
  let [entries, total] = [0, 0];
  const look = (member: { name: string; originalSize: number }): void => {
    entries++;
    if (entries * entryBytes > bytes.length) throw new FormatError(`${name}: its directory is damaged.`);
    if (sizes.has(member.name)) {
      throw new FormatError(
        `${name}: it has two members named ${excerpt(member.name)}, so it is not clear which counts.`,
      );
    }
    sizes.set(member.name, member.originalSize);
    total += member.originalSize;
    const most = mostTimes * bytes.length + mostMore;
    if (!(total <= most)) {
      throw new FormatError(
        `${name}: its members unpack to more than ${most} bytes, which is over ${mostTimes} times the file: it is not read.`,
      );
    }
  };
  const unpack = (filter: (member: { name: string; originalSize: number }) => boolean): Record<string, Uint8Array> => {
    try {
      return unzipSync(bytes, { filter });
    } catch (error) {
      if (error instanceof FormatError) throw error;
      throw new FormatError(`${name}: the ZIP archive is cut off or damaged: ${(error as Error).message}.`);
    }
  };
  // All are looked at before the first is unpacked.
  unpack((member) => {
    look(member);
    return false;
  });
  const members = new Map(Object.entries(unpack(({ name }) => !name.endsWith("/"))));
  for (const [member, { length }] of members) {
    if (length !== sizes.get(member)) throw new FormatError(`${name}: ${excerpt(member)} is cut off.`);
  }
  return members;
}
