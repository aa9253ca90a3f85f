/**
 * Look into an update while a model trains: how large the gradient is in each layer, how far back through time the error of
 * an output reaches, and which gates are saturated. It runs beside the training, on one batch, and changes nothing of it.
 */
import type { HostOptions } from "../engines/engine.ts";
import { hostRules } from "../engines/registry.ts";
import { grad } from "../grad/grad.ts";
import type { Graph, NodeId } from "../graph/graph.ts";
import { InputError } from "../graph/input-error.ts";
import { type Arguments, anArray, checkArguments, checkValue, options as optionsOf } from "../graph/schema.ts";
import { bind } from "../nn/bind.ts";
import { namedValues } from "../nn/inspection.ts";
import type { Model } from "../nn/model.ts";
import { aModel, checkReturnsSequences } from "../nn/model-checks.ts";
import { cellsOf } from "../nn/model-states.ts";
import { Disposable } from "../runtime/disposable.ts";
import type { Program } from "../runtime/program.ts";
import { createBatchBinder } from "./bind-batch.ts";
import { checkLength, type Inputs, oneTimeRules } from "./checks.ts";
import { lossNodes, purposeOf } from "./loss-graph.ts";
import { aLoss, defaultLoss, type Loss, type LossName } from "./losses.ts";
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

/** Options of `createUpdateInspector`; also the host's: `engine`, `threads`, `fma`, `precision`. */
export type UpdateInspectorOptions = HostOptions & {
  /** Examples of a look. */
  readonly batch: number;
  /** Time steps of a look, as far as errors are followed back. */
  readonly steps: number;
  /** The loss: a name, or one with options such as `huber({ delta: 2 })`. Default "sparse_categorical_crossentropy". */
  readonly loss?: LossName | Loss;
};

export const updateInspectorArguments: Arguments = {
  model: aModel,
  options: optionsOf<UpdateInspectorOptions>({ ...hostRules, ...oneTimeRules, loss: aLoss }),
};

/**
 * Create what looks into the updates of a model that has an output at every step, beside its training: one program, the model with its
 * loss, without dropout, and its backward step. `fit` brings a model's values up to date at the end of each epoch, so a callback can look.
 * @param model the model; its present values are read at each look
 * @param options `batch`, `steps`; `loss`; the host's options
 * @throws InputError for wrong options, for a model without an output at every step, and for one that masks steps or reads backwards
 * @example
 * const inspector = await createUpdateInspector(model, { batch: 8, steps: 20 });
 * const { reach, gates } = await inspector.look(tokens, targets); // (T,B) each
 * inspector.dispose();
 */
export async function createUpdateInspector(model: Model, options: UpdateInspectorOptions): Promise<UpdateInspector> {
  checkArguments("createUpdateInspector", { model, options }, updateInspectorArguments);
  checkReturnsSequences(model, "createUpdateInspector");
  if (model.maskedBy.length > 0 || model.backwards) {
    const what = model.backwards ? "gives its outputs from the last step to the first" : "masks steps";
    throw new InputError(
      `createUpdateInspector: the model ${what}. Give one that does not, and say by counts which outputs count.`,
    );
  }
  const { batch, steps, loss = defaultLoss, ...host } = options;
  const gates = namedValues(model).filter(({ gate }) => gate);
  const states = model.layers
    .flatMap(cellsOf)
    .flatMap(([layer, { cell }]) => cell.states.map((state) => ({ layer, key: `${layer}.${state}` })));
  const keep = [...gates.map(({ key }) => key), ...states.map(({ key }) => `d ${key}`)];
  const graph = (): Graph => {
    const { graph: forward, values } = lossNodes(model, { loss, training: false, steps });
    const kept = gates.map(({ key, state }) => [key, values[state ? `${key}'` : key] as NodeId]);
    const wanted = states.map(({ key }) => [key, values[`${key}'`] as NodeId]);
    const outputs = { ...Object.fromEntries(kept), loss: forward.outputs.loss as NodeId };
    return grad({ ...forward, outputs }, "loss", Object.fromEntries(wanted));
  };
  const purpose = purposeOf(loss, ["inspect update"]);
  const program = await bind(model, { purpose, graph, steps, batch, keep }, host, { owner: "update inspector" });
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
   * @param inputs tokens (T,B) or vectors (T,B,D), flat, time first; by name if the model has several inputs
   * @param targets classes (T,B) or vectors (T,B,V), V as the loss has it, flat, time first
   * @param counts which outputs count (T,B): 0 for those that do not; by default all count
   * @throws InputError for numbers that do not fit, and while an earlier call is still running
   */
  look(inputs: Inputs, targets: ArrayLike<number>, counts?: ArrayLike<number>): Promise<UpdateInspection> {
    return this.alone("updateInspector.look", () => this.lookAlone(inputs, targets, counts));
  }
  private async lookAlone(
    inputs: Inputs,
    targets: ArrayLike<number>,
    counts: ArrayLike<number> | undefined,
  ): Promise<UpdateInspection> {
    const { model, program } = this;
    const { batch, steps, gates, states } = this.parts;
    if (counts !== undefined) {
      checkValue("updateInspector: counts", counts, anArray);
      checkLength("updateInspector", "counts", counts.length, { steps, batch, features: 1 });
    }
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
