/** What the Forecast view makes of a table and an address: columns and their roles, the calendar, and what is said before training. */
import { describe, expect, test } from "vitest";
import { seriesOfTable } from "../../src/data/series.ts";
import { parseCsv } from "../../src/formats/csv-text.ts";
import { type CsvText, forecasting, type TableFacts } from "../../src/studio/engine/forecasting.ts";
import { openModels } from "../../src/studio/engine/open-models.ts";
import { columnOf, columnsOf, placeOf, stepOf } from "../../src/studio/views/forecast/columns-of-steps.ts";
import { examples } from "../../src/studio/views/forecast/examples.ts";
import { inPage, readingOf } from "../../src/studio/views/forecast/reading.ts";
import { askedOf, listed, queryOfShown, shownOf } from "../../src/studio/views/forecast/settings.ts";
import { forecaster, readForecaster, writeForecaster } from "../../src/tasks/forecast/index.ts";
import { forms, heads } from "../../src/tasks/forecast/settings.ts";

const table = (name: keyof typeof examples): CsvText => ({ name: `${name}.csv`, text: examples[name].make() });
const refusal = (of: CsvText, settings: Parameters<typeof forecasting.checkForecaster>[1]): Promise<string> =>
  forecasting.checkForecaster(of, settings).then(
    () => "nothing",
    (error: Error) => error.message,
  );
/** A table of 40 rows, `ahead` of them without sales. */
const rows = (ahead: number, prices = 40): CsvText => ({
  name: "t.csv",
  text: [
    "a,b,price",
    ...Array.from({ length: 40 }, (_, t) => `${t < 40 - ahead ? 3 + (t % 5) : ""},${t % 3},${t < prices ? t % 7 : ""}`),
  ].join("\n"),
});

describe("what a table has", () => {
  test("columns of numbers and of texts, which end before the table, what of the calendar changes", async () => {
    const facts = await forecasting.tableFacts(table("days"));
    expect(facts).toMatchObject({
      ...{ columns: ["sold", "visitors", "price"], textColumns: ["promotion"], length: "448 days", season: 7 },
      ahead: { sold: 28, visitors: 28, price: 0 },
      usualCalendar: ["dayOfWeek", "dayOfMonth", "dayOfYear"],
    });
    expect(facts.calendar).toEqual(["monthOfYear", "weekOfYear", "dayOfYear", "dayOfMonth", "dayOfWeek"]);
    expect(facts.notes).toContain('column "sold" is empty in the last 28 days');
    expect((await forecasting.tableFacts(rows(0))).calendar).toEqual([]);
  });

  test("gaps are counted and filled on the line between their neighbours, but at the end of a column", async () => {
    const text = "day,a\n2024-01-01,1\n2024-01-02,\n2024-01-04,4\n2024-01-05,5\n2024-01-06,\n";
    const { notes } = await forecasting.tableFacts({ name: "t.csv", text });
    expect(notes.filter((note) => !note.startsWith("dates"))).toEqual([
      "1 date missing, filled: linear",
      "1 value missing, filled: linear",
      'column "a" is empty in the last 1 day',
    ]);
  });
});

describe("how a table is read", () => {
  const twoSeries = (row: (name: string, day: number) => string): string =>
    ["day,town,kind,sold", ..."ab".split("").flatMap((name) => [1, 2, 3, 4, 5].map((day) => row(name, day)))].join(
      "\n",
    );
  /** What is said of a table, in the words of the page; then, with settings, what it has. */
  const cases: readonly [string, string, string, Record<string, string>, Partial<TableFacts>][] = [
    [
      "a decimal comma",
      "day;sold\n2024-01-01;1,5\n2024-01-02;2,5\n",
      't.csv: line 2, column "sold": needs a number, got "1,5". Choose “Decimal” "," if this is 1.5.',
      { decimal: "," },
      { columns: ["sold"], steps: 2 },
    ],
    [
      "dates that come twice",
      "day,sold\n2024-01-01,1\n2024-01-01,3\n2024-01-02,4\n",
      't.csv: line 3, column "day": 2024-01-01 is there already, in line 2. Name the column of series with “Series (id)”, or choose “Duplicates” "mean" or "first".',
      { duplicates: "mean" },
      { steps: 2 },
    ],
    [
      "several series",
      twoSeries((name, day) => `2024-01-0${day},${name},${name.toUpperCase()},${day}`),
      't.csv: line 7, column "day": 2024-01-01 is there already, in line 2; so do 4 other dates. Name the column of series with “Series (id)”, or choose “Duplicates” "mean" or "first".',
      { id: "town" },
      { series: 2, steps: 5 },
    ],
    [
      "uneven dates",
      "day,sold\n2024-01-01,1\n2024-01-02,2\n2024-01-04,4\n2024-01-09,4\n2024-01-20,4\n",
      "% of the steps are one",
      { frequency: "day" },
      { steps: 20, notes: ["15 dates missing, filled: linear"] },
    ],
    [
      "days and months that fit both ways",
      "day,sold\n01/02/2024,1\n03/04/2024,2\n05/06/2024,3\n",
      'Say which with “Date format” "DD/MM/YYYY" or "MM/DD/YYYY".',
      { dateFormat: "DD/MM/YYYY", frequency: "day" },
      { dates: ["01/02/2024", "05/06/2024"] },
    ],
    [
      "dates that are none",
      "date,sold\nfirst,1\nsecond,2\n",
      'give “Date format” (as "DD/MM/YYYY HH:mm"), or “Dates” none where steps need no dates.',
      { date: "none" },
      { steps: 2, dates: undefined },
    ],
    [
      "another delimiter",
      "x;y,z\n1;2,3\n4;5,3\na,5\n",
      't.csv: line 4 has 1 field, line 1 has 2 (between them: ";"). Correct the line, put texts with ";" in quotes, or give “Delimiter”.',
      { delimiter: "," },
      { columns: ["z"] },
    ],
  ];
  test.each(cases)(
    "%s: the message names a setting, which reads the table",
    async (_, text, message, query, wanted) => {
      const csv = { name: "t.csv", text };
      const said = await forecasting.tableFacts(csv).then(
        () => "",
        (error: Error) => inPage(error.message),
      );
      expect(said).toContain(message);
      expect(said).not.toMatch(/--|\b(dateFormat|date false)\b/);
      expect(await forecasting.tableFacts({ ...csv, reading: readingOf(query) })).toMatchObject(wanted);
    },
  );

  test("a filling is that of the table, and is told", async () => {
    const csv = { name: "t.csv", text: "day,sold\n2024-01-01,1\n2024-01-02,\n2024-01-03,3\n" };
    const notes = async (query: Record<string, string>) =>
      (await forecasting.tableFacts({ ...csv, reading: readingOf(query) })).notes;
    expect(await notes({ missing: "zero" })).toContain("1 value missing, filled: zero");
    expect(await notes({})).toContain("1 value missing, filled: linear");
  });

  test("an address that means nothing is left to be found; columns are known of what is refused", async () => {
    expect(readingOf({ decimal: "x", delimiter: "tab", duplicates: "", date: "none", missing: "constructor" })).toEqual(
      {
        delimiter: "\t",
        date: false,
      },
    );
    expect(await forecasting.tableColumns({ name: "t.csv", text: "day;sold\n2024-01-01;1,5\n" })).toEqual([
      "day",
      "sold",
    ]);
    expect(await forecasting.tableColumns({ name: "t.csv", text: 'day;"sold\n' })).toEqual([]);
  });

  test("what else the reader says is in the words of the page", () => {
    expect(
      inPage(
        't.csv: line 2, column "a": needs a number, got "x". Correct it, leave it empty and choose fill, or name the columns of numbers with columns.',
      ),
    ).toBe('t.csv: line 2, column "a": needs a number, got "x". Correct it, or leave it empty.');
    expect(inPage('frequency "moon" is not known. Examples: "month".')).toBe(
      '“Frequency” "moon" is not known. Examples: "month".',
    );
    expect(inPage('Give times in UTC, or choose duplicates "mean" or "first", and fill.')).toBe(
      'Give times in UTC, or choose “Duplicates” "mean" or "first", and “Missing”.',
    );
    expect(inPage('Is decimal "," right?')).toBe('Is “Decimal” "," right?');
    expect(inPage("Give a longer frequency.")).toBe("Give a longer “Frequency”.");
    expect(inPage("Give frequency, or a file with one row a step.")).toBe(
      "Give “Frequency”, or a file with one row a step.",
    );
  });
});

describe("an address", () => {
  const facts: TableFacts = {
    ...{ columns: ["sold", "a,b", "100 %"], textColumns: ["kind"], ahead: { sold: 5, "a,b": 0, "100 %": 0 } },
    ...{ series: 1, steps: 205, length: "205 days", season: 7, dates: undefined, notes: [] },
    ...{ calendar: ["monthOfYear", "dayOfWeek"], usualCalendar: ["dayOfWeek"] },
  };
  test("without anything in it: the first column alone, the usual calendar", () => {
    const { training, calendar, usual } = askedOf({}, facts);
    expect(training).toMatchObject({ targets: ["sold"], past: [], future: [], horizon: 7 });
    expect([calendar, training.calendar, usual.horizon]).toEqual([["dayOfWeek"], undefined, "7"]);
    expect(askedOf({ form: "segments" }, facts).calendar).toEqual([]);
  });

  test("names with commas and percent signs come back; the horizon is what is known ahead", () => {
    const query = { column: "sold", past: listed(["a,b"]), future: listed(["100 %", "kind"]), calendar: "none" };
    const { training, calendar, problems } = askedOf(query, facts);
    expect(training).toMatchObject({ targets: ["sold"], past: ["a,b"], future: ["100 %", "kind"], horizon: 5 });
    expect([calendar, training.calendar, problems]).toEqual([[], [], []]);
    expect(askedOf({ column: "100 %" }, facts).training.targets).toEqual(["100 %"]);
    expect(askedOf({ column: "a,b" }, facts).training.targets).toEqual(["a,b"]);
  });

  test("what is not there is said; a column has one role", () => {
    const query = { column: "sold,nothing", past: "sold,kind", future: "kind", calendar: "monthOfYear,moon" };
    const { training, problems } = askedOf(query, facts);
    expect(training).toMatchObject({ targets: ["sold"], past: [], future: ["kind"], calendar: ["monthOfYear"] });
    expect(problems).toEqual([
      "Column: there is no “nothing”.",
      "Known for the past alone: there is no “kind”.",
      "Calendar: there is no “moon”.",
    ]);
  });
});

describe("before training", () => {
  const settings = { targets: ["a"], horizon: 4 };
  test("rows of the future that are missing are told with how many there are, and what to do", async () => {
    expect(await refusal(rows(0), { ...settings, future: ["price"] })).toBe(
      'Column "price" is to be known for the future too, and the table has it for 0 of the 4 steps. Add rows with it in which "a" is empty, or make it known for the past alone.',
    );
    expect(await refusal(rows(3), { ...settings, future: ["price"] })).toContain(
      'for 3 of the 4 steps. Add rows with it in which "a" is empty, choose a horizon of at most 3, or make it known',
    );
    expect(await refusal(rows(4, 38), { ...settings, future: ["price"] })).toContain("for 2 of the 4 steps.");
    expect(await refusal(rows(4), { ...settings, future: ["price"] })).toBe("nothing");
    expect(await refusal(rows(4, 36), { ...settings, past: ["price"] })).toBe("nothing");
    expect(await refusal(table("days"), { targets: ["sold"], horizon: 40, future: ["promotion"] })).toContain(
      'Column "promotion" is to be known for the future too, and the table has it for 28 of the 40 days after 2024-02-25. Add rows with it in which "sold" is empty, choose a horizon of at most 28, or leave it out.',
    );
  });

  test("settings that exclude each other", async () => {
    expect(await refusal(rows(4), { ...settings, form: "segments", past: ["b"] })).toBe(
      'Form "segments" reads targets alone. Leave past, future and calendar out, or choose form "direct".',
    );
    expect(await refusal(rows(4), { ...settings, form: "recursive", past: ["b"] })).toContain(
      'Form "recursive" has no values of past columns in the future.',
    );
  });
});

test("two targets with columns known for the past and for the future: the file has them, and forecasts both from the table's end", async () => {
  const csv = table("days");
  const job = forecasting.trainForecaster(csv, {
    ...{ targets: ["sold", "visitors"], future: ["price", "promotion"], calendar: ["dayOfWeek"] },
    ...{ horizon: 7, test: 7, units: 4, epochs: 1, seed: 0 },
  });
  for (;;) {
    const { done, value } = await job.next();
    if (!done) continue;
    const { settings } = readForecaster(value.bytes, "days");
    expect(settings).toMatchObject({
      ...{ targets: ["sold", "visitors"], past: [], future: ["price", "promotion"], calendar: ["dayOfWeek"] },
      categories: { promotion: ["leaflet", "none", "sale"] },
      seen: { "": 413 },
    });
    break;
  }
});

describe("the gates under the curve", () => {
  test("every form with every head has them, at each step that it reads and, where it has such, over the horizon", async () => {
    const csv = table("passengers");
    const data = seriesOfTable(parseCsv(csv.text, { name: csv.name }));
    const columns = { direct: [24, 0, 1], segments: [4, 2, 6], recursive: [24, 12, 1] } as const;
    let handle = 700;
    for (const form of forms) {
      for (const head of heads) {
        const made = forecaster(data, { horizon: 12, form, head, units: 3 });
        await openModels.openModel(++handle, writeForecaster(made), "m");
        const of = { series: "", target: "passengers" };
        const { seen, ahead, each, values } = await forecasting.forecastGates(handle, csv, of);
        expect([seen, ahead, each], `${form}, ${head}`).toEqual(columns[form]);
        expect(values.map(({ name }) => name)).toEqual(["z", "r", "g", "h"]);
        for (const { data, size, gate } of values) {
          expect([data.length, size]).toEqual([3 * (seen + ahead), 3]);
          expect(data.every((value) => Math.abs(value) <= 1 && (!gate || value >= 0))).toBe(true);
          expect(new Set(data).size).toBeGreaterThan(seen);
        }
        await openModels.closeModel(handle);
      }
    }
  });

  test("each step of the curve has its column, and each column its steps; they are told by date, or counted from the last one known", () => {
    const settings = { form: "segments", head: "quantiles", lookback: 12, horizon: 6 } as const;
    const segments = columnsOf({ seen: 4, ahead: 2, each: 3 }, settings);
    expect([0, 2, 3, 11, 12, 17].map((step) => columnOf(step, segments))).toEqual([0, 0, 1, 3, 4, 5]);
    expect(stepOf(13, segments)).toEqual([12, 3]);
    const direct = columnsOf({ seen: 12, ahead: 0, each: 1 }, settings);
    expect([0, 11, 12, 17].map((step) => columnOf(step, direct))).toEqual([0, 11, 11, 11]);
    expect(stepOf(13, direct)).toEqual([13, 1]);
    const month = (t: number): string => `2024-${String(t + 1).padStart(2, "0")}`;
    const shown = {
      past: Array.from({ length: 14 }, (_, t) => ({ date: t < 2 ? "2023" : month(t - 2), value: t - 2 })),
      future: Array.from({ length: 6 }, (_, h) => {
        return { step: h + 1, date: `2025-0${h + 1}`, value: -h - 0.5, quantiles: {} };
      }),
    };
    expect(placeOf(4, segments, shown, "segments")).toBe("after the segment 2024-04 to 2024-06");
    expect(placeOf(13, segments, shown, "segments")).toBe("for the forecast of the segment 2025-01 to 2025-03");
    expect(placeOf(3, direct, shown, "direct")).toBe("after 2024-04 (3)");
    expect(placeOf(13, direct, shown, "direct")).toBe(
      "after 2024-12, the last step that it reads, from which 2025-02 is forecast (−1.5)",
    );
    const recursive = columnsOf({ seen: 12, ahead: 6, each: 1 }, settings);
    expect(placeOf(13, recursive, shown, "recursive")).toBe("for 2025-02 (forecast −1.5)");
    const bare = { past: shown.past.map(({ value }) => ({ value, date: undefined })), future: [] };
    expect(placeOf(0, direct, bare, "direct")).toBe("after step −11 (0)");
  });

  test("each baseline of the table is there as a line: of the last steps from those before them, and of the future", async () => {
    const csv = table("passengers");
    const data = seriesOfTable(parseCsv(csv.text, { name: csv.name }));
    await openModels.openModel(799, writeForecaster(forecaster(data, { horizon: 6, units: 2, test: 6 })), "m");
    const { forecasts, scores } = await forecasting.forecastTable(799, csv);
    const [{ baselines, past }] = forecasts as [(typeof forecasts)[number]];
    expect(Object.keys(baselines)).toEqual(scores.slice(1).map(({ name }) => name));
    const known = past.map(({ value }) => value);
    expect([...(baselines["seasonal naive"]?.future ?? [])]).toEqual(known.slice(-12, -6));
    expect([...(baselines["seasonal naive"]?.tested ?? [])]).toEqual(known.slice(-18, -12));
    expect([...(baselines.naive?.tested ?? [])]).toEqual(Array(6).fill(known.at(-7)));
    // Of one origin its error is the table's.
    const error = known.slice(-6).reduce((sum, value, h) => sum + Math.abs(value - known.at(h - 18)!), 0) / 6;
    expect(scores.find(({ name }) => name === "seasonal naive")?.mae).toBeCloseTo(error, 9);
  });
});

test("what is shown of forecasts is in the address: names with commas too, without those that are not there", () => {
  const [baselines, pictures] = [
    ["naive", "seasonal naive"],
    ["a", "shop 1, a", "100 %"],
  ];
  const seen = { beside: "seasonal naive", gates: ["shop 1, a", "100 %"] };
  expect(shownOf(queryOfShown(seen), baselines, pictures)).toEqual(seen);
  expect(shownOf({ beside: "drift", gates: "b,a" }, baselines, pictures)).toEqual({ beside: "", gates: ["a"] });
  expect(queryOfShown({ beside: "", gates: [] })).toEqual({ beside: "", gates: "" });
});
