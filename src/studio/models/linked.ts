/** Load a model from a link, from any host, if it is not too large, and check it like any untrusted file. */
import { joined } from "../../graph/joined.ts";
import { engine } from "../engine/engine.ts";
import { messageOf } from "../loading.ts";
import { createShared } from "../shared.ts";
import { fill, texts } from "../texts/texts.ts";
import { keepModel, type StoredModel } from "./model-store.ts";

const own = texts.models.linked;

/** Whether the model of the page's link is still on its way: views that name it wait. */
export const linking = createShared(new URLSearchParams(location.search).has("model"));

/** The largest model that a page should load for a link from others. */
const largestBytes = 256e6;
const megabytes = (bytes: number): string =>
  `${(bytes / 1e6).toLocaleString("en-US", { maximumFractionDigits: 1 })} MB`;

/** @throws Error of one line for an invalid address, or one that a page cannot load */
function read(address: string): URL {
  let url: URL | undefined;
  try {
    url = new URL(address);
  } catch {
    // Said below.
  }
  const isHere = url?.protocol === "http:" && ["127.0.0.1", "localhost"].includes(url.hostname);
  if (url !== undefined && (url.protocol === "https:" || isHere) && url.username === "" && url.password === "")
    return url;
  throw new Error(fill(own.noAddress, { address: address.slice(0, 200) }));
}

/**
 * Load the model into the page only. `tell` receives the number of bytes so far and, if the host reports it, of all
 * bytes.
 * @throws Error of one line if it is not available, too large, or not a model
 */
export async function fetchModel(
  address: string,
  signal: AbortSignal,
  tell: (bytes: number, all: number | undefined) => void,
): Promise<StoredModel> {
  const url = read(address);
  const file = await bytesOf(url, signal, tell);
  const name = nameOf(url);
  const { task } = await engine().ask("modelFacts", file, name);
  return keepModel({ name: name.replace(/\.safetensors$/i, ""), task }, file, { inPage: true });
}

function nameOf({ pathname, host }: URL): string {
  const last = pathname.split("/").at(-1) ?? "";
  try {
    return decodeURIComponent(last) || host;
  } catch {
    return last;
  }
}

async function bytesOf(
  url: URL,
  signal: AbortSignal,
  tell: (bytes: number, all: number | undefined) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const { host } = url;
  const most = megabytes(largestBytes);
  let response: Response;
  try {
    response = await fetch(url, { mode: "cors", credentials: "omit", referrerPolicy: "no-referrer", signal });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new Error(fill(own.notGiven, { host }));
  }
  if (!response.ok) throw new Error(fill(own.answered, { host, status: response.status }));
  const said = Number(response.headers.get("content-length") ?? Number.NaN);
  const all = said > 0 && response.headers.get("content-encoding") === null ? said : undefined;
  if (all !== undefined && all > largestBytes) {
    response.body?.cancel().catch(() => {});
    throw new Error(fill(own.tooLarge, { host, size: megabytes(all), most }));
  }
  const reader = response.body?.getReader();
  const parts: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = (await reader?.read().catch((error) => {
      if (signal.aborted) throw error;
      throw new Error(fill(own.brokeOff, { host, size: megabytes(length), problem: messageOf(error) }));
    })) ?? { done: true, value: undefined };
    if (done) break;
    length += value.length;
    if (length > largestBytes) {
      reader?.cancel().catch(() => {});
      throw new Error(fill(own.larger, { host, most }));
    }
    parts.push(value);
    tell(length, all);
  }
  return joined(Uint8Array, parts);
}
