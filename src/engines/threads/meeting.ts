/**
 * The numbers by which threads wait for each other: 32-bit integers at the start of a program's memory, in bytes that plans
 * leave free, or in a memory of their own. Each constant is the index of one of them.
 */

/** Number of threads that have reached the barrier; and its round, how often all have reached it. */
export const arrivedAt = 0;
export const roundAt = 1;
/** How the program is run: see `howToRun`. */
export const howAt = 2;
/** Number of threads of this run; 0 if one has failed. */
export const threadsAt = 3;
/**
 * For threads that follow another (see `lead` in `pool.ts`): how many wait, how often they were called, and 1 if one has
 * left or all should leave.
 */
export const hereAt = 4;
export const callsAt = 5;
export const goneAt = 6;
/** Threads that sleep at a barrier, where the engine counts them. */
export const sleepersAt = 7;
/** From here on, the core of each thread that is in a run, counted from 1, where the engine has a memory for it. */
export const cpusAt = 16;
/** From here on, the number that the system has for each thread of a run, where it is known; else 0. 64 threads at most. */
export const tidsAt = 80;
export const numbersOfMeeting = 144;
