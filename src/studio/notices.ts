/** What the reader of any view should know: one line each, until it is over. */
import { createShared } from "./shared.ts";

export type Notice = {
  readonly text: string;
  /** What can be done about it. */
  readonly action?: { readonly label: string; readonly run: () => void };
};

const notices = createShared<ReadonlyMap<string, Notice>>(new Map());

/** Say it, in the place of what was said under this name; undefined says nothing any more. */
export function notify(name: string, notice: Notice | undefined): void {
  const before = notices.get();
  if (before.get(name)?.text === notice?.text) return;
  const next = new Map(before);
  if (notice === undefined) next.delete(name);
  else next.set(name, notice);
  notices.set(next);
}

export const useNotices = (): readonly (readonly [name: string, notice: Notice])[] => [...notices.use()];
