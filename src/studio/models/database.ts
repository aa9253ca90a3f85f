/**
 * Store models and unfinished trainings in the browser (IndexedDB), or in the page, until it is closed, if the browser
 * does not store them.
 */
import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import { useEffect, useState } from "preact/hooks";
import { messageOf } from "../loading.ts";
import { notify } from "../notices.ts";
import { fill, texts } from "../texts/texts.ts";

const own = texts.models.database;

type Bytes = Uint8Array<ArrayBuffer>;

/** The stored data, by store: the descriptions of models and unfinished trainings, and their files. */
export type Kept = {
  readonly models: unknown;
  readonly files: Bytes;
  readonly runs: unknown;
  readonly checkpoints: Bytes;
  readonly texts: string;
};
export type StoreName = keyof Kept;

/** A value to store under a key, or undefined to delete it. */
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
/** Other pages are notified as well, if there is shared storage. */
const others = ((): BroadcastChannel | undefined => {
  try {
    return new BroadcastChannel("unrolled.models");
  } catch {
    return undefined;
  }
})();
/** Components that show stored data load it again. */
export const changedHere = (): void => void changed.dispatchEvent(new Event("change"));
if (others !== undefined) others.onmessage = changedHere;
const tell = (): void => {
  changedHere();
  others?.postMessage("changed");
};
/** The result of `list` for the stored data, updated when that changes; undefined until it is known. */
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

/** The time that a database can take to open; one that opens later is used from then on. */
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
    // Another page needs a newer version of the database.
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

/** Undefined if the browser has none. */
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
      text: own.noStorage,
    });
  }
  return found;
}

/** Run an operation on the database, and again if it was closed meanwhile; undefined if there is none. */
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

/**
 * Do the same as `onDisk` for reading; a failure is reported in every view. @throws Error of one line if it cannot be
 * read
 */
async function look<Result>(work: (database: Database) => Promise<Result>): Promise<Result | undefined> {
  try {
    const found = await onDisk(work);
    notify("unread", undefined);
    return found;
  } catch (error) {
    const reason = messageOf(error);
    const text = fill(own.notShown, { reason });
    const run = (): void => {
      changedHere();
      void probe();
    };
    notify("unread", { text, action: { label: own.again, run } });
    throw new Error(fill(own.unreadable, { reason }));
  }
}

/** Show in every view whether models are stored and can be read. */
export const probe = async (): Promise<void> => void (await readAll("models"));

export async function read<Name extends StoreName>(name: Name, key: string): Promise<Kept[Name] | undefined> {
  return inPage[name].get(key) ?? ((await look((db) => db.get(name, key))) as Kept[Name] | undefined);
}

/** All entries of a store, and whether each is only in the page. */
export async function readAll<Name extends StoreName>(
  name: Name,
): Promise<readonly { readonly value: Kept[Name]; readonly inPage: boolean }[]> {
  const here = [...inPage[name].values()].map((value) => ({ value, inPage: true }));
  // Unreadable data counts as absent, and a notice says so.
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
 * Make all of the changes or none: in the browser or, if it has no room for them, in the page, as the result tells.
 * They are made from the current models. @throws DOMException if something in the browser cannot be deleted
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
