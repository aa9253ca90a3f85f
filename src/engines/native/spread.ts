/** Threads that meet at barriers do not share a core. Linux alone says and sets where a thread runs. */

type Library = { func(prototype: string): (...values: readonly unknown[]) => unknown };

/**
 * A function that a thread calls before its part of a run, and the function that this returns after it. When a thread has slept,
 * the system may wake it on the core of the thread that woke it, and leave the two there, each waiting for the other, while another
 * core is idle. So for the time of a run a thread stays on the core where it is, or on another one if a thread of the run is there
 * already.
 *
 * Workers get it as text: it uses nothing but its parameters.
 * @param library the C library
 * @param numbers those by which the threads meet; from `cpusAt` on the core of each thread that is in a run, counted from 1; else 0
 */
export function spreadOver(
  library: Library,
  numbers: Int32Array,
  { threadsAt, cpusAt }: { readonly threadsAt: number; readonly cpusAt: number },
): (thread: number) => () => void {
  const leave = (): void => {};
  try {
    const where = library.func("int sched_getcpu()") as () => number;
    const get = library.func("int sched_getaffinity(int, size_t, void *)");
    const set = library.func("int sched_setaffinity(int, size_t, void *)");
    const bytes = 128; // 1,024 cores.
    const [allowed, only] = [new Uint8Array(bytes), new Uint8Array(bytes)];
    const isTaken = (cpu: number, thread: number): boolean => {
      const threads = numbers[threadsAt] as number;
      for (let k = 0; k < threads; k++) if (k !== thread && numbers[cpusAt + k] === cpu + 1) return true;
      return false;
    };
    const isAllowed = (cpu: number): boolean => ((allowed[cpu >> 3] as number) & (1 << (cpu & 7))) !== 0;
    return (thread) => {
      if (get(0, bytes, allowed) !== 0) return leave;
      let cpu = where();
      if (isTaken(cpu, thread)) {
        cpu = 0;
        while (cpu < 8 * bytes && (!isAllowed(cpu) || isTaken(cpu, thread))) cpu++;
        if (cpu === 8 * bytes) return leave;
      }
      only.fill(0)[cpu >> 3] = 1 << (cpu & 7);
      if (set(0, bytes, only) !== 0) return leave;
      numbers[cpusAt + thread] = cpu + 1;
      return () => {
        numbers[cpusAt + thread] = 0;
        set(0, bytes, allowed);
      };
    };
  } catch {
    return () => leave;
  }
}
