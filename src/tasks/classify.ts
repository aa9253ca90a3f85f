/** Classifiers: a sequence of numbers, sound or a text in, a label out. */
export type { Augmentation } from "./classify/augment.ts";
export { type ClassifierOptions, classifier, classifierArguments } from "./classify/create.ts";
export { type DetectedEvent, type DetectOptions, detect, detectArguments } from "./classify/detect.ts";
export {
  type ClassifierEvaluation,
  type ClassMeasures,
  evaluateClassifier,
  evaluateClassifierArguments,
  measuresOf,
} from "./classify/evaluate.ts";
export type { LabelledSequence, NumberRows, Sequence, Sound, Text } from "./classify/examples.ts";
export { explainText, explainTextArguments, type TextExplanation } from "./classify/explain.ts";
export { type AudioFeatures, audioFeatures, featuresArguments } from "./classify/features.ts";
export {
  type Classifier,
  classifyTask,
  readClassifier,
  type WriteClassifierOptions,
  writeClassifier,
  writeClassifierArguments,
} from "./classify/file.ts";
export type { ClassifierInput, Scaling, ScalingKind } from "./classify/input.ts";
export type { Pooling } from "./classify/pooling.ts";
export { type Classification, type ClassifyOptions, classify, classifyArguments } from "./classify/predict.ts";
export {
  type ClassifiedFrame,
  type ClassifySession,
  type ClassifySessionOptions,
  classifySession,
  classifySessionArguments,
} from "./classify/session.ts";
export type { TextTokens, TextVocabulary } from "./classify/text.ts";
export {
  type ClassifierProgress,
  type TrainClassifierOptions,
  type TrainClassifierResult,
  trainClassifier,
  trainClassifierArguments,
} from "./classify/train.ts";
