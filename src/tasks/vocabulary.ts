/**
 * Vocabularies of other programs: which token each number of a model stands for, in one of the forms that people save, as JSON or pickled.
 * Knows nothing about models.
 */

import { type PickleValue, readPickle } from "../formats/containers/pickle.ts";
import { someBytes } from "../formats/safetensors.ts";
import { InputError } from "../graph/input-error.ts";
import { type Arguments, checkArguments, either, formatValue, isPlain, string } from "../graph/schema.ts";
import { checkTokenizer, type Tokenizer } from "../text/tokenizer.ts";
import { whitespaceTokenizer } from "../text/whitespace.ts";

/** The token of each id, null where none has it; or a tokenizer with the model's ids, where the file says how it cuts texts. */
export type Vocabulary = readonly (string | null)[] | Tokenizer;

/** More ids than any vocabulary has: a larger one would take memory for nothing. */
const mostTokens = 10_000_000;

export const readVocabularyArguments: Arguments = {
  source: { ...either(string, someBytes), expected: "a text, or bytes" },
  name: string,
};

/**
 * Read a vocabulary of another program: a list of tokens in the order of their ids, an object of ids by token or of tokens by id, what
 * Keras's `Tokenizer.to_json` writes, a tokenizer of ours; or a table, a list or a tokenizer of Keras that Python has pickled, of which
 * nothing is run. A file whose name ends in .txt has a token in each line.
 * @param source the content of the file: a text of JSON, or bytes
 * @param name the file's name, for messages. Default "vocabulary.json"
 * @returns the token of each id, null for an id without one; of a tokenizer of words of Keras, or one of ours, a tokenizer
 * @throws InputError, one line, for what is none of these
 * @example readVocabulary('{"a": 1, "b": 2}') // [null, "a", "b"]
 */
export function readVocabulary(source: string | Uint8Array, name = "vocabulary.json"): Vocabulary {
  checkArguments("readVocabulary", { source, name }, readVocabularyArguments);
  // Each pickle since protocol 2 begins so, and no text.
  const isPickle = typeof source !== "string" && source[0] === 0x80;
  let value: unknown = isPickle ? plainOf(source, name) : jsonOf(source, name);
  let keras: Readonly<Record<string, unknown>> | undefined;
  if (isPlain(value) && isPlain(value.word_index)) {
    keras = value;
    value = withoutRare(keras.word_index, keras.num_words);
  }
  const fail = (problem: string): never => {
    throw new InputError(
      `${name}: ${problem}. Give a list of tokens, an object of numbers by token, or the JSON of a Keras tokenizer.`,
    );
  };
  if (isPlain(value) && typeof value.kind === "string") {
    try {
      return checkTokenizer(value);
    } catch (error) {
      if (error instanceof InputError) error.message = `${name}: ${error.message}`;
      throw error;
    }
  }
  if (!Array.isArray(value) && !isPlain(value)) return fail(`it is ${formatValue(value)}, no vocabulary`);
  const pairs = pairsOf(value);
  if (pairs.length === 0) return fail("it has no token");
  const tokens: (string | null)[] = [];
  const known = new Map<string, number>();
  for (const [token, id] of pairs) {
    if (token === null && Array.isArray(value)) continue;
    if (typeof token !== "string") return fail(`token ${String(id)} is ${formatValue(token)}, no text`);
    if (!Number.isSafeInteger(id) || (id as number) < 0 || (id as number) >= mostTokens) {
      return fail(`the number of ${formatValue(token)} is ${formatValue(id)}`);
    }
    const at = id as number;
    if (typeof tokens[at] === "string")
      return fail(`${formatValue(tokens[at])} and ${formatValue(token)} are both ${at}`);
    if (known.has(token)) return fail(`${formatValue(token)} is both ${known.get(token)} and ${at}`);
    while (tokens.length < at) tokens.push(null);
    tokens[at] = token;
    known.set(token, at);
  }
  return keras !== undefined && keras.char_level !== true ? kerasWords(tokens, keras, fail) : tokens;
}

function jsonOf(source: string | Uint8Array, name: string): unknown {
  const text = typeof source === "string" ? source : new TextDecoder().decode(source);
  // A line a token.
  if (/\.txt$/i.test(name)) return text.replace(/\r?\n$/, "").split(/\r?\n/);
  try {
    let value: unknown = JSON.parse(text);
    // Keras's to_json gives a text that people save as JSON again, and holds its tables as texts.
    if (typeof value === "string") value = jsonIn(value, name);
    if (!isPlain(value) || !isPlain(value.config) || typeof value.config.word_index !== "string") return value;
    return { ...value.config, word_index: JSON.parse(value.config.word_index) };
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`${name}: it is no JSON: ${(error as Error).message}. Give the model's vocabulary.`);
  }
}

/** What a text holds that is itself JSON. */
function jsonIn(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new InputError(
      `${name}: it is one text, ${formatValue(text)}, and a vocabulary has its tokens each by itself. Give a list of them: ["a", "b"].`,
    );
  }
}

/** How deep tables and lists lie in each other, at most. */
const deepest = 16;

/** What a pickle holds, as JSON would have it: of an object its fields. */
function plainOf(bytes: Uint8Array, name: string): unknown {
  // What several refer to is walked once for each, so that a small file could hold very much.
  let left = bytes.length + 100;
  const fail = (found: string): never => {
    throw new InputError(
      `${name}: it holds ${found}. Give a list of tokens, a table of numbers by token, or a tokenizer of Keras.`,
    );
  };
  const table = (entries: ReadonlyMap<PickleValue, PickleValue>, depth: number): object =>
    Object.fromEntries(
      [...entries].map(([key, one]) => {
        if (typeof key !== "string" && typeof key !== "number")
          return fail("a table by what is neither text nor number");
        return [String(key), plain(one, depth)];
      }),
    );
  const plain = (value: PickleValue, above: number): unknown => {
    const depth = above + 1;
    if (left-- < 0 || depth > deepest) fail("more values in each other than a vocabulary");
    if (typeof value !== "object" || value === null) return value;
    if (value instanceof Uint8Array) return fail("bytes");
    if (value.kind === "list" || value.kind === "tuple") return value.items.map((one) => plain(one, depth));
    if (value.kind === "dict") return table(value.entries, depth);
    if (value.kind !== "object")
      return value.kind === "global" ? fail(`the class or function ${value.name}`) : fail(`a ${value.kind}`);
    if (value.state === undefined && value.entries.size === 0) return fail("an object without fields");
    return value.state === undefined ? table(value.entries, depth) : plain(value.state, depth);
  };
  return plain(readPickle(bytes, { name }).value, 0);
}

/** The tokenizer of words that Keras's is. */
function kerasWords(
  [none, ...words]: readonly (string | null)[],
  { filters, lower, split, oov_token, analyzer }: Readonly<Record<string, unknown>>,
  fail: (problem: string) => never,
): Tokenizer {
  if (none !== null || words.includes(null)) return fail("its words are not numbered from 1");
  if (analyzer != null) return fail("it cuts texts by a function of its own");
  if (split !== " ") return fail(`it cuts texts at ${formatValue(split)}, and words stand between blanks`);
  const unknown = words.indexOf(oov_token as string) + 1;
  const rules = {
    ...(lower === true && ({ lower: "all" } as const)),
    filters: typeof filters === "string" ? filters : "",
  };
  return whitespaceTokenizer(words as readonly string[], rules, unknown > 0 ? { unknown } : {});
}

/** Of Keras: words beyond `num_words` are counted, but have no number. */
function withoutRare(words: unknown, most: unknown): unknown {
  if (!isPlain(words) || typeof most !== "number") return words;
  return Object.fromEntries(Object.entries(words).filter(([, id]) => typeof id === "number" && id < most));
}

/** Each token with its number. */
function pairsOf(value: object): readonly (readonly [token: unknown, id: unknown])[] {
  if (Array.isArray(value)) return value.map((token, id) => [token, id] as const);
  const entries = Object.entries(value);
  const byId = entries.length > 0 && entries.every(([key, one]) => /^\d+$/.test(key) && typeof one === "string");
  return byId ? entries.map(([key, one]) => [one, Number(key)] as const) : entries;
}
