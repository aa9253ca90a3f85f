/** The program of a worker of the pool, as text. */
import { callsAt, goneAt, hereAt, howAt, roundAt, threadsAt } from "./meeting.ts";

/**
 * How often a follower looks for work before it returns to its messages, and how often the leader looks for followers: about
 * a millisecond.
 */
export const patience = 200_000;

/**
 * A worker reports that it has started. It keeps programs by number and runs one when told to; the first thread reports the
 * end of the run. Or it follows a thread that runs many short steps, without a message for each. Node and pages use the same text.
 */
export const workerSource = `
const port = typeof require === "function" ? require("node:worker_threads").parentPort : self;
const programs = new Map();
const follow = ({ run, numbers }, thread) => {
  let calls = numbers[${callsAt}];
  Atomics.add(numbers, ${hereAt}, 1);
  for (let here, looks = 0; ; looks++) {
    if (Atomics.load(numbers, ${callsAt}) !== calls) {
      try {
        run(thread, numbers[${howAt}]);
      } catch (error) {
        Atomics.store(numbers, ${threadsAt}, 0);
        Atomics.add(numbers, ${roundAt}, 1);
        Atomics.notify(numbers, ${roundAt});
        throw error;
      }
      calls++;
      looks = 0;
      Atomics.add(numbers, ${hereAt}, 1);
    } else if (looks > ${patience} || numbers[${goneAt}]) {
      here = Atomics.load(numbers, ${hereAt});
      if (here > 0 && Atomics.compareExchange(numbers, ${hereAt}, here, here - 1) === here) break;
    }
  }
  numbers[${goneAt}] = 1;
};
port.onmessage = ({ data: { kind, id, code, numbers, thread, initial } }) => {
  const program = programs.get(id);
  if (kind === "load") {
    const { make, module, memory } = code;
    const { run } = make
      ? require("node:vm").runInThisContext(make)(code, numbers, require)
      : new WebAssembly.Instance(module, { env: { memory } }).exports;
    programs.set(id, { run, numbers });
  } else if (kind === "drop") programs.delete(id);
  else if (kind === "weigh") try { new WebAssembly.Memory({ initial }); } catch {}
  else if (kind === "follow") follow(program, thread);
  else {
    program.run(thread, program.numbers[${howAt}]);
    if (thread === 0) port.postMessage({ id });
  }
};
port.postMessage({});
`;
