/** What a page has in place of `node-gpu.ts`: package.json names this file to bundlers, under `browser`. */
export const nodeGpu = (): never => {
  throw new Error("this browser has no WebGPU here");
};
