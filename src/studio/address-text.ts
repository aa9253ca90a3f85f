/** Addresses as text: the part after `#`. Knows nothing about the page, for the command line checks addresses too. */

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

/** The chapters of Learn, as they stand behind `#/learn/`. */
export const chapterNames = [
  "perceptron",
  "learning",
  "feedback",
  "memory",
  "forgetting",
  "lstm",
  "variants",
  "text",
] as const;

/** `#/inspect/moby-dick?text=Call%20me`: the view, the open model or chapter, and settings that a link shares. */
export type Address = {
  readonly view: ViewName;
  readonly path: readonly string[];
  readonly query: Readonly<Record<string, string>>;
};

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
