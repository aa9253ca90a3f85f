/**
 * Models that the page asks about. Each is opened in the engine once, however many ask and how often: questions carry a handle.
 * Whoever has one lets it go; with the last of them the engine forgets it. A question about a model that the engine has closed,
 * or that was open in an engine that died, opens it anew.
 */
import { useEffect, useRef } from "preact/hooks";
import { type Engine, engine } from "../engine/engine.ts";
import type { jobs } from "../engine/jobs.ts";
import type { ModelFacts, ModelHandle } from "../engine/open-models.ts";
import type { Job, ResultOf, YieldOf } from "../engine/remote.ts";
import { type Loaded, useLoaded } from "../loading.ts";

type Jobs = typeof jobs;
/** Jobs about a model that is open. */
type ModelJob = "unknownTo" | "beginReading" | "read" | "saliency" | "ablate" | "write" | "lesson" | "continuation";
type ArgumentsOf<Name extends ModelJob> = Parameters<Jobs[Name]> extends [ModelHandle, ...infer Rest] ? Rest : never;

export type OpenModel = {
  readonly id: string;
  readonly name: string;
  readonly facts: ModelFacts;
  /** To its end, for what it returns. @throws InputError as the job, EngineDied */
  readonly ask: <Name extends ModelJob>(name: Name, ...args: ArgumentsOf<Name>) => Promise<ResultOf<Jobs[Name]>>;
  /** Begins when the first value is asked for. @throws InputError as the job, EngineDied */
  readonly run: <Name extends ModelJob>(
    name: Name,
    ...args: ArgumentsOf<Name>
  ) => Job<YieldOf<Jobs[Name]>, ResultOf<Jobs[Name]>>;
};

/** A model that can be opened: as it is called in addresses, for people, and how its file is had. */
export type ModelSource = {
  readonly id: string;
  readonly name: string;
  readonly load: () => Promise<Uint8Array<ArrayBuffer>>;
};

export type Held = { readonly model: Promise<OpenModel>; readonly letGo: () => void };

/** What is asked; an engine that died is another one the next time. */
type Asked = Pick<Engine, "ask" | "run">;

type Entry = {
  readonly handle: ModelHandle;
  readonly source: ModelSource;
  readonly engine: () => Asked;
  users: number;
  model: Promise<OpenModel> | undefined;
  /** Where it was opened last. */
  openedIn: Asked | undefined;
  /** It is being opened; who asks waits. */
  opening: Promise<ModelFacts> | undefined;
};

let handles = 0;

/** Models that are open in the engine that there is; `engine` gives another one where that died. */
export function createOpenModels(engine: () => Asked): (source: ModelSource) => Held {
  const entries = new Map<string, Entry>();
  return (source) => {
    const entry: Entry = entries.get(source.id) ?? {
      ...{ handle: handles++, source, engine, users: 0 },
      ...{ model: undefined, openedIn: undefined, opening: undefined },
    };
    entries.set(source.id, entry);
    entry.users++;
    entry.model ??= opened(entry);
    let has = true;
    return {
      model: entry.model,
      letGo() {
        if (!has) return;
        has = false;
        entry.users--;
        if (entry.users > 0) return;
        entries.delete(source.id);
        // One that died has forgotten it.
        entry.openedIn?.ask("closeModel", entry.handle).catch(() => {});
      },
    };
  };
}

async function opened(entry: Entry): Promise<OpenModel> {
  const { id, name } = entry.source;
  const facts = await open(entry);
  return {
    ...{ id, name, facts },
    ask: (job, ...args) => askAbout(entry, job, args),
    run: (job, ...args) => runAbout(entry, job, args),
  };
}

/** Of those that want it at once for all of them. */
function open(entry: Entry): Promise<ModelFacts> {
  entry.opening ??= send(entry).finally(() => {
    entry.opening = undefined;
  });
  return entry.opening;
}

async function send(entry: Entry): Promise<ModelFacts> {
  const { name, load } = entry.source;
  const file = await load();
  if (entry.users === 0) throw new Error("The model was closed.");
  entry.openedIn = entry.engine();
  return entry.openedIn.ask("openModel", entry.handle, file, name);
}

/** Others may open so many meanwhile that it is closed again before it is asked about. */
const maxTries = 3;

/** What `ask` gives, of a model that is open: opened anew where it is not. */
async function whileOpen<Result>(entry: Entry, ask: (engine: Asked) => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask(entry.engine());
    } catch (error) {
      const isClosed = error instanceof Error && error.name === "ModelClosed";
      if (!isClosed || entry.users === 0 || tries > maxTries) throw error;
      await open(entry);
    }
  }
}

type AnswerOf<Name extends ModelJob> = ResultOf<Jobs[Name]>;
const withHandle = <Name extends ModelJob>({ handle }: Entry, args: ArgumentsOf<Name>) =>
  [handle, ...args] as unknown as Parameters<Jobs[Name]>;

const askAbout = <Name extends ModelJob>(entry: Entry, name: Name, args: ArgumentsOf<Name>): Promise<AnswerOf<Name>> =>
  whileOpen(entry, (engine) => engine.ask(name, ...withHandle(entry, args)));

async function* runAbout<Name extends ModelJob>(
  entry: Entry,
  name: Name,
  args: ArgumentsOf<Name>,
): Job<YieldOf<Jobs[Name]>, AnswerOf<Name>> {
  // Once a job has begun it has its model.
  const begun = await whileOpen(entry, async (engine) => {
    const job = engine.run(name, ...withHandle(entry, args));
    return { job, next: await job.next() };
  });
  const { job } = begun;
  let { next } = begun;
  try {
    while (!next.done) next = await job.next(yield next.value);
    return next.value;
  } finally {
    if (!next.done) await job.return(undefined as never);
  }
}

const openModel = createOpenModels(engine);

/** The model, open as long as the component is there and wants it; nothing of one that is not wanted. */
export function useOpenModel(source: ModelSource | undefined): Loaded<OpenModel> {
  const letGo = useRef(() => {});
  const loaded = useLoaded(source?.id, () => {
    // What failed is let go before it is asked for again.
    letGo.current();
    const held = openModel(source as ModelSource);
    letGo.current = held.letGo;
    return held.model;
  });
  useEffect(() => () => letGo.current(), [source?.id]);
  return loaded;
}
