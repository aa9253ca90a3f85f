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
  /**
   * The column of the frame or time: a number, or a time as ISO 8601 writes it, which is read as seconds after the first of the
   * table (in UTC where it names no offset). Default: "frame", "frame_id", "time" or the like.
   */
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
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every((one) => typeof one === "string");
const isTable = (value: unknown): boolean =>
  isPlain(value) &&
  typeof value.name === "string" &&
  typeof value.lineOf === "function" &&
  isTexts(value.columns) &&
  Array.isArray(value.rows) &&
  value.rows.every(isTexts);
export const readTracksArguments: Arguments = {
  table: {
    expected: "the text of a table, or a table as parseCsv makes it",
    accepts: (value) => typeof value === "string" || isTable(value),
  },
  options: optionsOf<ReadTracksOptions>(readTracksRules),
};
export const someTracks: Rule = {
  expected: "tracks, as readTracks returns them",
  accepts: (value) => isPlain(value) && typeof value.step === "number" && Array.isArray(value.tracks),
};

const kinds = ["frame", "id", "x", "y"] as const;
type Kind = (typeof kinds)[number];
/** The names of columns that are known, without what is in brackets, underlines and capitals. */
const known: { readonly [K in Kind]: readonly string[] } = {
  frame: ["frame", "frameid", "framenumber", "frameno", "t", "time", "timestep", "step", "timestamp", "datetime"],
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
/** A date, or a date and a time, as ISO 8601 writes them. */
const time = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?::(\d{2}(?:[.,]\d{1,9})?))? ?(Z|UTC|[+-]\d{2}:?\d{2})?)?$/i;
/** The minute, in milliseconds since 1970, and the seconds in it; undefined for what is no time. */
function timeOf(text: string): { readonly minute: number; readonly seconds: number } | undefined {
  const [, day, clock = "00:00", seconds = "0", zone = "Z"] = time.exec(text) ?? [];
  const here = Date.parse(`${day}T${clock}Z`);
  // Of 30 February and 24:00 another day comes.
  if (Number.isNaN(here) || !new Date(here).toISOString().startsWith(`${day}T${clock}`)) return undefined;
  const own = Number(seconds.replace(",", "."));
  const [, sign, hours = "0", minutes = "0"] = /^([+-])(\d{2}):?(\d{2})$/.exec(zone) ?? [];
  const ahead = (sign === "-" ? -1 : 1) * (60 * Number(hours) + Number(minutes));
  return own < 60 ? { minute: here - 60_000 * ahead, seconds: own } : undefined;
}
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
  const at = columnsOf(table, options);
  const cellOf = (row: number, kind: Kind): string => rows[row]?.[at[kind]] ?? "";
  const placeOf = (row: number, kind: Kind): string =>
    `${name}: line ${lineOf(row)}, column ${table.columns[at[kind]]}`;
  const number = (row: number, kind: Kind): number => {
    const text = cellOf(row, kind);
    const value = Number(text);
    const isNumber = decimal.test(text);
    if (isNumber && Math.abs(value) <= largest) return value;
    const where = placeOf(row, kind);
    if (isNumber) throw new InputError(`${where}: ${text} is too large, expected at most ${largest}. Correct it.`);
    const advice = /^[+-]?\d+,\d+$/.test(text)
      ? 'Write decimal points, "1.5".'
      : text === ""
        ? `Leave the row out where the ${kind === "frame" ? "frame" : "place"} is not known.`
        : kind === "frame"
          ? "Give numbers, or times as 2024-01-31 12:00:00, or name the column."
          : "Correct it, or name the column.";
    throw new InputError(`${where}: "${text}" is no number. ${advice}`);
  };
  const frames = timeOf(cellOf(0, "frame")) === undefined ? rows.map((_, row) => number(row, "frame")) : secondsOf();
  /** Small numbers, so that hundredths of a second are not lost in years. */
  function secondsOf(): readonly number[] {
    const times = rows.map((_, row) => {
      const found = timeOf(cellOf(row, "frame"));
      if (found !== undefined) return found;
      throw new InputError(
        `${placeOf(row, "frame")}: "${cellOf(row, "frame")}" is no time as ${cellOf(0, "frame")} in line ${lineOf(0)} is. Correct it.`,
      );
    });
    const minute = times.reduce((least, one) => Math.min(least, one.minute), Infinity);
    const seconds = times.map((one) => (one.minute - minute) / 1000 + one.seconds);
    const first = seconds.reduce((least, one) => Math.min(least, one), Infinity);
    return seconds.map((one) => Number((one - first).toFixed(9)));
  }
  const all = rows.map((_, row): Row => {
    const given = cellOf(row, "id");
    if (given === "") {
      throw new InputError(`${placeOf(row, "id")}: the id is empty. Fill it in, or leave the row out.`);
    }
    // "1" and "1.0" are the same.
    const id = Number.isFinite(Number(given)) ? String(Number(given)) : given;
    return { id, frame: frames[row] as number, x: number(row, "x"), y: number(row, "y"), row };
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
        `${name}: track ${id} is twice in frame ${cellOf(place.row, "frame")}, in lines ${lineOf(before.row)} and ${lineOf(place.row)}. ` +
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
      const off = next === undefined ? Infinity : Math.abs(next.frame - last.frame - step);
      if (next !== undefined && off < 1e-6 * step + roundingOf(next)) continue;
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

/** How exactly a difference of frames is known: seconds since 1970 have no more than 6 decimals. */
const roundingOf = ({ frame }: Row): number => 4 * Number.EPSILON * Math.abs(frame);

/** The most frequent difference between successive frames of a track; the smallest of those. */
function usualStep(all: readonly (readonly Row[])[]): number | undefined {
  const counts = new Map<number, number>();
  for (const places of all) {
    for (let k = 1; k < places.length; k++) {
      const [before, place] = [places[k - 1], places[k]] as [Row, Row];
      const decimals = Math.min(20, Math.max(0, Math.floor(-Math.log10(roundingOf(place)))));
      const step = Number(Number((place.frame - before.frame).toFixed(decimals)).toPrecision(9));
      counts.set(step, (counts.get(step) ?? 0) + 1);
    }
  }
  return [...counts].sort(([a, m], [b, n]) => n - m || a - b)[0]?.[0];
}

/** The column of each kind. @throws InputError for one that is not there, and for one that is taken for two kinds */
function columnsOf(table: Table, options: ReadTracksOptions): Readonly<Record<Kind, number>> {
  const at = Object.fromEntries(kinds.map((kind) => [kind, columnOf(table, kind, options[kind])])) as Record<
    Kind,
    number
  >;
  for (const kind of kinds) {
    const other = kinds.find((one) => one !== kind && at[one] === at[kind]);
    if (other === undefined) continue;
    // The one that is not named was guessed.
    const odd = options[other] === undefined ? other : kind;
    throw new InputError(
      `${table.name}: column "${table.columns[at[kind]]}" is taken for ${kind} and for ${other}. Name another one by the option ${odd}; the columns are ${table.columns.join(", ")}.`,
    );
  }
  return at;
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
      `${name}: has ${columns.length} column${columns.length === 1 ? "" : "s"}, expected four: frame, id, x, y. Give a table with these.`,
    );
  }
  const names = columns.map(plain);
  for (const one of known[kind]) if (names.includes(one)) return names.indexOf(one);
  throw new InputError(`${name}: no column looks like ${kind}: ${there}. Name it by the option ${kind}.`);
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
