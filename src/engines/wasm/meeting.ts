/**
 * Where threads meet: 32-bit numbers at the start of a program's memory, which plans leave free. By place.
 */

/** Threads that have come to the barrier; and how often all have: its round. */
export const arrivedAt = 0;
export const roundAt = 1;
/** 1 where parameters have changed since the run before. */
export const changedAt = 2;
/** Threads of this run; 0 where one has given up. */
export const threadsAt = 3;
/** Of those that follow another (see `lead` in `pool.ts`): how many wait, how often they were called, and 1 where one has gone or all are to go. */
export const hereAt = 4;
export const callsAt = 5;
export const goneAt = 6;
