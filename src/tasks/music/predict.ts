/** Write music: a model goes on from silence or from the end of a piece. */
import { aPiece, type Piece } from "../../data/piece.ts";
import type { InferenceOptions } from "../../engines/engine.ts";
import { hostOf, inferenceRules } from "../../engines/registry.ts";
import { InputError } from "../../graph/input-error.ts";
import {
  type Arguments,
  alias,
  aSignal,
  checkArguments,
  inRange,
  listOf,
  options as optionsOf,
  type Schema,
  wholeNumber,
} from "../../graph/schema.ts";
import { type InspectedStep, inspectedSession } from "../../nn/inspection.ts";
import { aSeed } from "../../nn/random.ts";
import { type SamplingOptions, samplingRules } from "../../text/sampling.ts";
import { aMusicModel } from "./checks.ts";
import type { WrittenInput } from "./form.ts";
import { forms } from "./forms.ts";
import { gridOf, pieceOfGrid, transposedNotes } from "./grid.ts";
import type { GridNote, MusicModel } from "./settings.ts";

/** Options of `generateMusic`: how long, from what on, and sampling as of text; also the host's. */
export type GenerateMusicOptions = SamplingOptions &
  InferenceOptions & {
    /** Quarters to write, at most: a model of events may end a piece itself. Default 32. */
    readonly length?: number;
    /** A piece that the model reads first, and goes on from. Default none. */
    readonly prime?: Piece;
    /** Pitches that sound all the time; the form "roll" hears them as it writes. Default none. */
    readonly hold?: readonly number[];
    /** Seed of the draws. Default 0. */
    readonly seed?: number;
    /** Ends writing; what is written so far is returned. */
    readonly signal?: AbortSignal;
  };
export const generateMusicRules: Schema<GenerateMusicOptions> = {
  ...samplingRules,
  ...inferenceRules,
  length: alias(inRange(0, 100_000, "(]"), "quarters"),
  prime: aPiece,
  hold: listOf(wholeNumber(0, 127)),
  seed: aSeed,
  signal: aSignal,
};
export const generateMusicArguments: Arguments = {
  mm: aMusicModel,
  options: optionsOf<GenerateMusicOptions>(generateMusicRules),
};

/**
 * Write music. Same seed, same music. Of the sampling options the form "roll" knows `temperature` alone: each key of a step is drawn with
 * its own probability.
 * @param mm the model
 * @param options `length` in quarters (32), `prime`, `hold`, `seed` (0), `temperature` (1), `topK`, `topP`, ...; the host's options
 * @returns the piece that is written, without what primed it, on one track, at the model's tempo
 * @throws InputError for options out of range, for sampling options that the form does not know, and for a held pitch that it cannot write
 * @example writeFileSync("tune.mid", writeMidi(await generateMusic(mm, { length: 64, temperature: 0.9 })));
 */
export async function generateMusic(mm: MusicModel, options: GenerateMusicOptions = {}): Promise<Piece> {
  checkArguments("generateMusic", { mm, options }, generateMusicArguments);
  let notes = (): readonly GridNote[] => [];
  for await (const written of writeMusic(mm, options, [])) notes = written.notes;
  return pieceOfGrid(notes(), mm.settings);
}

/** An input that was read, with what was asked for of the network. */
export type MusicStep = Omit<WrittenInput, "input"> & {
  /** The numbers (n) of each value by layer and name, after this input. */
  readonly values: InspectedStep["values"];
};

/**
 * `generateMusic`, one input after the other.
 * @param options are known to be some
 * @param values gates, states and other values of the network to give with each, by layer and name
 * @throws InputError as `generateMusic`
 */
export async function* writeMusic(
  { model, settings }: MusicModel,
  options: GenerateMusicOptions,
  values: readonly string[],
): AsyncGenerator<MusicStep, void> {
  const { length = 32, prime, hold = [], seed = 0, signal } = options;
  const form = forms[settings.form];
  const sampling = Object.fromEntries(
    Object.entries(options).filter(([name, value]) => name in samplingRules && value !== undefined),
  ) as SamplingOptions;
  const unknown = Object.keys(sampling).find((name) => settings.form === "roll" && name !== "temperature");
  if (unknown !== undefined) {
    throw new InputError(`generateMusic: ${unknown} is for models of events; this one is of rolls. Leave it out.`);
  }
  const [lowest, highest] = form.range;
  const beyond = hold.find((pitch) => pitch < lowest || pitch > highest);
  if (beyond !== undefined) {
    throw new InputError(`generateMusic: hold: this model writes pitches from ${lowest} to ${highest}, got ${beyond}`);
  }
  const host = hostOf(options);
  const writing = form.write(model, {
    ...sampling,
    length: Math.max(1, Math.round(length * settings.stepsPerQuarter)),
    prime: prime === undefined ? [] : transposedNotes(gridOf(prime, settings.stepsPerQuarter), 0, form.range),
    ...{ hold, seed, signal, host },
  });
  // Another session reads what is written: writing is the same whatever is asked for.
  const shown = values.length === 0 ? undefined : await inspectedSession("generateMusic", model, values, host);
  try {
    for await (const { input, ...written } of writing) {
      shown?.session.next(input);
      yield { ...written, values: shown?.valuesNow() ?? {} };
    }
  } finally {
    shown?.session.dispose();
  }
}
