/**
 * Where models and trainings under way lie: in the browser (IndexedDB), and in the page, until it is closed, what the browser
 * does not take. Knows nothing about what a model is.
 */
import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import { useEffect, useState } from "preact/hooks";
import { messageOf } from "../loading.ts";
import { notify } from "../notices.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** What is kept, by store: of models and of trainings under way what is told of them, and their files. */
export type Kept = {
  readonly models: unknown;
  readonly files: Bytes;
  readonly runs: unknown;
  readonly checkpoints: Bytes;
  readonly texts: string;
};
export type StoreName = keyof Kept;

/** Something to put under a key, or nothing any more. */
export type Change = {
  [Name in StoreName]: { readonly store: Name; readonly key: string; readonly value: Kept[Name] | undefined };
}[StoreName];

interface Schema extends DBSchema {
  models: { key: string; value: unknown };
  files: { key: string; value: Bytes };
  runs: { key: string; value: unknown };
  checkpoints: { key: string; value: Bytes };
  texts: { key: string; value: string };
}
type Database = IDBPDatabase<Schema>;

const storeNames: readonly StoreName[] = ["models", "files", "runs", "checkpoints", "texts"];
const inPage: { readonly [Name in StoreName]: Map<string, Kept[Name]> } = {
  ...{ models: new Map(), files: new Map(), runs: new Map(), checkpoints: new Map(), texts: new Map() },
};

const changed = new EventTarget();
/** Other pages hear of it too; not where there is no storage to share. */
const others = ((): BroadcastChannel | undefined => {
  try {
    return new BroadcastChannel("unrolled.models");
  } catch {
    return undefined;
  }
})();
/** Whoever shows what is kept asks again. */
export const changedHere = (): void => void changed.dispatchEvent(new Event("change"));
if (others !== undefined) others.onmessage = changedHere;
const tell = (): void => {
  changedHere();
  others?.postMessage("changed");
};
/** What `list` makes of what is kept, and anew when that changes; undefined until it is known. */
export function useKept<All>(list: () => Promise<All>): All | undefined {
  const [all, setAll] = useState<All>();
  useEffect(() => {
    let gone = false;
    const ask = (): void => {
      void list().then((found) => {
        if (!gone) setAll(found);
      });
    };
    ask();
    changed.addEventListener("change", ask);
    return () => {
      gone = true;
      changed.removeEventListener("change", ask);
    };
  }, []);
  return all;
}

/** So long a database may take to open; one that opens later is used from then on. */
const patienceMs = 3000;
let opening: Promise<Database> | undefined;
let late: Promise<undefined> | undefined;

async function open(): Promise<Database> {
  const forget = (): void => {
    opening = undefined;
  };
  const database = await openDB<Schema>("unrolled", 2, {
    upgrade(db, before) {
      if (before < 1) {
        db.createObjectStore("models", { keyPath: "id" });
        db.createObjectStore("files");
      }
      for (const name of ["runs", "checkpoints", "texts"] as const) db.createObjectStore(name);
    },
    // Another page wants a newer form of it.
    blocking: (_, __, event) => {
      forget();
      (event.target as IDBDatabase).close();
    },
    terminated: forget,
  });
  if (notKept) changedHere();
  notKept = false;
  notify("storage", undefined);
  return database;
}

let notKept = false;

/** Undefined where the browser gives none. */
async function database(): Promise<Database | undefined> {
  opening ??= open().catch((error) => {
    opening = undefined;
    throw error;
  });
  late ??= new Promise((resolve) => setTimeout(() => resolve(undefined), patienceMs));
  const found = await Promise.race([opening, late]).catch(() => undefined);
  if (found === undefined) {
    notKept = true;
    notify("storage", {
      text: "This browser gives the page no storage: models, trainings and texts are lost when the page is closed. Download what you want to keep.",
    });
  }
  return found;
}

/** Something done with the database, once more where it was closed meanwhile; undefined where there is none. */
async function onDisk<Result>(work: (database: Database) => Promise<Result>): Promise<Result | undefined> {
  for (let attempt = 1; ; attempt++) {
    const found = await database();
    if (found === undefined) return undefined;
    try {
      return await work(found);
    } catch (error) {
      if ((error as Error).name !== "InvalidStateError" || attempt > 1) throw error;
      opening = undefined;
    }
  }
}

/** As `onDisk`, for what only looks; that it cannot is said in every view. @throws Error, one line, where it cannot */
async function look<Result>(work: (database: Database) => Promise<Result>): Promise<Result | undefined> {
  try {
    const found = await onDisk(work);
    notify("unread", undefined);
    return found;
  } catch (error) {
    const reason = messageOf(error);
    const text = `This browser cannot read its storage (${reason}): stored models, trainings and texts are not shown.`;
    const run = (): void => {
      changedHere();
      void probe();
    };
    notify("unread", { text, action: { label: "Try again", run } });
    throw new Error(`This browser cannot read its storage: ${reason}.`);
  }
}

/** Says in every view whether models stay, and can be read. */
export const probe = async (): Promise<void> => void (await readAll("models"));

export async function read<Name extends StoreName>(name: Name, key: string): Promise<Kept[Name] | undefined> {
  return inPage[name].get(key) ?? ((await look((db) => db.get(name, key))) as Kept[Name] | undefined);
}

/** All of a store, and whether each is the page's alone. */
export async function readAll<Name extends StoreName>(
  name: Name,
): Promise<readonly { readonly value: Kept[Name]; readonly inPage: boolean }[]> {
  const here = [...inPage[name].values()].map((value) => ({ value, inPage: true }));
  // What cannot be read is as good as not there; that it cannot be is said.
  const there = await look((db) => db.getAll(name)).catch(() => undefined);
  return [...here, ...(there ?? []).map((value) => ({ value: value as Kept[Name], inPage: false }))];
}

export type WriteOptions = {
  /** Not in the browser at all. */
  readonly inPage?: boolean;
  /** What nobody shows. */
  readonly quiet?: boolean;
};

/**
 * All of the changes, or none of them: in the browser, or where it has no room for them in the page, which is then the answer.
 * They are made from the models that there are. @throws DOMException where something in the browser cannot be taken away
 */
export async function write(
  changesFrom: (models: readonly Kept["models"][]) => readonly Change[],
  options: WriteOptions = {},
): Promise<{ readonly inPage: boolean; readonly problem?: string }> {
  let problem: string | undefined;
  const attempt = async (db: Database): Promise<true> => {
    const transaction = db.transaction(storeNames, "readwrite");
    try {
      const models = await transaction.objectStore("models").getAll();
      const changes = changesFrom([...models, ...inPage.models.values()]);
      const done = changes.map(({ store: name, key, value }) => {
        const store = transaction.objectStore(name);
        if (value === undefined) return store.delete(key);
        return name === "models" ? store.put(value) : store.put(value, key);
      });
      await Promise.all([...done, transaction.done]);
      for (const { store, key } of changes) inPage[store].delete(key);
      return true;
    } catch (error) {
      transaction.done.catch(() => {});
      try {
        transaction.abort();
      } catch {
        // It has ended already.
      }
      throw error;
    }
  };
  const written = options.inPage
    ? undefined
    : await onDisk(attempt).catch((error: Error) => {
        problem = error.message || error.name;
        return undefined;
      });
  if (written === undefined) {
    const there = await onDisk((db) => db.getAll("models")).catch(() => undefined);
    const changes = changesFrom([...inPage.models.values(), ...(there ?? [])]);
    if (problem !== undefined && changes.every(({ value }) => value === undefined)) throw new Error(problem);
    for (const { store, key, value } of changes) {
      if (value === undefined) inPage[store].delete(key);
      else (inPage[store] as Map<string, unknown>).set(key, value);
    }
  }
  if (!options.quiet) tell();
  return { inPage: written === undefined, ...(problem !== undefined && { problem }) };
}
