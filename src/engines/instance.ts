/**
 * A loaded program whose memory is the host's: its code, its memory and its threads. One owner has it at a time; what is given
 * back goes to the next program of an equal plan. Knows nothing about what the code is.
 */
import type { Executable } from "./engine.ts";
import { dropFromPool, type PoolProgram } from "./threads/pool.ts";
import { weigh } from "./threads/weigh.ts";

/** How a program is run, as one number, which all its threads get: 1 where parameters have changed, and 2 (k + 1) of section k alone. */
export const howToRun = (changed: 0 | 1, section?: number): number =>
  changed + (section === undefined ? 0 : 2 * (section + 1));

export type Instance = {
  /** Of its plan, its engine and its threads: with the same key it is the same program. */
  readonly key: string;
  readonly threads: number;
  readonly buffer: ArrayBuffer;
  /** Where the plan's memory begins in the buffer, where its values begin, and its size; in bytes. */
  readonly start: number;
  readonly reserved: number;
  readonly bytes: number;
  readonly run: (thread: number, how: number) => void;
  readonly advance: () => void;
  readonly pool: PoolProgram | undefined;
};

/** Instances without a program, the one returned last at the end. */
const idle: Instance[] = [];
const maxIdle = 16;
const maxIdleBytes = 2 ** 28;

/** An instance that nobody has, with a memory of zeros, if there is one. */
export function takeIdle(key: string): Instance | undefined {
  const at = idle.findIndex((one) => one.key === key);
  if (at < 0) return undefined;
  const [found] = idle.splice(at, 1) as [Instance];
  // Not in front of the plan: there threads synchronise.
  new Uint8Array(found.buffer, found.start + found.reserved).fill(0);
  return found;
}
function keepIdle(instance: Instance): void {
  idle.push(instance);
  let bytes = idle.reduce((sum, one) => sum + one.bytes, 0);
  while (idle.length > maxIdle || bytes > maxIdleBytes) {
    const [dropped] = idle.splice(instance.bytes > maxIdleBytes ? -1 : 0, 1) as [Instance];
    bytes -= dropped.bytes;
    if (dropped.pool !== undefined) dropFromPool(dropped.pool.id);
    // Shared or not, so that the collector hurries; when whoever gave it back is done with it.
    setTimeout(weigh, 0, dropped.bytes);
  }
}

/** If nobody disposes of a program, the workers hold it until it is collected. */
const collected = new FinalizationRegistry<number>(dropFromPool);

export class InstanceExecutable implements Executable {
  private readonly instance: Instance;
  /** The garbage collector watches this small object in place of the program, because what it watches is freed late. */
  private readonly lease = {};

  constructor(instance: Instance) {
    this.instance = instance;
    if (instance.pool !== undefined) collected.register(this.lease, instance.pool.id, this.lease);
  }
  get threads(): number {
    return this.instance.threads;
  }
  get bytes(): number {
    return this.instance.bytes;
  }
  numbers(address: number, count: number): Float32Array<ArrayBuffer> {
    return new Float32Array(this.instance.buffer, this.instance.start + address, count);
  }
  integers(address: number, count: number): Int32Array<ArrayBuffer> {
    return new Int32Array(this.instance.buffer, this.instance.start + address, count);
  }
  /** With several threads, in workers: this one stays free. */
  async run(changed: 0 | 1, section?: number): Promise<void> {
    const { pool } = this.instance;
    const how = howToRun(changed, section);
    if (pool === undefined) this.instance.run(0, how);
    else await pool.run(how);
  }
  runSync(changed: 0 | 1): void {
    const { pool } = this.instance;
    if (pool === undefined) this.instance.run(0, changed);
    else pool.lead(changed);
  }
  advanceStates(): void {
    this.instance.advance();
  }
  async fetch(): Promise<void> {}
  dispose(): void {
    const { instance } = this;
    const free = (): void => {
      collected.unregister(this.lease);
      keepIdle(instance);
    };
    if (instance.pool === undefined) free();
    else instance.pool.whenFree(free);
  }
}
