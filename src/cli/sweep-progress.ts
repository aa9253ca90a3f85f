/** Show how a sweep goes on: the best trials as a table that changes in place, or a line for each that was measured. */
import { bestOf, type SweepTrial } from "../sweep/results.ts";
import { createLiveLines, type Size } from "./live-lines.ts";
import { alignColumns, formatCount, isTerminal, printable, styled } from "./output.ts";
import { drawBar, duration } from "./progress.ts";

export type SweepProgress = {
  readonly start: (points: number, trials: readonly SweepTrial[], rungs: number) => void;
  readonly trial: (trial: SweepTrial, trials: readonly SweepTrial[]) => void;
  readonly running: (trial: number, tokensPerSecond: number) => void;
  /** Print a line that stays. */
  readonly say: (line: string) => void;
  readonly end: () => void;
};

/** As many trials as are shown while the sweep goes on, and how often the table is drawn again at most. */
const shownTrials = 5;
const drawEveryMs = 250;

export function sweepProgress(stream: NodeJS.WriteStream): SweepProgress {
  let [points, rungs] = [0, 1];
  let trials: readonly SweepTrial[] = [];
  const startMs = performance.now();
  let drawnMs = -Infinity;
  const speeds = new Map<number, number>();

  let ended = false;
  function draw({ columns }: Size): readonly string[] {
    // Before the sweep begins there is nothing to show, and after it the table of its results.
    if (points === 0 || ended) return [];
    const rows = trialTable(trials, shownTrials, rungs).map((row) => row.slice(0, columns - 1));
    const over = trials.filter(({ status }) => status !== "running").length;
    const speed = [...speeds.values()].reduce((sum, one) => sum + one, 0);
    const parts = [
      `${drawBar(points === 0 ? 0 : over / points, Math.min(20, Math.floor(columns / 4)))} ${over} of ${points} trials`,
      `${trials.length - over} train`,
      ...(speed > 0 ? [`${formatCount(Math.round(speed))} tokens/s`] : []),
      duration(performance.now() - startMs),
    ];
    while (parts.length > 1 && parts.join("  ").length > columns - 1) parts.pop();
    const [head = "", ...body] = rows;
    return [...(trials.length === 0 ? [] : [styled(head, "dim", stream), ...body]), parts.join("  ")];
  }
  const live = isTerminal(stream) && process.env.CI === undefined ? createLiveLines(draw, stream) : undefined;
  const refresh = (now: boolean): void => {
    if (live === undefined || (!now && performance.now() - drawnMs < drawEveryMs)) return;
    drawnMs = performance.now();
    live.refresh();
  };
  return {
    start(count, begun, all) {
      [points, trials, rungs] = [count, begun, all];
      refresh(true);
    },
    trial(trial, all) {
      trials = all;
      speeds.delete(trial.trial);
      if (live === undefined) stream.write(`${printable(trialLine(trial, trials, points))}\n`);
      else refresh(true);
    },
    running(trial, tokensPerSecond) {
      speeds.set(trial, tokensPerSecond);
      refresh(false);
    },
    say(line) {
      if (live === undefined) stream.write(`${printable(line)}\n`);
      else live.print(`${printable(line)}\n`);
    },
    end() {
      if (ended) return;
      ended = true;
      live?.refresh();
      live?.end();
    },
  };
}

const optionsOf = ({ options }: SweepTrial): string =>
  Object.entries(options)
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");

/** One line of a trial that has come to a rung. */
function trialLine(trial: SweepTrial, trials: readonly SweepTrial[], points: number): string {
  const { loss, message } = trial;
  const found = loss === null ? trial.status : `loss ${loss.toFixed(4)}`;
  return [
    `trial ${String(trial.trial).padStart(String(points).length)} of ${points}`,
    `${formatCount(trial.updates)} of ${formatCount(trial.of)} updates`,
    `${found}${bestOf(trials) === trial ? ", the best" : ""}`,
    optionsOf(trial),
    ...(trial.status === "failed" && message !== undefined ? [message] : []),
  ].join("  ");
}

/** The best trials as aligned lines, under a line of names; those that diverged or failed come last. */
export function trialTable(trials: readonly SweepTrial[], count: number, rungs: number): readonly string[] {
  const names = Object.keys(trials[0]?.options ?? {});
  const best = trials
    .filter(({ rungs: reached }) => reached.length > 0)
    .toSorted((a, b) => (a.loss ?? Infinity) - (b.loss ?? Infinity) || a.trial - b.trial)
    .slice(0, count);
  const rows = best.map((trial) => [
    String(trial.trial),
    trial.loss === null ? trial.status : trial.loss.toFixed(4),
    formatCount(trial.updates),
    ...(rungs > 1 ? [`${trial.rungs.length}/${rungs}`] : []),
    ...names.map((name) => String(trial.options[name])),
  ]);
  const head = ["trial", "loss", "updates", ...(rungs > 1 ? ["rung"] : []), ...names];
  return alignColumns(
    [head, ...rows],
    head.map((_, k) => k),
  ).split("\n");
}
