/**
 * Write values as JSON. Maps keep their order, because an object would put numeric names first. Large values are
 * written in pieces while they are sent, so that no answer is in memory as a whole.
 */

/** Do the same as `JSON.stringify`, and write a Map as an object with its entries in order. */
export function jsonOf(value: unknown): string {
  if (!isObject(value)) return JSON.stringify(value) ?? "null";
  if (Array.isArray(value)) return value.some(isObject) ? `[${value.map(jsonOf).join()}]` : JSON.stringify(value);
  let members = "";
  for (const [name, one] of value instanceof Map ? value : Object.entries(value)) {
    if (one !== undefined) members += `${members === "" ? "" : ","}${JSON.stringify(name)}:${jsonOf(one)}`;
  }
  return `{${members}}`;
}

/** A list whose items are made when they are written, a number at a time; items contain no such list. */
export class LazyList<T> {
  readonly length: number;
  readonly at: (place: number) => T;
  readonly together: number;

  constructor(length: number, at: (place: number) => T, together = 64) {
    this.length = length;
    this.at = at;
    this.together = together;
  }

  /** All items at once. */
  all(): T[] {
    return Array.from({ length: this.length }, (_, place) => this.at(place));
  }
}

/** The approximate number of characters in a piece. */
const pieceLength = 16_384;

/** The text of `jsonOf` in pieces; the value can contain `LazyList`s. */
export function* jsonPieces(value: unknown): Generator<string, void> {
  let piece = "";
  for (const part of parts(value)) {
    piece += part;
    if (piece.length < pieceLength) continue;
    yield piece;
    piece = "";
  }
  if (piece !== "") yield piece;
}

function* parts(value: unknown): Generator<string, void> {
  if (typeof value === "string" && value.length > pieceLength) yield* textParts(value);
  else if (value instanceof LazyList) yield* lazyParts(value);
  else if (Array.isArray(value) && value.some(isLarge)) yield* listParts(value);
  else if (isObject(value) && !Array.isArray(value) && !(value instanceof Map) && Object.values(value).some(isLarge))
    yield* objectParts(value);
  else yield jsonOf(value);
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;
/** Whether a value is better written in pieces. */
const isLarge = (value: unknown): boolean =>
  isObject(value) || (typeof value === "string" && value.length > pieceLength);

function* lazyParts({ length, at, together }: LazyList<unknown>): Generator<string, void> {
  yield "[";
  for (let from = 0; from < length; from += together) {
    const items: unknown[] = [];
    for (let k = from; k < Math.min(length, from + together); k++) items.push(at(k));
    yield (from > 0 ? "," : "") + items.map(jsonOf).join();
  }
  yield "]";
}

function* listParts(list: readonly unknown[]): Generator<string, void> {
  let before = "[";
  for (const item of list) {
    yield before;
    yield* parts(item);
    before = ",";
  }
  yield "]";
}

function* objectParts(object: object): Generator<string, void> {
  let before = "{";
  for (const [name, value] of Object.entries(object)) {
    if (value === undefined) continue;
    yield `${before}${JSON.stringify(name)}:`;
    yield* parts(value);
    before = ",";
  }
  yield before === "{" ? "{}" : "}";
}

function* textParts(text: string): Generator<string, void> {
  yield '"';
  for (let from = 0; from < text.length; ) {
    let to = Math.min(text.length, from + pieceLength);
    // Both halves of a surrogate pair stay in the same piece.
    if (to < text.length && isFirstHalf(text.charCodeAt(to - 1))) to++;
    yield JSON.stringify(text.slice(from, to)).slice(1, -1);
    from = to;
  }
  yield '"';
}
const isFirstHalf = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;
