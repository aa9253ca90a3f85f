/** Unrolled's own part of a measurement. */
import { dense, embedding, recurrent } from "../nn/layers.ts";
import { type Model, sequential } from "../nn/model.ts";
import { createRandom } from "../nn/random.ts";
import { createSession } from "../nn/session.ts";
import { multiplyAdds } from "../schedule/cost.ts";
import { createTrainer } from "../train/trainer.ts";
import { type Peer, threadCount } from "./peer-process.ts";
import { cellOf, charactersAStep, type Shape } from "./shapes.ts";

export type OwnPeer = Peer & {
  readonly threads: number;
  readonly multiplyAdds: number;
  /** Of the plan, and of the memory that it is given. */
  readonly planBytes: number;
  readonly memoryBytes: number;
};

export function modelOf({ kind, vocabulary, embedding: features, units, layers, hidden }: Shape): Model {
  const recurrents = Array.from({ length: layers }, (_, k) =>
    recurrent(cellOf[kind], { units, returnSequences: hidden === undefined || k < layers - 1 }),
  );
  const last = hidden === undefined ? [] : [dense(hidden, { activation: "relu" })];
  return sequential([embedding(vocabulary, features), ...recurrents, ...last, dense(vocabulary)]);
}

export async function startUnrolled(shape: Shape, threads: number): Promise<OwnPeer> {
  const { vocabulary, batch, steps, hidden } = shape;
  const model = modelOf(shape);
  const setting = threadCount(threads);
  const timed = async (work: () => unknown): Promise<number> => {
    const start = performance.now();
    await work();
    return performance.now() - start;
  };
  const random = createRandom(1);
  if (shape.task === "generate") {
    const session = await createSession(model, { threads });
    const step = () =>
      timed(() => {
        for (let k = 0; k < charactersAStep; k++) session.next(random.integer(vocabulary));
      });
    return {
      setting,
      threads: session.threads,
      step,
      end: () => session.dispose(),
      multiplyAdds: 0,
      planBytes: 0,
      memoryBytes: 0,
    };
  }
  const trainer = await createTrainer(model, { batch, steps, clipNorm: 5, threads });
  const { program } = trainer;
  const draw = (length: number): Int32Array => Int32Array.from({ length }, () => random.integer(vocabulary));
  const tokens = draw(steps * batch);
  const targets = draw(hidden === undefined ? steps * batch : batch);
  return {
    setting,
    threads: program.threads,
    multiplyAdds: multiplyAdds(program.plan),
    planBytes: program.plan.bytes,
    memoryBytes: program.memoryBytes,
    step: () => timed(() => trainer.update(tokens, targets)),
    end: () => trainer.dispose(),
  };
}
