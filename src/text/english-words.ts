/**
 * Split English text into words and punctuation by spaCy's rules
 * (https://spacy.io/usage/linguistic-features#tokenization). A piece between blanks loses prefixes and suffixes, such
 * as quotes and commas, until none is left or the rest is an exception such as "don't". The rest is cut at infixes,
 * such as hyphens between letters. Adjacent tokens that together are an exception then become the tokens of that
 * exception.
 */
import { type Arguments, checkArguments, string } from "../graph/schema.ts";
import { englishExceptions } from "./english-exceptions.ts";

// Python's `str.isspace`.
const space = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const spaces = new RegExp(`[${space}]+|[^${space}]+`, "gu");
const isSpace = new RegExp(`^[${space}]`, "u");

// spaCy's tables list scripts. Here a letter is any letter of Unicode; a letter without case counts as both lower and
// upper case.
const letter = "\\p{L}";
const small = "\\p{Ll}\\p{Lm}\\p{Lo}";
const capital = "\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}";

const quotes = "'\"”“`‘´’‚,„»«「」『』（）〔〕【】《》〈〉";
const marks = "…,:;!?¿؟¡()\\[\\]{}<>_#*&。？！，、；：～·।،۔؛٪";
const symbol = "\\p{So}";
const currency = "(?:US|C|A)\\$|[$£€¥฿﷼\\u20a0-\\u20bf]";
const hyphen = "(?:--?-?|–|——?|~)";
const units =
  "km[²³]?|m[²³]?|dm[²³]?|cm[²³]?|mm[²³]?|ha|µm|nm|yd|in|ft|kg|g|mg|µg|t|lb|oz|m/s|km/h|kmh|mph|hPa|Pa|mbar|mb|MB|kb|KB|" +
  "gb|GB|tb|TB|T|G|M|K|%";

const prefix = new RegExp(`^(?:[§%=—–${marks}${quotes}]|\\+(?![0-9])|\\.\\.+|${currency}|${symbol})`, "u");
/** A suffix is the longest of these that ends the piece. */
const suffix = new RegExp(
  `(?:[${marks}${quotes}—–]|['’][sS]|\\.\\.+|${symbol}|(?<=[0-9])\\+|(?<=°[FfCcKk])\\.|(?<=[0-9])(?:${currency}|${units})|` +
    `(?<=[0-9${small}%²\\-+|${marks}${quotes}])\\.|(?<=[${capital}]{2})\\.)$`,
  "u",
);
const infix = new RegExp(
  `\\.\\.+|…|${symbol}|(?<=[0-9])[+\\-*^](?=[0-9-])|(?<=[${small}${quotes}])\\.(?=[${capital}${quotes}])|` +
    `(?<=${letter}),(?=${letter})|(?<=[${letter}0-9])${hyphen}(?=${letter})|(?<=[${letter}0-9])[:<>=/](?=${letter})`,
  "gu",
);

export const englishWordsArguments: Arguments = { text: string };

/**
 * Split an English text into tokens, in order. Joined with the single blanks between them, they are the text. A line
 * break is a token, and so is white space beyond one blank. The rules are those of spaCy 3 for English, with Unicode's
 * letters.
 * @throws InputError if `text` is not a string
 * @example englishWords('"Don\'t stop--Mr. Starbuck!"'); // " Do n't stop -- Mr. Starbuck ! "
 */
export function englishWords(text: string): string[] {
  checkArguments("englishWords", { text }, englishWordsArguments);
  const tokens: string[] = [];
  const known = new Map<string, readonly string[]>();
  let before: string | undefined;
  for (const [piece] of text.matchAll(spaces)) {
    // The blank after a word belongs to the word and is not a token.
    const rest = isSpace.test(piece) && before !== undefined && piece[0] === " " ? piece.slice(1) : piece;
    before = piece;
    if (rest === "") continue;
    let found = known.get(rest);
    if (found === undefined) {
      found = isSpace.test(rest) ? [rest] : (englishExceptions.get(rest) ?? rejoin(cut(rest, true)));
      known.set(rest, found);
    }
    for (const token of found) tokens.push(token);
  }
  return tokens;
}

/** The tokens of a piece that is not an exception itself. */
function cut(piece: string, withExceptions: boolean): string[] {
  const isException = (part: string) => withExceptions && englishExceptions.has(part);
  const before: string[] = [];
  const after: string[] = [];
  let left = piece;
  while (left !== "" && !isException(left)) {
    const start = prefix.exec(left)?.[0] ?? "";
    const withoutStart = left.slice(start.length);
    if (start !== "" && isException(withoutStart)) {
      before.push(start);
      left = withoutStart;
      break;
    }
    const end = suffixOf(withoutStart);
    const withoutEnd = left.slice(0, left.length - end.length);
    if (end !== "" && isException(withoutEnd)) {
      after.push(end);
      left = withoutEnd;
      break;
    }
    if (start === "" && end === "") break;
    if (start !== "") before.push(start);
    if (end !== "") after.push(end);
    left = withoutStart.slice(0, withoutStart.length - end.length);
  }
  const middle = left === "" ? [] : ((isException(left) ? englishExceptions.get(left) : undefined) ?? cutInside(left));
  return [...before, ...middle, ...after.reverse()];
}

/**
 * Only the end is searched, because only a run of dots can be a long suffix and a long piece can lose many suffixes.
 */
function suffixOf(piece: string): string {
  let dots = piece.length;
  while (piece[dots - 1] === ".") dots--;
  return suffix.exec(piece.slice(Math.max(0, Math.min(dots, piece.length - 8) - 4)))?.[0] ?? "";
}

/** Cut what is left without prefixes and suffixes at hyphens and other infixes; a web address stays whole. */
function cutInside(piece: string): string[] {
  if (isAddress(piece)) return [piece];
  const tokens: string[] = [];
  let start = 0;
  for (const { 0: mark, index } of piece.matchAll(infix)) {
    if (index === 0) continue; // An infix at the start stays joined to what follows it.
    if (index > start) tokens.push(piece.slice(start, index));
    tokens.push(mark);
    start = index + mark.length;
  }
  if (start < piece.length) tokens.push(piece.slice(start));
  return tokens;
}

/** Browsers do not support longer addresses, and matching them would overflow V8's stack. */
const longestAddress = 8192;
const host = "(?:(?:[A-Za-z0-9\\u00a1-\\uffff][A-Za-z0-9\\u00a1-\\uffff_-]{0,62})?[A-Za-z0-9\\u00a1-\\uffff]\\.)+";
const network =
  "(?!(?:10|127)(?:\\.\\d{1,3}){3}|(?:169\\.254|192\\.168)(?:\\.\\d{1,3}){2}|172\\.(?:1[6-9]|2\\d|3[01])(?:\\.\\d{1,3}){2})" +
  "(?:[1-9]\\d?|1\\d\\d|2[01]\\d|22[0-3])(?:\\.(?:1?\\d{1,2}|2[0-4]\\d|25[0-5])){2}\\.(?:[1-9]\\d?|1\\d\\d|2[0-4]\\d|25[0-4])";
const address = new RegExp(`(?:${network}|${host}[${small}]{2,63})(?::\\d{2,5})?(?:[/?#]\\S*)?$`, "uy");
const scheme = /^[\p{L}\p{N}_+.-]{2,64}:\/\//u;

/**
 * Whether a piece is a web address: a host with a top-level domain, or an IP address, with an optional scheme, user
 * name, port and path.
 */
function isAddress(piece: string): boolean {
  if (piece.length > longestAddress || !piece.includes(".")) return false;
  const begin = scheme.exec(piece)?.[0].length ?? 0;
  // The host comes at the start, after the scheme, or after any "@", because a user name can contain anything.
  const starts = new Set([0, begin]);
  for (let at = piece.indexOf("@", 1); at >= 0; at = piece.indexOf("@", at + 1)) starts.add(at + 1);
  for (const start of starts) {
    address.lastIndex = start;
    if (address.test(piece)) return true;
  }
  return false;
}

/** The exceptions that the rules would cut, by the first token of the cut. */
let cutExceptions:
  | ReadonlyMap<string, readonly { readonly word: string; readonly parts: readonly string[] }[]>
  | undefined;

/**
 * Replace adjacent tokens that together are an exception by its tokens: the longest exception first, then the first
 * one.
 */
function rejoin(tokens: readonly string[]): readonly string[] {
  if (cutExceptions === undefined) {
    const byFirst = new Map<string, { word: string; parts: string[] }[]>();
    for (const word of englishExceptions.keys()) {
      const parts = cut(word, false);
      const [first] = parts;
      if (first === undefined || parts.length < 2) continue;
      const list = byFirst.get(first) ?? [];
      byFirst.set(first, [...list, { word, parts }]);
    }
    cutExceptions = byFirst;
  }
  const matches = tokens.flatMap((token, start) =>
    (cutExceptions?.get(token) ?? [])
      .filter(({ parts }) => parts.every((part, i) => tokens[start + i] === part))
      .map(({ word, parts }) => ({ word, start, end: start + parts.length })),
  );
  if (matches.length === 0) return tokens;
  matches.sort((a, b) => b.end - b.start - (a.end - a.start) || a.start - b.start);
  const taken = new Set<number>();
  const chosen = new Map<number, (typeof matches)[number]>();
  for (const match of matches) {
    if (!taken.has(match.start) && !taken.has(match.end - 1)) chosen.set(match.start, match);
    for (let i = match.start; i < match.end; i++) taken.add(i);
  }
  const joined: string[] = [];
  for (let i = 0; i < tokens.length; ) {
    const match = chosen.get(i);
    if (match === undefined) joined.push(tokens[i++] as string);
    else {
      joined.push(...(englishExceptions.get(match.word) as readonly string[]));
      i = match.end;
    }
  }
  return joined;
}
