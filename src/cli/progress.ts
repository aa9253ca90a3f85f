/**
 * Show the progress of a training on standard error. In a terminal: a chart of the losses and a bar that change in
 * place, below lines that stay, one for each validation, with a sample of the model's text. Otherwise, plain lines.
 */
import type { Progress } from "../train/fit-stream-options.ts";
import { createLiveLines, type Size, sizeOf } from "./live-lines.ts";
import { lossChart, type Point } from "./loss-chart.ts";
import { formatCount, isTerminal, printable, styled, wrap } from "./output.ts";

export type ProgressPrinter = {
  readonly show: (progress: Progress) => void;
  /** Show a text that the model has just generated. */
  readonly sample: (text: string) => void;
  /** Leave the changing lines as they are, with a line that tells how far the training is below the chart. */
  readonly end: () => void;
};

/** Without a terminal, the interval of lines besides those with a validation. */
const plainEveryMs = 10_000;
/** More points than a chart has columns. */
const maxPoints = 1000;

/** @param perCharacter whether a token is a character; then bits per character say more than the perplexity */
export function progressPrinter(perCharacter: boolean, stream: NodeJS.WriteStream = process.stderr): ProgressPrinter {
  const training: Curve = { points: [], reports: 1, ofLast: 0 };
  const validation: Point[] = [];
  let latest: Progress | undefined;
  let lastPlainMs = 0;
  let ended = false;
  // One column less, because a full line would wrap.
  const line = (p: Progress, bar: boolean): string =>
    describe(p, perCharacter, { bar, width: isTerminal(stream) ? sizeOf(stream).columns - 1 : 200 });
  const draw = ({ columns, rows }: Size): string[] => {
    if (latest === undefined) return [];
    const chart = lossChart(
      { training: training.points, validation },
      {
        width: Math.min(columns - 1, 100),
        // In a low terminal, most rows are for the lines above.
        height: Math.min(7, Math.floor(0.3 * rows)) + 2,
        paint: (text, curve) => styled(text, curve === "training" ? "cyan" : "yellow", stream),
      },
    );
    return [...chart, line(latest, !ended)];
  };
  const live = isTerminal(stream) && process.env.CI === undefined ? createLiveLines(draw, stream) : undefined;

  function end(): void {
    if (ended) return;
    ended = true;
    live?.refresh();
    live?.end();
  }
  return {
    show(p) {
      if (Number.isNaN(p.loss)) return; // Training has taken no step yet.
      latest = p;
      add(training, p);
      if (p.validationLoss !== null && Number.isFinite(p.validationLoss))
        validation.push({ epoch: p.epoch, loss: p.validationLoss });
      if (live !== undefined) {
        if (p.milestone && p.done === 1) end();
        else if (p.milestone) live.print(`${line(p, false)}\n`);
        else live.refresh();
      } else if (p.milestone || p.elapsedMs - lastPlainMs > plainEveryMs) {
        stream.write(`${line(p, false)}\n`);
        lastPlainMs = p.elapsedMs;
      }
    },
    sample(text) {
      const indent = " ".repeat(6);
      const shown = printable(text).replaceAll("\n", "↵").replaceAll("\t", "→");
      const width = isTerminal(stream)
        ? Math.max(1, sizeOf(stream).columns - 1 - indent.length)
        : Number.POSITIVE_INFINITY;
      const lines = wrap(shown, width).map((part) => `${indent}${styled(part, "dim", stream)}\n`);
      if (live === undefined || ended) stream.write(lines.join(""));
      else live.print(lines.join(""));
    },
    end,
  };
}

/**
 * A curve of any length in few points: each point is the mean of the same number of reports, except the last one, which
 * can have fewer.
 */
type Curve = { points: Point[]; reports: number; ofLast: number };

function add(curve: Curve, { epoch, loss }: Point): void {
  const last = curve.points.at(-1);
  if (last !== undefined && curve.ofLast < curve.reports) {
    curve.ofLast++;
    curve.points[curve.points.length - 1] = { epoch, loss: last.loss + (loss - last.loss) / curve.ofLast };
    return;
  }
  if (curve.points.length === maxPoints) {
    curve.points = curve.points.flatMap((point, k, all) =>
      k % 2 === 0 ? [] : [{ epoch: point.epoch, loss: ((all[k - 1] as Point).loss + point.loss) / 2 }],
    );
    curve.reports *= 2;
  }
  curve.points.push({ epoch, loss });
  curve.ofLast = 1;
}

/** Numbers in columns, so that they keep their places; in a narrow line, the least important ones are left out. */
export function describe(p: Progress, perCharacter: boolean, { bar, width }: { bar: boolean; width: number }): string {
  const validation = bar ? null : p.validationLoss;
  const measure = (loss: number): string =>
    perCharacter ? `${(loss / Math.LN2).toFixed(2)} bits/char` : `perplexity ${Math.exp(loss).toFixed(1)}`;
  const percent = `${Math.floor(100 * p.done)}%`.padStart(4);
  // The last one is left out first.
  const parts: [importance: number, text: string][] = [
    [9, bar ? `${drawBar(p.done, Math.min(20, Math.floor(width / 4)))} ${percent}` : percent],
    [1, `step ${formatCount(p.step).padStart(7)}`],
    [8, `loss ${fixed(p.loss)}`],
    [7, validation === null ? "" : `validation ${fixed(validation)}`],
    [3, validation === null || validation > 100 ? "" : `(${measure(validation)})`],
    [2, `${formatCount(Math.round(p.tokensPerSecond)).padStart(7)} tokens/s`],
    // Not useful in a line that stays.
    [4, p.milestone && !bar ? "" : `${duration(p.remainingMs)} left`],
  ];
  let kept = parts.filter(([, text]) => text !== "");
  const line = (): string => kept.map(([, text]) => text).join("  ");
  while (kept.length > 1 && line().length > width) {
    const least = Math.min(...kept.map(([importance]) => importance));
    kept = kept.filter(([importance]) => importance !== least);
  }
  return line().slice(0, width);
}

/** A number that stays short even if the training diverges. */
const fixed = (loss: number): string => (loss < 1e4 ? loss.toFixed(3) : loss.toExponential(1));

/** A bar of so many columns, of which the part that is done is full. */
export function drawBar(done: number, width: number): string {
  const eighths = Math.round(Math.max(0, Math.min(1, done)) * width * 8);
  const full = "█".repeat(Math.floor(eighths / 8));
  const part = eighths % 8 === 0 ? "" : (" ▏▎▍▌▋▊▉"[eighths % 8] as string);
  return `${full}${part}`.padEnd(width, "░");
}

export function duration(ms: number): string {
  if (!Number.isFinite(ms)) return "?";
  const seconds = Math.round(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  const two = (n: number): string => String(n).padStart(2, "0");
  if (minutes === 0) return `${seconds} s`;
  if (minutes < 60) return `${minutes} min ${two(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}
