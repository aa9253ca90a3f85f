import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  calendarFeatures,
  calendarPartsFor,
  checkDateFormat,
  describeFrequency,
  describeSteps,
  type Frequency,
  formatDate,
  inferFrequency,
  isDateText,
  parseFrequency,
  readDates,
  seasonLength,
  seasonLengths,
  step,
  stepsBetween,
} from "../../src/data/calendar.ts";

const utc = (text: string): number => Date.parse(`${text}Z`);
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const read = (...texts: string[]): string => {
  const column = readDates(texts);
  if ("problem" in column) return `row ${column.row}: ${column.problem}`;
  expect(column.instants.map((instant) => formatDate(instant, column.format))).toEqual(texts);
  return `${column.format} ${new Date(column.instants[0] as number).toISOString().slice(0, 19)}`;
};

test("steps in words: of a unit, of several of it, of no frequency", () => {
  expect(describeSteps(12, parseFrequency("month"))).toBe("12 months");
  expect(describeSteps(1, parseFrequency("weekday"))).toBe("1 weekday");
  expect(describeSteps(1344, parseFrequency("15 minutes"))).toBe("1,344 steps of 15 minutes");
  expect(describeSteps(1, undefined)).toBe("1 step");
});

describe("readDates", () => {
  test.each([
    [["2024-01-31", "2024-02-29"], "YYYY-MM-DD 2024-01-31T00:00:00"],
    [["2016-07-01 00:00:00", "2016-07-01 01:00:00"], "YYYY-MM-DD HH:mm:ss 2016-07-01T00:00:00"],
    [["2016-07-01T00:15", "2016-07-01T00:30"], "YYYY-MM-DD[T]HH:mm 2016-07-01T00:15:00"],
    [["2016-07-01T00:15:00.250Z"], "YYYY-MM-DD[T]HH:mm:ss.SSS[Z] 2016-07-01T00:15:00"],
    [["2016-07-01 00:15+02:00"], "YYYY-MM-DD HH:mm+02:00 2016-07-01T00:15:00"],
    [["1949-01", "1949-02"], "YYYY-MM 1949-01-01T00:00:00"],
    [["1999", "2000"], "YYYY 1999-01-01T00:00:00"],
    [["2020Q4", "2021Q1"], "YYYY[Q]Q 2020-10-01T00:00:00"],
    [["2020-Q4", "2021-Q1"], "YYYY-[Q]Q 2020-10-01T00:00:00"],
    [["Q2 2020"], "[Q]Q YYYY 2020-04-01T00:00:00"],
    [["31/01/2020", "01/02/2020"], "DD/MM/YYYY 2020-01-31T00:00:00"],
    [["31.1.2020", "1.2.2020"], "D.M.YYYY 2020-01-31T00:00:00"],
    [["1/31/2020", "2/1/2020"], "M/D/YYYY 2020-01-31T00:00:00"],
    [["01-31-2020"], "MM-DD-YYYY 2020-01-31T00:00:00"],
    [["31.12.2020 23:45"], "DD.MM.YYYY HH:mm 2020-12-31T23:45:00"],
    [["1/31/2020 1:05 PM", "1/31/2020 12:05 AM"], "M/D/YYYY h:mm A 2020-01-31T13:05:00"],
    [["Jan 1964", "Feb 1964"], "MMM YYYY 1964-01-01T00:00:00"],
    [["May 1964", "June 1964"], "MMMM YYYY 1964-05-01T00:00:00"],
    [["1 May 1964", "12 Jun 1964"], "D MMM YYYY 1964-05-01T00:00:00"],
    [["January 5, 1964"], "MMMM D, YYYY 1964-01-05T00:00:00"],
    [["02/2020", "11/2020"], "MM/YYYY 2020-02-01T00:00:00"],
    [["20200131", "20200201"], "YYYYMMDD 2020-01-31T00:00:00"],
    [["0099-01-01"], "YYYY-MM-DD 0099-01-01T00:00:00"],
    [["201501", "201512"], "YYYYMM 2015-01-01T00:00:00"],
    [["2015M01", "2015M12"], "YYYY[M]MM 2015-01-01T00:00:00"],
    [["2015-W01", "2015-W53"], "GGGG-[W]WW 2014-12-29T00:00:00"],
    [["2016W53", "2016W01"].slice(1), "GGGG[W]WW 2016-01-04T00:00:00"],
  ])("%j is read, and written in the same way", (texts, expected) => expect(read(...texts)).toBe(expected));

  test("day and month are told apart by any row of the column", () => {
    expect(read("01/02/2020", "02/02/2020", "13/02/2020")).toMatch(/^DD\/MM/);
    expect(read("01/02/2020", "01/03/2020", "01/13/2020")).toMatch(/^MM\/DD/);
  });

  test("where all rows fit both orders, the one with regular steps is taken", () => {
    const months = Array.from({ length: 24 }, (_, k) => `${(k % 12) + 1}/1/${1992 + Math.floor(k / 12)}`);
    expect(read(...months)).toBe("M/D/YYYY 1992-01-01T00:00:00");
  });

  test("a column that fits both orders with regular steps is ambiguous", () => {
    expect(read("01/01/2020", "02/01/2020", "03/01/2020")).toBe(
      'row 0: "01/01/2020" is day/month or month/day: all dates fit both. Say which with dateFormat "DD/MM/YYYY" or "MM/DD/YYYY".',
    );
    expect(readDates(["01/01/2020", "02/01/2020"], "MM/DD/YYYY")).toMatchObject({ format: "MM/DD/YYYY" });
  });

  test.each([
    [["2021-02-28", "2021-02-29"], /^row 1: "2021-02-29" has the day 29, and February 2021 has 28/],
    [["2021-13"], /^row 0: "2021-13" has the month 13/],
    [
      ["2021-02-28", "28.2.2021"],
      /^row 1: "28.2.2021" is written in another way; the first date, "2021-02-28", reads as/,
    ],
    [["31/12/2020", "12/31/2020"], /^row 1: "12\/31\/2020" has the month 31/],
    [["2021-01-01 24:00"], /^row 0: "2021-01-01 24:00" has a time past 23:59:59/],
    [["1-01", "1-02"], /^row 0: "1-01" is no date\. Write dates as 2024-01-31/],
    [["31.12.99"], /Write years with four digits\.$/],
    [["Jan-64"], /Write years with four digits\.$/],
    [["1 Jan 64"], /Write years with four digits\.$/],
    [["Mai 2020"], /^row 0: "Mai 2020" has the month Mai, which is no English name/],
    [["2021-02-28", ""], /^row 1: there is no date\. Fill it in, or leave the row out\.$/],
    [["2015-W52", "2016-W53"], /^row 1: "2016-W53" has the week 53, and 2016 has 52/],
    [["2015-W00"], /^row 0: "2015-W00" has the week 0/],
    [["201501", "201513"], /^row 1: "201513" has the month 13/],
  ])("%j is refused", (texts, problem) => expect(read(...texts)).toMatch(problem));

  test("times whose offsets differ are instants: read and written in UTC", () => {
    for (const texts of [
      ["2023-03-26T01:00:00+01:00", "2023-03-26T03:00:00+02:00", "2023-03-26T04:00:00+02:00"],
      ["2023-10-29T02:00:00+02:00", "2023-10-29T02:00:00+01:00", "2023-10-29T03:00:00+01:00"],
      ["2023-10-29T02:00:00 +0200", "2023-10-29T01:00:00Z", "2023-10-28T21:00:00 -0500"],
    ]) {
      const column = readDates(texts);
      if ("problem" in column) throw new Error(column.problem);
      expect(column).toMatchObject({ format: "YYYY-MM-DD[T]HH:mm:ss[Z]", utc: true });
      expect(Array.from(column.instants)).toEqual(
        texts.map((text) => Date.parse(text.replace(/ ([+-]\d\d)(\d\d)$/, "$1:$2"))),
      );
    }
  });

  test("days of a clock that changes are its days, where those are even and the instants are not", () => {
    const texts = ["2023-03-25", "2023-03-26", "2023-03-27", "2023-03-28"].map(
      (day, k) => `${day}T00:00${k < 2 ? "+01:00" : "+02:00"}`,
    );
    const column = readDates(texts);
    if ("problem" in column) throw new Error(column.problem);
    expect(column.instants.map((instant) => formatDate(instant, column.format))).toEqual(
      texts.map((text) => text.slice(0, 16)),
    );
  });

  test("numbers, words and times alone are no dates", () => {
    expect(["201513", "170001", "12", "1.5", "abc", "10:30", "", "2020-1-1-1", "may"].filter(isDateText)).toEqual([]);
  });

  test("Unix times, in seconds and in milliseconds, come back as they are written", () => {
    for (const texts of [
      ["1609459200", "1609462800"],
      ["1609459200.5", "1609459201"],
      ["1609459200000", "1609459260000"],
      ["999999999", "1000000000"],
    ]) {
      const column = readDates(texts);
      if ("problem" in column) throw new Error(column.problem);
      expect(column.format).toBe((texts[0] as string).length === 13 ? "x" : "X");
      expect(column.instants.map((instant) => formatDate(instant, column.format))).toEqual(texts);
    }
    expect(readDates(["1609459200"], "X")).toMatchObject({ instants: [Date.UTC(2021, 0, 1)] });
    expect(["12345678901", "123456", "-1609459200"].filter(isDateText)).toEqual([]);
    expect(() => checkDateFormat("sales.csv", "X")).not.toThrow();
  });

  test("a format needs a year, and each part once", () => {
    expect(() => checkDateFormat("sales.csv", "DD/MM")).toThrow(
      'sales.csv: "DD/MM" is no format of dates: it has no YYYY',
    );
    expect(() => checkDateFormat("sales.csv", "YYYY-MM-MMM-DD")).not.toThrow();
    expect(() => checkDateFormat("sales.csv", "YYYY-MM-M")).toThrow("it has the month twice");
  });
});

const frequencies: readonly Frequency[] = [
  ...[1, 2, 3, 12].flatMap((count) => [1, 15, 30, 31].map((day) => ({ unit: "month", count, day }) as const)),
  { unit: "weekday" },
  ...[1, 15 * 60_000, hourMs, dayMs, 7 * dayMs].map((count) => ({ unit: "millisecond", count }) as const),
];

describe("step and inferFrequency", () => {
  test.each(frequencies.map((frequency) => [describeFrequency(frequency), frequency] as const))(
    "%s: steps add up, are counted, and are inferred again",
    (_, frequency) => {
      const start = utc("1963-01-31T00:00");
      fc.assert(
        fc.property(fc.integer({ min: -900, max: 900 }), fc.integer({ min: -900, max: 900 }), (a, b) => {
          // A first step brings the start onto the frequency's own days.
          const from = step(step(start, frequency, a), frequency, 0);
          const to = step(from, frequency, b);
          expect(stepsBetween(from, to, frequency)).toBe(b);
          expect(step(to, frequency, -b)).toBe(from);
        }),
      );
      const dates = Array.from({ length: 30 }, (_, k) => step(start, frequency, k));
      const found = inferFrequency(dates.toReversed());
      expect(found?.share).toBe(1);
      expect(found?.irregular).toBeUndefined();
      expect(dates.map((_, k) => step(dates[0] as number, found?.frequency as Frequency, k))).toEqual(dates);
    },
  );

  test("the last days of months stay the last", () => {
    const found = inferFrequency(["2023-01-31", "2023-02-28", "2023-03-31"].map((date) => Date.parse(date)));
    expect(found?.frequency).toEqual({ unit: "month", count: 1, day: 31 });
    expect(step(Date.parse("2024-01-31"), found?.frequency as Frequency, 1)).toBe(Date.parse("2024-02-29"));
  });

  test("gaps are multiples of the step; their share is told", () => {
    const days = [0, 1, 2, 5, 6].map((day) => day * dayMs);
    expect(inferFrequency(days)).toEqual({ frequency: { unit: "millisecond", count: dayMs }, share: 3 / 4 });
  });

  test("a date off the grid is named", () => {
    const hours = [0, 1, 2, 2.3, 3, 4, 5].map((hour) => hour * hourMs);
    expect(inferFrequency(hours)).toMatchObject({ irregular: 3 });
    expect(inferFrequency([5])).toBeUndefined();
  });

  test("days from Monday to Friday are weekdays, and five days alone are days", () => {
    const monday = Date.parse("2024-01-01");
    const days = [0, 1, 2, 3, 4].map((day) => monday + day * dayMs);
    expect(inferFrequency(days)?.frequency).toEqual({ unit: "millisecond", count: dayMs });
    expect(inferFrequency([...days, monday + 7 * dayMs])?.frequency).toEqual({ unit: "weekday" });
    expect(step(Date.parse("2024-01-05"), { unit: "weekday" }, 1)).toBe(Date.parse("2024-01-08"));
  });
});

describe("words and seasons", () => {
  test.each([
    ["month", 12, 12],
    ["quarter", 4, 4],
    ["year", 1, undefined],
    ["week", 52, 52],
    ["day", 7, 7],
    ["weekday", 5, 5],
    ["hour", 24, 168],
    ["15 minutes", 96, 672],
    ["second", 60, 60],
  ])("%s: the season is %d steps", (text, season, longest) => {
    const frequency = parseFrequency(text);
    expect(describeFrequency(frequency)).toBe(text);
    expect(seasonLength(frequency)).toBe(season);
    expect(seasonLengths(frequency).at(-1)).toBe(longest);
  });

  test("other words are refused", () => {
    expect(() => parseFrequency("fortnight")).toThrow('frequency "fortnight" is not known. Examples: "month"');
    expect(() => parseFrequency("0 days")).toThrow("not known");
  });
});

describe("calendarFeatures", () => {
  test("GluonTS's values: each part from -0.5 to 0.5", () => {
    const instants = [utc("2016-07-01T00:00"), utc("2016-12-31T23:00")];
    const { data, names, shape } = calendarFeatures(instants, calendarPartsFor(parseFrequency("hour")));
    expect(names).toEqual(["hourOfDay", "dayOfWeek", "dayOfMonth", "dayOfYear"]);
    expect(shape).toEqual([2, 4]);
    const expected = [-0.5, 4 / 6 - 0.5, -0.5, 182 / 365 - 0.5, 0.5, 5 / 6 - 0.5, 0.5, 0.5];
    for (const [k, value] of expected.entries()) expect(data[k]).toBeCloseTo(value, 12);
  });

  test("cyclic parts are points on a circle", () => {
    const { data, names } = calendarFeatures([utc("2020-04-01T00:00")], ["monthOfYear"], "cyclic");
    expect(names).toEqual(["monthOfYear sin", "monthOfYear cos"]);
    expect([...data].map((value) => value.toFixed(6))).toEqual(["1.000000", "0.000000"]);
  });

  test("the week is that of ISO 8601", () => {
    const weeks = ["2021-01-03", "2021-01-04", "2020-12-31", "2018-12-31"].map((date) => Date.parse(date));
    const { data } = calendarFeatures(weeks, ["weekOfYear"]);
    expect([...data].map((value) => Math.round((value + 0.5) * 52 + 1))).toEqual([53, 1, 53, 1]);
  });
});
