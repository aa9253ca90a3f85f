/**
 * The Lab's work as one file: the cell, the text, the settings, and the runs with their models. It is a .safetensors
 * file whose tensors are the models' files as bytes, and whose metadata hold the rest. A file can come from anyone and
 * is checked.
 */
import { FormatError, readSafetensors, writeSafetensors } from "../../../formats/safetensors.ts";
import { isPlain } from "../../../graph/schema.ts";
import { readFacts } from "../../models/kept-facts.ts";
import type { StoredModel } from "../../models/model-store.ts";
import { fill, texts } from "../../texts/texts.ts";
import { type Form, formFrom } from "./settings.ts";
import { type Source, sourceOf } from "./source.ts";

const own = texts.lab.project;

type Training = NonNullable<StoredModel["training"]>;
export type ProjectRun = { readonly name: string; readonly training: Training; readonly file: Uint8Array<ArrayBuffer> };

export type Project = {
  /** Equations, valid or not. */
  readonly cell: string;
  readonly form: Form;
  readonly source: Source;
  readonly runs: readonly ProjectRun[];
};

/** In the first version, the facts of runs were words: see `readFacts`. */
const [format, formats] = ["unrolled project 2", ["unrolled project 1", "unrolled project 2"]] as const;
const [maxEquations, maxRuns] = [100_000, 1000];

export function writeProject({ cell, form, source, runs }: Project): Uint8Array<ArrayBuffer> {
  const told = { cell, form, source, runs: runs.map(({ name, training }) => ({ name, training })) };
  const tensors = Object.fromEntries(runs.map(({ file }, k) => [`run.${k}`, { shape: [file.length], data: file }]));
  return writeSafetensors({ tensors, metadata: { format, project: JSON.stringify(told) } });
}

/**
 * Read a project; the models' files are not parsed yet. @throws FormatError of one line for a file that is not a
 * project, or is damaged
 */
export function readProject(bytes: Uint8Array, file: string): Project {
  const { tensors, metadata } = readTensors(bytes, file);
  if (!formats.some((known) => known === metadata?.format)) {
    throw new FormatError(fill(own.other, { file }));
  }
  const damaged = (what: keyof typeof own.damaged, n = 0): FormatError =>
    new FormatError(fill(own.damaged[what], { file, n }));
  let told: unknown;
  try {
    told = JSON.parse(metadata?.project ?? "");
  } catch {
    throw damaged("description");
  }
  if (!isPlain(told)) throw damaged("description");
  const { cell, form, runs } = told;
  const source = sourceOf(told.source);
  if (typeof cell !== "string" || cell.length > maxEquations) throw damaged("cell");
  if (!isPlain(form)) throw damaged("form");
  if (source === undefined) throw damaged("text");
  if (!Array.isArray(runs) || runs.length > maxRuns) throw damaged("runs");
  const read = runs.map((run: unknown, k): ProjectRun => {
    const { data } = tensors[`run.${k}`] ?? {};
    const facts = isRun(run) ? readFacts(run.training.facts) : undefined;
    if (!isRun(run) || facts === undefined || !(data instanceof Uint8Array)) throw damaged("run", k + 1);
    // A copy, so that the whole file need not stay in memory.
    return { name: run.name, training: { facts, losses: run.training.losses }, file: new Uint8Array(data) };
  });
  return { cell, form: formFrom(form), source, runs: read };
}

/** A project cannot be repaired by training again. */
function readTensors(bytes: Uint8Array, file: string): ReturnType<typeof readSafetensors> {
  try {
    return readSafetensors(bytes, file);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new FormatError(error.message.replace("Copy it again or train anew.", "Copy it again, or save it again."));
  }
}

function isRun(run: unknown): run is Omit<ProjectRun, "file"> {
  if (!isPlain(run) || typeof run.name !== "string" || run.name.length > 1000 || !isPlain(run.training)) return false;
  const { losses } = run.training;
  return (
    Array.isArray(losses) &&
    losses.every(
      (point: unknown) =>
        isPlain(point) &&
        [point.step, point.loss, point.elapsedMs].every((value) => typeof value === "number") &&
        (point.validationLoss === null || typeof point.validationLoss === "number"),
    )
  );
}
