/**
 * The code that the build puts around each `import()`, instead of Vite's own: all files of a part of the page are
 * fetched before it is imported. A browser remembers that a module's address failed, but a file that was only fetched
 * can be fetched again. The import finds the fetched file in the browser's cache.
 */
import { fill, texts } from "./texts/texts.ts";

const own = texts.loading.part;
const asked = new Map<string, Promise<unknown>>();
// The files that the page started with are loaded already.
for (const { name } of performance.getEntriesByType("resource")) asked.set(name, Promise.resolve());

/** `files` are the files of the part, including styles; undefined if it is a single file, which its import names. */
export async function preload<Part>(part: () => Promise<Part>, files: readonly string[], base: string): Promise<Part> {
  const own = /import\(["'`](.+?)["'`]\)/.exec(String(part))?.[1];
  const addresses = [...files, ...(own === undefined ? [] : [own])].map((file) => new URL(file, base).href);
  await Promise.all([...new Set(addresses)].map(ask));
  return part();
}

function ask(address: string): Promise<unknown> {
  const before = asked.get(address);
  if (before !== undefined) return before;
  const answer = (address.endsWith(".css") ? style(address) : script(address)).catch((error) => {
    asked.delete(address);
    throw error;
  });
  asked.set(address, answer);
  return answer;
}

async function script(address: string): Promise<void> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(fill(own.answered, { address, status: response.status }));
  await response.arrayBuffer();
}

function style(address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.onload = () => resolve();
    link.onerror = () => {
      link.remove();
      reject(new Error(fill(own.failed, { address })));
    };
    link.href = address;
    document.head.append(link);
  });
}
