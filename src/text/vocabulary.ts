/**
 * Vocabularies of other programs: which token each number of a model stands for, as JSON has it in one of the forms that people save.
 * Knows nothing about models.
 */
import { InputError } from "../graph/input-error.ts";
import { type Arguments, checkArguments, formatValue, isPlain, string } from "../graph/schema.ts";

/** The token of each id; null where none has it. */
export type Vocabulary = readonly (string | null)[];

/** More ids than any vocabulary has: a larger one would take memory for nothing. */
const mostTokens = 10_000_000;

export const readVocabularyArguments: Arguments = { json: string, name: string };

/**
 * Read a vocabulary of another program: a list of tokens in the order of their ids, an object of ids by token or of tokens by id, or what
 * Keras's `Tokenizer.to_json` writes.
 * @param json the content of the file
 * @param name the file's name, for messages. Default "vocabulary.json"
 * @returns the token of each id, null for an id without one
 * @throws InputError, one line, for what is none of these
 * @example readVocabulary('{"a": 1, "b": 2}') // [null, "a", "b"]
 */
export function readVocabulary(json: string, name = "vocabulary.json"): Vocabulary {
  checkArguments("readVocabulary", { json, name }, readVocabularyArguments);
  let value: unknown;
  try {
    value = JSON.parse(json);
    // Keras's to_json gives a text that people save as JSON again, and holds its tables as texts.
    if (typeof value === "string") value = JSON.parse(value);
    if (isPlain(value) && isPlain(value.config) && typeof value.config.word_index === "string") {
      value = withoutRare(JSON.parse(value.config.word_index), value.config.num_words);
    }
  } catch (error) {
    throw new InputError(`${name}: it is no JSON: ${(error as Error).message}. Give the model's vocabulary.`);
  }
  const fail = (problem: string): never => {
    throw new InputError(
      `${name}: ${problem}. Give a list of tokens, an object of numbers by token, or the JSON of a Keras tokenizer.`,
    );
  };
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
  return tokens;
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
