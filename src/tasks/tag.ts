/** Taggers: words in, a label for each out. */
export { type TaggerOptions, tagger, taggerArguments } from "./tag/create.ts";
export { evaluateTagger, evaluateTaggerArguments, type TaggerEvaluation } from "./tag/evaluate.ts";
export { explainTag, explainTagArguments, type TagExplanation } from "./tag/explain.ts";
export { readTagger, type Tagger, taggerTask, writeTagger, writeTaggerArguments } from "./tag/file.ts";
export type { TagInput, TagReading } from "./tag/input.ts";
export { type Tagged, type TagOptions, tag, tagArguments } from "./tag/predict.ts";
export {
  type TaggerProgress,
  type TrainTaggerOptions,
  type TrainTaggerResult,
  trainTagger,
  trainTaggerArguments,
} from "./tag/train.ts";
