/** Training progress on standard error: one line that changes in a terminal, plain lines elsewhere. */
import type { Progress } from "../train/fit.ts";

export type ProgressPrinter = { readonly show: (progress: Progress) => void; readonly end: () => void };

/** `perCharacter` where a token is a character: bits a character mean more than perplexity there. */
export function progressPrinter(perCharacter: boolean, stream: NodeJS.WriteStream = process.stderr): ProgressPrinter {
  const terminal = stream.isTTY === true && process.env.CI === undefined;
  let lastPlainMs = Number.NEGATIVE_INFINITY;
  let shown = false;
  const clear = (): void => {
    if (shown) stream.write("\r\x1b[K");
    shown = false;
  };
  return {
    show(p) {
      const line = describe(p, perCharacter, terminal ? Math.max(20, (stream.columns ?? 80) - 1) : 200);
      const lasting = p.validationLoss !== null;
      if (terminal) {
        clear();
        stream.write(lasting ? `${line}\n` : line);
        shown = !lasting;
      } else if (lasting || p.elapsedMs - lastPlainMs > 10_000) {
        stream.write(`${line}\n`);
        lastPlainMs = p.elapsedMs;
      }
    },
    end: clear,
  };
}

function describe(p: Progress, perCharacter: boolean, width: number): string {
  const validation = p.validationLoss;
  const measure = (loss: number): string =>
    perCharacter ? `${(loss / Math.LN2).toFixed(2)} bits/char` : `perplexity ${Math.exp(loss).toFixed(1)}`;
  const parts = [
    `${bar(p.done)} ${Math.round(100 * p.done)
      .toString()
      .padStart(3)}%`,
    `step ${p.step}`,
    `loss ${p.loss.toFixed(3)}`,
    validation === null ? "" : `validation ${validation.toFixed(3)} (${measure(validation)})`,
    `${Math.round(p.tokensPerSecond).toLocaleString("en")} tokens/s`,
    p.done < 1 ? `${duration(p.remainingMs)} left` : duration(p.elapsedMs),
  ].filter((part) => part !== "");
  while (parts.length > 2 && parts.join("  ").length > width) parts.splice(validation === null ? 1 : 4, 1);
  return parts.join("  ").slice(0, width);
}

function bar(done: number): string {
  const width = 20;
  const eighths = Math.round(done * width * 8);
  const full = "█".repeat(Math.floor(eighths / 8));
  const part = eighths % 8 === 0 ? "" : (" ▏▎▍▌▋▊▉"[eighths % 8] as string);
  return `${full}${part}`.padEnd(width, "░");
}

export function duration(ms: number): string {
  if (!Number.isFinite(ms)) return "?";
  const seconds = Math.round(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  return minutes === 0 ? `${seconds} s` : `${minutes} min ${String(seconds % 60).padStart(2, "0")} s`;
}
