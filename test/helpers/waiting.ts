/** Waiting for time to pass, for something to be so, and for what a process says. The runner's limit ends what waits in vain. */
import type { Readable } from "node:stream";

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Resolves once it is so. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await pause(5);
}

/**
 * What a process has said on a stream, from now on, once that holds a text or matches; by default the first line.
 * @throws Error with what it said where the stream ends before
 */
export function said(stream: Readable | null, what: string | RegExp = /\n/): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    stream?.on("data", (chunk: string | Uint8Array) => {
      text += typeof chunk === "string" ? chunk : new TextDecoder().decode(chunk);
      if (typeof what === "string" ? text.includes(what) : what.test(text)) resolve(text);
    });
    stream?.on("close", () => reject(new Error(`it ended before it said ${what}: ${text}`)));
  });
}
