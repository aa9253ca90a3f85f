/** The file of a model of music, and its kind of task. */
import { type ModelFile, readModel, writeModel } from "../../formats/model-file.ts";
import { FormatError, readSafetensorsArguments } from "../../formats/safetensors.ts";
import { InputError } from "../../graph/input-error.ts";
import { type Arguments, checkArguments, formatValue } from "../../graph/schema.ts";
import { type Task, type TaskData, taskDataOf } from "../task.ts";
import { aMusicModel, checkSettings } from "./checks.ts";
import type { MusicModel } from "./settings.ts";

export const writeMusicModelArguments: Arguments = { mm: aMusicModel };

/**
 * Encode a model of music as a .safetensors file: weights, equations, and what its numbers mean.
 * @param mm the model
 * @returns the bytes of the file
 * @throws InputError for a model that could not be read again
 * @example writeFileSync("tunes.safetensors", writeMusicModel(mm));
 */
export function writeMusicModel(mm: MusicModel): Uint8Array<ArrayBuffer> {
  checkArguments("writeMusicModel", { mm }, writeMusicModelArguments);
  return writeModel(fileOf(mm));
}

/**
 * Read a model of music from the bytes of its file.
 * @param bytes the content of a .safetensors file
 * @param file the name of the file, for messages. Default "model.safetensors"
 * @throws FormatError, one line, for a file that is damaged or not a model of music
 * @example const mm = readMusicModel(readFileSync("tunes.safetensors"), "tunes.safetensors");
 */
export function readMusicModel(bytes: Uint8Array, file = "model.safetensors"): MusicModel {
  checkArguments("readMusicModel", { bytes, file }, readSafetensorsArguments);
  const content = readModel(bytes, file);
  const data = taskDataOf(content, file);
  if (data.kind === musicTask.kind) return readContent(content, data, file);
  throw new FormatError(`${file}: its task is ${formatValue(data.kind)}, and a model of music has "music".`);
}

const fileOf = ({ model, settings }: MusicModel): ModelFile => ({
  model,
  extra: { task: { kind: "music", ...settings } },
});

function readContent({ model }: ModelFile, { kind: _, ...settings }: TaskData, file: string): MusicModel {
  try {
    return { model, settings: checkSettings("its task", model, settings) };
  } catch (error) {
    if (error instanceof InputError) throw new FormatError(`${file}: ${error.message}. Train anew.`);
    throw error;
  }
}

/** The task of models of music: pieces in, pieces out. */
export const musicTask: Task<MusicModel> = {
  kind: "music",
  title: "a model of music",
  read: readContent,
  write: fileOf,
  content: aMusicModel,
  serving: async () => (await import("./serving.ts")).serving,
};
