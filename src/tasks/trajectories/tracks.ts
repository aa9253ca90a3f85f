/**
 * Tracks: where people, cars or animals were, at equal steps of time. From a table with a row for each of them and each frame;
 * checked, sorted, and split where a step is missing. Knows nothing of files.
 */

import type { Table } from "../../data/series.ts";
import { InputError } from "../../graph/input-error.ts";
import {
  type Arguments,
  checkArguments,
  finiteNumber,
  inRange,
  isPlain,
  options as optionsOf,
  type Rule,
  type Schema,
  someText,
  string,
  wholeNumber,
} from "../../graph/schema.ts";

/** The places of one thing at successive steps. */
export type Track = {
  readonly id: string;
  /** The frame of the first place; the place k is at `start + k * step` of its `Tracks`. */
  readonly start: number;
  readonly x: Float64Array;
  readonly y: Float64Array;
};
/** A place where a track was split: it is not there between these frames. */
export type Gap = { readonly id: string; readonly after: number; readonly before: number };
/** The tracks of one recording. */
export type Tracks = {
  /** The number of a frame minus that of the frame before. */
  readonly step: number;
  readonly tracks: readonly Track[];
  readonly gaps: readonly Gap[];
};

/** Options of `readTracks`: the names of columns; by default they are guessed by their names, or are the first four. */
export type ReadTracksOptions = {
  /** The file's name, for messages. Default "tracks.csv". */
  readonly name?: string;
  /** The column of the frame or time, a number. Default: "frame", "frame_id", "time" or the like. */
  readonly frame?: string;
  /** The column that names the track. Default: "id", "track", "vehicle_id" or the like. */
  readonly id?: string;
  /** The columns of the place. Default: "x" and "y", or "local_x(m)" or the like. */
  readonly x?: string;
  readonly y?: string;
  /** The difference between successive frames. Default: the most frequent difference. */
  readonly step?: number;
};
export const readTracksRules: Schema<ReadTracksOptions> = {
  ...{ name: someText, frame: someText, id: someText, x: someText, y: someText, step: inRange(0, Infinity, "()") },
};
export const readTracksArguments: Arguments = { text: string, options: optionsOf<ReadTracksOptions>(readTracksRules) };
export const someTracks: Rule = {
  expected: "tracks, as readTracks returns them",
  accepts: (value) => isPlain(value) && typeof value.step === "number" && Array.isArray(value.tracks),
};

const kinds = ["frame", "id", "x", "y"] as const;
type Kind = (typeof kinds)[number];
/** The names of columns that are known, without what is in brackets, underlines and capitals. */
const known: { readonly [K in Kind]: readonly string[] } = {
  frame: ["frame", "frameid", "framenumber", "frameno", "t", "time", "timestep", "step", "timestamp"],
  id: [
    "id",
    "track",
    "trackid",
    "pedestrian",
    "pedestrianid",
    "ped",
    "pedid",
    "vehicle",
    "vehicleid",
    "agent",
    "agentid",
  ].concat(["object", "objectid", "name"]),
  x: ["x", "posx", "localx", "xm", "px", "centerx", "lon"],
  y: ["y", "posy", "localy", "ym", "py", "centery", "lat"],
};
/** What is a number in a table: no hexadecimal digits, and no words. */
export const decimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const plain = (name: string): string =>
  name
    .toLowerCase()
    .replace(/\(.*?\)|\[.*?\]/g, "")
    .replace(/[^a-z0-9]/g, "");

/** Places are squared and summed. */
const largest = 1e100;

type Row = {
  readonly id: string;
  readonly frame: number;
  readonly x: number;
  readonly y: number;
  readonly row: number;
};

/** The tracks in a table. @throws InputError as `readTracks` */
export function tracksOf(table: Table, options: Omit<ReadTracksOptions, "name"> = {}): Tracks {
  const { name, rows, lineOf } = table;
  const at = Object.fromEntries(kinds.map((kind) => [kind, columnOf(table, kind, options[kind])])) as Record<
    Kind,
    number
  >;
  const number = (row: number, kind: Kind): number => {
    const text = rows[row]?.[at[kind]] ?? "";
    const value = Number(text);
    const isNumber = decimal.test(text);
    if (isNumber && Math.abs(value) <= largest) return value;
    const where = `${name}: line ${lineOf(row)}, column ${table.columns[at[kind]]}`;
    if (isNumber) throw new InputError(`${where}: ${text} is too large, expected at most ${largest}. Correct it.`);
    const advice = /^[+-]?\d+,\d+$/.test(text)
      ? 'Write decimal points, "1.5".'
      : text === ""
        ? "Leave the row out where the place is not known."
        : "Correct it, or name the column.";
    throw new InputError(`${where}: "${text}" is no number. ${advice}`);
  };
  const all = rows.map((cells, row): Row => {
    const given = cells[at.id] ?? "";
    if (given === "")
      throw new InputError(`${name}: line ${lineOf(row)}, column ${table.columns[at.id]}: the id is empty.`);
    // "1" and "1.0" are the same.
    const id = Number.isFinite(Number(given)) ? String(Number(given)) : given;
    return { id, frame: number(row, "frame"), x: number(row, "x"), y: number(row, "y"), row };
  });
  if (all.length === 0)
    throw new InputError(`${name}: has no rows below its header. Give one for each frame of a track.`);
  const byId = groupBy(all);
  for (const [id, places] of byId) {
    places.sort((a, b) => a.frame - b.frame);
    places.forEach((place, k) => {
      const before = places[k - 1];
      if (before?.frame !== place.frame) return;
      throw new InputError(
        `${name}: track ${id} is twice in frame ${place.frame}, in lines ${lineOf(before.row)} and ${lineOf(place.row)}. ` +
          "Leave one of the rows out.",
      );
    });
  }
  const step = options.step ?? usualStep([...byId.values()]);
  if (step === undefined) {
    throw new InputError(`${name}: no track has two frames, so nothing moves. Give the rows of a track the same id.`);
  }
  const tracks: Track[] = [];
  const gaps: Gap[] = [];
  for (const [id, places] of byId) {
    let from = 0;
    for (let k = 1; k <= places.length; k++) {
      const [last, next] = [places[k - 1] as Row, places[k]];
      if (next !== undefined && Math.abs(next.frame - last.frame - step) < 1e-6 * step) continue;
      const part = places.slice(from, k);
      const of = (axis: "x" | "y"): Float64Array => Float64Array.from(part, (place) => place[axis]);
      tracks.push({ id, start: (part[0] as Row).frame, x: of("x"), y: of("y") });
      if (next !== undefined) gaps.push({ id, after: last.frame, before: next.frame });
      from = k;
    }
  }
  return { step, tracks, gaps };
}

function groupBy(rows: readonly Row[]): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const group = groups.get(row.id);
    if (group === undefined) groups.set(row.id, [row]);
    else group.push(row);
  }
  return groups;
}

/** The most frequent difference between successive frames of a track; the smallest of those. */
function usualStep(all: readonly (readonly Row[])[]): number | undefined {
  const counts = new Map<number, number>();
  for (const places of all) {
    for (let k = 1; k < places.length; k++) {
      const step = Number(((places[k] as Row).frame - (places[k - 1] as Row).frame).toPrecision(9));
      counts.set(step, (counts.get(step) ?? 0) + 1);
    }
  }
  return [...counts].sort(([a, m], [b, n]) => n - m || a - b)[0]?.[0];
}

function columnOf({ name, columns }: Table, kind: Kind, wanted: string | undefined): number {
  const headed = columns.some((column, k) => column !== String(k + 1));
  const there = columns.join(", ");
  if (wanted !== undefined) {
    const found = columns.indexOf(wanted);
    if (found >= 0) return found;
    throw new InputError(`${name}: there is no column "${wanted}" for ${kind}. The columns are ${there}.`);
  }
  if (!headed) {
    if (columns.length >= 4) return kinds.indexOf(kind);
    throw new InputError(
      `${name}: has ${columns.length} column${columns.length === 1 ? "" : "s"}, expected four: frame, id, x, y.`,
    );
  }
  const names = columns.map(plain);
  for (const one of known[kind]) if (names.includes(one)) return names.indexOf(one);
  throw new InputError(`${name}: no column looks like ${kind}: ${there}. Name it: --${kind} COLUMN.`);
}

/** Frames, from `from` to below `below`, of which every n-th is taken; by default all. */
export type FrameRange = { readonly from?: number; readonly below?: number; readonly every?: number };
export const cutTracksArguments: Arguments = {
  tracks: someTracks,
  options: optionsOf<FrameRange>({
    ...{ from: finiteNumber, below: finiteNumber, every: wholeNumber(1) },
  }),
};

/**
 * The parts of tracks in some frames.
 * @param tracks the tracks of one recording
 * @param options `from`: the first frame; `below`: the first frame that is left out; `every` n (default 1): take the first step
 *   of each track and every n-th after it
 * @throws InputError for wrong options
 * @example const [training, validation] = [cutTracks(tracks, { below: 7110 }), cutTracks(tracks, { from: 7110 })];
 */
export function cutTracks(tracks: Tracks, options: FrameRange = {}): Tracks {
  checkArguments("cutTracks", { tracks, options }, cutTracksArguments);
  const { from = -Infinity, below = Infinity, every = 1 } = options;
  const { step, gaps } = tracks;
  const thin = (values: Float64Array): Float64Array =>
    every === 1 ? values : values.filter((_, k) => k % every === 0);
  const cut = tracks.tracks.flatMap(({ id, start, x, y }): Track[] => {
    const first = Math.max(0, Math.ceil((from - start) / step - 1e-6));
    const end = Math.min(x.length, Math.ceil((below - start) / step - 1e-6));
    return end <= first
      ? []
      : [{ id, start: start + first * step, x: thin(x.slice(first, end)), y: thin(y.slice(first, end)) }];
  });
  return { step: step * every, tracks: cut, gaps: gaps.filter(({ after, before }) => after >= from && before < below) };
}

/** Recordings, each cut at a frame: the last share of its frames is the later part. */
export function splitInTime(
  all: readonly Tracks[],
  share: number,
): { readonly earlier: readonly Tracks[]; readonly later: readonly Tracks[] } {
  const cuts = all.map(({ step, tracks }) => {
    const first = tracks.reduce((least, { start }) => Math.min(least, start), Infinity);
    const end = tracks.reduce((most, { start, x }) => Math.max(most, start + x.length * step), -Infinity);
    return end - share * (end - first);
  });
  return {
    earlier: all.map((one, k) => cutTracks(one, { below: cuts[k] as number })),
    later: share === 0 ? [] : all.map((one, k) => cutTracks(one, { from: cuts[k] as number })),
  };
}
