/**
 * The model store: the models that the reader has, those that the studio was started with, and those that were trained or opened here,
 * which the browser keeps. Knows nothing about what is in their files.
 */
import type { ModelFacts } from "../engine/open-models.ts";
import { fetched, messageOf, once } from "../loading.ts";
import { notify } from "../notices.ts";
import { type Change, changedHere, read, readAll, useKept, write } from "./database.ts";
import { freeName } from "./free-name.ts";
import { readFacts } from "./kept-facts.ts";
import type { TrainingFacts } from "./training-facts.ts";

/** What is told of a training, point by point. */
export type LossPoint = {
  readonly step: number;
  readonly loss: number;
  readonly validationLoss: number | null;
  readonly elapsedMs: number;
};

/** A model without its file. */
export type StoredModel = {
  /** As it stands in addresses. */
  readonly id: string;
  readonly name: string;
  readonly bytes: number;
  /** Of those that the browser keeps: when it was made, in milliseconds since 1970. */
  readonly madeMs?: number;
  /** Kept only until the page is closed. */
  readonly inPage?: boolean;
  /** What it is for; text where it is absent. */
  readonly task?: ModelFacts["task"];
  /** Of those that were trained here. */
  readonly training?: {
    readonly facts: TrainingFacts;
    readonly losses: readonly LossPoint[];
  };
};

/** Whether it is a model of text, which Inspect and Write show. */
export const isOfText = ({ task }: Pick<StoredModel, "task">): boolean => (task?.kind ?? "text") === "text";

/** The models of the command line, which the studio's server tells; a page of static files has none. */
const givenModels = once(async () => (await (await fetched("./models.json")).json()) as readonly StoredModel[]);

/** Without those of the command line where they are not to be had, which is said. */
async function givenOrNone(): Promise<readonly StoredModel[]> {
  try {
    const given = await givenModels();
    notify("given", undefined);
    return given;
  } catch (error) {
    const text = `The list of models that come with the page: ${messageOf(error)}`;
    notify("given", { text, action: { label: "Try again", run: changedHere } });
    return [];
  }
}

/** What forgets a training under way. */
export const withoutRun = (key: string): readonly Change[] =>
  (["runs", "checkpoints", "texts"] as const).map((store) => ({ store, key, value: undefined }));

/** All models, the given ones first, then the newest. */
export async function listModels(): Promise<readonly StoredModel[]> {
  const [given, kept] = await Promise.all([givenOrNone(), readAll("models")]);
  const own = kept.map(({ value, inPage }) => ({ ...withFacts(value as StoredModel), ...(inPage && { inPage }) }));
  return [...given, ...own.sort((a, b) => (b.madeMs ?? 0) - (a.madeMs ?? 0))];
}

/** As it is kept, by this version or by one before. */
function withFacts(model: StoredModel): StoredModel {
  const { training } = model;
  return training === undefined
    ? model
    : { ...model, training: { ...training, facts: readFacts(training.facts) ?? {} } };
}

/** A model's file. @throws Error where there is none any more, or the page's host does not give it */
export async function readModelFile(id: string): Promise<Uint8Array<ArrayBuffer>> {
  // As in the list, the given ones are first; they need no storage.
  if ((await givenOrNone()).some((model) => model.id === id)) {
    return new Uint8Array(await (await fetched(`./models/${encodeURIComponent(id)}.safetensors`)).arrayBuffer());
  }
  const file = await read("files", id);
  if (file !== undefined) return file;
  throw new Error(`The browser no longer has the model "${id}".`);
}

export type KeepOptions = {
  /** Only until the page is closed. */
  readonly inPage?: boolean;
  /** A training under way that ends with it. */
  readonly run?: string;
};

/** Keep a model, by a name that no other has; until the page is closed where the browser has no storage or no room for it. */
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
    const text = `The browser could not store “${made.name}” (${written.problem}): it is lost when the page is closed. Download it.`;
    notify("space", { text, action: { label: "Dismiss", run: () => notify("space", undefined) } });
  }
  return { ...made, ...(written.inPage && { inPage: true }) };
}

/** As addresses may have it. */
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

/** Keep a model in the browser that only the page has. */
export async function keepForGood(model: StoredModel): Promise<void> {
  const file = await readModelFile(model.id);
  const { inPage: _, ...told } = model;
  const { problem } = await write(() => [
    { store: "models", key: model.id, value: told },
    { store: "files", key: model.id, value: file },
  ]);
  if (problem !== undefined) throw new Error(`The browser could not store it: ${problem}. Download it.`);
  notify("space", undefined);
}

/** Forget a model that the browser keeps. */
export async function forgetModel(id: string): Promise<void> {
  await write(() => [
    { store: "models", key: id, value: undefined },
    { store: "files", key: id, value: undefined },
  ]);
}

/** All models, and again when there are others; undefined until they are known. */
export const useModels = (): readonly StoredModel[] | undefined => useKept(listModels);

/** Give the reader a file to keep. */
export function download(name: string, content: BlobPart, type = "application/octet-stream"): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
