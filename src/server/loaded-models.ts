/** The models that are served, by name, and replaced models that are still in use. */
import { createHash } from "node:crypto";
import { writeModel } from "../formats/model-file.ts";
import { excerpt } from "../graph/excerpt.ts";
import { checkFiniteValues } from "../nn/finite-values.ts";
import type { Model } from "../nn/model.ts";
import { type Content, taskOf } from "../tasks/index.ts";
import type { Task } from "../tasks/task.ts";
import { queueFull } from "./batcher.ts";
import { ApiError } from "./errors.ts";
import {
  loadServings,
  type Serving,
  type ServingOptions,
  type Servings,
  servingOf,
  type TaskPrograms,
  type TextPrograms,
} from "./served-tasks.ts";

/** A loaded model and its name. */
export type LoadedModel = {
  readonly name: string;
  /** The kind of its task. */
  readonly kind: string;
  /** Unix time in seconds. */
  readonly created: number;
  /** A hash of its layers, values and task (of text, the tokenizer): the state of one model is useless for another. */
  readonly fingerprint: string;
  readonly isIdle: () => boolean;
  readonly dispose: () => void;
};
/** A model of text. */
export type LoadedText = LoadedModel & TextPrograms;
/** A model of another task. */
export type LoadedOther = LoadedModel & TaskPrograms;

type Models = Readonly<Record<string, Content>>;

/**
 * @throws InputError for a model that cannot be served: it cannot generate text step by step, has values that are infinite or NaN,
 * or is too large for the memory
 */
export async function loadModels(models: Models, options: ServingOptions): Promise<LoadedModels> {
  const servings = await loadServings();
  return new LoadedModels(await load(models, servings, options), servings, options);
}

async function load(
  models: Models,
  servings: Servings,
  options: ServingOptions,
): Promise<ReadonlyMap<string, LoadedModel>> {
  const created = Math.floor(Date.now() / 1000);
  const all = new Map<string, LoadedModel>();
  try {
    for (const [name, content] of Object.entries(models)) {
      const task = taskOf(content) as Task;
      const { model, extra } = task.write(content);
      checkFiniteValues(model, name);
      const fingerprint = fingerprintOf(model, extra.task);
      const programs = await servingOf(servings, task, name).start(content, options);
      all.set(name, { name, kind: task.kind, created, fingerprint, ...programs });
    }
  } catch (error) {
    for (const one of all.values()) one.dispose();
    throw error;
  }
  return all;
}

/** The fingerprint of the model's file without its training state, which does not depend on when and where it was written. */
function fingerprintOf(model: Model, task: unknown): string {
  const file = writeModel({ model, extra: { task } });
  return `sha256:${createHash("sha256").update(file).digest("hex")}`;
}

/** Owns the models' programs until it is disposed. */
export class LoadedModels {
  /** How the models of each task are served, by its kind. */
  readonly servings: Servings;
  private served: ReadonlyMap<string, LoadedModel>;
  private readonly replaced = new Set<LoadedModel>();
  private readonly options: ServingOptions;

  constructor(served: ReadonlyMap<string, LoadedModel>, servings: Servings, options: ServingOptions) {
    this.served = served;
    this.servings = servings;
    this.options = options;
  }

  get all(): readonly LoadedModel[] {
    return [...this.served.values()];
  }
  get texts(): readonly LoadedText[] {
    return this.all.filter((one): one is LoadedText => one.kind === "text");
  }

  /** @throws ApiError model_not_found */
  find(name: string): LoadedModel {
    const found = this.served.get(name);
    if (found !== undefined) return found;
    const names = [...this.served.keys()].join(", ");
    const wrong = `model: there is no model "${excerpt(name, 60)}". The models are ${names}.`;
    throw new ApiError("model_not_found", wrong, "model");
  }

  /** @throws ApiError model_not_found, invalid for a model of another task than text */
  findText(name: string): LoadedText {
    return this.findOf("text", name) as LoadedText;
  }
  /** @throws ApiError model_not_found, invalid for a model of another task */
  findOf(kind: string, name: string): LoadedModel {
    const found = this.find(name);
    if (found.kind === kind) return found;
    const { task, routes } = this.servings.get(found.kind) as Serving;
    const its = [...new Set(Object.values(routes).map(({ method, path }) => `${method.toUpperCase()} ${path}`))];
    const others = this.all.flatMap((one) => (one.kind === kind ? [one.name] : []));
    const wrong = `model: "${excerpt(name, 60)}" is ${task.title} (task "${task.kind}"), whose routes are ${its.join(", ")}`;
    const rest = others.length === 0 ? "There is none here." : `There are ${others.join(", ")}.`;
    throw new ApiError("invalid", `${wrong}; this one is for models of the task "${kind}". ${rest}`, "model");
  }

  /** @throws ApiError `queue_full` if a text of this client would be refused by every model */
  checkRoom(client: string): void {
    const { texts } = this;
    if (texts.length > 0 && !texts.some(({ batcher }) => batcher.hasRoom(client))) throw queueFull(this.options.queue);
  }

  /** Serve these models from now on. */
  async replace(models: Models): Promise<void> {
    const loaded = await load(models, this.servings, this.options);
    // The current models, because another call can have come first.
    for (const one of this.served.values()) this.replaced.add(one);
    this.served = loaded;
  }

  /** Each replaced model frees its memory once nothing uses it. */
  retire(isUsed: (loaded: LoadedModel) => boolean): void {
    for (const one of this.replaced) {
      if (!one.isIdle() || isUsed(one)) continue;
      one.dispose();
      this.replaced.delete(one);
    }
  }

  dispose(): void {
    for (const one of [...this.served.values(), ...this.replaced]) one.dispose();
  }
}
