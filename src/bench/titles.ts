/** What engines and peers are called in tables, and what a peer takes to be there. */

/** Engines of ours and peers: their titles, and what a peer takes to be there, where a page measures it perhaps something else. */
const titles: Readonly<Record<string, readonly [title: string, install?: string, inPage?: string]>> = {
  native: ["native"],
  wasm: ["WASM"],
  webgpu: ["WebGPU"],
  pytorch: ["PyTorch", "torch for python3 (Debian: apt-get install python3-torch)"],
  "pytorch-gru": ["nn.GRU", "torch for python3 (Debian: apt-get install python3-torch)"],
  tfjs: [
    "TF.js",
    "npm i @tensorflow/tfjs @tensorflow/tfjs-backend-wasm",
    "npm i @tensorflow/tfjs @tensorflow/tfjs-backend-webgpu",
  ],
  "jax-js": ["jax-js", "npm i @jax-js/jax, and Node 22 or npm i node@24", "npm i @jax-js/jax"],
  onednn: ["oneDNN", "g++ and dnnl.hpp (Debian: apt-get install g++ libdnnl-dev)"],
  onnxruntime: ["ONNX RT", "npm i onnxruntime-node"],
  "onnxruntime-int8": ["RT int8", "npm i onnxruntime-node"],
};
export const titleOf = (name: string): string => titles[name]?.[0] ?? name;

/** What is to be installed for a peer. */
export const installOf = (name: string, inPage = false): string => {
  const [, install = "to be installed", ofPage = install] = titles[name] ?? [];
  return inPage ? ofPage : install;
};
