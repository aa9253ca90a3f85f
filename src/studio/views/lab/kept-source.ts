/** Store the Lab's text in the browser for the next visit. */
import { messageOf } from "../../loading.ts";
import { read, write } from "../../models/database.ts";
import { notify } from "../../notices.ts";
import { fill, texts } from "../../texts/texts.ts";
import { type Source, sourceOf } from "./source.ts";

const own = texts.lab.training.source;

/** The key among the texts of runs, whose names are numbers. */
const key = "lab";

let newest: Source | undefined;
let writing = false;

/** Store the text in place of the previous one; if several arrive during a write, only the last one is written. */
export async function keepSource(source: Source): Promise<void> {
  newest = source;
  if (writing) return;
  writing = true;
  for (let next: Source | undefined = source; next !== undefined; next = newest === next ? undefined : newest) {
    const value = JSON.stringify(next);
    const { inPage, problem = own.noStorage } = await write(() => [{ store: "texts", key, value }], {
      quiet: true,
    }).catch((error) => ({ inPage: true, problem: messageOf(error) }));
    const isOwn = "text" in next && next.text !== "";
    const text = fill(own.notStored, { problem });
    notify("lab-text", inPage && isOwn ? { text } : undefined);
  }
  writing = false;
}

/** The text of the last visit, or the book if there is none. If the storage cannot be read, the database reports it. */
export async function keptSource(): Promise<Source> {
  const told = await read("texts", key)
    .then((text) => text && sourceOf(JSON.parse(text)))
    .catch(() => undefined);
  return told || { kind: "book" };
}
