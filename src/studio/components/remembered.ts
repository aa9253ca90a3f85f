/** Settings and texts that the browser remembers, by name; where it gives no storage, the page does until it is closed. */
import { notify } from "../notices.ts";

const inPage = { localStorage: new Map<string, string>(), sessionStorage: new Map<string, string>() };
type Kind = keyof typeof inPage;

/** `sessionStorage`: for this tab alone. */
export function remember(name: string, text: string, kind: Kind = "localStorage"): void {
  try {
    globalThis[kind].setItem(name, text);
    inPage[kind].delete(name);
  } catch {
    inPage[kind].set(name, text);
    notify("settings", { text: "This browser does not remember settings for the page: they last until it is closed." });
  }
}

export function remembered(name: string, kind: Kind = "localStorage"): string | undefined {
  const here = inPage[kind].get(name);
  if (here !== undefined) return here;
  try {
    return globalThis[kind].getItem(name) ?? undefined;
  } catch {
    return undefined;
  }
}
