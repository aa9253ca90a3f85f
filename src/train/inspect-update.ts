/**
 * Look into an update while a model trains: how large the gradient is in each layer, how far back through time the error of
 * an output reaches, and which gates are saturated. It runs beside the training, on one batch, and changes nothing of it.
 */
import type { HostOptions } from "../engines/engine.ts";
import { grad } from "../grad/grad.ts";
import type { NodeId } from "../graph/graph.ts";
import { bind } from "../nn/bind.ts";
import { namedValues } from "../nn/inspection.ts";
import type { Model } from "../nn/model.ts";
import { cellsOf } from "../nn/model-states.ts";
import { Disposable } from "../runtime/disposable.ts";
import type { Program } from "../runtime/program.ts";
import { createBatchBinder } from "./bind-batch.ts";
import { lossNodes } from "./loss-graph.ts";
import { defaultLoss, type LossName } from "./losses.ts";
import { normOf } from "./trainer.ts";

/** What an update on one batch would do, and why. */
export type UpdateInspection = {
  /** The mean loss of the batch, over the outputs that count. */
  readonly loss: number;
  /** The norm of all gradients together, before clipping. */
  readonly norm: number;
  /** The norm of the gradient of each layer that has parameters, in the order of the layers. */
  readonly layers: readonly { readonly layer: string; readonly norm: number }[];
  /**
   * For each layer with states, how far back the error of an example's last output that counts reaches: `norms[k]` is the norm of
   * the gradient of its loss with respect to all states of the layer after the step k before that output, as the root mean
   * square over the examples that have so many steps.
   */
  readonly reach: readonly { readonly layer: string; readonly norms: readonly number[] }[];
  /**
   * For each gate, the shares of its values below 0.05 (closed) and above 0.95 (open), over all units, examples and steps up to an
   * example's last output that counts.
   */
  readonly gates: readonly Saturation[];
};
/** How much of a gate is saturated: there its derivative is below a fifth of its largest, and learning moves it little. */
export type Saturation = {
  readonly layer: string;
  readonly name: string;
  readonly closed: number;
  readonly open: number;
};

/** Below and above these values a gate counts as saturated. */
export const saturation = { closed: 0.05, open: 0.95 } as const;

export type UpdateInspectorOptions = HostOptions & {
  readonly batch: number;
  readonly steps: number;
  readonly loss?: LossName;
};

/**
 * Make what looks into updates of a model that gives an output at every step. It compiles one program: the model with its loss, without
 * dropout, and its backward step.
 */
export async function createUpdateInspector(model: Model, options: UpdateInspectorOptions): Promise<UpdateInspector> {
  const { batch, steps, loss = defaultLoss, ...host } = options;
  const { graph: forward, values } = lossNodes(model, { loss, training: false, steps });
  const gates = namedValues(model).filter(({ gate }) => gate);
  const states = model.layers
    .flatMap(cellsOf)
    .flatMap(([layer, { cell }]) => cell.states.map((state) => ({ layer, key: `${layer}.${state}` })));
  const outputs = {
    ...Object.fromEntries(gates.map(({ key, state }) => [key, values[state ? `${key}'` : key] as NodeId])),
    loss: forward.outputs.loss as NodeId,
  };
  const wanted = Object.fromEntries(states.map(({ key }) => [key, values[`${key}'`] as NodeId]));
  const graph = grad({ ...forward, outputs }, "loss", wanted);
  const keep = [...gates.map(({ key }) => key), ...states.map(({ key }) => `d ${key}`)];
  const program = await bind(model, { graph: () => graph, steps, batch, keep }, host, { owner: "update inspector" });
  return new UpdateInspector(model, program, { batch, steps, gates, states });
}

type Named = { readonly layer: string; readonly key: string };
type Parts = {
  readonly batch: number;
  readonly steps: number;
  readonly gates: readonly (Named & { readonly name: string })[];
  readonly states: readonly Named[];
};

/** Made by `createUpdateInspector`. It owns its memory until `dispose()`, and reads the model's present values at each look. */
export class UpdateInspector extends Disposable {
  private readonly model: Model;
  private readonly program: Program;
  private readonly parts: Parts;

  constructor(model: Model, program: Program, parts: Parts) {
    super();
    this.model = model;
    this.program = program;
    this.parts = parts;
  }

  /**
   * Look at the update that a batch would give, from states of zeros.
   * @param inputs tokens (T,B), flat, time first
   * @param targets classes (T,B), flat, time first
   * @param counts 1 where an output counts, 0 elsewhere (T,B); by default all count
   * @throws InputError for numbers that do not fit
   */
  look(inputs: ArrayLike<number>, targets: ArrayLike<number>, counts?: ArrayLike<number>): Promise<UpdateInspection> {
    return this.alone("look", () => this.lookAlone(inputs, targets, counts));
  }
  private async lookAlone(
    inputs: ArrayLike<number>,
    targets: ArrayLike<number>,
    counts: ArrayLike<number> | undefined,
  ): Promise<UpdateInspection> {
    const { model, program } = this;
    const { batch, steps, gates, states } = this.parts;
    const does = (t: number, b: number): boolean => counts === undefined || counts[t * batch + b] !== 0;
    const outputs = batch * steps;
    let counted = 0;
    /** The last step of each example whose output counts; -1 for none. */
    const last = new Int32Array(batch).fill(-1);
    for (let t = 0; t < steps; t++) {
      for (let b = 0; b < batch; b++) {
        if (!does(t, b)) continue;
        counted++;
        last[b] = t;
      }
    }
    program.setParameters(model.values);
    const bindBatch = createBatchBinder(model, program, { steps, batch });
    // The binder divides by the number of all outputs.
    const weights = new Float32Array(outputs);
    const run = async (weightOf: (t: number, b: number) => number): Promise<void> => {
      for (let t = 0; t < steps; t++) for (let b = 0; b < batch; b++) weights[t * batch + b] = weightOf(t, b);
      bindBatch(inputs, targets, { weights });
      program.resetStates();
      await program.run();
      await program.fetch();
    };
    await run((t, b) => (does(t, b) ? outputs / Math.max(1, counted) : 0));
    const loss = program.total("loss");
    const gradients = model.parameters.map(({ name }) => ({ name, gradient: program.gradient(name) }));
    const found = gates.map(({ layer, name, key }) => ({ layer, name, ...this.saturated(program.output(key), last) }));
    // Each example's last loss with weight 1: examples know nothing of each other, so its gradient is its own.
    await run((t, b) => (last[b] === t ? outputs : 0));
    const layers = [...new Set(states.map(({ layer }) => layer))];
    return {
      loss,
      norm: normOf(gradients.map(({ gradient }) => gradient)),
      layers: model.layers.flatMap(({ name: layer }) => {
        const own = gradients.filter(({ name }) => name.startsWith(`${layer}.`));
        return own.length === 0 ? [] : [{ layer, norm: normOf(own.map(({ gradient }) => gradient)) }];
      }),
      reach: layers.map((layer) => ({
        layer,
        norms: this.reachOf(
          states.filter((state) => state.layer === layer).map(({ key }) => program.output(`d ${key}`)),
          last,
        ),
      })),
      gates: found,
    };
  }

  /** The shares of the values (T,B,n) that are closed and open, up to the last step of each example. */
  private saturated(values: Float32Array, last: Int32Array): Pick<Saturation, "closed" | "open"> {
    const { batch, steps } = this.parts;
    const size = values.length / (batch * steps);
    let [closed, open, all] = [0, 0, 0];
    for (let b = 0; b < batch; b++) {
      for (let t = 0; t <= (last[b] as number); t++) {
        for (let k = 0; k < size; k++) {
          const value = values[(t * batch + b) * size + k] as number;
          if (value < saturation.closed) closed++;
          else if (value > saturation.open) open++;
          all++;
        }
      }
    }
    return { closed: closed / Math.max(1, all), open: open / Math.max(1, all) };
  }

  /** The norms of the gradients (T,B,n) by all states of a layer, by how many steps before the last one they are. */
  private reachOf(gradients: readonly Float32Array[], last: Int32Array): number[] {
    const { batch, steps } = this.parts;
    const norms: number[] = [];
    for (let back = 0; back < steps; back++) {
      let [sum, examples] = [0, 0];
      for (let b = 0; b < batch; b++) {
        const t = (last[b] as number) - back;
        if (t < 0) continue;
        examples++;
        for (const gradient of gradients) {
          const size = gradient.length / (batch * steps);
          for (let k = 0; k < size; k++) sum += (gradient[(t * batch + b) * size + k] as number) ** 2;
        }
      }
      if (examples === 0) break;
      norms.push(Math.sqrt(sum / examples));
    }
    return norms;
  }

  dispose(): void {
    this.program.dispose();
  }
}
