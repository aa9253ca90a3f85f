/** WebGPU in Node: the package "webgpu", where it is installed. Pages have none of it: see `browser` in package.json. */

/** Kept, since adapters and devices end with it. */
let instance: GPU | undefined;

/** @throws Error that says what is missing */
export async function nodeGpu(): Promise<GPU> {
  if (instance !== undefined) return instance;
  // @ts-expect-error Optional, and not among what the project installs.
  const found: { create(flags: string[]): GPU } | undefined = await import("webgpu").catch(() => undefined);
  if (found === undefined) throw new Error('the package "webgpu" is not installed: npm install webgpu');
  instance = found.create([]);
  return instance;
}
