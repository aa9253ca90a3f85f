/** Unrolled's own part of a measurement. */
import type { EngineName, HostOptions } from "../engines/engine.ts";
import { engineFor } from "../engines/registry.ts";
import { attending, bidirectional, dense, embedding, input, recurrent } from "../nn/layers.ts";
import { type Model, sequential } from "../nn/model.ts";
import { modelGraph } from "../nn/model-graph.ts";
import { createRandom } from "../nn/random.ts";
import { createSession } from "../nn/session.ts";
import type { Program } from "../runtime/program.ts";
import { multiplyAdds } from "../schedule/cost.ts";
import type { Plan } from "../schedule/plan.ts";
import { schedule } from "../schedule/schedule.ts";
import { segmentsNetwork } from "../tasks/forecast/network.ts";
import { createTrainer } from "../train/trainer.ts";
import { compileLayers, runnerOf } from "./layer.ts";
import { lossWatch, type Peer, threadCount } from "./peer.ts";
import { cellOf, charactersAStep, type Shape } from "./shapes.ts";

export type OwnPeer = Peer & {
  readonly threads: number;
  readonly multiplyAdds: number;
  /** Of the plan, and of the memory that it is given. */
  readonly planBytes: number;
  readonly memoryBytes: number;
};

/** The model of a shape of tokens. */
export function modelOf({ kind, vocabulary, embedding: features, units, layers, hidden }: Shape): Model {
  const recurrents = Array.from({ length: layers }, (_, k) =>
    recurrent(cellOf[kind], { units, returnSequences: hidden === undefined || k < layers - 1 }),
  );
  const last = hidden === undefined ? [] : [dense(hidden, { activation: "relu" })];
  return sequential([embedding(vocabulary, features), ...recurrents, ...last, dense(vocabulary)]);
}

/** The network of a SegRNN, as forecasters have it: of one member, without other columns, with an output for each value. */
export const segRnnOf = ({ vocabulary, embedding: segment, units, steps, horizon = segment }: Shape): Model =>
  sequential(
    segmentsNetwork({
      ...{ horizon, lookback: steps * segment, segment, units, numbers: vocabulary },
      ...{ dropout: 0.5, cell: "gru-reset-after", targets: 1, past: 0, known: 0, parts: 1, layers: 1, members: 1 },
    }),
  );

/** The network of a translator, as `translator` makes it, of sequences of one length: nothing is padding. */
export const translatorOf = ({ vocabulary, embedding: features, units }: Shape): Model =>
  sequential([
    input("tokens", { name: "source", time: "source" }),
    embedding(vocabulary, features),
    bidirectional(recurrent(cellOf.lstm, { units: units / 2, returnSequences: true }), { name: "encoder" }),
    dense(units, { name: "keys" }),
    input("tokens", { name: "target", time: "target" }),
    embedding(vocabulary, features),
    recurrent(attending(cellOf.lstm), {
      ...{ units, inputs: { K: "keys", V: "encoder" }, initialState: { from: "encoder" }, returnSequences: true },
    }),
    dense(vocabulary),
  ]);

/** @param engine the default one without it */
export async function startUnrolled(shape: Shape, threads: number, engine?: EngineName): Promise<OwnPeer> {
  const host = { ...shape.options, threads, ...(engine === undefined ? {} : { engine }) };
  const { plan, memoryBytes = plan.bytes, step, ...started } = await starters[shape.task](shape, host);
  return {
    ...started,
    setting: threadCount(threads),
    multiplyAdds: multiplyAdds(plan) * (shape.task === "generate" ? charactersAStep : 1),
    ...{ planBytes: plan.bytes, memoryBytes },
    async step() {
      const start = performance.now();
      await step();
      return performance.now() - start;
    },
  };
}

type Started = Pick<OwnPeer, "threads" | "end"> & {
  /** What a step runs: of generation, for each character. */
  readonly plan: Plan;
  readonly memoryBytes?: number;
  readonly step: () => unknown;
};
const ofProgram = ({ plan, threads, memoryBytes }: Program) => ({ plan, threads, memoryBytes });

const starters: { readonly [T in Shape["task"]]: (shape: Shape, host: HostOptions) => Promise<Started> } = {
  async train(shape, host) {
    const { vocabulary, batch, steps, hidden } = shape;
    const trainer = await createTrainer(modelOf(shape), { batch, steps, clipNorm: 5, ...host });
    const random = createRandom(1);
    const draw = (length: number): Int32Array => Int32Array.from({ length }, () => random.integer(vocabulary));
    const tokens = draw(steps * batch);
    const targets = draw(hidden === undefined ? steps * batch : batch);
    const watch = lossWatch();
    const step = async (): Promise<void> => watch(await trainer.update(tokens, targets));
    return { ...ofProgram(trainer.program), step, end: () => trainer.dispose() };
  },
  async forecast(shape, host) {
    const { vocabulary, embedding: segment, batch, steps, horizon = segment } = shape;
    const trainer = await createTrainer(segRnnOf(shape), { batch, steps, clipNorm: 1, loss: "mae", ...host });
    const random = createRandom(1);
    const draw = (length: number): Float32Array => Float32Array.from({ length }, () => random.normal());
    const series = Int32Array.from({ length: batch }, () => random.integer(vocabulary));
    const [inputs, targets] = [{ series, x: draw(steps * batch * segment) }, draw(batch * horizon)];
    return { ...ofProgram(trainer.program), step: () => trainer.update(inputs, targets), end: () => trainer.dispose() };
  },
  async translate(shape, host) {
    const { vocabulary, batch, steps, sourceSteps = steps } = shape;
    const trainer = await createTrainer(translatorOf(shape), {
      batch,
      steps: [sourceSteps, steps],
      clipNorm: 5,
      ...host,
    });
    const random = createRandom(1);
    const draw = (length: number): Int32Array => Int32Array.from({ length }, () => random.integer(vocabulary));
    const [inputs, targets] = [{ source: draw(sourceSteps * batch), target: draw(steps * batch) }, draw(steps * batch)];
    return { ...ofProgram(trainer.program), step: () => trainer.update(inputs, targets), end: () => trainer.dispose() };
  },
  async layer(shape, host) {
    const program = await compileLayers(shape, host);
    return { ...ofProgram(program), step: runnerOf(program, shape, createRandom(1)), end: () => program.dispose() };
  },
  async generate(shape, host) {
    const model = modelOf(shape);
    const session = await createSession(model, host);
    const { graph } = modelGraph(model, { training: false, goesOn: true });
    const plan = schedule(graph, {
      target: (await engineFor(host)).target,
      steps: 1,
      batch: 1,
      keep: ["output"],
    });
    const random = createRandom(1);
    const step = (): void => {
      for (let k = 0; k < charactersAStep; k++) session.next(random.integer(shape.vocabulary));
    };
    return { plan, threads: session.threads, step, end: () => session.dispose() };
  },
};
