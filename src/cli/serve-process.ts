/** One process that serves models: reads their files, makes the server, opens its port. Knows nothing about signals. */
import { statSync } from "node:fs";
import { engineNameFor } from "../runtime/engine-name.ts";
import type { Server } from "../server/app.ts";
import type { Listening, listenTo } from "../server/listen.ts";
import type { LogLine, WarningLine } from "../server/options.ts";
import type { Gather } from "../server/own-metrics.ts";
import { type Content, openAnyModel, taskOf } from "../tasks/index.ts";
import { usableHostOf } from "./host-options.ts";
import { logTo } from "./log-lines.ts";
import { readModelAt, withTask } from "./model-input.ts";
import type { Given } from "./options.ts";
import type { ServeSettings } from "./serve-options.ts";

/** A server that is ready, and not yet listening. */
export type Prepared = {
  readonly server: Server;
  readonly engine: string;
  /** The names of the models of text. */
  readonly texts: readonly string[];
  /** Which files they were: another file has another mark. */
  readonly files: string;
  readonly listen: () => Promise<Listening>;
  /** Instead of listening: answer on connections that are handed on. */
  readonly listenTo: () => ReturnType<typeof listenTo>;
  /** Read the files again. @throws InputError for files that cannot be served: the models stay. */
  readonly reload: () => Promise<string>;
};

/**
 * @param about what each line of the log has besides
 * @throws InputError for files that cannot be served
 */
export async function prepare(
  given: Given,
  { files, names, server: options, listening }: ServeSettings,
  { about = {}, gather }: { readonly about?: object; readonly gather?: Gather } = {},
): Promise<Prepared> {
  // Imported here, because other commands do not need it.
  const [{ createServerWith }, { listen, listenTo }] = await Promise.all([
    import("../server/app.ts"),
    import("../server/listen.ts"),
  ]);
  const write = logTo(process.stderr);
  const log = (line: LogLine | WarningLine): void => write({ ...line, ...about });
  const host = await usableHostOf(given, { stepwise: true });
  let mark = markOf(files);
  const models = await read(files, names, given);
  const engine = await engineNameFor(host);
  const server = await createServerWith(models, { ...options, ...host, log, warn: log }, gather);
  return {
    ...{ server, engine, texts: names.filter((name) => taskOf(models[name])?.kind === "text") },
    get files() {
      return mark;
    },
    listen: () => listen(server, listening),
    // Whoever hands the connections on waits for the end of the draining.
    listenTo: () => listenTo(server, { ...listening, drainMs: 0 }),
    async reload() {
      const next = markOf(files);
      await server.replace(await read(files, names, given));
      mark = next;
      return mark;
    },
  };
}

/** Models of any task, which the server knows how to serve or refuses. */
async function read(files: readonly string[], names: readonly string[], given: Given) {
  const models: Record<string, Content> = {};
  for (const [k, file] of files.entries()) {
    const content = withTask(await readModelAt(file, given, { others: files.length > 1 }), file);
    models[names[k] as string] = openAnyModel(content, file).content() as Content;
  }
  return models;
}

/** A file that is replaced or written has another number, size or time; what is no file has none, and is refused when it is read. */
function markOf(files: readonly string[]): string {
  return files
    .map((file) => {
      const found = statSync(file, { throwIfNoEntry: false });
      return found === undefined ? "none" : [found.dev, found.ino, found.size, found.mtimeMs].join(":");
    })
    .join(" ");
}
