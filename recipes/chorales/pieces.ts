/**
 * Pieces of music as piano rolls: which of a piano's 88 keys sound at each time step. N. Boulanger-Lewandowski,
 * Y. Bengio and P. Vincent, 2012 (arXiv 1206.6392). Knows nothing about models.
 */
import { InputError } from "unrolled";
import { readText } from "../shared/files.ts";

export const keys = 88;
/** MIDI numbers of the piano's ends. */
const [lowest, highest] = [21, 108];
/** What stands for a step after the end of a piece. */
export const padding = -1;

/** The pitches that sound at each step; silence is []. */
export type Piece = readonly (readonly number[])[];
const parts = ["train", "valid", "test"] as const;
export type Chorales = { readonly [part in (typeof parts)[number]]: readonly Piece[] };

/**
 * A JSON file { "train": [...], "valid": [...], "test": [...] }: each a list of pieces, a piece a list of steps, a step a
 * list of MIDI pitches.
 * @throws InputError, with the place, for a file that is none
 */
export function readChorales(file: string): Chorales {
  const text = readText(file);
  let all: unknown;
  try {
    all = JSON.parse(text);
  } catch (error) {
    const problem = (error as Error).message.replace(/\s+/g, " ");
    throw new InputError(`${file}: is not JSON (${problem}). Give the file with the pieces as lists of pitches.`);
  }
  const read = (part: string): Piece[] => {
    const pieces = (all as Record<string, unknown> | null)?.[part];
    if (!Array.isArray(pieces) || pieces.length === 0) {
      throw new InputError(`${file}: has no list of pieces "${part}"; it needs ${parts.join(", ")}.`);
    }
    pieces.forEach((piece, k) => checkPiece(piece, `${file}: ${part}, piece ${k + 1}`));
    return pieces;
  };
  return { train: read("train"), valid: read("valid"), test: read("test") };
}

function checkPiece(piece: unknown, where: string): void {
  if (!Array.isArray(piece) || piece.length === 0) throw new InputError(`${where}: is not a list of time steps.`);
  piece.forEach((step, t) => {
    if (!Array.isArray(step)) throw new InputError(`${where}, step ${t + 1}: is not a list of pitches.`);
    for (const pitch of step) {
      if (Number.isInteger(pitch) && pitch >= lowest && pitch <= highest) continue;
      throw new InputError(
        `${where}, step ${t + 1}: ${JSON.stringify(pitch)} is no pitch; a piano's are the MIDI numbers ${lowest} to ${highest}.`,
      );
    }
  });
}

export const stepsOf = (pieces: readonly Piece[]): number => pieces.reduce((sum, { length }) => sum + length, 0);
export const longestOf = (pieces: readonly Piece[]): number => Math.max(...pieces.map(({ length }) => length));

/** A part of a piece, and what sounds in the step before it: silence where the piece begins. */
export type Window = { readonly steps: Piece; readonly before: readonly number[] };

/** The parts of pieces, each of at most so many steps, about as long as one another. */
export const windowsOf = (pieces: readonly Piece[], most: number): Window[] =>
  pieces.flatMap((piece) => {
    const count = Math.max(1, Math.ceil(piece.length / most));
    const at = (k: number): number => Math.round((k * piece.length) / count);
    return Array.from({ length: count }, (_, k) => ({
      steps: piece.slice(at(k), at(k + 1)),
      before: piece[at(k) - 1] ?? [],
    }));
  });

/**
 * Pieces without their silent steps, cut so that each part begins with the step that the one before ended with: every step but a
 * piece's first is predicted once, at most `most` of them from one start. A rest of one step is none.
 */
export const apartIn = (pieces: readonly Piece[], most: number): Piece[] =>
  pieces.flatMap((piece) => {
    const sounding = piece.filter((step) => step.length > 0);
    const count = Math.ceil((sounding.length - 1) / most);
    return Array.from({ length: Math.max(0, count) }, (_, k) => sounding.slice(k * most, (k + 1) * most + 1));
  });

/** All pitches higher by so many semitones, or lower, as far as the piano goes. */
export function transposed({ steps, before }: Window, by: number): Window {
  const pitches = [...before, ...steps.flat()];
  const within = Math.max(lowest - Math.min(highest, ...pitches), Math.min(highest - Math.max(lowest, ...pitches), by));
  const moved = (step: readonly number[]): number[] => step.map((pitch) => pitch + within);
  return within === 0 ? { steps, before } : { steps: steps.map(moved), before: moved(before) };
}

/**
 * Parts of pieces side by side as inputs and targets (T,B,88). The target of a step is what sounds in it, its input what sounded in
 * the one before. Inputs are all `padding` after the end of a part.
 */
export function rollsOf(
  windows: readonly Window[],
  steps: number,
): { inputs: Float32Array<ArrayBuffer>; targets: Float32Array<ArrayBuffer> } {
  const batch = windows.length;
  const [inputs, targets] = [new Float32Array(steps * batch * keys), new Float32Array(steps * batch * keys)];
  windows.forEach((window, b) => {
    const place = (t: number): number => (t * batch + b) * keys;
    for (const pitch of window.before) inputs[place(0) + pitch - lowest] = 1;
    window.steps.forEach((pitches, t) => {
      for (const pitch of pitches) {
        targets[place(t) + pitch - lowest] = 1;
        if (t + 1 < window.steps.length) inputs[place(t + 1) + pitch - lowest] = 1;
      }
    });
    for (let t = window.steps.length; t < steps; t++) inputs.fill(padding, place(t), place(t) + keys);
  });
  return { inputs, targets };
}
