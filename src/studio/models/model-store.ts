/**
 * The model store: the models that the studio was started with, and those that were trained or opened here, which the
 * browser stores.
 */
import type { ModelFacts } from "../engine/open-models.ts";
import { fetched, messageOf, once } from "../loading.ts";
import { notify } from "../notices.ts";
import { fill, texts } from "../texts/texts.ts";
import { type Change, changedHere, read, readAll, useKept, write } from "./database.ts";
import { freeName } from "./free-name.ts";
import { readFacts } from "./kept-facts.ts";
import type { TrainingFacts } from "./training-facts.ts";

const words = texts.models.store;

/** The losses of a training, point by point. */
export type LossPoint = {
  readonly step: number;
  readonly loss: number;
  readonly validationLoss: number | null;
  readonly elapsedMs: number;
};

/** A model without its file. */
export type StoredModel = {
  /** The id in addresses. */
  readonly id: string;
  readonly name: string;
  readonly bytes: number;
  /** For models that the browser stores, the time of creation in milliseconds since 1970. */
  readonly madeMs?: number;
  /** Whether it is lost when the page is closed. */
  readonly inPage?: boolean;
  /** The task of the model; without it, text. */
  readonly task?: ModelFacts["task"];
  /** For models that were trained here. */
  readonly training?: {
    readonly facts: TrainingFacts;
    readonly losses: readonly LossPoint[];
  };
};

/** Whether it is a model of text, which Inspect and Write show. */
export const isOfText = ({ task }: Pick<StoredModel, "task">): boolean => (task?.kind ?? "text") === "text";

/** The models of the command line, which the studio's server lists; a page of static files has none. */
const givenModels = once(async () => (await (await fetched("./models.json")).json()) as readonly StoredModel[]);

/** If the models of the command line are not available, they are left out and a notice says so. */
async function givenOrNone(): Promise<readonly StoredModel[]> {
  try {
    const given = await givenModels();
    notify("given", undefined);
    return given;
  } catch (error) {
    const text = fill(words.given, { problem: messageOf(error) });
    notify("given", { text, action: { label: words.again, run: changedHere } });
    return [];
  }
}

/** The change that deletes an unfinished training. */
export const withoutRun = (key: string): readonly Change[] =>
  (["runs", "checkpoints", "texts"] as const).map((store) => ({ store, key, value: undefined }));

/** All models, the given ones first, then the newest. */
export async function listModels(): Promise<readonly StoredModel[]> {
  const [given, kept] = await Promise.all([givenOrNone(), readAll("models")]);
  const own = kept.map(({ value, inPage }) => ({ ...withFacts(value as StoredModel), ...(inPage && { inPage }) }));
  return [...given, ...own.sort((a, b) => (b.madeMs ?? 0) - (a.madeMs ?? 0))];
}

/** A stored record, from this or an earlier version. */
function withFacts(model: StoredModel): StoredModel {
  const { training } = model;
  return training === undefined
    ? model
    : { ...model, training: { ...training, facts: readFacts(training.facts) ?? {} } };
}

/** A model's file. @throws Error if it no longer exists, or the page's host does not return it */
export async function readModelFile(id: string): Promise<Uint8Array<ArrayBuffer>> {
  // As in the list, the given models come first; they need no storage.
  if ((await givenOrNone()).some((model) => model.id === id)) {
    return new Uint8Array(await (await fetched(`./models/${encodeURIComponent(id)}.safetensors`)).arrayBuffer());
  }
  const file = await read("files", id);
  if (file !== undefined) return file;
  throw new Error(fill(words.gone, { id }));
}

export type KeepOptions = {
  /** Whether it is lost when the page is closed. */
  readonly inPage?: boolean;
  /** An unfinished training that ends with this model. */
  readonly run?: string;
};

/**
 * Store a model under a unique name; if the browser has no storage or no room for it, it stays in the page until that
 * is closed.
 */
export async function keepModel(
  model: Pick<StoredModel, "name" | "task" | "training">,
  file: Uint8Array<ArrayBuffer>,
  { inPage = false, run }: KeepOptions = {},
): Promise<StoredModel> {
  const given = await givenOrNone();
  let made = { ...model, id: "", bytes: file.length, madeMs: Date.now() };
  const written = await write(
    (kept) => {
      const others = [...given, ...(kept as readonly StoredModel[])];
      const names = others.map(({ name }) => name);
      const name = freeName(model.name, names);
      made = { ...made, name, id: freeId(name, new Set(others.map(({ id }) => id))) };
      return [
        { store: "models", key: made.id, value: made },
        { store: "files", key: made.id, value: file },
        ...(run === undefined ? [] : withoutRun(run)),
      ];
    },
    { inPage },
  );
  if (written.problem !== undefined) {
    const text = fill(words.noRoom, { name: made.name, problem: written.problem });
    notify("space", { text, action: { label: words.dismiss, run: () => notify("space", undefined) } });
  }
  return { ...made, ...(written.inPage && { inPage: true }) };
}

/** The name in a form that addresses can contain. */
function freeId(name: string, taken: ReadonlySet<string>): string {
  const stem =
    name
      .toLowerCase()
      .replace(/[^\p{L}\p{N}]+/gu, "-")
      .replace(/^-|-$/g, "") || "model";
  let id = stem;
  for (let k = 2; taken.has(id); k++) id = `${stem}-${k}`;
  return id;
}

/** Store a model in the browser that only the page has. */
export async function keepForGood(model: StoredModel): Promise<void> {
  const file = await readModelFile(model.id);
  const { inPage: _, ...told } = model;
  const { problem } = await write(() => [
    { store: "models", key: model.id, value: told },
    { store: "files", key: model.id, value: file },
  ]);
  if (problem !== undefined) throw new Error(fill(words.notStored, { problem }));
  notify("space", undefined);
}

/** Delete a model that the browser stores. */
export async function forgetModel(id: string): Promise<void> {
  await write(() => [
    { store: "models", key: id, value: undefined },
    { store: "files", key: id, value: undefined },
  ]);
}

/** All models, updated when they change; undefined until they are known. */
export const useModels = (): readonly StoredModel[] | undefined => useKept(listModels);
