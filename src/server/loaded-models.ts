/** The models that are served, by name, and those before them that somebody still goes on with. */
import { createHash } from "node:crypto";
import type { HostOptions } from "../engines/engine.ts";
import { excerpt } from "../graph/excerpt.ts";
import { type LanguageModel, writeLanguageModel } from "../tasks/language-model.ts";
import { type Batcher, createBatcher, queueFull } from "./batcher.ts";
import type { Piece } from "./completions/piece.ts";
import { ApiError } from "./errors.ts";

/** A model at work under its name. */
export type LoadedModel = {
  readonly name: string;
  readonly lm: LanguageModel;
  readonly batcher: Batcher<Piece>;
  /** Seconds since 1970. */
  readonly created: number;
  /** Of its layers, values and tokenizer: what one remembers is nothing to another. */
  readonly fingerprint: string;
};

type Options = HostOptions & { readonly queue: number };
type Models = Readonly<Record<string, LanguageModel>>;

/** @throws InputError for a model that cannot write text step by step, or too large for the memory */
export async function loadModels(models: Models, options: Options): Promise<LoadedModels> {
  return new LoadedModels(await load(models, options), options);
}

async function load(models: Models, options: Options): Promise<ReadonlyMap<string, LoadedModel>> {
  const created = Math.floor(Date.now() / 1000);
  const all = new Map<string, LoadedModel>();
  try {
    for (const [name, lm] of Object.entries(models)) {
      const fingerprint = fingerprintOf(lm);
      all.set(name, { name, lm, batcher: await createBatcher<Piece>(lm, options), created, fingerprint });
    }
  } catch (error) {
    for (const { batcher } of all.values()) batcher.dispose();
    throw error;
  }
  return all;
}

/** That of its file, whenever and where it is written. */
const fingerprintOf = ({ model, tokenizer }: LanguageModel): string =>
  `sha256:${createHash("sha256").update(writeLanguageModel({ model, tokenizer })).digest("hex")}`;

/** Owns the models' programs until it is disposed of. */
export class LoadedModels {
  private served: ReadonlyMap<string, LoadedModel>;
  private readonly replaced = new Set<LoadedModel>();
  private readonly options: Options;

  constructor(served: ReadonlyMap<string, LoadedModel>, options: Options) {
    this.served = served;
    this.options = options;
  }

  get all(): readonly LoadedModel[] {
    return [...this.served.values()];
  }

  /** @throws ApiError model_not_found */
  find(name: string): LoadedModel {
    const found = this.served.get(name);
    if (found !== undefined) return found;
    const names = [...this.served.keys()].join(", ");
    const wrong = `model: there is no model "${excerpt(name, 60)}". There are ${names}.`;
    throw new ApiError("model_not_found", wrong, "model");
  }

  /** @throws ApiError queue_full, where a text of this client would be refused, whatever model it is of */
  checkRoom(client: string): void {
    if (!this.all.some(({ batcher }) => batcher.hasRoom(client))) throw queueFull(this.options.queue);
  }

  /** These are found from now on. */
  async replace(models: Models): Promise<void> {
    const loaded = await load(models, this.options);
    // Those before it by now: another call may have come first.
    for (const one of this.served.values()) this.replaced.add(one);
    this.served = loaded;
  }

  /** Each that was replaced gives its memory back once nobody uses it. */
  retire(isUsed: (loaded: LoadedModel) => boolean): void {
    for (const one of this.replaced) {
      if (!one.batcher.isIdle || isUsed(one)) continue;
      one.batcher.dispose();
      this.replaced.delete(one);
    }
  }

  dispose(): void {
    for (const { batcher } of [...this.served.values(), ...this.replaced]) batcher.dispose();
  }
}
