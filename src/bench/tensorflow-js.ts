/** TensorFlow.js as a peer in a process, on its WASM backend, with several numbers of threads: training steps. */
import { findPackage } from "./packages.ts";
import { type StartPeer, startEach, threadCount } from "./peer.ts";
import { startNodeProcess } from "./peer-process.ts";
import { threadCounts } from "./processor.ts";
import { tensorflowJsProgram } from "./tensorflow-js-program.ts";

const program = `
const tf = require("@tensorflow/tfjs");
const wasm = require("@tensorflow/tfjs-backend-wasm");

// In Node it has no threads of its own accord, and of the cores that it sees it uses half.
function allowThreads(threads, folder) {
  const workers = require("node:worker_threads");
  const script = folder + "/wasm-out/tfjs-backend-wasm-threaded-simd";
  const source = require(script + ".worker.js").wasmWorkerContents.replaceAll("\\n", "\\\\n");
  workers.Worker = class extends workers.Worker {
    constructor() {
      super(source, { eval: true });
    }
    postMessage(message) {
      super.postMessage(message.cmd === "load" ? { ...message, urlOrBlob: script + ".js" } : message);
    }
  };
  require("node:os").cpus = () => Array.from({ length: 2 * threads }, () => ({}));
  tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", true);
  wasm.setThreadsCount(threads);
}

async function prepare({ threads, folder, ...shape }) {
  if (threads > 1) allowThreads(threads, folder);
  await tf.setBackend("wasm");
  if (wasm.getThreadsCount() !== threads) throw new Error("it has " + wasm.getThreadsCount() + " threads");
  return training(tf, shape);
}
${tensorflowJsProgram}
`;

export const startTensorflowJs: StartPeer = async (shape) => {
  const tfjs = findPackage("@tensorflow/tfjs");
  const backend = findPackage("@tensorflow/tfjs-backend-wasm");
  if (tfjs === undefined || backend === undefined) return undefined;
  return startEach(threadCounts(), async (threads) => {
    const spec = { ...shape, threads, folder: backend.folder };
    const peer = await startNodeProcess(program, spec, { folder: tfjs.from });
    return { ...peer, setting: `TensorFlow.js ${tfjs.version}, WASM backend, ${threadCount(threads)}` };
  });
};
