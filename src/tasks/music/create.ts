/** Make an untrained model of music: its form, its layers, the tempo of its music. */
import { cells } from "../../cells/index.ts";
import { type Piece, somePieces, usualTempo } from "../../data/piece.ts";
import { aCell } from "../../graph/cell.ts";
import {
  type Arguments,
  alias,
  checkArguments,
  either,
  inRange,
  lookUp,
  options as optionsOf,
  someText,
  wholeNumber,
} from "../../graph/schema.ts";
import { aSeed } from "../../nn/random.ts";
import { aForm, gridRule } from "./checks.ts";
import { forms } from "./forms.ts";
import type { MusicModel, MusicOptions } from "./settings.ts";

export const musicModelArguments: Arguments = {
  pieces: somePieces,
  options: optionsOf<MusicOptions>({
    form: aForm,
    stepsPerQuarter: alias(gridRule, "resolution"),
    cell: { ...either(someText, aCell), expected: "the name of a built-in cell, or a cell" },
    units: alias(wholeNumber(1), "hiddenSize"),
    layers: alias(wholeNumber(1, 100), "numLayers"),
    dropout: inRange(0, 1),
    seed: aSeed,
  }),
};

/**
 * Create an untrained model of music.
 * @param pieces the training's pieces, as `readMidi` or `pieceOfAbc` make them; the model writes at the first one's tempo
 * @param options `form` ("events"), `stepsPerQuarter` (4), `cell` ("lstm"), `units` (128), `layers` (1), `dropout` (0.2), `seed` (0)
 * @throws InputError for wrong options, and for pieces that are none
 * @example const mm = musicModel(pieces, { form: "roll", units: 200 });
 */
export function musicModel(pieces: readonly Piece[], options: MusicOptions = {}): MusicModel {
  checkArguments("musicModel", { pieces, options }, musicModelArguments);
  const { form = "events", stepsPerQuarter = 4, units = 128, layers = 1, dropout = 0.2, seed = 0 } = options;
  const { cell: given = "lstm" } = options;
  const cell = typeof given === "string" ? lookUp("musicModel: cell", given, cells) : given;
  const microsecondsPerQuarter = pieces[0]?.tempos.find(({ tick }) => tick === 0)?.microsecondsPerQuarter ?? usualTempo;
  return {
    model: forms[form].network({ cell, units, layers, dropout, seed }),
    settings: { form, stepsPerQuarter, microsecondsPerQuarter },
  };
}
