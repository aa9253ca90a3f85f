/** `unrolled forecast` as a process: from a CSV file to forecasts, pictures and a model; what is wrong is one line. */
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseCsv, readCsv } from "../../src/formats/csv.ts";
import { forecast, readForecaster, seriesOfTable, writeForecaster } from "../../src/index.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { said } from "../helpers/waiting.ts";
import { refusal, run, start } from "./run.ts";

const folder = temporaryFolder();
const month = (k: number): string => `${2010 + Math.floor(k / 12)}-${String((k % 12) + 1).padStart(2, "0")}`;
const sale = (k: number): string => (100 + 0.5 * k + 20 * Math.sin((2 * Math.PI * k) / 12) + ((k * 7) % 5)).toFixed(2);
const salesRows = Array.from({ length: 72 }, (_, k) => `${month(k)},${sale(k)}`);
/** A folder of one's own, with the sales. */
function place(): { folder: string; write: (name: string, lines: readonly string[]) => string } {
  const own = mkdtempSync(join(folder, "own-"));
  const write = (name: string, lines: readonly string[]): string => {
    writeFileSync(join(own, name), `${lines.join("\n")}\n`);
    return name;
  };
  write("sales.csv", ["month,RSCCASN", ...salesRows]);
  return { folder: own, write };
}
const quick = ["--horizon", "4", "--units", "4", "--epochs", "3", "--threads", "1"];

/** What it says with --json: a line a step; and the scores. */
async function json(
  folder: string,
  ...args: string[]
): Promise<{ steps: Record<string, unknown>[]; scores: Record<string, unknown> | undefined }> {
  const { code, out, err } = await run(folder, "forecast", ...args, "--json");
  expect(code, err).toBe(0);
  const steps = out
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { steps, scores: err === "" ? undefined : (JSON.parse(err) as { scores: Record<string, unknown> }).scores };
}

describe.concurrent("what its help says", () => {
  test("a column and a horizon: scores beside baselines, then the future", async () => {
    const { folder } = place();
    const { code, out, err } = await run(folder, "forecast", "sales.csv", "--column", "RSCCASN", ...quick);
    expect(code, err).toBe(0);
    const [scores = "", future = ""] = out.split("\n\n");
    expect(scores).toMatch(
      /^The last 4 steps, forecast from what was before them, 4 steps ahead:\n +MAE +RMSE +MAPE +MASE +CRPS +covered \(80 %\)\n/,
    );
    for (const name of [
      "this network",
      "naive",
      "seasonal naive",
      "drift",
      "seasonal naive with drift",
      "ETS",
      "Theta",
    ]) {
      expect(scores).toMatch(new RegExp(`^${name} +[\\d.]+ +[\\d.]+ +[\\d.]+ % +[\\d.]+ +[\\d.]+ +\\d+ %$`, "m"));
    }
    expect(future).toMatch(
      /^RSCCASN\ndate +value +0\.1 +0\.5 +0\.9\n2016-01( +[\d.]+){4}\n2016-02.*\n2016-03.*\n2016-04.*\n$/,
    );
    expect(err).toMatch(
      /^sales\.csv: 72 months from 2010-01 to 2015-12; season 12, form direct, head quantiles, lookback 23, relative to season, so a forecast is made from 35, 23 of lookback and 12 of the season before; [\d,]+ parameters, engine \w+\n/,
    );
    expect(err).toMatch(
      /\n3 epochs in .*, the best by validation was [123]\.\nTrained again on everything, [123] epochs?\.\n$/,
    );
  });

  test("--json has the keys that are documented, and the same values of the same seed", async () => {
    const { folder } = place();
    const [first, second] = await Promise.all([
      json(folder, "sales.csv", ...quick),
      json(folder, "sales.csv", ...quick),
    ]);
    expect(first).toEqual(second);
    expect(first.steps).toHaveLength(4);
    first.steps.forEach((step, k) => {
      expect(step).toEqual({
        ...{ series: "RSCCASN", step: k + 1, date: month(72 + k), value: expect.any(Number) },
        quantiles: { 0.1: expect.any(Number), 0.5: expect.any(Number), 0.9: expect.any(Number) },
      });
      expect(Object.keys(step)).toEqual(["series", "step", "date", "value", "quantiles"]);
    });
    expect(Object.keys(first.scores ?? {})).toEqual(["forecaster", "baselines", "origins", "steps"]);
    const other = await json(folder, "sales.csv", ...quick, "--seed", "2", "--test", "0");
    expect(other.scores).toBeUndefined();
    expect(other.steps).not.toEqual(first.steps);
  });

  test("several columns: each line has its target; without dates there is none", async () => {
    const { folder, write } = place();
    write("two.csv", ["a,b", ...Array.from({ length: 40 }, (_, k) => `${sale(k)},${k}`)]);
    const { steps } = await json(folder, "two.csv", ...quick);
    expect(steps).toHaveLength(8);
    expect(steps.map((step) => Object.keys(step).join())).toEqual(
      Array.from(steps, () => "series,target,step,value,quantiles"),
    );
    expect(steps.map(({ series, target }) => [series, target])).toEqual(
      ["a", "b"].flatMap((name) => Array.from({ length: 4 }, () => [name, name])),
    );
  });

  test("a column that counts is not forecast, which is said; Unix times are dates", async () => {
    const { folder, write } = place();
    write("counted.csv", ["index,sales", ...Array.from({ length: 40 }, (_, k) => `${k},${sale(k)}`)]);
    const { code, out, err } = await run(folder, "forecast", "counted.csv", ...quick, "--test", "0");
    expect({ code, title: out.split("\n")[0] }, err).toEqual({ code: 0, title: "sales" });
    expect(err).toContain(
      'counted.csv: column "index" counts the steps and is not forecast; --column names it if it is to be.\n',
    );
    write("unix.csv", ["ts,sales", ...Array.from({ length: 40 }, (_, k) => `${1_609_459_200 + 3600 * k},${sale(k)}`)]);
    const { steps } = await json(folder, "unix.csv", ...quick, "--test", "0");
    expect(steps.map(({ series, date }) => [series, date])).toEqual(
      [40, 41, 42, 43].map((k) => ["sales", String(1_609_459_200 + 3600 * k)]),
    );
  });

  test("series below each other are named in their column", async () => {
    const { folder, write } = place();
    const rows = ["north", "south"].flatMap((shop) =>
      Array.from({ length: 40 }, (_, k) => `${month(k)},${shop},${sale(k)}`),
    );
    write("long.csv", ["date,shop,sales", ...rows]);
    const { steps } = await json(folder, "long.csv", ...quick, "--id", "shop");
    expect(steps.map(({ series, step }) => [series, step])).toEqual(
      ["north", "south"].flatMap((shop) => [1, 2, 3, 4].map((step) => [shop, step])),
    );
    expect(Object.keys(steps[0] ?? {})).toEqual(["series", "step", "date", "value", "quantiles"]);
    const { out, err } = await run(folder, "forecast", "long.csv", ...quick, "--test", "0");
    expect(err).toContain('long.csv: column "shop" names the series, as dates repeat\n');
    expect(out).toMatch(/^north\ndate[\s\S]*\n\nsouth\ndate/);
  });
});

describe.skipIf(process.platform === "win32")("a signal", () => {
  // A long test part, so that there is time between the end of the training and its repetition.
  const long = [
    "month,RSCCASN",
    ...Array.from({ length: 2000 }, (_, k) => `,${sale(k)}`).map((row, k) => `${k}${row}`),
  ];
  const options = ["--horizon", "12", "--test", "200", "--column", "RSCCASN", "--units", "4", "--threads", "1"];
  const stopped = async (when: string, ...args: string[]) => {
    const { folder, write } = place();
    write("long.csv", long);
    const child = start(folder, [
      "forecast",
      "long.csv",
      "--date",
      "none",
      ...options,
      "--out",
      "m.safetensors",
      ...args,
    ]);
    await said(child.stderr, when);
    child.kill("SIGINT");
    const ended = await child.ended;
    return { ...ended, path: join(folder, "m.safetensors") };
  };

  test("after the training and before its repetition: the network is measured, kept and saved, with 0", async () => {
    const { code, out, err, path } = await stopped("epochs in", "--epochs", "2");
    expect(code, err).toBe(0);
    expect(err).toMatch(
      /\n2 epochs in [^\n]+\nStopping: the network that was (trained|measured) is kept\. Ctrl-C again ends at once\.\nSaved m\.safetensors\.\n$/,
    );
    expect(out).toMatch(/^The last 200 steps[\s\S]*\nRSCCASN\nstep/);
    // That of all but the last steps.
    expect(readForecaster(readFileSync(path)).settings.test).toBe(200);
  });

  test("before the end of an epoch: nothing is saved, with 130", async () => {
    const { code, out, err, path } = await stopped("parameters", "--epochs", "1000", "--batch", "1", "--units", "64");
    expect(err).toMatch(/Ctrl-C again ends at once\.\nStopped before the end of an epoch: nothing is saved\.\n$/);
    expect({ code, out, saved: existsSync(path) }).toEqual({ code: 130, out: "", saved: false });
  });
});

describe.concurrent("what is chosen where nobody says it is told", () => {
  test("a series that is too short beside others is left out, by name", async () => {
    const { folder, write } = place();
    const rows = (name: string, count: number) =>
      Array.from({ length: count }, (_, k) => `${name},${month(k)},${sale(k)}`);
    write("shops.csv", ["shop,month,sales", ...rows("A", 48), ...rows("B", 48), ...rows("C", 10)]);
    const { code, out, err } = await run(folder, "forecast", "shops.csv", "--id", "shop", ...quick);
    expect(code, err).toBe(0);
    expect(err).toMatch(
      /^shops\.csv: a series is too short and left out: "C" has 10 steps of the \d+ that are needed\. A smaller --horizon or --lookback needs fewer\.\n/,
    );
    expect(out.match(/^[ABC]$/gm)).toEqual(["A", "B"]);
    const said = await run(
      folder,
      "forecast",
      "shops.csv",
      "--id",
      "shop",
      ...quick,
      "--json",
      "--out",
      "m.safetensors",
    );
    expect(said.err.split("\n")[0]).toBe('{"leftOut":["C"]}');
    const again = await run(folder, "forecast", "shops.csv", "--id", "shop", "--model", "m.safetensors", "--json");
    expect({ code: again.code, err: again.err, out: again.out }).toEqual({
      code: 0,
      err: '{"leftOut":["C"]}\n',
      out: said.out,
    });
  });

  test("a column that is known after the end of another is forecast, and a line says what it may be", async () => {
    const { folder, write } = place();
    write("ahead.csv", [
      "sold,price",
      ...Array.from({ length: 50 }, (_, k) => `${k < 44 ? sale(k) : ""},${1 + (k % 3)}`),
    ]);
    const { code, err } = await run(folder, "forecast", "ahead.csv", ...quick);
    expect(code, err).toBe(0);
    expect(err).toContain(
      'ahead.csv: column "price" has 6 values after the last of "sold", which are not read: it is forecast from there, too. --future price reads them; --column names what is to be forecast.\n',
    );
  });

  test("thousands between semicolons are noted with the option that reads them", async () => {
    const { folder, write } = place();
    write("thousands.csv", ["month;v", ...Array.from({ length: 40 }, (_, k) => `${month(k)};${100 + k}.000`)]);
    const { code, err } = await run(folder, "forecast", "thousands.csv", ...quick, "--test", "0");
    expect(code, err).toBe(0);
    expect(err).toContain('thousands.csv: column "v": 100.000 is read as 100; --decimal , reads it as 100000\n');
  });

  test("a model whose values are no numbers is refused, by forecast and by evaluate", async () => {
    const { folder } = place();
    await json(folder, "sales.csv", ...quick, "--test", "0", "--out", "m.safetensors");
    const model = readForecaster(readFileSync(join(folder, "m.safetensors")));
    (model.model.values["output.b"] as Float32Array)[1] = Number.NaN;
    writeFileSync(join(folder, "nan.safetensors"), writeForecaster(model));
    const line =
      "unrolled: nan.safetensors: output.b[1] is NaN, not a finite number. The model's weights have diverged: train anew at a lower rate.\n";
    const found = await run(folder, "forecast", "sales.csv", "--model", "nan.safetensors");
    expect(found).toMatchObject({ code: 2, out: "", err: line });
    expect(await run(folder, "evaluate", "nan.safetensors", "sales.csv")).toMatchObject({
      code: 2,
      out: "",
      err: line,
    });
  });

  test("a training that diverges is told; one whose values become infinite is refused", async () => {
    const { folder } = place();
    const { code, err } = await run(folder, "forecast", "sales.csv", ...quick, "--rate", "1e30", "--json");
    expect(code).toBe(0);
    expect(err).toMatch(
      /^The best loss of the training is [\d.e+]+, where less than 1 is usual: it has diverged\. Give a smaller --rate\.\n/,
    );
    const infinite = await run(folder, "forecast", "sales.csv", ...quick, "--rate", "1e300");
    expect(infinite.code).toBe(2);
    expect(infinite.err).toMatch(/\nunrolled: training: [^\n]+ Give a smaller --rate\.\n$/);
  });
});

describe.concurrent("files", () => {
  test("--out, --csv and --plot write what is said; --model says the same again, without training", async () => {
    const { folder } = place();
    const [first] = [
      await json(folder, "sales.csv", ...quick, "--out", "m.safetensors", "--csv", "next.csv", "--plot", "p.svg"),
    ];
    const again = await json(folder, "sales.csv", "--model", "m.safetensors", "--csv", "again.csv", "--plot", "p.html");
    expect(again).toEqual({ steps: first.steps, scores: undefined });
    expect(readFileSync(join(folder, "again.csv"), "utf8")).toBe(readFileSync(join(folder, "next.csv"), "utf8"));
    const table = readCsv(join(folder, "next.csv"));
    expect(table.columns).toEqual(["series", "target", "step", "date", "value", "0.1", "0.5", "0.9"]);
    expect(
      table.rows.map(([name, target, step, ...rest]) => [name, target, Number(step), rest[0], Number(rest[1])]),
    ).toEqual(first.steps.map(({ series, step, date, value }) => [series, "RSCCASN", step, date, value]));
    const svg = readFileSync(join(folder, "p.svg"), "utf8");
    expect(svg).toMatch(/^<svg [\s\S]*<\/svg>\s*$/);
    expect(svg).toContain(">forecast of what is known</text>");
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
    const html = readFileSync(join(folder, "p.html"), "utf8");
    expect(html).toMatch(/^<!doctype html>[\s\S]*<svg [\s\S]*<\/svg>\s*<\/html>\s*$/);
    expect(html).not.toMatch(/NaN|undefined|Infinity|https?:\/\/(?!www\.w3\.org)/);

    // In TypeScript the file says the same.
    const model = readForecaster(readFileSync(join(folder, "m.safetensors")));
    const [own] = await forecast(model, seriesOfTable(readCsv(join(folder, "sales.csv"))));
    expect(own?.steps.map(({ value }) => value)).toEqual(first.steps.map(({ value }) => value));

    const { code, err } = await run(folder, "export", "m.safetensors", "half.safetensors", "--dtype", "f16");
    expect(code, err).toBe(0);
    expect((await json(folder, "sales.csv", "--model", "half.safetensors")).steps).toHaveLength(4);
    expect(await refusal(folder, "generate", "m.safetensors")).toContain(
      'it is a forecaster (task "forecast"); `generate` needs a model of task "text".',
    );
  });

  test("--future reads rows whose targets are empty, and --past what is known for the past alone", async () => {
    const { folder, write } = place();
    const rows = Array.from(
      { length: 44 },
      (_, k) => `${month(k)},${k < 40 ? `${sale(k)},${k % 3}` : ","},${k % 4},${k % 2 ? "promotion" : "none"}`,
    );
    write("promoted.csv", ["month,sales,orders,price,kind", ...rows]);
    const asked = [
      "promoted.csv",
      "--column",
      "sales",
      "--past",
      "orders",
      "--future",
      "price",
      "--future",
      "kind",
      ...quick,
    ];
    const { steps } = await json(folder, ...asked, "--out", "promoted.safetensors");
    expect(steps.map(({ date }) => date)).toEqual([40, 41, 42, 43].map(month));
    expect((await json(folder, "promoted.csv", "--model", "promoted.safetensors")).steps).toEqual(steps);
    write("short.csv", ["month,sales,orders,price,kind", ...rows.slice(0, 42)]);
    // Also before anything is trained.
    expect(await refusal(folder, "forecast", "short.csv", ...asked.slice(1), "--out", "short.safetensors")).toMatch(
      /^short\.csv: column "price": the file has no row for step 3 of the future, after line 43\. A column of --future needs one for each step that is forecast\. Give it, or choose --horizon 2 or less\.$/,
    );
    expect(existsSync(join(folder, "short.safetensors"))).toBe(false);
    expect(await refusal(folder, "forecast", "short.csv", "--model", "promoted.safetensors")).toMatch(
      /^short\.csv: column "price": the file has no row for step 3 of the future, after line 43\. A column of --future needs one/,
    );
    const fewer = await json(folder, "short.csv", "--model", "promoted.safetensors", "--horizon", "2");
    expect(fewer.steps.map(({ date }) => date)).toEqual([40, 41].map(month));
    const empty = rows.with(43, `${month(43)},,,,none`);
    write("empty.csv", ["month,sales,orders,price,kind", ...empty]);
    expect(await refusal(folder, "forecast", "empty.csv", ...asked.slice(1))).toMatch(
      /^empty\.csv: line 45, column "price": has no value, step 4 of the future\. A column of --future needs one for each step that is forecast\. Give it, or choose --horizon 3 or less\.$/,
    );
  });

  test("what exists is kept, and --overwrite replaces it", async () => {
    const { folder, write } = place();
    const kept = write("kept.csv", ["kept"]);
    expect(await refusal(folder, "forecast", "sales.csv", ...quick, "--csv", kept)).toBe(
      "kept.csv: exists already. Give another name, or --overwrite to replace it.",
    );
    expect(readFileSync(join(folder, kept), "utf8")).toBe("kept\n");
    expect(await refusal(folder, "forecast", "sales.csv", ...quick, "--csv", "sales.csv", "--overwrite")).toBe(
      "sales.csv: is the file that is read. Give another name.",
    );
    const twice = ["--out", "both.svg", "--plot", "./both.svg"];
    expect(await refusal(folder, "forecast", "sales.csv", ...quick, ...twice)).toBe(
      "./both.svg: would be written twice. Give each file its own name.",
    );
    const { code } = await run(folder, "forecast", "sales.csv", ...quick, "--test", "0", "--csv", kept, "--overwrite");
    expect(code).toBe(0);
    expect(readFileSync(join(folder, kept), "utf8")).toMatch(/^series,target,step/);
  });
});

describe.concurrent("bad input: one line, exit 2, nothing written", () => {
  const rows = (change: (all: string[]) => string[]): string[] => ["month,RSCCASN", ...change([...salesRows])];
  const hour = (k: number): string =>
    new Date(Date.UTC(2024, 9, 26, 0) + k * 3_600_000).toISOString().slice(0, 16).replace("T", " ");
  // Clocks go back on 27 October 2024: 02:00 comes twice.
  const clocks = Array.from({ length: 60 }, (_, k) => `${hour(k > 26 ? k - 1 : k)},${k}`);

  test.each<[string, string[], string[], string]>([
    [
      "a text in a column of numbers",
      rows((all) => all.with(9, "2010-10,many")),
      [],
      'bad-0.csv: line 11, column "RSCCASN": needs a number, got "many". Correct it, leave it empty and choose --fill, or name the columns of numbers with --column.',
    ],
    [
      "a date twice",
      rows((all) => all.with(9, all[8] as string)),
      [],
      'bad-1.csv: line 11, column "month": 2010-09 is there already, in line 10. Name the column of series with --id, or choose --duplicates mean or first.',
    ],
    [
      "a date that is missing",
      rows((all) => all.toSpliced(9, 1)),
      [],
      'bad-2.csv: line 11, column "month": 2010-10 is missing before 2010-11 (1 date is missing). Choose --fill zero, last or linear.',
    ],
    [
      "a value that is missing",
      rows((all) => all.with(9, "2010-10,")),
      [],
      'bad-3.csv: line 11, column "RSCCASN": no value for 2010-10 (""). Choose --fill zero, last or linear.',
    ],
    [
      "clocks that change",
      ["time,load", ...clocks],
      [],
      'bad-4.csv: line 29, column "time": 2024-10-27 02:00 comes twice (line 28), as where clocks change for daylight saving. Give times in UTC, or choose --duplicates mean or first.',
    ],
    [
      "decimal commas",
      ["month;RSCCASN", ...salesRows.map((row) => row.replace(",", ";").replace(".", ","))],
      [],
      `bad-5.csv: line 2, column "RSCCASN": needs a number, got "${sale(0).replace(".", ",")}". Choose --decimal , if this is ${Number(sale(0))}.`,
    ],
    [
      "a horizon longer than the data",
      rows((all) => all),
      ["--horizon", "80", "--test", "0"],
      "bad-6.csv: the series has 72 steps: a forecast of 80 steps cannot be learned from them, it needs 82. Give a smaller --horizon or longer series.",
    ],
    [
      "a column that is not there",
      rows((all) => all),
      ["--column", "RSCASN"],
      'bad-7.csv: has no column of numbers "RSCASN". It has "RSCCASN".',
    ],
    [
      "a covariate that is not there",
      rows((all) => all),
      ["--past", "orders"],
      'bad-19.csv: has no column of numbers "orders". It has "RSCCASN".',
    ],
    [
      "a value that is too large",
      rows((all) => all.with(9, "2010-10,1e300")),
      ["--scaling", "standard"],
      'bad-20.csv: line 11, column "RSCCASN": the value is 1e+300, which is too large to be scaled. Give values in larger units.',
    ],
    [
      "differences longer than the data",
      rows((all) => all),
      ["--scaling", "difference=70"],
      "bad-21.csv: the series has 72 steps, of which the last 4 are to measure on and differences use up the first 70: a forecast of 4 steps cannot be learned from the 0 that are left, it needs 6. Give a smaller --horizon, a smaller --test, or longer series.",
    ],
    [
      "no horizon",
      rows((all) => all),
      ["--horizon"],
      "--horizon is missing. Give the number of steps to forecast: --horizon 12.",
    ],
    [
      "a test part shorter than the horizon",
      rows((all) => all),
      ["--test", "2"],
      "--test: 2 steps hold no forecast of 4. Give at least 4, or 0.",
    ],
    [
      "a scaling that is none",
      rows((all) => all),
      ["--scaling", "log,sqrt"],
      '--scaling: "sqrt" is none of standard, minMax, robust, log, log1p, none, difference=LAG, seasonal=LENGTH. Give them in order, with commas.',
    ],
    [
      "levels that do not rise",
      rows((all) => all),
      ["--levels", "0.9,0.1"],
      '--levels: needs rising numbers between 0 and 1, as 0.1,0.5,0.9, got "0.9,0.1".',
    ],
    [
      "another picture",
      rows((all) => all),
      ["--plot", "p.png"],
      "--plot: p.png ends neither with .svg nor with .html. Give one of them.",
    ],
    [
      "negative values with log",
      rows((all) => all.with(9, "2010-10,-5")),
      ["--scaling", "log"],
      'bad-13.csv: line 11, column "RSCCASN": the value is -5, and "log" needs values above 0. Use --scaling standard.',
    ],
    [
      "no counts",
      rows((all) => all),
      ["--head", "negative-binomial"],
      `bad-14.csv: line 3, column "RSCCASN": ${Number(sale(1))} is no count. Head "negative-binomial" is of counts 0, 1, 2 and so on.`,
    ],
    [
      "no rows",
      ["month,RSCCASN"],
      [],
      "bad-15.csv: has the names of columns and no rows. Give a table with one row a step.",
    ],
    [
      "a segment that does not divide",
      rows((all) => all),
      ["--form", "segments", "--segment", "3"],
      "--segment 3 does not divide the horizon, 4. Choose a common divisor.",
    ],
    [
      "options that exclude each other",
      rows((all) => all),
      ["--form", "recursive", "--relative", "last"],
      '--form recursive forecasts relative to "none" or "mean", got "last". Scale by differences instead.',
    ],
    [
      "a frequency that is none",
      rows((all) => all),
      ["--frequency", "fortnight"],
      '--frequency fortnight is not known. Examples: "month", "15 minutes", "weekday".',
    ],
  ])("%s", async (...[, lines, args, message]) => {
    const { folder, write } = place();
    const name = write(/^bad-\d+\.csv/.exec(message)?.[0] ?? "bad.csv", lines);
    const rest = args.includes("--horizon") ? quick.slice(2) : quick;
    const given = args.length === 1 ? [] : args;
    expect(await refusal(folder, "forecast", name, ...rest, ...given, "--out", "m.safetensors", "--csv", "n.csv")).toBe(
      message,
    );
  });
  test.each(["0", "1", "1.5", "0.5,0.5", "0.9,0.1", "0.5,", "a", "-0.1,0.5", ""])("--levels %j", async (levels) => {
    const { folder } = place();
    expect(await refusal(folder, "forecast", "sales.csv", ...quick, "--levels", levels)).toBe(
      `--levels: needs rising numbers between 0 and 1, as 0.1,0.5,0.9, got "${levels}".`,
    );
  });

  test("several columns in one option", async () => {
    const { folder, write } = place();
    write("two.csv", ["a,b c", ...Array.from({ length: 40 }, (_, k) => `${sale(k)},${sale(k + 1)}`)]);
    expect(await refusal(folder, "forecast", "two.csv", ...quick, "--column", "a,b c")).toBe(
      '--column: two.csv has no column "a,b c". Give the option once for each column: --column a --column "b c".',
    );
  });

  test("values of several series have their line too", async () => {
    const { folder, write } = place();
    const rows = ["north", "south"].flatMap((shop) =>
      Array.from({ length: 40 }, (_, k) => `${month(k)},${shop},${shop === "south" && k === 5 ? 0 : sale(k)}`),
    );
    write("long.csv", ["date,shop,sales", ...rows]);
    expect(await refusal(folder, "forecast", "long.csv", ...quick, "--id", "shop", "--scaling", "log")).toBe(
      'long.csv: line 47, column "sales", series "south": the value is 0, and "log" needs values above 0. Use --scaling log1p.',
    );
  });

  test("standard input by a dash is told its name", async () => {
    const { folder } = place();
    expect(await refusal(folder, "forecast", "-", ...quick)).toBe(
      "-: there is no such file. Check the name and the folder. Standard input is /dev/stdin.",
    );
  });

  test("a file that is not there, and a folder that is not there for what is written", async () => {
    const { folder } = place();
    expect(await refusal(folder, "forecast", "none.csv", ...quick)).toMatch(/^none\.csv: /);
    expect(await refusal(folder, "forecast", "sales.csv", ...quick, "--out", "no/m.safetensors")).toMatch(
      /^no\/m\.safetensors: /,
    );
    expect(await refusal(folder, "forecast", "sales.csv", "--model", "sales.csv")).toMatch(/^sales\.csv: /);
  });

  test("--model with what is for training", async () => {
    const { folder, write } = place();
    expect((await run(folder, "forecast", "sales.csv", ...quick, "--test", "0", "--out", "m.safetensors")).code).toBe(
      0,
    );
    const model = ["forecast", "sales.csv", "--model", "m.safetensors"];
    for (const [option, ...value] of [
      ["--column", "RSCCASN"],
      ["--independent"],
      ["--epochs", "3"],
      ["--scaling", "log"],
    ] as const) {
      expect(await refusal(folder, ...model, option, ...value)).toBe(
        `${option}: is for training; the model of --model has its own. Leave it out.`,
      );
    }
    expect(await refusal(folder, ...model, "--out", "n.safetensors")).toBe(
      "--out: nothing is trained with --model. Leave one of them out.",
    );
    expect(await refusal(folder, ...model, "--levels", "0.2")).toBe(
      '--levels: head "quantiles" of this forecaster has the quantiles 0.1, 0.5, 0.9, got 0.2. Leave it out.',
    );
    expect(await refusal(folder, ...model, "--horizon", "5")).toBe(
      "--horizon: m.safetensors forecasts 4 steps, got 5. Give at most 4, or train a model with --horizon 5.",
    );
    const all = await json(folder, ...model.slice(1));
    expect((await json(folder, ...model.slice(1), "--horizon", "3")).steps).toEqual(all.steps.slice(0, 3));
    write("few.csv", ["month,RSCCASN", ...salesRows.slice(0, 5)]);
    expect(await refusal(folder, "evaluate", "m.safetensors", "few.csv")).toMatch(
      /^few\.csv: no forecast of 4 steps from a lookback of \d+ lies within the last 4 steps of a series\./,
    );
    write("other.csv", ["month,sales", ...salesRows]);
    expect(await refusal(folder, "forecast", "other.csv", "--model", "m.safetensors")).toBe(
      'other.csv: has no column of numbers "RSCCASN". It has "sales".',
    );
    expect(existsSync(join(folder, "n.safetensors"))).toBe(false);
  });
});

test.concurrent("what is refused can be put right as the line says", async () => {
  const { folder, write } = place();
  const holes = salesRows.map((row, k) => (k === 20 ? `${month(20)},` : row)).toSpliced(9, 1);
  write("holes.csv", ["month;RSCCASN", ...holes.map((row) => row.replace(",", ";").replace(".", ","))]);
  const asked = ["holes.csv", ...quick, "--test", "0", "--decimal", ",", "--fill", "linear"];
  const { code, out, err } = await run(folder, "forecast", ...asked);
  expect({ code, end: out.trimEnd().split("\n").length }, err).toEqual({ code: 0, end: 6 });
  expect(err).toContain("holes.csv: 1 date of 1 series missing, filled: linear\n");
  expect(err).toContain("holes.csv: 1 value missing, filled: linear\n");
  const { steps } = await json(folder, ...asked);
  const { series } = seriesOfTable(parseCsv(readFileSync(join(folder, "holes.csv")), { name: "holes.csv" }), {
    decimal: ",",
    fill: "linear",
  });
  expect(series[0]?.values.RSCCASN).toHaveLength(72);
  expect(steps).toHaveLength(4);
});

test.concurrent("empty values of a target at the end are the future, with --fill and without; other columns are not looked at", async () => {
  const { folder, write } = place();
  const rows = salesRows.map((row, k) => `${row},${k % 5 === 0 ? "" : k}`);
  write("known.csv", ["month,sold,other", ...rows]);
  write("ahead.csv", ["month,sold,other", ...rows, ...[72, 73, 74].map((k) => `${month(k)},,`)]);
  const asked = ["--column", "sold", ...quick, "--test", "0"];
  const { steps } = await json(folder, "known.csv", ...asked);
  expect(steps[0]?.date).toBe(month(72));
  for (const fill of [[], ["--fill", "linear"]]) {
    const { code, err } = await run(folder, "forecast", "ahead.csv", ...asked, ...fill);
    expect(code, err).toBe(0);
    expect(err).toContain('ahead.csv: the last 3 rows have no value of "sold": they are the future\n');
    expect(err).not.toContain("filled");
    expect((await json(folder, "ahead.csv", ...asked, ...fill)).steps).toEqual(steps);
  }
});

test.concurrent("a constant column is left out with a line, and refused where it is named; dates in two orders are told", async () => {
  const { folder, write } = place();
  const date = (k: number): string => `01/${String((k % 12) + 1).padStart(2, "0")}/${2010 + Math.floor(k / 12)}`;
  write("flat.csv", ["date,a,b", ...Array.from({ length: 72 }, (_, k) => `${date(k)},7,${sale(k)}`)]);
  const { code, out, err } = await run(folder, "forecast", "flat.csv", ...quick);
  expect({ code, title: out.split("\n\n")[1]?.split("\n")[0] }, err).toEqual({ code: 0, title: "b" });
  expect(err).toContain('flat.csv: column "a" has the same value in all steps to train on and is not forecast.\n');
  expect(err).toContain(
    'flat.csv: column "date" is read as DD/MM/YYYY, whose steps are more even; MM/DD/YYYY fits too (--date-format says which)\n',
  );
  expect(await refusal(folder, "forecast", "flat.csv", ...quick, "--column", "a")).toMatch(
    /^flat\.csv: column "a" has the same value, 7, in all \d+ steps to train on: there is nothing to learn\. Leave it out: name the columns to forecast with --column\.$/,
  );
});
