/**
 * Machine code where the processor may run it: written first, then made executable, never both at once. By way of koffi, an optional
 * package that calls functions of the C library. Knows nothing about what the code does.
 */

/** What is used of koffi. */
type Koffi = {
  load(path: string | null): { func(prototype: string): (...values: readonly unknown[]) => unknown };
  proto(prototype: string): unknown;
  decode(address: bigint, type: unknown): (...values: readonly number[]) => void;
  address(view: ArrayBufferView): bigint;
};

export type NativeHost = {
  /** Where koffi lies, for other threads. */
  readonly koffi: string;
  /** Where a view of memory begins. */
  addressOf(view: ArrayBufferView): bigint;
  /** Place code in memory of its own. Nothing may run it after `free`. */
  place(code: Uint8Array): { readonly address: bigint; free(): void };
  /** A function of so many addresses or whole numbers of 64 bits. */
  callable(address: bigint, parameters: number): (...values: readonly (number | bigint)[]) => void;
};

const [readWrite, readExecute] = [3, 5];
const privateAnonymous = process.platform === "darwin" ? 0x1002 : 0x22;
const failed = -1n;

/**
 * What calls machine code on this machine.
 * @throws Error with the reason, where there is no koffi or no such memory
 */
export async function nativeHost(): Promise<NativeHost> {
  if (process.arch !== "x64") throw new Error(`it is for processors of the kind x64, and this one is ${process.arch}`);
  const { createRequire } = await import("node:module");
  const require = createRequire(import.meta.url);
  const koffi = ((): Koffi => {
    try {
      return require("koffi");
    } catch {
      throw new Error("the optional package koffi is not installed (npm install koffi)");
    }
  })();
  const libc = koffi.load(null);
  const mmap = libc.func("void *mmap(void *, size_t, int, int, int, int64_t)");
  const mprotect = libc.func("int mprotect(void *, size_t, int)");
  const munmap = libc.func("int munmap(void *, size_t)");
  const memcpy = libc.func("void *memcpy(void *, const void *, size_t)");
  const types = new Map<number, unknown>();
  return {
    koffi: require.resolve("koffi"),
    addressOf: (view) => koffi.address(view),
    place(code) {
      const bytes = Math.ceil(code.length / 4096) * 4096;
      const address = mmap(null, bytes, readWrite, privateAnonymous, -1, 0) as bigint | null;
      if (address === null || BigInt.asIntN(64, address) === failed)
        throw new Error("the operating system gives no memory for code");
      memcpy(address, code, code.length);
      if (mprotect(address, bytes, readExecute) !== 0) {
        munmap(address, bytes);
        throw new Error("the operating system does not let memory be executed");
      }
      return { address, free: () => void munmap(address, bytes) };
    },
    callable(address, parameters) {
      const list = Array.from({ length: parameters }, () => "int64_t").join(", ");
      const type = types.get(parameters) ?? koffi.proto(`void (${list})`);
      types.set(parameters, type);
      return koffi.decode(address, type) as never;
    },
  };
}
