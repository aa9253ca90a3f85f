/** The reader's position, as the part of the address after `#`, so that the page works in any folder of any host. */
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { type Address, readAddress } from "./address-text.ts";

export { type Address, linkTo, readAddress, type ViewName, viewNames } from "./address-text.ts";

/** A view draws itself from its address. */
export type View = ComponentType<{ readonly address: Address }>;

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
