/**
 * Dates as tables have them, Unix times too: recognise how a column writes them, find the step from one to the next, count
 * on, and write them in the same way. Instants are milliseconds since 1970 of the wall clock that the column shows, as if it were in UTC;
 * an offset ("+02:00") is a part of how the column writes, so it comes back with every date. Knows no time zones and no
 * holidays.
 */
import { InputError } from "../graph/input-error.ts";
import { formatValue } from "../graph/schema.ts";
import type { FlatArray } from "./arrays.ts";

const secondMs = 1000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
const weekMs = 7 * dayMs;

/**
 * The step from one date of a series to the next. Of months: `count` of them, on `day` of the month, or on its last day
 * where the month is shorter (31: always the last). Of weekdays: Monday to Friday. Or a fixed number of milliseconds.
 */
export type Frequency =
  | { readonly unit: "month"; readonly count: number; readonly day: number }
  | { readonly unit: "weekday" }
  | { readonly unit: "millisecond"; readonly count: number };

/** A column of dates, read: the instants in the order of the rows, the format that all of them have, and another that fits all too. */
export type DateColumn = {
  readonly instants: readonly number[];
  readonly format: string;
  readonly other?: string;
  /** Whether offsets differed, and the instants are those of UTC. */
  readonly utc?: true;
};
/** Why a column was not read: the first row at fault, if it is one row's, and what to do, in one line. */
export type DateProblem = { readonly row: number; readonly problem: string };

const monthNames = [
  ...["January", "February", "March", "April", "May", "June"],
  ...["July", "August", "September", "October", "November", "December"],
];

/** The parts of a format, in Day.js's letters, with the pattern that reads each. */
const tokens: Readonly<Record<string, string>> = {
  YYYY: "(?<year>\\d{4})",
  GGGG: "(?<weekYear>\\d{4})",
  WW: "(?<week>\\d{2})",
  MMMM: "(?<name>[A-Za-z]{3,9})",
  MMM: "(?<name>[A-Za-z]{3,9})",
  MM: "(?<month>\\d{1,2})",
  M: "(?<month>\\d{1,2})",
  DD: "(?<day>\\d{1,2})",
  D: "(?<day>\\d{1,2})",
  HH: "(?<hour>\\d{1,2})",
  H: "(?<hour>\\d{1,2})",
  hh: "(?<hour>\\d{1,2})",
  h: "(?<hour>\\d{1,2})",
  mm: "(?<minute>\\d{2})",
  ss: "(?<second>\\d{2})",
  SSS: "(?<fraction>\\d{1,9})",
  A: "(?<half>[AaPp][Mm])",
  Q: "(?<quarter>[1-4])",
  X: "(?<seconds>\\d{9,10}(?:\\.\\d+)?)",
  x: "(?<milliseconds>\\d{12,13})",
};
const tokenPattern = /\[([^\]]*)\]|YYYY|GGGG|WW|MMMM|MMM|MM|M|DD|D|HH|H|hh|h|mm|ss|SSS|A|Q|X|x/g;

/** A format, taken apart: texts as they are, and tokens. */
function partsOf(format: string): { readonly token: string | undefined; readonly text: string }[] {
  const parts: { token: string | undefined; text: string }[] = [];
  let end = 0;
  for (const match of format.matchAll(tokenPattern)) {
    if (match.index > end) parts.push({ token: undefined, text: format.slice(end, match.index) });
    const [token, literal] = match;
    parts.push(literal === undefined ? { token, text: token } : { token: undefined, text: literal });
    end = match.index + token.length;
  }
  if (end < format.length) parts.push({ token: undefined, text: format.slice(end) });
  return parts;
}

function patternOf(format: string): RegExp {
  const parts = partsOf(format);
  // What stands side by side, as in YYYYMMDD, has its full width.
  const source = parts.map(({ token, text }, k) => {
    if (token === undefined) return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    const next = parts[k + 1]?.token ?? parts[k - 1]?.token;
    const pattern = tokens[token] as string;
    return next !== undefined && /^\d|^Y|^M|^D/.test(next) ? pattern.replace("{1,2}", "{2}") : pattern;
  });
  return new RegExp(`^${source.join("")}$`);
}

/**
 * Check a format of dates, such as "DD/MM/YYYY HH:mm" (Day.js's letters; other letters in brackets: "YYYY-MM-DD[T]HH:mm"; X and x are
 * Unix times in seconds and in milliseconds; "GGGG-[W]WW" are weeks of ISO 8601, of which the instant is the Monday).
 * @throws InputError if it has no year or a part twice
 */
export function checkDateFormat(where: string, format: string): void {
  const names = partsOf(format).flatMap(({ token }) => (token === undefined ? [] : [token]));
  const groups = names.map((token) => /<(\w+)>/.exec(tokens[token] as string)?.[1] as string);
  const twice = groups.find((group, k) => groups.indexOf(group) !== k);
  const problem = twice !== undefined ? `it has the ${twice} twice` : "it has no YYYY";
  if (names.includes("GGGG") !== names.includes("WW")) {
    throw new InputError(
      `${where}: ${formatValue(format)} is no format of dates: GGGG and WW belong together, as in "GGGG-[W]WW".`,
    );
  }
  if (!["YYYY", "GGGG", "X", "x"].some((name) => names.includes(name)) || twice !== undefined) {
    throw new InputError(
      `${where}: ${formatValue(format)} is no format of dates: ${problem}. An example is "DD/MM/YYYY HH:mm".`,
    );
  }
}

/** A date of the wall clock; years below 100 are what they say. */
function instantOf(year: number, month: number, day: number, timeMs = 0): number {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.getTime() + timeMs;
}
const daysIn = (year: number, month: number): number => new Date(instantOf(year, month + 1, 1) - dayMs).getUTCDate();

function monthNamed(name: string): number {
  const lower = name.toLowerCase().slice(0, 9);
  return monthNames.findIndex((month) => {
    const full = month.toLowerCase();
    return lower === full || (lower.length <= 4 && lower.length >= 3 && full.startsWith(lower));
  });
}

type Found = Readonly<Record<string, string | undefined>>;

/** The Monday of a week of ISO 8601, or why there is none. */
function mondayOf(year: number, week: number): number | string {
  // January 4 is always in week 1.
  const fourth = instantOf(year, 1, 4);
  const monday = fourth - dayOfWeek(fourth) * dayMs + (week - 1) * weekMs;
  return week >= 1 && isoWeekOf(monday).year === year
    ? monday
    : `has the week ${week}, and ${year} has ${isoWeekOf(instantOf(year, 12, 28)).week}`;
}

/** One date by what a pattern found: its instant, or why it is none. */
function instantIn(found: Found | undefined): number | string {
  if (found === undefined) return "is written in another way";
  if (found.seconds !== undefined) return Math.round(1000 * Number(found.seconds));
  if (found.milliseconds !== undefined) return Number(found.milliseconds);
  if (found.weekYear !== undefined) return mondayOf(Number(found.weekYear), Number(found.week));
  const year = Number(found.year);
  const named = found.name === undefined ? undefined : monthNamed(found.name);
  if (named === -1) return `has the month ${found.name}, which is no English name of one`;
  const quarter = found.quarter === undefined ? undefined : (Number(found.quarter) - 1) * 3 + 1;
  const month = named !== undefined ? named + 1 : (quarter ?? Number(found.month ?? 1));
  if (month < 1 || month > 12) return `has the month ${month}`;
  const day = Number(found.day ?? 1);
  if (day < 1 || day > daysIn(year, month)) {
    return `has the day ${day}, and ${monthNames[month - 1]} ${year} has ${daysIn(year, month)}`;
  }
  const [minute, second] = [Number(found.minute ?? 0), Number(found.second ?? 0)];
  let hour = Number(found.hour ?? 0);
  if (found.half !== undefined) {
    if (hour < 1 || hour > 12) return `has the hour ${hour} with ${found.half}`;
    hour = (hour % 12) + (/p/i.test(found.half) ? 12 : 0);
  }
  if (hour > 23 || minute > 59 || second > 59) return "has a time past 23:59:59";
  const fraction = Math.floor(Number(`0.${found.fraction ?? 0}`) * 1000);
  return instantOf(year, month, day, hour * hourMs + minute * minuteMs + second * secondMs + fraction);
}

/** Ways of writing a day, a month, a quarter or a year, and their formats; `$1` and so on are what stood between. */
const dayWays: readonly (readonly [RegExp, ...string[]])[] = [
  [/^\d{4}([-/.])\d{1,2}\1\d{1,2}/, "YYYY$1MM$1DD"],
  [/^\d{1,2}([-/.])\d{1,2}\1\d{4}/, "DD$1MM$1YYYY", "MM$1DD$1YYYY"],
  [/^\d{4}([-/.])\d{1,2}(?!\d)/, "YYYY$1MM"],
  [/^\d{1,2}([-/.])\d{4}(?!\d)/, "MM$1YYYY"],
  [/^\d{4}M\d{1,2}(?!\w)/, "YYYY[M]MM"],
  [/^\d{4}(-?)W\d{2}(?!\w)(?!-\d)/, "GGGG$1[W]WW"],
  [/^\d{4}([- ]?)Q[1-4](?!\w)/, "YYYY$1[Q]Q"],
  [/^Q[1-4]([- ]?)\d{4}(?!\w)/, "[Q]Q$1YYYY"],
  [/^\d{8}(?!\d)/, "YYYYMMDD"],
  [/^(?:1[89]|2[01])\d{2}(?:0[1-9]|1[0-2])$/, "YYYYMM"],
  [/^\d{9,10}(\.\d+)?$/, "X"],
  [/^\d{12,13}$/, "x"],
  [/^\d{4}(?!\w)/, "YYYY"],
  [/^\d{1,2}([-. ]|\. )[A-Za-z]{3,9}([-. ]|[.,] )\d{4}/, "DD$1MMM$2YYYY"],
  [/^[A-Za-z]{3,9}([-. ]|\. )\d{1,2}(,? |-)\d{4}/, "MMM$1DD$2YYYY"],
  [/^[A-Za-z]{3,9}([-. ]|[.,] )\d{4}/, "MMM$1YYYY"],
  [/^\d{4}([-. ]|\. )[A-Za-z]{3,9}/, "YYYY$1MMM"],
];
const timeWay = /^(T| +|, )\d{1,2}:\d{2}(:\d{2})?([.,]\d{1,9})?( ?)([AaPp][Mm])?( ?(?:Z|UTC|[+-]\d{2}:?\d{2}))?$/;

/** The formats that one text may have; none where it is no date. */
function formatsOf(text: string): string[] {
  for (const [way, ...formats] of dayWays) {
    const day = way.exec(text);
    if (day === null) continue;
    const time = timeFormat(text.slice(day[0].length));
    if (time === undefined) continue;
    return formats.map((format) => format.replace(/\$(\d)/g, (_, k: string) => day[Number(k)] as string) + time);
  }
  return [];
}

function timeFormat(text: string): string | undefined {
  if (text === "") return "";
  const time = timeWay.exec(text);
  if (time === null) return undefined;
  const [, before = "", seconds, fraction, blank = "", half, zone = ""] = time;
  const parts = [
    before === "T" ? "[T]" : before,
    half === undefined ? "HH:mm" : "hh:mm",
    seconds === undefined ? "" : ":ss",
    fraction === undefined ? "" : `${fraction[0]}SSS`,
    half === undefined ? "" : `${blank}A`,
    zone === "" ? "" : `[${zone}]`,
  ];
  return parts.join("");
}

/** Whether a text alone is a date, in a way of writing that is recognised. */
export const isDateText = (text: string): boolean =>
  formatsOf(text.trim()).some((format) => typeof instantIn(patternOf(format).exec(text.trim())?.groups) === "number");

/**
 * Read a column of dates. Without a format it is found from all rows: a column in which one day is past the 12th tells
 * day from month; one that fits both orders is read in the order whose steps are regular, and refused where both are. Where offsets differ
 * among rows, as where clocks change, they are read as times in UTC; days and longer as their clocks show them.
 * @param texts the column
 * @param format Day.js's letters, as `checkDateFormat` takes them
 */
export function readDates(texts: readonly string[], format?: string): DateColumn | DateProblem {
  const first = texts[0]?.trim();
  if (first === undefined) return { row: 0, problem: "there is no date" };
  const formats = format === undefined ? formatsOf(first) : [format];
  if (formats.length === 0) return { row: 0, problem: `${formatValue(first)} is no date. ${advice(first)}` };
  const zoned = format === undefined ? ofSeveralOffsets(texts) : undefined;
  if (zoned !== undefined) return zoned;
  const tried = formats.map((one) => readAll(texts, one));
  const read = tried.filter((one) => "instants" in one);
  if (read.length === 0) return furthest(tried as DateProblem[]);
  if (read.length === 1) return read[0] as DateColumn;
  // Day and month, or month and day: the reading with regular steps.
  const [dmy, mdy] = read as [DateColumn, DateColumn];
  if (dmy.instants.every((instant, k) => instant === mdy.instants[k])) return dmy;
  const [a, b] = [regularity(dmy), regularity(mdy)];
  if (Math.abs(a - b) > 0.02) return a > b ? { ...dmy, other: mdy.format } : { ...mdy, other: dmy.format };
  return {
    row: 0,
    problem: `${formatValue(first)} is day/month or month/day: all dates fit both. Say which with dateFormat ${formats.map((one) => `"${one}"`).join(" or ")}.`,
  };
}

const offsetEnd = / ?(?:Z|UTC|([+-])(\d{2}):?(\d{2}))$/;
/**
 * Times whose offsets differ are instants all the same: in UTC. Where that makes uneven steps and what the clocks show is even (one row
 * a day, at midnight), the clocks' times without their offsets.
 * @returns undefined where not all have an offset, or all the same, or where they cannot be read
 */
function ofSeveralOffsets(texts: readonly string[]): DateColumn | undefined {
  const ends = texts.map((text) => offsetEnd.exec(text.trim()));
  if (!ends.every((end) => end !== null) || new Set(ends.map(([end]) => end)).size < 2) return undefined;
  const clocks = readDates(texts.map((text) => text.trim().replace(offsetEnd, "")));
  if ("problem" in clocks) return undefined;
  const instants = clocks.instants.map((instant, k) => {
    const [, sign, hours, minutes] = ends[k] as RegExpExecArray;
    const ms = sign === undefined ? 0 : Number(hours) * hourMs + Number(minutes) * minuteMs;
    return sign === "-" ? instant + ms : instant - ms;
  });
  const utc: DateColumn = { instants, format: `${clocks.format}[Z]`, utc: true };
  return regularity(utc) < 1 && regularity(clocks) === 1 ? clocks : utc;
}

const shortYear = /^(\d{1,2}[-/. ])?([A-Za-z]{3,9}|\d{1,2}[-/.]\d{1,2})[-/. ']+\d{2}$/;
const advice = (text: string): string =>
  shortYear.test(text)
    ? "Write years with four digits."
    : 'Write dates as 2024-01-31, give dateFormat (as "DD/MM/YYYY HH:mm"), or date false where steps need no dates.';

/** The problem of the format that fits the most rows. */
const furthest = (problems: readonly DateProblem[]): DateProblem =>
  problems.reduce((best, one) => (one.row > best.row ? one : best));

const regularity = ({ instants }: DateColumn): number => inferFrequency(instants)?.share ?? 0;

function readAll(texts: readonly string[], format: string): DateColumn | DateProblem {
  const pattern = patternOf(format);
  const instants: number[] = [];
  const widths = new Map<string, Set<number>>();
  let [inFull, longest] = [true, 0];
  for (let row = 0; row < texts.length; row++) {
    const text = texts[row] as string;
    const found: Found | undefined = pattern.exec(text.trim())?.groups;
    const instant = instantIn(found);
    if (typeof instant === "string") {
      return { row, problem: problemOf(text.trim(), instant, format, texts[0] as string) };
    }
    instants.push(instant);
    const { month, day, hour, name } = found ?? {};
    if (name !== undefined) {
      inFull &&= monthNames.some((full) => full.toLowerCase() === name.toLowerCase());
      longest = Math.max(longest, name.length);
    }
    for (const [name, digits] of Object.entries({ month, day, hour })) {
      if (digits !== undefined && Number(digits) < 10) {
        widths.set(name, (widths.get(name) ?? new Set()).add(digits.length));
      }
    }
  }
  // "1/1/1992" has no zero in front; where all have two digits anyway, zeros are usual.
  const short = (name: string): boolean => {
    const seen = widths.get(name);
    // A part that was never below 10 is as the others are; hours have zeros beside any date.
    if (seen === undefined)
      return (name !== "hour" || /A/.test(format)) && widths.size > 0 && [...widths.keys()].every(short);
    return !seen.has(2);
  };
  const parts = partsOf(format).map(({ token, text }) => {
    if (token === undefined) return /[A-Za-z]/.test(text) ? `[${text}]` : text;
    if (/^MMM/.test(token)) return inFull && longest > 3 ? "MMMM" : "MMM";
    const name = /<(month|day|hour)>/.exec(tokens[token] as string)?.[1];
    return name !== undefined && short(name) ? (token[0] as string) : token;
  });
  return { instants, format: parts.join("") };
}

function problemOf(text: string, problem: string, format: string, first: string): string {
  if (text === "") return "there is no date. Fill it in, or leave the row out.";
  const offsets = [first, text].map((one) => /(?:Z|UTC|[+-]\d{2}:?\d{2})$/.exec(one.trim())?.[0]);
  if (/\[.*\]$/.test(format) && offsets.every((one) => one !== undefined) && offsets[0] !== offsets[1]) {
    return `${formatValue(text)} has the offset ${offsets[1]}, the first date ${offsets[0]}. Give all times in UTC.`;
  }
  return `${formatValue(text)} ${problem}; the first date, ${formatValue(first.trim())}, reads as ${format}. Write all dates alike, or give dateFormat.`;
}

const two = (value: number): string => String(value).padStart(2, "0");

/** An instant as a column of this format writes it. */
export function formatDate(instant: number, format: string): string {
  const date = new Date(instant);
  const [month, day, hour] = [date.getUTCMonth() + 1, date.getUTCDate(), date.getUTCHours()];
  const half = hour % 12 === 0 ? 12 : hour % 12;
  const values: Readonly<Record<string, string>> = {
    YYYY: String(date.getUTCFullYear()).padStart(4, "0"),
    GGGG: String(isoWeekOf(instant).year).padStart(4, "0"),
    WW: two(isoWeekOf(instant).week),
    MMMM: monthNames[month - 1] as string,
    MMM: (monthNames[month - 1] as string).slice(0, 3),
    MM: two(month),
    M: String(month),
    DD: two(day),
    D: String(day),
    HH: two(hour),
    H: String(hour),
    hh: two(half),
    h: String(half),
    mm: two(date.getUTCMinutes()),
    ss: two(date.getUTCSeconds()),
    SSS: String(date.getUTCMilliseconds()).padStart(3, "0"),
    A: hour < 12 ? "AM" : "PM",
    Q: String(Math.floor((month - 1) / 3) + 1),
    X: String(instant / 1000),
    x: String(instant),
  };
  return partsOf(format)
    .map(({ token, text }) => (token === undefined ? text : (values[token] as string)))
    .join("");
}

/** Months since the year 0. */
const monthOf = (instant: number): number => {
  const date = new Date(instant);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
};
const timeOfDay = (instant: number): number => ((instant % dayMs) + dayMs) % dayMs;
const dayOf = (instant: number): number => Math.floor(instant / dayMs);
/** 0 is Monday. */
const dayOfWeek = (instant: number): number => (((dayOf(instant) + 3) % 7) + 7) % 7;
/** Monday to Friday, counted; undefined for a day of the weekend. */
const weekdayOf = (instant: number): number | undefined => {
  const inWeek = dayOfWeek(instant);
  return inWeek > 4 ? undefined : Math.floor((dayOf(instant) + 3) / 7) * 5 + inWeek;
};
const onDay = (month: number, day: number): number => {
  const [year, inYear] = [Math.floor(month / 12), (((month % 12) + 12) % 12) + 1];
  return instantOf(year, inYear, Math.min(day, daysIn(year, inYear)));
};

/**
 * The instant n steps later, or earlier where n is negative. The time of the day stays; of a weekday frequency, a day of
 * the weekend counts as the Friday before it.
 */
export function step(instant: number, frequency: Frequency, n: number): number {
  if (frequency.unit === "millisecond") return instant + n * frequency.count;
  const time = timeOfDay(instant);
  if (frequency.unit === "month") return onDay(monthOf(instant) + n * frequency.count, frequency.day) + time;
  const days = Math.floor((dayOf(instant) + 3) / 7) * 5 + Math.min(dayOfWeek(instant), 4) + n;
  return (Math.floor(days / 5) * 7 - 3 + (((days % 5) + 5) % 5)) * dayMs + time;
}

/** How many steps lead from one instant to another; undefined where no whole number of them does. */
export function stepsBetween(from: number, to: number, frequency: Frequency): number | undefined {
  const guess =
    frequency.unit === "millisecond"
      ? (to - from) / frequency.count
      : frequency.unit === "month"
        ? (monthOf(to) - monthOf(from)) / frequency.count
        : (weekdayOf(to) ?? Number.NaN) - (weekdayOf(from) ?? Number.NaN);
  return Number.isInteger(guess) && step(from, frequency, guess) === to ? guess : undefined;
}

/** What was found of the steps between dates. */
export type InferredFrequency = {
  readonly frequency: Frequency;
  /** The share of the steps that are one of the frequency, in [0, 1]; the others skip dates or are `irregular`. */
  readonly share: number;
  /** The first place in time order (from 1) whose date is no whole number of steps after the first; undefined: none. */
  readonly irregular?: number;
};

/**
 * The frequency of dates, in any order, duplicates left out. Months where all dates lie on one day of the month (or on
 * the last); weekdays where a week or more has dates on them alone; otherwise a fixed time: the most frequent step.
 * @returns undefined for fewer than two dates
 */
export function inferFrequency(instants: readonly number[]): InferredFrequency | undefined {
  const sorted = Float64Array.from(new Set(instants)).sort();
  if (sorted.length < 2) return undefined;
  const differences = (of: (instant: number) => number): number[] =>
    Array.from(sorted.subarray(1), (instant, k) => of(instant) - of(sorted[k] as number));
  const result = (frequency: Frequency, steps: readonly number[], unit: number): InferredFrequency => {
    const share = steps.filter((one) => one === unit).length / steps.length;
    const irregular = sorted.findIndex(
      (instant) => stepsBetween(sorted[0] as number, instant, frequency) === undefined,
    );
    return irregular < 0 ? { frequency, share } : { frequency, share, irregular };
  };

  const sameTime = sorted.every((instant) => timeOfDay(instant) === timeOfDay(sorted[0] as number));
  const day = sameTime ? dayOfMonths(sorted) : undefined;
  if (day !== undefined) {
    const steps = differences(monthOf);
    const count = unitOf(steps);
    if (count > 0) return result({ unit: "month", count, day }, steps, count);
  }
  const span = (sorted.at(-1) as number) - (sorted[0] as number);
  if (sameTime && span >= weekMs && sorted.every((instant) => dayOfWeek(instant) < 5)) {
    const steps = differences((instant) => weekdayOf(instant) as number);
    const common = mostFrequent(differences((instant) => instant));
    if (common === dayMs) return result({ unit: "weekday" }, steps, 1);
  }
  const steps = differences((instant) => instant);
  const count = unitOf(steps);
  return result({ unit: "millisecond", count }, steps, count);
}

/** The day of the month that all dates have, or the last day of each where the month is shorter. */
function dayOfMonths(instants: Float64Array): number | undefined {
  const dates = Array.from(instants, (instant) => {
    const date = new Date(instant);
    return { day: date.getUTCDate(), last: daysIn(date.getUTCFullYear(), date.getUTCMonth() + 1) };
  });
  if (dates.every(({ day, last }) => day === last)) return 31;
  const day = Math.max(...dates.slice(0, 1000).map((date) => date.day));
  return dates.every((date) => date.day === Math.min(day, date.last)) ? day : undefined;
}

function mostFrequent(values: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].reduce((best, one) => (one[1] > best[1] ? one : best))[0];
}

/** The most frequent step; or the shortest, where half of them are this and all are multiples of it. */
function unitOf(steps: readonly number[]): number {
  const common = mostFrequent(steps);
  if (steps.every((one) => one % common === 0)) return common;
  const shortest = steps.reduce((least, one) => Math.min(least, one));
  const often = steps.filter((one) => one === shortest).length * 2 >= steps.length;
  return often && steps.every((one) => one % shortest === 0) ? shortest : common;
}

const fixedUnits: readonly (readonly [string, number])[] = [
  ["week", weekMs],
  ["day", dayMs],
  ["hour", hourMs],
  ["minute", minuteMs],
  ["second", secondMs],
  ["millisecond", 1],
];
const monthUnits: readonly (readonly [string, number])[] = [
  ["year", 12],
  ["quarter", 3],
  ["month", 1],
];

/** A frequency in words: "month", "15 minutes", "weekday". */
export function describeFrequency(frequency: Frequency): string {
  if (frequency.unit === "weekday") return "weekday";
  const units = frequency.unit === "month" ? monthUnits : fixedUnits;
  const [name, size] = units.find(([, one]) => frequency.count % one === 0) as readonly [string, number];
  const count = frequency.count / size;
  return count === 1 ? name : `${count} ${name}s`;
}

/** Steps in words: "12 months", "1 day", "96 steps of 15 minutes"; "12 steps" without a frequency. */
export function describeSteps(count: number, frequency: Frequency | undefined): string {
  const each = frequency === undefined ? "" : describeFrequency(frequency);
  const own = each !== "" && !/^\d/.test(each);
  const unit = `${own ? each : "step"}${count === 1 ? "" : "s"}`;
  return `${count.toLocaleString("en-US")} ${unit}${own || each === "" ? "" : ` of ${each}`}`;
}

/**
 * The frequency that words say: "month", "15 minutes", "weekday".
 * @param day of the month, for a frequency of months
 * @throws InputError for other words
 */
export function parseFrequency(text: string, day = 1): Frequency {
  const [, count = "1", unit = ""] = /^\s*(\d+)?\s*([a-z]+?)s?\s*$/i.exec(text) ?? [];
  const find = (units: readonly (readonly [string, number])[]) => units.find(([name]) => name === unit.toLowerCase());
  const [months, fixed] = [find(monthUnits), find(fixedUnits)];
  if (Number(count) > 0 && months !== undefined) return { unit: "month", count: Number(count) * months[1], day };
  if (Number(count) > 0 && fixed !== undefined) return { unit: "millisecond", count: Number(count) * fixed[1] };
  if (unit.toLowerCase() === "weekday" && count === "1") return { unit: "weekday" };
  throw new InputError(`frequency ${formatValue(text)} is not known. Examples: "month", "15 minutes", "weekday".`);
}

/**
 * The lengths of the seasons that usually go with a frequency, in steps, the shortest first: hours have days of 24 and
 * weeks of 168. None for years.
 */
export function seasonLengths(frequency: Frequency): number[] {
  if (frequency.unit === "weekday") return [5];
  const { unit, count } = frequency;
  if (unit === "month") return count < 12 && 12 % count === 0 ? [12 / count] : [];
  if (count === weekMs) return [52];
  if (count >= dayMs) return count === dayMs ? [7] : [];
  if (count < minuteMs) return minuteMs % count === 0 ? [minuteMs / count] : [];
  return [dayMs, weekMs].filter((season) => season % count === 0).map((season) => season / count);
}

/** The first of `seasonLengths`, or 1: months 12, quarters 4, days 7, weekdays 5, hours 24, weeks 52. */
export const seasonLength = (frequency: Frequency): number => seasonLengths(frequency)[0] ?? 1;

/** A part of the calendar: its value from 0, and how many there are. */
const calendarParts = {
  monthOfYear: { of: (date: Date) => date.getUTCMonth(), count: 12 },
  weekOfYear: { of: (date: Date) => isoWeekOf(date.getTime()).week - 1, count: 53 },
  dayOfYear: { of: (date: Date) => dayOf(date.getTime()) - dayOf(instantOf(date.getUTCFullYear(), 1, 1)), count: 366 },
  dayOfMonth: { of: (date: Date) => date.getUTCDate() - 1, count: 31 },
  dayOfWeek: { of: (date: Date) => dayOfWeek(date.getTime()), count: 7 },
  hourOfDay: { of: (date: Date) => date.getUTCHours(), count: 24 },
  minuteOfHour: { of: (date: Date) => date.getUTCMinutes(), count: 60 },
  secondOfMinute: { of: (date: Date) => date.getUTCSeconds(), count: 60 },
};
/** A part of the calendar that `calendarFeatures` knows. */
export type CalendarPart = keyof typeof calendarParts;
/** The names of the parts of the calendar. */
export const calendarPartNames = Object.keys(calendarParts) as readonly CalendarPart[];

/** The week of ISO 8601, and its year: week 1 has the year's first Thursday. */
function isoWeekOf(instant: number): { readonly year: number; readonly week: number } {
  const thursday = instant + (3 - dayOfWeek(instant)) * dayMs;
  const year = new Date(thursday).getUTCFullYear();
  return { year, week: Math.floor((dayOf(thursday) - dayOf(instantOf(year, 1, 1))) / 7) + 1 };
}

/** The parts of the calendar that tell steps of a frequency apart, as GluonTS and Informer choose them. */
export function calendarPartsFor(frequency: Frequency): CalendarPart[] {
  if (frequency.unit === "month") return frequency.count % 12 === 0 ? [] : ["monthOfYear"];
  const days: CalendarPart[] = ["dayOfWeek", "dayOfMonth", "dayOfYear"];
  if (frequency.unit === "weekday") return days;
  const { count } = frequency;
  if (count % weekMs === 0) return ["dayOfMonth", "weekOfYear"];
  if (count % dayMs === 0) return days;
  if (count % hourMs === 0) return ["hourOfDay", ...days];
  return [...(count < minuteMs ? (["secondOfMinute"] as const) : []), "minuteOfHour", "hourOfDay", ...days];
}

/**
 * Features of the calendar, which are known for the future as well: each part as one number in [-0.5, 0.5] ("linear",
 * GluonTS), or as the sine and cosine of its place in its cycle ("cyclic"), where December lies beside January.
 * @param instants n of them
 * @param parts names of parts, as `calendarPartsFor` gives them
 * @returns the features (n,F), and their names
 */
export function calendarFeatures(
  instants: ArrayLike<number>,
  parts: readonly CalendarPart[],
  kind: "linear" | "cyclic" = "linear",
): FlatArray<Float64Array<ArrayBuffer>> & { readonly names: readonly string[] } {
  const names = kind === "linear" ? parts : parts.flatMap((part) => [`${part} sin`, `${part} cos`]);
  const data = new Float64Array(instants.length * names.length);
  let at = 0;
  for (let k = 0; k < instants.length; k++) {
    const date = new Date(instants[k] as number);
    for (const part of parts) {
      const { of, count } = calendarParts[part];
      if (kind === "linear") data[at++] = of(date) / (count - 1) - 0.5;
      else {
        const angle = (2 * Math.PI * of(date)) / count;
        data[at++] = Math.sin(angle);
        data[at++] = Math.cos(angle);
      }
    }
  }
  return { data, shape: [instants.length, names.length], names };
}
