import { existsSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { describeFrequency, formatDate, step } from "../../src/data/calendar.ts";
import { isMissing, readNumber, type SeriesOptions, seriesOfTable, timeColumn } from "../../src/data/series.ts";
import { parseCsv, readCsv } from "../../src/formats/csv.ts";
import { InputError } from "../../src/graph/input-error.ts";

const read = (text: string, options: SeriesOptions = {}) => seriesOfTable(parseCsv(text, { name: "x.csv" }), options);
const refused = (text: string, options: SeriesOptions = {}) => expect(() => read(text, options));
const values = (text: string, options: SeriesOptions = {}): number[] => {
  const { series, columns } = read(text, options);
  return [...(series[0]!.values[columns[0] as string] as Float64Array)];
};
/** A column of numbers beside one of dates. */
const table = (rows: readonly (readonly [string, string | number])[]): string =>
  ["date,v", ...rows.map((row) => row.join(","))].join("\n");

describe("readNumber", () => {
  test.each([
    ["1.5", undefined, 1.5],
    [" -1e3 ", undefined, -1000],
    [".5", undefined, 0.5],
    ["1,5", undefined, Number.NaN],
    ["0x10", undefined, Number.NaN],
    ["Infinity", undefined, Number.NaN],
    ["1e999", undefined, Number.NaN],
    ["1,234.5", undefined, Number.NaN],
    ["1,234.5", ".", 1234.5],
    ["1.234,5", ",", 1234.5],
    ["1,5", ",", 1.5],
    ["-,5", ",", -0.5],
    ["1.5", ",", Number.NaN],
    ["", ",", Number.NaN],
    ["12 kg", ".", Number.NaN],
  ] as const)("%j with decimal %j is %d", (text, decimal, expected) =>
    expect(readNumber(text, decimal)).toBe(expected),
  );

  test("every number is read as it is written", () => {
    fc.assert(fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (x) => readNumber(String(x)) === x));
  });

  test("missing values have many names", () => {
    expect(["", "NA", "n/a", "NaN", "null", "-", " "].every(isMissing)).toBe(true);
    expect(["0", "-1", "nada"].some(isMissing)).toBe(false);
  });
});

describe("seriesOfTable", () => {
  test("a wide table: dates, numbers and texts", () => {
    const found = read("kind,when,a,b\nx,2024-01-31,1,2\ny,2024-02-29,3,4\n");
    expect(found).toMatchObject({ columns: ["a", "b"], textColumns: ["kind"], dateColumn: "when", notes: [] });
    expect(describeFrequency(found.frequency!)).toBe("month");
    expect(found.series).toHaveLength(1);
    expect(found.series[0]?.values).toEqual({ a: Float64Array.of(1, 3), b: Float64Array.of(2, 4) });
    expect(found.series[0]?.texts).toEqual({ kind: ["x", "y"] });
    expect([...found.series[0]!.instants!].map((one) => formatDate(one, found.dateFormat!))).toEqual([
      "2024-01-31",
      "2024-02-29",
    ]);
  });

  test("a long table: a series for each id, found where dates repeat", () => {
    const long = "shop,date,v\nA,2024-01-01,1\nB,2024-01-01,10\nA,2024-01-02,2\nB,2024-01-02,20\nB,2024-01-03,30\n";
    const found = read(long);
    expect(found.idColumn).toBe("shop");
    expect(found.notes).toEqual(['column "shop" names the series, as dates repeat']);
    expect(found.series.map(({ name, values: { v } }) => [name, ...v!])).toEqual([
      ["A", 1, 2],
      ["B", 10, 20, 30],
    ]);
    expect(read(long, { id: "shop" }).notes).toEqual([]);
  });

  test("without dates the rows are the steps", () => {
    const found = read("v\n1\n2\n");
    expect(found).toMatchObject({ dateColumn: undefined, frequency: undefined });
    expect(found.series[0]?.instants).toBeUndefined();
    expect(found.notes).toEqual(["no column has dates: the rows are taken in their order"]);
    expect(values("Month,v\n1-01,5\n1-02,6\n", { date: false })).toEqual([5, 6]);
  });

  test("rows out of order are sorted, and this is noted", () => {
    const text = table([
      ["2024-01-03", 3],
      ["2024-01-02", 2],
      ["2024-01-01", 1],
    ]);
    expect(values(text)).toEqual([1, 2, 3]);
    expect(read(text).notes).toEqual(["rows were sorted by date: line 3 is the first out of order"]);
  });

  test("year, month, day and hour may be columns of their own; so may the day and the time", () => {
    const parts = read("year,month,day,hour,v\n2010,1,1,0,5\n2010,1,1,1,6\n");
    expect(parts).toMatchObject({ dateColumn: "year, month, day, hour", columns: ["v"] });
    expect(describeFrequency(parts.frequency!)).toBe("hour");
    const two = read("day,time,v\n01/02/2010,10:00,5\n13/02/2010,10:00,6\n", { date: ["day", "time"] });
    expect(two.dateFormat).toBe("DD/MM/YYYY HH:mm");
    refused("year,month,v\n2010,x,5\n").toThrow(
      'x.csv: line 2, column "month": needs a whole number, the month of a date, got "x"',
    );
  });

  test("years are dates by their column's name alone", () => {
    expect(read("year,v\n1999,5\n2000,6\n")).toMatchObject({ dateColumn: "year", columns: ["v"] });
    expect(read("weight,v\n1999,5\n2000,6\n")).toMatchObject({ dateColumn: undefined, columns: ["weight", "v"] });
  });
});

describe("columns that are the time", () => {
  test.each(["timestamp", "ts", "unix", "unix_time", "epoch_ms", "t"])(
    "Unix times in a column %s are dates",
    (name) => {
      const found = read(`${name},v\n1609459200,5\n1609462800,6\n1609466400,7\n`);
      expect(found).toMatchObject({ dateColumn: name, columns: ["v"], dateFormat: "X" });
      expect(describeFrequency(found.frequency!)).toBe("hour");
    },
  );

  test("large numbers in columns of other names stay numbers", () => {
    const found = read("bytes,v\n1609459200,5\n1609462801,6\n");
    expect(found).toMatchObject({ dateColumn: undefined, columns: ["bytes", "v"] });
  });

  const timeOf = (text: string) => timeColumn(read(text, { date: false }).series);
  test.each([
    ["x,v\n0,5\n1,3\n2,4\n", "x"],
    ["1609459200,5\n1609462800,3\n1609466400,4\n", "1"],
    ["v,index\n5,0\n3,1\n4,2\n", "index"],
    ["v,seconds\n5,0.5\n3,1.2\n4,1.4\n", "seconds"],
    ["timestamp,v\n1609459200,5\n1609462801,6\n1609466409,2\n", "timestamp"],
  ])("%j: the column is told", (text, name) => expect(timeOf(text)).toBe(name));
  test.each([
    "x,v\n0,5\n1,3\n3,4\n",
    "v,w\n5,0\n3,1\n4,2\n",
    "x\n0\n1\n2\n",
    "index,v\n0,5\n1,3\n1,4\n",
    "x,v\n0.5,5\n1,3\n1.5,4\n",
    "steps,v\n1,5\n3,3\n4,4\n",
  ])("%j has none", (text) => expect(timeOf(text)).toBeUndefined());
  test("beside dates a first column counts only if it has no name, or its name says so", () => {
    const of = (name: string) =>
      timeColumn(read(`${name},date,v\n0,2024-01-01,5\n1,2024-01-02,3\n2,2024-01-03,9\n`).series);
    expect([of(""), of("No"), of("sold")]).toEqual(["1", "No", undefined]);
  });
  test("of several series it is the time in each", () => {
    const both = (second: string) => `id,n,v\na,1,5\na,2,3\na,3,9\n${second}`;
    expect(timeColumn(read(both("b,1,4\nb,2,5\nb,3,5\n"), { id: "id" }).series)).toBe("n");
    expect(timeColumn(read(both("b,1,4\nb,3,5\nb,2,5\n"), { id: "id" }).series)).toBeUndefined();
  });
});

test("dates that fit both orders of day and month are noted, unless their format is said", () => {
  const two = (k: number): string => String(k).padStart(2, "0");
  const monthOf = (k: number): string => `01/${two((k % 12) + 1)}/${2024 + Math.floor(k / 12)}`;
  const months = `date,v\n${Array.from({ length: 24 }, (_, k) => `${monthOf(k)},${k}`).join("\n")}\n`;
  expect(read(months)).toMatchObject({
    dateFormat: "DD/MM/YYYY",
    notes: [
      'column "date" is read as DD/MM/YYYY, whose steps are more even; MM/DD/YYYY fits too (dateFormat says which)',
    ],
  });
  expect(read(months, { dateFormat: "DD/MM/YYYY" }).notes).toEqual([]);
  const days = `date,v\n${Array.from({ length: 13 }, (_, k) => `${two(k + 1)}/03/2024,${k}`).join("\n")}\n`;
  expect(read(days).notes).toEqual([]);
});

describe("missing values", () => {
  const text = "date,v\n2024-01-01,NA\n2024-01-02,1\n2024-01-03,\n2024-01-05,4\n2024-01-06,-\n";
  test.each([
    ["zero", [0, 1, 0, 0, 4, Number.NaN]],
    ["last", [1, 1, 1, 1, 4, Number.NaN]],
    ["linear", [1, 1, 2, 3, 4, Number.NaN]],
  ] as const)("fill %s", (fill, expected) => {
    expect(values(text, { fill })).toEqual(expected);
    expect(read(text, { fill }).notes).toEqual([
      `1 date of 1 series missing, filled: ${fill}`,
      `2 values missing, filled: ${fill}`,
      'the last row has no value of "v": it is the future',
    ]);
    expect([...read(text, { fill }).series[0]!.rows]).toEqual([0, 1, 2, -1, 3, 4]);
  });

  test("stay where they are wanted", () => {
    expect(values(text, { keepMissing: true })).toEqual([Number.NaN, 1, Number.NaN, Number.NaN, 4, Number.NaN]);
  });

  test("at the end of a column are its future, whatever fills the others, of each series too", () => {
    for (const fill of ["refuse", "zero", "last", "linear"] as const) {
      const two =
        "id,date,v,w\na,2024-01-01,1,2\na,2024-01-02,,2\na,2024-01-03,,2\nb,2024-01-01,1,2\nb,2024-01-02,3,\n";
      const { series, notes } = read(two, { id: "id", fill });
      expect(series.map(({ values }) => Object.values(values).map((all) => [...all]))).toEqual([
        [
          [1, Number.NaN, Number.NaN],
          [2, 2, 2],
        ],
        [
          [1, 3],
          [2, Number.NaN],
        ],
      ]);
      expect(notes).toEqual([
        'the last 2 rows have no value of "v" in 1 of 2 series: they are the future',
        'the last row has no value of "w" in 1 of 2 series: it is the future',
      ]);
    }
  });

  test("are refused by default, with the first place and their number", () => {
    refused(text).toThrow(
      'x.csv: line 5, column "date": 2024-01-04 is missing before 2024-01-05 (1 date is missing). Choose fill "zero", "last" or "linear".',
    );
    refused("date,v\n2024-01-01,1\n2024-01-02,NA\n2024-01-03,\n2024-01-04,2\n2024-01-05,\n").toThrow(
      'x.csv: line 3, column "v": no value for 2024-01-02 ("NA"), the first of 2 such rows. Choose fill',
    );
    refused("date,v,w\n2024-01-01,1,\n2024-01-02,2,\n", { columns: ["v", "w"], fill: "last" }).toThrow(
      'column "w": has no value at all',
    );
  });
});

describe("numbers", () => {
  test.each([
    [
      "date;v\n2024-01-01;1,5\n2024-01-02;2,5\n",
      {},
      'line 2, column "v": needs a number, got "1,5". Choose decimal "," if this is 1.5.',
    ],
    ["date;v\n2024-01-01;1.234,5\n2024-01-02;2\n", {}, 'got "1.234,5". Choose decimal "," if this is 1234.5.'],
    ["date;v\n2024-01-01;1,234.5\n2024-01-02;2\n", {}, 'got "1,234.5". Choose decimal "." if this is 1234.5.'],
    ["date;v\n2024-01-01;1,234\n2024-01-02;2\n", {}, 'Choose decimal "," for 1.234, or decimal "." for 1234.'],
    [
      "date;v\n2024-01-01;1e400\n2024-01-02;2\n",
      {},
      'got "1e400". It is too large for a number: the largest is 1.8e308.',
    ],
    ["date;v\n2024-01-01;1.5\n2024-01-02;2\n", { decimal: "," }, 'got "1.5". Is decimal "," right?'],
    [
      "date,v\n2024-01-01,1\n2024-01-02,many\n",
      {},
      'x.csv: line 3, column "v": needs a number, got "many". Correct it',
    ],
    ["date,v\n2024-01-01,0x10\n2024-01-02,1\n", {}, 'line 2, column "v": needs a number, got "0x10"'],
    ["date,v\n2024-01-01,a\n", {}, 'x.csv: has no column of numbers ("v")'],
    ...["100 400.00", "100'400.00", "100\u00a0400,00", "100\u2019400.00"].map(
      (text) =>
        [
          `date;v\n2024-01-01;\n2024-01-02;${text}\n`,
          {},
          `x.csv: line 3, column "v": needs a number, got ${JSON.stringify(text)}. Write it without signs between thousands, as 100400.00.`,
        ] as const,
    ),
    ["date,v\n2024-01-01,1\n", { columns: ["w"] }, 'x.csv: has no column "w".'],
    ["date,v\n2024-01-01,1\n", { columns: ["date"] }, 'column "date": has the dates or names of series'],
  ] as const)("%j with %j is refused", (text, options, message) => refused(text, options).toThrow(message));

  test("decimal commas are read when said so", () => {
    expect(values("date;v\n2024-01-01;1.234,5\n2024-01-02;2,5\n", { decimal: "," })).toEqual([1234.5, 2.5]);
  });

  test("thousands that may be meant are noted: between semicolons, three digits after every point", () => {
    const notesOf = (text: string, options = {}) => seriesOfTable(parseCsv(text, { name: "x.csv" }), options).notes;
    const rows = (delimiter: string, ...all: string[]): string =>
      ["date", "v"].join(delimiter).concat(...all.map((one, k) => `\n2024-01-0${k + 1}${delimiter}${one}`));
    expect(notesOf(rows(";", "100.400", "", "98.000", "1.125"), { fill: "last" })).toContain(
      'column "v": 100.400 is read as 100.4; decimal "," reads it as 100400',
    );
    for (const [text, options] of [
      [rows(",", "100.400", "98.000"), {}],
      [rows(";", "100.400", "98.5"), {}],
      [rows(";", "0.400", "98.500"), {}],
      [rows(";", "100.400", "98.000"), { decimal: "," }],
    ] as const) {
      expect(notesOf(text, options)).toEqual([]);
    }
  });

  test("columns that are not wanted may hold anything", () => {
    expect(values("date,v,w\n2024-01-01,1,2\n2024-01-02,2,oops\n", { columns: ["v"] })).toEqual([1, 2]);
  });
});

describe("dates", () => {
  test.each([
    [
      "date,v\n2024-01-01,1\n2024-01-01,2\n2024-01-02,3\n",
      'x.csv: line 3, column "date": 2024-01-01 is there already, in line 2. Name the column of series with id, or choose duplicates "mean" or "first".',
    ],
    [
      "date,v\n2024-01-01,1\n2024-01-02,2\n2024-01-02 x,3\n",
      'line 4, column "date": "2024-01-02 x" is written in another way',
    ],
    [
      "date,v\n2024-01-01 00:00,1\n2024-01-01 01:00,2\n2024-01-01 02:00,2\n2024-01-01 02:20,3\n",
      'line 5, column "date": 2024-01-01 02:20 after 2024-01-01 02:00 is no even step',
    ],
    ["date,v\n2024-01-01,1\n", 'column "date": one date gives no frequency'],
    ["Month,v\n1-01,1\n1-02,2\n", 'line 2, column "Month": "1-01" is no date.'],
    ["date,v\n01/01/2020,1\n02/01/2020,2\n", 'line 2, column "date": "01/01/2020" is day/month or month/day'],
  ])("%j is refused", (text, message) => refused(text).toThrow(message));

  test("a date that comes twice is one step where asked", () => {
    const text = table([
      ["2024-01-01", 1],
      ["2024-01-01", 3],
      ["2024-01-02", 5],
    ]);
    expect(values(text, { duplicates: "mean" })).toEqual([2, 5]);
    expect(values(text, { duplicates: "first" })).toEqual([1, 5]);
    expect(read(text, { duplicates: "mean" }).notes).toEqual([
      "1 row had a date that was there already: mean was taken",
    ]);
  });

  test("a frequency that is given is kept", () => {
    const two = table([
      ["2024-01-01", 1],
      ["2024-01-03", 3],
    ]);
    expect(values(two, { frequency: "day", fill: "linear" })).toEqual([1, 2, 3]);
    refused(two, { frequency: "week" }).toThrow("is no even step (given: one week)");
    refused(two, { frequency: "millisecond", fill: "zero" }).toThrow(
      "2 rows at a step of one millisecond are 172,800,001 steps",
    );
  });

  /** Hours of a day in local time. */
  const hours = (day: string, times: readonly number[]) =>
    times.map((hour, k) => [`${day} ${String(hour).padStart(2, "0")}:00`, k] as const);
  const spring = hours("2020-03-29", [0, 1, 3, 4, 5]);
  const autumn = hours("2020-10-25", [0, 1, 2, 2, 3, 4]);

  test("the hours of daylight saving are named", () => {
    refused(table(spring)).toThrow(
      'x.csv: line 4, column "date": 2020-03-29 02:00 is missing before 2020-03-29 03:00 (1 date is missing, perhaps where clocks change: then give times in UTC). Choose fill',
    );
    refused(table(autumn)).toThrow(
      'x.csv: line 5, column "date": 2020-10-25 02:00 comes twice (line 4), as where clocks change for daylight saving. Give times in UTC, or choose duplicates "mean" or "first".',
    );
    refused(table([...spring, ...autumn])).toThrow(
      '2020-10-25 02:00 comes twice (line 9), and no hour comes between 2020-03-29 01:00 and 2020-03-29 03:00, as where clocks change for daylight saving. Give times in UTC, or choose duplicates "mean" or "first", and fill.',
    );
    expect(values(table(autumn), { duplicates: "mean" })).toEqual([0, 1, 2.5, 4, 5]);
  });
});

describe("whatever a file holds", () => {
  const cell = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom("1", "2.5", "-3", "1e3") },
    { weight: 6, arbitrary: fc.integer({ min: 1, max: 28 }).map((day) => `2024-01-${String(day).padStart(2, "0")}`) },
    fc.constantFrom("", "NA", "1,5", "1.234,5", "0x10", "2024", "2024-02-30", "03/04/2024", "2024Q2", "a", "Jan 2024"),
    fc.string({ maxLength: 6 }),
  );
  const options = fc.record(
    {
      fill: fc.constantFrom("refuse", "zero", "last", "linear"),
      duplicates: fc.constantFrom("refuse", "mean", "first"),
      decimal: fc.constantFrom(".", ","),
      date: fc.constantFrom("date", false, ["date", "v"]),
      id: fc.constantFrom("id", "v"),
      keepMissing: fc.boolean(),
      frequency: fc.constantFrom("day", "month", "3 hours", "weekday"),
    },
    { requiredKeys: [] },
  );

  test("there are even steps without missing values, or one line with the file's name", () => {
    const rows = fc.array(fc.tuple(cell, cell, fc.constantFrom("a", "b", "")), { minLength: 1, maxLength: 12 });
    let [read, refusals] = [0, 0];
    fc.assert(
      fc.property(rows, options, (cells, given) => {
        let found: ReturnType<typeof seriesOfTable>;
        try {
          const table = { name: "x.csv", columns: ["date", "v", "id"], rows: cells, lineOf: (row: number) => row + 2 };
          found = seriesOfTable(table, given as SeriesOptions);
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
          expect((error as Error).message).not.toContain("\n");
          expect((error as Error).message).toMatch(/^x\.csv|^frequency/);
          refusals++;
          return;
        }
        read++;
        for (const { instants, values, texts, rows } of found.series) {
          const lists = [...Object.values(values), ...Object.values(texts)];
          expect(lists.every(({ length }) => length === rows.length)).toBe(true);
          for (const list of given.keepMissing ? [] : Object.values(values)) {
            expect(list.subarray(0, list.findLastIndex(Number.isFinite) + 1).every(Number.isFinite)).toBe(true);
          }
          instants?.forEach((instant, k) => expect(instant).toBe(step(instants[0]!, found.frequency!, k)));
        }
      }),
      { numRuns: 500, seed: 1 },
    );
    expect(Math.min(read, refusals)).toBeGreaterThan(10);
  });
});

const folder = join(process.env.UNROLLED_DATA ?? join(import.meta.dirname, "../../../shared/data"), "timeseries");
/** Name, options, and frequency, steps and last date, or what the refusal says. */
const files: readonly (readonly [string, SeriesOptions, string])[] = [
  ["airline-passengers.csv", {}, "month 144 1960-12"],
  ["RSCCASN.csv", {}, "month 376 2023-04-01"],
  ["BeerWineLiquor.csv", {}, "month 324 12/1/2018"],
  ["monthly-sunspots.csv", {}, "month 2820 1983-12"],
  ["ETTh1.csv", { columns: ["OT"] }, "hour 17420 2018-06-26 19:00:00"],
  ["shampoo.csv", {}, 'line 2, column "Month": "1-01" is no date'],
  ["daily-min-temperatures.csv", {}, "1984-12-31 is missing before 1985-01-01 (2 dates are missing)"],
  ["daily-min-temperatures.csv", { fill: "linear" }, "day 3652 1990-12-31"],
  [
    "pollution.csv",
    { columns: ["pm2.5"] },
    'line 2, column "pm2.5": no value for 2010-01-01 00:00 ("NA"), the first of 2,067',
  ],
];
describe.skipIf(!existsSync(folder))("files of the data sets (skipped where ../shared/data is missing)", () => {
  test.each(files)("%s with %j: %s", (name, options, expected) => {
    let found: string;
    try {
      const { series, frequency, dateFormat } = seriesOfTable(readCsv(join(folder, name)), options);
      const instants = series[0]!.instants!;
      found = `${describeFrequency(frequency!)} ${instants.length} ${formatDate(instants.at(-1)!, dateFormat!)}`;
    } catch (error) {
      found = (error as Error).message;
    }
    expect(found).toContain(expected);
  });
});
