/**
 * Load data from the network or the browser's storage, which can fail: a failed request is tried again at the next use.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { fill, texts } from "./texts/texts.ts";

const own = texts.loading;

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Loaded at the first use, and again at the next use if it failed. */
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

/** Load a file from the page's host. @throws Error of one line if it is not available */
export async function fetched(path: string): Promise<Response> {
  const name = path.replace("./", "");
  const response = await fetch(path).catch((error) => {
    throw new Error(fill(own.failed, { name, problem: messageOf(error) }));
  });
  if (response.ok) return response;
  throw new Error(fill(own.answered, { name, status: response.status }));
}

export type Loaded<Value> = { readonly value?: Value; readonly error?: string; readonly retry: () => void };

/** The data for a key; undefined loads nothing. The data is forgotten when the key changes. */
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
