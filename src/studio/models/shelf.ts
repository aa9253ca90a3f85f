/**
 * The models that the reader has: those that the studio was started with, and those that were trained or opened here,
 * which the browser keeps (IndexedDB). Knows nothing about what is in their files.
 */
import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import { useEffect, useState } from "preact/hooks";
import { freeName } from "./free-name.ts";

/** What is told of a training, point by point. */
export type LossPoint = {
  readonly step: number;
  readonly loss: number;
  readonly validationLoss: number | null;
  readonly elapsedMs: number;
};

/** A model without its file. */
export type ShelfModel = {
  /** As it stands in addresses. */
  readonly id: string;
  readonly name: string;
  readonly bytes: number;
  /** Of those that the browser keeps: when it was made, in milliseconds since 1970. */
  readonly madeMs?: number;
  /** Of those that were trained here. */
  readonly training?: {
    /** Every setting and figure, by its name, for people. */
    readonly facts: Readonly<Record<string, string | number>>;
    readonly losses: readonly LossPoint[];
  };
};

interface Shelf extends DBSchema {
  models: { key: string; value: ShelfModel };
  files: { key: string; value: Uint8Array<ArrayBuffer> };
}

let opened: Promise<IDBPDatabase<Shelf>> | undefined;
function database(): Promise<IDBPDatabase<Shelf>> {
  opened ??= openDB<Shelf>("unrolled", 1, {
    upgrade(db) {
      db.createObjectStore("models", { keyPath: "id" });
      db.createObjectStore("files");
    },
    // Another page wants a newer form of it.
    blocking: (_, __, event) => (event.target as IDBDatabase).close(),
    terminated: () => {
      opened = undefined;
    },
  });
  return opened;
}

const changed = new EventTarget();
const tellOthers = new BroadcastChannel("unrolled.shelf");
const tell = (): void => {
  changed.dispatchEvent(new Event("change"));
  tellOthers.postMessage("changed");
};
tellOthers.onmessage = () => changed.dispatchEvent(new Event("change"));

/** The models of the command line, which the studio's server tells; a page of static files has none. */
let given: Promise<readonly ShelfModel[]> | undefined;
function givenModels(): Promise<readonly ShelfModel[]> {
  given ??= fetch("./models.json").then(async (response) =>
    response.ok ? ((await response.json()) as ShelfModel[]) : [],
  );
  return given;
}

/** All models, the given ones first, then the newest. */
export async function listModels(): Promise<readonly ShelfModel[]> {
  const kept = await (await database()).getAll("models");
  return [...(await givenModels()), ...kept.sort((a, b) => (b.madeMs ?? 0) - (a.madeMs ?? 0))];
}

/** A model's file. @throws Error where there is none any more */
export async function readModelFile(id: string): Promise<Uint8Array<ArrayBuffer>> {
  const found = (await givenModels()).some((model) => model.id === id);
  if (found) return new Uint8Array(await (await fetch(`./models/${encodeURIComponent(id)}.safetensors`)).arrayBuffer());
  const file = await (await database()).get("files", id);
  if (file === undefined) throw new Error(`The browser keeps no model "${id}" any more.`);
  return file;
}

/** Keep a model, by a name that no other has. Gives its id. @throws DOMException where the browser has no room */
export async function keepModel(
  model: Pick<ShelfModel, "name" | "training">,
  file: Uint8Array<ArrayBuffer>,
): Promise<string> {
  const [db, given] = [await database(), await givenModels()];
  const transaction = db.transaction(["models", "files"], "readwrite");
  const models = transaction.objectStore("models");
  const others = [...given, ...(await models.getAll())];
  const taken = new Set(others.map(({ id }) => id));
  const name = freeName(
    model.name,
    others.map((other) => other.name),
  );
  const stem =
    name
      .toLowerCase()
      .replace(/[^\p{L}\p{N}]+/gu, "-")
      .replace(/^-|-$/g, "") || "model";
  let id = stem;
  for (let k = 2; taken.has(id); k++) id = `${stem}-${k}`;
  await Promise.all([
    models.put({ ...model, name, id, bytes: file.length, madeMs: Date.now() }),
    transaction.objectStore("files").put(file, id),
    transaction.done,
  ]);
  tell();
  return id;
}

/** Forget a model that the browser keeps. */
export async function forgetModel(id: string): Promise<void> {
  const transaction = (await database()).transaction(["models", "files"], "readwrite");
  await Promise.all([
    transaction.objectStore("models").delete(id),
    transaction.objectStore("files").delete(id),
    transaction.done,
  ]);
  tell();
}

/** All models, and again when there are others; undefined until they are known. */
export function useModels(): readonly ShelfModel[] | undefined {
  const [models, setModels] = useState<readonly ShelfModel[]>();
  useEffect(() => {
    let gone = false;
    const read = (): void => {
      void listModels().then((all) => {
        if (!gone) setModels(all);
      });
    };
    read();
    changed.addEventListener("change", read);
    return () => {
      gone = true;
      changed.removeEventListener("change", read);
    };
  }, []);
  return models;
}

/** Give the reader a file to keep. */
export function download(name: string, content: BlobPart, type = "application/octet-stream"): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
