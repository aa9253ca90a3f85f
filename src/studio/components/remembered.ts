/** Settings and texts that the browser stores by name; without storage, the page keeps them until it is closed. */
import { isEmbedded } from "../embedded.ts";
import { notify } from "../notices.ts";
import { texts } from "../texts/texts.ts";

const inPage = { localStorage: new Map<string, string>(), sessionStorage: new Map<string, string>() };
type Kind = keyof typeof inPage;

/** `sessionStorage`, for this tab only. */
export function remember(name: string, text: string, kind: Kind = "localStorage"): void {
  try {
    globalThis[kind].setItem(name, text);
    inPage[kind].delete(name);
  } catch {
    inPage[kind].set(name, text);
    // In a frame of another page that is usual, and nothing is lost that a reader would look for there.
    if (isEmbedded) return;
    notify("settings", { text: texts.components.remembered.notStored });
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
