/** `unrolled sweep`: train many text models with other settings each, and keep the best. */
import { cells as builtIn } from "../cells/index.ts";
import { decodeText } from "../formats/decode-text.ts";
import { readInput } from "../formats/files.ts";
import type { Cell } from "../graph/cell.ts";
import { InputError } from "../graph/input-error.ts";
import { filesOf, type SweepTrial, type TrialStatus } from "../sweep/folder.ts";
import type { SamplerName } from "../sweep/samplers.ts";
import { readSpace, type SweepSpace } from "../sweep/space.ts";
import { type Names, type SweepOptions, type SweepResult, type SweepTraining, sweepAs } from "../sweep/sweep.ts";
import { childFile } from "../sweep/trial-process.ts";
import { readCell } from "./cell-argument.ts";
import { hostOptions, usableHostOf } from "./host-options.ts";
import { untilInterrupted } from "./interrupt.ts";
import type { Command, Given } from "./options.ts";
import { formatCount, printable, warn, writeJson } from "./output.ts";
import { sweepProgress, trialTable } from "./sweep-progress.ts";
import { field, isLines, readTexts } from "./texts.ts";
import { mobyDick } from "./train.ts";
import { settingOptions, settingsOf } from "./training-settings.ts";

const { minutes: _, seed: __, ...fixed } = settingOptions;

export const sweep: Command = {
  name: "sweep",
  usage: "sweep [FILE|FOLDER] --space space.json [options]",
  summary: "search the settings of a text model (on Moby-Dick without FILE)",
  details: [
    "The space is JSON: for each setting that is searched a list of values or a",
    'range, {"units": [64, 128], "rate": {"from": 0.001, "to": 0.03, "scale": "log"}};',
    "all other options of a training are the same for all trials. A trial is better",
    "by its validation loss. --asha stops early what others do better than: trials",
    "are compared at rungs, after a part of their training, and one of three goes on.",
    "",
    "Trains with one process for each core, or, with --redis, by workers of any",
    "machine: unrolled worker. A worker that is killed loses no trial. Writes to the",
    "folder best.safetensors, results.jsonl, the page sweep.html, and all models.",
    "Ctrl-C leaves what is under way; --resume goes on, also with more --trials.",
  ].join("\n"),
  examples: [
    "sweep book.txt --space space.json --trials 60 --asha --epochs 3",
    "sweep book.txt --space space.json --trials 60 --redis redis://10.0.0.5:6379",
  ],
  outlivesReader: true,
  arguments: [0, 1],
  options: {
    space: { value: "FILE", help: "the settings to search, as JSON" },
    out: { value: "FOLDER", help: "folder of the results [sweep]" },
    trials: { value: "N", help: "how many [20; all of a grid]", number: { whole: true, min: 1, max: 10_000 } },
    sampler: { value: "NAME", help: "which points [random]", choices: ["random", "sobol", "grid"] },
    asha: { help: "stop trials early" },
    reduction: { value: "N", help: "one of N goes on at a rung [3]", number: { whole: true, min: 2, max: 100 } },
    rungs: {
      value: "N",
      help: "how many, with the end [4, or as trials fill]",
      number: { whole: true, min: 2, max: 20 },
    },
    updates: { value: "N", help: "length of a training, instead of epochs", number: { whole: true, min: 1 } },
    workers: { value: "N", help: "processes that train [cores / threads]", number: { whole: true, min: 1, max: 256 } },
    redis: { value: "URL", help: "let workers at this Redis train" },
    seed: { ...settingOptions.seed, value: "N", help: "seed of the sampler and of all trainings [0]" },
    field,
    ...fixed,
    "validation-file": { value: "FILE", help: "a text to validate on, instead of --validation" },
    ...hostOptions("of each process [1]"),
    resume: { help: "go on with the sweep in --out" },
    overwrite: { help: "begin anew and replace the sweep in --out" },
  },
  run,
};

const names = (space: string): Names => ({
  ...{ space, trials: "--trials", sampler: "--sampler", asha: "--asha", epochs: "--epochs" },
  ...{ validation: "--validation", resume: "--resume", overwrite: "--overwrite" },
  fixed: (name) => `--${name}`,
});

async function run(given: Given): Promise<void> {
  const { text, number, flag } = given;
  const json = flag("json");
  const spaceFile = text("space");
  if (spaceFile === undefined)
    throw new InputError("--space is missing. Give a file of the settings to search: --space space.json.");
  for (const name of ["reduction", "rungs"]) {
    if (text(name) !== undefined && !flag("asha")) throw new InputError(`--${name}: is for --asha. Add it.`);
  }
  for (const name of ["workers", "threads", "engine"]) {
    if (text(name) === undefined || text("redis") === undefined) continue;
    throw new InputError(`--${name}: with --redis the workers say it themselves. Leave it out.`);
  }
  const space = readSpaceFile(spaceFile);
  const axes = readSpace(space, spaceFile);
  const validationFile = text("validation-file");
  // Checks what excludes each other, and the defaults that only one of the options has.
  settingsOf(given, { validationFile: validationFile !== undefined });
  const training = trainingOf(given);
  const searched = axes.flatMap((axis) =>
    axis.name === "cell" && axis.kind === "list" ? axis.values.map(String) : [],
  );
  const host = await usableHostOf(given);
  const path = given.positionals[0] ?? mobyDick();
  const texts = readTexts(path, "to train on", text("field"));
  const folder = text("out") ?? "sweep";
  const [seed, trials, sampler] = [number("seed"), number("trials"), text("sampler") as SamplerName | undefined];
  const [reduction, rungs, workers] = [number("reduction"), number("rungs"), number("workers")];
  const options: SweepOptions = {
    ...{ space, folder, training, resume: flag("resume"), overwrite: flag("overwrite"), redis: text("redis") },
    ...{ cells: cellsOf([...searched, ...(training.cell === undefined ? [] : [training.cell])]) },
    ...(validationFile !== undefined && {
      validationText: readTexts(validationFile, "to validate on", isLines(validationFile) ? text("field") : undefined),
    }),
    ...(trials !== undefined && { trials }),
    ...(sampler !== undefined && { sampler }),
    ...(seed !== undefined && { seed }),
    ...(workers !== undefined && { workers }),
    ...(host.engine !== undefined && { engine: host.engine }),
    threads: host.threads ?? 1,
    ...(flag("asha") && {
      asha: { ...(reduction !== undefined && { reduction }), ...(rungs !== undefined && { rungs }) },
    }),
    program: new URL(`../sweep/${childFile}`, import.meta.url),
  };
  const progress = json ? undefined : sweepProgress(process.stderr);
  let allRungs = 1;
  const leaving =
    options.redis === undefined
      ? "Stopping: what is under way is kept."
      : "Leaving: workers end what they have begun, and --resume fetches it.";
  try {
    const { result } = await untilInterrupted(leaving, (signal) =>
      sweepAs(names(spaceFile), texts, {
        ...options,
        signal,
        onEvent(event) {
          if (event.kind === "start") {
            const { points, trials: begun, tokens, vocabulary, rungs: all } = event;
            allRungs = all;
            if (json) {
              writeJson({
                event: "start",
                trials: points,
                begun: begun.length,
                tokens,
                vocabulary,
                rungs: all,
                folder,
              });
              return;
            }
            const sizes = `${formatCount(tokens)} tokens, vocabulary ${formatCount(vocabulary)}, ${points} trials`;
            progress?.say(`${given.positionals[0] ?? "Moby-Dick"}: ${sizes}${all > 1 ? `, ${all} rungs` : ""}`);
            progress?.start(points, begun, all);
          } else if (event.kind === "trial") {
            progress?.trial(event.trial, event.trials);
            if (json) writeJson(trialLine(event.trial, event.trials));
          } else if (event.kind === "progress") {
            progress?.running(event.trial, event.tokensPerSecond);
            const { kind: event_, ...rest } = event;
            if (json) writeJson({ event: event_, ...rest });
          } else if (progress === undefined) warn(event.message, json);
          else progress.say(event.message);
        },
      }),
    );
    progress?.end();
    tell(result, { json, folder, rungs: allRungs });
    // A connection that was lost is still tried again, by timers that nothing ends.
    if (options.redis !== undefined) process.exit();
  } finally {
    progress?.end();
  }
}

function trialLine(trial: SweepTrial, trials: readonly SweepTrial[]): object {
  const { trial: number, status, rungs, updates, of, loss, options, message } = trial;
  const best = loss !== null && trials.every((other) => other.loss === null || other.loss >= loss);
  return {
    ...{ event: "trial", trial: number, status, rung: rungs.length, updates, of, loss, best, options },
    ...(message !== undefined && { message }),
  };
}

function tell(result: SweepResult, { json, folder, rungs }: { json: boolean; folder: string; rungs: number }): void {
  const { trials, best, stopped, updates } = result;
  const files = filesOf(folder);
  const count = (status: TrialStatus): number => trials.filter((trial) => trial.status === status).length;
  if (best === undefined && !stopped) {
    const first = trials.find(({ message }) => message !== undefined);
    throw new InputError(`no trial could be measured. Trial ${first?.trial}: ${first?.message}`);
  }
  if (json) {
    writeJson({
      ...{ event: "done", ended: stopped ? "stopped" : "finished", trials: trials.length },
      ...{
        finished: count("finished"),
        stopped: count("stopped"),
        diverged: count("diverged"),
        failed: count("failed"),
      },
      ...{ running: count("running"), updates },
      best: best === undefined ? null : { trial: best.trial, loss: best.loss, options: best.options },
      file: best === undefined ? null : files.best,
    });
    return;
  }
  const counts = (["finished", "stopped", "diverged", "failed", "running"] as const)
    .filter((status) => count(status) > 0)
    .map((status) => `${count(status)} ${words[status]}`);
  const lines = [
    ...trialTable(trials, 10, rungs),
    `${trials.length} trials: ${counts.join(", ")}; ${formatCount(updates)} updates.`,
    ...(best === undefined
      ? []
      : [`Saved ${files.best}: trial ${best.trial}, loss ${(best.loss as number).toFixed(4)}. See ${files.page}.`]),
    ...(stopped ? ["Go on with --resume."] : []),
  ];
  process.stderr.write(printable(`${lines.join("\n")}\n`));
}

const words: Readonly<Record<TrialStatus, string>> = {
  ...{ finished: "trained to the end", stopped: "stopped early", diverged: "diverged", failed: "failed" },
  running: "under way",
};

function readSpaceFile(path: string): SweepSpace {
  try {
    return JSON.parse(decodeText(readInput(path), path)) as SweepSpace;
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`${path}: is not valid JSON: ${(error as Error).message.replace(/\s+/g, " ")}`);
  }
}

/** The options of a training that were given, by their names. */
function trainingOf({ text, number }: Given): SweepTraining {
  const given = Object.entries({ ...fixed, updates: sweep.options.updates, seed: sweep.options.seed }).flatMap(
    ([name, option]) => {
      const value = option?.number === undefined ? text(name) : number(name);
      return value === undefined ? [] : [[name, value] as const];
    },
  );
  return Object.fromEntries(given);
}

/** The cells of files; a name that is no file's is a built-in cell's, or is refused. */
function cellsOf(wanted: readonly string[]): Readonly<Record<string, Cell>> {
  return Object.fromEntries(
    wanted.flatMap((name) => {
      if (Object.hasOwn(builtIn, name)) return [];
      const cell = readCell(name);
      return typeof cell === "string" ? [] : [[name, cell] as const];
    }),
  );
}
