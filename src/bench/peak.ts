/** The peak that products are held against: what one core does in WASM SIMD on registers alone. */
import { assembleModule, func } from "../engines/wasm/assembler.ts";
import { relaxedSimd } from "../engines/wasm/features.ts";
import { f32x4, forLoop, i32, v128 } from "../engines/wasm/instructions.ts";
import { madd } from "../engines/wasm/vector-ops.ts";

/** The most f32 operations a second that one core does in WASM SIMD, in GFLOP/s: multiply-adds on registers alone. */
export async function measurePeak(): Promise<number> {
  const host = { fma: relaxedSimd() };
  const count = 12;
  const peak = func({ export: "peak", params: ["i32"], results: [] }, (f) => {
    const sums = Array.from({ length: count }, () => f.local("v128"));
    const [x, y, i] = [f.local("v128"), f.local("v128"), f.local("i32")];
    return [
      x.set(v128.load(i32.const(0))),
      y.set(v128.load(i32.const(16))),
      forLoop(f, i, 0, f.param(0).get, 1, [sums.map((sum) => sum.set(madd(x.get, y.get, sum.get, host)))]),
      v128.store(
        i32.const(64),
        sums.slice(1).reduce((all, sum) => f32x4.add(all, sum.get), (sums[0] as (typeof sums)[0]).get),
      ),
    ];
  });
  const bytes = assembleModule({ memory: { minPages: 1 }, functions: [peak] });
  const memory = new WebAssembly.Memory({ initial: 1 });
  const { instance } = await WebAssembly.instantiate(bytes, { env: { memory } });
  const run = instance.exports.peak as (rounds: number) => void;
  const rounds = 1e7;
  run(rounds);
  const times = Array.from({ length: 7 }, () => {
    const start = performance.now();
    run(rounds);
    return performance.now() - start;
  });
  return (8 * count * rounds) / Math.min(...times) / 1e6;
}
