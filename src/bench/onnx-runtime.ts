/**
 * ONNX Runtime as a peer, with several numbers of threads: generation one token at a time, with the states handed from
 * each step to the next. It does not train.
 */

import { writeOnnx } from "../formats/onnx/index.ts";
import { cellsOf } from "../nn/model-states.ts";
import { onnxGenerator, onnxNames } from "./onnx-model.ts";
import { findPackage } from "./packages.ts";
import { type StartPeer, startEach, threadCount } from "./peer.ts";
import { startNodeProcess } from "./peer-process.ts";
import { threadCounts } from "./processor.ts";
import { charactersAStep, type Shape } from "./shapes.ts";
import { modelOf } from "./unrolled.ts";

/** What its process is told; the model's bytes follow in a line of base64. */
const program = `
const { InferenceSession, Tensor } = require("onnxruntime-node");
async function prepare({ names, vocabulary, characters, threads }, lines) {
  const model = Buffer.from((await lines.next()).value, "base64");
  const session = await InferenceSession.create(model, { intraOpNumThreads: threads, interOpNumThreads: 1 });
  const feeds = {};
  for (const { name, dims } of names.states) {
    feeds[name] = new Tensor("float32", new Float32Array(dims.reduce((a, b) => a * b)), dims);
  }
  return async () => {
    for (let n = 0; n < characters; n++) {
      const token = BigInt(Math.floor(Math.random() * vocabulary));
      feeds[names.token] = new Tensor("int64", BigInt64Array.of(token), names.tokenDims);
      const results = await session.run(feeds);
      for (const { name, next } of names.states) feeds[name] = results[next];
      if (!Number.isFinite(results[names.logits].data[0])) throw new Error("the logits are not finite");
    }
  };
}
`;

/** Which file: made for this by hand, or as this library exports any model. */
type FileKind = "CPU" | "int8, dynamic" | "exported";

/** The file's bytes, and what goes in and comes out by which names. */
function fileOf(shape: Shape, kind: FileKind) {
  const model = modelOf(shape);
  if (kind === "exported") {
    const states = model.layers
      .flatMap(cellsOf)
      .flatMap(([layer, { cell, units = 0 }]) =>
        cell.states.map((state) => ({ name: `${layer}.${state}`, dims: [1, units] })),
      );
    return {
      bytes: writeOnnx(model, { form: "steps" }),
      names: {
        ...{ token: "tokens", tokenDims: [1], logits: "output" },
        states: states.map((state) => ({ ...state, next: `next.${state.name}` })),
      },
    };
  }
  const states = Array.from({ length: shape.layers }, (_, k) =>
    onnxNames.states.map((name, s) => ({
      ...{ name: `${name}${k}`, next: `${onnxNames.nextStates[s]}${k}`, dims: [1, 1, shape.units] },
    })),
  ).flat();
  return {
    bytes: onnxGenerator(model, { quantized: kind === "int8, dynamic" }),
    names: { token: onnxNames.token, tokenDims: [1, 1], logits: onnxNames.logits, states },
  };
}

const onnxRuntime =
  (...kinds: readonly FileKind[]): StartPeer =>
  async (shape) => {
    const runtime = findPackage("onnxruntime-node");
    if (runtime === undefined) return undefined;
    const files = kinds.map((kind) => ({ kind, ...fileOf(shape, kind) }));
    const settings = files.flatMap((file) => threadCounts().map((threads) => ({ ...file, threads })));
    return startEach(settings, async ({ kind, bytes, names, threads }) => {
      const spec = { ...shape, names, characters: charactersAStep, threads };
      const input = [Buffer.from(bytes).toString("base64")];
      const peer = await startNodeProcess(program, spec, { folder: runtime.from, input });
      return { ...peer, setting: `ONNX Runtime ${runtime.version}, ${kind}, ${threadCount(threads)}` };
    });
  };

/** With a file that has no node too many, and with the one that `writeOnnx` writes. */
export const startOnnxRuntime = onnxRuntime("CPU", "exported");
/** With matrices of 8 bits. */
export const startOnnxRuntimeInt8 = onnxRuntime("int8, dynamic");
