/** Processes that train one model together: what a training needs of what connects them. */
import type { Numbers } from "../engines/engine.ts";
import { having, type Rule } from "../graph/schema.ts";

/**
 * What connects the processes of a training, which run the same program. Each calls the same functions in the same order; calls may
 * follow each other before the first has ended.
 */
export type Communicator = {
  /** This process among all of them: 0 to `size` - 1. Process 0 alone writes files. */
  readonly rank: number;
  /** The number of processes. */
  readonly size: number;
  /**
   * Replace numbers by their sum over all processes, in the order of ranks: the same bits in every process, whatever the timing. Until it
   * resolves nobody touches them.
   * @throws InputError if a process has ended, or does not answer
   */
  sum(numbers: Numbers): Promise<void>;
  /** In process 0 the bytes of every process, in the order of ranks; they may differ in length. In others nothing. */
  gather(bytes: Uint8Array): Promise<readonly Uint8Array[]>;
  /** The bytes of process 0. Those that others give are ignored. */
  broadcast(bytes: Uint8Array): Promise<Uint8Array>;
};

/** @internal */
export const aCommunicator: Rule = having("a communicator, as connect makes it", "rank", "size", "sum");
