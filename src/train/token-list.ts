/** Lists of tokens that arrive in runs and are stored in blocks of 1, 2 or 4 bytes a token, as the largest of the block needs. */
import type { TokenSource } from "./token-source.ts";

/** A list of tokens that is still being written: `add` appends a run, and `end` returns the tokens to read. */
export type TokenList = { readonly add: (run: Int32Array) => void; readonly end: () => KeptTokens };
/** Tokens to read; `dispose` frees their memory or file. */
export type KeptTokens = TokenSource & { readonly dispose: () => void };

export type Block = Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer> | Int32Array<ArrayBuffer>;
/** Storage for blocks of tokens. */
export type BlockStore = {
  /** Append a block; the array is overwritten after the call. */
  readonly put: (block: Block) => void;
  /** Tokens of one block, to be used before the next call. */
  readonly get: (block: number, from: number, to: number) => Block;
  readonly dispose: () => void;
};

/** The number of tokens of each block but the last. */
export const blockTokens = 2 ** 16;

/**
 * Create a list of tokens.
 * @param store where the blocks are stored. Default in memory
 * @param largest the largest token, if it is known: all blocks then have the width that it needs
 */
export function createTokenList(store: BlockStore = inMemory(), largest = 0): TokenList {
  const block = new Int32Array(blockTokens);
  const narrow = { 1: new Uint8Array(blockTokens), 2: new Uint16Array(blockTokens), 4: block } as const;
  let [filled, length] = [0, 0];
  const flush = (): void => {
    if (filled === 0) return;
    let bits = largest;
    for (let k = 0; k < filled; k++) bits |= block[k] as number;
    const kept = narrow[bits >>> 8 === 0 ? 1 : bits >>> 16 === 0 ? 2 : 4];
    if (kept !== block) for (let k = 0; k < filled; k++) kept[k] = block[k] as number;
    store.put(kept.subarray(0, filled));
    filled = 0;
  };
  return {
    add(run) {
      length += run.length;
      for (let from = 0; from < run.length; ) {
        const some = run.subarray(from, from + blockTokens - filled);
        block.set(some, filled);
        from += some.length;
        filled += some.length;
        if (filled === blockTokens) flush();
      }
    },
    end() {
      flush();
      return {
        length,
        read(from, into) {
          for (let done = 0; done < into.length; ) {
            const at = (from + done) % blockTokens;
            const to = Math.min(blockTokens, at + into.length - done);
            into.set(store.get(Math.floor((from + done) / blockTokens), at, to), done);
            done += to - at;
          }
        },
        dispose: store.dispose,
      };
    },
  };
}

function inMemory(): BlockStore {
  const blocks: Block[] = [];
  return {
    put: (block) => blocks.push(block.slice()),
    get: (block, from, to) => (blocks[block] as Block).subarray(from, to),
    dispose: () => blocks.splice(0),
  };
}

/** The tokens, each replaced by its entry in a table. */
export const mappedTokens = (tokens: TokenSource, table: Int32Array): TokenSource => ({
  length: tokens.length,
  read(from, into) {
    tokens.read(from, into);
    for (let k = 0; k < into.length; k++) into[k] = table[into[k] as number] as number;
  },
});
