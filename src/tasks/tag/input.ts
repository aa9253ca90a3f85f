/**
 * What a tagger reads, as data in its file, and the tokens that it makes of a sentence: for each word one for the word itself (or, of
 * a word that it does not know, for its shape), then a fixed number of its characters or byte pairs. Knows nothing about labels.
 */
import { FormatError } from "../../formats/safetensors.ts";
import { type Cell, cell } from "../../graph/cell.ts";
import { InputError } from "../../graph/input-error.ts";
import { isPlain, wholeNumber } from "../../graph/schema.ts";
import { inputsBetween } from "../../nn/sequence-cells.ts";
import { checkTokenizer, encode, type Tokenizer, trainTokenizer, vocabularySize } from "../../text/tokenizer.ts";

/** What is read of a word: itself, its characters, its byte pairs, or itself and one of these. */
export type TagReading = "words" | "characters" | "byte-pairs" | "words+characters" | "words+byte-pairs";
export const tagReadings = ["words", "characters", "byte-pairs", "words+characters", "words+byte-pairs"] as const;

/** What a tagger reads. */
export type TagInput = {
  /** The words that have a token of their own, digits as 0. */
  readonly words: readonly string[];
  /** What a word's characters or byte pairs become, and how many of them are read: of a longer word its beginning and its end. */
  readonly pieces?: { readonly tokenizer: Tokenizer; readonly count: number } | undefined;
};

/** A word that has no token of its own gets that of the first shape that fits; the last fits all. */
const shapes: readonly RegExp[] = [
  /^[\d.,:/-]*\d[\d.,:/-]*$/, // A number.
  /^\p{Lu}{2,}$/u, // NASA
  /^\p{Lu}[^\d]*$/u, // Anna
  /^\p{Ll}+$/u, // sleeps
  /\d/, // B747
  /^[^\p{L}\p{N}]+$/u, // --
  /^/,
];
const firstWord = 1 + shapes.length;
const shapeOf = (word: string): number => 1 + shapes.findIndex((shape) => shape.test(word));

const normal = (word: string): string => word.replace(/\d/g, "0");

/** How many pieces of a word are read. */
const pieceCounts = { char: 12, bpe: 4 } as const;

/** What a tagger of these sentences reads. @param minCount how often a word comes that has a token of its own */
export function tagInputFor(
  sentences: readonly (readonly string[])[],
  reading: TagReading,
  { minCount, maxVocabulary }: { readonly minCount: number; readonly maxVocabulary: number },
): TagInput {
  const counts = new Map<string, number>();
  if (reading.startsWith("words")) {
    for (const word of sentences.flat()) counts.set(normal(word), (counts.get(normal(word)) ?? 0) + 1);
  }
  // In falling order of counts, then as they first come.
  const words = [...counts].sort(([, a], [, b]) => b - a).flatMap(([word, count]) => (count >= minCount ? [word] : []));
  if (reading === "words") return { words };
  const kind = reading.endsWith("characters") ? "char" : "bpe";
  const text = sentences.map((tokens) => ` ${tokens.join(" ")}`).join("\n");
  const tokenizer = trainTokenizer(kind, text, kind === "bpe" ? { maxVocabulary } : {});
  return { words, pieces: { tokenizer, count: pieceCounts[kind] } };
}

/** The number of different tokens, padding included, which is token 0. */
export const tokensOfInput = ({ words, pieces }: TagInput): number =>
  firstWord + words.length + (pieces === undefined ? 0 : vocabularySize(pieces.tokenizer));

/** How many tokens a word has. */
export const tokensPerWord = ({ pieces }: TagInput): number => 1 + (pieces?.count ?? 0);

/** Makes tokens of sentences; `unknown` says of a word, by its place, whether it is taken for one that has no token of its own. */
export function createTagReader(
  input: TagInput,
): (sentence: readonly string[], unknown?: (word: number) => boolean) => Int32Array {
  const { words, pieces } = input;
  const ids = new Map(words.map((word, k) => [word, firstWord + k]));
  const first = firstWord + words.length;
  const each = tokensPerWord(input);
  const known = new Map<string, readonly [word: number, pieces: Int32Array]>();
  const read = (word: string): readonly [number, Int32Array] => {
    const found = known.get(word);
    if (found !== undefined) return found;
    const own = normal(word);
    const made = [ids.get(own) ?? ids.get(own.toLowerCase()) ?? shapeOf(word), piecesOf(word)] as const;
    known.set(word, made);
    return made;
  };
  function piecesOf(word: string): Int32Array {
    if (pieces === undefined) return new Int32Array(0);
    const { tokenizer, count } = pieces;
    const all = encode(tokenizer, tokenizer.kind === "bpe" ? ` ${word}` : word);
    const end = Math.floor(count / 2);
    const some = all.length > count ? [...all.slice(0, count - end), ...all.slice(all.length - end)] : all;
    return Int32Array.from(some, (id) => first + id);
  }
  return (sentence, unknown) => {
    const tokens = new Int32Array(sentence.length * each);
    sentence.forEach((word, t) => {
      const [own, others] = read(word);
      tokens[t * each] = unknown?.(t) ? shapeOf(word) : own;
      tokens.set(others, t * each + 1);
    });
    return tokens;
  };
}

/**
 * A word's vector (D) and those of its pieces -> the word's, and for each of `filters` its largest value over windows of three pieces:
 * Y. Kim et al., "Character-aware neural language models", 2016 (arXiv 1508.06615). It runs at one step of every 1 + count.
 */
export function wordReader(count: number, filters: number): Cell {
  const pieces = inputsBetween(count + 1);
  const windows = pieces.map((piece, k) => {
    const around = [
      ["W_before", pieces[k - 1]],
      ["W", piece],
      ["W_behind", pieces[k + 1]],
    ].filter(([, of]) => of !== undefined);
    return `c_${k + 1} = ${around.map(([matrix, of]) => `${matrix} @ ${of}`).join(" + ")}`;
  });
  const largest = windows.map((_, k) => `c_${k + 1}`).reduce((most, one) => `max(${most}, ${one})`);
  return cell(
    [...windows, `m = ${largest}   # of each filter, over the word`, "y = [x, tanh(m + b)]", `m : ${filters}`].join(
      "\n",
    ),
    { inputs: ["x", ...pieces] },
  );
}

/** Check the input of a file. @throws FormatError, one line */
export function readTagInput(given: unknown, name: string): TagInput {
  const wrong = (what: string): FormatError => new FormatError(`${name}: ${what}: the file is damaged. Train anew.`);
  if (!isPlain(given)) throw wrong("it does not say what its model reads");
  const { words, pieces } = given;
  if (!Array.isArray(words) || !words.every((one) => typeof one === "string") || new Set(words).size < words.length) {
    throw wrong("its words are not a list of different texts");
  }
  if (pieces === undefined) return { words };
  if (!isPlain(pieces) || !wholeNumber(1, 98).accepts(pieces.count))
    throw wrong("it does not say what it reads of a word");
  try {
    return { words, pieces: { tokenizer: checkTokenizer(pieces.tokenizer), count: pieces.count as number } };
  } catch (error) {
    throw error instanceof InputError ? wrong(error.message.replace(/\.$/, "")) : error;
  }
}
