/** `unrolled trajectories`: train a model on tracks and measure it, or predict where tracks go on. */

import { stepwise } from "../engines/stepwise.ts";
import { readInput, writeFileAtomically } from "../formats/files.ts";
import { InputError } from "../graph/input-error.ts";
import { checkFiniteValues } from "../nn/finite-values.ts";
import { countParameters } from "../nn/model.ts";
import { openByTask } from "../tasks/index.ts";
import { plotFutures } from "../tasks/trajectories/plot.ts";
import { checkStep, predictTrajectories, predictWindows } from "../tasks/trajectories/predict.ts";
import { readTrackFile } from "../tasks/trajectories/read-file.ts";
import { decimalsFor, decimalsOfSteps, type Scores, shownScore } from "../tasks/trajectories/scores.ts";
import { splitInTime, type Tracks } from "../tasks/trajectories/tracks.ts";
import { checkWindows, type Window, type WindowSizes, windowsOf } from "../tasks/trajectories/windows.ts";
import {
  evaluateTrajectories,
  type TrajectoryEvaluation,
  type TrajectoryForm,
  type TrajectoryModel,
  type TrajectoryOptions,
  trainTrajectories,
  trajectoryModel,
  writeTrajectoryModel,
} from "../tasks/trajectories.ts";
import { hostOptions, usableHostOf } from "./host-options.ts";
import { untilInterrupted } from "./interrupt.ts";
import { type Command, type Given, type Options, refuseTrainingOptions, seedRange } from "./options.ts";
import { alignColumns, formatCount, isTerminal, printable, warn, writeJson } from "./output.ts";
import { checkOutputs } from "./outputs.ts";
import { savingBest } from "./saving.ts";

const whole = (min: number) => ({ whole: true, min, max: 10_000 });
/** How tracks stand in a table. */
export const trackColumns: Options = {
  frame: { value: "COLUMN", help: "column of the frame or time [guessed]" },
  id: { value: "COLUMN", help: "column that names the track [guessed]" },
  x: { value: "COLUMN", help: "column of x [guessed]" },
  y: { value: "COLUMN", help: "column of y [guessed]" },
};

export const trajectories: Command = {
  name: "trajectories",
  usage: "trajectories TRACKS.csv... --out MODEL | --model MODEL",
  summary: "predict where people or cars go on",
  details: [
    "TRACKS.csv has a row for each thing and frame (or time): frame, id, x, y.",
    "Without a header these are its first columns. A track with gaps is split.",
    "",
    "With --out it trains on the first part of the frames, measures the model on the",
    "last part beside constant velocity, and saves it. With --model it predicts",
    "where each track goes on after its last steps: a table, or with --json a line",
    "for each track, future and step. Probabilities are those of whole futures.",
  ].join("\n"),
  examples: [
    "trajectories walks.csv --seen 8 --predict 12 --out walks.safetensors",
    "trajectories --model walks.safetensors today.csv --plot futures.svg",
    "trajectories --model walks.safetensors today.csv --csv futures.csv",
  ],
  arguments: [1, 1000],
  options: {
    out: { value: "MODEL", help: "train, and save the model here" },
    model: { value: "MODEL", help: "predict with this model" },
    seen: { value: "N", help: "steps that are seen [8]", number: whole(2) },
    predict: { value: "N", help: "steps to predict [12]", number: whole(1) },
    futures: { value: "N", help: "futures for each track [20]", number: whole(1) },
    csv: { value: "FILE", help: "write the predictions as CSV, with all digits" },
    plot: { value: "FILE.svg", help: "draw past and futures of up to 6 tracks" },
    form: { value: "NAME", help: "whole futures, or step by step [direct]", choices: ["direct", "step"] },
    units: { value: "N", help: "units of the recurrent layer [32]", number: whole(1) },
    epochs: { value: "N", help: "passes over the tracks [30]", number: whole(1) },
    "fixed-axes": { help: "x and y are directions that matter, as along a road" },
    test: { value: "SHARE", help: "of the frames, to measure on [0.2]", number: { min: 0, max: 0.9 } },
    seed: { value: "N", help: "of the training and of draws [0]", number: seedRange },
    ...trackColumns,
    overwrite: { help: "replace files that exist" },
    ...hostOptions("that run the model; same result [cores]"),
  },
  async run(given) {
    const [out, model] = [given.text("out"), given.text("model")];
    if ((out === undefined) === (model === undefined)) {
      throw new InputError(
        out === undefined
          ? "give --out MODEL to train, or --model MODEL to predict with one."
          : "--out trains a model and --model predicts with one. Give one of the two.",
      );
    }
    if (out !== undefined) return trainModel(given, out);
    refuseTrainingOptions(given, trainingOnly);
    const file = model as string;
    await openByTask(readInput(file), file, "`trajectories`", { trajectories: (tm) => predictTracks(tm, file, given) });
  },
};

const trainingOnly = ["seen", "predict", "form", "units", "epochs", "test"] as const;

/** @throws InputError for a name that does not end as what is drawn */
function plotOf(given: Given): string | undefined {
  const plot = given.text("plot");
  if (plot === undefined || /\.svg$/i.test(plot)) return plot;
  throw new InputError(`--plot: ${plot} does not end with .svg. Give a name that does.`);
}

/** The words of the library for its options, and those of the command line. */
const inOptions = (message: string): string =>
  message
    .replace(/ by the option (frame|id|x|y)\b/, ": --$1 COLUMN")
    .replace(
      /, column (\S+): (.*)\bor name the column\.$/,
      ", column $1: $2or name the column (--frame, --id, --x, --y).",
    );

/** The tracks of each file. */
export async function readTrackFiles(files: readonly string[], given: Given): Promise<Tracks[]> {
  const columns = Object.fromEntries(
    Object.keys(trackColumns).flatMap((name) => {
      const column = given.text(name);
      return column === undefined ? [] : [[name, column]];
    }),
  );
  const all: Tracks[] = [];
  for (const file of files) {
    try {
      all.push(await readTrackFile(readInput(file), { name: file, ...columns }));
    } catch (error) {
      throw error instanceof InputError ? new InputError(inOptions(error.message)) : error;
    }
  }
  return all;
}
/** What was found in each file, once it is known to be of use: what is refused is refused in one line. */
export function tellTracks(files: readonly string[], all: readonly Tracks[], given: Given): void {
  if (!given.flag("json")) for (const [k, file] of files.entries()) tellGaps(file, all[k] as Tracks);
}
function tellGaps(file: string, { gaps, tracks, step }: Tracks): void {
  const sizes = `${formatCount(tracks.length)} track${tracks.length === 1 ? "" : "s"}, a step of ${step}`;
  const some = gaps.slice(0, 3).map(({ id, after, before }) => `track ${id} between ${after} and ${before}`);
  const split =
    gaps.length === 0 ? "" : `; split at ${gaps.length} gap${gaps.length === 1 ? "" : "s"}: ${some.join(", ")}`;
  process.stderr.write(printable(`${file}: ${sizes}${split}${gaps.length > 3 ? ", ..." : ""}\n`));
}

async function trainModel(given: Given, out: string): Promise<void> {
  const json = given.flag("json");
  if (given.text("csv") !== undefined) {
    throw new InputError("--csv: is for the predictions of --model, and --out trains. Leave it out.");
  }
  const plot = plotOf(given);
  checkOutputs(plot === undefined ? [out] : [out, plot], given.positionals, given);
  const host = await usableHostOf(given);
  const { quantize: _, ...training } = host;
  const tracks = await readTrackFiles(given.positionals, given);
  const test = given.number("test") ?? 0.2;
  const { earlier, later } = splitInTime(tracks, test);
  const seed = given.number("seed") ?? 0;
  const optional = <Value>(name: string, value: Value | undefined) => (value === undefined ? {} : { [name]: value });
  const where = given.positionals.join(", ");
  const sizes = { seen: given.number("seen") ?? 8, predicted: given.number("predict") ?? 12 };
  const windowsIn = (some: readonly Tracks[]): Window[] => some.flatMap((one) => windowsOf(one, sizes));
  checkWindows(windowsIn(tracks), tracks, sizes, where);
  if (test > 0) {
    checkWindows(windowsIn(earlier), earlier, sizes, where, {
      without: `the last ${Number((100 * test).toPrecision(3))} % of the frames, which are held out to measure on,`,
      advice: "a smaller --test, 0 to train on all",
    });
  }
  const options: TrajectoryOptions = {
    ...sizes,
    ...optional("form", given.text("form") as TrajectoryForm | undefined),
    ...optional("units", given.number("units")),
    ...(given.flag("fixed-axes") && { heading: false }),
    seed,
  };
  const tm = await naming(given.positionals, () => trajectoryModel(earlier, options));
  const held = windowsIn(later);
  if (later.length > 0 && held.length === 0) throw nothingHeld(tracks, later, { sizes, test, where });
  tellTracks(given.positionals, tracks, given);
  const epochs = given.number("epochs") ?? 30;
  const started = performance.now();
  const live = !json && isTerminal(process.stderr);
  const saveBest = savingBest(
    out,
    () => writeTrajectoryModel(tm),
    (warning) => warn(warning, json),
  );
  const { result, interrupted } = await naming(given.positionals, () =>
    untilInterrupted("Stopping: the best so far is saved.", (signal) =>
      trainTrajectories(tm, earlier, {
        ...{ epochs, seed, ...training, signal },
        callbacks: [
          {
            onEpochEnd(epoch, logs) {
              saveBest(logs.valLoss);
              if (json) writeJson({ event: "epoch", epoch: epoch + 1, ...logs });
              else if (live) process.stderr.write(`\repoch ${epoch + 1} of ${epochs}, loss ${logs.loss?.toFixed(3)} `);
            },
          },
        ],
      }),
    ),
  );
  const { windows, validationWindows, epoch } = result;
  if (live) process.stderr.write("\n");
  if (!json && validationWindows === 0) {
    process.stderr.write(
      "Trained without validation: the frames are too few to hold out a part of them, so the last epoch is kept.\n",
    );
  }
  if (interrupted) {
    // As a process that the signal ends.
    if (epoch.length === 0) process.exitCode = 130;
    const kept =
      epoch.length === 0 ? "nothing is saved" : validationWindows > 0 ? "the best is kept" : "the last is kept";
    process.stderr.write(`Stopped after ${epoch.length} of ${epochs} epoch${epochs === 1 ? "" : "s"}: ${kept}.\n`);
    if (epoch.length === 0) return;
  }
  checkFiniteValues(tm.model, "the model");
  // Before it is measured, so that a second Ctrl-C loses nothing.
  writeFileAtomically(out, writeTrajectoryModel(tm));
  const futures = given.number("futures") ?? 20;
  const walks = await stepwise(host);
  const measured =
    later.length === 0
      ? undefined
      : await naming(given.positionals, () => evaluateTrajectories(tm, later, { futures, seed, ...walks }));
  if (plot !== undefined)
    await plotWindows(tm, held.length > 0 ? held : windowsIn(tracks), { plot, futures, seed, host: walks });
  const elapsedMs = performance.now() - started;
  if (json) {
    writeJson({ event: "done", windows, validationWindows, futures, ...measured, file: out, elapsedMs });
    return;
  }
  if (measured !== undefined) process.stdout.write(`${tableOf(measured, futures)}\n`);
  const about = `${formatCount(countParameters(tm.model))} parameters, trained on ${formatCount(windows)} window${windows === 1 ? "" : "s"}`;
  process.stderr.write(printable(`Saved ${out}: ${about} in ${(elapsedMs / 1000).toFixed(0)} s.\n`));
}

const counted = (n: number, what: string): string => `${formatCount(n)} ${what}${n === 1 ? "" : "s"}`;

/** Why there is nothing to measure on: what was found, what is needed, what to do. */
function nothingHeld(
  all: readonly Tracks[],
  later: readonly Tracks[],
  { sizes, test, where }: { readonly sizes: WindowSizes; readonly test: number; readonly where: string },
): InputError {
  const longestOf = (some: readonly Tracks[]): number =>
    some.flatMap(({ tracks }) => tracks).reduce((most, { x }) => Math.max(most, x.length), 0);
  const count = all.reduce((sum, { tracks }) => sum + tracks.length, 0);
  const found =
    count === 1
      ? `one track of ${counted(longestOf(all), "row")}`
      : `${counted(count, "track")}, the longest of ${counted(longestOf(all), "row")} without a gap`;
  const share = `${Number((100 * test).toPrecision(3))} %`;
  return new InputError(
    `${where}: has ${found}. The last ${share} of the frames are held out to measure on, which needs ${sizes.seen + sizes.predicted} rows of a track there ` +
      `(${sizes.seen} to see, ${sizes.predicted} to predict); the longest has ${longestOf(later)}. Give longer tracks, a larger --test than ${test}, or --test 0 to train on all and measure nothing.`,
  );
}
/** What `work` gives; what is wrong with the tracks is said with the names of the files in place of the function's. */
export async function naming<Value>(files: readonly string[], work: () => Value | Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(
      error.message.replace(
        /^(?:trajectoryModel|trainTrajectories|evaluateTrajectories|predictTrajectories):/,
        `${files.join(", ")}:`,
      ),
    );
  }
}

/** Scores of the model and of constant velocity, a column each. */
export function tableOf({ model, constantVelocity }: TrajectoryEvaluation, futures: number): string {
  const steps = model.rmse.length;
  const at = [...new Set([1, 2, 3, 4].map((quarter) => Math.ceil((quarter * steps) / 4)))];
  const row = (name: string, of: (scores: Scores) => number, both = true): string[] => {
    const [own, other] = [of(model), of(constantVelocity)];
    const decimals = decimalsFor(both ? Math.max(own, other) : own, 3);
    return [name, shownScore(own, decimals), both ? shownScore(other, decimals) : ""];
  };
  const rows = [
    [`${formatCount(model.windows)} windows`, "model", "constant velocity"],
    row("mean distance (ADE)", ({ ade }) => ade),
    row("distance at the last step (FDE)", ({ fde }) => fde),
    row(`ADE of the best of ${futures}`, ({ minAde }) => minAde, false),
    row(`FDE of the best of ${futures}`, ({ minFde }) => minFde, false),
    ...at.map((step) => row(`RMSE at step ${step}`, ({ rmse }) => rmse[step - 1] as number)),
  ];
  return alignColumns(rows);
}

type PlotOptions = {
  readonly plot: string;
  readonly futures: number;
  readonly seed: number;
  readonly host: Awaited<ReturnType<typeof usableHostOf>>;
};
/** Up to 6 windows, evenly through all that move. */
async function plotWindows(tm: TrajectoryModel, all: readonly Window[], how: PlotOptions): Promise<void> {
  const { seen } = tm.settings;
  const count = Math.min(6, all.length);
  const some = Array.from({ length: count }, (_, k) => all[Math.floor(((k + 0.5) * all.length) / count)] as Window);
  const found = await predictWindows(tm, some, { futures: how.futures, seed: how.seed, ...how.host });
  const panels = some.map((window, n) => ({
    title: `track ${window.id}, frame ${window.frame}`,
    seen: { x: window.x.subarray(0, seen), y: window.y.subarray(0, seen) },
    truth: { x: window.x.subarray(seen), y: window.y.subarray(seen) },
    futures: found[n]?.futures ?? [],
  }));
  writeFileAtomically(how.plot, new TextEncoder().encode(plotFutures(panels)));
}

async function predictTracks(tm: TrajectoryModel, file: string, given: Given): Promise<void> {
  checkFiniteValues(tm.model, file);
  const [plot, csv] = [plotOf(given), given.text("csv")];
  const written = [plot, csv].filter((one) => one !== undefined);
  checkOutputs(written, [file, ...given.positionals], given);
  const host = await usableHostOf(given);
  const tracks = await readTrackFiles(given.positionals, given);
  const [futures, seed] = [given.number("futures") ?? 20, given.number("seed") ?? 0];
  given.positionals.forEach((path, k) => {
    checkStep(tm, [tracks[k] as Tracks], path);
  });
  const found = await naming(given.positionals, () => predictTrajectories(tm, tracks, { futures, seed, ...host }));
  tellTracks(given.positionals, tracks, given);
  if (plot !== undefined) {
    const panels = found
      .slice(0, 6)
      .map(({ id, frame, seen, futures: all }) => ({ title: `track ${id}, frame ${frame}`, seen, futures: all }));
    writeFileAtomically(plot, new TextEncoder().encode(plotFutures(panels)));
  }
  const json = given.flag("json");
  const rows = found.flatMap(({ id, futures: all }) =>
    all.flatMap(({ x, y, probability }, future) =>
      Array.from(x, (value, t) => ({
        ...{ track: id, future: future + 1, step: t + 1 },
        ...{ x: value, y: y[t] as number, probability },
      })),
    ),
  );
  // The library for CSV is loaded where a table is read or written.
  const { writeCsv } = await import("../formats/csv-text.ts");
  const columns = ["track", "future", "step", "x", "y", "probability"];
  if (csv !== undefined) {
    const table = writeCsv(
      columns,
      rows.map((row) => Object.values(row)),
    );
    writeFileAtomically(csv, new TextEncoder().encode(table));
  }
  if (json) for (const row of rows) writeJson(row);
  else {
    const decimals = decimalsOfSteps(found, 3);
    const shown = rows.map(({ track, future, step, x, y, probability }) => [
      ...[track, future, step, ...[x, y].map((one) => (decimals > 12 ? String(one) : one.toFixed(decimals)))],
      probability.toFixed(4),
    ]);
    process.stdout.write(printable(writeCsv(columns, shown)));
    for (const one of written) process.stderr.write(printable(`Saved ${one}.\n`));
  }
  const short = tracks.flatMap((one) => one.tracks).length - found.length;
  if (!json && short > 0) {
    const left = `${formatCount(short)} track${short === 1 ? "" : "s"} with fewer than ${tm.settings.seen} steps left out`;
    process.stderr.write(`${left}.\n`);
  }
}
