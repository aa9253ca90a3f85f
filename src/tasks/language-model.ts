/** Language models: a tokenizer, an embedding, recurrent layers, and logits over the vocabulary. */
export type { Texts } from "../text/tokenizer.ts";
export { type BeamSearchOptions, type BeamText, beamSearch } from "./beam-search.ts";
export {
  type GeneratedToken,
  type GenerateManyOptions,
  type GenerateOptions,
  type GenerateTokensOptions,
  generate,
  generateMany,
  generateTokens,
  type LikelyToken,
} from "./generate.ts";
export type { Prompt } from "./generation-engine.ts";
export { languageModel } from "./language-model/create.ts";
export {
  type EncodedText,
  type Evaluation,
  encodeTexts,
  evaluateArguments,
  evaluateLanguageModel,
} from "./language-model/evaluate.ts";
export {
  type LanguageModel,
  readLanguageModel,
  textTask,
  type WriteOptions,
  writeLanguageModel,
  writeLanguageModelArguments,
} from "./language-model/file.ts";
export {
  type LanguageModelFromOptions,
  languageModelFrom,
  languageModelFromArguments,
} from "./language-model/from-model.ts";
export { type LanguageModelOptions, languageModelArguments } from "./language-model/options.ts";
export {
  type TrainLanguageModelOptions,
  type TrainLanguageModelResult,
  trainArguments,
  trainLanguageModel,
} from "./language-model/train.ts";
export { checkLength, splitOf } from "./language-model/training-tokens.ts";
