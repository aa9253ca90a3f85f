/**
 * ONNX Runtime as a peer, with several numbers of threads: generation one token at a time, with the states handed from
 * each step to the next. It does not train.
 */
import { onnxGenerator, onnxNames } from "./onnx-model.ts";
import { findPackage } from "./packages.ts";
import { type StartPeer, startEach, startNodeProcess, threadCount } from "./peer-process.ts";
import { threadCounts } from "./processor.ts";
import { charactersAStep } from "./shapes.ts";
import { modelOf } from "./unrolled.ts";

/** What its process is told; the model's bytes follow in a line of base64. */
const program = `
const { InferenceSession, Tensor } = require("onnxruntime-node");
async function prepare({ names, units, layers, vocabulary, characters, threads }, lines) {
  const model = Buffer.from((await lines.next()).value, "base64");
  const session = await InferenceSession.create(model, { intraOpNumThreads: threads, interOpNumThreads: 1 });
  const feeds = {};
  for (let k = 0; k < layers; k++) {
    for (const name of names.states) feeds[name + k] = new Tensor("float32", new Float32Array(units), [1, 1, units]);
  }
  return async () => {
    for (let n = 0; n < characters; n++) {
      const token = BigInt(Math.floor(Math.random() * vocabulary));
      feeds[names.token] = new Tensor("int64", BigInt64Array.of(token), [1, 1]);
      const results = await session.run(feeds);
      for (let k = 0; k < layers; k++) {
        names.states.forEach((name, i) => {
          feeds[name + k] = results[names.nextStates[i] + k];
        });
      }
      if (!Number.isFinite(results[names.logits].data[0])) throw new Error("the logits are not finite");
    }
  };
}
`;

const onnxRuntime =
  (quantized: boolean): StartPeer =>
  async (shape) => {
    const runtime = findPackage("onnxruntime-node");
    if (runtime === undefined) return undefined;
    const model = Buffer.from(onnxGenerator(modelOf(shape), { quantized })).toString("base64");
    return startEach(threadCounts(), async (threads) => {
      const spec = { ...shape, names: onnxNames, characters: charactersAStep, threads };
      const peer = await startNodeProcess(program, spec, { folder: runtime.from, input: [model] });
      const kind = quantized ? "int8, dynamic" : "CPU";
      return { ...peer, setting: `ONNX Runtime ${runtime.version}, ${kind}, ${threadCount(threads)}` };
    });
  };

export const startOnnxRuntime = onnxRuntime(false);
/** With matrices of 8 bits. */
export const startOnnxRuntimeInt8 = onnxRuntime(true);
