/**
 * Large orthogonal matrices: Householder's reflections in blocks, H_1 H_2 ... = 1 - V T V^T (R. Schreiber and C. Van Loan,
 * "A storage-efficient WY representation for products of Householder transformations", 1989), so that nearly all of the
 * work is products of matrices, which run as WASM.
 */

import { assembleModule, func } from "../engines/wasm/assembler.ts";
import { pageBytes } from "../engines/wasm/emit.ts";
import { call } from "../engines/wasm/instructions.ts";
import { matmulFunctions } from "../engines/wasm/matmul.ts";
import { aligned } from "../engines/wasm/target.ts";

/** The number of reflections in a block; and of columns in a panel, as the product reads them. */
const [block, panel] = [32, 8];

/** The matrix product: its arguments are those of `Matmul.rows`. */
type Multiply = (...numbers: readonly number[]) => void;
let module: WebAssembly.Module | undefined;

/** The product as a module, with separate multiplications and additions: the same bits on every processor. */
function compiled(): WebAssembly.Module {
  const { rows, functions } = matmulFunctions({ fma: false });
  const multiply = func({ export: "multiply", params: rows.params, results: [] }, (f) =>
    call(rows, ...rows.params.map((_, k) => f.param(k).get)),
  );
  return new WebAssembly.Module(assembleModule({ memory: { minPages: 1 }, functions: [...functions, multiply] }));
}

/**
 * Compute the first `count` columns of the product of reflections H_0 H_1 ... H_(count - 1), in 32-bit floats.
 * @param length the number of rows
 * @param draw writes the vector of H_k, from its row k on; its norm does not matter. Called for the last reflection first
 * @returns a function that gives row i of column k
 */
export function reflected(
  length: number,
  count: number,
  draw: (k: number, into: Float64Array) => void,
): (k: number, i: number) => number {
  let top = 0;
  const take = (floats: number): number => {
    const at = top;
    top = aligned(top + 4 * floats);
    return at;
  };
  const panelFloats = panel * length;
  const panels = Math.ceil(count / panel);
  // The memory: Q in panels; V and its transpose; a panel of V^T Q, and of T V^T Q; T, and V^T V, for which V is in panels.
  const q = take(panels * panelFloats);
  const [v, across, inPanels] = [take(block * length), take(block * length), take(block * length)];
  const [left, turned, t, squares] = [take(panel * block), take(panel * block), take(block ** 2), take(block ** 2)];
  const memory = new WebAssembly.Memory({ initial: Math.ceil(top / pageBytes) });
  module ??= compiled();
  const multiply = new WebAssembly.Instance(module, { env: { memory } }).exports.multiply as Multiply;
  const all = new Float32Array(memory.buffer);
  const place = (k: number, i: number): number => Math.floor(k / panel) * panelFloats + panel * i + (k % panel);
  for (let k = 0; k < count; k++) all[place(k, k)] = 1;
  const vector = new Float64Array(length);

  for (let first = Math.floor((count - 1) / block) * block; first >= 0; first -= block) {
    const [here, height] = [Math.min(block, count - first), length - first];
    all.fill(0, v / 4, left / 4);
    for (let j = here - 1; j >= 0; j--) {
      const own = vector.subarray(0, height - j);
      draw(first + j, own);
      let square = 0;
      for (let i = j; i < height; i++) {
        const x = Math.fround(own[i - j] as number);
        square += x * x;
        all[v / 4 + i * block + j] = x;
        all[across / 4 + j * height + i] = x;
        all[inPanels / 4 + Math.floor(j / panel) * panel * height + i * panel + (j % panel)] = x;
      }
      all[t / 4 + j * (block + 1)] = -2 / square;
    }
    multiply(block, block, height, across, 4 * height, inPanels, 4 * panel * height, squares, 4 * block, 0);
    // -T, column by column: -2 / |v|^2 on the diagonal, and above it what the reflections before make of it.
    for (let j = 0; j < here; j++) {
      const scale = all[t / 4 + j * (block + 1)] as number;
      for (let i = 0; i < j; i++) {
        let sum = 0;
        for (let k = i; k < j; k++) {
          sum += (all[t / 4 + i * block + k] as number) * (all[squares / 4 + k * block + j] as number);
        }
        all[t / 4 + i * block + j] = scale * sum;
      }
    }
    for (let p = Math.floor(first / panel); p < panels; p++) {
      const at = q + 4 * (p * panelFloats + first * panel);
      const row = 4 * panel;
      multiply(here, panel, height, across, 4 * height, at, 0, left, row, 0);
      multiply(here, panel, here, t, 4 * block, left, 0, turned, row, 0);
      multiply(height, panel, here, v, 4 * block, turned, 0, at, row, 1);
    }
  }
  return (k, i) => all[place(k, i)] as number;
}
