/** Jobs of the studio's engine behind a port that copies what it carries, as that of a worker does. */
import { createRemote, type Remote, serveJobs } from "../../src/studio/engine/remote.ts";

type Jobs = Parameters<typeof serveJobs>[0];

/** `hear` hears what goes to the other side. */
export function connected<All extends Jobs>(jobs: All, hear: (message: unknown) => void = () => {}): Remote<All> {
  const there: Parameters<typeof serveJobs>[1] = {
    postMessage: (data) => queueMicrotask(() => here.onmessage?.({ data: structuredClone(data) } as MessageEvent)),
    onmessage: null,
  };
  const here: Parameters<typeof createRemote>[0] = {
    postMessage: (data) => {
      hear(data);
      queueMicrotask(() => there.onmessage?.({ data: structuredClone(data) } as MessageEvent));
    },
    onmessage: null,
  };
  serveJobs(jobs, there);
  return createRemote<All>(here);
}
