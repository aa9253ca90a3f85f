/// <reference lib="esnext.disposable" preserve="true" />
/** Objects that own memory: `dispose()` or a `using` declaration frees it. */
import { InputError } from "../graph/input-error.ts";

/** Symbol.dispose; in browsers without it, the symbol that compilers of `using` fall back to. */
const symbol: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for("Symbol.dispose");

/** Owns memory that `dispose()` frees at once, without waiting for garbage collection. */
export abstract class Disposable {
  /** Free its memory. Later calls of other methods throw an InputError; a second `dispose()` does nothing. */
  abstract dispose(): void;
  /** `dispose()`, called at the end of the block of a `using` declaration. */
  [symbol](): void {
    this.dispose();
  }
  private busy = false;
  /**
   * Run `act` and return its result. Only one call at a time may use the memory.
   * @throws InputError while an earlier call is still running
   */
  protected async alone<Result>(what: string, act: () => Promise<Result>): Promise<Result> {
    if (this.busy)
      throw new InputError(`${what}: called while an earlier call is still running. Await that call first.`);
    this.busy = true;
    try {
      return await act();
    } finally {
      this.busy = false;
    }
  }
}

/** Registers an object to be disposed of at the end, and returns it. */
export type Own = <Owned extends { dispose(): void }>(owned: Owned) => Owned;

/** Run `act` and return its result; everything it registered with `own` is disposed of afterwards, also on failure. */
export async function disposing<Result>(act: (own: Own) => Promise<Result>): Promise<Result> {
  const all: { dispose(): void }[] = [];
  try {
    return await act((owned) => {
      all.push(owned);
      return owned;
    });
  } finally {
    for (const owned of all) owned.dispose();
  }
}
