/** What the Forecast view makes of a table and an address: columns and their roles, the calendar, and what is said before training. */
import { describe, expect, test } from "vitest";
import { type CsvText, forecasting, type TableFacts } from "../../src/studio/engine/forecasting.ts";
import { examples } from "../../src/studio/views/forecast/examples.ts";
import { askedOf, listed } from "../../src/studio/views/forecast/settings.ts";
import { readForecaster } from "../../src/tasks/forecast/index.ts";

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
