/**
 * Music as a piano roll: which of 88 keys sound at each step. Of a key that sounds in steps one after the other a roll does not say
 * whether it is held or struck again: it is read as held. N. Boulanger-Lewandowski et al., 2012 (arXiv 1206.6392).
 */
import type { GridNote } from "./settings.ts";

export const keys = 88;
/** MIDI numbers of the piano's ends. */
export const [lowestKey, highestKey] = [21, 108] as const;
/** What stands for a step after the end of a piece. */
export const padding = -1;
/** The velocity of notes that are written. */
const velocity = 80;

/** Pitches by step. Those that a piano does not have are left out. */
export function rollOf(notes: readonly GridNote[]): number[][] {
  const length = notes.reduce((last, { start, duration }) => Math.max(last, start + duration), 0);
  const steps: number[][] = Array.from({ length }, () => []);
  for (const { pitch, start, duration } of notes) {
    if (pitch < lowestKey || pitch > highestKey) continue;
    for (let t = start; t < start + duration; t++) steps[t]?.push(pitch);
  }
  return steps.map((step) => [...new Set(step)].sort((a, b) => a - b));
}

/** Notes of a roll: as long as a pitch sounds on. */
export function notesOfRoll(steps: readonly (readonly number[])[]): GridNote[] {
  const notes: GridNote[] = [];
  const begun = new Map<number, number>();
  for (let t = 0; t <= steps.length; t++) {
    const now = new Set(steps[t] ?? []);
    for (const [pitch, start] of begun) {
      if (now.has(pitch)) continue;
      notes.push({ pitch, start, duration: t - start, velocity });
      begun.delete(pitch);
    }
    for (const pitch of now) if (!begun.has(pitch)) begun.set(pitch, t);
  }
  return notes.sort((a, b) => a.start - b.start || a.pitch - b.pitch);
}

/** A part of a roll, and what sounds in the step before it. */
export type RollWindow = { readonly steps: readonly (readonly number[])[]; readonly before: readonly number[] };

/** The parts of rolls, each of at most so many steps, about as long as one another. */
export const rollWindows = (rolls: readonly (readonly (readonly number[])[])[], most: number): RollWindow[] =>
  rolls.flatMap((roll) => {
    const count = Math.ceil(roll.length / most);
    const at = (k: number): number => Math.round((k * roll.length) / count);
    return Array.from({ length: count }, (_, k) => ({
      steps: roll.slice(at(k), at(k + 1)),
      before: roll[at(k) - 1] ?? [],
    }));
  });

/** Windows as examples (N,T,88): the target of a step is what sounds in it, its input what sounded before. `padding` behind the end. */
export function rollExamples(windows: readonly RollWindow[], T: number) {
  const shape = [windows.length, T, keys] as const;
  const [x, y] = [new Float32Array(windows.length * T * keys), new Float32Array(windows.length * T * keys)];
  windows.forEach(({ steps, before }, n) => {
    const place = (t: number): number => (n * T + t) * keys - lowestKey;
    for (let t = 0; t < T; t++) {
      for (const pitch of steps[t] ?? []) y[place(t) + pitch] = 1;
      const known = t === 0 ? before : (steps[t - 1] ?? []);
      if (t < steps.length) for (const pitch of known) x[place(t) + pitch] = 1;
      else x.fill(padding, place(t) + lowestKey, place(t) + lowestKey + keys);
    }
  });
  return { x: { data: x, shape }, y: { data: y, shape } };
}
