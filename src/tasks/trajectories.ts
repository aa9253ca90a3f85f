/** Trajectories: where people and cars were, to where they go, as several futures with their probabilities. */
export { oneOrManyTracks, trajectoryModel, trajectoryModelArguments } from "./trajectories/create.ts";
export {
  evaluateTrajectories,
  evaluateTrajectoriesArguments,
  type TrajectoryEvaluation,
} from "./trajectories/evaluate.ts";
export {
  readTrajectoryModel,
  trajectoriesTask,
  writeTrajectoryModel,
  writeTrajectoryModelArguments,
} from "./trajectories/file.ts";
export {
  type PredictedTrack,
  type PredictTrajectoriesOptions,
  predictTrajectories,
  predictTrajectoriesArguments,
} from "./trajectories/predict.ts";
export { readTracks } from "./trajectories/read-tracks.ts";
export type { Future, Scores } from "./trajectories/scores.ts";
export type {
  TrajectoryForm,
  TrajectoryModel,
  TrajectoryOptions,
  TrajectorySettings,
} from "./trajectories/settings.ts";
export {
  cutTracks,
  cutTracksArguments,
  type FrameRange,
  type Gap,
  type ReadTracksOptions,
  readTracksArguments,
  type Track,
  type Tracks,
} from "./trajectories/tracks.ts";
export {
  type TrainTrajectoriesOptions,
  type TrainTrajectoriesResult,
  trainTrajectories,
  trainTrajectoriesArguments,
} from "./trajectories/train.ts";
