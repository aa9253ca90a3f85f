/** Unrolled's own part of a measurement, and the peak that it is held against. */
import { dense, embedding, recurrent } from "../nn/layers.ts";
import { sequential } from "../nn/model.ts";
import { createRandom } from "../nn/random.ts";
import { createSession } from "../nn/session.ts";
import { availableThreads } from "../runtime/pool.ts";
import { multiplyAdds } from "../schedule/plan.ts";
import { createTrainer } from "../train/trainer.ts";
import { assembleModule, f32x4, forLoop, func, i32, local, v128 } from "../wasm/assembler.ts";
import { relaxedSimd } from "../wasm/features.ts";
import { madd } from "../wasm/vector-math.ts";
import type { Peer } from "./pytorch.ts";
import { cellOf, type Shape } from "./shapes.ts";

/** Characters of one generation step: enough for the clock. */
export const charactersAStep = 100;

export type OwnPeer = Peer & { readonly threads: number; readonly multiplyAdds: number };

export async function startUnrolled(shape: Shape, threads: number): Promise<OwnPeer> {
  const { vocabulary, units, layers, batch, steps } = shape;
  const recurrents = Array.from({ length: layers }, () => recurrent(cellOf[shape.kind], { units }));
  const model = sequential([embedding(vocabulary, shape.embedding), ...recurrents, dense(vocabulary)]);
  const setting = `${threads} thread${threads === 1 ? "" : "s"}`;
  const timed = async (work: () => unknown): Promise<number> => {
    const start = performance.now();
    await work();
    return performance.now() - start;
  };
  const random = createRandom(1);
  if (shape.task === "generate") {
    const session = await createSession(model);
    const step = () =>
      timed(() => {
        for (let k = 0; k < charactersAStep; k++) session.next(random.integer(vocabulary));
      });
    return { setting, threads: 1, step, end: () => {}, multiplyAdds: 0 };
  }
  const trainer = await createTrainer(model, { batch, steps, clipNorm: 5, threads });
  const draw = (): Int32Array => Int32Array.from({ length: steps * batch }, () => random.integer(vocabulary));
  const [tokens, targets] = [draw(), draw()];
  return {
    setting,
    threads: trainer.program.threads,
    multiplyAdds: multiplyAdds(trainer.program.plan),
    step: () => timed(() => trainer.update(tokens, targets)),
    end: () => {},
  };
}

/** The most f32 operations a second that one core does in WASM SIMD, in GFLOP/s: multiply-adds on registers alone. */
export async function measurePeak(): Promise<number> {
  const host = { fma: relaxedSimd() };
  const count = 12;
  const peak = func({ export: "peak", params: ["i32"], results: [] }, (f) => {
    const sums = Array.from({ length: count }, () => f.local("v128"));
    const [x, y, i] = [f.local("v128"), f.local("v128"), f.local("i32")];
    return [
      local.set(x, v128.load(i32.const(0))),
      local.set(y, v128.load(i32.const(16))),
      forLoop(f, i, 0, local.get(f.param(0)), 1, [
        sums.map((sum) => local.set(sum, madd(local.get(x), local.get(y), local.get(sum), host))),
      ]),
      v128.store(
        i32.const(64),
        sums.slice(1).reduce((all, sum) => f32x4.add(all, local.get(sum)), local.get(sums[0] as (typeof sums)[0])),
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

export const cores = availableThreads;
