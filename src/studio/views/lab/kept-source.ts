/** The Lab's text, kept in the browser for the next visit. */
import { messageOf } from "../../loading.ts";
import { read, write } from "../../models/database.ts";
import { notify } from "../../notices.ts";
import { type Source, sourceOf } from "./source.ts";

/** Among the texts of runs, whose names are numbers. */
const key = "lab";

let newest: Source | undefined;
let writing = false;

/** Keep it in the place of what was kept; of those that come while one is being written, the last. */
export async function keepSource(source: Source): Promise<void> {
  newest = source;
  if (writing) return;
  writing = true;
  for (let next: Source | undefined = source; next !== undefined; next = newest === next ? undefined : newest) {
    const value = JSON.stringify(next);
    const { inPage, problem = "it gives the page no storage" } = await write(() => [{ store: "texts", key, value }], {
      quiet: true,
    }).catch((error) => ({ inPage: true, problem: messageOf(error) }));
    const isOwn = "text" in next && next.text !== "";
    const text = `The browser cannot store the Lab's text (${problem}): it is lost when the page is closed or reloaded.`;
    notify("lab-text", inPage && isOwn ? { text } : undefined);
  }
  writing = false;
}

/** The one of the last visit, or the book where there is none. That storage cannot be read is said by the database. */
export async function keptSource(): Promise<Source> {
  const told = await read("texts", key)
    .then((text) => text && sourceOf(JSON.parse(text)))
    .catch(() => undefined);
  return told || { kind: "book" };
}
