/** Read, learn and write music, for the Music view: files, a small model of them, and what a model writes with every gate at each step. */
import type { Piece } from "../../data/piece.ts";
import type { MusicFiles } from "../../formats/music-bytes.ts";
import { InputError } from "../../graph/input-error.ts";
import { musicModel } from "../../tasks/music/create.ts";
import { writeMusicModel } from "../../tasks/music/file.ts";
import { pieceOfGrid, withoutOverlaps } from "../../tasks/music/grid.ts";
import { writeMusic } from "../../tasks/music/predict.ts";
import type { GridNote, MusicOptions, MusicSettings } from "../../tasks/music/settings.ts";
import type { MusicEpoch, TrainMusicOptions } from "../../tasks/music/train.ts";
import { contentOf, type ModelHandle } from "./open-models.ts";
import type { LayerValue } from "./reading.ts";
import type { Job } from "./remote.ts";
import { reportsOf } from "./reports.ts";
import { valuesOf } from "./shown-values.ts";

/** A file that was opened in the page. */
export type OpenedFile = { readonly name: string; readonly bytes: Uint8Array<ArrayBuffer> };

export type MusicFacts = MusicSettings & {
  /** What can be seen of each step. */
  readonly values: readonly LayerValue[];
};

/** What is to be written. */
export type MusicQuestion = {
  /** Quarters. */
  readonly length: number;
  readonly temperature: number;
  readonly seed: number;
  readonly hold: readonly number[];
  readonly prime: Piece | undefined;
  /** Of so many steps at most the values are given. */
  readonly seen: number;
};

/** More of what is written. */
export type WrittenMusic = {
  /** All notes so far. */
  readonly notes: readonly GridNote[];
  /** How many steps are written, of all: fewer where the model ended the piece itself. */
  readonly steps: number;
  readonly of: number;
  /** (n,size) each, in the order of the facts: of each new step the values after what the network last read in it, or before it. */
  readonly values: readonly Float32Array[];
};

/** The settings of a small model and its training. */
export type MusicTraining = Required<
  Pick<MusicOptions, "form" | "stepsPerQuarter" | "cell" | "units" | "dropout" | "seed"> &
    Pick<TrainMusicOptions, "epochs" | "transpose" | "batchSize" | "steps" | "learningRate">
>;

/** One thread: networks are small, and a step needs the one before. */
const host = { threads: 1 } as const;
const pieceMs = 30;

export const composing = {
  /** @throws ModelClosed */
  async musicFacts(handle: ModelHandle): Promise<MusicFacts> {
    const { model, settings } = contentOf(handle, "music");
    return { ...settings, values: valuesOf(model) };
  },

  /**
   * The pieces of files.
   * @param repair mends notes that hang or overlap, and leaves tunes out that break off
   * @throws InputError, one line, for what cannot be read
   */
  async readMusic(files: readonly OpenedFile[], repair: boolean): Promise<MusicFiles> {
    // With what reads MIDI, for those who come with a file.
    const { isAbc, isMidi, readMusicBytes } = await import("../../formats/music-bytes.ts");
    const other = files.find(({ name }) => !isMidi(name) && !isAbc(name));
    if (other !== undefined) {
      throw new InputError(`${other.name}: is no file of music. Give files that end with .mid, .midi or .abc.`);
    }
    const given = files.map(({ name, bytes }) => ({ name, bytes: () => bytes }));
    return readMusicBytes(given, { repair }, files.map(({ name }) => name).join(", "));
  },

  /** Write music, a few notes at a time. @throws InputError as `generateMusic`; ModelClosed */
  async *writeMusic(
    handle: ModelHandle,
    { length, prime, seen, ...settings }: MusicQuestion,
  ): Job<WrittenMusic, undefined> {
    const mm = contentOf(handle, "music");
    const values = valuesOf(mm.model);
    const keys = values.map(({ key }) => key);
    const of = Math.max(1, Math.round(length * mm.settings.stepsPerQuarter));
    const options = { ...host, ...settings, length, ...(prime !== undefined && { prime }) };
    let notes = (): readonly GridNote[] => [];
    let latest: Readonly<Record<string, Float32Array>> = {};
    let [steps, last] = [0, 0];
    let columns: Readonly<Record<string, Float32Array>>[] = [];
    /** Steps up to this one are over. */
    const reach = (step: number): void => {
      for (; steps < Math.min(step, of); steps++) if (steps < seen) columns.push(latest);
    };
    const piece = (): WrittenMusic => {
      const rows = values.map(({ key, size }) => {
        const all = new Float32Array(columns.length * size);
        columns.forEach((column, t) => {
          all.set(column[key] as Float32Array, t * size);
        });
        return all;
      });
      columns = [];
      return { notes: withoutOverlaps(notes()), steps, of, values: rows };
    };
    let begunMs = performance.now();
    for await (const written of writeMusic(mm, options, keys)) {
      reach(written.step);
      ({ values: latest, notes, step: last } = written);
      if (performance.now() - begunMs < pieceMs) continue;
      yield piece();
      begunMs = performance.now();
    }
    // What sounds at the end of a piece sounds on.
    reach(notes().reduce((end, { start, duration }) => Math.max(end, start + duration), last + 1));
    yield piece();
    return undefined;
  },

  /** A MIDI file of notes on a grid. */
  async midiFile(notes: readonly GridNote[], settings: MusicSettings): Promise<Uint8Array<ArrayBuffer>> {
    const { writeMidi } = await import("../../formats/midi.ts");
    return writeMidi(pieceOfGrid(notes, settings));
  },

  /** Train a small model on pieces. "finish" ends the training with the best values so far. @throws InputError for pieces without notes */
  async *trainOnMusic(
    pieces: readonly Piece[],
    { form, stepsPerQuarter, cell, units, dropout, seed, ...training }: MusicTraining,
  ): Job<MusicEpoch, { readonly bytes: Uint8Array<ArrayBuffer> }> {
    const { trainMusic } = await import("../../tasks/music/train.ts");
    const mm = musicModel(pieces, { form, stepsPerQuarter, cell, units, dropout, seed });
    yield* reportsOf<MusicEpoch, unknown>((report, signal) =>
      trainMusic(mm, pieces, {
        ...{ ...host, ...training, seed, signal, onEpoch: report },
      }),
    );
    return { bytes: writeMusicModel(mm) };
  },
};
