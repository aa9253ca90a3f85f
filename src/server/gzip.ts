/**
 * Bytes through gzip, and out of it. Node's streams do it, byte for byte as they are read: a `CompressionStream` takes 16,384
 * chunks before it makes anybody wait.
 */
import { Readable } from "node:stream";
import { createGunzip, createGzip, type Gunzip, type Gzip } from "node:zlib";

/** Bytes that went through gzip; what breaks off on one side does so on the other. */
function through(source: AsyncIterable<Uint8Array>, gzip: Gzip | Gunzip): AsyncIterable<Uint8Array> {
  const read = Readable.from(source, { objectMode: true, highWaterMark: 1 });
  read.on("error", (error) => gzip.destroy(error));
  gzip.on("close", () => read.destroy());
  return read.pipe(gzip);
}

/** Bytes as gzip packs them. */
export const packed = (body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> => through(body, createGzip());
/** A body without its gzip. Whoever reads no further makes nothing more of it. */
export const unpacked = (body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> => through(body, createGunzip());

/** Whether unpacking failed, and not what was to be unpacked. */
export const isDamage = (error: unknown): boolean => /^Z_/.test(String((error as { readonly code?: unknown })?.code));
