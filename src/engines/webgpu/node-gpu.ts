/** WebGPU in Node: the package "webgpu", where it is installed. Pages have none of it: see `browser` in package.json. */

/** Kept, since adapters and devices end with it. */
let instance: GPU | undefined;

/** @throws Error that says what is missing */
export async function nodeGpu(): Promise<GPU> {
  if (instance !== undefined) return instance;
  const { createRequire } = await import("node:module");
  const { pathToFileURL } = await import("node:url");
  const path = findWebgpu(createRequire(import.meta.url));
  // Named by its path, so that no bundler looks for a package that may not be there.
  const { create } = (await import(/* @vite-ignore */ pathToFileURL(path).href)) as { create(flags: string[]): GPU };
  instance = create([]);
  return instance;
}

function findWebgpu(require: NodeJS.Require): string {
  try {
    return require.resolve("webgpu");
  } catch {
    throw new Error("the optional package webgpu is not installed (npm install webgpu)");
  }
}
