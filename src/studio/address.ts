/** Where the reader is, as the part of the address behind `#`: the page works from any folder of any host. */
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";

export const viewNames = ["learn", "lab", "inspect", "write", "models"] as const;
export type ViewName = (typeof viewNames)[number];

/** `#/inspect/moby-dick?text=Call%20me`: the view, what is open in it, and settings that a link shares. */
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

/** What stands behind `#`; the first view for an address that names none. */
export function readAddress(hash: string): Address {
  const [path = "", search = ""] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const [view, ...rest] = path.split("/").map(decoded);
  return {
    view: viewNames.find((name) => name === view) ?? "learn",
    path: rest.filter((part) => part !== ""),
    query: Object.fromEntries(new URLSearchParams(search)),
  };
}

/** A link may have been cut short within an escape. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Go there. `replace`: the back button does not come back to where the reader was. */
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

/** The present address; the component is drawn anew when it changes. */
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
