/** The reader's position, as the part of the address after `#`, so that the page works in any folder of any host. */
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";

export const viewNames = [
  "learn",
  "lab",
  "toys",
  "inspect",
  "write",
  "forecast",
  "listen",
  "tracks",
  "sentences",
  "music",
  "models",
] as const;
export type ViewName = (typeof viewNames)[number];

/** `#/inspect/moby-dick?text=Call%20me`: the view, the open model or chapter, and settings that a link shares. */
export type Address = {
  readonly view: ViewName;
  readonly path: readonly string[];
  readonly query: Readonly<Record<string, string>>;
};

/** A view draws itself from its address. */
export type View = ComponentType<{ readonly address: Address }>;

/** An address as a link's `href`. */
export function linkTo(view: ViewName, path: readonly string[] = [], query: Address["query"] = {}): string {
  const search = new URLSearchParams(query).toString();
  return `#/${[view, ...path.map(encodeURIComponent)].join("/")}${search === "" ? "" : `?${search}`}`;
}

/** The part after `#`; the first view if the address names none. */
export function readAddress(hash: string): Address {
  const [path = "", search = ""] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const [view, ...rest] = path.split("/").map(decoded);
  return {
    view: viewNames.find((name) => name === view) ?? "learn",
    path: rest.filter((part) => part !== ""),
    query: Object.fromEntries(new URLSearchParams(search)),
  };
}

/** A link can have been cut within an escape sequence. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Go to an address. With `replace`, the back button does not return to the previous one. */
export function go(href: string, { replace = false } = {}): void {
  if (!replace) location.hash = href;
  else {
    try {
      history.replaceState(null, "", href);
    } catch {
      // Browsers refuse to do so too often within a short time.
      location.replace(href);
    }
    dispatchEvent(new HashChangeEvent("hashchange"));
  }
}

/**
 * Whether the reader is where an address says, and not leaving for another that has not been drawn yet. `names`: what of its query
 * counts.
 */
export function isStillAt(address: Address, names: readonly string[]): boolean {
  const of = ({ view, path, query }: Address): string =>
    JSON.stringify([view, path, names.map((name) => query[name] ?? null)]);
  return of(readAddress(location.hash)) === of(address);
}

/** The current address; the component is drawn again when it changes. */
export function useAddress(): Address {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const follow = (): void => setHash(location.hash);
    addEventListener("hashchange", follow);
    follow(); // It may have changed before anyone listened.
    return () => removeEventListener("hashchange", follow);
  }, []);
  return readAddress(hash);
}
