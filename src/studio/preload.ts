/**
 * What the build puts around each `import()`, in the place of Vite's own: all files of a part of the page are asked for before
 * it is imported. A browser remembers for good that a module's address failed; a file that was only asked for is had later.
 */
const loaded = new Map<string, Promise<void>>();

/** `files` are those of the part, styles too; none where it is one file, which its import names. */
export async function preload<Part>(part: () => Promise<Part>, files: readonly string[], base: string): Promise<Part> {
  const own = /import\(["'`](.+?)["'`]\)/.exec(String(part))?.[1];
  const addresses = [...files, ...(own === undefined ? [] : [own])].map((file) => new URL(file, base).href);
  await Promise.all([...new Set(addresses)].map(ask));
  return part();
}

function ask(address: string): Promise<void> {
  const before = loaded.get(address);
  if (before !== undefined) return before;
  const link = document.createElement("link");
  const isStyle = address.endsWith(".css");
  // The import, which comes next, takes the answer that is there.
  Object.assign(link, isStyle ? { rel: "stylesheet" } : { rel: "preload", as: "script", crossOrigin: "" });
  const asked = new Promise<void>((resolve, reject) => {
    link.onload = () => resolve();
    link.onerror = () => {
      loaded.delete(address);
      link.remove();
      reject(new Error(`${address} did not load.`));
    };
  });
  loaded.set(address, asked);
  link.href = address;
  document.head.append(link);
  return asked;
}
