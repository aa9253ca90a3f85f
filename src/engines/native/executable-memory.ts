/**
 * Machine code where the processor may run it: written first, then made executable, never both at once. By way of koffi, an optional
 * package that calls functions of the C library. Knows nothing about what the code does.
 */

/** What is used of koffi. */
type Koffi = {
  readonly version: string;
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
 * @param from the file or address from which koffi is looked for
 * @throws Error with the reason, where there is no koffi or no such memory
 */
export async function nativeHost(from: string | URL = import.meta.url): Promise<NativeHost> {
  if (process.arch !== "x64") throw new Error(`it is for processors of the kind x64, and this one is ${process.arch}`);
  // It has neither mmap nor the registers of a call that the code expects.
  if (process.platform === "win32") throw new Error("it does not run on Windows");
  const { createRequire } = await import("node:module");
  const require = createRequire(from);
  const path = doing("does not load", () => findKoffi(require));
  const koffi = doing("does not load", () => require(path) as Koffi);
  const host = doing("does not work here", () => hostBy(koffi, path));
  check(host);
  return host;
}

/** Why machine code cannot run, for the user: it is passed on as it is. */
class Refusal extends Error {}

/** Call it; its errors become what koffi does not do, with the first line of the reason. */
function doing<T>(what: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw new Refusal(`the optional package koffi ${what}: ${reasonOf(error)}`);
  }
}

/** The first line of what an error says, without its full stop. */
function reasonOf(error: unknown): string {
  const { message, name } = (error instanceof Error ? error : { message: String(error), name: "" }) as Error;
  return (message.split("\n", 1)[0]?.trim() || name || "it does not say why").replace(/\.$/, "");
}

/** Where koffi lies. The same code of error can also be of what koffi's own package.json names. */
export function findKoffi(require: NodeJS.Require): string {
  try {
    return require.resolve("koffi");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== "MODULE_NOT_FOUND" || !/^Cannot find module 'koffi'(\n|$)/.test(message)) throw error;
    throw new Refusal("the optional package koffi is not installed (npm install koffi)");
  }
}

function hostBy(koffi: Koffi, path: string): NativeHost {
  const libc = koffi.load(null);
  const mmap = libc.func("void *mmap(void *, size_t, int, int, int, int64_t)");
  const mprotect = libc.func("int mprotect(void *, size_t, int)");
  const munmap = libc.func("int munmap(void *, size_t)");
  const memcpy = libc.func("void *memcpy(void *, const void *, size_t)");
  const types = new Map<number, unknown>();
  return {
    koffi: path,
    addressOf: (view) => koffi.address(view),
    place(code) {
      const bytes = Math.ceil(code.length / 4096) * 4096;
      const address = mmap(null, bytes, readWrite, privateAnonymous, -1, 0);
      // koffi 2 has objects for addresses.
      if (address !== null && typeof address !== "bigint")
        throw new Error(`its functions give no addresses (version ${koffi.version}; 3 is needed)`);
      if (address === null || BigInt.asIntN(64, address) === failed)
        throw new Refusal("the operating system gives no memory for code");
      memcpy(address, code, code.length);
      if (mprotect(address, bytes, readExecute) !== 0) {
        munmap(address, bytes);
        throw new Refusal("the operating system does not let memory be executed");
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

/**
 * Run a function that writes a number.
 * @throws Refusal where it does not, with koffi's reason or the operating system's
 */
function check({ place, callable, addressOf }: NativeHost): void {
  doing("does not work here", () => {
    // mov dword [rdi], 1; ret
    const { address, free } = place(Uint8Array.of(0xc7, 0x07, 1, 0, 0, 0, 0xc3));
    const written = new Int32Array(1);
    callable(address, 1)(addressOf(written));
    free();
    if (written[0] !== 1) throw new Error("a function that it calls does not run");
  });
}
