/**
 * Compress and decompress gzip. Node's streams work at the speed of the reader; a `CompressionStream` accepts 16,384
 * chunks before it applies back pressure.
 */
import { Readable } from "node:stream";
import { createGunzip, createGzip, type Gunzip, type Gzip } from "node:zlib";

/** Pipe bytes through a gzip stream; an error on one side ends the other. */
function through(source: AsyncIterable<Uint8Array>, gzip: Gzip | Gunzip): AsyncIterable<Uint8Array> {
  const read = Readable.from(source, { objectMode: true, highWaterMark: 1 });
  read.on("error", (error) => gzip.destroy(error));
  gzip.on("close", () => read.destroy());
  return read.pipe(gzip);
}

/** Compress bytes with gzip. */
export const packed = (body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> => through(body, createGzip());
/** Decompress a body; nothing is decompressed beyond what is read. */
export const unpacked = (body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> => through(body, createGunzip());

/** Whether the decompression failed, rather than the source of the bytes. */
export const isDamage = (error: unknown): boolean => /^Z_/.test(String((error as { readonly code?: unknown })?.code));
