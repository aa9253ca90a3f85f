/**
 * Models of any task that are open in this worker: each file is sent and parsed once, and questions carry a handle. If
 * there are too many or too large models, the least recently used ones are closed; a question about a closed model
 * fails with `ModelClosed`, and the page opens it again.
 */

import { cells } from "../../cells/index.ts";
import { readModel } from "../../formats/model-file.ts";
import { InputError } from "../../graph/input-error.ts";
import { checkFiniteValues } from "../../nn/finite-values.ts";
import { countParameters } from "../../nn/model.ts";
import { type LayerSummary, layerSummaries } from "../../nn/summary.ts";
import { type Contents, notTaken, type Opened, openAnyModel, openByTask } from "../../tasks/index.ts";
import type { LanguageModel } from "../../tasks/language-model.ts";
import { hasTask, type TaskFacts, taskFacts } from "../../tasks/task.ts";
import { type Tokenizer, vocabularySize } from "../../text/tokenizer.ts";
import { type OptimizerName, optimizers } from "../../train/optimizer-names.ts";
import type { BroughtFile, Told } from "./foreign-models.ts";
import type { TrainingSettings } from "./training.ts";

/** The handle of a model: a number that the page chooses and never reuses. */
export type ModelHandle = number & { readonly of?: "model" };

/** A short description of a model. */
export type ModelFacts = {
  /** What it is for. */
  readonly task: TaskFacts;
  readonly parameters: number;
  /** The recurrent layers: their names and units. */
  readonly layers: readonly string[];
  /** The tokenizer of a model of text. */
  readonly text?: { readonly tokens: Tokenizer["kind"]; readonly vocabulary: number };
};

/** A model that the reader brought, as a file of ours: of a task, or its layers where nothing says what it is for. */
export type BroughtModel = BroughtFile &
  Told &
  ({ readonly facts: ModelFacts } | { readonly layers: readonly LayerSummary[]; readonly parameters: number });

/** The settings of a model of text. */
export type MadeOf = Pick<TrainingSettings, "cell" | "units" | "layers" | "tokens" | "dropout" | "optimizer">;

/** The limit for several models; the newest one is kept however large it is. */
export const openBounds = { models: 6, bytes: 512e6 } as const;

/** Thrown if the model of a handle is not open in this worker, or no longer open. */
export class ModelClosed extends Error {
  override name = "ModelClosed";
}

type Open = {
  readonly handle: ModelHandle;
  readonly name: string;
  readonly task: Opened["task"];
  readonly content: unknown;
  readonly bytes: number;
};
/** In the order of use, the most recently used one last. */
const open: Open[] = [];

function take(handle: ModelHandle): Open | undefined {
  const at = open.findIndex((one) => one.handle === handle);
  return at < 0 ? undefined : open.splice(at, 1)[0];
}

/** The content of a model of this task. @throws ModelClosed if it must be opened first, InputError if it is of another task */
export function contentOf<Kind extends keyof Contents>(handle: ModelHandle, kind: Kind): Contents[Kind] {
  const found = take(handle);
  if (found === undefined) throw new ModelClosed("The model is not open.");
  open.push(found);
  const { name, task, content } = found;
  if (task.kind !== kind) throw new InputError(`${name}: ${notTaken(task, "this question", [kind])}`);
  return content as Contents[Kind];
}
/** The model of text. @throws as `contentOf` */
export const modelOf = (handle: ModelHandle): LanguageModel => contentOf(handle, "text");

export const openModels = {
  /** @throws InputError, one line, for a file that is no model of a task that is known, or of values that are infinite or NaN */
  async openModel(handle: ModelHandle, file: Uint8Array<ArrayBuffer>, name: string): Promise<ModelFacts> {
    const opened = openFinite(file, name);
    const content = opened.content();
    take(handle);
    open.push({ handle, name, task: opened.task, content, bytes: file.length });
    let bytes = open.reduce((sum, one) => sum + one.bytes, 0);
    while (open.length > 1 && (open.length > openBounds.models || bytes > openBounds.bytes)) {
      bytes -= open.shift()?.bytes ?? 0;
    }
    return factsOf(opened, content);
  },

  /** Close a model. */
  async closeModel(handle: ModelHandle): Promise<void> {
    take(handle);
  },

  /** Of a file that is not to stay open. @throws InputError, one line, for one that is no model of a task that is known */
  async modelFacts(file: Uint8Array<ArrayBuffer>, name: string): Promise<ModelFacts> {
    const opened = openFinite(file, name);
    return factsOf(opened, opened.content());
  },

  /**
   * The model among files that the reader brings, as a file of ours, and what it is. @throws InputError, one line, for files without a
   * model, and for one of a task that is unknown
   */
  async broughtModel(files: readonly BroughtFile[]): Promise<BroughtModel> {
    const { broughtModel } = await import("./foreign-models.ts");
    const brought = await broughtModel(files);
    const { name, bytes } = brought;
    const file = readModel(bytes, name);
    if (hasTask(file)) return { ...brought, facts: await openModels.modelFacts(bytes, name) };
    checkFiniteValues(file.model, name);
    return { ...brought, layers: layerSummaries(file.model), parameters: countParameters(file.model) };
  },

  /** What the Lab goes on from. @throws InputError, one line, for a file that is no model of text */
  async madeOf(file: Uint8Array<ArrayBuffer>, name: string): Promise<MadeOf> {
    return openByTask(file, name, "the Lab", { text: madeOf });
  },
};

function openFinite(file: Uint8Array<ArrayBuffer>, name: string): Opened {
  const opened = openAnyModel(file, name);
  checkFiniteValues(opened.file.model, name);
  return opened;
}

function factsOf({ task, file: { model } }: Opened, content: unknown): ModelFacts {
  const layers = model.layers.flatMap((layer) =>
    layer.kind === "embedding" || layer.kind === "dropout" ? [] : [layer.name],
  );
  const facts = { task: taskFacts(task, content), parameters: countParameters(model), layers };
  if (task.kind !== "text") return facts;
  const { tokenizer } = content as LanguageModel;
  return { ...facts, text: { tokens: tokenizer.kind, vocabulary: vocabularySize(tokenizer) } };
}

/** Of a model that `languageModel` makes: an embedding, as many cells as layers, and what gives the tokens. */
function madeOf({ model, tokenizer, optimizer }: LanguageModel): MadeOf {
  const stack = model.layers.flatMap((layer) => (layer.kind === "cell" ? [layer] : [])).slice(0, -1);
  const rate = model.layers.find((layer) => layer.kind === "dropout")?.rate;
  const source = stack[0]?.cell.source ?? "";
  const name = Object.keys(cells).find((one) => cells[one]?.source === source);
  return {
    ...{ cell: name ?? { equations: source }, units: stack[0]?.units ?? 0, layers: stack.length },
    // What another program numbered cannot be trained anew: words are what is nearest.
    ...{ tokens: tokenizer.kind === "whitespace" ? "word" : tokenizer.kind, dropout: rate ?? 0 },
    ...(optimizer !== undefined && Object.hasOwn(optimizers, optimizer) && { optimizer: optimizer as OptimizerName }),
  };
}
