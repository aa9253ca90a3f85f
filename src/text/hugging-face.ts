/**
 * Read Hugging Face's `tokenizer.json` with the package `@huggingface/tokenizers`, and write one for a byte-pair
 * encoding of this library. The package is loaded only when it is first needed, so nothing else depends on it.
 */
import { InputError } from "../graph/input-error.ts";
import { formatValue } from "../graph/schema.ts";
import { type BytePairEncoding, bytePairVocabularySize, tokenBytes } from "./byte-pair-encoding.ts";
import { bytePairPattern } from "./pieces.ts";

/** A Hugging Face tokenizer that was read from its files. */
export type HuggingFaceTokenizer = {
  /** The number of tokens, including added tokens. */
  readonly vocabularySize: number;
  /**
   * Encode a text as token ids. Throws an InputError if a part of the text has no id and the tokenizer has no unknown
   * token.
   */
  encode(text: string, options?: { readonly addSpecialTokens?: boolean }): Int32Array<ArrayBuffer>;
  /** Decode token ids to a text. Throws an InputError for an id that is not in the vocabulary. */
  decode(ids: Iterable<number>, options?: HuggingFaceDecodeOptions): string;
  /** The tokens of a text, spelled as in the file. */
  tokenize(text: string): string[];
  tokenOf(id: number): string | undefined;
  idOf(token: string): number | undefined;
};

/** Options of `decode`. */
export type HuggingFaceDecodeOptions = {
  /** Whether to leave out special tokens such as "</s>". */
  readonly skipSpecialTokens?: boolean;
  /** Whether to remove blanks before punctuation. The default is the setting in the configuration. */
  readonly cleanUpSpaces?: boolean;
};

/**
 * Make a tokenizer from the files of a Hugging Face model.
 * @param tokenizerJson the content of `tokenizer.json`, as text or parsed
 * @param tokenizerConfig the content of `tokenizer_config.json`, as text or parsed
 * @throws InputError if the package is not installed, or cannot read the file
 * @example
 * const tokenizer = await huggingFaceTokenizer(readFileSync("tokenizer.json", "utf8"));
 * tokenizer.decode(tokenizer.encode("Call me Ishmael."));
 */
export async function huggingFaceTokenizer(
  tokenizerJson: string | object,
  tokenizerConfig: string | object = {},
): Promise<HuggingFaceTokenizer> {
  const file = parsed(tokenizerJson, "tokenizer.json");
  const config = parsed(tokenizerConfig, "tokenizer_config.json") as { clean_up_tokenization_spaces?: boolean };
  const { Tokenizer } = await import("@huggingface/tokenizers").catch((cause: unknown) => {
    const problem =
      "huggingFaceTokenizer: needs the package @huggingface/tokenizers: npm install @huggingface/tokenizers";
    throw new InputError(problem, { cause });
  });
  let tokenizer: InstanceType<typeof Tokenizer>;
  try {
    tokenizer = new Tokenizer({ added_tokens: [], ...file }, config);
  } catch (cause) {
    throw new InputError(`tokenizer.json: ${(cause as Error).message}. Is it a tokenizer.json of Hugging Face's?`, {
      cause,
    });
  }
  return {
    vocabularySize: tokenizer.get_vocab().size,
    encode(text, { addSpecialTokens = true } = {}) {
      if (typeof text !== "string") throw new InputError(`text: needs a text, got ${formatValue(text)}`);
      if (text === "" && !addSpecialTokens) return new Int32Array(0);
      const { ids, tokens } = tokenizer.encode(text, { add_special_tokens: addSpecialTokens });
      return Int32Array.from(ids as (number | undefined)[], (id, i) => {
        if (id !== undefined) return id;
        throw new InputError(
          `text: ${formatValue(tokens[i])} has no id in tokenizer.json, which has no unknown token either`,
        );
      });
    },
    decode(ids, { skipSpecialTokens = false, cleanUpSpaces = config.clean_up_tokenization_spaces ?? false } = {}) {
      const list = Array.from(ids);
      for (const id of list) {
        if (!Number.isSafeInteger(id) || tokenizer.id_to_token(id) === undefined) {
          throw new InputError(`token ${formatValue(id)}: tokenizer.json has no token with this id`);
        }
      }
      if (list.length === 0) return "";
      const options = { skip_special_tokens: skipSpecialTokens, clean_up_tokenization_spaces: cleanUpSpaces };
      return tokenizer.decode(list, options);
    },
    tokenize: (text) => tokenizer.tokenize(text),
    tokenOf: (id) => tokenizer.id_to_token(id),
    idOf: (token) => tokenizer.token_to_id(token),
  };
}

/**
 * Convert a byte-pair encoding to the content of a `tokenizer.json` with the same ids, for Hugging Face's own tools and
 * for `huggingFaceTokenizer`. The result is plain data; write it with `JSON.stringify`.
 */
export function bytePairTokenizerJson(encoding: BytePairEncoding): object {
  const spelled = Array.from({ length: bytePairVocabularySize(encoding) }, (_, id) =>
    Array.from(tokenBytes(encoding, id), (byte) => byteLetters[byte]).join(""),
  );
  const cut = { type: "Split", pattern: { Regex: bytePairPattern.source }, behavior: "Isolated", invert: false };
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false };
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: { type: "Sequence", pretokenizers: [cut, byteLevel] },
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(spelled.map((token, id) => [token, id])),
      merges: encoding.merges.map(([left, right]) => [spelled[left], spelled[right]]),
    },
  };
}

/**
 * The character that GPT-2 uses for each byte: the byte's own Latin-1 character if it is visible, otherwise the next
 * character from U+0100 on.
 */
const byteLetters: readonly string[] = (() => {
  let hidden = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const isSeen = (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
    return String.fromCharCode(isSeen ? byte : hidden++);
  });
})();

function parsed(content: string | object, name: string): object {
  let value: unknown = content;
  if (typeof content === "string") {
    try {
      value = JSON.parse(content);
    } catch (cause) {
      throw new InputError(`${name}: needs JSON; ${(cause as Error).message}`, { cause });
    }
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw new InputError(`${name}: needs an object, got ${formatValue(value)}`);
}
