/** The engine's own thread: the page never waits for it. */
import { jobs } from "./jobs.ts";
import { serveJobs } from "./remote.ts";

// While it lives it holds a lock of its name, so that the page knows when it does not.
const held = new Promise<void>((resolve) => {
  const hold = (): Promise<never> => {
    resolve();
    return new Promise(() => {});
  };
  if (navigator.locks === undefined) resolve();
  else navigator.locks.request(self.name, hold).catch(resolve);
});

const port: Parameters<typeof serveJobs>[1] = {
  postMessage: (message) => void held.then(() => self.postMessage(message)),
  onmessage: null,
};
serveJobs(jobs, port);
self.onmessage = (event) => port.onmessage?.(event);
