/**
 * Models that the page uses. Each is opened in the engine once, however many components use it: questions carry a
 * handle. Each user releases it, and after the last one the engine closes the model. A question about a model that the
 * engine has closed, or that was open in an engine that died, opens it again.
 */
import { useEffect, useRef } from "preact/hooks";
import { type Engine, engine } from "../engine/engine.ts";
import type { jobs } from "../engine/jobs.ts";
import type { ModelFacts, ModelHandle } from "../engine/open-models.ts";
import type { Job, ResultOf, YieldOf } from "../engine/remote.ts";
import { type Loaded, useLoaded } from "../loading.ts";
import { texts } from "../texts/texts.ts";

type Jobs = typeof jobs;
/** Jobs about a model that is open. */
type ModelJob =
  | "unknownTo"
  | "beginReading"
  | "read"
  | "saliency"
  | "ablate"
  | "embeddingRows"
  | "write"
  | "lesson"
  | "continuation"
  | "forecastTable"
  | "forecastGates"
  | "classifierFacts"
  | "classifySound"
  | "classifySamples"
  | "beginListening"
  | "predictTracks"
  | "trackGates"
  | "translateText"
  | "explainTag"
  | "explainText"
  | "musicFacts"
  | "writeMusic";
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

/** A model that can be opened: its id in addresses, its name, and a function that loads its file. */
export type ModelSource = {
  readonly id: string;
  readonly name: string;
  readonly load: () => Promise<Uint8Array<ArrayBuffer>>;
};

export type Held = { readonly model: Promise<OpenModel>; readonly letGo: () => void };

/** The engine; after it died, the next one is a new engine. */
type Asked = Pick<Engine, "ask" | "run">;

type Entry = {
  readonly handle: ModelHandle;
  readonly source: ModelSource;
  readonly engine: () => Asked;
  users: number;
  model: Promise<OpenModel> | undefined;
  /** The engine that opened it last. */
  openedIn: Asked | undefined;
  /** The model is being opened; questions wait. */
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
        // An engine that died has lost the model.
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
  if (entry.users === 0) throw new Error(texts.models.openModel.closed);
  entry.openedIn = entry.engine();
  return entry.openedIn.ask("openModel", entry.handle, file, name);
}

/** Other components can open so many models meanwhile that it is closed again before the question. */
const maxTries = 3;

/** The result of `ask` for an open model, which is opened again if necessary. */
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
  // A running job has its model.
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

/** The model, open as long as the component exists and needs it; undefined if it is not needed. */
export function useOpenModel(source: ModelSource | undefined): Loaded<OpenModel> {
  const letGo = useRef(() => {});
  const loaded = useLoaded(source?.id, () => {
    // A failed model is released before it is requested again.
    letGo.current();
    const held = openModel(source as ModelSource);
    letGo.current = held.letGo;
    return held.model;
  });
  useEffect(() => () => letGo.current(), [source?.id]);
  return loaded;
}
