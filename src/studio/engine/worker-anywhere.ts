/**
 * A worker also where the page has no origin: in a frame with `sandbox="allow-scripts"`. No address is of such a page's origin, so it
 * may only start what it has made itself: here a script that imports the worker. (Chromium 143 starts none there that is a module.)
 */
function withoutOrigin(address: string | URL, options?: WorkerOptions): globalThis.Worker {
  // What comes before the worker listens is kept for it.
  const script = `const early = [];
const keep = ({ data }) => early.push(data);
addEventListener("message", keep);
import(${JSON.stringify(String(address))}).then(
  () => {
    removeEventListener("message", keep);
    for (const data of early) dispatchEvent(new MessageEvent("message", { data }));
  },
  (error) => setTimeout(() => { throw error; }),
);`;
  const made = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  return new globalThis.Worker(made, { ...options, type: "classic" });
}

/** The build knows a worker by this name. What is made with `new` may be another object that the function returns. */
export const Worker = (globalThis.origin === "null"
  ? withoutOrigin
  : globalThis.Worker) as unknown as typeof globalThis.Worker;
