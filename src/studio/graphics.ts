/** Whether this browser offers a graphics card, which only asking for one says. */
let asked: Promise<boolean> | undefined;

/** In a page and in a worker. */
export function offersGraphics(): Promise<boolean> {
  const { gpu } = (globalThis.navigator ?? {}) as { readonly gpu?: GPU };
  asked ??= gpu === undefined ? Promise.resolve(false) : gpu.requestAdapter().then(Boolean, () => false);
  return asked;
}
