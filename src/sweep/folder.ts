/**
 * The folder of a sweep: what is searched (`sweep.json`), a line for each trial (`results.jsonl`), the model of each (`models`), the best
 * of them and the page. Each file is written whole or not at all, so a sweep that was killed goes on from it.
 */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { makeFolder, readInput, writeFileAtomically } from "../formats/files.ts";
import { InputError } from "../graph/input-error.ts";
import { isPlain } from "../graph/schema.ts";
import type { Point } from "./samplers.ts";
import type { Measured } from "./trial.ts";

/**
 * What became of a trial: it trains; it was stopped early, at a rung that others did better at; it came to its end; its loss was no
 * number; or it could not be trained.
 */
export type TrialStatus = "running" | "stopped" | "finished" | "diverged" | "failed";

/** A trial of a sweep, as a line of `results.jsonl` has it. */
export type SweepTrial = {
  /** From 1, in the order of the sampler. */
  readonly trial: number;
  readonly status: TrialStatus;
  /** The settings that are searched. */
  readonly options: Point;
  /** The validation loss of its model in nats a token; null before the first rung, and where it diverged or failed. */
  readonly loss: number | null;
  /** Updates so far, and those of a whole training. */
  readonly updates: number;
  readonly of: number;
  /** The rungs that it was sent to, and of those it has reached the update and the loss. */
  readonly sent: number;
  readonly rungs: readonly (readonly [update: number, loss: number | null])[];
  /** All validations: the update and the loss. */
  readonly curve: readonly Measured[];
  readonly parameters?: number;
  /** Why it diverged or failed. */
  readonly message?: string;
};

/** What is the same in each run of a sweep. */
export type Definition = Readonly<Record<string, unknown>> & { readonly id: string };

/** The names of the files. */
export const filesOf = (folder: string) => ({
  definition: join(folder, "sweep.json"),
  results: join(folder, "results.jsonl"),
  models: join(folder, "models"),
  model: (trial: number) => join(folder, "models", `trial-${trial}.safetensors`),
  best: join(folder, "best.safetensors"),
  page: join(folder, "sweep.html"),
});

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const read = (path: string): string => new TextDecoder().decode(readInput(path));

export type OpenFolder = {
  readonly folder: string;
  readonly definition: Definition;
  readonly trials: readonly SweepTrial[];
  readonly files: ReturnType<typeof filesOf>;
  readonly save: (trials: readonly SweepTrial[]) => void;
};

/**
 * Open the folder for a new sweep, or for one that goes on.
 * @param names of the options in messages
 * @throws InputError if a sweep is there and is neither to go on nor to be replaced, or is another one
 */
export function openFolder(
  folder: string,
  wanted: Definition,
  { resume, overwrite }: { readonly resume: boolean; readonly overwrite: boolean },
  names: { readonly resume: string; readonly overwrite: string },
): OpenFolder {
  const files = filesOf(folder);
  const there = existsSync(files.definition);
  if (resume && overwrite) {
    throw new InputError(`${names.overwrite}: begins anew, and ${names.resume} goes on with what is there. Give one.`);
  }
  if (resume && !there) throw new InputError(`${folder}: there is no sweep to go on with. Leave out ${names.resume}.`);
  if (there && !resume && !overwrite) {
    throw new InputError(
      `${folder}: a sweep exists here. Give ${names.resume} to go on with it, or ${names.overwrite} to begin anew.`,
    );
  }
  const save = (trials: readonly SweepTrial[]): void => {
    writeFileAtomically(files.results, text(trials.map((trial) => `${JSON.stringify(trial)}\n`).join("")));
  };
  if (there && resume) {
    const definition = readDefinition(files.definition);
    checkSame(definition, wanted, files.definition);
    return { folder, definition, trials: readTrials(files.results), files, save };
  }
  makeFolder(files.models);
  if (there) {
    // The definition goes first: what is left without it is no sweep.
    for (const path of [files.definition, files.results, files.models, files.best, files.page]) {
      rmSync(path, { recursive: true, force: true });
    }
    makeFolder(files.models);
  }
  save([]);
  writeFileAtomically(files.definition, text(`${JSON.stringify(wanted, null, 2)}\n`));
  return { folder, definition: wanted, trials: [], files, save };
}

function readDefinition(path: string): Definition {
  let parsed: unknown;
  try {
    parsed = JSON.parse(read(path));
  } catch (error) {
    if (error instanceof InputError) throw error;
  }
  if (isPlain(parsed) && typeof parsed.id === "string") return parsed as Definition;
  throw new InputError(`${path}: is damaged. Begin the sweep anew.`);
}

/** How many rungs the sweep of a folder has; undefined without one, or without early stopping. */
export function rungsIn(folder: string): number | undefined {
  const { definition } = filesOf(folder);
  const asha = existsSync(definition) ? readDefinition(definition).asha : undefined;
  return isPlain(asha) && typeof asha.rungs === "number" ? asha.rungs : undefined;
}

/** @throws InputError that names the first thing which differs */
function checkSame(own: Definition, wanted: Definition, path: string): void {
  for (const name of new Set([...Object.keys(own), ...Object.keys(wanted)])) {
    if (name === "id") continue;
    const [had, got] = [own[name], wanted[name]].map((value) => JSON.stringify(value));
    if (had === got) continue;
    if (name === "text" || name === "validationText")
      throw new InputError(
        `${path}: the sweep is of another text than was given. Give the same text, or another folder.`,
      );
    if (isPlain(own[name]) && isPlain(wanted[name])) {
      checkSame({ id: "", ...(own[name] as object) }, { id: "", ...(wanted[name] as object) }, `${path}: ${name}`);
    }
    throw new InputError(
      `${path}: ${name} is ${had ?? "not given"} in this sweep and cannot change while it goes on, got ${got ?? "none"}.`,
    );
  }
}

function readTrials(path: string): readonly SweepTrial[] {
  const lines = existsSync(path)
    ? read(path)
        .split("\n")
        .filter((line) => line !== "")
    : [];
  return lines.map((line, k) => {
    try {
      const trial = JSON.parse(line) as SweepTrial;
      if (trial.trial === k + 1 && Array.isArray(trial.rungs) && Array.isArray(trial.curve)) return trial;
    } catch {
      // As below.
    }
    throw new InputError(`${path}: line ${k + 1} is damaged. Begin the sweep anew.`);
  });
}
