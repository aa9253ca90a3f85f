/** Runs of toy tasks as CSV. */
import type { ToyRun } from "./running.ts";

/** A text with commas, quotes or line ends stands in quotes. */
const field = (value: string | number): string => {
  const text = `${value}`;
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};
const table = (rows: readonly (readonly (string | number)[])[]): string =>
  rows.map((row) => `${row.map(field).join(",")}\n`).join("");

const settingNames = [
  ...["run", "task", "shortest", "longest", "alphabet", "cell", "units", "layers", "batch", "learning_rate"],
  ...["clip_norm", "updates", "seed"],
];

/** A row for each run: its settings, and what came of it. Shares are of 1; `exact_by_length` has pairs of length and share. */
export function runsAsCsv(runs: readonly ToyRun[]): string {
  const head = [
    ...settingNames,
    ...["updates_made", "loss", "answers", "exact", "exact_by_length", "parameters", "met", "seconds"],
  ];
  const rows = runs.map(({ id, settings, latest, end }) => [
    ...[id, settings.task, settings.shortest, settings.longest, settings.alphabet],
    typeof settings.cell === "string" ? settings.cell : settings.cell.equations,
    ...[settings.units, settings.layers, settings.batch, settings.learningRate, settings.clipNorm],
    ...[settings.updates, settings.seed, latest.updates, latest.loss, latest.held.answers, latest.held.exact],
    latest.byLength.scores.map(({ length, exact }) => `${length}:${exact}`).join(" "),
    ...[end.parameters, latest.met, (latest.elapsedMs / 1000).toFixed(3)],
  ]);
  return table([head, ...rows]);
}

/** A row for each report of each run. */
export function curvesAsCsv(runs: readonly ToyRun[]): string {
  const rows = runs.flatMap(({ id, points }) =>
    points.map(({ updates, trainingLoss, loss, answers, exact }) => [
      ...[id, updates, trainingLoss ?? "", loss, answers, exact],
    ]),
  );
  return table([["run", "updates", "training_loss", "loss", "answers", "exact"], ...rows]);
}
