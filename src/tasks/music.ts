/** Music: pieces in, pieces out, as events or as piano rolls. */
export { musicModel, musicModelArguments } from "./music/create.ts";
export { evaluateMusic, evaluateMusicArguments, type MusicEvaluation } from "./music/evaluate.ts";
export { musicTask, readMusicModel, writeMusicModel, writeMusicModelArguments } from "./music/file.ts";
export { type GenerateMusicOptions, generateMusic, generateMusicArguments } from "./music/predict.ts";
export type { MusicForm, MusicModel, MusicOptions, MusicSettings } from "./music/settings.ts";
export {
  type MusicEpoch,
  type TrainMusicOptions,
  type TrainMusicResult,
  trainMusic,
  trainMusicArguments,
} from "./music/train.ts";
