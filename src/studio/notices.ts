/** Notices for the reader of any view: one line each, until they are resolved. */
import { createShared } from "./shared.ts";

export type Notice = {
  readonly text: string;
  /** The action that the notice offers. */
  readonly action?: { readonly label: string; readonly run: () => void };
};

const notices = createShared<ReadonlyMap<string, Notice>>(new Map());

/** Show a notice in place of the previous one under this name; undefined removes it. */
export function notify(name: string, notice: Notice | undefined): void {
  const before = notices.get();
  if (before.get(name)?.text === notice?.text) return;
  const next = new Map(before);
  if (notice === undefined) next.delete(name);
  else next.set(name, notice);
  notices.set(next);
}

export const useNotices = (): readonly (readonly [name: string, notice: Notice])[] => [...notices.use()];
