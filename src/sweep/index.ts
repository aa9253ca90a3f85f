/**
 * Search the settings of a training: on the cores of one machine, or by workers on any number of them that share a Redis. For Node.
 */
export type { SweepTrial, TrialStatus } from "./folder.ts";
export type { SamplerName } from "./samplers.ts";
export type { SweepRange, SweepSpace } from "./space.ts";
export {
  type SweepAsha,
  type SweepEvent,
  type SweepOptions,
  type SweepResult,
  type SweepTraining,
  sweep,
} from "./sweep.ts";
export { type SweepWorkerEvent, type SweepWorkerOptions, sweepWorker } from "./worker.ts";
