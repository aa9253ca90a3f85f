/** Where a text stops being JSON (RFC 8259), and what could stand there. Engines tell that in words of their own, or not at all. */

const blank = /[ \t\n\r]*/y;
const value =
  /"(?:[^"\\\p{Cc}]|[\x7f-\x9f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?|true|false|null/uy;

/** What may follow: a value, a property's name, a colon, or what ends or goes on with a list, an object or the text. */
type Expected = "value" | "name" | "colon" | "more";

export type JsonFault = { readonly line: number; readonly column: number; readonly expected: string };

/** @returns undefined for a text that is JSON */
export function jsonFault(json: string): JsonFault | undefined {
  const open: ("[" | "{")[] = [];
  let expected: Expected = "value";
  /** Whether a bracket was opened just before, which may be closed at once. */
  let isEmpty = false;
  let at = 0;
  const take = (token: RegExp): string | undefined => {
    token.lastIndex = at;
    const [found] = token.exec(json) ?? [];
    at += found?.length ?? 0;
    return found;
  };
  for (;;) {
    take(blank);
    const inside = open.at(-1);
    const sign = json[at];
    const closes = sign !== undefined && sign === (inside === "[" ? "]" : inside === "{" ? "}" : undefined);
    if (closes && (expected === "more" || isEmpty)) {
      open.pop();
      at++;
      [expected, isEmpty] = ["more", false];
    } else if (expected === "more" && inside === undefined) {
      return sign === undefined ? undefined : faultAt(json, at, "the end of the text");
    } else if (expected === "more") {
      if (sign !== ",") return faultAt(json, at, `"," or "${inside === "[" ? "]" : "}"}"`);
      at++;
      expected = inside === "[" ? "value" : "name";
    } else if (expected === "colon") {
      if (sign !== ":") return faultAt(json, at, '":"');
      at++;
      expected = "value";
    } else if (expected === "name") {
      if (sign !== '"' || take(value) === undefined)
        return faultAt(json, at, `a name in quotes${isEmpty ? ' or "}"' : ""}`);
      [expected, isEmpty] = ["colon", false];
    } else if (sign === "[" || sign === "{") {
      open.push(sign);
      at++;
      [expected, isEmpty] = [sign === "[" ? "value" : "name", true];
    } else {
      if (take(value) === undefined) return faultAt(json, at, `a value${isEmpty ? ' or "]"' : ""}`);
      [expected, isEmpty] = ["more", false];
    }
  }
}

function faultAt(json: string, at: number, expected: string): JsonFault {
  const before = json.slice(0, at).split("\n");
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1, expected };
}
