/** Training progress on standard error: one line that changes in a terminal, plain lines elsewhere. */
import type { Progress } from "../train/fit-stream.ts";
import { formatCount, isTerminal } from "./output.ts";

export type ProgressPrinter = { readonly show: (progress: Progress) => void; readonly end: () => void };

/** Without a terminal, a line this often besides those with a validation. */
const plainEveryMs = 10_000;

/** `perCharacter` where a token is a character: bits a character mean more than perplexity there. */
export function progressPrinter(perCharacter: boolean, stream: NodeJS.WriteStream = process.stderr): ProgressPrinter {
  const terminal = isTerminal(stream) && process.env.CI === undefined;
  let lastPlainMs = 0;
  let shown = false;
  return {
    show(p) {
      if (Number.isNaN(p.loss)) return; // No step was taken yet.
      const lasting = p.validationLoss !== null;
      if (terminal) {
        // One write: a clear of its own would flicker. One column less: a full line would wrap.
        const line = describe(p, perCharacter, { bar: !lasting, width: Math.max(20, (stream.columns || 80) - 1) });
        stream.write(`\r${line}\x1b[K${lasting ? "\n" : ""}`);
        shown = !lasting;
      } else if (lasting || p.elapsedMs - lastPlainMs > plainEveryMs) {
        stream.write(`${describe(p, perCharacter, { bar: false, width: 200 })}\n`);
        lastPlainMs = p.elapsedMs;
      }
    },
    end() {
      if (shown) stream.write("\r\x1b[K");
      shown = false;
    },
  };
}

/** Numbers in columns, so that they stay in place; where the line is narrow, what matters least is left out. */
export function describe(p: Progress, perCharacter: boolean, { bar, width }: { bar: boolean; width: number }): string {
  const validation = p.validationLoss;
  const measure = (loss: number): string =>
    perCharacter ? `${(loss / Math.LN2).toFixed(2)} bits/char` : `perplexity ${Math.exp(loss).toFixed(1)}`;
  const percent = `${Math.floor(100 * p.done)}%`.padStart(4);
  // What goes first is at the end.
  const parts: [importance: number, text: string][] = [
    [9, bar ? `${drawBar(p.done)} ${percent}` : percent],
    [1, `step ${formatCount(p.step).padStart(7)}`],
    [8, `loss ${fixed(p.loss)}`],
    [7, validation === null ? "" : `validation ${fixed(validation)}`],
    [3, validation === null || validation > 100 ? "" : `(${measure(validation)})`],
    [2, `${formatCount(Math.round(p.tokensPerSecond)).padStart(7)} tokens/s`],
    // Of no use in a line that stays.
    [4, validation === null ? `${duration(p.remainingMs)} left` : ""],
  ];
  let kept = parts.filter(([, text]) => text !== "");
  const line = (): string => kept.map(([, text]) => text).join("  ");
  while (kept.length > 1 && line().length > width) {
    const least = Math.min(...kept.map(([importance]) => importance));
    kept = kept.filter(([importance]) => importance !== least);
  }
  return line().slice(0, width);
}

/** Short also where training goes astray. */
const fixed = (loss: number): string => (loss < 1e4 ? loss.toFixed(3) : loss.toExponential(1));

function drawBar(done: number): string {
  const width = 20;
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
