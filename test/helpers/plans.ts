/** Plans for the default engine, and what lies in a program's memory. */
import { defaultTarget } from "../../src/engines/registry.ts";
import type { Graph } from "../../src/graph/graph.ts";
import type { Model } from "../../src/nn/model.ts";
import type { Program } from "../../src/runtime/program.ts";
import type { Plan } from "../../src/schedule/plan.ts";
import { type ScheduleOptions, schedule as scheduleFor } from "../../src/schedule/schedule.ts";
import { padded as paddedFor } from "../../src/schedule/target.ts";
import { type TrainerOptions, trainingPlan as trainingPlanFor } from "../../src/train/training-plan.ts";

export const schedule = (graph: Graph, options: Omit<ScheduleOptions, "target">): Plan =>
  scheduleFor(graph, { target: defaultTarget, ...options });

export const trainingPlan = (model: Model, options: TrainerOptions): Plan =>
  trainingPlanFor(model, options, defaultTarget);

export const target = defaultTarget;

/** Features in whole vectors. */
export const padded = (features: number): number => paddedFor(defaultTarget, features);

/** Numbers of a program's memory from an address on, in place. */
export const memoryOf = (program: Program, address: number, count: number): Float32Array<ArrayBuffer> =>
  program["executable"].numbers(address, count) as Float32Array<ArrayBuffer>;
