/** The options of a new language model. */
import { aCell, type Cell } from "../../graph/cell.ts";
import {
  type Arguments,
  alias,
  either,
  inRange,
  oneOf,
  options as optionsOf,
  string,
  wholeNumber,
} from "../../graph/schema.ts";
import { layerName } from "../../nn/layers.ts";
import { aSeed } from "../../nn/random.ts";
import { aTokenizer, someTexts, type TrainedTokenizer } from "../../text/tokenizer.ts";
import { type FitStreamOptions, fitStreamRules } from "../../train/fit-stream-options.ts";

/** Options of `languageModel`. */
export type LanguageModelOptions = {
  /** The name of a built-in cell, or a cell of your own. Default "lstm". */
  readonly cell?: string | Cell;
  /** Units of each recurrent layer. Default 128. */
  readonly units?: number;
  /** What the recurrent layers are called. Default: the name of a built-in cell, else "recurrent". */
  readonly label?: string;
  /** Number of recurrent layers. Default 1. */
  readonly layers?: number;
  /** Features of the embedding. Default 64, or `units` if that is less. */
  readonly embedding?: number;
  /** Dropout rate before, between and after the recurrent layers. Default 0. */
  readonly dropout?: number;
  /** What a token is: "char" (default), "word" or "bpe". */
  readonly tokens?: TrainedTokenizer["kind"];
  /** Largest vocabulary of words (default 10,000) or of byte pairs (2,000); not for characters. */
  readonly maxVocabulary?: number;
  /** Seed of the initial values. Default 0. */
  readonly seed?: number;
  /** The planned training: the length of the text and the memory are then checked first. */
  readonly training?: Pick<
    FitStreamOptions,
    "batch" | "steps" | "validationSplit" | "optimizer" | "clipNorm" | "clipValue" | "engine"
  >;
};

const maxLayers = 100;

const count = wholeNumber(1);
type Planned = NonNullable<LanguageModelOptions["training"]>;
export const languageModelArguments: Arguments = {
  text: { ...either(someTexts, aTokenizer), expected: "a text, a list of separate texts, or a tokenizer" },
  options: optionsOf<LanguageModelOptions>({
    cell: { ...either(string, aCell), expected: 'the name of a cell ("lstm"), or a cell, as cell() makes it' },
    units: alias(count, "hiddenSize"),
    label: alias(layerName, "name"),
    layers: alias(wholeNumber(1, maxLayers), "numLayers"),
    embedding: alias(count, "embeddingDim", "embeddingSize"),
    dropout: inRange(0, 1),
    tokens: alias(oneOf("char", "word", "bpe"), "tokenizer", "level"),
    maxVocabulary: alias(count, "vocabularySize", "vocabSize", "maxTokens"),
    seed: aSeed,
    training: optionsOf<Planned>({
      batch: fitStreamRules.batch,
      steps: fitStreamRules.steps,
      validationSplit: fitStreamRules.validationSplit,
      optimizer: fitStreamRules.optimizer,
      clipNorm: fitStreamRules.clipNorm,
      clipValue: fitStreamRules.clipValue,
      engine: fitStreamRules.engine,
    }),
  }),
};
