/** The outputs of a model for sequences that are there as a whole. Knows nothing about what they mean. */
import { type Model, modelGraph } from "../nn/model.ts";
import { type LoadOptions, load, type Program } from "../runtime/program.ts";
import { schedule } from "../schedule/schedule.ts";
import { checkInputs } from "./checks.ts";

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
  async predict(inputs: ArrayLike<number>): Promise<Float32Array> {
    const { model, program } = this;
    const { batch, steps } = this.sizes;
    checkInputs(model, inputs, this.sizes, "predict");
    for (const { name } of model.parameters) program.setParameter(name, model.values[name] as Float32Array);
    if (model.input === "tokens") program.setIndex("tokens", inputs);
    else program.setInput("x", inputs);
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
