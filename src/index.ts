/**
 * Unrolled's public surface: cells, layers, models, training, tasks. The built-in cells are `cells.lstm` and so on, or
 * `import { lstm } from "unrolled/cells"`; `lstm(units)` here is the layer.
 */
export { cells } from "./cells/index.ts";
export { argmax, type FlatArray, rowsOf } from "./data/arrays.ts";
export { type Note, type Piece, secondsAt, type Tempo } from "./data/piece.ts";
export { type PadOptions, padSequences, toCategorical } from "./data/sequences.ts";
export {
  type SeriesOfTable,
  type SeriesOptions,
  seriesOfTable,
  type Table,
} from "./data/series.ts";
export {
  type Series,
  type SeriesBatch,
  type TimeseriesDataset,
  type TimeseriesDatasetOptions,
  TimeseriesGenerator,
  type TimeseriesGeneratorOptions,
  timeseriesDatasetFromArray,
} from "./data/timeseries.ts";
export type { EngineName, HostOptions, InferenceOptions } from "./engines/engine.ts";
export {
  type ConllOptions,
  convertLabels,
  type Entity,
  type EntityMeasures,
  type EntityScheme,
  entitiesOf,
  markEntities,
  measureEntities,
  misplacedLabel,
  parseConll,
  type TaggedSentence,
  type TypeMeasures,
} from "./formats/conll.ts";
export { type Cell, cell, EquationError } from "./graph/cell.ts";
export { InputError } from "./graph/input-error.ts";
export { type CrfOptions, crf, type Transitions, viterbi } from "./nn/crf.ts";
export {
  type InspectedStep,
  type InspectOptions,
  inspectModel,
  type NamedValue,
  namedValues,
} from "./nn/inspection.ts";
export {
  add,
  additiveAttention,
  attending,
  attention,
  average,
  bidirectional,
  concatenate,
  conv1d,
  dense,
  dropout,
  embedding,
  globalAveragePooling1d,
  globalMaxPooling1d,
  gru,
  input,
  type LayerSpec,
  layerNormalization,
  lstm,
  masking,
  multiply,
  type RecurrentOptions,
  recurrent,
  repeatVector,
  simpleRnn,
  timeDistributed,
} from "./nn/layers.ts";
export { countParameters, type Model, type ModelInput, type SequentialOptions, sequential } from "./nn/model.ts";
export { createRandom, type Random } from "./nn/random.ts";
export { type Saliency, type SaliencyOptions, saliency } from "./nn/saliency.ts";
export { createSession, type Session } from "./nn/session.ts";
export { type LayerSummary, layerSummaries, summary } from "./nn/summary.ts";
export { type Trace, type TraceOptions, trace, traceGradients } from "./nn/trace.ts";
export { engineNameFor } from "./runtime/engine-name.ts";
export {
  type AudioFeatures,
  type Augmentation,
  audioFeatures,
  type Classification,
  type ClassifiedFrame,
  type Classifier,
  type ClassifierEvaluation,
  type ClassifierInput,
  type ClassifierOptions,
  type ClassifierProgress,
  type ClassifyOptions,
  type ClassifySession,
  type ClassifySessionOptions,
  type ClassMeasures,
  classifier,
  classify,
  classifySession,
  type DetectedEvent,
  type DetectOptions,
  detect,
  evaluateClassifier,
  explainText,
  type LabelledSequence,
  type NumberRows,
  type Pooling,
  readClassifier,
  type Scaling,
  type ScalingKind,
  type Sequence,
  type Sound,
  type Text,
  type TextExplanation,
  type TextTokens,
  type TextVocabulary,
  type TrainClassifierOptions,
  type TrainClassifierResult,
  trainClassifier,
  type WriteClassifierOptions,
  writeClassifier,
} from "./tasks/classify.ts";
export {
  baselines,
  type EvaluateForecasterOptions,
  evaluateForecaster,
  type Forecast,
  type ForecastData,
  type ForecastEvaluation,
  type Forecaster,
  type ForecasterOptions,
  type ForecastOptions,
  type ForecastScores,
  type ForecastSettings,
  type ForecastStep,
  forecast,
  forecaster,
  type NormalForecast,
  readForecaster,
  scores,
  type TrainedForecaster,
  type TrainForecasterOptions,
  trainForecaster,
  type WriteForecasterOptions,
  writeForecaster,
} from "./tasks/forecast/index.ts";
export {
  type BeamSearchOptions,
  type BeamText,
  beamSearch,
  type EncodedText,
  type Evaluation,
  evaluateLanguageModel,
  type GeneratedToken,
  type GenerateManyOptions,
  type GenerateOptions,
  type GenerateTokensOptions,
  generate,
  generateMany,
  generateTokens,
  type LanguageModel,
  type LanguageModelFromOptions,
  type LanguageModelOptions,
  type LikelyToken,
  languageModel,
  languageModelFrom,
  type Prompt,
  readLanguageModel,
  type Texts,
  type TrainLanguageModelOptions,
  type TrainLanguageModelResult,
  trainLanguageModel,
  type WriteOptions,
  writeLanguageModel,
} from "./tasks/language-model.ts";
export {
  evaluateMusic,
  type GenerateMusicOptions,
  generateMusic,
  type MusicEpoch,
  type MusicEvaluation,
  type MusicForm,
  type MusicModel,
  type MusicOptions,
  type MusicSettings,
  musicModel,
  readMusicModel,
  type TrainMusicOptions,
  type TrainMusicResult,
  trainMusic,
  writeMusicModel,
} from "./tasks/music.ts";
export {
  evaluateTagger,
  explainTag,
  readTagger,
  type TagExplanation,
  type Tagged,
  type Tagger,
  type TaggerEvaluation,
  type TaggerOptions,
  type TaggerProgress,
  type TagInput,
  type TagOptions,
  type TagReading,
  type TrainTaggerOptions,
  type TrainTaggerResult,
  tag,
  tagger,
  trainTagger,
  writeTagger,
} from "./tasks/tag.ts";
export {
  cutTracks,
  evaluateTrajectories,
  type FrameRange,
  type Future,
  type Gap,
  type PredictedTrack,
  type PredictTrajectoriesOptions,
  predictTrajectories,
  type ReadTracksOptions,
  readTracks,
  readTrajectoryModel,
  type Scores,
  type Track,
  type Tracks,
  type TrainTrajectoriesOptions,
  type TrainTrajectoriesResult,
  type TrajectoryEvaluation,
  type TrajectoryForm,
  type TrajectoryModel,
  type TrajectoryOptions,
  type TrajectorySettings,
  trainTrajectories,
  trajectoryModel,
  writeTrajectoryModel,
} from "./tasks/trajectories.ts";
export {
  type EvaluateTranslatorOptions,
  evaluateTranslator,
  readTranslator,
  type TextPair,
  type TrainTranslatorOptions,
  type TrainTranslatorResult,
  type TranslateOptions,
  type Translation,
  type Translator,
  type TranslatorEvaluation,
  type TranslatorFromOptions,
  type TranslatorOptions,
  type TranslatorProgress,
  trainTranslator,
  translate,
  translator,
  translatorFrom,
  type WriteTranslatorOptions,
  writeTranslator,
} from "./tasks/translate.ts";
export { readVocabulary, type Vocabulary } from "./tasks/vocabulary.ts";
export {
  type BytePairEncoding,
  bytePairVocabularySize,
  checkBytePairEncoding,
  decodeBytePairs,
  encodeBytePairs,
  tokenBytes,
  trainBytePairEncoding,
} from "./text/byte-pair-encoding.ts";
export { englishWords } from "./text/english-words.ts";
export { type HashingOptions, hashingTrick, type OneHotOptions, oneHot } from "./text/hashing.ts";
export {
  type MatrixMode,
  Tokenizer,
  type TokenizerConfig,
  type TokenizerOptions,
  tokenizerFromJson,
} from "./text/keras-tokenizer.ts";
export { type Couple, makeSamplingTable, type SkipgramOptions, skipgrams } from "./text/skipgrams.ts";
export {
  type OutputMode,
  TextVectorization,
  type TextVectorizationOptions,
  type VectorizedText,
} from "./text/text-vectorization.ts";
export { textToWordSequence, type WordSequenceOptions } from "./text/word-sequence.ts";
export type { BatchSource, ExampleBatch } from "./train/batches.ts";
export { earlyStopping, learningRateScheduler, type MonitorMode, reduceOnPlateau } from "./train/built-in-callbacks.ts";
export type { Callback, Logs, TrainingRun } from "./train/callbacks.ts";
export { createDecoder, type Decoder, type DecoderOptions } from "./train/decoder.ts";
export {
  type BivariateMixture,
  type BivariateMixtureOptions,
  type BivariateParameters,
  type BivariateSampleOptions,
  bivariateMixture,
} from "./train/densities/bivariate.ts";
export {
  type LikelyPath,
  type Path,
  type PathMixture,
  type PathMixtureOptions,
  type PathSampleOptions,
  pathMixture,
} from "./train/densities/paths.ts";
export {
  type Density,
  type DensityOptions,
  gaussian,
  type NegativeBinomialOptions,
  negativeBinomial,
  type QuantilesOptions,
  quantiles,
  studentT,
} from "./train/densities/univariate.ts";
export { createWatch, type Rate, type Run, type Watch } from "./train/deprecated.ts";
export { type EvaluateOptions, evaluate } from "./train/evaluate.ts";
export { createEvaluator, type Evaluator, type EvaluatorOptions } from "./train/evaluator.ts";
export type { ExampleArray, InputArrays } from "./train/examples.ts";
export { type FitOptions, fit, type History } from "./train/fit.ts";
export { type FitStreamResult, fitStream } from "./train/fit-stream.ts";
export type { Best, Checkpoint, FitStreamOptions, Progress } from "./train/fit-stream-options.ts";
export {
  createUpdateInspector,
  type Saturation,
  type UpdateInspection,
  type UpdateInspector,
  type UpdateInspectorOptions,
} from "./train/inspect-update.ts";
export {
  constantRate,
  cosineDecay,
  exponentialDecay,
  inverseTimeDecay,
  type LearningRateSchedule,
  linearWarmup,
  oneCycle,
  piecewiseConstantDecay,
  polynomialDecay,
  stepDecay,
} from "./train/learning-rate-schedules.ts";
export {
  binaryCrossentropy,
  categoricalCrossentropy,
  huber,
  type Loss,
  type LossName,
  sparseCategoricalCrossentropy,
} from "./train/losses.ts";
export {
  binaryAccuracy,
  categoricalAccuracy,
  type MetricName,
  type MetricOptions,
  meanAbsoluteError,
  perplexity,
  sparseCategoricalAccuracy,
} from "./train/metrics.ts";
export { createNonFiniteGuard, type NonFiniteGuard, NonFiniteLoss } from "./train/non-finite-guard.ts";
export type { OptimizerName } from "./train/optimizer-names.ts";
export { adam, adamW, asgd, nadam, type Optimizer, rmsprop, sgd, type WeightDecay } from "./train/optimizers.ts";
export type { PaddingOptions } from "./train/padding.ts";
export {
  createPredictor,
  type InputBatch,
  type OutputActivation,
  type Prediction,
  type PredictOptions,
  type Predictor,
  type PredictorOptions,
  predict,
} from "./train/predict.ts";
export { type Plateau, reduceLrOnPlateau } from "./train/reduce-on-plateau.ts";
export { type Batches, streamBatches } from "./train/stream.ts";
export { type TimedEngine, type TimeEnginesOptions, timeEngines } from "./train/time-engines.ts";
export type { TokenSource, Tokens } from "./train/token-source.ts";
export { createTrainer, type Trainer, type TrainerState, type UpdateOptions } from "./train/trainer.ts";
export type { TrainerOptions } from "./train/training-plan.ts";
