/** What the reader of any room should know: one line each, until it is over. */
import { useEffect, useState } from "preact/hooks";

export type Notice = {
  readonly text: string;
  /** What can be done about it. */
  readonly action?: { readonly label: string; readonly run: () => void };
};

let notices: ReadonlyMap<string, Notice> = new Map();
const changed = new EventTarget();

/** Say it, in the place of what was said under this name; undefined says nothing any more. */
export function notify(name: string, notice: Notice | undefined): void {
  const before = notices.get(name);
  if (before?.text === notice?.text) return;
  const next = new Map(notices);
  if (notice === undefined) next.delete(name);
  else next.set(name, notice);
  notices = next;
  changed.dispatchEvent(new Event("change"));
}

export function useNotices(): readonly (readonly [name: string, notice: Notice])[] {
  const [seen, setSeen] = useState(notices);
  useEffect(() => {
    const follow = (): void => setSeen(notices);
    follow();
    changed.addEventListener("change", follow);
    return () => changed.removeEventListener("change", follow);
  }, []);
  return [...seen];
}
