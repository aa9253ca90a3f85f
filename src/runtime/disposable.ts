/// <reference lib="esnext.disposable" preserve="true" />
/** What is given back by hand, or by `using`. Knows nothing about what it is. */
import { InputError } from "../graph/input-error.ts";

/** Symbol.dispose; in browsers without it what compilers of `using` take there. */
const symbol: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for("Symbol.dispose");

/** Owns memory that `dispose` gives back, for another to use: at once, and not only when it is collected. */
export abstract class Disposable {
  /** Give its memory back. What is asked of it afterwards throws an InputError; to dispose of it again does nothing. */
  abstract dispose(): void;
  /** The same, at the end of the block of a `using` declaration. */
  [symbol](): void {
    this.dispose();
  }
  private busy = false;
  /**
   * What `act` comes to; its memory is for one call at a time.
   * @throws InputError where the call before it goes on
   */
  protected async alone<Result>(what: string, act: () => Promise<Result>): Promise<Result> {
    if (this.busy) throw new InputError(`${what}: called while an earlier call goes on. Await that one first.`);
    this.busy = true;
    try {
      return await act();
    } finally {
      this.busy = false;
    }
  }
}

/** Gives itself back to be disposed of at the end. */
export type Own = <Owned extends { dispose(): void }>(owned: Owned) => Owned;

/** What `act` comes to; what it has handed to `own` is disposed of then, also where it fails. */
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
