/** Predict where tracks go on, for the Tracks view; and train a small model of walkers, for who has none. */

import { InputError } from "../../graph/input-error.ts";
import { trajectoryModel } from "../../tasks/trajectories/create.ts";
import { writeTrajectoryModel } from "../../tasks/trajectories/file.ts";
import { inspectTrack } from "../../tasks/trajectories/inspect.ts";
import { checkStep, type PredictedTrack, predictWindows } from "../../tasks/trajectories/predict.ts";
import { readTrackFile } from "../../tasks/trajectories/read-file.ts";
import { constantVelocity, type Scores, scoresOf } from "../../tasks/trajectories/scores.ts";
import type { TrajectoryModel, TrajectorySettings } from "../../tasks/trajectories/settings.ts";
import { lastWindows, type Window, windowsOf } from "../../tasks/trajectories/windows.ts";
import type { Path } from "../../train/densities/paths.ts";
import type { CsvText } from "./forecasting.ts";
import { contentOf, type ModelHandle } from "./open-models.ts";
import type { LayerValue } from "./reading.ts";
import type { Job } from "./remote.ts";
import { reportsOf } from "./reports.ts";

export type TracksQuestion = {
  /** Whether each track's last steps are predicted from those before them, or what comes after its end. */
  readonly part: "known" | "end";
  /** Futures of each track. */
  readonly futures: number;
  /** Which tracks are shown: `count` from the one at `from`. */
  readonly from: number;
  readonly count: number;
};
/** A track with its futures, and what came where that is known. */
export type ShownTrack = Omit<PredictedTrack, "path"> & { readonly truth: Path | undefined };
export type PredictedTable = {
  readonly shown: readonly ShownTrack[];
  /** All tracks that are long enough. */
  readonly count: number;
  /** The model's and constant velocity's scores on the last window of each track; undefined where the truth is not known. */
  readonly scores: { readonly model: Scores; readonly constantVelocity: Scores } | undefined;
  readonly settings: Pick<TrajectorySettings, "seen" | "predicted" | "form" | "modes" | "step">;
};

/** What the recurrent layer is while one track is followed: see `InspectedTrack`. */
export type TrackGates = {
  readonly seen: number;
  readonly ahead: number;
  readonly path: Path;
  readonly form: TrajectorySettings["form"];
  /** The values (seen + ahead, size), in order. */
  readonly values: readonly (LayerValue & { readonly data: Float32Array })[];
};

const host = { threads: 1 } as const;
/** The scores are those of so many tracks at most. */
const maxScored = 2000;

export const tracking = {
  /** @throws InputError, one line, for a table that cannot be read or does not fit the model; ModelClosed */
  async predictTracks(handle: ModelHandle, { name, text }: CsvText, question: TracksQuestion): Promise<PredictedTable> {
    const tm = contentOf(handle, "trajectories");
    const { seen, predicted, form, modes, step } = tm.settings;
    const isKnown = question.part === "known";
    const windows = await windowsIn(tm, { name, text }, question.part);
    const { from, count, futures } = question;
    const scored = isKnown ? windows.slice(0, maxScored) : windows.slice(from, from + count);
    const found = await predictWindows(tm, scored, { ...host, futures });
    const first = isKnown ? from : 0;
    const shown = scored.slice(first, first + count).map(({ id, frame, x, y }, k) => ({
      ...{ id, frame, futures: found[first + k]?.futures ?? [] },
      seen: { x: x.slice(0, seen), y: y.slice(0, seen) },
      truth: isKnown ? { x: x.slice(seen), y: y.slice(seen) } : undefined,
    }));
    const straight = isKnown ? scored.map((window) => constantVelocity(window, seen, predicted)) : [];
    const own = found.map(({ path }) => path);
    return {
      ...{ shown, count: isKnown ? scored.length : windows.length },
      settings: { seen, predicted, form, modes, step },
      scores: isKnown
        ? {
            model: scoresOf(
              scored,
              seen,
              own,
              found.map((one) => one.futures),
            ),
            constantVelocity: scoresOf(scored, seen, straight),
          }
        : undefined,
    };
  },

  /**
   * The gates of one track.
   * @param track its number among all that are long enough, from 0
   * @throws InputError as `predictTracks`, and for a number that no track has; ModelClosed
   */
  async trackGates(
    handle: ModelHandle,
    csv: CsvText,
    { part, track }: Pick<TracksQuestion, "part"> & { readonly track: number },
  ): Promise<TrackGates> {
    const tm = contentOf(handle, "trajectories");
    const window = (await windowsIn(tm, csv, part))[track];
    if (window === undefined) throw new InputError(`${csv.name}: there is no track ${track + 1}.`);
    const { values, ...read } = await inspectTrack(tm, window, host);
    const told = values.map(({ key, layer, name, size, gate, description, data }) => {
      return { key, layer, name, size, gate, description, data };
    });
    return { ...read, form: tm.settings.form, values: told };
  },

  /** Train a small model on tracks. "finish" ends the training with the best values so far. */
  async *trainOnTracks(
    { name, text }: CsvText,
    sizes: { readonly seen: number; readonly predicted: number },
  ): Job<{ readonly done: number }, { readonly bytes: Uint8Array<ArrayBuffer> }> {
    const all = await readTrackFile(text, { name });
    // All walk at the same time: the last ones validate, not the last frames.
    const trained = Math.ceil(0.9 * all.tracks.length);
    const tracks = { ...all, tracks: all.tracks.slice(0, trained) };
    const validation = { ...all, tracks: all.tracks.slice(trained) };
    const epochs = 40;
    const { trainTrajectories } = await import("../../tasks/trajectories/train.ts");
    const tm = trajectoryModel(tracks, { ...sizes, modes: 3, units: 32, seed: 2 });
    yield* reportsOf<{ readonly done: number }, unknown>((report, signal) =>
      trainTrajectories(tm, tracks, {
        ...{ ...host, epochs, batchSize: 32, seed: 3, signal, validation },
        callbacks: [{ onEpochEnd: (epoch) => report({ done: (epoch + 1) / epochs }) }],
      }),
    );
    return { bytes: writeTrajectoryModel(tm) };
  },
};

/** The windows of a table: the last of each track that is long enough. @throws InputError for a table without one */
async function windowsIn(
  tm: TrajectoryModel,
  { name, text }: CsvText,
  part: TracksQuestion["part"],
): Promise<Window[]> {
  const { seen, predicted } = tm.settings;
  const tracks = await readTrackFile(text, { name });
  checkStep(tm, [tracks], name);
  const isKnown = part === "known";
  const last = { ...tracks, tracks: tracks.tracks.map((track) => lastPart(track, seen + predicted, tracks.step)) };
  const windows = isKnown ? windowsOf(last, tm.settings) : lastWindows(tracks, seen);
  if (windows.length === 0) {
    const least = isKnown ? seen + predicted : seen;
    const longest = tracks.tracks.reduce((most, { x }) => Math.max(most, x.length), 0);
    throw new InputError(
      `${name}: no track has the ${least} steps without a gap that are needed (${seen} to see${isKnown ? `, ${predicted} to compare` : ""}); the longest has ${longest}. Give longer tracks.`,
    );
  }
  return windows;
}

/** The last steps of a track; a shorter one as it is. */
function lastPart<Track extends { readonly start: number; readonly x: Float64Array; readonly y: Float64Array }>(
  track: Track,
  length: number,
  step: number,
): Track {
  const from = Math.max(0, track.x.length - length);
  return { ...track, start: track.start + from * step, x: track.x.subarray(from), y: track.y.subarray(from) };
}
