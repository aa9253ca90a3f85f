/** Numbers, text and types as the bytes of the WASM binary format. */
import type { Code, ValType } from "./assembler.ts";

/** Unsigned LEB128. */
export function u32(value: number): number | Code {
  if (value >= 0 && value < 0x80 && Number.isInteger(value)) return value;
  if (!(Number.isInteger(value) && value >= 0 && value < 2 ** 32)) throw new Error(`internal: ${value} is no u32`);
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return bytes;
}

/** Signed LEB128 of a number between -2^31 and 2^32 - 1, taken modulo 2^32. */
export function s32(value: number): number | Code {
  if (value >= 0 && value < 64 && Number.isInteger(value)) return value;
  if (!(Number.isInteger(value) && value >= -(2 ** 31) && value < 2 ** 32))
    throw new Error(`internal: ${value} is no i32`);
  const bytes: number[] = [];
  let rest = value | 0;
  for (; rest < -64 || rest > 63; rest >>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest & 0x7f);
  return bytes;
}

export const vector = (items: Code): Code => [u32(items.length), items];
export const sizedBytes = (content: Code): Code => {
  const flat = content.flat(Number.POSITIVE_INFINITY as 0);
  return [u32(flat.length), flat as Code];
};
export const utf8 = (text: string): Code => vector([...new TextEncoder().encode(text)]);

const valTypes: { readonly [T in ValType]: number } = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b };
export const valType = (type: ValType): number => valTypes[type];

// WASM is little-endian, and so is every host that has it.
const bytesOf = ({ buffer }: { readonly buffer: ArrayBuffer }): Code => [...new Uint8Array(buffer)];
export const f32Bytes = (value: number): Code => bytesOf(Float32Array.of(value));
export const f64Bytes = (value: number): Code => bytesOf(Float64Array.of(value));
export const i32Bytes = (value: number): Code => bytesOf(Int32Array.of(value));
