/** How far a conversion is, as a bar in the terminal, where it takes long enough to be seen. Knows nothing about models. */
import { createLiveLines } from "./live-lines.ts";
import { formatCount, isTerminal } from "./output.ts";
import { drawBar } from "./progress.ts";

/** Of smaller files, no bar is shown: they take less than a second. */
const leastBytes = 2 ** 26;

/** What is told of a conversion. */
export type ConversionProgress = {
  /** What is done now, and how many bytes are left from here on, where that is known. */
  readonly phase: (name: string, left?: number) => void;
  /** So many bytes more are done. */
  readonly add: (bytes: number) => void;
  /** Leave the terminal as it was. */
  readonly end: () => void;
};

const nothing = (): void => {};
/** A bar on standard error, if that is a terminal. @param bytes of the file that is converted, into about as many */
export function conversionProgress(bytes: number, stream: NodeJS.WriteStream = process.stderr): ConversionProgress {
  if (bytes < leastBytes || !isTerminal(stream) || process.env.CI !== undefined) {
    return { phase: nothing, add: nothing, end: nothing };
  }
  let [name, total, done, ended] = ["", 2 * bytes, 0, false];
  const live = createLiveLines(({ columns }) => {
    const megabytes = (count: number): string => formatCount(Math.round(count / 1e6));
    const bar = drawBar(done / total, Math.min(20, Math.floor(columns / 4)));
    const line = `${bar}  ${megabytes(done)} of ${megabytes(total)} MB  ${name}`;
    return ended ? [] : [line.slice(0, columns - 1)];
  }, stream);
  return {
    phase(now, left) {
      name = now;
      if (left !== undefined) total = done + left;
      live.refresh();
    },
    add(more) {
      done += more;
      live.refresh();
    },
    end() {
      ended = true;
      live.refresh();
      live.end();
    },
  };
}
