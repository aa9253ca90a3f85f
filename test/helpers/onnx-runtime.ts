/** ONNX Runtime for tests: its native build, which `npm test` installs in test/peers; where that is missing, its build for WebAssembly. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

type Outputs = Record<string, { readonly data: Float32Array; readonly dims: number[] }>;
export type OnnxRuntime = {
  readonly InferenceSession: {
    readonly create: (
      bytes: Uint8Array,
      options?: object,
    ) => Promise<{ readonly run: (feeds: Record<string, object>) => Promise<Outputs> }>;
  };
  readonly Tensor: new (type: string, data: unknown, dims: readonly number[]) => object;
};

const peers = fileURLToPath(new URL("../peers/", import.meta.url));
/** True where the native build is installed. */
export const isNative = existsSync(`${peers}node_modules/onnxruntime-node/package.json`);
export const runtime: OnnxRuntime = isNative
  ? createRequire(peers)("onnxruntime-node")
  : ((await import("onnxruntime-web")) as never);
