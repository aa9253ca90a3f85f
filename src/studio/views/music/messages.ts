/** What the engine says of music, in the words of the page: without names of functions and of options. */
import { messageOf } from "../../loading.ts";

export const said = (error: unknown): string =>
  messageOf(error)
    .replace(/^(?:musicModel|trainMusic|generateMusic): (.)/, (_, first: string) => first.toUpperCase())
    .replace(/, or read it with `repair`\.$/, ", or here.");

/** Whether files that were refused can be read, once notes are mended or a tune that breaks off is left out. */
export const isMendable = (message: string): boolean => /, or here\.$|: line \d+: /.test(message);
