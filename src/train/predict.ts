/** The outputs of a model for sequences that are there as a whole. Knows nothing about what they mean. */
import { type Model, modelGraph } from "../nn/model.ts";
import { type LoadOptions, load, type Program } from "../runtime/program.ts";
import { schedule } from "../schedule/schedule.ts";
import { checkInputs, checkWhole, type Inputs, setInputs } from "./checks.ts";
import { buffersOf, type InputArrays, readInputs, rowsBetween, takeInputs, takeRows } from "./examples.ts";
import { createTurns } from "./turns.ts";

export type PredictorOptions = LoadOptions & { readonly batch: number; readonly steps: number };

export async function createPredictor(
  model: Model,
  { batch, steps, ...options }: PredictorOptions,
): Promise<Predictor> {
  const { graph } = modelGraph(model, { training: false });
  const program = await load(schedule(graph, { steps, batch, keep: ["output"] }), options);
  return new Predictor(model, program, { batch, steps });
}

/** Owns a program without gradients; reads the model's values anew at each call. */
export class Predictor {
  private readonly model: Model;
  private readonly program: Program;
  private readonly sizes: { readonly batch: number; readonly steps: number };

  constructor(model: Model, program: Program, sizes: { readonly batch: number; readonly steps: number }) {
    this.model = model;
    this.program = program;
    this.sizes = sizes;
  }

  /**
   * Tokens (T,B) or vectors (T,B,D), flat, time first -> outputs (T,B,V), or (B,V) where the model gives one a sequence; from
   * the last step to the first where it goes backwards. The states start from zero.
   * @throws InputError for numbers that do not fit
   */
  async predict(inputs: Inputs): Promise<Float32Array> {
    const { model, program } = this;
    const { batch, steps } = this.sizes;
    checkInputs(model, inputs, this.sizes, "predict");
    for (const { name } of model.parameters) program.setParameter(name, model.values[name] as Float32Array);
    setInputs(model, program, inputs, "predict");
    program.resetStates();
    await program.run();
    const outputs = program.output("output");
    if (!model.backwards) return outputs;
    const perStep = batch * model.outputSize;
    const turned = new Float32Array(outputs.length);
    for (let t = 0; t < steps; t++)
      turned.set(outputs.subarray(t * perStep, (t + 1) * perStep), (steps - 1 - t) * perStep);
    return turned;
  }
}

/**
 * x: tokens (N,T) or vectors (N,T,D), examples first, nested lists or `{ data, shape }`, by name where the model has
 * several inputs -> outputs (N,T,V), or (N,V) where
 * the model gives one a sequence: row k is that of example k. `batchSize` examples are computed side by side.
 * @throws InputError for data that does not fit the model, with the place
 * @example const { data, shape } = await predict(model, x);
 */
export async function predict(
  model: Model,
  x: InputArrays,
  { batchSize = 32, ...options }: LoadOptions & { readonly batchSize?: number } = {},
): Promise<{ readonly data: Float32Array<ArrayBuffer>; readonly shape: readonly number[] }> {
  checkWhole("predict: batchSize", batchSize, 1);
  const { inputs, count, steps } = readInputs(model, x, "predict");
  const batch = Math.min(batchSize, count);
  const predictor = await createPredictor(model, { batch, steps, ...options });
  const { outputSize, returnsSequences } = model;
  const outputSteps = returnsSequences ? steps : 1;
  const data = new Float32Array(count * outputSteps * outputSize);
  const [rows, order] = [new Int32Array(batch), rowsBetween(0, count)];
  const buffers = buffersOf(inputs, batch);
  const turns = createTurns();
  for (let from = 0; from < count; from += batch) {
    const examples = takeRows(order, from, rows);
    takeInputs(inputs, rows, buffers);
    const outputs = await predictor.predict(buffers);
    for (let b = 0; b < examples; b++) {
      for (let t = 0; t < outputSteps; t++) {
        const at = (t * batch + b) * outputSize;
        data.set(outputs.subarray(at, at + outputSize), ((from + b) * outputSteps + t) * outputSize);
      }
    }
    await turns();
  }
  return { data, shape: [count, ...(returnsSequences ? [steps] : []), outputSize] };
}
