/** What comes over the network or out of the browser's storage, and may fail: it is asked for again, never failed for good. */
import { useEffect, useRef, useState } from "preact/hooks";

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Asked for at the first use, and anew at the next one after it failed. */
export function once<Result>(load: () => Promise<Result>): () => Promise<Result> {
  let asked: Promise<Result> | undefined;
  return () => {
    asked ??= load().catch((error) => {
      asked = undefined;
      throw error;
    });
    return asked;
  };
}

/** A file of the page's host. @throws Error, one line, where it is not to be had */
export async function fetched(path: string): Promise<Response> {
  const name = path.replace("./", "");
  const response = await fetch(path).catch((error) => {
    throw new Error(`${name} did not load: ${messageOf(error)}. Is the page's host in reach?`);
  });
  if (response.ok) return response;
  throw new Error(`${name}: the page's host answered ${response.status}. Is the folder whole?`);
}

export type Loaded<Value> = { readonly value?: Value; readonly error?: string; readonly retry: () => void };

/** What is asked for under a key; undefined asks for nothing. It is forgotten as the key changes. */
export function useLoaded<Value>(key: string | undefined, load: () => Promise<Value>): Loaded<Value> {
  const [loaded, setLoaded] = useState<{ key?: string; value?: Value; error?: string }>({});
  const [asked, setAsked] = useState(0);
  const latest = useRef(load);
  latest.current = load;
  useEffect(() => {
    if (key === undefined) return;
    let left = false;
    const tell = (next: { value?: Value; error?: string }): void => {
      if (!left) setLoaded({ key, ...next });
    };
    latest.current().then(
      (value) => tell({ value }),
      (error) => tell({ error: messageOf(error) }),
    );
    return () => {
      left = true;
    };
  }, [key, asked]);
  const retry = (): void => {
    setLoaded({});
    setAsked((count) => count + 1);
  };
  const { key: of, ...own } = loaded;
  return of === key ? { ...own, retry } : { retry };
}
