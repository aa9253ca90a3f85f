/** Translators: a text in, another out. */
export { translator, translatorArguments } from "./translate/create.ts";
export {
  type EvaluateTranslatorOptions,
  evaluateTranslator,
  evaluateTranslatorArguments,
  type TranslatorEvaluation,
} from "./translate/evaluate.ts";
export {
  readTranslator,
  translateTask,
  type WriteTranslatorOptions,
  writeTranslator,
  writeTranslatorArguments,
} from "./translate/file.ts";
export { type TranslatorFromOptions, translatorFrom, translatorFromArguments } from "./translate/from-model.ts";
export { type TranslateOptions, type Translation, translate, translateArguments } from "./translate/predict.ts";
export { attentions, type TextPair, type Translator, type TranslatorOptions } from "./translate/settings.ts";
export {
  type TrainTranslatorOptions,
  type TrainTranslatorResult,
  type TranslatorProgress,
  trainTranslator,
  trainTranslatorArguments,
} from "./translate/train.ts";
