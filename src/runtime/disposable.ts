/// <reference lib="esnext.disposable" preserve="true" />
/** What is given back by hand, or by `using`. Knows nothing about what it is. */

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
