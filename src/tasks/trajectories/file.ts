/** The file of a model of trajectories, and its kind of task. */
import { type ModelFile, readModel, writeModel } from "../../formats/model-file.ts";
import { FormatError, readSafetensorsArguments } from "../../formats/safetensors.ts";
import { InputError } from "../../graph/input-error.ts";
import { type Arguments, checkArguments, formatValue } from "../../graph/schema.ts";
import { type Task, type TaskData, taskDataOf } from "../task.ts";
import { aTrajectoryModel, checkSettings } from "./checks.ts";
import type { TrajectoryModel } from "./settings.ts";

export const writeTrajectoryModelArguments: Arguments = { tm: aTrajectoryModel };

/**
 * Encode a model of trajectories as a .safetensors file: weights, equations, and what its numbers mean.
 * @param tm the model
 * @returns the bytes of the file
 * @throws InputError for a model that could not be read again
 * @example writeFileSync("tracks.safetensors", writeTrajectoryModel(tm));
 */
export function writeTrajectoryModel(tm: TrajectoryModel): Uint8Array<ArrayBuffer> {
  checkArguments("writeTrajectoryModel", { tm }, writeTrajectoryModelArguments);
  return writeModel(fileOf(tm));
}

/**
 * Read a model of trajectories from the bytes of its file.
 * @param bytes the content of a .safetensors file
 * @param file the name of the file, for messages. Default "model.safetensors"
 * @throws FormatError, one line, for a file that is damaged or not a model of trajectories
 * @example const tm = readTrajectoryModel(readFileSync("tracks.safetensors"), "tracks.safetensors");
 */
export function readTrajectoryModel(bytes: Uint8Array, file = "model.safetensors"): TrajectoryModel {
  checkArguments("readTrajectoryModel", { bytes, file }, readSafetensorsArguments);
  const content = readModel(bytes, file);
  const data = taskDataOf(content, file);
  if (data.kind === trajectoriesTask.kind) return readContent(content, data, file);
  throw new FormatError(
    `${file}: its task is ${formatValue(data.kind)}, and a model of trajectories has "trajectories".`,
  );
}

const fileOf = ({ model, settings }: TrajectoryModel): ModelFile => ({
  model,
  extra: { task: { kind: "trajectories", ...settings } },
});

function readContent({ model }: ModelFile, { kind: _, ...settings }: TaskData, file: string): TrajectoryModel {
  try {
    return { model, settings: checkSettings("its task", model, settings) };
  } catch (error) {
    if (error instanceof InputError) throw new FormatError(`${file}: ${error.message}. Train anew.`);
    throw error;
  }
}

/** The task of models of trajectories: where things were, to where they go. */
export const trajectoriesTask: Task<TrajectoryModel> = {
  kind: "trajectories",
  title: "a model of trajectories",
  read: readContent,
  write: fileOf,
  content: aTrajectoryModel,
  serving: async () => (await import("./serving.ts")).serving,
};
